/* The gate: mixtures against plain arithmetic, its slope against finite differences, and that it
 * learns whom to believe. */
#include "models/memory_gate.h"

#include <math.h>

#include "tests/unit/models/memory_bed.h"
#include "tests/unit/suite.h"

enum { C = 3 };

struct question {
    double retrieved[C], computed[C];
    struct vain_memory_answer answer;
    float weights[VAIN_GATE_INPUTS];
};

static void open_question(struct question *q, int64_t number)
{
    double sums[2] = {0, 0};
    for (int c = 0; c < C; c++) {
        q->retrieved[c] = exp(memory_bed_normal(20, number * C + c));
        q->computed[c] = exp(2 * memory_bed_normal(21, number * C + c));
        sums[0] += q->retrieved[c];
        sums[1] += q->computed[c];
    }
    for (int c = 0; c < C; c++) {
        q->retrieved[c] = log(q->retrieved[c] / sums[0]);
        q->computed[c] = log(q->computed[c] / sums[1]);
    }
    q->answer = (struct vain_memory_answer){
        .found = true, .retrieved = q->retrieved, .computed = q->computed};
    for (int i = 0; i < VAIN_GATE_INPUTS; i++) {
        q->answer.inputs[i] = i == 0 ? 1 : tanh(memory_bed_normal(22, number * 10 + i));
        q->weights[i] = (float)memory_bed_normal(23, number * 10 + i);
    }
}

static void probabilities_mix(void)
{
    for (int64_t n = 0; n < 50; n++) {
        struct question q;
        double z = 0, sum = 0, most = 0;
        int64_t best = 0;
        open_question(&q, n);
        for (int i = 0; i < VAIN_GATE_INPUTS; i++)
            z += (double)q.weights[i] * q.answer.inputs[i];
        const double g = 1 / (1 + exp(-z));
        CU_ASSERT_DOUBLE_EQUAL(vain_memory_gate_share(q.weights, &q.answer), g, 1e-12);
        for (int64_t c = 0; c < C; c++) {
            const double p = g * exp(q.retrieved[c]) + (1 - g) * exp(q.computed[c]);
            CU_ASSERT_DOUBLE_EQUAL(vain_memory_gate_log_probability(q.weights, &q.answer, c),
                                   log(p), 1e-12);
            sum += exp(vain_memory_gate_log_probability(q.weights, &q.answer, c));
            best = p > most ? c : best;
            most = fmax(most, p);
        }
        CU_ASSERT_DOUBLE_EQUAL(sum, 1, 1e-12);
        CU_ASSERT_EQUAL(vain_memory_gate_choice(q.weights, &q.answer, C), best);
    }
}

static void the_slope_is_that_of_finite_differences(void)
{
    const double step = 1e-3;
    for (int64_t n = 0; n < 50; n++) {
        struct question q;
        open_question(&q, 100 + n);
        const int64_t label = n % C;
        const double slope = vain_memory_gate_slope(q.weights, &q.answer, label);
        for (int i = 0; i < VAIN_GATE_INPUTS; i++) {
            const float own = q.weights[i];
            q.weights[i] = (float)((double)own + step);
            const double wide = (double)q.weights[i];
            const double above = -vain_memory_gate_log_probability(q.weights, &q.answer, label);
            q.weights[i] = (float)((double)own - step);
            const double below = -vain_memory_gate_log_probability(q.weights, &q.answer, label);
            const double difference = (above - below) / (wide - (double)q.weights[i]);
            q.weights[i] = own;
            CU_ASSERT_DOUBLE_EQUAL(difference, slope * q.answer.inputs[i], 1e-5);
        }
        float before[VAIN_GATE_INPUTS];
        for (int i = 0; i < VAIN_GATE_INPUTS; i++)
            before[i] = q.weights[i];
        vain_memory_gate_learn(q.weights, &q.answer, label, 0.25);
        for (int i = 0; i < VAIN_GATE_INPUTS; i++)
            CU_ASSERT_DOUBLE_EQUAL((double)q.weights[i],
                                   (double)before[i] - 0.25 * slope * q.answer.inputs[i], 1e-6);
    }
}

static void extremes_stay_finite(void)
{
    struct question q;
    open_question(&q, 7);
    q.retrieved[0] = -INFINITY;
    q.computed[0] = -1e5;
    CU_ASSERT_DOUBLE_EQUAL(vain_memory_gate_log_probability(q.weights, &q.answer, 0),
                           -1e5 + log(1 - vain_memory_gate_share(q.weights, &q.answer)), 1e-6);
    CU_ASSERT(isfinite(vain_memory_gate_slope(q.weights, &q.answer, 0)));
    q.weights[0] = 3e4f;
    CU_ASSERT(isfinite(vain_memory_gate_log_probability(q.weights, &q.answer, 0)));
    CU_ASSERT_EQUAL(vain_memory_gate_share(q.weights, &q.answer), 1);
    q.answer.found = false;
    CU_ASSERT_EQUAL(vain_memory_gate_share(q.weights, &q.answer), 0);
    CU_ASSERT_EQUAL(vain_memory_gate_log_probability(q.weights, &q.answer, 1), q.computed[1]);
    CU_ASSERT_EQUAL(vain_memory_gate_slope(q.weights, &q.answer, 1), 0);
}

/* Where the nearest is near the memory is right, elsewhere the model is: one input tells. */
static void it_learns_whom_to_believe(void)
{
    const double sure = log(0.9), unsure = log(0.05);
    const double first[C] = {sure, unsure, unsure}, second[C] = {unsure, sure, unsure};
    float weights[VAIN_GATE_INPUTS] = {0};
    struct vain_memory_answer answer = {
        .found = true, .inputs = {1}, .retrieved = first, .computed = second};
    for (int i = 0; i < 4000; i++) {
        const bool near = memory_bed_normal(30, i) > 0;
        answer.inputs[VAIN_GATE_SIMILARITY] = near ? 0.9 : 0.1;
        vain_memory_gate_learn(weights, &answer, near ? 0 : 1, 0.1);
    }
    answer.inputs[VAIN_GATE_SIMILARITY] = 0.9;
    CU_ASSERT(vain_memory_gate_share(weights, &answer) > 0.8);
    answer.inputs[VAIN_GATE_SIMILARITY] = 0.1;
    CU_ASSERT(vain_memory_gate_share(weights, &answer) < 0.2);
}

static const struct vain_test tests[] = {
    {"probabilities mix", probabilities_mix},
    {"the slope is that of finite differences", the_slope_is_that_of_finite_differences},
    {"extremes stay finite", extremes_stay_finite},
    {"it learns whom to believe", it_learns_whom_to_believe},
    {NULL, NULL},
};
const struct vain_suite vain_suite_memory_gate = {"memory_gate", tests};
