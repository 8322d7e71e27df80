/* Submissions on their way through the engine. */
#include "ledger/consortium/relay.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ledger/consortium/rpc.h"

static const char clause[] = "docs/features/consortium.md";

enum {
    CHAINS = 8192,              /* a power of two */
    SWEEP_MS = 100,             /* between two looks at what has waited too long */
    RETRY_MS = 200,             /* after the engine did not answer */
    BATCH_SIZE_MAX = 400 << 10, /* bytes of one call's transactions: 1,000,000 in base64 and JSON */
};

/* A client's transaction, from submit to verdict. */
typedef struct waiting {
    struct waiting *next;        /* in its chain */
    struct waiting *next_queued; /* to be sent */
    cairn_hash id;
    uint64_t valid_until_ms;
    uint64_t deadline_ns;
    cairn_verdict_fn done;
    void *context;
    cairn_verdict verdict; /* when it is taken out of its chain */
    size_t holders;        /* 1 while in a chain, 1 while queued or being sent */
    size_t size;
    uint8_t raw[];
} waiting;

struct cairn_relay {
    cairn_relay_options options;
    char *url;
    cairn_store_driver driver;
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t wake;  /* senders: something is queued, or stopping; CLOCK_MONOTONIC */
    waiting *chains[CHAINS];
    size_t count;
    waiting *queue;
    waiting **queue_end;
    uint64_t next_sweep_ns;
    bool stopping;
    pthread_t threads[CAIRN_RELAY_THREADS];
    size_t thread_count;
};

/* --- under the lock --- */

static waiting **chain_of(cairn_relay *relay, const cairn_hash *id)
{
    return &relay->chains[cairn_get_u64(id->b) & (CHAINS - 1)];
}

static void release(waiting *w)
{
    if (--w->holders == 0)
        free(w);
}

/* Takes one out of its chain, to be answered. */
static void take_out(cairn_relay *relay, waiting **at, waiting **answered, const cairn_verdict *v)
{
    waiting *w = *at;
    *at = w->next;
    relay->count--;
    w->verdict = *v;
    w->verdict.id = w->id;
    w->next = *answered;
    *answered = w;
}

/* Takes out all with this id. */
static waiting *take_all_of(cairn_relay *relay, const cairn_hash *id, const cairn_verdict *v)
{
    waiting *answered = NULL;
    for (waiting **at = chain_of(relay, id); *at != NULL;) {
        if (cairn_hash_equal(&(*at)->id, id))
            take_out(relay, at, &answered, v);
        else
            at = &(*at)->next;
    }
    return answered;
}

/* --- answers, without the lock --- */

static void answer(cairn_relay *relay, waiting *answered)
{
    while (answered != NULL) {
        waiting *w = answered;
        answered = w->next;
        w->done(w->context, &w->verdict);
        pthread_mutex_lock(&relay->lock);
        release(w);
        pthread_mutex_unlock(&relay->lock);
    }
}

static void decide(cairn_relay *relay, const cairn_hash *id, const cairn_verdict *v)
{
    pthread_mutex_lock(&relay->lock);
    waiting *answered = take_all_of(relay, id, v);
    pthread_mutex_unlock(&relay->lock);
    answer(relay, answered);
}

static void refuse(cairn_relay *relay, const cairn_hash *id, cairn_err code)
{
    const cairn_verdict verdict = {.code = code};
    decide(relay, id, &verdict);
}

/* Answers those that `is_over` picks. */
static void sweep(cairn_relay *relay, cairn_err code, uint64_t limit,
                  bool (*is_over)(const waiting *w, uint64_t limit))
{
    const cairn_verdict verdict = {.code = code};
    waiting *answered = NULL;
    pthread_mutex_lock(&relay->lock);
    for (size_t i = 0; relay->count != 0 && i < CHAINS; i++)
        for (waiting **at = &relay->chains[i]; *at != NULL;) {
            if (is_over(*at, limit))
                take_out(relay, at, &answered, &verdict);
            else
                at = &(*at)->next;
        }
    pthread_mutex_unlock(&relay->lock);
    answer(relay, answered);
}

static bool is_past_deadline(const waiting *w, uint64_t now_ns)
{
    return w->deadline_ns <= now_ns;
}

static bool is_past_validity(const waiting *w, uint64_t time_ms)
{
    return w->valid_until_ms <= time_ms;
}

static bool is_any(const waiting *w, uint64_t limit)
{
    (void)w;
    (void)limit;
    return true;
}

/* --- what the application tells --- */

static void on_checked(void *context, const cairn_hash *id, cairn_err code)
{
    if (code != CAIRN_OK)
        refuse(context, id, code);
}

static void on_committed(void *context, const cairn_committed *tx)
{
    const cairn_verdict verdict = {.code = tx->code,
                                   .height = tx->consumed ? tx->height : 0,
                                   .index = tx->code == CAIRN_OK ? tx->index : 0};
    decide(context, tx->id, &verdict);
}

