/* Contracts: a provider and an operator agree that the operator serves the devices of a batch. One
 * proposes, the other accepts, either ends it. */
#include "identity/identity.h"
#include "onboard/acts.h"

static const char clause[] = CAIRN_ONBOARD_CLAUSE;
static const char prefix[] = "contract/";

const char *cairn_contract_status_name(uint64_t status)
{
    return status == CAIRN_CONTRACT_PROPOSED ? "proposed"
           : status == CAIRN_CONTRACT_LIVE   ? "live"
           : status == CAIRN_CONTRACT_ENDED  ? "ended"
                                             : "unknown";
}

/* --- the record; a proposal is its first fields --- */

#define FIELD(name, kind, member, min, max)                                                \
    {                                                                                      \
        name, CAIRN_SCHEMA_##kind, offsetof(cairn_contract, member), min, max, false, NULL \
    }
#define TERMS                                                                         \
    FIELD("provider", HASH, provider, 0, 0), FIELD("operator", HASH, operator, 0, 0), \
        FIELD("batch", HASH, batch, 0, 0), FIELD("terms", HASH, terms, 0, 0),         \
        FIELD("expires", UINT, expires_ms, 1, CAIRN_TIME_MAX_MS)

static const cairn_schema_field propose_fields[] = {TERMS};
static const cairn_schema propose_schema = CAIRN_SCHEMA_OF(cairn_contract, propose_fields);
static const cairn_schema_field record_fields[] = {
    TERMS,
    FIELD("proposer", HASH, proposer, 0, 0),
    FIELD("status", UINT, status, CAIRN_CONTRACT_PROPOSED, CAIRN_CONTRACT_ENDED),
    FIELD("version", UINT, version, 1, INT64_MAX),
    FIELD("changed", UINT, changed_ms, 1, CAIRN_TIME_MAX_MS),
};
static const cairn_schema record_schema = CAIRN_SCHEMA_OF(cairn_contract, record_fields);

cairn_err cairn_contract_decode(cairn_arena *arena, cairn_bytes in, cairn_contract *ret_contract)
{
    void *record = NULL;
    CAIRN_TRY(cairn_schema_decode(arena, &record_schema, in, "contract", clause, &record));
    memcpy(ret_contract, record, sizeof *ret_contract);
    return CAIRN_OK;
}

cairn_err cairn_contract_get(const cairn_state_source *state, cairn_arena *arena,
                             const cairn_hash *id, cairn_contract *ret_contract)
{
    void *record = NULL;
    CAIRN_TRY(
        cairn_onboard_load(state, arena, prefix, cairn_bytes_hash(id), &record_schema, &record));
    memcpy(ret_contract, record, sizeof *ret_contract);
    return CAIRN_OK;
}

static cairn_err store(cairn_apply *apply, const cairn_hash *id, cairn_contract *contract)
{
    contract->version++;
    contract->changed_ms = cairn_apply_time_ms(apply);
    CAIRN_TRY(cairn_onboard_store(apply, prefix, cairn_bytes_hash(id), &record_schema, contract));
    return cairn_apply_emit(apply, CAIRN_EVENT_CONTRACT, cairn_bytes_hash(id));
}

/* --- who they are --- */

static cairn_err check_parties(const cairn_state_source *state, cairn_arena *arena,
                               const cairn_contract *contract)
{
    CAIRN_TRY(cairn_onboard_check_org(state, arena, &contract->provider, CAIRN_ROLE_PROVIDER));
    return cairn_onboard_check_org(state, arena, &contract->operator, CAIRN_ROLE_OPERATOR);
}

static bool is_party(const cairn_contract *contract, const cairn_hash *org)
{
    return cairn_hash_equal(org, &contract->provider) || cairn_hash_equal(org, &contract->operator);
}

static cairn_err check_signer(cairn_apply *apply, const cairn_contract *contract)
{
    if (!is_party(contract, cairn_apply_org(apply)))
        return CAIRN_FAIL(CAIRN_ERR_TX_FORBIDDEN, clause, "contract: the signer is no party");
    return CAIRN_OK;
}

/* --- onboard.contract.propose --- */

cairn_err cairn_contract_propose_decode(cairn_arena *arena, cairn_cbor_reader *r, void **ret_act)
{
    const cairn_contract *act = NULL;
    void *data = NULL;
    CAIRN_TRY(cairn_schema_read(arena, &propose_schema, r, &data));
    act = data;
    if (cairn_hash_equal(&act->provider, &act->operator))
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, clause, "contract: of two organisations");
    *ret_act = data;
    return CAIRN_OK;
}

cairn_err cairn_contract_propose_apply(cairn_apply *apply, const void *data)
{
    cairn_contract contract = *(const cairn_contract *)data;
    uint64_t now = cairn_apply_time_ms(apply);
    CAIRN_TRY(check_signer(apply, &contract));
    CAIRN_TRY(check_parties(cairn_apply_state(apply), cairn_apply_arena(apply), &contract));
    if (contract.expires_ms <= now || contract.expires_ms - now > CAIRN_CONTRACT_LIFETIME_MAX_MS)
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, clause,
                          "contract.expires: not within the allowed lifetime");
    contract.proposer = *cairn_apply_org(apply);
    contract.status = CAIRN_CONTRACT_PROPOSED;
    contract.version = 0;
    return store(apply, &cairn_apply_tx(apply)->id, &contract);
}

cairn_err cairn_contract_propose_body(cairn_arena *arena, const cairn_contract *contract,
                                      cairn_bytes *ret_body)
{
    return cairn_schema_encode(arena, &propose_schema, contract, ret_body);
}

/* --- onboard.contract.accept, onboard.contract.end --- */

