/* vain run: put a run together from a spec, a launcher and this machine, and say how it went. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/memory.h"
#include "cmd/hosts.h"
#include "cmd/launch.h"
#include "cmd/local.h"
#include "cmd/progress.h"
#include "cmd/report.h"
#include "cmd/run_arguments.h"
#include "cmd/run_result.h"
#include "cmd/spec_file.h"
#include "cmd/system.h"
#include "cmd/verb.h"
#include "cmd/world.h"
#include "jobs/member_card.h"
#include "jobs/run.h"
#include "jobs/store/metrics.h"

/* ------------------------------------------------------------------ signals */

static atomic_int stop_signal;

static void note_signal(int number)
{
    if (number == SIGINT && atomic_load(&stop_signal) == SIGINT)
        _exit(128 + SIGINT);
    atomic_store(&stop_signal, number);
}

/* What schedulers send before they kill, what a closed terminal sends, and what the end of the
 * allowed processor time does. Whoever started this under nohup wants it to outlive the terminal.
 */
static void catch_signals(void)
{
    const int caught[] = {SIGTERM, SIGUSR1, SIGUSR2, SIGINT, SIGHUP, SIGXCPU};
    struct sigaction action, before;
    memset(&action, 0, sizeof action);
    action.sa_handler = note_signal;
    action.sa_flags = SA_RESTART;
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < VAIN_COUNT_OF(caught); i++) {
        const bool ignored = caught[i] == SIGHUP && sigaction(SIGHUP, NULL, &before) == 0 &&
                             before.sa_handler == SIG_IGN;
        if (!ignored)
            sigaction(caught[i], &action, NULL);
    }
    /* A closed pipe is a failed write, which is reported. */
    action.sa_handler = SIG_IGN;
    sigaction(SIGPIPE, &action, NULL);
}

/* ------------------------------------------------------------------ the ranks of this process */

struct session {
    const struct vain_run_arguments *arguments;
    struct vain_loaded_spec loaded;
    struct vain_launched launch;
    char directory[VAIN_PATH_BYTES];
    char key_folder[VAIN_PATH_BYTES];
    const struct vain_local *local; /* NULL: not with --local */
    int own;                        /* which of the spec's members, with tls */
    struct vain_signer signer;      /* with tls and a key file */
    struct vain_metrics *metrics;   /* rank 0's */
    struct vain_progress progress;
    int ranks; /* of the world */
    bool aborts_on_failure;
    enum vain_status failure; /* told, with its message */
    char failure_message[VAIN_MESSAGE_BYTES];
    int lock_descriptor; /* of the folder's .lock; -1: another rank holds it */
    bool started;        /* past everything that refuses a start */
    /* By this start: the lock, metrics.jsonl, and how much of the folder's path was the first part
     * that it had to make (bytes; 0: all was there). */
    bool made_lock, made_metrics;
    size_t made_path_bytes;
};

/* One rank: a thread under loop, the process under mpi. */
struct rank {
    struct session *session;
    struct vain_comm comm;
    struct vain_connector *connector; /* taken by the run */
    int number;
    struct vain_event_log events;
    struct vain_run_result result;
    enum vain_status status;
    pthread_t thread;
};

/* Protects standard error, the progress line and what is known of failures: under loop every member
 * is a thread of this process. */
static pthread_mutex_t output_lock = PTHREAD_MUTEX_INITIALIZER;

static void read_progress(void *context, const struct vain_event *event)
{
    pthread_mutex_lock(&output_lock);
    vain_progress_read(context, event);
    pthread_mutex_unlock(&output_lock);
}

static void note_start(void *context, const struct vain_event *event)
{
    struct session *session = context;
    if (event->type == VAIN_EVENT_RUN_START)
        session->started = true;
}

/* Ranks other than the first only pass on what people must know. */
static void print_notice(void *context, const struct vain_event *event)
{
    pthread_mutex_lock(&output_lock);
    vain_progress_read_notices(context, event);
    pthread_mutex_unlock(&output_lock);
}

/* The first failure is the cause and is told at once; a rank that only lost its peer keeps its
 * message, which is told if nobody has a better one. */
static bool failure_told;
static int failure_code;
static enum vain_status lost_status;
static char lost_message[VAIN_MESSAGE_BYTES];

