/* What became of a transaction: the ledger's word first, then what this node knows of it. */
#include <stdlib.h>

#include "node/api/api.h"

/* One question, while its head is signed. Lies in the call's arena. */
typedef struct question {
    cairn_call *call;
    cairn_node_ledger *ledger;
    cairn_hash id;
    uint64_t valid_until_ms; /* 0: not said */
    cairn_tx_status status;
    cairn_refusal_proof refusal;
    cairn_commits_question commit; /* its `from` is 0: receipts */
} question;

/* --- answers --- */

static void put_standing(const question *q, cairn_api_json *json, const char *standing)
{
    cairn_api_json_open(json, NULL);
    cairn_api_json_hash(json, "transaction", &q->id);
    cairn_api_json_text(json, "status", standing);
}

static void put_block(const question *q, cairn_api_json *json)
{
    cairn_api_json_number(json, "height", q->status.height);
    if (q->status.standing == CAIRN_TX_ACCEPTED)
        cairn_api_json_number(json, "index", q->status.index);
    else
        cairn_api_json_text(json, "code", cairn_err_name(q->status.code));
}

static void answer_standing(const question *q, const char *standing, cairn_err code)
{
    static const cairn_http_field fields[] = {{"Cache-Control", "no-cache"}};
    cairn_api_json json = {0};
    put_standing(q, &json, standing);
    if (code != CAIRN_OK)
        cairn_api_json_text(&json, "code", cairn_err_name(code));
    cairn_api_json_close(&json);
    cairn_api_answer_json(q->call, 200, fields, 1, &json);
}

/* --- accepted --- */

static cairn_err make_receipts(const question *q, const cairn_head *head, cairn_bytes *ret_entry,
                               cairn_receipts *ret_receipts)
{
    cairn_engine *engine = q->ledger->service.engine;
    CAIRN_TRY(cairn_engine_entry(engine, q->status.index, q->call->arena, ret_entry));
    return cairn_head_receipts(head, engine, q->ledger->origin, q->status.index, *ret_entry,
                               q->call->arena, ret_receipts);
}

static void on_accepted_head(void *context, cairn_err err, const cairn_head *head)
{
    question *q = context;
    cairn_bytes entry;
    cairn_receipts receipts;
    cairn_api_json json = {0};
    if (err == CAIRN_OK)
        err = make_receipts(q, head, &entry, &receipts);
    if (err != CAIRN_OK) {
        cairn_api_refuse(q->call, err);
        return;
    }
    atomic_fetch_add(&q->ledger->counts.receipts, 1);
    if (cairn_api_accepts(q->call, "application/cose")) {
        cairn_api_answer_cose(q->call, q->ledger, NULL, 0, entry, &receipts);
        return;
    }
    put_standing(q, &json, "accepted");
    put_block(q, &json);
    cairn_api_put_receipts(&json, &receipts);
    cairn_api_json_close(&json);
    cairn_api_answer_json(q->call, 200, NULL, 0, &json);
}

/* --- refused by a block --- */

static cairn_err make_refusal(const question *q, const cairn_head *head, cairn_bytes *ret_proof)
{
    const cairn_block_entry *entry = &q->refusal.end.block_entry;
    cairn_receipts receipts;
    CAIRN_TRY(cairn_head_receipts(head, q->ledger->service.engine, q->ledger->origin,
                                  entry->first + entry->count, q->refusal.end.block_entry_raw,
                                  q->call->arena, &receipts));
    return cairn_refusal_proof_encode(q->call->arena, &q->refusal, receipts.list, receipts.count,
                                      ret_proof);
}

static void answer_refusal(const question *q, cairn_bytes proof)
{
    cairn_api_json json = {0};
    put_standing(q, &json, "rejected");
    put_block(q, &json);
    cairn_api_json_base64(&json, "proof", proof);
    cairn_api_json_close(&json);
    cairn_api_answer_json(q->call, 200, NULL, 0, &json);
}

static void on_refused_head(void *context, cairn_err err, const cairn_head *head)
{
    const question *q = context;
    cairn_bytes proof;
    if (err == CAIRN_OK)
        err = make_refusal(q, head, &proof);
    if (err == CAIRN_OK)
        answer_refusal(q, proof);
    else
        cairn_api_refuse(q->call, err);
}

static cairn_err prove_refusal(question *q)
{
    cairn_engine *engine = q->ledger->service.engine;
    CAIRN_CLEANUP(cairn_view_free_p) cairn_view *view = cairn_engine_view(engine);
    return cairn_engine_prove_refusal(engine, view, &q->id, q->call->arena, &q->refusal);
}

/* --- by a commit instead --- */

