#define _GNU_SOURCE /* pipe2, prctl */
#include "cmd/local.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/memory.h"
#include "cmd/local_log.h"
#include "cmd/system.h"
#include "cmd/verb.h"
#include "cmd/world.h"

enum { LOOK_MS = 100, AGAIN_MS = 500 };
#define RENEW_MS INT64_C(604800000) /* a key that has less than a week left gives way */

/* ---- keys and addresses ---------------------------------------------------------------------- */

/* A port that is free now: bound, read and let go. All are held until the last one is known, so
 * that they differ. */
static enum vain_status find_port(int *held, char *address, size_t bytes)
{
    struct sockaddr_in here = {.sin_family = AF_INET};
    socklen_t length = sizeof here;
    here.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    *held = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (*held < 0 || bind(*held, (struct sockaddr *)&here, sizeof here) != 0 ||
        getsockname(*held, (struct sockaddr *)&here, &length) != 0)
        return vain_fail(VAIN_ERR_UNAVAILABLE, "no port on the loopback interface: %s",
                         strerror(errno));
    snprintf(address, bytes, "127.0.0.1:%d", ntohs(here.sin_port));
    return VAIN_OK;
}

static enum vain_status find_ports(struct vain_local *local)
{
    int *held = NULL;
    VAIN_TRY(vain_take_array(local->count, sizeof *held, "ports", (void **)&held));
    for (int i = 0; i < local->count; i++)
        held[i] = -1;
    enum vain_status status = VAIN_OK;
    for (int i = 0; i < local->count && status == VAIN_OK; i++) {
        status = find_port(&held[i], local->listed[i].addresses[0],
                           sizeof local->listed[i].addresses[0]);
        local->listed[i].address_count = 1;
    }
    for (int i = 0; i < local->count; i++) {
        if (held[i] >= 0)
            (void)close(held[i]);
    }
    vain_release(held);
    return status;
}

enum vain_status vain_local_open(int count, struct vain_local *out)
{
    const int64_t now_ms = vain_world_real()->ops->unix_ms(vain_world_real());
    enum vain_status status;
    vain_system_hide_memory(false); /* of the processes that it starts, too */
    memset(out, 0, sizeof *out);
    out->count = count;
    VAIN_TRY_OUT(vain_take_array(count, sizeof *out->listed, "members", (void **)&out->listed));
    VAIN_TRY_OUT(vain_take_array(count, sizeof *out->signers, "keys", (void **)&out->signers));
    for (int i = 0; i < count; i++) {
        snprintf(out->listed[i].name, sizeof out->listed[i].name, "member-%d", i);
        VAIN_TRY_OUT(vain_signer_open_throw_away(&out->signers[i], now_ms));
        vain_to_hex(out->signers[i].member_id, VAIN_HASH_BYTES, out->listed[i].key);
    }
    status = find_ports(out);
out:
    if (status != VAIN_OK)
        vain_local_close(out);
    return status;
}

static enum vain_status open_kept(const char *folder, const char *name, struct vain_signer *out)
{
    char path[VAIN_PATH_BYTES];
    uint8_t id[VAIN_HASH_BYTES];
    struct vain_certificate certificate;
    const int length = snprintf(path, sizeof path, "%s/%s.key", folder, name);
    if (length < 0 || (size_t)length >= sizeof path)
        return vain_fail(VAIN_ERR_INPUT, "the path of the output folder is too long: %s", folder);
    const int64_t now_ms = vain_world_real()->ops->unix_ms(vain_world_real());
    if (access(path, F_OK) != 0) {
        VAIN_TRY(vain_key_create(folder, name, now_ms, id));
    }
    VAIN_TRY(vain_signer_open_file(out, path));
    if (now_ms < out->certificate.not_after_ms - RENEW_MS)
        return VAIN_OK;
    vain_signer_close(out);
    VAIN_TRY(vain_key_renew(folder, name, NULL, now_ms, -1, &certificate, id));
    return vain_signer_open_file(out, path);
}

