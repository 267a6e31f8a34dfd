#include "cmd/mesh_state.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/memory.h"

/* ---- both threads ---------------------------------------------------------------------------- */

static void lock(struct vain_mesh *mesh)
{
    VAIN_ASSERT(pthread_mutex_lock(&mesh->lock) == 0);
}

static void unlock(struct vain_mesh *mesh)
{
    VAIN_ASSERT(pthread_mutex_unlock(&mesh->lock) == 0);
}

/* An event descriptor is a counter: a write cannot fail before it has run full, and a read that
 * finds nothing does no harm. */
static void raise_event(int descriptor)
{
    const uint64_t one = 1;
    VAIN_ASSERT(write(descriptor, &one, sizeof one) == (ssize_t)sizeof one);
}

static void clear_event(int descriptor)
{
    uint64_t count;
    (void)!read(descriptor, &count, sizeof count);
}

/* Of a resolver. */
static void wake(void *context)
{
    const struct vain_mesh *mesh = context;
    raise_event(mesh->wake);
}

uint64_t vain_mesh_now(const struct vain_mesh *mesh)
{
    return mesh->world->ops->now_ns(mesh->world);
}

void vain_mesh_tell(struct vain_mesh *mesh)
{
    const bool of_use = mesh->arrivals > 0 || mesh->use_late;
    const bool any = mesh->mailboxes > 0 || (of_use && !mesh->use_failed);
    if (any && !mesh->told)
        raise_event(mesh->news);
    else if (!any && mesh->told)
        clear_event(mesh->news);
    mesh->told = any;
}

void vain_mesh_refuse(struct vain_mesh *mesh, uint64_t count, const char *why)
{
    lock(mesh);
    mesh->refused += count;
    snprintf(mesh->refusal, sizeof mesh->refusal, "%s", why);
    unlock(mesh);
}

/* Under the lock. */
static void close_stream(struct vain_stream **stream, int *count)
{
    if (*stream == NULL)
        return;
    (*stream)->ops->close(*stream);
    *stream = NULL;
    (*count)--;
}

void vain_mesh_give_mailbox(struct vain_mesh *mesh, int member, struct vain_stream *stream)
{
    struct vain_mesh_peer *peer = &mesh->peers[member];
    lock(mesh);
    close_stream(&peer->mailbox, &mesh->mailboxes);
    peer->mailbox = stream;
    peer->mailbox_wanted = false;
    peer->trouble[0] = '\0';
    mesh->mailboxes++;
    mesh->established++;
    vain_mesh_tell(mesh);
    unlock(mesh);
}

bool vain_mesh_give_stream(struct vain_mesh *mesh, int member, int connection,
                           const uint8_t key[VAIN_MIN_LEN(VAIN_CONNECTOR_KEY_BYTES)],
                           struct vain_stream *stream)
{
    struct vain_mesh_peer *peer = &mesh->peers[member];
    lock(mesh);
    const bool fits = peer->in_use && connection < mesh->use_connections &&
                      !peer->taken[connection] &&
                      vain_equal(key, mesh->use_key, VAIN_CONNECTOR_KEY_BYTES);
    if (fits) {
        mesh->use_missing -= peer->arrived[connection] == NULL;
        close_stream(&peer->arrived[connection], &mesh->arrivals);
        peer->arrived[connection] = stream;
        peer->trouble[0] = '\0';
        mesh->arrivals++;
        mesh->established++;
        vain_mesh_tell(mesh);
    }
    unlock(mesh);
    return fits;
}

/* ---- the user's calls ------------------------------------------------------------------------ */

static struct vain_mesh *mesh_of(struct vain_connector *connector)
{
    return (struct vain_mesh *)(void *)connector;
}

static const struct vain_mesh *mesh_seen(const struct vain_connector *connector)
{
    return (const struct vain_mesh *)(const void *)connector;
}

