/* From a delta to words and from summed words to a mean.
 *
 *     delta -> L2 clip -> integers of a power-of-two scale -> words (32-bit, or two packed 16-bit
 *     fields) -> (commitment) -> counters -> check word -> masks
 *
 * The range of the integers is public, known before the round and equal at all members: in the
 * first round it comes from the learning rates (an AdamW step moves a parameter by about its rate),
 * later from the exact integer sum of squares of the last sum, so no float decides anything common
 * (docs/architecture.md, promise 2). What rounding, clipping and saturation leave over stays in the
 * residual and is part of the next delta.
 *
 * Headroom (docs/protocol.md, "Words"): n members' integers of B signed bits sum to less than the
 * field holds iff n * 2^(B-1) <= 2^(W-1), so B = W - ceil(log2 n) for fields of W = 32 or 16
 * bits. */
#pragma once

#include "base/record.h"
#include "collectives/commit.h"
#include "kernels/ops.h"

/* The words of an exchange: the vector's, then the counters', then the check word.
 *
 * A counter is a 64-bit number cut into four limbs of 16 bits, lowest first, one word a limb: a
 * word's sum over up to 2^16 members does not carry out of it, so sums are exact whatever the
 * members count. */
enum vain_counter {
    VAIN_COUNTER_WEIGHT,
    VAIN_COUNTER_LOSS,
    VAIN_COUNTER_CLIPPED,
    VAIN_COUNTER_SATURATED,
    VAIN_COUNTER_KINDS
};
enum {
    VAIN_COUNTER_LIMBS = 4,
    VAIN_COUNTER_WORDS = VAIN_COUNTER_KINDS * VAIN_COUNTER_LIMBS,
    VAIN_CODEC_MEMBERS_MAX = 1 << 16, /* so that limbs do not carry */
    VAIN_CODEC_BITS_MIN = 4           /* with fewer a value has less than 15 levels */
};

struct vain_codec {
    int64_t parameter_count;
    int members;
    struct vain_fixed fixed; /* of the coming round */
    int bound_exponent;      /* L2 clip bound of the coming round is 2^bound_exponent */
    double clip;             /* the spec's exchange.clip: L2 bound; NaN: from the bound exponent */
    int64_t vector_words;    /* ceil(N / fields) */
    int64_t word_count;      /* vector + counters + check word */
    /* The check word is bare and of the words under their masks, own masks too: a sum that is not
     * what was sent is seen before anybody opens it. Set by the caller. */
    bool checks_masked;
};

/* field_bits: 32 or 16 (exchange.bits). clip: L2 bound of a delta, NaN for the rule below.
 * step_bound: an upper bound of how far one parameter moves in a round, in exact or correctly
 * rounded operations on agreed numbers (local steps times highest rate). It decides round 1:
 * the range is 2^6 (32-bit fields) or 2^1 (16-bit) times the power of two above step_bound, the L2
 * bound 4 sqrt(N) times it, rounded up to a power of two.
 * VAIN_ERR_INPUT with the arithmetic if the members leave no headroom. */
enum vain_status vain_codec_init(struct vain_codec *codec, int64_t parameter_count, int members,
                                 int field_bits, double clip, double step_bound) VAIN_MUST_USE;

/* The public state that a checkpoint keeps. It names the range of the values, not the scale of the
 * integers, so that it also holds for another number of members or field width. */
enum {
    VAIN_RANGE_EXPONENT_MIN = -64,
    VAIN_RANGE_EXPONENT_MAX = 64, /* with 4 to 32 bits the scale stays within that of vain_fixed */
    VAIN_BOUND_EXPONENT_MIN = -128,
    VAIN_BOUND_EXPONENT_MAX = 128
};
struct vain_codec_state {
    int32_t range_exponent; /* a value of the coming round lies within +-2^range_exponent */
    int32_t bound_exponent;
};
struct vain_codec_state vain_codec_state(const struct vain_codec *codec);
/* VAIN_ERR_CORRUPT for exponents that no codec gives. */
enum vain_status vain_codec_restore(struct vain_codec *codec,
                                    struct vain_codec_state state) VAIN_MUST_USE;

