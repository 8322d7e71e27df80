/* The entry's path in the log, and the way to the header that holds the log. */
#include "ledger/light/light_prove.h"

#include "cairn/block_entry.h"

static const char clause[] = "docs/formats/commit-proof.md";

/* The blocks after `from` up to that of `height`; none when they are one. */
static cairn_err find_way(cairn_arena *arena, const cairn_light_source *source,
                          const cairn_light_rules *rules, uint64_t from, uint64_t height,
                          cairn_light_state *ret_last, cairn_commit_proof *proof)
{
    void *memory = NULL;
    cairn_light_block trusted;
    if (from > height)
        return CAIRN_FAIL(CAIRN_ERR_NOT_FOUND, clause, "from: above height %llu",
                          (unsigned long long)height);
    CAIRN_TRY(source->read(source->context, from, &trusted));
    *ret_last = trusted.state;
    if (from == height)
        return CAIRN_OK;
    CAIRN_TRY(cairn_arena_array(arena, CAIRN_LIGHT_BLOCKS_MAX, sizeof(cairn_light_block), &memory));
    cairn_light_block *blocks = memory;
    CAIRN_TRY(
        cairn_light_bridge(&trusted.state, rules, source, height, blocks, &proof->block_count));
    proof->blocks = blocks;
    *ret_last = blocks[proof->block_count - 1].state;
    return CAIRN_OK;
}

cairn_err cairn_light_prove(cairn_arena *arena, cairn_engine *engine, const cairn_view *view,
                            const cairn_light_source *source, const cairn_light_rules *rules,
                            uint64_t from, uint64_t index, cairn_bytes *ret_commit_proof)
{
    cairn_commit_proof proof = {.size = view->log_size, .index = index};
    cairn_light_state last;
    cairn_hash app_hash;
    cairn_bytes entry;
    CAIRN_TRY(cairn_engine_prove_entry(engine, view, index, arena, &entry, &proof.path,
                                       &proof.path_count));
    CAIRN_TRY(find_way(arena, source, rules, from, view->height + 1, &last, &proof));
    cairn_app_hash(view->log_size, &view->log_root, &app_hash);
    if (!cairn_bytes_equal(last.header.app_hash, cairn_bytes_hash(&app_hash)))
        return CAIRN_FAIL(CAIRN_ERR_INCONSISTENT, clause,
                          "header.app_hash: the chain's is not the ledger's");
    return cairn_commit_proof_encode(arena, &proof, ret_commit_proof);
}