enum vain_status vain_local_keep_keys(struct vain_local *local, const char *folder)
{
    for (int i = 0; i < local->count; i++) {
        struct vain_signer kept;
        VAIN_TRY(open_kept(folder, local->listed[i].name, &kept));
        vain_signer_close(&local->signers[i]);
        local->signers[i] = kept;
        vain_to_hex(kept.member_id, VAIN_HASH_BYTES, local->listed[i].key);
    }
    return VAIN_OK;
}

void vain_local_close(struct vain_local *local)
{
    for (int i = 0; local->signers != NULL && i < local->count; i++) {
        if (local->signers[i].ops != NULL)
            vain_signer_close(&local->signers[i]);
    }
    vain_release(local->signers);
    vain_release(local->listed);
    memset(local, 0, sizeof *local);
}

/* ---- processes ------------------------------------------------------------------------------- */

struct process {
    pid_t id; /* 0: none */
    int pipe; /* its report comes here */
    bool ended, reported;
    uint64_t again_ms; /* when it is to be started once more; 0: never */
    struct vain_local_report report;
};

struct fleet {
    const struct vain_local *local;
    bool again;
    void (*live)(void *context, int index, struct vain_local_report *report);
    void *context;
    struct process *processes;        /* (count) */
    struct vain_local_tee tee;        /* of member 0 */
    int failed_first;                 /* which member; -1: none has failed */
    char told[VAIN_LOCAL_LINE_BYTES]; /* the last line of who failed last, and its exit code */
    int told_code, told_of;           /* whose it is */
};

static uint64_t now_ms(void)
{
    return vain_world_real()->ops->now_ns(vain_world_real()) / 1000000;
}

/* The life of a member's process; does not return. */
static void be_member(const struct fleet *fleet, int index, int pipe)
{
    struct vain_local_report *report = NULL;
    if (vain_take(sizeof *report, "report", (void **)&report) != VAIN_OK)
        _exit(1);
    fleet->live(fleet->context, index, report);
    const uint8_t *bytes = (const uint8_t *)report;
    for (size_t sent = 0; sent < sizeof *report;) {
        const ssize_t count = write(pipe, bytes + sent, sizeof *report - sent);
        if (count <= 0)
            _exit(1);
        sent += (size_t)count;
    }
    _exit(report->exit_code);
}

/* Where the standard error of a member goes: its log, or the pipe of member 0. Closed by the
 * caller.
 */
static enum vain_status open_log(struct fleet *fleet, int index, int *out)
{
    int log, ends[2];
    VAIN_TRY(vain_local_log_open(fleet->local->log_folder, fleet->local->listed[index].name, &log));
    *out = log;
    if (index > 0)
        return VAIN_OK;
    vain_local_tee_close(&fleet->tee);
    if (pipe2(ends, O_CLOEXEC) != 0 || fcntl(ends[0], F_SETFL, O_NONBLOCK) != 0) {
        (void)close(log);
        return vain_fail(VAIN_ERR_UNAVAILABLE, "member %d: no pipe for it: %s", index,
                         strerror(errno));
    }
    fleet->tee = (struct vain_local_tee){.pipe = ends[0], .file = log};
    *out = ends[1];
    return VAIN_OK;
}

/* The child's side of the fork; does not return. */
static void become_member(struct fleet *fleet, int index, pid_t parent, int report, int log)
{
    (void)prctl(PR_SET_PDEATHSIG, SIGTERM); /* who started it is gone: save, and leave */
    if (getppid() != parent || dup2(log, STDERR_FILENO) < 0)
        _exit(1);
    (void)close(log);
    vain_local_tee_close(&fleet->tee);
    be_member(fleet, index, report);
}

