#include "jobs/round_delta.h"

#include <assert.h>
#include <math.h>

#include "jobs/commitments.h"
#include "jobs/host_vector.h"
#include "jobs/masks.h"

enum { LOSS_NATS_MAX = 100000000 };
static_assert(INT64_C(1000000) * LOSS_NATS_MAX <= INT64_MAX / VAIN_CODEC_MEMBERS_MAX,
              "the members' losses in millionths add up inside 64 bits");

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

enum vain_status vain_delta_loss_micro(const char *member, int64_t round, double loss,
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

enum vain_status vain_delta_encode(struct vain_run *run, const struct vain_context *context,
                                   struct vain_codec_report *report, bool *masked)
{
    const int64_t N = run->layout.parameter_count;
    const struct vain_train_options *train = &run->job->train;
    float *delta = run->method.gradients;
    run->device.ops->codec.delta(&run->queue, N, run->common, run->method.parameters, run->residual,
                                 delta);
    struct vain_counters mine = {.weight = own_weight(run)};
    enum vain_status status =
        vain_delta_loss_micro(run->name, run->round + 1,
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

void vain_delta_keep_residual(struct vain_run *run)
{
    float *last = run->residual;
    run->residual = run->next_residual;
    run->next_residual = last;
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

enum vain_status vain_delta_mean(struct vain_run *run, struct vain_counters *sums, float *mean)
{
    VAIN_TRY(vain_host_words_write(run));
    VAIN_TRY(vain_codec_decode(&run->codec, &run->queue, run->device_words, mean, sums));
    weigh(run, sums, mean);
    return VAIN_OK;
}
