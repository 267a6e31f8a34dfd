/* Each member is a process with a key of its own, made before the fork and thrown away. It listens
 * at a port of the system's choice, tells this process where, and learns of all others from it;
 * then the mesh joins them (cmd/mesh.h), and what is measured is what other transports measure. */
#include "cmd/bench_tls.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/identity.h"
#include "base/memory.h"
#include "cmd/mesh.h"
#include "cmd/world.h"
#include "collectives/transport.h"
#include "p2p/link.h"

enum { NAME_BYTES = 24 };

struct place {
    char address[VAIN_LINK_ADDRESS_BYTES];
};

/* What a member says at its end. */
struct report {
    enum vain_status status;
    char message[VAIN_MESSAGE_BYTES];
    struct vain_bench_times times;
};

struct member {
    struct vain_signer signer;
    char name[NAME_BYTES];
    pid_t process; /* 0: not started */
    int socket;    /* to it; -1: closed */
    bool reported;
    struct report report;
};

/* All that a member knows when it starts. */
struct fleet {
    const struct vain_bench_exchange *options;
    const struct vain_bench_tls *tls;
    uint8_t key[VAIN_CONNECTOR_KEY_BYTES];
    struct member *members; /* (tls->members) */
};

/* ---- between the processes ------------------------------------------------------------------- */

/* A peer that is gone raises no signal. False: it is. */
static bool send_all(int socket, const void *data, size_t bytes)
{
    const unsigned char *at = data;
    while (bytes > 0) {
        const ssize_t sent = send(socket, at, bytes, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent <= 0)
            return false;
        at += sent;
        bytes -= (size_t)sent;
    }
    return true;
}

