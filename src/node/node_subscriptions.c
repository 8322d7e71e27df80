/* Events as CloudEvents, and the end of those whose organisation is no longer active. */
#include "node/node_subscriptions.h"

#include <stdio.h>

#include "identity/identity.h"
#include "ledger/registry.h"
#include "ledger/services.h"
#include "node/api/feed.h"
#include "node/node.h"

enum { ORG_ARENA_SIZE_MAX = 1 << 16 };

/* --- what is told --- */

static cairn_err make_topic(cairn_arena *arena, uint16_t type, cairn_bytes key,
                            cairn_bytes *ret_topic)
{
    void *memory = NULL;
    size_t size = key.size < CAIRN_SUBSCRIPTION_PREFIX_SIZE_MAX
                      ? key.size
                      : CAIRN_SUBSCRIPTION_PREFIX_SIZE_MAX;
    CAIRN_TRY(cairn_arena_alloc(arena, 2 + size, &memory));
    cairn_put_u16(memory, type);
    if (size > 0)
        memcpy((uint8_t *)memory + 2, key.data, size);
    *ret_topic = cairn_bytes_of(memory, 2 + size);
    return CAIRN_OK;
}

/* By its type, and as one of any type. */
static cairn_err topics(cairn_arena *arena, const cairn_job_event *event, cairn_bytes *ret_topics,
                        size_t *ret_count)
{
    CAIRN_TRY(make_topic(arena, event->type, event->key, &ret_topics[0]));
    CAIRN_TRY(make_topic(arena, 0, event->key, &ret_topics[1]));
    *ret_count = 2;
    return CAIRN_OK;
}

static void put_event(cairn_api_json *json, const cairn_hash *ledger, const cairn_job_event *event)
{
    const cairn_feed_place place = {.height = event->height, .ordinal = event->ordinal};
    char digits[65];
    char source[sizeof "/v1/ledgers/" + 64];
    char cursor[CAIRN_FEED_CURSOR_SIZE];
    cairn_hex_encode(cairn_bytes_hash(ledger), digits);
    (void)snprintf(source, sizeof source, "/v1/ledgers/%s", digits);
    cairn_feed_place_format(&place, cursor);
    cairn_api_json_open(json, NULL);
    cairn_api_json_text(json, "specversion", "1.0");
    cairn_api_json_text(json, "type", "cairn.ledger.event");
    cairn_api_json_text(json, "source", source);
    cairn_api_json_text(json, "id", cursor);
    cairn_api_json_time(json, "time", event->time_ms);
    cairn_api_json_text(json, "datacontenttype", "application/json");
    cairn_feed_put(json, "data", event);
    cairn_api_json_close(json);
}

static cairn_err write(cairn_arena *arena, const cairn_hash *ledger, const cairn_job_event *event,
                       cairn_bytes *ret_json)
{
    cairn_api_json json = {0};
    cairn_bytes text;
    put_event(&json, ledger, event);
    cairn_err err = cairn_api_json_end(&json, &text);
    if (err == CAIRN_OK)
        err = cairn_arena_copy(arena, text, ret_json);
    cairn_api_json_done(&json);
    return err;
}

/* By membership or name: what a role opens is recorded with each call, and here nobody calls. One
 * that is no longer active is told nothing; its end comes with its own event. */
static cairn_err may_know(void *context, const cairn_hash *id, const cairn_hash *owner,
                          const cairn_job_event *event, bool *ret_may)
{
    const cairn_services *services = context;
    cairn_node_ledger *ledger = cairn_node_ledger_at(services->node, event->slot);
    cairn_reader reader;
    (void)id;
    *ret_may = cairn_node_is_public(services->node, CAIRN_SIGHT_ENTRIES);
    if (*ret_may)
        return CAIRN_OK;
    cairn_err err = cairn_reader_of_org(ledger, owner, &reader);
    if (err != CAIRN_OK)
        return err == CAIRN_ERR_NOT_FOUND ? CAIRN_OK : err;
    return cairn_reader_sees(&reader, event->transaction, ret_may);
}

const cairn_callback_kind cairn_subscription_kind = {
    .name = "node.subscriptions",
    .content_type = "application/cloudevents+json",
    .topics = topics,
    .write = write,
    .may_know = may_know,
};

/* --- whom --- */

/* The organisation as it is now: what it may be told is decided by what it is, not by what it was.
 * One that is active again by the time this is read keeps what it has. */
static cairn_err end_inactive(cairn_node_ledger *ledger, cairn_jobs_txn *txn, cairn_bytes key)
{
    cairn_state_source state = cairn_node_ledger_state(ledger);
    cairn_org_record record;
    cairn_arena arena;
    cairn_hash org;
    if (key.size != sizeof org.b)
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, "house", "subscriptions: event without an id");
    memcpy(org.b, key.data, sizeof org.b);
    cairn_arena_init(&arena, ORG_ARENA_SIZE_MAX);
    cairn_err err = cairn_registry_org(&state, &arena, &org, &record);
    cairn_arena_done(&arena);
    if (err == CAIRN_OK && record.status == CAIRN_ORG_ACTIVE)
        return CAIRN_OK;
    if (err != CAIRN_OK && err != CAIRN_ERR_NOT_FOUND)
        return err;
    return cairn_callback_remove_owner(txn, cairn_subscription_kind.name, &ledger->service.id,
                                       &org);
}

static cairn_err react(void *context, cairn_jobs_txn *txn, const cairn_job_event *event)
{
    const cairn_services *services = context;
    cairn_node *node = services->node;
    if (event->type == CAIRN_EVENT_ORGANISATION)
        CAIRN_TRY(end_inactive(cairn_node_ledger_at(node, event->slot), txn, event->key));
    return cairn_callback_react(&cairn_subscription_kind, txn, event);
}

static bool is_idle(void *context, const cairn_jobs *jobs)
{
    (void)context;
    return cairn_callback_is_idle(jobs);
}

const cairn_reaction cairn_subscription_reaction = {
    .name = "node.subscriptions", .apply = react, .is_idle = is_idle};
