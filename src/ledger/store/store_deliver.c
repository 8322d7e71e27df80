/* A driven ledger's blocks: computed, adopted, made durable. */
#include "ledger/store/store_deliver.h"

#include <stdlib.h>

#include "core/limits.h"
#include "ledger/store/store_impl.h"

struct cairn_delivery {
    store_ledger *ledger;
    cairn_arena arena;
    cairn_delivery_result *results;
    size_t count;
    cairn_tx_input *inputs; /* those that take part */
    size_t input_count;
    size_t *places; /* of each input among the results */
    cairn_view *base;
    uint64_t height;
    cairn_block block;
    cairn_bytes record;
    bool listed;  /* write_lock: it is the ledger's one delivery */
    bool adopted; /* or given up by a failure */
};

static store_ledger *of(cairn_engine *engine)
{
    return (store_ledger *)(void *)engine;
}

/* --- transactions --- */

/* The one input for result `i`, unless it is refused as it comes. */
static void take_input(cairn_delivery *d, size_t i, cairn_bytes raw, bool verified, size_t *bytes)
{
    cairn_delivery_result *result = &d->results[i];
    cairn_tx_input *input = &d->inputs[d->input_count];
    *input = (cairn_tx_input){.verified = verified};
    result->code = cairn_tx_decode(raw, &input->tx);
    if (result->code != CAIRN_OK)
        return;
    result->decoded = true;
    result->id = input->tx.id;
    if (d->input_count == CAIRN_BLOCK_TX_COUNT_MAX || raw.size > CAIRN_BLOCK_SIZE_MAX - *bytes) {
        result->code = CAIRN_FAIL(CAIRN_ERR_TOO_MANY, "docs/formats/block-record.md",
                                  "block: transaction %zu is beyond its bounds", i);
        return;
    }
    *bytes += raw.size;
    d->places[d->input_count++] = i;
}

static cairn_err take_inputs(cairn_delivery *d, const cairn_delivery_tx *txs, size_t count)
{
    void *results = NULL, *inputs = NULL, *places = NULL;
    size_t bytes = 0;
    CAIRN_TRY(cairn_arena_array(&d->arena, count, sizeof(cairn_delivery_result), &results));
    CAIRN_TRY(cairn_arena_array(&d->arena, count, sizeof(cairn_tx_input), &inputs));
    CAIRN_TRY(cairn_arena_array(&d->arena, count, sizeof(size_t), &places));
    d->results = results;
    d->inputs = inputs;
    d->places = places;
    d->count = count;
    for (size_t i = 0; i < count; i++) {
        cairn_bytes raw = txs[i].raw;
        d->results[i] = (cairn_delivery_result){0};
        if (raw.size <= CAIRN_TX_SIZE_MAX) /* a longer one does not decode */
            CAIRN_TRY(cairn_arena_copy(&d->arena, txs[i].raw, &raw));
        take_input(d, i, raw, txs[i].verified, &bytes);
    }
    return CAIRN_OK;
}

/* --- signatures --- */

struct verify_job {
    store_ledger *ledger;
    const cairn_view *view;
    cairn_tx_input *inputs;
    size_t count;
    _Atomic size_t next; /* input whose turn it is */
    size_t helpers;      /* store->lock: workers that are at it */
};

/* Who signs with the key, and its COSE_Key, as the view knows. In the arena. */
static cairn_err find_signer(store_ledger *ledger, const cairn_view *view, const cairn_hash *kid,
                             cairn_arena *arena, cairn_hash *ret_org, cairn_bytes *ret_cose_key)
{
    cairn_credential c;
    if (cairn_key_cache_recall(ledger->store->keys, &view->ledger, view->rules.registry_version,
                               kid, &c)) {
        *ret_org = c.org;
        return cairn_arena_copy(arena, cairn_bytes_of(c.cose_key, c.cose_key_size), ret_cose_key);
    }
    cairn_key_record record;
    store_bases bases;
    CAIRN_TRY(cairn_store_bases_open(ledger, &bases));
    const cairn_view_source source = {.view = view, .bases = &bases.bases};
    const cairn_state_source state = cairn_view_state(&source);
    cairn_err err = cairn_registry_key(&state, arena, kid, &record);
    cairn_store_bases_close(&bases);
    CAIRN_TRY(err);
    *ret_org = record.org;
    *ret_cose_key = record.cose_key;
    return CAIRN_OK;
}

/* A signature that cannot be told from here is left to apply. */
static void verify_input(const verify_job *job, cairn_tx_input *input, cairn_arena *arena)
{
    CAIRN_CLEANUP(cairn_key_free_p) cairn_key *key = NULL;
    cairn_hash org;
    cairn_bytes cose_key;
    cairn_arena_reset(arena);
    cairn_err err = find_signer(job->ledger, job->view, &input->tx.kid, arena, &org, &cose_key);
    if (err == CAIRN_OK)
        err = cairn_key_cache_get(job->ledger->store->keys, &input->tx.kid, cose_key, &key);
    if (err == CAIRN_OK)
        err = cairn_tx_verify(arena, &input->tx, key);
    input->verified = err == CAIRN_OK;
}