/* Empty folders that this start has made, the innermost first. */
static void remove_made_folders(const struct session *session)
{
    char path[VAIN_PATH_BYTES];
    memcpy(path, session->directory, sizeof path);
    while (session->made_path_bytes > 0 && strlen(path) >= session->made_path_bytes) {
        char *slash = strrchr(path, '/');
        if (rmdir(path) != 0 || slash == NULL)
            return;
        *slash = '\0';
    }
}

/* A start that was refused leaves nothing of its own behind: the lock, metrics that tell of no more
 * than notices, the folder. What was there before, or is more than that, stays. The lock is still
 * held meanwhile. */
static void leave_no_trace(const struct session *session)
{
    char path[VAIN_PATH_BYTES];
    if (session->started)
        return;
    snprintf(path, sizeof path, "%.*s/metrics.jsonl", VAIN_PATH_BYTES - 32, session->directory);
    if (session->made_metrics)
        (void)unlink(path);
    snprintf(path, sizeof path, "%.*s/.lock", VAIN_PATH_BYTES - 16, session->directory);
    if (session->made_lock)
        (void)unlink(path);
    remove_made_folders(session);
}

/* Says it, and keeps it for whoever started this member; the exit code. */
static int report_failure(struct session *session, enum vain_status status)
{
    session->failure = status;
    snprintf(session->failure_message, sizeof session->failure_message, "%s", vain_fail_message());
    return vain_report_failure(status, session->arguments->json);
}

static void tell_failure(void *context, enum vain_status status)
{
    static const struct timespec moment = {.tv_sec = 1};
    struct rank *rank = context;
    struct session *session = rank->session;
    const bool lost_peer = status == VAIN_ERR_PEER;
    /* Another process may be about to say why; the launcher ends all once one of them aborts. */
    if (lost_peer && session->aborts_on_failure)
        nanosleep(&moment, NULL);
    pthread_mutex_lock(&output_lock);
    if (lost_peer && !session->aborts_on_failure) {
        lost_status = status;
        snprintf(lost_message, sizeof lost_message, "%s", vain_fail_message());
    } else if (!failure_told) {
        failure_told = true;
        vain_progress_end(&session->progress);
        failure_code = report_failure(session, status);
    }
    pthread_mutex_unlock(&output_lock);
    if (session->aborts_on_failure) {
        leave_no_trace(session);
        vain_launch_abort(&session->launch, vain_exit_code(status));
    }
}

static bool is_on_own_host(const struct session *session)
{
    return session->loaded.job.exchange.transport == VAIN_TRANSPORT_TLS;
}

static struct vain_signer *signer_of(struct session *session)
{
    return session->local != NULL ? &session->local->signers[session->own] : &session->signer;
}

/* Who waits for others for a while is not to wonder whether anything happens, nor to be surprised
 * by the end of its key. */
static void say_where(const struct session *session, struct vain_event_log *events)
{
    enum { SOON_DAYS = 14 };
    const struct vain_option_member *own = &session->loaded.spec.members[session->own];
    struct vain_world *world = vain_world_real();
    const int64_t left_ms = session->signer.certificate.not_after_ms - world->ops->unix_ms(world);
    const int64_t left_days = left_ms / (INT64_C(24) * 3600 * 1000);
    if (left_days < SOON_DAYS)
        vain_event_notice(events,
                          "member '%s': its key is good for %lld more days, and no run goes on "
                          "after that; make the next one with 'vain key renew %s'",
                          own->name, (long long)left_days, own->name);
    if (session->arguments->quiet)
        return;
    pthread_mutex_lock(&output_lock);
    fprintf(stderr, "vain: member '%s' listens at %s and waits for the others (%d)\n", own->name,
            session->arguments->listen != NULL ? session->arguments->listen : own->addresses[0],
            session->loaded.spec.member_count - 1);
    pthread_mutex_unlock(&output_lock);
}

/* A batch script with several tasks that forgot srun trains alone, and nothing else would say so.
 */
