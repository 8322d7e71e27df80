/* An organisation's own acts about its keys: add, rotate, revoke. */
#include "cairn/key.h"
#include "identity/acts.h"

static const char clause[] = CAIRN_IDENTITY_CLAUSE;

static cairn_err store_key(cairn_apply *apply, const cairn_hash *kid,
                           const cairn_key_record *record)
{
    uint8_t out[CAIRN_KEY_RECORD_SIZE_MAX];
    cairn_state_key key;
    cairn_state_key_make(&key, "key/", cairn_bytes_hash(kid));
    CAIRN_TRY(
        cairn_apply_put(apply, CAIRN_MAP_STATE, &key, out, cairn_key_record_encode(record, out)));
    return cairn_apply_emit(apply, CAIRN_EVENT_KEY, cairn_bytes_hash(kid));
}

/* A key is registered once and for one purpose: [X1353-R01] */
static cairn_err check_new(cairn_apply *apply, const cairn_hash *kid)
{
    cairn_state_key key;
    cairn_state_key_make(&key, "key/", cairn_bytes_hash(kid));
    return cairn_apply_must_be_new(apply, CAIRN_MAP_STATE, &key);
}

cairn_err cairn_identity_register_key(cairn_apply *apply, const cairn_hash *org_id,
                                      const cairn_key *key, const cairn_new_key *fresh,
                                      cairn_org_record *org)
{
    cairn_bytes message;
    cairn_purpose purpose = (cairn_purpose)fresh->purpose;
    if (purpose == CAIRN_PURPOSE_SIGN && cairn_key_get_type(key) != CAIRN_KEY_P256)
        return CAIRN_FAIL(CAIRN_ERR_BAD_KEY, clause, "key.cose_key: a signing key is P-256");
    CAIRN_TRY(check_new(apply, cairn_key_id(key)));
    CAIRN_TRY(cairn_key_proof_message(cairn_apply_arena(apply), cairn_apply_ledger(apply), org_id,
                                      purpose, fresh->cose_key, &message));
    CAIRN_TRY(cairn_key_verify(key, message, fresh->proof));
    if (org->kid_count == CAIRN_ORG_KEYS_MAX)
        return CAIRN_FAIL(CAIRN_ERR_TOO_MANY, clause, "organisation.keys: at most %d",
                          CAIRN_ORG_KEYS_MAX);
    org->kids[org->kid_count++] = *cairn_key_id(key);
    const cairn_key_record record = {
        .org = *org_id,
        .purpose = purpose,
        .cose_key = fresh->cose_key,
        .since = cairn_apply_height(apply),
        .until = CAIRN_HEIGHT_OPEN,
        .suspect_since = CAIRN_HEIGHT_OPEN,
    };
    return store_key(apply, cairn_key_id(key), &record);
}

/* Registers a key for the signer's organisation and stores that. The organisation's version stays:
 * else who is to be suspended could outrun each proposal by a new key. */
static cairn_err add_own_key(cairn_apply *apply, const cairn_new_key *fresh)
{
    const cairn_hash *org_id = cairn_apply_org(apply);
    cairn_org_record org;
    CAIRN_CLEANUP(cairn_key_free_p) cairn_key *key = NULL;
    CAIRN_TRY(cairn_key_from_cose(fresh->cose_key, &key));
    CAIRN_TRY(cairn_registry_org(cairn_apply_state(apply), cairn_apply_arena(apply), org_id, &org));
    CAIRN_TRY(cairn_identity_register_key(apply, org_id, key, fresh, &org));
    return cairn_identity_store_org(apply, org_id, &org);
}

