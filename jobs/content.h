/* What a member votes for beside the set of an attempt (struct vain_vote): a hash over all that it
 * has been told in it, and over the words of its sum.
 *
 *     content = BLAKE2b-256("vain/content", context || platform || members || deals || words)
 *
 * context: hash of the agreed one; platform: hash of the common platform string; members: in the
 * order of ids, of each the inputs that it says it has dropped, u32, and its certificate; deals:
 * hash of what all dealt of their own masks, with their commitments, zeros without; words: Merkle
 * root of the summed words, masked still under own masks. A member that tells others different
 * things, or passes on other words to some of them, so splits the votes, and not the parameters or
 * records after them. */
#pragma once

#include "collectives/context.h"
#include "jobs/run.h"

/* Hash of what all dealt, to be kept until the votes: deals (members, bytes each) by id. Local. */
void vain_content_note_deals(struct vain_run *run, const uint8_t *deals, size_t bytes);

/* After the check; zeros in the fixed federation, where nobody votes. Hashes the words on the pool,
 * about 1 s a GiB on one core. Local; VAIN_ERR_MEMORY. */
enum vain_status vain_content_hash(const struct vain_run *run, const struct vain_roster *roster,
                                   const struct vain_context *context,
                                   uint8_t out[VAIN_MIN_LEN(VAIN_HASH_BYTES)]) VAIN_MUST_USE;
