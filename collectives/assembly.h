/* Who takes part: members agree by letters on the set of an attempt, and afterwards on that its sum
 * counts, although some of them die, stall or come back meanwhile. No server, no leader that must
 * live (docs/protocol.md, "Who takes part").
 *
 *     position: every member tells all others where it stands: epoch, round, what it holds;
 *
 *     proposal: for attempt a of a round the voter at place (round + a) mod n proposes the set: all
 *     that are ready and stand where it stands;
 *
 *     ack: a voter acks one set an attempt; with a quorum of acks the attempt starts. The exchange
 *     runs then, among exactly this set, elsewhere (collectives/exchange.h);
 *
 *     vote: who holds the verified sum votes for (round, attempt, set, content), once a round,
 *     durable before it leaves; the content is a hash of what was gathered and summed, so that
 *     members who were told different things do not take it for the same. A quorum of votes, and
 *     the round is complete for everybody: its set are the voters of the next round, and who lacks
 *     the sum fetches the state from who has it.
 *
 * An exchange that fails costs an attempt, with whoever is left. Voters are a quorum of whom must
 * be there: two sets cannot both go on (collectives/quorum.h). Votes can be split by deaths in the
 * one moment between sum and vote: then those who have not voted burn the generation (a range of
 * attempts, the upper 16 bits of their number), after which no set of it can reach a quorum, and
 * the round begins anew in the next one. A member that restarts, or was left out, stands behind or
 * aside; it fetches what is missing and is taken into the next set.
 *
 * If all that held a sum die after their votes, the sum is lost; and votes can be split so that
 * neither a set nor a burn can be proven any more while some are silent. When a quorum has seen
 * either for a while, it begins a new epoch from the state before, as after a stop of everybody;
 * whoever comes back with the old epoch is overruled by the later one.
 *
 * Up to f of a round's n voters (f = n - quorum) may lie, and no two sets complete a round of an
 * epoch. Voters are whoever took part in the round before, so who wants to withstand f liars asks
 * for sets of at least 3 f + 1 (`set_min`), and has 4 f + 1 members to go on without them.
 *
 * At the start, and after everybody has stopped, nobody has an epoch under way: all listed members
 * are voters, `start_quorum` of them must be ready, and the first set begins a new epoch.
 *
 * This is a state machine: no clock, no sockets, no threads. Letters go out through `send`, which
 * must not call back. Members are indices in ascending order of their ids. What a peer sends can
 * make it wrong about that peer, and no more: letters that do not fit are counted. */
#pragma once

#include "collectives/assembly_letter.h"

/* Between the epochs that members know of at a start: who claims more is not taken along, so that
 * nobody can use them up. */
#define VAIN_EPOCHS_AHEAD (UINT64_C(1) << 32)

struct vain_assembly;

struct vain_assembly_ops {
    /* A letter to `member`, to whom there is a link. */
    void (*send)(void *context, int member, uint16_t kind, const void *body, size_t bytes);
    /* Signs with this member's key. */
    enum vain_status (*sign)(void *context, const void *message, size_t bytes,
                             uint8_t out[VAIN_SIGNATURE_BYTES]);
    /* Whether it is `member`'s signature. */
    bool (*verify)(void *context, int member, const void *message, size_t bytes,
                   const uint8_t signature[VAIN_SIGNATURE_BYTES]);
    /* Two votes of `member` for one round and generation that say different things: evidence.
     * Optional. */
    void (*evidence)(void *context, int member, const struct vain_vote *first,
                     const struct vain_vote *second);
};

struct vain_assembly_config {
    const struct vain_assembly_ops *ops;
    void *context;
    int members, own;
    int start_quorum;       /* ready members of the very first set; at least the quorum of all */
    int set_min;            /* members of a set at least: 3 under masks */
    uint64_t patience_ms;   /* for members that are there and do not get ready */
    struct vain_vote voted; /* the last vote before this start, as made durable; epoch 0: none */
    /* Of this member's votes: that of `voted`, or a new one when there is none. */
    uint8_t ballot[VAIN_BALLOT_BYTES];
};
enum vain_status vain_assembly_open(const struct vain_assembly_config *config,
                                    struct vain_assembly **out) VAIN_MUST_USE;
void vain_assembly_close(struct vain_assembly **assembly);

/* ---- what this member holds ------------------------------------------------------------------ */

/* Where it stands now; not ready. `epoch` is that of the state, as of the last round: while it is
 * starting no voters are known, and `voters` is not looked at. */
struct vain_assembly_stand {
    uint64_t epoch, round;
    bool starting;
    uint8_t state_hash[VAIN_HASH_BYTES];
    struct vain_set voters; /* of the coming round */
};
void vain_assembly_stand(struct vain_assembly *assembly, const struct vain_assembly_stand *stand);
/* The words of the coming round are ready, as far as this member is concerned. */
void vain_assembly_ready(struct vain_assembly *assembly);
/* They are not: it looks for another state. Until it stands and is ready anew. */
void vain_assembly_unready(struct vain_assembly *assembly);
/* The streams that are open and good, by the key of their use; NULL: none. They are those of the
 * set of the attempt that was started last: only with just this set they are used again. */
void vain_assembly_use(struct vain_assembly *assembly, const uint8_t *key);
/* It takes part in nothing any more. */
void vain_assembly_leave(struct vain_assembly *assembly);

/* ---- what happens ---------------------------------------------------------------------------- */

