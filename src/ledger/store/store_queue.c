/* The way of a transaction up to its ledger's queue, and its answer. */
#include <stdlib.h>

#include "ledger/store/store_deliver.h"
#include "ledger/store/store_impl.h"

void cairn_store_queue_push(submission_queue *queue, submission *s)
{
    s->next = NULL;
    if (queue->end == NULL)
        queue->end = &queue->head;
    *queue->end = s;
    queue->end = &s->next;
}

submission *cairn_store_queue_pop(submission_queue *queue)
{
    submission *s = queue->head;
    if (s == NULL)
        return NULL;
    queue->head = s->next;
    if (queue->head == NULL)
        queue->end = NULL;
    return s;
}

static void end_turn(cairn_store *store, store_ledger *ledger)
{
    ledger->next_unchecked = NULL;
    if (store->unchecked_end == NULL)
        store->unchecked_end = &store->unchecked_head;
    *store->unchecked_end = ledger;
    store->unchecked_end = &ledger->next_unchecked;
}

void cairn_store_unchecked_push(submission *s)
{
    store_ledger *ledger = s->ledger;
    bool waits = ledger->unchecked.head != NULL;
    cairn_store_queue_push(&ledger->unchecked, s);
    if (!waits)
        end_turn(ledger->store, ledger);
}

submission *cairn_store_unchecked_pop(cairn_store *store)
{
    store_ledger *ledger = store->unchecked_head;
    if (ledger == NULL)
        return NULL;
    store->unchecked_head = ledger->next_unchecked;
    if (store->unchecked_head == NULL)
        store->unchecked_end = NULL;
    submission *s = cairn_store_queue_pop(&ledger->unchecked);
    if (ledger->unchecked.head != NULL)
        end_turn(store, ledger);
    return s;
}

void cairn_store_answer(submission *s, cairn_err code, uint64_t height, uint64_t index)
{
    cairn_store *store = s->ledger->store;
    const cairn_verdict verdict = {
        .code = code, .id = s->input.tx.id, .height = height, .index = index};
    cairn_verdict_fn done = s->done;
    void *context = s->context;
    pthread_mutex_lock(&store->lock);
    cairn_store_waiting_remove(s);
    store->in_flight--;
    s->ledger->in_flight--;
    store->in_flight_size -= s->size;
    pthread_mutex_unlock(&store->lock);
    free(s);
    done(context, &verdict); /* last: it may submit again, and there is room now */
}

void cairn_store_queue_move(submission_queue *from, submission_queue *to)
{
    for (submission *s = cairn_store_queue_pop(from); s != NULL; s = cairn_store_queue_pop(from))
        cairn_store_queue_push(to, s);
}

void cairn_store_queue_answer(submission_queue *queue, cairn_err code)
{
    for (submission *s = cairn_store_queue_pop(queue); s != NULL; s = cairn_store_queue_pop(queue))
        cairn_store_answer(s, code, 0, 0);
}

/* The next block's. Of a driven ledger it may be far above the last one that changed anything. */
static uint64_t next_height(const store_ledger *ledger, const cairn_view *view)
{
    uint64_t delivered = atomic_load(&ledger->delivered_height);
    return (delivered > view->height ? delivered : view->height) + 1;
}

cairn_err cairn_store_check_input(const store_ledger *ledger, const cairn_tx_input *input,
                                  cairn_arena *arena)
{
    const cairn_store *store = ledger->store;
    cairn_err err = CAIRN_ERR_VIEW_EXPIRED;
    for (int tries = 0; err == CAIRN_ERR_VIEW_EXPIRED && tries < 16; tries++) {
        CAIRN_CLEANUP(cairn_view_free_p) cairn_view *view = cairn_ledger_view(ledger->ledger);
        store_bases bases;
        uint64_t now_ms = cairn_clock_wall_ms(&store->options.clock);
        if (now_ms < view->time_ms)
            now_ms = view->time_ms;
        cairn_arena_reset(arena);
        CAIRN_TRY(cairn_store_bases_open(ledger, &bases));
        err = cairn_ledger_check(ledger->ledger, view, &bases.bases, next_height(ledger, view),
                                 now_ms, input, arena);
        cairn_store_bases_close(&bases);
    }
    return err;
}

void cairn_store_check_one(cairn_store *store, submission *s, cairn_arena *arena)
{
    store_ledger *ledger = s->ledger;
    cairn_err err = cairn_store_writable(store);
    if (err == CAIRN_OK)
        err = cairn_store_check_input(ledger, &s->input, arena);
    if (err != CAIRN_OK) {
        cairn_store_answer(s, err, 0, 0);
        return;
    }
    s->input.verified = true;
    pthread_mutex_lock(&store->lock);
    cairn_store_queue_push(&ledger->ready, s);
    if (!ledger->listed) {
        ledger->listed = true;
        ledger->next_ready = store->ready;
        store->ready = ledger;
    }
    pthread_cond_signal(&store->wake);
    pthread_mutex_unlock(&store->lock);
}

