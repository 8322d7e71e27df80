/* Callbacks as they are told: whom an event concerns, its message, and catching up. */
#include <stdio.h>
#include <stdlib.h>

#include "core/jobs/callback_impl.h"

enum {
    TELL_ARENA_SIZE_MAX = 64 << 20,
    CATCH_UP_BLOCKS = 256, /* read in one go */
    CATCH_UP_EVENTS = 256, /* told in one go */
    CATCH_UP_SIZE = 4 << 20,
    CATCH_UP_AFTER_MS = 2000, /* while its lane is full */
    TAIL_SIZE_MAX = 128,
};

static const char page[] = "docs/formats/jobs.md";

/* --- one message --- */

/* The JSON object `json` with the two members that are the callback's. */
static cairn_err make_body(cairn_arena *arena, cairn_bytes json, const uint8_t *id, uint64_t number,
                           cairn_bytes *ret_body)
{
    char digits[2 * CAIRN_CALLBACK_ID_SIZE + 1];
    char tail[TAIL_SIZE_MAX];
    void *out = NULL;
    CAIRN_ASSERT(json.size > 2 && json.data[json.size - 1] == '}');
    cairn_hex_encode(cairn_bytes_of(id, CAIRN_CALLBACK_ID_SIZE), digits);
    int size = snprintf(tail, sizeof tail, ",\"subscription\":\"%s\",\"sequence\":\"%020llu\"}",
                        digits, (unsigned long long)number);
    CAIRN_TRY(cairn_arena_alloc(arena, json.size - 1 + (size_t)size, &out));
    memcpy(out, json.data, json.size - 1);
    memcpy((uint8_t *)out + json.size - 1, tail, (size_t)size);
    *ret_body = cairn_bytes_of(out, json.size - 1 + (size_t)size);
    return CAIRN_OK;
}

