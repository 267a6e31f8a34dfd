/* A round, from top to bottom; each step is one call, and this is the whole way of the data:
 *
 *     local steps -> form -> agree -> promise -> delta -> masked words -> reduce -> open -> commit
 *     -> mean of the views -> outer step -> record
 *
 * Nothing of a delta travels before the reduce, and nothing is moved before the commit: until then
 * a death costs an attempt. Ranks that do not lead their site take part in the local steps and are
 * given the new parameters. */
#include "jobs/round.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "jobs/catch_up.h"
#include "jobs/commitments.h"
#include "jobs/culprit.h"
#include "jobs/group.h"
#include "jobs/host_vector.h"
#include "jobs/masks.h"
#include "jobs/outer.h"
#include "jobs/own_masks.h"
#include "jobs/round_record.h"

enum { LOSS_NATS_MAX = 100000000 };
static_assert(INT64_C(1000000) * LOSS_NATS_MAX <= INT64_MAX / VAIN_CODEC_MEMBERS_MAX,
              "the members' losses in millionths add up inside 64 bits");

static double now_seconds(struct vain_world *world)
{
    return (double)world->ops->now_ns(world) * 1e-9;
}

static void report_step(struct vain_run *run, const struct vain_step_report *step, double seconds)
{
    const struct vain_train_options *train = &run->job->train;
    const double units = (double)(run->method_ops->step_size(run->job) * run->world_comm.size);
    const double values[] = {(double)run->round + 1,
                             (double)(run->round * train->local_steps + run->method.step_in_round),
                             step->loss,
                             step->learning_rate,
                             step->gradient_norm,
                             seconds > 0 ? units / seconds : NAN};
    vain_event_emit(run->config->events, VAIN_EVENT_STEP, values);
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
        report_step(run, &step, now_seconds(world) - start);
        if (step.stop_heard)
            return VAIN_STOPPED;
    }
    return VAIN_OK;
}

/* A delta that is not finite: say in which slice. */
static enum vain_status name_slice(struct vain_run *run, const float *delta)
{
    const int64_t N = run->layout.parameter_count;
    int64_t index = N;
    run->device.ops->optimiser.first_not_finite(&run->queue, N, delta, &index);
    VAIN_TRY(vain_queue_wait(&run->queue));
    if (index == N) /* it is not the delta: what was said before stands */
        return VAIN_ERR_NUMERIC;
    return vain_fail(VAIN_ERR_NUMERIC,
                     "member '%s', round %lld: the delta is not finite in slice '%s' (parameter "
                     "%lld); nothing was sent",
                     run->name, (long long)run->round + 1,
                     vain_layout_slice_at(&run->layout, index)->name, (long long)index);
}

/* With masks a member's own numbers stay with it, since the launcher may read what it prints: only
 * what all of them counted together is told, once. */
static void say_what_did_not_fit_together(struct vain_run *run, const struct vain_counters *sums,
                                          double bound)
{
    if (run->writer && sums->clipped > 0)
        vain_event_notice(run->config->events,
                          "round %lld: deltas of %lld of %d members were scaled down to the bound "
                          "%.4g; the rest stays in their residuals and is part of their next "
                          "deltas (exchange.clip)",
                          (long long)run->round + 1, (long long)sums->clipped, run->codec.members,
                          bound);
    if (run->writer && sums->saturated > 0)
        vain_event_notice(run->config->events,
                          "round %lld: %lld values of all members met the end of the integer "
                          "range; what did not fit stays in the residuals (exchange.bits)",
                          (long long)run->round + 1, (long long)sums->saturated);
}

static void say_what_did_not_fit(struct vain_run *run, const struct vain_codec_report *report,
                                 const struct vain_counters *sums)
{
    if (run->job->exchange.privacy == VAIN_PRIVACY_MASKED) {
        say_what_did_not_fit_together(run, sums, report->bound);
        return;
    }
    if (report->clipped)
        vain_event_notice(run->config->events,
                          "round %lld, member '%s': delta of norm %.4g was scaled down to the "
                          "bound %.4g; the rest stays in the residual and is part of the next "
                          "delta (exchange.clip)",
                          (long long)run->round + 1, run->name, report->norm, report->bound);
    if (report->saturation.count > 0)
        vain_event_notice(run->config->events,
                          "round %lld, member '%s': values met the end of the integer range (%lld "
                          "values, the worst in slice '%s': %.4g); what did not fit stays in the "
                          "residual (exchange.bits)",
                          (long long)run->round + 1, run->name, (long long)report->saturation.count,
                          vain_layout_slice_at(&run->layout, report->saturation.worst_index)->name,
                          (double)report->saturation.worst_value);
}

enum vain_status vain_round_loss_micro(const char *member, int64_t round, double loss,
                                       int64_t *micro)
{
    *micro = 0;
    if (!isfinite(loss) || fabs(loss) > LOSS_NATS_MAX)
        return vain_fail(VAIN_ERR_NUMERIC,
                         "member '%s', round %lld: the mean training loss is %g, expected a number "
                         "of at most %d; nothing was sent. Lower train.learning_rate, or look at "
                         "the data",
                         member, (long long)round, loss, LOSS_NATS_MAX);
    *micro = llround(loss * 1e6);
    return VAIN_OK;
}

