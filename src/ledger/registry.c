/* Codecs of the registry's records. */
#include "ledger/registry.h"

#include "cairn/cbor.h"
#include "cairn/key.h"
#include "cairn/sha256.h"
#include "cairn/transaction.h"

static const char clause[] = "docs/formats/block-entry.md";

void cairn_org_id(const cairn_hash *first_kid, cairn_hash *ret_org)
{
    const cairn_bytes parts[] = {cairn_bytes_str("cairn/org/1"), cairn_bytes_hash(first_kid)};
    cairn_sha256_parts(parts, 2, ret_org);
}

cairn_err cairn_org_name_check(cairn_bytes name)
{
    bool good = name.size >= 1 && name.size <= CAIRN_ORG_NAME_SIZE_MAX && name.data[0] != ' ' &&
                name.data[name.size - 1] != ' ';
    for (size_t i = 0; good && i < name.size; i++)
        good = name.data[i] >= 0x20 && name.data[i] <= 0x7e && name.data[i] != '/' &&
               name.data[i] != '+';
    if (!good)
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, clause,
                          "organisation.name: 1 to 64 printable ASCII characters without / and +");
    return CAIRN_OK;
}

const char *cairn_purpose_name(cairn_purpose purpose)
{
    static const char *const names[] = {
        [CAIRN_PURPOSE_SIGN] = "sign",       [CAIRN_PURPOSE_TLS] = "tls",
        [CAIRN_PURPOSE_COSIGN] = "cosign",   [CAIRN_PURPOSE_OWNER] = "owner",
        [CAIRN_PURPOSE_ENCRYPT] = "encrypt", [CAIRN_PURPOSE_VALIDATOR] = "validator",
        [CAIRN_PURPOSE_ISSUE] = "issue",
    };
    size_t i = (size_t)purpose;
    return i >= 1 && i < sizeof names / sizeof names[0] ? names[i] : "unknown";
}

const char *cairn_org_status_name(cairn_org_status status)
{
    static const char *const names[] = {
        [CAIRN_ORG_ACTIVE] = "active",
        [CAIRN_ORG_SUSPENDED] = "suspended",
        [CAIRN_ORG_REMOVED] = "removed",
    };
    size_t i = (size_t)status;
    return i >= 1 && i < sizeof names / sizeof names[0] ? names[i] : "unknown";
}

cairn_err cairn_org_record_decode(cairn_bytes in, cairn_org_record *ret_org)
{
    cairn_cbor_reader r;
    cairn_cbor_map map;
    cairn_bytes name;
    uint64_t status = 0;
    uint64_t roles = 0;
    cairn_org_record org = {0};
    CAIRN_TRY(cairn_cbor_open(&r, in, CAIRN_CBOR_STRICT, "organisation", clause));
    CAIRN_TRY(cairn_cbor_read_map(&r, "organisation", &map));
    CAIRN_TRY(cairn_cbor_key(&r, &map, 1, "name"));
    CAIRN_TRY(cairn_cbor_read_text(&r, "name", 1, CAIRN_ORG_NAME_SIZE_MAX, &name));
    CAIRN_TRY(cairn_org_name_check(name)); /* it ends in a NUL from here on */
    CAIRN_TRY(cairn_cbor_key(&r, &map, 2, "status"));
    CAIRN_TRY(cairn_cbor_read_uint(&r, "status", CAIRN_ORG_ACTIVE, CAIRN_ORG_REMOVED, &status));
    CAIRN_TRY(cairn_cbor_key(&r, &map, 3, "member"));
    CAIRN_TRY(cairn_cbor_read_bool(&r, "member", &org.member));
    CAIRN_TRY(cairn_cbor_key(&r, &map, 4, "version"));
    CAIRN_TRY(cairn_cbor_read_uint(&r, "version", 1, INT64_MAX, &org.version));
    CAIRN_TRY(cairn_cbor_key(&r, &map, 5, "admitted"));
    CAIRN_TRY(cairn_cbor_read_uint(&r, "admitted", 0, INT64_MAX, &org.admitted_height));
    CAIRN_TRY(cairn_cbor_key(&r, &map, 6, "keys"));
    CAIRN_TRY(cairn_cbor_read_array(&r, "keys", 0, CAIRN_ORG_KEYS_MAX, &org.kid_count));
    for (size_t i = 0; i < org.kid_count; i++)
        CAIRN_TRY(cairn_cbor_read_hash(&r, "keys", &org.kids[i]));
    CAIRN_TRY(cairn_cbor_key(&r, &map, 7, "roles"));
    CAIRN_TRY(cairn_cbor_read_uint(&r, "roles", 0, UINT32_MAX, &roles));
    CAIRN_TRY(cairn_cbor_key(&r, &map, 8, "editions"));
    CAIRN_TRY(cairn_cbor_read_uint(&r, "editions", 1, INT64_MAX, &org.editions));
    CAIRN_TRY(cairn_cbor_end_map(&r, &map));
    CAIRN_TRY(cairn_cbor_end(&r));
    memcpy(org.name, name.data, name.size);
    org.status = (cairn_org_status)status;
    org.roles = (uint32_t)roles;
    *ret_org = org;
    return CAIRN_OK;
}

