/* From deltas to words and back on the GPU, bit for bit as on the CPU (kernels/fixed.h). Encoding
 * is one pass: a group of words is rounded, checked and masked in registers, so with masks bare
 * words never lie in memory. It moves 12 bytes an element and makes 4 a mask; with three masks and
 * more the cipher's additions, not memory, are what it waits for. */
#include "kernels/cuda/words.h"

#include "base/crypto.h"
#include "kernels/fixed.h"
#include "kernels/mix.h"

/* ---- Delta ---- */

struct delta_op {
    const float *common, *now, *residual;
    float *delta;

    __device__ void one(int64_t e) const
    {
        delta[e] = vain_delta_of(common[e], now[e], residual[e]);
    }
    __device__ void quad(int64_t i) const
    {
        const float4 c = vain_load4(common, i), n = vain_load4(now, i), r = vain_load4(residual, i);
        vain_store4(delta, i,
                    make_float4(vain_delta_of(c.x, n.x, r.x), vain_delta_of(c.y, n.y, r.y),
                                vain_delta_of(c.z, n.z, r.z), vain_delta_of(c.w, n.w, r.w)));
    }
};

static void delta(struct vain_queue *queue, int64_t N, const float *common, const float *now,
                  const float *residual, float *delta)
{
    const struct delta_op op = {common, now, residual, delta};
    vain_cuda_range(queue, op, N,
                    vain_cuda_aligned(common) && vain_cuda_aligned(now) &&
                        vain_cuda_aligned(residual) && vain_cuda_aligned(delta),
                    "delta");
}

/* ---- Encoding ---- */

struct encode_pass {
    struct vain_quantiser quantiser;
    struct vain_check_key check_key;
    int64_t N, words_count;
    bool aligned;
    const float *delta;
    uint32_t *words;
    float *residual;
    struct vain_encoded *parts; /* one a block of threads */
};

/* Add what `next` found: of the largest the first one. Any order of additions gives the same. */
__device__ static void join(struct vain_encoded *sum, const struct vain_encoded &next)
{
    const float mine = fabsf(sum->saturation.worst_value),
                other = fabsf(next.saturation.worst_value);
    sum->check += next.check;
    if (next.saturation.count > 0 &&
        (other > mine ||
         (other == mine && next.saturation.worst_index < sum->saturation.worst_index))) {
        sum->saturation.worst_index = next.saturation.worst_index;
        sum->saturation.worst_value = next.saturation.worst_value;
    }
    sum->saturation.count += next.saturation.count;
}

/* The sum over a block of threads, at thread 0. */
__device__ static struct vain_encoded join_block(struct vain_encoded mine)
{
    __shared__ struct vain_encoded warps[VAIN_WORDS_WARPS];
    for (int half = VAIN_WARP / 2; half > 0; half /= 2) {
        struct vain_encoded next;
        next.saturation.count = __shfl_down_sync(0xffffffffu, mine.saturation.count, half);
        next.saturation.worst_index =
            __shfl_down_sync(0xffffffffu, mine.saturation.worst_index, half);
        next.saturation.worst_value =
            __shfl_down_sync(0xffffffffu, mine.saturation.worst_value, half);
        next.check = __shfl_down_sync(0xffffffffu, mine.check, half);
        /* What comes from beyond the warp's end is the thread's own. */
        if (threadIdx.x % VAIN_WARP + half < VAIN_WARP)
            join(&mine, next);
    }
    if (threadIdx.x % VAIN_WARP == 0)
        warps[threadIdx.x / VAIN_WARP] = mine;
    __syncthreads();
    for (int w = 1; threadIdx.x == 0 && w < VAIN_WORDS_WARPS; w++)
        join(&mine, warps[w]);
    return mine;
}

/* The integer of element e; its rest is put back. */
__device__ static int32_t quantise(const struct encode_pass &p, int64_t e, float delta, float *rest,
                                   struct vain_encoded *found)
{
    int saturated;
    const int32_t integer = vain_quantise(p.quantiser, delta, &saturated);
    *rest = vain_quantise_rest(p.quantiser, delta, integer);
    if (saturated) { /* elements come in order, so the first of equals stays */
        found->saturation.count++;
        if (fabsf(delta) > fabsf(found->saturation.worst_value)) {
            found->saturation.worst_index = e;
            found->saturation.worst_value = delta;
        }
    }
    return integer;
}

