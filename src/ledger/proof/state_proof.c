/* Codec of the state proof. */
#include "cairn/state_proof.h"

#include "cairn/cbor.h"
#include "cairn/ics23.h"
#include "core/limits.h"
#include "ledger/proof/proof_end.h"

static const char magic[] = "cairn/state-proof/1";
static const char clause[] = "docs/formats/receipt.md, State proof";

_Static_assert(CAIRN_STATE_PROOF_KEY_SIZE_MAX == (int)CAIRN_STATE_KEY_SIZE_MAX &&
                   CAIRN_STATE_PROOF_VALUE_SIZE_MAX == (int)CAIRN_STATE_VALUE_SIZE_MAX &&
                   CAIRN_STATE_PROOF_ICS23_SIZE_MAX == (int)CAIRN_ICS23_SIZE_MAX,
               "bounds are the state's");

static cairn_err decode_value(cairn_cbor_reader *r, cairn_state_proof *proof)
{
    proof->present = cairn_cbor_peek(r) != CAIRN_CBOR_NULL;
    if (!proof->present)
        return cairn_cbor_read_null(r, "value");
    return cairn_cbor_read_bytes(r, "value", 1, CAIRN_STATE_PROOF_VALUE_SIZE_MAX, &proof->value);
}

cairn_err cairn_state_proof_decode(cairn_arena *arena, cairn_bytes in, cairn_state_proof *ret_proof)
{
    cairn_cbor_reader r;
    cairn_state_proof p = {0};
    uint64_t map = 0;
    size_t count = 0;
    if (in.size > CAIRN_STATE_PROOF_SIZE_MAX)
        return CAIRN_FAIL(CAIRN_ERR_TOO_LARGE, clause, "state proof: %zu bytes", in.size);
    CAIRN_TRY(cairn_cbor_open(&r, in, CAIRN_CBOR_STRICT, "state proof", clause));
    CAIRN_TRY(cairn_cbor_read_array(&r, "state proof", 7, 7, &count));
    CAIRN_TRY(cairn_cbor_read_magic(&r, magic));
    CAIRN_TRY(
        cairn_cbor_read_uint(&r, "map", CAIRN_STATE_PROOF_STATE, CAIRN_STATE_PROOF_CONFIG, &map));
    p.map = (cairn_state_proof_map)map;
    CAIRN_TRY(cairn_cbor_read_bytes(&r, "key", 1, CAIRN_STATE_PROOF_KEY_SIZE_MAX, &p.key));
    CAIRN_TRY(decode_value(&r, &p));
    CAIRN_TRY(cairn_cbor_read_bytes(&r, "proof", 1, CAIRN_STATE_PROOF_ICS23_SIZE_MAX, &p.proof));
    CAIRN_TRY(cairn_proof_end_decode(arena, &r, &p.end));
    *ret_proof = p;
    return CAIRN_OK;
}

cairn_err cairn_state_proof_encode(cairn_arena *arena, const cairn_state_proof *proof,
                                   const cairn_bytes *receipts, size_t count,
                                   cairn_bytes *ret_encoded)
{
    size_t capacity = 128 + proof->key.size + proof->value.size + proof->proof.size +
                      cairn_proof_end_capacity(&proof->end, receipts, count);
    void *buffer = NULL;
    cairn_cbor_writer w;
    cairn_bytes encoded;
    cairn_state_proof checked;
    CAIRN_TRY(cairn_arena_alloc(arena, capacity, &buffer));
    cairn_cbor_writer_init(&w, buffer, capacity);
    cairn_cbor_put_array(&w, 7);
    cairn_cbor_put_text(&w, magic);
    cairn_cbor_put_uint(&w, (uint64_t)proof->map);
    cairn_cbor_put_bytes(&w, proof->key);
    if (proof->present)
        cairn_cbor_put_bytes(&w, proof->value);
    else
        cairn_cbor_put_null(&w);
    cairn_cbor_put_bytes(&w, proof->proof);
    cairn_proof_end_put(&w, &proof->end, receipts, count);
    CAIRN_TRY(cairn_cbor_writer_end(&w, &encoded));
    CAIRN_TRY(cairn_state_proof_decode(arena, encoded, &checked));
    *ret_encoded = encoded;
    return CAIRN_OK;
}

cairn_err cairn_state_proof_check(const cairn_state_proof *proof)
{
    const cairn_hash *root = proof->map == CAIRN_STATE_PROOF_STATE
                                 ? &proof->end.block_entry.state_root
                                 : &proof->end.block_entry.config_root;
    if (proof->present)
        return cairn_ics23_verify_exist(&cairn_ics23_smt, root, proof->key, proof->value,
                                        proof->proof);
    return cairn_ics23_verify_absent(&cairn_ics23_smt, root, proof->key, proof->proof);
}
