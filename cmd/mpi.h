/* The one place that differs between builds with and without MPI: cmd/mpi_on.c or cmd/mpi_off.c is
 * compiled. */
#pragma once

#include "collectives/transport.h"

/* Start MPI and open its world. VAIN_ERR_UNAVAILABLE in a build without MPI. */
enum vain_status vain_mpi_world_open(struct vain_comm *out) VAIN_MUST_USE;
void vain_mpi_world_close(void);
void vain_mpi_world_abort(int exit_code);
/* "Open MPI v4.1.4, ..." or "none". */
const char *vain_mpi_library(void);
