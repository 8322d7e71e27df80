/* The feature's table, and what its files share. */
#include "identity/acts.h"
#include "identity/ca/ca_routes.h"
#include "identity/did/did_routes.h"
#include "identity/status/status_renew.h"
#include "identity/status/status_routes.h"

static cairn_err put_record(void *context, const cairn_state_key *key, cairn_bytes value)
{
    return cairn_apply_put(context, CAIRN_MAP_STATE, key, value.data, value.size);
}

cairn_registry_sink cairn_identity_sink(cairn_apply *apply)
{
    return (cairn_registry_sink){.context = apply, .put = put_record};
}

cairn_err cairn_identity_store_org(cairn_apply *apply, const cairn_hash *id, cairn_org_record *org)
{
    const cairn_registry_sink sink = cairn_identity_sink(apply);
    CAIRN_TRY(cairn_registry_store(&sink, id, org, cairn_apply_height(apply),
                                   cairn_apply_time_ms(apply)));
    return cairn_apply_emit(apply, CAIRN_EVENT_ORGANISATION, cairn_bytes_hash(id));
}

cairn_err cairn_identity_store(cairn_apply *apply, const char *prefix, cairn_bytes suffix,
                               const cairn_schema *schema, const void *record)
{
    cairn_state_key key;
    cairn_bytes value;
    CAIRN_TRY(cairn_schema_encode(cairn_apply_arena(apply), schema, record, &value));
    cairn_state_key_make(&key, prefix, suffix);
    return cairn_apply_put(apply, CAIRN_MAP_STATE, &key, value.data, value.size);
}

cairn_err cairn_identity_load(const cairn_state_source *state, cairn_arena *arena,
                              const char *prefix, cairn_bytes suffix, const cairn_schema *schema,
                              void **ret_record)
{
    cairn_state_key key;
    cairn_bytes value;
    cairn_state_key_make(&key, prefix, suffix);
    CAIRN_TRY(cairn_state_get(state, CAIRN_MAP_STATE, cairn_state_key_view(&key), arena, &value));
    return cairn_schema_decode(arena, schema, value, prefix, CAIRN_IDENTITY_CLAUSE, ret_record);
}

#define ROW(type, name, by_approval, act)                                                    \
    {                                                                                        \
        CAIRN_TX_##type, name, 1, 0, by_approval, cairn_##act##_decode, cairn_##act##_apply, \
            CAIRN_IDENTITY_CLAUSE                                                            \
    }

static const cairn_tx_row transactions[] = {
    ROW(KEY_ADD, "identity.key.add", false, key_add),
    ROW(KEY_REVOKE, "identity.key.revoke", false, key_revoke),
    ROW(KEY_ROTATE, "identity.key.rotate", false, key_rotate),
    ROW(SUBJECT_REGISTER, "identity.subject.register", false, subject_register),
    ROW(SUBJECT_STATUS, "identity.subject.status", false, subject_status),
    ROW(SUBJECT_ROTATE, "identity.subject.rotate", false, subject_rotate),
    ROW(SUBJECT_OFFER, "identity.subject.offer", false, subject_offer),
    ROW(SUBJECT_ACCEPT, "identity.subject.accept", false, subject_accept),
    ROW(GRANT_SET, "identity.grant.set", false, grant_set),
    ROW(GRANT_REVOKE, "identity.grant.revoke", false, grant_revoke),
    ROW(LIST_ANCHOR, "identity.list.anchor", false, list_anchor),
    ROW(VALIDATOR_EVIDENCE, "identity.validator.evidence", false, validator_evidence),
    ROW(ORG_ADMIT, "identity.org.admit", true, org_admit),
    ROW(ORG_STATUS, "identity.org.status", true, org_status),
    ROW(ORG_ROLES, "identity.org.roles", true, org_roles),
    ROW(VALIDATOR_SET, "identity.validator.set", true, validator_set),
};

const cairn_feature cairn_identity_feature = {
    .name = "identity",
    .transactions = transactions,
    .transaction_count = sizeof transactions / sizeof transactions[0],
    .routes = cairn_did_routes,
    .route_count = CAIRN_DID_ROUTE_COUNT,
};

const cairn_feature cairn_identity_ca_feature = {
    .name = "ca",
    .routes = cairn_ca_routes,
    .route_count = CAIRN_CA_ROUTE_COUNT,
};

const cairn_feature cairn_identity_status_feature = {
    .name = "status",
    .routes = cairn_status_routes,
    .route_count = CAIRN_STATUS_ROUTE_COUNT,
    .reactions = &cairn_status_reaction,
    .reaction_count = 1,
    .timer_owners = &cairn_status_timer_owner,
    .timer_owner_count = 1,
};
