/* The events of a ledger's blocks, and who is told that there are new ones. */
#include <stdlib.h>

#include "ledger/store/store_impl.h"

static const char clause[] = "docs/formats/block-record.md";

/* Records of other ledgers that a walk passes before it asks the index for the next of its own. */
enum { FOREIGN_MAX = 64 };

/* --- the walk --- */

typedef struct event_walk {
    store_ledger *ledger;
    uint64_t to_height;
    cairn_arena arena;           /* of the block at hand */
    cairn_recent_record *recent; /* holds the payload when it comes from memory */
    cairn_block_log_cursor *cursor;
    uint64_t cursor_next; /* the number that the cursor gives next */
    uint64_t height;      /* of the last block passed */
    uint64_t next_index;  /* log index of the next one's first entry; 0: not known */
} event_walk;

static void walk_done(event_walk *walk)
{
    cairn_recent_release(walk->recent);
    cairn_block_log_cursor_close(walk->cursor);
    cairn_arena_done(&walk->arena);
}

static cairn_err read_from_disk(event_walk *walk, uint64_t number, cairn_bytes *ret_payload)
{
    uint64_t got = 0;
    if (walk->cursor == NULL || walk->cursor_next != number) {
        cairn_block_log_cursor_close(walk->cursor);
        walk->cursor = NULL;
        CAIRN_TRY(cairn_block_log_cursor_open(walk->ledger->store->log, number, &walk->cursor));
    }
    CAIRN_TRY(cairn_block_log_cursor_next(walk->cursor, &got, ret_payload));
    walk->cursor_next = got + 1;
    return CAIRN_OK;
}

/* Record `number` when it is this ledger's; `ret_ours` tells. */
static cairn_err read_record(event_walk *walk, uint64_t number, cairn_block_record *ret_record,
                             bool *ret_ours)
{
    cairn_bytes payload;
    uint32_t slot = 0;
    cairn_recent_release(walk->recent);
    walk->recent = cairn_recent_get(&walk->ledger->store->recent, number);
    if (walk->recent != NULL) {
        slot = walk->recent->slot;
        payload = cairn_bytes_of(walk->recent->payload, walk->recent->size);
    } else {
        cairn_err err = read_from_disk(walk, number, &payload);
        if (err == CAIRN_ERR_NOT_FOUND)
            return CAIRN_FAIL(CAIRN_ERR_CORRUPT, clause,
                              "index.height: no block in the log after height %llu",
                              (unsigned long long)walk->height);
        CAIRN_TRY(err);
        CAIRN_TRY(cairn_block_record_slot(payload, &slot));
    }
    *ret_ours = slot == walk->ledger->slot;
    if (!*ret_ours)
        return CAIRN_OK;
    cairn_arena_reset(&walk->arena);
    return cairn_block_record_decode(&walk->arena, payload, ret_record);
}

/* Is it the block after the last one passed? */
static cairn_err check_next(const event_walk *walk, const cairn_block_record *record)
{
    if (record->height <= walk->height ||
        (walk->next_index != 0 && cairn_block_record_first_index(record) != walk->next_index))
        return CAIRN_FAIL(CAIRN_ERR_CORRUPT, clause,
                          "index.height: height %llu does not follow height %llu",
                          (unsigned long long)record->height, (unsigned long long)walk->height);
    return CAIRN_OK;
}

static cairn_err visit_block(const event_walk *walk, const cairn_block_record *record,
                             cairn_job_visit visit, void *context)
{
    size_t refused = 0; /* before the event's transaction */
    for (size_t i = 0; i < record->event_count; i++) {
        const cairn_record_event *event = &record->events[i];
        while (refused < record->refusal_count && record->refusals[refused].place < event->place)
            refused++;
        const cairn_job_event job = {
            .slot = walk->ledger->slot,
            .height = record->height,
            .ordinal = (uint32_t)i,
            .time_ms = record->time_ms,
            .type = event->type,
            .key = event->key,
            .index = record->entry.first + event->place - refused,
            .transaction = record->transactions[event->place],
        };
        CAIRN_TRY(visit(context, &job));
    }
    return CAIRN_OK;
}

