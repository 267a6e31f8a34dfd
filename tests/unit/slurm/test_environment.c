/* What launchers say, from environments that real ones made (Slurm 22.05, Open MPI 4.1), shortened
 * to the variables that matter. */
#include <stdlib.h>
#include <string.h>

#include "slurm/environment.h"
#include "tests/unit/suite.h"

/* A table "NAME=value", NULL-ended. */
static const char *get(void *context, const char *name)
{
    const size_t length = strlen(name);
    for (const char *const *row = context; *row != NULL; row++) {
        if (strncmp(*row, name, length) == 0 && (*row)[length] == '=')
            return *row + length + 1;
    }
    return NULL;
}

#define READ(...) read_table((const char *[]){__VA_ARGS__, NULL})
static struct vain_environment read_table(const char *rows[])
{
    struct vain_environment environment;
    CU_ASSERT_EQUAL(vain_environment_read(get, rows, &environment), VAIN_OK);
    return environment;
}

#define REFUSE(words, ...) refuse_table(words, (const char *[]){__VA_ARGS__, NULL})
static void refuse_table(const char *words, const char *rows[])
{
    struct vain_environment environment;
    CU_ASSERT_EQUAL(vain_environment_read(get, rows, &environment), VAIN_ERR_INPUT);
    CU_ASSERT_PTR_NOT_NULL(strstr(vain_fail_message(), words));
}

static void expect(const struct vain_environment *environment, enum vain_launch launch,
                   bool wants_mpi)
{
    CU_ASSERT_EQUAL(environment->launch, launch);
    CU_ASSERT_EQUAL(vain_environment_wants_mpi(environment), wants_mpi);
}

static void expect_places(const struct vain_environment *environment, int rank, int size,
                          int local_rank, int local_size)
{
    CU_ASSERT_EQUAL(environment->rank, rank);
    CU_ASSERT_EQUAL(environment->size, size);
    CU_ASSERT_EQUAL(environment->local_rank, local_rank);
    CU_ASSERT_EQUAL(environment->local_size, local_size);
}

/* Both guards let it pass with a world of `mpi_size`. */
static void expect_good(const struct vain_environment *environment, int mpi_size)
{
    CU_ASSERT_EQUAL(vain_environment_check_launch(environment), VAIN_OK);
    CU_ASSERT_EQUAL(vain_environment_check_world(environment, mpi_size), VAIN_OK);
}

static void a_shell_is_alone(void)
{
    const struct vain_environment environment = READ("HOME=/root", "PATH=/bin");
    expect(&environment, VAIN_LAUNCH_NONE, false);
    expect_places(&environment, -1, -1, -1, -1);
    CU_ASSERT_PTR_NULL(environment.source);
    expect_good(&environment, 1);
}

static void mpirun_is_seen(void)
{
    const struct vain_environment environment =
        READ("OMPI_COMM_WORLD_SIZE=4", "OMPI_COMM_WORLD_LOCAL_SIZE=2", "PMIX_RANK=3",
             "OMPI_COMM_WORLD_RANK=3", "OMPI_COMM_WORLD_LOCAL_RANK=1");
    expect(&environment, VAIN_LAUNCH_MPIRUN, true);
    expect_places(&environment, 3, 4, 1, 2);
    CU_ASSERT_STRING_EQUAL(environment.source, "OMPI_COMM_WORLD_LOCAL_RANK");
    expect_good(&environment, 4);
}

/* Its remote daemons are a Slurm step of one task each. */
static void mpirun_inside_a_batch_script_is_mpirun(void)
{
    const struct vain_environment environment =
        READ("SLURM_NTASKS=1", "SLURM_PROCID=0", "SLURM_LOCALID=0", "SLURM_STEP_ID=1",
             "SLURM_STEP_NUM_TASKS=1", "OMPI_COMM_WORLD_SIZE=2", "OMPI_COMM_WORLD_RANK=1",
             "OMPI_COMM_WORLD_LOCAL_RANK=1", "OMPI_COMM_WORLD_LOCAL_SIZE=2", "PMIX_RANK=1");
    expect(&environment, VAIN_LAUNCH_MPIRUN, true);
    expect_places(&environment, 1, 2, 1, 2);
}