static uint64_t min_u64(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* Where a message goes, and by whom it is known. */
typedef struct recipient {
    const cairn_callback_kind *kind;
    cairn_hash ledger, owner;
    uint8_t id[CAIRN_CALLBACK_ID_SIZE];
    callback_key key;
    char tenant[65];
    char destination[CALLBACK_DESTINATION_SIZE];
} recipient;

static void make_recipient(const cairn_callback_kind *kind, const cairn_hash *ledger,
                           const cairn_hash *owner, const uint8_t *id, recipient *ret_recipient)
{
    recipient *r = ret_recipient;
    r->kind = kind;
    r->ledger = *ledger;
    r->owner = *owner;
    memcpy(r->id, id, sizeof r->id);
    cairn_callback_key(kind->name, ledger, owner, id, &r->key);
    cairn_callback_lane(owner, id, r->tenant, r->destination);
}

/* Puts one message and counts it in `record`, whose texts must not be views into the transaction.
 * BUSY when there is no room for it. */
static cairn_err put_message(cairn_jobs_txn *txn, cairn_arena *arena, const recipient *r,
                             jobs_callback_record *record, cairn_bytes json)
{
    char key[CAIRN_CALLBACK_SECRET_NAME_SIZE];
    char sink[CAIRN_HTTP_URL_SIZE_MAX + 1] = "";
    uint64_t waiting = 0;
    uint64_t id = 0;
    cairn_bytes body;
    CAIRN_TRY(cairn_outbox_count(txn, r->tenant, r->destination, &waiting));
    if (waiting >= CAIRN_CALLBACK_WAITING_MAX)
        return CAIRN_ERR_BUSY;
    CAIRN_TRY(make_body(arena, json, r->id, record->told + 1, &body));
    cairn_callback_secret_name(r->id, record->secret, key);
    memcpy(sink, record->sink.data, record->sink.size);
    const cairn_outbox_message message = {
        .tenant = r->tenant,
        .destination = r->destination,
        .url = sink,
        .content_type = r->kind->content_type,
        .body = body,
        .signature = CAIRN_OUTBOX_HMAC_SHA256,
        .key = key,
        .expires_ms = min_u64(record->expires_ms, cairn_clock_wall_ms(&txn->jobs->options.clock) +
                                                      CAIRN_CALLBACK_MESSAGE_LIFE_MS)};
    CAIRN_TRY(cairn_outbox_put(txn, &message, &id));
    record->told++;
    return CAIRN_OK;
}

/* The record with texts of its own. NOT_FOUND without a detail. */
static cairn_err load_copy(cairn_jobs_txn *txn, cairn_arena *arena, const recipient *r,
                           jobs_callback_record *ret_record)
{
    cairn_bytes value;
    CAIRN_TRY(cairn_kv_get(txn->kv, JOBS_CALLBACKS, callback_key_view(&r->key), &value));
    CAIRN_TRY(cairn_arena_copy(arena, value, &value));
    return cairn_jobs_get_callback(value, ret_record);
}

static cairn_err catch_up_later(cairn_jobs_txn *txn, const recipient *r, uint64_t after_ms)
{
    return cairn_timer_set(txn, CALLBACK_CATCH_UP, cairn_bytes_of(r->id, sizeof r->id),
                           cairn_clock_wall_ms(&txn->jobs->options.clock) + after_ms,
                           callback_key_view(&r->key));
}

/* --- an event, to all whom it concerns --- */

typedef struct telling {
    const cairn_callback_kind *kind;
    cairn_jobs_txn *txn;
    const cairn_job_event *event;
    cairn_hash ledger;
    cairn_arena arena; /* of the event: its topics, who is concerned, its text */
    cairn_bytes json;  /* made when the first one is told */
} telling;

/* One whom the event may concern. */
typedef struct concerned {
    struct concerned *next;
    cairn_hash owner;
    uint8_t id[CAIRN_CALLBACK_ID_SIZE];
} concerned;

static cairn_err note(telling *t, cairn_bytes key, cairn_bytes value, concerned **list)
{
    concerned *one = NULL;
    if (value.size != sizeof one->owner)
        return CAIRN_FAIL(CAIRN_ERR_CORRUPT, page, "callback topic: owner");
    CAIRN_TRY(cairn_arena_alloc(&t->arena, sizeof *one, (void **)&one));
    memcpy(one->owner.b, value.data, sizeof one->owner);
    memcpy(one->id, key.data + key.size - sizeof one->id, sizeof one->id);
    one->next = *list;
    *list = one;
    return CAIRN_OK;
}

/* Rows of exactly this beginning of the topic. What comes behind them in the list of topics tells
 * the size of the next longer beginning that anybody named: `*size` becomes that, or more than the
 * topic has. */
static cairn_err find_at(telling *t, cairn_kv_cursor *cursor, cairn_bytes topic, size_t *size,
                         concerned **list)
{
    uint8_t prefix[CALLBACK_TOPIC_KEY_SIZE_MAX];
    cairn_bytes key, value;
    size_t list_size = strlen(t->kind->name) + 1 + sizeof t->ledger;
    cairn_bytes begins = cairn_bytes_of(topic.data, *size);
    size_t prefix_size = cairn_callback_topic_key(t->kind->name, &t->ledger, begins, NULL, prefix);
    cairn_err err = cairn_kv_cursor_seek(cursor, cairn_bytes_of(prefix, prefix_size), &key, &value);
    while (err == CAIRN_OK && key.size == prefix_size + CAIRN_CALLBACK_ID_SIZE &&
           memcmp(key.data, prefix, prefix_size) == 0) {
        CAIRN_TRY(note(t, key, value, list));
        err = cairn_kv_cursor_next(cursor, &key, &value);
    }
    if (err != CAIRN_OK && err != CAIRN_ERR_NOT_FOUND)
        return err;
    bool here = err == CAIRN_OK && key.size > list_size && memcmp(key.data, prefix, list_size) == 0;
    size_t longer = here ? key.data[list_size] : SIZE_MAX;
    *size = longer > *size ? longer : *size + 1;
    return CAIRN_OK;
}

static cairn_err find_concerned(telling *t, concerned **ret_list)
{
    cairn_bytes topics[CAIRN_CALLBACK_EVENT_TOPICS_MAX];
    cairn_kv_cursor *cursor = NULL;
    size_t count = 0;
    CAIRN_TRY(t->kind->topics(&t->arena, t->event, topics, &count));
    CAIRN_TRY(cairn_kv_cursor_open(t->txn->kv, JOBS_CALLBACK_TOPICS, &cursor));
    cairn_err err = CAIRN_OK;
    for (size_t i = 0; i < count && err == CAIRN_OK; i++)
        for (size_t size = 0; size <= topics[i].size && err == CAIRN_OK;)
            err = find_at(t, cursor, topics[i], &size, ret_list);
    cairn_kv_cursor_close(cursor);
    return err;
}

static cairn_err tell_record(telling *t, cairn_arena *arena, const recipient *r,
                             jobs_callback_record *record)
{
    if (t->json.data == NULL)
        CAIRN_TRY(t->kind->write(&t->arena, &t->ledger, t->event, &t->json));
    cairn_err err = put_message(t->txn, arena, r, record, t->json);
    if (err == CAIRN_ERR_BUSY) { /* from this event on it is caught up */
        record->behind = true;
        record->since = cairn_cursor_before(t->event);
        CAIRN_TRY(catch_up_later(t->txn, r, CATCH_UP_AFTER_MS));
    } else if (err == CAIRN_OK) {
        record->since = cairn_cursor_after(t->event);
    } else {
        return err;
    }
    return cairn_callback_store(t->txn, &r->key, record);
}

static cairn_err may_know(const cairn_jobs *jobs, const recipient *r, const cairn_job_event *event,
                          bool *ret_may)
{
    *ret_may = r->kind->may_know == NULL;
    return *ret_may
               ? CAIRN_OK
               : r->kind->may_know(jobs->options.context, &r->ledger, &r->owner, event, ret_may);
}

/* One that named several beginnings is found several times, and told once. */
static cairn_err tell_one(telling *t, const concerned *one)
{
    recipient r;
    cairn_arena arena;
    jobs_callback_record record;
    const cairn_cursor after = cairn_cursor_after(t->event);
    cairn_arena_init(&arena, TELL_ARENA_SIZE_MAX);
    make_recipient(t->kind, &t->ledger, &one->owner, one->id, &r);
    cairn_err err = load_copy(t->txn, &arena, &r, &record);
    if (err == CAIRN_ERR_NOT_FOUND)
        err = CAIRN_FAIL(CAIRN_ERR_CORRUPT, page, "callback: a topic without a record");
    bool told = err == CAIRN_OK && cairn_cursor_compare(&record.since, &after) >= 0;
    bool over =
        err == CAIRN_OK && record.expires_ms <= cairn_clock_wall_ms(&t->txn->jobs->options.clock);
    bool may = false;
    if (err == CAIRN_OK && !told && !over && !record.behind)
        err = may_know(t->txn->jobs, &r, t->event, &may);
    if (err == CAIRN_OK && may)
        err = tell_record(t, &arena, &r, &record);
    cairn_arena_done(&arena);
    return err;
}

cairn_err cairn_callback_react(const cairn_callback_kind *kind, cairn_jobs_txn *txn,
                               const cairn_job_event *event)
{
    telling t = {.kind = kind, .txn = txn, .event = event};
    concerned *list = NULL;
    const jobs_slot *slot = cairn_jobs_slot(txn->jobs, event->slot);
    if (slot == NULL)
        return CAIRN_FAIL(CAIRN_ERR_INTERNAL, "house", "callback: an event of no ledger");
    t.ledger = slot->id;
    cairn_arena_init(&t.arena, TELL_ARENA_SIZE_MAX);
    cairn_err err = find_concerned(&t, &list);
    for (; list != NULL && err == CAIRN_OK; list = list->next)
        err = tell_one(&t, list);
    cairn_arena_done(&t.arena);
    return err;
}

/* --- catching up --- */

typedef struct chase {
    cairn_jobs *jobs;
    recipient r;
    cairn_arena arena;
    cairn_arena topics;          /* of one event */
    jobs_callback_record record; /* as it was when the log was read */
    cairn_cursor head;           /* how far its reaction has come */
    cairn_cursor end;            /* how far the log was read */
    size_t count;
    struct {
        cairn_cursor before, after;
        cairn_bytes json;
    } events[CATCH_UP_EVENTS];
} chase;

static bool begins(cairn_bytes text, cairn_bytes with)
{
    return with.size <= text.size &&
           (with.size == 0 || memcmp(text.data, with.data, with.size) == 0);
}

static cairn_err concerns(chase *c, const cairn_job_event *event, bool *ret_concerns)
{
    cairn_bytes topics[CAIRN_CALLBACK_EVENT_TOPICS_MAX];
    size_t count = 0;
    cairn_arena_reset(&c->topics);
    CAIRN_TRY(c->r.kind->topics(&c->topics, event, topics, &count));
    *ret_concerns = false;
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < c->record.topic_count; k++)
            *ret_concerns = *ret_concerns || begins(topics[i], c->record.topics[k]);
    return *ret_concerns ? may_know(c->jobs, &c->r, event, ret_concerns) : CAIRN_OK;
}