static void verify_some(verify_job *job, cairn_arena *arena)
{
    for (size_t i = atomic_fetch_add(&job->next, 1); i < job->count;
         i = atomic_fetch_add(&job->next, 1))
        if (!job->inputs[i].verified)
            verify_input(job, &job->inputs[i], arena);
}

bool cairn_store_help_verify(cairn_store *store, cairn_arena *arena)
{
    verify_job *job = store->verifying;
    if (job == NULL)
        return false;
    job->helpers++;
    pthread_mutex_unlock(&store->lock);
    verify_some(job, arena);
    pthread_mutex_lock(&store->lock);
    if (store->verifying == job)
        store->verifying = NULL; /* there is no other left */
    if (--job->helpers == 0)
        pthread_cond_broadcast(&store->verified);
    return true;
}

/* With the help of the store's workers, unless they are at another's. */
static void verify_together(cairn_store *store, verify_job *job)
{
    cairn_arena arena;
    cairn_arena_init(&arena, CHECK_ARENA_SIZE_MAX);
    pthread_mutex_lock(&store->lock);
    if (store->verifying == NULL) {
        store->verifying = job;
        pthread_cond_broadcast(&store->work);
    }
    pthread_mutex_unlock(&store->lock);
    verify_some(job, &arena);
    pthread_mutex_lock(&store->lock);
    if (store->verifying == job)
        store->verifying = NULL;
    while (job->helpers != 0)
        pthread_cond_wait(&store->verified, &store->lock);
    pthread_mutex_unlock(&store->lock);
    cairn_arena_done(&arena);
}

void cairn_store_verify(cairn_engine *engine, cairn_tx_input *inputs, size_t count)
{
    store_ledger *ledger = of(engine);
    size_t missing = 0;
    for (size_t i = 0; i < count; i++)
        missing += !inputs[i].verified;
    if (missing == 0)
        return;
    CAIRN_CLEANUP(cairn_view_free_p) cairn_view *view = cairn_ledger_view(ledger->ledger);
    verify_job job = {.ledger = ledger, .view = view, .inputs = inputs, .count = count};
    verify_together(ledger->store, &job);
}

cairn_err cairn_store_check(cairn_engine *engine, cairn_tx_input *input, cairn_arena *arena,
                            cairn_hash *ret_org)
{
    store_ledger *ledger = of(engine);
    cairn_bytes cose_key;
    CAIRN_TRY(cairn_store_check_input(ledger, input, arena));
    if (cairn_engine_has_decided(engine, input->tx.valid_until_ms, &input->tx.id))
        return CAIRN_FAIL(CAIRN_ERR_TX_REPLAYED, "docs/formats/transaction.md",
                          "transaction: was decided before");
    input->verified = true;
    CAIRN_CLEANUP(cairn_view_free_p) cairn_view *view = cairn_ledger_view(ledger->ledger);
    return find_signer(ledger, view, &input->tx.kid, arena, ret_org, &cose_key);
}

/* --- deliver --- */

/* The writer. */
static cairn_err check_place(const cairn_delivery *d)
{
    const store_ledger *ledger = d->ledger;
    CAIRN_TRY(cairn_store_writable(ledger->store));
    CAIRN_ASSERT(atomic_load(&ledger->driven) && ledger->delivery == NULL);
    uint64_t delivered = atomic_load(&ledger->delivered_height);
    if (d->height <= delivered)
        return CAIRN_FAIL(CAIRN_ERR_ARGUMENT, "house", "block.height: %llu after %llu",
                          (unsigned long long)d->height, (unsigned long long)delivered);
    return CAIRN_OK;
}

static cairn_err compute(cairn_delivery *d, uint64_t time_ms)
{
    store_ledger *ledger = d->ledger;
    store_bases bases;
    CAIRN_TRY(check_place(d));
    CAIRN_TRY(cairn_store_bases_open(ledger, &bases));
    cairn_err err = cairn_ledger_apply(ledger->ledger, &bases.bases, d->height, time_ms, d->inputs,
                                       d->input_count, &d->arena, &d->block);
    cairn_store_bases_close(&bases);
    CAIRN_TRY(err);
    if (d->block.changed)
        CAIRN_TRY(cairn_store_encode_record(ledger, &d->block, &d->arena, &d->record));
    ledger->delivery = d;
    d->listed = true;
    return CAIRN_OK;
}

static void note_results(cairn_delivery *d)
{
    for (size_t i = 0; i < d->input_count; i++) {
        const cairn_tx_result *from = &d->block.outcome.results[i];
        cairn_delivery_result *to = &d->results[d->places[i]];
        to->code = from->code;
        to->consumed = from->consumed;
        to->index = from->index;
    }
}

