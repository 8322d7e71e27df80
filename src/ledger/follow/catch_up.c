/* The way up: one thread fetches and checks that what it got is the log of the held checkpoint,
 * others verify signatures, the caller's verifies too where it would wait, and applies. */
#include <stdio.h>
#include <stdlib.h>

#include "core/limits.h"
#include "ledger/follow/follow_impl.h"

enum {
    LOTS_MAX = 3,    /* fetched and not yet applied */
    CHUNK = 64,      /* transactions that a thread verifies at a time */
    FEW = 4 * CHUNK, /* for which no other thread is started */
    LOT_ARENA_SIZE_MAX = 512 << 20,
    VERIFY_ARENA_SIZE_MAX = 4 << 20,
    HELPERS_MAX = 64,
};

/* A transaction of a lot, and what was decoded of it. */
typedef struct lot_tx {
    cairn_delivery_tx *tx;
    const cairn_tx *decoded;
} lot_tx;

/* A batch on its way. */
typedef struct lot {
    struct lot *next;
    cairn_arena arena; /* of all of it */
    cairn_follow_batch batch;
    lot_tx *txs;
    size_t taken;    /* lock: by who verifies */
    size_t verified; /* lock */
} lot;

typedef struct catching {
    cairn_follow *follow;
    const cairn_source *source;
    cairn_follow_head head;
    cairn_follow_place place; /* the fetcher's: behind what was fetched */
    pthread_mutex_t lock;     /* guards what follows */
    pthread_cond_t changed;
    lot *first;
    lot **end;
    size_t lot_count;
    bool fetched; /* no more will come */
    bool given_up;
    cairn_err err; /* of fetching */
    char detail[256];
    pthread_t fetcher;
    pthread_t helpers[HELPERS_MAX];
    size_t helper_count;
} catching;

/* --- fetch --- */

static void free_lot(lot *l)
{
    if (l == NULL)
        return;
    cairn_arena_done(&l->arena);
    free(l);
}

static cairn_err list_txs(lot *l)
{
    void *memory = NULL;
    CAIRN_TRY(cairn_arena_array(&l->arena, l->batch.tx_count, sizeof(lot_tx), &memory));
    l->txs = memory;
    size_t at = 0;
    for (size_t i = 0; i < l->batch.block_count; i++) {
        const cairn_follow_block *block = &l->batch.blocks[i];
        for (size_t k = 0; k < block->record.transaction_count; k++)
            l->txs[at++] = (lot_tx){.tx = &block->txs[k], .decoded = &block->decoded[k]};
    }
    return CAIRN_OK;
}

static cairn_err fill_lot(catching *c, lot *l)
{
    cairn_bytes sequence;
    const cairn_source *source = c->source;
    CAIRN_TRY(source->records(source->context, &l->arena, c->place.height + 1, &sequence));
    CAIRN_TRY(cairn_follow_read(&l->arena, sequence, &c->place, c->head.size, &l->batch));
    CAIRN_CLEANUP(cairn_arena_done) cairn_arena scratch;
    cairn_arena_init(&scratch, CAIRN_SOURCE_ARENA_SIZE_MAX);
    cairn_source_tiles tiles = {.source = source, .arena = &scratch};
    const cairn_merkle_source merkle = cairn_source_merkle(&tiles);
    CAIRN_TRY(cairn_follow_head_covers(&c->head, &l->batch.after.frontier, &merkle));
    return list_txs(l);
}

static cairn_err fetch_lot(catching *c, lot **ret_lot)
{
    lot *l = calloc(1, sizeof *l);
    if (l == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "follow: lot");
    cairn_arena_init(&l->arena, LOT_ARENA_SIZE_MAX);
    cairn_err err = fill_lot(c, l);
    if (err != CAIRN_OK) {
        free_lot(l);
        return err;
    }
    c->place = l->batch.after;
    *ret_lot = l;
    return CAIRN_OK;
}

/* Waits until there is room for another; false when none is wanted. */
static bool wait_for_room(catching *c)
{
    pthread_mutex_lock(&c->lock);
    while (c->lot_count == LOTS_MAX && !c->given_up)
        pthread_cond_wait(&c->changed, &c->lock);
    bool go_on = !c->given_up && !cairn_follow_is_stopping(c->follow);
    pthread_mutex_unlock(&c->lock);
    return go_on;
}

static void hand_over(catching *c, lot *l)
{
    pthread_mutex_lock(&c->lock);
    *c->end = l;
    c->end = &l->next;
    c->lot_count++;
    pthread_cond_broadcast(&c->changed);
    pthread_mutex_unlock(&c->lock);
}