static struct vain_mesh_peer *peer_of(struct vain_mesh *mesh, int member)
{
    VAIN_ASSERT(member >= 0);
    VAIN_ASSERT(member < mesh->member_count);
    VAIN_ASSERT(member != mesh->own);
    return &mesh->peers[member];
}

/* Here and not where it happens, so that readers of notices need not know of the thread. */
static void say_refusals(struct vain_mesh *mesh)
{
    char text[VAIN_MESH_TEXT_BYTES + 96];
    const uint64_t now = vain_mesh_now(mesh);
    lock(mesh);
    const uint64_t count = mesh->refused - mesh->refused_said;
    const bool due = mesh->notice != NULL && count > 0 && now >= mesh->next_notice_ns;
    if (due)
        snprintf(text, sizeof text, "%llu connection%s refused; the last: %s",
                 (unsigned long long)count, count == 1 ? "" : "s", mesh->refusal);
    unlock(mesh);
    if (!due)
        return;
    mesh->refused_said += count;
    mesh->next_notice_ns = now + (uint64_t)VAIN_MESH_NOTICE_MS * VAIN_MESH_NS_PER_MS;
    mesh->notice(mesh->notice_context, text);
}

static enum vain_status take_mailbox(struct vain_connector *connector, int member,
                                     struct vain_stream **out)
{
    struct vain_mesh *mesh = mesh_of(connector);
    struct vain_mesh_peer *peer = peer_of(mesh, member);
    say_refusals(mesh);
    lock(mesh);
    *out = peer->mailbox;
    peer->mailbox = NULL;
    mesh->mailboxes -= *out != NULL;
    vain_mesh_tell(mesh);
    unlock(mesh);
    return *out != NULL ? VAIN_OK : VAIN_AGAIN;
}

static void lost_mailbox(struct vain_connector *connector, int member)
{
    struct vain_mesh *mesh = mesh_of(connector);
    struct vain_mesh_peer *peer = peer_of(mesh, member);
    lock(mesh);
    peer->mailbox_wanted = peer->mailbox == NULL;
    unlock(mesh);
    raise_event(mesh->wake);
}

static enum vain_status begin_use(struct vain_connector *connector,
                                  const struct vain_connector_use *use)
{
    struct vain_mesh *mesh = mesh_of(connector);
    if (use->connections < 1 || use->connections > VAIN_CONNECTIONS_MAX)
        return vain_fail(VAIN_ERR_INPUT, "%d connections a pair, expected 1 to %d",
                         use->connections, VAIN_CONNECTIONS_MAX);
    lock(mesh);
    for (int i = 0; i < mesh->member_count; i++) {
        struct vain_mesh_peer *peer = &mesh->peers[i];
        for (int c = 0; c < VAIN_CONNECTIONS_MAX; c++)
            close_stream(&peer->arrived[c], &mesh->arrivals);
        memset(peer->taken, 0, sizeof peer->taken);
        peer->in_use = false;
    }
    mesh->use_missing = 0;
    for (int i = 0; i < use->count; i++) {
        if (use->members[i] == mesh->own)
            continue;
        peer_of(mesh, use->members[i])->in_use = true;
        mesh->use_missing += use->connections;
    }
    memcpy(mesh->use_key, use->key, sizeof mesh->use_key);
    mesh->use_connections = use->connections;
    mesh->use_number++;
    mesh->use_until_ns = vain_mesh_now(mesh) + (uint64_t)VAIN_MESH_USE_MS * VAIN_MESH_NS_PER_MS;
    mesh->use_late = mesh->use_failed = false;
    vain_mesh_tell(mesh);
    unlock(mesh);
    raise_event(mesh->wake);
    return VAIN_OK;
}

/* Under the lock: time is over. */
static enum vain_status say_late(const struct vain_mesh_peer *peer, int connection)
{
    if (peer->trouble[0] != '\0')
        return vain_fail(VAIN_ERR_PEER, "member %s, connection %d: %s", peer->name, connection + 1,
                         peer->trouble);
    return vain_fail(VAIN_ERR_PEER, "member %s, connection %d: not there after %d s", peer->name,
                     connection + 1, VAIN_MESH_USE_MS / 1000);
}

