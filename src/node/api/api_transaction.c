/* Transactions: submitted, and what became of them. */
#include <stdio.h>
#include <stdlib.h>

#include "node/api/api.h"

/* One transaction on its way. The engine's verdict, and then the head's signature, end it. */
typedef struct submission {
    cairn_call *call; /* NULL once it is answered */
    cairn_node_ledger *ledger;
    cairn_api_wait wait;
    cairn_hash id;
    cairn_bytes tx; /* lives as long as the call */
    cairn_verdict verdict;
} submission;

/* --- answers --- */

/* "/v1/ledgers/<id>/transactions/<id>" */
typedef struct location {
    char text[160];
} location;

static location location_of(const cairn_node_ledger *ledger, const cairn_hash *id)
{
    location l;
    char digits[65];
    cairn_hex_encode(cairn_bytes_hash(id), digits);
    (void)snprintf(l.text, sizeof l.text, "/v1/ledgers/%s/transactions/%s", ledger->id_text,
                   digits);
    return l;
}

static void open_status(cairn_api_json *json, const cairn_hash *id, const char *status)
{
    cairn_api_json_open(json, NULL);
    cairn_api_json_hash(json, "transaction", id);
    cairn_api_json_text(json, "status", status);
}

static void answer_status(cairn_call *call, int status, const cairn_node_ledger *ledger,
                          const cairn_hash *id, cairn_api_json *json)
{
    const location l = location_of(ledger, id);
    const cairn_http_field fields[] = {{"Location", l.text}};
    cairn_api_json_close(json);
    cairn_api_answer_json(call, status, fields, 1, json);
}

static void answer_accepted(cairn_call *call, const cairn_node_ledger *ledger,
                            const cairn_verdict *verdict, const cairn_receipts *receipts)
{
    cairn_api_json json = {0};
    open_status(&json, &verdict->id, "accepted");
    cairn_api_json_number(&json, "height", verdict->height);
    cairn_api_json_number(&json, "index", verdict->index);
    if (receipts != NULL)
        cairn_api_put_receipts(&json, receipts);
    answer_status(call, 200, ledger, &verdict->id, &json);
}

static void answer_receipts(const submission *s, const cairn_receipts *receipts)
{
    const location l = location_of(s->ledger, &s->verdict.id);
    const cairn_http_field fields[] = {{"Location", l.text}};
    cairn_api_answer_cose(s->call, s->ledger, fields, 1, s->tx, receipts);
}

/* --- submitting --- */

static void finish(submission *s)
{
    cairn_node_ledger *ledger = s->ledger;
    free(s);
    cairn_node_ledger_end(ledger); /* last: the node may be on its way out */
}

/* The block is durable and its log is signed. */
static void on_head(void *context, cairn_err err, const cairn_head *head)
{
    submission *s = context;
    cairn_call *call = s->call;
    cairn_receipts receipts = {0};
    if (err == CAIRN_OK)
        err = cairn_head_receipts(head, s->ledger->service.engine, s->ledger->origin,
                                  s->verdict.index, s->tx, call->arena, &receipts);
    if (err == CAIRN_OK)
        atomic_fetch_add(&s->ledger->counts.receipts, 1);
    if (err != CAIRN_OK)
        cairn_api_refuse(call, err);
    else if (cairn_api_accepts(call, "application/json"))
        answer_accepted(call, s->ledger, &s->verdict, &receipts);
    else
        answer_receipts(s, &receipts);
    finish(s);
}

static void count_verdict(cairn_node_ledger *ledger, const cairn_verdict *verdict)
{
    if (verdict->code == CAIRN_OK)
        atomic_fetch_add(&ledger->counts.accepted, 1);
    else
        atomic_fetch_add(&ledger->counts.refused, 1);
    if (verdict->code == CAIRN_OK || verdict->height != 0)
        cairn_pending_decided(ledger->pending, &verdict->id);
    else
        cairn_pending_refused(ledger->pending, &verdict->id, verdict->code);
}

/* Of a check before a block the detail is this thread's; of what a block decided there is none. */
static void refuse_verdict(cairn_call *call, const cairn_verdict *verdict)
{
    if (verdict->height != 0 || verdict->code == CAIRN_ERR_TX_REPLAYED ||
        verdict->code == CAIRN_ERR_TX_IDS_FULL)
        cairn_err_clear();
    cairn_api_refuse(call, verdict->code);
}

/* On a thread of the engine: must not block. */
static void on_verdict(void *context, const cairn_verdict *verdict)
{
    submission *s = context;
    count_verdict(s->ledger, verdict);
    s->verdict = *verdict;
    if (s->wait == CAIRN_API_WAIT_DURABLE && verdict->code == CAIRN_OK) {
        cairn_heads_want(s->ledger->heads[CAIRN_HEAD_RECEIPT], verdict->index + 1, on_head, s);
        return;
    }
    if (s->wait != CAIRN_API_WAIT_NONE && verdict->code == CAIRN_OK)
        answer_accepted(s->call, s->ledger, verdict, NULL);
    else if (s->wait != CAIRN_API_WAIT_NONE)
        refuse_verdict(s->call, verdict);
    finish(s);
}

