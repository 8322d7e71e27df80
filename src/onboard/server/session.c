/* The table of runs. */
#include "onboard/server/session.h"

#include <openssl/rand.h>
#include <pthread.h>
#include <stdlib.h>

#include "core/crypto/openssl.h"

enum { SHARD_COUNT = 16 };

/* Under its lock. Runs that are taken are in a bucket, but not in the list: they do not expire. */
typedef struct shard {
    pthread_mutex_t lock;
    size_t count;
    size_t bucket_count; /* a power of two */
    cairn_fdo_session **buckets;
    cairn_fdo_session *oldest, *newest;
} shard;

struct cairn_fdo_sessions {
    cairn_clock clock;
    size_t shard_max;
    uint64_t lifetime_ns;
    shard shards[SHARD_COUNT];
};

static shard *shard_of(cairn_fdo_sessions *sessions, const uint8_t *token)
{
    return &sessions->shards[token[0] % SHARD_COUNT];
}

static cairn_fdo_session **bucket_of(const shard *s, const uint8_t *token)
{
    return &s->buckets[cairn_get_u32(token + 4) & (s->bucket_count - 1)];
}

cairn_err cairn_fdo_sessions_new(const cairn_clock *clock, size_t count_max, uint32_t lifetime_ms,
                                 cairn_fdo_sessions **ret_sessions)
{
    CAIRN_CLEANUP(cairn_fdo_sessions_free_p)
    cairn_fdo_sessions *sessions = calloc(1, sizeof *sessions);
    if (sessions == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "table of sessions");
    sessions->clock = *clock;
    sessions->lifetime_ns = (uint64_t)lifetime_ms * 1000000;
    sessions->shard_max = (count_max + SHARD_COUNT - 1) / SHARD_COUNT;
    for (size_t i = 0; i < SHARD_COUNT; i++)
        (void)pthread_mutex_init(&sessions->shards[i].lock, NULL);
    for (size_t i = 0; i < SHARD_COUNT; i++) {
        shard *s = &sessions->shards[i];
        for (s->bucket_count = 1; s->bucket_count < sessions->shard_max;)
            s->bucket_count *= 2;
        s->buckets = calloc(s->bucket_count, sizeof(cairn_fdo_session *));
        if (s->buckets == NULL)
            return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "table of sessions");
    }
    *ret_sessions = CAIRN_STEAL(sessions);
    return CAIRN_OK;
}

/* --- under the shard's lock --- */

static void list_remove(shard *s, cairn_fdo_session *session)
{
    *(session->older != NULL ? &session->older->newer : &s->oldest) = session->newer;
    *(session->newer != NULL ? &session->newer->older : &s->newest) = session->older;
}

static void list_append(shard *s, cairn_fdo_session *session)
{
    session->older = s->newest;
    session->newer = NULL;
    *(s->newest != NULL ? &s->newest->newer : &s->oldest) = session;
    s->newest = session;
}

static void bucket_remove(shard *s, cairn_fdo_session *session)
{
    cairn_fdo_session **at = bucket_of(s, session->token);
    while (*at != session)
        at = &(*at)->next;
    *at = session->next;
    s->count--;
}

static void destroy(cairn_fdo_session *session)
{
    if (session->free_state != NULL)
        session->free_state(session->state);
    free(session);
}

/* At most a few at a time: whoever comes next does the rest. */
static void expire(shard *s, uint64_t now_ns, size_t most)
{
    for (; most > 0 && s->oldest != NULL && s->oldest->deadline_ns <= now_ns; most--) {
        cairn_fdo_session *session = s->oldest;
        list_remove(s, session);
        bucket_remove(s, session);
        destroy(session);
    }
}

static cairn_fdo_session *find(const shard *s, const uint8_t *token)
{
    cairn_fdo_session *session = *bucket_of(s, token);
    while (session != NULL && memcmp(session->token, token, CAIRN_FDO_TOKEN_SIZE) != 0)
        session = session->next;
    return session;
}

/* --- calls --- */

