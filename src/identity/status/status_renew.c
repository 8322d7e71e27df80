/* One timer for each form of a list; whichever fires first renews both. */
#include "identity/status/status_renew.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/store/file.h"
#include "identity/status/status_publish.h"
#include "ledger/registry.h"
#include "ledger/services.h"

enum { ANCHOR_ARENA_SIZE_MAX = 1 << 16, RENEW_ARENA_SIZE_MAX = 64 << 20 };

static const cairn_log_event events[] = {
    {"status.renewed", CAIRN_LOG_INFO, 20, 60, "A status list was published before it expired."},
};
const cairn_log_table cairn_status_log_events = {events, sizeof events / sizeof events[0]};

static const char owner_name[] = "status.renew";

uint64_t cairn_status_renew_at(uint64_t now_ms, uint64_t expires_ms)
{
    return expires_ms > now_ms ? expires_ms - (expires_ms - now_ms) / 3 : now_ms;
}

static cairn_err get_state(void *context, cairn_map_id map, cairn_bytes key, cairn_arena *arena,
                           cairn_bytes *ret_value)
{
    return cairn_engine_get_newest(context, map, key, arena, ret_value);
}

/* --- an anchor sets a timer --- */

static cairn_err find_anchor(const cairn_service_ledger *ledger, const cairn_hash *org,
                             const cairn_hash *list, cairn_list_anchor *ret_anchor)
{
    const cairn_state_source state = {.context = ledger->engine, .get = get_state};
    cairn_arena arena;
    cairn_arena_init(&arena, ANCHOR_ARENA_SIZE_MAX);
    cairn_err err = cairn_list_anchor_get(&state, &arena, org, list, ret_anchor);
    cairn_arena_done(&arena);
    return err;
}

/* Event keys are organisation ‖ list. Lists of others, and revocation lists, which the CA renews,
 * are none of ours. */
static cairn_err react(void *context, cairn_jobs_txn *txn, const cairn_job_event *event)
{
    const cairn_services *services = context;
    cairn_service_ledger ledger;
    cairn_hash org, list;
    cairn_list_anchor anchor;
    if (services->find_own == NULL ||
        services->find_own(services->node, &ledger, &org) != CAIRN_OK ||
        ledger.slot != event->slot || event->key.size != sizeof org.b + sizeof list.b ||
        memcmp(event->key.data, org.b, sizeof org.b) != 0)
        return CAIRN_OK;
    memcpy(list.b, event->key.data + sizeof org.b, sizeof list.b);
    cairn_err err = find_anchor(&ledger, &org, &list, &anchor);
    if (err == CAIRN_ERR_NOT_FOUND || (err == CAIRN_OK && anchor.format == CAIRN_LIST_CRL))
        return CAIRN_OK;
    CAIRN_TRY(err);
    return cairn_timer_set(txn, owner_name, cairn_bytes_hash(&list),
                           cairn_status_renew_at(event->time_ms, anchor.expires_ms),
                           (cairn_bytes){0});
}

static const uint16_t types[] = {CAIRN_EVENT_LIST};

const cairn_reaction cairn_status_reaction = {
    .name = "status.renewal", .types = types, .type_count = 1, .apply = react};

/* --- the timer renews --- */

/* A renewal under way, on a thread of the node's. */
typedef struct renewal {
    const cairn_services *services;
    cairn_timer_firing *firing;
    cairn_hash list;
    cairn_arena arena;
    cairn_service_ledger ledger;
    cairn_hash org;
    char directory[CAIRN_PATH_SIZE_MAX];
    cairn_bytes name; /* empty: none of the lists here */
    cairn_err unread; /* of a list's file: it may be any list's */
    char key_name[CAIRN_SIGNER_NAME_SIZE_MAX + 1];
    cairn_key *key;
    cairn_status_record record;
} renewal;

/* Is it the list with a form that is anchored by that name? One that cannot be read keeps no other
 * from being renewed. */
static cairn_err look_at(void *context, cairn_bytes name)
{
    renewal *r = context;
    CAIRN_CLEANUP(cairn_file_close_p) int fd = -1;
    cairn_status_record head;
    cairn_status_form forms[CAIRN_STATUS_FORMS_MAX];
    cairn_err err = cairn_status_store_open(&r->arena, r->directory, name, &head, &fd);
    if (err != CAIRN_OK) {
        r->unread = err;
        return CAIRN_OK;
    }
    cairn_status_forms((cairn_list_format)head.format, forms);
    for (size_t i = 0; i < CAIRN_STATUS_FORMS_MAX; i++) {
        cairn_hash list;
        cairn_status_form_list_id(forms[i], head.uri, &list);
        if (cairn_hash_equal(&list, &r->list))
            CAIRN_TRY(cairn_arena_copy(&r->arena, name, &r->name));
    }
    return CAIRN_OK;
}

/* "issue-1" and so on: the CA's are named for what they are. The newest that is valid. */
static cairn_err look_at_key(void *context, const char *name, const cairn_key *public_key)
{
    renewal *r = context;
    const cairn_state_source state = {.context = r->ledger.engine, .get = get_state};
    cairn_key_record record;
    if (strncmp(name, "issue-", 6) != 0 || !isdigit((unsigned char)name[6]))
        return CAIRN_OK;
    cairn_err err = cairn_registry_key(&state, &r->arena, cairn_key_id(public_key), &record);
    if (err == CAIRN_ERR_NOT_FOUND)
        return CAIRN_OK;
    CAIRN_TRY(err);
    if (record.purpose != CAIRN_PURPOSE_ISSUE || record.until != CAIRN_HEIGHT_OPEN ||
        !cairn_hash_equal(&record.org, &r->org))
        return CAIRN_OK;
    if (r->key != NULL && strtoull(name + 6, NULL, 10) < strtoull(r->key_name + 6, NULL, 10))
        return CAIRN_OK;
    (void)snprintf(r->key_name, sizeof r->key_name, "%s", name);
    cairn_key_free(r->key);
    r->key = NULL;
    return cairn_key_from_cose(record.cose_key, &r->key);
}

