/* A value of the state or the configuration, and its proof. */
#include <stdlib.h>

#include "cairn/state_proof.h"
#include "node/api/api.h"
#include "node/api/state_name.h"

/* A question for a proof, while its head is signed. */
typedef struct question {
    cairn_call *call;
    cairn_node_ledger *ledger;
    cairn_map_id map;
    cairn_state_key key;
    uint64_t entry_index; /* of the block entry that closes the view */
    cairn_smt_proof proof;
} question;

static cairn_err make_proof(const question *q, const cairn_head *head, cairn_bytes *ret_encoded)
{
    cairn_engine *engine = q->ledger->service.engine;
    cairn_arena *arena = q->call->arena;
    const cairn_hash *path = NULL;
    size_t path_count = 0;
    cairn_receipts receipts;
    cairn_state_proof proof = {
        .map = q->map == CAIRN_MAP_STATE ? CAIRN_STATE_PROOF_STATE : CAIRN_STATE_PROOF_CONFIG,
        .key = cairn_state_key_view(&q->key),
        .present = q->proof.exists,
        .value = q->proof.value,
        .proof = q->proof.ics23,
    };
    CAIRN_TRY(cairn_engine_prove_entry(engine, head->view, q->entry_index, arena,
                                       &proof.end.block_entry_raw, &path, &path_count));
    CAIRN_TRY(cairn_head_receipts(head, engine, q->ledger->origin, q->entry_index,
                                  proof.end.block_entry_raw, arena, &receipts));
    return cairn_state_proof_encode(arena, &proof, receipts.list, receipts.count, ret_encoded);
}

static void on_head(void *context, cairn_err err, const cairn_head *head)
{
    question *q = context;
    cairn_bytes encoded;
    if (err == CAIRN_OK)
        err = make_proof(q, head, &encoded);
    if (err == CAIRN_OK)
        cairn_api_answer(q->call, 200, "application/cbor", NULL, 0, encoded);
    else
        cairn_api_refuse(q->call, err);
}

/* A proof as of the newest view, whichever that is by the time of reading. */
static cairn_err prove_newest(question *q)
{
    cairn_engine *engine = q->ledger->service.engine;
    cairn_err err = CAIRN_ERR_VIEW_EXPIRED;
    for (int tries = 0; err == CAIRN_ERR_VIEW_EXPIRED && tries < 16; tries++) {
        CAIRN_CLEANUP(cairn_view_free_p) cairn_view *view = cairn_engine_view(engine);
        q->entry_index = view->log_size - 1;
        err = cairn_engine_prove(engine, view, q->map, cairn_state_key_view(&q->key),
                                 q->call->arena, &q->proof);
    }
    return err;
}

static void answer_proof(const question *asked)
{
    question *q = NULL;
    cairn_err err = CAIRN_ARENA_NEW(asked->call->arena, &q);
    if (err == CAIRN_OK) {
        *q = *asked;
        err = prove_newest(q);
    }
    if (err == CAIRN_OK)
        cairn_heads_want(q->ledger->heads[CAIRN_HEAD_RECEIPT], q->entry_index + 1, on_head, q);
    else
        cairn_api_refuse(asked->call, err);
}

static void answer_value(const question *q)
{
    cairn_engine *engine = q->ledger->service.engine;
    cairn_err err = CAIRN_ERR_VIEW_EXPIRED;
    cairn_bytes value = {NULL, 0};
    cairn_api_json json = {0};
    for (int tries = 0; err == CAIRN_ERR_VIEW_EXPIRED && tries < 16; tries++) {
        CAIRN_CLEANUP(cairn_view_free_p) cairn_view *view = cairn_engine_view(engine);
        err = cairn_engine_get(engine, view, q->map, cairn_state_key_view(&q->key), q->call->arena,
                               &value);
        if (err != CAIRN_OK)
            continue;
        cairn_api_json_open(&json, NULL);
        cairn_api_json_view(&json, "key", q->call->params[1]);
        cairn_api_json_hex(&json, "value", value);
        cairn_api_json_number(&json, "height", view->height);
        cairn_api_json_time(&json, "time", view->time_ms);
        cairn_api_json_close(&json);
    }
    if (err == CAIRN_OK)
        cairn_api_answer_json(q->call, 200, NULL, 0, &json);
    else
        cairn_api_refuse(q->call, err);
}

void cairn_api_state_get(cairn_call *call)
{
    static const char *const words[] = {"false", "true"};
    cairn_api_parameter query[] = {{.name = "proof"}};
    question q = {.call = call};
    size_t proof = 0;
    cairn_err err = cairn_api_ledger(call, CAIRN_SIGHT_PROOFS, &q.ledger);
    if (err == CAIRN_OK)
        err = cairn_api_query(call, query, 1);
    if (err == CAIRN_OK)
        err = cairn_api_choice(&query[0], words, 2, &proof);
    if (err == CAIRN_OK)
        err = cairn_state_name_parse(call->params[1], &q.map, &q.key);
    if (err != CAIRN_OK)
        cairn_api_refuse(call, err);
    else if (proof == 1)
        answer_proof(&q);
    else
        answer_value(&q);
}
