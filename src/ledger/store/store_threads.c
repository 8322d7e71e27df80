/* The store's threads: workers check signatures, one writer makes blocks, one checkpointer writes
 * the index. Shared data and its lock: store_impl.h. */
#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "ledger/store/store_impl.h"

static void *work(void *context)
{
    cairn_store *store = context;
    cairn_arena arena;
    cairn_arena_init(&arena, CHECK_ARENA_SIZE_MAX);
    pthread_mutex_lock(&store->lock);
    for (;;) {
        if (cairn_store_help_verify(store, &arena))
            continue;
        submission *s = cairn_store_unchecked_pop(store);
        if (s == NULL) {
            if (store->stopping)
                break;
            pthread_cond_wait(&store->work, &store->lock);
            continue;
        }
        store->checking++;
        pthread_mutex_unlock(&store->lock);
        cairn_store_check_one(store, s, &arena);
        pthread_mutex_lock(&store->lock);
        if (--store->checking == 0 && store->stopping)
            pthread_cond_signal(&store->wake);
    }
    pthread_mutex_unlock(&store->lock);
    cairn_arena_done(&arena);
    return NULL;
}

/* Waits until there is something to write. False when nothing will come any more. */
static bool wait_for_work(cairn_store *store, bool *ret_idle)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += (long)IDLE_SEAL_MS * 1000000;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    *ret_idle = false;
    bool go_on = true;
    pthread_mutex_lock(&store->lock);
    while (store->ready == NULL && store->done == NULL && !store->sync_due && !*ret_idle) {
        if (store->stopping && store->unchecked_head == NULL && store->checking == 0) {
            go_on = false;
            break;
        }
        *ret_idle = pthread_cond_timedwait(&store->wake, &store->lock, &until) == ETIMEDOUT;
    }
    store->sync_due = false;
    pthread_mutex_unlock(&store->lock);
    return go_on;
}

static uint64_t now_ns(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* Under the lock: has a ledger's time run ahead of the clock? A block is at least a millisecond
 * younger than the one before it, so more than a thousand a second would take it ever further, and
 * with it the end of what is valid. */
static bool is_early(const cairn_store *store)
{
    uint64_t now_ms = cairn_clock_wall_ms(&store->options.clock);
    for (const store_ledger *l = store->ready; l != NULL; l = l->next_ready)
        if (cairn_ledger_time_ms(l->ledger) > now_ms + LEAD_MAX_MS)
            return true;
    return false;
}

/* When many are on their way, lets them gather for a moment since the last block began: one sync
 * and one set of tree nodes then serve more of them. A lone submitter is not kept waiting, unless
 * his blocks would outrun the clock. */
static void gather(cairn_store *store, uint64_t *last_ns)
{
    pthread_mutex_lock(&store->lock);
    bool wait = !store->stopping && (store->in_flight >= GATHER_COUNT || is_early(store));
    pthread_mutex_unlock(&store->lock);
    uint64_t passed_ns = now_ns() - *last_ns;
    if (wait && passed_ns < GATHER_NS) {
        const struct timespec rest = {.tv_nsec = (long)(GATHER_NS - passed_ns)};
        (void)nanosleep(&rest, NULL);
    }
    *last_ns = now_ns();
}

static void *write_blocks(void *context)
{
    cairn_store *store = context;
    bool worked = false;
    bool idle = false;
    uint64_t last_ns = 0;
    while (worked || wait_for_work(store, &idle)) {
        gather(store, &last_ns);
        if (idle && cairn_store_seal(store) != CAIRN_OK)
            idle = false; /* the store is read-only now; its users are told at their next call */
        if (cairn_store_turn(store, &worked) != CAIRN_OK)
            worked = false;
    }
    return NULL;
}

/* Under the lock: a while until the next try. False when nobody will wait for it any more. */
static bool wait_for_room(cairn_store *store)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec++;
    int rc = 0;
    while (!store->stopping && rc != ETIMEDOUT)
        rc = pthread_cond_timedwait(&store->turn, &store->lock, &until);
    return !store->stopping;
}

static void *write_index(void *context)
{
    cairn_store *store = context;
    pthread_mutex_lock(&store->lock);
    for (;;) {
        checkpoint *cp = store->due;
        store->due = NULL;
        if (cp == NULL) {
            if (store->writer_ended)
                break;
            pthread_cond_wait(&store->turn, &store->lock);
            continue;
        }
        pthread_mutex_unlock(&store->lock);
        cairn_err err = cairn_store_index_write(store, cp);
        pthread_mutex_lock(&store->lock);
        if (err == CAIRN_OK)
            store->done = cp;
        else if (err == CAIRN_ERR_NO_SPACE)
            store->due = cp; /* the writer has no other until this one is written */
        else
            cairn_store_checkpoint_free(cp);
        pthread_cond_broadcast(&store->written);
        pthread_cond_signal(&store->wake);
        if (err == CAIRN_ERR_NO_SPACE && !wait_for_room(store))
            break;
    }
    pthread_mutex_unlock(&store->lock);
    return NULL;
}

static cairn_err start(cairn_store *store, void *(*run)(void *))
{
    int rc = pthread_create(&store->threads[store->thread_count], NULL, run, store);
    if (rc != 0)
        return cairn_err_from_errno(rc, "store: thread");
    store->thread_count++;
    return CAIRN_OK;
}

cairn_err cairn_store_threads_start(cairn_store *store)
{
    store->threads = calloc(store->options.threads + 2, sizeof store->threads[0]);
    if (store->threads == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "store: threads");
    CAIRN_TRY(start(store, write_index)); /* the first: it ends last */
    CAIRN_TRY(start(store, write_blocks));
    for (unsigned i = 0; i < store->options.threads; i++)
        CAIRN_TRY(start(store, work));
    return CAIRN_OK;
}

void cairn_store_threads_stop(cairn_store *store)
{
    pthread_mutex_lock(&store->lock);
    store->stopping = true;
    pthread_cond_broadcast(&store->work);
    pthread_cond_broadcast(&store->wake);
    pthread_cond_broadcast(&store->turn);
    pthread_mutex_unlock(&store->lock);
    while (store->thread_count > 1)
        pthread_join(store->threads[--store->thread_count], NULL);
    /* The writer's last turn may have handed over a checkpoint: it is written, not left behind. */
    pthread_mutex_lock(&store->lock);
    store->writer_ended = true;
    pthread_cond_broadcast(&store->turn);
    pthread_mutex_unlock(&store->lock);
    if (store->thread_count == 1)
        pthread_join(store->threads[0], NULL);
    free(store->threads);
    store->threads = NULL;
    store->thread_count = 0;
}
