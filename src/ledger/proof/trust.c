/* Codec of the trust file, and its lookups. */
#include "cairn/trust.h"

#include <stdlib.h>

#include "cairn/cbor.h"
#include "cairn/sha256.h"
#include "cairn/transaction.h"
#include "ledger/genesis.h"
#include "ledger/registry.h"

static const char magic[] = "cairn/trust/1";
/* A key: array, purpose, COSE key with its size, since, until, suspect. */
enum { KEY_SIZE_MAX = 1 + 1 + 3 + CAIRN_COSE_KEY_SIZE_MAX + 3 * 9 };
_Static_assert(CAIRN_TRUST_MEMBERS_MAX *(KEY_SIZE_MAX *CAIRN_TRUST_KEYS_MAX + 256) <=
                   CAIRN_TRUST_SIZE_MAX,
               "the largest ledger's trust file fits");

static const char clause[] = "docs/formats/trust.md";

_Static_assert(CAIRN_TRUST_SIGN == (int)CAIRN_PURPOSE_SIGN &&
                   CAIRN_TRUST_COSIGN == (int)CAIRN_PURPOSE_COSIGN,
               "purposes are the registry's");
_Static_assert(CAIRN_TRUST_NAME_SIZE_MAX == (int)CAIRN_ORG_NAME_SIZE_MAX, "names are too");

static cairn_err read_purpose(cairn_cbor_reader *r, cairn_trust_purpose *ret_purpose)
{
    uint64_t purpose = 0;
    CAIRN_TRY(
        cairn_cbor_read_uint(r, "key.purpose", CAIRN_TRUST_SIGN, CAIRN_TRUST_COSIGN, &purpose));
    if (purpose != CAIRN_TRUST_SIGN && purpose != CAIRN_TRUST_COSIGN)
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, clause, "trust.key.purpose: %llu",
                          (unsigned long long)purpose);
    *ret_purpose = (cairn_trust_purpose)purpose;
    return CAIRN_OK;
}

static cairn_err read_height_or_null(cairn_cbor_reader *r, const char *field, uint64_t *ret_height)
{
    if (cairn_cbor_peek(r) != CAIRN_CBOR_NULL)
        return cairn_cbor_read_uint(r, field, 0, INT64_MAX, ret_height);
    CAIRN_TRY(cairn_cbor_read_null(r, field));
    *ret_height = CAIRN_TRUST_OPEN;
    return CAIRN_OK;
}

/* Makes the key ready and knows its id. */
static cairn_err load_key(cairn_trust_key *key)
{
    CAIRN_TRY(cairn_key_from_cose(key->cose_key, &key->key));
    key->kid = *cairn_key_id(key->key);
    cairn_key_type type = cairn_key_get_type(key->key);
    if (type != CAIRN_KEY_P256 &&
        !(type == CAIRN_KEY_ED25519 && key->purpose == CAIRN_TRUST_COSIGN))
        return CAIRN_FAIL(CAIRN_ERR_BAD_KEY, clause,
                          "trust.key.cose_key: its type does not fit its purpose");
    return CAIRN_OK;
}

static cairn_err decode_key(cairn_cbor_reader *r, cairn_trust_key *key)
{
    size_t count = 0;
    CAIRN_TRY(cairn_cbor_read_array(r, "key", 5, 5, &count));
    CAIRN_TRY(read_purpose(r, &key->purpose));
    CAIRN_TRY(cairn_cbor_read_bytes(r, "key.cose_key", 1, CAIRN_COSE_KEY_SIZE_MAX, &key->cose_key));
    CAIRN_TRY(cairn_cbor_read_uint(r, "key.since", 0, INT64_MAX, &key->since));
    CAIRN_TRY(read_height_or_null(r, "key.until", &key->until));
    CAIRN_TRY(read_height_or_null(r, "key.suspect", &key->suspect));
    if (key->until < key->since)
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, clause, "trust.key.until: before since");
    if (key->until != CAIRN_TRUST_OPEN && key->suspect != CAIRN_TRUST_OPEN &&
        key->suspect > key->until)
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, clause, "trust.key.suspect: after until");
    return load_key(key);
}

