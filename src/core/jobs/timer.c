/* Durable timers. The row's key is owner ‖ 0x00 ‖ id; beside it lies an entry in the order of time:
 * u8 kind ‖ u64 at ‖ the row's key, where a timer that failed has a kind of its own. */
#include "core/jobs/timer.h"

#include <stdlib.h>

#include "core/jobs/callback_impl.h"

enum {
    KEY_SIZE_MAX = CAIRN_JOBS_NAME_SIZE_MAX + 1 + CAIRN_TIMER_ID_SIZE_MAX,
    DUE_SIZE_MAX = JOBS_DUE_KEY_SIZE + KEY_SIZE_MAX,
    RETRY_MS_MIN = 500,
};

typedef struct timer_key {
    uint8_t data[KEY_SIZE_MAX];
    size_t size;
} timer_key;

static cairn_bytes view_of(const timer_key *key)
{
    return cairn_bytes_of(key->data, key->size);
}

static cairn_err make_key(const char *owner, cairn_bytes id, timer_key *ret_key)
{
    if (!cairn_jobs_is_name(owner))
        return CAIRN_FAIL(CAIRN_ERR_ARGUMENT, "house", "timer.owner: no name");
    if (id.size < 1 || id.size > CAIRN_TIMER_ID_SIZE_MAX)
        return CAIRN_FAIL(CAIRN_ERR_ARGUMENT, "house", "timer.id: %zu bytes", id.size);
    size_t size = strlen(owner) + 1;
    memcpy(ret_key->data, owner, size);
    memcpy(ret_key->data + size, id.data, id.size);
    ret_key->size = size + id.size;
    return CAIRN_OK;
}

static cairn_err find(cairn_kv_txn *kv, cairn_bytes key, jobs_timer_record *ret_record)
{
    cairn_bytes value;
    CAIRN_TRY(cairn_kv_get(kv, JOBS_TIMERS, key, &value));
    return cairn_jobs_get_timer(value, ret_record);
}

static cairn_err delete_due(cairn_kv_txn *kv, cairn_bytes key, const jobs_timer_record *record)
{
    uint8_t due[DUE_SIZE_MAX];
    size_t size = cairn_jobs_due_key(record->attempts > 0, record->next_ms, key, due);
    return cairn_kv_delete(kv, JOBS_TIMERS_DUE, cairn_bytes_of(due, size));
}

static cairn_err store(cairn_kv_txn *kv, cairn_bytes key, const jobs_timer_record *record)
{
    uint8_t due[DUE_SIZE_MAX];
    uint8_t value[JOBS_TIMER_RECORD_MAX];
    size_t due_size = cairn_jobs_due_key(record->attempts > 0, record->next_ms, key, due);
    size_t value_size = cairn_jobs_put_timer(record, value);
    CAIRN_TRY(cairn_kv_put(kv, JOBS_TIMERS, key, cairn_bytes_of(value, value_size)));
    return cairn_kv_put(kv, JOBS_TIMERS_DUE, cairn_bytes_of(due, due_size),
                        cairn_bytes_of(NULL, 0));
}

static cairn_err remove_timer(cairn_jobs_txn *txn, cairn_bytes key, const jobs_timer_record *record)
{
    CAIRN_TRY(delete_due(txn->kv, key, record));
    CAIRN_TRY(cairn_kv_delete(txn->kv, JOBS_TIMERS, key));
    if (txn->counts.timers > 0)
        txn->counts.timers--;
    return CAIRN_OK;
}

cairn_err cairn_timer_set(cairn_jobs_txn *txn, const char *owner, cairn_bytes id, uint64_t due_ms,
                          cairn_bytes payload)
{
    timer_key key;
    jobs_timer_record old;
    CAIRN_TRY(make_key(owner, id, &key));
    if (payload.size > CAIRN_TIMER_PAYLOAD_SIZE_MAX)
        return CAIRN_FAIL(CAIRN_ERR_TOO_LARGE, "house", "timer.payload: %zu bytes", payload.size);
    cairn_err err = find(txn->kv, view_of(&key), &old);
    if (err == CAIRN_OK)
        CAIRN_TRY(remove_timer(txn, view_of(&key), &old));
    else if (err != CAIRN_ERR_NOT_FOUND)
        return err;
    if (txn->counts.timers >= CAIRN_TIMERS_MAX)
        return CAIRN_FAIL(CAIRN_ERR_TOO_MANY, "house", "timer: more than %d are set",
                          CAIRN_TIMERS_MAX);
    jobs_timer_record record = {.due_ms = due_ms,
                                .revision = cairn_jobs_txn_sequence(txn),
                                .next_ms = due_ms,
                                .payload = payload};
    txn->counts.timers++;
    return store(txn->kv, view_of(&key), &record);
}

