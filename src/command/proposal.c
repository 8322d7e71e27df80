/* Propose, and tell what came of it. */
#include "command/proposal.h"

#include "cairn/cbor.h"
#include "feature_list.h"
#include "ledger/governance.h"

#define LIFETIME_MS (UINT64_C(7) * 86400000)

static cairn_err encode(cairn_arena *arena, uint16_t act_type, cairn_bytes act_body,
                        uint64_t expires_ms, cairn_bytes *ret_body)
{
    size_t capacity = act_body.size + 64;
    void *buffer = NULL;
    cairn_cbor_writer w;
    CAIRN_TRY(cairn_arena_alloc(arena, capacity, &buffer));
    cairn_cbor_writer_init(&w, buffer, capacity);
    cairn_cbor_put_map(&w, 3);
    cairn_cbor_put_int(&w, 1);
    cairn_cbor_put_uint(&w, act_type);
    cairn_cbor_put_int(&w, 2);
    cairn_cbor_put_bytes(&w, act_body);
    cairn_cbor_put_int(&w, 3);
    cairn_cbor_put_uint(&w, expires_ms);
    return cairn_cbor_writer_end(&w, ret_body);
}

static const char *status_name(cairn_approval_status status)
{
    static const char *const names[] = {[CAIRN_APPROVAL_OPEN] = "open",
                                        [CAIRN_APPROVAL_EXECUTED] = "executed",
                                        [CAIRN_APPROVAL_WITHDRAWN] = "withdrawn",
                                        [CAIRN_APPROVAL_FAILED] = "failed"};
    return names[status];
}

static void add_act(cairn_home *home, const cairn_approval *approval, json_t *facts)
{
    const cairn_tx_row *row = NULL;
    (void)home;
    if (cairn_features_find(&cairn_all_features, approval->act_type, cairn_all_features.app_version,
                            &row) == CAIRN_OK)
        cairn_facts_text(facts, "act", row->name);
    else
        cairn_facts_number(facts, "act", approval->act_type);
    cairn_facts_hex(facts, "act_body", approval->act_body);
}

cairn_err cairn_proposal_facts(cairn_home *home, const cairn_hash *id, json_t *facts)
{
    cairn_state_source state = cairn_home_state(home);
    cairn_approval approval;
    cairn_err err = cairn_approval_get(&state, &home->command->arena, id, &approval);
    if (err == CAIRN_ERR_NOT_FOUND)
        return CAIRN_FAIL(err, "house", "the ledger knows no such approval");
    CAIRN_TRY(err);
    cairn_facts_hash(facts, "approval", id);
    add_act(home, &approval, facts);
    cairn_facts_hash(facts, "proposer", &approval.proposer);
    cairn_facts_text(facts, "status", status_name(approval.status));
    cairn_facts_number(facts, "approvals", approval.approvers.count);
    cairn_facts_number(facts, "needed", approval.threshold);
    cairn_facts_number(facts, "of", approval.electors.count);
    cairn_facts_time(facts, "expires", approval.expires_ms);
    if (approval.status != CAIRN_APPROVAL_FAILED)
        return CAIRN_OK;
    cairn_facts_text(facts, "code", cairn_err_name(approval.code));
    return CAIRN_OK;
}

/* The verb's own verdict: a proposal whose act failed at once is a no. */
static cairn_err judge(cairn_home *home, const cairn_hash *id)
{
    cairn_state_source state = cairn_home_state(home);
    cairn_approval approval;
    CAIRN_TRY(cairn_approval_get(&state, &home->command->arena, id, &approval));
    if (approval.status != CAIRN_APPROVAL_FAILED)
        return CAIRN_OK;
    return CAIRN_FAIL(approval.code, "house", "the act was approved, but could not be done");
}

cairn_err cairn_proposal_send(cairn_home *home, uint16_t act_type, cairn_bytes act_body,
                              json_t *facts)
{
    cairn_bytes body;
    cairn_verdict verdict;
    uint64_t expires_ms = cairn_clock_wall_ms(&home->clock) + LIFETIME_MS;
    CAIRN_TRY(encode(&home->command->arena, act_type, act_body, expires_ms, &body));
    CAIRN_TRY(cairn_home_send(home, CAIRN_TX_APPROVAL_PROPOSE, body, &verdict));
    CAIRN_TRY(cairn_proposal_facts(home, &verdict.id, facts));
    cairn_facts_number(facts, "height", verdict.height);
    return judge(home, &verdict.id);
}