/* The next block of the ledger, found from record `*number` on, which then is the one after it. */
static cairn_err next_block(event_walk *walk, uint64_t *number, cairn_block_record *ret_record)
{
    bool ours = false;
    for (int foreign = 0; !ours; foreign++) {
        if (foreign == FOREIGN_MAX) {
            block_place place;
            cairn_err err = cairn_store_find_height(walk->ledger, walk->height + 1, &place);
            if (err == CAIRN_ERR_NOT_FOUND)
                return CAIRN_FAIL(CAIRN_ERR_CORRUPT, clause, "index.height: no block after %llu",
                                  (unsigned long long)walk->height);
            CAIRN_TRY(err);
            *number = place.record;
        }
        CAIRN_TRY(read_record(walk, (*number)++, ret_record, &ours));
    }
    return check_next(walk, ret_record);
}

static cairn_err walk_blocks(event_walk *walk, size_t block_max, cairn_job_visit visit,
                             void *context)
{
    block_place place;
    cairn_err err = cairn_store_find_height(walk->ledger, walk->height + 1, &place);
    if (err == CAIRN_ERR_NOT_FOUND)
        return CAIRN_FAIL(CAIRN_ERR_CORRUPT, clause, "index.height: no block after %llu",
                          (unsigned long long)walk->height);
    CAIRN_TRY(err);
    uint64_t number = place.record;
    for (size_t i = 0; i < block_max && walk->height < walk->to_height; i++) {
        cairn_block_record record;
        CAIRN_TRY(next_block(walk, &number, &record));
        if (i == 0 && record.height != place.height)
            return CAIRN_FAIL(CAIRN_ERR_CORRUPT, clause,
                              "index.height: record %llu is not that of height %llu",
                              (unsigned long long)place.record, (unsigned long long)place.height);
        if (i == 0)
            CAIRN_TRY(cairn_store_check_first(walk->ledger, walk->height + 1, &record));
        CAIRN_TRY(visit_block(walk, &record, visit, context));
        walk->height = record.height;
        walk->next_index = record.entry.first + record.entry.count + 1;
    }
    return CAIRN_OK;
}

cairn_err cairn_store_read_events(cairn_engine *engine, uint64_t after_height, size_t block_max,
                                  cairn_job_visit visit, void *context, uint64_t *ret_height)
{
    store_ledger *ledger = (store_ledger *)(void *)engine;
    CAIRN_CLEANUP(cairn_view_free_p) cairn_view *view = cairn_ledger_view(ledger->ledger);
    event_walk walk = {.ledger = ledger, .to_height = view->height, .height = after_height};
    cairn_err err = CAIRN_OK;
    cairn_arena_init(&walk.arena, BLOCK_ARENA_SIZE_MAX);
    if (after_height < view->height && block_max > 0)
        err = walk_blocks(&walk, block_max, visit, context);
    walk_done(&walk);
    if (err == CAIRN_OK)
        *ret_height = walk.height;
    return err;
}

/* --- who is told --- */

struct store_subscriber {
    store_subscriber *next;
    cairn_view_fn fn;
    void *context;
};

cairn_err cairn_store_subscribe(cairn_engine *engine, cairn_view_fn fn, void *context)
{
    store_ledger *ledger = (store_ledger *)(void *)engine;
    store_subscriber *subscriber = malloc(sizeof *subscriber);
    if (subscriber == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "store: subscriber");
    pthread_mutex_lock(&ledger->subscriber_lock);
    *subscriber = (store_subscriber){.next = ledger->subscribers, .fn = fn, .context = context};
    ledger->subscribers = subscriber;
    pthread_mutex_unlock(&ledger->subscriber_lock);
    return CAIRN_OK;
}

void cairn_store_unsubscribe(cairn_engine *engine, cairn_view_fn fn, void *context)
{
    store_ledger *ledger = (store_ledger *)(void *)engine;
    pthread_mutex_lock(&ledger->subscriber_lock);
    store_subscriber **at = &ledger->subscribers;
    while (*at != NULL && ((*at)->fn != fn || (*at)->context != context))
        at = &(*at)->next;
    store_subscriber *gone = *at;
    if (gone != NULL)
        *at = gone->next;
    pthread_mutex_unlock(&ledger->subscriber_lock);
    free(gone);
}

void cairn_store_notify(store_ledger *ledger)
{
    pthread_mutex_lock(&ledger->subscriber_lock);
    for (const store_subscriber *s = ledger->subscribers; s != NULL; s = s->next)
        s->fn(s->context);
    pthread_mutex_unlock(&ledger->subscriber_lock);
}

void cairn_store_subscribers_free(store_ledger *ledger)
{
    while (ledger->subscribers != NULL) {
        store_subscriber *gone = ledger->subscribers;
        ledger->subscribers = gone->next;
        free(gone);
    }
}
