/* Versions of the state map: holding, asking, and reading one value. */
#include "ledger/map/smt.h"

#include <stdlib.h>

#include "ledger/map/smt_node.h"

cairn_err cairn_smt_new(cairn_smt **ret_version)
{
    static const smt_bucket empty = {.node = {.is_bucket = true}};
    smt_pool *pool = NULL;
    smt_node *root = NULL;
    CAIRN_TRY(cairn_smt_pool_new(&pool));
    cairn_err err = cairn_smt_bucket_above(pool, &empty, 0, &root);
    if (err == CAIRN_OK)
        err = cairn_smt_version_take(pool, root, ret_version);
    cairn_smt_pool_free(pool);
    return err;
}

cairn_smt *cairn_smt_hold(cairn_smt *version)
{
    (void)atomic_fetch_add_explicit(&version->refs, 1, memory_order_relaxed);
    return version;
}

void cairn_smt_free(cairn_smt *version)
{
    if (version == NULL || atomic_fetch_sub_explicit(&version->refs, 1, memory_order_acq_rel) != 1)
        return;
    cairn_smt_node_free(version->root);
    cairn_smt_pool_free(version->pool);
    free(version);
}

const cairn_hash *cairn_smt_root(const cairn_smt *version)
{
    return &version->root->hash;
}

uint64_t cairn_smt_count(const cairn_smt *version)
{
    return version->root->count;
}

uint64_t cairn_smt_dirty_count(const cairn_smt *version)
{
    return version->root->dirty;
}

void cairn_smt_retire(cairn_smt *version)
{
    atomic_store(&version->retired, true);
}

static cairn_err get(smt_scratch *scratch, const cairn_smt *version, cairn_bytes key,
                     cairn_arena *arena, cairn_bytes *ret_value)
{
    cairn_hash path;
    cairn_smt_path_of(scratch->base, key, &path);
    const smt_node *node = version->root;
    unsigned depth = 0;
    for (; !node->is_bucket; depth++)
        node = smt_inner_of(node)->child[smt_bit(&path, depth)];
    CAIRN_TRY(cairn_smt_read_bucket(scratch, version, node, &path, depth));
    const smt_items *content = &scratch->content;
    size_t index = cairn_smt_lower_bound(content, &path);
    if (index == content->count || !cairn_hash_equal(content->at[index].path, &path)) {
        CAIRN_TRY(cairn_smt_check_gap(scratch->base, content, index));
        return CAIRN_ERR_NOT_FOUND;
    }
    if (content->at[index].after == NULL)
        return CAIRN_ERR_NOT_FOUND;
    cairn_bytes found_key;
    cairn_bytes value;
    CAIRN_TRY(cairn_smt_item_open(scratch->base, &content->at[index], &found_key, &value));
    return cairn_arena_copy(arena, value, ret_value);
}

cairn_err cairn_smt_get(const cairn_smt *version, const cairn_smt_base *base, cairn_bytes key,
                        cairn_arena *arena, cairn_bytes *ret_value)
{
    smt_scratch scratch = {.base = base};
    cairn_err err = get(&scratch, version, key, arena, ret_value);
    cairn_smt_scratch_done(&scratch);
    return err;
}