cairn_err cairn_timer_cancel(cairn_jobs_txn *txn, const char *owner, cairn_bytes id)
{
    timer_key key;
    jobs_timer_record record;
    CAIRN_TRY(make_key(owner, id, &key));
    cairn_err err = find(txn->kv, view_of(&key), &record);
    if (err != CAIRN_OK)
        return err == CAIRN_ERR_NOT_FOUND ? CAIRN_OK : err;
    return remove_timer(txn, view_of(&key), &record);
}

static cairn_timer timer_of(const char *owner, cairn_bytes id, const jobs_timer_record *record)
{
    return (cairn_timer){.owner = owner,
                         .id = id,
                         .due_ms = record->due_ms,
                         .attempts = record->attempts,
                         .next_ms = record->next_ms,
                         .payload = record->payload};
}

cairn_err cairn_timer_get(cairn_jobs_txn *txn, const char *owner, cairn_bytes id,
                          cairn_timer *ret_timer)
{
    timer_key key;
    jobs_timer_record record;
    CAIRN_TRY(make_key(owner, id, &key));
    CAIRN_TRY(find(txn->kv, view_of(&key), &record));
    *ret_timer = timer_of(owner, id, &record);
    return CAIRN_OK;
}

/* --- looking --- */

/* Divides the key of a row: the owner ends in its NUL, in place. */
static cairn_err divide_key(cairn_bytes key, const char **ret_owner, cairn_bytes *ret_id)
{
    const uint8_t *nul = memchr(key.data, 0, key.size);
    if (nul == NULL || nul + 1 == key.data + key.size || key.size > KEY_SIZE_MAX)
        return CAIRN_FAIL(CAIRN_ERR_CORRUPT, "docs/formats/jobs.md", "timer: key");
    *ret_owner = (const char *)key.data;
    *ret_id = cairn_bytes_of(nul + 1, (size_t)(key.data + key.size - nul - 1));
    return CAIRN_OK;
}

static cairn_err load_due(cairn_kv_txn *kv, cairn_bytes due, cairn_timer *ret_timer,
                          uint64_t *ret_revision)
{
    jobs_timer_record record;
    const char *owner = NULL;
    cairn_bytes id;
    if (due.size <= JOBS_DUE_KEY_SIZE)
        return CAIRN_FAIL(CAIRN_ERR_CORRUPT, "docs/formats/jobs.md", "timer: due entry");
    cairn_bytes key = cairn_bytes_of(due.data + JOBS_DUE_KEY_SIZE, due.size - JOBS_DUE_KEY_SIZE);
    CAIRN_TRY(divide_key(key, &owner, &id));
    if (find(kv, key, &record) != CAIRN_OK)
        return CAIRN_FAIL(CAIRN_ERR_CORRUPT, "docs/formats/jobs.md", "timer: entry without a row");
    *ret_timer = timer_of(owner, id, &record);
    *ret_revision = record.revision;
    return CAIRN_OK;
}

static cairn_err walk_timers(cairn_kv_txn *kv, cairn_kv_cursor *cursor, size_t limit,
                             cairn_err (*visit)(void *context, const cairn_timer *timer),
                             void *context)
{
    cairn_bytes due, value;
    cairn_timer timer;
    uint64_t revision = 0;
    cairn_err err = cairn_kv_cursor_seek(cursor, cairn_bytes_of(NULL, 0), &due, &value);
    for (size_t i = 0; i < limit && err == CAIRN_OK; i++) {
        CAIRN_TRY(load_due(kv, due, &timer, &revision));
        CAIRN_TRY(visit(context, &timer));
        err = cairn_kv_cursor_next(cursor, &due, &value);
    }
    return err == CAIRN_ERR_NOT_FOUND ? CAIRN_OK : err;
}