static void *fetch(void *context)
{
    catching *c = context;
    cairn_err err = CAIRN_OK;
    while (err == CAIRN_OK && c->place.frontier.size < c->head.size && wait_for_room(c)) {
        lot *l = NULL;
        err = fetch_lot(c, &l);
        if (err == CAIRN_OK)
            hand_over(c, l);
    }
    pthread_mutex_lock(&c->lock);
    c->err = err;
    if (err != CAIRN_OK)
        (void)snprintf(c->detail, sizeof c->detail, "%s", cairn_err_detail());
    c->fetched = true;
    pthread_cond_broadcast(&c->changed);
    pthread_mutex_unlock(&c->lock);
    return NULL;
}

/* --- verify --- */

/* Under the lock: the oldest lot that has a transaction which nobody took. */
static lot *unverified(catching *c)
{
    lot *l = c->first;
    while (l != NULL && l->taken == l->batch.tx_count)
        l = l->next;
    return l;
}

/* Under the lock, which it gives up meanwhile. */
static void verify_chunk(catching *c, lot *l, cairn_arena *arena)
{
    size_t from = l->taken;
    size_t left = l->batch.tx_count - from;
    size_t count = left < CHUNK ? left : CHUNK;
    l->taken += count;
    pthread_mutex_unlock(&c->lock);
    for (size_t i = from; i < from + count; i++)
        cairn_follow_verify(c->follow, l->txs[i].decoded, arena, l->txs[i].tx);
    pthread_mutex_lock(&c->lock);
    l->verified += count;
    if (l->verified == l->batch.tx_count)
        pthread_cond_broadcast(&c->changed);
}

static void *help(void *context)
{
    catching *c = context;
    cairn_arena arena;
    cairn_arena_init(&arena, VERIFY_ARENA_SIZE_MAX);
    pthread_mutex_lock(&c->lock);
    while (!c->given_up) {
        lot *l = unverified(c);
        if (l != NULL)
            verify_chunk(c, l, &arena);
        else if (c->fetched)
            break;
        else
            pthread_cond_wait(&c->changed, &c->lock);
    }
    pthread_mutex_unlock(&c->lock);
    cairn_arena_done(&arena);
    return NULL;
}

/* Under the lock. Where there is much to do, others take part. */
static void call_helpers(catching *c, const lot *l)
{
    size_t wanted = c->follow->setup.threads < HELPERS_MAX ? c->follow->setup.threads : HELPERS_MAX;
    if (l->batch.tx_count < FEW && c->fetched)
        return;
    while (c->helper_count < wanted &&
           pthread_create(&c->helpers[c->helper_count], NULL, help, c) == 0)
        c->helper_count++;
}

/* The first lot, verified; NULL when there is none any more. */
static lot *take_lot(catching *c, cairn_arena *arena)
{
    pthread_mutex_lock(&c->lock);
    for (;;) {
        lot *l = c->first;
        if (l == NULL && c->fetched)
            break;
        if (l != NULL)
            call_helpers(c, l);
        if (l != NULL && l->verified == l->batch.tx_count) {
            c->first = l->next;
            if (c->first == NULL)
                c->end = &c->first;
            c->lot_count--;
            pthread_cond_broadcast(&c->changed);
            pthread_mutex_unlock(&c->lock);
            return l;
        }
        if (l != NULL && l->taken < l->batch.tx_count)
            verify_chunk(c, l, arena);
        else
            pthread_cond_wait(&c->changed, &c->lock);
    }
    pthread_mutex_unlock(&c->lock);
    return NULL;
}

/* --- apply --- */

/* The log that was signed holds a block that its own transactions do not give. */
static cairn_err keep_block(const catching *c, const cairn_follow_block *block, const char *detail)
{
    CAIRN_CLEANUP(cairn_view_free_p) cairn_view *view = cairn_engine_view(c->follow->engine);
    const cairn_follow_head here = {.size = view->log_size, .root = view->log_root};
    const cairn_follow_evidence evidence = {.kind = "block",
                                            .ledger = c->follow->setup.ledger,
                                            .source = c->source->name,
                                            .held = &here,
                                            .shown = &c->head,
                                            .record = block->record.encoded,
                                            .detail = detail};
    return cairn_follow_close(c->follow, &evidence);
}

