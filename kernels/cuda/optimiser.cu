/* AdamW, norms, the search for NaN, averaging and the outer step on the GPU: the same bits as the
 * CPU's (kernels/step.h). All are bound by memory: AdamW moves 28 bytes an element, a sum of
 * squares 4. */
#include "kernels/cuda/range.h"
#include "kernels/step.h"

/* ---- AdamW ---- */

enum { ADAMW_THREADS = 256, ADAMW_ELEMENTS = 4 * 4 * ADAMW_THREADS /* of a block */ };

struct adamw_pass {
    struct vain_adamw_factors factors;
    float learning_rate;
    int64_t start, end; /* start is a multiple of 4 */
    bool aligned;
    int segment_count;
    const struct vain_segment *segments; /* device */
    const float *gradients;
    float *parameters, *moment1, *moment2;
};

/* First segment from `low` on that ends behind element `at`. */
__device__ static int segment_behind(const struct adamw_pass &a, int low, int64_t at)
{
    int high = a.segment_count;
    while (low < high) {
        const int middle = low + (high - low) / 2;
        if (a.segments[middle].offset + a.segments[middle].count <= at)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

__device__ static void adamw_quad(const struct adamw_pass &a, float shrink, int64_t quad)
{
    const float4 g = vain_load4(a.gradients, quad);
    float4 p = vain_load4(a.parameters, quad), m = vain_load4(a.moment1, quad),
           v = vain_load4(a.moment2, quad);
    vain_adamw_element(a.factors, shrink, g.x, &p.x, &m.x, &v.x);
    vain_adamw_element(a.factors, shrink, g.y, &p.y, &m.y, &v.y);
    vain_adamw_element(a.factors, shrink, g.z, &p.z, &m.z, &v.z);
    vain_adamw_element(a.factors, shrink, g.w, &p.w, &m.w, &v.w);
    vain_store4(a.parameters, quad, p);
    vain_store4(a.moment1, quad, m);
    vain_store4(a.moment2, quad, v);
}

/* Four elements that may lie in several segments, or in none. */
__device__ static void adamw_ones(const struct adamw_pass &a, int segment, int64_t first)
{
    for (int64_t e = first; e < first + 4 && e < a.end; e++) {
        segment = segment_behind(a, segment, e);
        if (segment == a.segment_count)
            return;
        if (a.segments[segment].offset > e)
            continue;
        vain_adamw_element(a.factors, 1.0f - a.learning_rate * a.segments[segment].weight_decay,
                           a.gradients[e], &a.parameters[e], &a.moment1[e], &a.moment2[e]);
    }
}

__global__ static void __launch_bounds__(ADAMW_THREADS)
    adamw_kernel(const __grid_constant__ struct adamw_pass a)
{
    const int64_t block = a.start + (int64_t)blockIdx.x * ADAMW_ELEMENTS;
    int segment = segment_behind(a, 0, block); /* the same for all threads */
    for (int64_t e = block + 4 * (int64_t)threadIdx.x; e < block + ADAMW_ELEMENTS && e < a.end;
         e += 4 * ADAMW_THREADS) {
        while (segment < a.segment_count &&
               a.segments[segment].offset + a.segments[segment].count <= e)
            segment++;
        if (segment == a.segment_count)
            return;
        const struct vain_segment s = a.segments[segment];
        if (a.aligned && s.offset <= e && e + 4 <= s.offset + s.count)
            adamw_quad(a, 1.0f - a.learning_rate * s.weight_decay, e / 4);
        else
            adamw_ones(a, segment, e);
    }
}

static void adamw(struct vain_queue *queue, const struct vain_adamw *adamw, const float *gradients,
                  float *parameters, float *moment1, float *moment2)
{
    const int count = adamw->segment_count;
    cudaStream_t stream = vain_cuda_stream(queue);
    if (count == 0)
        return;
    for (int s = 1; s < count; s++)
        VAIN_ASSERT(adamw->segments[s - 1].offset + adamw->segments[s - 1].count <=
                    adamw->segments[s].offset);
    const size_t bytes = (size_t)count * sizeof *adamw->segments;
    void *segments = vain_cuda_scratch(queue, bytes);
    if (segments == NULL ||
        !VAIN_CUDA_CHECK(queue, cudaMemcpyAsync(segments, adamw->segments, bytes,
                                                cudaMemcpyHostToDevice, stream)))
        return;
    const struct vain_segment *last = &adamw->segments[count - 1];
    const struct adamw_pass pass = {
        .factors = vain_adamw_factors_of(adamw),
        .learning_rate = adamw->learning_rate,
        .start = adamw->segments[0].offset / 4 * 4,
        .end = last->offset + last->count,
        .aligned = vain_cuda_aligned(gradients) && vain_cuda_aligned(parameters) &&
                   vain_cuda_aligned(moment1) && vain_cuda_aligned(moment2),
        .segment_count = count,
        .segments = (const struct vain_segment *)segments,
        .gradients = gradients,
        .parameters = parameters,
        .moment1 = moment1,
        .moment2 = moment2,
    };
    const int64_t blocks = vain_cuda_parts_of(pass.end - pass.start, ADAMW_ELEMENTS);
    adamw_kernel<<<vain_cuda_grid(blocks, INT32_MAX), ADAMW_THREADS, 0, stream>>>(pass);
    VAIN_CUDA_CHECK_LAUNCH(queue, "adamw");
}

/* ---- Sum of squares ---- */

/* The CPU's order: element j of a block goes to lane j mod 16, lanes are halved, blocks are added
 * in order. So a block has 16 chains of 4096 additions, one a thread; two blocks a warp, and each
 * thread has SQUARES_AHEAD loads under way. A square is exact in double, so a fused multiply-add
 * rounds once as the CPU does. */
enum { SQUARES_BLOCK = 65536, SQUARES_LANES = 16, SQUARES_AHEAD = 32, IN_ORDER_THREADS = 256 };

__device__ static double squares_chain(const float *x, int64_t count, int lane)
{
    double sum = 0;
    int64_t j = lane;
    for (; j + (SQUARES_AHEAD - 1) * SQUARES_LANES < count; j += SQUARES_AHEAD * SQUARES_LANES) {
        float ahead[SQUARES_AHEAD];
#pragma unroll
        for (int a = 0; a < SQUARES_AHEAD; a++)
            ahead[a] = x[j + a * SQUARES_LANES];
#pragma unroll
        for (int a = 0; a < SQUARES_AHEAD; a++)
            sum = fma((double)ahead[a], (double)ahead[a], sum);
    }
    for (; j < count; j += SQUARES_LANES)
        sum = fma((double)x[j], (double)x[j], sum);
    return sum;
}

__global__ static void squares_kernel(int64_t N, const float *x, double *sums)
{
    const int lane = threadIdx.x % SQUARES_LANES;
    const int64_t block = (int64_t)blockIdx.x * 2 + threadIdx.x / SQUARES_LANES;
    const int64_t first = block * SQUARES_BLOCK;
    double sum = 0;
    if (first < N)
        sum = squares_chain(x + first, N - first < SQUARES_BLOCK ? N - first : SQUARES_BLOCK, lane);
    for (int half = SQUARES_LANES / 2; half > 0; half /= 2)
        sum += __shfl_down_sync(0xffffffffu, sum, half, SQUARES_LANES);
    if (lane == 0 && first < N)
        sums[block] = sum;
}

/* One block of threads: all fetch, one adds. */
__global__ static void __launch_bounds__(IN_ORDER_THREADS)
    add_in_order(int64_t count, const double *sums, double *out)
{
    __shared__ double piece[IN_ORDER_THREADS];
    double sum = 0;
    for (int64_t first = 0; first < count; first += IN_ORDER_THREADS) {
        const int64_t left = count - first;
        if (threadIdx.x < left)
            piece[threadIdx.x] = sums[first + threadIdx.x];
        __syncthreads();
        if (threadIdx.x == 0)
            for (int i = 0; i < IN_ORDER_THREADS && i < left; i++)
                sum += piece[i];
        __syncthreads();
    }
    if (threadIdx.x == 0)
        *out = sum;
}

static void sum_squares(struct vain_queue *queue, int64_t N, const float *x, double *out)
{
    cudaStream_t stream = vain_cuda_stream(queue);
    const int64_t blocks = vain_cuda_parts_of(N, SQUARES_BLOCK);
    double *sums = (double *)vain_cuda_scratch(queue, (size_t)(blocks + 1) * sizeof *sums);
    if (sums == NULL)
        return;
    if (blocks > 0)
        squares_kernel<<<vain_cuda_grid(vain_cuda_parts_of(blocks, 2), INT32_MAX), 32, 0, stream>>>(
            N, x, sums + 1);
    add_in_order<<<1, IN_ORDER_THREADS, 0, stream>>>(blocks, sums + 1, sums);
    VAIN_CUDA_CHECK_LAUNCH(queue, "sum_squares");
    vain_cuda_deliver(queue, sums, out, sizeof *out);
}

/* ---- The first that is not finite ---- */

__device__ static bool not_finite(float x)
{
    return (__float_as_uint(x) & 0x7f800000u) == 0x7f800000u;
}

struct search_op {
    const float *x;
    unsigned long long *found;

    __device__ void one(int64_t e) const
    {
        if (not_finite(x[e]))
            atomicMin(found, (unsigned long long)e);
    }
    __device__ void quad(int64_t i) const
    {
        const float4 v = vain_load4(x, i);
        if (not_finite(v.x) || not_finite(v.y) || not_finite(v.z) || not_finite(v.w))
            for (int64_t e = 4 * i; e < 4 * i + 4; e++)
                one(e);
    }
};

__global__ static void set_number(unsigned long long *target, unsigned long long value)
{
    *target = value;
}

static void first_not_finite(struct vain_queue *queue, int64_t N, const float *x, int64_t *out)
{
    cudaStream_t stream = vain_cuda_stream(queue);
    const struct search_op op = {x, (unsigned long long *)vain_cuda_scratch(queue, sizeof *out)};
    if (op.found == NULL)
        return;
    set_number<<<1, 1, 0, stream>>>(op.found, (unsigned long long)N);
    VAIN_CUDA_CHECK_LAUNCH(queue, "first_not_finite");
    vain_cuda_range(queue, op, N, vain_cuda_aligned(x), "first_not_finite");
    vain_cuda_deliver(queue, op.found, out, sizeof *out);
}

/* ---- Elementwise ---- */

struct add_op {
    const float *source;
    float *target;

    __device__ void one(int64_t e) const
    {
        target[e] += source[e];
    }
    __device__ void quad(int64_t i) const
    {
        const float4 s = vain_load4(source, i);
        float4 t = vain_load4(target, i);
        t.x += s.x;
        t.y += s.y;
        t.z += s.z;
        t.w += s.w;
        vain_store4(target, i, t);
    }
};

static void add(struct vain_queue *queue, int64_t N, const float *source, float *target)
{
    const struct add_op op = {source, target};
    vain_cuda_range(queue, op, N, vain_cuda_aligned(source) && vain_cuda_aligned(target), "add");
}

struct scale_op {
    float factor;
    float *target;

    __device__ void one(int64_t e) const
    {
        target[e] *= factor;
    }
    __device__ void quad(int64_t i) const
    {
        float4 t = vain_load4(target, i);
        t.x *= factor;
        t.y *= factor;
        t.z *= factor;
        t.w *= factor;
        vain_store4(target, i, t);
    }
};

static void scale(struct vain_queue *queue, int64_t N, float factor, float *target)
{
    const struct scale_op op = {factor, target};
    vain_cuda_range(queue, op, N, vain_cuda_aligned(target), "scale");
}

struct outer_plain_op {
    float rate;
    const float *delta;
    float *parameters;

    __device__ void one(int64_t e) const
    {
        parameters[e] = vain_outer_plain(rate, delta[e], parameters[e]);
    }
    __device__ void quad(int64_t i) const
    {
        const float4 d = vain_load4(delta, i);
        float4 p = vain_load4(parameters, i);
        p.x = vain_outer_plain(rate, d.x, p.x);
        p.y = vain_outer_plain(rate, d.y, p.y);
        p.z = vain_outer_plain(rate, d.z, p.z);
        p.w = vain_outer_plain(rate, d.w, p.w);
        vain_store4(parameters, i, p);
    }
};

struct outer_op {
    float rate, mu;
    int nesterov;
    const float *delta;
    float *momentum, *parameters;

    __device__ void one(int64_t e) const
    {
        vain_outer_element(rate, mu, nesterov, delta[e], &momentum[e], &parameters[e]);
    }
    __device__ void quad(int64_t i) const
    {
        const float4 d = vain_load4(delta, i);
        float4 m = vain_load4(momentum, i), p = vain_load4(parameters, i);
        vain_outer_element(rate, mu, nesterov, d.x, &m.x, &p.x);
        vain_outer_element(rate, mu, nesterov, d.y, &m.y, &p.y);
        vain_outer_element(rate, mu, nesterov, d.z, &m.z, &p.z);
        vain_outer_element(rate, mu, nesterov, d.w, &m.w, &p.w);
        vain_store4(momentum, i, m);
        vain_store4(parameters, i, p);
    }
};

static void outer_step(struct vain_queue *queue, int64_t N, float rate, float mu, bool nesterov,
                       const float *delta, float *momentum, float *parameters)
{
    const bool aligned = vain_cuda_aligned(delta) && vain_cuda_aligned(parameters);
    const struct outer_plain_op plain = {rate, delta, parameters};
    const struct outer_op op = {rate, mu, nesterov, delta, momentum, parameters};
    if (momentum == NULL)
        vain_cuda_range(queue, plain, N, aligned, "outer_step");
    else
        vain_cuda_range(queue, op, N, aligned && vain_cuda_aligned(momentum), "outer_step");
}

const struct vain_optimiser_ops vain_cuda_optimiser = {
    .adamw = adamw,
    .sum_squares = sum_squares,
    .first_not_finite = first_not_finite,
    .add = add,
    .scale = scale,
    .outer_step = outer_step,
};
