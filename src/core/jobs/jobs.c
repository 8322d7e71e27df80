/* The jobs: opening and closing, ledgers that come and go, and the thread that does the steps. */
#include "core/jobs/jobs.h"

#include <errno.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <time.h>

#include "core/crypto/openssl.h"
#include "core/crypto/secret.h"
#include "core/jobs/jobs_impl.h"

enum {
    SCRATCH_SIZE = 128 * CAIRN_KV_KEY_SIZE_MAX, /* keys that one garbage round deletes */
    SLEEP_MS_MAX = 1000, /* longest sleep: a wall clock that jumps is noticed */
    RETRY_MS_MIN = 100,
    RETRY_MS_MAX = 30000,
};

static const size_t map_size_default = (size_t)16 << 30;

static const char *const table_names[JOBS_TABLES] = {
    "meta",  "consumers", "requests", "rows", "garbage",   "timers",    "timers_due",     "outbox",
    "lanes", "lanes_due", "tenants",  "dead", "page_keys", "callbacks", "callback_topics"};

const cairn_log_event cairn_jobs_log_rows[] = {
    [JOBS_LOG_PARKED] = {"jobs.parked", CAIRN_LOG_ERROR, 20, 20,
                         "a projection or reaction failed on an event and waits to be resumed or "
                         "rebuilt; others go on"},
    [JOBS_LOG_BUILT] = {"jobs.built", CAIRN_LOG_INFO, 20, 60,
                        "new tables of projections are served"},
    [JOBS_LOG_BUILDING] = {"jobs.ordered", CAIRN_LOG_INFO, 20, 60,
                           "an order to rebuild or resume is carried out"},
    [JOBS_LOG_STALLED] = {"jobs.stalled", CAIRN_LOG_WARNING, 5, 10,
                          "events could not be read or their effects not be written; it is tried "
                          "again"},
    [JOBS_LOG_FAILED] = {"jobs.failed", CAIRN_LOG_ERROR, 5, 1,
                         "the jobs' store takes no more writes; start the node again"},
    [JOBS_LOG_TIMER_FAILED] = {"jobs.timer_failed", CAIRN_LOG_WARNING, 20, 20,
                               "the handler of a timer failed; it is tried again"},
    [JOBS_LOG_DIED] = {"jobs.outbox_died", CAIRN_LOG_WARNING, 20, 60,
                       "a message could not be delivered and became a dead letter"},
};

const cairn_log_table cairn_jobs_log_events = {
    cairn_jobs_log_rows, sizeof cairn_jobs_log_rows / sizeof cairn_jobs_log_rows[0]};

/* --- opening --- */

static cairn_err check_name(const cairn_jobs_options *options, const char *name)
{
    size_t seen = 0;
    if (!cairn_jobs_is_name(name))
        return CAIRN_FAIL(CAIRN_ERR_CONFIG, "house", "jobs: \"%s\" is no name", name);
    for (size_t i = 0; i < options->projection_count; i++)
        seen += strcmp(options->projections[i]->name, name) == 0;
    for (size_t i = 0; i < options->reaction_count; i++)
        seen += strcmp(options->reactions[i]->name, name) == 0;
    if (seen > 1)
        return CAIRN_FAIL(CAIRN_ERR_CONFIG, "house", "jobs: two are named %s", name);
    return CAIRN_OK;
}

static cairn_err check_options(const cairn_jobs_options *options)
{
    for (size_t i = 0; i < options->projection_count; i++) {
        const cairn_projection *row = options->projections[i];
        CAIRN_TRY(check_name(options, row->name));
        if (row->version < 1 || row->table_count < 1 ||
            row->table_count > CAIRN_PROJECTION_TABLES_MAX)
            return CAIRN_FAIL(CAIRN_ERR_CONFIG, "house", "jobs: version or tables of %s",
                              row->name);
    }
    for (size_t i = 0; i < options->reaction_count; i++)
        CAIRN_TRY(check_name(options, options->reactions[i]->name));
    for (size_t i = 0; i < options->timer_owner_count; i++)
        if (!cairn_jobs_is_name(options->timer_owners[i]->name))
            return CAIRN_FAIL(CAIRN_ERR_CONFIG, "house", "jobs: a timer owner has no name");
    return CAIRN_OK;
}

