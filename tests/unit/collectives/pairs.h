/* Members of a secure aggregation in one process: the golden ones, whose keys are known, and any
 * number with throw-away keys. */
#pragma once

#include "collectives/secagg.h"

/* The four members of tests/golden/secagg.txt. */
enum { GOLDEN_MEMBERS = 4, GOLDEN_WORDS = 8 };
struct golden_secagg {
    uint8_t ids[GOLDEN_MEMBERS][VAIN_HASH_BYTES];
    uint8_t secrets[GOLDEN_MEMBERS][VAIN_X25519_BYTES], publics[GOLDEN_MEMBERS][VAIN_X25519_BYTES];
    uint8_t context_bytes[VAIN_CONTEXT_BYTES];
    struct vain_context context; /* of context_bytes */
    uint8_t pair_key_01[VAIN_HASH_BYTES], seed_01[VAIN_MASK_SEED_BYTES];
    uint32_t x[GOLDEN_MEMBERS][GOLDEN_WORDS], y[GOLDEN_MEMBERS][GOLDEN_WORDS], sum[GOLDEN_WORDS];
    /* Level 2: the secrets of own masks, member 0's seed, and words that carry them too. */
    struct vain_scalar own_secrets[GOLDEN_MEMBERS];
    uint8_t own_seed_0[VAIN_MASK_SEED_BYTES];
    uint32_t own_y[GOLDEN_MEMBERS][GOLDEN_WORDS];
};
/* Read once; fails the test if the file is not whole. */
const struct golden_secagg *golden_secagg(void);
/* The masks of member `own` in `context`, made of the golden keys: list (GOLDEN_MEMBERS - 1). */
struct vain_masks golden_masks(int own, const struct vain_context *context, struct vain_mask *list);

/* ---- a start with throw-away keys ------------------------------------------------------------ */

enum {
    PAIRS_MOST = 66, /* two more than have masks with all */
    PAIRS_EACH = 16  /* all numbers up to this are tried */
};
struct pairs {
    int count;
    struct vain_signer signers[PAIRS_MOST];
    struct vain_record_member members[PAIRS_MOST]; /* ascending ids */
    struct vain_secagg *secaggs[PAIRS_MOST];
    uint8_t nonces[PAIRS_MOST * VAIN_SECAGG_NONCE_BYTES];
    uint8_t announcements[PAIRS_MOST * VAIN_SECAGG_ANNOUNCEMENT_BYTES];
    uint8_t proofs[PAIRS_MOST * PAIRS_MOST * VAIN_SECAGG_PROOF_BYTES];
};
/* Keys, members and secaggs (allow_small). */
void pairs_open(struct pairs *pairs, int count);
void pairs_close(struct pairs *pairs);
/* A step of the start at all members. */
void pairs_set_session(struct pairs *pairs);
void pairs_announce(struct pairs *pairs);
void pairs_prove(struct pairs *pairs);
/* Open, and the whole start; every step must succeed. */
void pairs_start(struct pairs *pairs, int count);

/* The place of a member's message in the arrays. */
uint8_t *pairs_announcement(struct pairs *pairs, int member);
uint8_t *pairs_proof(struct pairs *pairs, int from, int to);
/* Write what member `who` would announce if its X25519 key were `key`: session, key, signature. */
void pairs_sign(struct pairs *pairs, int who, const uint8_t *session, const uint8_t *key,
                uint8_t *announcement);
