/* AdamW, sums, searches and the outer step. */
#include "tests/unit/kernels/bed.h"

#include <math.h>
#include <string.h>

static const int64_t counts[] = {0, 1, 15, 17, 1023, 16384, 16385, 70001};

/* ---- AdamW ---- */

struct adamw {
    int64_t N;
    struct vain_adamw settings;
    float *gradients, *parameters, *moment1, *moment2;
};

/* Writes parameters and moments. */
static void run_adamw(struct vain_queue *queue, const void *context, unsigned char *out)
{
    const struct adamw *a = context;
    float *parameters = (float *)(void *)out, *moment1 = parameters + a->N,
          *moment2 = moment1 + a->N;
    memcpy(parameters, a->parameters, (size_t)a->N * sizeof(float));
    memcpy(moment1, a->moment1, (size_t)a->N * sizeof(float));
    memcpy(moment2, a->moment2, (size_t)a->N * sizeof(float));
    queue->device->ops->optimiser.adamw(queue, &a->settings, a->gradients, parameters, moment1,
                                        moment2);
}

static struct adamw adamw_of(int64_t N, const struct vain_segment *segments, int segment_count)
{
    struct adamw a = {.N = N,
                      .settings = {1e-2f, 0.9f, 0.99f, 1e-8f, 0.5f, 1 - 0.9f * 0.9f,
                                   1 - 0.99f * 0.99f, segments, segment_count}};
    bed_seed((uint32_t)N);
    a.gradients = bed_random_floats(N, 2);
    a.parameters = bed_random_floats(N, 1);
    a.moment1 = bed_random_floats(N, 1);
    a.moment2 = bed_random_floats(N, 1);
    for (int64_t i = 0; i < N; i++)
        a.moment2[i] = fabsf(a.moment2[i]);
    return a;
}

/* The formula of the paper for element i with this decay; NAN: not in any segment. */
static void expect_adamw(const struct adamw *a, int64_t i, double decay, double *expected)
{
    const struct vain_adamw *s = &a->settings;
    double p = (double)a->parameters[i], m = (double)a->moment1[i], v = (double)a->moment2[i];
    if (!isnan(decay)) {
        const double g = (double)s->gradient_scale * (double)a->gradients[i];
        m = (double)s->beta1 * m + (1 - (double)s->beta1) * g;
        v = (double)s->beta2 * v + (1 - (double)s->beta2) * g * g;
        p -= (double)s->learning_rate * decay * p;
        p -= (double)s->learning_rate * (m / (double)s->correction1) /
             (sqrt(v / (double)s->correction2) + (double)s->epsilon);
    }
    expected[i] = p;
    expected[a->N + i] = m;
    expected[2 * a->N + i] = v;
}

static void adamw_is_right(void)
{
    for (size_t c = 0; c < VAIN_COUNT_OF(counts); c++) {
        const int64_t N = counts[c];
        /* An uneven first segment, a gap, an empty one, and the rest but the last element. */
        const struct vain_segment segments[] = {{N / 10, N / 3, 0.1f},
                                                {N / 2, 0, 0.7f},
                                                {N / 2, N / 8, 0},
                                                {N / 2 + N / 8, N - N / 2 - N / 8 - (N > 1), 0.3f}};
        const struct adamw a = adamw_of(N, segments, 4);
        float *found = bed_floats(3 * N);
        double *expected = bed_doubles(3 * N);
        run_adamw(bed_queue(0), &a, (unsigned char *)found);
        for (int64_t i = 0; i < N; i++) {
            double decay = NAN;
            for (size_t s = 0; s < VAIN_COUNT_OF(segments); s++)
                if (i >= segments[s].offset && i < segments[s].offset + segments[s].count)
                    decay = (double)segments[s].weight_decay;
            expect_adamw(&a, i, decay, expected);
        }
        CU_ASSERT_TRUE(bed_distance(3 * N, found, expected) < 1e-6);
        CU_ASSERT_TRUE(bed_same_bits(run_adamw, &a, (size_t)(3 * N) * sizeof(float)));
        bed_end();
    }
}

