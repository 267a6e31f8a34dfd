#include "cmd/sample.h"

#include <math.h>
#include <stdlib.h>

static int more_likely_first(const void *left, const void *right)
{
    const struct vain_candidate *a = left, *b = right;
    if (a->logit != b->logit)
        return a->logit > b->logit ? -1 : 1;
    return a->symbol < b->symbol ? -1 : 1;
}

static double weight(float logit, float largest, double temperature)
{
    return exp(((double)logit - (double)largest) / temperature);
}

int32_t vain_sample(const float *logits, int64_t V, double temperature, int64_t top, double unit,
                    struct vain_candidate *candidates)
{
    int64_t best = 0;
    for (int64_t v = 0; v < V; v++) {
        if (!isfinite(logits[v]))
            return -1;
        if (logits[v] > logits[best])
            best = v;
        candidates[v] = (struct vain_candidate){logits[v], (int32_t)v};
    }
    if (temperature <= 0 || top == 1)
        return (int32_t)best;
    int64_t count = V;
    if (top > 0 && top < V) {
        qsort(candidates, (size_t)V, sizeof *candidates, more_likely_first);
        count = top;
    }
    double total = 0, passed = 0;
    for (int64_t i = 0; i < count; i++)
        total += weight(candidates[i].logit, logits[best], temperature);
    /* total >= 1, since the best one has weight 1; rounding may leave `passed` short of it. */
    for (int64_t i = 0; i < count; i++) {
        passed += weight(candidates[i].logit, logits[best], temperature);
        if (passed > unit * total)
            return candidates[i].symbol;
    }
    return (int32_t)best;
}
