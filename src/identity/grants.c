/* Grants: a service key of an organisation signs for one of its subjects, with scopes and an end.
 * The record stays after its end: who could sign for whom is history. */
#include "identity/acts.h"

static const char clause[] = CAIRN_IDENTITY_CLAUSE;
static const char prefix[] = "grant/";

enum { GRANT_KEY_SIZE = 64 };

static cairn_bytes grant_key(const cairn_hash *subject, const cairn_hash *kid,
                             uint8_t out[GRANT_KEY_SIZE])
{
    memcpy(out, subject->b, 32);
    memcpy(out + 32, kid->b, 32);
    return cairn_bytes_of(out, GRANT_KEY_SIZE);
}

static const cairn_schema_field scope_fields[] = {
    {"scope", CAIRN_SCHEMA_TEXT, 0, 1, CAIRN_GRANT_SCOPE_SIZE_MAX, false, NULL}};
static const cairn_schema scope_schema = CAIRN_SCHEMA_OF(cairn_bytes, scope_fields);

#define SCOPES(type, min)                                                                        \
    {                                                                                            \
        "scopes", CAIRN_SCHEMA_LIST, offsetof(type, scopes), min, CAIRN_GRANT_SCOPES_MAX, false, \
            &scope_schema                                                                        \
    }

/* --- the record --- */

static const cairn_schema_field record_fields[] = {
    {"organisation", CAIRN_SCHEMA_HASH, offsetof(cairn_grant, org), 0, 0, false, NULL},
    SCOPES(cairn_grant, 1),
    {"expires", CAIRN_SCHEMA_UINT, offsetof(cairn_grant, expires_ms), 1, CAIRN_TIME_MAX_MS, false,
     NULL},
    {"version", CAIRN_SCHEMA_UINT, offsetof(cairn_grant, version), 1, INT64_MAX, false, NULL},
    {"since", CAIRN_SCHEMA_UINT, offsetof(cairn_grant, since), 0, INT64_MAX, false, NULL},
    {"revoked", CAIRN_SCHEMA_BOOL, offsetof(cairn_grant, revoked), 0, 0, false, NULL},
};
static const cairn_schema record_schema = CAIRN_SCHEMA_OF(cairn_grant, record_fields);

cairn_err cairn_grant_decode(cairn_arena *arena, cairn_bytes in, cairn_grant *ret_grant)
{
    void *record = NULL;
    CAIRN_TRY(cairn_schema_decode(arena, &record_schema, in, "grant", clause, &record));
    memcpy(ret_grant, record, sizeof *ret_grant);
    return CAIRN_OK;
}

cairn_err cairn_grant_get(const cairn_state_source *state, cairn_arena *arena,
                          const cairn_hash *subject, const cairn_hash *kid, cairn_grant *ret_grant)
{
    uint8_t key[GRANT_KEY_SIZE];
    void *record = NULL;
    CAIRN_TRY(cairn_identity_load(state, arena, prefix, grant_key(subject, kid, key),
                                  &record_schema, &record));
    memcpy(ret_grant, record, sizeof *ret_grant);
    return CAIRN_OK;
}

static cairn_err store(cairn_apply *apply, const cairn_hash *subject, const cairn_hash *kid,
                       const cairn_grant *grant)
{
    uint8_t key[GRANT_KEY_SIZE];
    cairn_bytes suffix = grant_key(subject, kid, key);
    CAIRN_TRY(cairn_identity_store(apply, prefix, suffix, &record_schema, grant));
    return cairn_apply_emit(apply, CAIRN_EVENT_GRANT, suffix);
}

/* The grant at the version that its sender saw; version 0 is none. */
static cairn_err load(cairn_apply *apply, const cairn_hash *subject, const cairn_hash *kid,
                      uint64_t expected_version, cairn_grant *ret_grant)
{
    cairn_err err = cairn_grant_get(cairn_apply_state(apply), cairn_apply_arena(apply), subject,
                                    kid, ret_grant);
    if (err == CAIRN_ERR_NOT_FOUND) {
        *ret_grant = (cairn_grant){0};
        err = CAIRN_OK;
    }
    CAIRN_TRY(err);
    if (ret_grant->version != expected_version)
        return CAIRN_FAIL(CAIRN_ERR_TX_WRONG_VERSION, clause, "grant.version: is %llu",
                          (unsigned long long)ret_grant->version);
    return CAIRN_OK;
}

/* --- identity.grant.set --- */

typedef struct set_act {
    cairn_hash subject;
    cairn_hash kid;
    cairn_schema_list scopes;
    uint64_t expires_ms;
    uint64_t expected_version;
} set_act;

static const cairn_schema_field set_fields[] = {
    {"subject", CAIRN_SCHEMA_HASH, offsetof(set_act, subject), 0, 0, false, NULL},
    {"kid", CAIRN_SCHEMA_HASH, offsetof(set_act, kid), 0, 0, false, NULL},
    SCOPES(set_act, 1),
    {"expires", CAIRN_SCHEMA_UINT, offsetof(set_act, expires_ms), 1, CAIRN_TIME_MAX_MS, false,
     NULL},
    {"version", CAIRN_SCHEMA_UINT, offsetof(set_act, expected_version), 0, INT64_MAX - 1, false,
     NULL},
};
static const cairn_schema set_schema = CAIRN_SCHEMA_OF(set_act, set_fields);

