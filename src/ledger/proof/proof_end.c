/* Codec of what state proofs and refusal proofs have in common. */
#include "ledger/proof/proof_end.h"

static cairn_err decode_receipts(cairn_arena *arena, cairn_cbor_reader *r, cairn_proof_end *end)
{
    void *memory = NULL;
    CAIRN_TRY(
        cairn_cbor_read_array(r, "receipts", 1, CAIRN_RECEIPT_COUNT_MAX, &end->receipt_count));
    CAIRN_TRY(cairn_arena_array(arena, end->receipt_count, sizeof(cairn_receipt), &memory));
    cairn_receipt *receipts = memory;
    for (size_t i = 0; i < end->receipt_count; i++) {
        cairn_bytes raw;
        CAIRN_TRY(cairn_cbor_read_bytes(r, "receipts", 1, CAIRN_RECEIPT_SIZE_MAX, &raw));
        CAIRN_TRY(cairn_receipt_decode(arena, raw, &receipts[i]));
    }
    end->receipts = receipts;
    return CAIRN_OK;
}

static cairn_err decode_commit(cairn_arena *arena, cairn_cbor_reader *r, cairn_proof_end *end)
{
    cairn_commit_proof *commit = NULL;
    CAIRN_TRY(cairn_cbor_read_bytes(r, "commit", 1, CAIRN_COMMIT_PROOF_SIZE_MAX, &end->commit_raw));
    CAIRN_TRY(CAIRN_ARENA_NEW(arena, &commit));
    CAIRN_TRY(cairn_commit_proof_decode(arena, end->commit_raw, commit));
    end->commit = commit;
    return CAIRN_OK;
}

cairn_err cairn_proof_end_decode(cairn_arena *arena, cairn_cbor_reader *r, cairn_proof_end *ret_end)
{
    cairn_proof_end end = {0};
    CAIRN_TRY(cairn_cbor_read_bytes(r, "block_entry", 1, CAIRN_BLOCK_ENTRY_SIZE_MAX,
                                    &end.block_entry_raw));
    CAIRN_TRY(cairn_block_entry_decode(end.block_entry_raw, &end.block_entry));
    CAIRN_TRY(cairn_cbor_peek(r) == CAIRN_CBOR_BYTES ? decode_commit(arena, r, &end)
                                                     : decode_receipts(arena, r, &end));
    CAIRN_TRY(cairn_cbor_end(r));
    *ret_end = end;
    return CAIRN_OK;
}

size_t cairn_proof_end_capacity(const cairn_proof_end *end, const cairn_bytes *receipts,
                                size_t count)
{
    size_t capacity = 18 + end->block_entry_raw.size + end->commit_raw.size; /* two heads */
    for (size_t i = 0; i < count; i++)
        capacity += 9 + receipts[i].size;
    return capacity;
}

void cairn_proof_end_put(cairn_cbor_writer *w, const cairn_proof_end *end,
                         const cairn_bytes *receipts, size_t count)
{
    cairn_cbor_put_bytes(w, end->block_entry_raw);
    if (end->commit_raw.size > 0) {
        CAIRN_ASSERT(count == 0);
        cairn_cbor_put_bytes(w, end->commit_raw);
        return;
    }
    cairn_cbor_put_array(w, count);
    for (size_t i = 0; i < count; i++)
        cairn_cbor_put_bytes(w, receipts[i]);
}
