/* Sets of eight buckets each; a caller's set follows from a keyed hash of his digest, so that
 * nobody chooses whom he meets there. Tokens are counted in thousandths, filled up when they are
 * asked for.
 */
#include "core/net/rate.h"

#include <openssl/rand.h>
#include <pthread.h>
#include <stdlib.h>

#include "cairn/sha256.h"
#include "core/crypto/openssl.h"

enum {
    WAYS = 8,
    SHARDS = 16, /* locks */
    OPTION_MAX = 1000000,
    CALLERS_MAX = 1 << 20,
    SEED_SIZE = 32
};

typedef struct bucket {
    cairn_hash caller;
    bool taken;
    uint64_t millitokens; /* at `at_ms` */
    uint64_t at_ms;
} bucket;

struct cairn_rate {
    cairn_clock clock;
    uint64_t per_second, burst; /* per second: also millitokens a millisecond */
    size_t set_count;           /* a power of two */
    uint8_t seed[SEED_SIZE];
    pthread_mutex_t locks[SHARDS]; /* each guards the sets whose number leaves its own */
    bucket buckets[];
};

static cairn_err check(const cairn_rate_options *options)
{
    if (options->per_second < 1 || options->per_second > OPTION_MAX || options->burst < 1 ||
        options->burst > OPTION_MAX || options->callers_max < 1 ||
        options->callers_max > CALLERS_MAX)
        return CAIRN_FAIL(CAIRN_ERR_ARGUMENT, "house", "rate: option out of range");
    return CAIRN_OK;
}

cairn_err cairn_rate_new(const cairn_clock *clock, const cairn_rate_options *options,
                         cairn_rate **ret_rate)
{
    CAIRN_TRY(check(options));
    size_t set_count = 1;
    while (set_count * WAYS < options->callers_max)
        set_count *= 2;
    cairn_rate *rate = calloc(1, sizeof *rate + set_count * WAYS * sizeof(bucket));
    if (rate == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "rate: table");
    if (RAND_bytes(rate->seed, SEED_SIZE) != 1) {
        free(rate);
        return cairn_openssl_fail("rate: seed");
    }
    rate->clock = *clock;
    rate->per_second = options->per_second;
    rate->burst = options->burst;
    rate->set_count = set_count;
    for (size_t i = 0; i < SHARDS; i++)
        CAIRN_ASSERT(pthread_mutex_init(&rate->locks[i], NULL) == 0);
    *ret_rate = rate;
    return CAIRN_OK;
}

void cairn_rate_free(cairn_rate *rate)
{
    if (rate == NULL)
        return;
    for (size_t i = 0; i < SHARDS; i++)
        CAIRN_ASSERT(pthread_mutex_destroy(&rate->locks[i]) == 0);
    free(rate);
}

static size_t set_of(const cairn_rate *rate, const cairn_hash *caller)
{
    const cairn_bytes parts[] = {cairn_bytes_of(rate->seed, SEED_SIZE), cairn_bytes_hash(caller)};
    cairn_hash hash;
    cairn_sha256_parts(parts, 2, &hash);
    return (size_t)cairn_get_u64(hash.b) & (rate->set_count - 1);
}

/* What a bucket holds now. It never asks for a time before its own. */
static uint64_t level(const cairn_rate *rate, const bucket *b, uint64_t now_ms)
{
    uint64_t full = rate->burst * 1000;
    uint64_t passed = now_ms > b->at_ms ? now_ms - b->at_ms : 0;
    uint64_t missing = full - b->millitokens;
    return passed >= missing / rate->per_second + 1 ? full
                                                    : b->millitokens + passed * rate->per_second;
}

/* The caller's bucket, or the one that he gets: a free one, else the fullest. */
static bucket *find(cairn_rate *rate, size_t set, const cairn_hash *caller, uint64_t now_ms)
{
    bucket *ways = &rate->buckets[set * WAYS];
    bucket *best = &ways[0];
    for (size_t i = 0; i < WAYS; i++) {
        bucket *b = &ways[i];
        if (b->taken && cairn_hash_equal(&b->caller, caller))
            return b;
        if (best->taken && (!b->taken || level(rate, b, now_ms) > level(rate, best, now_ms)))
            best = b;
    }
    *best = (bucket){
        .caller = *caller, .taken = true, .millitokens = rate->burst * 1000, .at_ms = now_ms};
    return best;
}

cairn_err cairn_rate_take(cairn_rate *rate, const cairn_hash *caller, uint32_t cost,
                          uint64_t *ret_wait_ms)
{
    CAIRN_ASSERT(cost >= 1 && cost <= rate->burst);
    uint64_t need = (uint64_t)cost * 1000;
    size_t set = set_of(rate, caller);
    pthread_mutex_t *lock = &rate->locks[set % SHARDS];
    CAIRN_ASSERT(pthread_mutex_lock(lock) == 0);
    uint64_t now_ms = cairn_clock_monotonic_ns(&rate->clock) / 1000000;
    bucket *b = find(rate, set, caller, now_ms);
    uint64_t held = level(rate, b, now_ms);
    bool enough = held >= need;
    b->millitokens = enough ? held - need : held;
    b->at_ms = now_ms;
    CAIRN_ASSERT(pthread_mutex_unlock(lock) == 0);
    if (enough)
        return CAIRN_OK;
    *ret_wait_ms = (need - held + rate->per_second - 1) / rate->per_second;
    return CAIRN_FAIL(CAIRN_ERR_RATE, "house", "rate: more than %llu requests a second",
                      (unsigned long long)rate->per_second);
}
