/* A world in one thread in which everything is a function of one seed: the clock, streams between
 * nodes, their storage, and what goes wrong with them.
 *
 * A node is a number and whatever its owner keeps for it. The owner is told when there may be
 * something to do for a node (a stream is ready, a timer is due) and steps it; a step takes no time
 * and never waits. Time jumps from event to event, so an hour of silence costs nothing. The
 * simulator knows nothing of what its nodes do: exchanges, letters and ledgers run in it alike,
 * with the streams of base/stream.h and the world of base/world.h.
 *
 * Two runs with one seed are the same, event by event: vain_sim_trace() is a hash of all that
 * happened. So an owner keeps to one thread, and to no clock, randomness or address of its own.
 * All calls are local and never block; pointers are borrowed unless said. */
#pragma once

#include "base/stream.h"
#include "base/world.h"
#include "tests/sim/faults.h"
#include "tests/sim/random.h"

enum { VAIN_SIM_US = 1000, VAIN_SIM_MS = 1000000 }; /* nanoseconds */
#define VAIN_SIM_S 1000000000ull

struct vain_sim;

struct vain_sim_owner {
    /* Something may move for the node. It looks at all its streams that are ready; one that it
     * leaves ready brings it back at once. */
    void (*step)(void *context, int node);
    /* The node is dead: release its memory and close its streams, which says nothing to anybody.
     * Its storage stays. */
    void (*crash)(void *context, int node);
    /* It begins anew, with its storage only. NULL: who is down stays down. */
    void (*start)(void *context, int node);
};
struct vain_sim_config {
    uint64_t seed;
    int nodes;
    struct vain_sim_faults faults;
    struct vain_sim_owner owner;
    void *context; /* given to the owner's calls */
};
/* All nodes are up. */
enum vain_status vain_sim_open(const struct vain_sim_config *config,
                               struct vain_sim **out) VAIN_MUST_USE;
/* After its nodes' streams were closed (asserted). Accepts NULL. */
void vain_sim_close(struct vain_sim **sim);

/* ---- time ------------------------------------------------------------------------------------ */

/* Since the start. The clocks of nodes are apart from it, and from each other. */
uint64_t vain_sim_now_ns(const struct vain_sim *sim);
/* The next event, if it is not later than `until_ns`. False: there is none; the time is `until_ns`
 * then, unless that is UINT64_MAX. */
bool vain_sim_turn(struct vain_sim *sim, uint64_t until_ns);
/* All of them. */
void vain_sim_run(struct vain_sim *sim, uint64_t until_ns);
/* Step the node soon. */
void vain_sim_wake(struct vain_sim *sim, int node);
/* Step the node at `at_ns` of its own clock; any number of them, gone when it crashes. */
void vain_sim_timer(struct vain_sim *sim, int node, uint64_t at_ns);
/* What the code on this node asks for clock, randomness and storage. */
struct vain_world *vain_sim_world(struct vain_sim *sim, int node);

/* The hash of all events, and of all bytes that were written, so far. */
uint64_t vain_sim_trace(const struct vain_sim *sim);
/* Adds something of the owner's to it. */
void vain_sim_note(struct vain_sim *sim, uint64_t value);

/* ---- streams --------------------------------------------------------------------------------- */

/* A stream between two nodes that are up; gives both ends, each of which belongs to its node.
 * VAIN_ERR_PEER while one is down or a direction between them is cut. */
enum vain_status vain_sim_connect(struct vain_sim *sim, int a, int b, struct vain_stream **at_a,
                                  struct vain_stream **at_b) VAIN_MUST_USE;
/* Whether the two have a stream that is neither broken nor closed at an end. */
bool vain_sim_are_joined(const struct vain_sim *sim, int a, int b);

/* ---- storage --------------------------------------------------------------------------------- */

/* What is not durable: as a library writes a file that is settled later. */
enum vain_status vain_sim_write(struct vain_sim *sim, int node, const char *path, const void *data,
                                size_t bytes) VAIN_MUST_USE;
/* The file as the node sees it; *data is borrowed until the next change of it.
 * VAIN_ERR_NOT_FOUND. */
enum vain_status vain_sim_read(struct vain_sim *sim, int node, const char *path,
                               const unsigned char **data, size_t *bytes) VAIN_MUST_USE;
/* Calls so far, in all its lives, after which something is durable. */
uint64_t vain_sim_durable_steps(const struct vain_sim *sim, int node);
/* The node crashes in the middle of the `step`-th of them (from 1): nobody learns how far it came.
 * 0: no more. */
void vain_sim_crash_at_durable(struct vain_sim *sim, int node, uint64_t step);

/* ---- faults by hand; those of the config come by chance ---------------------------------------
 */

bool vain_sim_is_up(const struct vain_sim *sim, int node);
/* In a step of the node itself: as soon as the step has ended, and nothing leaves it any more. */
void vain_sim_crash(struct vain_sim *sim, int node);
void vain_sim_restart(struct vain_sim *sim, int node);
/* Not stepped before this much time has passed. */
void vain_sim_stall(struct vain_sim *sim, int node, uint64_t for_ns);
/* Nothing that `from` sends arrives at `to` before it is healed; then all of it does. */
void vain_sim_cut(struct vain_sim *sim, int from, int to);
/* side (nodes): nothing gets from those with true to the others, nor back if `both_ways`. */
void vain_sim_partition(struct vain_sim *sim, const bool *side, bool both_ways);
void vain_sim_heal(struct vain_sim *sim);
/* All streams between the two break now. */
void vain_sim_break(struct vain_sim *sim, int a, int b);
/* No more faults by chance but late pieces: what is cut is healed; who is stalled or down comes
 * back when that was to be. */
void vain_sim_calm(struct vain_sim *sim);

/* What has happened. */
struct vain_sim_tally {
    uint64_t events, steps, bytes;
    uint32_t crashes, restarts, stalls, partitions;
    uint32_t silent;    /* of the crashes: no stream breaks for it */
    uint32_t breaks;    /* streams that broke, not by a crash */
    uint32_t lost_ends; /* that were closed before all had arrived, which was lost */
    uint32_t flips, storage_errors;
};
const struct vain_sim_tally *vain_sim_tally(const struct vain_sim *sim);
