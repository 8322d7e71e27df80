/* Commit proofs: what is taken writes back to the same bytes, and what is believed by the seeds'
 * anchor holds the log that it names. */
#include "fuzz/fuzz.h"

#include "cairn/block_entry.h"
#include "cairn/merkle.h"
#include "support/light_seeds.h"

static void check(cairn_arena *arena, const seed_chain *seeds, cairn_bytes in,
                  const cairn_commit_proof *proof)
{
    cairn_bytes again;
    cairn_commit_verdict verdict;
    cairn_hash leaf, root, app_hash;
    CAIRN_ASSERT(cairn_commit_proof_encode(arena, proof, &again) == CAIRN_OK);
    CAIRN_ASSERT(cairn_bytes_equal(in, again));
    cairn_err err = cairn_commit_proof_verify(proof, seed_entry(), &seeds->anchor,
                                              test_chain_rules(100).now, &verdict);
    CAIRN_ASSERT(err != CAIRN_ERR_ARGUMENT);
    if (err != CAIRN_OK)
        return;
    cairn_merkle_leaf(seed_entry(), &leaf);
    CAIRN_ASSERT(cairn_merkle_inclusion_root(&leaf, proof->index, proof->size, proof->path,
                                             proof->path_count, &root) == CAIRN_OK);
    cairn_app_hash(proof->size, &root, &app_hash);
    CAIRN_ASSERT(cairn_bytes_equal(verdict.header->app_hash, cairn_bytes_hash(&app_hash)));
    CAIRN_ASSERT(verdict.header->height >= seeds->anchor.state.header.height);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static seed_chain seeds;
    cairn_arena arena;
    cairn_commit_proof proof;
    if (seeds.chain.chain_id[0] == '\0')
        seed_chain_init(&seeds);
    cairn_arena_init(&arena, 4 << 20);
    if (cairn_commit_proof_decode(&arena, cairn_bytes_of(data, size), &proof) == CAIRN_OK)
        check(&arena, &seeds, cairn_bytes_of(data, size), &proof);
    cairn_arena_done(&arena);
    return 0;
}
