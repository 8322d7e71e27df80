/* Encoders of identity's transaction bodies. */
#include "identity/identity.h"

#include "cairn/cbor.h"

static cairn_err begin(cairn_arena *arena, size_t capacity, size_t pairs,
                       cairn_cbor_writer *ret_writer)
{
    void *buffer = NULL;
    CAIRN_TRY(cairn_arena_alloc(arena, capacity, &buffer));
    cairn_cbor_writer_init(ret_writer, buffer, capacity);
    cairn_cbor_put_map(ret_writer, pairs);
    return CAIRN_OK;
}

cairn_err cairn_key_add_body(cairn_arena *arena, cairn_bytes cose_key, cairn_purpose purpose,
                             cairn_bytes proof, cairn_bytes *ret_body)
{
    cairn_cbor_writer w;
    CAIRN_TRY(begin(arena, 32 + cose_key.size + proof.size, 3, &w));
    cairn_cbor_put_int(&w, 1);
    cairn_cbor_put_bytes(&w, cose_key);
    cairn_cbor_put_int(&w, 2);
    cairn_cbor_put_uint(&w, (uint64_t)purpose);
    cairn_cbor_put_int(&w, 3);
    cairn_cbor_put_bytes(&w, proof);
    return cairn_cbor_writer_end(&w, ret_body);
}

cairn_err cairn_key_revoke_body(cairn_arena *arena, const cairn_hash *kid, uint64_t suspect_since,
                                cairn_bytes *ret_body)
{
    bool suspect = suspect_since != CAIRN_HEIGHT_OPEN;
    cairn_cbor_writer w;
    CAIRN_TRY(begin(arena, 64, 1u + suspect, &w));
    cairn_cbor_put_int(&w, 1);
    cairn_cbor_put_hash(&w, kid);
    if (suspect) {
        cairn_cbor_put_int(&w, 2);
        cairn_cbor_put_uint(&w, suspect_since);
    }
    return cairn_cbor_writer_end(&w, ret_body);
}

cairn_err cairn_org_admit_body(cairn_arena *arena, cairn_bytes name, bool member,
                               cairn_bytes cose_key, cairn_bytes proof, cairn_bytes *ret_body)
{
    cairn_cbor_writer w;
    CAIRN_TRY(begin(arena, 48 + name.size + cose_key.size + proof.size, 4, &w));
    cairn_cbor_put_int(&w, 1);
    cairn_cbor_put_text_view(&w, name);
    cairn_cbor_put_int(&w, 2);
    cairn_cbor_put_bool(&w, member);
    cairn_cbor_put_int(&w, 3);
    cairn_cbor_put_bytes(&w, cose_key);
    cairn_cbor_put_int(&w, 4);
    cairn_cbor_put_bytes(&w, proof);
    return cairn_cbor_writer_end(&w, ret_body);
}

cairn_err cairn_org_status_body(cairn_arena *arena, const cairn_hash *org, cairn_org_status status,
                                uint64_t expected_version, cairn_bytes *ret_body)
{
    cairn_cbor_writer w;
    CAIRN_TRY(begin(arena, 64, 3, &w));
    cairn_cbor_put_int(&w, 1);
    cairn_cbor_put_hash(&w, org);
    cairn_cbor_put_int(&w, 2);
    cairn_cbor_put_uint(&w, (uint64_t)status);
    cairn_cbor_put_int(&w, 3);
    cairn_cbor_put_uint(&w, expected_version);
    return cairn_cbor_writer_end(&w, ret_body);
}