static cairn_err decode_member(cairn_arena *arena, cairn_cbor_reader *r, cairn_trust_member *member)
{
    size_t count = 0;
    size_t key_count = 0;
    void *memory = NULL;
    CAIRN_TRY(cairn_cbor_read_array(r, "member", 3, 3, &count));
    CAIRN_TRY(cairn_cbor_read_hash(r, "member.organisation", &member->org));
    CAIRN_TRY(cairn_cbor_read_text(r, "member.name", 1, CAIRN_TRUST_NAME_SIZE_MAX, &member->name));
    CAIRN_TRY(cairn_org_name_check(member->name));
    CAIRN_TRY(cairn_cbor_read_array(r, "member.keys", 0, CAIRN_TRUST_KEYS_MAX, &key_count));
    CAIRN_TRY(cairn_arena_array(arena, key_count, sizeof *member->keys, &memory));
    member->keys = memory;
    member->key_count = key_count;
    for (size_t i = 0; i < key_count; i++)
        CAIRN_TRY(decode_key(r, &member->keys[i]));
    return CAIRN_OK;
}

static cairn_err check_order(const cairn_trust_member *before, const cairn_trust_member *member)
{
    int order = memcmp(before->org.b, member->org.b, sizeof member->org.b);
    if (order == 0)
        return CAIRN_FAIL(CAIRN_ERR_DUPLICATE_KEY, clause, "trust.members: a member appears twice");
    if (order > 0)
        return CAIRN_FAIL(CAIRN_ERR_NOT_CANONICAL, clause, "trust.members: not sorted");
    return CAIRN_OK;
}

/* `trust` counts the members that were begun, so that whoever fails can free their keys. */
static cairn_err decode_members(cairn_arena *arena, cairn_cbor_reader *r, cairn_trust *trust)
{
    size_t count = 0;
    void *memory = NULL;
    CAIRN_TRY(cairn_cbor_read_array(r, "members", 1, CAIRN_TRUST_MEMBERS_MAX, &count));
    CAIRN_TRY(cairn_arena_array(arena, count, sizeof *trust->members, &memory));
    trust->members = memory;
    for (size_t i = 0; i < count; i++) {
        trust->member_count = i + 1;
        CAIRN_TRY(decode_member(arena, r, &trust->members[i]));
        if (i > 0)
            CAIRN_TRY(check_order(&trust->members[i - 1], &trust->members[i]));
    }
    return CAIRN_OK;
}

static int by_kid(const void *a, const void *b)
{
    const cairn_trust_entry *x = a;
    const cairn_trust_entry *y = b;
    return memcmp(x->key->kid.b, y->key->kid.b, sizeof x->key->kid.b);
}

static cairn_err index_keys(cairn_arena *arena, cairn_trust *trust)
{
    size_t count = 0;
    void *memory = NULL;
    cairn_trust_entry *entries;
    for (size_t i = 0; i < trust->member_count; i++)
        count += trust->members[i].key_count;
    CAIRN_TRY(cairn_arena_array(arena, count, sizeof *entries, &memory));
    entries = memory;
    count = 0;
    for (size_t i = 0; i < trust->member_count; i++) {
        const cairn_trust_member *member = &trust->members[i];
        for (size_t k = 0; k < member->key_count; k++)
            entries[count++] = (cairn_trust_entry){.member = member, .key = &member->keys[k]};
    }
    qsort(entries, count, sizeof *entries, by_kid);
    for (size_t i = 1; i < count; i++)
        if (by_kid(&entries[i - 1], &entries[i]) == 0)
            return CAIRN_FAIL(CAIRN_ERR_DUPLICATE_KEY, clause, "trust.key: a key appears twice");
    trust->entries = entries;
    trust->entry_count = count;
    return CAIRN_OK;
}

static bool has_cosign_key(const cairn_trust_member *member)
{
    for (size_t i = 0; i < member->key_count; i++)
        if (member->keys[i].purpose == CAIRN_TRUST_COSIGN)
            return true;
    return false;
}

static bool cosigns_at(const cairn_trust_member *member, uint64_t height)
{
    for (size_t i = 0; i < member->key_count; i++)
        if (member->keys[i].purpose == CAIRN_TRUST_COSIGN &&
            cairn_trust_key_good_at(&member->keys[i], height))
            return true;
    return false;
}

