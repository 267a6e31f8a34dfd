/* What a member's local steps have changed, as words; and the words of all, as the mean change.
 *
 * The gradients' memory holds both: it is free between the last local step and the outer one. */
#pragma once

#include "jobs/run.h"

/* delta (N) = common - now + residual, then integers in run->words, under masks (`masked`). What
 * the words do not say becomes the residual only with vain_delta_keep_residual, so that a round
 * that is left can be saved as if it had not been encoded. VAIN_ERR_NUMERIC: a delta that is not
 * finite, with its slice, or a loss that no counter holds. Local. */
enum vain_status vain_delta_encode(struct vain_run *run, const struct vain_context *context,
                                   struct vain_codec_report *report, bool *masked) VAIN_MUST_USE;
/* The sum is there: what this round left over is what the next delta starts with. Local. */
void vain_delta_keep_residual(struct vain_run *run);
/* run->words, the sum of all, as the mean change: mean (N) written, and what was counted. Local. */
enum vain_status vain_delta_mean(struct vain_run *run, struct vain_counters *sums,
                                 float *mean) VAIN_MUST_USE;

/* A member's mean loss of a round in millionths, as the counters carry it. At most 10^8 nats, so
 * that the sum over 2^16 members stays inside 64 bits. VAIN_ERR_NUMERIC names member, round
 * (from 1) and loss. Local. */
enum vain_status vain_delta_loss_micro(const char *member, int64_t round, double loss,
                                       int64_t *micro) VAIN_MUST_USE;
