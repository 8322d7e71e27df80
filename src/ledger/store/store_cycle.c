/* The writer's cycle: apply what is ready in all ledgers, one append, one fdatasync, then tell
 * everybody. */
#include <stdlib.h>

#include "core/limits.h"
#include "ledger/store/store_impl.h"

/* --- take --- */

/* Moves as many ready transactions of `ledger` as a block may hold to `cycle`. Under store->lock.
 */
static void take_ready(cycle_block *cycle)
{
    store_ledger *ledger = cycle->ledger;
    size_t bytes = 0;
    size_t count_max = ledger->store->options.block_tx_max;
    while (cycle->count < count_max && ledger->ready.head != NULL &&
           bytes + ledger->ready.head->size <= BLOCK_BYTES_MAX) {
        submission *s = cairn_store_queue_pop(&ledger->ready);
        bytes += s->size;
        cairn_store_queue_push(&cycle->taken, s);
        cycle->count++;
    }
}

static cycle_block *new_cycle(store_ledger *ledger)
{
    cycle_block *cycle = calloc(1, sizeof *cycle);
    if (cycle == NULL)
        return NULL;
    cycle->ledger = ledger;
    cairn_arena_init(&cycle->arena, BLOCK_ARENA_SIZE_MAX);
    return cycle;
}

/* Everything that is ready, a block for each ledger. Where memory is too short for one, that is the
 * verdict: whoever waits for it could not go on. */
static cycle_block *take_all(cairn_store *store)
{
    cycle_block *cycles = NULL;
    submission_queue starved = {0};
    pthread_mutex_lock(&store->lock);
    store_ledger *ledger = store->ready;
    store->ready = NULL;
    while (ledger != NULL) {
        store_ledger *next = ledger->next_ready;
        cycle_block *cycle = new_cycle(ledger);
        if (cycle != NULL) {
            take_ready(cycle);
            cycle->next = cycles;
            cycles = cycle;
        } else {
            cairn_store_queue_move(&ledger->ready, &starved);
        }
        ledger->listed = ledger->ready.head != NULL;
        if (ledger->listed) {
            ledger->next_ready = store->ready;
            store->ready = ledger;
        }
        ledger = next;
    }
    pthread_mutex_unlock(&store->lock);
    cairn_store_queue_answer(&starved, CAIRN_ERR_NO_MEMORY);
    return cycles;
}

/* --- apply --- */

static cairn_err list_inputs(cycle_block *cycle)
{
    void *inputs = NULL;
    CAIRN_TRY(cairn_arena_array(&cycle->arena, cycle->count, sizeof(cairn_tx_input), &inputs));
    cycle->inputs = inputs;
    size_t i = 0;
    for (const submission *s = cycle->taken.head; s != NULL; s = s->next)
        cycle->inputs[i++] = s->input;
    return CAIRN_OK;
}

static uint64_t block_time(const cycle_block *cycle)
{
    uint64_t now_ms = cairn_clock_wall_ms(&cycle->ledger->store->options.clock);
    uint64_t least_ms = cairn_ledger_time_ms(cycle->ledger->ledger) + 1;
    return now_ms < least_ms ? least_ms : now_ms;
}

static cairn_err apply_cycle(cycle_block *cycle)
{
    cairn_ledger *ledger = cycle->ledger->ledger;
    store_bases bases;
    CAIRN_TRY(list_inputs(cycle));
    CAIRN_TRY(cairn_store_bases_open(cycle->ledger, &bases));
    cairn_err err =
        cairn_ledger_apply(ledger, &bases.bases, cairn_ledger_height(ledger) + 1, block_time(cycle),
                           cycle->inputs, cycle->count, &cycle->arena, &cycle->block);
    cairn_store_bases_close(&bases);
    CAIRN_TRY(err);
    if (!cycle->block.changed)
        return CAIRN_OK;
    return cairn_store_encode_record(cycle->ledger, &cycle->block, &cycle->arena, &cycle->record);
}

cairn_err cairn_store_encode_record(const store_ledger *ledger, const cairn_block *block,
                                    cairn_arena *arena, cairn_bytes *ret_record)
{
    cairn_bytes record;
    CAIRN_TRY(cairn_block_record_encode(arena, ledger->slot, block, &record));
    if (record.size > CAIRN_BLOCK_LOG_PAYLOAD_SIZE_MAX)
        return CAIRN_FAIL(CAIRN_ERR_INTERNAL, "house", "block: record of %zu bytes", record.size);
    *ret_record = record;
    return CAIRN_OK;
}

/* --- write --- */

cairn_err cairn_store_append(cairn_store *store, cairn_bytes record, uint64_t *ret_number)
{
    CAIRN_TRY(cairn_store_writable(store));
    cairn_err err = cairn_block_log_append(store->log, &record, 1, ret_number);
    if (err != CAIRN_OK)
        return cairn_store_log_refused(store, err);
    store->unsynced++;
    store->unsynced_size += record.size;
    return CAIRN_OK;
}