static const cairn_schema_field decide_fields[] = {
    {"contract", CAIRN_SCHEMA_HASH, offsetof(cairn_device_row, index), 0, 0, false, NULL},
    {"version", CAIRN_SCHEMA_UINT, offsetof(cairn_device_row, version), 1, INT64_MAX - 1, false,
     NULL},
};
static const cairn_schema decide_schema = CAIRN_SCHEMA_OF(cairn_device_row, decide_fields);

static cairn_err load(cairn_apply *apply, const cairn_device_row *act, cairn_contract *ret_contract)
{
    cairn_err err = cairn_contract_get(cairn_apply_state(apply), cairn_apply_arena(apply),
                                       &act->index, ret_contract);
    if (err == CAIRN_ERR_NOT_FOUND)
        return CAIRN_FAIL(err, clause, "contract: there is none");
    CAIRN_TRY(err);
    if (ret_contract->version != act->version)
        return CAIRN_FAIL(CAIRN_ERR_TX_WRONG_VERSION, clause, "contract.version: is %llu",
                          (unsigned long long)ret_contract->version);
    return check_signer(apply, ret_contract);
}

cairn_err cairn_contract_accept_decode(cairn_arena *arena, cairn_cbor_reader *r, void **ret_act)
{
    return cairn_schema_read(arena, &decide_schema, r, ret_act);
}

cairn_err cairn_contract_accept_apply(cairn_apply *apply, const void *data)
{
    const cairn_device_row *act = data;
    cairn_contract contract;
    CAIRN_TRY(load(apply, act, &contract));
    if (cairn_hash_equal(&contract.proposer, cairn_apply_org(apply)))
        return CAIRN_FAIL(CAIRN_ERR_TX_FORBIDDEN, clause, "contract: the other party accepts");
    if (contract.status != CAIRN_CONTRACT_PROPOSED)
        return CAIRN_FAIL(CAIRN_ERR_CLOSED, clause, "contract.status: is %s",
                          cairn_contract_status_name(contract.status));
    if (cairn_apply_time_ms(apply) >= contract.expires_ms)
        return CAIRN_FAIL(CAIRN_ERR_EXPIRED, clause, "contract.expires: has passed");
    CAIRN_TRY(check_parties(cairn_apply_state(apply), cairn_apply_arena(apply), &contract));
    contract.status = CAIRN_CONTRACT_LIVE;
    return store(apply, &act->index, &contract);
}

cairn_err cairn_contract_end_decode(cairn_arena *arena, cairn_cbor_reader *r, void **ret_act)
{
    return cairn_schema_read(arena, &decide_schema, r, ret_act);
}

cairn_err cairn_contract_end_apply(cairn_apply *apply, const void *data)
{
    const cairn_device_row *act = data;
    cairn_contract contract;
    CAIRN_TRY(load(apply, act, &contract));
    if (contract.status == CAIRN_CONTRACT_ENDED)
        return CAIRN_FAIL(CAIRN_ERR_CLOSED, clause, "contract.status: is ended");
    contract.status = CAIRN_CONTRACT_ENDED;
    return store(apply, &act->index, &contract);
}

static cairn_err decide_body(cairn_arena *arena, const cairn_hash *contract, uint64_t version,
                             cairn_bytes *ret_body)
{
    const cairn_device_row act = {.index = *contract, .version = version};
    return cairn_schema_encode(arena, &decide_schema, &act, ret_body);
}

cairn_err cairn_contract_accept_body(cairn_arena *arena, const cairn_hash *contract,
                                     uint64_t version, cairn_bytes *ret_body)
{
    return decide_body(arena, contract, version, ret_body);
}

cairn_err cairn_contract_end_body(cairn_arena *arena, const cairn_hash *contract, uint64_t version,
                                  cairn_bytes *ret_body)
{
    return decide_body(arena, contract, version, ret_body);
}

/* --- in force --- */

cairn_err cairn_contract_check(const cairn_state_source *state, cairn_arena *arena,
                               const cairn_hash *id, uint64_t now_ms, cairn_contract *ret_contract)
{
    cairn_contract contract;
    cairn_err err = cairn_contract_get(state, arena, id, &contract);
    if (err == CAIRN_ERR_NOT_FOUND)
        return CAIRN_FAIL(err, clause, "contract: there is none");
    CAIRN_TRY(err);
    if (contract.status != CAIRN_CONTRACT_LIVE)
        return CAIRN_FAIL(CAIRN_ERR_CLOSED, clause, "contract.status: is %s",
                          cairn_contract_status_name(contract.status));
    if (now_ms >= contract.expires_ms)
        return CAIRN_FAIL(CAIRN_ERR_EXPIRED, clause, "contract.expires: has passed");
    CAIRN_TRY(check_parties(state, arena, &contract));
    *ret_contract = contract;
    return CAIRN_OK;
}

/* [X1353-R17] The batch is the devices whose head owner this key is. */
cairn_err cairn_contract_check_use(cairn_apply *apply, const cairn_hash *id,
                                   const cairn_hash *owner_key)
{
    cairn_contract contract;
    CAIRN_TRY(cairn_contract_check(cairn_apply_state(apply), cairn_apply_arena(apply), id,
                                   cairn_apply_time_ms(apply), &contract));
    if (!cairn_hash_equal(&contract.provider, cairn_apply_org(apply)))
        return CAIRN_FAIL(CAIRN_ERR_TX_FORBIDDEN, clause, "contract.provider: is not the signer");
    if (!cairn_hash_equal(&contract.batch, owner_key))
        return CAIRN_FAIL(CAIRN_ERR_TX_FORBIDDEN, clause, "contract.batch: of another owner key");
    return CAIRN_OK;
}
