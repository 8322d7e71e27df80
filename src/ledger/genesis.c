/* Codec of the genesis, and the state that it creates. */
#include "ledger/genesis.h"

#include "cairn/cbor.h"
#include "cairn/sha256.h"
#include "cairn/transaction.h"
#include "ledger/validators.h"

static const char magic[] = "cairn/genesis/1";
static const char clause[] = "docs/formats/block-entry.md";

static cairn_err decode_member(cairn_cbor_reader *r, cairn_genesis_member *member)
{
    size_t count = 0;
    CAIRN_TRY(cairn_cbor_read_array(r, "member", 2, 2, &count));
    CAIRN_TRY(cairn_cbor_read_text(r, "member.name", 1, CAIRN_ORG_NAME_SIZE_MAX, &member->name));
    CAIRN_TRY(cairn_org_name_check(member->name));
    CAIRN_TRY(cairn_cbor_read_array(r, "member.keys", 1, CAIRN_ORG_KEYS_MAX, &member->key_count));
    for (size_t i = 0; i < member->key_count; i++) {
        cairn_genesis_key *key = &member->keys[i];
        uint64_t purpose = 0;
        CAIRN_TRY(cairn_cbor_read_array(r, "member.key", 2, 2, &count));
        CAIRN_TRY(cairn_cbor_read_uint(r, "member.key.purpose", CAIRN_PURPOSE_SIGN,
                                       CAIRN_PURPOSE_LAST, &purpose));
        CAIRN_TRY(cairn_cbor_read_bytes(r, "member.key.cose_key", 1, CAIRN_COSE_KEY_SIZE_MAX,
                                        &key->cose_key));
        key->purpose = (cairn_purpose)purpose;
    }
    if (member->keys[0].purpose != CAIRN_PURPOSE_SIGN)
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, clause,
                          "genesis.member.keys: the first is not for signing");
    return CAIRN_OK;
}

cairn_err cairn_genesis_decode(cairn_arena *arena, cairn_bytes in, cairn_genesis *ret_genesis)
{
    cairn_cbor_reader r;
    cairn_genesis g = {0};
    cairn_bytes nonce;
    cairn_bytes params;
    uint64_t version = 0;
    size_t count = 0;
    void *memory = NULL;
    if (in.size > CAIRN_GENESIS_SIZE_MAX)
        return CAIRN_FAIL(CAIRN_ERR_TOO_LARGE, clause, "genesis: %zu bytes", in.size);
    CAIRN_TRY(cairn_cbor_open(&r, in, CAIRN_CBOR_STRICT, "genesis", clause));
    CAIRN_TRY(cairn_cbor_read_array(&r, "genesis", 7, 7, &count));
    CAIRN_TRY(cairn_cbor_read_magic(&r, magic));
    CAIRN_TRY(cairn_cbor_read_text(&r, "name", 1, CAIRN_ORG_NAME_SIZE_MAX, &g.name));
    CAIRN_TRY(cairn_org_name_check(g.name));
    CAIRN_TRY(cairn_cbor_read_uint(&r, "created", 0, CAIRN_TIME_MAX_MS, &g.created_ms));
    CAIRN_TRY(cairn_cbor_read_bytes(&r, "nonce", sizeof g.nonce, sizeof g.nonce, &nonce));
    CAIRN_TRY(cairn_cbor_read_uint(&r, "app_version", 1, UINT32_MAX, &version));
    CAIRN_TRY(cairn_cbor_read_bytes(&r, "params", 1, CAIRN_PARAMS_SIZE_MAX, &params));
    CAIRN_TRY(cairn_params_decode(params, &g.params));
    CAIRN_TRY(cairn_cbor_read_array(&r, "members", 1, CAIRN_MEMBERS_MAX, &g.member_count));
    CAIRN_TRY(cairn_arena_array(arena, g.member_count, sizeof *g.members, &memory));
    g.members = memory;
    for (size_t i = 0; i < g.member_count; i++)
        CAIRN_TRY(decode_member(&r, &g.members[i]));
    CAIRN_TRY(cairn_cbor_end(&r));
    if (g.params.app_version != version)
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, clause, "genesis.app_version: params say another");
    CAIRN_TRY(cairn_params_check(&g.params, 1));
    memcpy(g.nonce, nonce.data, sizeof g.nonce);
    *ret_genesis = g;
    return CAIRN_OK;
}

