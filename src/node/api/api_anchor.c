/* Anchoring for a client that cannot sign: by a service key of ours, in the name of the client's
 * pseudonym, which granted the key that. The dispatcher has looked at the grant, and recorded the
 * call; the ledger looks at it again. */
#include "core/crypto/jose.h"
#include "node/api/api.h"
#include "record/record.h"

enum { VALIDITY_MS = 60000, BODY_SIZE_MAX = 1 << 10 };

/* In the call's arena. */
typedef struct anchoring {
    cairn_call *call;
    cairn_node_ledger *ledger;
    cairn_api_wait wait;
    cairn_tx_draft draft;
} anchoring;

/* {"commitment": 64 hexadecimal digits} */
static cairn_err read_commitment(const cairn_call *call, cairn_hash *ret_commitment)
{
    CAIRN_CLEANUP(cairn_json_drop_p) json_t *json = NULL;
    const char *text = NULL;
    CAIRN_TRY(cairn_api_content_type(call, "application/json"));
    CAIRN_TRY(cairn_json_object(call->request->body, BODY_SIZE_MAX, "anchor", &json));
    CAIRN_TRY(cairn_json_text(json, "anchor", "commitment", 64, &text));
    if (text == NULL)
        return CAIRN_FAIL(CAIRN_ERR_MISSING_FIELD, "api/openapi.yaml",
                          "anchor.commitment: missing");
    if (json_object_size(json) != 1)
        return CAIRN_FAIL(CAIRN_ERR_UNKNOWN_FIELD, "api/openapi.yaml",
                          "anchor: a member that is not known");
    return cairn_api_hash(cairn_bytes_str(text), "anchor.commitment", ret_commitment);
}

static cairn_err read_call(anchoring *a)
{
    cairn_call *call = a->call;
    cairn_hash commitment;
    CAIRN_TRY(read_commitment(call, &commitment));
    CAIRN_TRY(cairn_api_waiting(call, &a->wait));
    CAIRN_TRY(
        cairn_anchor_body_for(call->arena, &commitment, &call->delegation.subject, &a->draft.body));
    cairn_view *view = cairn_engine_view(a->ledger->service.engine);
    uint64_t now_ms = cairn_clock_wall_ms(&call->services->clock);
    uint64_t from_ms = now_ms > view->time_ms ? now_ms : view->time_ms;
    cairn_view_free(view);
    a->draft.ledger = a->ledger->service.id;
    a->draft.kid = call->delegation.kid;
    a->draft.type = CAIRN_TX_ANCHOR;
    a->draft.valid_until_ms = from_ms + VALIDITY_MS;
    return CAIRN_OK;
}

static void on_signed(void *context, cairn_err err, cairn_bytes signature)
{
    anchoring *a = context;
    cairn_bytes whole = {0};
    cairn_tx tx;
    if (err == CAIRN_OK)
        err = cairn_tx_assemble(a->call->arena, &a->draft, signature, &whole);
    if (err == CAIRN_OK)
        err = cairn_tx_decode(whole, &tx);
    if (err == CAIRN_OK)
        cairn_api_submit(a->call, a->ledger, a->wait, &tx.id, whole);
    else
        cairn_api_refuse(a->call, err);
}

void cairn_api_anchor(cairn_call *call)
{
    anchoring *a = NULL;
    cairn_bytes message = {0};
    cairn_err err = CAIRN_ARENA_NEW(call->arena, &a);
    if (err == CAIRN_OK) {
        *a = (anchoring){.call = call,
                         .ledger = cairn_node_find_any(cairn_api_node(call), call->params[0]),
                         .wait = CAIRN_API_WAIT_COMMIT};
        err = read_call(a);
    }
    if (err == CAIRN_OK)
        err = cairn_tx_to_be_signed(call->arena, &a->draft, &message);
    if (err == CAIRN_OK)
        err = cairn_signer_sign_for(call->services->signer, CAIRN_SIGNER_FOR_SIGN,
                                    call->delegation.key, message, on_signed, a);
    if (err != CAIRN_OK)
        cairn_api_refuse(call, err);
}
