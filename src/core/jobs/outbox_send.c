/* Deliveries: which lane may go, and what becomes of its message. The lanes lie in the order of
 * time; a sweep goes through them in bounded steps, so that many that must wait for one slow peer
 * do not hide the others. */
#include <stdio.h>
#include <stdlib.h>

#include "core/jobs/outbox_rows.h"

enum {
    SWEEP_ENTRIES = 1024, /* looked at in one step */
    EXPIRED_MAX = 64,     /* buried in one step */
    BACK_OFF_MS_MIN = 1000,
    BACK_OFF_MS_MAX = 900000,
    ENTRY_SIZE = JOBS_DUE_KEY_SIZE + (int)sizeof(cairn_hash),
};

/* --- what came back --- */

void cairn_outbox_done(cairn_outbox_delivery *delivery, const cairn_outbox_result *result)
{
    cairn_jobs *jobs = delivery->jobs;
    delivery->result = *result;
    (void)snprintf(delivery->detail, sizeof delivery->detail, "%s",
                   result->detail != NULL ? result->detail : "");
    delivery->result.detail = delivery->detail;
    (void)pthread_mutex_lock(&jobs->lock);
    cairn_outbox_delivery **list = &jobs->delivering;
    while (*list != delivery)
        list = &(*list)->next;
    *list = delivery->next;
    delivery->next = jobs->delivered;
    jobs->delivered = delivery;
    jobs->kicked = true;
    jobs->idle = false;
    (void)pthread_cond_broadcast(&jobs->changed);
    (void)pthread_mutex_unlock(&jobs->lock);
}

bool cairn_outbox_is_wanted(const cairn_outbox_delivery *delivery)
{
    cairn_kv_txn *kv = NULL;
    outbox_head head;
    if (cairn_kv_begin(delivery->jobs->kv, false, &kv) != CAIRN_OK)
        return true;
    cairn_err err = cairn_outbox_head(kv, &delivery->lane, &head);
    bool gone = err == CAIRN_ERR_NOT_FOUND || (err == CAIRN_OK && head.id != delivery->row.id);
    cairn_kv_abort(kv);
    return !gone;
}

typedef enum verdict { DELIVERED, TRY_AGAIN, GIVE_UP } verdict;

/* RFC 9110 section 15; a call that is not allowed, to a place or in its form, will not be later. */
static verdict judge(const cairn_outbox_result *result)
{
    if (result->err == CAIRN_ERR_ARGUMENT || result->err == CAIRN_ERR_PERMISSION)
        return GIVE_UP;
    if (result->err != CAIRN_OK)
        return TRY_AGAIN;
    if (result->status >= 200 && result->status < 300)
        return DELIVERED;
    bool may_pass = result->status == 408 || result->status == 425 || result->status == 429 ||
                    result->status >= 500;
    return may_pass ? TRY_AGAIN : GIVE_UP;
}

static void describe(const cairn_outbox_delivery *delivery, char ret_text[JOBS_REASON_SIZE_MAX + 1])
{
    const cairn_outbox_result *result = &delivery->result;
    if (result->err == CAIRN_OK)
        (void)snprintf(ret_text, JOBS_REASON_SIZE_MAX + 1, "answered %d", result->status);
    else
        (void)snprintf(ret_text, JOBS_REASON_SIZE_MAX + 1, "%s: %.200s",
                       cairn_err_name(result->err), result->detail);
}

/* Full jitter: anything up to a bound that doubles; not before the peer wants it. */
static uint64_t wait_ms(cairn_jobs *jobs, uint32_t attempts, uint64_t retry_after_ms)
{
    uint64_t bound = (uint64_t)BACK_OFF_MS_MIN << (attempts < 16 ? attempts : 16);
    if (bound > BACK_OFF_MS_MAX)
        bound = BACK_OFF_MS_MAX;
    uint64_t ms = cairn_jobs_random(jobs, bound + 1);
    if (retry_after_ms > ms)
        ms = retry_after_ms;
    return ms < CAIRN_OUTBOX_RETRY_MS_MAX ? ms : CAIRN_OUTBOX_RETRY_MS_MAX;
}

/* Once the store has it: what a broken-off transaction buried lives on. */
static void log_death(cairn_jobs *jobs, const cairn_outbox_row *row, const char *reason)
{
    (void)atomic_fetch_add(&jobs->outbox_died, 1);
    CAIRN_LOG(jobs->options.log, &cairn_jobs_log_rows[JOBS_LOG_DIED],
              cairn_log_text("tenant", row->message.tenant),
              cairn_log_text("destination", row->message.destination), cairn_log_u64("id", row->id),
              cairn_log_text("reason", reason));
}

