/* Events of one ledger to those who take them. A pass reads a bounded run of events once, from the
 * position of whoever is furthest behind, and applies it to all in one transaction with their new
 * positions. Tables that are served and tables that are being built have passes of their own, so
 * that a build delays nobody. */
#include <stdio.h>

#include "core/jobs/jobs_impl.h"

enum {
    SAVE_AFTER_MS = 1000, /* longest that a position is in memory only */
    BUSY_WAIT_MS = 500,   /* of a reaction that said BUSY */
};

typedef struct pass {
    cairn_jobs *jobs;
    jobs_slot *slot;
    size_t build; /* JOBS_SERVING or JOBS_BUILDING */
    jobs_batch *batch;
    uint64_t taken; /* events, by the transaction under way */
} pass;

/* The ledger is to be looked at again at that time. */
static void again_at(jobs_slot *slot, uint64_t at_ns)
{
    if (slot->again_ns == 0 || at_ns < slot->again_ns)
        slot->again_ns = at_ns;
}

bool cairn_jobs_is_fed(const jobs_consumer *consumer, const jobs_consumer_record *record,
                       size_t build)
{
    const jobs_build *b = &record->builds[build];
    return b->present && b->parked == CAIRN_OK &&
           (consumer->projection == NULL || b->version == consumer->projection->version);
}

static bool is_idle(const cairn_jobs *jobs, const jobs_consumer *consumer)
{
    const cairn_reaction *reaction = consumer->reaction;
    return reaction != NULL && reaction->is_idle != NULL &&
           reaction->is_idle(jobs->options.context, jobs);
}

static bool takes(const jobs_consumer *consumer, uint16_t type)
{
    const uint16_t *types =
        consumer->projection != NULL ? consumer->projection->types : consumer->reaction->types;
    size_t count = consumer->projection != NULL ? consumer->projection->type_count
                                                : consumer->reaction->type_count;
    for (size_t i = 0; i < count; i++)
        if (types[i] == type)
            return true;
    return count == 0;
}

static cairn_cursor *position_of(const pass *p, jobs_consumer *consumer)
{
    return &consumer->record.builds[p->build].position;
}

/* --- reading --- */

static void find_takers(pass *p)
{
    jobs_batch *batch = p->batch;
    uint64_t now = cairn_clock_monotonic_ns(&p->jobs->options.clock);
    batch->taker_count = 0;
    for (size_t i = 0; i < p->jobs->consumer_count; i++) {
        jobs_consumer *consumer = &p->slot->consumers[i];
        if (!cairn_jobs_is_fed(consumer, &consumer->record, p->build))
            continue;
        if (consumer->wait_until_ns > now) {
            again_at(p->slot, consumer->wait_until_ns);
            continue;
        }
        consumer->wait_until_ns = 0;
        const cairn_cursor *position = position_of(p, consumer);
        if (batch->taker_count == 0 || cairn_cursor_compare(position, &batch->from) < 0)
            batch->from = *position;
        batch->takers[batch->taker_count++] = consumer;
    }
}

static bool is_wanted(const pass *p, uint16_t type)
{
    const jobs_batch *batch = p->batch;
    for (size_t i = 0; i < batch->taker_count; i++)
        if (takes(batch->takers[i], type) && !is_idle(p->jobs, batch->takers[i]))
            return true;
    return false;
}

static cairn_err keep_event(jobs_batch *batch, const cairn_job_event *event)
{
    cairn_job_event *copy = &batch->events[batch->count];
    *copy = *event;
    CAIRN_TRY(cairn_arena_copy(&batch->arena, event->key, &copy->key));
    CAIRN_TRY(cairn_arena_copy(&batch->arena, event->transaction, &copy->transaction));
    batch->count++;
    return CAIRN_OK;
}

static cairn_err visit(void *context, const cairn_job_event *event)
{
    pass *p = context;
    jobs_batch *batch = p->batch;
    if (event->height <= batch->from.height || event->ordinal == UINT32_MAX)
        return CAIRN_FAIL(CAIRN_ERR_INTERNAL, "house",
                          "jobs: the source gave an event of block %llu",
                          (unsigned long long)event->height);
    cairn_cursor before = cairn_cursor_before(event);
    if (cairn_cursor_compare(&before, &batch->from) < 0 || !is_wanted(p, event->type))
        return CAIRN_OK;
    size_t size = event->key.size + event->transaction.size;
    if (batch->count == CAIRN_JOBS_BATCH_EVENTS_MAX ||
        (batch->count > 0 && batch->arena.used + size > CAIRN_JOBS_BATCH_SIZE_MAX)) {
        batch->full = true;
        batch->end = before;
        return CAIRN_ERR_CANCELLED;
    }
    return keep_event(batch, event);
}