static cairn_err init_locks(cairn_jobs *jobs)
{
    pthread_condattr_t attributes;
    int rc = pthread_mutex_init(&jobs->lock, NULL);
    if (rc == 0)
        rc = pthread_mutex_init(&jobs->step_lock, NULL);
    if (rc == 0)
        rc = pthread_mutex_init(&jobs->rotate_lock, NULL);
    if (rc == 0)
        rc = pthread_condattr_init(&attributes);
    if (rc != 0)
        return cairn_err_from_errno(rc, "jobs: locks");
    rc = pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    if (rc == 0)
        rc = pthread_cond_init(&jobs->changed, &attributes);
    (void)pthread_condattr_destroy(&attributes);
    return rc == 0 ? CAIRN_OK : cairn_err_from_errno(rc, "jobs: condition");
}

static cairn_err init_memory(cairn_jobs *jobs)
{
    jobs->consumer_count = jobs->options.projection_count + jobs->options.reaction_count;
    cairn_arena_init(&jobs->batch.arena, CAIRN_JOBS_BATCH_SIZE_MAX + (1 << 20));
    jobs->batch.events = calloc(CAIRN_JOBS_BATCH_EVENTS_MAX, sizeof *jobs->batch.events);
    jobs->batch.takers = calloc(jobs->consumer_count + 1, sizeof(jobs_consumer *));
    jobs->scratch = malloc(SCRATCH_SIZE);
    if (jobs->batch.events == NULL || jobs->batch.takers == NULL || jobs->scratch == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "jobs: buffers");
    jobs->prng = jobs->options.seed;
    if (jobs->prng == 0 && RAND_bytes((unsigned char *)&jobs->prng, sizeof jobs->prng) != 1)
        return cairn_openssl_fail("jobs: seed");
    return CAIRN_OK;
}

static void free_slot(jobs_slot *slot)
{
    free(slot->consumers);
    free(slot);
}

static void free_jobs(cairn_jobs *jobs)
{
    for (size_t i = 0; i < jobs->slot_count; i++)
        free_slot(jobs->slots[i]);
    cairn_wipe(jobs->page_keys, sizeof jobs->page_keys);
    cairn_arena_done(&jobs->batch.arena);
    cairn_kv_close(jobs->kv);
    free(jobs->slots);
    free(jobs->batch.events);
    free(jobs->batch.takers);
    free(jobs->scratch);
    (void)pthread_cond_destroy(&jobs->changed);
    (void)pthread_mutex_destroy(&jobs->step_lock);
    (void)pthread_mutex_destroy(&jobs->rotate_lock);
    (void)pthread_mutex_destroy(&jobs->lock);
    free(jobs);
}

cairn_err cairn_jobs_open(const char *directory, const cairn_jobs_options *options,
                          cairn_jobs **ret_jobs)
{
    uint64_t callbacks = 0;
    uint64_t behind = 0;
    CAIRN_TRY(check_options(options));
    cairn_jobs *jobs = calloc(1, sizeof *jobs);
    if (jobs == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "jobs");
    jobs->options = *options;
    jobs->due_ms = UINT64_MAX;
    cairn_err err = init_locks(jobs);
    if (err != CAIRN_OK) {
        free(jobs);
        return err;
    }
    err = init_memory(jobs);
    if (err == CAIRN_OK)
        err =
            cairn_kv_open(directory, table_names, JOBS_TABLES,
                          options->map_size != 0 ? options->map_size : map_size_default, &jobs->kv);
    if (err == CAIRN_OK)
        err = cairn_jobs_page_keys_load(jobs);
    if (err == CAIRN_OK)
        err = cairn_callback_counts(jobs, &callbacks, &behind);
    atomic_init(&jobs->callbacks_expected, callbacks > 0);
    if (err != CAIRN_OK) {
        free_jobs(jobs);
        return err;
    }
    *ret_jobs = jobs;
    return CAIRN_OK;
}

