/* Keys are made and compared once a start; after that a round needs a promise, and masks for its
 * one attempt. What was promised elsewhere is dropped before anything is trained on it. */
#include "jobs/masks.h"

#include <string.h>

#include "base/memory.h"

/* ---- keys ------------------------------------------------------------------------------------ */

/* Every member's `bytes` to all, in the order of ids. `by_index` is (n, bytes), `scratch` too. */
static enum vain_status gather_by_index(struct vain_run *run, const struct vain_roster *roster,
                                        const uint8_t *mine, size_t bytes, uint8_t *scratch,
                                        uint8_t *by_index)
{
    VAIN_TRY(vain_comm_all_gather(roster->comm, run->config->world, run->driver.deadline_ms,
                                  VAIN_TAG_START, mine, bytes, scratch));
    for (int i = 0; i < roster->member_count; i++)
        memcpy(by_index + (size_t)i * bytes, scratch + (size_t)roster->member_rank[i] * bytes,
               bytes);
    return VAIN_OK;
}

static enum vain_status exchange_keys(struct vain_run *run, const struct vain_roster *roster)
{
    const size_t n = (size_t)roster->member_count, proofs_bytes = n * VAIN_SECAGG_PROOF_BYTES;
    const size_t all_bytes = n * (proofs_bytes + VAIN_SECAGG_ANNOUNCEMENT_BYTES);
    uint8_t nonce[VAIN_SECAGG_NONCE_BYTES], announcement[VAIN_SECAGG_ANNOUNCEMENT_BYTES];
    uint8_t *block = NULL;
    enum vain_status status;
    VAIN_TRY_OUT(
        vain_take(2 * all_bytes + proofs_bytes, "mask keys of the start", (void **)&block));
    uint8_t *scratch = block, *by_index = block + all_bytes, *proofs = block + 2 * all_bytes;

    run->config->world->ops->random(run->config->world, nonce, sizeof nonce);
    VAIN_TRY_OUT(gather_by_index(run, roster, nonce, sizeof nonce, scratch, by_index));
    vain_secagg_set_session(run->secagg, by_index);
    VAIN_TRY_OUT(vain_secagg_announce(run->secagg, &run->signer, announcement));
    VAIN_TRY_OUT(
        gather_by_index(run, roster, announcement, sizeof announcement, scratch, by_index));
    VAIN_TRY_OUT(vain_secagg_accept(run->secagg, by_index));
    vain_secagg_prove(run->secagg, proofs);
    VAIN_TRY_OUT(gather_by_index(run, roster, proofs, proofs_bytes, scratch, by_index));
    VAIN_TRY_OUT(vain_secagg_check(run->secagg, by_index));
out:
    vain_release(block);
    return status;
}

static void say_what_keys_are(const struct vain_run *run, bool keys_pinned)
{
    if (run->writer && !keys_pinned)
        vain_event_notice(run->config->events,
                          "keys not pinned: masks protect against other members' programs only, "
                          "not against who runs the machines or the launcher; list the members "
                          "with their keys (members: [{name, key}]) for more");
}

enum vain_status vain_masks_open(struct vain_run *run, const struct vain_roster *roster)
{
    if (run->job->exchange.privacy != VAIN_PRIVACY_MASKED)
        return VAIN_OK;
    VAIN_TRY(vain_device_can_mask(&run->device));
    VAIN_TRY(vain_device_can_mask(run->host_queue.device)); /* own masks come off there */
    VAIN_TRY(vain_secagg_open(run->roster_members, roster->member_count, roster->own_index,
                              run->job->exchange.allow_small, &run->secagg));
    VAIN_TRY(exchange_keys(run, roster));
    say_what_keys_are(run, roster->keys_pinned);
    return VAIN_OK;
}

enum vain_status vain_masks_resume(struct vain_run *run)
{
    uint8_t keeps = run->job->exchange.privacy == VAIN_PRIVACY_MASKED ||
                    (run->leader && vain_promises_count(run->promises) > 0);
    if (run->site.comm.size > 1)
        VAIN_TRY(vain_comm_broadcast(&run->site.comm, run->config->world, run->driver.deadline_ms,
                                     0, &keeps, sizeof keeps));
    run->keeps_promises = keeps != 0;
    return VAIN_OK;
}

