/* What a round tells who watches the run. Local. */
#pragma once

#include "jobs/run.h"

/* A local step, and how long it took. */
void vain_report_step(struct vain_run *run, const struct vain_step_report *step, double seconds);
/* Deltas that were scaled down, or values beyond the range of the integers. */
void vain_report_not_fitting(struct vain_run *run, const struct vain_codec_report *report,
                             const struct vain_counters *sums);
/* The round that has been finished; run->round counts it already. */
void vain_report_round(struct vain_run *run, const struct vain_counters *sums,
                       const struct vain_codec_report *report, double local_seconds,
                       double exchange_seconds);
