/* What is the same in every engine: proofs are checked before they are served. */
#include "ledger/engine.h"

cairn_err cairn_engine_prove_entry(cairn_engine *engine, const cairn_view *view, uint64_t index,
                                   cairn_arena *arena, cairn_bytes *ret_entry,
                                   const cairn_hash **ret_path, size_t *ret_count)
{
    const cairn_merkle_source source = cairn_engine_source(engine);
    cairn_bytes entry;
    cairn_hash leaf;
    void *path = NULL;
    size_t count = 0;
    if (index >= view->log_size)
        return CAIRN_FAIL(CAIRN_ERR_NOT_FOUND, "RFC 6962 section 2.1.1",
                          "log.index: %llu, size is %llu", (unsigned long long)index,
                          (unsigned long long)view->log_size);
    CAIRN_TRY(cairn_engine_entry(engine, index, arena, &entry));
    CAIRN_TRY(cairn_arena_array(arena, CAIRN_MERKLE_PROOF_MAX, sizeof(cairn_hash), &path));
    CAIRN_TRY(cairn_merkle_prove_inclusion(&source, index, view->log_size, path, &count));
    cairn_merkle_leaf(entry, &leaf);
    if (cairn_merkle_verify_inclusion(&leaf, index, view->log_size, path, count, &view->log_root) !=
        CAIRN_OK)
        return CAIRN_FAIL(CAIRN_ERR_CORRUPT, "RFC 6962 section 2.1.1",
                          "log: stored tiles do not lead from entry %llu to the root",
                          (unsigned long long)index);
    *ret_entry = entry;
    *ret_path = path;
    *ret_count = count;
    return CAIRN_OK;
}

cairn_err cairn_engine_get_newest(cairn_engine *engine, cairn_map_id map, cairn_bytes key,
                                  cairn_arena *arena, cairn_bytes *ret_value)
{
    cairn_err err = CAIRN_ERR_VIEW_EXPIRED;
    for (int tries = 0; err == CAIRN_ERR_VIEW_EXPIRED && tries < 16; tries++) {
        CAIRN_CLEANUP(cairn_view_free_p) cairn_view *view = cairn_engine_view(engine);
        err = cairn_engine_get(engine, view, map, key, arena, ret_value);
    }
    return err;
}

static cairn_err read_events(void *context, uint64_t after_height, size_t block_max,
                             cairn_job_visit visit, void *visit_context, uint64_t *ret_height)
{
    return cairn_engine_events(context, after_height, block_max, visit, visit_context, ret_height);
}

cairn_event_source cairn_engine_event_source(cairn_engine *engine)
{
    return (cairn_event_source){.context = engine, .read = read_events};
}

cairn_err cairn_engine_prove_refusal(cairn_engine *engine, const cairn_view *view,
                                     const cairn_hash *id, cairn_arena *arena,
                                     cairn_refusal_proof *ret_proof)
{
    cairn_refusal_proof proof;
    CAIRN_TRY(engine->ops->prove_refusal(engine, id, arena, &proof));
    if (proof.end.block_entry.height > view->height)
        return CAIRN_FAIL(CAIRN_ERR_NOT_FOUND, "docs/formats/receipt.md, Refusal proof",
                          "transaction: was refused after height %llu",
                          (unsigned long long)view->height);
    *ret_proof = proof;
    return CAIRN_OK;
}
