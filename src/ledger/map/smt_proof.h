/* Writer of ICS-23 commitment proofs under SmtSpec. Source: ICS-23 proofs.proto; docs/formats/
 * state.md. */
#ifndef CAIRN_LEDGER_SMT_PROOF_H
#define CAIRN_LEDGER_SMT_PROOF_H

#include "cairn/arena.h"
#include "core/limits.h"

/* A key on its way to the root: siblings[i] hangs beside the path at depth i. */
typedef struct smt_way {
    cairn_bytes key, value;
    cairn_hash path;
    cairn_hash siblings[CAIRN_SMT_DEPTH_MAX];
    unsigned depth;
} smt_way;

/* Side of the way at `depth`: 1 when the sibling lies on the left. */
static inline unsigned smt_way_bit(const smt_way *way, unsigned depth)
{
    return (way->path.b[depth / 8] >> (7 - depth % 8)) & 1u;
}

/* Encoded CommitmentProof in `arena`. NO_MEMORY. */
cairn_err cairn_smt_write_exist(cairn_arena *arena, const smt_way *way,
                                cairn_bytes *ret_proof) CAIRN_MUST_USE;

/* Same for the absence of `key` between its neighbours; either may be NULL. Compressed when both
 * are there. */
cairn_err cairn_smt_write_absent(cairn_arena *arena, cairn_bytes key, const smt_way *left,
                                 const smt_way *right, cairn_bytes *ret_proof) CAIRN_MUST_USE;

#endif
