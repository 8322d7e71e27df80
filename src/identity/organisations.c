/* Acts about organisations, all by approval: admission, status, roles. */
#include "cairn/key.h"
#include "identity/acts.h"

static const char clause[] = CAIRN_IDENTITY_CLAUSE;

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

/* The organisation that an act is about, at the version that its voters saw; not a removed one. */
static cairn_err load_org(cairn_apply *apply, const cairn_hash *id, uint64_t expected_version,
                          cairn_org_record *ret_org)
{
    cairn_err err =
        cairn_registry_org(cairn_apply_state(apply), cairn_apply_arena(apply), id, ret_org);
    if (err == CAIRN_ERR_NOT_FOUND)
        return CAIRN_FAIL(err, clause, "organisation: not registered");
    CAIRN_TRY(err);
    if (ret_org->version != expected_version)
        return CAIRN_FAIL(CAIRN_ERR_TX_WRONG_VERSION, clause, "organisation.version: is %llu",
                          (unsigned long long)ret_org->version);
    if (ret_org->status == CAIRN_ORG_REMOVED)
        return CAIRN_FAIL(CAIRN_ERR_CLOSED, clause, "organisation: was removed");
    return CAIRN_OK;
}

/* --- identity.org.admit --- */

typedef struct admit_act {
    cairn_bytes name;
    bool member;
    cairn_bytes cose_key;
    cairn_bytes proof;
    uint64_t roles;
} admit_act;

static const cairn_schema_field admit_fields[] = {
    {"name", CAIRN_SCHEMA_TEXT, offsetof(admit_act, name), 1, CAIRN_ORG_NAME_SIZE_MAX, false, NULL},
    {"member", CAIRN_SCHEMA_BOOL, offsetof(admit_act, member), 0, 0, false, NULL},
    {"cose_key", CAIRN_SCHEMA_BYTES, offsetof(admit_act, cose_key), 1, CAIRN_COSE_KEY_SIZE_MAX,
     false, NULL},
    {"proof", CAIRN_SCHEMA_BYTES, offsetof(admit_act, proof), 64, 64, false, NULL},
    {"roles", CAIRN_SCHEMA_UINT, offsetof(admit_act, roles), 0, CAIRN_ROLES_ALL, false, NULL},
};
static const cairn_schema admit_schema = CAIRN_SCHEMA_OF(admit_act, admit_fields);

cairn_err cairn_org_admit_decode(cairn_arena *arena, cairn_cbor_reader *r, void **ret_act)
{
    void *act = NULL;
    CAIRN_TRY(cairn_schema_read(arena, &admit_schema, r, &act));
    CAIRN_TRY(cairn_org_name_check(((const admit_act *)act)->name));
    *ret_act = act;
    return CAIRN_OK;
}

/* A name belongs to the first organisation that bore it, for good: who could take over that of a
 * removed one would be taken for it. */
static cairn_err take_name(cairn_apply *apply, cairn_bytes name, const cairn_hash *id)
{
    const cairn_registry_sink sink = cairn_identity_sink(apply);
    cairn_state_key key;
    cairn_registry_name_key(name, &key);
    CAIRN_TRY(cairn_apply_must_be_new(apply, CAIRN_MAP_STATE, &key));
    return cairn_registry_store_name(&sink, name, id);
}

cairn_err cairn_org_admit_apply(cairn_apply *apply, const void *data)
{
    const admit_act *act = data;
    const cairn_new_key fresh = {
        .cose_key = act->cose_key, .purpose = CAIRN_PURPOSE_SIGN, .proof = act->proof};
    cairn_org_record org = {.status = CAIRN_ORG_ACTIVE,
                            .member = act->member,
                            .version = 1,
                            .admitted_height = cairn_apply_height(apply),
                            .roles = (uint32_t)act->roles};
    cairn_hash id;
    CAIRN_CLEANUP(cairn_key_free_p) cairn_key *key = NULL;
    CAIRN_TRY(cairn_key_from_cose(act->cose_key, &key));
    cairn_org_id(cairn_key_id(key), &id);
    memcpy(org.name, act->name.data, act->name.size);
    CAIRN_TRY(cairn_identity_register_key(apply, &id, key, &fresh, &org));
    CAIRN_TRY(take_name(apply, act->name, &id));
    if (act->member)
        CAIRN_TRY(set_membership(apply, &id, true));
    return cairn_identity_store_org(apply, &id, &org);
}

