/* A thread a lookup, detached: a call of the system's resolver can be neither given up nor timed,
 * so what it shares with its owner has as many owners as there are threads, and the last one
 * releases it. A name that is being looked up keeps its place in the table. */
#include "p2p/resolver.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"

enum { NS_PER_MS = 1000000 };

struct name {
    char text[VAIN_LINK_ADDRESS_BYTES]; /* "": free */
    bool looking;                       /* a thread does */
    uint64_t asked_ns;                  /* looking: since then */
    uint64_t answered_ns;
    enum vain_status status; /* of the last answer; VAIN_AGAIN: there was none */
    char message[VAIN_MESSAGE_BYTES];
    struct vain_addresses found; /* by the last lookup that found any; count 0: none did */
};

struct vain_resolver {
    struct vain_resolver_config config;
    pthread_mutex_t lock; /* protects all below */
    int owners;           /* who opened it, and threads */
    bool closed;
    struct name names[VAIN_RESOLVER_NAMES];
};

struct job {
    struct vain_resolver *resolver;
    int place;
    char text[VAIN_LINK_ADDRESS_BYTES];
};

static void lock(struct vain_resolver *resolver)
{
    VAIN_ASSERT(pthread_mutex_lock(&resolver->lock) == 0);
}

static void unlock(struct vain_resolver *resolver)
{
    VAIN_ASSERT(pthread_mutex_unlock(&resolver->lock) == 0);
}

/* Under the lock, which it ends. */
static void let_go(struct vain_resolver *resolver)
{
    const bool last = --resolver->owners == 0;
    unlock(resolver);
    if (!last)
        return;
    (void)pthread_mutex_destroy(&resolver->lock);
    vain_release(resolver);
}

enum vain_status vain_resolver_open(const struct vain_resolver_config *config,
                                    struct vain_resolver **out)
{
    struct vain_resolver *resolver = NULL;
    *out = NULL;
    VAIN_TRY(vain_take(sizeof *resolver, "names of hosts", (void **)&resolver));
    resolver->config = *config;
    if (resolver->config.look_up == NULL)
        resolver->config.look_up = vain_address_resolve;
    resolver->owners = 1;
    VAIN_ASSERT(pthread_mutex_init(&resolver->lock, NULL) == 0);
    *out = resolver;
    return VAIN_OK;
}

void vain_resolver_close(struct vain_resolver **resolver)
{
    struct vain_resolver *own = *resolver;
    *resolver = NULL;
    if (own == NULL)
        return;
    lock(own);
    own->closed = true;
    let_go(own);
}

/* ---- a lookup -------------------------------------------------------------------------------- */

/* Under the lock; the clock belongs to whoever opened it, so not after that has closed it. */
static void take_answer(struct vain_resolver *resolver, int place, enum vain_status status,
                        const struct vain_addresses *found)
{
    struct name *name = &resolver->names[place];
    name->looking = false;
    name->answered_ns = resolver->config.world->ops->now_ns(resolver->config.world);
    name->status = status;
    if (status == VAIN_OK)
        name->found = *found;
    else
        snprintf(name->message, sizeof name->message, "%s", vain_fail_message());
    resolver->config.answered(resolver->config.context);
}

static void *look_up(void *context)
{
    struct job *job = context;
    struct vain_resolver *resolver = job->resolver;
    struct vain_addresses found;
    const enum vain_status status = resolver->config.look_up(job->text, true, &found);
    lock(resolver);
    if (!resolver->closed)
        take_answer(resolver, job->place, status, &found);
    vain_release(job);
    let_go(resolver);
    return NULL;
}

/* Signals are for the threads that wait for them. */
static bool start_thread(struct job *job)
{
    pthread_t thread;
    pthread_attr_t detached;
    sigset_t all, before;
    sigfillset(&all);
    VAIN_ASSERT(pthread_attr_init(&detached) == 0);
    VAIN_ASSERT(pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED) == 0);
    VAIN_ASSERT(pthread_sigmask(SIG_SETMASK, &all, &before) == 0);
    const bool started = pthread_create(&thread, &detached, look_up, job) == 0;
    VAIN_ASSERT(pthread_sigmask(SIG_SETMASK, &before, NULL) == 0);
    (void)pthread_attr_destroy(&detached);
    return started;
}

