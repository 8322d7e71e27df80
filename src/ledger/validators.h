/* Who takes part in a consortium's consensus, as the state records it: one key and one power for an
 * organisation. The record is the engine's set, two blocks later; it is what a chain begins with,
 * and acts of identity alone change it. Bytes: docs/formats/identity.md, Validators. */
#ifndef CAIRN_LEDGER_VALIDATORS_H
#define CAIRN_LEDGER_VALIDATORS_H

#include "core/limits.h"
#include "ledger/state.h"

enum {
    CAIRN_VALIDATOR_KEY_SIZE = 32, /* Ed25519 */
    CAIRN_VALIDATOR_POWER_MAX = 1000000,
    CAIRN_VALIDATOR_POWER_GENESIS = 1,
    CAIRN_VALIDATORS_SIZE_MAX = 8 + CAIRN_MEMBERS_MAX * 108, /* encoded */
};

typedef struct cairn_validator {
    cairn_hash org;
    cairn_hash kid;
    uint8_t key[CAIRN_VALIDATOR_KEY_SIZE];
    uint64_t power; /* 1 to CAIRN_VALIDATOR_POWER_MAX */
} cairn_validator;

typedef struct cairn_validator_list {
    size_t count;
    cairn_validator rows[CAIRN_MEMBERS_MAX]; /* sorted by organisation */
} cairn_validator_list;

cairn_err cairn_validators_decode(cairn_bytes in, cairn_validator_list *ret_list) CAIRN_MUST_USE;
size_t cairn_validators_encode(const cairn_validator_list *list,
                               uint8_t out[CAIRN_VALIDATORS_SIZE_MAX]);

/* Of the state; empty when nobody was ever named. */
cairn_err cairn_validators_read(const cairn_state_source *state, cairn_arena *arena,
                                cairn_validator_list *ret_list) CAIRN_MUST_USE;

/* The row of an organisation, or NULL. */
const cairn_validator *cairn_validators_find(const cairn_validator_list *list,
                                             const cairn_hash *org);
/* In place of the organisation's row, if it has one. TOO_MANY. */
cairn_err cairn_validators_put(cairn_validator_list *list,
                               const cairn_validator *row) CAIRN_MUST_USE;
/* False when it has none. */
bool cairn_validators_remove(cairn_validator_list *list, const cairn_hash *org);

#endif