static cairn_err settle_failed(cairn_jobs_txn *txn, cairn_outbox_delivery *delivery,
                               const outbox_head *head)
{
    cairn_jobs *jobs = txn->jobs;
    uint32_t attempts = head->lane.attempts;
    uint64_t expires_ms = head->message.expires_ms;
    char reason[JOBS_REASON_SIZE_MAX + 1];
    describe(delivery, reason);
    if (judge(&delivery->result) == GIVE_UP || attempts + 1 >= CAIRN_OUTBOX_ATTEMPTS_MAX) {
        delivery->died = true;
        return cairn_outbox_bury_head(txn, &delivery->lane, attempts + 1, delivery->result.status,
                                      reason);
    }
    uint64_t at_ms = cairn_clock_wall_ms(&jobs->options.clock) +
                     wait_ms(jobs, attempts, delivery->result.retry_after_ms);
    return cairn_outbox_retry_head(txn, &delivery->lane, at_ms < expires_ms ? at_ms : expires_ms,
                                   delivery->result.status, reason);
}

static cairn_err settle(cairn_jobs_txn *txn, cairn_outbox_delivery *delivery)
{
    outbox_head head;
    delivery->died = false; /* of an attempt to write it that failed */
    cairn_err err = cairn_outbox_head(txn->kv, &delivery->lane, &head);
    if (err == CAIRN_ERR_NOT_FOUND || (err == CAIRN_OK && head.id != delivery->row.id))
        return CAIRN_OK; /* cancelled meanwhile */
    CAIRN_TRY(err);
    return judge(&delivery->result) == DELIVERED ? cairn_outbox_remove_head(txn, &delivery->lane)
                                                 : settle_failed(txn, delivery, &head);
}

static cairn_err settle_all(cairn_jobs *jobs, cairn_outbox_delivery *list)
{
    cairn_jobs_txn txn;
    CAIRN_TRY(cairn_jobs_txn_begin(jobs, &txn));
    cairn_err err = CAIRN_OK;
    for (; list != NULL && err == CAIRN_OK; list = list->next)
        err = settle(&txn, list);
    return cairn_jobs_txn_end(&txn, err);
}

static void free_deliveries(cairn_outbox_delivery *list)
{
    while (list != NULL) {
        cairn_outbox_delivery *delivery = list;
        list = delivery->next;
        cairn_arena_done(&delivery->arena);
        free(delivery);
    }
}

static void count_results(cairn_jobs *jobs, const cairn_outbox_delivery *list)
{
    for (; list != NULL; list = list->next) {
        bool delivered = judge(&list->result) == DELIVERED;
        (void)atomic_fetch_add(delivered ? &jobs->outbox_delivered : &jobs->outbox_failed, 1);
        if (list->died) {
            char reason[JOBS_REASON_SIZE_MAX + 1];
            describe(list, reason);
            log_death(jobs, &list->row, reason);
        }
    }
}

/* What could not be written is kept for the next step, behind what came since. */
static cairn_err write_delivered(cairn_jobs *jobs)
{
    size_t count = 0;
    (void)pthread_mutex_lock(&jobs->lock);
    cairn_outbox_delivery *list = CAIRN_STEAL(jobs->delivered);
    (void)pthread_mutex_unlock(&jobs->lock);
    if (list == NULL)
        return CAIRN_OK;
    cairn_err err = settle_all(jobs, list);
    cairn_outbox_delivery *last = list;
    for (count = 1; last->next != NULL; count++)
        last = last->next;
    (void)pthread_mutex_lock(&jobs->lock);
    if (err != CAIRN_OK) {
        last->next = jobs->delivered;
        jobs->delivered = list;
    } else {
        jobs->delivery_count -= count;
    }
    (void)pthread_cond_broadcast(&jobs->changed);
    (void)pthread_mutex_unlock(&jobs->lock);
    CAIRN_TRY(err);
    count_results(jobs, list);
    free_deliveries(list);
    return CAIRN_OK;
}

/* --- what may go --- */

typedef struct sweep {
    cairn_jobs *jobs;
    cairn_kv_txn *kv;
    cairn_kv_cursor *cursor;
    uint64_t now;
    size_t room;
    size_t scanned;
    cairn_outbox_delivery *found; /* newest first */
    cairn_hash expired[EXPIRED_MAX];
    size_t expired_count;
    bool ended; /* all entries were seen */
} sweep;

/* True when the lane has a delivery, or its peer or its tenant as many as it may: one tenant's
 * peers that never answer leave the others their turn. */
