/* Means over sequences against the formulas in double. */
#include "tests/unit/kernels/bed.h"

#include <math.h>
#include <string.h>

struct problem {
    int64_t B, T, C;
    int32_t *lengths;
    float *rows, *d_means;
};

static const struct problem shapes[] = {
    {.B = 1, .T = 1, .C = 1},
    {.B = 3, .T = 7, .C = 17},
    {.B = 5, .T = 12, .C = 130},
    {.B = 40, .T = 9, .C = 64},
};

static struct problem problem_of(const struct problem *shape)
{
    struct problem p = *shape;
    bed_seed((uint32_t)(p.B * 31 + p.C));
    p.lengths = bed_random_ints(p.B, (int32_t)p.T);
    for (int64_t b = 0; b < p.B; b++)
        p.lengths[b]++;
    p.rows = bed_random_floats(p.B * p.T * p.C, 1);
    p.d_means = bed_random_floats(p.B * p.C, 1);
    return p;
}

/* Writes means, then the gradient of the rows. */
static void run_ops(struct vain_queue *queue, const void *context, unsigned char *out)
{
    const struct problem *p = context;
    const struct vain_sequence_ops *ops = &queue->device->ops->sequence;
    float *means = (float *)(void *)out, *d_rows = means + p->B * p->C;
    ops->mean_pool(queue, p->B, p->T, p->C, p->lengths, p->rows, means);
    memset(d_rows, 0x7f, (size_t)(p->B * p->T * p->C) * sizeof(float)); /* written, not added to */
    ops->mean_pool_gradient(queue, p->B, p->T, p->C, p->lengths, p->d_means, d_rows);
}

static void every_shape_is_right(void)
{
    for (size_t s = 0; s < VAIN_COUNT_OF(shapes); s++) {
        const struct problem p = problem_of(&shapes[s]);
        const int64_t count = p.B * (p.T + 1) * p.C;
        float *found = bed_floats(count);
        double *expected = bed_doubles(count), *d_rows = expected + p.B * p.C;
        run_ops(bed_queue(0), &p, (unsigned char *)found);
        for (int64_t e = 0; e < p.B * p.T * p.C; e++) {
            const int64_t b = e / p.C / p.T, t = e / p.C % p.T, at = b * p.C + e % p.C;
            if (t >= p.lengths[b])
                continue;
            expected[at] += (double)p.rows[e] / p.lengths[b];
            d_rows[e] = (double)p.d_means[at] / p.lengths[b];
        }
        CU_ASSERT_TRUE(bed_distance(count, found, expected) < 1e-6);
        CU_ASSERT_TRUE(bed_same_bits(run_ops, &p, (size_t)count * sizeof(float)));
        bed_end();
    }
}

/* Rows behind a sequence may hold anything. */
static void padding_is_not_read(void)
{
    struct problem p = problem_of(&shapes[1]);
    const size_t bytes = (size_t)(p.B * (p.T + 1) * p.C) * sizeof(float);
    float *before = bed_bytes(bytes), *after = bed_bytes(bytes);
    const float nothing = NAN;
    run_ops(bed_queue(0), &p, (unsigned char *)before);
    for (int64_t b = 0; b < p.B; b++)
        for (int64_t i = (b * p.T + p.lengths[b]) * p.C; i < (b + 1) * p.T * p.C; i++)
            p.rows[i] = nothing;
    run_ops(bed_queue(0), &p, (unsigned char *)after);
    CU_ASSERT_EQUAL(memcmp(before, after, bytes), 0);
    bed_end();
}

static const struct vain_test tests[] = {
    {"means are right for every shape", every_shape_is_right},
    {"padding is not read", padding_is_not_read},
    {NULL, NULL},
};

const struct vain_suite vain_suite_sequence = {"sequence", tests};
