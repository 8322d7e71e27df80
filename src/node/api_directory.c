/* Organisations, keys and approvals, as the registry has them. */
#include <stdlib.h>

#include "ledger/governance.h"
#include "ledger/registry.h"
#include "node/api.h"

/* --- keys --- */

static cairn_err put_key(cairn_json *json, const cairn_state_source *state, cairn_arena *arena,
                         const cairn_hash *kid)
{
    cairn_key_record key;
    CAIRN_TRY(cairn_registry_key(state, arena, kid, &key));
    cairn_json_open(json, NULL);
    cairn_json_hash(json, "id", kid);
    cairn_json_hash(json, "organisation", &key.org);
    cairn_json_text(json, "purpose", cairn_purpose_name(key.purpose));
    cairn_json_base64(json, "cose_key", key.cose_key);
    cairn_json_number(json, "since_height", key.since);
    if (key.until != CAIRN_HEIGHT_OPEN)
        cairn_json_number(json, "until_height", key.until);
    if (key.suspect_since != CAIRN_HEIGHT_OPEN)
        cairn_json_number(json, "suspect_since_height", key.suspect_since);
    cairn_json_close(json);
    return CAIRN_OK;
}

/* The keys of an organisation, in the order of their registration. */
static cairn_err put_keys(cairn_json *json, const cairn_state_source *state, cairn_arena *arena,
                          const cairn_org_record *org)
{
    for (size_t i = 0; i < org->kid_count; i++)
        CAIRN_TRY(put_key(json, state, arena, &org->kids[i]));
    return CAIRN_OK;
}

/* --- organisations --- */

static void put_org(cairn_json *json, const cairn_hash *id, const cairn_org_record *org)
{
    cairn_json_hash(json, "id", id);
    cairn_json_text(json, "name", org->name);
    cairn_json_text(json, "status", cairn_org_status_name(org->status));
    cairn_json_bool(json, "member", org->member);
    cairn_json_number(json, "version", org->version);
    cairn_json_number(json, "admitted_height", org->admitted_height);
}

/* --- one object --- */

typedef cairn_err (*put_object)(cairn_json *json, const cairn_state_source *state,
                                cairn_arena *arena, const cairn_hash *id);

static cairn_err put_one_org(cairn_json *json, const cairn_state_source *state, cairn_arena *arena,
                             const cairn_hash *id)
{
    cairn_org_record org;
    CAIRN_TRY(cairn_registry_org(state, arena, id, &org));
    cairn_json_open(json, NULL);
    put_org(json, id, &org);
    cairn_json_open_list(json, "keys");
    CAIRN_TRY(put_keys(json, state, arena, &org));
    cairn_json_close_list(json);
    cairn_json_close(json);
    return CAIRN_OK;
}

/* Answers with the object that the second parameter of the path names. */
static void answer_one(cairn_call *call, const char *field, put_object put)
{
    cairn_node_ledger *ledger = NULL;
    cairn_json json = {0};
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
    cairn_json_done(&json);
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
