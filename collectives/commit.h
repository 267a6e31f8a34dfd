/* Commitments to what a member's words say before masks hide it (docs/protocol.md,
 * "Commitments"): made public before a round opens, so that an auditor can later compare them with
 * a replay.
 *
 *     leaf_k = BLAKE2b("vain/commit/leaf"; salt; LE64 k, chunk k)
 *     root   = that of the tree of base/crypto.h over the leaves
 *
 * The salt is 32 fresh random bytes a round, which the member shows to an auditor only: without it
 * a root, or any part of the tree, says nothing about the words, however few they may be. With it,
 * an auditor who has replayed the work makes the root from the words that it got. */
#pragma once

#include "base/crypto.h"

enum {
    VAIN_COMMIT_SALT_BYTES = 32,
    VAIN_COMMIT_CHUNK_BYTES = 64 << 10 /* 16 Ki words: what the codec has in the cache at once */
};

/* One leaf of `index` 0, 1, ...: for who has the words a chunk at a time, in any order and on any
 * thread; vain_merkle_root_of_leaves makes the root of all of them. Local. */
void vain_commit_leaf(const uint8_t salt[VAIN_MIN_LEN(VAIN_COMMIT_SALT_BYTES)], uint64_t index,
                      const void *chunk, size_t bytes, uint8_t out[VAIN_MIN_LEN(VAIN_HASH_BYTES)]);

struct vain_commit_data {
    const void *data; /* borrowed */
    size_t bytes, chunk_bytes;
};
/* How many leaves: the last chunk may be short; of no data there is one leaf, of nothing. */
size_t vain_commit_leaf_count(const struct vain_commit_data *data);
/* The root of words that lie in memory as a whole, on `pool` (NULL: on this thread). Local. */
enum vain_status vain_commit_root(const uint8_t salt[VAIN_MIN_LEN(VAIN_COMMIT_SALT_BYTES)],
                                  const struct vain_commit_data *data, struct vain_pool *pool,
                                  uint8_t root[VAIN_MIN_LEN(VAIN_HASH_BYTES)]) VAIN_MUST_USE;
