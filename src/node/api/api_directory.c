/* Organisations, keys and approvals, as the registry has them. */
#include <stdlib.h>

#include "identity/identity.h"
#include "ledger/governance.h"
#include "ledger/registry.h"
#include "node/api/api.h"
#include "node/node_directory.h"

/* --- keys --- */

static cairn_err put_key(cairn_api_json *json, const cairn_state_source *state, cairn_arena *arena,
                         const cairn_hash *kid)
{
    cairn_key_record key;
    CAIRN_TRY(cairn_registry_key(state, arena, kid, &key));
    cairn_api_json_open(json, NULL);
    cairn_api_json_hash(json, "id", kid);
    cairn_api_json_hash(json, "organisation", &key.org);
    cairn_api_json_text(json, "purpose", cairn_purpose_name(key.purpose));
    cairn_api_json_base64(json, "cose_key", key.cose_key);
    cairn_api_json_number(json, "since_height", key.since);
    if (key.until != CAIRN_HEIGHT_OPEN)
        cairn_api_json_number(json, "until_height", key.until);
    if (key.suspect_since != CAIRN_HEIGHT_OPEN)
        cairn_api_json_number(json, "suspect_since_height", key.suspect_since);
    cairn_api_json_close(json);
    return CAIRN_OK;
}

/* The keys of an organisation, in the order of their registration. */
static cairn_err put_keys(cairn_api_json *json, const cairn_state_source *state, cairn_arena *arena,
                          const cairn_org_record *org)
{
    for (size_t i = 0; i < org->kid_count; i++)
        CAIRN_TRY(put_key(json, state, arena, &org->kids[i]));
    return CAIRN_OK;
}

/* --- organisations --- */

static void put_roles(cairn_api_json *json, uint32_t roles)
{
    cairn_api_json_open_list(json, "roles");
    for (unsigned bit = 0; bit < 32; bit++)
        if ((roles >> bit & 1u) != 0)
            cairn_api_json_text(json, NULL, cairn_role_name(UINT32_C(1) << bit));
    cairn_api_json_close_list(json);
}

static void put_org(cairn_api_json *json, const cairn_hash *id, const cairn_org_record *org)
{
    cairn_api_json_hash(json, "id", id);
    cairn_api_json_text(json, "name", org->name);
    cairn_api_json_text(json, "status", cairn_org_status_name(org->status));
    cairn_api_json_bool(json, "member", org->member);
    put_roles(json, org->roles);
    cairn_api_json_number(json, "version", org->version);
    cairn_api_json_number(json, "admitted_height", org->admitted_height);
}

/* --- one object --- */

typedef cairn_err (*put_object)(cairn_api_json *json, const cairn_state_source *state,
                                cairn_arena *arena, const cairn_hash *id);

static cairn_err put_one_org(cairn_api_json *json, const cairn_state_source *state,
                             cairn_arena *arena, const cairn_hash *id)
{
    cairn_org_record org;
    CAIRN_TRY(cairn_registry_org(state, arena, id, &org));
    cairn_api_json_open(json, NULL);
    put_org(json, id, &org);
    cairn_api_json_open_list(json, "keys");
    CAIRN_TRY(put_keys(json, state, arena, &org));
    cairn_api_json_close_list(json);
    cairn_api_json_close(json);
    return CAIRN_OK;
}

/* Answers with the object that the second parameter of the path names. */
static void answer_one(cairn_call *call, const char *field, put_object put)
{
    cairn_node_ledger *ledger = NULL;
    cairn_api_json json = {0};
    cairn_hash id;
    cairn_err err = cairn_api_ledger(call, CAIRN_SIGHT_PROOFS, &ledger);
    if (err == CAIRN_OK)
        err = cairn_api_query(call, NULL, 0);
    if (err == CAIRN_OK)
        err = cairn_api_hash(call->params[1], field, &id);
    if (err == CAIRN_OK) {
        cairn_state_source state = cairn_node_ledger_state(ledger);
        err = put(&json, &state, call->arena, &id);
    }
    if (err == CAIRN_OK) {
        cairn_api_answer_json(call, 200, NULL, 0, &json);
        return;
    }
    cairn_api_json_done(&json);
    cairn_api_refuse(call, err);
}

void cairn_api_organisation_get(cairn_call *call)
{
    answer_one(call, "organisation", put_one_org);
}

void cairn_api_key_get(cairn_call *call)
{
    answer_one(call, "key", put_key);
}

/* --- lists: the founders, whom the genesis names, and then a page of the projection --- */

