/* A round, from top to bottom; each step is one call, and this is the whole way of the data:
 *
 *     local steps -> form -> agree -> promise -> delta -> masked words -> reduce -> verify
 *     -> commit -> own masks off -> mean of the views -> outer step -> record
 *
 * Nothing of a delta travels before the reduce, and nothing is moved before the commit: until then
 * a death costs an attempt. Ranks that do not lead their site take part in the local steps and are
 * given the new parameters. */
#include "jobs/round.h"

#include <string.h>

#include "jobs/catch_up.h"
#include "jobs/commitments.h"
#include "jobs/content.h"
#include "jobs/culprit.h"
#include "jobs/group.h"
#include "jobs/host_vector.h"
#include "jobs/masks.h"
#include "jobs/outer.h"
#include "jobs/own_masks.h"
#include "jobs/round_delta.h"
#include "jobs/round_record.h"
#include "jobs/round_report.h"

static double now_seconds(struct vain_world *world)
{
    return (double)world->ops->now_ns(world) * 1e-9;
}

static bool asked_to_stop(struct vain_run *run, enum vain_status *status)
{
    if (!run->leader)
        return atomic_load(run->config->signal) != 0;
    *status = run->federation->ops->drain(run->federation, false);
    return *status == VAIN_STOPPED;
}

/* H steps on the member's own data. The site's ranks stop after the same step. */
static enum vain_status local_steps(struct vain_run *run)
{
    struct vain_world *world = run->config->world;
    while (run->method.step_in_round < run->job->train.local_steps) {
        enum vain_status status = VAIN_OK;
        const bool want_stop = asked_to_stop(run, &status);
        if (status < 0)
            return status;
        struct vain_step_report step;
        const double start = now_seconds(world);
        VAIN_TRY(run->method_ops->step(&run->method, run->round, run->method.step_in_round,
                                       want_stop, &step));
        run->steps_done++;
        vain_report_step(run, &step, now_seconds(world) - start);
        if (step.stop_heard)
            return VAIN_STOPPED;
    }
    return VAIN_OK;
}

void vain_round_context(const struct vain_run *run, const struct vain_roster *roster,
                        struct vain_context *out)
{
    memset(out, 0, sizeof *out);
    vain_group_id(run, roster, out->group_id);
    memcpy(out->set_hash, roster->set_hash, VAIN_HASH_BYTES);
    memcpy(out->parameters_hash, run->parameters_hash, VAIN_HASH_BYTES);
    memcpy(out->spec_hash, run->config->spec_hash, VAIN_HASH_BYTES);
    out->epoch = roster->epoch;
    out->round = (uint64_t)run->round;
    out->attempt = roster->attempt;
    out->algorithm = run->algorithm;
    memcpy(out->order_hash, run->ring_hash, VAIN_HASH_BYTES);
    out->masked = run->job->exchange.privacy == VAIN_PRIVACY_MASKED;
    out->dropped = run->dropped_inputs;
    out->wants_evidence = run->evidence_rounds > 0;
    vain_context_bind(out, &run->codec);
}

/* A member whose message does not fit its tag has spoilt the exchange. */
static void note_spoilt(struct vain_run *run, const struct vain_roster *roster)
{
    const int rank = run->exchange != NULL ? vain_exchange_wrong_from(run->exchange) : -1;
    for (int i = 0; i < roster->member_count && rank >= 0; i++) {
        if (roster->member_rank[i] != rank)
            continue;
        run->federation->spoilt = true;
        run->federation->spoilt_by = i;
    }
}

/* An attempt that failed: its communicator goes, and with it all that was made for it. */
static enum vain_status end_attempt(struct vain_run *run, const struct vain_roster *roster,
                                    enum vain_status status)
{
    note_spoilt(run, roster);
    vain_group_close(run);
    return run->federation->ops->failed(run->federation, status);
}

/* The members' part of a round, as far as it can come to nothing: from who takes part to the
 * verified sum. */