static cairn_err make_submission(store_ledger *ledger, cairn_bytes tx, cairn_verdict_fn done,
                                 void *context, submission **ret_submission)
{
    cairn_tx decoded;
    CAIRN_TRY(cairn_tx_decode(tx, &decoded)); /* bounds the size before anything is kept */
    submission *s = malloc(sizeof *s + tx.size);
    if (s == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "submission");
    *s = (submission){.ledger = ledger, .done = done, .context = context, .size = tx.size};
    memcpy(s->raw, tx.data, tx.size);
    cairn_err err = cairn_tx_decode(cairn_bytes_of(s->raw, tx.size), &s->input.tx);
    CAIRN_ASSERT(err == CAIRN_OK);
    *ret_submission = s;
    return CAIRN_OK;
}

/* Under store->lock. A ledger may hold so many times what it leaves free: whoever floods the queue
 * always leaves room for another. */
static bool is_full(const store_ledger *ledger, size_t size)
{
    enum { SHARE = 8 };
    const cairn_store *store = ledger->store;
    size_t left = store->options.queue_max - store->in_flight;
    return left <= ledger->in_flight / SHARE ||
           size > store->options.queue_size_max - store->in_flight_size;
}

static cairn_err submit_to_driver(const store_ledger *ledger, cairn_bytes tx, cairn_verdict_fn done,
                                  void *context)
{
    const cairn_store_driver *driver = atomic_load(&ledger->driver);
    if (driver == NULL)
        return CAIRN_FAIL(CAIRN_ERR_READ_ONLY, "house",
                          "ledger: its blocks come from elsewhere, and it takes no transactions");
    return driver->submit(driver->context, tx, done, context);
}

static cairn_err submit(cairn_engine *engine, cairn_bytes tx, cairn_verdict_fn done, void *context)
{
    store_ledger *ledger = (store_ledger *)(void *)engine;
    cairn_store *store = ledger->store;
    submission *s = NULL;
    CAIRN_TRY(cairn_store_writable(store));
    if (atomic_load(&ledger->driven))
        return submit_to_driver(ledger, tx, done, context);
    CAIRN_TRY(make_submission(ledger, tx, done, context, &s));
    pthread_mutex_lock(&store->lock);
    bool full = is_full(ledger, s->size) || atomic_load(&ledger->driven);
    bool stopping = store->stopping;
    if (!full && !stopping) {
        cairn_store_waiting_add(s);
        store->in_flight++;
        ledger->in_flight++;
        store->in_flight_size += s->size;
        cairn_store_unchecked_push(s);
        pthread_cond_signal(&store->work);
    }
    pthread_mutex_unlock(&store->lock);
    if (!full && !stopping)
        return CAIRN_OK;
    free(s);
    if (stopping)
        return CAIRN_FAIL(CAIRN_ERR_CANCELLED, "house", "store: is closing");
    return CAIRN_FAIL(CAIRN_ERR_BUSY, "house", "store: too many transactions wait already");
}

/* --- submit and wait --- */

typedef struct waiter {
    pthread_mutex_t lock;
    pthread_cond_t done;
    bool answered;
    cairn_verdict verdict;
} waiter;

static void on_verdict(void *context, const cairn_verdict *verdict)
{
    waiter *w = context;
    pthread_mutex_lock(&w->lock);
    w->verdict = *verdict;
    w->answered = true;
    pthread_cond_signal(&w->done);
    pthread_mutex_unlock(&w->lock);
}

static void wait_for(store_ledger *ledger, waiter *w)
{
    cairn_store *store = ledger->store;
    if (store->options.threads == 0 && !atomic_load(&ledger->driven)) {
        bool worked = true;
        while (!w->answered && worked)
            if (cairn_store_step(store, &worked) != CAIRN_OK)
                continue; /* the verdict says so */
        CAIRN_ASSERT(w->answered);
        return;
    }
    pthread_mutex_lock(&w->lock);
    while (!w->answered)
        pthread_cond_wait(&w->done, &w->lock);
    pthread_mutex_unlock(&w->lock);
}

static cairn_err submit_and_wait(cairn_engine *engine, cairn_bytes tx, cairn_verdict *ret_verdict)
{
    store_ledger *ledger = (store_ledger *)(void *)engine;
    waiter w = {.answered = false};
    pthread_mutex_init(&w.lock, NULL);
    pthread_cond_init(&w.done, NULL);
    cairn_err err = submit(engine, tx, on_verdict, &w);
    if (err == CAIRN_OK) {
        wait_for(ledger, &w);
        *ret_verdict = w.verdict;
        err = w.verdict.code;
    }
    pthread_cond_destroy(&w.done);
    pthread_mutex_destroy(&w.lock);
    return err;
}

static bool has_decided(cairn_engine *engine, uint64_t valid_until_ms, const cairn_hash *id)
{
    return cairn_ledger_has_decided(((store_ledger *)(void *)engine)->ledger, valid_until_ms, id);
}

const cairn_engine_ops cairn_store_engine_ops = {
    .submit = submit,
    .wait = submit_and_wait,
    .view = cairn_store_read_view,
    .get = cairn_store_read_get,
    .prove = cairn_store_read_prove,
    .entry = cairn_store_read_entry,
    .read_tile = cairn_store_read_tile,
    .events = cairn_store_read_events,
    .subscribe = cairn_store_subscribe,
    .unsubscribe = cairn_store_unsubscribe,
    .status = cairn_store_read_status,
    .has_decided = has_decided,
    .prove_refusal = cairn_store_prove_refusal,
};
