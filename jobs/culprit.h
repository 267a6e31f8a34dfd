/* Attempts with evidence (collectives/evidence.h): after a sum whose check word did not hold, what
 * members pass on is signed, and who changes words is found. That goes on for some good rounds, so
 * that a member that changes words only where nothing is signed gains an attempt now and then, no
 * more than one that is left out for as long.
 *
 * Members on their own hosts only, up to VAIN_EVIDENCE_MEMBERS_MAX: under a launcher a sum that
 * does not hold ends the run. */
#pragma once

#include "jobs/run.h"

enum { VAIN_CULPRIT_ROUNDS = 16 };

/* Whether attempts of a group of so many may be with evidence: the same at all its members. */
bool vain_culprit_sought(const struct vain_run *run, int members);
void vain_culprit_close(struct vain_run *run);

/* After the words are set: give all the signed forms of the own ones, take theirs. Nothing in an
 * attempt without evidence. Collective over the roster; blocks. VAIN_ERR_PEER names who has not
 * signed. */
enum vain_status vain_culprit_begin(struct vain_run *run,
                                    const struct vain_roster *roster) VAIN_MUST_USE;
/* After the check of the sum, which has come to `checked`: notes whether this member wants evidence
 * from the next attempt on. With evidence all statements are given to all and judged: somebody
 * who has changed words is named in the federation and is VAIN_ERR_PEER, even if the own sum is
 * right, so that all come to the same; else `checked`. Collective over the roster; blocks. */
enum vain_status vain_culprit_find(struct vain_run *run, const struct vain_roster *roster,
                                   enum vain_status checked) VAIN_MUST_USE;
