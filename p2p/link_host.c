/* A member's side of all its links: who may come, what is shown to them, and the door. */
#include "p2p/link_state.h"

#include "base/memory.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

enum { BACKLOG = 128, NS_PER_MS = 1000000, DEADLINE_MS_MAX = 3600000 };

const char *vain_link_refusal_name(enum vain_link_refusal refusal)
{
    static const char *const names[VAIN_LINK_REFUSALS] = {
        [VAIN_LINK_FULL] = "full",         [VAIN_LINK_OFTEN] = "often",
        [VAIN_LINK_LATE] = "late",         [VAIN_LINK_BROKEN] = "broken",
        [VAIN_LINK_PROTOCOL] = "protocol", [VAIN_LINK_CERTIFICATE] = "certificate",
        [VAIN_LINK_MEMBER] = "member",     [VAIN_LINK_HELLO] = "hello"};
    VAIN_ASSERT((int)refusal >= 0);
    VAIN_ASSERT(refusal < VAIN_LINK_REFUSALS);
    return names[refusal];
}

/* ---- Life ----------------------------------------------------------------------------------- */

enum vain_status vain_link_host_allow(struct vain_link_host *host, const uint8_t *allowed,
                                      int allowed_count)
{
    if (allowed_count < 0 || allowed_count > VAIN_MEMBERS_MAX)
        return vain_fail(VAIN_ERR_INPUT, "links: %d members allowed, expected at most %d",
                         allowed_count, VAIN_MEMBERS_MAX);
    if (allowed_count > 0)
        memcpy(host->allowed, allowed, (size_t)allowed_count * VAIN_HASH_BYTES);
    host->allowed_count = allowed_count;
    return VAIN_OK;
}

static enum vain_status open_parts(struct vain_link_host *host,
                                   const struct vain_link_config *config)
{
    VAIN_TRY(vain_link_host_allow(host, config->allowed, config->allowed_count));
    VAIN_TRY(vain_link_tls_open(host));
    VAIN_TRY(vain_link_certificate_make(host->signer, host->world->ops->unix_ms(host->world),
                                        &host->certificate));
    return vain_link_tls_show(host);
}

enum vain_status vain_link_host_open(const struct vain_link_config *config,
                                     struct vain_link_host **out)
{
    *out = NULL;
    const int half_open_max =
        config->half_open_max == 0 ? VAIN_LINK_HALF_OPEN_MAX : config->half_open_max;
    if (half_open_max < 1 || half_open_max > VAIN_LINK_HALF_OPEN_MAX)
        return vain_fail(VAIN_ERR_INPUT, "links: %d may be half open, expected 1 to %d",
                         half_open_max, VAIN_LINK_HALF_OPEN_MAX);
    if (config->deadline_ms > DEADLINE_MS_MAX)
        return vain_fail(VAIN_ERR_INPUT, "links: %llu ms to be established, expected at most %d",
                         (unsigned long long)config->deadline_ms, DEADLINE_MS_MAX);
    struct vain_link_host *host;
    VAIN_TRY(vain_take(sizeof *host, "links", (void **)&host));
    host->signer = config->signer;
    host->world = config->world;
    host->deadline_ns = NS_PER_MS * (config->deadline_ms == 0 ? (uint64_t)VAIN_LINK_DEADLINE_MS
                                                              : config->deadline_ms);
    host->half_open_max = half_open_max;
    host->listener = -1;
    atomic_init(&host->references, 1);
    const enum vain_status status = open_parts(host, config);
    if (status != VAIN_OK)
        vain_link_host_close(&host);
    *out = host;
    return status;
}

void vain_link_host_close(struct vain_link_host **host)
{
    if (*host == NULL)
        return;
    VAIN_ASSERT((*host)->beginning == 0);
    if ((*host)->listener >= 0)
        (void)close((*host)->listener);
    (*host)->listener = -1;
    vain_link_host_release(*host);
    *host = NULL;
}

void vain_link_host_release(struct vain_link_host *host)
{
    if (atomic_fetch_sub(&host->references, 1) > 1)
        return;
    vain_link_tls_close(host);
    vain_link_certificate_fini(&host->certificate);
    vain_release(host);
}

const struct vain_link_counts *vain_link_host_counts(const struct vain_link_host *host)
{
    return &host->counts;
}