static enum vain_status start_process(struct fleet *fleet, int index)
{
    struct process *process = &fleet->processes[index];
    int ends[2], log;
    const pid_t parent = getpid();
    VAIN_TRY(open_log(fleet, index, &log));
    if (pipe2(ends, O_CLOEXEC) != 0) {
        (void)close(log);
        return vain_fail(VAIN_ERR_UNAVAILABLE, "member %d: no pipe for it: %s", index,
                         strerror(errno));
    }
    fflush(stdout);
    fflush(stderr);
    process->id = fork();
    if (process->id == 0) {
        (void)close(ends[0]);
        become_member(fleet, index, parent, ends[1], log);
    }
    (void)close(ends[1]);
    (void)close(log);
    if (process->id < 0) {
        process->id = 0;
        (void)close(ends[0]);
        return vain_fail(VAIN_ERR_UNAVAILABLE, "member %d: no process for it: %s", index,
                         strerror(errno));
    }
    process->pipe = ends[0];
    process->again_ms = 0;
    return VAIN_OK;
}

/* "vain: member-2 was killed by signal 9; it is started again. The last line of DIR/member-2.log:"
 */
static void say_end(const struct fleet *fleet, int index, const char *how, int number, bool again)
{
    const char *name = fleet->local->listed[index].name;
    char line[VAIN_LOCAL_LINE_BYTES], path[VAIN_PATH_BYTES];
    vain_local_log_path(fleet->local->log_folder, name, path, sizeof path);
    vain_local_log_last_line(fleet->local->log_folder, name, line);
    fprintf(stderr, "vain: %s %s %d%s; the last line of %s: %s\n", name, how, number,
            again ? "; it is started again" : "", path, line);
}

/* What was wrong, once where one member after another says the same. */
static void say_failure(struct fleet *fleet, int index, int code)
{
    const char *name = fleet->local->listed[index].name;
    char line[VAIN_LOCAL_LINE_BYTES];
    vain_local_log_last_line(fleet->local->log_folder, name, line);
    if (line[0] != '\0' && code == fleet->told_code && strcmp(line, fleet->told) == 0) {
        fprintf(stderr, "vain: %s ended with exit code %d, and the same words as %s\n", name, code,
                fleet->local->listed[fleet->told_of].name);
        return;
    }
    fleet->told_code = code;
    fleet->told_of = index;
    memcpy(fleet->told, line, sizeof line);
    say_end(fleet, index, "ended with exit code", code, false);
}

/* Its report, if it left one, once it has ended. */
static void end_process(struct fleet *fleet, int index, int how, bool stopping)
{
    struct process *process = &fleet->processes[index];
    uint8_t *bytes = (uint8_t *)&process->report;
    size_t got = 0;
    for (ssize_t count = 1; count > 0 && got < sizeof process->report;) {
        count = read(process->pipe, bytes + got, sizeof process->report - got);
        got += count > 0 ? (size_t)count : 0;
    }
    (void)close(process->pipe);
    if (index == 0)
        vain_local_tee_pass(&fleet->tee);
    process->id = 0;
    process->reported = got == sizeof process->report && WIFEXITED(how);
    if (process->reported) {
        const int code = process->report.exit_code;
        process->ended = true;
        if (code != 0 && code != vain_exit_code(VAIN_STOPPED))
            say_failure(fleet, index, code);
        if (process->report.failure != VAIN_OK && fleet->failed_first < 0)
            fleet->failed_first = index;
        return;
    }
    const bool again = fleet->again && !stopping;
    if (WIFSIGNALED(how))
        say_end(fleet, index, "was killed by signal", WTERMSIG(how), again);
    else
        say_end(fleet, index, "ended without a word, exit code", WEXITSTATUS(how), again);
    if (again)
        process->again_ms = now_ms() + AGAIN_MS;
    else
        process->ended = true;
}

static void pass_on(const struct fleet *fleet, int signal_number)
{
    for (int i = 0; i < fleet->local->count; i++) {
        if (fleet->processes[i].id > 0)
            (void)kill(fleet->processes[i].id, signal_number);
    }
}

