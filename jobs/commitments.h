/* Commitments of a round (exchange.commitments, level 2): each member hashes, under a fresh salt,
 * what its words say before masks hide it; the roots of all go out with the deals of own masks,
 * before words travel, and stand in the round's signed record. The salt goes into the member's own
 * file (jobs/store/salt_file.h). */
#pragma once

#include "collectives/context.h"
#include "jobs/run.h"

bool vain_commitments_used(const struct vain_run *run);
/* For the codec, with a fresh salt; NULL where there are none. */
struct vain_codec_commitment *vain_commitments_begin(struct vain_run *run);
/* After the words are made, before the root leaves: the salt is kept for good. Blocks on the disk.
 */
enum vain_status vain_commitments_keep(const struct vain_run *run,
                                       const struct vain_context *context) VAIN_MUST_USE;
/* run->commitment_roots as the record's extension, which borrows it. */
void vain_commitments_record(const struct vain_run *run, struct vain_record *record);
