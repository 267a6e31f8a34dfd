/* Bags of symbols and means over sequences against the formulas in double. */
#include "tests/unit/kernels/bed.h"

#include <math.h>
#include <string.h>

struct problem {
    int64_t B, T, K, C, V;
    bool positions;
    float probability;
    int32_t *symbols, *lengths;
    float *table, *position_table, *d_output, *rows, *d_means;
    struct vain_dropout dropout;
};

static const struct problem shapes[] = {
    {.B = 1, .T = 1, .K = 1, .C = 1, .V = 1},
    {.B = 3, .T = 7, .K = 4, .C = 17, .V = 5, .positions = true},
    {.B = 5, .T = 12, .K = 6, .C = 130, .V = 40, .positions = true, .probability = 0.3f},
    {.B = 40, .T = 9, .K = 3, .C = 64, .V = 11},
};

/* About a third of the places hold nothing; the last token has no symbol at all. */
static struct problem problem_of(const struct problem *shape)
{
    struct problem p = *shape;
    bed_seed((uint32_t)(p.B * 31 + p.C));
    p.symbols = bed_random_ints(p.B * p.T * p.K, (int32_t)p.V);
    for (int64_t i = 0; i < p.B * p.T * p.K; i++)
        if (bed_number() < -0.4)
            p.symbols[i] = -1;
    for (int64_t k = 0; k < p.K && p.B > 1; k++)
        p.symbols[(p.B * p.T - 1) * p.K + k] = -1;
    p.lengths = bed_random_ints(p.B, (int32_t)p.T);
    for (int64_t b = 0; b < p.B; b++)
        p.lengths[b]++;
    p.table = bed_random_floats(p.V * p.C, 1);
    p.position_table = p.positions ? bed_random_floats(p.T * p.C, 1) : NULL;
    p.d_output = bed_random_floats(p.B * p.T * p.C, 1);
    p.rows = bed_random_floats(p.B * p.T * p.C, 1);
    p.d_means = bed_random_floats(p.B * p.C, 1);
    p.dropout = (struct vain_dropout){.probability = p.probability, .random = {{1, 2}}};
    return p;
}

/* What the ops write, one behind the other. */
struct parts {
    float *rows, *table, *positions, *means, *d_rows;
    int64_t count;
};
static struct parts parts_of(const struct problem *p, float *out)
{
    const int64_t wide = p->B * p->T * p->C;
    struct parts parts = {.rows = out};
    parts.table = parts.rows + wide;
    parts.positions = parts.table + p->V * p->C;
    parts.means = parts.positions + p->T * p->C;
    parts.d_rows = parts.means + p->B * p->C;
    parts.count = 2 * wide + (p->V + p->T + p->B) * p->C;
    return parts;
}

static void run_ops(struct vain_queue *queue, const void *context, unsigned char *out)
{
    const struct problem *p = context;
    const struct vain_sequence_ops *ops = &queue->device->ops->sequence;
    const struct parts parts = parts_of(p, (float *)(void *)out);
    const struct vain_bags bags = {p->B, p->T, p->K, p->C, p->symbols, &p->dropout};
    ops->embed_bags(queue, &bags, p->table, p->position_table, parts.rows);
    ops->embed_bags_gradient(queue, &bags, p->d_output, parts.table,
                             p->positions ? parts.positions : NULL);
    ops->mean_pool(queue, p->B, p->T, p->C, p->lengths, p->rows, parts.means);
    memset(parts.d_rows, 0x7f, (size_t)(p->B * p->T * p->C) * sizeof(float)); /* written */
    ops->mean_pool_gradient(queue, p->B, p->T, p->C, p->lengths, p->d_means, parts.d_rows);
}

/* The formulas, element by element, each times its dropout factor. */
static void expect(const struct problem *p, double *rows, double *table, double *positions,
                   double *means, double *d_rows)
{
    for (int64_t e = 0; e < p->B * p->T * p->C; e++) {
        const int64_t m = e / p->C, c = e % p->C, b = m / p->T, t = m % p->T;
        const double factor = bed_dropout_factor(&p->dropout, e);
        const int32_t *symbols = p->symbols + m * p->K;
        int present = 0;
        for (int64_t k = 0; k < p->K; k++)
            present += symbols[k] >= 0 ? 1 : 0;
        for (int64_t k = 0; k < p->K; k++)
            if (symbols[k] >= 0) {
                rows[e] += factor * (double)p->table[symbols[k] * p->C + c] / present;
                table[symbols[k] * p->C + c] += factor * (double)p->d_output[e] / present;
            }
        if (p->positions) {
            rows[e] += factor * (double)p->position_table[t * p->C + c];
            positions[t * p->C + c] += factor * (double)p->d_output[e];
        }
        if (t < p->lengths[b]) {
            means[b * p->C + c] += (double)p->rows[e] / p->lengths[b];
            d_rows[e] = (double)p->d_means[b * p->C + c] / p->lengths[b];
        }
    }
}

static void every_shape_is_right(void)
{
    for (size_t s = 0; s < VAIN_COUNT_OF(shapes); s++) {
        const struct problem p = problem_of(&shapes[s]);
        const struct parts sizes = parts_of(&p, NULL);
        float *found = bed_floats(sizes.count);
        const struct parts parts = parts_of(&p, found);
        double *expected = bed_doubles(sizes.count);
        run_ops(bed_queue(0), &p, (unsigned char *)found);
        expect(&p, expected, expected + (parts.table - found), expected + (parts.positions - found),
               expected + (parts.means - found), expected + (parts.d_rows - found));
        CU_ASSERT_TRUE(bed_distance(sizes.count, found, expected) < 2e-5);
        CU_ASSERT_TRUE(bed_same_bits(run_ops, &p, (size_t)sizes.count * sizeof(float)));
        bed_end();
    }
}

/* Rows behind a sequence may hold anything. */
static void padding_is_not_read(void)
{
    struct problem p = problem_of(&shapes[1]);
    float *before = bed_floats(p.B * p.C), *after = bed_floats(p.B * p.C);
    const struct vain_sequence_ops *ops = &bed_queue(0)->device->ops->sequence;
    ops->mean_pool(bed_queue(0), p.B, p.T, p.C, p.lengths, p.rows, before);
    for (int64_t b = 0; b < p.B; b++)
        for (int64_t i = (b * p.T + p.lengths[b]) * p.C; i < (b + 1) * p.T * p.C; i++)
            p.rows[i] = NAN;
    ops->mean_pool(bed_queue(0), p.B, p.T, p.C, p.lengths, p.rows, after);
    CU_ASSERT_EQUAL(memcmp(before, after, (size_t)(p.B * p.C) * sizeof(float)), 0);
    bed_end();
}

static const struct vain_test tests[] = {
    {"bags and means are right for every shape", every_shape_is_right},
    {"padding is not read", padding_is_not_read},
    {NULL, NULL},
};

const struct vain_suite vain_suite_sequence = {"sequence", tests};
