/* Losses over rows of scores: cases by hand, slopes, and what balanced means. */
#include "tests/unit/kernels/bed.h"

#include <math.h>
#include <string.h>

enum loss_kind { CONTRASTIVE, SOFT, DISTILLATION, LOSS_KINDS };

struct problem {
    enum loss_kind kind;
    int64_t M, V;
    float temperature, scale;
    const int32_t *labels;
    const float *targets; /* (M, V) distributions, or the teacher's logits */
    float *scores;        /* (M, V) */
};

static const struct vain_loss_ops *ops_of(const struct vain_queue *queue)
{
    return &queue->device->ops->loss;
}

/* Writes the loss, then the scores. */
static void run_loss(struct vain_queue *queue, const void *context, unsigned char *out)
{
    const struct problem *p = context;
    const struct vain_loss_ops *ops = ops_of(queue);
    float *scores = (float *)(void *)(out + sizeof(double));
    double loss = -1;
    memcpy(scores, p->scores, (size_t)(p->M * p->V) * sizeof(float));
    if (p->kind == CONTRASTIVE)
        ops->contrastive(queue, p->M, p->labels, p->temperature, p->scale, scores, &loss);
    else if (p->kind == SOFT)
        ops->soft_cross_entropy(queue, p->M, p->V, p->targets, p->temperature, p->scale, scores,
                                &loss);
    else
        ops->distillation(queue, p->M, p->V, p->targets, p->temperature, p->scale, scores, &loss);
    memcpy(out, &loss, sizeof loss);
}

static size_t output_bytes(const struct problem *p)
{
    return sizeof(double) + (size_t)(p->M * p->V) * sizeof(float);
}

/* Scores, labels that repeat but for the last one, and distributions. */
static struct problem problem_of(enum loss_kind kind, int64_t M, int64_t V)
{
    struct problem p = {.kind = kind, .M = M, .V = V, .temperature = 0.5f, .scale = 1};
    bed_seed((uint32_t)(M * 3 + V));
    p.scores = bed_random_floats(M * V, 1);
    int32_t *labels = bed_random_ints(M, (int32_t)(M / 3 + 1));
    labels[M - 1] = 1000;
    p.labels = labels;
    float *targets = bed_random_floats(M * V, 1);
    for (int64_t i = 0; i < M && kind == SOFT; i++) {
        float sum = 0;
        for (int64_t j = 0; j < V; j++)
            sum += targets[i * V + j] = fabsf(targets[i * V + j]);
        for (int64_t j = 0; j < V; j++)
            targets[i * V + j] /= sum;
    }
    p.targets = targets;
    return p;
}

/* Three anchors at temperature 1/2, two of one label. By the formula: L_0 = log(e^(2 s01) + e^(2
 * s02)) - 2 s01, L_1 = log(e^(2 s10) + e^(2 s12)) - 2 s10; the third has no positive. */
static void contrastive_by_hand(void)
{
    static const int32_t labels[] = {7, 7, 4};
    float scores[] = {1, 0.5f, -0.25f, 0.5f, 1, 0.75f, -0.25f, 0.75f, 1};
    double loss = -1;
    ops_of(bed_queue(0))->contrastive(bed_queue(0), 3, labels, 0.5f, 2, scores, &loss);
    const double first = log(exp(1.0) + exp(-0.5)) - 1.0, second = log(exp(1.0) + exp(1.5)) - 1.0;
    CU_ASSERT_DOUBLE_EQUAL(loss, (first + second) / 2, 1e-7);
    const double p01 = exp(1.0) / (exp(1.0) + exp(-0.5)), p10 = exp(1.0) / (exp(1.0) + exp(1.5));
    const double expected[] = {
        0, 2 * (p01 - 1), 2 * (1 - p01), 2 * (p10 - 1), 0, 2 * (1 - p10), 0, 0, 0};
    CU_ASSERT_TRUE(bed_distance(9, scores, expected) < 1e-6);
}

static void contrastive_without_positives_is_nothing(void)
{
    static const int32_t labels[] = {1, 2, 3};
    float scores[9] = {1, 2, 3, 4, 5, 6, 7, 8, 9};
    const double nothing[9] = {0};
    double loss = -1;
    ops_of(bed_queue(0))->contrastive(bed_queue(0), 3, labels, 0.1f, 1, scores, &loss);
    CU_ASSERT_DOUBLE_EQUAL(loss, 0, 0);
    CU_ASSERT_TRUE(bed_distance(9, scores, nothing) <= 0);
}