void vain_assembly_link(struct vain_assembly *assembly, int member, bool up);
/* What `member` said that it holds is not so: its positions are ignored, and it is in no set of
 * this member's proposals, for 10 s, and twice as long with each time. Not for a link that broke.
 */
void vain_assembly_distrust(struct vain_assembly *assembly, int member);
/* It may be honest: the same for 10 s, however often. */
void vain_assembly_doubt(struct vain_assembly *assembly, int member);
/* The sum that this member voted for proved invalid, and it is invalid for everyone who received
 * the same words. So a member that holds it is not waited for before the epoch is given up; members
 * that are ahead are still fetched from. Call after vain_assembly_stand, which forgets it. */
void vain_assembly_disown(struct vain_assembly *assembly);
/* Report that the exchange of `set` failed although no link broke: its sum was wrong, or something
 * that was due never arrived. `member` is the culprit; -1: unknown, one of the set. Suspects are
 * left out of this member's proposals in turn, as collectives/suspicion.h says, while enough are
 * left. */
void vain_assembly_suspect(struct vain_assembly *assembly, const struct vain_set *set, int member);
/* Whether exchanges with `member` have come to nothing lately, and somebody is left out for it. */
bool vain_assembly_suspects(const struct vain_assembly *assembly, int member);
/* A letter of kinds POSITION to VOTE. It is noted; what follows is found at the next tick. */
void vain_assembly_letter(struct vain_assembly *assembly, int member, uint16_t kind,
                          const uint8_t *body, size_t bytes);
/* The time, in milliseconds of any clock that does not go back; often enough. */
void vain_assembly_tick(struct vain_assembly *assembly, uint64_t now_ms);

/* ---- what follows ---------------------------------------------------------------------------- */

enum vain_assembly_verdict {
    VAIN_ASSEMBLY_WAIT,
    VAIN_ASSEMBLY_START,    /* run the attempt's exchange; then vote or failed */
    VAIN_ASSEMBLY_VOTE,     /* make `vote` durable, then call vain_assembly_vote: it joins others'
                               vote, or burns */
    VAIN_ASSEMBLY_COMPLETE, /* the round is, with the set of `vote` and the sum that is here */
    VAIN_ASSEMBLY_BURNED,   /* the generation is: call vain_assembly_begin_anew */
    VAIN_ASSEMBLY_LOST,     /* a quorum has given the round up, though this member may hold a sum of
                               it: stand as starting, with the state before */
    VAIN_ASSEMBLY_BEHIND    /* others hold a later state, or another: fetch it from `holders` */
};
struct vain_assembly_news {
    enum vain_assembly_verdict verdict;
    struct vain_proposal proposal; /* START */
    bool new_use;                  /* START: make new streams; their key is the proposal's hash */
    struct vain_vote vote;         /* VOTE, COMPLETE */
    struct vain_set holders;       /* BEHIND */
    struct vain_position target;   /* BEHIND: what they hold */
};
/* Says the same until something else has happened. */
void vain_assembly_news(const struct vain_assembly *assembly, struct vain_assembly_news *out);

/* The exchange of the attempt that was started has failed here. vain_assembly_ready says when there
 * are words for another one: the same or others. */
void vain_assembly_failed(struct vain_assembly *assembly);
/* The sum of the attempt that was started is here and verified: what to make durable before
 * vain_assembly_vote. `content`: see struct vain_vote. */
void vain_assembly_own_vote(const struct vain_assembly *assembly,
                            const uint8_t content[VAIN_MIN_LEN(VAIN_HASH_BYTES)],
                            struct vain_vote *out);
/* Signs the vote and sends it; what follows an exchange is found at the next tick. Asserts that
 * this member has not voted in this round and generation for anything else, nor further on. The
 * signer's failure.
 */
enum vain_status vain_assembly_vote(struct vain_assembly *assembly,
                                    const struct vain_vote *vote) VAIN_MUST_USE;

/* Whether somebody has voted for another content of the attempt that this member voted for: one of
 * the set has told members different things. Until the round or the generation is over. */
bool vain_assembly_is_split(const struct vain_assembly *assembly);

/* The round's next generation; not ready. */
void vain_assembly_begin_anew(struct vain_assembly *assembly);

/* Whether others hold a later state, ready or not: `news` is then BEHIND. */
bool vain_assembly_behind(struct vain_assembly *assembly, struct vain_assembly_news *news);

/* ---- for messages and decisions of the caller ------------------------------------------------ */

/* Attempts of this round so far; with those of burned generations. */
uint32_t vain_assembly_attempts(const struct vain_assembly *assembly);
/* Members to whom there is a link, this one included. */
struct vain_set vain_assembly_present(const struct vain_assembly *assembly);
/* Whether the last that `member` has said since its link is up is that it has finished `round`
 * rounds. */
bool vain_assembly_is_at(const struct vain_assembly *assembly, int member, uint64_t round);
/* Whether the last that `member` has said is that it leaves. */
bool vain_assembly_leaves(const struct vain_assembly *assembly, int member);
/* Whether a quorum of the voters is present. */
bool vain_assembly_quorum_present(const struct vain_assembly *assembly);
/* Whether all that are present and not leaving have said that they finished `round` rounds. */
bool vain_assembly_all_at(const struct vain_assembly *assembly, uint64_t round);
struct vain_set vain_assembly_voters(const struct vain_assembly *assembly);
uint64_t vain_assembly_epoch(const struct vain_assembly *assembly);
/* Letters that were no letters, or had no place; ever. */
uint64_t vain_assembly_misfits(const struct vain_assembly *assembly);
