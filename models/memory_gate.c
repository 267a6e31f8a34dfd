/* Sigmoids by their logarithms. */
#include "models/memory_gate.h"

#include <math.h>

static double weighed(const float *weights, const struct vain_memory_answer *answer)
{
    double sum = 0;
    for (int i = 0; i < VAIN_GATE_INPUTS; i++)
        sum += (double)weights[i] * answer->inputs[i];
    return sum;
}

/* log(1 / (1 + exp(-x))). */
static double log_sigmoid(double x)
{
    return x > 0 ? -log1p(exp(-x)) : x - log1p(exp(x));
}

double vain_memory_gate_share(const float *weights, const struct vain_memory_answer *answer)
{
    return answer->found ? exp(log_sigmoid(weighed(weights, answer))) : 0;
}

double vain_memory_gate_log_probability(const float *weights,
                                        const struct vain_memory_answer *answer, int64_t label)
{
    if (!answer->found)
        return answer->computed[label];
    const double z = weighed(weights, answer);
    const double a = log_sigmoid(z) + answer->retrieved[label];
    const double b = log_sigmoid(-z) + answer->computed[label];
    const double most = fmax(a, b);
    return most + log1p(exp(fmin(a, b) - most));
}

int64_t vain_memory_gate_choice(const float *weights, const struct vain_memory_answer *answer,
                                int64_t C)
{
    int64_t best = 0;
    double most = -INFINITY;
    for (int64_t c = 0; c < C; c++) {
        const double log_probability = vain_memory_gate_log_probability(weights, answer, c);
        if (log_probability > most) {
            most = log_probability;
            best = c;
        }
    }
    return best;
}

double vain_memory_gate_slope(const float *weights, const struct vain_memory_answer *answer,
                              int64_t label)
{
    if (!answer->found)
        return 0;
    const double z = weighed(weights, answer);
    const double belief = exp(log_sigmoid(z + answer->retrieved[label] - answer->computed[label]));
    return exp(log_sigmoid(z)) - belief;
}

void vain_memory_gate_learn(float *weights, const struct vain_memory_answer *answer, int64_t label,
                            double rate)
{
    const double slope = vain_memory_gate_slope(weights, answer, label);
    for (int i = 0; i < VAIN_GATE_INPUTS; i++)
        weights[i] = (float)((double)weights[i] - rate * slope * answer->inputs[i]);
}
