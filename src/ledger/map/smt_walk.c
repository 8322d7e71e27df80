/* Walks over the delta: the batch of a checkpoint, and forgetting what a checkpoint made durable.
 */
#include "ledger/map/smt_node.h"

static cairn_err each_record(const smt_bucket *bucket, uint64_t since, cairn_smt_visit visit,
                             void *visit_ctx)
{
    for (uint32_t i = 0; i < bucket->node.dirty; i++) {
        const smt_record *record = bucket->delta[i];
        if (record->height <= since)
            continue;
        cairn_smt_leaf leaf = {
            .path = &record->path,
            .hash = record->removed ? NULL : &record->leaf,
            .key = cairn_bytes_of(record->data, record->key_size),
            .value = cairn_bytes_of(record->data + record->key_size, record->value_size)};
        CAIRN_TRY(visit(visit_ctx, &leaf));
    }
    return CAIRN_OK;
}

static cairn_err each_below(const smt_node *node, uint64_t since, cairn_smt_visit visit,
                            void *visit_ctx)
{
    if (node->dirty == 0)
        return CAIRN_OK;
    if (node->is_bucket)
        return each_record(smt_bucket_of(node), since, visit, visit_ctx);
    CAIRN_TRY(each_below(smt_inner_of(node)->child[0], since, visit, visit_ctx));
    return each_below(smt_inner_of(node)->child[1], since, visit, visit_ctx);
}

cairn_err cairn_smt_each_dirty(const cairn_smt *version, uint64_t since, cairn_smt_visit visit,
                               void *visit_ctx)
{
    return each_below(version->root, since, visit, visit_ctx);
}

typedef struct cleaning {
    smt_pool *pool;
    uint64_t height;
    uint32_t slice;
    unsigned bits;
} cleaning;

static bool has_durable(const smt_bucket *bucket, uint64_t height)
{
    for (uint32_t i = 0; i < bucket->node.dirty; i++)
        if (bucket->delta[i]->height <= height)
            return true;
    return false;
}

static bool is_in_slice(const cleaning *c, unsigned depth, unsigned side)
{
    return depth >= c->bits || ((c->slice >> (c->bits - 1 - depth)) & 1u) == side;
}

static cairn_err clean_node(const cleaning *c, smt_node *node, unsigned depth, smt_node **ret_node)
{
    if (node->is_bucket && has_durable(smt_bucket_of(node), c->height))
        return cairn_smt_bucket_above(c->pool, smt_bucket_of(node), c->height, ret_node);
    if (node->is_bucket || node->dirty == 0) {
        *ret_node = cairn_smt_node_hold(node);
        return CAIRN_OK;
    }
    smt_node *child[2] = {NULL, NULL};
    const smt_inner *inner = smt_inner_of(node);
    for (unsigned side = 0; side < 2; side++) {
        cairn_err err = CAIRN_OK;
        if (is_in_slice(c, depth, side))
            err = clean_node(c, inner->child[side], depth + 1, &child[side]);
        else
            child[side] = cairn_smt_node_hold(inner->child[side]);
        if (err != CAIRN_OK) {
            cairn_smt_node_free(child[0]);
            return err;
        }
    }
    if (child[0] != inner->child[0] || child[1] != inner->child[1])
        return cairn_smt_rejoin_take(c->pool, &node->hash, child[0], child[1], ret_node);
    cairn_smt_node_free(child[0]);
    cairn_smt_node_free(child[1]);
    *ret_node = cairn_smt_node_hold(node);
    return CAIRN_OK;
}

cairn_err cairn_smt_clean(const cairn_smt *old, uint64_t durable_height, uint32_t slice,
                          unsigned bits, cairn_smt **ret_version)
{
    CAIRN_ASSERT(bits <= 16 && slice < (1u << bits));
    cleaning c = {.pool = old->pool, .height = durable_height, .slice = slice, .bits = bits};
    smt_node *root = NULL;
    CAIRN_TRY(clean_node(&c, old->root, 0, &root));
    return cairn_smt_version_take(old->pool, root, ret_version);
}
