/* Devices of the caller's organisation, and the history of one: for its owner and for auditors.
 * Whoever else asks is told that there is none. [X1353-R11] */
#include "cairn/sha256.h"
#include "core/jobs/page.h"
#include "identity/identity.h"
#include "node/api/api.h"
#include "node/node_ledger.h"
#include "onboard/onboard.h"

enum { PAGE_LIFE_MS = 3600000, ARENA_SIZE_MAX = 1 << 20 };

static const cairn_hash nobody;

static void put_hash(cairn_api_json *json, const char *name, const cairn_hash *hash)
{
    if (!cairn_hash_equal(hash, &nobody))
        cairn_api_json_hash(json, name, hash);
}

static void put_device(cairn_api_json *json, const cairn_hash *index, const cairn_device *device)
{
    cairn_api_json_open(json, NULL);
    cairn_api_json_hash(json, "index", index);
    cairn_api_json_text(json, "state", cairn_device_state_name(device->state));
    cairn_api_json_number(json, "version", device->version);
    cairn_api_json_hash(json, "manufacturer", &device->manufacturer);
    put_hash(json, "owner", &device->owner);
    put_hash(json, "contract", &device->contract);
    cairn_api_json_hash(json, "owner_key", &device->owner_key);
    cairn_api_json_number(json, "entries", device->entry_count);
    cairn_api_json_time(json, "registered", device->registered_ms);
    cairn_api_json_time(json, "changed", device->changed_ms);
    cairn_api_json_close(json);
}

/* --- GET /v1/ledgers/{ledger}/devices --- */

typedef struct list {
    cairn_call *call;
    cairn_node_ledger *ledger;
    cairn_state_source state;
    uint8_t prefix[33]; /* organisation ‖ state */
    size_t prefix_size;
    cairn_bytes token;
    uint64_t limit;
    cairn_api_json json;
} list;

static cairn_err read_state(const cairn_api_parameter *row, list *l)
{
    const char *words[CAIRN_DEVICE_STATE_COUNT];
    size_t place = 0;
    l->prefix_size = sizeof(cairn_hash);
    if (!row->given)
        return CAIRN_OK;
    for (size_t i = 0; i < CAIRN_DEVICE_STATE_COUNT; i++)
        words[i] = cairn_device_state_name(i + 1);
    CAIRN_TRY(cairn_api_choice(row, words, CAIRN_DEVICE_STATE_COUNT, &place));
    l->prefix[l->prefix_size++] = (uint8_t)(place + 1);
    return CAIRN_OK;
}

static cairn_err read_query(list *l)
{
    cairn_api_parameter query[] = {{.name = "page"}, {.name = "limit"}, {.name = "state"}};
    CAIRN_TRY(cairn_api_ledger(l->call, CAIRN_SIGHT_PROOFS, &l->ledger));
    CAIRN_TRY(cairn_api_query(l->call, query, 3));
    CAIRN_TRY(cairn_api_number(&query[1], 1, CAIRN_API_LIMIT_MAX, &l->limit));
    if (query[0].given && query[0].value.size == 0)
        return CAIRN_FAIL(CAIRN_ERR_PAGE_TOKEN, "api/openapi.yaml", "query.page: is empty");
    if (!l->call->principal.has_organisation)
        return CAIRN_FAIL(CAIRN_ERR_NOT_FOUND, "api/openapi.yaml", "caller: of no organisation");
    memcpy(l->prefix, l->call->principal.organisation.b, sizeof(cairn_hash));
    l->token = query[0].value;
    l->state = cairn_node_ledger_state(l->ledger);
    return read_state(&query[2], l);
}