size_t cairn_trust_cosigners_at(const cairn_trust *trust, uint64_t height)
{
    size_t count = 0;
    for (size_t i = 0; i < trust->member_count; i++)
        count += cosigns_at(&trust->members[i], height);
    return count;
}

static cairn_err check_whole(cairn_trust *trust)
{
    char origin[CAIRN_ORIGIN_SIZE + 1];
    cairn_ledger_origin(&trust->ledger, origin);
    if (!cairn_bytes_equal(trust->origin, cairn_bytes_str(origin)))
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, clause, "trust.origin: not the ledger's");
    if (trust->expires_ms <= trust->issued_ms)
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, clause, "trust.expires: not after issued");
    for (size_t i = 0; i < trust->member_count; i++)
        trust->cosigner_count += has_cosign_key(&trust->members[i]);
    if (trust->threshold > trust->cosigner_count)
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, clause,
                          "trust.threshold: %llu of %zu members that hold a cosign key",
                          (unsigned long long)trust->threshold, trust->cosigner_count);
    return CAIRN_OK;
}

static cairn_err decode_anchor(cairn_arena *arena, cairn_cbor_reader *r, cairn_trust *trust)
{
    cairn_light_anchor *anchor = NULL;
    CAIRN_TRY(CAIRN_ARENA_NEW(arena, &anchor));
    CAIRN_TRY(cairn_light_anchor_read(arena, r, anchor));
    trust->anchor = anchor;
    return CAIRN_OK;
}

static cairn_err decode_into(cairn_arena *arena, cairn_bytes in, cairn_trust *trust)
{
    cairn_cbor_reader r;
    size_t count = 0;
    CAIRN_TRY(cairn_cbor_open(&r, in, CAIRN_CBOR_STRICT, "trust", clause));
    CAIRN_TRY(cairn_cbor_read_array(&r, "trust", 7, 8, &count));
    CAIRN_TRY(cairn_cbor_read_magic(&r, magic));
    CAIRN_TRY(cairn_cbor_read_hash(&r, "ledger", &trust->ledger));
    CAIRN_TRY(
        cairn_cbor_read_text(&r, "origin", CAIRN_ORIGIN_SIZE, CAIRN_ORIGIN_SIZE, &trust->origin));
    CAIRN_TRY(cairn_cbor_read_uint(&r, "threshold", 1, CAIRN_TRUST_MEMBERS_MAX, &trust->threshold));
    CAIRN_TRY(cairn_cbor_read_uint(&r, "issued", 0, CAIRN_TIME_MAX_MS, &trust->issued_ms));
    CAIRN_TRY(cairn_cbor_read_uint(&r, "expires", 0, CAIRN_TIME_MAX_MS, &trust->expires_ms));
    CAIRN_TRY(decode_members(arena, &r, trust));
    if (count == 8)
        CAIRN_TRY(decode_anchor(arena, &r, trust));
    CAIRN_TRY(cairn_cbor_end(&r));
    CAIRN_TRY(check_whole(trust));
    return index_keys(arena, trust);
}

cairn_err cairn_trust_decode(cairn_arena *arena, cairn_bytes in, cairn_trust *ret_trust)
{
    cairn_trust trust = {0};
    if (in.size > CAIRN_TRUST_SIZE_MAX)
        return CAIRN_FAIL(CAIRN_ERR_TOO_LARGE, clause, "trust: %zu bytes", in.size);
    cairn_err err = decode_into(arena, in, &trust);
    if (err != CAIRN_OK) {
        cairn_trust_done(&trust);
        return err;
    }
    *ret_trust = trust;
    return CAIRN_OK;
}

void cairn_trust_done(cairn_trust *trust)
{
    for (size_t i = 0; trust != NULL && i < trust->member_count; i++) {
        for (size_t k = 0; k < trust->members[i].key_count; k++) {
            cairn_key_free(trust->members[i].keys[k].key);
            trust->members[i].keys[k].key = NULL;
        }
    }
}

