/* Inside the assembly: what its rules (assembly_rules.c) and its calls (assembly.c) share. */
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
    bool has_ballot; /* since this member was started; it does not go with the link */
    uint8_t ballot[VAIN_BALLOT_BYTES];
    bool has_ack, has_vote; /* in this round, in this generation; see `acks`, `votes` */
    bool two_faced;         /* has voted for something else too */
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

int vain_assembly_quorum(const struct vain_assembly *own);
struct vain_set vain_assembly_left_out(const struct vain_assembly *own);
bool vain_assembly_is_voter(const struct vain_assembly *own, int member);
bool vain_assembly_is_up(const struct vain_assembly *own, int member);
bool vain_assembly_in_slot(const struct vain_assembly *own, const struct vain_vote *vote);
/* Whether a place is before this member's last vote: it has been further, and has come back with
 * less than it had. */
bool vain_assembly_is_before_vote(const struct vain_assembly *own, uint64_t epoch, uint64_t round);
/* In this slot, or further on: only the last vote is remembered, so who has come back with less
 * than it had does not know what it voted for here. */
bool vain_assembly_has_voted(const struct vain_assembly *own);
bool vain_assembly_at_this_round(const struct vain_assembly *own, int member);
bool vain_assembly_is_ready(const struct vain_assembly *own);
bool vain_assembly_is_leaving(const struct vain_assembly *own, int member);
bool vain_assembly_same_choice(const struct vain_vote *a, const struct vain_vote *b);
void vain_assembly_send(struct vain_assembly *own, int member, uint16_t kind, const void *body,
                        size_t bytes);
void vain_assembly_encode_position(const struct vain_assembly *own,
                                   uint8_t out[VAIN_MIN_LEN(VAIN_POSITION_BYTES)]);
void vain_assembly_tell(struct vain_assembly *own);
void vain_assembly_send_vote(struct vain_assembly *own, int member, const struct vain_vote *vote);
int vain_assembly_proposer(const struct vain_assembly *own, uint32_t attempt);
uint32_t vain_assembly_attempt_of_others(const struct vain_assembly *own);
uint32_t vain_assembly_lead_of_absent(const struct vain_assembly *own);
uint32_t vain_assembly_attempt_after(const struct vain_assembly *own, uint32_t more);
void vain_assembly_ack(struct vain_assembly *own, const struct vain_proposal *proposal);
bool vain_assembly_use_fits(const struct vain_assembly *own, const struct vain_proposal *proposal);
bool vain_assembly_all_up(const struct vain_assembly *own, const struct vain_set *set);
void vain_assembly_note_vote(struct vain_assembly *own, const struct vain_vote *vote);
void vain_assembly_note_two_faced(struct vain_assembly *own, int voter);
const struct vain_vote *vain_assembly_decided(const struct vain_assembly *own);
bool vain_assembly_is_distrusted(const struct vain_assembly *own, int member);
bool vain_assembly_is_behind(struct vain_assembly *own, uint64_t at_least);
/* Ready or not, so many have not voted in this round that nobody can have completed it without
 * them, and with whom it can go on. */
bool vain_assembly_enough_stand_here(const struct vain_assembly *own);
/* Looks for claims. While the round can go on, which it does where this member is not stuck and
 * enough stand here, they are not waited for; after vain_assembly_forget_claims the wait begins
 * anew. */
void vain_assembly_note_claims(struct vain_assembly *own, bool stuck);
void vain_assembly_forget_claims(struct vain_assembly *own);
void vain_assembly_settle(struct vain_assembly *own);