/* A device that the state does not have yet, as of its view, is left out. */
static cairn_err put_row(list *l, cairn_bytes key)
{
    cairn_arena arena;
    cairn_hash index;
    cairn_device device;
    if (key.size != CAIRN_DEVICES_HELD_KEY_SIZE)
        return CAIRN_FAIL(CAIRN_ERR_CORRUPT, "house", "devices: a row without an index");
    memcpy(index.b, key.data + sizeof(cairn_hash) + 1, sizeof index.b);
    cairn_arena_init(&arena, ARENA_SIZE_MAX);
    cairn_err err = cairn_device_get(&l->state, &arena, &index, &device);
    if (err == CAIRN_OK)
        put_device(&l->json, &index, &device);
    cairn_arena_done(&arena);
    return err == CAIRN_ERR_NOT_FOUND ? CAIRN_OK : err;
}

static cairn_err put_page(list *l)
{
    cairn_hash caller, filter;
    cairn_page rows;
    cairn_principal_digest(&l->call->principal, &caller);
    cairn_sha256_of(l->prefix, l->prefix_size, &filter);
    const cairn_page_query query = {.projection = cairn_devices_projection.name,
                                    .slot = l->ledger->service.slot,
                                    .table = CAIRN_DEVICES_HELD,
                                    .prefix = cairn_bytes_of(l->prefix, l->prefix_size),
                                    .query = &filter,
                                    .caller = &caller,
                                    .token = l->token,
                                    .limit = l->limit,
                                    .life_ms = PAGE_LIFE_MS};
    CAIRN_TRY(cairn_page_read(l->call->services->jobs, l->call->arena, &query, &rows));
    cairn_api_json_open(&l->json, NULL);
    cairn_api_json_open_list(&l->json, "devices");
    for (size_t i = 0; i < rows.row_count; i++)
        CAIRN_TRY(put_row(l, rows.rows[i].key));
    cairn_api_json_close_list(&l->json);
    if (rows.token.size > 0)
        cairn_api_json_view(&l->json, "next", rows.token);
    cairn_api_json_close(&l->json);
    return CAIRN_OK;
}

static void answer(cairn_call *call, cairn_err err, cairn_api_json *json)
{
    if (err == CAIRN_OK) {
        cairn_api_answer_json(call, 200, NULL, 0, json);
        return;
    }
    cairn_api_json_done(json);
    cairn_api_refuse(call, err);
}

static void list_devices(void *context)
{
    list l = {.call = context, .limit = CAIRN_API_LIMIT};
    cairn_err err = read_query(&l);
    if (err == CAIRN_OK)
        err = put_page(&l);
    answer(l.call, err, &l.json);
}

void cairn_api_devices_list(cairn_call *call)
{
    cairn_api_defer(call, list_devices);
}

/* --- GET /v1/ledgers/{ledger}/devices/{device}/history --- */

typedef struct history {
    cairn_call *call;
    cairn_node_ledger *ledger;
    cairn_state_source state;
    cairn_hash index;
    cairn_device device;
    const cairn_devices_step *steps;
    size_t count;
    cairn_api_json json;
} history;

/* An auditor by the members' vote and by his own grant. */
static cairn_err is_auditor(const history *h, bool *ret_auditor)
{
    const cairn_principal *caller = &h->call->principal;
    *ret_auditor = false;
    if ((caller->roles & CAIRN_ROLE_AUDITOR) == 0)
        return CAIRN_OK;
    cairn_err err = cairn_onboard_check_org(&h->state, h->call->arena, &caller->organisation,
                                            CAIRN_ROLE_AUDITOR);
    *ret_auditor = err == CAIRN_OK;
    return err == CAIRN_ERR_NOT_FOUND || err == CAIRN_ERR_CLOSED || err == CAIRN_ERR_TX_FORBIDDEN
               ? CAIRN_OK
               : err;
}

