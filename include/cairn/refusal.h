/* A refusal proof: that a block finally refused a transaction, and why. Its id is consumed then: it
 * will never be accepted. Bytes: docs/formats/receipt.md (Refusal proof). */
#ifndef CAIRN_REFUSAL_H
#define CAIRN_REFUSAL_H

#include "cairn/arena.h"
#include "cairn/merkle.h"
#include "cairn/proof_end.h"

enum {
    CAIRN_REFUSAL_CODE_MAX = 32767, /* of codes without their sign */
    CAIRN_REFUSAL_COUNT_MAX = 8192, /* refusals of one block */
    CAIRN_REFUSAL_PATH_MAX = 13,    /* hashes: what that many need */
    CAIRN_REFUSAL_LEAF_SIZE = 36,   /* bytes: id ‖ u32be code without its sign */
    CAIRN_REFUSAL_PROOF_SIZE_MAX = 128 + CAIRN_REFUSAL_PATH_MAX * 34 + CAIRN_BLOCK_ENTRY_SIZE_MAX +
                                   CAIRN_COMMIT_PROOF_SIZE_MAX,
};

typedef struct cairn_refusal_proof {
    cairn_hash id;  /* of the transaction */
    cairn_err code; /* negative, as in cairn/err.h; perhaps of a version newer than this one */
    uint64_t index; /* among the block's refusals */
    uint64_t count; /* of the block's refusals */
    const cairn_hash *path; /* from the leaf up */
    size_t path_count;
    cairn_proof_end end;
} cairn_refusal_proof;

/* Strict decoding of all levels. */
cairn_err cairn_refusal_proof_decode(cairn_arena *arena, cairn_bytes in,
                                     cairn_refusal_proof *ret_proof) CAIRN_MUST_USE;

/* Encoded in the arena, with `count` (1 to 128) encoded receipts of the block entry, or none and
 * proof->end.commit_raw; what decoding sets is ignored. Fails when it would not decode again. */
cairn_err cairn_refusal_proof_encode(cairn_arena *arena, const cairn_refusal_proof *proof,
                                     const cairn_bytes *receipts, size_t count,
                                     cairn_bytes *ret_encoded) CAIRN_MUST_USE;

/* BAD_PROOF unless the refusal is in the block entry's results. */
cairn_err cairn_refusal_proof_check(const cairn_refusal_proof *proof) CAIRN_MUST_USE;

#endif
