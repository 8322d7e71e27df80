/* What verbs and metrics show of the jobs. */
#include <stdio.h>

#include "core/jobs/jobs_impl.h"

typedef struct show {
    cairn_jobs *jobs;
    cairn_err (*visit)(void *context, const cairn_jobs_consumer *consumer);
    void *context;
} show;

typedef struct live {
    bool attached;
    uint64_t head;
    jobs_consumer_record record;
} live;

/* What the memory of this process knows beyond the store: positions that are not stored yet, and
 * the newest block. */
static void find_live(cairn_jobs *jobs, const char *name, uint32_t slot, live *ret_live)
{
    *ret_live = (live){0};
    (void)pthread_mutex_lock(&jobs->lock);
    const jobs_slot *found = cairn_jobs_slot(jobs, slot);
    for (size_t c = 0; found != NULL && c < jobs->consumer_count; c++) {
        const jobs_consumer *consumer = &found->consumers[c];
        if (strcmp(cairn_jobs_consumer_name(consumer), name) == 0)
            *ret_live = (live){.attached = true, .head = found->head, .record = consumer->record};
    }
    (void)pthread_mutex_unlock(&jobs->lock);
}

static cairn_err show_build(const show *s, const char *name, uint32_t slot, const live *l,
                            size_t index)
{
    const jobs_build *build = &l->record.builds[index];
    if (!build->present)
        return CAIRN_OK;
    uint64_t height = build->position.height;
    cairn_jobs_consumer consumer = {.name = name,
                                    .is_reaction = build->generation == 0,
                                    .slot = slot,
                                    .version = build->version,
                                    .served = index == JOBS_SERVING,
                                    .building = index == JOBS_BUILDING,
                                    .position = build->position,
                                    .lag = l->head > height ? l->head - height : 0,
                                    .parked = build->parked,
                                    .reason = build->reason};
    return s->visit(s->context, &consumer);
}

static cairn_err show_one(const show *s, cairn_bytes key, cairn_bytes value)
{
    char name[CAIRN_JOBS_NAME_SIZE_MAX + 1];
    live l;
    if (key.size < 6 || key.size > CAIRN_JOBS_NAME_SIZE_MAX + 5 || key.data[key.size - 5] != 0)
        return CAIRN_FAIL(CAIRN_ERR_CORRUPT, "docs/formats/jobs.md", "consumer: key");
    memcpy(name, key.data, key.size - 4);
    uint32_t slot = cairn_get_u32(key.data + key.size - 4);
    find_live(s->jobs, name, slot, &l);
    if (!l.attached)
        CAIRN_TRY(cairn_jobs_get_consumer(value, &l.record));
    for (size_t i = 0; i < JOBS_BUILDS; i++)
        CAIRN_TRY(show_build(s, name, slot, &l, i));
    return CAIRN_OK;
}

cairn_err cairn_jobs_each(cairn_jobs *jobs,
                          cairn_err (*visit)(void *context, const cairn_jobs_consumer *consumer),
                          void *context)
{
    show s = {.jobs = jobs, .visit = visit, .context = context};
    cairn_kv_txn *kv = NULL;
    cairn_kv_cursor *cursor = NULL;
    cairn_bytes key, value;
    CAIRN_TRY(cairn_kv_begin(jobs->kv, false, &kv));
    cairn_err err = cairn_kv_cursor_open(kv, JOBS_CONSUMERS, &cursor);
    if (err == CAIRN_OK)
        err = cairn_kv_cursor_seek(cursor, cairn_bytes_of(NULL, 0), &key, &value);
    cairn_err shown = CAIRN_OK;
    while (err == CAIRN_OK && shown == CAIRN_OK) {
        shown = show_one(&s, key, value);
        err = cairn_kv_cursor_next(cursor, &key, &value);
    }
    cairn_kv_cursor_close(cursor);
    cairn_kv_abort(kv);
    CAIRN_TRY(shown);
    return err == CAIRN_ERR_NOT_FOUND ? CAIRN_OK : err;
}

static cairn_err add_consumer(void *context, const cairn_jobs_consumer *consumer)
{
    cairn_jobs_metrics *m = context;
    m->consumers++;
    m->parked += consumer->parked != CAIRN_OK;
    m->building += consumer->building;
    if (consumer->served && consumer->parked == CAIRN_OK && consumer->lag > m->lag_max)
        m->lag_max = consumer->lag;
    return CAIRN_OK;
}

static cairn_err read_counts(cairn_jobs *jobs, jobs_counts *ret_counts)
{
    cairn_kv_txn *kv = NULL;
    cairn_bytes value;
    CAIRN_TRY(cairn_kv_begin(jobs->kv, false, &kv));
    cairn_err err = cairn_kv_get(kv, JOBS_META, cairn_bytes_str("counts"), &value);
    if (err == CAIRN_OK)
        err = cairn_jobs_get_counts(value, ret_counts);
    cairn_kv_abort(kv);
    return err == CAIRN_ERR_NOT_FOUND ? CAIRN_OK : err;
}

cairn_err cairn_jobs_metrics_read(cairn_jobs *jobs, cairn_jobs_metrics *ret_metrics)
{
    cairn_jobs_metrics m = {0};
    jobs_counts counts = {0};
    CAIRN_TRY(read_counts(jobs, &counts));
    CAIRN_TRY(cairn_jobs_each(jobs, add_consumer, &m));
    CAIRN_TRY(cairn_callback_counts(jobs, &m.callbacks, &m.callbacks_behind));
    m.events = atomic_load(&jobs->events);
    m.batches = atomic_load(&jobs->batches);
    m.rebuilds = atomic_load(&jobs->rebuilds);
    m.timers = counts.timers;
    m.timers_fired = atomic_load(&jobs->timers_fired);
    m.timers_failed = atomic_load(&jobs->timers_failed);
    m.outbox_waiting = counts.waiting;
    m.outbox_waiting_bytes = counts.waiting_bytes;
    m.outbox_dead = counts.dead;
    m.outbox_delivered = atomic_load(&jobs->outbox_delivered);
    m.outbox_failed = atomic_load(&jobs->outbox_failed);
    m.outbox_died = atomic_load(&jobs->outbox_died);
    m.failed = atomic_load(&jobs->failed);
    (void)pthread_mutex_lock(&jobs->lock);
    m.in_flight = jobs->firing_count + jobs->delivery_count;
    (void)pthread_mutex_unlock(&jobs->lock);
    *ret_metrics = m;
    return CAIRN_OK;
}