static cairn_err read_events(pass *p)
{
    jobs_batch *batch = p->batch;
    uint64_t height = 0;
    cairn_arena_reset(&batch->arena);
    batch->count = 0;
    batch->full = batch->at_end = false;
    cairn_err err = p->slot->source.read(p->slot->source.context, batch->from.height,
                                         CAIRN_JOBS_BATCH_BLOCKS_MAX, visit, p, &height);
    if (err == CAIRN_ERR_CANCELLED && batch->full)
        return CAIRN_OK;
    CAIRN_TRY(err);
    batch->end = (cairn_cursor){.height = height};
    if (cairn_cursor_compare(&batch->end, &batch->from) < 0)
        return CAIRN_FAIL(CAIRN_ERR_INCONSISTENT, "house",
                          "jobs: the log ends at block %llu, before what was taken of it",
                          (unsigned long long)height);
    batch->at_end = height - batch->from.height < CAIRN_JOBS_BATCH_BLOCKS_MAX;
    return CAIRN_OK;
}

/* --- applying --- */

static cairn_err apply_projection(pass *p, cairn_jobs_txn *txn, jobs_consumer *consumer,
                                  const cairn_job_event *event, size_t *written)
{
    cairn_arena arena;
    cairn_arena_init(&arena, CAIRN_JOBS_BATCH_SIZE_MAX);
    cairn_projection_writer writer = {.kv = txn->kv,
                                      .projection = consumer->projection,
                                      .generation = consumer->record.builds[p->build].generation,
                                      .arena = &arena};
    cairn_err err = consumer->projection->apply(&writer, event);
    *written += writer.written;
    cairn_arena_done(&arena);
    return err;
}

static cairn_err apply_one(pass *p, cairn_jobs_txn *txn, jobs_consumer *consumer,
                           const cairn_job_event *event, size_t *written)
{
    cairn_cursor before = cairn_cursor_before(event);
    if (cairn_cursor_compare(position_of(p, consumer), &before) > 0 ||
        !takes(consumer, event->type))
        return CAIRN_OK;
    cairn_err_clear();
    cairn_err err = consumer->projection != NULL
                        ? apply_projection(p, txn, consumer, event, written)
                        : consumer->reaction->apply(p->jobs->options.context, txn, event);
    p->taken++;
    return err;
}

/* Applies the batch; `*ret_failed` is whose apply failed, and `*ret_at` the event. */
static cairn_err apply_events(pass *p, cairn_jobs_txn *txn, jobs_consumer **ret_failed,
                              const cairn_job_event **ret_at)
{
    jobs_batch *batch = p->batch;
    size_t written = 0;
    for (size_t i = 0; i < batch->count; i++) {
        for (size_t c = 0; c < batch->taker_count; c++) {
            cairn_err err = apply_one(p, txn, batch->takers[c], &batch->events[i], &written);
            if (err == CAIRN_OK)
                continue;
            *ret_failed = batch->takers[c];
            *ret_at = &batch->events[i];
            return err;
        }
        if (written + txn->written > JOBS_WRITTEN_MAX && i + 1 < batch->count) {
            batch->end = cairn_cursor_after(&batch->events[i]);
            batch->full = true;
            batch->at_end = false;
            return CAIRN_OK;
        }
    }
    return CAIRN_OK;
}

/* New tables are served once they have come as far as the log and the old ones. */
static bool is_built(const pass *p, const jobs_consumer *consumer)
{
    const jobs_build *serving = &consumer->next.builds[JOBS_SERVING];
    const jobs_build *building = &consumer->next.builds[JOBS_BUILDING];
    return p->build == JOBS_BUILDING && p->batch->at_end && building->present &&
           building->parked == CAIRN_OK &&
           (!serving->present ||
            cairn_cursor_compare(&building->position, &serving->position) >= 0);
}

static void move_position(pass *p, jobs_consumer *consumer)
{
    consumer->next = consumer->record;
    cairn_cursor *position = &consumer->next.builds[p->build].position;
    if (cairn_cursor_compare(position, &p->batch->end) < 0)
        *position = p->batch->end;
}

