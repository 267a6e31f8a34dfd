#include "cmd/launch.h"

#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/pool.h"
#include "cmd/mpi.h"
#include "cmd/world.h"
#include "slurm/environment.h"

/* Ranks whose host has the same name as ours. */
static enum vain_status count_local(struct vain_launched *launch)
{
    char mine[64] = "", *all = NULL;
    if (gethostname(mine, sizeof mine - 1) != 0)
        mine[0] = '\0';
    VAIN_TRY(vain_take_array(launch->size, sizeof mine, "host names", (void **)&all));
    const enum vain_status status = vain_comm_all_gather(&launch->comm, vain_world_real(), 0,
                                                         VAIN_TAG_START, mine, sizeof mine, all);
    launch->local_size = 0;
    for (int rank = 0; rank < launch->size; rank++)
        launch->local_size += memcmp(all + (size_t)rank * sizeof mine, mine, sizeof mine) == 0;
    vain_release(all);
    return status;
}

enum vain_status vain_launch_open(struct vain_launched *launch)
{
    struct vain_environment environment;
    memset(launch, 0, sizeof *launch);
    launch->size = launch->local_size = 1;
    VAIN_TRY(vain_environment_read(vain_environment_getenv, NULL, &environment));
    if (!vain_environment_wants_mpi(&environment))
        return VAIN_OK;
    VAIN_TRY(vain_environment_check_launch(&environment));
    VAIN_TRY(vain_mpi_world_open(&launch->comm));
    launch->mpi = true;
    launch->rank = launch->comm.rank;
    launch->size = launch->comm.size;
    VAIN_TRY(vain_environment_check_world(&environment, launch->size));
    return count_local(launch);
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
    return VAIN_OK;
}

int vain_launch_threads(int64_t wanted, int ranks_here)
{
    if (wanted > 0)
        return (int)wanted;
    /* A rank bound to some cores has those to itself; unbound ranks share all. */
    const long online = sysconf(_SC_NPROCESSORS_ONLN);
    const int cores = vain_cores();
    const int threads = cores < online ? cores : cores / ranks_here;
    return threads < 1 ? 1 : (threads > VAIN_THREADS_MAX ? VAIN_THREADS_MAX : threads);
}

void vain_launch_close(struct vain_launched *launch)
{
    if (launch->mpi)
        vain_mpi_world_close();
    launch->mpi = false;
}

void vain_launch_abort(struct vain_launched *launch, int exit_code)
{
    if (launch->mpi)
        vain_mpi_world_abort(exit_code);
}