static enum vain_status take(struct vain_connector *connector, int member, int connection,
                             struct vain_stream **out)
{
    struct vain_mesh *mesh = mesh_of(connector);
    struct vain_mesh_peer *peer = peer_of(mesh, member);
    enum vain_status status = VAIN_OK;
    say_refusals(mesh);
    *out = NULL;
    lock(mesh);
    VAIN_ASSERT(peer->in_use);
    VAIN_ASSERT(connection >= 0);
    VAIN_ASSERT(connection < mesh->use_connections);
    VAIN_ASSERT(!peer->taken[connection]);
    if (peer->arrived[connection] != NULL) {
        *out = peer->arrived[connection];
        peer->arrived[connection] = NULL;
        peer->taken[connection] = true;
        mesh->arrivals--;
    } else if (vain_mesh_now(mesh) >= mesh->use_until_ns) {
        mesh->use_failed = true;
        status = say_late(peer, connection);
    } else {
        status = VAIN_AGAIN;
    }
    vain_mesh_tell(mesh);
    unlock(mesh);
    return status;
}

static int descriptor_of(const struct vain_connector *connector)
{
    return mesh_seen(connector)->news;
}

static const char *trouble_of(const struct vain_connector *connector, int member)
{
    /* The connector is const to whoever asks, not to us: the lock and the copy are ours. */
    union {
        const struct vain_connector *seen;
        struct vain_connector *own;
    } view = {.seen = connector};
    struct vain_mesh *mesh = mesh_of(view.own);
    const struct vain_mesh_peer *peer = peer_of(mesh, member);
    lock(mesh);
    memcpy(mesh->trouble, peer->trouble, sizeof mesh->trouble);
    if (mesh->trouble[0] == '\0' && !peer->dialled && peer->mailbox_wanted)
        snprintf(mesh->trouble, sizeof mesh->trouble,
                 "it dials this member, and has not come through");
    unlock(mesh);
    return mesh->trouble;
}

const char *vain_mesh_address(const struct vain_connector *connector)
{
    return mesh_seen(connector)->address;
}

static enum vain_status copy_addresses(struct vain_mesh_peer *peer, const char *const *addresses,
                                       int count)
{
    if (count < 0 || count > VAIN_MESH_ADDRESSES_MAX)
        return vain_fail(VAIN_ERR_INPUT, "member %s: %d addresses, expected at most %d", peer->name,
                         count, VAIN_MESH_ADDRESSES_MAX);
    for (int i = 0; i < count; i++) {
        if (strlen(addresses[i]) >= VAIN_LINK_ADDRESS_BYTES)
            return vain_fail(VAIN_ERR_INPUT,
                             "member %s: an address of %zu characters, expected "
                             "host:port with at most %d",
                             peer->name, strlen(addresses[i]), VAIN_LINK_ADDRESS_BYTES - 1);
    }
    for (int i = 0; i < count; i++)
        snprintf(peer->addresses[i], sizeof peer->addresses[i], "%s", addresses[i]);
    peer->address_count = count;
    peer->next_address = 0;
    peer->moves++;
    return VAIN_OK;
}

enum vain_status vain_mesh_set_addresses(struct vain_connector *connector, int member,
                                         const char *const *addresses, int count)
{
    struct vain_mesh *mesh = mesh_of(connector);
    struct vain_mesh_peer *peer = peer_of(mesh, member);
    lock(mesh);
    const enum vain_status status = copy_addresses(peer, addresses, count);
    unlock(mesh);
    raise_event(mesh->wake);
    return status;
}

static uint64_t read_count(const struct vain_connector *connector, const uint64_t *count)
{
    union {
        const struct vain_connector *seen;
        struct vain_connector *own;
    } view = {.seen = connector};
    lock(mesh_of(view.own));
    const uint64_t value = *count;
    unlock(mesh_of(view.own));
    return value;
}

