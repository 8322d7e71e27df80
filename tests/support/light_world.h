/* The ledger of support/vouch.h run by a consortium: four validators, an anchor at height 10, and
 * commit proofs of the entry at TEST_INDEX. */
#ifndef CAIRN_TESTS_SUPPORT_LIGHT_WORLD_H
#define CAIRN_TESTS_SUPPORT_LIGHT_WORLD_H

#include "cairn/block_entry.h"
#include "support/light_chain.h"
#include "support/vouch.h"

enum { ENGINE_HEIGHT = TEST_HEIGHT + 1 }; /* of the header with the log's app_hash */

/* Milliseconds of the chain's clock at `height`. */
static inline uint64_t test_engine_ms(uint64_t height)
{
    return (CHAIN_START_S + height) * UINT64_C(1000);
}

/* Makes the anchor's block, and `anchor`, which the world's trust file is to have. */
static inline cairn_light_block test_world_anchored(test_world *w, test_chain *chain,
                                                    cairn_light_anchor *anchor)
{
    cairn_light_chain_id(&w->draft.ledger, 0, chain->chain_id);
    const cairn_light_set four = test_chain_set(chain, 0, 4, 10);
    const cairn_light_block block = test_chain_block(chain, 10, four, four, (cairn_bytes){0});
    *anchor = (cairn_light_anchor){.state = block.state, .trusting_period_ms = 1000 * 1000};
    w->draft.anchor = anchor;
    w->draft.issued_ms = test_engine_ms(0);
    w->draft.expires_ms = w->draft.issued_ms + 10000000;
    return block;
}

/* That the log as it is now was committed to by the header of `height`. */
static inline cairn_bytes test_world_commit(test_world *w, test_chain *chain,
                                            const cairn_light_anchor *anchor, uint64_t height)
{
    cairn_hash path[64];
    cairn_hash *app_hash = test_chain_alloc(chain, sizeof *app_hash);
    const cairn_hash root = test_mth(w->leaves, TEST_LOG_SIZE);
    size_t count = test_path(w->leaves, TEST_LOG_SIZE, TEST_INDEX, path);
    cairn_bytes encoded;
    cairn_app_hash(TEST_LOG_SIZE, &root, app_hash);
    const cairn_light_block block =
        test_chain_block(chain, height, anchor->state.validators, anchor->state.validators,
                         cairn_bytes_hash(app_hash));
    const cairn_commit_proof proof = {.size = TEST_LOG_SIZE,
                                      .index = TEST_INDEX,
                                      .path = path,
                                      .path_count = count,
                                      .block_count = 1,
                                      .blocks = &block};
    TEST_MUST(cairn_commit_proof_encode(&w->arena, &proof, &encoded));
    return encoded;
}

#endif
