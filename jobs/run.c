/* A run from start to end, in the order in which things happen.
 *
 * What can go wrong ends here too: the status of whatever failed is told to the caller first, while
 * the message is fresh, and only then are the other ranks torn down, whose failures are echoes of
 * this one. Asked to stop, all ranks save the same round and wait for each other. */
#include "jobs/run.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "jobs/catch_up.h"
#include "jobs/evaluate.h"
#include "jobs/masks.h"
#include "jobs/round.h"
#include "jobs/round_record.h"
#include "jobs/save.h"
#include "jobs/setup.h"
#include "jobs/store/metrics.h"

static double seconds_since_start(const struct vain_run *run)
{
    struct vain_world *world = run->config->world;
    return (double)(world->ops->now_ns(world) - run->start_ns) * 1e-9;
}

static double trained_units_per_second(const struct vain_run *run, double seconds)
{
    const double units = (double)run->steps_done *
                         (double)(run->method_ops->step_size(run->job) * run->world_comm.size);
    return seconds > 0 ? units / seconds : 0;
}

void vain_note_target(struct vain_run *run, int64_t round, double accuracy)
{
    const double target = run->job->train.target_accuracy;
    if (target > 0 && accuracy >= target && run->rounds_to_target < 0)
        run->rounds_to_target = round;
}

/* Whether the common parameters are measured after the round that has just ended, and saved. */
static bool evaluation_is_due(const struct vain_run *run)
{
    const int64_t every = run->job->train.evaluate_every;
    return every > 0 && run->round % every == 0;
}

static bool checkpoint_is_due(const struct vain_run *run)
{
    return run->round % run->job->checkpoint.every == 0 || run->round == run->job->train.rounds;
}

static bool has_point(const struct vain_run *run)
{
    return run->curve_count > 0 && run->curve[run->curve_count - 1].round == run->round;
}

static void put_on_curve(struct vain_run *run)
{
    run->curve[run->curve_count++] = (struct vain_curve_point){
        run->round, run->round * run->job->train.local_steps, run->round_loss, NAN, NAN};
}

/* Asked to stop while it was measured: as between two steps. */
static enum vain_status leave_off(struct vain_run *run)
{
    if (!has_point(run))
        put_on_curve(run);
    if (!run->leader)
        return VAIN_STOPPED;
    const enum vain_status status = run->federation->ops->drain(run->federation, false);
    return status < 0 ? status : vain_round_leave(run);
}

/* Measure the common parameters, put a point on the curve. Collective over the world.
 * VAIN_STOPPED: a rank was asked to stop meanwhile. */
static enum vain_status evaluate(struct vain_run *run)
{
    struct vain_measures measures;
    const enum vain_status status = vain_evaluate(run, &measures);
    if (status == VAIN_STOPPED)
        return leave_off(run);
    VAIN_TRY(status);
    run->measures = measures;
    const struct vain_estimate *of = run->measures.of;
    const double validation_loss = of[VAIN_MEASURE_LOSS].mean;
    const int64_t step = run->round * run->job->train.local_steps;
    struct vain_curve_point *point =
        &run->curve[has_point(run) ? run->curve_count - 1 : run->curve_count++];
    *point = (struct vain_curve_point){run->round, step, run->round_loss, validation_loss,
                                       of[VAIN_MEASURE_ACCURACY].mean};
    vain_note_target(run, run->round, of[VAIN_MEASURE_ACCURACY].mean);
    run->measured_round = run->round;
    run->recalled = false;
    run->measured_as_last = run->round == run->job->train.rounds;
    if (run->round == 0)
        run->first_validation_loss = validation_loss;
    const double values[] = {(double)run->round,
                             (double)step,
                             validation_loss,
                             of[VAIN_MEASURE_ACCURACY].mean,
                             of[VAIN_MEASURE_ACCURACY].interval,
                             of[VAIN_MEASURE_ACCURACY_TRANSDUCTIVE].mean,
                             of[VAIN_MEASURE_NORMALISED_MUTUAL_INFORMATION].mean};
    vain_event_emit(run->config->events, VAIN_EVENT_EVALUATION, values);
    return VAIN_OK;
}

static bool is_measured(const struct vain_run *run)
{
    const struct vain_estimate *of = run->measures.of;
    return !isnan(of[VAIN_MEASURE_LOSS].mean) || !isnan(of[VAIN_MEASURE_ACCURACY].mean);
}

