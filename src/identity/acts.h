/* The transactions of the feature, one file per object. Private to identity. */
#ifndef CAIRN_IDENTITY_ACTS_H
#define CAIRN_IDENTITY_ACTS_H

#include "identity/identity.h"

#define CAIRN_IDENTITY_CLAUSE "docs/formats/identity.md"

/* Declares decode and apply of a row. */
#define CAIRN_IDENTITY_ACT(name)                                                              \
    cairn_err cairn_##name##_decode(cairn_arena *arena, cairn_cbor_reader *r, void **ret_act) \
        CAIRN_MUST_USE;                                                                       \
    cairn_err cairn_##name##_apply(cairn_apply *apply, const void *act) CAIRN_MUST_USE

CAIRN_IDENTITY_ACT(key_add);
CAIRN_IDENTITY_ACT(key_revoke);
CAIRN_IDENTITY_ACT(key_rotate);
CAIRN_IDENTITY_ACT(org_admit);
CAIRN_IDENTITY_ACT(org_status);
CAIRN_IDENTITY_ACT(org_roles);
CAIRN_IDENTITY_ACT(subject_register);
CAIRN_IDENTITY_ACT(subject_status);

CAIRN_IDENTITY_ACT(subject_rotate);
CAIRN_IDENTITY_ACT(subject_offer);
CAIRN_IDENTITY_ACT(subject_accept);
CAIRN_IDENTITY_ACT(grant_set);
CAIRN_IDENTITY_ACT(grant_revoke);
CAIRN_IDENTITY_ACT(list_anchor);
CAIRN_IDENTITY_ACT(validator_set);
CAIRN_IDENTITY_ACT(validator_evidence);

/* A key to be registered, and the proof that its owner holds it. */
typedef struct cairn_new_key {
    cairn_bytes cose_key;
    uint64_t purpose;
    cairn_bytes proof;
} cairn_new_key;

/* Registers `fresh`, which is `key`, for an organisation: it must be new to the ledger, of a type
 * that its purpose allows, and prove its possession. Adds it to `org`, which the caller stores. */
cairn_err cairn_identity_register_key(cairn_apply *apply, const cairn_hash *org_id,
                                      const cairn_key *key, const cairn_new_key *fresh,
                                      cairn_org_record *org) CAIRN_MUST_USE;

/* Gives an organisation another status, with all that hangs on it: its vote, and its part in
 * consensus. TX_FORBIDDEN when it is the last member, or the last validator, and would be none. */
cairn_err cairn_identity_set_status(cairn_apply *apply, const cairn_hash *id, cairn_org_record *org,
                                    cairn_org_status status) CAIRN_MUST_USE;

/* The organisation no longer validates; with `kid`, only if it does so with that key. TX_FORBIDDEN
 * when nobody would. */
cairn_err cairn_identity_drop_validator(cairn_apply *apply, const cairn_hash *org,
                                        const cairn_hash *kid) CAIRN_MUST_USE;
/* Who validates with the old key does so with the new one. BAD_KEY when it is not Ed25519. */
cairn_err cairn_identity_renew_validator(cairn_apply *apply, const cairn_hash *org,
                                         const cairn_hash *old_kid,
                                         cairn_bytes cose_key) CAIRN_MUST_USE;

/* Where the registry's records go. */
cairn_registry_sink cairn_identity_sink(cairn_apply *apply);

/* Stores a changed organisation and tells the jobs. */
cairn_err cairn_identity_store_org(cairn_apply *apply, const cairn_hash *id,
                                   cairn_org_record *org) CAIRN_MUST_USE;

/* Encodes `record` and writes it under `prefix` ‖ `suffix`. */
cairn_err cairn_identity_store(cairn_apply *apply, const char *prefix, cairn_bytes suffix,
                               const cairn_schema *schema, const void *record) CAIRN_MUST_USE;

/* The record under `prefix` ‖ `suffix`, in the arena; NOT_FOUND without a detail. */
cairn_err cairn_identity_load(const cairn_state_source *state, cairn_arena *arena,
                              const char *prefix, cairn_bytes suffix, const cairn_schema *schema,
                              void **ret_record) CAIRN_MUST_USE;

#endif