static void a_step_with_pmix_is_seen(void)
{
    const struct vain_environment environment =
        READ("PMIX_RANK=2", "SLURM_JOB_NAME=bash", "SLURM_LOCALID=0", "SLURM_NODEID=1",
             "SLURM_NTASKS=3", "SLURM_PROCID=2", "SLURM_STEP_ID=0", "SLURM_STEP_NUM_TASKS=3",
             "SLURM_STEP_TASKS_PER_NODE=2,1");
    expect(&environment, VAIN_LAUNCH_SRUN, true);
    expect_places(&environment, 2, 3, 0, 1);
    CU_ASSERT_STRING_EQUAL(environment.source, "SLURM_LOCALID");
    expect_good(&environment, 3);
}

/* The trap: a plain srun, and as many members as tasks that each think to be alone. */
static void singletons_are_refused_with_the_fix(void)
{
    const struct vain_environment environment =
        READ("SLURM_JOB_NAME=bash", "SLURM_LOCALID=1", "SLURM_NODEID=0", "SLURM_NTASKS=3",
             "SLURM_PROCID=0", "SLURM_STEP_ID=0", "SLURM_STEP_NUM_TASKS=3",
             "SLURM_STEP_TASKS_PER_NODE=2,1");
    expect(&environment, VAIN_LAUNCH_SRUN, true);
    CU_ASSERT_EQUAL(vain_environment_check_launch(&environment), VAIN_ERR_INPUT);
    CU_ASSERT_PTR_NOT_NULL(strstr(vain_fail_message(), "srun started 3 tasks"));
    CU_ASSERT_PTR_NOT_NULL(strstr(vain_fail_message(), "srun --mpi=pmix"));
    CU_ASSERT_PTR_NOT_NULL(strstr(vain_fail_message(), "srun --mpi=list"));
    CU_ASSERT_EQUAL(vain_environment_check_world(&environment, 1), VAIN_ERR_INPUT);
    CU_ASSERT_PTR_NOT_NULL(strstr(vain_fail_message(), "MPI sees a world of 1"));
    CU_ASSERT_PTR_NOT_NULL(strstr(vain_fail_message(), "srun --mpi=pmix"));
    CU_ASSERT_EQUAL(vain_environment_check_world(&environment, 3), VAIN_OK);
}

/* srun --mpi=pmi2 under an MPI that speaks PMIx only. */
static void singletons_with_the_wrong_pmi_are_refused(void)
{
    const struct vain_environment environment =
        READ("PMI_FD=13", "PMI_RANK=1", "PMI_SIZE=2", "SLURM_LOCALID=1", "SLURM_NTASKS=2",
             "SLURM_PROCID=1", "SLURM_STEP_ID=0", "SLURM_STEP_NUM_TASKS=2");
    expect(&environment, VAIN_LAUNCH_SRUN, true);
    CU_ASSERT_EQUAL(vain_environment_check_launch(&environment), VAIN_OK);
    CU_ASSERT_EQUAL(vain_environment_check_world(&environment, 1), VAIN_ERR_INPUT);
}

static void an_mpirun_of_another_mpi_is_refused(void)
{
    const struct vain_environment environment =
        READ("OMPI_COMM_WORLD_SIZE=4", "OMPI_COMM_WORLD_RANK=3", "OMPI_COMM_WORLD_LOCAL_RANK=1");
    CU_ASSERT_EQUAL(vain_environment_check_world(&environment, 1), VAIN_ERR_INPUT);
    CU_ASSERT_PTR_NOT_NULL(strstr(vain_fail_message(), "the launcher started 4 processes"));
    const struct vain_environment alone =
        READ("OMPI_COMM_WORLD_SIZE=1", "OMPI_COMM_WORLD_RANK=0", "OMPI_COMM_WORLD_LOCAL_RANK=0");
    expect(&alone, VAIN_LAUNCH_MPIRUN, true);
    expect_good(&alone, 1);
}

static void a_batch_scripts_own_process_is_alone(void)
{
    const struct vain_environment environment =
        READ("SLURM_JOB_NAME=b.sh", "SLURM_LOCALID=0", "SLURM_NODEID=0", "SLURM_NTASKS=2",
             "SLURM_PROCID=0", "SLURM_TASKS_PER_NODE=2", "SLURM_TASK_PID=19200");
    expect(&environment, VAIN_LAUNCH_NONE, false);
    expect_places(&environment, -1, -1, -1, -1);
    expect_good(&environment, 1);
}

