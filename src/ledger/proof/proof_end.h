/* How a state proof and a refusal proof end: the block entry that they speak of, and the receipts
 * of that log entry. Bytes: docs/formats/receipt.md. */
#ifndef CAIRN_LEDGER_PROOF_END_H
#define CAIRN_LEDGER_PROOF_END_H

#include "cairn/block_entry.h"
#include "cairn/cbor.h"
#include "cairn/receipt.h"

typedef struct cairn_proof_end {
    cairn_bytes block_entry_raw; /* view into the reader's input */
    cairn_block_entry block_entry;
    const cairn_receipt *receipts; /* at least one */
    size_t receipt_count;
} cairn_proof_end;

/* The last two items of the proof's array, and that nothing follows. Receipts lie in the arena. */
cairn_err cairn_proof_end_decode(cairn_arena *arena, cairn_cbor_reader *r,
                                 cairn_proof_end *ret_end) CAIRN_MUST_USE;

/* Bytes that suffice for cairn_proof_end_put. */
size_t cairn_proof_end_capacity(cairn_bytes block_entry_raw, const cairn_bytes *receipts,
                                size_t count);
void cairn_proof_end_put(cairn_cbor_writer *w, cairn_bytes block_entry_raw,
                         const cairn_bytes *receipts, size_t count);

#endif