cairn_err cairn_timer_each(cairn_jobs *jobs, size_t limit,
                           cairn_err (*visit)(void *context, const cairn_timer *timer),
                           void *context)
{
    cairn_kv_txn *kv = NULL;
    cairn_kv_cursor *cursor = NULL;
    CAIRN_TRY(cairn_kv_begin(jobs->kv, false, &kv));
    cairn_err err = cairn_kv_cursor_open(kv, JOBS_TIMERS_DUE, &cursor);
    if (err == CAIRN_OK)
        err = walk_timers(kv, cursor, limit, visit, context);
    cairn_kv_cursor_close(cursor);
    cairn_kv_abort(kv);
    return err;
}

/* --- what handlers said --- */

static void unlink_firing(cairn_timer_firing **list, const cairn_timer_firing *firing)
{
    while (*list != firing)
        list = &(*list)->next;
    *list = firing->next;
}

void cairn_timer_done(cairn_timer_firing *firing, cairn_err err)
{
    cairn_jobs *jobs = firing->jobs;
    if (err != CAIRN_OK)
        CAIRN_LOG(
            jobs->options.log, &cairn_jobs_log_rows[JOBS_LOG_TIMER_FAILED],
            cairn_log_text("owner", firing->timer.owner), cairn_log_hex("id", firing->timer.id),
            cairn_log_u64("attempts", (uint64_t)firing->timer.attempts + 1), cairn_log_err(err));
    (void)pthread_mutex_lock(&jobs->lock);
    firing->err = err;
    unlink_firing(&jobs->firing, firing);
    firing->next = jobs->fired;
    jobs->fired = firing;
    jobs->kicked = true;
    jobs->idle = false;
    (void)pthread_cond_broadcast(&jobs->changed);
    (void)pthread_mutex_unlock(&jobs->lock);
}

/* Half of the wait is sure, half is chance. */
static uint64_t back_off_ms(cairn_jobs *jobs, uint32_t attempts)
{
    uint64_t ms = (uint64_t)RETRY_MS_MIN << (attempts < 16 ? attempts : 16);
    if (ms > CAIRN_TIMER_RETRY_MS_MAX)
        ms = CAIRN_TIMER_RETRY_MS_MAX;
    return ms / 2 + cairn_jobs_random(jobs, ms / 2 + 1);
}

static cairn_err settle(cairn_jobs_txn *txn, const cairn_timer_firing *firing)
{
    timer_key key;
    jobs_timer_record record;
    cairn_jobs *jobs = txn->jobs;
    CAIRN_TRY(make_key(firing->timer.owner, firing->timer.id, &key));
    cairn_err err = find(txn->kv, view_of(&key), &record);
    if (err == CAIRN_ERR_NOT_FOUND || (err == CAIRN_OK && record.revision != firing->revision))
        return CAIRN_OK; /* cancelled or set again meanwhile */
    CAIRN_TRY(err);
    if (firing->err == CAIRN_OK)
        return remove_timer(txn, view_of(&key), &record);
    uint8_t payload[CAIRN_TIMER_PAYLOAD_SIZE_MAX]; /* the view ends with the first write */
    if (record.payload.size > 0)
        memcpy(payload, record.payload.data, record.payload.size);
    record.payload.data = payload;
    CAIRN_TRY(delete_due(txn->kv, view_of(&key), &record));
    record.next_ms = cairn_clock_wall_ms(&jobs->options.clock) + back_off_ms(jobs, record.attempts);
    if (record.attempts < UINT32_MAX)
        record.attempts++;
    return store(txn->kv, view_of(&key), &record);
}

static cairn_err settle_all(cairn_jobs *jobs, const cairn_timer_firing *list)
{
    cairn_jobs_txn txn;
    CAIRN_TRY(cairn_jobs_txn_begin(jobs, &txn));
    cairn_err err = CAIRN_OK;
    for (; list != NULL && err == CAIRN_OK; list = list->next)
        err = settle(&txn, list);
    return cairn_jobs_txn_end(&txn, err);
}

static void free_firings(cairn_timer_firing *list)
{
    while (list != NULL) {
        cairn_timer_firing *firing = list;
        list = firing->next;
        cairn_arena_done(&firing->arena);
        free(firing);
    }
}

