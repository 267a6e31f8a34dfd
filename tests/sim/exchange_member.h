/* A member of a simulated exchange: round after round through its calls, and what it has come to.
 */
#pragma once

#include "collectives/exchange.h"
#include "tests/sim/exchange_judge.h"
#include "tests/sim/sim.h"

/* What all members of a case share. */
struct exchange_plan {
    struct vain_sim *sim;
    struct judge *judge;
    struct vain_queue *queue;
    const char *const *names;
    int members, rounds, connections, field_bits;
    enum vain_algorithm algorithm;
    int64_t parameters, chunk_words, deadline_ms;
    size_t block_bytes;
    bool masked;
};

struct exchange_member {
    const struct exchange_plan *plan;
    int index, round;
    struct vain_comm comm;
    struct vain_codec codec;
    struct vain_exchange *exchange;
    enum vain_exchange_event_kind call; /* the one that is under way */
    bool hasty;                         /* it leaves as soon as it has failed or succeeded */
    bool ended;
    enum vain_status status; /* once ended */
    uint64_t ended_ns;       /* by the simulator's clock */
    char why[VAIN_MESSAGE_BYTES];
    /* (parameters), (word_count), (members * block_bytes); owned */
    float *delta, *residual, *mean;
    uint32_t *words;
    uint8_t *blocks;
    struct vain_mask *masks; /* (members) owned */
};
/* streams (members, connections): taken. */
enum vain_status exchange_member_open(const struct exchange_plan *plan, int index,
                                      struct vain_stream **streams,
                                      struct exchange_member *out) VAIN_MUST_USE;
void exchange_member_step(struct exchange_member *member);
/* Leaves: closes its streams, releases its memory. What it has come to stays. */
void exchange_member_close(struct exchange_member *member);