/* A key of the signer's organisation. */
static cairn_err load_own_key(cairn_apply *apply, const cairn_hash *kid, cairn_key_record *ret_key)
{
    cairn_key_record key;
    cairn_err err =
        cairn_registry_key(cairn_apply_state(apply), cairn_apply_arena(apply), kid, &key);
    if (err == CAIRN_ERR_NOT_FOUND)
        return CAIRN_FAIL(err, clause, "key.kid: not registered");
    CAIRN_TRY(err);
    if (!cairn_hash_equal(&key.org, cairn_apply_org(apply)))
        return CAIRN_FAIL(CAIRN_ERR_TX_FORBIDDEN, clause, "key.kid: is another organisation's");
    *ret_key = key;
    return CAIRN_OK;
}

/* --- identity.key.add --- */

static const cairn_schema_field add_fields[] = {
    {"cose_key", CAIRN_SCHEMA_BYTES, offsetof(cairn_new_key, cose_key), 1, CAIRN_COSE_KEY_SIZE_MAX,
     false, NULL},
    {"purpose", CAIRN_SCHEMA_UINT, offsetof(cairn_new_key, purpose), CAIRN_PURPOSE_SIGN,
     CAIRN_PURPOSE_LAST, false, NULL},
    {"proof", CAIRN_SCHEMA_BYTES, offsetof(cairn_new_key, proof), 64, CAIRN_SIGNATURE_SIZE_MAX,
     false, NULL},
};
static const cairn_schema add_schema = CAIRN_SCHEMA_OF(cairn_new_key, add_fields);

cairn_err cairn_key_add_decode(cairn_arena *arena, cairn_cbor_reader *r, void **ret_act)
{
    return cairn_schema_read(arena, &add_schema, r, ret_act);
}

cairn_err cairn_key_add_apply(cairn_apply *apply, const void *act)
{
    return add_own_key(apply, act);
}

cairn_err cairn_key_add_body(cairn_arena *arena, cairn_bytes cose_key, cairn_purpose purpose,
                             cairn_bytes proof, cairn_bytes *ret_body)
{
    const cairn_new_key act = {.cose_key = cose_key, .purpose = (uint64_t)purpose, .proof = proof};
    return cairn_schema_encode(arena, &add_schema, &act, ret_body);
}

/* --- identity.key.rotate --- */

typedef struct rotate_act {
    cairn_hash old;
    cairn_bytes cose_key;
    cairn_bytes proof;
    uint64_t until;
} rotate_act;

static const cairn_schema_field rotate_fields[] = {
    {"kid", CAIRN_SCHEMA_HASH, offsetof(rotate_act, old), 0, 0, false, NULL},
    {"cose_key", CAIRN_SCHEMA_BYTES, offsetof(rotate_act, cose_key), 1, CAIRN_COSE_KEY_SIZE_MAX,
     false, NULL},
    {"proof", CAIRN_SCHEMA_BYTES, offsetof(rotate_act, proof), 64, CAIRN_SIGNATURE_SIZE_MAX, false,
     NULL},
    {"until", CAIRN_SCHEMA_UINT, offsetof(rotate_act, until), 1, INT64_MAX, true, NULL},
};
static const cairn_schema rotate_schema = CAIRN_SCHEMA_OF(rotate_act, rotate_fields);

cairn_err cairn_key_rotate_decode(cairn_arena *arena, cairn_cbor_reader *r, void **ret_act)
{
    return cairn_schema_read(arena, &rotate_schema, r, ret_act);
}

/* The old key ends, the new one begins, in one transaction: an organisation that rotates its only
 * signing key is never without one, and nobody sees it with neither or with two forgotten ones. */
cairn_err cairn_key_rotate_apply(cairn_apply *apply, const void *data)
{
    const rotate_act *act = data;
    uint64_t next = cairn_apply_height(apply) + 1;
    cairn_key_record old;
    CAIRN_TRY(load_own_key(apply, &act->old, &old));
    if (old.until != CAIRN_HEIGHT_OPEN)
        return CAIRN_FAIL(CAIRN_ERR_CLOSED, clause, "key.rotate.kid: its end is set");
    if (act->until < next)
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, clause, "key.rotate.until: not after this height");
    const cairn_new_key fresh = {
        .cose_key = act->cose_key, .purpose = (uint64_t)old.purpose, .proof = act->proof};
    old.until = act->until == CAIRN_SCHEMA_ABSENT ? next : act->until;
    CAIRN_TRY(store_key(apply, &act->old, &old));
    if (old.purpose == CAIRN_PURPOSE_VALIDATOR)
        CAIRN_TRY(cairn_identity_renew_validator(apply, &old.org, &act->old, act->cose_key));
    return add_own_key(apply, &fresh);
}

