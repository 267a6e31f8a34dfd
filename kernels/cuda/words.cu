/* Words on the GPU: sums, masks, check words, tags and the exact sum of squares. All of it is exact
 * modulo a power of two, so atomic additions in any order give the CPU's bits. */
#include "kernels/cuda/words.h"

#include "base/crypto.h"
#include "kernels/fixed.h"
#include "kernels/mix.h"

#include <string.h>

/* Scratch with `bytes` of zeros; NULL: noted. */
static void *zeroed(const struct vain_queue *queue, size_t bytes)
{
    void *memory = vain_cuda_scratch(queue, bytes);
    if (memory != NULL &&
        !VAIN_CUDA_CHECK(queue, cudaMemsetAsync(memory, 0, bytes, vain_cuda_stream(queue))))
        return NULL;
    return memory;
}

/* ---- Sums and check words ---- */

struct add_words_op {
    const uint32_t *source;
    uint32_t *target;

    __device__ void one(int64_t e) const
    {
        target[e] += source[e];
    }
    __device__ void quad(int64_t i) const
    {
        const uint4 s = vain_load4(source, i);
        uint4 t = vain_load4(target, i);
        t.x += s.x;
        t.y += s.y;
        t.z += s.z;
        t.w += s.w;
        vain_store4(target, i, t);
    }
};

void vain_cuda_add_words(struct vain_queue *queue, int64_t words_count, const uint32_t *source,
                         uint32_t *target)
{
    const struct add_words_op op = {source, target};
    vain_cuda_range(queue, op, words_count, vain_cuda_aligned(source) && vain_cuda_aligned(target),
                    "add_words");
}

__device__ static uint32_t check_term(struct vain_check_key key, int64_t j, uint32_t word)
{
    return vain_check_coefficient(key, (uint64_t)j) * word;
}

__global__ static void __launch_bounds__(VAIN_WORDS_THREADS)
    check_kernel(int64_t quads, int64_t count, const uint32_t *words, struct vain_check_key key,
                 uint32_t *out)
{
    const int64_t step = (int64_t)gridDim.x * VAIN_WORDS_THREADS;
    const int64_t me = (int64_t)blockIdx.x * VAIN_WORDS_THREADS + threadIdx.x;
    uint32_t sum = 0;
#pragma unroll 4
    for (int64_t i = me; i < quads; i += step) {
        const uint4 w = vain_load4(words, i);
        sum += check_term(key, 4 * i, w.x) + check_term(key, 4 * i + 1, w.y) +
               check_term(key, 4 * i + 2, w.z) + check_term(key, 4 * i + 3, w.w);
    }
    for (int64_t j = 4 * quads + me; j < count; j += step)
        sum += check_term(key, j, words[j]);
    sum = vain_warp_sum(sum);
    if (threadIdx.x % VAIN_WARP == 0)
        atomicAdd(out, sum);
}

void vain_cuda_check_word(struct vain_queue *queue, int64_t words_count, const uint32_t *words,
                          struct vain_random random, uint32_t round, uint32_t attempt,
                          uint32_t *out)
{
    cudaStream_t stream = vain_cuda_stream(queue);
    const int64_t quads = vain_cuda_aligned(words) ? words_count / 4 : 0;
    uint32_t *sum = (uint32_t *)zeroed(queue, sizeof *sum);
    if (sum == NULL)
        return;
    check_kernel<<<vain_cuda_resident(queue, check_kernel, VAIN_WORDS_THREADS,
                                      vain_cuda_parts_of(words_count, 4 * VAIN_WORDS_THREADS)),
                   VAIN_WORDS_THREADS, 0, stream>>>(quads, words_count, words,
                                                    vain_check_key_of(random, round, attempt), sum);
    VAIN_CUDA_CHECK_LAUNCH(queue, "check_word");
    vain_cuda_deliver(queue, sum, out, sizeof *out);
}

/* ---- Masks ---- */

struct vain_mask_batch vain_cuda_mask_batch(const struct vain_masks *masks, int first)
{
    struct vain_mask_batch batch = {};
    const int count = masks == NULL ? 0 : masks->count - first;
    batch.count = count < VAIN_MASKS_MOST ? count : VAIN_MASKS_MOST;
    for (int m = 0; m < batch.count; m++) {
        const struct vain_mask *mask = &masks->masks[first + m];
        memcpy(batch.masks[m].key, mask->seed, sizeof batch.masks[m].key);
        batch.masks[m].domain = (uint32_t)mask->domain;
        batch.masks[m].sign = mask->subtract ? UINT32_MAX : 1;
    }
    return batch;
}

/* Words that lie `skip` words behind the start of a ChaCha20 block, whose element is `base`. */
struct mask_pass {
    uint64_t base;
    int skip;
    bool aligned; /* words - skip is a multiple of 16 bytes */
    int64_t count;
    uint32_t *words;
};

