/* Approvals and the acts that the ledger itself knows: parameters and policies. */
#include "ledger/governance.h"

#include "ledger/approval.h"
#include "ledger/schema.h"

static const char clause[] = "docs/formats/transaction.md";

/* --- approval.propose --- */

typedef struct propose_act {
    uint64_t type;
    cairn_bytes body;
    uint64_t expires_ms;
} propose_act;

static const cairn_schema_field propose_fields[] = {
    {"act.type", CAIRN_SCHEMA_UINT, offsetof(propose_act, type), 1, UINT16_MAX, false, NULL},
    {"act.body", CAIRN_SCHEMA_BYTES, offsetof(propose_act, body), 1, CAIRN_ACT_BODY_SIZE_MAX, false,
     NULL},
    {"expires", CAIRN_SCHEMA_UINT, offsetof(propose_act, expires_ms), 1, CAIRN_TIME_MAX_MS, false,
     NULL},
};
static const cairn_schema propose_schema = CAIRN_SCHEMA_OF(propose_act, propose_fields);

static cairn_err propose_decode(cairn_arena *arena, cairn_cbor_reader *r, void **ret_act)
{
    return cairn_schema_read(arena, &propose_schema, r, ret_act);
}

static cairn_err store(cairn_apply *apply, const cairn_hash *id, const cairn_approval *approval)
{
    cairn_state_key key;
    cairn_bytes value;
    cairn_state_key_make(&key, "approval/", cairn_bytes_hash(id));
    CAIRN_TRY(cairn_approval_encode(cairn_apply_arena(apply), approval, &value));
    return cairn_apply_put(apply, CAIRN_MAP_STATE, &key, value.data, value.size);
}

/* Approvals that count: those of organisations that are members still. Who was suspended or removed
 * since would otherwise go on voting for as long as the approval is open. */
static cairn_err count_approvals(cairn_apply *apply, const cairn_approval *approval,
                                 uint64_t *ret_count)
{
    cairn_member_list members;
    uint64_t count = 0;
    CAIRN_TRY(cairn_registry_members(cairn_apply_state(apply), cairn_apply_arena(apply), &members));
    for (size_t i = 0; i < approval->approvers.count; i++)
        count += cairn_member_list_has(&members, &approval->approvers.orgs[i]);
    *ret_count = count;
    return CAIRN_OK;
}

/* Executes the act when enough have approved, and writes the record either way. */
static cairn_err settle(cairn_apply *apply, const cairn_hash *id, cairn_approval *approval)
{
    uint64_t count = 0;
    CAIRN_TRY(count_approvals(apply, approval, &count));
    if (count >= approval->threshold) { /* [X1353-R05] one short, and nothing happens */
        cairn_err err = cairn_apply_act(apply, approval->act_type, approval->act_body);
        if (err == CAIRN_ERR_NO_MEMORY || err <= CAIRN_ERR_IO)
            return err;
        approval->status = err == CAIRN_OK ? CAIRN_APPROVAL_EXECUTED : CAIRN_APPROVAL_FAILED;
        approval->code = err;
    }
    CAIRN_TRY(cairn_apply_emit(apply, (uint16_t)approval->status, cairn_bytes_hash(id)));
    return store(apply, id, approval);
}

static cairn_err propose_apply(cairn_apply *apply, const void *data)
{
    const propose_act *act = data;
    const cairn_params *params = cairn_apply_params(apply);
    cairn_approval approval = {
        .act_type = (uint16_t)act->type,
        .act_body = act->body,
        .proposer = *cairn_apply_org(apply),
        .expires_ms = act->expires_ms,
        .status = CAIRN_APPROVAL_OPEN,
    };
    CAIRN_TRY(cairn_registry_members(cairn_apply_state(apply), cairn_apply_arena(apply),
                                     &approval.electors));
    if (!cairn_member_list_has(&approval.electors, &approval.proposer))
        return CAIRN_FAIL(CAIRN_ERR_TX_FORBIDDEN, clause, "approval.proposer: not a member");
    if (act->expires_ms <= cairn_apply_time_ms(apply) ||
        act->expires_ms - cairn_apply_time_ms(apply) > params->approval_lifetime_max_ms)
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, clause,
                          "approval.expires: not within the allowed lifetime");
    approval.threshold = cairn_params_threshold(params, approval.electors.count);
    CAIRN_TRY(cairn_member_list_add(&approval.approvers, &approval.proposer));
    return settle(apply, &cairn_apply_tx(apply)->id, &approval);
}

/* --- approval.approve, approval.withdraw --- */

typedef struct vote_act {
    cairn_hash approval;
    cairn_hash act_hash; /* approve only */
} vote_act;

static const cairn_schema_field vote_fields[] = {
    {"approval", CAIRN_SCHEMA_HASH, offsetof(vote_act, approval), 0, 0, false, NULL},
    {"act_hash", CAIRN_SCHEMA_HASH, offsetof(vote_act, act_hash), 0, 0, false, NULL},
};
static const cairn_schema approve_schema = CAIRN_SCHEMA_OF(vote_act, vote_fields);
static const cairn_schema withdraw_schema = {
    .fields = vote_fields, .count = 1, .size = sizeof(vote_act)};

