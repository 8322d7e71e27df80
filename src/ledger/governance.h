/* Feature 0: what the ledger itself can be told. Multi-party acts have one form, the approval;
 * chain parameters and policy tables are changed by it. Bytes: docs/formats/transaction.md
 * (Approvals). */
#ifndef CAIRN_LEDGER_GOVERNANCE_H
#define CAIRN_LEDGER_GOVERNANCE_H

#include "ledger/feature.h"
#include "ledger/params.h"
#include "ledger/registry.h"

extern const cairn_feature cairn_governance_feature;

typedef enum cairn_approval_status {
    CAIRN_APPROVAL_OPEN = 1,
    CAIRN_APPROVAL_EXECUTED = 2,
    CAIRN_APPROVAL_WITHDRAWN = 3,
    CAIRN_APPROVAL_FAILED = 4,
} cairn_approval_status;

enum {
    CAIRN_ACT_BODY_SIZE_MAX = 49152, /* bytes of the encoded act in a proposal */
    CAIRN_POLICY_NAME_SIZE_MAX = 64,
    CAIRN_POLICY_CONTENT_SIZE_MAX = 32768,
};

typedef struct cairn_approval {
    uint16_t act_type;
    cairn_bytes act_body;
    cairn_hash proposer;
    cairn_member_list electors; /* at the proposal's height */
    uint64_t threshold;
    uint64_t expires_ms;
    cairn_member_list approvers;
    cairn_approval_status status;
    cairn_err code; /* of the act's handler, when failed */
} cairn_approval;

/* The approval with this id from the state; NOT_FOUND without a detail. */
cairn_err cairn_approval_get(const cairn_state_source *state, cairn_arena *arena,
                             const cairn_hash *id, cairn_approval *ret_approval) CAIRN_MUST_USE;

/* SHA-256 of ["cairn/act/1", type, body]: what an approver signs. */
void cairn_act_hash(uint16_t type, cairn_bytes body, cairn_hash *ret_hash);

/* Body of params.set. In the arena. */
cairn_err cairn_params_set_body(cairn_arena *arena, const cairn_params *params,
                                cairn_bytes *ret_body) CAIRN_MUST_USE;

#endif