size_t cairn_org_record_encode(const cairn_org_record *org, uint8_t out[CAIRN_ORG_RECORD_SIZE_MAX])
{
    cairn_cbor_writer w;
    cairn_bytes encoded;
    cairn_cbor_writer_init(&w, out, CAIRN_ORG_RECORD_SIZE_MAX);
    cairn_cbor_put_map(&w, 8);
    cairn_cbor_put_int(&w, 1);
    cairn_cbor_put_text(&w, org->name);
    cairn_cbor_put_int(&w, 2);
    cairn_cbor_put_uint(&w, (uint64_t)org->status);
    cairn_cbor_put_int(&w, 3);
    cairn_cbor_put_bool(&w, org->member);
    cairn_cbor_put_int(&w, 4);
    cairn_cbor_put_uint(&w, org->version);
    cairn_cbor_put_int(&w, 5);
    cairn_cbor_put_uint(&w, org->admitted_height);
    cairn_cbor_put_int(&w, 6);
    cairn_cbor_put_array(&w, org->kid_count);
    for (size_t i = 0; i < org->kid_count; i++)
        cairn_cbor_put_hash(&w, &org->kids[i]);
    cairn_cbor_put_int(&w, 7);
    cairn_cbor_put_uint(&w, org->roles);
    cairn_cbor_put_int(&w, 8);
    cairn_cbor_put_uint(&w, org->editions);
    CAIRN_ASSERT(cairn_cbor_writer_end(&w, &encoded) == CAIRN_OK);
    return encoded.size;
}

/* An optional height under `key`, CAIRN_HEIGHT_OPEN when absent. */
static cairn_err read_optional_height(cairn_cbor_reader *r, cairn_cbor_map *map, int64_t key,
                                      const char *field, uint64_t *ret_height)
{
    bool present = false;
    *ret_height = CAIRN_HEIGHT_OPEN;
    CAIRN_TRY(cairn_cbor_optional_key(r, map, key, &present));
    return present ? cairn_cbor_read_uint(r, field, 0, INT64_MAX, ret_height) : CAIRN_OK;
}

cairn_err cairn_key_record_decode(cairn_bytes in, cairn_key_record *ret_key)
{
    cairn_cbor_reader r;
    cairn_cbor_map map;
    uint64_t purpose = 0;
    cairn_key_record key;
    CAIRN_TRY(cairn_cbor_open(&r, in, CAIRN_CBOR_STRICT, "key", clause));
    CAIRN_TRY(cairn_cbor_read_map(&r, "key", &map));
    CAIRN_TRY(cairn_cbor_key(&r, &map, 1, "organisation"));
    CAIRN_TRY(cairn_cbor_read_hash(&r, "organisation", &key.org));
    CAIRN_TRY(cairn_cbor_key(&r, &map, 2, "purpose"));
    CAIRN_TRY(
        cairn_cbor_read_uint(&r, "purpose", CAIRN_PURPOSE_SIGN, CAIRN_PURPOSE_LAST, &purpose));
    CAIRN_TRY(cairn_cbor_key(&r, &map, 3, "cose_key"));
    CAIRN_TRY(cairn_cbor_read_bytes(&r, "cose_key", 1, CAIRN_COSE_KEY_SIZE_MAX, &key.cose_key));
    CAIRN_TRY(cairn_cbor_key(&r, &map, 4, "since"));
    CAIRN_TRY(cairn_cbor_read_uint(&r, "since", 0, INT64_MAX, &key.since));
    CAIRN_TRY(read_optional_height(&r, &map, 5, "until", &key.until));
    CAIRN_TRY(read_optional_height(&r, &map, 6, "suspect", &key.suspect_since));
    CAIRN_TRY(cairn_cbor_end_map(&r, &map));
    CAIRN_TRY(cairn_cbor_end(&r));
    key.purpose = (cairn_purpose)purpose;
    *ret_key = key;
    return CAIRN_OK;
}