static cairn_err apply_block(const catching *c, const cairn_follow_block *block)
{
    CAIRN_CLEANUP(cairn_delivery_free_p) cairn_delivery *delivery = NULL;
    const cairn_block_record *record = &block->record;
    cairn_err err = cairn_store_deliver(c->follow->engine, record->height, record->time_ms,
                                        block->txs, record->transaction_count, &delivery);
    if (err == CAIRN_ERR_ARGUMENT)
        return keep_block(c, block, cairn_err_detail());
    CAIRN_TRY(err);
    CAIRN_TRY(cairn_follow_check_refused(block, delivery));
    const cairn_block *made = cairn_delivery_block(delivery);
    const char *other = cairn_follow_difference(made, &record->entry);
    if (other == NULL)
        return cairn_store_adopt(delivery);
    cairn_delivery_free(CAIRN_STEAL(delivery));
    CAIRN_TRY(cairn_follow_blame(c->follow->engine, block));
    return keep_block(c, block, other);
}

/* The lot leads to the head: now that is worth holding, and no block is here without it. */
static cairn_err apply_lot(const catching *c, const lot *l)
{
    cairn_follow *follow = c->follow;
    if (follow->held.size != c->head.size || !cairn_hash_equal(&follow->held.root, &c->head.root))
        CAIRN_TRY(cairn_follow_hold(follow, &c->head));
    for (size_t i = 0; i < l->batch.block_count; i++)
        CAIRN_TRY(apply_block(c, &l->batch.blocks[i]));
    return cairn_store_sync(c->follow->setup.store);
}

static cairn_err apply_all(catching *c)
{
    cairn_err err = CAIRN_OK;
    CAIRN_CLEANUP(cairn_arena_done) cairn_arena arena;
    cairn_arena_init(&arena, VERIFY_ARENA_SIZE_MAX);
    for (lot *l = take_lot(c, &arena); l != NULL; l = take_lot(c, &arena)) {
        err = apply_lot(c, l);
        free_lot(l);
        if (err != CAIRN_OK)
            break;
    }
    return err;
}

/* --- all of it --- */

static void init(catching *c, cairn_follow *follow, const cairn_follow_head *head,
                 const cairn_source *source)
{
    CAIRN_CLEANUP(cairn_view_free_p) cairn_view *view = cairn_engine_view(follow->engine);
    *c = (catching){.follow = follow, .source = source, .head = *head, .end = &c->first};
    c->place.height = view->height;
    pthread_mutex_init(&c->lock, NULL);
    pthread_cond_init(&c->changed, NULL);
}

static void give_up(catching *c)
{
    pthread_mutex_lock(&c->lock);
    c->given_up = true;
    pthread_cond_broadcast(&c->changed);
    pthread_mutex_unlock(&c->lock);
}

static void done(catching *c)
{
    while (c->first != NULL) {
        lot *l = c->first;
        c->first = l->next;
        free_lot(l);
    }
    pthread_cond_destroy(&c->changed);
    pthread_mutex_destroy(&c->lock);
}

/* The fetcher's error, told on this thread. */
static cairn_err fetch_error(const catching *c, bool *ret_lied)
{
    if (c->err == CAIRN_OK)
        return cairn_follow_is_stopping(c->follow)
                   ? CAIRN_FAIL(CAIRN_ERR_CANCELLED, "house", "follow: is ending")
                   : CAIRN_OK;
    *ret_lied = cairn_follow_is_lie(c->err);
    return CAIRN_FAIL(c->err, "house", "%s", c->detail);
}

cairn_err cairn_follow_catch_up(cairn_follow *follow, const cairn_follow_head *head,
                                const cairn_source *source, bool *ret_lied)
{
    catching c;
    *ret_lied = false;
    init(&c, follow, head, source);
    const cairn_merkle_source own = cairn_engine_source(follow->engine);
    CAIRN_CLEANUP(cairn_view_free_p) cairn_view *view = cairn_engine_view(follow->engine);
    cairn_err err = cairn_merkle_source_frontier(&own, view->log_size, &c.place.frontier);
    int failed = err != CAIRN_OK ? 0 : pthread_create(&c.fetcher, NULL, fetch, &c);
    if (failed != 0)
        err = cairn_err_from_errno(failed, "follow: thread");
    if (err == CAIRN_OK) {
        err = apply_all(&c);
        give_up(&c);
        for (size_t i = 0; i < c.helper_count; i++)
            CAIRN_ASSERT(pthread_join(c.helpers[i], NULL) == 0);
        CAIRN_ASSERT(pthread_join(c.fetcher, NULL) == 0);
        if (err == CAIRN_OK)
            err = fetch_error(&c, ret_lied);
        else
            *ret_lied = err == CAIRN_ERR_MISMATCH;
    }
    done(&c);
    return err;
}
