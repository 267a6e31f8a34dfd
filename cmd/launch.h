/* Which ranks take part: this process alone, N members as threads of it, or the ranks of an MPI
 * world. */
#pragma once

#include "jobs/options.h"
#include "collectives/transport.h"

struct vain_launched {
    bool mpi;              /* MPI is running and must be finalised */
    int rank, size;        /* of the world; loop: rank 0 of `members` threads */
    int local_rank;        /* of this rank among those on its host */
    int sharers;           /* ranks that run on the very same cores as this one, itself included */
    int idle_task_count;   /* of a Slurm job whose srun did not start this process; 0: none */
    struct vain_comm comm; /* mpi: the world, owned until vain_launch_take */
};
/* Look at the launcher's environment; start MPI if it wants it. VAIN_ERR_INPUT: several tasks were
 * launched, but each is an MPI world of its own (says how to launch instead). */
enum vain_status vain_launch_open(struct vain_launched *launch) VAIN_MUST_USE;
/* Refuse what the spec's transport cannot be here. `members`: of --members, 0 if not given. */
enum vain_status vain_launch_check(const struct vain_launched *launch,
                                   const struct vain_exchange_options *exchange,
                                   int members) VAIN_MUST_USE;
/* Gives the world's communicator to the run, which closes it. */
struct vain_comm vain_launch_take(struct vain_launched *launch);
/* Close what was not taken and end MPI in order. After a failure call vain_launch_abort instead:
 * the launcher ends the other ranks. */
void vain_launch_close(struct vain_launched *launch);
void vain_launch_abort(struct vain_launched *launch, int exit_code);
/* Worker threads of a rank: `wanted`, or the cores of this process over the ranks that share them.
 */
int vain_launch_threads(int64_t wanted, int sharers);