static void say_alone(const struct session *session, struct vain_event_log *events)
{
    const int tasks = session->launch.idle_task_count;
    if (tasks == 0 || session->local != NULL || session->arguments->members > 0)
        return;
    vain_event_notice(events,
                      "this Slurm job has %d tasks, but srun did not start this process: %s; to "
                      "use all, say 'srun --mpi=pmix vain run %s'",
                      tasks,
                      is_on_own_host(session) ? "one task does the work of the member"
                                              : "one member trains alone",
                      session->arguments->spec);
}

/* A member on its own host: rank 0 speaks to the others. */
static enum vain_status open_mesh(struct rank *rank)
{
    struct session *session = rank->session;
    const struct vain_spec *spec = &session->loaded.spec;
    if (!is_on_own_host(session) || rank->number != 0)
        return VAIN_OK;
    if (session->local == NULL)
        VAIN_TRY(vain_member_key_open(session->key_folder, spec->members[session->own].name,
                                      spec->members[session->own].key, &session->signer));
    VAIN_TRY(vain_hosts_mesh(spec, session->own, signer_of(session), session->arguments->listen,
                             &rank->events, &rank->connector));
    if (session->local == NULL)
        say_where(session, &rank->events);
    return VAIN_OK;
}

static void *run_rank(void *context)
{
    struct rank *rank = context;
    struct session *session = rank->session;
    struct vain_world *world = vain_world_real();
    vain_event_log_init(&rank->events, world);
    if (rank->number == 0) {
        vain_event_subscribe(&rank->events, vain_metrics_read, session->metrics);
        vain_event_subscribe(&rank->events, read_progress, &session->progress);
        vain_event_subscribe(&rank->events, note_start, session);
    } else {
        vain_event_subscribe(&rank->events, print_notice, &session->progress);
    }
    if (rank->number == 0)
        say_alone(session, &rank->events);
    rank->status = open_mesh(rank);
    if (rank->status != VAIN_OK) {
        tell_failure(rank, rank->status);
        rank->comm.ops->abort(&rank->comm);
        rank->comm.ops->close(&rank->comm);
        return NULL;
    }
    /* Members of one process have its cores in common, whatever they are. */
    const int sharers = session->launch.mpi      ? session->launch.sharers
                        : session->local != NULL ? session->local->count
                                                 : session->ranks;
    const int local_rank = session->launch.mpi      ? session->launch.local_rank
                           : session->local != NULL ? session->own + rank->number
                                                    : rank->number;
    const struct vain_run_config config = {
        .job = &session->loaded.job,
        .spec = &session->loaded.spec,
        .spec_hash = session->loaded.hash,
        .spec_resolved = session->loaded.resolved,
        .world = world,
        .events = &rank->events,
        .world_comm = rank->comm,
        .on_own_host = is_on_own_host(session),
        .connector = rank->connector,
        .own_member = session->own,
        .signer = is_on_own_host(session) && rank->number == 0 ? signer_of(session) : NULL,
        .directory = session->directory,
        .resume = session->arguments->resume,
        .key_folder = session->key_folder,
        .spec_folder = session->loaded.folder,
        .signal = &stop_signal,
        .threads = vain_launch_threads(session->loaded.job.train.threads, sharers),
        .local_rank = local_rank,
        .failed = tell_failure,
        .failed_context = rank,
    };
    rank->status = vain_run_job(&config, &rank->result);
    return NULL;
}

/* All members as threads; rank 0 runs here. */
static enum vain_status run_loop(struct session *session, struct vain_run_result *result)
{
    struct vain_loop_hub *hub = NULL;
    struct rank *ranks = NULL;
    enum vain_status status;
    int started = 1;
    VAIN_TRY_OUT(vain_loop_hub_open(session->ranks, &hub));
    VAIN_TRY_OUT(vain_take_array(session->ranks, sizeof *ranks, "ranks", (void **)&ranks));
    for (int i = 0; i < session->ranks; i++) {
        ranks[i].session = session;
        ranks[i].number = i;
        VAIN_TRY_OUT(vain_loop_comm_open(hub, i, &ranks[i].comm));
    }
    for (; started < session->ranks; started++) {
        if (pthread_create(&ranks[started].thread, NULL, run_rank, &ranks[started]) != 0) {
            status =
                vain_fail(VAIN_ERR_MEMORY,
                          "thread for member %d of %d could not be started; use fewer --members",
                          started + 1, session->ranks);
            tell_failure(&ranks[0], status);
            ranks[0].comm.ops->abort(&ranks[0].comm);
            break;
        }
    }
    if (started == session->ranks)
        run_rank(&ranks[0]);
    for (int i = 1; i < started; i++)
        pthread_join(ranks[i].thread, NULL);
    if (started == session->ranks) {
        status = ranks[0].status;
        for (int i = 1; i < session->ranks && status >= 0; i++)
            status = ranks[i].status < 0 ? ranks[i].status : status;
        *result = ranks[0].result;
    }
out:
    vain_release(ranks);
    vain_loop_hub_close(&hub);
    return status;
}

