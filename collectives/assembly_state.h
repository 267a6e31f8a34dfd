/* Inside the assembly: what its calls (assembly.c), its rules (assembly_rules.c) and what it knows
 * of those ahead (assembly_behind.c) share.
 *
 *   slot            an epoch, a round and a generation of its attempts; a member votes once in it
 *   use             the streams that were opened among one set, known by a key; the next attempt
 *                   may go on with them
 *   use_fits        a proposal wants new streams, or those that are open here among just its set
 *   lead_of_absent  how far members of the set of a failed attempt, who never acked it, are ahead
 */
#pragma once

#include "collectives/assembly.h"
#include "collectives/suspicion.h"

enum vain_assembly_phase {
    VAIN_PHASE_IDLE,    /* not ready */
    VAIN_PHASE_READY,   /* waits for a proposal */
    VAIN_PHASE_ACKED,   /* has acked one: waits for a quorum of acks */
    VAIN_PHASE_RUNNING, /* the exchange is under way */
    VAIN_PHASE_VOTED    /* waits for a quorum of votes */
};

enum {
    VAIN_ASSEMBLY_GENERATION_BITS = 16,
    VAIN_ASSEMBLY_ACK_MS =
        5000, /* acks come at once: who sends none in this time has refused, or is stuck */
    VAIN_ASSEMBLY_LOST_MS = 10000,     /* a holder of the sum that lives is heard in that time */
    VAIN_ASSEMBLY_DISTRUST_MS = 10000, /* after the first untruth; twice that after each other */
    VAIN_ASSEMBLY_DISTRUST_DOUBLINGS = 20, /* and not more than that: four months */
    VAIN_ASSEMBLY_REPEAT_MS =
        1000, /* between positions told anew, by which who waits asks for what it lacks */
    VAIN_ASSEMBLY_SETTLE_MS = 50, /* the rules look at the clock that often, if nothing happens */
    VAIN_ASSEMBLY_HELPERS = 3     /* members that repeat votes at a time for one that waits */
};
struct vain_assembly_peer {
    bool up, told; /* told: `position` was since the link is up */
    bool known;    /* ... and is gone by, since its member is not distrusted */
    bool late;     /* was not ready in time: not waited for until it is */
    bool mute;     /* says that it is ready, but has not acked in time: not counted on */
    int untruths;  /* see vain_assembly_distrust; they do not go with the link */
    uint64_t distrusted_until_ms;
    struct vain_position position;
    uint8_t ballot[VAIN_BALLOT_BYTES]; /* the last it told; zeros: none since this start */
    bool has_ack, has_vote;            /* in this round, in this generation; see `acks`, `votes` */
    bool two_faced;                    /* has voted for something else too */
};

/* The voters' votes of this generation, counted as they come. */
struct vain_assembly_tally {
    int voted;         /* voters that have, burns included */
    int two_faced;     /* those of them that have voted for two things: they count for all */
    int leading_votes; /* of the others, for the set with most; 0: nobody has voted for one */
    int leading;       /* a voter of that set */
};

struct vain_assembly {
    struct vain_assembly_config config;
    struct vain_assembly_stand stand;
    enum vain_assembly_phase phase;
    uint32_t attempt;
    int voter_count;
    struct vain_assembly_tally tally;
    bool leaving;
    uint8_t use_key[VAIN_HASH_BYTES];
    struct vain_set use_set;       /* whose streams they are */
    struct vain_proposal proposal; /* VAIN_PHASE_ACKED, VAIN_PHASE_RUNNING: what was acked */
    uint8_t proposal_hash[VAIN_HASH_BYTES];
    struct vain_proposal
        early; /* has_early: by early_from; of members that are not all there yet */
    int early_from;
    bool has_early;
    struct vain_proposal watched; /* the last of the round that came; epoch 0: none */
    uint32_t least_attempt; /* those before have failed: who stands at one of them is not ready */
    struct vain_vote voted; /* this member's last vote; epoch 0: none ever */
    struct vain_vote *last_votes; /* (members) what ended the round or generation before */
    int last_vote_count;
    uint64_t now_ms, waiting_since_ms, told_ms, settled_ms, stuck_since_ms;
    bool unsettled;          /* something has come since then */
    uint64_t given_up_epoch; /* whose last sum was lost: nobody who stands still in it is ahead */
    bool lost;               /* see VAIN_POSITION_LOST */
    bool disowned;           /* the round's sum is nobody's: no holder is waited for */
    bool stuck;              /* cannot go on by itself, since then */
    bool claimed;            /* somebody says that it is ahead, since then */
    bool believed;           /* ... and was believed */
    uint64_t claimed_since_ms;
    bool waiting; /* for members that are there and not ready */
    uint64_t misfits;
    struct vain_suspicion suspicion;
    struct vain_assembly_news news;
    struct vain_assembly_peer *peers; /* (members); the own one says what this member said */
    struct vain_ack *acks;            /* (members) */
    struct vain_vote *votes;          /* (members); the first that each has cast */
};

static inline uint32_t vain_assembly_generation(uint32_t attempt)
{
    return attempt >> VAIN_ASSEMBLY_GENERATION_BITS;
}

