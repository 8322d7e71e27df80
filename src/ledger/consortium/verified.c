/* A table of places: a new hash takes the place of what lies there. */
#include "ledger/consortium/verified.h"

#include <pthread.h>
#include <stdlib.h>

struct cairn_verified {
    pthread_mutex_t lock; /* guards `places` */
    size_t count;
    cairn_hash places[];
};

cairn_err cairn_verified_new(size_t count, cairn_verified **ret_verified)
{
    CAIRN_ASSERT(count != 0 && (count & (count - 1)) == 0);
    cairn_verified *verified = calloc(1, sizeof *verified + count * sizeof verified->places[0]);
    if (verified == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "verified: %zu places", count);
    pthread_mutex_init(&verified->lock, NULL);
    verified->count = count;
    *ret_verified = verified;
    return CAIRN_OK;
}

void cairn_verified_free(cairn_verified *verified)
{
    if (verified == NULL)
        return;
    pthread_mutex_destroy(&verified->lock);
    free(verified);
}

static cairn_hash *place_of(cairn_verified *verified, const cairn_hash *bytes)
{
    return &verified->places[cairn_get_u64(bytes->b) & (verified->count - 1)];
}

void cairn_verified_add(cairn_verified *verified, const cairn_hash *bytes)
{
    pthread_mutex_lock(&verified->lock);
    *place_of(verified, bytes) = *bytes;
    pthread_mutex_unlock(&verified->lock);
}

bool cairn_verified_has(cairn_verified *verified, const cairn_hash *bytes)
{
    pthread_mutex_lock(&verified->lock);
    bool has = cairn_hash_equal(place_of(verified, bytes), bytes);
    pthread_mutex_unlock(&verified->lock);
    return has;
}
