/* A member's word about a root, and whose word counts. */
#include "ledger/consortium/cosignature.h"

#include <stdio.h>

#include "cairn/block_entry.h"
#include "cairn/cbor.h"

static const char clause[] = "docs/formats/cosignature.md";
static const char magic[] = "cairn/cosignature/1";

/* --- bytes --- */

cairn_err cairn_cosignature_decode(cairn_bytes in, cairn_cosignature *ret_cosignature)
{
    cairn_cbor_reader r;
    cairn_cosignature c;
    cairn_bytes signature;
    size_t count = 0;
    CAIRN_TRY(cairn_cbor_open(&r, in, CAIRN_CBOR_STRICT, "cosignature", clause));
    CAIRN_TRY(cairn_cbor_read_array(&r, "cosignature", 7, 7, &count));
    CAIRN_TRY(cairn_cbor_read_magic(&r, magic));
    CAIRN_TRY(cairn_cbor_read_uint(&r, "size", 1, CAIRN_LOG_SIZE_MAX, &c.boundary.size));
    CAIRN_TRY(cairn_cbor_read_uint(&r, "height", 0, INT64_MAX, &c.boundary.height));
    CAIRN_TRY(cairn_cbor_read_uint(&r, "time", 0, CAIRN_TIME_MAX_MS, &c.boundary.time_ms));
    CAIRN_TRY(cairn_cbor_read_hash(&r, "root", &c.boundary.root));
    CAIRN_TRY(cairn_cbor_read_hash(&r, "kid", &c.kid));
    CAIRN_TRY(
        cairn_cbor_read_bytes(&r, "signature", sizeof c.signature, sizeof c.signature, &signature));
    CAIRN_TRY(cairn_cbor_end(&r));
    memcpy(c.signature, signature.data, sizeof c.signature);
    *ret_cosignature = c;
    return CAIRN_OK;
}

size_t cairn_cosignature_encode(const cairn_cosignature *cosignature,
                                uint8_t out[CAIRN_COSIGNATURE_SIZE_MAX])
{
    cairn_cbor_writer w;
    cairn_bytes encoded;
    cairn_cbor_writer_init(&w, out, CAIRN_COSIGNATURE_SIZE_MAX);
    cairn_cbor_put_array(&w, 7);
    cairn_cbor_put_text(&w, magic);
    cairn_cbor_put_uint(&w, cosignature->boundary.size);
    cairn_cbor_put_uint(&w, cosignature->boundary.height);
    cairn_cbor_put_uint(&w, cosignature->boundary.time_ms);
    cairn_cbor_put_hash(&w, &cosignature->boundary.root);
    cairn_cbor_put_hash(&w, &cosignature->kid);
    cairn_cbor_put_bytes(&w, cairn_bytes_of(cosignature->signature, sizeof cosignature->signature));
    CAIRN_ASSERT(cairn_cbor_writer_end(&w, &encoded) == CAIRN_OK);
    return encoded.size;
}

/* --- what is signed --- */

cairn_err cairn_cosignature_message(cairn_arena *arena, const char *origin,
                                    const cairn_boundary *boundary, const cairn_hash *kid,
                                    cairn_bytes *ret_message)
{
    const cairn_receipt_head head = {.origin = cairn_bytes_str(origin),
                                     .kid = *kid,
                                     .height = boundary->height,
                                     .time_ms = boundary->time_ms,
                                     .size = boundary->size};
    return cairn_receipt_to_be_signed(arena, &head, &boundary->root, ret_message);
}

cairn_err cairn_cosignature_verify(cairn_arena *arena, const char *origin,
                                   const cairn_cosignature *cosignature, const cairn_key *key)
{
    cairn_bytes message;
    if (cairn_key_alg(key) != CAIRN_ALG_ES256)
        return CAIRN_FAIL(CAIRN_ERR_BAD_ALGORITHM, clause, "cosignature.kid: is no P-256 key");
    CAIRN_TRY(cairn_cosignature_message(arena, origin, &cosignature->boundary, &cosignature->kid,
                                        &message));
    return cairn_key_verify(key, message,
                            cairn_bytes_of(cosignature->signature, sizeof cosignature->signature));
}

/* --- our own --- */

/* Of the block whose entry is the last of the log of that size. */
static cairn_err read_closing(cairn_engine *engine, cairn_arena *arena, cairn_boundary *boundary)
{
    const cairn_merkle_source source = cairn_engine_source(engine);
    cairn_bytes raw;
    cairn_block_entry entry;
    CAIRN_TRY(cairn_engine_entry(engine, boundary->size - 1, arena, &raw));
    if (cairn_block_entry_decode(raw, &entry) != CAIRN_OK)
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, clause, "cosignature.size: no block ends at %llu",
                          (unsigned long long)boundary->size);
    boundary->height = entry.height;
    boundary->time_ms = entry.time_ms;
    return cairn_merkle_source_root(&source, boundary->size, &boundary->root);
}

