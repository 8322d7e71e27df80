/* Codec of how a state proof and a refusal proof end. Bytes: docs/formats/receipt.md. */
#ifndef CAIRN_LEDGER_PROOF_END_H
#define CAIRN_LEDGER_PROOF_END_H

#include "cairn/cbor.h"
#include "cairn/proof_end.h"

/* The last two items of the proof's array, and that nothing follows. What is decoded lies in the
 * arena. */
cairn_err cairn_proof_end_decode(cairn_arena *arena, cairn_cbor_reader *r,
                                 cairn_proof_end *ret_end) CAIRN_MUST_USE;

/* Bytes that suffice for cairn_proof_end_put, which writes the commit proof instead of receipts, of
 * which there must be none, unless it is empty. */
size_t cairn_proof_end_capacity(const cairn_proof_end *end, const cairn_bytes *receipts,
                                size_t count);
void cairn_proof_end_put(cairn_cbor_writer *w, const cairn_proof_end *end,
                         const cairn_bytes *receipts, size_t count);

#endif
