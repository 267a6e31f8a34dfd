#include "cmd/measures.h"

#include <math.h>
#include <stdio.h>

#include "cmd/json.h"

/* What was measured beside the loss, each with half the width of its 95 % interval. */
void vain_measures_add_json(struct json_object *data, const struct vain_measures *measures)
{
    char name[64];
    for (int k = VAIN_MEASURE_LOSS + 1; k < VAIN_MEASURE_KINDS; k++) {
        const struct vain_estimate *estimate = &measures->of[k];
        if (isnan(estimate->mean))
            continue;
        json_object_object_add(data, vain_measure_name((enum vain_measure_kind)k),
                               vain_json_number(estimate->mean));
        snprintf(name, sizeof name, "%s_interval", vain_measure_name((enum vain_measure_kind)k));
        json_object_object_add(data, name, vain_json_number(estimate->interval));
    }
}

void vain_measures_print(const struct vain_measures *measures)
{
    static const char *const labels[VAIN_MEASURE_KINDS] = {
        [VAIN_MEASURE_ACCURACY] = "accuracy",
        [VAIN_MEASURE_ACCURACY_TRANSDUCTIVE] = "  transductive",
        [VAIN_MEASURE_NORMALISED_MUTUAL_INFORMATION] = "mutual inform.",
    };
    for (int k = VAIN_MEASURE_LOSS + 1; k < VAIN_MEASURE_KINDS; k++) {
        const struct vain_estimate *estimate = &measures->of[k];
        if (!isnan(estimate->mean) && !isnan(estimate->interval))
            printf("%-16s %.2f %% +- %.2f (95 %% interval)\n", labels[k], 100 * estimate->mean,
                   100 * estimate->interval);
        else if (!isnan(estimate->mean) && k == VAIN_MEASURE_NORMALISED_MUTUAL_INFORMATION)
            printf("%-16s %.4f of 1, normalised\n", labels[k], estimate->mean);
        else if (!isnan(estimate->mean))
            printf("%-16s %.2f %%\n", labels[k], 100 * estimate->mean);
    }
}