/* No later block has an earlier time. */
static void on_block(void *context, uint64_t time_ms)
{
    sweep(context, CAIRN_ERR_TX_EXPIRED, time_ms, is_past_validity);
}

cairn_application_watch cairn_relay_watch(cairn_relay *relay)
{
    return (cairn_application_watch){
        .context = relay, .checked = on_checked, .committed = on_committed, .block = on_block};
}

/* --- sending --- */

/* Up to a call's worth of what is queued. Under the lock. */
static size_t take_queued(cairn_relay *relay, waiting *batch[CAIRN_RELAY_BATCH_MAX])
{
    size_t count = 0;
    size_t size = 0;
    while (relay->queue != NULL && count < CAIRN_RELAY_BATCH_MAX &&
           size + relay->queue->size <= BATCH_SIZE_MAX) {
        waiting *w = relay->queue;
        relay->queue = w->next_queued;
        if (relay->queue == NULL)
            relay->queue_end = &relay->queue;
        size += w->size;
        batch[count++] = w;
    }
    return count;
}

static void put_queued(cairn_relay *relay, waiting *w)
{
    w->next_queued = NULL;
    *relay->queue_end = w;
    relay->queue_end = &w->next_queued;
    pthread_cond_signal(&relay->wake);
}

/* Puts those back that somebody still waits for: the others have only the sender left. */
static void put_back(cairn_relay *relay, waiting *const *batch, size_t count)
{
    pthread_mutex_lock(&relay->lock);
    for (size_t i = 0; i < count; i++) {
        if (batch[i]->holders > 1 && !relay->stopping)
            put_queued(relay, batch[i]);
        else
            release(batch[i]);
    }
    pthread_mutex_unlock(&relay->lock);
}

/* False when the engine could not be asked. */
static bool send_batch(cairn_relay *relay, cairn_http_kept *kept, waiting *const *batch,
                       size_t count)
{
    cairn_bytes txs[CAIRN_RELAY_BATCH_MAX];
    cairn_err codes[CAIRN_RELAY_BATCH_MAX];
    cairn_arena arena;
    cairn_arena_init(&arena, 8 << 20);
    for (size_t i = 0; i < count; i++)
        txs[i] = cairn_bytes_of(batch[i]->raw, batch[i]->size);
    cairn_err err = cairn_rpc_broadcast(&arena, relay->url, kept, txs, count, codes);
    cairn_arena_done(&arena);
    if (err != CAIRN_OK) {
        put_back(relay, batch, count);
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (codes[i] != CAIRN_OK)
            refuse(relay, &batch[i]->id, codes[i]);
        pthread_mutex_lock(&relay->lock);
        release(batch[i]);
        pthread_mutex_unlock(&relay->lock);
    }
    return true;
}

static uint64_t now_ns(const cairn_relay *relay)
{
    return cairn_clock_monotonic_ns(&relay->options.clock);
}

/* A while, or until something is queued when it may be sent at once. Under the lock. */
static void wait_some(cairn_relay *relay, bool may_send)
{
    struct timespec until;
    int rc = 0;
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += (may_send ? SWEEP_MS : RETRY_MS) * 1000000L;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    while (rc == 0 && !relay->stopping && !(may_send && relay->queue != NULL))
        rc = pthread_cond_timedwait(&relay->wake, &relay->lock, &until);
}

static void look_at_deadlines(cairn_relay *relay)
{
    uint64_t now = now_ns(relay);
    pthread_mutex_lock(&relay->lock);
    bool due = now >= relay->next_sweep_ns;
    if (due)
        relay->next_sweep_ns = now + SWEEP_MS * UINT64_C(1000000);
    pthread_mutex_unlock(&relay->lock);
    if (due)
        sweep(relay, CAIRN_ERR_UNDECIDED, now, is_past_deadline);
}

static void *run_sender(void *context)
{
    cairn_relay *relay = context;
    bool reached = true;
    CAIRN_CLEANUP(cairn_http_kept_free_p) cairn_http_kept *kept = NULL;
    if (cairn_http_kept_new(&kept) != CAIRN_OK)
        cairn_err_clear(); /* each call has a connection of its own, then */
    pthread_mutex_lock(&relay->lock);
    while (!relay->stopping) {
        waiting *batch[CAIRN_RELAY_BATCH_MAX];
        wait_some(relay, reached);
        size_t count = relay->stopping ? 0 : take_queued(relay, batch);
        pthread_mutex_unlock(&relay->lock);
        reached = count == 0 || send_batch(relay, kept, batch, count);
        look_at_deadlines(relay);
        pthread_mutex_lock(&relay->lock);
    }
    pthread_mutex_unlock(&relay->lock);
    return NULL;
}

/* --- submitting --- */