__device__ static void add_quad(const struct mask_pass &p, int64_t w, uint4 mask)
{
    const uint32_t terms[4] = {mask.x, mask.y, mask.z, mask.w};
    if (p.aligned && w >= 0 && w + 4 <= p.count) {
        uint4 *place = reinterpret_cast<uint4 *>(p.words + w);
        const uint4 old = *place;
        *place = make_uint4(old.x + mask.x, old.y + mask.y, old.z + mask.z, old.w + mask.w);
        return;
    }
#pragma unroll
    for (int k = 0; k < 4; k++)
        if (w + k >= 0 && w + k < p.count)
            p.words[w + k] += terms[k];
}

__global__ static void __launch_bounds__(VAIN_WORDS_THREADS)
    masks_kernel(const __grid_constant__ struct mask_pass p,
                 const __grid_constant__ struct vain_mask_batch batch)
{
    __shared__ uint4 lines[VAIN_WORDS_WARPS][4 * VAIN_WARP];
    const int warp = threadIdx.x / VAIN_WARP, lane = threadIdx.x % VAIN_WARP;
    const int64_t groups = (p.skip + p.count + VAIN_GROUP_WORDS - 1) / VAIN_GROUP_WORDS;
    for (int64_t g = (int64_t)blockIdx.x * VAIN_WORDS_WARPS + warp; g < groups;
         g += (int64_t)gridDim.x * VAIN_WORDS_WARPS) {
        uint32_t sum[16];
        uint4 quads[4];
        vain_sum_streams(batch, p.base + (uint64_t)(g * VAIN_GROUP_WORDS + 16 * lane), sum);
        vain_turn_group(sum, lines[warp], quads);
#pragma unroll
        for (int q = 0; q < 4; q++)
            add_quad(p, g * VAIN_GROUP_WORDS + 128 * q + 4 * lane - p.skip, quads[q]);
    }
}

void vain_cuda_add_masks_from(struct vain_queue *queue, const struct vain_masks *masks, int skipped,
                              uint64_t first, int64_t words_count, uint32_t *words)
{
    cudaStream_t stream = vain_cuda_stream(queue);
    const int skip = (int)(first % 16);
    const struct mask_pass pass = {first - (uint64_t)skip, skip, vain_cuda_aligned(words - skip),
                                   words_count, words};
    const int64_t blocks =
        vain_cuda_parts_of(skip + words_count, VAIN_GROUP_WORDS * VAIN_WORDS_WARPS);
    const unsigned grid = vain_cuda_resident(queue, masks_kernel, VAIN_WORDS_THREADS, blocks);
    for (int m = skipped; words_count > 0 && m < masks->count; m += VAIN_MASKS_MOST) {
        struct vain_mask_batch batch = vain_cuda_mask_batch(masks, m);
        masks_kernel<<<grid, VAIN_WORDS_THREADS, 0, stream>>>(pass, batch);
        VAIN_CUDA_CHECK_LAUNCH(queue, "add_masks");
        vain_wipe(&batch, sizeof batch);
    }
}

void vain_cuda_add_masks(struct vain_queue *queue, const struct vain_masks *masks, uint64_t first,
                         int64_t words_count, uint32_t *words)
{
    vain_cuda_add_masks_from(queue, masks, 0, first, words_count, words);
}

/* ---- Tags ---- */

enum { TAG_THREADS = VAIN_TAG_WORDS / 4 };

/* A block of threads strides over blocks of the tag; a thread always has the same four places in
 * them, so their coefficients stay in registers. */
__global__ static void __launch_bounds__(TAG_THREADS)
    tag_kernel(int64_t count, bool aligned, const uint32_t *words, uint64_t key,
               unsigned long long *out)
{
    const int place = 4 * threadIdx.x;
    const int64_t blocks = (count + VAIN_TAG_WORDS - 1) / VAIN_TAG_WORDS;
    uint32_t t[4];
    unsigned long long tag = 0;
#pragma unroll
    for (int k = 0; k < 4; k++)
        t[k] = vain_tag_coefficient(key, (uint32_t)(place + k));
#pragma unroll 4
    for (int64_t b = blockIdx.x; b < blocks; b += gridDim.x) {
        const int64_t w = b * VAIN_TAG_WORDS + place;
        uint64_t sum = 0;
        if (aligned && w + 4 <= count) {
            const uint4 v = vain_load4(words, w / 4);
            sum = (uint64_t)t[0] * v.x + (uint64_t)t[1] * v.y + (uint64_t)t[2] * v.z +
                  (uint64_t)t[3] * v.w;
        } else {
            for (int k = 0; k < 4; k++)
                sum += w + k < count ? (uint64_t)t[k] * words[w + k] : 0;
        }
        tag += sum * vain_tag_factor(key, (uint64_t)b);
    }
    tag = vain_warp_sum(tag);
    if (threadIdx.x % VAIN_WARP == 0)
        atomicAdd(out, tag);
}