/* A clock that was set back before the certificate's start asks for a new one too. */
enum vain_status vain_link_host_refresh(struct vain_link_host *host)
{
    const struct vain_link_certificate *present = &host->certificate;
    struct vain_link_certificate next;
    const int64_t now_ms = host->world->ops->unix_ms(host->world);
    const int64_t half_ms = present->made_ms + (present->not_after_ms - present->made_ms) / 2;
    if (now_ms >= present->not_before_ms && now_ms < half_ms)
        return VAIN_OK;
    const enum vain_status status = vain_link_certificate_make(host->signer, now_ms, &next);
    if (status != VAIN_OK) {
        if (now_ms < present->not_before_ms || now_ms > present->not_after_ms)
            return status;
        host->counts.renewals_failed++; /* half a life is left to try again in */
        vain_fail_clear();
        return VAIN_OK;
    }
    vain_link_certificate_fini(&host->certificate);
    host->certificate = next;
    host->counts.renewed++;
    return vain_link_tls_show(host);
}

/* ---- Listening ------------------------------------------------------------------------------ */

static enum vain_status listen_failed(int socket, const char *address)
{
    const int reason = errno;
    if (socket >= 0)
        (void)close(socket);
    return vain_fail(VAIN_ERR_UNAVAILABLE, "address '%s': cannot listen there: %s", address,
                     strerror(reason));
}

enum vain_status vain_link_listen(struct vain_link_host *host, const char *address,
                                  char bound[VAIN_MIN_LEN(VAIN_LINK_ADDRESS_BYTES)])
{
    const int on = 1;
    struct vain_addresses found;
    struct sockaddr_storage name;
    socklen_t bytes = sizeof name;
    bound[0] = '\0';
    VAIN_ASSERT(host->listener < 0);
    VAIN_TRY(vain_address_resolve(address, false, &found));
    const int door = socket(found.at[0].name.ss_family, SOCK_STREAM, 0);
    /* The address is free again at once after a restart. */
    if (door < 0 || setsockopt(door, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        !vain_link_prepare_socket(door) ||
        bind(door, (const struct sockaddr *)&found.at[0].name, found.at[0].bytes) != 0 ||
        listen(door, BACKLOG) != 0 || getsockname(door, (struct sockaddr *)&name, &bytes) != 0)
        return listen_failed(door, address);
    vain_address_print(&name, bytes, bound);
    host->listener = door;
    return VAIN_OK;
}

int vain_link_listener(const struct vain_link_host *host)
{
    return host->listener;
}

/* ---- Accepting ------------------------------------------------------------------------------ */

/* Whether accept(2) may be called again at once: what went wrong was that connection's. */
static bool is_of_one_connection(int reason)
{
    return reason == EINTR || reason == ECONNABORTED || reason == EPROTO || reason == ENETDOWN ||
           reason == ENOPROTOOPT || reason == EHOSTDOWN || reason == EHOSTUNREACH ||
           reason == EOPNOTSUPP || reason == ENETUNREACH;
}

/* The next one who is let in: VAIN_AGAIN if there is none. */
static enum vain_status next_caller(struct vain_link_host *host, int *out,
                                    struct vain_pace_source *source,
                                    char where[VAIN_MIN_LEN(VAIN_LINK_ADDRESS_BYTES)])
{
    *out = -1;
    for (int i = 0; i < BACKLOG; i++) { /* a flood is not followed for ever */
        struct sockaddr_storage name = {0};
        socklen_t bytes = sizeof name;
        const int caller = accept(host->listener, (struct sockaddr *)&name, &bytes);
        if (caller < 0 && is_of_one_connection(errno))
            continue;
        if (caller < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
            return VAIN_AGAIN;
        if (caller < 0)
            return vain_fail(VAIN_ERR_UNAVAILABLE, "links: cannot accept: %s", strerror(errno));
        const bool full = host->half_open >= host->half_open_max;
        *source = vain_pace_source_of(&name);
        if (!full && vain_pace_take(&host->pace, source, host->world->ops->now_ns(host->world))) {
            vain_address_print(&name, bytes, where);
            *out = caller;
            return VAIN_OK;
        }
        (void)close(caller);
        host->counts.refused[full ? VAIN_LINK_FULL : VAIN_LINK_OFTEN]++;
    }
    return VAIN_AGAIN;
}

enum vain_status vain_link_accept(struct vain_link_host *host, struct vain_link **out)
{
    int caller;
    char where[VAIN_LINK_ADDRESS_BYTES];
    struct vain_pace_source source;
    *out = NULL;
    VAIN_ASSERT(host->listener >= 0);
    VAIN_TRY(vain_link_host_refresh(host));
    VAIN_TRY(next_caller(host, &caller, &source, where));
    VAIN_TRY(vain_link_begin(host, caller, true, where, out));
    (*out)->source = source;
    host->counts.accepted++;
    return VAIN_OK;
}
