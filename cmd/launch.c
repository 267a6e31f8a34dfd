/* Where a process asks whether it is alone. The launcher's environment says whether MPI is wanted,
 * MPI says who is there, and the ranks tell each other their seat, so that each takes as many
 * threads as its cores leave it. It happens before the spec is read, so that all that can go wrong
 * later can be agreed upon by all ranks. */
#include "cmd/launch.h"

#include <string.h>

#include "base/host.h"
#include "base/memory.h"
#include "cmd/mpi.h"
#include "cmd/world.h"
#include "slurm/environment.h"

static void seat(struct vain_launched *launch, const struct vain_seat *all)
{
    launch->sharers = vain_seat_sharers(all, launch->size, launch->rank);
    for (int rank = 0; rank < launch->rank; rank++)
        launch->local_rank += strcmp(all[rank].host, all[launch->rank].host) == 0;
}

static enum vain_status count_sharers(struct vain_launched *launch)
{
    struct vain_seat mine, *all = NULL;
    VAIN_TRY(vain_seat_here(&mine));
    VAIN_TRY(vain_take_array(launch->size, sizeof mine, "seats of ranks", (void **)&all));
    const enum vain_status status = vain_comm_all_gather(&launch->comm, vain_world_real(), 0,
                                                         VAIN_TAG_START, &mine, sizeof mine, all);
    if (status == VAIN_OK)
        seat(launch, all);
    vain_release(all);
    return status;
}

enum vain_status vain_launch_open(struct vain_launched *launch)
{
    struct vain_environment environment;
    memset(launch, 0, sizeof *launch);
    launch->size = launch->sharers = 1;
    VAIN_TRY(vain_environment_read(vain_environment_getenv, NULL, &environment));
    launch->idle_task_count = environment.idle_task_count;
    if (!vain_environment_wants_mpi(&environment))
        return VAIN_OK;
    VAIN_TRY(vain_environment_check_launch(&environment));
    VAIN_TRY(vain_mpi_world_open(&launch->comm));
    launch->mpi = true;
    launch->rank = launch->comm.rank;
    launch->size = launch->comm.size;
    VAIN_TRY(vain_environment_check_world(&environment, launch->size));
    return count_sharers(launch);
}

enum vain_status vain_launch_check(const struct vain_launched *launch,
                                   const struct vain_exchange_options *exchange, int members)
{
    if (launch->mpi && members > 0)
        return vain_fail(VAIN_ERR_INPUT,
                         "--members %d runs members in one process, but a launcher started %d "
                         "ranks; use one of the two",
                         members, launch->size);
    if (launch->mpi && launch->size > 1 && exchange->transport == VAIN_TRANSPORT_LOOP)
        return vain_fail(VAIN_ERR_INPUT,
                         "exchange.transport: loop joins members of one process, but a launcher "
                         "started %d ranks; say mpi "
                         "or auto",
                         launch->size);
    if (!launch->mpi && exchange->transport == VAIN_TRANSPORT_MPI)
        return vain_fail(VAIN_ERR_INPUT, "exchange.transport: mpi, but no MPI launcher started "
                                         "this process; use 'mpirun -n N vain run ...', "
                                         "or exchange.transport: auto");
    if (exchange->transport == VAIN_TRANSPORT_TLS && members > 0)
        return vain_fail(VAIN_ERR_INPUT,
                         "--members %d runs members in one process, but exchange.transport: tls "
                         "joins members on hosts of their own; to try it here use --local %d",
                         members, members);
    return VAIN_OK;
}

int vain_launch_threads(int64_t wanted, int sharers)
{
    return wanted > 0 ? (int)wanted : vain_cores_share(vain_cores(), sharers);
}

struct vain_comm vain_launch_take(struct vain_launched *launch)
{
    const struct vain_comm taken = launch->comm;
    launch->comm = (struct vain_comm){0};
    return taken;
}

void vain_launch_close(struct vain_launched *launch)
{
    if (launch->comm.ops != NULL && launch->comm.size > 0)
        launch->comm.ops->close(&launch->comm);
    if (launch->mpi)
        vain_mpi_world_close();
    launch->mpi = false;
}

void vain_launch_abort(struct vain_launched *launch, int exit_code)
{
    if (launch->mpi)
        vain_mpi_world_abort(exit_code);
}