static void wait_for_handlers(cairn_jobs *jobs)
{
    (void)pthread_mutex_lock(&jobs->lock);
    while (jobs->firing != NULL || jobs->delivering != NULL)
        (void)pthread_cond_wait(&jobs->changed, &jobs->lock);
    (void)pthread_mutex_unlock(&jobs->lock);
}

/* What cannot be kept now is done again by the next who opens: both lists are at least once. */
static void free_done(cairn_jobs *jobs)
{
    while (jobs->fired != NULL) {
        cairn_timer_firing *firing = jobs->fired;
        jobs->fired = firing->next;
        cairn_arena_done(&firing->arena);
        free(firing);
    }
    while (jobs->delivered != NULL) {
        cairn_outbox_delivery *delivery = jobs->delivered;
        jobs->delivered = delivery->next;
        cairn_arena_done(&delivery->arena);
        free(delivery);
    }
}

void cairn_jobs_close(cairn_jobs *jobs)
{
    if (jobs == NULL)
        return;
    bool more = false;
    cairn_jobs_stop(jobs);
    wait_for_handlers(jobs);
    jobs->closing = true;
    cairn_err err = cairn_jobs_timers_step(jobs, &more);
    if (err == CAIRN_OK)
        err = cairn_jobs_outbox_step(jobs, &more);
    for (size_t i = 0; i < jobs->slot_count && err == CAIRN_OK; i++)
        err = cairn_jobs_feed_save(jobs, jobs->slots[i]);
    if (err != CAIRN_OK)
        CAIRN_LOG(jobs->options.log, &cairn_jobs_log_rows[JOBS_LOG_STALLED], cairn_log_err(err));
    free_done(jobs);
    free_jobs(jobs);
}

/* --- ledgers --- */

/* Takes step_lock before the next step. */
static void enter(cairn_jobs *jobs)
{
    (void)pthread_mutex_lock(&jobs->lock);
    jobs->visitors++;
    (void)pthread_mutex_unlock(&jobs->lock);
    (void)pthread_mutex_lock(&jobs->step_lock);
}

static void leave(cairn_jobs *jobs)
{
    (void)pthread_mutex_unlock(&jobs->step_lock);
    (void)pthread_mutex_lock(&jobs->lock);
    jobs->visitors--;
    (void)pthread_cond_broadcast(&jobs->changed);
    (void)pthread_mutex_unlock(&jobs->lock);
}

/* Index of the first slot whose number is at least `number`. */
static size_t find_slot(const cairn_jobs *jobs, uint32_t number)
{
    size_t low = 0;
    size_t high = jobs->slot_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (jobs->slots[middle]->number < number)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

jobs_slot *cairn_jobs_slot(const cairn_jobs *jobs, uint32_t number)
{
    size_t i = find_slot(jobs, number);
    return i < jobs->slot_count && jobs->slots[i]->number == number ? jobs->slots[i] : NULL;
}

static cairn_err make_slot(cairn_jobs *jobs, uint32_t number, const cairn_hash *id,
                           const cairn_event_source *source, jobs_slot **ret_slot)
{
    jobs_slot *slot = calloc(1, sizeof *slot);
    if (slot == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "jobs: slot");
    *slot = (jobs_slot){.number = number, .id = *id, .source = *source, .woken = true};
    slot->consumers = calloc(jobs->consumer_count + 1, sizeof *slot->consumers);
    if (slot->consumers == NULL) {
        free(slot);
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "jobs: consumers");
    }
    for (size_t i = 0; i < jobs->consumer_count; i++) {
        if (i < jobs->options.projection_count)
            slot->consumers[i].projection = jobs->options.projections[i];
        else
            slot->consumers[i].reaction =
                jobs->options.reactions[i - jobs->options.projection_count];
    }
    *ret_slot = slot;
    return CAIRN_OK;
}

static cairn_err reconcile_all(cairn_jobs *jobs, jobs_slot *slot)
{
    cairn_jobs_txn txn;
    bool changed = false;
    CAIRN_TRY(cairn_jobs_txn_begin(jobs, &txn));
    cairn_err err = CAIRN_OK;
    for (size_t i = 0; i < jobs->consumer_count && err == CAIRN_OK; i++)
        err = cairn_jobs_reconcile(&txn, slot, &slot->consumers[i], &changed);
    if (err != CAIRN_OK || !changed) { /* a thousand ledgers are attached without a sync each */
        cairn_jobs_txn_abort(&txn);
        return err;
    }
    return cairn_jobs_txn_commit(&txn);
}