static cairn_err see(void *context, const cairn_job_event *event)
{
    chase *c = context;
    bool wanted = false;
    const cairn_cursor before = cairn_cursor_before(event);
    if (cairn_cursor_compare(&before, &c->record.since) < 0)
        return CAIRN_OK;
    CAIRN_TRY(concerns(c, event, &wanted));
    if (!wanted)
        return CAIRN_OK;
    if (c->count == CATCH_UP_EVENTS || c->arena.used > CATCH_UP_SIZE) {
        c->end = before;
        return CAIRN_ERR_CANCELLED;
    }
    c->events[c->count].before = before;
    c->events[c->count].after = cairn_cursor_after(event);
    return c->r.kind->write(&c->arena, &c->r.ledger, event, &c->events[c->count++].json);
}

static cairn_err read_log(chase *c, const cairn_event_source *source)
{
    uint64_t height = 0;
    cairn_err err =
        source->read(source->context, c->record.since.height, CATCH_UP_BLOCKS, see, c, &height);
    if (err == CAIRN_ERR_CANCELLED && c->count > 0)
        return CAIRN_OK; /* `end` was set */
    CAIRN_TRY(err);
    c->end = (cairn_cursor){.height = height};
    return CAIRN_OK;
}

/* In a transaction: who removed it, or renewed its secret, did so before or does so after. */
static cairn_err tell_read(chase *c, cairn_jobs_txn *txn)
{
    jobs_callback_record record;
    cairn_err err = load_copy(txn, &c->arena, &c->r, &record);
    if (err == CAIRN_ERR_NOT_FOUND)
        return CAIRN_OK;
    CAIRN_TRY(err);
    record.since = c->end;
    for (size_t i = 0; i < c->count && err == CAIRN_OK; i++) {
        err = put_message(txn, &c->arena, &c->r, &record, c->events[i].json);
        if (err != CAIRN_OK)
            record.since = c->events[i].before;
    }
    if (err != CAIRN_OK && err != CAIRN_ERR_BUSY)
        return err;
    record.behind = err == CAIRN_ERR_BUSY || cairn_cursor_compare(&record.since, &c->head) < 0;
    if (record.behind)
        CAIRN_TRY(catch_up_later(txn, &c->r, err == CAIRN_ERR_BUSY ? CATCH_UP_AFTER_MS : 0));
    return cairn_callback_store(txn, &c->r.key, &record);
}

