/* The caller's delegation, the key, the grant on the ledger: each must be there now. */
#include "node/node_delegate.h"

#include "identity/identity.h"

enum { ARENA_SIZE_MAX = 1 << 18 };

static const char *reason_of(cairn_err err)
{
    switch (err) {
    case CAIRN_OK:
        return NULL;
    case CAIRN_ERR_NOT_FOUND:
        return "grant_missing";
    case CAIRN_ERR_CLOSED:
        return "grant_ended";
    case CAIRN_ERR_EXPIRED:
        return "grant_expired";
    case CAIRN_ERR_TX_FORBIDDEN:
        return "grant_scope";
    default:
        return CAIRN_ROUTE_UNDECIDED;
    }
}

/* As the next block will judge it: its height, and a time that is not before the last one's. */
static cairn_err check_grant(cairn_node_ledger *ledger, uint64_t now_ms, const char *scope,
                             const cairn_delegation *delegation)
{
    CAIRN_CLEANUP(cairn_arena_done) cairn_arena arena;
    const cairn_state_source state = cairn_node_ledger_state(ledger);
    cairn_view *view = cairn_engine_view(ledger->service.engine);
    uint64_t height = view->height + 1;
    uint64_t time_ms = now_ms > view->time_ms ? now_ms : view->time_ms;
    cairn_view_free(view);
    cairn_arena_init(&arena, ARENA_SIZE_MAX);
    return cairn_grant_check(&state, &arena, &delegation->subject, &delegation->kid,
                             cairn_bytes_str(scope), height, time_ms);
}

const char *cairn_node_delegate(cairn_accounts *accounts, cairn_signer *signer,
                                cairn_node_ledger *ledger, const cairn_clock *clock,
                                const cairn_call *call, cairn_delegation *ret_delegation)
{
    CAIRN_CLEANUP(cairn_key_free_p) cairn_key *key = NULL;
    cairn_delegation found;
    if (ledger == NULL)
        return "ledger_unknown";
    cairn_err err = cairn_accounts_find_delegation(accounts, call->principal.subject, &found);
    if (err == CAIRN_ERR_NOT_FOUND)
        return "delegation_missing";
    if (err != CAIRN_OK)
        return CAIRN_ROUTE_UNDECIDED;
    if (cairn_signer_public(signer, found.key, &key) != CAIRN_OK)
        return "delegation_key";
    found.kid = *cairn_key_id(key);
    err = check_grant(ledger, cairn_clock_wall_ms(clock), call->route->scope, &found);
    if (err == CAIRN_OK)
        *ret_delegation = found;
    return reason_of(err);
}