/* Of its generation; whoever comes to it burns the generation. */
static inline bool vain_assembly_is_last_attempt(uint32_t attempt)
{
    return (~attempt & ((UINT32_C(1) << VAIN_ASSEMBLY_GENERATION_BITS) - 1)) == 0;
}

/* ---- assembly_rules.c: who is where ---------------------------------------------------------- */

/* How many voters are a quorum of them. */
int vain_assembly_quorum(const struct vain_assembly *own);
bool vain_assembly_is_voter(const struct vain_assembly *own, int member);
/* There is a link to `member`, or it is this one. */
bool vain_assembly_is_up(const struct vain_assembly *own, int member);
/* The same for all of `set`. */
bool vain_assembly_all_up(const struct vain_assembly *own, const struct vain_set *set);
/* `member` has said last that it holds the same state, of the same round and epoch. */
bool vain_assembly_at_this_round(const struct vain_assembly *own, int member);
/* This member is ready for its round, and has neither voted in it nor left. */
bool vain_assembly_is_ready(const struct vain_assembly *own);
/* `member` has said last that it leaves. */
bool vain_assembly_is_leaving(const struct vain_assembly *own, int member);
/* Ready or not, so many have not voted in this round that nobody can have completed it without
 * them, and with whom it can go on. */
bool vain_assembly_enough_stand_here(const struct vain_assembly *own);
/* The suspects that this member does without, while a quorum of all members is left. */
struct vain_set vain_assembly_left_out(const struct vain_assembly *own);

/* ---- assembly_rules.c: attempts -------------------------------------------------------------- */

/* The voter whose turn `attempt` is. */
int vain_assembly_proposer(const struct vain_assembly *own, uint32_t attempt);
/* So many attempts further on, but not beyond this generation: that takes votes. */
uint32_t vain_assembly_attempt_after(const struct vain_assembly *own, uint32_t more);
/* The furthest attempt that one honest voter at least has come to; not before the own. */
uint32_t vain_assembly_attempt_of_others(const struct vain_assembly *own);
/* In attempts; at most twice as many as there are members. */
uint32_t vain_assembly_lead_of_absent(const struct vain_assembly *own);
bool vain_assembly_use_fits(const struct vain_assembly *own, const struct vain_proposal *proposal);
/* Signs the ack, sends it to all and waits for the others'; does nothing if it cannot be signed. */
void vain_assembly_ack(struct vain_assembly *own, const struct vain_proposal *proposal);

/* ---- assembly_rules.c: votes ----------------------------------------------------------------- */

/* The vote is of the slot in which this member stands. */
bool vain_assembly_in_slot(const struct vain_assembly *own, const struct vain_vote *vote);
/* Whether a place is before this member's last vote: it has been further, and has come back with
 * less than it had. */
bool vain_assembly_is_before_vote(const struct vain_assembly *own, uint64_t epoch, uint64_t round);
/* In this slot, or further on: only the last vote is remembered, so who has come back with less
 * than it had does not know what it voted for here. */
bool vain_assembly_has_voted(const struct vain_assembly *own);
/* Both burn, or both are for the same attempt, set and content. */
bool vain_assembly_same_choice(const struct vain_vote *a, const struct vain_vote *b);
/* Counts a member's first vote of this generation. */
void vain_assembly_note_vote(struct vain_assembly *own, const struct vain_vote *vote);
/* `voter` has voted for something else too: from now on it counts for every choice. */
void vain_assembly_note_two_faced(struct vain_assembly *own, int voter);
/* The choice for which there is a quorum of votes; NULL: none. */
const struct vain_vote *vain_assembly_decided(const struct vain_assembly *own);

/* ---- assembly_rules.c: letters, and all rules in turn ---------------------------------------- */

/* Nothing is sent to a member without a link, nor to this one. */
void vain_assembly_send(struct vain_assembly *own, int member, uint16_t kind, const void *body,
                        size_t bytes);
/* Where this member stands, as a letter says it. */
void vain_assembly_encode_position(const struct vain_assembly *own,
                                   uint8_t out[VAIN_MIN_LEN(VAIN_POSITION_BYTES)]);
/* Sends that to all. */
void vain_assembly_tell(struct vain_assembly *own);
/* To `member`, or to all if it is negative. */
void vain_assembly_send_vote(struct vain_assembly *own, int member, const struct vain_vote *vote);
/* Finds what follows from all that is known, and puts it into `news`. Not during an exchange. */
void vain_assembly_settle(struct vain_assembly *own);

/* ---- assembly_behind.c ----------------------------------------------------------------------- */

/* What `member` said was not so a short while ago: it is not heard. */
bool vain_assembly_is_distrusted(const struct vain_assembly *own, int member);
/* Whether others hold what is to be fetched first, in the same epoch by so many rounds ahead, and
 * are believed: `news` is BEHIND then. */
bool vain_assembly_is_behind(struct vain_assembly *own, uint64_t at_least);
/* Looks for claims. While the round can go on, which it does where this member is not stuck and
 * enough stand here, they are not waited for; after vain_assembly_forget_claims the wait begins
 * anew. */
void vain_assembly_note_claims(struct vain_assembly *own, bool stuck);
void vain_assembly_forget_claims(struct vain_assembly *own);