uint64_t vain_mesh_refused(const struct vain_connector *connector)
{
    return read_count(connector, &mesh_seen(connector)->refused);
}

uint64_t vain_mesh_established(const struct vain_connector *connector)
{
    return read_count(connector, &mesh_seen(connector)->established);
}

/* ---- life ------------------------------------------------------------------------------------ */

static void close_mesh(struct vain_connector *connector)
{
    struct vain_mesh *mesh = mesh_of(connector);
    if (mesh->started) {
        lock(mesh);
        mesh->stop = true;
        unlock(mesh);
        raise_event(mesh->wake);
        VAIN_ASSERT(pthread_join(mesh->thread, NULL) == 0);
    }
    for (int i = 0; mesh->peers != NULL && i < mesh->member_count; i++) {
        close_stream(&mesh->peers[i].mailbox, &mesh->mailboxes);
        for (int c = 0; c < VAIN_CONNECTIONS_MAX; c++)
            close_stream(&mesh->peers[i].arrived[c], &mesh->arrivals);
    }
    vain_link_host_close(&mesh->host);
    vain_resolver_close(&mesh->resolver);
    if (mesh->news >= 0)
        (void)close(mesh->news);
    if (mesh->wake >= 0)
        (void)close(mesh->wake);
    (void)pthread_mutex_destroy(&mesh->lock);
    vain_release(mesh->polls);
    vain_release(mesh->peers);
    vain_release(mesh);
}

static const struct vain_connector_ops mesh_ops = {
    .name = "tls",
    .take_mailbox = take_mailbox,
    .lost_mailbox = lost_mailbox,
    .begin_use = begin_use,
    .take = take,
    .descriptor = descriptor_of,
    .trouble = trouble_of,
    .close = close_mesh,
};

static enum vain_status copy_members(struct vain_mesh *mesh, const struct vain_mesh_config *config)
{
    const uint8_t *own_id = config->members[mesh->own].id;
    if (memcmp(own_id, config->signer->member_id, VAIN_HASH_BYTES) != 0)
        return vain_fail(VAIN_ERR_INPUT, "member %s: its id is not that of the key here",
                         config->members[mesh->own].name);
    for (int i = 0; i < mesh->member_count; i++) {
        const struct vain_mesh_member *member = &config->members[i];
        struct vain_mesh_peer *peer = &mesh->peers[i];
        for (int j = 0; j < i; j++) {
            if (memcmp(member->id, mesh->peers[j].id, VAIN_HASH_BYTES) == 0)
                return vain_fail(VAIN_ERR_INPUT, "members %s and %s have one id",
                                 mesh->peers[j].name, member->name);
        }
        snprintf(peer->name, sizeof peer->name, "%s", member->name);
        memcpy(peer->id, member->id, VAIN_HASH_BYTES);
        peer->dialled = memcmp(own_id, member->id, VAIN_HASH_BYTES) < 0;
        peer->mailbox_wanted = true;
        VAIN_TRY(copy_addresses(peer, member->addresses, member->address_count));
    }
    return VAIN_OK;
}

/* Those with lower ids may dial us, nobody else. */
static enum vain_status open_host(struct vain_mesh *mesh, const struct vain_mesh_config *config)
{
    uint8_t *allowed = NULL;
    struct vain_link_config links = {.signer = config->signer, .world = config->world};
    VAIN_TRY(vain_take_array(mesh->member_count, VAIN_HASH_BYTES, "ids", (void **)&allowed));
    for (int i = 0; i < mesh->member_count; i++) {
        if (i != mesh->own && !mesh->peers[i].dialled)
            memcpy(allowed + VAIN_HASH_BYTES * (size_t)links.allowed_count++, mesh->peers[i].id,
                   VAIN_HASH_BYTES);
    }
    links.allowed = allowed;
    const enum vain_status status = vain_link_host_open(&links, &mesh->host);
    vain_release(allowed);
    return status;
}

