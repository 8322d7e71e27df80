/* The ledgers, and where they stand. */
#include "cairn/note.h"
#include "node/api/api.h"

/* What judges the next block. The view knows its rules from the first block on; before, the state
 * does. */
static uint64_t app_version(cairn_call *call, const cairn_node_ledger *ledger,
                            const cairn_view *view)
{
    cairn_params params = view->rules.params;
    cairn_bytes value;
    if (params.app_version == 0 &&
        (cairn_engine_get_newest(ledger->service.engine, CAIRN_MAP_CONFIG,
                                 cairn_bytes_str("params"), call->arena, &value) != CAIRN_OK ||
         cairn_params_decode(value, &params) != CAIRN_OK))
        return 0;
    return cairn_params_version_at(&params, view->height + 1);
}

static void put_roots(cairn_api_json *json, const cairn_view *view)
{
    cairn_api_json_number(json, "height", view->height);
    cairn_api_json_time(json, "time", view->time_ms);
    cairn_api_json_number(json, "log_size", view->log_size);
    cairn_api_json_hash(json, "log_root", &view->log_root);
    cairn_api_json_hash(json, "state_root", &view->last.state_root);
    cairn_api_json_hash(json, "config_root", &view->last.config_root);
}

/* The note key, while there is one. */
static void put_vkey(cairn_call *call, cairn_api_json *json, const cairn_node_ledger *ledger)
{
    cairn_head_key key = {.public_key = NULL};
    cairn_vkey vkey;
    cairn_bytes text;
    if (cairn_node_find_key(cairn_api_node(call), CAIRN_HEAD_NOTE, &key) != CAIRN_OK)
        return;
    cairn_err err =
        cairn_vkey_init(cairn_bytes_str(ledger->origin), CAIRN_NOTE_ED25519, key.public_key, &vkey);
    cairn_key_free(key.public_key);
    if (err != CAIRN_OK)
        return;
    if (cairn_vkey_format(&vkey, call->arena, &text) == CAIRN_OK)
        cairn_api_json_view(json, "vkey", text);
    cairn_vkey_done(&vkey);
}

/* Of a follower: how old it may be. */
static void put_follow(cairn_api_json *json, cairn_follow *follow)
{
    cairn_follow_status s;
    if (follow == NULL)
        return;
    cairn_follow_get_status(follow, &s);
    cairn_api_json_open(json, "follows");
    cairn_api_json_text(json, "state", cairn_follow_state_name(s.state));
    cairn_api_json_number(json, "checkpoint_size", s.head_size);
    if (s.success_ms != 0)
        cairn_api_json_time(json, "success", s.success_ms);
    if (s.growth_ms != 0)
        cairn_api_json_time(json, "growth", s.growth_ms);
    cairn_api_json_close(json);
}

static void put_ledger(cairn_call *call, cairn_api_json *json, const cairn_node_ledger *ledger)
{
    CAIRN_CLEANUP(cairn_view_free_p)
    cairn_view *view = cairn_engine_view(ledger->service.engine);
    cairn_api_json_open(json, NULL);
    cairn_api_json_text(json, "id", ledger->id_text);
    cairn_api_json_text(json, "origin", ledger->origin);
    put_vkey(call, json, ledger);
    put_roots(json, view);
    cairn_api_json_number(json, "app_version", app_version(call, ledger, view));
    put_follow(json, cairn_node_follower(cairn_api_node(call)));
    cairn_api_json_close(json);
}

static cairn_err put_list(cairn_call *call, cairn_api_json *json)
{
    cairn_node *node = cairn_api_node(call);
    CAIRN_TRY(cairn_api_query(call, NULL, 0));
    cairn_api_json_open(json, NULL);
    cairn_api_json_open_list(json, "ledgers");
    for (size_t i = 0; i < cairn_node_ledger_count(node); i++) {
        cairn_node_ledger *ledger = cairn_node_ledger_at(node, i);
        cairn_err err = cairn_node_find(node, &call->principal, cairn_bytes_str(ledger->id_text),
                                        CAIRN_SIGHT_PROOFS, &ledger);
        if (err == CAIRN_OK)
            put_ledger(call, json, ledger);
        else if (err != CAIRN_ERR_NOT_FOUND)
            return err;
    }
    cairn_api_json_close_list(json);
    cairn_api_json_close(json);
    return CAIRN_OK;
}

void cairn_api_ledgers_list(cairn_call *call)
{
    cairn_api_json json = {0};
    cairn_err err = put_list(call, &json);
    if (err == CAIRN_OK) {
        cairn_api_answer_json(call, 200, NULL, 0, &json);
        return;
    }
    cairn_api_json_done(&json);
    cairn_api_refuse(call, err);
}

void cairn_api_ledger_get(cairn_call *call)
{
    cairn_node_ledger *ledger = NULL;
    cairn_api_json json = {0};
    cairn_err err = cairn_api_ledger(call, CAIRN_SIGHT_PROOFS, &ledger);
    if (err == CAIRN_OK)
        err = cairn_api_query(call, NULL, 0);
    if (err != CAIRN_OK) {
        cairn_api_refuse(call, err);
        return;
    }
    put_ledger(call, &json, ledger);
    cairn_api_answer_json(call, 200, NULL, 0, &json);
}