cairn_err cairn_org_admit_body(cairn_arena *arena, cairn_bytes name, bool member,
                               cairn_bytes cose_key, cairn_bytes proof, uint32_t roles,
                               cairn_bytes *ret_body)
{
    const admit_act act = {
        .name = name, .member = member, .cose_key = cose_key, .proof = proof, .roles = roles};
    return cairn_schema_encode(arena, &admit_schema, &act, ret_body);
}

/* --- identity.org.status, identity.org.roles: one number of an organisation --- */

typedef struct set_act {
    cairn_hash org;
    uint64_t value;
    uint64_t expected_version;
} set_act;

#define SET_FIELDS(name, min, max)                                                                   \
    {                                                                                                \
        {"organisation", CAIRN_SCHEMA_HASH, offsetof(set_act, org), 0, 0, false, NULL},              \
            {name, CAIRN_SCHEMA_UINT, offsetof(set_act, value), min, max, false, NULL},              \
            {"version", CAIRN_SCHEMA_UINT, offsetof(set_act, expected_version), 1, INT64_MAX, false, \
             NULL},                                                                                  \
    }

static const cairn_schema_field status_fields[] =
    SET_FIELDS("status", CAIRN_ORG_ACTIVE, CAIRN_ORG_REMOVED);
static const cairn_schema status_schema = CAIRN_SCHEMA_OF(set_act, status_fields);
static const cairn_schema_field roles_fields[] = SET_FIELDS("roles", 0, CAIRN_ROLES_ALL);
static const cairn_schema roles_schema = CAIRN_SCHEMA_OF(set_act, roles_fields);

cairn_err cairn_org_status_decode(cairn_arena *arena, cairn_cbor_reader *r, void **ret_act)
{
    return cairn_schema_read(arena, &status_schema, r, ret_act);
}

cairn_err cairn_org_status_apply(cairn_apply *apply, const void *data)
{
    const set_act *act = data;
    cairn_org_record org;
    CAIRN_TRY(load_org(apply, &act->org, act->expected_version, &org));
    return cairn_identity_set_status(apply, &act->org, &org, (cairn_org_status)act->value);
}

cairn_err cairn_identity_set_status(cairn_apply *apply, const cairn_hash *id, cairn_org_record *org,
                                    cairn_org_status status)
{
    org->status = status;
    org->version++;
    if (org->member)
        CAIRN_TRY(set_membership(apply, id, status == CAIRN_ORG_ACTIVE));
    if (status != CAIRN_ORG_ACTIVE)
        CAIRN_TRY(cairn_identity_drop_validator(apply, id, NULL));
    return cairn_identity_store_org(apply, id, org);
}

cairn_err cairn_org_status_body(cairn_arena *arena, const cairn_hash *org, cairn_org_status status,
                                uint64_t expected_version, cairn_bytes *ret_body)
{
    const set_act act = {
        .org = *org, .value = (uint64_t)status, .expected_version = expected_version};
    return cairn_schema_encode(arena, &status_schema, &act, ret_body);
}

cairn_err cairn_org_roles_decode(cairn_arena *arena, cairn_cbor_reader *r, void **ret_act)
{
    return cairn_schema_read(arena, &roles_schema, r, ret_act);
}

cairn_err cairn_org_roles_apply(cairn_apply *apply, const void *data)
{
    const set_act *act = data;
    cairn_org_record org;
    CAIRN_TRY(load_org(apply, &act->org, act->expected_version, &org));
    org.roles = (uint32_t)act->value;
    org.version++;
    return cairn_identity_store_org(apply, &act->org, &org);
}

cairn_err cairn_org_roles_body(cairn_arena *arena, const cairn_hash *org, uint32_t roles,
                               uint64_t expected_version, cairn_bytes *ret_body)
{
    const set_act act = {.org = *org, .value = roles, .expected_version = expected_version};
    return cairn_schema_encode(arena, &roles_schema, &act, ret_body);
}