cairn_err cairn_genesis_encode(cairn_arena *arena, const cairn_genesis *genesis,
                               cairn_bytes *ret_encoded)
{
    uint8_t params[CAIRN_PARAMS_SIZE_MAX];
    size_t params_size = cairn_params_encode(&genesis->params, params);
    void *buffer = NULL;
    cairn_cbor_writer w;
    CAIRN_TRY(cairn_arena_alloc(arena, CAIRN_GENESIS_SIZE_MAX, &buffer));
    cairn_cbor_writer_init(&w, buffer, CAIRN_GENESIS_SIZE_MAX);
    cairn_cbor_put_array(&w, 7);
    cairn_cbor_put_text(&w, magic);
    cairn_cbor_put_text_view(&w, genesis->name);
    cairn_cbor_put_uint(&w, genesis->created_ms);
    cairn_cbor_put_bytes(&w, cairn_bytes_of(genesis->nonce, sizeof genesis->nonce));
    cairn_cbor_put_uint(&w, genesis->params.app_version);
    cairn_cbor_put_bytes(&w, cairn_bytes_of(params, params_size));
    cairn_cbor_put_array(&w, genesis->member_count);
    for (size_t i = 0; i < genesis->member_count; i++) {
        const cairn_genesis_member *member = &genesis->members[i];
        cairn_cbor_put_array(&w, 2);
        cairn_cbor_put_text_view(&w, member->name);
        cairn_cbor_put_array(&w, member->key_count);
        for (size_t k = 0; k < member->key_count; k++) {
            cairn_cbor_put_array(&w, 2);
            cairn_cbor_put_uint(&w, (uint64_t)member->keys[k].purpose);
            cairn_cbor_put_bytes(&w, member->keys[k].cose_key);
        }
    }
    return cairn_cbor_writer_end(&w, ret_encoded);
}

void cairn_ledger_id(cairn_bytes genesis, cairn_hash *ret_ledger)
{
    const cairn_bytes parts[] = {cairn_bytes_of("cairn/ledger/1", 15), genesis}; /* with its NUL */
    cairn_sha256_parts(parts, 2, ret_ledger);
}

void cairn_ledger_origin(const cairn_hash *ledger, char ret_origin[CAIRN_ORIGIN_SIZE + 1])
{
    memcpy(ret_origin, "cairn/", 6);
    cairn_hex_encode(cairn_bytes_hash(ledger), ret_origin + 6);
}

static cairn_err put(cairn_delta *delta, cairn_map_id map, const char *prefix, cairn_bytes suffix,
                     const void *value, size_t value_size)
{
    cairn_state_key key;
    cairn_bytes view = cairn_bytes_of(value, value_size);
    cairn_state_key_make(&key, prefix, suffix);
    return cairn_delta_write(delta, map, cairn_state_key_view(&key), &view);
}

/* Checks a key of a member and writes its record. */
static cairn_err apply_key(cairn_delta *delta, const cairn_hash *org,
                           const cairn_genesis_key *genesis_key, const cairn_hash *kid)
{
    cairn_state_key key;
    cairn_state_key_make(&key, "key/", cairn_bytes_hash(kid));
    if (cairn_delta_find(delta, CAIRN_MAP_STATE, cairn_state_key_view(&key)) != NULL)
        return CAIRN_FAIL(CAIRN_ERR_EXISTS, clause, "genesis.member.keys: a key appears twice");
    const cairn_key_record record = {
        .org = *org,
        .purpose = genesis_key->purpose,
        .cose_key = genesis_key->cose_key,
        .until = CAIRN_HEIGHT_OPEN,
        .suspect_since = CAIRN_HEIGHT_OPEN,
    };
    uint8_t out[CAIRN_KEY_RECORD_SIZE_MAX];
    cairn_bytes value = cairn_bytes_of(out, cairn_key_record_encode(&record, out));
    return cairn_delta_write(delta, CAIRN_MAP_STATE, cairn_state_key_view(&key), &value);
}

