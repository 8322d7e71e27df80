/* How a state proof and a refusal proof end: the block entry that they speak of, and the receipts
 * of that log entry or the commit proof. Bytes: docs/formats/receipt.md. */
#ifndef CAIRN_LEDGER_PROOF_END_H
#define CAIRN_LEDGER_PROOF_END_H

#include "cairn/block_entry.h"
#include "cairn/cbor.h"
#include "cairn/light_client.h"
#include "cairn/receipt.h"

typedef struct cairn_proof_end {
    cairn_bytes block_entry_raw; /* view into the reader's input */
    cairn_block_entry block_entry;
    const cairn_receipt *receipts; /* at least one, unless there is a commit proof */
    size_t receipt_count;
    cairn_bytes commit_raw;
    const cairn_commit_proof *commit; /* NULL when there are receipts */
} cairn_proof_end;

/* The last two items of the proof's array, and that nothing follows. What is decoded lies in the
 * arena. */
cairn_err cairn_proof_end_decode(cairn_arena *arena, cairn_cbor_reader *r,
                                 cairn_proof_end *ret_end) CAIRN_MUST_USE;

/* Bytes that suffice for cairn_proof_end_put. A commit proof is written instead of receipts, of
 * which there must be none, unless it is empty. */
size_t cairn_proof_end_capacity(cairn_bytes block_entry_raw, cairn_bytes commit_raw,
                                const cairn_bytes *receipts, size_t count);
void cairn_proof_end_put(cairn_cbor_writer *w, cairn_bytes block_entry_raw, cairn_bytes commit_raw,
                         const cairn_bytes *receipts, size_t count);

#endif