/* Rounds until the last one, evaluated and saved when due. */
static enum vain_status train(struct vain_run *run)
{
    const int64_t rounds = run->job->train.rounds;
    while (run->round < rounds) {
        const enum vain_status status = vain_round(run);
        if (status == VAIN_AGAIN)
            continue;
        VAIN_TRY(status);
        if (evaluation_is_due(run) || checkpoint_is_due(run))
            VAIN_TRY(evaluate(run));
        else
            put_on_curve(run);
        if (checkpoint_is_due(run))
            VAIN_TRY(vain_save(run));
    }
    if (run->unsaved) { /* the others had done the last round without this one */
        VAIN_TRY(evaluate(run));
        VAIN_TRY(vain_save(run));
    }
    if (run->leader && run->federation->ops->finish != NULL)
        VAIN_TRY(run->federation->ops->finish(run->federation));
    /* A start that had nothing left to do from a checkpoint named elsewhere still leaves one here.
     */
    const bool named = strcmp(run->config->resume, "auto") != 0;
    return named && run->saved_round < 0 ? vain_save(run) : VAIN_OK;
}

/* The signal behind the stop: the greatest that any rank was sent. Collective over the world. */
static enum vain_status agree_on_signal(struct vain_run *run)
{
    int32_t mine = atomic_load(run->config->signal), *all = NULL;
    VAIN_TRY(vain_take_array(run->world_comm.size, sizeof *all, "signals", (void **)&all));
    const enum vain_status status =
        vain_comm_all_gather(&run->world_comm, run->config->world, run->driver.deadline_ms,
                             VAIN_TAG_START, &mine, sizeof mine, all);
    for (int i = 0; i < run->world_comm.size; i++)
        run->signal = all[i] > run->signal ? all[i] : run->signal;
    vain_release(all);
    return status;
}

/* Asked to stop: everybody saves the same common round and waits for the others, so that no rank is
 * killed while another still writes. */
static enum vain_status stop(struct vain_run *run)
{
    VAIN_TRY(agree_on_signal(run));
    const double values[] = {
        (double)run->round,
        (double)(run->round * run->job->train.local_steps + run->method.step_in_round),
        (double)run->signal};
    vain_event_emit(run->config->events, VAIN_EVENT_STOP, values);
    VAIN_TRY(vain_save(run));
    VAIN_TRY(vain_comm_barrier(&run->world_comm, run->config->world, run->driver.deadline_ms));
    return VAIN_STOPPED;
}

static void report_start(struct vain_run *run)
{
    const double values[] = {
        (double)run->codec.members, (double)run->layout.parameter_count, (double)run->round,
        (double)(run->round * run->job->train.local_steps + run->method.step_in_round)};
    vain_event_emit(run->config->events, VAIN_EVENT_RUN_START, values);
}

/* loss.svg, and accuracy.svg where there is one. */
static enum vain_status draw(const struct vain_run *run, const struct vain_run_result *result)
{
    char path[VAIN_PATH_BYTES];
    VAIN_TRY(vain_curve_write_svg(VAIN_PICTURE_LOSS, run->curve, run->curve_count,
                                  run->job->general.name, result->curve, run->config->world));
    if (isnan(run->measures.of[VAIN_MEASURE_ACCURACY].mean))
        return VAIN_OK;
    snprintf(path, sizeof path, "%.*s/accuracy.svg", VAIN_PATH_BYTES - 16, run->config->directory);
    return vain_curve_write_svg(VAIN_PICTURE_ACCURACY, run->curve, run->curve_count,
                                run->job->general.name, path, run->config->world);
}

/* Sentences are measured on one split while training and on another at the end. */
static void name_splits(const struct vain_run *run, struct vain_run_result *result)
{
    const struct vain_data_options *data = &run->job->data;
    const char *const names[VAIN_SPLITS] = {
        [VAIN_SPLIT_VALIDATION] = data->validation_split, [VAIN_SPLIT_TEST] = data->test_split};
    if (run->data.kind != VAIN_DATA_SENTENCES)
        return;
    const int first = vain_sentence_data_measured(&run->data.sentences, false);
    const int last = vain_sentence_data_measured(&run->data.sentences, run->measured_as_last);
    if (first == last)
        return;
    snprintf(result->first_split, sizeof result->first_split, "%s", names[first]);
    snprintf(result->measured_split, sizeof result->measured_split, "%s", names[last]);
}

