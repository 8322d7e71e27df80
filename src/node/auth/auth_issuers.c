/* Key sets of foreign issuers: one thread fetches, everybody else reads what is there. */
#include "node/auth/auth_issuers.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "core/net/http_accept.h"

enum { EVENT_FETCHED, EVENT_FAILED, TICK_MS = 250 };

static const cairn_log_event events[] = {
    [EVENT_FETCHED] = {"auth.keys_fetched", CAIRN_LOG_INFO, 20, 60,
                       "The keys of a token issuer were fetched."},
    [EVENT_FAILED] = {"auth.keys_failed", CAIRN_LOG_WARNING, 20, 60,
                      "The keys of a token issuer could not be fetched."},
};
const cairn_log_table cairn_issuers_log_events = {events, sizeof events / sizeof events[0]};

typedef struct row {
    cairn_issuer issuer; /* fixed */
    cairn_jwk_set *set;
    uint64_t fetched_ns; /* when `set` was */
    uint64_t tried_ns;   /* 0: never */
    bool wanted;
} row;

/* `lock` guards the rows but their issuers, and `stopping`. */
struct cairn_issuers {
    cairn_clock clock;
    cairn_log *log;
    cairn_issuers_options options;
    pthread_t thread;
    bool is_running;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool stopping;
    size_t count;
    row *rows;
};

cairn_issuers_options cairn_issuers_defaults(void)
{
    return (cairn_issuers_options){.refresh_ms = 15 * 60 * 1000,
                                   .retry_ms = 30 * 1000,
                                   .stale_ms_max = 24 * 60 * 60 * 1000,
                                   .timeout_ms = 10 * 1000};
}

static uint64_t ns(uint32_t ms)
{
    return (uint64_t)ms * 1000000u;
}

/* --- fetching --- */

/* Whatever else lies on the issuer's host under that path is no set of keys of his (RFC 7517
 * section 8.5.2; most issuers say application/json). */
static bool is_key_set(const char *content_type)
{
    cairn_bytes rest = cairn_bytes_str(content_type);
    cairn_bytes type = cairn_http_cut(&rest, ';');
    return cairn_http_text_is(type, "application/jwk-set+json") ||
           cairn_http_text_is(type, "application/json");
}

static cairn_err fetch_http(cairn_arena *arena, const cairn_issuer *issuer, uint32_t timeout_ms,
                            cairn_bytes *ret_body)
{
    cairn_http_reply reply;
    const cairn_http_call call = {.method = CAIRN_HTTP_CLIENT_GET,
                                  .url = issuer->jwks_url,
                                  .timeout_ms = timeout_ms,
                                  .body_size_max = CAIRN_JWK_SET_SIZE_MAX,
                                  .ca_file = issuer->ca_file[0] == '\0' ? NULL : issuer->ca_file};
    CAIRN_TRY(cairn_http_client_call(arena, &call, &reply));
    if (reply.status != 200)
        return CAIRN_FAIL(CAIRN_ERR_UNREACHABLE, "house", "issuer: status %d", reply.status);
    if (!is_key_set(reply.content_type))
        return CAIRN_FAIL(CAIRN_ERR_MEDIA_TYPE, "RFC 7517 section 8.5.2",
                          "issuer: the answer is no JSON Web Key Set");
    *ret_body = reply.body;
    return CAIRN_OK;
}

static cairn_err fetch(const cairn_issuers *issuers, const cairn_issuer *issuer,
                       cairn_jwk_set **ret_set)
{
    CAIRN_CLEANUP(cairn_arena_done) cairn_arena arena;
    CAIRN_CLEANUP(cairn_jwk_set_free_p) cairn_jwk_set *set = NULL;
    const cairn_issuers_options *o = &issuers->options;
    cairn_bytes body = {0};
    cairn_arena_init(&arena, 2 * CAIRN_JWK_SET_SIZE_MAX);
    if (o->fetch != NULL)
        CAIRN_TRY(o->fetch(o->fetch_context, &arena, issuer, o->timeout_ms, &body));
    else
        CAIRN_TRY(fetch_http(&arena, issuer, o->timeout_ms, &body));
    CAIRN_TRY(cairn_jwk_set_parse(body, CAIRN_JWK_SET_FOREIGN, &set));
    if (cairn_jwk_set_count(set) == 0)
        return CAIRN_FAIL(CAIRN_ERR_BAD_KEY, "house", "issuer: no key that is of use");
    *ret_set = CAIRN_STEAL(set);
    return CAIRN_OK;
}

/* Under the lock. The first try and one that is due by age come by themselves. */
static bool is_due(const cairn_issuers *issuers, const row *r)
{
    uint64_t now = cairn_clock_monotonic_ns(&issuers->clock);
    if (r->tried_ns == 0)
        return true;
    if (now < r->tried_ns + ns(issuers->options.retry_ms))
        return false;
    return r->wanted || r->set == NULL || now >= r->fetched_ns + ns(issuers->options.refresh_ms);
}

static void log_result(const cairn_issuers *issuers, const row *r, cairn_err err, size_t count)
{
    if (err == CAIRN_OK)
        CAIRN_LOG(issuers->log, &events[EVENT_FETCHED], cairn_log_text("issuer", r->issuer.issuer),
                  cairn_log_u64("keys", count));
    else
        CAIRN_LOG(issuers->log, &events[EVENT_FAILED], cairn_log_text("issuer", r->issuer.issuer),
                  cairn_log_err(err));
}

