/* The one source of chance of a simulation: splitmix64, so that a seed replays a trial bit by bit.
 * Source: Steele, Lea, Flood, "Fast splittable pseudorandom number generators" (2014). */
#ifndef CAIRN_SIM_PRNG_H
#define CAIRN_SIM_PRNG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef struct sim_rng {
    uint64_t state;
} sim_rng;

static inline uint64_t sim_rng_next(sim_rng *rng)
{
    uint64_t z = rng->state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

/* An independent stream for (seed, n). */
static inline sim_rng sim_rng_derive(uint64_t seed, uint64_t n)
{
    sim_rng rng = {seed ^ (n * UINT64_C(0xd1342543de82ef95) + 1)};
    rng.state = sim_rng_next(&rng);
    return rng;
}

/* Uniform in 0..bound-1; 0 for a bound of 0. The bias of the remainder does not matter here. */
static inline uint64_t sim_rng_below(sim_rng *rng, uint64_t bound)
{
    return bound == 0 ? 0 : sim_rng_next(rng) % bound;
}

static inline bool sim_rng_percent(sim_rng *rng, unsigned percent)
{
    return sim_rng_below(rng, 100) < percent;
}

static inline void sim_rng_fill(sim_rng *rng, uint8_t *out, size_t size)
{
    for (size_t i = 0; i < size; i += sizeof(uint64_t)) {
        uint64_t word = sim_rng_next(rng);
        memcpy(out + i, &word, size - i < sizeof word ? size - i : sizeof word);
    }
}

#endif