static enum vain_status sum(struct vain_run *run, const struct vain_roster *roster,
                            struct vain_codec_report *report,
                            uint8_t content[VAIN_MIN_LEN(VAIN_HASH_BYTES)])
{
    struct vain_context context;

    /* 2. Agree: contexts are compared; until they are all there a round can be left. */
    VAIN_TRY(vain_group_open(run, roster));
    vain_round_context(run, roster, &context);
    vain_exchange_set_round(run->exchange, &context, run->check_random);
    VAIN_TRY(vain_exchange_drive(run->exchange, VAIN_EXCHANGE_BEGIN_AGREE, &run->driver));

    /* 3. Promise: this delta goes to this set and no other, whatever happens from here on. */
    VAIN_TRY(vain_masks_promise(run, roster, &context));

    /* 4. The delta becomes words, under masks: integers, check word and masks in one pass. */
    bool masked = false;
    VAIN_TRY(vain_delta_encode(run, &context, report, &masked));

    /* Before they travel all are dealt shares of what opens the own mask, if there is one, and a
     * commitment to what is under it, if that is asked for. */
    VAIN_TRY(vain_commitments_keep(run, &context));
    VAIN_TRY(vain_own_masks_deal(run, roster));

    /* 5. Reduce: masked words travel and are summed; the pair masks are gone in the sum. If an
     * earlier sum did not hold, all that is passed on is signed. */
    vain_exchange_set_words(run->exchange, run->words, masked);
    VAIN_TRY(vain_culprit_begin(run, roster));
    VAIN_TRY(vain_exchange_drive(run->exchange, VAIN_EXCHANGE_BEGIN_REDUCE, &run->driver));

    /* 6. Check: the check word holds, or there is no sum. Under own masks it is that of what the
     * masks hide still; without them the sum is open now. */
    const enum vain_status checked =
        vain_own_masks_used(run)
            ? vain_codec_verify_masked(&run->codec, &run->host_queue, run->check_random,
                                       (uint32_t)context.round, context.attempt, run->words)
            : vain_exchange_drive(run->exchange, VAIN_EXCHANGE_BEGIN_VERIFY, &run->driver);
    VAIN_TRY(vain_culprit_find(run, roster, checked));
    return vain_content_hash(run, roster, &context, content);
}

/* Own masks come off a sum when a quorum has signed who is in it, and not before. */
static enum vain_status open_signed(struct vain_run *run, const struct vain_roster *roster)
{
    if (!vain_own_masks_used(run))
        return VAIN_OK;
    VAIN_TRY(vain_own_masks_take_off(run, roster));
    const enum vain_status opened =
        vain_exchange_drive(run->exchange, VAIN_EXCHANGE_BEGIN_VERIFY, &run->driver);
    return opened == VAIN_ERR_NUMERIC && run->federation->ops->disown != NULL
               ? run->federation->ops->disown(run->federation)
               : opened;
}

/* One attempt. VAIN_AGAIN: it came to nothing, another may be made. */
static enum vain_status attempt(struct vain_run *run, struct vain_counters *sums,
                                struct vain_codec_report *report)
{
    struct vain_federation *federation = run->federation;
    struct vain_roster roster;
    const int64_t N = run->layout.parameter_count;
    float *mean = run->method.gradients;
    uint8_t content[VAIN_HASH_BYTES];

    /* 1. Form: who takes part. */
    VAIN_TRY(federation->ops->form(federation, run->round, &roster));

    const enum vain_status status = sum(run, &roster, report, content);
    if (status < 0)
        return end_attempt(run, &roster, status);
    VAIN_TRY(status);

    /* 7. Commit: those who hold the same sum, and were told the same with it, agree that it counts.
     */
    const enum vain_status committed = federation->ops->commit(federation, content);
    if (committed != VAIN_OK) {
        vain_own_masks_forget(run);
        return committed;
    }
    VAIN_TRY(open_signed(run, &roster));
    vain_delta_keep_residual(run);

    /* 8. Judge: one view a group (one group now), combined by the rule. */
    VAIN_TRY(vain_delta_mean(run, sums, mean));
    vain_report_not_fitting(run, report, sums);
    const float *const views[] = {mean};
    const int64_t weights[] = {federation->ops->weight(federation, roster.own_index)};
    VAIN_TRY(run->rule->combine(&run->queue, 1, N, views, weights, mean));

    /* 9. Step: the outer optimiser moves what is common. */
    vain_outer_apply(&run->job->outer, &run->queue, N, mean, run->momentum, run->common);
    if (run->method_ops->settle != NULL)
        run->method_ops->settle(&run->method, run->round, run->common);
    VAIN_TRY(vain_host_vector_read(run, VAIN_VECTOR_COMMON));

    /* 10. Record: all members sign what happened. */
    return vain_round_record(run, &roster, sums);
}

/* Attempts, until one has gone through. VAIN_AGAIN: the words of this input have left, and it takes
 * other ones to go on. */
static enum vain_status exchange(struct vain_run *run, struct vain_counters *sums,
                                 struct vain_codec_report *report)
{
    run->sent = run->disclosed = run->federation->input_spent = false;
    for (;;) {
        const enum vain_status status = attempt(run, sums, report);
        const bool shown = run->disclosed || run->federation->input_spent;
        const bool burned = run->sent && (!vain_own_masks_used(run) || shown);
        if (status == VAIN_AGAIN && burned && run->keeps_promises) {
            run->federation->counts.rounds_burned++;
            return status;
        }
        if (status != VAIN_AGAIN)
            return status;
    }
}

/* What the leader's part came to, for the ranks of its site. */
struct outcome {
    int32_t status; /* enum vain_status */
    int32_t moved;  /* the parameters are others than before */
    int64_t round;
};

