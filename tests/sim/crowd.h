/* Many members: what lies below a member of a simulated federation, made cheap enough for a
 * thousand of them in one thread.
 *
 * The members are those of federation_member.h, with the real assembly, the real codec, real masks
 * of every pair and their own, what they keep, and the same judges. In place of streams there are
 * (crowd_talk.c) letters that lie once in memory however many they go to, and (crowd_use.c) one
 * place for each attempt where words are summed and steps wait for each other. Curve operations do
 * not happen: what each would have been is counted (crowd_use.c, crowd_open.c); that shares and
 * commitments fit is for sim_exchange to show, with as many members as it can bear.
 *
 * Members die, some at each step of the first round, some for good. Who has died is noticed by each
 * other member after a time of its own; an exchange with it fails for all that have not ended it.
 */
#pragma once

#include "base/ristretto.h"
#include "collectives/mask_graph.h"
#include "tests/sim/federation_member.h"

enum crowd_stage { CROWD_CONNECT, CROWD_AGREE, CROWD_DEAL, CROWD_REDUCE, CROWD_STAGES };
enum { CROWD_LANES = 8 };

/* Operations that would have been, by all members. */
struct crowd_counts {
    uint64_t key_pairs, shared_keys; /* X25519 */
    uint64_t commitments;            /* a point times a secret number each */
    uint64_t points_checked;         /* of commitments that came */
    uint64_t share_steps; /* multiplications of numbers, to deal shares and combine them */
    uint64_t boxes_sealed, boxes_opened;
    uint64_t secrets_checked; /* against a commitment */
    uint64_t secrets_recovered;
    uint64_t letters, shares_sent;
};

/* A letter on its way to as many as it was sent to. */
struct crowd_letter {
    int references, from;
    uint32_t life; /* of its sender */
    uint16_t kind;
    uint64_t sent_ns;
    size_t bytes;
    uint8_t body[];
};
/* Letters from some members, in the order in which they were sent. */
struct crowd_lane {
    struct crowd_letter **letters; /* (room) owned; from first to count */
    int first, count, room;
    uint64_t latency_ns;
};
struct crowd_change {
    uint64_t at_ns;
    int member;
    uint32_t life;
    bool up;
};
/* Where the members of an attempt meet. */
struct crowd_attempt {
    struct vain_proposal proposal;
    uint8_t key[VAIN_HASH_BYTES];
    int size, arrived[CROWD_STAGES], ended; /* ended: have the sum */
    uint64_t fails_ns;                      /* for who has not ended it then */
    int64_t word_count;
    uint32_t *sum;                 /* (word_count) owned */
    struct vain_scalar *secrets;   /* (size) behind own masks; owned */
    struct vain_mask_graph *graph; /* who has pair masks with whom; owned, drawn anew by each */
    struct crowd_attempt *next;
};
struct crowd_early {
    int from;
    size_t bytes;
    uint8_t body[256];
};
/* What a member has here besides. */
struct crowd_seat {
    uint32_t life;
    uint32_t *greeted; /* (members) lives of those that it sees, 0: none; owned */
    int changes_seen;
    uint64_t notice_ns;
    struct crowd_lane lanes[CROWD_LANES];
    struct crowd_letter *last; /* sent */
    struct crowd_attempt *attempt;
    bool connected;
    /* Opening, by places in the set. */
    struct vain_set known;
    int known_count;
    uint16_t *shares;        /* (members) how many there are; owned */
    struct vain_set *givers; /* (members) of whom; owned */
    struct crowd_early *early;
    int early_count, early_room;
    /* Its death: soon after somebody has come to this phase. */
    bool doomed, for_good;
    enum member_phase doom_phase;
    uint64_t dies_ns;
};
struct crowd {
    struct crowd_seat *seats; /* (members) owned */
    struct crowd_attempt *attempts;
    struct crowd_change *changes;
    int change_count, change_room;
    struct crowd_counts counts;
    struct vain_mask *masks; /* (members + 1) scratch; owned */
};

static inline struct crowd_seat *crowd_seat_of(const struct member *member)
{
    return &member->plan->crowd->seats[member->index];
}
enum vain_status crowd_open(int members, struct crowd *out) VAIN_MUST_USE;
void crowd_close(struct crowd *crowd, int members);

/* A member is there, or is gone: each other one notices after its own time (crowd_talk.c). */
void crowd_note_change(struct member *member, bool up);
/* The exchanges that it is in fail for who has not ended them (crowd_use.c). */
void crowd_leave_attempts(struct member *member);

/* Begin `stage` of the attempt, or see whether all have come to it (crowd_use.c). */
void crowd_arrive(struct member *member, enum crowd_stage stage);
enum vain_status crowd_wait(struct member *member, enum crowd_stage stage,
                            uint64_t most_ms) VAIN_MUST_USE;