enum { PAGE_LIFE_MS = 3600000, GENESIS_ARENA_SIZE_MAX = 32 << 20 };

typedef struct list {
    cairn_call *call;
    cairn_node_ledger *ledger;
    cairn_state_source state;
    const char *name; /* of the list in the answer */
    unsigned table;
    put_object put;
    cairn_bytes token;
    uint64_t limit;
    cairn_api_json json;
} list;

/* An object that the state no longer has, or not yet as of its view, is left out. */
static cairn_err put_listed(list *l, const cairn_hash *id)
{
    cairn_arena arena;
    cairn_arena_init(&arena, GENESIS_ARENA_SIZE_MAX);
    size_t before = l->json.size;
    cairn_err err = l->put(&l->json, &l->state, &arena, id);
    cairn_arena_done(&arena);
    return err == CAIRN_ERR_NOT_FOUND && l->json.size == before ? CAIRN_OK : err;
}

static cairn_err put_founders(list *l)
{
    cairn_arena arena;
    cairn_genesis genesis;
    cairn_bytes raw;
    cairn_arena_init(&arena, GENESIS_ARENA_SIZE_MAX);
    cairn_err err = cairn_engine_entry(l->ledger->service.engine, 0, &arena, &raw);
    if (err == CAIRN_OK)
        err = cairn_genesis_decode(&arena, raw, &genesis);
    for (size_t i = 0; err == CAIRN_OK && i < genesis.member_count; i++) {
        CAIRN_CLEANUP(cairn_key_free_p) cairn_key *key = NULL;
        cairn_hash id;
        err = cairn_key_from_cose(genesis.members[i].keys[0].cose_key, &key);
        if (err != CAIRN_OK)
            break;
        cairn_org_id(cairn_key_id(key), &id);
        err = put_listed(l, &id);
    }
    cairn_arena_done(&arena);
    return err;
}

/* Is it one of the founders, whom the first page has listed? */
static cairn_err is_founder(const list *l, const cairn_hash *id, bool *ret_founder)
{
    cairn_org_record org;
    cairn_arena arena;
    cairn_arena_init(&arena, GENESIS_ARENA_SIZE_MAX);
    cairn_err err = cairn_registry_org(&l->state, &arena, id, &org);
    cairn_arena_done(&arena);
    *ret_founder = err == CAIRN_OK && org.admitted_height == 0;
    return err;
}

static cairn_err put_rows(list *l, const cairn_page *rows)
{
    for (size_t i = 0; i < rows->row_count; i++) {
        cairn_hash id;
        bool founder = false;
        memcpy(id.b, rows->rows[i].value.data, sizeof id.b);
        if (l->table == CAIRN_DIRECTORY_ORGANISATIONS)
            CAIRN_TRY(is_founder(l, &id, &founder));
        if (!founder)
            CAIRN_TRY(put_listed(l, &id));
    }
    return CAIRN_OK;
}

static cairn_err put_page(list *l)
{
    static const cairn_hash no_filter = {{0}};
    cairn_hash caller;
    cairn_page rows;
    cairn_principal_digest(&l->call->principal, &caller);
    const cairn_page_query query = {.projection = cairn_directory_projection.name,
                                    .slot = l->ledger->service.slot,
                                    .table = l->table,
                                    .query = &no_filter,
                                    .caller = &caller,
                                    .token = l->token,
                                    .limit = l->limit,
                                    .life_ms = PAGE_LIFE_MS};
    CAIRN_TRY(cairn_page_read(l->call->services->jobs, l->call->arena, &query, &rows));
    cairn_api_json_open(&l->json, NULL);
    cairn_api_json_open_list(&l->json, l->name);
    if (l->token.size == 0 && l->table == CAIRN_DIRECTORY_ORGANISATIONS)
        CAIRN_TRY(put_founders(l));
    CAIRN_TRY(put_rows(l, &rows));
    cairn_api_json_close_list(&l->json);
    if (rows.token.size > 0)
        cairn_api_json_view(&l->json, "next", rows.token);
    cairn_api_json_close(&l->json);
    return CAIRN_OK;
}

static cairn_err list_query(list *l)
{
    cairn_api_parameter query[] = {{.name = "page"}, {.name = "limit"}};
    CAIRN_TRY(cairn_api_ledger(l->call, CAIRN_SIGHT_PROOFS, &l->ledger));
    CAIRN_TRY(cairn_api_query(l->call, query, 2));
    CAIRN_TRY(cairn_api_number(&query[1], 1, CAIRN_API_LIMIT_MAX, &l->limit));
    if (query[0].given && query[0].value.size == 0)
        return CAIRN_FAIL(CAIRN_ERR_PAGE_TOKEN, "api/openapi.yaml", "query.page: is empty");
    l->token = query[0].value;
    l->state = cairn_node_ledger_state(l->ledger);
    return CAIRN_OK;
}

