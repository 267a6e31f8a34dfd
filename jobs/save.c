/* What a run puts on disk: two kinds of file, because two kinds of owner. The writer's checkpoint
 * is common and anybody may have it; a leader's own file would tell what it learnt alone. Which
 * comes first matters on the first save only, see vain_save. */
#include "jobs/save.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "jobs/catch_up.h"
#include "jobs/host_vector.h"
#include "jobs/store/member.h"

static enum vain_status write_common(struct vain_run *run, int64_t *bytes)
{
    const struct vain_run_config *config = run->config;
    const struct vain_checkpoint checkpoint = {
        .round = run->round,
        .step = run->round * run->job->train.local_steps,
        .created_unix_ms = config->world->ops->unix_ms(config->world),
        .parameter_count = run->layout.parameter_count,
        .slice_count = run->layout.slice_count,
        .slices = run->slices,
        .parameters = vain_host_vector(run, VAIN_VECTOR_COMMON),
        .outer_momentum = vain_host_vector(run, VAIN_VECTOR_MOMENTUM),
        .range_exponent = vain_codec_state(&run->codec).range_exponent,
        .bound_exponent = vain_codec_state(&run->codec).bound_exponent,
        .spec = config->spec->text,
        .spec_resolved = config->spec_resolved,
        .job_name = run->job->general.name,
        .platform = run->common_platform,
        .model = run->model_ops->name,
        .member_count = run->codec.members,
        .members = run->roster_members,
        .symbol_count = run->data.symbol_count,
        .symbols = run->data.vocabulary,
        .words = run->data.words,
        .symbol_kind = run->data.symbol_kind,
        .pool = run->host_queue.device->pool,
        .curve_count = run->curve_count,
        .curve = run->curve,
    };
    struct vain_checkpoint full = checkpoint;
    memcpy(full.run_id, run->run_id, VAIN_RUN_ID_BYTES);
    memcpy(full.parameters_hash, run->parameters_hash, VAIN_HASH_BYTES);
    memcpy(full.record_head, run->record_head, VAIN_HASH_BYTES);
    memcpy(full.spec_hash, config->spec_hash, VAIN_HASH_BYTES);
    return vain_checkpoint_write(&full, config->directory, config->world, bytes);
}

static enum vain_status write_own(struct vain_run *run)
{
    struct vain_member_state state = {
        .round = run->round,
        .step_in_round = run->method.step_in_round,
        .optimiser_step = run->method.optimiser_step,
        .data_position = run->method.data_position,
        .loss_sum = run->method.loss_sum,
        .promises = vain_promises_count(run->promises),
        .dropped_inputs = run->dropped_inputs,
        .parameter_count = run->layout.parameter_count,
        .pool = run->host_queue.device->pool,
        .residual = vain_host_vector(run, VAIN_VECTOR_RESIDUAL),
        .parameters =
            run->method.step_in_round > 0 ? vain_host_vector(run, VAIN_VECTOR_LOCAL) : NULL,
    };
    vain_list_memories(run, &state);
    memcpy(state.name, run->name, sizeof state.name);
    memcpy(state.run_id, run->run_id, VAIN_RUN_ID_BYTES);
    memcpy(state.parameters_hash, run->parameters_hash, VAIN_HASH_BYTES);
    return vain_member_write(&state, run->config->directory, run->config->world);
}

enum vain_status vain_save(struct vain_run *run)
{
    if (!run->leader)
        return VAIN_OK;
    const struct vain_run_config *config = run->config;
    struct vain_world *world = config->world;
    const uint64_t start = world->ops->now_ns(world);
    int64_t bytes = 0;
    /* Half of two states is none: the file that is there, if there is one, stays. */
    const bool half = vain_catch_up_is_half(run);
    const bool common_is_due = run->writer && run->saved_round != run->round && !half;
    for (int v = 0; v < VAIN_VECTOR_COUNT; v++)
        VAIN_TRY(vain_host_vector_read(run, (enum vain_vector)v));
    VAIN_TRY(write_own(run));
    /* A member that has no file at all starts its own part empty. That must never be one that was
     * only late to write: the first common checkpoint waits until everybody has a file. Members on
     * their own hosts have checkpoints of their own. */
    if (run->saved_round < 0 && !config->on_own_host)
        VAIN_TRY(vain_comm_barrier(&run->members_comm, world, run->driver.deadline_ms));
    if (common_is_due)
        VAIN_TRY(write_common(run, &bytes));
    /* The round before this one was written by all members before they met in this round's
     * exchange, so two files a member are enough to always have a common one; the spec's minimum of
     * `keep` is two. */
    VAIN_TRY(vain_checkpoint_prune(config->directory,
                                   run->writer ? (int)run->job->checkpoint.keep : 0, run->name,
                                   (int)run->job->checkpoint.keep));
    if (half)
        vain_event_notice(config->events,
                          "member '%s' was stopped while it caught up, with half of what it was to "
                          "hold: no checkpoint is written, and the next start goes on from the "
                          "newest that is there",
                          run->name);
    else
        run->saved_round = run->round;
    run->unsaved = false;
    /* A stop in the middle of a round that is saved already writes own files only. */
    if (common_is_due) {
        const double values[] = {(double)run->round,
                                 (double)(run->round * run->job->train.local_steps),
                                 (double)(world->ops->now_ns(world) - start) * 1e-9, (double)bytes};
        vain_event_emit(config->events, VAIN_EVENT_CHECKPOINT, values);
    }
    return VAIN_OK;
}
