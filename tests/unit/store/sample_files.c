/* Writes the files that test_tools.py shows to others' tools: sample_files FOLDER */
#include "cmd/world.h"
#include "jobs/store/metrics.h"
#include "tests/unit/store/bed.h"

#include <stdio.h>

static enum vain_status write_all(const char *folder)
{
    static struct bed_checkpoint sample;
    struct vain_world *world = vain_world_real();
    VAIN_TRY(vain_crypto_init());
    bed_make_checkpoint(&sample);
    VAIN_TRY(vain_checkpoint_write(&sample.content, folder, world, NULL));
    const struct vain_member_state state = {
        .name = "alice",
        .round = 7,
        .parameter_count = BED_PARAMETERS,
        .memory_count = 2,
        .memories = {{"moment1", "first", sample.momentum, BED_PARAMETERS},
                     {"moment2", "second", sample.parameters, BED_PARAMETERS}},
        .residual = sample.momentum};
    VAIN_TRY(vain_member_write(&state, folder, world));
    sample.content.round = 8;
    sample.content.hash_parameters = true;
    sample.parameters[3] += 1.0f;
    VAIN_TRY(vain_checkpoint_write(&sample.content, folder, world, NULL));
    char path[VAIN_PATH_BYTES];
    snprintf(path, sizeof path, "%s/loss.svg", folder);
    return vain_curve_write_svg(VAIN_PICTURE_LOSS, sample.curve, BED_POINTS, "café & <friends>",
                                path, world);
}

int main(int argc, char **argv)
{
    if (argc == 2 && write_all(argv[1]) == VAIN_OK)
        return 0;
    fprintf(stderr, "%s\n", vain_fail_message());
    return 1;
}
