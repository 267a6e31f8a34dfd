/* A federation in this process: members with folders, keys and worlds of their own, each a thread,
 * joined by a switchboard. A test says when a member is started, when it dies and when it waits for
 * another; nothing is timed. */
#pragma once

#include "tests/unit/jobs/bed.h"
#include "tests/unit/jobs/fetch_spoiler.h"
#include "tests/unit/jobs/letter_liar.h"
#include "tests/unit/jobs/state_liar.h"
#include "tests/unit/jobs/switchboard.h"

enum { HOSTS_MAX = 5 };

/* What is done to a member in the coming run. */
struct host_fate {
    bool absent;             /* it is not started */
    int starts_after_round;  /* ... before member 0 has finished this round */
    int waits_after_round;   /* having finished this round it waits ... */
    int waits_for;           /* ... until this member has joined the others ... */
    int waits_for_starts;    /* ... so often; 0: once */
    int dies_after_step;     /* of its own steps in all; 0: never */
    int dies_before_write;   /* of its durable writes, from 1; 0: never */
    int comes_back_after;    /* dead, it is started again when member 0 has finished this round */
    int parts_after_step;    /* the network between it and the others fails; 0: never */
    int parts_before_write;  /* the same, before one of its durable writes, from 1; 0: never */
    bool heals;              /* the network does, when it has ended, and it is started again */
    int stops_after_step;    /* asked to, by signal 15; 0: never */
    int spoils_after_step;   /* messages of words that it sends come out changed; 0: never */
    int corrupts_after_step; /* it spoils partial sums of a ring before it adds; 0: never */
    bool is_shy;             /* ... but where nothing is signed only */
    int lies_after_step;     /* its words are not those of their check word; 0: never */
    int claims_after_step;   /* it claims a state of a later epoch, and describes it wrongly */
    enum state_lie claim;    /* ... so ... */
    int claims_to;           /* ... to this member, by its place among all ids */
    int mishears_after_step; /* it is told something else than the others, once; 0: never */
    bool mishears_late;      /* ... after its vote */
    int loses_after_step;    /* sums are lost since it opens nothing of them; 0: never */
    enum fetch_trouble fetch_trouble; /* it meets this while it catches up, ... */
    uint32_t fetch_number;            /* ... with this vector */
    bool stops_in_fetch;              /* ... and is asked to stop, by signal 15 */
    int flaps_in_round;               /* all its links end, and new ones are made, when it has
                                         agreed on the sum and not signed yet; 0: never */
    const char *resume;               /* this checkpoint; NULL: "auto" */
    bool has_site;                    /* of two ranks, this member and one that helps it */
    bool disk_is_full;                /* for records */
    bool withholds_records;           /* from who asks it for them first */
    int writes_after_step;    /* it writes letters that are too many or do not fit; 0: never */
    enum letter_lie letters;  /* ... these */
    const char *const *extra; /* more key=value for its spec, NULL-ended; NULL: none */
};

struct host {
    struct bed bed; /* folder, corpus, spec */
    struct vain_signer signer;
    struct host_fate fate;
    /* Of the last run. */
    enum vain_status status;
    struct vain_run_result result;
    char message[1024];
    enum vain_status site_status; /* of the rank that helps */
    int notices, writes;
    bool parted;
    enum vain_status parted_status; /* of the life in which it was */
    char notice[BED_NOTICES_MAX][VAIN_EVENT_TEXT_BYTES];
};

struct hosts {
    int count, speed; /* their clocks go so much faster than the real one; 0: as it does */
    struct host hosts[HOSTS_MAX];
    struct switchboard *board;
};

/* Folders and keys of members m0, m1 and on; false if the machine has no room. */
bool hosts_open(struct hosts *hosts, int count);
void hosts_close(struct hosts *hosts);
/* Start all members with `sets` (NULL-ended) over the bed's spec, and wait for all to end. Fates
 * are forgotten. */
void hosts_run(struct hosts *hosts, const char *const *sets);
/* The same members as threads over loop, in a bed of their own: the parameters that they reach. */
void hosts_run_over_loop(int count, const char *const *sets, uint8_t hash[VAIN_HASH_BYTES]);
/* How many of a member's notices hold `part`. */
int hosts_count_notices(const struct host *host, const char *part);
/* Its place among the members, which are in the order of their ids. */
int hosts_place_of(const struct hosts *hosts, int number);
/* Prints how it ended, and what it was told. */
void hosts_tell(const struct host *host, int number);
/* Members of the bit set came to the end alike, each with a whole record of all rounds. */
void hosts_expect_end(const struct hosts *hosts, unsigned who, int64_t rounds);
