/* Reading the launcher's variables.
 *
 * Order matters: mpirun inside a Slurm job inherits Slurm's variables (and its remote daemons are
 * themselves tasks of a step), so the MPI launchers come first and Slurm later. A batch script
 * carries SLURM_NTASKS and SLURM_PROCID without being a task: only a step id says that srun started
 * this process. Step ids of 2^32 - 16 and up are Slurm's own (batch, extern, the shell of salloc).
 *
 * Sources: srun(1), "OUTPUT ENVIRONMENT VARIABLES"; mpirun(1) of Open MPI; the variables' names of
 * MPICH and Intel MPI, MVAPICH2, Cray PMI and torchrun are those of their user guides. */
#include "slurm/environment.h"

#include <stdlib.h>
#include <string.h>

/* What one launcher calls rank and size, on the host and in all. */
struct dialect {
    const char *local_rank, *local_size, *rank, *size;
};
static const struct dialect dialects[] = {
    {"OMPI_COMM_WORLD_LOCAL_RANK", "OMPI_COMM_WORLD_LOCAL_SIZE", "OMPI_COMM_WORLD_RANK",
     "OMPI_COMM_WORLD_SIZE"},
    {"MPI_LOCALRANKID", "MPI_LOCALNRANKS", "PMI_RANK", "PMI_SIZE"},
    {"MV2_COMM_WORLD_LOCAL_RANK", "MV2_COMM_WORLD_LOCAL_SIZE", "MV2_COMM_WORLD_RANK",
     "MV2_COMM_WORLD_SIZE"},
    {"PMI_LOCAL_RANK", "PMI_LOCAL_SIZE", "PMI_RANK", "PMI_SIZE"},
    {"SLURM_LOCALID", NULL, "SLURM_PROCID", "SLURM_NTASKS"},
    {"LOCAL_RANK", "LOCAL_WORLD_SIZE", "RANK", "WORLD_SIZE"}};
enum { DIALECT_OPEN_MPI = 0, DIALECT_SLURM = 4, DIALECT_COUNT = VAIN_COUNT_OF(dialects) };

/* Variables that only a PMI or PMIx server sets. */
static const char *const pmi_variables[] = {"PMIX_RANK", "PMI_RANK", "PMI_FD", "PMI_PORT"};

static const char *const detect_choices[] = {"auto", "slurm", "mpi", "none"};
enum detect { DETECT_AUTO, DETECT_SLURM, DETECT_MPI, DETECT_NONE };

static const int64_t SLURM_RESERVED_STEP = INT64_C(0xfffffff0);

struct lookup {
    vain_environment_get *get;
    void *context;
};

const char *vain_environment_getenv(void *context, const char *name)
{
    (void)context;
    return getenv(name);
}

static const char *find(const struct lookup *lookup, const char *name)
{
    const char *value = name == NULL ? NULL : lookup->get(lookup->context, name);
    return value != NULL && value[0] != '\0' ? value : NULL;
}

/* Digits at `*text` up to `maximum`, which `*text` then stands behind; -1 if there are none or too
 * many. */
static int64_t parse_digits(const char **text, int64_t maximum)
{
    const char *at = *text;
    int64_t value = 0;
    for (; *at >= '0' && *at <= '9'; at++) {
        value = 10 * value + (*at - '0');
        if (value > maximum)
            return -1;
    }
    if (at == *text)
        return -1;
    *text = at;
    return value;
}

/* A count in a variable; -1 if it is not set. */
static enum vain_status read_count(const struct lookup *lookup, const char *name, int64_t maximum,
                                   int64_t *out)
{
    *out = -1;
    const char *value = find(lookup, name);
    if (value == NULL)
        return VAIN_OK;
    const char *at = value;
    *out = parse_digits(&at, maximum);
    if (*out < 0 || *at != '\0')
        return vain_fail(
            VAIN_ERR_INPUT,
            "environment: %s is \"%.64s\", expected a number of at most %lld; set VAIN_LAUNCH=none "
            "to run without the launcher's variables",
            name, value, (long long)maximum);
    return VAIN_OK;
}

static enum vain_status read_rank(const struct lookup *lookup, const char *name, int *out)
{
    int64_t value;
    const enum vain_status status = read_count(lookup, name, VAIN_RANKS_MAX, &value);
    *out = (int)value;
    return status;
}

