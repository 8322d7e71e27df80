/* The threads that check passwords, their bounded queue, and the memory of what was right. */
#include <openssl/rand.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/crypto/hmac.h"
#include "core/crypto/openssl.h"
#include "core/crypto/password.h"
#include "core/crypto/secret.h"

enum { THREADS_MAX = 8, QUEUE_MAX = 1024, MEMORY_SLOTS = 1024 /* a power of two */ };

typedef struct job {
    bool may_match; /* there is such a user, and the password is whole */
    char phc[CAIRN_PHC_SIZE_MAX];
    cairn_password_done_fn done;
    void *context;
    size_t size;
    uint8_t password[CAIRN_PASSWORD_SIZE_MAX];
} job;

typedef struct memory_slot {
    cairn_hash tag;
    uint64_t until_ns; /* 0: empty */
} memory_slot;

/* `lock` guards the queue, `stopping` and the slots. */
struct cairn_password_pool {
    cairn_clock clock;
    cairn_password_pool_options options;
    cairn_secret key;                /* of the tags; this process's alone */
    char nobody[CAIRN_PHC_SIZE_MAX]; /* what an unknown user is checked against */
    pthread_t threads[THREADS_MAX];
    unsigned thread_count;
    pthread_mutex_t lock;
    pthread_cond_t queued;
    bool stopping;
    size_t first, count;
    job **jobs; /* a ring of options.queue_max */
    memory_slot slots[MEMORY_SLOTS];
};

cairn_password_pool_options cairn_password_pool_defaults(void)
{
    return (cairn_password_pool_options){
        .thread_count = 2, .queue_max = 64, .remember_ms = 60000, .cost = cairn_scrypt_defaults()};
}

static void job_free(job *j)
{
    cairn_wipe(j, sizeof *j);
    free(j);
}

/* --- what was right a moment ago --- */

/* The PHC string ends in NUL and holds none, so the two parts are told apart. */
static bool tag_of(const cairn_password_pool *pool, const job *j, cairn_hash *ret_tag)
{
    const cairn_bytes parts[] = {cairn_bytes_of(j->phc, strlen(j->phc) + 1),
                                 cairn_bytes_of(j->password, j->size)};
    return cairn_hmac_sha256(cairn_secret_view(&pool->key), parts, 2, ret_tag) == CAIRN_OK;
}

static memory_slot *slot_of(cairn_password_pool *pool, const cairn_hash *tag)
{
    return &pool->slots[cairn_get_u32(tag->b) % MEMORY_SLOTS];
}

static bool is_remembered(cairn_password_pool *pool, const job *j)
{
    cairn_hash tag;
    if (pool->options.remember_ms == 0 || !j->may_match || !tag_of(pool, j, &tag))
        return false;
    uint64_t now = cairn_clock_monotonic_ns(&pool->clock);
    (void)pthread_mutex_lock(&pool->lock);
    memory_slot *slot = slot_of(pool, &tag);
    bool found = slot->until_ns > now &&
                 cairn_secret_equal(cairn_bytes_hash(&slot->tag), cairn_bytes_hash(&tag));
    (void)pthread_mutex_unlock(&pool->lock);
    return found;
}

/* A newer one takes the place of an older one with the same slot. */
static void remember(cairn_password_pool *pool, const job *j)
{
    cairn_hash tag;
    if (pool->options.remember_ms == 0 || !tag_of(pool, j, &tag))
        return;
    uint64_t until =
        cairn_clock_monotonic_ns(&pool->clock) + (uint64_t)pool->options.remember_ms * 1000000u;
    (void)pthread_mutex_lock(&pool->lock);
    *slot_of(pool, &tag) = (memory_slot){.tag = tag, .until_ns = until};
    (void)pthread_mutex_unlock(&pool->lock);
}

/* --- the threads --- */

static void run_job(cairn_password_pool *pool, job *j)
{
    cairn_bytes password = cairn_bytes_of(j->password, j->size);
    cairn_err err = cairn_password_verify(j->phc, password);
    if (err == CAIRN_OK && !j->may_match)
        err = CAIRN_FAIL(CAIRN_ERR_MISMATCH, "house", "password: another one");
    if (err == CAIRN_OK)
        remember(pool, j);
    cairn_password_done_fn done = j->done;
    void *context = j->context;
    job_free(j);
    done(context, err);
}

/* Waits for the next job; NULL when the pool stops and nothing is left. */
static job *take_job(cairn_password_pool *pool)
{
    job *taken = NULL;
    (void)pthread_mutex_lock(&pool->lock);
    while (pool->count == 0 && !pool->stopping)
        (void)pthread_cond_wait(&pool->queued, &pool->lock);
    if (pool->count > 0) {
        taken = pool->jobs[pool->first];
        pool->first = (pool->first + 1) % pool->options.queue_max;
        pool->count--;
    }
    (void)pthread_mutex_unlock(&pool->lock);
    return taken;
}

static void *serve(void *memory)
{
    cairn_password_pool *pool = memory;
    for (job *j = take_job(pool); j != NULL; j = take_job(pool))
        run_job(pool, j);
    return NULL;
}

