/* Transactions about organisations and keys. */
#include "identity/identity.h"

#include "cairn/key.h"

static const char clause[] = "docs/formats/transaction.md";

/* A key to be registered, and the proof that its owner holds it. */
typedef struct new_key {
    cairn_bytes cose_key;
    cairn_purpose purpose;
    cairn_bytes proof;
} new_key;

static cairn_err store_org(cairn_apply *apply, const cairn_hash *id, const cairn_org_record *org)
{
    uint8_t out[CAIRN_ORG_RECORD_SIZE_MAX];
    cairn_state_key key;
    cairn_state_key_make(&key, "org/", cairn_bytes_hash(id));
    return cairn_apply_put(apply, CAIRN_MAP_STATE, &key, out, cairn_org_record_encode(org, out));
}

static cairn_err store_key(cairn_apply *apply, const cairn_hash *kid,
                           const cairn_key_record *record)
{
    uint8_t out[CAIRN_KEY_RECORD_SIZE_MAX];
    cairn_state_key key;
    cairn_state_key_make(&key, "key/", cairn_bytes_hash(kid));
    return cairn_apply_put(apply, CAIRN_MAP_STATE, &key, out, cairn_key_record_encode(record, out));
}

/* Registers `fresh` for `org`: it must be new to the ledger and prove its possession. */
static cairn_err register_key(cairn_apply *apply, const cairn_hash *org_id, const cairn_key *key,
                              const new_key *fresh, cairn_org_record *org)
{
    cairn_arena *arena = cairn_apply_arena(apply);
    const cairn_hash *kid = cairn_key_id(key);
    cairn_state_key state_key;
    cairn_bytes message;
    cairn_state_key_make(&state_key, "key/", cairn_bytes_hash(kid));
    CAIRN_TRY(cairn_apply_must_be_new(apply, CAIRN_MAP_STATE, &state_key));
    CAIRN_TRY(cairn_key_proof_message(arena, cairn_apply_ledger(apply), org_id, fresh->purpose,
                                      fresh->cose_key, &message));
    CAIRN_TRY(cairn_key_verify(key, message, fresh->proof));
    if (org->kid_count == CAIRN_ORG_KEYS_MAX)
        return CAIRN_FAIL(CAIRN_ERR_TOO_MANY, clause, "organisation.keys: at most %d",
                          CAIRN_ORG_KEYS_MAX);
    org->kids[org->kid_count++] = *kid;
    const cairn_key_record record = {
        .org = *org_id,
        .purpose = fresh->purpose,
        .cose_key = fresh->cose_key,
        .since = cairn_apply_height(apply),
        .until = CAIRN_HEIGHT_OPEN,
        .suspect_since = CAIRN_HEIGHT_OPEN,
    };
    return store_key(apply, kid, &record);
}

/* --- identity.key.add --- */

static cairn_err key_add_decode(cairn_arena *arena, cairn_cbor_reader *r, void **ret_act)
{
    cairn_cbor_map map;
    new_key *act = NULL;
    uint64_t purpose = 0;
    CAIRN_TRY(CAIRN_ARENA_NEW(arena, &act));
    CAIRN_TRY(cairn_cbor_read_map(r, "body", &map));
    CAIRN_TRY(cairn_cbor_key(r, &map, 1, "cose_key"));
    CAIRN_TRY(cairn_cbor_read_bytes(r, "cose_key", 1, CAIRN_COSE_KEY_SIZE_MAX, &act->cose_key));
    CAIRN_TRY(cairn_cbor_key(r, &map, 2, "purpose"));
    CAIRN_TRY(
        cairn_cbor_read_uint(r, "purpose", CAIRN_PURPOSE_SIGN, CAIRN_PURPOSE_VALIDATOR, &purpose));
    CAIRN_TRY(cairn_cbor_key(r, &map, 3, "proof"));
    CAIRN_TRY(cairn_cbor_read_bytes(r, "proof", 64, CAIRN_SIGNATURE_SIZE_MAX, &act->proof));
    CAIRN_TRY(cairn_cbor_end_map(r, &map));
    act->purpose = (cairn_purpose)purpose;
    *ret_act = act;
    return CAIRN_OK;
}

static cairn_err key_add_apply(cairn_apply *apply, const void *data)
{
    const new_key *act = data;
    const cairn_hash *org_id = cairn_apply_org(apply);
    cairn_org_record org;
    CAIRN_CLEANUP(cairn_key_free_p) cairn_key *key = NULL;
    CAIRN_TRY(cairn_key_from_cose(act->cose_key, &key));
    if (act->purpose == CAIRN_PURPOSE_SIGN && cairn_key_get_type(key) != CAIRN_KEY_P256)
        return CAIRN_FAIL(CAIRN_ERR_BAD_KEY, clause, "key.add: a signing key is P-256");
    CAIRN_TRY(cairn_registry_org(cairn_apply_state(apply), cairn_apply_arena(apply), org_id, &org));
    CAIRN_TRY(register_key(apply, org_id, key, act, &org));
    /* Its version stays: else who is to be suspended could outrun each proposal by a new key. */
    return store_org(apply, org_id, &org);
}

