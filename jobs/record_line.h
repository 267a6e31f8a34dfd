/* Who may have agreed on a round, as far as a chain of records shows: a quorum of those who were in
 * the round before, or, at the start of an epoch, of all that the spec lists. Otherwise a few
 * members could go on by themselves from any record of the past and hand that to one who joins. Of
 * those who decided more than f must have signed it, whoever the record names: else one member
 * could name a quorum that has never seen it. */
#pragma once

#include "collectives/member_set.h"

struct vain_record_line {
    int listed;          /* members in the spec */
    uint64_t epoch;      /* of the last record; 0: there was none */
    struct vain_set set; /* who took part in it */
};

/* Before any record. */
void vain_record_line_start(struct vain_record_line *line, int listed);
/* How many of those whose matter a record is must have taken part in it, and must have signed it.
 */
struct vain_record_needs {
    int members, signatures;
};
/* The next record, of members `set`, of whom `signers` have signed it with signatures that hold;
 * false: too few of those whose matter it was took part in it, or signed it. */
bool vain_record_line_take(struct vain_record_line *line, uint64_t epoch,
                           const struct vain_set *set, const struct vain_set *signers,
                           struct vain_record_needs *needs);
/* A record that this member has taken part in or has checked before. */
void vain_record_line_trust(struct vain_record_line *line, uint64_t epoch,
                            const struct vain_set *set);
