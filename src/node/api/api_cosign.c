/* What other members' nodes ask of this one: its signatures over roots. */
#include "ledger/consortium/cosignature.h"
#include "ledger/log/witness.h"
#include "node/api/api.h"
#include "node/node_cosign.h"

/* The one that this node cosigns; the others are not there. */
static cairn_err find_cosign(cairn_call *call, const cairn_node_ledger *ledger,
                             cairn_node_cosign **ret_cosign)
{
    cairn_node *node = cairn_api_node(call);
    if (ledger == NULL || ledger != cairn_node_ledger_at(node, 0))
        return CAIRN_FAIL(CAIRN_ERR_NOT_FOUND, "house", "ledger: is not here");
    *ret_cosign = cairn_node_cosigner(node);
    return CAIRN_OK;
}

/* --- for receipts --- */

/* What is asked for: of a ledger that the caller sees, or whose root at that size he knows. */
typedef struct request {
    cairn_node_cosign *cosign;
    uint64_t size;
    bool hidden; /* from this caller, unless he names the root */
    cairn_hash root;
} request;

static cairn_err read_request(cairn_call *call, request *ret_request)
{
    cairn_api_parameter query[] = {{.name = "root"}};
    cairn_node_ledger *ledger = NULL;
    cairn_err seen = cairn_api_ledger(call, CAIRN_SIGHT_PROOFS, &ledger);
    if (seen != CAIRN_OK && seen != CAIRN_ERR_NOT_FOUND)
        return seen;
    ret_request->hidden = seen != CAIRN_OK;
    if (ret_request->hidden)
        ledger = cairn_node_find_any(cairn_api_node(call), call->params[0]);
    CAIRN_TRY(find_cosign(call, ledger, &ret_request->cosign));
    CAIRN_TRY(cairn_api_query(call, query, 1));
    if (query[0].given || ret_request->hidden)
        CAIRN_TRY(cairn_api_hash(query[0].value, "root", &ret_request->root));
    return cairn_api_digits(call->params[1], "size", 1, CAIRN_API_NUMBER_MAX, &ret_request->size);
}

/* Who has the log knows its root, and nobody else does where it is hidden: members need no
 * credentials of each other's there either. */
static cairn_err sign(cairn_call *call, cairn_bytes *ret_encoded)
{
    request r = {.hidden = false};
    cairn_cosignature c;
    cairn_err err = read_request(call, &r);
    if (err == CAIRN_OK)
        err = cairn_node_cosign_sign(r.cosign, call->arena, r.size, ret_encoded);
    if (!r.hidden)
        return err;
    if (err == CAIRN_OK)
        err = cairn_cosignature_decode(*ret_encoded, &c);
    return err == CAIRN_OK && cairn_hash_equal(&c.boundary.root, &r.root)
               ? CAIRN_OK
               : CAIRN_FAIL(CAIRN_ERR_NOT_FOUND, "house", "ledger: is not here");
}

static void get_cosignature(void *context)
{
    cairn_call *call = context;
    cairn_bytes encoded;
    cairn_err err = sign(call, &encoded);
    if (err == CAIRN_OK)
        cairn_api_answer(call, 200, "application/cbor", NULL, 0, encoded);
    else
        cairn_api_refuse(call, err);
}

void cairn_api_cosignature_get(cairn_call *call)
{
    cairn_api_defer(call, get_cosignature);
}

/* --- for checkpoints --- */

static void answer(cairn_call *call, cairn_witness_status status, cairn_bytes body)
{
    static const struct {
        cairn_witness_status status;
        const char *code;
    } refusals[] = {{CAIRN_WITNESS_BAD_REQUEST, "BAD_VALUE"},
                    {CAIRN_WITNESS_NO_SIGNATURE, "BAD_SIGNATURE"},
                    {CAIRN_WITNESS_UNKNOWN_LOG, "NOT_FOUND"},
                    {CAIRN_WITNESS_CONFLICT, "MISMATCH"},
                    {CAIRN_WITNESS_BAD_PROOF, "BAD_PROOF"}};
    if (body.size > 0) {
        cairn_api_answer(call, (int)status,
                         status == CAIRN_WITNESS_CONFLICT ? "text/x.tlog.size"
                                                          : "text/plain; charset=utf-8",
                         NULL, 0, body);
        return;
    }
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++)
        if (refusals[i].status == status)
            cairn_http_respond_problem(call->exchange, (int)status, refusals[i].code,
                                       cairn_err_detail());
}

/* Who signed says who asks: no other credentials are looked at. */
static void add_checkpoint(void *context)
{
    cairn_call *call = context;
    cairn_node_cosign *cosign = NULL;
    cairn_witness_status status = CAIRN_WITNESS_BAD_REQUEST;
    cairn_bytes body = {NULL, 0};
    cairn_err err =
        find_cosign(call, cairn_node_find_any(cairn_api_node(call), call->params[0]), &cosign);
    if (err == CAIRN_OK)
        err = cairn_node_cosign_judge(cosign, call->arena, call->request->body, &status, &body);
    if (err == CAIRN_OK)
        answer(call, status, body);
    else
        cairn_api_refuse(call, err);
}

void cairn_api_checkpoint_add(cairn_call *call)
{
    cairn_api_defer(call, add_checkpoint);
}