void vain_masks_close(struct vain_run *run)
{
    vain_secagg_close(&run->secagg);
}

/* ---- one set an input ------------------------------------------------------------------------ */

/* Batches of a round. */
static int64_t round_batches(const struct vain_run *run)
{
    return run->job->train.local_steps * run->job->train.accumulate;
}

/* Where this round's batches begin. */
static int64_t input_position(const struct vain_run *run)
{
    return run->method.data_position - run->method.step_in_round * run->job->train.accumulate;
}

static struct vain_promise promise_of(const struct vain_run *run, const struct vain_roster *roster,
                                      int64_t position)
{
    struct vain_promise promise = {.round = (uint64_t)run->round,
                                   .input = (uint64_t)position,
                                   .batches = (uint64_t)round_batches(run)};
    memcpy(promise.parameters_hash, run->parameters_hash, VAIN_HASH_BYTES);
    memcpy(promise.set_hash, roster->lasting_hash, VAIN_HASH_BYTES);
    return promise;
}

/* Inputs from this one on that were promised to others. */
static enum vain_status count_promised(struct vain_run *run, int64_t *count)
{
    struct vain_roster roster;
    *count = 0;
    VAIN_TRY(run->federation->ops->roster(run->federation, run->round, &roster));
    for (;; ++*count) {
        const struct vain_promise promise =
            promise_of(run, &roster, input_position(run) + *count * round_batches(run));
        if (!vain_promises_forbid(run->promises, &promise))
            return VAIN_OK;
    }
}

/* What the dropped batches taught is gone: residual, and, when steps on them were done already, the
 * optimiser's memory of them. */
static void drop(struct vain_run *run, int64_t inputs)
{
    const int64_t position = input_position(run) + inputs * round_batches(run);
    const size_t vector = (size_t)run->layout.parameter_count * sizeof(float);
    const struct vain_memory_ops *memory = &run->device.ops->memory;
    if (run->leader)
        memory->zero(&run->queue, run->residual, vector);
    if (run->method.step_in_round > 0)
        run->method_ops->forget(&run->method);
    run->method_ops->adopt(&run->method, run->common);
    run->method.data_position = position;
}

enum vain_status vain_masks_drop_promised(struct vain_run *run)
{
    int64_t inputs = 0;
    if (!run->keeps_promises)
        return VAIN_OK;
    if (run->leader)
        VAIN_TRY(count_promised(run, &inputs));
    if (run->site.comm.size > 1)
        VAIN_TRY(vain_comm_broadcast(&run->site.comm, run->config->world, run->driver.deadline_ms,
                                     0, &inputs, sizeof inputs));
    if (inputs == 0)
        return VAIN_OK;
    drop(run, inputs);
    run->dropped_inputs += (uint32_t)inputs; /* those of an earlier start of this round included */
    if (run->leader)
        vain_event_notice(run->config->events,
                          "round %lld, member '%s': its delta was promised to another set of "
                          "members, and two sums with it would give it away: delta and residual "
                          "are dropped, and %lld batches are passed over",
                          (long long)run->round + 1, run->name,
                          (long long)(inputs * round_batches(run)));
    return VAIN_OK;
}

enum vain_status vain_masks_promise(struct vain_run *run, const struct vain_roster *roster,
                                    const struct vain_context *context)
{
    if (!run->keeps_promises)
        return VAIN_OK;
    struct vain_promise promise = promise_of(run, roster, input_position(run));
    promise.attempt = context->attempt;
    /* Own masks have kept what was sent to another set in this round to themselves. */
    const bool anew = run->sent && !run->disclosed && !run->federation->input_spent;
    run->sent = true;
    return anew ? vain_promises_make_anew(run->promises, &promise)
                : vain_promises_make(run->promises, &promise);
}

/* ---- masks ----------------------------------------------------------------------------------- */

const struct vain_masks *vain_masks_begin(struct vain_run *run, const struct vain_context *context)
{
    if (run->job->exchange.privacy != VAIN_PRIVACY_MASKED)
        return NULL;
    return vain_secagg_begin(run->secagg, context, (uint64_t)input_position(run));
}

void vain_masks_end(struct vain_run *run)
{
    if (run->job->exchange.privacy == VAIN_PRIVACY_MASKED)
        vain_secagg_wipe_seeds(run->secagg);
}
