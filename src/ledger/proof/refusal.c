/* Codec of the refusal proof. */
#include "cairn/refusal.h"

#include "cairn/cbor.h"
#include "core/limits.h"
#include "ledger/proof/proof_end.h"

static const char magic[] = "cairn/refusal/1";
static const char clause[] = "docs/formats/receipt.md, Refusal proof";

_Static_assert(CAIRN_REFUSAL_COUNT_MAX == (int)CAIRN_BLOCK_TX_COUNT_MAX &&
                   1 << CAIRN_REFUSAL_PATH_MAX == (int)CAIRN_REFUSAL_COUNT_MAX,
               "bounds are the block's");

static cairn_err decode_path(cairn_arena *arena, cairn_cbor_reader *r, cairn_refusal_proof *proof)
{
    void *memory = NULL;
    CAIRN_TRY(cairn_cbor_read_array(r, "path", 0, CAIRN_REFUSAL_PATH_MAX, &proof->path_count));
    CAIRN_TRY(cairn_arena_array(arena, proof->path_count, sizeof(cairn_hash), &memory));
    cairn_hash *path = memory;
    for (size_t i = 0; i < proof->path_count; i++)
        CAIRN_TRY(cairn_cbor_read_hash(r, "path", &path[i]));
    proof->path = path;
    return CAIRN_OK;
}

cairn_err cairn_refusal_proof_decode(cairn_arena *arena, cairn_bytes in,
                                     cairn_refusal_proof *ret_proof)
{
    cairn_cbor_reader r;
    cairn_refusal_proof p = {0};
    uint64_t code = 0;
    size_t fields = 0;
    if (in.size > CAIRN_REFUSAL_PROOF_SIZE_MAX)
        return CAIRN_FAIL(CAIRN_ERR_TOO_LARGE, clause, "refusal: %zu bytes", in.size);
    CAIRN_TRY(cairn_cbor_open(&r, in, CAIRN_CBOR_STRICT, "refusal", clause));
    CAIRN_TRY(cairn_cbor_read_array(&r, "refusal", 8, 8, &fields));
    CAIRN_TRY(cairn_cbor_read_magic(&r, magic));
    CAIRN_TRY(cairn_cbor_read_hash(&r, "id", &p.id));
    CAIRN_TRY(cairn_cbor_read_uint(&r, "code", 1, CAIRN_REFUSAL_CODE_MAX, &code));
    CAIRN_TRY(cairn_cbor_read_uint(&r, "index", 0, CAIRN_REFUSAL_COUNT_MAX - 1, &p.index));
    CAIRN_TRY(cairn_cbor_read_uint(&r, "count", p.index + 1, CAIRN_REFUSAL_COUNT_MAX, &p.count));
    CAIRN_TRY(decode_path(arena, &r, &p));
    CAIRN_TRY(cairn_proof_end_decode(arena, &r, &p.end));
    p.code = -(cairn_err)code;
    *ret_proof = p;
    return CAIRN_OK;
}

cairn_err cairn_refusal_proof_encode(cairn_arena *arena, const cairn_refusal_proof *proof,
                                     const cairn_bytes *receipts, size_t count,
                                     cairn_bytes *ret_encoded)
{
    size_t capacity =
        128 + proof->path_count * 34 + cairn_proof_end_capacity(&proof->end, receipts, count);
    void *buffer = NULL;
    cairn_cbor_writer w;
    cairn_bytes encoded;
    cairn_refusal_proof checked;
    CAIRN_TRY(cairn_arena_alloc(arena, capacity, &buffer));
    cairn_cbor_writer_init(&w, buffer, capacity);
    cairn_cbor_put_array(&w, 8);
    cairn_cbor_put_text(&w, magic);
    cairn_cbor_put_hash(&w, &proof->id);
    cairn_cbor_put_uint(&w, (uint64_t) - (int64_t)proof->code);
    cairn_cbor_put_uint(&w, proof->index);
    cairn_cbor_put_uint(&w, proof->count);
    cairn_cbor_put_array(&w, proof->path_count);
    for (size_t i = 0; i < proof->path_count; i++)
        cairn_cbor_put_hash(&w, &proof->path[i]);
    cairn_proof_end_put(&w, &proof->end, receipts, count);
    CAIRN_TRY(cairn_cbor_writer_end(&w, &encoded));
    CAIRN_TRY(cairn_refusal_proof_decode(arena, encoded, &checked));
    *ret_encoded = encoded;
    return CAIRN_OK;
}

cairn_err cairn_refusal_proof_check(const cairn_refusal_proof *proof)
{
    uint8_t leaf[CAIRN_REFUSAL_LEAF_SIZE];
    cairn_hash hash;
    memcpy(leaf, proof->id.b, sizeof proof->id.b);
    cairn_put_u32(leaf + sizeof proof->id.b, (uint32_t)-proof->code);
    cairn_merkle_leaf(cairn_bytes_of(leaf, sizeof leaf), &hash);
    return cairn_merkle_verify_inclusion(&hash, proof->index, proof->count, proof->path,
                                         proof->path_count, &proof->end.block_entry.results_root);
}