/* Against one distribution each: log 2 + log 2 at equal logits; 4 KL of (1/4, 3/4) and (1/2, 1/2)
 * at temperature 2, since 2 log 3 / 2 = log 3. */
static void soft_losses_by_hand(void)
{
    static const float targets[] = {1, 0, 0.25f, 0.75f};
    float logits[] = {3, 3, -1, -1};
    const double expected[] = {-0.5, 0.5, 0.25, -0.25};
    double loss = -1;
    ops_of(bed_queue(0))->soft_cross_entropy(bed_queue(0), 2, 2, targets, 1, 1, logits, &loss);
    CU_ASSERT_DOUBLE_EQUAL(loss, 2 * log(2.0), 1e-7);
    CU_ASSERT_TRUE(bed_distance(4, logits, expected) < 1e-6);
    const float teacher[] = {0, (float)(2 * log(3.0))};
    float student[] = {5, 5};
    const double expected_student[] = {2 * 0.25, -2 * 0.25};
    ops_of(bed_queue(0))->distillation(bed_queue(0), 1, 2, teacher, 2, 1, student, &loss);
    CU_ASSERT_DOUBLE_EQUAL(loss, 4 * (0.25 * log(0.5) + 0.75 * log(1.5)), 1e-6);
    CU_ASSERT_TRUE(bed_distance(2, student, expected_student) < 1e-6);
}

static void a_student_like_its_teacher_has_no_loss(void)
{
    struct problem p = problem_of(DISTILLATION, 6, 9);
    p.targets = p.scores;
    float *found = bed_bytes(output_bytes(&p));
    const double *nothing = bed_doubles(p.M * p.V);
    double loss;
    run_loss(bed_queue(0), &p, (unsigned char *)found);
    memcpy(&loss, found, sizeof loss);
    CU_ASSERT_DOUBLE_EQUAL(loss, 0, 1e-12);
    CU_ASSERT_TRUE(bed_distance(p.M * p.V, found + 2, nothing) < 1e-12);
    bed_end();
}

/* Slopes by differences of the op itself, whose losses are doubles; float steps of 2^-6 are exact
 * enough for the third digit. */
static void check_slopes(struct problem p)
{
    const float step = 0.015625f;
    float *found = bed_bytes(output_bytes(&p)), *moved = bed_bytes(output_bytes(&p));
    run_loss(bed_queue(0), &p, (unsigned char *)found);
    p.scale = 0;
    for (int64_t i = 0; i < p.M * p.V; i++) {
        const float at = p.scores[i];
        double above, below;
        p.scores[i] = at + step;
        run_loss(bed_queue(0), &p, (unsigned char *)moved);
        memcpy(&above, moved, sizeof above);
        p.scores[i] = at - step;
        run_loss(bed_queue(0), &p, (unsigned char *)moved);
        memcpy(&below, moved, sizeof below);
        p.scores[i] = at;
        CU_ASSERT_DOUBLE_EQUAL((double)found[2 + i], (above - below) / 2 / (double)step, 1e-3);
    }
    /* A scale of 0 leaves the scores. */
    run_loss(bed_queue(0), &p, (unsigned char *)moved);
    CU_ASSERT_EQUAL(memcmp(moved + 2, p.scores, (size_t)(p.M * p.V) * sizeof(float)), 0);
    bed_end();
}

static void gradients_are_slopes(void)
{
    check_slopes(problem_of(CONTRASTIVE, 11, 11));
    check_slopes(problem_of(SOFT, 4, 7));
    check_slopes(problem_of(DISTILLATION, 4, 7));
}

static void bits_are_the_same_everywhere(void)
{
    for (int kind = 0; kind < LOSS_KINDS; kind++) {
        const struct problem p = problem_of((enum loss_kind)kind, 301, 301);
        CU_ASSERT_TRUE(bed_same_bits(run_loss, &p, output_bytes(&p)));
        bed_end();
    }
}

