/* Means of samples, and how sure they are. */
#include "jobs/measures.h"

#include <math.h>
#include <stdbool.h>
#include <stddef.h>

static const char *const names[VAIN_MEASURE_KINDS] = {
    [VAIN_MEASURE_LOSS] = "loss",
    [VAIN_MEASURE_ACCURACY] = "accuracy",
    [VAIN_MEASURE_ACCURACY_TRANSDUCTIVE] = "accuracy_transductive",
    [VAIN_MEASURE_NORMALISED_MUTUAL_INFORMATION] = "normalised_mutual_information",
};
static const double NORMAL_QUANTILE_975 = 1.959963984540054;

const char *vain_measure_name(enum vain_measure_kind kind)
{
    return names[kind];
}

void vain_measure_add(struct vain_measure_sums *sums, enum vain_measure_kind kind, double value)
{
    sums->of[kind].sum += value;
    sums->of[kind].squares += value * value;
    sums->of[kind].count++;
}

void vain_measure_add_right(struct vain_measure_sums *sums, enum vain_measure_kind kind,
                            int64_t right, int64_t count)
{
    sums->of[kind].sum += (double)right;
    sums->of[kind].squares += (double)right;
    sums->of[kind].count += count;
}

void vain_measure_merge(struct vain_measure_sums *target, const struct vain_measure_sums *source)
{
    for (int k = 0; k < VAIN_MEASURE_KINDS; k++) {
        target->of[k].sum += source->of[k].sum;
        target->of[k].squares += source->of[k].squares;
        target->of[k].count += source->of[k].count;
    }
}

/* Half the width of the interval for a share p of n samples that are right or wrong (Wilson 1927):
 * it has a width where all or none are right, too. */
static double wilson(double p, double n)
{
    const double z = NORMAL_QUANTILE_975;
    return z / (1 + z * z / n) * sqrt(p * (1 - p) / n + z * z / (4 * n * n));
}

/* Sums that know no squares (a loss of many symbols is one) have no interval. */
static struct vain_estimate finish_one(const struct vain_measure_sum *sum, bool shares)
{
    struct vain_estimate estimate = {NAN, NAN};
    if (sum->count < 1)
        return estimate;
    const double n = (double)sum->count;
    estimate.mean = sum->sum / n;
    if (sum->count < 2)
        return estimate;
    if (shares && sum->squares == sum->sum) /* every sample is 0 or 1 */
        estimate.interval = wilson(estimate.mean, n);
    else if (sum->squares > 0) {
        const double spread = sum->squares / n - estimate.mean * estimate.mean;
        estimate.interval = NORMAL_QUANTILE_975 * sqrt((spread > 0 ? spread : 0) / (n - 1));
    }
    return estimate;
}

void vain_measure_finish(const struct vain_measure_sums *sums, struct vain_measures *out)
{
    for (int k = 0; k < VAIN_MEASURE_KINDS; k++)
        out->of[k] = finish_one(&sums->of[k], k != VAIN_MEASURE_LOSS);
}

void vain_measures_clear(struct vain_measures *out)
{
    const struct vain_measure_sums nothing = {0};
    vain_measure_finish(&nothing, out);
}