static cairn_err insert_slot(cairn_jobs *jobs, jobs_slot *slot)
{
    jobs_slot **slots = malloc((jobs->slot_count + 1) * sizeof(jobs_slot *));
    if (slots == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "jobs: slots");
    size_t at = find_slot(jobs, slot->number);
    (void)pthread_mutex_lock(&jobs->lock);
    jobs_slot **old = jobs->slots;
    for (size_t i = 0; i <= jobs->slot_count; i++)
        slots[i] = i < at ? old[i] : i == at ? slot : old[i - 1];
    jobs->slots = slots;
    jobs->slot_count++;
    (void)pthread_mutex_unlock(&jobs->lock);
    free(old);
    return CAIRN_OK;
}

static cairn_err attach(cairn_jobs *jobs, uint32_t number, const cairn_hash *id,
                        const cairn_event_source *source)
{
    jobs_slot *slot = NULL;
    if (cairn_jobs_slot(jobs, number) != NULL)
        return CAIRN_FAIL(CAIRN_ERR_EXISTS, "house", "jobs: slot %u is taken", number);
    if (jobs->slot_count >= CAIRN_JOBS_SLOTS_MAX)
        return CAIRN_FAIL(CAIRN_ERR_TOO_MANY, "house", "jobs: more than %d ledgers",
                          CAIRN_JOBS_SLOTS_MAX);
    CAIRN_TRY(make_slot(jobs, number, id, source, &slot));
    cairn_err err = reconcile_all(jobs, slot);
    if (err == CAIRN_OK)
        err = insert_slot(jobs, slot);
    if (err != CAIRN_OK)
        free_slot(slot);
    return err; /* jobs->slots has it: NOLINT(clang-analyzer-unix.Malloc) */
}

cairn_err cairn_jobs_attach(cairn_jobs *jobs, uint32_t slot, const cairn_hash *id,
                            const cairn_event_source *source)
{
    enter(jobs);
    cairn_err err = attach(jobs, slot, id, source);
    leave(jobs);
    cairn_jobs_kick(jobs);
    return err;
}

void cairn_jobs_detach(cairn_jobs *jobs, uint32_t number)
{
    enter(jobs);
    jobs_slot *slot = cairn_jobs_slot(jobs, number);
    if (slot != NULL) {
        cairn_err err = cairn_jobs_feed_save(jobs, slot);
        if (err != CAIRN_OK) /* then its events are read once more */
            CAIRN_LOG(jobs->options.log, &cairn_jobs_log_rows[JOBS_LOG_STALLED],
                      cairn_log_u64("slot", number), cairn_log_err(err));
        size_t at = find_slot(jobs, number);
        (void)pthread_mutex_lock(&jobs->lock);
        for (size_t i = at; i + 1 < jobs->slot_count; i++)
            jobs->slots[i] = jobs->slots[i + 1];
        jobs->slot_count--;
        (void)pthread_mutex_unlock(&jobs->lock);
        free_slot(slot);
    }
    leave(jobs);
}

void cairn_jobs_wake(cairn_jobs *jobs, uint32_t number)
{
    (void)pthread_mutex_lock(&jobs->lock);
    jobs_slot *slot = cairn_jobs_slot(jobs, number);
    if (slot != NULL) {
        slot->woken = true;
        jobs->kicked = true;
        jobs->idle = false;
        (void)pthread_cond_broadcast(&jobs->changed);
    }
    (void)pthread_mutex_unlock(&jobs->lock);
}

/* --- steps --- */

static uint64_t now_ns(const cairn_jobs *jobs)
{
    return cairn_clock_monotonic_ns(&jobs->options.clock);
}

static uint64_t retry_after_ns(unsigned failures)
{
    uint64_t ms = (uint64_t)RETRY_MS_MIN << (failures < 10 ? failures : 10);
    return (ms < RETRY_MS_MAX ? ms : RETRY_MS_MAX) * UINT64_C(1000000);
}