/* Who asks for four tasks and forgets srun is to be told, not refused. */
static void tasks_that_nobody_starts_are_counted(void)
{
    const struct vain_environment batch =
        READ("SLURM_JOB_ID=7", "SLURM_NTASKS=4", "SLURM_PROCID=0", "SLURM_LOCALID=0");
    expect(&batch, VAIN_LAUNCH_NONE, false);
    CU_ASSERT_EQUAL(batch.idle_task_count, 4);
    expect_good(&batch, 1);
    const struct vain_environment shell =
        READ("SLURM_JOB_ID=7", "SLURM_NTASKS=100000", "SLURM_STEP_ID=4294967290");
    CU_ASSERT_EQUAL(shell.idle_task_count, 100000);
    const struct vain_environment none[] = {
        READ("SLURM_JOB_ID=7", "SLURM_NTASKS=1"),
        READ("SLURM_JOB_ID=7"),
        READ("SLURM_NTASKS=4"),
        READ("SLURM_JOB_ID=7", "SLURM_NTASKS=4", "VAIN_LAUNCH=none"),
        READ("SLURM_JOB_ID=7", "SLURM_NTASKS=4", "SLURM_STEP_ID=0", "SLURM_STEP_NUM_TASKS=1"),
        READ("SLURM_JOB_ID=7", "SLURM_NTASKS=4", "OMPI_COMM_WORLD_SIZE=4")};
    for (size_t i = 0; i < VAIN_COUNT_OF(none); i++)
        CU_ASSERT_EQUAL(none[i].idle_task_count, 0);
}

static void interactive_shells_are_alone(void)
{
    const struct vain_environment salloc = READ("SLURM_JOB_NAME=interactive", "SLURM_NTASKS=2");
    expect(&salloc, VAIN_LAUNCH_NONE, false);
    /* With LaunchParameters=use_interactive_step: Slurm's own step 0xfffffffa. */
    const struct vain_environment step = READ("SLURM_NTASKS=2", "SLURM_PROCID=0",
                                              "SLURM_STEP_ID=4294967290", "SLURM_STEP_NUM_TASKS=2");
    expect(&step, VAIN_LAUNCH_NONE, false);
    expect_good(&step, 1);
    const struct vain_environment pty =
        READ("SLURM_JOB_NAME=bash", "SLURM_NTASKS=2", "SLURM_PROCID=0", "SLURM_LOCALID=0",
             "SLURM_PTY_PORT=43089", "SLURM_STEP_ID=0", "SLURM_STEP_NUM_TASKS=2");
    expect(&pty, VAIN_LAUNCH_NONE, false);
    expect_good(&pty, 1);
}

static void a_step_from_an_interactive_shell_is_a_step(void)
{
    const struct vain_environment inner =
        READ("SLURM_JOB_NAME=bash", "SLURM_NTASKS=2", "SLURM_PROCID=0", "SLURM_LOCALID=0",
             "SLURM_PTY_PORT=43089", "SLURM_STEP_ID=2", "SLURM_STEP_NUM_TASKS=2");
    expect(&inner, VAIN_LAUNCH_SRUN, true);
    CU_ASSERT_EQUAL(vain_environment_check_launch(&inner), VAIN_ERR_INPUT);
    /* srun --pty vain: only the first task has the terminal. */
    const struct vain_environment second =
        READ("SLURM_NTASKS=2", "SLURM_PROCID=1", "SLURM_PTY_PORT=43089", "SLURM_STEP_ID=0");
    expect(&second, VAIN_LAUNCH_SRUN, true);
    const struct vain_environment salloc =
        READ("SLURM_JOB_NAME=interactive", "SLURM_NTASKS=2", "SLURM_PROCID=0", "SLURM_LOCALID=0",
             "SLURM_STEP_ID=0");
    expect(&salloc, VAIN_LAUNCH_SRUN, true);
    CU_ASSERT_EQUAL(salloc.step_task_count, 2);
}

/* No MPI is needed, and none started that might fail. */
static void a_step_of_one_task_is_alone(void)
{
    const struct vain_environment environment =
        READ("SLURM_NTASKS=1", "SLURM_PROCID=0", "SLURM_LOCALID=0", "SLURM_STEP_ID=0",
             "SLURM_STEP_NUM_TASKS=1");
    expect(&environment, VAIN_LAUNCH_SRUN, false);
    expect_places(&environment, 0, 1, 0, -1);
    expect_good(&environment, 1);
}

