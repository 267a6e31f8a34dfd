#include "tests/fault/save_scene.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

void scene_fill(int64_t round, struct scene_vectors *out)
{
    for (int i = 0; i < SCENE_PARAMETERS; i++) {
        out->parameters[i] = (float)(i % 1000) + (float)round * 0.5f;
        out->momentum[i] = (float)(i % 77) - (float)round;
        out->moment[i] = (float)(i % 13) * (float)(round + 1);
    }
}

enum vain_status scene_checkpoint(int64_t round, const struct scene_vectors *vectors,
                                  const uint8_t head[VAIN_HASH_BYTES], struct vain_checkpoint *out)
{
    static const struct vain_store_slice slices[SCENE_SLICES] = {
        {"blocks.0.weight", 0, 39900, 2, {399, 100}, {"out", "in"}},
        {"blocks.0.bias", 39900, 100, 1, {100}, {"out"}},
    };
    static const struct vain_curve_point curve[] = {{0, 0, NAN, 4.0, NAN}, {1, 10, 3.0, 3.5, NAN}};
    static const uint32_t symbols[] = {10, 32, 65};
    *out = (struct vain_checkpoint){
        .round = round,
        .step = round * 10,
        .created_unix_ms = 1000 * round,
        .parameter_count = SCENE_PARAMETERS,
        .slice_count = SCENE_SLICES,
        .slices = slices,
        .parameters = vectors->parameters,
        .outer_momentum = vectors->momentum,
        .spec = "version: 1\n",
        .spec_resolved = "version: 1\n",
        .job_name = "fault",
        .platform = "test",
        .model = "mlp",
        .symbol_count = 3,
        .symbols = symbols,
        .symbol_kind = "bytes",
        .curve_count = 2,
        .curve = curve,
    };
    memcpy(out->record_head, head, VAIN_HASH_BYTES);
    return vain_merkle_root(vectors->parameters, sizeof vectors->parameters, VAIN_MERKLE_LEAF_BYTES,
                            NULL, out->parameters_hash);
}

void scene_member(int64_t round, struct scene_vectors *vectors, struct vain_member_state *out)
{
    *out = (struct vain_member_state){
        .name = SCENE_MEMBER,
        .round = round,
        .optimiser_step = round * 10,
        .data_position = round * 20,
        .parameter_count = SCENE_PARAMETERS,
        .memory_count = 2,
        .memories = {{"moment1", "first moment", vectors->moment, SCENE_PARAMETERS},
                     {"moment2", "second moment", vectors->parameters, SCENE_PARAMETERS}},
        .residual = vectors->momentum,
    };
}