static bool must_wait(const sweep *s, const cairn_hash *lane, const cairn_hash *origin,
                      cairn_bytes tenant)
{
    size_t same = 0;
    size_t own = 0;
    bool taken = false;
    (void)pthread_mutex_lock(&s->jobs->lock);
    const cairn_outbox_delivery *lists[] = {s->jobs->delivering, s->jobs->delivered, s->found};
    for (size_t i = 0; i < 3; i++) {
        for (const cairn_outbox_delivery *d = lists[i]; d != NULL; d = d->next) {
            taken = taken || cairn_hash_equal(&d->lane, lane);
            same += cairn_hash_equal(&d->origin, origin);
            own += cairn_bytes_equal(cairn_bytes_str(d->row.message.tenant), tenant);
        }
    }
    (void)pthread_mutex_unlock(&s->jobs->lock);
    return taken || same >= CAIRN_OUTBOX_ORIGIN_MAX || own >= CAIRN_OUTBOX_TENANT_MAX;
}

static cairn_err new_delivery(sweep *s, const cairn_hash *lane, const cairn_hash *origin,
                              const outbox_head *head)
{
    cairn_outbox_delivery *delivery = calloc(1, sizeof *delivery);
    if (delivery == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "outbox: delivery");
    delivery->jobs = s->jobs;
    delivery->lane = *lane;
    delivery->origin = *origin;
    cairn_arena_init(&delivery->arena, SIZE_MAX / 2);
    cairn_err err = cairn_outbox_row_copy(&delivery->arena, head, &delivery->row);
    if (err != CAIRN_OK) {
        free_deliveries(delivery);
        return err;
    }
    delivery->next = s->found;
    s->found = delivery;
    s->room--;
    return CAIRN_OK;
}

static cairn_err consider(sweep *s, cairn_bytes entry)
{
    cairn_hash lane, origin;
    outbox_head head;
    memcpy(lane.b, entry.data + JOBS_DUE_KEY_SIZE, sizeof lane.b);
    cairn_err err = cairn_outbox_head(s->kv, &lane, &head);
    if (err == CAIRN_ERR_NOT_FOUND)
        return CAIRN_FAIL(CAIRN_ERR_CORRUPT, "docs/formats/jobs.md", "outbox: entry of no lane");
    CAIRN_TRY(err);
    cairn_outbox_origin(head.message.url, &origin);
    if (must_wait(s, &lane, &origin, head.lane.tenant))
        return CAIRN_OK;
    if (head.message.expires_ms <= s->now) {
        if (s->expired_count < EXPIRED_MAX)
            s->expired[s->expired_count++] = lane;
        return CAIRN_OK;
    }
    return s->jobs->options.transport == NULL ? CAIRN_OK : new_delivery(s, &lane, &origin, &head);
}

/* A retry that is due, or so far ahead that it was set before the clock went back. */
static bool is_due(const sweep *s, cairn_bytes entry)
{
    uint64_t at_ms = cairn_get_u64(entry.data + 1);
    return entry.data[0] == JOBS_DUE_FIRST || at_ms <= s->now ||
           at_ms > s->now + CAIRN_OUTBOX_RETRY_MS_MAX;
}

static cairn_err seek_behind_waiting(sweep *s, cairn_bytes *ret_entry, cairn_bytes *ret_value)
{
    uint8_t key[JOBS_DUE_KEY_SIZE];
    (void)cairn_jobs_due_key(true, s->now + CAIRN_OUTBOX_RETRY_MS_MAX + 1, cairn_bytes_of("", 0),
                             key);
    return cairn_kv_cursor_seek(s->cursor, cairn_bytes_of(key, sizeof key), ret_entry, ret_value);
}

/* Where the next step goes on. */
static void remember(sweep *s, cairn_bytes entry)
{
    memcpy(s->jobs->lane_key, entry.data, ENTRY_SIZE);
    s->jobs->lane_key_size = ENTRY_SIZE;
}

static cairn_err walk(sweep *s)
{
    cairn_bytes entry, value;
    cairn_err err = cairn_kv_cursor_seek(
        s->cursor, cairn_bytes_of(s->jobs->lane_key, s->jobs->lane_key_size), &entry, &value);
    while (err == CAIRN_OK) {
        if (entry.size != ENTRY_SIZE)
            return CAIRN_FAIL(CAIRN_ERR_CORRUPT, "docs/formats/jobs.md", "outbox: due entry");
        if (s->room == 0 || s->scanned == SWEEP_ENTRIES) {
            remember(s, entry);
            return CAIRN_OK;
        }
        if (is_due(s, entry)) {
            s->scanned++;
            CAIRN_TRY(consider(s, entry));
            err = cairn_kv_cursor_next(s->cursor, &entry, &value);
        } else {
            if (cairn_get_u64(entry.data + 1) < s->jobs->due_ms)
                s->jobs->due_ms = cairn_get_u64(entry.data + 1);
            err = seek_behind_waiting(s, &entry, &value);
        }
    }
    s->ended = err == CAIRN_ERR_NOT_FOUND;
    return s->ended ? CAIRN_OK : err;
}

