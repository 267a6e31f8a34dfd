#include "jobs/round_report.h"

#include <math.h>

void vain_report_step(struct vain_run *run, const struct vain_step_report *step, double seconds)
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

/* With masks a member's own numbers stay with it, since the launcher may read what it prints: only
 * what all of them counted together is told, once. */
static void say_together(struct vain_run *run, const struct vain_counters *sums, double bound)
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

void vain_report_not_fitting(struct vain_run *run, const struct vain_codec_report *report,
                             const struct vain_counters *sums)
{
    if (run->job->exchange.privacy == VAIN_PRIVACY_MASKED) {
        say_together(run, sums, report->bound);
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

void vain_report_round(struct vain_run *run, const struct vain_counters *sums,
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