static void on_accepted_commit(void *context, cairn_err err, cairn_bytes commit_proof)
{
    const question *q = context;
    cairn_api_json json = {0};
    if (err != CAIRN_OK) {
        cairn_api_refuse(q->call, err);
        return;
    }
    put_standing(q, &json, "accepted");
    put_block(q, &json);
    cairn_api_json_base64(&json, "commit", commit_proof);
    cairn_api_json_close(&json);
    cairn_api_answer_json(q->call, 200, NULL, 0, &json);
}

static void on_refused_commit(void *context, cairn_err err, cairn_bytes commit_proof)
{
    question *q = context;
    cairn_bytes proof;
    q->refusal.end.commit_raw = commit_proof;
    if (err == CAIRN_OK)
        err = cairn_refusal_proof_encode(q->call->arena, &q->refusal, NULL, 0, &proof);
    if (err == CAIRN_OK)
        answer_refusal(q, proof);
    else
        cairn_api_refuse(q->call, err);
}

/* Of the newest log: the header that holds it is the next one to come, or is there already. */
static void want_commit(question *q)
{
    const cairn_block_entry *entry = &q->refusal.end.block_entry;
    bool accepted = q->status.standing == CAIRN_TX_ACCEPTED;
    q->commit.view = cairn_engine_view(q->ledger->service.engine);
    q->commit.index = accepted ? q->status.index : entry->first + entry->count;
    q->commit.arena = q->call->arena;
    q->commit.done = accepted ? on_accepted_commit : on_refused_commit;
    q->commit.context = q;
    cairn_err err = cairn_api_ask_commit(q->call, q->ledger, &q->commit);
    if (err != CAIRN_OK)
        cairn_api_refuse(q->call, err);
}

/* --- not decided --- */

/* Can it still be accepted? The ledger's own time decides. */
static bool is_past(const question *q)
{
    CAIRN_CLEANUP(cairn_view_free_p)
    cairn_view *view = cairn_engine_view(q->ledger->service.engine);
    cairn_clock clock = q->call->services->clock;
    uint64_t now_ms = cairn_clock_wall_ms(&clock);
    if (now_ms < view->time_ms)
        now_ms = view->time_ms;
    return q->valid_until_ms != 0 && q->valid_until_ms <= now_ms;
}

static void answer_undecided(const question *q)
{
    cairn_err code = CAIRN_OK;
    bool here = cairn_pending_find(q->ledger->pending, &q->id, &code);
    if (q->status.standing == CAIRN_TX_PENDING || (here && code == CAIRN_OK))
        answer_standing(q, "pending", CAIRN_OK);
    else if (is_past(q))
        answer_standing(q, "expired", CAIRN_OK);
    else if (here)
        answer_standing(q, "rejected", code);
    else
        answer_standing(q, "unknown", CAIRN_OK);
}

/* --- the question --- */

static cairn_err read_question(cairn_call *call, question **ret_question)
{
    cairn_api_parameter query[] = {{.name = "valid_until"}, {.name = "commit_from"}};
    question *q = NULL;
    CAIRN_TRY(CAIRN_ARENA_NEW(call->arena, &q));
    q->call = call;
    CAIRN_TRY(cairn_api_ledger(call, CAIRN_SIGHT_PROOFS, &q->ledger));
    CAIRN_TRY(cairn_api_query(call, query, 2));
    CAIRN_TRY(cairn_api_number(&query[0], 1, CAIRN_API_NUMBER_MAX, &q->valid_until_ms));
    CAIRN_TRY(cairn_api_number(&query[1], 1, CAIRN_API_NUMBER_MAX, &q->commit.from));
    CAIRN_TRY(cairn_api_hash(call->params[1], "transaction", &q->id));
    CAIRN_TRY(cairn_engine_status(q->ledger->service.engine, &q->id, &q->status));
    if (q->status.standing == CAIRN_TX_REFUSED)
        CAIRN_TRY(prove_refusal(q));
    *ret_question = q;
    return CAIRN_OK;
}

static void get_transaction(void *context)
{
    cairn_call *call = context;
    question *q = NULL;
    cairn_err err = read_question(call, &q);
    if (err != CAIRN_OK) {
        cairn_api_refuse(call, err);
        return;
    }
    cairn_heads *heads = q->ledger->heads[CAIRN_HEAD_RECEIPT];
    const cairn_block_entry *entry = &q->refusal.end.block_entry;
    bool decided =
        q->status.standing == CAIRN_TX_ACCEPTED || q->status.standing == CAIRN_TX_REFUSED;
    if (decided && q->commit.from != 0)
        want_commit(q);
    else if (q->status.standing == CAIRN_TX_ACCEPTED)
        cairn_heads_want(heads, q->status.index + 1, on_accepted_head, q);
    else if (q->status.standing == CAIRN_TX_REFUSED)
        cairn_heads_want(heads, entry->first + entry->count + 1, on_refused_head, q);
    else
        answer_undecided(q);
}

void cairn_api_transaction_get(cairn_call *call)
{
    cairn_api_defer(call, get_transaction);
}