static enum vain_status read_detect(const struct lookup *lookup, enum detect *out)
{
    *out = DETECT_AUTO;
    const char *value = find(lookup, "VAIN_LAUNCH");
    if (value == NULL)
        return VAIN_OK;
    for (size_t i = 0; i < VAIN_COUNT_OF(detect_choices); i++) {
        if (strcmp(value, detect_choices[i]) == 0) {
            *out = (enum detect)i;
            return VAIN_OK;
        }
    }
    return vain_fail(VAIN_ERR_INPUT,
                     "environment: VAIN_LAUNCH is \"%.64s\", expected auto, slurm, mpi or none",
                     value);
}

/* `srun --pty bash` makes a step 0 whose first task is a shell: what is typed there was not started
 * by srun. The job's name, "bash", would not do: `srun bash wrapper.sh` has it, too. */
static bool is_shell(const struct lookup *lookup, int64_t step)
{
    const char *task = find(lookup, "SLURM_PROCID");
    return step == 0 && find(lookup, "SLURM_PTY_PORT") != NULL && task != NULL &&
           strcmp(task, "0") == 0;
}

/* How many tasks the step has that this process is one of, 0: it is in none. */
static enum vain_status read_step(const struct lookup *lookup, int *task_count)
{
    int64_t step;
    *task_count = 0;
    VAIN_TRY(read_count(lookup, "SLURM_STEP_ID", UINT32_MAX, &step));
    if (step < 0 || step >= SLURM_RESERVED_STEP || is_shell(lookup, step))
        return VAIN_OK;
    int count;
    VAIN_TRY(read_rank(lookup, "SLURM_STEP_NUM_TASKS", &count));
    if (count < 0)
        VAIN_TRY(read_rank(lookup, "SLURM_NTASKS", &count));
    *task_count = count < 1 ? 1 : count;
    return VAIN_OK;
}

/* Slurm writes tasks per node as "4(x2),1": two nodes of 4, one of 1. Gives that of node `node`, -1
 * if the text does not say. */
static int parse_tasks_of_node(const char *text, int node)
{
    int64_t nodes_before = 0;
    while (*text != '\0') {
        const int64_t tasks = parse_digits(&text, VAIN_RANKS_MAX);
        int64_t repeat = 1;
        if (tasks >= 0 && strncmp(text, "(x", 2) == 0) {
            text += 2;
            repeat = parse_digits(&text, VAIN_RANKS_MAX);
            text += *text == ')';
        }
        if (tasks < 0 || repeat < 1)
            return -1;
        nodes_before += repeat;
        if (node < nodes_before)
            return (int)tasks;
        if (*text != ',')
            return -1;
        text++;
    }
    return -1;
}

static enum vain_status read_slurm_local_size(const struct lookup *lookup, int *out)
{
    int node;
    *out = -1;
    VAIN_TRY(read_rank(lookup, "SLURM_NODEID", &node));
    const char *tasks = find(lookup, "SLURM_STEP_TASKS_PER_NODE");
    if (tasks != NULL && node >= 0)
        *out = parse_tasks_of_node(tasks, node);
    return VAIN_OK;
}

/* Ranks and sizes in the words of `dialect`, if it says a local rank. */
static enum vain_status read_dialect(const struct lookup *lookup, const struct dialect *dialect,
                                     struct vain_environment *out)
{
    VAIN_TRY(read_rank(lookup, dialect->local_rank, &out->local_rank));
    if (out->local_rank < 0)
        return VAIN_OK;
    out->source = dialect->local_rank;
    VAIN_TRY(read_rank(lookup, dialect->rank, &out->rank));
    VAIN_TRY(read_rank(lookup, dialect->size, &out->size));
    if (dialect == &dialects[DIALECT_SLURM])
        return read_slurm_local_size(lookup, &out->local_size);
    return read_rank(lookup, dialect->local_size, &out->local_size);
}

/* The first launcher that says a local rank. Slurm counts only inside a step: a batch script has
 * its variables, too. */
static enum vain_status read_places(const struct lookup *lookup, enum detect detect,
                                    struct vain_environment *out)
{
    for (int i = 0; i < (int)DIALECT_COUNT && out->source == NULL; i++) {
        const bool slurm = i == DIALECT_SLURM;
        if ((slurm && out->step_task_count == 0) || (detect == DETECT_SLURM && !slurm))
            continue;
        VAIN_TRY(read_dialect(lookup, &dialects[i], out));
    }
    return VAIN_OK;
}