static cairn_err put_record(void *context, const cairn_state_key *key, cairn_bytes value)
{
    return cairn_delta_write(context, CAIRN_MAP_STATE, cairn_state_key_view(key), &value);
}

/* The organisation's own records; its name is nobody else's. */
static cairn_err apply_org(cairn_delta *delta, const cairn_hash *id, cairn_bytes name,
                           uint64_t time_ms, cairn_org_record *org)
{
    const cairn_registry_sink sink = {.context = delta, .put = put_record};
    cairn_state_key key;
    cairn_registry_name_key(name, &key);
    if (cairn_delta_find(delta, CAIRN_MAP_STATE, cairn_state_key_view(&key)) != NULL)
        return CAIRN_FAIL(CAIRN_ERR_EXISTS, clause, "genesis.member.name: appears twice");
    CAIRN_TRY(cairn_registry_store_name(&sink, name, id));
    return cairn_registry_store(&sink, id, org, 0, time_ms);
}

/* A founder takes part in consensus with its first key for that. */
static cairn_err take_validator(const cairn_hash *org, cairn_purpose purpose, const cairn_key *key,
                                cairn_validator_list *validators)
{
    if (purpose != CAIRN_PURPOSE_VALIDATOR || cairn_key_get_type(key) != CAIRN_KEY_ED25519 ||
        cairn_validators_find(validators, org) != NULL)
        return CAIRN_OK;
    cairn_validator row = {
        .org = *org, .kid = *cairn_key_id(key), .power = CAIRN_VALIDATOR_POWER_GENESIS};
    memcpy(row.key, cairn_key_public(key).data, sizeof row.key);
    return cairn_validators_put(validators, &row);
}

static cairn_err apply_member(cairn_delta *delta, const cairn_genesis_member *member,
                              uint64_t time_ms, cairn_member_list *list,
                              cairn_validator_list *validators)
{
    cairn_org_record org = {
        .status = CAIRN_ORG_ACTIVE, .member = true, .version = 1, .kid_count = member->key_count};
    cairn_hash id;
    memcpy(org.name, member->name.data, member->name.size);
    for (size_t i = 0; i < member->key_count; i++) {
        CAIRN_CLEANUP(cairn_key_free_p) cairn_key *key = NULL;
        CAIRN_TRY(cairn_key_from_cose(member->keys[i].cose_key, &key));
        if (member->keys[i].purpose == CAIRN_PURPOSE_SIGN &&
            cairn_key_get_type(key) != CAIRN_KEY_P256)
            return CAIRN_FAIL(CAIRN_ERR_BAD_KEY, clause,
                              "genesis.member.keys: a signing key is P-256");
        org.kids[i] = *cairn_key_id(key);
        if (i == 0)
            cairn_org_id(&org.kids[0], &id);
        CAIRN_TRY(apply_key(delta, &id, &member->keys[i], &org.kids[i]));
        CAIRN_TRY(take_validator(&id, member->keys[i].purpose, key, validators));
    }
    CAIRN_TRY(cairn_member_list_add(list, &id));
    return apply_org(delta, &id, member->name, time_ms, &org);
}

cairn_err cairn_genesis_apply(const cairn_genesis *genesis, cairn_delta *delta)
{
    cairn_member_list list = {0};
    cairn_validator_list validators = {0};
    for (size_t i = 0; i < genesis->member_count; i++)
        CAIRN_TRY(
            apply_member(delta, &genesis->members[i], genesis->created_ms, &list, &validators));
    if (validators.count != 0) {
        uint8_t rows[CAIRN_VALIDATORS_SIZE_MAX];
        CAIRN_TRY(put(delta, CAIRN_MAP_STATE, "validators", (cairn_bytes){0}, rows,
                      cairn_validators_encode(&validators, rows)));
    }
    uint8_t members[CAIRN_MEMBERS_SIZE_MAX];
    CAIRN_TRY(put(delta, CAIRN_MAP_STATE, "members", (cairn_bytes){0}, members,
                  cairn_member_list_encode(&list, members)));
    uint8_t params[CAIRN_PARAMS_SIZE_MAX];
    return put(delta, CAIRN_MAP_CONFIG, "params", (cairn_bytes){0}, params,
               cairn_params_encode(&genesis->params, params));
}
