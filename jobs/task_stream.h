/* A stream of tasks over labelled images: the classes come a few at a time, phase after phase, and
 * do not come back (class-incremental learning; van de Ven & Tolias 2019).
 *
 * The order of the classes is drawn by the job's seed, the same at all members. In a phase an agent
 * trains on those of its examples whose class is of the phase: the member's own examples of a
 * class, in ascending order, are dealt to its agents in turns. A job without a stream has one phase
 * with all classes. Local. */
#pragma once

#include "jobs/data/image_data.h"
#include "jobs/options.h"

struct vain_task_stream {
    int64_t class_count, phase_count, phase_rounds;
    int agents;
    int64_t *phase_of; /* (class_count) in which phase a class comes; owned */
    int64_t *begin;    /* (phase_count * agents + 1); owned */
    int64_t *examples; /* (of this member) rows of the training set, by phase and agent; owned */
};

/* `member_name` is for messages. VAIN_ERR_INPUT if an agent has no example of a phase, with phase,
 * agent and classes; VAIN_ERR_MEMORY. On failure `out` is empty. */
enum vain_status vain_task_stream_open(const struct vain_job *job,
                                       const struct vain_image_data *data, const char *member_name,
                                       struct vain_task_stream *out) VAIN_MUST_USE;
/* A stream that is zero or closed is fine. */
void vain_task_stream_close(struct vain_task_stream *stream);
/* The phase of round `round` (from 0); the last one goes on for ever. */
int64_t vain_task_stream_phase(const struct vain_task_stream *stream, int64_t round);
/* An agent's examples of a phase, ascending; borrowed. */
const int64_t *vain_task_stream_examples(const struct vain_task_stream *stream, int64_t phase,
                                         int64_t agent, int64_t *count);
/* Whether a class has come by the end of round `rounds` - 1; before the first round, those of the
 * first phase. */
bool vain_task_stream_has_come(const struct vain_task_stream *stream, int64_t label,
                               int64_t rounds);