static void answer_list(list *l)
{
    l->limit = CAIRN_API_LIMIT;
    cairn_err err = list_query(l);
    if (err == CAIRN_OK)
        err = put_page(l);
    if (err == CAIRN_OK) {
        cairn_api_answer_json(l->call, 200, NULL, 0, &l->json);
        return;
    }
    cairn_api_json_done(&l->json);
    cairn_api_refuse(l->call, err);
}

static cairn_err put_org_alone(cairn_api_json *json, const cairn_state_source *state,
                               cairn_arena *arena, const cairn_hash *id)
{
    cairn_org_record org;
    CAIRN_TRY(cairn_registry_org(state, arena, id, &org));
    cairn_api_json_open(json, NULL);
    put_org(json, id, &org);
    cairn_api_json_close(json);
    return CAIRN_OK;
}

static void list_organisations(void *context)
{
    list l = {.call = context,
              .name = "organisations",
              .table = CAIRN_DIRECTORY_ORGANISATIONS,
              .put = put_org_alone};
    answer_list(&l);
}

void cairn_api_organisations_list(cairn_call *call)
{
    cairn_api_defer(call, list_organisations);
}

/* --- all keys: those of each organisation of a page --- */

static cairn_err put_org_keys(cairn_api_json *json, const cairn_state_source *state,
                              cairn_arena *arena, const cairn_hash *id)
{
    cairn_org_record org;
    CAIRN_TRY(cairn_registry_org(state, arena, id, &org));
    return put_keys(json, state, arena, &org);
}

static void list_keys(void *context)
{
    list l = {.call = context,
              .name = "keys",
              .table = CAIRN_DIRECTORY_ORGANISATIONS,
              .put = put_org_keys};
    answer_list(&l);
}

void cairn_api_keys_list(cairn_call *call)
{
    cairn_api_defer(call, list_keys);
}

/* --- approvals --- */

static void put_hashes(cairn_api_json *json, const char *name, const cairn_member_list *members)
{
    cairn_api_json_open_list(json, name);
    for (size_t i = 0; i < members->count; i++)
        cairn_api_json_hash(json, NULL, &members->orgs[i]);
    cairn_api_json_close_list(json);
}

static const char *approval_status(cairn_approval_status status)
{
    static const char *const names[] = {[CAIRN_APPROVAL_OPEN] = "open",
                                        [CAIRN_APPROVAL_EXECUTED] = "executed",
                                        [CAIRN_APPROVAL_WITHDRAWN] = "withdrawn",
                                        [CAIRN_APPROVAL_FAILED] = "failed"};
    return names[status];
}

static void put_approval_fields(cairn_api_json *json, const cairn_hash *id, const cairn_approval *a)
{
    cairn_hash act_hash;
    cairn_act_hash(a->act_type, a->act_body, &act_hash);
    cairn_api_json_hash(json, "id", id);
    cairn_api_json_number(json, "act_type", a->act_type);
    cairn_api_json_hex(json, "act", a->act_body);
    cairn_api_json_hash(json, "act_hash", &act_hash);
    cairn_api_json_hash(json, "proposer", &a->proposer);
    put_hashes(json, "electors", &a->electors);
    cairn_api_json_number(json, "threshold", a->threshold);
    put_hashes(json, "approvers", &a->approvers);
    cairn_api_json_time(json, "expires", a->expires_ms);
    cairn_api_json_text(json, "status", approval_status(a->status));
    if (a->code != CAIRN_OK)
        cairn_api_json_text(json, "code", cairn_err_name(a->code));
}

static cairn_err put_approval(cairn_api_json *json, const cairn_state_source *state,
                              cairn_arena *arena, const cairn_hash *id)
{
    cairn_approval approval;
    CAIRN_TRY(cairn_approval_get(state, arena, id, &approval));
    cairn_api_json_open(json, NULL);
    put_approval_fields(json, id, &approval);
    cairn_api_json_close(json);
    return CAIRN_OK;
}

static void list_approvals(void *context)
{
    list l = {.call = context,
              .name = "approvals",
              .table = CAIRN_DIRECTORY_APPROVALS,
              .put = put_approval};
    answer_list(&l);
}

void cairn_api_approvals_list(cairn_call *call)
{
    cairn_api_defer(call, list_approvals);
}