static void put_height_or_null(cairn_cbor_writer *w, uint64_t height)
{
    if (height == CAIRN_TRUST_OPEN)
        cairn_cbor_put_null(w);
    else
        cairn_cbor_put_uint(w, height);
}

static void put_member(cairn_cbor_writer *w, const cairn_trust_member *member)
{
    cairn_cbor_put_array(w, 3);
    cairn_cbor_put_hash(w, &member->org);
    cairn_cbor_put_text_view(w, member->name);
    cairn_cbor_put_array(w, member->key_count);
    for (size_t i = 0; i < member->key_count; i++) {
        const cairn_trust_key *key = &member->keys[i];
        cairn_cbor_put_array(w, 5);
        cairn_cbor_put_uint(w, (uint64_t)key->purpose);
        cairn_cbor_put_bytes(w, key->cose_key);
        cairn_cbor_put_uint(w, key->since);
        put_height_or_null(w, key->until);
        put_height_or_null(w, key->suspect);
    }
}

static void put_trust(cairn_cbor_writer *w, const cairn_trust *trust,
                      const cairn_trust_member *members)
{
    char origin[CAIRN_ORIGIN_SIZE + 1];
    cairn_ledger_origin(&trust->ledger, origin);
    cairn_cbor_put_array(w, trust->anchor == NULL ? 7 : 8);
    cairn_cbor_put_text(w, magic);
    cairn_cbor_put_hash(w, &trust->ledger);
    cairn_cbor_put_text(w, origin);
    cairn_cbor_put_uint(w, trust->threshold);
    cairn_cbor_put_uint(w, trust->issued_ms);
    cairn_cbor_put_uint(w, trust->expires_ms);
    cairn_cbor_put_array(w, trust->member_count);
    for (size_t i = 0; i < trust->member_count; i++)
        put_member(w, &members[i]);
    if (trust->anchor != NULL)
        cairn_light_anchor_put(w, trust->anchor);
}

static int by_org(const void *a, const void *b)
{
    const cairn_trust_member *x = a;
    const cairn_trust_member *y = b;
    return memcmp(x->org.b, y->org.b, sizeof x->org.b);
}

cairn_err cairn_trust_encode(cairn_arena *arena, const cairn_trust *trust, cairn_bytes *ret_encoded)
{
    void *sorted = NULL;
    void *buffer = NULL;
    cairn_cbor_writer w;
    cairn_bytes encoded;
    cairn_trust checked;
    CAIRN_TRY(cairn_arena_array(arena, trust->member_count, sizeof *trust->members, &sorted));
    if (trust->member_count > 0)
        memcpy(sorted, trust->members, trust->member_count * sizeof *trust->members);
    qsort(sorted, trust->member_count, sizeof *trust->members, by_org);
    cairn_cbor_writer_init(&w, NULL, 0);
    put_trust(&w, trust, sorted);
    size_t size = w.size;
    CAIRN_TRY(cairn_arena_alloc(arena, size, &buffer));
    cairn_cbor_writer_init(&w, buffer, size);
    put_trust(&w, trust, sorted);
    CAIRN_TRY(cairn_cbor_writer_end(&w, &encoded));
    CAIRN_TRY(cairn_trust_decode(arena, encoded, &checked)); /* every rule of the page */
    cairn_trust_done(&checked);
    *ret_encoded = encoded;
    return CAIRN_OK;
}

void cairn_trust_fingerprint(cairn_bytes encoded, cairn_hash *ret_fingerprint)
{
    cairn_sha256_of(encoded.data, encoded.size, ret_fingerprint);
}

const cairn_trust_entry *cairn_trust_find(const cairn_trust *trust, const cairn_hash *kid)
{
    const cairn_trust_key wanted = {.kid = *kid};
    const cairn_trust_entry entry = {.key = &wanted};
    if (trust->entry_count == 0)
        return NULL;
    return bsearch(&entry, trust->entries, trust->entry_count, sizeof entry, by_kid);
}

bool cairn_trust_key_good_at(const cairn_trust_key *key, uint64_t height)
{
    return key->since <= height && height < key->until;
}

bool cairn_trust_key_suspect_at(const cairn_trust_key *key, uint64_t height)
{
    return height >= key->suspect;
}
