/* Inside the simulator: what its parts share. */
#pragma once

#include "tests/sim/sim.h"

/* ---- events (queue.c) ------------------------------------------------------------------------ */

enum vain_sim_event_kind {
    VAIN_SIM_STEP,    /* node */
    VAIN_SIM_TIMER,   /* node */
    VAIN_SIM_ARRIVE,  /* pair: pieces on the way from end `node` */
    VAIN_SIM_BREAK,   /* pair */
    VAIN_SIM_RESTART, /* node */
    VAIN_SIM_CHANCE,  /* the next fault of kind `node` by chance */
    VAIN_SIM_HEAL
};
struct vain_sim_event {
    uint64_t at_ns, order; /* equal times in the order they were put */
    enum vain_sim_event_kind kind;
    int node;
    uint64_t life; /* of the node; one of another life is over */
    struct vain_sim_pair *pair;
};
/* A heap by (at_ns, order). */
struct vain_sim_queue {
    struct vain_sim_event *events; /* (room), owned */
    int64_t count, room;
    uint64_t orders;
};
void vain_sim_queue_put(struct vain_sim_queue *queue, struct vain_sim_event event);
/* The first one if it is not later than `until_ns`. */
bool vain_sim_queue_take(struct vain_sim_queue *queue, uint64_t until_ns,
                         struct vain_sim_event *out);

/* ---- streams (stream.c) ---------------------------------------------------------------------- */

struct vain_sim_piece {
    struct vain_sim_piece *next;
    uint64_t at_ns; /* when it arrives, if nothing is cut */
    size_t bytes, read;
    bool is_end; /* the writer has closed in order */
    unsigned char data[];
};
/* One direction of a pair. */
struct vain_sim_way {
    struct vain_sim_piece *first, *last; /* owned, in order */
    struct vain_sim_piece *coming;       /* the first that has not arrived */
    size_t held;                         /* bytes between writer and reader */
    uint64_t free_ns, last_ns;           /* the line is free; the last piece arrives */
    uint64_t latency_ns, written;
    uint64_t doom, flip; /* bytes until then; UINT64_MAX: never */
    bool full;           /* the writer waits for room */
    bool scheduled;      /* ARRIVE is in the queue */
    bool stuck;          /* it came while the way was cut */
};
struct vain_sim_end {
    struct vain_stream stream; /* what its owner holds */
    struct vain_sim_pair *pair;
    int side, node;
    bool open;                            /* not closed by its owner */
    bool dead;                            /* of a node that has crashed */
    bool over;                            /* its owner has read the end of it */
    struct vain_sim_end *next, *previous; /* of the node */
};
struct vain_sim_pair {
    struct vain_sim *sim;
    struct vain_sim_end ends[2];
    struct vain_sim_way ways[2]; /* from end 0, from end 1 */
    uint64_t id;
    bool broken;
    int events; /* in the queue */
    struct vain_sim_pair *next, *previous;
};
static inline bool vain_sim_pair_is_of(const struct vain_sim_pair *pair, int a, int b)
{
    const int first = pair->ends[0].node, second = pair->ends[1].node;
    return (first == a && second == b) || (first == b && second == a);
}
void vain_sim_pair_arrive(struct vain_sim_pair *pair, int from);
void vain_sim_pair_break(struct vain_sim_pair *pair);
/* Break it at `at_ns`. */
void vain_sim_pair_break_at(struct vain_sim_pair *pair, uint64_t at_ns);
/* Go on where something was stuck. */
void vain_sim_pair_resume(struct vain_sim_pair *pair);
/* An event of it was taken; releases it if nobody holds it any more. */
void vain_sim_pair_let_go(struct vain_sim_pair *pair);
void vain_sim_pair_free(struct vain_sim_pair *pair);

/* ---- storage (storage.c) --------------------------------------------------------------------- */

struct vain_sim_blob {
    unsigned char *data; /* owned */
    size_t bytes;
    bool there;
};
struct vain_sim_file {
    struct vain_sim_file *next;
    char *path;                        /* owned */
    struct vain_sim_blob now, durable; /* as the node sees it; as a crash at worst leaves it */
    bool dirty;                        /* they differ */
    bool whole;                        /* then one or the other, nothing between */
};
extern const struct vain_world_ops vain_sim_world_ops; /* world.c */
enum vain_status vain_sim_append(struct vain_world *world, const char *path, const void *data,
                                 size_t bytes);
enum vain_status vain_sim_replace(struct vain_world *world, const char *path, const void *data,
                                  size_t bytes, int mode);
enum vain_status vain_sim_settle(struct vain_world *world, const char *temporary, const char *path);
void vain_sim_files_crash(struct vain_sim *sim, int node);
void vain_sim_files_free(struct vain_sim *sim, int node);

/* ---- nodes and all (sim.c) ------------------------------------------------------------------- */

struct vain_sim_node {
    struct vain_sim *sim;
    struct vain_world world;
    struct vain_sim_random random;
    uint64_t clock_ns; /* its clock less the simulator's */
    uint64_t life, stalled_until_ns;
    bool up, stepping, dying;
    bool waking; /* STEP is in the queue */
    struct vain_sim_end *ends;
    struct vain_sim_file *files; /* owned */
    uint64_t durable_steps, crash_at;
};
enum vain_sim_chance {
    VAIN_SIM_CHANCE_CRASH,
    VAIN_SIM_CHANCE_STALL,
    VAIN_SIM_CHANCE_PARTITION,
    VAIN_SIM_CHANCE_BREAK,
    VAIN_SIM_CHANCES
};
struct vain_sim {
    struct vain_sim_config config;
    struct vain_sim_faults faults;
    struct vain_sim_queue queue;
    struct vain_sim_random random;
    struct vain_sim_node *nodes; /* (nodes) owned */
    bool *cut;                   /* (nodes, nodes) from, to; owned */
    bool *side;                  /* (nodes) scratch of a partition; owned */
    struct vain_sim_pair *pairs;
    uint64_t pair_ids, now_ns, trace;
    int down;
    struct vain_sim_tally tally;
};
/* Whether code of this node runs that may still act. */
static inline bool vain_sim_acts(const struct vain_sim_node *node)
{
    return node->up && !node->dying;
}
void vain_sim_put(struct vain_sim *sim, uint64_t at_ns, enum vain_sim_event_kind kind, int node,
                  struct vain_sim_pair *pair);
void vain_sim_trace_bytes(struct vain_sim *sim, const void *data, size_t bytes);

/* ---- faults by chance (faults.c) ------------------------------------------------------------- */

void vain_sim_chance_start(struct vain_sim *sim);
void vain_sim_chance_happen(struct vain_sim *sim, enum vain_sim_chance kind);
