/* Which client trains on which labelled examples. A client is a member, or one of the many that a
 * member plays in federated averaging.
 *
 * Every example goes to exactly one client, and no client is left without. The split is a pure
 * function of its arguments, bit for bit on every machine (see draw.h), so members compute it
 * apart and agree. Give it a stream of its own, under a name that all share. (partition.h is the
 * same for texts, whose parts are ranges.) */
#pragma once

#include "base/philox.h"
#include "base/status.h"

enum {
    VAIN_CLIENTS_MAX = 1 << 20,
    VAIN_GROUPS_MAX = 65536,    /* group numbers are below it */
    VAIN_DIRICHLET_TRIES = 100, /* draws until every client has an example */
    VAIN_SHARDS_OF_A_CLIENT = 2 /* by-label, as published */
};
#define VAIN_DIRICHLET_ALPHA_MIN 1e-3
#define VAIN_DIRICHLET_ALPHA_MAX 1e6

enum vain_client_partition {
    /* A random order, cut into equal parts (they differ by one at most). */
    VAIN_CLIENTS_IID,
    /* Sorted by label, cut into two shards a client, dealt at random: most clients see two labels
     * (McMahan et al. 2017, section 3). */
    VAIN_CLIENTS_BY_LABEL,
    /* The examples of each label are dealt in proportions from Dirichlet(alpha): small alpha, few
     * clients share a label; large alpha, all alike (Yurochkin et al. 2019). Drawn again, up to
     * VAIN_DIRICHLET_TRIES times, until no client is without. */
    VAIN_CLIENTS_DIRICHLET,
    /* Whole groups, in random order, each to the client with the fewest examples so far. */
    VAIN_CLIENTS_BY_GROUP
};

struct vain_client_options {
    int kind;              /* enum vain_client_partition */
    int client_count;      /* 1 to VAIN_CLIENTS_MAX */
    double alpha;          /* of DIRICHLET */
    const char *what;      /* the examples, for messages: file and data set */
    int64_t count;         /* examples */
    const int32_t *labels; /* (count), below class_count; of BY_LABEL and DIRICHLET, else NULL */
    int64_t class_count;
    const int32_t *groups; /* (count), 0 to VAIN_GROUPS_MAX - 1; of BY_GROUP, else NULL */
};

struct vain_clients {
    int client_count;
    int64_t *begin;   /* (client_count + 1): client i has indices begin[i] to begin[i + 1] - 1 */
    int64_t *indices; /* (count): examples, ascending for each client; both owned */
};

/* Local. VAIN_ERR_INPUT with the numbers: fewer examples or groups than clients, a group or alpha
 * out of range, labels so rare that no draw gave every client one; VAIN_ERR_MEMORY. On failure
 * `out` is empty. */
enum vain_status vain_clients_split(const struct vain_client_options *options,
                                    struct vain_random random,
                                    struct vain_clients *out) VAIN_MUST_USE;
/* Clients that are zero or released are fine. */
void vain_clients_release(struct vain_clients *clients);
/* The examples of a client, ascending, and how many; borrowed. */
const int64_t *vain_clients_examples(const struct vain_clients *clients, int client,
                                     int64_t *count);