/* --- identity.key.revoke --- */

typedef struct revoke_act {
    cairn_hash kid;
    uint64_t suspect_since;
} revoke_act;

static cairn_err key_revoke_decode(cairn_arena *arena, cairn_cbor_reader *r, void **ret_act)
{
    cairn_cbor_map map;
    revoke_act *act = NULL;
    bool suspect = false;
    CAIRN_TRY(CAIRN_ARENA_NEW(arena, &act));
    act->suspect_since = CAIRN_HEIGHT_OPEN;
    CAIRN_TRY(cairn_cbor_read_map(r, "body", &map));
    CAIRN_TRY(cairn_cbor_key(r, &map, 1, "kid"));
    CAIRN_TRY(cairn_cbor_read_hash(r, "kid", &act->kid));
    CAIRN_TRY(cairn_cbor_optional_key(r, &map, 2, &suspect));
    if (suspect)
        CAIRN_TRY(cairn_cbor_read_uint(r, "suspect", 0, INT64_MAX, &act->suspect_since));
    CAIRN_TRY(cairn_cbor_end_map(r, &map));
    *ret_act = act;
    return CAIRN_OK;
}

/* A signing key is ended by another one, which stays: so an organisation always keeps one, and
 * nobody has to look for it among the others. */
static cairn_err check_signer_stays(cairn_apply *apply, const cairn_hash *kid)
{
    const cairn_hash *signer = &cairn_apply_tx(apply)->kid;
    cairn_key_record key;
    CAIRN_TRY(cairn_registry_key(cairn_apply_state(apply), cairn_apply_arena(apply), signer, &key));
    if (cairn_hash_equal(signer, kid) || key.until != CAIRN_HEIGHT_OPEN)
        return CAIRN_FAIL(CAIRN_ERR_TX_FORBIDDEN, clause,
                          "key.revoke.kid: a signing key is ended by another one that stays");
    return CAIRN_OK;
}

static cairn_err key_revoke_apply(cairn_apply *apply, const void *data)
{
    const revoke_act *act = data;
    cairn_arena *arena = cairn_apply_arena(apply);
    uint64_t height = cairn_apply_height(apply);
    cairn_key_record key;
    cairn_err err = cairn_registry_key(cairn_apply_state(apply), arena, &act->kid, &key);
    if (err == CAIRN_ERR_NOT_FOUND)
        return CAIRN_FAIL(err, clause, "key.revoke.kid: not registered");
    CAIRN_TRY(err);
    if (!cairn_hash_equal(&key.org, cairn_apply_org(apply)))
        return CAIRN_FAIL(CAIRN_ERR_TX_FORBIDDEN, clause,
                          "key.revoke.kid: is another organisation's");
    if (key.until != CAIRN_HEIGHT_OPEN)
        return CAIRN_FAIL(CAIRN_ERR_CLOSED, clause, "key.revoke.kid: is revoked");
    if (act->suspect_since != CAIRN_HEIGHT_OPEN &&
        (act->suspect_since < key.since || act->suspect_since > height))
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, clause,
                          "key.revoke.suspect: outside the key's life");
    if (key.purpose == CAIRN_PURPOSE_SIGN)
        CAIRN_TRY(check_signer_stays(apply, &act->kid));
    key.until = height + 1; /* this block's other transactions still stand */
    key.suspect_since = act->suspect_since;
    return store_key(apply, &act->kid, &key);
}

/* --- identity.org.admit --- */

typedef struct admit_act {
    cairn_bytes name;
    bool member;
    new_key key;
} admit_act;

static cairn_err org_admit_decode(cairn_arena *arena, cairn_cbor_reader *r, void **ret_act)
{
    cairn_cbor_map map;
    admit_act *act = NULL;
    CAIRN_TRY(CAIRN_ARENA_NEW(arena, &act));
    CAIRN_TRY(cairn_cbor_read_map(r, "body", &map));
    CAIRN_TRY(cairn_cbor_key(r, &map, 1, "name"));
    CAIRN_TRY(cairn_cbor_read_text(r, "name", 1, CAIRN_ORG_NAME_SIZE_MAX, &act->name));
    CAIRN_TRY(cairn_org_name_check(act->name));
    CAIRN_TRY(cairn_cbor_key(r, &map, 2, "member"));
    CAIRN_TRY(cairn_cbor_read_bool(r, "member", &act->member));
    CAIRN_TRY(cairn_cbor_key(r, &map, 3, "cose_key"));
    CAIRN_TRY(cairn_cbor_read_bytes(r, "cose_key", 1, CAIRN_COSE_KEY_SIZE_MAX, &act->key.cose_key));
    CAIRN_TRY(cairn_cbor_key(r, &map, 4, "proof"));
    CAIRN_TRY(cairn_cbor_read_bytes(r, "proof", 64, 64, &act->key.proof));
    CAIRN_TRY(cairn_cbor_end_map(r, &map));
    act->key.purpose = CAIRN_PURPOSE_SIGN;
    *ret_act = act;
    return CAIRN_OK;
}