static cairn_err approve_decode(cairn_arena *arena, cairn_cbor_reader *r, void **ret_act)
{
    return cairn_schema_read(arena, &approve_schema, r, ret_act);
}

static cairn_err withdraw_decode(cairn_arena *arena, cairn_cbor_reader *r, void **ret_act)
{
    return cairn_schema_read(arena, &withdraw_schema, r, ret_act);
}

/* An approval that still accepts votes. */
static cairn_err load_open(cairn_apply *apply, const cairn_hash *id, cairn_approval *ret_approval)
{
    cairn_err err =
        cairn_approval_get(cairn_apply_state(apply), cairn_apply_arena(apply), id, ret_approval);
    if (err == CAIRN_ERR_NOT_FOUND)
        return CAIRN_FAIL(err, clause, "approval: no such id");
    CAIRN_TRY(err);
    if (ret_approval->status != CAIRN_APPROVAL_OPEN)
        return CAIRN_FAIL(CAIRN_ERR_CLOSED, clause, "approval: was decided");
    if (cairn_apply_time_ms(apply) >= ret_approval->expires_ms)
        return CAIRN_FAIL(CAIRN_ERR_EXPIRED, clause, "approval.expires: has passed");
    return CAIRN_OK;
}

static cairn_err approve_apply(cairn_apply *apply, const void *data)
{
    const vote_act *act = data;
    cairn_approval approval;
    cairn_hash act_hash;
    CAIRN_TRY(load_open(apply, &act->approval, &approval));
    if (!cairn_member_list_has(&approval.electors, cairn_apply_org(apply)))
        return CAIRN_FAIL(CAIRN_ERR_TX_FORBIDDEN, clause,
                          "approval.electors: signer is none of them");
    cairn_act_hash(approval.act_type, approval.act_body, &act_hash);
    if (!cairn_hash_equal(&act_hash, &act->act_hash))
        return CAIRN_FAIL(CAIRN_ERR_MISMATCH, clause, "approval.act_hash: is of another act");
    CAIRN_TRY(cairn_member_list_add(&approval.approvers, cairn_apply_org(apply)));
    return settle(apply, &act->approval, &approval);
}

static cairn_err withdraw_apply(cairn_apply *apply, const void *data)
{
    const vote_act *act = data;
    cairn_approval approval;
    CAIRN_TRY(load_open(apply, &act->approval, &approval));
    if (cairn_hash_equal(&approval.proposer, cairn_apply_org(apply)))
        approval.status = CAIRN_APPROVAL_WITHDRAWN;
    else
        CAIRN_TRY(cairn_member_list_remove(&approval.approvers, cairn_apply_org(apply)));
    CAIRN_TRY(cairn_apply_emit(apply, (uint16_t)approval.status, cairn_bytes_hash(&act->approval)));
    return store(apply, &act->approval, &approval);
}

/* --- params.set --- */

static cairn_err params_decode(cairn_arena *arena, cairn_cbor_reader *r, void **ret_act)
{
    cairn_cbor_map map;
    cairn_params *params = NULL;
    cairn_bytes encoded;
    CAIRN_TRY(CAIRN_ARENA_NEW(arena, &params));
    CAIRN_TRY(cairn_cbor_read_map(r, "body", &map));
    CAIRN_TRY(cairn_cbor_key(r, &map, 1, "params"));
    CAIRN_TRY(cairn_cbor_read_bytes(r, "params", 1, CAIRN_PARAMS_SIZE_MAX, &encoded));
    CAIRN_TRY(cairn_cbor_end_map(r, &map));
    CAIRN_TRY(cairn_params_decode(encoded, params));
    *ret_act = params;
    return CAIRN_OK;
}

static cairn_err params_apply(cairn_apply *apply, const void *data)
{
    const cairn_params *params = data;
    const cairn_params *now = cairn_apply_params(apply);
    uint64_t version = cairn_params_version_at(now, cairn_apply_height(apply));
    if (params->app_version != version)
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, clause, "params.app_version: %llu is in force",
                          (unsigned long long)version);
    CAIRN_TRY(cairn_params_check(params, cairn_apply_height(apply) + 1));
    uint8_t out[CAIRN_PARAMS_SIZE_MAX];
    cairn_state_key key;
    cairn_state_key_make(&key, "params", (cairn_bytes){0});
    return cairn_apply_put(apply, CAIRN_MAP_CONFIG, &key, out, cairn_params_encode(params, out));
}

cairn_err cairn_params_set_body(cairn_arena *arena, const cairn_params *params,
                                cairn_bytes *ret_body)
{
    enum { HEADS_SIZE = 8 };
    uint8_t raw[CAIRN_PARAMS_SIZE_MAX];
    const cairn_bytes encoded = cairn_bytes_of(raw, cairn_params_encode(params, raw));
    void *buffer = NULL;
    cairn_cbor_writer w;
    CAIRN_TRY(cairn_arena_alloc(arena, encoded.size + HEADS_SIZE, &buffer));
    cairn_cbor_writer_init(&w, buffer, encoded.size + HEADS_SIZE);
    cairn_cbor_put_map(&w, 1);
    cairn_cbor_put_int(&w, 1);
    cairn_cbor_put_bytes(&w, encoded);
    return cairn_cbor_writer_end(&w, ret_body);
}