/* Scores of hundreds over a small temperature. */
static void large_scores_do_not_overflow(void)
{
    for (int kind = 0; kind < LOSS_KINDS; kind++) {
        struct problem p = problem_of((enum loss_kind)kind, 8, 8);
        double loss;
        p.temperature = 0.01f;
        for (int64_t i = 0; i < p.M * p.V; i++)
            p.scores[i] *= 500;
        float *found = bed_bytes(output_bytes(&p));
        run_loss(bed_queue(0), &p, (unsigned char *)found);
        memcpy(&loss, found, sizeof loss);
        CU_ASSERT_TRUE(isfinite(loss));
        for (int64_t i = 0; i < p.M * p.V; i++)
            CU_ASSERT_TRUE_FATAL(isfinite(found[2 + i]));
        bed_end();
    }
}

static void not_a_number_is_seen(void)
{
    for (int kind = 0; kind < LOSS_KINDS; kind++) {
        struct problem p = problem_of((enum loss_kind)kind, 8, 8);
        static const int32_t same[8] = {0};
        double loss;
        p.labels = same;
        p.scores[3] = NAN;
        float *found = bed_bytes(output_bytes(&p));
        run_loss(bed_queue(0), &p, (unsigned char *)found);
        memcpy(&loss, found, sizeof loss);
        CU_ASSERT_TRUE(isnan(loss));
        bed_end();
    }
}

/* ---- Balanced assignments ---- */

static void check_balance(int64_t M, int64_t V, int iterations, double tolerance)
{
    bed_seed((uint32_t)(M + V));
    float *scores = bed_random_floats(M * V, 1), *targets = bed_floats(M * V);
    ops_of(bed_queue(0))->balance(bed_queue(0), M, V, scores, 0.25f, iterations, targets);
    for (int64_t i = 0; i < M; i++) {
        double sum = 0;
        for (int64_t j = 0; j < V; j++)
            sum += (double)targets[i * V + j];
        CU_ASSERT_DOUBLE_EQUAL(sum, 1, 1e-5);
    }
    for (int64_t j = 0; j < V; j++) {
        double sum = 0;
        for (int64_t i = 0; i < M; i++)
            sum += (double)targets[i * V + j];
        CU_ASSERT_DOUBLE_EQUAL(sum * (double)V / (double)M, 1, tolerance);
    }
    bed_end();
}

static void assignments_use_all_columns_equally(void)
{
    check_balance(12, 3, 100, 1e-5);
    check_balance(40, 17, 100, 1e-4);
    check_balance(64, 8, 3, 0.3);
}

/* Two rows that both like the first column best: the one that likes it more gets it. */
static void assignments_go_to_whoever_is_nearest(void)
{
    const float scores[] = {0.9f, 0.1f, 0.9f, 0.6f};
    float targets[4];
    ops_of(bed_queue(0))->balance(bed_queue(0), 2, 2, scores, 0.02f, 50, targets);
    CU_ASSERT_TRUE(targets[0] > 0.99f && targets[3] > 0.99f);
}

/* One iteration by hand: e^(s / t) = (4 2; 1 1), rows' largest 1: (1 1/2; 1 1); columns to 1:
 * (1/2 1/3; 1/2 2/3); rows to 1: (3/5 2/5; 3/7 4/7). */
static void one_iteration_by_hand(void)
{
    const float scores[] = {(float)log(4.0), (float)log(2.0), 0, 0};
    const double expected[] = {0.6, 0.4, 3.0 / 7, 4.0 / 7};
    float targets[4];
    ops_of(bed_queue(0))->balance(bed_queue(0), 2, 2, scores, 1, 1, targets);
    CU_ASSERT_TRUE(bed_distance(4, targets, expected) < 1e-6);
}

static const struct vain_test tests[] = {
    {"contrastive loss by hand", contrastive_by_hand},
    {"anchors without positives are left out", contrastive_without_positives_is_nothing},
    {"soft losses by hand", soft_losses_by_hand},
    {"a student like its teacher has no loss", a_student_like_its_teacher_has_no_loss},
    {"gradients are slopes", gradients_are_slopes},
    {"bits are the same everywhere", bits_are_the_same_everywhere},
    {"large scores do not overflow", large_scores_do_not_overflow},
    {"NaN is seen", not_a_number_is_seen},
    {"assignments use all columns equally", assignments_use_all_columns_equally},
    {"assignments go to whoever is nearest", assignments_go_to_whoever_is_nearest},
    {"one iteration by hand", one_iteration_by_hand},
    {NULL, NULL},
};

const struct vain_suite vain_suite_loss = {"loss", tests};