static enum vain_status finish(struct vain_run *run, struct vain_run_result *result)
{
    const char *folder = run->config->directory;
    result->final_loss = run->round_loss;
    result->first_validation_loss = run->first_validation_loss;
    result->measures = run->measures;
    result->measured_round = run->measured_round;
    result->recalled = run->recalled;
    name_splits(run, result);
    if (run->method_ops->found != NULL)
        run->method_ops->found(&run->method, run->common, &result->found);
    memcpy(result->published, run->job->general.published, sizeof result->published);
    result->rounds_to_target = run->rounds_to_target;
    result->unit = run->method_ops->unit(run->job);
    result->rounds = run->round;
    result->steps = run->round * run->job->train.local_steps + run->method.step_in_round;
    result->seconds = seconds_since_start(run);
    result->units_per_second = trained_units_per_second(run, result->seconds);
    result->parameter_count = run->layout.parameter_count;
    result->member_count = run->codec.members;
    memcpy(result->parameters_hash, run->parameters_hash, VAIN_HASH_BYTES);
    if (run->federation != NULL)
        result->counts = run->federation->counts;
    snprintf(result->platform, sizeof result->platform, "%s", run->platform);
    snprintf(result->device, sizeof result->device, "%s", run->device_told);
    vain_checkpoint_path(folder, run->round, result->checkpoint, sizeof result->checkpoint);
    snprintf(result->record, sizeof result->record, "%s/record.bin", folder);
    snprintf(result->curve, sizeof result->curve, "%s/loss.svg", folder);
    if (!run->writer)
        return VAIN_OK;
    const double values[] = {(double)run->round, (double)result->steps,
                             result->final_loss, run->measures.of[VAIN_MEASURE_LOSS].mean,
                             result->seconds,    result->units_per_second};
    vain_event_emit(run->config->events, VAIN_EVENT_RUN_END, values);
    return draw(run, result);
}

/* What was last measured, as far as the curve keeps it. */
static void recall_curve(struct vain_run *run)
{
    if (run->curve_count > 0)
        run->round_loss = run->curve[run->curve_count - 1].loss;
    for (int64_t i = run->curve_count; i-- > 0;) {
        const struct vain_curve_point *point = &run->curve[i];
        if (isnan(point->validation_loss) && isnan(point->accuracy))
            continue;
        run->measures.of[VAIN_MEASURE_LOSS].mean = point->validation_loss;
        run->measures.of[VAIN_MEASURE_ACCURACY].mean = point->accuracy;
        run->measured_round = point->round;
        run->recalled = true;
        run->measured_as_last = point->round == run->job->train.rounds;
        return;
    }
}

/* The start of a run, or a round after which it was stopped while it was measured. Collective: the
 * same at every rank. */
static bool is_left_to_measure(const struct vain_run *run)
{
    if (run->method.step_in_round != 0 || run->unsaved)
        return false;
    return run->round == 0 ||
           (!run->resumed_measured && (evaluation_is_due(run) || checkpoint_is_due(run)));
}

/* A run that goes on after its last round has nothing to do but to say how it ended. */
static enum vain_status start(struct vain_run *run)
{
    VAIN_TRY(vain_resume(run));
    VAIN_TRY(vain_masks_resume(run));
    recall_curve(run);
    if (run->leader)
        VAIN_TRY(vain_lend(run));
    run->start_ns = run->config->world->ops->now_ns(run->config->world); /* of the waiting */
    VAIN_TRY(vain_round_meet(run));
    report_start(run);
    if (run->writer && run->round >= run->job->train.rounds)
        vain_event_notice(run->config->events,
                          "all %lld rounds are done: nothing is left to train; with a higher "
                          "train.rounds and --resume FILE it goes on",
                          (long long)run->round);
    run->start_ns = run->config->world->ops->now_ns(run->config->world);
    if (!is_left_to_measure(run))
        return VAIN_OK;
    VAIN_TRY(evaluate(run));
    if (run->round < run->job->train.rounds || !is_measured(run))
        return VAIN_OK;
    run->saved_round = -1; /* the file of the last round says nothing of it yet */
    return vain_save(run);
}

enum vain_status vain_run_job(const struct vain_run_config *config, struct vain_run_result *result)
{
    struct vain_run run;
    memset(result, 0, sizeof *result);
    enum vain_status status = vain_setup(&run, config);
    if (status == VAIN_OK)
        status = start(&run);
    if (status == VAIN_OK)
        status = train(&run);
    if (status == VAIN_STOPPED)
        status = stop(&run);
    if (status >= 0) {
        result->signal = run.signal;
        result->stopped = status == VAIN_STOPPED;
        const enum vain_status finished = finish(&run, result);
        status = finished != VAIN_OK ? finished : status;
    }
    if (status < 0) {
        if (config->failed != NULL)
            config->failed(config->failed_context, status);
        run.world_comm.ops->abort(&run.world_comm);
    }
    vain_teardown(&run);
    return status;
}
