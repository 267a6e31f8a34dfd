/* The record of a round: built, signed, shared and kept. */
#pragma once

#include "jobs/run.h"

/* What a member gives to all others at the end of a round: the root of its parameters, a signature.
 */
enum { VAIN_ROUND_SIGNATURE_BYTES = VAIN_HASH_BYTES + VAIN_SIGNATURE_BYTES };

/* Hash the new common parameters, sign the round's record, gather and check all signatures, hand
 * the record to the federation. Collective over the members; blocks. VAIN_ERR_PEER names a member
 * that has other parameters, VAIN_ERR_AUTH one that signed another record. */
enum vain_status vain_round_record(struct vain_run *run, const struct vain_roster *roster,
                                   const struct vain_counters *sums) VAIN_MUST_USE;
/* Bytes that run->record_buffer needs for `members`: an encoded body, then the frame around it. */
size_t vain_round_record_bytes(int members);