static enum vain_status run_mpi(struct session *session, struct vain_run_result *result)
{
    struct rank rank = {.session = session,
                        .comm = vain_launch_take(&session->launch),
                        .number = session->launch.rank};
    run_rank(&rank);
    *result = rank.result;
    return rank.status;
}

/* ------------------------------------------------------------------ set-up and result */

/* `made_bytes`: of the path, up to the first folder that was not there; 0: all were. */
static enum vain_status make_folder(const char *path, size_t *made_bytes)
{
    char partial[VAIN_PATH_BYTES];
    snprintf(partial, sizeof partial, "%s", path);
    for (char *slash = partial + 1;; slash++) {
        if (*slash != '/' && *slash != '\0')
            continue;
        const char kept = *slash;
        *slash = '\0';
        if (mkdir(partial, 0755) == 0)
            *made_bytes = *made_bytes > 0 ? *made_bytes : (size_t)(slash - partial);
        else if (errno != EEXIST)
            return vain_fail(VAIN_ERR_STORAGE,
                             "%s: the folder cannot be made: %s; choose another with --out",
                             partial, strerror(errno));
        if (kept == '\0')
            return VAIN_OK;
        *slash = kept;
    }
}

/* With --local every member has a folder of its own in the one that is named. */
static enum vain_status choose_own_folder(struct session *session)
{
    const size_t length = strlen(session->directory);
    const int added = snprintf(session->directory + length, sizeof session->directory - length,
                               "/%s", session->local->listed[session->own].name);
    return added > 0 && (size_t)added < sizeof session->directory - length
               ? VAIN_OK
               : vain_fail(VAIN_ERR_INPUT, "the path of the output folder is too long");
}

/* What a shell replaces, and nobody else: a folder of that very name is not meant. */
static enum vain_status check_expanded(const struct session *session)
{
    const char *out = session->arguments->out;
    const char *said = out != NULL ? out : session->loaded.job.checkpoint.directory;
    if (said[0] != '~' && strchr(said, '$') == NULL)
        return VAIN_OK;
    return vain_fail(
        VAIN_ERR_INPUT,
        "%s: '%s': variables such as $HOME and \"~\" are not expanded here: write the "
        "whole path, or give --out unquoted, with a space before it, so that the shell "
        "does it",
        out != NULL ? "--out" : "checkpoint.directory", said);
}

static enum vain_status choose_folder(struct session *session)
{
    const struct vain_job *job = &session->loaded.job;
    const char *out = session->arguments->out;
    enum { FILE_NAME_BYTES = 160 }; /* the longest name that is put behind it */
    VAIN_TRY(check_expanded(session));
    if (out != NULL)
        snprintf(session->directory, sizeof session->directory, "%s", out);
    else if (job->checkpoint.directory[0] != '\0')
        VAIN_TRY(
            vain_spec_path(&session->loaded.spec, job->checkpoint.directory, session->directory));
    else
        snprintf(session->directory, sizeof session->directory, "runs/%s", job->general.name);
    if (session->local != NULL)
        VAIN_TRY(choose_own_folder(session));
    if (session->directory[0] == '\0')
        return vain_fail(VAIN_ERR_INPUT, "--out is empty: name the folder of the run's files");
    if ((out != NULL ? strlen(out) : strlen(session->directory)) >
        VAIN_PATH_BYTES - FILE_NAME_BYTES)
        return vain_fail(VAIN_ERR_INPUT, "the path of the output folder is longer than %d bytes",
                         VAIN_PATH_BYTES - FILE_NAME_BYTES);
    return make_folder(session->directory, &session->made_path_bytes);
}