static void no_segments_change_nothing(void)
{
    const struct adamw a = adamw_of(100, NULL, 0);
    float *found = bed_floats(300);
    run_adamw(bed_queue(0), &a, (unsigned char *)found);
    CU_ASSERT_EQUAL(memcmp(found, a.parameters, 400), 0);
    bed_end();
}

/* Adam without a first moment is Adam whose first moment forgets at once. */
static void a_first_moment_may_be_left_out(void)
{
    for (int device = 0; device < bed_device_count(); device++) {
        const struct vain_segment segment = {0, 40000, 0};
        struct adamw a = adamw_of(40000, &segment, 1);
        a.settings.beta1 = 0;
        a.settings.correction1 = 1;
        struct vain_queue *queue = bed_queue(device);
        float *with = bed_floats(3 * a.N);
        run_adamw(queue, &a, (unsigned char *)with);
        queue->device->ops->optimiser.adamw(queue, &a.settings, a.gradients, a.parameters, NULL,
                                            a.moment2);
        CU_ASSERT_EQUAL(memcmp(a.parameters, with, (size_t)a.N * sizeof(float)), 0);
        CU_ASSERT_EQUAL(memcmp(a.moment2, with + 2 * a.N, (size_t)a.N * sizeof(float)), 0);
        bed_end();
    }
}

/* ---- SGD and the outer move of Reptile ---- */

struct sgd {
    int64_t N;
    struct vain_sgd settings;
    float *gradients, *parameters, *velocity; /* NULL: plain */
};

/* Writes parameters and velocity. */
static void run_sgd(struct vain_queue *queue, const void *context, unsigned char *out)
{
    const struct sgd *s = context;
    float *parameters = (float *)(void *)out, *velocity = parameters + s->N;
    memcpy(parameters, s->parameters, (size_t)s->N * sizeof(float));
    if (s->velocity != NULL)
        memcpy(velocity, s->velocity, (size_t)s->N * sizeof(float));
    queue->device->ops->optimiser.sgd(queue, s->N, &s->settings, s->gradients, parameters,
                                      s->velocity == NULL ? NULL : velocity);
}

static void check_sgd(int64_t N, bool keeps, bool nesterov)
{
    bed_seed((uint32_t)N + 3);
    struct sgd s = {N,
                    {0.1f, keeps ? 0.9f : 0, 0.5f, nesterov},
                    bed_random_floats(N, 2),
                    bed_random_floats(N, 1),
                    keeps ? bed_random_floats(N, 1) : NULL};
    float *found = bed_floats(2 * N);
    double *expected = bed_doubles(2 * N);
    for (int64_t i = 0; i < N; i++) {
        const double g = 0.5 * (double)s.gradients[i],
                     v = keeps ? 0.9 * (double)s.velocity[i] + g : g;
        expected[i] = (double)s.parameters[i] - 0.1 * (nesterov ? g + 0.9 * v : v);
        expected[N + i] = keeps ? v : 0;
    }
    run_sgd(bed_queue(0), &s, (unsigned char *)found);
    CU_ASSERT_TRUE(bed_distance(2 * N, found, expected) < 1e-6);
    CU_ASSERT_TRUE(bed_same_bits(run_sgd, &s, (size_t)(2 * N) * sizeof(float)));
    bed_end();
}

static void sgd_is_right(void)
{
    for (size_t c = 0; c < VAIN_COUNT_OF(counts); c++) {
        check_sgd(counts[c], false, false);
        check_sgd(counts[c], true, false);
        check_sgd(counts[c], true, true);
    }
}

struct move {
    int64_t N;
    float rate, *source, *target;
};

static void run_move(struct vain_queue *queue, const void *context, unsigned char *out)
{
    const struct move *m = context;
    memcpy(out, m->target, (size_t)m->N * sizeof(float));
    queue->device->ops->optimiser.move(queue, m->N, m->rate, m->source, (float *)(void *)out);
}