/* scope-token of RFC 6749 section 3.3, and in rising order. */
static cairn_err check_scopes(const cairn_schema_list *list)
{
    const cairn_bytes *scopes = list->rows;
    for (size_t i = 0; i < list->count; i++) {
        for (size_t c = 0; c < scopes[i].size; c++) {
            uint8_t byte = scopes[i].data[c];
            if (byte <= 0x20 || byte >= 0x7f || byte == '"' || byte == '\\')
                return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, "RFC 6749 section 3.3",
                                  "grant.scopes: not a scope token");
        }
        if (i > 0 && cairn_bytes_compare(scopes[i - 1], scopes[i]) >= 0)
            return CAIRN_FAIL(CAIRN_ERR_NOT_CANONICAL, clause, "grant.scopes: not in rising order");
    }
    return CAIRN_OK;
}

cairn_err cairn_grant_set_decode(cairn_arena *arena, cairn_cbor_reader *r, void **ret_act)
{
    void *act = NULL;
    CAIRN_TRY(cairn_schema_read(arena, &set_schema, r, &act));
    CAIRN_TRY(check_scopes(&((const set_act *)act)->scopes));
    *ret_act = act;
    return CAIRN_OK;
}

/* The key signs, is the signer's organisation's and has no end yet. */
static cairn_err check_key(cairn_apply *apply, const cairn_hash *kid)
{
    cairn_key_record key;
    cairn_err err =
        cairn_registry_key(cairn_apply_state(apply), cairn_apply_arena(apply), kid, &key);
    if (err == CAIRN_ERR_NOT_FOUND)
        return CAIRN_FAIL(err, clause, "grant.kid: not registered");
    CAIRN_TRY(err);
    if (!cairn_hash_equal(&key.org, cairn_apply_org(apply)))
        return CAIRN_FAIL(CAIRN_ERR_TX_FORBIDDEN, clause, "grant.kid: is another organisation's");
    if (key.purpose != CAIRN_PURPOSE_SIGN)
        return CAIRN_FAIL(CAIRN_ERR_TX_WRONG_PURPOSE, clause, "grant.kid: key is for %s",
                          cairn_purpose_name(key.purpose));
    if (key.until != CAIRN_HEIGHT_OPEN)
        return CAIRN_FAIL(CAIRN_ERR_CLOSED, clause, "grant.kid: its end is set");
    return CAIRN_OK;
}

static cairn_err check_subject(cairn_apply *apply, const cairn_hash *pseudonym)
{
    cairn_subject subject;
    cairn_err err =
        cairn_subject_get(cairn_apply_state(apply), cairn_apply_arena(apply), pseudonym, &subject);
    if (err == CAIRN_ERR_NOT_FOUND)
        return CAIRN_FAIL(err, clause, "grant.subject: not registered");
    CAIRN_TRY(err);
    if (!cairn_hash_equal(&subject.org, cairn_apply_org(apply)))
        return CAIRN_FAIL(CAIRN_ERR_TX_FORBIDDEN, clause,
                          "grant.subject: is another organisation's");
    if (subject.status != CAIRN_SUBJECT_ACTIVE)
        return CAIRN_FAIL(CAIRN_ERR_CLOSED, clause, "grant.subject: is %s",
                          cairn_subject_status_name(subject.status));
    return CAIRN_OK;
}

cairn_err cairn_grant_set_apply(cairn_apply *apply, const void *data)
{
    const set_act *act = data;
    uint64_t now = cairn_apply_time_ms(apply);
    cairn_grant grant;
    CAIRN_TRY(check_subject(apply, &act->subject));
    CAIRN_TRY(check_key(apply, &act->kid));
    if (act->expires_ms <= now || act->expires_ms - now > CAIRN_GRANT_LIFETIME_MAX_MS)
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, clause,
                          "grant.expires: not within the allowed lifetime");
    CAIRN_TRY(load(apply, &act->subject, &act->kid, act->expected_version, &grant));
    grant = (cairn_grant){.org = *cairn_apply_org(apply),
                          .scopes = act->scopes,
                          .expires_ms = act->expires_ms,
                          .version = act->expected_version + 1,
                          .since = cairn_apply_height(apply)};
    return store(apply, &act->subject, &act->kid, &grant);
}

cairn_err cairn_grant_set_body(cairn_arena *arena, const cairn_hash *subject, const cairn_hash *kid,
                               const cairn_bytes *scopes, size_t scope_count, uint64_t expires_ms,
                               uint64_t expected_version, cairn_bytes *ret_body)
{
    const set_act act = {.subject = *subject,
                         .kid = *kid,
                         .scopes = {.count = scope_count, .rows = (void *)(uintptr_t)scopes},
                         .expires_ms = expires_ms,
                         .expected_version = expected_version};
    return cairn_schema_encode(arena, &set_schema, &act, ret_body);
}