__device__ static float4 quantise4(const struct encode_pass &p, int64_t e, float4 d, int32_t out[4],
                                   struct vain_encoded *found)
{
    float4 rest;
    out[0] = quantise(p, e, d.x, &rest.x, found);
    out[1] = quantise(p, e + 1, d.y, &rest.y, found);
    out[2] = quantise(p, e + 2, d.z, &rest.z, found);
    out[3] = quantise(p, e + 3, d.w, &rest.w, found);
    return rest;
}

/* Bare words w .. w + 3 of whole quads; `d` are their deltas. */
template <int FIELDS>
__device__ static uint4 encode_quad(const struct encode_pass &p, int64_t w, const float4 d[FIELDS],
                                    struct vain_encoded *found)
{
    int32_t n[4 * FIELDS];
#pragma unroll
    for (int f = 0; f < FIELDS; f++)
        vain_store4(p.residual, w / 4 * FIELDS + f,
                    quantise4(p, w * FIELDS + 4 * f, d[f], n + 4 * f, found));
    if (FIELDS == 1)
        return make_uint4((uint32_t)n[0], (uint32_t)n[1], (uint32_t)n[2], (uint32_t)n[3]);
    return make_uint4(vain_pack_fields(p.quantiser, n[0], n[1 % (4 * FIELDS)]),
                      vain_pack_fields(p.quantiser, n[2], n[3]),
                      vain_pack_fields(p.quantiser, n[4 % (4 * FIELDS)], n[5 % (4 * FIELDS)]),
                      vain_pack_fields(p.quantiser, n[6 % (4 * FIELDS)], n[7 % (4 * FIELDS)]));
}

/* One bare word, which may be the last with half its fields. */
template <int FIELDS>
__device__ static uint32_t encode_word(const struct encode_pass &p, int64_t w,
                                       struct vain_encoded *found)
{
    const int64_t e = w * FIELDS;
    float rest;
    const int32_t low = quantise(p, e, p.delta[e], &rest, found);
    p.residual[e] = rest;
    if (FIELDS == 1)
        return (uint32_t)low;
    if (e + 1 >= p.N)
        return vain_pack_last(p.quantiser, low);
    const int32_t high = quantise(p, e + 1, p.delta[e + 1], &rest, found);
    p.residual[e + 1] = rest;
    return vain_pack_fields(p.quantiser, low, high);
}

/* A quad in whole, or word by word. */
template <int FIELDS>
__device__ static void encode_place(const struct encode_pass &p, int64_t w, bool whole,
                                    const float4 d[FIELDS], uint4 mask, struct vain_encoded *found)
{
    const uint32_t masks[4] = {mask.x, mask.y, mask.z, mask.w};
    if (whole) {
        const uint4 bare = encode_quad<FIELDS>(p, w, d, found);
        const uint64_t j = (uint64_t)w;
        found->check += vain_check_coefficient(p.check_key, j) * bare.x +
                        vain_check_coefficient(p.check_key, j + 1) * bare.y +
                        vain_check_coefficient(p.check_key, j + 2) * bare.z +
                        vain_check_coefficient(p.check_key, j + 3) * bare.w;
        vain_store4(p.words, w / 4,
                    make_uint4(bare.x + mask.x, bare.y + mask.y, bare.z + mask.z, bare.w + mask.w));
        return;
    }
#pragma unroll
    for (int k = 0; k < 4; k++) {
        if (w + k >= p.words_count)
            return;
        const uint32_t bare = encode_word<FIELDS>(p, w + k, found);
        found->check += vain_check_coefficient(p.check_key, (uint64_t)(w + k)) * bare;
        p.words[w + k] = bare + masks[k];
    }
}

template <int FIELDS>
__device__ static void load_place(const struct encode_pass &p, int64_t w, bool whole,
                                  float4 d[FIELDS])
{
#pragma unroll
    for (int f = 0; f < FIELDS; f++)
        d[f] = whole ? vain_load4(p.delta, w / 4 * FIELDS + f) : float4{};
}