/* The leader's outcome and the new parameters reach the site's other ranks. They wait four
 * deadlines for the outcome: agree, reduce and gather may take their leader one each, the promise
 * on disk, hashing, signing and writing the record the fourth. Members on their own hosts may also
 * wait for each other: for as long as it takes. */
static enum vain_status share_with_site(struct vain_run *run, struct outcome *outcome)
{
    const int64_t patience_ms = run->config->on_own_host ? 0 : 4 * run->driver.deadline_ms;
    if (run->site.comm.size == 1)
        return VAIN_OK;
    VAIN_TRY(vain_comm_broadcast(&run->site.comm, run->config->world, patience_ms, 0, outcome,
                                 sizeof *outcome));
    if (outcome->moved == 0)
        return VAIN_OK;
    VAIN_TRY(vain_comm_broadcast(&run->site.comm, run->config->world, run->driver.deadline_ms, 0,
                                 vain_host_vector(run, VAIN_VECTOR_COMMON),
                                 (size_t)run->layout.parameter_count * sizeof(float)));
    return run->leader ? VAIN_OK : vain_host_vector_write(run, VAIN_VECTOR_COMMON);
}

/* VAIN_BEHIND: what is common is what the others hold. VAIN_STOPPED: it is not, and the site is to
 * hear of that too. */
static enum vain_status catch_up(struct vain_run *run)
{
    const enum vain_status status = vain_catch_up(run);
    return status == VAIN_OK ? VAIN_BEHIND : status;
}

/* The leader's part after the local steps. */
static enum vain_status lead(struct vain_run *run, struct vain_counters *sums,
                             struct vain_codec_report *report, struct outcome *outcome)
{
    enum vain_status status = exchange(run, sums, report);
    if (status == VAIN_OK)
        run->round++;
    if (status == VAIN_BEHIND)
        status = catch_up(run);
    if (status < 0)
        return status;
    outcome->moved = status == VAIN_OK || status == VAIN_BEHIND;
    outcome->status = (int32_t)status;
    outcome->round = run->round;
    return VAIN_OK;
}

/* All ranks of the site: the new common parameters are where the next local step begins. */
static enum vain_status adopt(struct vain_run *run, const struct outcome *outcome)
{
    run->round = outcome->round;
    run->method_ops->adopt(&run->method, run->common);
    if (outcome->status == VAIN_BEHIND) {
        run->method.data_position = vain_catch_up_position(run);
        run->unsaved = true;
    }
    if (outcome->status == VAIN_OK) {
        run->dropped_inputs = 0;
        run->evidence_rounds -= run->evidence_rounds > 0;
    }
    return run->leader ? vain_lend(run) : VAIN_OK;
}

enum vain_status vain_round_leave(struct vain_run *run)
{
    const enum vain_status status = run->federation->ops->left(run->federation);
    return status == VAIN_OK ? VAIN_STOPPED : status;
}

enum vain_status vain_round_meet(struct vain_run *run)
{
    struct outcome outcome = {.round = run->round};
    if (run->leader && run->federation->ops->meet != NULL) {
        enum vain_status status = run->federation->ops->meet(run->federation);
        if (status == VAIN_BEHIND)
            status = catch_up(run);
        if (status < 0)
            return status;
        outcome.status = (int32_t)status;
        outcome.moved = status == VAIN_BEHIND;
        outcome.round = run->round;
    }
    VAIN_TRY(share_with_site(run, &outcome));
    if (outcome.status == VAIN_STOPPED)
        return run->leader ? vain_round_leave(run) : VAIN_STOPPED;
    return outcome.moved != 0 ? adopt(run, &outcome) : VAIN_OK;
}

enum vain_status vain_round(struct vain_run *run)
{
    struct vain_world *world = run->config->world;
    struct vain_counters sums = {0};
    struct vain_codec_report report = {0};
    struct outcome outcome = {0};
    const double start = now_seconds(world);

    VAIN_TRY(vain_masks_drop_promised(run));
    const enum vain_status stepped = local_steps(run);
    const double trained = now_seconds(world);
    if (stepped < 0)
        return stepped;
    outcome.status = (int32_t)stepped;
    if (stepped == VAIN_OK) {
        if (run->leader)
            VAIN_TRY(lead(run, &sums, &report, &outcome));
        VAIN_TRY(share_with_site(run, &outcome));
    }
    if (outcome.status == VAIN_STOPPED)
        return run->leader ? vain_round_leave(run) : VAIN_STOPPED;
    if (outcome.moved != 0)
        VAIN_TRY(adopt(run, &outcome));
    if (outcome.status != VAIN_OK)
        return VAIN_AGAIN;
    if (run->leader)
        vain_report_round(run, &sums, &report, trained - start, now_seconds(world) - trained);
    return VAIN_OK;
}