/* True when the ledger is to be looked at now; it then counts as looked at. */
static bool take_wake(cairn_jobs *jobs, jobs_slot *slot)
{
    uint64_t now = now_ns(jobs);
    if (slot->failures > 0 && slot->again_ns > now)
        return false;
    (void)pthread_mutex_lock(&jobs->lock);
    bool woken = slot->woken;
    slot->woken = false;
    (void)pthread_mutex_unlock(&jobs->lock);
    return woken || slot->more || (slot->again_ns != 0 && slot->again_ns <= now);
}

static cairn_err feed_slot(cairn_jobs *jobs, jobs_slot *slot, bool *ret_more)
{
    if (!take_wake(jobs, slot))
        return CAIRN_OK;
    cairn_err err = cairn_jobs_feed(jobs, slot);
    if (err != CAIRN_OK) {
        CAIRN_LOG(jobs->options.log, &cairn_jobs_log_rows[JOBS_LOG_STALLED],
                  cairn_log_u64("slot", slot->number), cairn_log_err(err));
        slot->again_ns = now_ns(jobs) + retry_after_ns(slot->failures++);
        slot->more = false;
        return err;
    }
    slot->failures = 0;
    *ret_more = *ret_more || slot->more;
    return CAIRN_OK;
}

/* A ledger whose events cannot be read does not keep the others from theirs. */
static cairn_err feed_slots(cairn_jobs *jobs, bool *ret_more)
{
    cairn_err first = CAIRN_OK;
    for (size_t i = 0; i < jobs->slot_count; i++) {
        cairn_err err = feed_slot(jobs, jobs->slots[i], ret_more);
        if (first == CAIRN_OK)
            first = err;
    }
    return first;
}

static cairn_err step_store(cairn_jobs *jobs, bool *ret_more)
{
    jobs->due_ms = UINT64_MAX;
    CAIRN_TRY(cairn_jobs_requests_step(jobs, ret_more));
    CAIRN_TRY(cairn_jobs_timers_step(jobs, ret_more));
    CAIRN_TRY(cairn_jobs_outbox_step(jobs, ret_more));
    CAIRN_TRY(cairn_jobs_garbage_step(jobs, ret_more));
    return cairn_jobs_page_keys_step(jobs);
}

static cairn_err step_locked(cairn_jobs *jobs, bool *ret_more)
{
    if (atomic_load(&jobs->failed))
        return CAIRN_FAIL(CAIRN_ERR_READ_ONLY, "house", "jobs: an earlier commit failed");
    cairn_err fed = feed_slots(jobs, ret_more);
    if (jobs->failures > 0 && jobs->retry_ns > now_ns(jobs))
        return fed;
    cairn_err err = step_store(jobs, ret_more);
    if (err == CAIRN_OK) {
        jobs->failures = 0;
        return fed;
    }
    CAIRN_LOG(jobs->options.log, &cairn_jobs_log_rows[JOBS_LOG_STALLED], cairn_log_err(err));
    jobs->retry_ns = now_ns(jobs) + retry_after_ns(jobs->failures++);
    *ret_more = false;
    return err;
}

