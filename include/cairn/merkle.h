/* The log's Merkle tree, the verifying side: RFC 6962 section 2.1 with SHA-256.
 *
 * A proof is checked for its exact length: a path that is a hash too long or too short never
 * verifies, whatever it folds to. Nothing allocates; any thread. Proofs are made in
 * src/ledger/log/merkle.h. */
#ifndef CAIRN_MERKLE_H
#define CAIRN_MERKLE_H

#include "cairn/bytes.h"

#define CAIRN_LOG_SIZE_MAX ((uint64_t)INT64_MAX) /* entries of one log */

enum {
    CAIRN_MERKLE_PROOF_MAX = 64, /* hashes of the longest proof at CAIRN_LOG_SIZE_MAX */
};

/* SHA-256(""): the root of a log without entries (RFC 6962 section 2.1). */
extern const cairn_hash cairn_merkle_empty_root;

/* Hash of an entry: SHA-256(0x00 ‖ entry). */
void cairn_merkle_leaf(cairn_bytes entry, cairn_hash *ret_hash);

/* Root over `count` leaf hashes, which may be none. */
void cairn_merkle_root(const cairn_hash *leaves, size_t count, cairn_hash *ret_root);

/* The root to which `path` (from the leaf up, `count` hashes) leads from `leaf` at `index` in a log
 * of `size` entries; the caller compares it or checks a signature over it. BAD_PROOF when index >=
 * size, size is above CAIRN_LOG_SIZE_MAX or the path has not the one length that fits. */
cairn_err cairn_merkle_inclusion_root(const cairn_hash *leaf, uint64_t index, uint64_t size,
                                      const cairn_hash *path, size_t count,
                                      cairn_hash *ret_root) CAIRN_MUST_USE;

/* Whether `leaf` is entry `index` of the log with `size` entries and `root`; else BAD_PROOF. */
cairn_err cairn_merkle_verify_inclusion(const cairn_hash *leaf, uint64_t index, uint64_t size,
                                        const cairn_hash *path, size_t count,
                                        const cairn_hash *root) CAIRN_MUST_USE;

/* Whether the log of size2 entries and root2 extends that of size1 entries and root1; else
 * BAD_PROOF. Equal sizes need equal roots and an empty proof. A size1 of zero is BAD_PROOF: any log
 * extends the empty one, and no proof says so. */
cairn_err cairn_merkle_verify_consistency(uint64_t size1, const cairn_hash *root1, uint64_t size2,
                                          const cairn_hash *root2, const cairn_hash *proof,
                                          size_t count) CAIRN_MUST_USE;

/* Whether `subtree_root` is the tree over the entries from `start` up to, without, `end` of the log
 * with `size` entries and `root`; else BAD_PROOF. `start` is a multiple of the smallest power of
 * two that is at least end - start (draft-ietf-plants-merkle-tree-certs, subtrees). The empty
 * range is the root of no entries in every log. */
cairn_err cairn_merkle_verify_subtree(uint64_t start, uint64_t end, const cairn_hash *subtree_root,
                                      uint64_t size, const cairn_hash *root,
                                      const cairn_hash *proof, size_t count) CAIRN_MUST_USE;

#endif