static cairn_err store_positions(pass *p, cairn_jobs_txn *txn)
{
    for (size_t c = 0; c < p->batch->taker_count; c++) {
        jobs_consumer *consumer = p->batch->takers[c];
        move_position(p, consumer);
        if (is_built(p, consumer))
            CAIRN_TRY(cairn_jobs_swap(txn, &consumer->next));
        CAIRN_TRY(cairn_jobs_consumer_store(txn->kv, cairn_jobs_consumer_name(consumer),
                                            p->slot->number, &consumer->next));
    }
    return CAIRN_OK;
}

/* What is now true becomes visible. */
static void publish(pass *p, bool stored)
{
    cairn_jobs *jobs = p->jobs;
    size_t built = 0;
    (void)pthread_mutex_lock(&jobs->lock);
    for (size_t c = 0; c < p->batch->taker_count; c++) {
        jobs_consumer *consumer = p->batch->takers[c];
        bool moved = cairn_cursor_compare(&consumer->record.builds[p->build].position,
                                          &consumer->next.builds[p->build].position) != 0;
        built += consumer->record.builds[JOBS_BUILDING].present &&
                 !consumer->next.builds[JOBS_BUILDING].present;
        consumer->record = consumer->next;
        consumer->unsaved = stored ? false : consumer->unsaved || moved;
    }
    if (p->batch->end.height > p->slot->head)
        p->slot->head = p->batch->end.height;
    (void)pthread_cond_broadcast(&jobs->changed);
    (void)pthread_mutex_unlock(&jobs->lock);
    (void)atomic_fetch_add(&jobs->rebuilds, built);
    if (built > 0)
        CAIRN_LOG(jobs->options.log, &cairn_jobs_log_rows[JOBS_LOG_BUILT],
                  cairn_log_u64("slot", p->slot->number), cairn_log_u64("projections", built),
                  cairn_log_u64("height", p->batch->end.height));
}

static bool any_built(pass *p)
{
    for (size_t c = 0; c < p->batch->taker_count; c++) {
        move_position(p, p->batch->takers[c]);
        if (is_built(p, p->batch->takers[c]))
            return true;
    }
    return false;
}

/* Positions that moved over events that nobody wanted cost no transaction. */
static void move_in_memory(pass *p)
{
    bool moved = false;
    for (size_t c = 0; c < p->batch->taker_count; c++) {
        jobs_consumer *consumer = p->batch->takers[c];
        move_position(p, consumer);
        moved = moved || cairn_cursor_compare(position_of(p, consumer),
                                              &consumer->next.builds[p->build].position) != 0;
    }
    if (moved && p->slot->unsaved_ns == 0)
        p->slot->unsaved_ns = cairn_clock_monotonic_ns(&p->jobs->options.clock);
    publish(p, false);
}

static cairn_err apply_once(pass *p, jobs_consumer **ret_failed, const cairn_job_event **ret_at)
{
    cairn_jobs_txn txn;
    p->taken = 0;
    if (p->batch->count == 0 && !any_built(p)) {
        move_in_memory(p);
        return CAIRN_OK;
    }
    CAIRN_TRY(cairn_jobs_txn_begin(p->jobs, &txn));
    cairn_err err = apply_events(p, &txn, ret_failed, ret_at);
    if (err == CAIRN_OK)
        err = store_positions(p, &txn);
    CAIRN_TRY(cairn_jobs_txn_end(&txn, err));
    (void)atomic_fetch_add(&p->jobs->batches, 1);
    (void)atomic_fetch_add(&p->jobs->events, p->taken);
    publish(p, true);
    return CAIRN_OK;
}

/* --- who fails is set aside --- */

static cairn_err store_one(pass *p, const jobs_consumer *consumer)
{
    cairn_jobs_txn txn;
    CAIRN_TRY(cairn_jobs_txn_begin(p->jobs, &txn));
    cairn_err err = cairn_jobs_consumer_store(txn.kv, cairn_jobs_consumer_name(consumer),
                                              p->slot->number, &consumer->next);
    return cairn_jobs_txn_end(&txn, err);
}