/* --- policy.set --- */

typedef struct policy_act {
    cairn_bytes name;
    uint64_t version;
    cairn_bytes content;
} policy_act;

static const cairn_schema_field policy_fields[] = {
    {"name", CAIRN_SCHEMA_TEXT, offsetof(policy_act, name), 1, CAIRN_POLICY_NAME_SIZE_MAX, false,
     NULL},
    {"version", CAIRN_SCHEMA_UINT, offsetof(policy_act, version), 1, UINT32_MAX, false, NULL},
    {"content", CAIRN_SCHEMA_BYTES, offsetof(policy_act, content), 1, CAIRN_POLICY_CONTENT_SIZE_MAX,
     false, NULL},
};
static const cairn_schema policy_schema = CAIRN_SCHEMA_OF(policy_act, policy_fields);

static cairn_err policy_decode(cairn_arena *arena, cairn_cbor_reader *r, void **ret_act)
{
    void *memory = NULL;
    CAIRN_TRY(cairn_schema_read(arena, &policy_schema, r, &memory));
    const policy_act *act = memory;
    for (size_t i = 0; i < act->name.size; i++) {
        uint8_t c = act->name.data[i];
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.'))
            return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, clause,
                              "policy.name: lower case, digits, '-' and '.'");
    }
    *ret_act = memory;
    return CAIRN_OK;
}

/* Version of the policy in force, 0 when there is none. */
static cairn_err policy_version(cairn_apply *apply, const cairn_state_key *key,
                                uint64_t *ret_version)
{
    cairn_bytes value;
    cairn_cbor_reader r;
    cairn_cbor_map map;
    cairn_err err = cairn_state_get(cairn_apply_state(apply), CAIRN_MAP_CONFIG,
                                    cairn_state_key_view(key), cairn_apply_arena(apply), &value);
    *ret_version = 0;
    if (err == CAIRN_ERR_NOT_FOUND)
        return CAIRN_OK;
    CAIRN_TRY(err);
    CAIRN_TRY(cairn_cbor_open(&r, value, CAIRN_CBOR_STRICT, "policy", clause));
    CAIRN_TRY(cairn_cbor_read_map(&r, "policy", &map));
    CAIRN_TRY(cairn_cbor_key(&r, &map, 1, "version"));
    return cairn_cbor_read_uint(&r, "version", 1, UINT32_MAX, ret_version);
}

static cairn_err policy_apply(cairn_apply *apply, const void *data)
{
    const policy_act *act = data;
    cairn_state_key key;
    uint64_t version = 0;
    cairn_state_key_make(&key, "policy/", act->name);
    CAIRN_TRY(policy_version(apply, &key, &version));
    if (act->version != version + 1)
        return CAIRN_FAIL(CAIRN_ERR_TX_WRONG_VERSION, clause, "policy.version: %llu is in force",
                          (unsigned long long)version);
    size_t capacity = act->content.size + 16;
    void *buffer = NULL;
    cairn_cbor_writer w;
    cairn_bytes value;
    CAIRN_TRY(cairn_arena_alloc(cairn_apply_arena(apply), capacity, &buffer));
    cairn_cbor_writer_init(&w, buffer, capacity);
    cairn_cbor_put_map(&w, 2);
    cairn_cbor_put_int(&w, 1);
    cairn_cbor_put_uint(&w, act->version);
    cairn_cbor_put_int(&w, 2);
    cairn_cbor_put_bytes(&w, act->content);
    CAIRN_TRY(cairn_cbor_writer_end(&w, &value));
    CAIRN_TRY(cairn_apply_put(apply, CAIRN_MAP_CONFIG, &key, value.data, value.size));
    key.data[key.size++] = '@'; /* kept for procedures that began with this version */
    cairn_put_u32(key.data + key.size, (uint32_t)act->version);
    key.size += 4;
    return cairn_apply_put(apply, CAIRN_MAP_CONFIG, &key, act->content.data, act->content.size);
}

static const cairn_tx_row transactions[] = {
    {CAIRN_TX_APPROVAL_PROPOSE, "approval.propose", 1, 0, false, propose_decode, propose_apply,
     clause},
    {CAIRN_TX_APPROVAL_APPROVE, "approval.approve", 1, 0, false, approve_decode, approve_apply,
     clause},
    {CAIRN_TX_APPROVAL_WITHDRAW, "approval.withdraw", 1, 0, false, withdraw_decode, withdraw_apply,
     clause},
    {CAIRN_TX_PARAMS_SET, "params.set", 1, 0, true, params_decode, params_apply, clause},
    {CAIRN_TX_POLICY_SET, "policy.set", 1, 0, true, policy_decode, policy_apply, clause},
};

const cairn_feature cairn_governance_feature = {
    .name = "governance",
    .transactions = transactions,
    .transaction_count = sizeof transactions / sizeof transactions[0],
};