size_t cairn_key_record_encode(const cairn_key_record *key, uint8_t out[CAIRN_KEY_RECORD_SIZE_MAX])
{
    bool ended = key->until != CAIRN_HEIGHT_OPEN;
    bool suspect = key->suspect_since != CAIRN_HEIGHT_OPEN;
    cairn_cbor_writer w;
    cairn_bytes encoded;
    cairn_cbor_writer_init(&w, out, CAIRN_KEY_RECORD_SIZE_MAX);
    cairn_cbor_put_map(&w, 4u + ended + suspect);
    cairn_cbor_put_int(&w, 1);
    cairn_cbor_put_hash(&w, &key->org);
    cairn_cbor_put_int(&w, 2);
    cairn_cbor_put_uint(&w, (uint64_t)key->purpose);
    cairn_cbor_put_int(&w, 3);
    cairn_cbor_put_bytes(&w, key->cose_key);
    cairn_cbor_put_int(&w, 4);
    cairn_cbor_put_uint(&w, key->since);
    if (ended) {
        cairn_cbor_put_int(&w, 5);
        cairn_cbor_put_uint(&w, key->until);
    }
    if (suspect) {
        cairn_cbor_put_int(&w, 6);
        cairn_cbor_put_uint(&w, key->suspect_since);
    }
    CAIRN_ASSERT(cairn_cbor_writer_end(&w, &encoded) == CAIRN_OK);
    return encoded.size;
}

cairn_err cairn_member_list_decode(cairn_bytes in, cairn_member_list *ret_members)
{
    cairn_cbor_reader r;
    CAIRN_TRY(cairn_cbor_open(&r, in, CAIRN_CBOR_STRICT, "members", clause));
    CAIRN_TRY(cairn_cbor_read_array(&r, "members", 0, CAIRN_MEMBERS_MAX, &ret_members->count));
    for (size_t i = 0; i < ret_members->count; i++)
        CAIRN_TRY(cairn_cbor_read_hash(&r, "members", &ret_members->orgs[i]));
    return cairn_cbor_end(&r);
}

size_t cairn_member_list_encode(const cairn_member_list *members,
                                uint8_t out[CAIRN_MEMBERS_SIZE_MAX])
{
    cairn_cbor_writer w;
    cairn_bytes encoded;
    cairn_cbor_writer_init(&w, out, CAIRN_MEMBERS_SIZE_MAX);
    cairn_cbor_put_array(&w, members->count);
    for (size_t i = 0; i < members->count; i++)
        cairn_cbor_put_hash(&w, &members->orgs[i]);
    CAIRN_ASSERT(cairn_cbor_writer_end(&w, &encoded) == CAIRN_OK);
    return encoded.size;
}

cairn_err cairn_edition_decode(cairn_bytes in, cairn_edition *ret_edition)
{
    cairn_cbor_reader r;
    uint64_t status = 0, roles = 0, kid_count = 0;
    size_t count = 0;
    cairn_edition edition = {0};
    CAIRN_TRY(cairn_cbor_open(&r, in, CAIRN_CBOR_STRICT, "edition", clause));
    CAIRN_TRY(cairn_cbor_read_array(&r, "edition", 5, 5, &count));
    CAIRN_TRY(cairn_cbor_read_uint(&r, "height", 0, INT64_MAX, &edition.height));
    CAIRN_TRY(cairn_cbor_read_uint(&r, "time", 0, CAIRN_TIME_MAX_MS, &edition.time_ms));
    CAIRN_TRY(cairn_cbor_read_uint(&r, "status", CAIRN_ORG_ACTIVE, CAIRN_ORG_REMOVED, &status));
    CAIRN_TRY(cairn_cbor_read_uint(&r, "roles", 0, UINT32_MAX, &roles));
    CAIRN_TRY(cairn_cbor_read_uint(&r, "keys", 1, CAIRN_ORG_KEYS_MAX, &kid_count));
    CAIRN_TRY(cairn_cbor_end(&r));
    edition.status = (cairn_org_status)status;
    edition.roles = (uint32_t)roles;
    edition.kid_count = (size_t)kid_count;
    *ret_edition = edition;
    return CAIRN_OK;
}

