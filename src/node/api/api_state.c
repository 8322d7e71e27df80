/* A value of the state or the configuration, and its proof. */
#include <stdlib.h>

#include "cairn/state_proof.h"
#include "node/api/api.h"
#include "node/api/state_name.h"

/* A question for a proof, while its head is signed, or its block committed to. */
typedef struct question {
    cairn_call *call;
    cairn_node_ledger *ledger;
    cairn_map_id map;
    cairn_state_key key;
    uint64_t entry_index; /* of the block entry that closes the view */
    cairn_smt_proof proof;
    cairn_commits_question commit; /* its `from` is 0: receipts */
} question;

/* All but who vouches. */
static cairn_err begin_proof(const question *q, cairn_state_proof *ret_proof)
{
    *ret_proof = (cairn_state_proof){
        .map = q->map == CAIRN_MAP_STATE ? CAIRN_STATE_PROOF_STATE : CAIRN_STATE_PROOF_CONFIG,
        .key = cairn_state_key_view(&q->key),
        .present = q->proof.exists,
        .value = q->proof.value,
        .proof = q->proof.ics23,
    };
    return cairn_engine_entry(q->ledger->service.engine, q->entry_index, q->call->arena,
                              &ret_proof->end.block_entry_raw);
}

static void answer_encoded(const question *q, cairn_err err, cairn_bytes encoded)
{
    if (err == CAIRN_OK)
        cairn_api_answer(q->call, 200, "application/cbor", NULL, 0, encoded);
    else
        cairn_api_refuse(q->call, err);
}

/* --- by receipts --- */

static cairn_err make_proof(const question *q, const cairn_head *head, cairn_bytes *ret_encoded)
{
    cairn_engine *engine = q->ledger->service.engine;
    cairn_arena *arena = q->call->arena;
    cairn_receipts receipts;
    cairn_state_proof proof;
    CAIRN_TRY(begin_proof(q, &proof));
    CAIRN_TRY(cairn_head_receipts(head, engine, q->ledger->origin, q->entry_index,
                                  proof.end.block_entry_raw, arena, &receipts));
    return cairn_state_proof_encode(arena, &proof, receipts.list, receipts.count, ret_encoded);
}

static void on_head(void *context, cairn_err err, const cairn_head *head)
{
    const question *q = context;
    cairn_bytes encoded = {NULL, 0};
    if (err == CAIRN_OK)
        err = make_proof(q, head, &encoded);
    answer_encoded(q, err, encoded);
}

/* --- by a commit --- */

static void on_commit(void *context, cairn_err err, cairn_bytes commit_proof)
{
    const question *q = context;
    cairn_state_proof proof;
    cairn_bytes encoded = {NULL, 0};
    if (err == CAIRN_OK)
        err = begin_proof(q, &proof);
    if (err == CAIRN_OK) {
        proof.end.commit_raw = commit_proof;
        err = cairn_state_proof_encode(q->call->arena, &proof, NULL, 0, &encoded);
    }
    answer_encoded(q, err, encoded);
}

static void want_commit(question *q, cairn_view *view)
{
    q->commit.view = view;
    q->commit.index = q->entry_index;
    q->commit.arena = q->call->arena;
    q->commit.done = on_commit;
    q->commit.context = q;
    cairn_err err = cairn_api_ask_commit(q->call, q->ledger, &q->commit);
    if (err != CAIRN_OK)
        cairn_api_refuse(q->call, err);
}

/* --- the question --- */

/* A proof as of the newest view, whichever that is by the time of reading. */
static cairn_err prove_newest(question *q, cairn_view **ret_view)
{
    cairn_engine *engine = q->ledger->service.engine;
    cairn_err err = CAIRN_ERR_VIEW_EXPIRED;
    for (int tries = 0; err == CAIRN_ERR_VIEW_EXPIRED && tries < 16; tries++) {
        CAIRN_CLEANUP(cairn_view_free_p) cairn_view *view = cairn_engine_view(engine);
        q->entry_index = view->log_size - 1;
        err = cairn_engine_prove(engine, view, q->map, cairn_state_key_view(&q->key),
                                 q->call->arena, &q->proof);
        if (err == CAIRN_OK)
            *ret_view = CAIRN_STEAL(view);
    }
    return err;
}

static void answer_proof(const question *asked)
{
    question *q = NULL;
    CAIRN_CLEANUP(cairn_view_free_p) cairn_view *view = NULL;
    cairn_err err = CAIRN_ARENA_NEW(asked->call->arena, &q);
    if (err == CAIRN_OK) {
        *q = *asked;
        err = prove_newest(q, &view);
    }
    if (err != CAIRN_OK)
        cairn_api_refuse(asked->call, err);
    else if (q->commit.from != 0)
        want_commit(q, CAIRN_STEAL(view));
    else
        cairn_heads_want(q->ledger->heads[CAIRN_HEAD_RECEIPT], q->entry_index + 1, on_head, q);
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
    cairn_api_parameter query[] = {{.name = "proof"}, {.name = "commit_from"}};
    question q = {.call = call};
    size_t proof = 0;
    cairn_err err = cairn_api_ledger(call, CAIRN_SIGHT_PROOFS, &q.ledger);
    if (err == CAIRN_OK)
        err = cairn_api_query(call, query, 2);
    if (err == CAIRN_OK)
        err = cairn_api_choice(&query[0], words, 2, &proof);
    if (err == CAIRN_OK)
        err = cairn_api_number(&query[1], 1, CAIRN_API_NUMBER_MAX, &q.commit.from);
    if (err == CAIRN_OK)
        err = cairn_state_name_parse(call->params[1], &q.map, &q.key);
    if (err != CAIRN_OK)
        cairn_api_refuse(call, err);
    else if (proof == 1 || q.commit.from != 0)
        answer_proof(&q);
    else
        answer_value(&q);
}
