/* Validation, divided among the ranks by window number. Each rank adds its own windows in double
 * and the sums are added in the order of ranks, so that all ranks get the same number, whoever of
 * them asks for it. */
#include "jobs/evaluate.h"

#include <math.h>

#include "base/memory.h"

static double batch_loss(const struct vain_evaluation *evaluation, int64_t B, int64_t T)
{
    const struct vain_batch batch = {B, T, evaluation->tokens, evaluation->targets};
    double sum = 0;
    vain_batch_send(evaluation->queue, B * T, evaluation->host_tokens, evaluation->tokens);
    vain_batch_send(evaluation->queue, B * T, evaluation->host_targets, evaluation->targets);
    evaluation->model_ops->evaluate(evaluation->model, evaluation->layout, evaluation->queue,
                                    evaluation->parameters, &batch, evaluation->workspace, &sum);
    return sum;
}

/* Full windows are taken `batch` at a time; the last window of the split may be short and goes
 * alone. */
enum vain_status vain_evaluate_windows(const struct vain_evaluation *evaluation, int64_t first,
                                       int64_t stride, double *loss_sum, int64_t *count)
{
    const int64_t T = evaluation->model->context;
    const int64_t windows = vain_corpus_validation_windows(evaluation->corpus, T);
    int64_t filled = 0;
    *loss_sum = 0;
    *count = 0;
    for (int64_t window = first; window < windows; window += stride) {
        int64_t length;
        VAIN_TRY(vain_corpus_validation_window(evaluation->corpus, window, T,
                                               evaluation->host_tokens + filled * T,
                                               evaluation->host_targets + filled * T, &length));
        *count += length;
        if (length == T && ++filled < evaluation->batch)
            continue;
        if (filled > 0 && length == T)
            *loss_sum += batch_loss(evaluation, filled, T);
        if (length < T && filled > 0) {
            /* The short window lies behind full ones: those first, then it from the front. */
            *loss_sum += batch_loss(evaluation, filled, T);
            VAIN_TRY(vain_corpus_validation_window(evaluation->corpus, window, T,
                                                   evaluation->host_tokens,
                                                   evaluation->host_targets, &length));
        }
        if (length < T && length > 0)
            *loss_sum += batch_loss(evaluation, 1, length);
        filled = 0;
    }
    if (filled > 0)
        *loss_sum += batch_loss(evaluation, filled, T);
    return VAIN_OK;
}

struct partial {
    double loss_sum;
    int64_t count;
};

enum vain_status vain_evaluate(struct vain_run *run, double *loss)
{
    const struct vain_evaluation evaluation = {
        .model = &run->model,
        .model_ops = run->model_ops,
        .layout = &run->layout,
        .corpus = &run->corpus,
        .queue = &run->queue,
        .parameters = run->common,
        .batch = run->job->train.batch,
        .tokens = run->method.tokens,
        .targets = run->method.targets,
        .host_tokens = run->method.host_tokens,
        .host_targets = run->method.host_targets,
        .workspace = run->method.workspace,
    };
    /* With files by name a split is its site's own; otherwise all ranks have the same one. Either
     * way those who have it share the work. */
    const struct vain_comm *sharers =
        run->job->data.partition == VAIN_PARTITION_NAMED ? &run->site.comm : &run->world_comm;
    struct partial mine, *all = NULL;
    VAIN_TRY(vain_evaluate_windows(&evaluation, sharers->rank, sharers->size, &mine.loss_sum,
                                   &mine.count));
    VAIN_TRY(vain_take_array(run->world_comm.size, sizeof *all, "evaluation", (void **)&all));
    const enum vain_status status =
        vain_comm_all_gather(&run->world_comm, run->config->world, run->driver.deadline_ms,
                             VAIN_TAG_START, &mine, sizeof mine, all);
    struct partial sum = {0, 0};
    for (int i = 0; i < run->world_comm.size; i++) {
        sum.loss_sum += all[i].loss_sum;
        sum.count += all[i].count;
    }
    vain_release(all);
    *loss = sum.count > 0 ? sum.loss_sum / (double)sum.count : NAN;
    return status;
}