cairn_err cairn_boundary_of(cairn_engine *engine, cairn_arena *arena, uint64_t size,
                            cairn_boundary *ret_boundary)
{
    CAIRN_CLEANUP(cairn_view_free_p) cairn_view *view = cairn_engine_view(engine);
    cairn_boundary boundary = {
        .size = size, .height = view->height, .time_ms = view->time_ms, .root = view->log_root};
    if (size > view->log_size)
        return CAIRN_FAIL(CAIRN_ERR_UNAVAILABLE, clause,
                          "cosignature.size: %llu entries are not here yet",
                          (unsigned long long)size);
    if (size == 0)
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, clause, "cosignature.size: no block ends at 0");
    if (size < view->log_size)
        CAIRN_TRY(read_closing(engine, arena, &boundary));
    *ret_boundary = boundary;
    return CAIRN_OK;
}

/* --- who --- */

static bool is_for_good(const cairn_key_record *record)
{
    return record->purpose == CAIRN_PURPOSE_COSIGN && record->until == CAIRN_HEIGHT_OPEN &&
           record->suspect_since == CAIRN_HEIGHT_OPEN;
}

static cairn_err find_cosigner(const cairn_state_source *state, cairn_arena *arena,
                               const cairn_hash *kid, cairn_hash *ret_org, cairn_key **ret_key)
{
    cairn_key_record record;
    cairn_org_record org;
    cairn_err err = cairn_registry_key(state, arena, kid, &record);
    if (err == CAIRN_ERR_NOT_FOUND || (err == CAIRN_OK && !is_for_good(&record)))
        return CAIRN_FAIL(CAIRN_ERR_NOT_TRUSTED, clause, "cosignature.kid: cosigns nothing now");
    CAIRN_TRY(err);
    CAIRN_TRY(cairn_registry_org(state, arena, &record.org, &org));
    if (org.status != CAIRN_ORG_ACTIVE || !org.member)
        return CAIRN_FAIL(CAIRN_ERR_NOT_TRUSTED, clause, "cosignature.kid: is no active member's");
    *ret_org = record.org;
    return cairn_key_from_cose(record.cose_key, ret_key);
}

enum { ORG_ARENA_SIZE_MAX = 1 << 20, LIST_ARENA_SIZE_MAX = 64 << 10 };

cairn_err cairn_member_cosigner(const cairn_state_source *state, const cairn_hash *kid,
                                cairn_hash *ret_org, cairn_key **ret_key)
{
    CAIRN_CLEANUP(cairn_arena_done) cairn_arena arena;
    cairn_arena_init(&arena, ORG_ARENA_SIZE_MAX);
    return find_cosigner(state, &arena, kid, ret_org, ret_key);
}

static cairn_err each_key_of(const cairn_state_source *state, const cairn_hash *id,
                             cairn_member_note_key_fn fn, void *context)
{
    CAIRN_CLEANUP(cairn_arena_done) cairn_arena arena;
    cairn_org_record org;
    cairn_arena_init(&arena, ORG_ARENA_SIZE_MAX);
    CAIRN_TRY(cairn_registry_org(state, &arena, id, &org));
    for (size_t i = 0; org.status == CAIRN_ORG_ACTIVE && i < org.kid_count; i++) {
        CAIRN_CLEANUP(cairn_key_free_p) cairn_key *key = NULL;
        cairn_key_record record;
        CAIRN_TRY(cairn_registry_key(state, &arena, &org.kids[i], &record));
        if (!is_for_good(&record))
            continue;
        CAIRN_TRY(cairn_key_from_cose(record.cose_key, &key));
        if (cairn_key_get_type(key) == CAIRN_KEY_ED25519)
            CAIRN_TRY(fn(context, id, key));
    }
    return CAIRN_OK;
}

cairn_err cairn_member_each_note_key(const cairn_state_source *state, cairn_member_note_key_fn fn,
                                     void *context)
{
    CAIRN_CLEANUP(cairn_arena_done) cairn_arena arena;
    cairn_member_list members;
    cairn_arena_init(&arena, LIST_ARENA_SIZE_MAX);
    CAIRN_TRY(cairn_registry_members(state, &arena, &members));
    for (size_t i = 0; i < members.count; i++)
        CAIRN_TRY(each_key_of(state, &members.orgs[i], fn, context));
    return CAIRN_OK;
}

void cairn_member_note_name(const char *origin, const cairn_hash *org,
                            char ret_name[CAIRN_MEMBER_NOTE_NAME_SIZE + 1])
{
    char digits[65];
    cairn_hex_encode(cairn_bytes_hash(org), digits);
    CAIRN_ASSERT((size_t)snprintf(ret_name, CAIRN_MEMBER_NOTE_NAME_SIZE + 1, "%s/%s", origin,
                                  digits) <= CAIRN_MEMBER_NOTE_NAME_SIZE);
}
