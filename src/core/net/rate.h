/* How often a caller may ask: a token bucket each, in a table of fixed size.
 *
 * A caller is 32 bytes (cairn_principal_digest, or the digest of an address). The table never
 * grows: a new caller takes the place of the one in its set whose bucket is fullest, who loses
 * least. Source: house. */
#ifndef CAIRN_CORE_NET_RATE_H
#define CAIRN_CORE_NET_RATE_H

#include "cairn/bytes.h"
#include "core/clock.h"

typedef struct cairn_rate cairn_rate;

typedef struct cairn_rate_options {
    uint32_t per_second; /* requests, 1 to 1,000,000 */
    uint32_t burst;      /* requests at once after a pause, 1 to 1,000,000 */
    size_t callers_max;  /* buckets, rounded up to a power of two; at most 1,048,576 */
} cairn_rate_options;

/* `clock` is copied. ARGUMENT for an option out of its range, NO_MEMORY, CRYPTO (no random seed).
 */
cairn_err cairn_rate_new(const cairn_clock *clock, const cairn_rate_options *options,
                         cairn_rate **ret_rate) CAIRN_MUST_USE;
/* Takes NULL. */
void cairn_rate_free(cairn_rate *rate);
CAIRN_DEFINE_CLEANUP(cairn_rate, cairn_rate_free)

/* Takes `cost` tokens (1 to burst) of `caller`. RATE when they are not there: `ret_wait_ms` is then
 * written too, the time until they will be, at least 1. Any thread. */
cairn_err cairn_rate_take(cairn_rate *rate, const cairn_hash *caller, uint32_t cost,
                          uint64_t *ret_wait_ms) CAIRN_MUST_USE;

#endif
