/* The simulator's randomness: SplitMix64 (Steele, Lea, Flood 2014). Small, and seeded by anything.
 * Not base/philox.h, which the code under test uses: what is tested and what tests it stay apart.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct vain_sim_random {
    uint64_t state;
};

static inline uint64_t vain_sim_mix(uint64_t x)
{
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return x ^ x >> 31;
}

/* Streams of different names never meet, in practice. */
static inline struct vain_sim_random vain_sim_random_named(uint64_t seed, uint64_t name)
{
    return (struct vain_sim_random){
        vain_sim_mix(vain_sim_mix(seed + 0x9e3779b97f4a7c15u) + name * 0xd1b54a32d192ed03u)};
}

static inline uint64_t vain_sim_next(struct vain_sim_random *random)
{
    return vain_sim_mix(random->state += 0x9e3779b97f4a7c15u);
}

/* Below `bound`; 0 for a bound of 0. The bias is below bound / 2^32. */
static inline uint32_t vain_sim_draw(struct vain_sim_random *random, uint32_t bound)
{
    return (uint32_t)((vain_sim_next(random) >> 32) * bound >> 32);
}

/* 0 .. most, both included. */
static inline uint64_t vain_sim_up_to(struct vain_sim_random *random, uint64_t most)
{
    return most == UINT64_MAX ? vain_sim_next(random) : vain_sim_next(random) % (most + 1);
}

static inline bool vain_sim_chance(struct vain_sim_random *random, uint32_t rate_ppm)
{
    return rate_ppm > 0 && vain_sim_draw(random, 1000000) < rate_ppm;
}