/* Under the lock. Without a thread for it the name waits until it is asked for again. */
static void begin_look_up(struct vain_resolver *resolver, int place, uint64_t now_ns)
{
    struct name *name = &resolver->names[place];
    struct job *job = NULL;
    if (resolver->owners > VAIN_RESOLVER_THREADS)
        return;
    if (vain_take(sizeof *job, "a name", (void **)&job) != VAIN_OK) {
        vain_fail_clear();
        return;
    }
    job->resolver = resolver;
    job->place = place;
    memcpy(job->text, name->text, sizeof job->text);
    if (!start_thread(job)) {
        vain_release(job);
        return;
    }
    resolver->owners++;
    name->looking = true;
    name->asked_ns = now_ns;
}

/* ---- asking ---------------------------------------------------------------------------------- */

/* Under the lock: its place; -1: there is none, and all others are being looked up. */
static int place_of(struct vain_resolver *resolver, const char *text)
{
    int oldest = -1;
    for (int i = 0; i < VAIN_RESOLVER_NAMES; i++) {
        struct name *name = &resolver->names[i];
        if (strcmp(name->text, text) == 0)
            return i;
        if (!name->looking &&
            (oldest < 0 || name->answered_ns < resolver->names[oldest].answered_ns))
            oldest = i;
    }
    if (oldest < 0)
        return -1;
    resolver->names[oldest] = (struct name){.status = VAIN_AGAIN};
    snprintf(resolver->names[oldest].text, sizeof resolver->names[oldest].text, "%s", text);
    return oldest;
}

static bool is_due(const struct name *name, uint64_t now_ns)
{
    const uint64_t keep_ms =
        name->status == VAIN_OK ? VAIN_RESOLVER_KEEP_MS : VAIN_RESOLVER_FAILED_MS;
    return !name->looking &&
           (name->status == VAIN_AGAIN || now_ns >= name->answered_ns + keep_ms * NS_PER_MS);
}

/* Under the lock. */
static enum vain_status answer(const struct name *name, uint64_t now_ns, struct vain_addresses *out)
{
    const uint64_t patience_ns = (uint64_t)VAIN_RESOLVER_PATIENCE_MS * NS_PER_MS;
    if (name->found.count > 0) {
        *out = name->found;
        return VAIN_OK;
    }
    if (name->looking && now_ns >= name->asked_ns + patience_ns)
        return vain_fail(VAIN_ERR_TIMEOUT,
                         "address '%s': the name service has not answered for %d s", name->text,
                         VAIN_RESOLVER_PATIENCE_MS / 1000);
    if (name->looking || name->status == VAIN_AGAIN)
        return VAIN_AGAIN;
    return vain_fail(name->status, "%s", name->message);
}

enum vain_status vain_resolver_ask(struct vain_resolver *resolver, const char *text,
                                   struct vain_addresses *out)
{
    const struct vain_resolver_config *config = &resolver->config;
    if (vain_address_resolve(text, false, out) == VAIN_OK)
        return VAIN_OK;
    vain_fail_clear();
    *out = (struct vain_addresses){0};
    if (strlen(text) >= VAIN_LINK_ADDRESS_BYTES)
        return vain_address_resolve(text, true, out); /* no lookup: it says what is wrong */
    lock(resolver);
    const uint64_t now_ns = config->world->ops->now_ns(config->world); /* not before any answer */
    const int place = place_of(resolver, text);
    enum vain_status status = VAIN_AGAIN;
    if (place >= 0) {
        struct name *name = &resolver->names[place];
        if (is_due(name, now_ns))
            begin_look_up(resolver, place, now_ns);
        status = answer(name, now_ns, out);
    }
    unlock(resolver);
    return status;
}