/* A warp's group; AHEAD quads are loaded before the first of them is used. */
template <int FIELDS>
__device__ static void encode_group(const struct encode_pass &p, int64_t first,
                                    const uint4 masks[4], struct vain_encoded *found)
{
    enum { AHEAD = 4 / FIELDS };
    const int64_t lane_word = first + 4 * (int64_t)(threadIdx.x % VAIN_WARP);
#pragma unroll
    for (int start = 0; start < 4; start += AHEAD) {
        float4 d[AHEAD][FIELDS];
        bool whole[AHEAD];
#pragma unroll
        for (int a = 0; a < AHEAD; a++) {
            const int64_t w = lane_word + 128 * (start + a);
            whole[a] = p.aligned && (w + 4) * FIELDS <= p.N;
            load_place<FIELDS>(p, w, whole[a], d[a]);
        }
#pragma unroll
        for (int a = 0; a < AHEAD; a++)
            encode_place<FIELDS>(p, lane_word + 128 * (start + a), whole[a], d[a], masks[start + a],
                                 found);
    }
}

template <int FIELDS, bool MASKED>
__global__ static void __launch_bounds__(VAIN_WORDS_THREADS)
    encode_kernel(const __grid_constant__ struct encode_pass p,
                  const __grid_constant__ struct vain_mask_batch batch)
{
    __shared__ uint4 lines[MASKED ? VAIN_WORDS_WARPS : 1][4 * VAIN_WARP];
    const int warp = threadIdx.x / VAIN_WARP, lane = threadIdx.x % VAIN_WARP;
    const int64_t groups = (p.words_count + VAIN_GROUP_WORDS - 1) / VAIN_GROUP_WORDS;
    struct vain_encoded found = {};
    for (int64_t g = (int64_t)blockIdx.x * VAIN_WORDS_WARPS + warp; g < groups;
         g += (int64_t)gridDim.x * VAIN_WORDS_WARPS) {
        uint4 masks[4] = {};
        if (MASKED) {
            uint32_t sum[16];
            vain_sum_streams(batch, (uint64_t)(g * VAIN_GROUP_WORDS + 16 * lane), sum);
            vain_turn_group(sum, lines[warp], masks);
        }
        encode_group<FIELDS>(p, g * VAIN_GROUP_WORDS, masks, &found);
    }
    found = join_block(found);
    if (threadIdx.x == 0)
        p.parts[blockIdx.x] = found;
}

__global__ static void __launch_bounds__(VAIN_WORDS_THREADS)
    join_kernel(int count, const struct vain_encoded *parts, struct vain_encoded *out)
{
    struct vain_encoded found = {};
    for (int i = threadIdx.x; i < count; i += VAIN_WORDS_THREADS)
        join(&found, parts[i]);
    found = join_block(found);
    if (threadIdx.x == 0)
        *out = found;
}

typedef void (*encode_kernel_function)(struct encode_pass, struct vain_mask_batch);

static encode_kernel_function encode_kernel_of(int fields, bool masked)
{
    if (fields == 1)
        return masked ? encode_kernel<1, true> : encode_kernel<1, false>;
    return masked ? encode_kernel<2, true> : encode_kernel<2, false>;
}