static void a_move_goes_part_of_the_way(void)
{
    for (size_t c = 0; c < VAIN_COUNT_OF(counts); c++) {
        const int64_t N = counts[c];
        const struct move m = {N, 0.25f, bed_random_floats(N, 1), bed_random_floats(N, 1)};
        float *found = bed_floats(N);
        double *expected = bed_doubles(N);
        for (int64_t i = 0; i < N; i++)
            expected[i] = 0.75 * (double)m.target[i] + 0.25 * (double)m.source[i];
        run_move(bed_queue(0), &m, (unsigned char *)found);
        CU_ASSERT_TRUE(bed_distance(N, found, expected) < 1e-6);
        CU_ASSERT_TRUE(bed_same_bits(run_move, &m, (size_t)N * sizeof(float)));
        bed_end();
    }
}

/* ---- Looking at all elements ---- */

struct numbers {
    int64_t N;
    float *x;
};

static void run_squares(struct vain_queue *queue, const void *context, unsigned char *out)
{
    const struct numbers *n = context;
    double sum = -1;
    queue->device->ops->optimiser.sum_squares(queue, n->N, n->x, &sum);
    memcpy(out, &sum, sizeof sum);
}

static void sums_of_squares_are_right(void)
{
    static const int64_t sizes[] = {0, 1, 15, 17, 65535, 65536, 65537, 200003};
    for (size_t c = 0; c < VAIN_COUNT_OF(sizes); c++) {
        const struct numbers n = {sizes[c], bed_random_floats(sizes[c], 1e15f)};
        double expected = 0, found;
        for (int64_t i = 0; i < n.N; i++)
            expected += (double)n.x[i] * (double)n.x[i];
        run_squares(bed_queue(0), &n, (unsigned char *)&found);
        CU_ASSERT_TRUE(fabs(found - expected) <= 1e-12 * expected);
        CU_ASSERT_TRUE(bed_same_bits(run_squares, &n, sizeof(double)));
        bed_end();
    }
}

static void a_sum_of_squares_shows_what_is_not_finite(void)
{
    static const float bad[] = {NAN, INFINITY, -INFINITY};
    for (size_t i = 0; i < VAIN_COUNT_OF(bad); i++) {
        const struct numbers n = {100003, bed_random_floats(100003, 1)};
        double found;
        n.x[90001] = bad[i];
        run_squares(bed_queue(0), &n, (unsigned char *)&found);
        CU_ASSERT_FALSE(isfinite(found));
        bed_end();
    }
}

static void run_search(struct vain_queue *queue, const void *context, unsigned char *out)
{
    const struct numbers *n = context;
    int64_t found = -1;
    queue->device->ops->optimiser.first_not_finite(queue, n->N, n->x, &found);
    memcpy(out, &found, sizeof found);
}

static void the_first_bad_element_is_found(void)
{
    static const struct {
        int64_t N, first, second; /* N: none */
    } cases[] = {{0, 0, 0},
                 {1, 1, 1},
                 {1, 0, 0},
                 {1000, 999, 999},
                 {1000, 1000, 1000},
                 {200000, 5, 100000},
                 {200000, 65536, 65537},
                 {200000, 199999, 199999},
                 {200000, 65535, 65536}};
    static const float bad[] = {NAN, INFINITY, -INFINITY};
    for (size_t c = 0; c < VAIN_COUNT_OF(cases); c++)
        for (size_t b = 0; b < VAIN_COUNT_OF(bad); b++) {
            const struct numbers n = {cases[c].N, bed_random_floats(cases[c].N, 3e38f)};
            int64_t found;
            if (cases[c].first < n.N) {
                n.x[cases[c].second] = NAN;
                n.x[cases[c].first] = bad[b];
            }
            run_search(bed_queue(0), &n, (unsigned char *)&found);
            CU_ASSERT_EQUAL(found, cases[c].first);
            CU_ASSERT_TRUE(bed_same_bits(run_search, &n, sizeof found));
            bed_end();
        }
}

/* ---- Elementwise ---- */

struct elementwise {
    int64_t N;
    float *source, *target, *third;
    bool nesterov;
};