size_t cairn_edition_encode(const cairn_edition *edition,
                            uint8_t out[CAIRN_EDITION_RECORD_SIZE_MAX])
{
    cairn_cbor_writer w;
    cairn_bytes encoded;
    cairn_cbor_writer_init(&w, out, CAIRN_EDITION_RECORD_SIZE_MAX);
    cairn_cbor_put_array(&w, 5);
    cairn_cbor_put_uint(&w, edition->height);
    cairn_cbor_put_uint(&w, edition->time_ms);
    cairn_cbor_put_uint(&w, (uint64_t)edition->status);
    cairn_cbor_put_uint(&w, edition->roles);
    cairn_cbor_put_uint(&w, edition->kid_count);
    CAIRN_ASSERT(cairn_cbor_writer_end(&w, &encoded) == CAIRN_OK);
    return encoded.size;
}

static cairn_err get(const cairn_state_source *state, cairn_arena *arena, const char *prefix,
                     cairn_bytes suffix, cairn_bytes *ret_value)
{
    cairn_state_key key;
    cairn_state_key_make(&key, prefix, suffix);
    return cairn_state_get(state, CAIRN_MAP_STATE, cairn_state_key_view(&key), arena, ret_value);
}

cairn_err cairn_registry_org(const cairn_state_source *state, cairn_arena *arena,
                             const cairn_hash *org, cairn_org_record *ret_org)
{
    cairn_bytes value;
    CAIRN_TRY(get(state, arena, "org/", cairn_bytes_hash(org), &value));
    return cairn_org_record_decode(value, ret_org);
}

cairn_err cairn_registry_key(const cairn_state_source *state, cairn_arena *arena,
                             const cairn_hash *kid, cairn_key_record *ret_key)
{
    cairn_bytes value;
    CAIRN_TRY(get(state, arena, "key/", cairn_bytes_hash(kid), &value));
    return cairn_key_record_decode(value, ret_key);
}

static void edition_key(const cairn_hash *org, uint64_t number, cairn_state_key *ret_key)
{
    cairn_state_key_make(ret_key, "edition/", cairn_bytes_hash(org));
    cairn_put_u64(ret_key->data + ret_key->size, number);
    ret_key->size += 8;
}

cairn_err cairn_registry_edition(const cairn_state_source *state, cairn_arena *arena,
                                 const cairn_hash *org, uint64_t number, cairn_edition *ret_edition)
{
    cairn_state_key key;
    cairn_bytes value;
    edition_key(org, number, &key);
    CAIRN_TRY(cairn_state_get(state, CAIRN_MAP_STATE, cairn_state_key_view(&key), arena, &value));
    return cairn_edition_decode(value, ret_edition);
}

void cairn_registry_name_key(cairn_bytes name, cairn_state_key *ret_key)
{
    cairn_state_key_make(ret_key, "name/", name);
    for (size_t i = ret_key->size - name.size; i < ret_key->size; i++)
        if (ret_key->data[i] >= 'A' && ret_key->data[i] <= 'Z')
            ret_key->data[i] = (uint8_t)(ret_key->data[i] | 0x20);
}

cairn_err cairn_registry_named(const cairn_state_source *state, cairn_arena *arena,
                               cairn_bytes name, cairn_hash *ret_org)
{
    cairn_state_key key;
    cairn_bytes value;
    cairn_cbor_reader r;
    cairn_hash org;
    CAIRN_TRY(cairn_org_name_check(name));
    cairn_registry_name_key(name, &key);
    CAIRN_TRY(cairn_state_get(state, CAIRN_MAP_STATE, cairn_state_key_view(&key), arena, &value));
    CAIRN_TRY(cairn_cbor_open(&r, value, CAIRN_CBOR_STRICT, "name", clause));
    CAIRN_TRY(cairn_cbor_read_hash(&r, "name", &org));
    CAIRN_TRY(cairn_cbor_end(&r));
    *ret_org = org;
    return CAIRN_OK;
}