cairn_err cairn_store_deliver(cairn_engine *engine, uint64_t height, uint64_t time_ms,
                              const cairn_delivery_tx *txs, size_t count,
                              cairn_delivery **ret_delivery)
{
    store_ledger *ledger = of(engine);
    CAIRN_CLEANUP(cairn_delivery_free_p) cairn_delivery *d = calloc(1, sizeof *d);
    if (d == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "delivery");
    d->ledger = ledger;
    d->height = height;
    cairn_arena_init(&d->arena, BLOCK_ARENA_SIZE_MAX);
    d->base = cairn_ledger_view(ledger->ledger);
    CAIRN_TRY(take_inputs(d, txs, count));
    cairn_store_verify(engine, d->inputs, d->input_count);
    pthread_mutex_lock(&ledger->store->write_lock);
    cairn_err err = compute(d, time_ms);
    pthread_mutex_unlock(&ledger->store->write_lock);
    CAIRN_TRY(err);
    note_results(d);
    *ret_delivery = CAIRN_STEAL(d);
    return CAIRN_OK;
}

void cairn_delivery_free(cairn_delivery *d)
{
    if (d == NULL)
        return;
    if (d->listed) {
        pthread_mutex_lock(&d->ledger->store->write_lock);
        if (d->ledger->delivery == d)
            d->ledger->delivery = NULL;
        pthread_mutex_unlock(&d->ledger->store->write_lock);
    }
    cairn_block_discard(&d->block);
    cairn_view_free(d->base);
    cairn_arena_done(&d->arena);
    free(d);
}

/* --- what it says --- */

const cairn_delivery_result *cairn_delivery_results(const cairn_delivery *d, size_t *ret_count)
{
    *ret_count = d->count;
    return d->results;
}

uint64_t cairn_delivery_log_size(const cairn_delivery *d)
{
    return d->block.changed ? d->block.frontier.size : d->base->log_size;
}

const cairn_hash *cairn_delivery_log_root(const cairn_delivery *d)
{
    return d->block.changed ? &d->block.log_root : &d->base->log_root;
}

const cairn_block *cairn_delivery_block(const cairn_delivery *d)
{
    return &d->block;
}

cairn_err cairn_delivery_get(const cairn_delivery *d, cairn_map_id map, cairn_bytes key,
                             cairn_arena *arena, cairn_bytes *ret_value)
{
    const cairn_change *change = cairn_delta_find(&d->block.outcome.delta, map, key);
    if (change == NULL)
        return cairn_engine_get_newest(&d->ledger->engine, map, key, arena, ret_value);
    if (change->deleted)
        return CAIRN_ERR_NOT_FOUND;
    return cairn_arena_copy(arena, change->value, ret_value);
}

/* --- adopt --- */

/* Appends, installs, shows. The writer. */
static cairn_err install(cairn_delivery *d)
{
    store_ledger *ledger = d->ledger;
    cairn_store *store = ledger->store;
    uint64_t number = 0;
    CAIRN_TRY(cairn_store_append(store, d->record, &number));
    cairn_recent_add(&store->recent, number, ledger->slot, d->record);
    CAIRN_TRY(cairn_store_install(ledger, &d->block, number));
    CAIRN_CLEANUP(cairn_recent_release_p)
    cairn_recent_record *readable = cairn_recent_get(&store->recent, number);
    /* What readers cannot get from memory they must get from the disk, and not too much of it. */
    if (readable == NULL || store->unsynced_size > UNSYNCED_SIZE_MAX)
        return cairn_store_sync_appended(store);
    return CAIRN_OK;
}

cairn_err cairn_store_adopt(cairn_delivery *d)
{
    store_ledger *ledger = d->ledger;
    cairn_store *store = ledger->store;
    bool changed = d->block.changed;
    CAIRN_ASSERT(!d->adopted);
    d->adopted = true;
    pthread_mutex_lock(&store->write_lock);
    cairn_err err = changed ? install(d) : cairn_store_writable(store);
    if (err == CAIRN_OK)
        atomic_store(&ledger->delivered_height, d->height);
    ledger->delivery = NULL;
    pthread_mutex_unlock(&store->write_lock);
    CAIRN_TRY(err);
    if (changed) {
        cairn_store_notify(ledger);
        pthread_mutex_lock(&store->lock);
        store->sync_due = true;
        pthread_cond_signal(&store->wake);
        pthread_mutex_unlock(&store->lock);
    }
    return CAIRN_OK;
}

cairn_err cairn_store_sync(cairn_store *store)
{
    CAIRN_TRY(cairn_store_writable(store));
    pthread_mutex_lock(&store->write_lock);
    cairn_err err = cairn_store_sync_appended(store);
    if (err == CAIRN_OK)
        err = cairn_store_mark_driven(store, MARK_LAG);
    pthread_mutex_unlock(&store->write_lock);
    CAIRN_TRY(err);
    if (store->options.threads != 0)
        return CAIRN_OK;
    bool more = true;
    while (err == CAIRN_OK && more)
        err = cairn_store_turn(store, &more);
    return err;
}

uint64_t cairn_store_delivered_height(cairn_engine *engine)
{
    return atomic_load(&of(engine)->delivered_height);
}

uint64_t cairn_store_durable_height(cairn_engine *engine)
{
    return atomic_load(&of(engine)->durable_height);
}
