/* Evaluation, divided among the ranks by sample number. Each rank adds its own samples in double
 * and the sums are added in the order of ranks, so that all ranks get the same numbers, whoever of
 * them asks for it. */
#include "jobs/evaluate.h"

#include "base/memory.h"

/* What a rank tells the others. */
struct part {
    struct vain_measure_sums sums;
    int64_t left_off; /* 1: asked to stop */
};

enum vain_status vain_evaluate(struct vain_run *run, struct vain_measures *out)
{
    /* With files by name a split is its site's own; otherwise all ranks have the same one. Either
     * way those who have it share the work. */
    const struct vain_comm *sharers =
        run->job->data.partition == VAIN_PARTITION_NAMED ? &run->site.comm : &run->world_comm;
    /* The others leave after the last round, and who comes back alone finds nobody to go on with.
     */
    const bool last = run->round == run->job->train.rounds;
    const struct vain_method_share share = {
        .share = sharers->rank,
        .shares = sharers->size,
        .last = last,
        .round = run->round,
        .signal = last && run->config->on_own_host ? NULL : run->config->signal};
    struct part mine = {.left_off = 0}, *all = NULL;
    struct vain_measure_sums sums = {0};
    enum vain_status status =
        run->method_ops->evaluate(&run->method, run->common, &share, &mine.sums);
    vain_measures_clear(out);
    if (status < 0)
        return status;
    mine.left_off = status == VAIN_STOPPED ? 1 : 0;
    /* Those who were not asked to stop come when they have done their share. */
    const int64_t patience_ms = (mine.left_off != 0 ? 4 : 1) * run->driver.deadline_ms;
    VAIN_TRY(vain_take_array(run->world_comm.size, sizeof *all, "evaluation", (void **)&all));
    status = vain_comm_all_gather(&run->world_comm, run->config->world, patience_ms, VAIN_TAG_START,
                                  &mine, sizeof mine, all);
    for (int i = 0; i < run->world_comm.size && status == VAIN_OK; i++) {
        vain_measure_merge(&sums, &all[i].sums);
        mine.left_off |= all[i].left_off;
    }
    vain_release(all);
    VAIN_TRY(status);
    if (mine.left_off != 0)
        return VAIN_STOPPED;
    vain_measure_finish(&sums, out);
    return VAIN_OK;
}