cairn_err cairn_registry_store(const cairn_registry_sink *sink, const cairn_hash *id,
                               cairn_org_record *org, uint64_t height, uint64_t time_ms)
{
    uint8_t out[CAIRN_ORG_RECORD_SIZE_MAX];
    cairn_state_key key;
    const cairn_edition edition = {.height = height,
                                   .time_ms = time_ms,
                                   .status = org->status,
                                   .roles = org->roles,
                                   .kid_count = org->kid_count};
    org->editions++; /* [X1411-R06] */
    edition_key(id, org->editions, &key);
    CAIRN_TRY(
        sink->put(sink->context, &key, cairn_bytes_of(out, cairn_edition_encode(&edition, out))));
    cairn_state_key_make(&key, "org/", cairn_bytes_hash(id));
    return sink->put(sink->context, &key, cairn_bytes_of(out, cairn_org_record_encode(org, out)));
}

cairn_err cairn_registry_store_name(const cairn_registry_sink *sink, cairn_bytes name,
                                    const cairn_hash *id)
{
    uint8_t out[CAIRN_NAME_RECORD_SIZE];
    cairn_state_key key;
    cairn_cbor_writer w;
    cairn_bytes value;
    cairn_cbor_writer_init(&w, out, sizeof out);
    cairn_cbor_put_hash(&w, id);
    CAIRN_TRY(cairn_cbor_writer_end(&w, &value));
    cairn_registry_name_key(name, &key);
    return sink->put(sink->context, &key, value);
}

cairn_err cairn_registry_members(const cairn_state_source *state, cairn_arena *arena,
                                 cairn_member_list *ret_members)
{
    cairn_bytes value;
    CAIRN_TRY(get(state, arena, "members", (cairn_bytes){0}, &value));
    return cairn_member_list_decode(value, ret_members);
}

/* Place of `org` in the sorted list, or where it belongs. */
static size_t member_place(const cairn_member_list *members, const cairn_hash *org)
{
    size_t at = 0;
    while (at < members->count && memcmp(members->orgs[at].b, org->b, sizeof org->b) < 0)
        at++;
    return at;
}

bool cairn_member_list_has(const cairn_member_list *members, const cairn_hash *org)
{
    size_t at = member_place(members, org);
    return at < members->count && cairn_hash_equal(&members->orgs[at], org);
}

cairn_err cairn_member_list_add(cairn_member_list *members, const cairn_hash *org)
{
    size_t at = member_place(members, org);
    if (at < members->count && cairn_hash_equal(&members->orgs[at], org))
        return CAIRN_FAIL(CAIRN_ERR_EXISTS, clause, "members: organisation is a member already");
    if (members->count == CAIRN_MEMBERS_MAX)
        return CAIRN_FAIL(CAIRN_ERR_TOO_MANY, clause, "members: at most %d", CAIRN_MEMBERS_MAX);
    memmove(&members->orgs[at + 1], &members->orgs[at], (members->count - at) * sizeof(cairn_hash));
    members->orgs[at] = *org;
    members->count++;
    return CAIRN_OK;
}

cairn_err cairn_member_list_remove(cairn_member_list *members, const cairn_hash *org)
{
    size_t at = member_place(members, org);
    if (at == members->count || !cairn_hash_equal(&members->orgs[at], org))
        return CAIRN_FAIL(CAIRN_ERR_NOT_FOUND, clause, "members: organisation is not a member");
    members->count--;
    memmove(&members->orgs[at], &members->orgs[at + 1], (members->count - at) * sizeof(cairn_hash));
    return CAIRN_OK;
}

cairn_err cairn_key_proof_message(cairn_arena *arena, const cairn_hash *ledger,
                                  const cairn_hash *org, cairn_purpose purpose,
                                  cairn_bytes cose_key, cairn_bytes *ret_message)
{
    size_t capacity = 128 + cose_key.size;
    void *buffer = NULL;
    cairn_cbor_writer w;
    CAIRN_TRY(cairn_arena_alloc(arena, capacity, &buffer));
    cairn_cbor_writer_init(&w, buffer, capacity);
    cairn_cbor_put_array(&w, 5);
    cairn_cbor_put_text(&w, "cairn/key-proof/1");
    cairn_cbor_put_hash(&w, ledger);
    cairn_cbor_put_hash(&w, org);
    cairn_cbor_put_uint(&w, (uint64_t)purpose);
    cairn_cbor_put_bytes(&w, cose_key);
    return cairn_cbor_writer_end(&w, ret_message);
}
