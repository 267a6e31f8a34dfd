/* A member that lies, about words: what its own are, what it passes on, what it states of either;
 * about own masks: what it deals, and what it gives out of it; or in letters: where it stands, whom
 * it proposes, what it acks and votes for. It is a member like any other, whose words are spoilt
 * between the exchange and its streams, whose statements are between what it has signed and what it
 * gives to all, and whose secrets, shares and letters are before they leave. In each attempt it
 * tells one lie or none, but letters lie one by one, each member another. What is told is the
 * judge's to know.
 *
 * liar.c: words; liar_masks.c: own masks; liar_letters.c: letters. */
#pragma once

#include "collectives/assembly_letter.h"
#include "tests/sim/random.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct federation_plan;
struct member;

enum lie {
    LIE_NONE,
    LIE_OWN,      /* its own words are not those of its check word */
    LIE_PASSED,   /* it passes on others, with the tag and the statement of those */
    LIE_UNSTATED, /* ... with the tag of those, and the statement of what should have left */
    LIE_UNTAGGED, /* ... with the tag of what should have left */
    /* With evidence: */
    LIE_SIGNED, /* it has not signed what it states of its own words */
    LIE_SENT,   /* it shows another statement of a hop from it than it has signed */
    LIE_CAME,   /* ... of a hop to it, which would be its sender's fault */
    LIE_TWO,    /* it has signed two statements of a hop, and shows the other one */
    /* About own masks: */
    LIE_DEAL,   /* bytes that it deals are wrong */
    LIE_DEALT,  /* it deals shares that are not those it commits to, of some or all */
    LIE_SECRET, /* secrets that it gives out are wrong: its own, and others' that it passes on */
    LIE_SHARE,  /* shares that it gives out are wrong */
    LIE_HIDE,   /* it gives out nothing */
    LIE_LOSE,   /* ... and has dealt shares that fit for nobody: the sum is lost */
    LIES
};
enum liar_about { LIAR_WORDS, LIAR_MASKS, LIAR_LETTERS };
struct liar_letter {
    uint16_t kind;
    size_t bytes;
    uint8_t body[VAIN_ASSEMBLY_LETTER_BYTES_MAX];
};
enum { LIAR_KEPT = 8 };
struct liar {
    struct vain_sim_random random;
    uint32_t lies_ppm; /* of attempts, or letters, that it lies in; 0: it is honest */
    enum liar_about about;
    uint32_t two_faced; /* to these members (bits) all its votes say something else; 0: nobody */
    enum lie lie;       /* of the attempt under way; about words: not told yet */
    bool told;          /* the judge knows of it */
    int messages;       /* that pass before the one that it spoils */
    bool spoils;        /* the message that leaves has other words than it should: it hides that */
    struct liar_letter kept[LIAR_KEPT]; /* letters that it has written before */
    int kept_count;
};

/* Whose exchanges are to be spoilt from here on; NULL: nobody's. */
void liar_watch(const struct federation_plan *plan);
/* The attempt's words are there: draws a lie, and tells it if it is about them. */
void liar_begin(struct member *member);
/* What the member gives to all of its own words, or of hops, as it has signed it. */
void liar_states_own(struct member *member, uint8_t *own);
void liar_shows_hops(struct member *member, uint8_t *hops);

/* What it deals, `mine` (bytes), made by this call of `opening`. */
void liar_deals(struct member *member, uint8_t *mine, size_t bytes);
/* A secret, or a share, that it is about to give out. */
enum telling { TELLS_TRUTH, TELLS_LIE, TELLS_NOTHING, TELLS_BOTH };
enum telling liar_gives(struct member *member, bool secret, uint8_t *value);

/* A letter that it is about to send to `to`; a lie stands in `letter` then, signed. */
enum telling liar_writes(struct member *member, int to, struct liar_letter *letter);

/* Between the files: whether it lies in this attempt; the judge is told, once. */
bool liar_lies(const struct member *member);
void liar_tells(struct member *member);
