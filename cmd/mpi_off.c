/* The build without MPI: says so to a launcher that wants it, and lets everything else run. */
#include <stdlib.h>

#include "cmd/mpi.h"

enum vain_status vain_mpi_world_open(struct vain_comm *out)
{
    out->size = 0;
    return vain_fail(VAIN_ERR_UNAVAILABLE, "started by an MPI launcher, but this vain was built "
                                           "without MPI; build with -DVAIN_MPI=ON, or run it "
                                           "alone with VAIN_LAUNCH=none");
}

void vain_mpi_world_close(void)
{
}

void vain_mpi_world_abort(int exit_code)
{
    _Exit(exit_code);
}

const char *vain_mpi_library(void)
{
    return "none";
}
