/* Each window's loss in double, added in the order of windows. */
#include "jobs/windows.h"

static double batch_loss(const struct vain_windows *windows, int64_t B, int64_t T)
{
    const struct vain_batch batch = {
        .B = B, .T = T, .tokens = windows->tokens, .targets = windows->targets};
    const struct vain_memory_ops *memory = &windows->queue->device->ops->memory;
    const size_t bytes = (size_t)(B * T) * sizeof(int32_t);
    struct vain_measure measure = {0};
    memory->copy_in(windows->queue, windows->tokens, windows->host_tokens, bytes);
    memory->copy_in(windows->queue, windows->targets, windows->host_targets, bytes);
    windows->model_ops->evaluate(windows->model, windows->layout, windows->queue,
                                 windows->parameters, &batch, windows->workspace, &measure);
    return measure.loss_sum;
}

/* Full windows are taken `batch` at a time; the last window of the split may be short and goes
 * alone. */
enum vain_status vain_windows_evaluate(const struct vain_windows *windows,
                                       const struct vain_method_share *share,
                                       struct vain_measure_sums *sums)
{
    const int64_t T = windows->model->context;
    const int64_t count = vain_corpus_validation_windows(windows->corpus, T);
    struct vain_measure_sum *loss = &sums->of[VAIN_MEASURE_LOSS];
    int64_t filled = 0;
    for (int64_t window = share->share; window < count; window += share->shares) {
        int64_t length;
        if (vain_method_leaves_off(share))
            return VAIN_STOPPED;
        VAIN_TRY(vain_corpus_validation_window(windows->corpus, window, T,
                                               windows->host_tokens + filled * T,
                                               windows->host_targets + filled * T, &length));
        loss->count += length;
        if (length == T && ++filled < windows->batch)
            continue;
        if (filled > 0 && length == T)
            loss->sum += batch_loss(windows, filled, T);
        if (length < T && filled > 0) {
            /* The short window lies behind full ones: those first, then it from the front. */
            loss->sum += batch_loss(windows, filled, T);
            VAIN_TRY(vain_corpus_validation_window(windows->corpus, window, T, windows->host_tokens,
                                                   windows->host_targets, &length));
        }
        if (length < T && length > 0)
            loss->sum += batch_loss(windows, 1, length);
        filled = 0;
    }
    if (filled > 0)
        loss->sum += batch_loss(windows, filled, T);
    return VAIN_OK;
}
