/* A hash table by linear probing within a short window; what has ended makes room. */
#include "node/auth/oauth_replay.h"

#include <pthread.h>
#include <stdlib.h>

enum { WINDOW = 32 /* places that one digest may take */ };

typedef struct place {
    cairn_hash digest;
    uint64_t until_ms; /* 0: never used */
} place;

struct cairn_replay {
    pthread_mutex_t lock; /* guards the places */
    size_t count;         /* a power of two */
    place *places;
};

cairn_err cairn_replay_new(size_t count_max, cairn_replay **ret_replay)
{
    CAIRN_ASSERT(count_max >= WINDOW && (count_max & (count_max - 1)) == 0);
    cairn_replay *replay = calloc(1, sizeof *replay);
    place *places = calloc(count_max, sizeof *places);
    if (replay == NULL || places == NULL) {
        free(replay);
        free(places);
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "replay memory of %zu", count_max);
    }
    (void)pthread_mutex_init(&replay->lock, NULL);
    replay->count = count_max;
    replay->places = places;
    *ret_replay = replay;
    return CAIRN_OK;
}

void cairn_replay_free(cairn_replay *replay)
{
    if (replay == NULL)
        return;
    (void)pthread_mutex_destroy(&replay->lock);
    free(replay->places);
    free(replay);
}

/* Under the lock. The place of `digest`, or one that it may take: all of the window is looked at
 * first. NULL without room. */
static place *find(cairn_replay *replay, const cairn_hash *digest, uint64_t now_ms, bool *ret_known)
{
    place *room = NULL;
    size_t start = cairn_get_u32(digest->b);
    *ret_known = false;
    for (size_t i = 0; i < WINDOW; i++) {
        place *p = &replay->places[(start + i) & (replay->count - 1)];
        bool lives = p->until_ms >= now_ms && p->until_ms != 0;
        *ret_known = lives && cairn_hash_equal(&p->digest, digest);
        if (*ret_known)
            return p;
        if (!lives && room == NULL)
            room = p;
    }
    return room;
}

static cairn_err put(cairn_replay *replay, const cairn_hash *digest, uint64_t until_ms,
                     uint64_t now_ms, bool again)
{
    bool known = false;
    place *p = find(replay, digest, now_ms, &known);
    if (p == NULL)
        return CAIRN_FAIL(CAIRN_ERR_BUSY, "house", "assertions: too many live");
    if (known && !again)
        return CAIRN_FAIL(CAIRN_ERR_EXISTS, "RFC 7523 section 3", "assertion.jti: used before");
    if (!known || p->until_ms < until_ms)
        *p = (place){.digest = *digest, .until_ms = until_ms};
    return CAIRN_OK;
}

cairn_err cairn_replay_take(cairn_replay *replay, const cairn_hash *digest, uint64_t until_ms,
                            uint64_t now_ms)
{
    (void)pthread_mutex_lock(&replay->lock);
    cairn_err err = put(replay, digest, until_ms, now_ms, false);
    (void)pthread_mutex_unlock(&replay->lock);
    return err;
}

cairn_err cairn_replay_restore(cairn_replay *replay, const cairn_hash *digest, uint64_t until_ms,
                               uint64_t now_ms)
{
    (void)pthread_mutex_lock(&replay->lock);
    cairn_err err = put(replay, digest, until_ms, now_ms, true);
    (void)pthread_mutex_unlock(&replay->lock);
    return err;
}