static cairn_err park(pass *p, jobs_consumer *consumer, cairn_err why, const cairn_job_event *at)
{
    consumer->next = consumer->record;
    jobs_build *build = &consumer->next.builds[p->build];
    build->parked = why;
    (void)snprintf(build->reason, sizeof build->reason, "block %llu, event %u: %s",
                   (unsigned long long)at->height, at->ordinal, cairn_err_detail());
    CAIRN_TRY(store_one(p, consumer));
    (void)pthread_mutex_lock(&p->jobs->lock);
    consumer->record = consumer->next;
    consumer->unsaved = false;
    (void)pthread_cond_broadcast(&p->jobs->changed);
    (void)pthread_mutex_unlock(&p->jobs->lock);
    CAIRN_LOG(p->jobs->options.log, &cairn_jobs_log_rows[JOBS_LOG_PARKED],
              cairn_log_text("name", cairn_jobs_consumer_name(consumer)),
              cairn_log_u64("slot", p->slot->number), cairn_log_text("reason", build->reason),
              cairn_log_err(why));
    return CAIRN_OK;
}

static cairn_err set_aside(pass *p, jobs_consumer *consumer, cairn_err why,
                           const cairn_job_event *at)
{
    jobs_batch *batch = p->batch;
    if (why == CAIRN_ERR_BUSY && consumer->reaction != NULL) {
        consumer->wait_until_ns =
            cairn_clock_monotonic_ns(&p->jobs->options.clock) + BUSY_WAIT_MS * UINT64_C(1000000);
        again_at(p->slot, consumer->wait_until_ns);
    } else {
        CAIRN_TRY(park(p, consumer, why, at));
    }
    for (size_t i = 0; i < batch->taker_count; i++)
        if (batch->takers[i] == consumer)
            batch->takers[i] = batch->takers[--batch->taker_count];
    return CAIRN_OK;
}

static cairn_err apply_all(pass *p)
{
    while (p->batch->taker_count > 0) {
        jobs_consumer *failed = NULL;
        const cairn_job_event *at = NULL;
        cairn_err err = apply_once(p, &failed, &at);
        if (err == CAIRN_OK || failed == NULL || cairn_jobs_is_machine(err))
            return err;
        CAIRN_TRY(set_aside(p, failed, err, at));
    }
    return CAIRN_OK;
}

static cairn_err run_pass(cairn_jobs *jobs, jobs_slot *slot, size_t build)
{
    pass p = {.jobs = jobs, .slot = slot, .build = build, .batch = &jobs->batch};
    find_takers(&p);
    if (p.batch->taker_count == 0)
        return CAIRN_OK;
    CAIRN_TRY(read_events(&p));
    CAIRN_TRY(apply_all(&p));
    slot->more = slot->more || !p.batch->at_end;
    return CAIRN_OK;
}

static cairn_err save_in_time(cairn_jobs *jobs, jobs_slot *slot)
{
    uint64_t due_ns = slot->unsaved_ns + SAVE_AFTER_MS * UINT64_C(1000000);
    if (slot->unsaved_ns == 0)
        return CAIRN_OK;
    if (cairn_clock_monotonic_ns(&jobs->options.clock) >= due_ns)
        return cairn_jobs_feed_save(jobs, slot);
    again_at(slot, due_ns);
    return CAIRN_OK;
}

cairn_err cairn_jobs_feed(cairn_jobs *jobs, jobs_slot *slot)
{
    slot->more = false;
    slot->again_ns = 0;
    CAIRN_TRY(run_pass(jobs, slot, JOBS_SERVING));
    CAIRN_TRY(run_pass(jobs, slot, JOBS_BUILDING));
    return save_in_time(jobs, slot);
}

static cairn_err store_unsaved(cairn_jobs *jobs, cairn_jobs_txn *txn, jobs_slot *slot)
{
    for (size_t i = 0; i < jobs->consumer_count; i++) {
        const jobs_consumer *consumer = &slot->consumers[i];
        if (consumer->unsaved)
            CAIRN_TRY(cairn_jobs_consumer_store(txn->kv, cairn_jobs_consumer_name(consumer),
                                                slot->number, &consumer->record));
    }
    return CAIRN_OK;
}

cairn_err cairn_jobs_feed_save(cairn_jobs *jobs, jobs_slot *slot)
{
    cairn_jobs_txn txn;
    if (slot->unsaved_ns == 0)
        return CAIRN_OK;
    CAIRN_TRY(cairn_jobs_txn_begin(jobs, &txn));
    cairn_err err = store_unsaved(jobs, &txn, slot);
    CAIRN_TRY(cairn_jobs_txn_end(&txn, err));
    for (size_t i = 0; i < jobs->consumer_count; i++)
        slot->consumers[i].unsaved = false;
    slot->unsaved_ns = 0;
    return CAIRN_OK;
}
