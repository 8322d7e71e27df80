/* How a state proof and a refusal proof end: the block entry that they speak of, and what vouches
 * for that log entry. Bytes: docs/formats/receipt.md. */
#ifndef CAIRN_PROOF_END_H
#define CAIRN_PROOF_END_H

#include "cairn/block_entry.h"
#include "cairn/light_client.h"
#include "cairn/receipt.h"

typedef struct cairn_proof_end {
    cairn_bytes block_entry_raw;
    cairn_block_entry block_entry; /* set by decoding */
    size_t receipt_count;
    const cairn_receipt *receipts; /* of the block entry; set by decoding, in the arena */
    cairn_bytes commit_raw; /* commit proof of the block entry, instead of receipts; else empty */
    const cairn_commit_proof *commit; /* the same, set by decoding; NULL when there is none */
} cairn_proof_end;

#endif