cairn_err cairn_store_sync_appended(cairn_store *store)
{
    if (store->unsynced == 0)
        return CAIRN_OK;
    cairn_err err = cairn_block_log_sync(store->log);
    if (err != CAIRN_OK)
        return cairn_store_fail(store, err);
    store->record_count += store->unsynced;
    store->unsynced = 0;
    store->unsynced_size = 0;
    store->sealed = false;
    for (size_t i = 0; i < store->ledger_count; i++)
        if (atomic_load(&store->ledgers[i]->driven))
            atomic_store(&store->ledgers[i]->durable_height,
                         cairn_ledger_height(store->ledgers[i]->ledger));
    return CAIRN_OK;
}

static cairn_err place_block(store_ledger *ledger, const cairn_block *block, uint64_t record)
{
    if (ledger->place_count == ledger->place_capacity) {
        size_t capacity = ledger->place_capacity == 0 ? 16 : ledger->place_capacity * 2;
        block_place *grown = realloc(ledger->places, capacity * sizeof *grown);
        if (grown == NULL)
            return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "store: %zu block places", capacity);
        ledger->places = grown;
        ledger->place_capacity = capacity;
    }
    ledger->places[ledger->place_count++] = (block_place){
        .height = block->entry.height,
        .record = record,
        .last_index = block->frontier.size - 1,
    };
    return CAIRN_OK;
}

/* Ids by the place that their transaction has in the record. */
static void add_ids(cairn_id_table *ids, const cairn_block *block)
{
    uint64_t place = 0;
    for (size_t i = 0; i < block->outcome.count; i++)
        if (block->outcome.results[i].consumed)
            cairn_id_table_add(ids, cairn_id_prefix(&block->inputs[i].tx.id), block->outcome.height,
                               place++);
}

cairn_err cairn_store_install(store_ledger *ledger, cairn_block *block, uint64_t record)
{
    pthread_rwlock_wrlock(&ledger->tail_lock);
    cairn_err err = cairn_tail_reserve(&ledger->tail, block->leaf_count);
    if (err == CAIRN_OK)
        err = cairn_id_table_reserve(&ledger->ids,
                                     block->outcome.accepted_count + block->outcome.refused_count);
    if (err == CAIRN_OK)
        err = place_block(ledger, block, record);
    if (err == CAIRN_OK)
        add_ids(&ledger->ids, block);
    for (size_t i = 0; err == CAIRN_OK && i < block->leaf_count; i++)
        cairn_tail_append(&ledger->tail, &block->leaf_hashes[i]);
    pthread_rwlock_unlock(&ledger->tail_lock);
    if (err == CAIRN_OK)
        err = cairn_ledger_commit(ledger->ledger, block);
    /* The block is durable: without it in memory the store must not go on. */
    return err == CAIRN_OK ? CAIRN_OK : cairn_store_fail(ledger->store, err);
}

/* --- answer --- */

/* `err` is the fate of the whole block; else each transaction has its own. */
static void answer_cycle(cycle_block *cycle, cairn_err err)
{
    const cairn_outcome *outcome = &cycle->block.outcome;
    size_t i = 0;
    for (submission *s = cairn_store_queue_pop(&cycle->taken); s != NULL;
         s = cairn_store_queue_pop(&cycle->taken), i++) {
        if (err != CAIRN_OK)
            cairn_store_answer(s, err, 0, 0);
        else
            cairn_store_answer(s, outcome->results[i].code,
                               outcome->results[i].consumed ? outcome->height : 0,
                               outcome->results[i].index);
    }
}

static void free_cycle(cycle_block *cycle)
{
    cairn_block_discard(&cycle->block);
    cairn_arena_done(&cycle->arena);
    free(cycle);
}

/* What a submitter is told when his block could not be written. */
static cairn_err fate(cairn_store *store, cairn_err err)
{
    cairn_err read_only = cairn_store_writable(store);
    return err == CAIRN_OK || read_only == CAIRN_OK ? err : read_only;
}

/* Applies and appends each. */
static void apply_all(cairn_store *store, cycle_block *cycles)
{
    for (cycle_block *c = cycles; c != NULL; c = c->next) {
        c->err = apply_cycle(c);
        if (c->err == CAIRN_OK && c->block.changed)
            c->err = cairn_store_append(store, c->record, &c->number);
    }
}

/* Shows what is durable. */
static cairn_err publish(cycle_block *cycle)
{
    store_ledger *ledger = cycle->ledger;
    cairn_recent_add(&ledger->store->recent, cycle->number, ledger->slot, cycle->record);
    CAIRN_TRY(cairn_store_install(ledger, &cycle->block, cycle->number));
    cairn_store_notify(ledger);
    return CAIRN_OK;
}

/* Installs what is durable, then answers. */
static cairn_err finish(cairn_store *store, cycle_block *cycles, cairn_err sync_err)
{
    cairn_err first = sync_err;
    while (cycles != NULL) {
        cycle_block *c = cycles;
        cycles = c->next;
        if (c->err == CAIRN_OK && c->block.changed)
            c->err = sync_err != CAIRN_OK ? sync_err : publish(c);
        if (c->err != CAIRN_OK && first == CAIRN_OK)
            first = c->err;
        answer_cycle(c, fate(store, c->err));
        free_cycle(c);
    }
    return first;
}

cairn_err cairn_store_cycle(cairn_store *store, bool *ret_worked)
{
    cycle_block *cycles = take_all(store);
    *ret_worked = cycles != NULL;
    apply_all(store, cycles);
    return finish(store, cycles, cairn_store_sync_appended(store));
}