static cairn_err find_due(sweep *s)
{
    CAIRN_TRY(cairn_kv_begin(s->jobs->kv, false, &s->kv));
    cairn_err err = cairn_kv_cursor_open(s->kv, JOBS_LANES_DUE, &s->cursor);
    if (err == CAIRN_OK)
        err = walk(s);
    cairn_kv_cursor_close(s->cursor);
    cairn_kv_abort(s->kv);
    return err;
}

/* Those that were buried, to be told of once that is durable. */
typedef struct burial {
    cairn_arena arena;
    size_t count;
    struct {
        cairn_outbox_row row;
        char reason[64];
    } dead[EXPIRED_MAX];
} burial;

static cairn_err bury_expired(cairn_jobs_txn *txn, const cairn_hash *lane, uint64_t now, burial *b)
{
    outbox_head head;
    char *reason = b->dead[b->count].reason;
    cairn_err err = cairn_outbox_head(txn->kv, lane, &head);
    if (err != CAIRN_OK || head.message.expires_ms > now)
        return err == CAIRN_ERR_NOT_FOUND ? CAIRN_OK : err;
    (void)snprintf(reason, sizeof b->dead[0].reason, "expired after %u attempts",
                   head.lane.attempts);
    CAIRN_TRY(cairn_outbox_row_copy(&b->arena, &head, &b->dead[b->count].row));
    b->count++;
    return cairn_outbox_bury_head(txn, lane, head.lane.attempts, head.lane.status, reason);
}

static cairn_err bury_all(const sweep *s, burial *b)
{
    cairn_jobs_txn txn;
    CAIRN_TRY(cairn_jobs_txn_begin(s->jobs, &txn));
    cairn_err err = CAIRN_OK;
    for (size_t i = 0; i < s->expired_count && err == CAIRN_OK; i++)
        err = bury_expired(&txn, &s->expired[i], s->now, b);
    return cairn_jobs_txn_end(&txn, err);
}

static cairn_err bury_all_expired(const sweep *s)
{
    burial b = {.count = 0};
    if (s->expired_count == 0)
        return CAIRN_OK;
    cairn_arena_init(&b.arena, SIZE_MAX / 2);
    cairn_err err = bury_all(s, &b);
    for (size_t i = 0; i < b.count && err == CAIRN_OK; i++)
        log_death(s->jobs, &b.dead[i].row, b.dead[i].reason);
    cairn_arena_done(&b.arena);
    return err;
}

static void send_found(sweep *s)
{
    cairn_outbox_delivery *oldest_first = NULL;
    cairn_jobs *jobs = s->jobs;
    while (s->found != NULL) {
        cairn_outbox_delivery *delivery = s->found;
        s->found = delivery->next;
        delivery->next = oldest_first;
        oldest_first = delivery;
    }
    while (oldest_first != NULL) {
        cairn_outbox_delivery *delivery = oldest_first;
        oldest_first = delivery->next;
        (void)pthread_mutex_lock(&jobs->lock);
        delivery->next = jobs->delivering;
        jobs->delivering = delivery;
        jobs->delivery_count++;
        (void)pthread_mutex_unlock(&jobs->lock);
        jobs->sweep_started++;
        jobs->options.transport->deliver(jobs->options.transport->context, &delivery->row,
                                         delivery);
    }
}

/* After the end comes the front again, while there is something to be found. */
static bool has_more(sweep *s, bool began_at_front)
{
    if (!s->ended)
        return s->room > 0;
    s->jobs->lane_key_size = 0;
    return s->expired_count > 0 || (!began_at_front && s->jobs->sweep_started > 0);
}

cairn_err cairn_jobs_outbox_step(cairn_jobs *jobs, bool *ret_more)
{
    CAIRN_TRY(write_delivered(jobs));
    if (jobs->closing)
        return CAIRN_OK;
    sweep s = {.jobs = jobs, .now = cairn_clock_wall_ms(&jobs->options.clock)};
    bool at_front = jobs->lane_key_size == 0;
    if (at_front)
        jobs->sweep_started = 0;
    (void)pthread_mutex_lock(&jobs->lock);
    s.room = CAIRN_OUTBOX_IN_FLIGHT_MAX - jobs->delivery_count;
    (void)pthread_mutex_unlock(&jobs->lock);
    cairn_err err = s.room > 0 ? find_due(&s) : CAIRN_OK;
    send_found(&s); /* those that were found before a failure too */
    CAIRN_TRY(err);
    CAIRN_TRY(bury_all_expired(&s));
    (void)pthread_mutex_lock(&jobs->lock);
    bool came = jobs->delivered != NULL;
    (void)pthread_mutex_unlock(&jobs->lock);
    *ret_more = *ret_more || came || has_more(&s, at_front);
    return CAIRN_OK;
}
