/* Evidence: what the members of a ring state of their words, signed, and who is the culprit when
 * that does not add up.
 *
 * In an attempt with evidence the sum is made by a ring (collectives/ring.c). Its words are n
 * shards; in step s = 0 .. 2n - 3 the member at place p of the ring passes shard (p - s) mod n on
 * to place p + 1. Of everything there are forms (collectives/forms.h), and each is signed by who
 * says it:
 *
 *     own words: before a word travels each member gives all others the forms of its own words,
 *     shard by shard, so its part of the sum is fixed;
 *
 *     a hop: with the last words of a step the sender states the forms of the shard as it has left.
 *     The receiver compares them with the words that came. If they differ, or the signature is not
 *     the sender's, it goes no further: it has nothing that it could prove, and states nothing that
 *     it could not answer for. So whoever gets to the end can show a signed statement of each hop
 *     to it.
 *
 * Then all give all what they have stated and been told. A hop adds up if
 *
 *     sent(p, s) = sent(p - 1, s - 1) + own(p), s < n;  sent(p, s) = sent(p - 1, s - 1), s >= n
 *
 * (nothing comes before s = 0), and whoever's does not has changed the sum, or its machine has: its
 * own signatures prove it. A member that is honest and whose machine works is never shown to be
 * one, whatever the others sign: it adds up what it was told.
 *
 * A check word fails if and only if its form of the whole sum is not 0 (VAIN_FORMS_CHECK). So if
 * the sum's check fails and each hop adds up, then the members' own words have a form that is not 0
 * together; where each has to be 0 alone, it is known whose is not.
 *
 * Forms tell nothing that the words themselves do not, and those are masked where there are masks
 * (docs/protocol.md). Members are ranks of the exchange's communicator. Local; one thread. */
#pragma once

#include "base/identity.h"
#include "collectives/forms.h"

enum {
    /* All that is gathered grows with the square of the members: 5 MiB for so many. */
    VAIN_EVIDENCE_MEMBERS_MAX = 64,
    VAIN_STATEMENT_BYTES = VAIN_FORMS_BYTES + VAIN_SIGNATURE_BYTES
};
/* As it travels. */
struct vain_statement {
    uint8_t forms[VAIN_FORMS_BYTES];
    uint8_t signature[VAIN_SIGNATURE_BYTES];
};

/* Steps of a ring of `members`, and the shard that the member at `place` passes on in one. */
int vain_evidence_steps(int members);
int vain_evidence_shard(int members, int place, int step);

/* ---- a member's part ------------------------------------------------------------------------- */

struct vain_evidence;
struct vain_evidence_config {
    int members, own;           /* size and rank in the members' communicator */
    const int *order;           /* (members) rank at each place, borrowed; NULL: by rank */
    const uint8_t *keys;        /* (members, VAIN_PUBLIC_KEY_BYTES) by rank, copied */
    struct vain_signer *signer; /* borrowed */
};
/* Gives the evidence; takes all memory that it will need, but for what others give. members: 2 to
 * VAIN_EVIDENCE_MEMBERS_MAX. Close accepts NULL. Local. */
enum vain_status vain_evidence_open(const struct vain_evidence_config *config,
                                    struct vain_evidence **out) VAIN_MUST_USE;
void vain_evidence_close(struct vain_evidence **evidence);
/* What it takes beside a mask stream, and what one member holds of all members' at a time, for the
 * plan. */
int64_t vain_evidence_memory_bytes(int members);

/* An attempt begins: whatever was stated in the one before is forgotten. context_hash is of the
 * agreed contexts (vain_context_message_hash). Local. */
void vain_evidence_begin(struct vain_evidence *evidence,
                         const uint8_t context_hash[VAIN_MIN_LEN(VAIN_HASH_BYTES)],
                         struct vain_check_key check, int64_t word_count);

/* Words that are about to leave this member: elements first, first + 1, ... of the vector. The next
 * of the calls behind is about all of them. Local, takes no memory. */
void vain_evidence_leave(struct vain_evidence *evidence, int64_t first, int64_t count,
                         const uint32_t *words);
