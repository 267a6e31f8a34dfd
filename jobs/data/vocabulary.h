/* Sentences to symbols: words that training has seen, and pieces of the others.
 *
 * A word is a run of letters, digits and apostrophes (any character beyond ASCII counts as a
 * letter); capitals of A to Z become small, the curly apostrophe the straight one, apostrophes at
 * the ends go, everything else parts words. A run of more than VAIN_WORD_BYTES - 1 bytes is several
 * words, cut between characters.
 *
 * The vocabulary is learned from training sentences: words seen at least `min_count` times. Every
 * other word, there and later, is spelled by its trigrams: three bytes each of "<word>" ("<wo",
 * "wor", "ord", "rd>"), as far as at least `min_count` of them stood in such rare words in
 * training, so that each symbol has been trained; a word of which no trigram is known is one
 * VAIN_TOKEN_UNKNOWN. (Bojanowski et al. 2017 spell all words so; for rare ones only, sentences
 * stay short.) Symbols: padding, unknown, words in byte order, trigrams in byte order. */
#pragma once

#include "base/limits.h"
#include "base/status.h"

enum { VAIN_TOKEN_PADDING = 0, VAIN_TOKEN_UNKNOWN = 1, VAIN_TOKEN_FIRST_WORD = 2 };

struct vain_sentence_text {
    const char *text; /* well-formed UTF-8, not NUL-ended; borrowed */
    size_t bytes;
};

struct vain_vocabulary {
    int64_t symbol_count; /* 2 + word_count + trigram_count, at most VAIN_SYMBOLS_MAX */
    char *bytes;          /* the words, NUL-ended, one after the other; owned */
    const char **words;   /* (word_count) in byte order, into `bytes`; owned */
    int64_t word_count;
    uint32_t *trigrams; /* (trigram_count) ascending, first byte in bits 16 to 23; owned */
    int64_t trigram_count;
};

/* Learn from `count` sentences; `what` names them in messages. The order of sentences does not
 * matter. Local. VAIN_ERR_INPUT: more than VAIN_SYMBOLS_MAX symbols, with the numbers;
 * VAIN_ERR_MEMORY. On failure `out` is empty. */
enum vain_status vain_vocabulary_learn(const char *what, const struct vain_sentence_text *sentences,
                                       int64_t count, int64_t min_count,
                                       struct vain_vocabulary *out) VAIN_MUST_USE;
/* A vocabulary that is zero or released is fine. */
void vain_vocabulary_release(struct vain_vocabulary *vocabulary);
/* BLAKE2b over all of it: equal at all members, or their symbols mean different things. */
void vain_vocabulary_hash(const struct vain_vocabulary *vocabulary, uint8_t out[VAIN_MIN_LEN(32)]);

/* Write up to `capacity` symbols of a sentence to `out` (NULL if capacity is 0). Gives how many it
 * has, which may be more. Local, allocates nothing. */
int64_t vain_vocabulary_encode(const struct vain_vocabulary *vocabulary,
                               const struct vain_sentence_text *sentence, int32_t *out,
                               int64_t capacity);
/* What a symbol stands for: a word, "~wor" for a trigram (bytes beyond ASCII as "\\xc3", since a
 * trigram may end inside a character), "<padding>" or "<unknown>". Each symbol of a vocabulary has
 * another name, in UTF-8; `out` is filled up with NULs. */
void vain_vocabulary_name(const struct vain_vocabulary *vocabulary, int64_t symbol,
                          char out[VAIN_MIN_LEN(VAIN_WORD_BYTES)]);
