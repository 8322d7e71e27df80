/* One thread goes through all who wait, again and again, until each has its proof or no time left.
 */
#include "node/node_commits.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

enum {
    ARENA_SIZE_MAX = 256 << 20, /* of one proof's making */
    PAUSE_MS = 50,              /* before a header that is to come is asked for again */
};
#define MS_NS UINT64_C(1000000)

/* A block that the engine has told of: as it stands in a proof. */
typedef struct kept {
    uint64_t height;
    uint8_t *data;
    size_t size;
} kept;

struct cairn_commits {
    cairn_commits_setup setup;
    pthread_t thread;
    _Atomic bool stopping;
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t wake;
    cairn_commits_question *first, **last;
    size_t count;
    /* Of the thread alone. */
    cairn_arena arena;
    kept blocks[CAIRN_COMMITS_BLOCKS_MAX];
    size_t next_block;    /* to be forgotten */
    uint64_t deadline_ns; /* of the question that is being answered */
    uint64_t to_come;     /* the lowest height that is, in this pass */
    bool away;            /* the engine, in this pass */
};

/* --- blocks --- */

static uint64_t now_ns(const cairn_commits *c)
{
    return cairn_clock_monotonic_ns(&c->setup.clock);
}

static cairn_err recall(cairn_commits *c, uint64_t height, cairn_light_block *ret_block)
{
    for (size_t i = 0; i < CAIRN_COMMITS_BLOCKS_MAX; i++) {
        cairn_cbor_reader r;
        cairn_bytes copy;
        const kept *k = &c->blocks[i];
        if (k->data == NULL || k->height != height)
            continue;
        /* A proof may need more blocks than are kept. */
        CAIRN_TRY(cairn_arena_copy(&c->arena, cairn_bytes_of(k->data, k->size), &copy));
        CAIRN_TRY(cairn_cbor_open(&r, copy, CAIRN_CBOR_STRICT, "block", "house"));
        return cairn_light_block_read(&c->arena, &r, ret_block);
    }
    return CAIRN_ERR_NOT_FOUND;
}

/* In the place of the oldest; without memory for it the engine is asked again. */
static void keep(cairn_commits *c, const cairn_light_block *block)
{
    cairn_cbor_writer w;
    cairn_bytes encoded;
    cairn_cbor_writer_init(&w, NULL, 0);
    cairn_light_block_put(&w, block);
    size_t size = w.size;
    uint8_t *data = malloc(size);
    if (data == NULL)
        return;
    cairn_cbor_writer_init(&w, data, size);
    cairn_light_block_put(&w, block);
    CAIRN_ASSERT(cairn_cbor_writer_end(&w, &encoded) == CAIRN_OK);
    kept *k = &c->blocks[c->next_block];
    c->next_block = (c->next_block + 1) % CAIRN_COMMITS_BLOCKS_MAX;
    free(k->data);
    *k = (kept){.height = block->state.header.height, .data = data, .size = size};
}

/* Neither an engine that is away nor a header that is to come is asked for twice in a pass. */
static cairn_err fetch(cairn_commits *c, uint64_t height, cairn_light_block *ret_block)
{
    if (c->away)
        return CAIRN_FAIL(CAIRN_ERR_UNREACHABLE, "house", "engine: does not answer");
    if (height >= c->to_come)
        return CAIRN_FAIL(CAIRN_ERR_UNAVAILABLE, "house", "header %llu: is to come",
                          (unsigned long long)height);
    if (now_ns(c) >= c->deadline_ns)
        return CAIRN_FAIL(CAIRN_ERR_UNAVAILABLE, "house", "commit proof: takes too long");
    cairn_err err = c->setup.fetch(c->setup.context, &c->arena, height, &c->stopping, ret_block);
    c->away = err == CAIRN_ERR_UNREACHABLE;
    return err;
}

static cairn_err read_block(void *context, uint64_t height, cairn_light_block *ret_block)
{
    cairn_commits *c = context;
    cairn_err err = recall(c, height, ret_block);
    if (err != CAIRN_ERR_NOT_FOUND)
        return err;
    CAIRN_TRY(fetch(c, height, ret_block));
    keep(c, ret_block);
    return CAIRN_OK;
}

/* --- questions --- */

/* Verifiers have periods of their own; here it is enough that the way exists. */
static cairn_err prove(cairn_commits *c, const cairn_commits_question *q, cairn_bytes *ret_proof)
{
    const cairn_light_source source = {.read = read_block, .context = c};
    const cairn_light_rules rules = {
        .trusting_period_ms = CAIRN_LIGHT_PERIOD_MAX_MS,
        .clock_drift_ms = CAIRN_LIGHT_CLOCK_DRIFT_MS,
        .now = cairn_light_time_of_ms(cairn_clock_wall_ms(&c->setup.clock))};
    cairn_bytes proof;
    uint64_t needed = q->view->height + 1;
    c->deadline_ns = q->deadline_ns;
    cairn_arena_reset(&c->arena);
    cairn_err err = cairn_light_prove(&c->arena, c->setup.engine, q->view, &source, &rules, q->from,
                                      q->index, &proof);
    if (err == CAIRN_ERR_UNAVAILABLE && needed < c->to_come && q->from <= needed)
        c->to_come = needed;
    CAIRN_TRY(err);
    return cairn_arena_copy(q->arena, proof, ret_proof);
}