/* One look at all. */
static enum vain_status look(struct fleet *fleet, bool stopping, bool *all_ended)
{
    *all_ended = true;
    for (int i = 0; i < fleet->local->count; i++) {
        struct process *process = &fleet->processes[i];
        int how;
        if (process->id > 0 && waitpid(process->id, &how, WNOHANG) == process->id)
            end_process(fleet, i, how, stopping);
        if (process->again_ms != 0 && stopping) {
            process->again_ms = 0;
            process->ended = true;
        }
        if (process->again_ms != 0 && now_ms() >= process->again_ms)
            VAIN_TRY(start_process(fleet, i));
        *all_ended = *all_ended && process->ended;
    }
    return VAIN_OK;
}

static enum vain_status wait_for_all(struct fleet *fleet, atomic_int *signal)
{
    int passed = 0;
    for (bool all_ended = false; !all_ended;) {
        const int caught = atomic_load(signal);
        if (caught != passed) {
            passed = caught;
            pass_on(fleet, caught);
        }
        VAIN_TRY(look(fleet, caught != 0, &all_ended));
        if (!all_ended) {
            struct pollfd log = {.fd = fleet->tee.pipe, .events = POLLIN}; /* -1 is passed over */
            (void)poll(&log, 1, LOOK_MS);
            vain_local_tee_pass(&fleet->tee);
        }
    }
    return VAIN_OK;
}

/* Of those who did as well as any, the one that was there longest has seen most. */
static bool is_better(const struct process *a, const struct process *b)
{
    const bool a_has = a->report.result.parameter_count > 0;
    if (a_has != (b->report.result.parameter_count > 0))
        return a_has;
    if (a->report.exit_code != b->report.exit_code)
        return a->report.exit_code < b->report.exit_code;
    return a->report.result.seconds > b->report.result.seconds;
}

/* The exit code of the whole and what went wrong: that of who failed first, since others may have
 * failed for want of it, else of one that was stopped. */
static void note_worst(const struct fleet *fleet, struct vain_local_report *report)
{
    int worst = fleet->failed_first;
    for (int i = 0; i < fleet->local->count && worst < 0; i++)
        if (fleet->processes[i].reported && fleet->processes[i].report.exit_code != 0)
            worst = i;
    if (worst < 0)
        return;
    const struct vain_local_report *of = &fleet->processes[worst].report;
    report->exit_code = of->exit_code;
    report->failure = of->failure;
    snprintf(report->message, sizeof report->message, "%s: %.*s", fleet->local->listed[worst].name,
             VAIN_MESSAGE_BYTES - 1, of->message);
}

static enum vain_status judge(const struct fleet *fleet, struct vain_local_report *report)
{
    const struct process *best = NULL;
    for (int i = fleet->local->count - 1; i >= 0; i--) {
        const struct process *process = &fleet->processes[i];
        if (!process->reported)
            continue;
        best = best == NULL || is_better(process, best) ? process : best;
    }
    if (best == NULL)
        return vain_fail(VAIN_ERR_PEER, "all members were killed; the same command goes on");
    *report = best->report;
    note_worst(fleet, report);
    return VAIN_OK;
}

enum vain_status vain_local_run(const struct vain_local *local, bool again, atomic_int *signal,
                                void (*live)(void *context, int index,
                                             struct vain_local_report *report),
                                void *context, struct vain_local_report *report)
{
    struct fleet fleet = {.local = local,
                          .again = again,
                          .live = live,
                          .context = context,
                          .failed_first = -1,
                          .tee = {.pipe = -1, .file = -1}};
    memset(report, 0, sizeof *report);
    VAIN_TRY(vain_take_array(local->count, sizeof *fleet.processes, "processes",
                             (void **)&fleet.processes));
    enum vain_status status = VAIN_OK;
    for (int i = 0; i < local->count && status == VAIN_OK; i++)
        status = start_process(&fleet, i);
    if (status == VAIN_OK)
        status = wait_for_all(&fleet, signal);
    if (status == VAIN_OK)
        status = judge(&fleet, report);
    else
        pass_on(&fleet, SIGKILL);
    vain_local_tee_close(&fleet.tee);
    vain_release(fleet.processes);
    return status;
}