cairn_err cairn_key_rotate_body(cairn_arena *arena, const cairn_hash *old_kid, cairn_bytes cose_key,
                                cairn_bytes proof, uint64_t until, cairn_bytes *ret_body)
{
    const rotate_act act = {.old = *old_kid, .cose_key = cose_key, .proof = proof, .until = until};
    return cairn_schema_encode(arena, &rotate_schema, &act, ret_body);
}

/* --- identity.key.revoke --- */

typedef struct revoke_act {
    cairn_hash kid;
    uint64_t suspect_since;
} revoke_act;

static const cairn_schema_field revoke_fields[] = {
    {"kid", CAIRN_SCHEMA_HASH, offsetof(revoke_act, kid), 0, 0, false, NULL},
    {"suspect", CAIRN_SCHEMA_UINT, offsetof(revoke_act, suspect_since), 0, INT64_MAX, true, NULL},
};
static const cairn_schema revoke_schema = CAIRN_SCHEMA_OF(revoke_act, revoke_fields);

cairn_err cairn_key_revoke_decode(cairn_arena *arena, cairn_cbor_reader *r, void **ret_act)
{
    return cairn_schema_read(arena, &revoke_schema, r, ret_act);
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

/* A key that has ended, or is about to, can still be called suspect, and from ever earlier on: that
 * it leaked is often found out later. What was vouched for is never vouched for again. */
static cairn_err check_suspect(const cairn_key_record *key, uint64_t height, uint64_t suspect)
{
    if (suspect == CAIRN_HEIGHT_OPEN || suspect >= key->suspect_since)
        return key->until <= height + 1
                   ? CAIRN_FAIL(CAIRN_ERR_CLOSED, clause, "key.revoke.kid: is revoked")
                   : CAIRN_OK;
    if (suspect < key->since || suspect > height || suspect >= key->until)
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, clause,
                          "key.revoke.suspect: outside the key's life");
    return CAIRN_OK;
}

cairn_err cairn_key_revoke_apply(cairn_apply *apply, const void *data)
{
    const revoke_act *act = data;
    uint64_t height = cairn_apply_height(apply);
    cairn_key_record key;
    cairn_org_record org;
    CAIRN_TRY(load_own_key(apply, &act->kid, &key));
    CAIRN_TRY(check_suspect(&key, height, act->suspect_since));
    bool ends = key.until > height + 1;
    if (ends && key.purpose == CAIRN_PURPOSE_SIGN)
        CAIRN_TRY(check_signer_stays(apply, &act->kid));
    if (ends && key.purpose == CAIRN_PURPOSE_VALIDATOR)
        CAIRN_TRY(cairn_identity_drop_validator(apply, &key.org, &act->kid));
    if (ends)
        key.until = height + 1; /* this block's other transactions still stand */
    if (act->suspect_since < key.suspect_since)
        key.suspect_since = act->suspect_since;
    CAIRN_TRY(store_key(apply, &act->kid, &key));
    if (!ends)
        return CAIRN_OK;
    CAIRN_TRY(
        cairn_registry_org(cairn_apply_state(apply), cairn_apply_arena(apply), &key.org, &org));
    return cairn_identity_store_org(apply, cairn_apply_org(apply), &org);
}

cairn_err cairn_key_revoke_body(cairn_arena *arena, const cairn_hash *kid, uint64_t suspect_since,
                                cairn_bytes *ret_body)
{
    const revoke_act act = {.kid = *kid, .suspect_since = suspect_since};
    return cairn_schema_encode(arena, &revoke_schema, &act, ret_body);
}