void cairn_fdo_sessions_free(cairn_fdo_sessions *sessions)
{
    if (sessions == NULL)
        return;
    for (size_t i = 0; i < SHARD_COUNT; i++) {
        shard *s = &sessions->shards[i];
        if (s->buckets != NULL)
            expire(s, UINT64_MAX, SIZE_MAX);
        CAIRN_ASSERT(s->count == 0);
        free(s->buckets);
        (void)pthread_mutex_destroy(&s->lock);
    }
    free(sessions);
}

static bool insert(cairn_fdo_sessions *sessions, cairn_fdo_session *session)
{
    enum { EXPIRE_MOST = 4 };
    shard *s = shard_of(sessions, session->token);
    (void)pthread_mutex_lock(&s->lock);
    expire(s, cairn_clock_monotonic_ns(&sessions->clock), EXPIRE_MOST);
    bool room = s->count < sessions->shard_max;
    if (room) {
        cairn_fdo_session **bucket = bucket_of(s, session->token);
        session->next = *bucket;
        *bucket = session;
        s->count++;
    }
    (void)pthread_mutex_unlock(&s->lock);
    return room;
}

cairn_err cairn_fdo_session_new(cairn_fdo_sessions *sessions, cairn_fdo_protocol protocol,
                                cairn_fdo_session **ret_session)
{
    enum { TRIES = 4 }; /* shards fill unevenly */
    cairn_fdo_session *session = calloc(1, sizeof *session);
    if (session == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "session");
    session->protocol = protocol;
    session->taken = true;
    for (int i = 0; i < TRIES; i++) {
        if (RAND_bytes(session->token, sizeof session->token) != 1) {
            free(session);
            return cairn_openssl_fail("token");
        }
        if (insert(sessions, session)) {
            *ret_session = session;
            return CAIRN_OK;
        }
    }
    free(session);
    return CAIRN_FAIL(CAIRN_ERR_BUSY, "house", "as many devices are served as may be at once");
}

cairn_err cairn_fdo_session_take(cairn_fdo_sessions *sessions, cairn_bytes token,
                                 cairn_fdo_session **ret_session)
{
    char text[CAIRN_FDO_TOKEN_TEXT_SIZE + 1] = {0};
    uint8_t raw[CAIRN_FDO_TOKEN_SIZE];
    cairn_fdo_session *session = NULL;
    if (token.size == CAIRN_FDO_TOKEN_TEXT_SIZE)
        memcpy(text, token.data, token.size);
    if (cairn_hex_decode(text, raw, sizeof raw) == CAIRN_OK) {
        shard *s = shard_of(sessions, raw);
        (void)pthread_mutex_lock(&s->lock);
        expire(s, cairn_clock_monotonic_ns(&sessions->clock), SIZE_MAX);
        session = find(s, raw);
        if (session != NULL && session->taken)
            session = NULL;
        if (session != NULL) {
            session->taken = true;
            list_remove(s, session);
        }
        (void)pthread_mutex_unlock(&s->lock);
    }
    if (session == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NOT_FOUND, "FDO 1.1, 4.3",
                          "token: of no run that is under way");
    *ret_session = session;
    return CAIRN_OK;
}

void cairn_fdo_session_give(cairn_fdo_sessions *sessions, cairn_fdo_session *session)
{
    shard *s = shard_of(sessions, session->token);
    (void)pthread_mutex_lock(&s->lock);
    session->taken = false;
    session->deadline_ns = cairn_clock_monotonic_ns(&sessions->clock) + sessions->lifetime_ns;
    list_append(s, session);
    (void)pthread_mutex_unlock(&s->lock);
}

void cairn_fdo_session_end(cairn_fdo_sessions *sessions, cairn_fdo_session *session)
{
    shard *s = shard_of(sessions, session->token);
    (void)pthread_mutex_lock(&s->lock);
    bucket_remove(s, session);
    (void)pthread_mutex_unlock(&s->lock);
    destroy(session);
}

size_t cairn_fdo_sessions_sweep(cairn_fdo_sessions *sessions)
{
    size_t count = 0;
    for (size_t i = 0; i < SHARD_COUNT; i++) {
        shard *s = &sessions->shards[i];
        (void)pthread_mutex_lock(&s->lock);
        expire(s, cairn_clock_monotonic_ns(&sessions->clock), SIZE_MAX);
        count += s->count;
        (void)pthread_mutex_unlock(&s->lock);
    }
    return count;
}