static cairn_err make_waiting(const cairn_relay *relay, cairn_bytes tx, cairn_verdict_fn done,
                              void *context, waiting **ret_waiting)
{
    cairn_tx decoded;
    CAIRN_TRY(cairn_tx_decode(tx, &decoded));
    waiting *w = malloc(sizeof *w + tx.size);
    if (w == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "submission");
    *w = (waiting){.id = decoded.id,
                   .valid_until_ms = decoded.valid_until_ms,
                   .deadline_ns = now_ns(relay) + relay->options.timeout_ms * UINT64_C(1000000),
                   .done = done,
                   .context = context,
                   .holders = 2,
                   .size = tx.size};
    memcpy(w->raw, tx.data, tx.size);
    *ret_waiting = w;
    return CAIRN_OK;
}

static cairn_err enter(cairn_relay *relay, waiting *w)
{
    pthread_mutex_lock(&relay->lock);
    cairn_err err = CAIRN_OK;
    if (relay->stopping)
        err = CAIRN_FAIL(CAIRN_ERR_CANCELLED, clause, "relay: is closing");
    else if (relay->count >= relay->options.waiting_max)
        err = CAIRN_FAIL(CAIRN_ERR_BUSY, clause, "relay: too many transactions wait already");
    if (err == CAIRN_OK) {
        waiting **chain = chain_of(relay, &w->id);
        w->next = *chain;
        *chain = w;
        relay->count++;
        put_queued(relay, w);
    }
    pthread_mutex_unlock(&relay->lock);
    return err;
}

static cairn_err submit(void *context, cairn_bytes tx, cairn_verdict_fn done, void *done_context)
{
    cairn_relay *relay = context;
    waiting *w = NULL;
    CAIRN_TRY(make_waiting(relay, tx, done, done_context, &w));
    const cairn_hash id = w->id;
    const uint64_t valid_until_ms = w->valid_until_ms;
    cairn_err err = enter(relay, w);
    if (err != CAIRN_OK) {
        free(w);
        return err;
    }
    /* Only now: what is decided from here on finds it waiting. The engine forgets in silence what
     * it has seen before. */
    if (cairn_engine_has_decided(relay->options.engine, valid_until_ms, &id))
        refuse(relay, &id, CAIRN_ERR_TX_REPLAYED);
    return CAIRN_OK;
}

static bool is_pending(void *context, const cairn_hash *id)
{
    cairn_relay *relay = context;
    pthread_mutex_lock(&relay->lock);
    const waiting *w = *chain_of(relay, id);
    while (w != NULL && !cairn_hash_equal(&w->id, id))
        w = w->next;
    pthread_mutex_unlock(&relay->lock);
    return w != NULL;
}

/* --- life --- */

const cairn_store_driver *cairn_relay_driver(const cairn_relay *relay)
{
    return &relay->driver;
}

static void init(cairn_relay *relay, const cairn_relay_options *options)
{
    pthread_condattr_t monotonic;
    relay->options = *options;
    if (relay->options.timeout_ms == 0)
        relay->options.timeout_ms = CAIRN_RELAY_TIMEOUT_MS;
    if (relay->options.waiting_max == 0)
        relay->options.waiting_max = CAIRN_RELAY_WAITING_MAX;
    relay->queue_end = &relay->queue;
    relay->driver =
        (cairn_store_driver){.context = relay, .submit = submit, .is_pending = is_pending};
    pthread_mutex_init(&relay->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&relay->wake, &monotonic);
    pthread_condattr_destroy(&monotonic);
}

cairn_err cairn_relay_new(const cairn_relay_options *options, cairn_relay **ret_relay)
{
    char origin[CAIRN_HTTP_URL_SIZE_MAX + 1];
    CAIRN_TRY(cairn_http_client_origin(options->url, origin));
    CAIRN_CLEANUP(cairn_relay_free_p) cairn_relay *relay = calloc(1, sizeof *relay);
    if (relay == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "relay");
    init(relay, options);
    relay->url = strdup(options->url);
    if (relay->url == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "relay");
    while (relay->thread_count < CAIRN_RELAY_THREADS) {
        int rc = pthread_create(&relay->threads[relay->thread_count], NULL, run_sender, relay);
        if (rc != 0)
            return cairn_err_from_errno(rc, "relay: thread");
        relay->thread_count++;
    }
    *ret_relay = CAIRN_STEAL(relay);
    return CAIRN_OK;
}

void cairn_relay_free(cairn_relay *relay)
{
    if (relay == NULL)
        return;
    pthread_mutex_lock(&relay->lock);
    relay->stopping = true;
    pthread_cond_broadcast(&relay->wake);
    pthread_mutex_unlock(&relay->lock);
    while (relay->thread_count > 0)
        pthread_join(relay->threads[--relay->thread_count], NULL);
    sweep(relay, CAIRN_ERR_CANCELLED, 0, is_any);
    while (relay->queue != NULL) {
        waiting *w = relay->queue;
        relay->queue = w->next_queued;
        release(w);
    }
    pthread_cond_destroy(&relay->wake);
    pthread_mutex_destroy(&relay->lock);
    free(relay->url);
    free(relay);
}