static const cairn_callback_kind *find_kind(const cairn_jobs *jobs, const char *name)
{
    for (size_t i = 0; i < jobs->options.callback_kind_count; i++)
        if (strcmp(jobs->options.callback_kinds[i]->name, name) == 0)
            return jobs->options.callback_kinds[i];
    return NULL;
}

/* The ledger's slot and how far the reaction of the kind has come there. */
static const jobs_slot *find_slot(const cairn_jobs *jobs, const recipient *r,
                                  cairn_cursor *ret_head)
{
    for (size_t i = 0; i < jobs->slot_count; i++) {
        const jobs_slot *slot = jobs->slots[i];
        for (size_t c = 0; c < jobs->consumer_count; c++)
            if (cairn_hash_equal(&slot->id, &r->ledger) &&
                strcmp(cairn_jobs_consumer_name(&slot->consumers[c]), r->kind->name) == 0) {
                *ret_head = slot->consumers[c].record.builds[JOBS_SERVING].position;
                return slot;
            }
    }
    return NULL;
}

static cairn_err chase_log(chase *c, const jobs_slot *slot)
{
    cairn_jobs_txn txn;
    cairn_bytes value;
    cairn_kv_txn *kv = NULL;
    CAIRN_TRY(cairn_kv_begin(c->jobs->kv, false, &kv));
    cairn_err err = cairn_kv_get(kv, JOBS_CALLBACKS, callback_key_view(&c->r.key), &value);
    if (err == CAIRN_OK)
        err = cairn_arena_copy(&c->arena, value, &value);
    cairn_kv_abort(kv);
    if (err == CAIRN_ERR_NOT_FOUND)
        return CAIRN_OK; /* removed meanwhile */
    CAIRN_TRY(err);
    CAIRN_TRY(cairn_jobs_get_callback(value, &c->record));
    CAIRN_TRY(read_log(c, &slot->source));
    CAIRN_TRY(cairn_jobs_txn_begin(c->jobs, &txn));
    return cairn_jobs_txn_end(&txn, tell_read(c, &txn));
}