/* They are its own words of this shard. */
void vain_evidence_end_shard(struct vain_evidence *evidence, int shard);
/* They are the hop of `step` from it: stated, signed. */
enum vain_status vain_evidence_end_hop(struct vain_evidence *evidence, int step) VAIN_MUST_USE;
/* The same of words as they have come, and of the hop of `step` to it: its forms are kept. */
void vain_evidence_come(struct vain_evidence *evidence, int64_t first, int64_t count,
                        const uint32_t *words);
void vain_evidence_end_coming(struct vain_evidence *evidence, int step);

/* All own shards are there: sign them. */
enum vain_status vain_evidence_sign_own(struct vain_evidence *evidence) VAIN_MUST_USE;
/* What each member gives all others before the reduce; borrowed until the next begin. */
size_t vain_evidence_own_bytes(int members);
const uint8_t *vain_evidence_own(const struct vain_evidence *evidence);
/* Keep what all gave, by rank (members, own_bytes): the first rank whose signature does not hold;
 * -1: all do. */
int vain_evidence_take_own(struct vain_evidence *evidence, const uint8_t *all);

/* Whether the statement of the hop of `step` to this member is of the words that came, signed by
 * the one before it; both are there. */
bool vain_evidence_hop_holds(struct vain_evidence *evidence, int step);
/* Where the statement of a hop from, or to, this member lies; borrowed until the next begin. */
struct vain_statement *vain_evidence_sent(struct vain_evidence *evidence, int step);
struct vain_statement *vain_evidence_came(struct vain_evidence *evidence, int step);
/* What each member gives all others after the reduce: statements sent, then those that came, both
 * (steps). Borrowed likewise. */
size_t vain_evidence_hops_bytes(int members);
const uint8_t *vain_evidence_hops(const struct vain_evidence *evidence);

/* ---- judging --------------------------------------------------------------------------------- */

enum vain_evidence_fault {
    VAIN_EVIDENCE_FINE,   /* all adds up */
    VAIN_EVIDENCE_OWN,    /* what it states of its own words is not signed by it */
    VAIN_EVIDENCE_CHECK,  /* its check word is not that of its words */
    VAIN_EVIDENCE_SENT,   /* it shows no signed statement of a hop from it */
    VAIN_EVIDENCE_CAME,   /* it shows no statement of a hop to it that the sender has signed */
    VAIN_EVIDENCE_TWO,    /* it has signed two statements of one hop */
    VAIN_EVIDENCE_ADDED,  /* what it passed on is not what it was given plus its own */
    VAIN_EVIDENCE_CHANGED /* ... or, where nothing is added, not what it was given */
};
struct vain_evidence_verdict {
    enum vain_evidence_fault fault;
    int culprit;       /* rank; -1: nobody */
    int before, after; /* ranks next to it in the ring */
    int step, shard;   /* of the hop; -1: it is about none */
};
/* What all members have given. */
struct vain_evidence_case {
    int members;
    const int *order; /* (members) rank at each place, borrowed; NULL: by rank */
    uint8_t context_hash[VAIN_HASH_BYTES];
    bool checks_own;     /* each member's own words have their check word, under masks or bare */
    const uint8_t *own;  /* (members, own_bytes) by rank, borrowed */
    const uint8_t *hops; /* (members, hops_bytes) by rank, borrowed */
    /* Whether `signature` of `message` is that of the member with this rank. */
    bool (*is_signed)(void *context, int rank, const void *message, size_t bytes,
                      const uint8_t signature[VAIN_SIGNATURE_BYTES]);
    void *context;
};
/* The first fault, own words first, then step by step along the ring: the same for all who were
 * given the same. Pure. */
void vain_evidence_judge(const struct vain_evidence_case *given, struct vain_evidence_verdict *out);
/* The same of this member's attempt, with the members' keys: hops as above; own words are those
 * that were kept. */
void vain_evidence_judge_hops(struct vain_evidence *evidence, bool checks_own, const uint8_t *hops,
                              struct vain_evidence_verdict *out);
/* What the culprit has done, for a sentence that begins with its name: "passed on to 'carol' ...,
 * in step 2 of the ring (reduce-scatter, shard 3)". There is a fault; names (members) by rank. */
enum { VAIN_EVIDENCE_TEXT_BYTES = 480 };
void vain_evidence_text(const struct vain_evidence_verdict *verdict, int members,
                        const char *const *names, char out[VAIN_MIN_LEN(VAIN_EVIDENCE_TEXT_BYTES)]);
