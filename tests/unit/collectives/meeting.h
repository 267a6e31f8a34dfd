/* Members that hold an assembly in a simulated world: letters take their time, links go and come,
 * members crash at every durable step and start again from what was durable. The exchange is only
 * played: it succeeds or not at each member of its own, as deaths have it.
 *
 * Liars hold an assembly like the others, but send other letters than it says (liar.c).
 *
 * What is checked stands apart from the code under test: a list of what members did. */
#pragma once

#include "collectives/assembly.h"

struct meeting_settings {
    uint64_t seed;
    int members, rounds, start_quorum, set_min;
    int liars; /* the last of the members: they send what they like, whatever it breaks */
    int crashes_per_mille;  /* of a member, each 100 ms while faults last */
    int cuts_per_mille;     /* of a link, likewise */
    uint64_t faults_end_ms; /* then everybody comes back and all links with them */
    uint64_t end_ms;
    bool redo;         /* a failed attempt costs local steps again, as masks of level 1 do */
    bool forget_votes; /* broken on purpose: votes are not durable */
};

/* What was broken, "" if nothing; static until the next. `out` may be NULL. */
struct meeting_result {
    int rounds, burned, failed_attempts, restarts, fetched, lost, distrusted;
    uint64_t letters, misfits;
    uint64_t ms; /* when the last member had finished */
};
const char *meeting_run(const struct meeting_settings *settings, struct meeting_result *out);