/* Where nobody may know of the ledger, only who can speak on it does: his key is registered. To all
 * others, who send what is no transaction among them, it is not there. */
static cairn_err read_tx(cairn_call *call, cairn_node_ledger *ledger, cairn_tx *ret_tx)
{
    cairn_state_source state = cairn_node_ledger_state(ledger);
    cairn_key_record key;
    cairn_err err = cairn_tx_decode(call->request->body, ret_tx);
    if (cairn_node_is_public(cairn_api_node(call), CAIRN_SIGHT_PROOFS))
        return err;
    if (err != CAIRN_OK)
        return CAIRN_FAIL(CAIRN_ERR_NOT_FOUND, "house", "ledger: is not here");
    return cairn_registry_key(&state, call->arena, &ret_tx->kid, &key);
}

cairn_err cairn_api_waiting(cairn_call *call, cairn_api_wait *ret_wait)
{
    static const char *const words[] = {"none", "commit", "durable"};
    cairn_api_parameter query[] = {{.name = "wait"}};
    size_t wait = *ret_wait;
    CAIRN_TRY(cairn_api_query(call, query, 1));
    CAIRN_TRY(cairn_api_choice(&query[0], words, 3, &wait));
    *ret_wait = (cairn_api_wait)wait;
    return CAIRN_OK;
}

/* Gives `s` to the engine. The answer may be given before this returns, but for `none`. */
static cairn_err submit(submission *s)
{
    cairn_node_ledger *ledger = s->ledger;
    const cairn_hash id = s->id;
    bool fresh = cairn_pending_add(ledger->pending, &id);
    cairn_node_ledger_begin(ledger);
    cairn_err err = cairn_engine_submit(ledger->service.engine, s->tx, on_verdict, s);
    if (err == CAIRN_OK) {
        atomic_fetch_add(&ledger->counts.submitted, 1);
        return CAIRN_OK;
    }
    if (fresh)
        cairn_pending_decided(ledger->pending, &id);
    if (err == CAIRN_ERR_BUSY || err == CAIRN_ERR_READ_ONLY || err == CAIRN_ERR_NO_SPACE)
        atomic_fetch_add(&ledger->counts.busy, 1);
    finish(s);
    return err;
}

void cairn_api_submit(cairn_call *call, cairn_node_ledger *ledger, cairn_api_wait wait,
                      const cairn_hash *id, cairn_bytes tx)
{
    const cairn_hash copy = *id;
    submission *s = calloc(1, sizeof *s);
    if (s == NULL) {
        cairn_api_refuse(call, CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "submission"));
        return;
    }
    *s = (submission){.call = wait == CAIRN_API_WAIT_NONE ? NULL : call,
                      .ledger = ledger,
                      .wait = wait,
                      .id = copy,
                      .tx = tx};
    cairn_err err = submit(s);
    if (err != CAIRN_OK) {
        cairn_api_refuse(call, err);
    } else if (wait == CAIRN_API_WAIT_NONE) {
        cairn_api_json json = {0};
        open_status(&json, &copy, "pending");
        answer_status(call, 202, ledger, &copy, &json);
    }
}

static cairn_err read_submission(cairn_call *call, cairn_node_ledger **ret_ledger,
                                 cairn_api_wait *ret_wait, cairn_tx *ret_tx)
{
    CAIRN_TRY(cairn_api_content_type(call, "application/cose"));
    *ret_ledger = cairn_node_find_any(cairn_api_node(call), call->params[0]);
    if (*ret_ledger == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NOT_FOUND, "house", "ledger: is not here");
    CAIRN_TRY(read_tx(call, *ret_ledger, ret_tx));
    return cairn_api_waiting(call, ret_wait);
}

/* Who does not wait hears nothing of the engine's verdict: of what is decided already he hears. */
static cairn_err check_fresh(const cairn_node_ledger *ledger, cairn_api_wait wait,
                             const cairn_tx *tx)
{
    if (wait != CAIRN_API_WAIT_NONE ||
        !cairn_engine_has_decided(ledger->service.engine, tx->valid_until_ms, &tx->id))
        return CAIRN_OK;
    return CAIRN_FAIL(CAIRN_ERR_TX_REPLAYED, "docs/formats/transaction.md",
                      "transaction: was decided before");
}

void cairn_api_transaction_submit(cairn_call *call)
{
    cairn_node_ledger *ledger = NULL;
    cairn_api_wait wait = CAIRN_API_WAIT_NONE;
    cairn_tx tx;
    cairn_err err = read_submission(call, &ledger, &wait, &tx);
    if (err == CAIRN_OK)
        err = check_fresh(ledger, wait, &tx);
    if (err != CAIRN_OK)
        cairn_api_refuse(call, err);
    else
        cairn_api_submit(call, ledger, wait, &tx.id, call->request->body);
}