void vain_cuda_tag_words(struct vain_queue *queue, int64_t words_count, const uint32_t *words,
                         uint64_t key, uint64_t *out)
{
    cudaStream_t stream = vain_cuda_stream(queue);
    unsigned long long *tag = (unsigned long long *)zeroed(queue, sizeof *tag);
    if (tag == NULL)
        return;
    tag_kernel<<<vain_cuda_resident(queue, tag_kernel, TAG_THREADS,
                                    vain_cuda_parts_of(words_count, VAIN_TAG_WORDS)),
                 TAG_THREADS, 0, stream>>>(words_count, vain_cuda_aligned(words), words, key, tag);
    VAIN_CUDA_CHECK_LAUNCH(queue, "tag_words");
    vain_cuda_deliver(queue, tag, out, sizeof *out);
}

/* ---- Sum of squares ---- */

/* 128 bits as low + 2^32 high, like the CPU's: sums of the squares' halves, 64 bits each, hold 2^32
 * of them. */
struct squares_pass {
    int64_t N, words_count;
    int fields;
    int32_t offset;
    bool aligned;
    const uint32_t *words;
    unsigned long long *sums; /* low, high */
};

__device__ static void add_square(int32_t value, unsigned long long *low, unsigned long long *high)
{
    const uint64_t square = (uint64_t)((int64_t)value * value);
    *low += square & 0xffffffffu;
    *high += square >> 32;
}

__device__ static void add_word_squares(const struct squares_pass &p, int64_t w, uint32_t word,
                                        unsigned long long *low, unsigned long long *high)
{
    if (p.fields == 1) {
        add_square((int32_t)word, low, high);
        return;
    }
    add_square((int32_t)(word & 0xffffu) - p.offset, low, high);
    if (2 * w + 1 < p.N)
        add_square((int32_t)(word >> 16) - p.offset, low, high);
}

__global__ static void __launch_bounds__(VAIN_WORDS_THREADS)
    squares_kernel(const __grid_constant__ struct squares_pass p)
{
    const int64_t step = (int64_t)gridDim.x * VAIN_WORDS_THREADS;
    const int64_t me = (int64_t)blockIdx.x * VAIN_WORDS_THREADS + threadIdx.x;
    const int64_t quads = p.aligned ? p.words_count / 4 : 0;
    unsigned long long low = 0, high = 0;
#pragma unroll 4
    for (int64_t i = me; i < quads; i += step) {
        const uint4 w = vain_load4(p.words, i);
        add_word_squares(p, 4 * i, w.x, &low, &high);
        add_word_squares(p, 4 * i + 1, w.y, &low, &high);
        add_word_squares(p, 4 * i + 2, w.z, &low, &high);
        add_word_squares(p, 4 * i + 3, w.w, &low, &high);
    }
    for (int64_t w = 4 * quads + me; w < p.words_count; w += step)
        add_word_squares(p, w, p.words[w], &low, &high);
    low = vain_warp_sum(low);
    high = vain_warp_sum(high);
    if (threadIdx.x % VAIN_WARP == 0) {
        atomicAdd(&p.sums[0], low);
        atomicAdd(&p.sums[1], high);
    }
}

/* low + 2^32 high as (high, low) of 64 bits each. */
__global__ static void join_squares(const unsigned long long *sums, unsigned long long *out)
{
    const unsigned long long shifted = sums[1] << 32, low = sums[0] + shifted;
    out[0] = (sums[1] >> 32) + (low < shifted);
    out[1] = low;
}

void vain_cuda_sum_squares_words(struct vain_queue *queue, int64_t N,
                                 const struct vain_fixed *fixed, int members, const uint32_t *words,
                                 uint64_t out[2])
{
    cudaStream_t stream = vain_cuda_stream(queue);
    vain_fixed_check(fixed);
    vain_fixed_check_members(fixed, members);
    VAIN_ASSERT(N <= (int64_t)UINT32_MAX); /* squares whose halves are summed in 64 bits */
    unsigned long long *sums = (unsigned long long *)zeroed(queue, 4 * sizeof *sums);
    if (sums == NULL)
        return;
    const struct squares_pass pass = {N,
                                      vain_cuda_parts_of(N, fixed->fields),
                                      fixed->fields,
                                      vain_fields_offset(fixed->bits, members),
                                      vain_cuda_aligned(words),
                                      words,
                                      sums};
    squares_kernel<<<vain_cuda_resident(
                         queue, squares_kernel, VAIN_WORDS_THREADS,
                         vain_cuda_parts_of(pass.words_count, 4 * VAIN_WORDS_THREADS)),
                     VAIN_WORDS_THREADS, 0, stream>>>(pass);
    join_squares<<<1, 1, 0, stream>>>(sums, sums + 2);
    VAIN_CUDA_CHECK_LAUNCH(queue, "sum_squares_words");
    vain_cuda_deliver(queue, sums + 2, out, 2 * sizeof *out);
}
