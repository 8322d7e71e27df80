/* The chain of the light client's seeds, the same in each run: an anchor of four validators at
 * height 10, and proofs of one log entry. */
#ifndef CAIRN_TESTS_SUPPORT_LIGHT_SEEDS_H
#define CAIRN_TESTS_SUPPORT_LIGHT_SEEDS_H

#include "cairn/block_entry.h"
#include "cairn/merkle.h"
#include "support/light_chain.h"

enum { SEED_LOG_SIZE = 13, SEED_INDEX = 7, SEED_PATH_COUNT = 4 };

typedef struct seed_chain {
    test_chain chain;
    cairn_light_set four;
    cairn_light_anchor anchor;
    cairn_hash path[SEED_PATH_COUNT];
    cairn_hash app_hash; /* of the log that holds the entry */
} seed_chain;

static inline cairn_bytes seed_entry(void)
{
    return cairn_bytes_str("an entry of the log");
}

static inline void seed_chain_init(seed_chain *seeds)
{
    cairn_hash leaf, root;
    test_chain_init(&seeds->chain);
    seeds->four = test_chain_set(&seeds->chain, 0, 4, 10);
    seeds->anchor = (cairn_light_anchor){
        .state =
            test_chain_block(&seeds->chain, 10, seeds->four, seeds->four, (cairn_bytes){0}).state,
        .trusting_period_ms = 1000000};
    for (size_t i = 0; i < SEED_PATH_COUNT; i++)
        memset(seeds->path[i].b, (int)i + 1, sizeof seeds->path[i]);
    cairn_merkle_leaf(seed_entry(), &leaf);
    CHAIN_MUST(cairn_merkle_inclusion_root(&leaf, SEED_INDEX, SEED_LOG_SIZE, seeds->path,
                                           SEED_PATH_COUNT, &root));
    cairn_app_hash(SEED_LOG_SIZE, &root, &seeds->app_hash);
}

static inline cairn_bytes seed_proof(seed_chain *seeds, const cairn_light_block *blocks,
                                     size_t count)
{
    const cairn_commit_proof proof = {.size = SEED_LOG_SIZE,
                                      .index = SEED_INDEX,
                                      .path = seeds->path,
                                      .path_count = SEED_PATH_COUNT,
                                      .block_count = count,
                                      .blocks = blocks};
    cairn_bytes encoded;
    CHAIN_MUST(cairn_commit_proof_encode(&seeds->chain.arena, &proof, &encoded));
    return encoded;
}

/* The block of `height` that holds the log, with the votes of three quarters. */
static inline cairn_light_block seed_target(seed_chain *seeds, uint64_t height, cairn_light_set set)
{
    cairn_light_block block =
        test_chain_block(&seeds->chain, height, set, set, cairn_bytes_hash(&seeds->app_hash));
    test_chain_commit(&seeds->chain, &block, set.count * 3 / 4);
    return block;
}

#endif
