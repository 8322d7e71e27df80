/* OpenSSL's source of random bytes, replaced by the trial's: a replay must be the same to the bit.
 * Calls from inside OpenSSL do not come here. */
#include <openssl/rand.h>

#include "sim/disk_state.h"

int RAND_bytes(unsigned char *out, int size)
{
    static sim_rng rng = {1};
    static const sim_life *seeded;
    if (sim_now != seeded) {
        seeded = sim_now;
        rng = sim_rng_derive(seeded == NULL ? 1 : seeded->seed, 2);
    }
    if (size < 0)
        return 0;
    sim_rng_fill(&rng, out, (size_t)size);
    return 1;
}
