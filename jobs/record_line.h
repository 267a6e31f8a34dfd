/* Who may have agreed on a round, as far as a chain of records shows: a quorum of those who were in
 * the round before, or, at the start of an epoch, of all that the spec lists. Otherwise a few
 * members could go on by themselves from any record of the past and hand that to one who joins. */
#pragma once

#include "collectives/member_set.h"

struct vain_record_line {
    int listed;          /* members in the spec */
    uint64_t epoch;      /* of the last record; 0: there was none */
    struct vain_set set; /* who took part in it */
};

/* Before any record. */
void vain_record_line_start(struct vain_record_line *line, int listed);
/* The next record, whose signatures are checked elsewhere; false: too few of those whose matter it
 * was took part in it. *needed: how many must. */
bool vain_record_line_take(struct vain_record_line *line, uint64_t epoch,
                           const struct vain_set *set, int *needed);
/* A record that this member has taken part in or has checked before. */
void vain_record_line_trust(struct vain_record_line *line, uint64_t epoch,
                            const struct vain_set *set);