/* False when it is to be asked again. */
static bool answer(cairn_commits *c, cairn_commits_question *q)
{
    cairn_bytes proof = {NULL, 0};
    cairn_err err = prove(c, q, &proof);
    bool stopping = atomic_load(&c->stopping);
    if (err == CAIRN_ERR_UNAVAILABLE && !stopping && now_ns(c) < q->deadline_ns)
        return false;
    cairn_view_free(CAIRN_STEAL(q->view));
    q->done(q->context, err, proof);
    return true;
}

/* Waits for the next pass; false when it is time to end and nobody waits. Under the lock. */
static bool wait_for_pass(cairn_commits *c, bool again)
{
    struct timespec until;
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += PAUSE_MS * (long)MS_NS;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    if (again && !atomic_load(&c->stopping))
        (void)pthread_cond_timedwait(&c->wake, &c->lock, &until);
    while (c->first == NULL && !atomic_load(&c->stopping))
        (void)pthread_cond_wait(&c->wake, &c->lock);
    return c->first != NULL;
}

/* Under the lock, which it gives up meanwhile: one look at each who waits now. */
static bool make_pass(cairn_commits *c)
{
    cairn_commits_question *q = c->first;
    cairn_commits_question *left = NULL, **last = &left;
    size_t done = 0;
    c->first = NULL;
    c->last = &c->first;
    pthread_mutex_unlock(&c->lock);
    c->to_come = UINT64_MAX;
    c->away = false;
    while (q != NULL) {
        cairn_commits_question *next = q->next;
        q->next = NULL;
        if (answer(c, q)) {
            done++;
        } else {
            *last = q;
            last = &q->next;
        }
        q = next;
    }
    pthread_mutex_lock(&c->lock);
    c->count -= done;
    if (left == NULL)
        return false;
    *last = c->first; /* who came meanwhile is behind them */
    c->last = c->first == NULL ? last : c->last;
    c->first = left;
    return true;
}

static void *run(void *context)
{
    cairn_commits *c = context;
    bool again = false;
    pthread_mutex_lock(&c->lock);
    while (wait_for_pass(c, again))
        again = make_pass(c);
    pthread_mutex_unlock(&c->lock);
    return NULL;
}

cairn_err cairn_commits_ask(cairn_commits *commits, cairn_commits_question *question)
{
    cairn_err err = CAIRN_OK;
    question->deadline_ns = now_ns(commits) + CAIRN_COMMITS_WAIT_MS * MS_NS;
    question->next = NULL;
    pthread_mutex_lock(&commits->lock);
    if (commits->count == CAIRN_COMMITS_WAITING_MAX) {
        err = CAIRN_FAIL(CAIRN_ERR_BUSY, "house", "commit proofs: %d are being made",
                         CAIRN_COMMITS_WAITING_MAX);
    } else {
        commits->count++;
        *commits->last = question;
        commits->last = &question->next;
        pthread_cond_signal(&commits->wake);
    }
    pthread_mutex_unlock(&commits->lock);
    return err;
}

/* --- life --- */

cairn_err cairn_commits_new(const cairn_commits_setup *setup, cairn_commits **ret_commits)
{
    pthread_condattr_t attributes;
    cairn_commits *c = calloc(1, sizeof *c);
    if (c == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "node: commit proofs");
    c->setup = *setup;
    c->last = &c->first;
    cairn_arena_init(&c->arena, ARENA_SIZE_MAX);
    CAIRN_ASSERT(pthread_mutex_init(&c->lock, NULL) == 0);
    CAIRN_ASSERT(pthread_condattr_init(&attributes) == 0);
    CAIRN_ASSERT(pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) == 0);
    CAIRN_ASSERT(pthread_cond_init(&c->wake, &attributes) == 0);
    (void)pthread_condattr_destroy(&attributes);
    int failed = pthread_create(&c->thread, NULL, run, c);
    if (failed != 0) {
        free(c);
        return cairn_err_from_errno(failed, "node: thread");
    }
    *ret_commits = c;
    return CAIRN_OK;
}

void cairn_commits_free(cairn_commits *c)
{
    if (c == NULL)
        return;
    pthread_mutex_lock(&c->lock);
    atomic_store(&c->stopping, true);
    pthread_cond_signal(&c->wake);
    pthread_mutex_unlock(&c->lock);
    CAIRN_ASSERT(pthread_join(c->thread, NULL) == 0);
    for (size_t i = 0; i < CAIRN_COMMITS_BLOCKS_MAX; i++)
        free(c->blocks[i].data);
    cairn_arena_done(&c->arena);
    (void)pthread_cond_destroy(&c->wake);
    (void)pthread_mutex_destroy(&c->lock);
    free(c);
}
