/* What servers ask at a view before they deal with a device: may it be served, and by whom. */
#include "identity/identity.h"
#include "onboard/acts.h"

static const char clause[] = CAIRN_ONBOARD_CLAUSE;
static const cairn_hash none;

cairn_err cairn_onboard_check_org(const cairn_state_source *state, cairn_arena *arena,
                                  const cairn_hash *id, uint32_t roles)
{
    cairn_org_record org;
    cairn_err err = cairn_registry_org(state, arena, id, &org);
    if (err == CAIRN_ERR_NOT_FOUND)
        return CAIRN_FAIL(err, clause, "organisation: not registered");
    CAIRN_TRY(err);
    if (org.status != CAIRN_ORG_ACTIVE)
        return CAIRN_FAIL(CAIRN_ERR_CLOSED, clause, "organisation: is %s",
                          cairn_org_status_name(org.status));
    if (roles != 0 && (org.roles & roles) == 0)
        return CAIRN_FAIL(CAIRN_ERR_TX_FORBIDDEN, clause, "organisation: has not the role %s",
                          cairn_role_name(roles));
    return CAIRN_OK;
}

static cairn_err check_state(const cairn_device *device)
{
    if (device->state >= CAIRN_DEVICE_SUSPENDED)
        return CAIRN_FAIL(CAIRN_ERR_CLOSED, clause, "device.state: is %s",
                          cairn_device_state_name(device->state));
    return CAIRN_OK;
}

/* [X1353-R23] */
static cairn_err check_parties(const cairn_state_source *state, cairn_arena *arena,
                               const cairn_device *device, uint64_t now_ms,
                               cairn_contract *ret_contract)
{
    cairn_contract contract = {.status = 0};
    CAIRN_TRY(cairn_onboard_check_org(state, arena, &device->manufacturer, 0));
    if (!cairn_hash_equal(&device->owner, &none))
        CAIRN_TRY(cairn_onboard_check_org(state, arena, &device->owner, 0));
    if (!cairn_hash_equal(&device->contract, &none))
        CAIRN_TRY(cairn_contract_check(state, arena, &device->contract, now_ms, &contract));
    *ret_contract = contract;
    return CAIRN_OK;
}

cairn_err cairn_onboard_check(const cairn_state_source *state, cairn_arena *arena,
                              const cairn_hash *index, uint64_t now_ms, cairn_device *ret_device)
{
    cairn_device device;
    cairn_contract contract;
    CAIRN_TRY(cairn_device_get(state, arena, index, &device));
    CAIRN_TRY(check_state(&device));
    CAIRN_TRY(check_parties(state, arena, &device, now_ms, &contract));
    *ret_device = device;
    return CAIRN_OK;
}

/* [X1353-R17] */
cairn_err cairn_onboard_check_operator(const cairn_state_source *state, cairn_arena *arena,
                                       const cairn_hash *index, const cairn_hash *operator,
                                       uint64_t now_ms, cairn_device *ret_device)
{
    cairn_device device;
    cairn_contract contract;
    CAIRN_TRY(cairn_device_get(state, arena, index, &device));
    CAIRN_TRY(check_state(&device));
    CAIRN_TRY(check_parties(state, arena, &device, now_ms, &contract));
    if (contract.status != CAIRN_CONTRACT_LIVE || !cairn_hash_equal(&contract.operator, operator))
        return CAIRN_FAIL(CAIRN_ERR_TX_FORBIDDEN, clause,
                          "device.contract: is not with this operator");
    *ret_device = device;
    return CAIRN_OK;
}

cairn_err cairn_device_rendezvous_check(const cairn_device *device, const cairn_hash *salt,
                                        cairn_bytes to1d, uint64_t now_ms)
{
    cairn_hash commitment;
    cairn_device_rendezvous(salt, to1d, &commitment);
    if (!cairn_hash_equal(&commitment, &device->rendezvous))
        return CAIRN_FAIL(CAIRN_ERR_MISMATCH, clause,
                          "device.rendezvous: is not what the owner committed to");
    if (now_ms >= device->rendezvous_expires_ms)
        return CAIRN_FAIL(CAIRN_ERR_EXPIRED, clause, "device.rendezvous: has expired");
    return CAIRN_OK;
}