static void give_back(cairn_jobs *jobs, cairn_timer_firing *list)
{
    while (list != NULL) {
        cairn_timer_firing *firing = list;
        list = firing->next;
        firing->next = jobs->fired;
        jobs->fired = firing;
    }
}

static cairn_err write_done(cairn_jobs *jobs)
{
    (void)pthread_mutex_lock(&jobs->lock);
    cairn_timer_firing *list = CAIRN_STEAL(jobs->fired);
    (void)pthread_mutex_unlock(&jobs->lock);
    if (list == NULL)
        return CAIRN_OK;
    cairn_err err = settle_all(jobs, list);
    uint64_t failed = 0;
    size_t count = 0;
    for (const cairn_timer_firing *f = list; f != NULL; f = f->next, count++)
        failed += f->err != CAIRN_OK;
    (void)pthread_mutex_lock(&jobs->lock);
    if (err != CAIRN_OK)
        give_back(jobs, list);
    else
        jobs->firing_count -= count;
    (void)pthread_cond_broadcast(&jobs->changed);
    (void)pthread_mutex_unlock(&jobs->lock);
    CAIRN_TRY(err);
    (void)atomic_fetch_add(&jobs->timers_failed, failed);
    free_firings(list);
    return CAIRN_OK;
}

/* --- what is due --- */

static bool is_firing(cairn_jobs *jobs, const cairn_timer *timer)
{
    bool found = false;
    (void)pthread_mutex_lock(&jobs->lock);
    for (size_t i = 0; i < 2 && !found; i++) {
        const cairn_timer_firing *f = i == 0 ? jobs->firing : jobs->fired;
        for (; f != NULL && !found; f = f->next)
            found = strcmp(f->timer.owner, timer->owner) == 0 &&
                    cairn_bytes_equal(f->timer.id, timer->id);
    }
    (void)pthread_mutex_unlock(&jobs->lock);
    return found;
}

static cairn_err copy_timer(cairn_timer_firing *firing, const cairn_timer *timer)
{
    cairn_bytes owner;
    firing->timer = *timer;
    CAIRN_TRY(cairn_arena_copy(&firing->arena,
                               cairn_bytes_of(timer->owner, strlen(timer->owner) + 1), &owner));
    firing->timer.owner = (const char *)owner.data;
    CAIRN_TRY(cairn_arena_copy(&firing->arena, timer->id, &firing->timer.id));
    return cairn_arena_copy(&firing->arena, timer->payload, &firing->timer.payload);
}

static cairn_err new_firing(cairn_jobs *jobs, const cairn_timer *timer, uint64_t revision,
                            cairn_timer_firing **ret_firing)
{
    cairn_timer_firing *firing = calloc(1, sizeof *firing);
    if (firing == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "timer: firing");
    firing->jobs = jobs;
    firing->revision = revision;
    cairn_arena_init(&firing->arena, SIZE_MAX / 2);
    cairn_err err = copy_timer(firing, timer);
    if (err != CAIRN_OK) {
        free_firings(firing);
        return err;
    }
    *ret_firing = firing;
    return CAIRN_OK;
}

static void fire(cairn_jobs *jobs, cairn_timer_firing *firing)
{
    const cairn_jobs_options *options = &jobs->options;
    (void)pthread_mutex_lock(&jobs->lock);
    firing->next = jobs->firing;
    jobs->firing = firing;
    jobs->firing_count++;
    (void)pthread_mutex_unlock(&jobs->lock);
    (void)atomic_fetch_add(&jobs->timers_fired, 1);
    if (cairn_callback_fire(jobs, firing))
        return;
    for (size_t i = 0; i < options->timer_owner_count; i++) {
        if (strcmp(options->timer_owners[i]->name, firing->timer.owner) == 0) {
            options->timer_owners[i]->fire(options->context, &firing->timer, firing);
            return;
        }
    }
    cairn_timer_done(firing, CAIRN_FAIL(CAIRN_ERR_NOT_FOUND, "house", "timer: no owner"));
}

typedef struct due_walk {
    cairn_jobs *jobs;
    cairn_kv_txn *kv;
    cairn_kv_cursor *cursor;
    uint64_t now;
    cairn_timer_firing *found; /* newest first */
    size_t room;
    bool full;
} due_walk;

