/* How bad the simulated world is: the rates of everything that can go wrong.
 *
 * A swarm (Groce et al., "Swarm testing", 2012) of worlds finds more than one world with all faults
 * at once, so each seed draws which kinds there are and how often. The ranges are those of
 * TigerBeetle's simulator where there is a counterpart: delays of 0 to 100 ms, clogs of 0 to 2 %,
 * failed writes of 0 to 10 %. A lost packet of a stream is a piece that comes late. */
#pragma once

#include <stdint.h>

struct vain_sim_faults {
    /* Every stream. */
    uint32_t latency_us;   /* each direction has its own, up to this */
    uint32_t jitter_us;    /* each piece comes later by up to this */
    uint32_t bytes_a_ms;   /* that a direction carries; 0: no limit */
    uint32_t window_bytes; /* of a direction: written and not read */
    uint32_t piece_bytes;  /* bytes arrive in pieces of up to this */
    uint32_t refuse_ppm;   /* a write takes nothing though there is room */
    uint32_t clog_ppm;     /* a piece is held up, and all behind it, */
    uint32_t clog_ms;      /* for up to this */
    uint32_t doom_ppm;     /* a stream breaks at a byte, */
    uint32_t doom_bytes;   /* up to this far into one of its directions */
    uint32_t lose_end_ppm; /* what had not arrived when an end was closed is lost */
    uint32_t flip_ppm;     /* a direction changes one bit. Streams are authenticated, so this
                              is for who tests what happens behind them; no swarm draws it */
    uint32_t flip_bytes;   /* up to this far into it */
    /* Every node. */
    uint32_t step_us; /* from the news to the step, up to this */
    /* By chance, about every so many ms; 0: never. */
    uint32_t crash_every_ms, stall_every_ms, partition_every_ms, break_every_ms;
    uint32_t down_ms;      /* a crashed node starts again after up to this; 0: never */
    uint32_t down_most;    /* nodes that are down at a time */
    uint32_t notice_ms;    /* its streams break at the peers after up to this, or never: */
    uint32_t silent_ppm;   /* of crashes, a host that is gone without a word */
    uint32_t stall_ms;     /* a node is not stepped, up to this */
    uint32_t partition_ms; /* up to this */
    uint32_t one_way_ppm;  /* of partitions: only one direction */
    uint32_t torn_ppm;     /* of partitions: the streams across break */
    /* Storage. */
    uint32_t storage_error_ppm; /* a call fails */
    uint32_t durable_crash_ppm; /* the node crashes in the middle of a call */
};

/* A perfect world: nothing is late, cut or lost. */
struct vain_sim_faults vain_sim_faults_none(void);
/* The world of a seed, everything possible in it (but flips). */
struct vain_sim_faults vain_sim_faults_draw(uint64_t seed);
/* Takes out what can make an honest program fail: what is left only delays. */
void vain_sim_faults_gentle(struct vain_sim_faults *faults);