void cairn_password_pool_free(cairn_password_pool *pool)
{
    if (pool == NULL)
        return;
    (void)pthread_mutex_lock(&pool->lock);
    pool->stopping = true;
    (void)pthread_cond_broadcast(&pool->queued);
    (void)pthread_mutex_unlock(&pool->lock);
    for (unsigned i = 0; i < pool->thread_count; i++)
        (void)pthread_join(pool->threads[i], NULL);
    (void)pthread_cond_destroy(&pool->queued);
    (void)pthread_mutex_destroy(&pool->lock);
    free(pool->jobs);
    cairn_wipe(pool, sizeof *pool);
    free(pool);
}

static cairn_err check_options(const cairn_password_pool_options *o)
{
    if (o->thread_count < 1 || o->thread_count > THREADS_MAX || o->queue_max < 1 ||
        o->queue_max > QUEUE_MAX)
        return CAIRN_FAIL(CAIRN_ERR_ARGUMENT, "house", "password pool: options out of range");
    return CAIRN_OK;
}

static cairn_err start_threads(cairn_password_pool *pool)
{
    while (pool->thread_count < pool->options.thread_count) {
        int errnum = pthread_create(&pool->threads[pool->thread_count], NULL, serve, pool);
        if (errnum != 0)
            return cairn_err_from_errno(errnum, "password pool: pthread_create");
        pool->thread_count++;
    }
    return CAIRN_OK;
}

/* A string of that cost that no password fits: its hash is random. */
static cairn_err make_nobody(cairn_scrypt_params cost, char ret_phc[CAIRN_PHC_SIZE_MAX])
{
    uint8_t random[48];
    char salt[25], hash[45];
    if (RAND_bytes(random, sizeof random) != 1)
        return cairn_openssl_fail("random generator");
    cairn_base64_encode(cairn_bytes_of(random, 15), salt); /* multiples of 3: no padding */
    cairn_base64_encode(cairn_bytes_of(random + 15, 33), hash);
    int size = snprintf(ret_phc, CAIRN_PHC_SIZE_MAX, "$scrypt$ln=%u,r=%u,p=%u$%s$%s", cost.log_n,
                        cost.r, cost.p, salt, hash);
    CAIRN_ASSERT(size > 0 && size < CAIRN_PHC_SIZE_MAX);
    if (cairn_phc_check(ret_phc) != CAIRN_OK)
        return CAIRN_FAIL(CAIRN_ERR_ARGUMENT, "house", "password pool: cost out of range");
    return CAIRN_OK;
}

cairn_err cairn_password_pool_new(const cairn_clock *clock,
                                  const cairn_password_pool_options *options,
                                  cairn_password_pool **ret_pool)
{
    CAIRN_TRY(check_options(options));
    cairn_password_pool *pool = calloc(1, sizeof *pool);
    if (pool == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "password pool: %zu bytes", sizeof *pool);
    (void)pthread_mutex_init(&pool->lock, NULL);
    (void)pthread_cond_init(&pool->queued, NULL);
    CAIRN_CLEANUP(cairn_password_pool_free_p) cairn_password_pool *owned = pool;
    pool->clock = *clock;
    pool->options = *options;
    pool->jobs = calloc(options->queue_max, sizeof *pool->jobs);
    if (pool->jobs == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "password pool: queue");
    CAIRN_TRY(cairn_secret_random(&pool->key, 32));
    CAIRN_TRY(make_nobody(options->cost, pool->nobody));
    CAIRN_TRY(start_threads(pool));
    *ret_pool = CAIRN_STEAL(owned);
    return CAIRN_OK;
}

/* --- the callers --- */

static cairn_err enqueue(cairn_password_pool *pool, job *j)
{
    (void)pthread_mutex_lock(&pool->lock);
    bool full = pool->count == pool->options.queue_max;
    if (!full) {
        pool->jobs[(pool->first + pool->count) % pool->options.queue_max] = j;
        pool->count++;
        (void)pthread_cond_signal(&pool->queued);
    }
    (void)pthread_mutex_unlock(&pool->lock);
    if (full)
        return CAIRN_FAIL(CAIRN_ERR_BUSY, "house", "password: %u checks wait",
                          pool->options.queue_max);
    return CAIRN_OK;
}

cairn_err cairn_password_check(cairn_password_pool *pool, const char *phc, cairn_bytes password,
                               cairn_password_done_fn done, void *context)
{
    job *j = calloc(1, sizeof *j);
    if (j == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "password: %zu bytes", sizeof *j);
    if (phc == NULL || strlen(phc) >= sizeof j->phc)
        phc = pool->nobody;
    memcpy(j->phc, phc, strlen(phc) + 1);
    /* One that is too long is wrong, after the same work. */
    j->may_match = phc != pool->nobody && password.size <= sizeof j->password;
    j->size = password.size < sizeof j->password ? password.size : sizeof j->password;
    if (j->size != 0)
        memcpy(j->password, password.data, j->size);
    j->done = done;
    j->context = context;
    if (is_remembered(pool, j)) {
        job_free(j);
        done(context, CAIRN_OK);
        return CAIRN_OK;
    }
    cairn_err err = enqueue(pool, j);
    if (err != CAIRN_OK)
        job_free(j);
    return err;
}
