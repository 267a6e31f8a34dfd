/* The build with MPI: the program starts it, and asks it for the library's name. */
#include <mpi.h>
#include <string.h>

#include "cmd/mpi.h"

enum vain_status vain_mpi_world_open(struct vain_comm *out)
{
    VAIN_TRY(vain_mpi_init());
    return vain_mpi_comm_open(out);
}

void vain_mpi_world_close(void)
{
    vain_mpi_finalize();
}

void vain_mpi_world_abort(int exit_code)
{
    vain_mpi_abort(exit_code);
}

const char *vain_mpi_library(void)
{
    static char text[MPI_MAX_LIBRARY_VERSION_STRING];
    int length = 0;
    if (text[0] == '\0' && MPI_Get_library_version(text, &length) != MPI_SUCCESS)
        return "unknown";
    text[strcspn(text, "\n")] = '\0';
    return text;
}