static enum vain_launch launcher_of(const struct lookup *lookup, enum detect detect,
                                    const struct vain_environment *environment)
{
    if (detect != DETECT_SLURM && find(lookup, dialects[DIALECT_OPEN_MPI].size) != NULL)
        return VAIN_LAUNCH_MPIRUN;
    if (environment->step_task_count > 0)
        return VAIN_LAUNCH_SRUN;
    if (detect == DETECT_MPI || (detect == DETECT_AUTO && environment->pmi))
        return VAIN_LAUNCH_OTHER;
    return VAIN_LAUNCH_NONE;
}

/* A batch script's own process, or what was typed in a shell of the job. */
static enum vain_status read_job(const struct lookup *lookup, struct vain_environment *out)
{
    int64_t count;
    if (out->launch != VAIN_LAUNCH_NONE || find(lookup, "SLURM_JOB_ID") == NULL)
        return VAIN_OK;
    VAIN_TRY(read_count(lookup, "SLURM_NTASKS", INT32_MAX, &count));
    out->idle_task_count = count > 1 ? (int)count : 0;
    return VAIN_OK;
}

enum vain_status vain_environment_read(vain_environment_get *get, void *context,
                                       struct vain_environment *out)
{
    const struct lookup lookup = {get, context};
    const struct vain_environment alone = {
        .launch = VAIN_LAUNCH_NONE, .rank = -1, .size = -1, .local_rank = -1, .local_size = -1};
    enum detect detect;
    *out = alone;
    VAIN_TRY(read_detect(&lookup, &detect));
    if (detect == DETECT_NONE)
        return VAIN_OK;
    VAIN_TRY(read_step(&lookup, &out->step_task_count));
    for (size_t i = 0; i < VAIN_COUNT_OF(pmi_variables); i++)
        out->pmi = out->pmi || find(&lookup, pmi_variables[i]) != NULL;
    out->launch = launcher_of(&lookup, detect, out);
    VAIN_TRY(read_job(&lookup, out));
    return read_places(&lookup, detect, out);
}

const char *vain_launch_name(enum vain_launch launch)
{
    switch (launch) {
    case VAIN_LAUNCH_NONE:
        return "none";
    case VAIN_LAUNCH_MPIRUN:
        return "mpirun";
    case VAIN_LAUNCH_SRUN:
        return "srun";
    case VAIN_LAUNCH_OTHER:
        return "other";
    }
    return "unknown";
}

bool vain_environment_wants_mpi(const struct vain_environment *environment)
{
    switch (environment->launch) {
    case VAIN_LAUNCH_NONE:
        return false;
    case VAIN_LAUNCH_SRUN:
        return environment->step_task_count > 1;
    case VAIN_LAUNCH_MPIRUN:
    case VAIN_LAUNCH_OTHER:
        return true;
    }
    return false;
}

static enum vain_status fail_srun(const struct vain_environment *environment, const char *found)
{
    return vain_fail(
        VAIN_ERR_INPUT,
        "slurm: srun started %d tasks, but %s, so each would train alone; start with srun "
        "--mpi=pmix "
        "(srun --mpi=list shows what this cluster has), or set VAIN_LAUNCH=none if that is meant",
        environment->step_task_count, found);
}

enum vain_status vain_environment_check_launch(const struct vain_environment *environment)
{
    if (environment->launch == VAIN_LAUNCH_SRUN && environment->step_task_count > 1 &&
        !environment->pmi)
        return fail_srun(environment, "offers MPI no way to find the others (no PMI)");
    return VAIN_OK;
}

enum vain_status vain_environment_check_world(const struct vain_environment *environment,
                                              int mpi_size)
{
    if (mpi_size > 1)
        return VAIN_OK;
    if (environment->launch == VAIN_LAUNCH_SRUN && environment->step_task_count > 1)
        return fail_srun(environment, "MPI sees a world of 1");
    if (vain_environment_wants_mpi(environment) && environment->size > 1)
        return vain_fail(VAIN_ERR_INPUT,
                         "mpi: the launcher started %d processes, but MPI sees a world of 1, so "
                         "each would train "
                         "alone; use the mpirun of the MPI that vain was built with (vain doctor "
                         "names it), or set "
                         "VAIN_LAUNCH=none if that is meant",
                         environment->size);
    return VAIN_OK;
}