/* The rule for the next state. Pure, integers only. Q = sum over the N parameters of S_i^2, S_i the
 * summed integers; n members; scale 2^e; B bits; `saturated` values met the end of the range at all
 * members together. With
 *     floor = smallest r with 2^r >= kappa * RMS of the mean,  RMS = sqrt(Q / N) / n / 2^e,
 *             kappa = 2^10 for 32-bit, 2^3 for 16-bit fields
 *           = kappa_exponent - e + smallest t with Q <= N n^2 4^t
 * the range is one exponent wider than the last one if anything saturated and one narrower if
 * nothing did, but never below `floor` nor more than 6 above it: a few far outliers open the range
 * until they fit instead of filling their residuals for ever, and one odd round changes little. The
 * L2 bound is
 *     smallest b with 2^b >= 4 * 2^h * norm of the mean,  norm = sqrt(Q) / n / 2^e,
 *     2^h the smallest power of two >= sqrt(n): n independent deltas of one norm have a mean
 *     shorter by sqrt(n);
 *   = 2 + h - e + smallest u with Q <= n^2 4^u.
 * Q = 0 says nothing about sizes: `floor` is the last range then, and the bound stays. Exponents
 * stop at VAIN_RANGE_EXPONENT_* and VAIN_BOUND_EXPONENT_*. */
struct vain_codec_state vain_codec_next(const struct vain_codec *codec,
                                        const uint64_t sum_squares[VAIN_MIN_LEN(2)],
                                        int64_t saturated);

struct vain_codec_report {
    double norm;  /* of the delta before the clip */
    double bound; /* L2 bound of this round */
    bool clipped; /* norm > bound: the delta was scaled to it, the rest is in the residual */
    struct vain_saturation saturation;
};
/* To what the words of the vector say, bare, as they lie in memory: little-endian, in leaves of
 * VAIN_COMMIT_CHUNK_BYTES. Counters and check word are no part of it. */
struct vain_codec_commitment {
    uint8_t salt[VAIN_COMMIT_SALT_BYTES]; /* set by the caller, fresh */
    uint8_t root[VAIN_HASH_BYTES];        /* set by the codec */
};
/* The attempt that words are made for. */
struct vain_codec_attempt {
    struct vain_random check; /* the group's agreed stream */
    uint32_t round, attempt;
    const struct vain_masks *masks;           /* borrowed; NULL: none */
    struct vain_codec_commitment *commitment; /* borrowed; NULL: none. It costs a hash of the words
                                                 and a pass of its own for the masks */
};
/* words (word_count) from delta (N): vector, counters and check word, all under the masks;
 * residual (N) written, may be delta itself. Of `mine` weight and loss are read (both >= 0); what
 * was clipped and saturated is the codec's own to count. A delta that is not finite is
 * VAIN_ERR_NUMERIC naming the index before anything is written, as are negative counters. After a
 * failure of the device the words must not be used: some may be bare. Local. */
enum vain_status vain_codec_encode(const struct vain_codec *codec, struct vain_queue *queue,
                                   const float *delta, const struct vain_counters *mine,
                                   const struct vain_codec_attempt *attempt, uint32_t *words,
                                   float *residual, struct vain_codec_report *report) VAIN_MUST_USE;
/* checks_masked: verify the check word of the sum of masked words (word_count); VAIN_ERR_NUMERIC
 * naming round, attempt and the values. Local. */
enum vain_status vain_codec_verify_masked(const struct vain_codec *codec, struct vain_queue *queue,
                                          struct vain_random check, uint32_t round,
                                          uint32_t attempt, const uint32_t *words) VAIN_MUST_USE;
/* Verify the check word of the summed words (word_count), unless that was done under masks, and
 * that the counters are sums that members can have sent: VAIN_ERR_NUMERIC naming round, attempt and
 * the values. Local. */
enum vain_status vain_codec_verify(const struct vain_codec *codec, struct vain_queue *queue,
                                   struct vain_random check, uint32_t round, uint32_t attempt,
                                   const uint32_t *words) VAIN_MUST_USE;
/* mean (N) and counters from verified summed words; sets the coming round's state. Blocks until
 * they are there; local. Fails with the device only. */
enum vain_status vain_codec_decode(struct vain_codec *codec, struct vain_queue *queue,
                                   const uint32_t *words, float *mean,
                                   struct vain_counters *sums) VAIN_MUST_USE;
/* Bytes that one member sends a round for the words in a bandwidth-optimal all-reduce:
 * 2 (n - 1) / n of them (Patarasuk, Yuan 2009). */
int64_t vain_codec_round_bytes(const struct vain_codec *codec);
