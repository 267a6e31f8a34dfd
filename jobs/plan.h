/* What a spec means, before anything runs: whether its parts fit together, and what it will take.
 *
 * The option table checks a key alone; the plan checks keys against each other and prints the
 * arithmetic of what cannot be had together. `vain validate` and `vain run` ask it first, `vain
 * explain` prints its numbers. */
#pragma once

#include "jobs/options.h"
#include "jobs/spec/spec.h"

/* Add a problem for every pair of keys that does not fit, at the place of the key, and note which
 * keys are idle: before vain_spec_resolved_yaml. Local. */
void vain_plan_check(const struct vain_job *job, const struct vain_spec *spec,
                     struct vain_problems *problems);

/* The part of it that knows the genetic method. */
void vain_genetic_check(const struct vain_job *job, const struct vain_spec *spec,
                        struct vain_problems *problems);

/* Members on hosts of their own: how many must be there, and what it costs when one is lost. */
struct vain_plan_hosts {
    int members, start; /* of the spec's list; with whom a run begins */
    int quorum;         /* that a round needs to end, collectives/quorum.h */
    int spare;          /* that may be lost at once: members - quorum */
    bool burns;         /* who is lost in an exchange costs the others the round's local steps */
};
/* Of a spec with exchange.transport tls that vain_plan_check found fine. Local. */
struct vain_plan_hosts vain_plan_hosts_of(const struct vain_job *job, const struct vain_spec *spec);

enum { VAIN_PLAN_ITEMS_MAX = 16 };
struct vain_plan_item {
    const char *what; /* "parameters, gradients and moments" */
    int64_t bytes;
};
struct vain_plan {
    int members, ranks; /* members of the federation; ranks of one site */
    int64_t parameter_count, slice_count, symbols;
    int64_t steps, units; /* of a member over the whole run */
    const char *unit;     /* "tokens"; borrowed for ever */
    double flops_per_token;
    int item_count; /* memory of one rank */
    struct vain_plan_item items[VAIN_PLAN_ITEMS_MAX];
    int64_t memory_bytes;   /* their sum */
    int64_t together_bytes; /* all members as threads of one process: the program once, the rest
                               of each */
    int64_t round_bytes;    /* that a member puts on the wire a round */
    int value_bits;         /* signed bits of a value that leave headroom for the members' sum */
    int64_t checkpoint_bytes, member_file_bytes;
};
/* `data` for what the model takes from them, and their bytes; `threads` workers a rank;
 * `base_bytes` what the program itself holds before anything is planned (libraries, stacks), which
 * the caller measures. VAIN_ERR_INPUT if members leave no headroom. Local. */
enum vain_status vain_plan_make(const struct vain_job *job, int members, int ranks,
                                const struct vain_data *data, int64_t base_bytes,
                                struct vain_plan *out) VAIN_MUST_USE;
