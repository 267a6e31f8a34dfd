/* A whole job in this process: a folder, a small text, a spec with changes, and members as threads
 * over loop. */
#pragma once

#include "jobs/run.h"

enum { BED_RANKS_MAX = 8, BED_NOTICES_MAX = 32, BED_LOSSES_MAX = 32 };

struct bed {
    char folder[128];    /* made for this test, removed with its plain files */
    char output[160];    /* folder/out */
    char spec_path[160]; /* as the spec refers to it */
    struct vain_job job;
    struct vain_option_section sections[VAIN_JOB_SECTIONS];
    struct vain_spec spec;
    struct vain_problems problems;
    char *resolved;
    uint8_t hash[VAIN_HASH_BYTES];
    bool without_gradients; /* the spec says nothing of learning rate and warm-up */
};
/* Folder and corpus; false if the machine has no room. */
bool bed_open(struct bed *bed);
/* Read the bed's spec with `sets` (NULL-ended list of key=value) over it, replacing the one before.
 * `members` is the YAML of a members list or NULL. */
enum vain_status bed_spec(struct bed *bed, const char *const *sets, const char *members);
void bed_close(struct bed *bed);

/* What a test may do to a run from outside. */
struct bed_options {
    int ranks, threads;
    const char *resume;   /* NULL: "auto" */
    const char *output;   /* NULL: the bed's */
    int signal_rank;      /* this rank ... */
    int64_t signal_step;  /* ... is signalled when it has done so many steps in all; 0: never */
    int64_t signal_round; /* ... or so many rounds, before the evaluation after the last of them */
    const char *key_folder;
    int spoilt_rank; /* > 0: the first message of `spoilt_tag`, of at least `spoilt_bytes`, that
                        this rank receives has a wrong bit */
    uint32_t spoilt_tag;
    size_t spoilt_bytes;
    void *heard; /* not NULL: instead, the first spoilt_bytes of that message are copied here */
    struct vain_world *world[BED_RANKS_MAX]; /* NULL: the real one */
};
struct bed_outcome {
    enum vain_status status[BED_RANKS_MAX];
    char message[BED_RANKS_MAX][1024];
    struct vain_run_result result[BED_RANKS_MAX];
    double first_loss;             /* of rank 0's first step */
    int64_t first_step;            /* its number */
    double losses[BED_LOSSES_MAX]; /* of its first so many */
    int checkpoints;               /* that rank 0 told of ... */
    double bytes;                  /* ... and the smallest size that it told */
    int notices;                   /* of all ranks, in the order in which they came */
    char notice[BED_NOTICES_MAX][VAIN_EVENT_TEXT_BYTES];
};
/* How many of the notices hold `part`. */
int bed_count_notices(const struct bed_outcome *out, const char *part);
void bed_run(struct bed *bed, const struct bed_options *options, struct bed_outcome *out);
/* Remove what runs wrote, keep the corpus. */
void bed_clear_output(struct bed *bed);
