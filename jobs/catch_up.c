#include "jobs/catch_up.h"

#include <string.h>

#include "jobs/group.h"
#include "jobs/host_vector.h"

enum vain_status vain_lend(struct vain_run *run)
{
    struct vain_holding *holding = &run->holding;
    if (run->federation->ops->hold == NULL)
        return VAIN_OK;
    holding->round = run->round;
    memcpy(holding->run_id, run->run_id, VAIN_RUN_ID_BYTES);
    memcpy(holding->parameters_hash, run->parameters_hash, VAIN_HASH_BYTES);
    memcpy(holding->record_head, run->record_head, VAIN_HASH_BYTES);
    holding->codec = vain_codec_state(&run->codec);
    holding->parameter_count = run->layout.parameter_count;
    VAIN_TRY(vain_host_vector_read(run, VAIN_VECTOR_COMMON));
    VAIN_TRY(vain_host_vector_read(run, VAIN_VECTOR_MOMENTUM));
    holding->parameters = vain_host_vector(run, VAIN_VECTOR_COMMON);
    holding->momentum = vain_host_vector(run, VAIN_VECTOR_MOMENTUM);
    return run->federation->ops->hold(run->federation, holding);
}

bool vain_catch_up_is_half(const struct vain_run *run)
{
    const struct vain_holding *holding = &run->holding;
    return holding->parameters != NULL && vain_is_zero(holding->parameters_hash, VAIN_HASH_BYTES);
}

int64_t vain_catch_up_position(const struct vain_run *run)
{
    const struct vain_train_options *train = &run->job->train;
    const int64_t scheduled = run->round * train->local_steps * train->accumulate;
    return run->method.data_position > scheduled ? run->method.data_position : scheduled;
}

/* The curve has a hole where this member was not there. */
static void forget_later_points(struct vain_run *run)
{
    while (run->curve_count > 0 && run->curve[run->curve_count - 1].round > run->round)
        run->curve_count--;
}

enum vain_status vain_catch_up(struct vain_run *run)
{
    struct vain_holding *holding = &run->holding;
    const int64_t before = run->round;
    const uint64_t start_ns = run->config->world->ops->now_ns(run->config->world);
    vain_group_close(run);
    VAIN_TRY(run->federation->ops->fetch(run->federation, holding));
    VAIN_TRY(vain_host_vector_write(run, VAIN_VECTOR_COMMON));
    VAIN_TRY(vain_host_vector_write(run, VAIN_VECTOR_MOMENTUM));
    const double seconds =
        (double)(run->config->world->ops->now_ns(run->config->world) - start_ns) * 1e-9;
    VAIN_TRY(vain_codec_restore(&run->codec, holding->codec));
    run->round = holding->round;
    memcpy(run->run_id, holding->run_id, VAIN_RUN_ID_BYTES);
    memcpy(run->parameters_hash, holding->parameters_hash, VAIN_HASH_BYTES);
    memcpy(run->record_head, holding->record_head, VAIN_HASH_BYTES);
    if (run->round == before && holding->fetched_bytes == 0) {
        vain_event_notice(run->config->events,
                          "member '%s' looked for a later state than its own for %.2f s, and there "
                          "is none; the round's local steps are done again",
                          run->name, seconds);
        return VAIN_OK;
    }
    run->device.ops->memory.zero(&run->queue, run->residual,
                                 (size_t)run->layout.parameter_count * sizeof(float));
    forget_later_points(run);
    vain_event_notice(run->config->events,
                      "member '%s' was at round %lld and has caught up with the others at round "
                      "%lld: %.1f MB in %.2f s",
                      run->name, (long long)before, (long long)run->round,
                      (double)holding->fetched_bytes * 1e-6, seconds);
    return VAIN_OK;
}
