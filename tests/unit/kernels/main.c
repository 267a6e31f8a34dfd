/* The suites of kernels/, one a source file. */
#include "base/status.h"
#include "tests/unit/kernels/bed.h"

#include <stdio.h>

extern const struct vain_suite vain_suite_device;
extern const struct vain_suite vain_suite_device_choice;
extern const struct vain_suite vain_suite_product;
extern const struct vain_suite vain_suite_linear;
extern const struct vain_suite vain_suite_attention;
extern const struct vain_suite vain_suite_pointwise;
extern const struct vain_suite vain_suite_cross_entropy;
extern const struct vain_suite vain_suite_optimiser;
extern const struct vain_suite vain_suite_codec;
extern const struct vain_suite vain_suite_mix;
extern const struct vain_suite vain_suite_words;
extern const struct vain_suite vain_suite_vector_math;
extern const struct vain_suite vain_suite_sequence;
extern const struct vain_suite vain_suite_loss;
extern const struct vain_suite vain_suite_convolution;
extern const struct vain_suite vain_suite_image;
extern const struct vain_suite vain_suite_pairs;
extern const struct vain_suite vain_suite_team;

int main(void)
{
    const struct vain_suite *suites[] = {
        &vain_suite_device,    &vain_suite_product,     &vain_suite_linear,
        &vain_suite_attention, &vain_suite_pointwise,   &vain_suite_cross_entropy,
        &vain_suite_optimiser, &vain_suite_codec,       &vain_suite_mix,
        &vain_suite_words,     &vain_suite_vector_math, &vain_suite_convolution,
        &vain_suite_image,     &vain_suite_pairs,       &vain_suite_team,
        &vain_suite_sequence,  &vain_suite_loss,        &vain_suite_device_choice,
    };
    if (!bed_open()) {
        printf("%s\n", vain_fail_message());
        return 1;
    }
    const int result = vain_suites_run(suites, VAIN_COUNT_OF(suites));
    bed_close();
    return result;
}