/* A name is how others reach this machine, and may stand for an address that is not its own
 * (behind a router, or in a container): then it listens on all that it has. */
static enum vain_status listen_at(struct vain_mesh *mesh, const char *address)
{
    const char *colon = strrchr(address, ':');
    char all[VAIN_LINK_ADDRESS_BYTES];
    const enum vain_status status = vain_link_listen(mesh->host, address, mesh->address);
    if (status != VAIN_ERR_INPUT || colon == NULL || colon == address)
        return status;
    snprintf(all, sizeof all, "[::]%s", colon);
    if (vain_link_listen(mesh->host, all, mesh->address) == VAIN_OK)
        return VAIN_OK;
    snprintf(all, sizeof all, "0.0.0.0%s", colon); /* a machine without IPv6 */
    return vain_link_listen(mesh->host, all, mesh->address);
}

/* Signals are for the threads that wait for them. */
static enum vain_status start_thread(struct vain_mesh *mesh)
{
    sigset_t all, before;
    sigfillset(&all);
    VAIN_ASSERT(pthread_sigmask(SIG_SETMASK, &all, &before) == 0);
    const int reason = pthread_create(&mesh->thread, NULL, vain_mesh_run, mesh);
    VAIN_ASSERT(pthread_sigmask(SIG_SETMASK, &before, NULL) == 0);
    mesh->started = reason == 0;
    return mesh->started
               ? VAIN_OK
               : vain_fail(VAIN_ERR_UNAVAILABLE, "links: no thread for them: %s", strerror(reason));
}

static enum vain_status open_parts(struct vain_mesh *mesh, const struct vain_mesh_config *config)
{
    const int64_t links_max =
        2 + VAIN_MESH_CALLERS_MAX + (int64_t)mesh->member_count * (1 + 2 * VAIN_CONNECTIONS_MAX);
    VAIN_TRY(
        vain_take_array(mesh->member_count, sizeof *mesh->peers, "members", (void **)&mesh->peers));
    VAIN_TRY(vain_take_array(links_max, sizeof *mesh->polls, "links", (void **)&mesh->polls));
    mesh->news = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    mesh->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (mesh->news < 0 || mesh->wake < 0)
        return vain_fail(VAIN_ERR_UNAVAILABLE, "links: no event descriptor: %s", strerror(errno));
    const struct vain_resolver_config names = {
        .world = mesh->world, .look_up = config->look_up, .answered = wake, .context = mesh};
    VAIN_TRY(vain_resolver_open(&names, &mesh->resolver));
    VAIN_TRY(copy_members(mesh, config));
    VAIN_TRY(open_host(mesh, config));
    if (config->listen != NULL)
        VAIN_TRY(listen_at(mesh, config->listen));
    return start_thread(mesh);
}

enum vain_status vain_mesh_open(const struct vain_mesh_config *config, struct vain_connector **out)
{
    struct vain_mesh *mesh = NULL;
    *out = NULL;
    VAIN_ASSERT(config->own >= 0);
    VAIN_ASSERT(config->own < config->member_count);
    if (config->member_count > VAIN_MEMBERS_MAX)
        return vain_fail(VAIN_ERR_INPUT, "%d members, expected at most %d", config->member_count,
                         VAIN_MEMBERS_MAX);
    VAIN_TRY(vain_take(sizeof *mesh, "mesh", (void **)&mesh));
    mesh->connector.ops = &mesh_ops;
    mesh->world = config->world;
    mesh->member_count = config->member_count;
    mesh->own = config->own;
    mesh->news = mesh->wake = -1;
    mesh->notice = config->notice;
    mesh->notice_context = config->notice_context;
    VAIN_ASSERT(pthread_mutex_init(&mesh->lock, NULL) == 0);
    const enum vain_status status = open_parts(mesh, config);
    if (status != VAIN_OK) {
        close_mesh(&mesh->connector);
        return status;
    }
    *out = &mesh->connector;
    return VAIN_OK;
}