static cairn_err sign(void *context, cairn_bytes message,
                      uint8_t ret_signature[CAIRN_SIGNATURE_SIZE_MAX], size_t *ret_size)
{
    const renewal *r = context;
    return cairn_signer_sign_wait_for(r->services->signer, 1u << CAIRN_PURPOSE_ISSUE, r->key_name,
                                      message, ret_signature, ret_size);
}

static cairn_err find(void *context, cairn_arena *arena, const cairn_hash *list,
                      cairn_list_anchor *ret_anchor)
{
    const renewal *r = context;
    const cairn_state_source state = {.context = r->ledger.engine, .get = get_state};
    return cairn_list_anchor_get(&state, arena, &r->org, list, ret_anchor);
}

static cairn_err anchor(void *context, cairn_bytes body)
{
    const renewal *r = context;
    return r->services->submit(r->services->node, CAIRN_TX_LIST_ANCHOR, body);
}

static cairn_err save(void *context, cairn_arena *arena, const cairn_status_record *record)
{
    const renewal *r = context;
    return cairn_status_store_save(arena, r->directory, record, false);
}

static cairn_err publish(renewal *r, uint64_t now_ms)
{
    CAIRN_TRY(cairn_signer_each(r->services->signer, look_at_key, r));
    if (r->key == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NOT_FOUND, "house",
                          "status list %.*s: no valid issue key signs it", (int)r->name.size,
                          (const char *)r->name.data);
    const cairn_status_publisher publisher = {.context = r,
                                              .kid = *cairn_key_id(r->key),
                                              .type = cairn_key_get_type(r->key),
                                              .sign = sign,
                                              .find = find,
                                              .anchor = anchor,
                                              .save = save};
    CAIRN_TRY(cairn_status_publish(&r->arena, &publisher, now_ms, &r->record));
    CAIRN_LOG(r->services->log, &events[0], cairn_log_text_n("list", r->name));
    return CAIRN_OK;
}

/* Its first form to expire. What was never anchored, or is half anchored, is due now. */
static uint64_t expires_ms(const cairn_status_record *record)
{
    uint64_t first = record->current.count < CAIRN_STATUS_FORMS_MAX ? 0 : UINT64_MAX;
    for (size_t i = 0; i < record->current.count; i++)
        if (cairn_status_issues(&record->current)[i].expires_ms < first)
            first = cairn_status_issues(&record->current)[i].expires_ms;
    return first;
}

static cairn_err set_again(void *context, cairn_jobs_txn *txn)
{
    const renewal *r = context;
    uint64_t end_ms = expires_ms(&r->record);
    return cairn_timer_set(txn, owner_name, cairn_bytes_hash(&r->list),
                           end_ms - r->record.life_s * 1000 / 3, (cairn_bytes){0});
}

/* The other form's timer may have renewed both, or the verb did. */
static cairn_err renew(renewal *r)
{
    CAIRN_CLEANUP(cairn_file_close_p) int fd = -1;
    const cairn_services *services = r->services;
    uint64_t now_ms = cairn_clock_wall_ms(&services->clock);
    CAIRN_TRY(services->find_own(services->node, &r->ledger, &r->org));
    CAIRN_TRY(cairn_path_join(services->directory, "status", r->directory));
    cairn_err err = cairn_status_store_each(r->directory, look_at, r);
    if (err == CAIRN_ERR_NOT_FOUND)
        return CAIRN_OK;
    CAIRN_TRY(err);
    if (r->name.size == 0) /* it is published from another directory, or cannot be read */
        return r->unread;
    CAIRN_TRY(cairn_status_store_lock(r->directory, &fd));
    CAIRN_TRY(cairn_status_store_load(&r->arena, r->directory, r->name, &r->record));
    if (!cairn_hash_equal(&r->record.org, &r->org) ||
        !cairn_hash_equal(&r->record.ledger, &r->ledger.id))
        return CAIRN_OK;
    if (expires_ms(&r->record) > now_ms + r->record.life_s * 1000 / 3)
        return cairn_jobs_update(services->jobs, set_again, r);
    return publish(r, now_ms);
}

static void act(void *context)
{
    renewal *r = context;
    cairn_err_clear();
    cairn_arena_init(&r->arena, RENEW_ARENA_SIZE_MAX);
    cairn_timer_done(r->firing, renew(r));
    cairn_arena_done(&r->arena);
    cairn_key_free(r->key);
    free(r);
}

/* Signing and anchoring wait, which the jobs must not. */
static void fire(void *context, const cairn_timer *timer, cairn_timer_firing *firing)
{
    const cairn_services *services = context;
    renewal *r = NULL;
    cairn_err err = CAIRN_OK;
    if (services->directory == NULL || services->find_own == NULL ||
        timer->id.size != sizeof r->list.b) {
        cairn_timer_done(firing, CAIRN_OK);
        return;
    }
    r = calloc(1, sizeof *r);
    if (r == NULL) {
        cairn_timer_done(firing, CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "status: renewal"));
        return;
    }
    *r = (renewal){.services = services, .firing = firing};
    memcpy(r->list.b, timer->id.data, sizeof r->list.b);
    err = services->run(services->node, act, r);
    if (err != CAIRN_OK) {
        free(r);
        cairn_timer_done(firing, err);
    }
}

const cairn_timer_owner cairn_status_timer_owner = {.name = "status.renew", .fire = fire};
