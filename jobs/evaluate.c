/* Evaluation, divided among the ranks by sample number. Each rank adds its own samples in double
 * and the sums are added in the order of ranks, so that all ranks get the same numbers, whoever of
 * them asks for it. */
#include "jobs/evaluate.h"

#include "base/memory.h"

enum vain_status vain_evaluate(struct vain_run *run, struct vain_measures *out)
{
    /* With files by name a split is its site's own; otherwise all ranks have the same one. Either
     * way those who have it share the work. */
    const struct vain_comm *sharers =
        run->job->data.partition == VAIN_PARTITION_NAMED ? &run->site.comm : &run->world_comm;
    const struct vain_method_share share = {.share = sharers->rank,
                                            .shares = sharers->size,
                                            .last = run->round == run->job->train.rounds,
                                            .round = run->round};
    struct vain_measure_sums mine = {0}, sums = {0}, *all = NULL;
    VAIN_TRY(run->method_ops->evaluate(&run->method, run->common, &share, &mine));
    VAIN_TRY(vain_take_array(run->world_comm.size, sizeof *all, "evaluation", (void **)&all));
    const enum vain_status status =
        vain_comm_all_gather(&run->world_comm, run->config->world, run->driver.deadline_ms,
                             VAIN_TAG_START, &mine, sizeof mine, all);
    for (int i = 0; i < run->world_comm.size; i++)
        vain_measure_merge(&sums, &all[i]);
    vain_release(all);
    vain_measure_finish(&sums, out);
    return status;
}