static void other_launchers_are_seen(void)
{
    const struct vain_environment hydra =
        READ("PMI_FD=5", "PMI_RANK=1", "PMI_SIZE=4", "MPI_LOCALRANKID=1", "MPI_LOCALNRANKS=2");
    expect(&hydra, VAIN_LAUNCH_OTHER, true);
    expect_places(&hydra, 1, 4, 1, 2);
    const struct vain_environment mvapich =
        READ("PMI_RANK=5", "MV2_COMM_WORLD_LOCAL_RANK=1", "MV2_COMM_WORLD_LOCAL_SIZE=4",
             "MV2_COMM_WORLD_RANK=5", "MV2_COMM_WORLD_SIZE=8");
    expect(&mvapich, VAIN_LAUNCH_OTHER, true);
    expect_places(&mvapich, 5, 8, 1, 4);
    const struct vain_environment cray =
        READ("PMI_RANK=7", "PMI_SIZE=8", "PMI_LOCAL_RANK=3", "PMI_LOCAL_SIZE=4");
    expect(&cray, VAIN_LAUNCH_OTHER, true);
    expect_places(&cray, 7, 8, 3, 4);
    /* torchrun speaks no MPI. */
    const struct vain_environment torchrun =
        READ("LOCAL_RANK=1", "LOCAL_WORLD_SIZE=2", "RANK=3", "WORLD_SIZE=4");
    expect(&torchrun, VAIN_LAUNCH_NONE, false);
    expect_places(&torchrun, 3, 4, 1, 2);
    expect_good(&torchrun, 1);
}

/* Each row alone would win; with the ones above it set as well, the first does. */
static void the_first_local_rank_wins(void)
{
    const char *rows[] = {"OMPI_COMM_WORLD_LOCAL_RANK=0",
                          "MPI_LOCALRANKID=1",
                          "MV2_COMM_WORLD_LOCAL_RANK=2",
                          "PMI_LOCAL_RANK=3",
                          "SLURM_LOCALID=4",
                          "LOCAL_RANK=5",
                          "SLURM_STEP_ID=0",
                          NULL};
    for (int first = 0; first < 6; first++) {
        struct vain_environment environment;
        CU_ASSERT_EQUAL(vain_environment_read(get, rows + first, &environment), VAIN_OK);
        CU_ASSERT_EQUAL(environment.local_rank, first);
        CU_ASSERT_EQUAL(strncmp(environment.source, rows[first], strlen(environment.source)), 0);
    }
}

static int local_size_of(const char *tasks_per_node, const char *node)
{
    char tasks_row[80] = "SLURM_STEP_TASKS_PER_NODE=", node_row[80] = "SLURM_NODEID=";
    strncat(tasks_row, tasks_per_node, 40);
    strncat(node_row, node, 40);
    return READ("SLURM_STEP_ID=0", "SLURM_LOCALID=0", tasks_row, node_row).local_size;
}

static void tasks_per_node_are_read(void)
{
    CU_ASSERT_EQUAL(local_size_of("8", "0"), 8);
    CU_ASSERT_EQUAL(local_size_of("2,1", "0"), 2);
    CU_ASSERT_EQUAL(local_size_of("2,1", "1"), 1);
    CU_ASSERT_EQUAL(local_size_of("4(x3),1,2(x2)", "2"), 4);
    CU_ASSERT_EQUAL(local_size_of("4(x3),1,2(x2)", "3"), 1);
    CU_ASSERT_EQUAL(local_size_of("4(x3),1,2(x2)", "5"), 2);
    CU_ASSERT_EQUAL(local_size_of("4(x3)", "3"), -1);
    CU_ASSERT_EQUAL(local_size_of("4(x)", "0"), -1);
    CU_ASSERT_EQUAL(local_size_of("4(x0),3", "0"), -1);
    CU_ASSERT_EQUAL(local_size_of("4;5", "1"), -1);
    CU_ASSERT_EQUAL(local_size_of(",", "0"), -1);
    CU_ASSERT_EQUAL(local_size_of("99999999999999999999", "0"), -1);
}

static void vain_launch_overrides(void)
{
    const struct vain_environment none = READ("VAIN_LAUNCH=none", "OMPI_COMM_WORLD_SIZE=4",
                                              "OMPI_COMM_WORLD_LOCAL_RANK=x", "PMIX_RANK=0");
    expect(&none, VAIN_LAUNCH_NONE, false);
    expect_good(&none, 1);
    const struct vain_environment mpi = READ("VAIN_LAUNCH=mpi");
    expect(&mpi, VAIN_LAUNCH_OTHER, true);
    expect_good(&mpi, 1);
    const struct vain_environment slurm =
        READ("VAIN_LAUNCH=slurm", "OMPI_COMM_WORLD_SIZE=4", "OMPI_COMM_WORLD_LOCAL_RANK=1",
             "SLURM_STEP_ID=0", "SLURM_STEP_NUM_TASKS=2", "SLURM_LOCALID=0", "PMIX_RANK=0");
    expect(&slurm, VAIN_LAUNCH_SRUN, true);
    CU_ASSERT_STRING_EQUAL(slurm.source, "SLURM_LOCALID");
    const struct vain_environment automatic = READ("VAIN_LAUNCH=auto", "OMPI_COMM_WORLD_SIZE=4");
    expect(&automatic, VAIN_LAUNCH_MPIRUN, true);
    REFUSE("VAIN_LAUNCH is \"MPI\", expected auto, slurm, mpi or none", "VAIN_LAUNCH=MPI");
}

