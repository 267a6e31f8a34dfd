/* What the launcher says about this process, read once at start.
 *
 * mpirun, srun and their kin tell a process its place in environment variables. They are hints,
 * good for deciding whether MPI is to be started and for catching the worst trap of the trade: a
 * launcher and an MPI library that do not understand each other start N processes that each believe
 * to be alone, and nothing complains. After MPI_Init the communicator is the truth. Everything here
 * is local and does not block. */
#pragma once

#include "base/limits.h"
#include "base/status.h"

/* Gives the value of an environment variable, NULL if it is not set: getenv, or a table in tests.
 */
typedef const char *vain_environment_get(void *context, const char *name);
/* The process's own environment; `context` is not used. */
const char *vain_environment_getenv(void *context, const char *name);

enum vain_launch {
    VAIN_LAUNCH_NONE,   /* from a shell, or as a batch script's own process: alone */
    VAIN_LAUNCH_MPIRUN, /* Open MPI's mpirun */
    VAIN_LAUNCH_SRUN,   /* a task of a Slurm job step */
    VAIN_LAUNCH_OTHER   /* another launcher that speaks PMI or PMIx, or VAIN_LAUNCH=mpi */
};

struct vain_environment {
    enum vain_launch launch;
    bool pmi;            /* the launcher offers PMI or PMIx, so MPI processes can find each other */
    int rank, size;      /* in the launcher's eyes; -1: not said */
    int local_rank;      /* among the processes of this host; -1: not said */
    int local_size;      /* processes of this host; -1: not said */
    const char *source;  /* variable that said local_rank, static; NULL: none did */
    int step_task_count; /* tasks of the Slurm step that this process is a task of, 0: of none */
    int idle_task_count; /* of none, in a Slurm job with room for so many tasks (> 1); 0: otherwise
                          */
};

/* Read it through `get`. VAIN_LAUNCH=auto|slurm|mpi|none in the environment overrides the
 * detection: slurm looks at Slurm's variables only, mpi says that MPI is to be started whatever is
 * seen, none that it is not. VAIN_ERR_INPUT: VAIN_LAUNCH is something else, or a variable that
 * should hold a count does not. */
enum vain_status vain_environment_read(vain_environment_get *get, void *context,
                                       struct vain_environment *out) VAIN_MUST_USE;
/* "none", "mpirun", "srun", "other". */
const char *vain_launch_name(enum vain_launch launch);

/* Whether MPI_Init is to be called: under mpirun, under any launcher with PMI or PMIx, and in a
 * step of several tasks. Alone it is not: starting MPI takes a tenth of a second and, inside a
 * step, may fail. */
bool vain_environment_wants_mpi(const struct vain_environment *environment);
/* Before MPI_Init, which would end the process with a page of text: VAIN_ERR_INPUT for a step of
 * several tasks whose launcher offers no PMI, with the flag that srun needs. */
enum vain_status
vain_environment_check_launch(const struct vain_environment *environment) VAIN_MUST_USE;
/* After it: VAIN_ERR_INPUT if the launcher started several processes and the world of MPI has
 * `mpi_size` = 1. */
enum vain_status vain_environment_check_world(const struct vain_environment *environment,
                                              int mpi_size) VAIN_MUST_USE;