/* What this member's delta weighs: what it was trained on, unless the method counts otherwise. */
static int64_t own_weight(const struct vain_run *run)
{
    if (run->method_ops->weight != NULL)
        return run->method_ops->weight(&run->method, run->round);
    return run->job->train.local_steps * run->method_ops->step_size(run->job) * run->site.comm.size;
}

/* Deltas that weigh differently: their mean becomes the sum divided by the sum of the weights. One
 * correctly rounded factor of agreed numbers, so all members get the same bits. */
static void weigh(struct vain_run *run, const struct vain_counters *sums, float *mean)
{
    if (run->method_ops->weight_unit == NULL || sums->weight < 1)
        return;
    const double unit = run->method_ops->weight_unit(&run->method.config);
    const double factor = unit * (double)run->codec.members / (double)sums->weight;
    run->device.ops->optimiser.scale(&run->queue, run->layout.parameter_count, (float)factor, mean);
}

/* delta = common - now + residual, then integers in words, under masks. The gradients' memory holds
 * the delta. What the words do not say becomes the residual only once the exchange is through, so
 * that a round that is left can be saved as if it had not been encoded. */
static enum vain_status encode(struct vain_run *run, const struct vain_context *context,
                               struct vain_codec_report *report, bool *masked)
{
    const int64_t N = run->layout.parameter_count;
    const struct vain_train_options *train = &run->job->train;
    float *delta = run->method.gradients;
    run->device.ops->codec.delta(&run->queue, N, run->common, run->method.parameters, run->residual,
                                 delta);
    struct vain_counters mine = {.weight = own_weight(run)};
    enum vain_status status =
        vain_round_loss_micro(run->name, run->round + 1,
                              run->method.loss_sum / (double)train->local_steps, &mine.loss_micro);
    if (status == VAIN_OK) {
        const struct vain_codec_attempt attempt = {.check = run->check_random,
                                                   .round = (uint32_t)context->round,
                                                   .attempt = context->attempt,
                                                   .masks = vain_masks_begin(run, context),
                                                   .commitment = vain_commitments_begin(run)};
        *masked = attempt.masks != NULL;
        status = vain_codec_encode(&run->codec, &run->queue, delta, &mine, &attempt,
                                   run->device_words, run->next_residual, report);
        vain_masks_end(run);
        if (status == VAIN_OK)
            status = vain_host_words_read(run);
    }
    return status == VAIN_ERR_NUMERIC ? name_slice(run, delta) : status;
}

/* The sum is there: what this round left over is what the next delta starts with. */
static void keep_residual(struct vain_run *run)
{
    float *last = run->residual;
    run->residual = run->next_residual;
    run->next_residual = last;
}

void vain_round_context(const struct vain_run *run, const struct vain_roster *roster,
                        struct vain_context *out)
{
    memset(out, 0, sizeof *out);
    memcpy(out->group_id, roster->group_id, VAIN_HASH_BYTES);
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
                            struct vain_codec_report *report)
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
    VAIN_TRY(encode(run, &context, report, &masked));

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
            : vain_exchange_drive(run->exchange, VAIN_EXCHANGE_BEGIN_OPEN, &run->driver);
    return vain_culprit_find(run, roster, checked);
}

/* Own masks come off a sum when a quorum has signed who is in it, and not before. */
static enum vain_status open_signed(struct vain_run *run, const struct vain_roster *roster)
{
    if (!vain_own_masks_used(run))
        return VAIN_OK;
    VAIN_TRY(vain_own_masks_take_off(run, roster));
    const enum vain_status opened =
        vain_exchange_drive(run->exchange, VAIN_EXCHANGE_BEGIN_OPEN, &run->driver);
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

    /* 1. Form: who takes part. */
    VAIN_TRY(federation->ops->form(federation, run->round, &roster));

    const enum vain_status status = sum(run, &roster, report);
    if (status < 0)
        return end_attempt(run, &roster, status);
    VAIN_TRY(status);

    /* 7. Commit: those who hold the sum agree that it counts. */
    const enum vain_status committed = federation->ops->commit(federation);
    if (committed != VAIN_OK) {
        vain_own_masks_forget(run);
        return committed;
    }
    VAIN_TRY(open_signed(run, &roster));
    keep_residual(run);

    /* 8. Judge: one view a group (one group now), combined by the rule. */
    VAIN_TRY(vain_host_words_write(run));
    VAIN_TRY(vain_codec_decode(&run->codec, &run->queue, run->device_words, mean, sums));
    weigh(run, sums, mean);
    say_what_did_not_fit(run, report, sums);
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

static void report_round(struct vain_run *run, const struct vain_counters *sums,
                         const struct vain_codec_report *report, double local_seconds,
                         double exchange_seconds)
{
    run->round_loss = (double)sums->loss_micro * 1e-6 / (double)run->codec.members;
    const double values[] = {
        (double)run->round,    (double)(run->round * run->job->train.local_steps),
        run->round_loss,       report->norm,
        (double)sums->clipped, exchange_seconds,
        local_seconds};
    vain_event_emit(run->config->events, VAIN_EVENT_ROUND, values);
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
        report_round(run, &sums, &report, trained - start, now_seconds(world) - trained);
    return VAIN_OK;
}