static void encode(struct vain_queue *queue, int64_t N, const struct vain_encoding *encoding,
                   const float *delta, uint32_t *words, float *residual, struct vain_encoded *out)
{
    const struct vain_fixed *fixed = &encoding->fixed;
    cudaStream_t stream = vain_cuda_stream(queue);
    vain_fixed_check(fixed);
    struct encode_pass pass = {
        .quantiser = vain_quantiser_of(fixed->scale_exponent, fixed->bits, encoding->shrink),
        .check_key = encoding->check_key,
        .N = N,
        .words_count = vain_cuda_parts_of(N, fixed->fields),
        .aligned =
            vain_cuda_aligned(delta) && vain_cuda_aligned(words) && vain_cuda_aligned(residual),
        .delta = delta,
        .words = words,
        .residual = residual,
        .parts = NULL,
    };
    const int64_t blocks =
        vain_cuda_parts_of(pass.words_count, VAIN_GROUP_WORDS * VAIN_WORDS_WARPS);
    struct vain_mask_batch batch = vain_cuda_mask_batch(encoding->masks, 0);
    const encode_kernel_function kernel = encode_kernel_of(fixed->fields, batch.count > 0);
    const unsigned grid = vain_cuda_resident(queue, kernel, VAIN_WORDS_THREADS, blocks);
    pass.parts = (struct vain_encoded *)vain_cuda_scratch(queue, (grid + 1) * sizeof *pass.parts);
    if (pass.parts != NULL)
        kernel<<<grid, VAIN_WORDS_THREADS, 0, stream>>>(pass, batch);
    vain_wipe(&batch, sizeof batch);
    if (pass.parts == NULL)
        return;
    join_kernel<<<1, VAIN_WORDS_THREADS, 0, stream>>>((int)grid, pass.parts, pass.parts + grid);
    VAIN_CUDA_CHECK_LAUNCH(queue, "encode");
    vain_cuda_deliver(queue, pass.parts + grid, out, sizeof *out);
    if (encoding->masks != NULL && encoding->masks->count > VAIN_MASKS_MOST)
        vain_cuda_add_masks_from(queue, encoding->masks, VAIN_MASKS_MOST, 0, pass.words_count,
                                 words);
}

/* ---- Decoding ---- */

struct decode_op {
    float members, inverse_scale;
    const uint32_t *words;
    float *mean;

    __device__ float of(uint32_t word) const
    {
        return vain_integer_mean((int32_t)word, members, inverse_scale);
    }
    __device__ void one(int64_t e) const
    {
        mean[e] = of(words[e]);
    }
    __device__ void quad(int64_t i) const
    {
        const uint4 w = vain_load4(words, i);
        vain_store4(mean, i, make_float4(of(w.x), of(w.y), of(w.z), of(w.w)));
    }
};

/* Over words that hold two. */
struct decode_fields_op {
    float members, inverse_scale;
    int32_t offset;
    int64_t N;
    const uint32_t *words;
    float *mean;

    __device__ float low(uint32_t word) const
    {
        return vain_integer_mean((int32_t)(word & 0xffffu) - offset, members, inverse_scale);
    }
    __device__ float high(uint32_t word) const
    {
        return vain_integer_mean((int32_t)(word >> 16) - offset, members, inverse_scale);
    }
    __device__ void one(int64_t w) const
    {
        mean[2 * w] = low(words[w]);
        if (2 * w + 1 < N)
            mean[2 * w + 1] = high(words[w]);
    }
    __device__ void quad(int64_t i) const
    {
        const uint4 w = vain_load4(words, i);
        vain_store4(mean, 2 * i, make_float4(low(w.x), high(w.x), low(w.y), high(w.y)));
        if (8 * i + 7 < N) {
            vain_store4(mean, 2 * i + 1, make_float4(low(w.z), high(w.z), low(w.w), high(w.w)));
            return;
        }
        one(4 * i + 2);
        one(4 * i + 3);
    }
};

static void decode_mean(struct vain_queue *queue, int64_t N, const struct vain_fixed *fixed,
                        int members, const uint32_t *words, float *mean)
{
    const float inverse_scale = vain_power_of_two(-fixed->scale_exponent);
    const bool aligned = vain_cuda_aligned(words) && vain_cuda_aligned(mean);
    vain_fixed_check(fixed);
    vain_fixed_check_members(fixed, members);
    if (fixed->fields == 1) {
        const struct decode_op op = {(float)members, inverse_scale, words, mean};
        vain_cuda_range(queue, op, N, aligned, "decode_mean");
        return;
    }
    const struct decode_fields_op op = {
        (float)members, inverse_scale, vain_fields_offset(fixed->bits, members), N, words, mean};
    vain_cuda_range(queue, op, vain_cuda_parts_of(N, 2), aligned, "decode_mean");
}

const struct vain_codec_ops vain_cuda_codec = {
    .delta = delta,
    .encode = encode,
    .decode_mean = decode_mean,
    .sum_squares_words = vain_cuda_sum_squares_words,
    .check_word = vain_cuda_check_word,
    .add_words = vain_cuda_add_words,
    .add_masks = vain_cuda_add_masks,
    .tag_words = vain_cuda_tag_words,
};
