/* What a round asks of the world around it.
 *
 * `fixed` are the ranks of the launcher's world, the same for the whole run, which dies with any of
 * them. `members` (jobs/federation_members.h) are members on their own hosts, who agree on who
 * takes part in each attempt. Both live in the run's process and lend each other memory. */
#pragma once

#include <stdatomic.h>

#include "base/card.h"
#include "base/option.h"
#include "base/record.h"
#include "collectives/codec.h"
#include "collectives/control.h"
#include "collectives/opening.h"
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
    uint32_t attempt; /* of the round */
    int member_count;
    const struct vain_record_member *members; /* (member_count) by id, borrowed */
    const int *member_rank;                   /* (member_count) rank in the members' communicator */
    int own_index;
    struct vain_comm *comm; /* that communicator, borrowed until the next attempt is formed */
    uint64_t use;           /* another number: another communicator, and keys are to be made anew */
    int threshold;          /* shares that open a sum; see collectives/quorum.h */
    const char *platform;   /* all members' platform string, "" if they differ; NULL: not known */
};

/* What this member holds of the common work, lent to the federation so that others can fetch it. */
struct vain_holding {
    int64_t round; /* finished */
    uint64_t epoch;
    uint8_t run_id[VAIN_RUN_ID_BYTES];
    uint8_t parameters_hash[VAIN_HASH_BYTES], record_head[VAIN_HASH_BYTES];
    struct vain_codec_state codec;
    int64_t parameter_count;
    float *parameters, *momentum; /* (N) borrowed; momentum NULL: none */
    int64_t fetched_bytes;        /* of them, by the last fetch */
};

/* What has happened to members and rounds since the start. */
struct vain_federation_counts {
    int64_t members_lost, members_joined;
    int64_t rounds_burned; /* attempts that came to nothing after words had left */
    int64_t bytes_sent;    /* by this member, letters and words */
};

struct vain_federation;
struct vain_federation_ops {
    const char *name;
    /* Who takes part in `round`. */
    enum vain_status (*roster)(struct vain_federation *federation, int64_t round,
                               struct vain_roster *out);
    /* Weight of member `index` in parts per million. */
    int64_t (*weight)(struct vain_federation *federation, int index);
    /* This member holds `holding` now (borrowed until the next call); NULL in a federation that
     * needs not know. After the start, and after every round. */
    enum vain_status (*hold)(struct vain_federation *federation, struct vain_holding *holding);
    /* After the first hold: wait for as many others as the start needs. VAIN_BEHIND: they hold a
     * later state. NULL: all are there. */
    enum vain_status (*meet)(struct vain_federation *federation);
    /* Who takes part in the coming attempt of `round`, agreed with the others, and a communicator
     * to do it with. Blocks. VAIN_AGAIN: the round begins anew, with other words if these have been
     * sent. VAIN_BEHIND: call fetch. VAIN_STOPPED: asked to stop. */
    enum vain_status (*form)(struct vain_federation *federation, int64_t round,
                             struct vain_roster *out);
    /* The attempt that was formed has failed here with `status`. VAIN_AGAIN: form another one;
     * `status`: there is none. */
    enum vain_status (*failed)(struct vain_federation *federation, enum vain_status status);
    /* The sum of the attempt is here and verified: agree that it counts, with `content`
     * (jobs/content.h). Blocks. VAIN_OK: the round is complete. VAIN_AGAIN, VAIN_BEHIND: it is not,
     * as for form. */
    enum vain_status (*commit)(struct vain_federation *federation,
                               const uint8_t content[VAIN_MIN_LEN(VAIN_HASH_BYTES)]);
    /* With own masks, after commit: all members' secrets into `opening`; of who is gone, from
     * shares of the others. Blocks. VAIN_AGAIN: too few are left to open it, so it is nobody's.
     * NULL: there is nothing but the communicator for it. */
    enum vain_status (*open)(struct vain_federation *federation, struct vain_opening *opening);
    /* What was agreed on and opened cannot be a sum of what members send: it is nobody's.
     * VAIN_AGAIN, as for form. NULL: there is no other attempt. */
    enum vain_status (*disown)(struct vain_federation *federation);
    /* Everybody's `bytes` to all of the roster after commit: `all` is (members, bytes) by rank,
     * zeros of those who have died since. NULL: the exchange's gather is used. */
    enum vain_status (*gather)(struct vain_federation *federation, const void *mine, size_t bytes,
                               void *all);
    /* After VAIN_BEHIND: what the others hold, into `holding`: its vectors are written, its other
     * parts set; records that are missing go to the record file. Blocks. */
    enum vain_status (*fetch)(struct vain_federation *federation, struct vain_holding *holding);
    /* The record of a round that all members signed, as one frame (base/record.h): keep it for
     * good. */
    enum vain_status (*record)(struct vain_federation *federation, const uint8_t *frame,
                               size_t bytes);
    /* VAIN_OK: go on. VAIN_STOPPED: leave at this step. `in_exchange`: waiting for others who may
     * never come. */
    enum vain_status (*drain)(struct vain_federation *federation, bool in_exchange);
    /* This member has left outside an exchange; the others are told. */
    enum vain_status (*left)(struct vain_federation *federation);
    /* The last round is done: wait for others that may need this member. NULL: nobody does. */
    enum vain_status (*finish)(struct vain_federation *federation);
    void (*close)(struct vain_federation *federation);
};
struct vain_federation {
    const struct vain_federation_ops *ops;
    struct vain_federation_counts counts;
    /* Some that are gone may have opened a sum of this round with what this member sent: it must
     * not go into another one. Cleared by who asks for an attempt with another input. */
    bool input_spent;
    /* What is known of an attempt that is about to be said to have failed: its sum was wrong, or
     * the part of one member of the roster was. Cleared when the next one is formed. */
    bool spoilt;
    int spoilt_by; /* index in the roster; -1: nobody knows */
    bool sought;   /* ... but the next attempt of the same members may tell (jobs/culprit.h) */
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