static uint64_t min_u64(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* How long nothing has to be done, at most SLEEP_MS_MAX. */
static uint64_t sleep_after_step(const cairn_jobs *jobs)
{
    uint64_t wall = cairn_clock_wall_ms(&jobs->options.clock);
    uint64_t ns = now_ns(jobs);
    uint64_t ms = SLEEP_MS_MAX;
    if (jobs->due_ms != UINT64_MAX)
        ms = min_u64(ms, jobs->due_ms > wall ? jobs->due_ms - wall : 0);
    if (jobs->failures > 0)
        ms = jobs->retry_ns > ns ? (jobs->retry_ns - ns) / 1000000 + 1 : 0;
    for (size_t i = 0; i < jobs->slot_count; i++) {
        uint64_t again = jobs->slots[i]->again_ns;
        if (again != 0)
            ms = min_u64(ms, again > ns ? (again - ns) / 1000000 + 1 : 0);
    }
    return min_u64(ms, SLEEP_MS_MAX);
}

/* A ledger that could not be read is tried again later, or a reaction waits for room. */
static bool is_owing(const cairn_jobs *jobs)
{
    for (size_t i = 0; i < jobs->slot_count; i++) {
        const jobs_slot *slot = jobs->slots[i];
        if (slot->failures > 0)
            return true;
        for (size_t c = jobs->options.projection_count; c < jobs->consumer_count; c++)
            if (slot->consumers[c].wait_until_ns != 0)
                return true;
    }
    return jobs->failures > 0;
}

cairn_err cairn_jobs_step(cairn_jobs *jobs, bool *ret_more)
{
    bool more = false;
    (void)pthread_mutex_lock(&jobs->step_lock);
    bool had_failed = atomic_load(&jobs->failed);
    cairn_err err = step_locked(jobs, &more);
    if (!had_failed && atomic_load(&jobs->failed))
        CAIRN_LOG(jobs->options.log, &cairn_jobs_log_rows[JOBS_LOG_FAILED], cairn_log_err(err));
    (void)pthread_mutex_lock(&jobs->lock);
    jobs->sleep_ms = sleep_after_step(jobs);
    jobs->owing = is_owing(jobs);
    (void)pthread_mutex_unlock(&jobs->lock);
    (void)pthread_mutex_unlock(&jobs->step_lock);
    *ret_more = more;
    return err;
}

/* --- the thread --- */

static struct timespec deadline_in(uint64_t ms)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    t.tv_sec += (time_t)(ms / 1000);
    t.tv_nsec += (long)(ms % 1000) * 1000000;
    if (t.tv_nsec >= 1000000000) {
        t.tv_sec++;
        t.tv_nsec -= 1000000000;
    }
    return t;
}

/* With the lock. */
static void rest(cairn_jobs *jobs, uint64_t ms)
{
    struct timespec deadline = deadline_in(ms);
    while (!jobs->stopping && !jobs->kicked)
        if (pthread_cond_timedwait(&jobs->changed, &jobs->lock, &deadline) == ETIMEDOUT)
            return;
}

static void *run(void *context)
{
    cairn_jobs *jobs = context;
    (void)pthread_mutex_lock(&jobs->lock);
    while (!jobs->stopping) {
        while (jobs->visitors > 0 && !jobs->stopping)
            (void)pthread_cond_wait(&jobs->changed, &jobs->lock);
        bool more = false;
        jobs->kicked = jobs->idle = false;
        (void)pthread_mutex_unlock(&jobs->lock);
        cairn_err err = cairn_jobs_step(jobs, &more); /* logged there */
        (void)pthread_mutex_lock(&jobs->lock);
        if (more && err == CAIRN_OK)
            continue;
        jobs->idle = !jobs->kicked && err == CAIRN_OK && !jobs->owing;
        (void)pthread_cond_broadcast(&jobs->changed);
        rest(jobs, atomic_load(&jobs->failed) ? SLEEP_MS_MAX : jobs->sleep_ms);
    }
    (void)pthread_mutex_unlock(&jobs->lock);
    return NULL;
}

cairn_err cairn_jobs_start(cairn_jobs *jobs)
{
    CAIRN_ASSERT(!jobs->running);
    jobs->stopping = false;
    int rc = pthread_create(&jobs->thread, NULL, run, jobs);
    if (rc != 0)
        return cairn_err_from_errno(rc, "jobs: thread");
    jobs->running = true;
    return CAIRN_OK;
}

void cairn_jobs_stop(cairn_jobs *jobs)
{
    if (!jobs->running)
        return;
    (void)pthread_mutex_lock(&jobs->lock);
    jobs->stopping = true;
    (void)pthread_cond_broadcast(&jobs->changed);
    (void)pthread_mutex_unlock(&jobs->lock);
    (void)pthread_join(jobs->thread, NULL);
    jobs->running = false;
}

/* --- waiting --- */

/* With the lock: least height of what is served, or will be first. */
static uint64_t settled_height(const cairn_jobs *jobs, const jobs_slot *slot)
{
    uint64_t height = UINT64_MAX;
    for (size_t i = 0; i < jobs->options.projection_count; i++) {
        const jobs_consumer *consumer = &slot->consumers[i];
        bool is_served = consumer->record.builds[JOBS_SERVING].present;
        size_t build = is_served ? JOBS_SERVING : JOBS_BUILDING;
        if (cairn_jobs_is_fed(consumer, &consumer->record, build))
            height = min_u64(height, consumer->record.builds[build].position.height);
    }
    return height;
}

