/* The matrix product of each vector code, down to the bits, and its packing. */
#include "kernels/cpu/vector.h"
#include "tests/unit/kernels/bed.h"

#include <math.h>
#include <string.h>

enum { CODES_MOST = 8 };

static int available_codes(const struct vain_vector_code *codes[CODES_MOST])
{
    int count = 0;
    for (int i = 0; vain_vector_codes[i] != NULL; i++)
        if (vain_vector_codes[i]->available())
            codes[count++] = vain_vector_codes[i];
    return count;
}

static int64_t rounded_up(int64_t count, int64_t unit)
{
    return (count + unit - 1) / unit * unit;
}

/* One chain of K terms, at most VAIN_INNER_MOST: the definition. */
static float chain(int64_t K, const float *a, int64_t a_step, const float *b, int64_t b_step,
                   bool fused)
{
    float sum = 0;
    for (int64_t k = 0; k < K; k++) {
        volatile float product = a[k * a_step] * b[k * b_step];
        sum = fused ? fmaf(a[k * a_step], b[k * b_step], sum) : sum + product;
    }
    return sum;
}

struct shape {
    int64_t M, N, K;
};

static const struct shape shapes[] = {
    {1, 1, 1},     {12, 32, 5},   {13, 33, 17}, {25, 16, 384}, {5, 8, 385},
    {47, 65, 100}, {3, 130, 800}, {24, 31, 64}, {11, 4, 3},
};

/* A as it lies (row stride K + 2), B as (K, N) with stride N + 5 or as its transpose with stride
 * K + 1. */
struct factors {
    const struct shape *shape;
    bool transposed, add, fused;
    const float *A, *B;
};

/* Element (i, j): chains of VAIN_INNER_MOST terms, each added to what the ones before left. */
static float expected_at(const struct factors *f, int64_t i, int64_t j, float before)
{
    const int64_t N = f->shape->N, K = f->shape->K, step = f->transposed ? 1 : N + 5;
    float total = before;
    for (int64_t k = 0; k < K; k += VAIN_INNER_MOST) {
        const int64_t count = K - k < VAIN_INNER_MOST ? K - k : VAIN_INNER_MOST;
        const float *b = f->transposed ? f->B + j * (K + 1) + k : f->B + k * step + j;
        const float sum = chain(count, f->A + i * (K + 2) + k, 1, b, step, f->fused);
        total = f->add || k > 0 ? total + sum : sum;
    }
    return total;
}

static void check_shape(const struct vain_vector_code *code, const struct shape *s, bool transposed,
                        bool add)
{
    const int64_t M = s->M, N = s->N, K = s->K, stride = N + 3;
    const struct factors f = {s,
                              transposed,
                              add,
                              code->fused,
                              bed_random_floats(M * (K + 2), 1),
                              bed_random_floats(transposed ? N * (K + 1) : K * (N + 5), 1)};
    float *packed = bed_floats(K * rounded_up(N, VAIN_PANEL_MOST)),
          *C = bed_random_floats(M * stride, 1);
    float *before = bed_floats(M * stride);
    memcpy(before, C, (size_t)(M * stride) * sizeof(float));
    if (transposed)
        code->product->pack_transposed(K, N, f.B, K + 1, packed);
    else
        code->product->pack_columns(K, N, f.B, N + 5, packed);
    code->product->multiply(&(struct vain_product){.M = M,
                                                   .N = N,
                                                   .K = K,
                                                   .A = f.A,
                                                   .A_group = VAIN_GROUP_ROWS * (K + 2),
                                                   .A_row = K + 2,
                                                   .A_step = 1,
                                                   .B = packed,
                                                   .B_depth = K,
                                                   .C = C,
                                                   .C_stride = stride,
                                                   .add = add});
    bool right = true;
    for (int64_t i = 0; i < M; i++)
        for (int64_t j = 0; j < stride; j++) {
            const int64_t at = i * stride + j;
            /* Nothing is written beside the columns. */
            const float expected = j < N ? expected_at(&f, i, j, before[at]) : before[at];
            right = right && memcmp(&C[at], &expected, sizeof(float)) == 0;
        }
    CU_ASSERT_TRUE(right);
    bed_end();
}

static void every_code_follows_the_definition(void)
{
    const struct vain_vector_code *codes[CODES_MOST];
    const int count = available_codes(codes);
    for (int c = 0; c < count; c++)
        for (size_t s = 0; s < VAIN_COUNT_OF(shapes); s++)
            for (int variant = 0; variant < 4; variant++)
                check_shape(codes[c], &shapes[s], (variant & 1) != 0, (variant & 2) != 0);
}

/* A^T packed into groups, and a product that begins in the middle of B. */
static void packed_groups_and_parts_of_b_are_right(void)
{
    const struct vain_vector_code *codes[CODES_MOST];
    const int count = available_codes(codes);
    const int64_t M = 29, N = 37, K = 50, first = 11;
    for (int c = 0; c < count; c++) {
        const struct vain_product_code *product = codes[c]->product;
        const float *A = bed_random_floats(K * M, 1), *B = bed_random_floats((K + first) * N, 1);
        float *groups = bed_floats(K * rounded_up(M, VAIN_GROUP_ROWS));
        float *packed = bed_floats((K + first) * rounded_up(N, VAIN_PANEL_MOST)),
              *C = bed_floats(M * N);
        product->pack_group(K, M, A, M, groups);
        product->pack_columns(K + first, N, B, N, packed);
        product->multiply(&(struct vain_product){.M = M,
                                                 .N = N,
                                                 .K = K,
                                                 .A = groups,
                                                 .A_group = VAIN_GROUP_ROWS * K,
                                                 .A_row = 1,
                                                 .A_step = VAIN_GROUP_ROWS,
                                                 .B = packed,
                                                 .B_depth = K + first,
                                                 .B_first = first,
                                                 .C = C,
                                                 .C_stride = N});
        bool right = true;
        for (int64_t i = 0; i < M; i++)
            for (int64_t j = 0; j < N; j++) {
                const float expected = chain(K, A + i, M, B + first * N + j, N, codes[c]->fused);
                right = right && memcmp(&C[i * N + j], &expected, sizeof(float)) == 0;
            }
        CU_ASSERT_TRUE(right);
        bed_end();
    }
}

static void the_last_code_runs_everywhere(void)
{
    int last = 0;
    while (vain_vector_codes[last + 1] != NULL)
        last++;
    CU_ASSERT_STRING_EQUAL(vain_vector_codes[last]->name, "baseline");
    CU_ASSERT_TRUE(vain_vector_codes[last]->available());
}

static const struct vain_test tests[] = {
    {"every code follows the definition, bit for bit", every_code_follows_the_definition},
    {"packed groups and parts of B are right", packed_groups_and_parts_of_b_are_right},
    {"the last code runs everywhere", the_last_code_runs_everywhere},
    {NULL, NULL},
};

const struct vain_suite vain_suite_product = {"product", tests};