/* Two runs in one folder would take each other's files for their own. The lock goes with the
 * process, however it ends; a file system without locks only loses this check. */
static enum vain_status lock_folder(struct session *session)
{
    char path[VAIN_PATH_BYTES];
    snprintf(path, sizeof path, "%.*s/.lock", VAIN_PATH_BYTES - 16, session->directory);
    session->lock_descriptor = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    const bool made = session->lock_descriptor >= 0;
    if (!made)
        session->lock_descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (session->lock_descriptor < 0)
        return vain_fail(VAIN_ERR_STORAGE, "%s: cannot be opened: %s; choose another --out folder",
                         path, strerror(errno));
    if (flock(session->lock_descriptor, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK)
        return vain_fail(VAIN_ERR_REFUSED,
                         "%s: another run is at work in this folder; wait for it, or choose "
                         "another --out folder",
                         session->directory);
    session->made_lock = made;
    return VAIN_OK;
}

/* Every rank reads the spec; only the first one speaks of what is wrong in it. */
static enum vain_status load_spec(struct session *session, bool *reported)
{
    const struct vain_run_arguments *arguments = session->arguments;
    if (session->local != NULL)
        return vain_loaded_spec_open_with(arguments->spec, arguments->sets, arguments->set_count,
                                          session->local->listed, session->local->count,
                                          arguments->json, &session->loaded, reported);
    if (session->launch.rank == 0)
        return vain_loaded_spec_open(arguments->spec, arguments->sets, arguments->set_count,
                                     arguments->json, &session->loaded, reported);
    return vain_loaded_spec_open_quietly(arguments->spec, arguments->sets, arguments->set_count,
                                         &session->loaded);
}

/* What this rank needs before it meets the others. */
static enum vain_status prepare_alone(struct session *session, bool *reported)
{
    VAIN_TRY(load_spec(session, reported));
    const int members = session->arguments->members;
    VAIN_TRY(vain_launch_check(&session->launch, &session->loaded.job.exchange, members));
    if (!is_on_own_host(session) &&
        (session->arguments->member != NULL || session->arguments->listen != NULL))
        return vain_fail(VAIN_ERR_INPUT,
                         "--member and --listen are of members on hosts of their own, and the spec "
                         "does not say exchange.transport: tls; say it there, or leave them out");
    session->ranks = session->launch.mpi ? session->launch.size : (members > 0 ? members : 1);
    session->aborts_on_failure = session->launch.mpi && session->launch.size > 1;
    VAIN_TRY(choose_folder(session));
    VAIN_TRY(vain_key_folder(session->key_folder, sizeof session->key_folder));
    if (is_on_own_host(session) && session->local == NULL)
        VAIN_TRY(vain_hosts_own(&session->loaded.spec, session->arguments->member,
                                session->key_folder, &session->own));
    vain_progress_init(&session->progress, &session->loaded.job, session->ranks,
                       session->arguments->quiet);
    session->progress.dated = is_on_own_host(session);
    if (session->local != NULL)
        session->progress.terminal = session->own == 0 && session->local->terminal;
    vain_system_hide_memory(session->launch.mpi);
    if (session->launch.rank != 0)
        return VAIN_OK;
    VAIN_TRY(lock_folder(session));
    char path[VAIN_PATH_BYTES];
    snprintf(path, sizeof path, "%.*s/metrics.jsonl", VAIN_PATH_BYTES - 32, session->directory);
    session->made_metrics = access(path, F_OK) != 0;
    return vain_metrics_open(path, &session->metrics);
}

/* Every rank learns how all others fared, so that either all go on or all leave. The lowest rank
 * that failed is the one to speak: where all read the same broken spec, that is the first. */
static enum vain_status prepare(struct session *session, bool *reported)
{
    VAIN_TRY(vain_launch_open(&session->launch));
    int32_t mine = (int32_t)prepare_alone(session, reported), *all = NULL;
    if (!session->launch.mpi)
        return (enum vain_status)mine;
    const int size = session->launch.size;
    VAIN_TRY(vain_take_array(size, sizeof *all, "preparations", (void **)&all));
    enum vain_status status = vain_comm_all_gather(&session->launch.comm, vain_world_real(), 0,
                                                   VAIN_TAG_START, &mine, sizeof mine, all);
    for (int rank = 0; rank < size && status == VAIN_OK; rank++) {
        if (all[rank] == VAIN_OK)
            continue;
        status = (enum vain_status)all[rank];
        *reported = rank != session->launch.rank || (rank == 0 && *reported);
    }
    vain_release(all);
    return status;
}

static int64_t own_peak_bytes(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (int64_t)usage.ru_maxrss * 1024;
}

/* The exit code of a run that ended with `status`, after saying what nobody has said yet. */
static int finish_run(struct session *session, enum vain_status status)
{
    vain_progress_end(&session->progress);
    if (status >= 0)
        return vain_exit_code(status);
    if (failure_told)
        return failure_code;
    if (lost_message[0] != '\0')
        status = vain_fail(lost_status, "%s", lost_message);
    return report_failure(session, status);
}

static void close_session(struct session *session, enum vain_status status)
{
    if (status < 0)
        leave_no_trace(session);
    if (session->lock_descriptor >= 0)
        close(session->lock_descriptor);
    if (vain_metrics_close(&session->metrics) != VAIN_OK)
        fprintf(stderr, "vain: %s\n", vain_fail_message());
    vain_loaded_spec_fini(&session->loaded);
    vain_launch_close(&session->launch);
}

/* One process's part, from the spec to the result, which is not printed yet. */
static int run_session(struct session *session, struct vain_run_result *result)
{
    bool reported = false;
    session->lock_descriptor = -1;
    enum vain_status status = prepare(session, &reported);
    int code = vain_exit_code(status);
    if (status != VAIN_OK) {
        if (!reported)
            (void)report_failure(session, status);
    } else {
        status = session->launch.mpi ? run_mpi(session, result) : run_loop(session, result);
        code = finish_run(session, status);
        if (status >= 0 && session->launch.rank == 0 && session->local == NULL &&
            vain_run_result_print(result, session->directory, own_peak_bytes(),
                                  session->arguments->json) != 0)
            code = 1;
    }
    close_session(session, status);
    return code;
}

/* ------------------------------------------------------------------ members as processes */

struct local_run {
    const struct vain_run_arguments *arguments;
    const struct vain_local *local;
};

static void live(void *context, int index, struct vain_local_report *report)
{
    const struct local_run *run = context;
    struct vain_run_arguments arguments = *run->arguments;
    struct session *session = NULL;
    arguments.json = false;
    report->failure = vain_take(sizeof *session, "session", (void **)&session);
    if (report->failure != VAIN_OK) {
        report->exit_code = vain_report_failure((enum vain_status)report->failure, false);
        snprintf(report->message, sizeof report->message, "%s", vain_fail_message());
        return;
    }
    session->arguments = &arguments;
    session->local = run->local;
    session->own = index;
    vain_process_name(run->local->listed[index].name);
    report->exit_code = run_session(session, &report->result);
    report->peak_bytes = own_peak_bytes();
    report->failure = session->failure;
    memcpy(report->message, session->failure_message, sizeof session->failure_message);
    vain_release(session);
}

/* The members' keys lie in the run's folder. */
static enum vain_status keep_keys(struct session *session, struct vain_local *local)
{
    char folder[VAIN_PATH_BYTES + 8];
    VAIN_TRY(choose_folder(session));
    snprintf(local->log_folder, sizeof local->log_folder, "%s", session->directory);
    local->terminal = isatty(STDERR_FILENO) == 1;
    if (!session->arguments->quiet)
        fprintf(stderr, "vain: the %d members' logs are %s/%s.log and on; the first is shown\n",
                local->count, session->directory, local->listed[0].name);
    snprintf(folder, sizeof folder, "%s/keys", session->directory);
    return vain_local_keep_keys(local, folder);
}

/* What is wrong with the spec is said once, and before anybody is started. */
static enum vain_status prepare_local(struct session *session, struct vain_local *local,
                                      bool *reported)
{
    const struct vain_run_arguments *arguments = session->arguments;
    struct vain_launched launch;
    VAIN_TRY(vain_launch_open(&launch));
    const bool launched = launch.mpi && launch.size > 1;
    vain_launch_close(&launch);
    if (launched)
        return vain_fail(VAIN_ERR_INPUT, "--local starts its members itself; leave out the "
                                         "launcher, or leave out --local");
    VAIN_TRY(vain_loaded_spec_open_with(arguments->spec, arguments->sets, arguments->set_count,
                                        local->listed, local->count, arguments->json,
                                        &session->loaded, reported));
    if (session->loaded.replaced_members > 0 && !arguments->quiet)
        fprintf(stderr, "vain: the %d members that %s lists take no part: --local makes its own\n",
                session->loaded.replaced_members, arguments->spec);
    const enum vain_status status = keep_keys(session, local);
    vain_loaded_spec_fini(&session->loaded);
    return status;
}

/* Whatever transport the spec is meant for, these members use tls; to be told another one at the
 * same time is a mistake. */
static enum vain_status choose_tls(struct vain_run_arguments *arguments)
{
    static const char transport[] = "exchange.transport=";
    for (int i = 0; i < arguments->set_count; i++) {
        if (strncmp(arguments->sets[i], transport, sizeof transport - 1) != 0)
            continue;
        const char *value = arguments->sets[i] + sizeof transport - 1;
        if (strcmp(value, "tls") != 0)
            return vain_fail(VAIN_ERR_INPUT,
                             "--set exchange.transport=%s: members of --local speak tls; leave it "
                             "out, or use --members N for members in one process",
                             value);
    }
    if (arguments->set_count == VAIN_SETS_MAX)
        return vain_fail(VAIN_ERR_INPUT, "more than %d --set with --local", VAIN_SETS_MAX - 1);
    arguments->sets[arguments->set_count++] = "exchange.transport=tls";
    return VAIN_OK;
}

/* The result of all, if any member has one. What went wrong is told by then; programs get it as one
 * object. Not 0: standard output cannot be written. */
static int print_local(const struct vain_local *local, const struct vain_local_report *report,
                       bool json)
{
    const struct vain_run_result *result = &report->result;
    char directory[VAIN_PATH_BYTES];
    if (result->parameter_count == 0) {
        if (json && report->failure != VAIN_OK)
            vain_print_error((enum vain_status)report->failure, report->message);
        return 0;
    }
    snprintf(directory, sizeof directory, "%.*s",
             (int)(strrchr(result->record, '/') - result->record), result->record);
    if (!json)
        printf("logs             %s/%s.log and on\n", local->log_folder, local->listed[0].name);
    return vain_run_result_print(result, directory, report->peak_bytes, json);
}

static int run_local(struct vain_run_arguments *arguments)
{
    struct vain_local local;
    struct vain_local_report *report = NULL;
    struct session session = {.arguments = arguments};
    int code = 0;
    bool reported = false;
    enum vain_status status;
    status = choose_tls(arguments);
    if (status != VAIN_OK)
        return vain_report_failure(status, arguments->json);
    status = vain_local_open(arguments->local, &local);
    if (status == VAIN_OK)
        status = vain_take(sizeof *report, "report", (void **)&report);
    if (status == VAIN_OK)
        status = prepare_local(&session, &local, &reported);
    struct local_run run = {arguments, &local};
    if (status == VAIN_OK)
        status = vain_local_run(&local, arguments->restart, &stop_signal, live, &run, report);
    if (status != VAIN_OK) {
        code = reported ? vain_exit_code(status) : vain_report_failure(status, arguments->json);
    } else {
        code = print_local(&local, report, arguments->json) != 0 ? 1 : report->exit_code;
    }
    vain_local_close(&local);
    vain_release(report);
    return code;
}

int vain_verb_run(int argc, char **argv)
{
    struct vain_run_arguments arguments = {.resume = "auto"};
    struct session *session = NULL;
    struct vain_run_result result = {0};
    const int wrong = vain_parse_arguments(&vain_run_argp, argc, argv, &arguments);
    if (wrong != 0)
        return wrong;
    catch_signals();
    if (arguments.local > 0)
        return run_local(&arguments);
    enum vain_status status = vain_take(sizeof *session, "session", (void **)&session);
    if (status != VAIN_OK)
        return vain_report_failure(status, arguments.json);
    session->arguments = &arguments;
    const int code = run_session(session, &result);
    vain_release(session);
    return code;
}