cairn_err cairn_jobs_wait(cairn_jobs *jobs, uint32_t number, uint64_t height, uint32_t timeout_ms)
{
    struct timespec deadline = deadline_in(timeout_ms);
    cairn_err err = CAIRN_OK;
    (void)pthread_mutex_lock(&jobs->lock);
    for (;;) {
        const jobs_slot *slot = cairn_jobs_slot(jobs, number);
        if (slot == NULL)
            err = CAIRN_FAIL(CAIRN_ERR_NOT_FOUND, "house", "jobs: no ledger in slot %u", number);
        if (slot == NULL || settled_height(jobs, slot) >= height)
            break;
        if (jobs->stopping)
            err = CAIRN_FAIL(CAIRN_ERR_CANCELLED, "house", "jobs: stopped");
        else if (pthread_cond_timedwait(&jobs->changed, &jobs->lock, &deadline) == ETIMEDOUT)
            err = CAIRN_FAIL(CAIRN_ERR_EXPIRED, "house", "jobs: block %llu not taken in time",
                             (unsigned long long)height);
        if (err != CAIRN_OK)
            break;
    }
    (void)pthread_mutex_unlock(&jobs->lock);
    return err;
}

/* One step by who drains, when there is no thread. What fails is tried again until time is up. */
static void step_alone(cairn_jobs *jobs, bool *ret_more)
{
    bool more = false;
    (void)pthread_mutex_lock(&jobs->lock);
    jobs->kicked = false;
    (void)pthread_mutex_unlock(&jobs->lock);
    cairn_err err = cairn_jobs_step(jobs, &more); /* logged there */
    (void)pthread_mutex_lock(&jobs->lock);
    jobs->idle = !more && err == CAIRN_OK && !jobs->kicked && !jobs->owing;
    (void)pthread_mutex_unlock(&jobs->lock);
    *ret_more = more && err == CAIRN_OK;
}

static bool is_drained(const cairn_jobs *jobs)
{
    return jobs->idle && jobs->firing_count == 0 && jobs->delivery_count == 0;
}

/* With the lock: until something changes, at most until the next step is due, or time is up. */
static void wait_for_change(cairn_jobs *jobs, const struct timespec *deadline)
{
    struct timespec next = deadline_in(jobs->sleep_ms);
    bool sooner = next.tv_sec < deadline->tv_sec ||
                  (next.tv_sec == deadline->tv_sec && next.tv_nsec < deadline->tv_nsec);
    if (jobs->running || !sooner)
        next = *deadline;
    if (jobs->running || !jobs->kicked)
        (void)pthread_cond_timedwait(&jobs->changed, &jobs->lock, &next);
}

static bool is_past(const struct timespec *deadline)
{
    struct timespec now = deadline_in(0);
    return now.tv_sec > deadline->tv_sec ||
           (now.tv_sec == deadline->tv_sec && now.tv_nsec >= deadline->tv_nsec);
}

cairn_err cairn_jobs_drain(cairn_jobs *jobs, uint32_t timeout_ms)
{
    const struct timespec deadline = deadline_in(timeout_ms);
    bool drained = false;
    for (bool late = false; !drained && !late; late = !drained && is_past(&deadline)) {
        bool more = false;
        if (atomic_load(&jobs->failed))
            return CAIRN_FAIL(CAIRN_ERR_READ_ONLY, "house", "jobs: an earlier commit failed");
        if (!jobs->running)
            step_alone(jobs, &more);
        (void)pthread_mutex_lock(&jobs->lock);
        drained = is_drained(jobs);
        if (!drained && !more)
            wait_for_change(jobs, &deadline);
        drained = is_drained(jobs);
        (void)pthread_mutex_unlock(&jobs->lock);
    }
    return drained ? CAIRN_OK : CAIRN_FAIL(CAIRN_ERR_EXPIRED, "house", "jobs: not drained in time");
}
