/* What a round asks of the world around it.
 *
 * `fixed` is the first implementation: the ranks of the launcher's world, or the spec's `members:`
 * list. The node daemon becomes the second; what passes is plain data, so that it may live in
 * another process. */
#pragma once

#include <stdatomic.h>

#include "base/card.h"
#include "base/option.h"
#include "base/record.h"
#include "collectives/control.h"
#include "collectives/transport.h"
#include "jobs/store/record_file.h"

/* The members of a round, in ascending order of their ids; the same list at all of them. */
struct vain_roster {
    uint8_t group_id[VAIN_HASH_BYTES];
    uint8_t set_hash[VAIN_HASH_BYTES];
    /* The same set by what outlives a restart: names, and ids where they are pinned (throw-away ids
     * are new at every start). */
    uint8_t lasting_hash[VAIN_HASH_BYTES];
    bool keys_pinned; /* all members' ids are in the spec */
    uint64_t epoch;
    int member_count;
    const struct vain_record_member *members; /* (member_count) by id, borrowed */
    const int *member_rank;                   /* (member_count) rank in the members' communicator */
    int own_index;
};

struct vain_federation;
struct vain_federation_ops {
    const char *name;
    /* Who takes part in `round`. */
    enum vain_status (*roster)(struct vain_federation *federation, int64_t round,
                               struct vain_roster *out);
    /* Weight of member `index` in parts per million. */
    int64_t (*weight)(struct vain_federation *federation, int index);
    /* The record of a round that all members signed, as one frame (base/record.h): keep it for
     * good. */
    enum vain_status (*record)(struct vain_federation *federation, const uint8_t *frame,
                               size_t bytes);
    /* VAIN_OK: go on. VAIN_STOPPED: leave at this step. `in_exchange`: waiting for others who may
     * never come. */
    enum vain_status (*drain)(struct vain_federation *federation, bool in_exchange);
    /* This member has left outside an exchange; the others are told. */
    enum vain_status (*left)(struct vain_federation *federation);
    void (*close)(struct vain_federation *federation);
};
struct vain_federation {
    const struct vain_federation_ops *ops;
};

/* fixed: members are the ranks of `comm`, for the whole run. */
struct vain_federation_fixed_config {
    struct vain_comm *comm;     /* the members, borrowed */
    struct vain_world *world;   /* borrowed */
    struct vain_signer *signer; /* own key, borrowed */
    const char *own_name, *job_name;
    const struct vain_option_member *listed; /* (size) by rank: names, and ids where pinned; NULL */
    struct vain_record_file *record;         /* borrowed, rewound; NULL: another member writes it */
    atomic_int *signal;                      /* set by the signal handler; 0: none */
    int64_t deadline_ms;
};
/* Collective over the members: cards are exchanged; names and ids must differ, certificates must
 * hold now. VAIN_ERR_REFUSED names two equal members, VAIN_ERR_AUTH a bad card. Gives the
 * federation. */
enum vain_status vain_federation_fixed_open(const struct vain_federation_fixed_config *config,
                                            struct vain_federation **out) VAIN_MUST_USE;