/* --- identity.grant.revoke --- */

typedef struct revoke_act {
    cairn_hash subject;
    cairn_hash kid;
    uint64_t expected_version;
} revoke_act;

static const cairn_schema_field revoke_fields[] = {
    {"subject", CAIRN_SCHEMA_HASH, offsetof(revoke_act, subject), 0, 0, false, NULL},
    {"kid", CAIRN_SCHEMA_HASH, offsetof(revoke_act, kid), 0, 0, false, NULL},
    {"version", CAIRN_SCHEMA_UINT, offsetof(revoke_act, expected_version), 1, INT64_MAX - 1, false,
     NULL},
};
static const cairn_schema revoke_schema = CAIRN_SCHEMA_OF(revoke_act, revoke_fields);

cairn_err cairn_grant_revoke_decode(cairn_arena *arena, cairn_cbor_reader *r, void **ret_act)
{
    return cairn_schema_read(arena, &revoke_schema, r, ret_act);
}

cairn_err cairn_grant_revoke_apply(cairn_apply *apply, const void *data)
{
    const revoke_act *act = data;
    cairn_grant grant;
    cairn_err err = cairn_grant_get(cairn_apply_state(apply), cairn_apply_arena(apply),
                                    &act->subject, &act->kid, &grant);
    if (err == CAIRN_ERR_NOT_FOUND)
        return CAIRN_FAIL(err, clause, "grant.revoke: no such grant");
    CAIRN_TRY(err);
    if (!cairn_hash_equal(&grant.org, cairn_apply_org(apply)))
        return CAIRN_FAIL(CAIRN_ERR_TX_FORBIDDEN, clause,
                          "grant.revoke: is another organisation's");
    if (grant.version != act->expected_version)
        return CAIRN_FAIL(CAIRN_ERR_TX_WRONG_VERSION, clause, "grant.version: is %llu",
                          (unsigned long long)grant.version);
    if (grant.revoked)
        return CAIRN_FAIL(CAIRN_ERR_CLOSED, clause, "grant.revoke: is revoked");
    grant.revoked = true;
    grant.version++;
    grant.since = cairn_apply_height(apply);
    return store(apply, &act->subject, &act->kid, &grant);
}

cairn_err cairn_grant_revoke_body(cairn_arena *arena, const cairn_hash *subject,
                                  const cairn_hash *kid, uint64_t expected_version,
                                  cairn_bytes *ret_body)
{
    const revoke_act act = {.subject = *subject, .kid = *kid, .expected_version = expected_version};
    return cairn_schema_encode(arena, &revoke_schema, &act, ret_body);
}

/* --- lookup --- */

static bool has_scope(const cairn_grant *grant, cairn_bytes scope)
{
    const cairn_bytes *scopes = grant->scopes.rows;
    for (size_t i = 0; i < grant->scopes.count; i++)
        if (cairn_bytes_equal(scopes[i], scope))
            return true;
    return false;
}

/* Key, subject and organisation are what they were when the grant was set. */
static cairn_err check_parties(const cairn_state_source *state, cairn_arena *arena,
                               const cairn_hash *pseudonym, const cairn_hash *kid, uint64_t height)
{
    cairn_key_record key;
    cairn_org_record org;
    cairn_subject subject;
    CAIRN_TRY(cairn_registry_key(state, arena, kid, &key));
    CAIRN_TRY(cairn_registry_org(state, arena, &key.org, &org));
    CAIRN_TRY(cairn_subject_get(state, arena, pseudonym, &subject));
    if (height < key.since || height >= key.until)
        return CAIRN_FAIL(CAIRN_ERR_CLOSED, clause, "grant.kid: not valid at height %llu",
                          (unsigned long long)height);
    if (subject.status != CAIRN_SUBJECT_ACTIVE || org.status != CAIRN_ORG_ACTIVE)
        return CAIRN_FAIL(CAIRN_ERR_CLOSED, clause, "grant.subject: is not active");
    return CAIRN_OK;
}

cairn_err cairn_grant_check(const cairn_state_source *state, cairn_arena *arena,
                            const cairn_hash *subject, const cairn_hash *kid, cairn_bytes scope,
                            uint64_t height, uint64_t now_ms)
{
    cairn_grant grant;
    CAIRN_TRY(cairn_grant_get(state, arena, subject, kid, &grant));
    if (grant.revoked)
        return CAIRN_FAIL(CAIRN_ERR_CLOSED, clause, "grant: is revoked");
    if (now_ms >= grant.expires_ms)
        return CAIRN_FAIL(CAIRN_ERR_EXPIRED, clause, "grant.expires: has passed");
    if (!has_scope(&grant, scope))
        return CAIRN_FAIL(CAIRN_ERR_TX_FORBIDDEN, clause, "grant.scopes: not this one");
    return check_parties(state, arena, subject, kid, height);
}