static cairn_err set_membership(cairn_apply *apply, const cairn_hash *org_id, bool member)
{
    cairn_member_list members;
    uint8_t out[CAIRN_MEMBERS_SIZE_MAX];
    cairn_state_key key;
    CAIRN_TRY(cairn_registry_members(cairn_apply_state(apply), cairn_apply_arena(apply), &members));
    if (member == cairn_member_list_has(&members, org_id))
        return CAIRN_OK;
    if (member)
        CAIRN_TRY(cairn_member_list_add(&members, org_id));
    else
        CAIRN_TRY(cairn_member_list_remove(&members, org_id));
    if (members.count == 0)
        return CAIRN_FAIL(CAIRN_ERR_TX_FORBIDDEN, clause, "members: the last one stays");
    cairn_state_key_make(&key, "members", (cairn_bytes){0});
    return cairn_apply_put(apply, CAIRN_MAP_STATE, &key, out,
                           cairn_member_list_encode(&members, out));
}

static cairn_err org_admit_apply(cairn_apply *apply, const void *data)
{
    const admit_act *act = data;
    cairn_org_record org = {.status = CAIRN_ORG_ACTIVE,
                            .member = act->member,
                            .version = 1,
                            .admitted_height = cairn_apply_height(apply)};
    cairn_hash id;
    CAIRN_CLEANUP(cairn_key_free_p) cairn_key *key = NULL;
    CAIRN_TRY(cairn_key_from_cose(act->key.cose_key, &key));
    if (cairn_key_get_type(key) != CAIRN_KEY_P256)
        return CAIRN_FAIL(CAIRN_ERR_BAD_KEY, clause, "org.admit.cose_key: a signing key is P-256");
    cairn_org_id(cairn_key_id(key), &id);
    memcpy(org.name, act->name.data, act->name.size);
    CAIRN_TRY(register_key(apply, &id, key, &act->key, &org));
    if (act->member)
        CAIRN_TRY(set_membership(apply, &id, true));
    return store_org(apply, &id, &org);
}

/* --- identity.org.status --- */

typedef struct status_act {
    cairn_hash org;
    cairn_org_status status;
    uint64_t expected_version;
} status_act;

static cairn_err org_status_decode(cairn_arena *arena, cairn_cbor_reader *r, void **ret_act)
{
    cairn_cbor_map map;
    status_act *act = NULL;
    uint64_t status = 0;
    CAIRN_TRY(CAIRN_ARENA_NEW(arena, &act));
    CAIRN_TRY(cairn_cbor_read_map(r, "body", &map));
    CAIRN_TRY(cairn_cbor_key(r, &map, 1, "organisation"));
    CAIRN_TRY(cairn_cbor_read_hash(r, "organisation", &act->org));
    CAIRN_TRY(cairn_cbor_key(r, &map, 2, "status"));
    CAIRN_TRY(cairn_cbor_read_uint(r, "status", CAIRN_ORG_ACTIVE, CAIRN_ORG_REMOVED, &status));
    CAIRN_TRY(cairn_cbor_key(r, &map, 3, "version"));
    CAIRN_TRY(cairn_cbor_read_uint(r, "version", 1, INT64_MAX, &act->expected_version));
    CAIRN_TRY(cairn_cbor_end_map(r, &map));
    act->status = (cairn_org_status)status;
    *ret_act = act;
    return CAIRN_OK;
}

static cairn_err org_status_apply(cairn_apply *apply, const void *data)
{
    const status_act *act = data;
    cairn_org_record org;
    cairn_err err =
        cairn_registry_org(cairn_apply_state(apply), cairn_apply_arena(apply), &act->org, &org);
    if (err == CAIRN_ERR_NOT_FOUND)
        return CAIRN_FAIL(err, clause, "org.status.organisation: not registered");
    CAIRN_TRY(err);
    if (org.version != act->expected_version)
        return CAIRN_FAIL(CAIRN_ERR_TX_WRONG_VERSION, clause, "org.status.version: is %llu",
                          (unsigned long long)org.version);
    if (org.status == CAIRN_ORG_REMOVED)
        return CAIRN_FAIL(CAIRN_ERR_CLOSED, clause, "org.status: organisation was removed");
    org.status = act->status;
    org.version++;
    if (org.member)
        CAIRN_TRY(set_membership(apply, &act->org, act->status == CAIRN_ORG_ACTIVE));
    return store_org(apply, &act->org, &org);
}

static const cairn_tx_row transactions[] = {
    {CAIRN_TX_KEY_ADD, "identity.key.add", 1, 0, false, key_add_decode, key_add_apply, clause},
    {CAIRN_TX_KEY_REVOKE, "identity.key.revoke", 1, 0, false, key_revoke_decode, key_revoke_apply,
     clause},
    {CAIRN_TX_ORG_ADMIT, "identity.org.admit", 1, 0, true, org_admit_decode, org_admit_apply,
     clause},
    {CAIRN_TX_ORG_STATUS, "identity.org.status", 1, 0, true, org_status_decode, org_status_apply,
     clause},
};

const cairn_feature cairn_identity_feature = {
    .name = "identity",
    .transactions = transactions,
    .transaction_count = sizeof transactions / sizeof transactions[0],
};
