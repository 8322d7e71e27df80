/* A state proof: that a key of a ledger's state or configuration had a value, or none, at the
 * height of a block. Bytes: docs/formats/receipt.md (State proof). */
#ifndef CAIRN_STATE_PROOF_H
#define CAIRN_STATE_PROOF_H

#include "cairn/arena.h"
#include "cairn/bytes.h"
#include "cairn/proof_end.h"

enum {
    CAIRN_STATE_PROOF_KEY_SIZE_MAX = 256,
    CAIRN_STATE_PROOF_VALUE_SIZE_MAX = 65535,
    CAIRN_STATE_PROOF_ICS23_SIZE_MAX = 256 << 10,
    CAIRN_STATE_PROOF_SIZE_MAX = 512 + CAIRN_STATE_PROOF_VALUE_SIZE_MAX +
                                 CAIRN_STATE_PROOF_ICS23_SIZE_MAX + CAIRN_BLOCK_ENTRY_SIZE_MAX +
                                 CAIRN_COMMIT_PROOF_SIZE_MAX,
};

typedef enum cairn_state_proof_map {
    CAIRN_STATE_PROOF_STATE = 0,
    CAIRN_STATE_PROOF_CONFIG = 1,
} cairn_state_proof_map;

typedef struct cairn_state_proof {
    cairn_state_proof_map map;
    cairn_bytes key;
    bool present;      /* false: the key is absent */
    cairn_bytes value; /* 1 to 65,535 bytes, or empty when absent */
    cairn_bytes proof; /* ICS-23 CommitmentProof */
    cairn_proof_end end;
} cairn_state_proof;

/* Strict decoding of all levels but the ICS-23 proof. */
cairn_err cairn_state_proof_decode(cairn_arena *arena, cairn_bytes in,
                                   cairn_state_proof *ret_proof) CAIRN_MUST_USE;

/* Encoded in the arena, with `count` (1 to 128) encoded receipts of the block entry, or none and
 * proof->end.commit_raw; what decoding sets is ignored. Fails when it would not decode again. */
cairn_err cairn_state_proof_encode(cairn_arena *arena, const cairn_state_proof *proof,
                                   const cairn_bytes *receipts, size_t count,
                                   cairn_bytes *ret_encoded) CAIRN_MUST_USE;

/* BAD_PROOF unless key and value, or absence, follow from the block entry's root. Other codes as
 * cairn/ics23.h. */
cairn_err cairn_state_proof_check(const cairn_state_proof *proof) CAIRN_MUST_USE;

#endif
