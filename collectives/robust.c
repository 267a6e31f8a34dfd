/* The rules. There is one so far, the weighted mean, which is also what the others will be judged
 * against: in double, views in a fixed order, rounded once, so that every member gets the same
 * bits. */
#include "collectives/robust.h"

#include "kernels/device.h"

/* sum of weight * view over sum of weights, in double, views in order, rounded once to float. */
static void weigh(int64_t P, int64_t N, const float *const *views, const int64_t *weights,
                  int64_t total, float *out)
{
    for (int64_t j = 0; j < N; j++) {
        double sum = 0;
        for (int64_t p = 0; p < P; p++)
            sum += (double)weights[p] * (double)views[p][j];
        out[j] = (float)(sum / (double)total);
    }
}

static enum vain_status combine_mean(struct vain_queue *queue, int64_t P, int64_t N,
                                     const float *const *views, const int64_t *weights, float *out)
{
    int64_t total = 0;
    for (int64_t p = 0; p < P; p++) {
        if (weights[p] < 0)
            return vain_fail(VAIN_ERR_INPUT, "mean: weight %lld of group %lld is negative",
                             (long long)weights[p], (long long)p);
        total += weights[p];
    }
    if (total <= 0)
        return vain_fail(VAIN_ERR_INPUT, "mean: %lld groups and none has weight", (long long)P);
    if (P == 1) {
        /* One group: its mean is the update, bit for bit, whatever its weight. */
        if (out != views[0])
            queue->device->ops->memory.copy(queue, out, views[0], (size_t)N * sizeof(float));
        return VAIN_OK;
    }
    if (!vain_device_is_host(queue->device))
        return vain_fail(VAIN_ERR_UNAVAILABLE,
                         "mean of %lld groups on %s: only the CPU weighs groups so far; use "
                         "device: cpu",
                         (long long)P, queue->device->name);
    VAIN_TRY(vain_queue_wait(queue));
    weigh(P, N, views, weights, total, out);
    return VAIN_OK;
}

const struct vain_robust_rule vain_rule_mean = {
    .name = "mean",
    .needs = VAIN_NEEDS_GROUP_SUMS,
    .views_minimum = 1,
    .combine = combine_mean,
};