cairn_err cairn_callback_catch_up(cairn_jobs *jobs, cairn_bytes key)
{
    const char *name = NULL;
    cairn_hash ledger, owner;
    uint8_t id[CAIRN_CALLBACK_ID_SIZE];
    CAIRN_TRY(cairn_callback_divide(key, &name, &ledger, &owner, id));
    const cairn_callback_kind *kind = find_kind(jobs, name);
    if (kind == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NOT_FOUND, "house", "callback: no such kind");
    chase *c = calloc(1, sizeof *c);
    if (c == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "callback: chase");
    c->jobs = jobs;
    cairn_arena_init(&c->arena, TELL_ARENA_SIZE_MAX);
    cairn_arena_init(&c->topics, TELL_ARENA_SIZE_MAX);
    make_recipient(kind, &ledger, &owner, id, &c->r);
    const jobs_slot *slot = find_slot(jobs, &c->r, &c->head);
    cairn_err err = slot == NULL ? CAIRN_FAIL(CAIRN_ERR_NOT_FOUND, "house", "callback: no ledger")
                                 : chase_log(c, slot);
    cairn_arena_done(&c->topics);
    cairn_arena_done(&c->arena);
    free(c);
    return err;
}

/* --- timers --- */

static cairn_err expire(cairn_jobs *jobs, cairn_bytes key)
{
    const char *kind = NULL;
    cairn_hash ledger, owner;
    uint8_t id[CAIRN_CALLBACK_ID_SIZE];
    cairn_jobs_txn txn;
    CAIRN_TRY(cairn_callback_divide(key, &kind, &ledger, &owner, id));
    CAIRN_TRY(cairn_jobs_txn_begin(jobs, &txn));
    cairn_err err = cairn_callback_drop(&txn, kind, &ledger, &owner, id);
    return cairn_jobs_txn_end(&txn, err == CAIRN_ERR_NOT_FOUND ? CAIRN_OK : err);
}

bool cairn_callback_fire(cairn_jobs *jobs, cairn_timer_firing *firing)
{
    const cairn_timer *timer = &firing->timer;
    bool expires = strcmp(timer->owner, CALLBACK_EXPIRE) == 0;
    if (!expires && strcmp(timer->owner, CALLBACK_CATCH_UP) != 0)
        return false;
    cairn_timer_done(firing, expires ? expire(jobs, timer->payload)
                                     : cairn_callback_catch_up(jobs, timer->payload));
    return true;
}
