/* The feature's table. */
#include "onboard/onboard.h"

#include "core/jobs/projection.h"
#include "onboard/acts.h"

/* A row hands nothing but its act to decode and apply: each kind has its own pair. */
#define KIND(name)                                                                           \
    static cairn_err name##_decode(cairn_arena *arena, cairn_cbor_reader *r, void **ret_act) \
    {                                                                                        \
        return cairn_devices_decode(arena, &cairn_device_##name##_kind, r, ret_act);         \
    }                                                                                        \
    static cairn_err name##_apply(cairn_apply *apply, const void *act)                       \
    {                                                                                        \
        return cairn_devices_apply(apply, &cairn_device_##name##_kind, act);                 \
    }

KIND(register)
KIND(transfer)
KIND(claim)
KIND(announce)
KIND(event)
KIND(onboarded)
KIND(renew)
KIND(bar)

#define ROW(type, name, by_approval, act)                                                         \
    {                                                                                             \
        CAIRN_TX_##type, name, 1, 0, by_approval, act##_decode, act##_apply, CAIRN_ONBOARD_CLAUSE \
    }

static const cairn_tx_row transactions[] = {
    ROW(DEVICE_REGISTER, "onboard.device.register", false, register),
    ROW(DEVICE_TRANSFER, "onboard.device.transfer", false, transfer),
    ROW(DEVICE_CLAIM, "onboard.device.claim", false, claim),
    ROW(DEVICE_ANNOUNCE, "onboard.device.announce", false, announce),
    ROW(DEVICE_EVENT, "onboard.device.event", false, event),
    ROW(DEVICE_ONBOARDED, "onboard.device.onboarded", false, onboarded),
    ROW(DEVICE_RENEW, "onboard.device.renew", false, renew),
    ROW(CONTRACT_PROPOSE, "onboard.contract.propose", false, cairn_contract_propose),
    ROW(CONTRACT_ACCEPT, "onboard.contract.accept", false, cairn_contract_accept),
    ROW(CONTRACT_END, "onboard.contract.end", false, cairn_contract_end),
    ROW(DEVICE_BAR, "onboard.device.bar", true, bar),
};

const cairn_feature cairn_onboard_feature = {
    .name = "onboard",
    .transactions = transactions,
    .transaction_count = sizeof transactions / sizeof transactions[0],
    .projections = &cairn_devices_projection,
    .projection_count = 1,
};