static bool receive_all(int socket, void *data, size_t bytes)
{
    unsigned char *at = data;
    while (bytes > 0) {
        const ssize_t got = recv(socket, at, bytes, 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return false;
        at += got;
        bytes -= (size_t)got;
    }
    return true;
}

/* ---- a member -------------------------------------------------------------------------------- */

static enum vain_status open_mesh(const struct fleet *fleet, int own, struct vain_connector **out)
{
    struct vain_mesh_member *list = NULL;
    const int count = fleet->tls->members;
    VAIN_TRY(vain_take_array(count, sizeof *list, "members", (void **)&list));
    for (int i = 0; i < count; i++)
        list[i] = (struct vain_mesh_member){.name = fleet->members[i].name,
                                            .id = fleet->members[i].signer.member_id};
    const struct vain_mesh_config config = {.signer = &fleet->members[own].signer,
                                            .world = vain_world_real(),
                                            .members = list,
                                            .member_count = count,
                                            .own = own,
                                            .listen = "127.0.0.1:0"};
    const enum vain_status status = vain_mesh_open(&config, out);
    vain_release(list);
    return status;
}

static enum vain_status set_places(struct vain_connector *mesh, const struct place *places,
                                   int count, int own)
{
    for (int i = 0; i < count; i++) {
        const char *address = places[i].address;
        if (i != own)
            VAIN_TRY(vain_mesh_set_addresses(mesh, i, &address, 1));
    }
    return VAIN_OK;
}

/* Says where this member is, and learns where the others are. */
static enum vain_status trade_places(struct vain_connector *mesh, int socket, int count, int own)
{
    struct place mine = {{0}}, *all = NULL;
    enum vain_status status;
    snprintf(mine.address, sizeof mine.address, "%s", vain_mesh_address(mesh));
    VAIN_TRY_OUT(vain_take_array(count, sizeof *all, "addresses", (void **)&all));
    status = send_all(socket, &mine, sizeof mine) &&
                     receive_all(socket, all, (size_t)count * sizeof *all)
                 ? set_places(mesh, all, count, own)
                 : vain_fail(VAIN_ERR_PEER, "the members cannot be started");
out:
    vain_release(all);
    return status;
}

/* One pass over what is missing. */
static enum vain_status take_those_there(struct vain_connector *mesh, int own, int count,
                                         int connections, struct vain_stream **streams)
{
    bool all = true;
    for (int i = 0; i < count * connections; i++) {
        if (i / connections == own || streams[i] != NULL)
            continue;
        const enum vain_status status =
            mesh->ops->take(mesh, i / connections, i % connections, &streams[i]);
        if (status < 0)
            return status;
        all &= status == VAIN_OK;
    }
    return all ? VAIN_OK : VAIN_AGAIN;
}

/* streams: (members, connections). */
static enum vain_status connect_all(const struct fleet *fleet, struct vain_connector *mesh, int own,
                                    struct vain_stream **streams)
{
    const int count = fleet->tls->members;
    int *everybody = NULL;
    VAIN_TRY(vain_take_array(count, sizeof *everybody, "members", (void **)&everybody));
    for (int i = 0; i < count; i++)
        everybody[i] = i;
    struct vain_connector_use use = {
        .members = everybody, .count = count, .connections = fleet->tls->connections};
    memcpy(use.key, fleet->key, sizeof use.key);
    enum vain_status status = mesh->ops->begin_use(mesh, &use);
    vain_release(everybody);
    if (status != VAIN_OK)
        return status;
    struct pollfd wait = {.fd = mesh->ops->descriptor(mesh), .events = POLLIN};
    for (;;) {
        struct vain_stream *mailbox; /* not used here, and not to wake for */
        status = take_those_there(mesh, own, count, fleet->tls->connections, streams);
        if (status != VAIN_AGAIN)
            return status;
        for (int i = 0; i < count; i++) {
            if (i != own && mesh->ops->take_mailbox(mesh, i, &mailbox) == VAIN_OK)
                mailbox->ops->close(mailbox);
        }
        (void)poll(&wait, 1, -1);
    }
}

static enum vain_status run_joined(const struct fleet *fleet, int own, struct vain_stream **streams,
                                   struct vain_bench_times *times)
{
    struct vain_comm comm;
    const struct vain_stream_links links = {.rank = own,
                                            .size = fleet->tls->members,
                                            .connections = fleet->tls->connections,
                                            .streams = streams,
                                            .world = vain_world_real()};
    VAIN_TRY(vain_stream_comm_open(&links, &comm));
    memset(streams, 0, sizeof *streams * (size_t)(links.size * links.connections));
    const enum vain_status status =
        vain_bench_member_run(fleet->options, &comm, fleet->tls->members, times);
    comm.ops->close(&comm);
    return status;
}

static enum vain_status run_member(const struct fleet *fleet, int own, int socket,
                                   struct vain_bench_times *times)
{
    const int count = fleet->tls->members, all = count * fleet->tls->connections;
    struct vain_connector *mesh = NULL;
    struct vain_stream **streams = NULL;
    enum vain_status status;
    VAIN_TRY_OUT(vain_take_array(all, sizeof(struct vain_stream *), "streams", (void **)&streams));
    VAIN_TRY_OUT(open_mesh(fleet, own, &mesh));
    VAIN_TRY_OUT(trade_places(mesh, socket, count, own));
    VAIN_TRY_OUT(connect_all(fleet, mesh, own, streams));
    mesh->ops->close(mesh); /* its thread has nothing to do any more */
    mesh = NULL;
    status = run_joined(fleet, own, streams, times);
out:
    for (int i = 0; streams != NULL && i < all; i++) {
        if (streams[i] != NULL)
            streams[i]->ops->close(streams[i]);
    }
    vain_release(streams);
    if (mesh != NULL)
        mesh->ops->close(mesh);
    return status;
}

/* The life of a member's process. */
static int live(const struct fleet *fleet, int own, int socket)
{
    struct report *report = &fleet->members[own].report;
    vain_process_name(fleet->members[own].name);
    report->status = run_member(fleet, own, socket, &report->times);
    if (report->status != VAIN_OK)
        snprintf(report->message, sizeof report->message, "%s", vain_fail_message());
    return send_all(socket, report, sizeof *report) ? 0 : 1;
}

/* ---- this process ---------------------------------------------------------------------------- */

static void close_socket(struct member *member)
{
    if (member->socket >= 0)
        (void)close(member->socket);
    member->socket = -1;
}

/* Releases what all hold; a member does so too before it ends. */
static void release_fleet(struct fleet *fleet)
{
    for (int i = 0; fleet->members != NULL && i < fleet->tls->members; i++) {
        close_socket(&fleet->members[i]);
        if (fleet->members[i].signer.ops != NULL)
            vain_signer_close(&fleet->members[i].signer);
    }
    vain_release(fleet->members);
    fleet->members = NULL;
}

/* Does not return in the member. */
static enum vain_status start_member(struct fleet *fleet, int index)
{
    struct member *member = &fleet->members[index];
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
        return vain_fail(VAIN_ERR_UNAVAILABLE, "member %d: no socket for it: %s", index + 1,
                         strerror(errno));
    member->process = fork();
    if (member->process == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* nobody would read its report */
        (void)close(ends[0]);
        for (int i = 0; i < index; i++)
            close_socket(&fleet->members[i]);
        const int code = live(fleet, index, ends[1]);
        (void)close(ends[1]);
        release_fleet(fleet);
        exit(code);
    }
    (void)close(ends[1]);
    member->socket = ends[0];
    if (member->process < 0) {
        member->process = 0;
        return vain_fail(VAIN_ERR_UNAVAILABLE,
                         "member %d: no process for it: %s; use fewer "
                         "--members",
                         index + 1, strerror(errno));
    }
    return VAIN_OK;
}

static enum vain_status start_all(struct fleet *fleet)
{
    const int64_t now_ms = vain_world_real()->ops->unix_ms(vain_world_real());
    for (int i = 0; i < fleet->tls->members; i++) {
        snprintf(fleet->members[i].name, NAME_BYTES, "member-%d", i + 1);
        fleet->members[i].socket = -1;
    }
    for (int i = 0; i < fleet->tls->members; i++)
        VAIN_TRY(vain_signer_open_throw_away(&fleet->members[i].signer, now_ms));
    for (int i = 0; i < fleet->tls->members; i++)
        VAIN_TRY(start_member(fleet, i));
    return VAIN_OK;
}

/* One that has died says so by its silence: the others then learn that nobody starts. */
static enum vain_status introduce_all(struct fleet *fleet)
{
    const int count = fleet->tls->members;
    struct place *places = NULL;
    enum vain_status status;
    VAIN_TRY_OUT(vain_take_array(count, sizeof *places, "addresses", (void **)&places));
    bool all = true;
    for (int i = 0; i < count; i++)
        all = receive_all(fleet->members[i].socket, &places[i], sizeof *places) && all;
    for (int i = 0; i < count; i++) {
        if (all)
            (void)send_all(fleet->members[i].socket, places, (size_t)count * sizeof *places);
        else
            (void)shutdown(fleet->members[i].socket, SHUT_WR);
    }
out:
    vain_release(places);
    return status;
}

static void read_reports(struct fleet *fleet)
{
    for (int i = 0; i < fleet->tls->members; i++) {
        struct member *member = &fleet->members[i];
        member->reported = member->socket >= 0 &&
                           receive_all(member->socket, &member->report, sizeof member->report);
        close_socket(member);
    }
}

/* The members' end: the first that died, or the one that knows most of the failure. */
static enum vain_status judge_members(struct fleet *fleet)
{
    const struct member *worst = NULL;
    enum vain_status status = VAIN_OK;
    for (int i = 0; i < fleet->tls->members; i++) {
        const struct member *member = &fleet->members[i];
        int how = 0;
        while (member->process > 0 && waitpid(member->process, &how, 0) < 0 && errno == EINTR)
            continue;
        if (member->process == 0 || status != VAIN_OK)
            continue;
        if (WIFSIGNALED(how))
            status = vain_fail(VAIN_ERR_PEER, "member %d of %d was ended by signal %d (%s)", i + 1,
                               fleet->tls->members, WTERMSIG(how), strsignal(WTERMSIG(how)));
        else if (!member->reported)
            status =
                vain_fail(VAIN_ERR_PEER, "member %d of %d ended without a result, exit code %d",
                          i + 1, fleet->tls->members, WEXITSTATUS(how));
        else if (member->report.status != VAIN_OK &&
                 (worst == NULL || (worst->report.status == VAIN_ERR_PEER &&
                                    member->report.status != VAIN_ERR_PEER)))
            worst = member;
    }
    if (status != VAIN_OK || worst == NULL)
        return status;
    return vain_fail(worst->report.status, "%s: %s", worst->name, worst->report.message);
}

enum vain_status vain_bench_tls_run(const struct vain_bench_exchange *options,
                                    const struct vain_bench_tls *tls, struct vain_bench_times *out)
{
    struct fleet fleet = {.options = options, .tls = tls};
    vain_random_bytes(fleet.key, sizeof fleet.key);
    VAIN_TRY(
        vain_take_array(tls->members, sizeof *fleet.members, "members", (void **)&fleet.members));
    enum vain_status status = start_all(&fleet);
    if (status == VAIN_OK)
        status = introduce_all(&fleet);
    if (status != VAIN_OK) {
        char message[VAIN_MESSAGE_BYTES];
        snprintf(message, sizeof message, "%s", vain_fail_message());
        for (int i = 0; i < tls->members; i++)
            close_socket(&fleet.members[i]); /* whoever was started leaves */
        (void)!judge_members(&fleet);
        release_fleet(&fleet);
        return vain_fail(status, "%s", message);
    }
    read_reports(&fleet);
    status = judge_members(&fleet);
    *out = fleet.members[0].report.times;
    release_fleet(&fleet);
    return status;
}