/* NOT_FOUND for everybody but who owns it now, or made it and never sold it, and auditors. */
static cairn_err check_reader(const history *h)
{
    const cairn_principal *caller = &h->call->principal;
    bool auditor = false;
    bool unsold = h->device.state == CAIRN_DEVICE_REGISTERED ||
                  h->device.resume_state == CAIRN_DEVICE_REGISTERED;
    const cairn_hash *holder = unsold ? &h->device.manufacturer : &h->device.owner;
    if (!caller->has_organisation)
        return CAIRN_FAIL(CAIRN_ERR_NOT_FOUND, "house", "device: not this caller's");
    if (cairn_hash_equal(holder, &caller->organisation))
        return CAIRN_OK;
    CAIRN_TRY(is_auditor(h, &auditor));
    return auditor ? CAIRN_OK
                   : CAIRN_FAIL(CAIRN_ERR_NOT_FOUND, "house", "device: not this caller's");
}

static cairn_err find_device(history *h)
{
    CAIRN_TRY(cairn_api_ledger(h->call, CAIRN_SIGHT_PROOFS, &h->ledger));
    CAIRN_TRY(cairn_api_query(h->call, NULL, 0));
    CAIRN_TRY(cairn_api_hash(h->call->params[1], "device", &h->index));
    h->state = cairn_node_ledger_state(h->ledger);
    CAIRN_TRY(cairn_device_get(&h->state, h->call->arena, &h->index, &h->device));
    return check_reader(h);
}

static cairn_err read_steps(history *h)
{
    CAIRN_CLEANUP(cairn_projection_view_close_p) cairn_projection_view *view = NULL;
    CAIRN_TRY(cairn_projection_view_open(h->call->services->jobs, cairn_devices_projection.name,
                                         h->ledger->service.slot, &view));
    return cairn_devices_history(view, h->call->arena, &h->index, &h->steps, &h->count);
}

static void put_step(cairn_api_json *json, const cairn_devices_step *step, const char *act,
                     const cairn_device *device)
{
    cairn_api_json_open(json, NULL);
    cairn_api_json_number(json, "version", step->version);
    cairn_api_json_text(json, "act", act);
    cairn_api_json_text(json, "state", cairn_device_state_name(device->state));
    cairn_api_json_hash(json, "owner_key", &device->owner_key);
    put_hash(json, "owner", &device->owner);
    put_hash(json, "signed_by", &step->org);
    cairn_api_json_time(json, "time", step->time_ms);
    cairn_api_json_number(json, "height", step->height);
    cairn_api_json_number(json, "log_index", step->log_index);
    cairn_api_json_hash(json, "transaction", &device->transaction);
    cairn_api_json_close(json);
}

/* Each step done again, so that it says who owned the device then. */
static cairn_err put_steps(history *h)
{
    cairn_arena *arena = h->call->arena;
    cairn_device device = {.version = 0};
    cairn_api_json_open(&h->json, NULL);
    cairn_api_json_hash(&h->json, "index", &h->index);
    cairn_api_json_open_list(&h->json, "steps");
    for (size_t i = 0; i < h->count; i++) {
        const cairn_devices_step *step = &h->steps[i];
        const char *act = "bar";
        cairn_device_step told = {
            .time_ms = step->time_ms, .org = step->org, .barred = step->barred};
        CAIRN_TRY(cairn_engine_entry(h->ledger->service.engine, step->log_index, arena,
                                     &told.transaction));
        CAIRN_TRY(cairn_device_replay(arena, &h->index, &told, &device));
        if (!step->barred)
            CAIRN_TRY(cairn_device_act_name(arena, told.transaction, &act));
        put_step(&h->json, step, act, &device);
    }
    cairn_api_json_close_list(&h->json);
    cairn_api_json_close(&h->json);
    return CAIRN_OK;
}

static void get_history(void *context)
{
    history h = {.call = context};
    cairn_err err = find_device(&h);
    if (err == CAIRN_OK)
        err = read_steps(&h);
    if (err == CAIRN_OK)
        err = put_steps(&h);
    answer(h.call, err, &h.json);
}

void cairn_api_device_history(cairn_call *call)
{
    cairn_api_defer(call, get_history);
}
