/* Names of hosts become addresses on threads of their own: the system's resolver may take many
 * seconds for one, and whoever asks has links to go on with meanwhile.
 *
 * Answers are kept for a minute. After that a name is looked up anew, and what was known of it
 * stands until there is an answer, so that a name service that is away for a while does no harm.
 * Numeric addresses need no thread. A call that the resolver does not come back from is left to
 * itself when the resolver is closed. */
#pragma once

#include "base/world.h"
#include "p2p/address.h"

enum {
    VAIN_RESOLVER_NAMES = 256, /* kept; the one that was answered longest ago makes room */
    VAIN_RESOLVER_THREADS = 8, /* at once */
    VAIN_RESOLVER_KEEP_MS = 60000,
    VAIN_RESOLVER_FAILED_MS = 2000, /* after so long a name that was not found is asked for again */
    VAIN_RESOLVER_PATIENCE_MS = 10000 /* so long nothing is said of a name without an answer */
};

typedef enum vain_status (*vain_resolver_look_up)(const char *text, bool names,
                                                  struct vain_addresses *out);
struct vain_resolver_config {
    struct vain_world *world; /* borrowed: its clock */
    /* As vain_address_resolve, which NULL stands for; on any thread. */
    vain_resolver_look_up look_up;
    /* Some name has its answer now: ask again. On a thread of the resolver, which must not be
     * called from it; not after vain_resolver_close. */
    void (*answered)(void *context);
    void *context;
};

struct vain_resolver;
enum vain_status vain_resolver_open(const struct vain_resolver_config *config,
                                    struct vain_resolver **out) VAIN_MUST_USE;
/* Accepts NULL. Does not wait for threads. */
void vain_resolver_close(struct vain_resolver **resolver);

/* What "host:port" stands for. VAIN_AGAIN: it is being looked up, or will be when a thread is free.
 * VAIN_ERR_TIMEOUT: that takes longer than VAIN_RESOLVER_PATIENCE_MS. VAIN_ERR_INPUT,
 * VAIN_ERR_NOT_FOUND as vain_address_resolve, for VAIN_RESOLVER_FAILED_MS. Does not block; one
 * thread asks. */
enum vain_status vain_resolver_ask(struct vain_resolver *resolver, const char *text,
                                   struct vain_addresses *out) VAIN_MUST_USE;
