/* Linear forms of words: a short fingerprint that adds up as the words do.
 *
 * Form k < 64 of words v_j, which are elements first, first + 1, ... of a round's vector, is
 *
 *     SUM over j of bit k of b_j times v_j        modulo 2^32
 *
 * with 64 random bits b_j an element. An error e in any words changes it unless the bits meet zero:
 * fix all bits but that of one word with e_j != 0, and one of its two values at most does. So a
 * form misses an error with probability 1/2 at most, all of them with 2^-64 (docs/protocol.md,
 * "Forms"). The bits are a public stream that the round's agreed context names, so that members
 * compute the same.
 *
 * The form after them is that of the check word: SUM r_j v_j over all words of the vector but the
 * last minus the last one, r_j as in kernels/mix.h. Of a vector with its check word it is 0.
 *
 * Sums of forms are forms of sums: what a member received plus its own is what it passes on, in
 * forms as in words. */
#pragma once

#include "base/crypto.h"
#include "base/mask_stream.h"
#include "kernels/mix.h"

enum {
    VAIN_FORMS_RANDOM = 64,
    VAIN_FORMS_CHECK = VAIN_FORMS_RANDOM, /* index of the check word's */
    VAIN_FORMS = VAIN_FORMS_RANDOM + 1,
    VAIN_FORMS_BYTES = 4 * VAIN_FORMS /* little-endian, in order */
};
struct vain_forms {
    uint32_t values[VAIN_FORMS];
};

void vain_forms_encode(const struct vain_forms *forms, uint8_t out[VAIN_MIN_LEN(VAIN_FORMS_BYTES)]);
void vain_forms_decode(const uint8_t data[VAIN_MIN_LEN(VAIN_FORMS_BYTES)], struct vain_forms *out);
/* target += source, modulo 2^32. */
void vain_forms_add(const struct vain_forms *source, struct vain_forms *target);
bool vain_forms_equal(const struct vain_forms *a, const struct vain_forms *b);

/* Which forms: of the attempt whose contexts have this hash. */
struct vain_forms_key {
    uint8_t seed[VAIN_MASK_SEED_BYTES]; /* of the bits */
    struct vain_check_key check;
    int64_t word_count; /* of the vector */
};
struct vain_forms_key vain_forms_key_of(const uint8_t context_hash[VAIN_MIN_LEN(VAIN_HASH_BYTES)],
                                        struct vain_check_key check, int64_t word_count);

/* Forms of words that come piece by piece. A word is added once for each byte of its bits, to the
 * sum of the words that have this byte there; the forms are sums of those, made once at the end.
 * That is eight additions a word instead of 64 (the buckets of Pippenger 1976). */
struct vain_forms_sum {
    uint32_t buckets[VAIN_FORMS_RANDOM / 8][256];
    uint32_t check;
};
void vain_forms_sum_begin(struct vain_forms_sum *sum);
/* Add words (count), elements first, first + 1, ... of the vector. stream: scratch, whatever it was
 * used for. Local, takes no memory. */
void vain_forms_sum_add(struct vain_forms_sum *sum, const struct vain_forms_key *key,
                        struct vain_mask_stream *stream, int64_t first, int64_t count,
                        const uint32_t *words);
/* What all words since begin come to. */
void vain_forms_sum_end(const struct vain_forms_sum *sum, struct vain_forms *out);