static void what_is_no_count_is_refused(void)
{
    REFUSE("OMPI_COMM_WORLD_LOCAL_RANK is \"one\"", "OMPI_COMM_WORLD_LOCAL_RANK=one");
    REFUSE("LOCAL_RANK is \"-1\"", "LOCAL_RANK=-1");
    REFUSE("LOCAL_RANK is \"1 \"", "LOCAL_RANK=1 ");
    REFUSE("LOCAL_RANK is \"99999\"", "LOCAL_RANK=99999");
    REFUSE("SLURM_STEP_ID is \"18446744073709551617\"", "SLURM_STEP_ID=18446744073709551617");
    REFUSE("VAIN_LAUNCH=none", "LOCAL_RANK=1", "WORLD_SIZE=many");
}

static void empty_variables_are_not_set(void)
{
    const struct vain_environment environment =
        READ("VAIN_LAUNCH=", "LOCAL_RANK=", "SLURM_STEP_ID=", "OMPI_COMM_WORLD_SIZE=");
    expect(&environment, VAIN_LAUNCH_NONE, false);
    CU_ASSERT_PTR_NULL(environment.source);
}

static void the_real_environment_can_be_asked(void)
{
    CU_ASSERT_EQUAL(setenv("VAIN_TEST_VARIABLE", "here", 1), 0);
    CU_ASSERT_STRING_EQUAL(vain_environment_getenv(NULL, "VAIN_TEST_VARIABLE"), "here");
    CU_ASSERT_EQUAL(unsetenv("VAIN_TEST_VARIABLE"), 0);
    CU_ASSERT_PTR_NULL(vain_environment_getenv(NULL, "VAIN_TEST_VARIABLE"));
}

static void launches_have_names(void)
{
    CU_ASSERT_STRING_EQUAL(vain_launch_name(VAIN_LAUNCH_NONE), "none");
    CU_ASSERT_STRING_EQUAL(vain_launch_name(VAIN_LAUNCH_MPIRUN), "mpirun");
    CU_ASSERT_STRING_EQUAL(vain_launch_name(VAIN_LAUNCH_SRUN), "srun");
    CU_ASSERT_STRING_EQUAL(vain_launch_name(VAIN_LAUNCH_OTHER), "other");
}

static const struct vain_test tests[] = {
    {"a shell is alone", a_shell_is_alone},
    {"mpirun is seen", mpirun_is_seen},
    {"mpirun inside a batch script is mpirun", mpirun_inside_a_batch_script_is_mpirun},
    {"a step with PMIx is seen", a_step_with_pmix_is_seen},
    {"singletons are refused with the fix", singletons_are_refused_with_the_fix},
    {"singletons with the wrong PMI are refused", singletons_with_the_wrong_pmi_are_refused},
    {"an mpirun of another MPI is refused", an_mpirun_of_another_mpi_is_refused},
    {"a batch script's own process is alone", a_batch_scripts_own_process_is_alone},
    {"tasks that nobody starts are counted", tasks_that_nobody_starts_are_counted},
    {"interactive shells are alone", interactive_shells_are_alone},
    {"a step from an interactive shell is a step", a_step_from_an_interactive_shell_is_a_step},
    {"a step of one task is alone", a_step_of_one_task_is_alone},
    {"other launchers are seen", other_launchers_are_seen},
    {"the first local rank wins", the_first_local_rank_wins},
    {"tasks per node are read", tasks_per_node_are_read},
    {"VAIN_LAUNCH overrides", vain_launch_overrides},
    {"what is no count is refused", what_is_no_count_is_refused},
    {"empty variables are not set", empty_variables_are_not_set},
    {"the real environment can be asked", the_real_environment_can_be_asked},
    {"launches have names", launches_have_names},
    {NULL, NULL}};
const struct vain_suite vain_suite_environment = {"slurm: environment", tests};