/* Called and returns under the lock, which it leaves for the fetch. */
static void refresh(cairn_issuers *issuers, row *r)
{
    cairn_jwk_set *set = NULL;
    r->tried_ns = cairn_clock_monotonic_ns(&issuers->clock);
    r->wanted = false;
    (void)pthread_mutex_unlock(&issuers->lock);
    cairn_err err = fetch(issuers, &r->issuer, &set);
    log_result(issuers, r, err, err == CAIRN_OK ? cairn_jwk_set_count(set) : 0);
    (void)pthread_mutex_lock(&issuers->lock);
    if (err == CAIRN_OK) {
        cairn_jwk_set_free(r->set);
        r->set = set;
        r->fetched_ns = cairn_clock_monotonic_ns(&issuers->clock);
    }
}

/* Under the lock. */
static void wait_a_little(cairn_issuers *issuers)
{
    struct timespec until;
    (void)clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += TICK_MS * 1000000L;
    until.tv_sec += until.tv_nsec / 1000000000L;
    until.tv_nsec %= 1000000000L;
    (void)pthread_cond_timedwait(&issuers->changed, &issuers->lock, &until);
}

static void *serve(void *memory)
{
    cairn_issuers *issuers = memory;
    (void)pthread_mutex_lock(&issuers->lock);
    while (!issuers->stopping) {
        for (size_t i = 0; i < issuers->count && !issuers->stopping; i++)
            if (is_due(issuers, &issuers->rows[i]))
                refresh(issuers, &issuers->rows[i]);
        if (!issuers->stopping)
            wait_a_little(issuers);
    }
    (void)pthread_mutex_unlock(&issuers->lock);
    return NULL;
}

/* --- making --- */

void cairn_issuers_free(cairn_issuers *issuers)
{
    if (issuers == NULL)
        return;
    (void)pthread_mutex_lock(&issuers->lock);
    issuers->stopping = true;
    (void)pthread_cond_signal(&issuers->changed);
    (void)pthread_mutex_unlock(&issuers->lock);
    if (issuers->is_running)
        (void)pthread_join(issuers->thread, NULL);
    for (size_t i = 0; i < issuers->count; i++)
        cairn_jwk_set_free(issuers->rows[i].set);
    (void)pthread_cond_destroy(&issuers->changed);
    (void)pthread_mutex_destroy(&issuers->lock);
    free(issuers->rows);
    free(issuers);
}

static cairn_err start(cairn_issuers *issuers, const cairn_issuer *list, size_t count)
{
    issuers->rows = calloc(count + 1, sizeof *issuers->rows);
    if (issuers->rows == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "issuers: %zu", count);
    for (size_t i = 0; i < count; i++)
        issuers->rows[i].issuer = list[i];
    issuers->count = count;
    int errnum = pthread_create(&issuers->thread, NULL, serve, issuers);
    if (errnum != 0)
        return cairn_err_from_errno(errnum, "issuers: pthread_create");
    issuers->is_running = true;
    return CAIRN_OK;
}

cairn_err cairn_issuers_new(const cairn_clock *clock, cairn_log *log, const cairn_issuer *list,
                            size_t count, const cairn_issuers_options *options,
                            cairn_issuers **ret_issuers)
{
    if (count > CAIRN_ISSUERS_MAX)
        return CAIRN_FAIL(CAIRN_ERR_TOO_MANY, "house", "issuers: more than %d", CAIRN_ISSUERS_MAX);
    if (options->timeout_ms == 0 || options->retry_ms == 0)
        return CAIRN_FAIL(CAIRN_ERR_ARGUMENT, "house", "issuers: times out of range");
    cairn_issuers *made = calloc(1, sizeof *made);
    if (made == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "issuers");
    (void)pthread_mutex_init(&made->lock, NULL);
    (void)pthread_cond_init(&made->changed, NULL);
    CAIRN_CLEANUP(cairn_issuers_free_p) cairn_issuers *issuers = made;
    issuers->clock = *clock;
    issuers->log = log;
    issuers->options = *options;
    CAIRN_TRY(start(issuers, list, count));
    *ret_issuers = CAIRN_STEAL(issuers);
    return CAIRN_OK;
}

/* --- reading --- */

const cairn_issuer *cairn_issuers_find(const cairn_issuers *issuers, const char *iss)
{
    for (size_t i = 0; i < issuers->count; i++)
        if (strcmp(issuers->rows[i].issuer.issuer, iss) == 0)
            return &issuers->rows[i].issuer;
    return NULL;
}

static row *row_of(cairn_issuers *issuers, const cairn_issuer *issuer)
{
    for (size_t i = 0; i < issuers->count; i++)
        if (issuer == &issuers->rows[i].issuer)
            return &issuers->rows[i];
    return NULL;
}

cairn_jwk_set *cairn_issuers_keys(cairn_issuers *issuers, const cairn_issuer *issuer)
{
    cairn_jwk_set *set = NULL;
    row *r = row_of(issuers, issuer);
    CAIRN_ASSERT(r != NULL);
    uint64_t now = cairn_clock_monotonic_ns(&issuers->clock);
    (void)pthread_mutex_lock(&issuers->lock);
    if (r->set != NULL && now < r->fetched_ns + ns(issuers->options.stale_ms_max))
        set = cairn_jwk_set_ref(r->set);
    (void)pthread_mutex_unlock(&issuers->lock);
    return set;
}

void cairn_issuers_missed(cairn_issuers *issuers, const cairn_issuer *issuer)
{
    row *r = row_of(issuers, issuer);
    CAIRN_ASSERT(r != NULL);
    (void)pthread_mutex_lock(&issuers->lock);
    r->wanted = true;
    (void)pthread_cond_signal(&issuers->changed);
    (void)pthread_mutex_unlock(&issuers->lock);
}