/* Writes target + source, then 0.3 target. */
static void run_add_and_scale(struct vain_queue *queue, const void *context, unsigned char *out)
{
    const struct elementwise *e = context;
    const size_t bytes = (size_t)e->N * sizeof(float);
    memcpy(out, e->target, bytes);
    memcpy(out + bytes, e->target, bytes);
    queue->device->ops->optimiser.add(queue, e->N, e->source, (float *)(void *)out);
    queue->device->ops->optimiser.scale(queue, e->N, 0.3f, (float *)(void *)(out + bytes));
}

static void adding_and_scaling_are_exact(void)
{
    for (size_t c = 0; c < VAIN_COUNT_OF(counts); c++) {
        const int64_t N = counts[c];
        const struct elementwise e = {
            .N = N, .source = bed_random_floats(N, 1), .target = bed_random_floats(N, 2)};
        float *found = bed_floats(2 * N);
        bool right = true;
        run_add_and_scale(bed_queue(0), &e, (unsigned char *)found);
        for (int64_t i = 0; i < N; i++) {
            right = right && found[i] == e.target[i] + e.source[i];
            right = right && found[N + i] == e.target[i] * 0.3f;
        }
        CU_ASSERT_TRUE(right);
        CU_ASSERT_TRUE(bed_same_bits(run_add_and_scale, &e, (size_t)(2 * N) * sizeof(float)));
        bed_end();
    }
}

/* Writes momentum, parameters. */
static void run_outer(struct vain_queue *queue, const void *context, unsigned char *out)
{
    const struct elementwise *e = context;
    float *momentum = (float *)(void *)out, *parameters = momentum + e->N;
    memcpy(momentum, e->target, (size_t)e->N * sizeof(float));
    memcpy(parameters, e->third, (size_t)e->N * sizeof(float));
    queue->device->ops->optimiser.outer_step(queue, e->N, 0.7f, 0.9f, e->nesterov, e->source,
                                             momentum, parameters);
}

/* Every operation rounded by itself: volatile keeps the compiler from keeping more. */
static void the_outer_step_is_exact(void)
{
    for (size_t c = 0; c < VAIN_COUNT_OF(counts); c++)
        for (int nesterov = 0; nesterov < 2; nesterov++) {
            const int64_t N = counts[c];
            const struct elementwise e = {N, bed_random_floats(N, 1), bed_random_floats(N, 2),
                                          bed_random_floats(N, 3), nesterov != 0};
            float *found = bed_floats(2 * N);
            bool right = true;
            run_outer(bed_queue(0), &e, (unsigned char *)found);
            for (int64_t i = 0; i < N; i++) {
                volatile float product = 0.9f * e.target[i], m = product + e.source[i],
                               ahead = 0.9f * m;
                volatile float update = ahead + e.source[i],
                               step = 0.7f * (nesterov != 0 ? update : m);
                right = right && found[i] == m && found[N + i] == e.third[i] - step;
            }
            CU_ASSERT_TRUE(right);
            CU_ASSERT_TRUE(bed_same_bits(run_outer, &e, (size_t)(2 * N) * sizeof(float)));
            bed_end();
        }
}

static const struct vain_test tests[] = {
    {"AdamW is right, and touches its segments only", adamw_is_right},
    {"no segments change nothing", no_segments_change_nothing},
    {"a first moment may be left out", a_first_moment_may_be_left_out},
    {"SGD is right, plain, with momentum, and Nesterov's", sgd_is_right},
    {"a move goes part of the way", a_move_goes_part_of_the_way},
    {"sums of squares are right", sums_of_squares_are_right},
    {"a sum of squares shows what is not finite", a_sum_of_squares_shows_what_is_not_finite},
    {"the first bad element is found", the_first_bad_element_is_found},
    {"adding and scaling are exact", adding_and_scaling_are_exact},
    {"the outer step is exact", the_outer_step_is_exact},
    {NULL, NULL},
};

const struct vain_suite vain_suite_optimiser = {"optimiser", tests};
