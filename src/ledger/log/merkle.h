/* The log's Merkle tree, the producing side: the frontier of a growing log, and proofs from the
 * hash tiles of a stored one. Verification is in cairn/merkle.h. Sources: RFC 6962 section 2.1,
 * C2SP tlog-tiles. */
#ifndef CAIRN_LEDGER_MERKLE_H
#define CAIRN_LEDGER_MERKLE_H

#include "cairn/merkle.h"

enum {
    CAIRN_TILE_HEIGHT = 8,  /* levels of the tree in one tile */
    CAIRN_TILE_WIDTH = 256, /* hashes of a full tile */
    CAIRN_TILE_LEVEL_COUNT = 8,
};

/* The right edge of a log: enough to append and to know the root. hashes[h] is the full subtree of
 * height h where bit h of `size` is set, else unused. Starts all zero. */
typedef struct cairn_log_frontier {
    uint64_t size;
    cairn_hash hashes[64];
} cairn_log_frontier;

/* Appends one leaf hash. When ret_nodes is not NULL it receives the tile hashes that this leaf
 * completes: ret_nodes[l] is the hash number (new size / 256^l) - 1 of tile level l, for l below
 * the returned count (at least 1: the leaf itself). */
size_t cairn_log_frontier_append(cairn_log_frontier *frontier, const cairn_hash *leaf,
                                 cairn_hash ret_nodes[CAIRN_TILE_LEVEL_COUNT]);

void cairn_log_frontier_root(const cairn_log_frontier *frontier, cairn_hash *ret_root);

/* Hands out the first `count` (1 to 256) hashes of tile `tile_index` of tile level `level`. `count`
 * is the width of that tile at the size that is being proved, as in its path. */
typedef struct cairn_merkle_source {
    cairn_err (*read_tile)(void *context, unsigned level, uint64_t tile_index, size_t count,
                           cairn_hash *ret_hashes);
    void *context;
} cairn_merkle_source;

/* Root and frontier of the log of `size` entries. Each function here reads a tile at most once or
 * twice, holds 64 KiB of them on the stack, and returns what read_tile returned when that fails;
 * sizes and indices outside the log are ARGUMENT. */
cairn_err cairn_merkle_source_root(const cairn_merkle_source *source, uint64_t size,
                                   cairn_hash *ret_root) CAIRN_MUST_USE;
cairn_err cairn_merkle_source_frontier(const cairn_merkle_source *source, uint64_t size,
                                       cairn_log_frontier *ret_frontier) CAIRN_MUST_USE;

/* Path of entry `index` in the log of `size` entries, from the leaf up. */
cairn_err cairn_merkle_prove_inclusion(const cairn_merkle_source *source, uint64_t index,
                                       uint64_t size, cairn_hash ret_path[CAIRN_MERKLE_PROOF_MAX],
                                       size_t *ret_count) CAIRN_MUST_USE;

/* Proof that the log of size2 entries extends its first size1; empty when size1 is zero (C2SP
 * tlog-witness) or size2. */
cairn_err cairn_merkle_prove_consistency(const cairn_merkle_source *source, uint64_t size1,
                                         uint64_t size2,
                                         cairn_hash ret_proof[CAIRN_MERKLE_PROOF_MAX],
                                         size_t *ret_count) CAIRN_MUST_USE;

/* Paths of many entries in the log of `size` entries: the tiles that one has met serve the next, so
 * that the path of a neighbour costs no hashing. For one thread at a time; 64 KiB; `source`'s
 * context is borrowed until free. ARGUMENT, NO_MEMORY. */
typedef struct cairn_merkle_prover cairn_merkle_prover;
cairn_err cairn_merkle_prover_new(const cairn_merkle_source *source, uint64_t size,
                                  cairn_merkle_prover **ret_prover) CAIRN_MUST_USE;
void cairn_merkle_prover_free(cairn_merkle_prover *prover);
CAIRN_DEFINE_CLEANUP(cairn_merkle_prover, cairn_merkle_prover_free)
/* As cairn_merkle_prove_inclusion. After an error it can be asked again. */
cairn_err cairn_merkle_prover_inclusion(cairn_merkle_prover *prover, uint64_t index,
                                        cairn_hash ret_path[CAIRN_MERKLE_PROOF_MAX],
                                        size_t *ret_count) CAIRN_MUST_USE;

/* Proof for cairn_merkle_verify_subtree. */
cairn_err cairn_merkle_prove_subtree(const cairn_merkle_source *source, uint64_t start,
                                     uint64_t end, uint64_t size,
                                     cairn_hash ret_proof[CAIRN_MERKLE_PROOF_MAX],
                                     size_t *ret_count) CAIRN_MUST_USE;

#endif