static cairn_err take_due(due_walk *walk, cairn_bytes due)
{
    cairn_timer timer;
    uint64_t revision = 0;
    cairn_timer_firing *firing = NULL;
    CAIRN_TRY(load_due(walk->kv, due, &timer, &revision));
    if (is_firing(walk->jobs, &timer))
        return CAIRN_OK;
    if (walk->room == 0) {
        walk->full = true;
        return CAIRN_OK;
    }
    CAIRN_TRY(new_firing(walk->jobs, &timer, revision, &firing));
    firing->next = walk->found;
    walk->found = firing;
    walk->room--;
    return CAIRN_OK;
}

/* Entries of one kind from `from` on while they are due. */
static cairn_err walk_due(due_walk *walk, uint8_t kind, uint64_t from_ms, uint64_t until_ms)
{
    uint8_t from[JOBS_DUE_KEY_SIZE];
    cairn_bytes due, value;
    (void)cairn_jobs_due_key(kind == JOBS_DUE_RETRY, from_ms, cairn_bytes_of("", 0), from);
    cairn_err err =
        cairn_kv_cursor_seek(walk->cursor, cairn_bytes_of(from, sizeof from), &due, &value);
    for (; err == CAIRN_OK && !walk->full; err = cairn_kv_cursor_next(walk->cursor, &due, &value)) {
        if (due.size < JOBS_DUE_KEY_SIZE || due.data[0] != kind)
            return CAIRN_OK;
        uint64_t at_ms = cairn_get_u64(due.data + 1);
        if (at_ms > until_ms) {
            if (at_ms < walk->jobs->due_ms)
                walk->jobs->due_ms = at_ms;
            return CAIRN_OK;
        }
        CAIRN_TRY(take_due(walk, due));
    }
    return err == CAIRN_ERR_NOT_FOUND ? CAIRN_OK : err;
}

/* A retry further ahead than any wait is long was set before the clock went back: it is due. */
static cairn_err walk_all_due(due_walk *walk)
{
    CAIRN_TRY(cairn_kv_cursor_open(walk->kv, JOBS_TIMERS_DUE, &walk->cursor));
    CAIRN_TRY(walk_due(walk, JOBS_DUE_RETRY, walk->now + CAIRN_TIMER_RETRY_MS_MAX + 1, UINT64_MAX));
    CAIRN_TRY(walk_due(walk, JOBS_DUE_FIRST, 0, walk->now));
    return walk_due(walk, JOBS_DUE_RETRY, 0, walk->now);
}

static void fire_in_order(cairn_jobs *jobs, cairn_timer_firing *newest_first)
{
    cairn_timer_firing *oldest_first = NULL;
    while (newest_first != NULL) {
        cairn_timer_firing *firing = newest_first;
        newest_first = firing->next;
        firing->next = oldest_first;
        oldest_first = firing;
    }
    while (oldest_first != NULL) {
        cairn_timer_firing *firing = oldest_first;
        oldest_first = firing->next;
        fire(jobs, firing);
    }
}

static cairn_err fire_due(cairn_jobs *jobs)
{
    due_walk walk = {.jobs = jobs, .now = cairn_clock_wall_ms(&jobs->options.clock)};
    (void)pthread_mutex_lock(&jobs->lock);
    walk.room = CAIRN_TIMER_FIRINGS_MAX - jobs->firing_count;
    (void)pthread_mutex_unlock(&jobs->lock);
    CAIRN_TRY(cairn_kv_begin(jobs->kv, false, &walk.kv));
    cairn_err err = walk_all_due(&walk);
    cairn_kv_cursor_close(walk.cursor);
    cairn_kv_abort(walk.kv);
    fire_in_order(jobs, walk.found); /* those that were found before a failure too */
    return err;
}

cairn_err cairn_jobs_timers_step(cairn_jobs *jobs, bool *ret_more)
{
    CAIRN_TRY(write_done(jobs));
    if (jobs->closing)
        return CAIRN_OK;
    CAIRN_TRY(fire_due(jobs));
    (void)pthread_mutex_lock(&jobs->lock);
    *ret_more = *ret_more || jobs->fired != NULL;
    (void)pthread_mutex_unlock(&jobs->lock);
    return CAIRN_OK;
}
