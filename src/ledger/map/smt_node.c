/* Nodes and records of the state map: made whole or not at all, shared by counting references. */
#include <stdlib.h>

#include "ledger/map/smt_node.h"

void cairn_smt_bit_set(cairn_hash *path, unsigned depth, unsigned bit)
{
    uint8_t mask = (uint8_t)(0x80u >> (depth % 8));
    if (bit != 0)
        path->b[depth / 8] = (uint8_t)(path->b[depth / 8] | mask);
    else
        path->b[depth / 8] = (uint8_t)(path->b[depth / 8] & ~mask);
}

bool cairn_smt_prefix_equal(const cairn_hash *a, const cairn_hash *b, unsigned bits)
{
    unsigned whole = bits / 8;
    if (memcmp(a->b, b->b, whole) != 0)
        return false;
    return bits % 8 == 0 || ((a->b[whole] ^ b->b[whole]) >> (8 - bits % 8)) == 0;
}

static void ref(atomic_uint *refs)
{
    (void)atomic_fetch_add_explicit(refs, 1, memory_order_relaxed);
}

/* True for the last one: then nobody else sees the object. */
static bool unref(atomic_uint *refs)
{
    return atomic_fetch_sub_explicit(refs, 1, memory_order_acq_rel) == 1;
}

smt_record *cairn_smt_record_hold(smt_record *record)
{
    ref(&record->refs);
    return record;
}

void cairn_smt_record_free(smt_record *record)
{
    if (record != NULL && unref(&record->refs))
        free(record);
}

smt_node *cairn_smt_node_hold(smt_node *node)
{
    ref(&node->refs);
    return node;
}

static bool is_unit(bool is_bucket, size_t dirty)
{
    return !is_bucket || dirty <= SMT_UNIT_DELTA_COUNT;
}

/* Recursion is bounded by the depth of the trie, 256. */
void cairn_smt_node_free(smt_node *node)
{
    if (node == NULL || !unref(&node->refs))
        return;
    if (node->is_bucket) {
        smt_bucket *bucket = (smt_bucket *)node;
        for (uint32_t i = 0; i < node->dirty; i++)
            cairn_smt_record_free(bucket->delta[i]);
    } else {
        smt_inner *inner = (smt_inner *)node;
        cairn_smt_node_free(inner->child[0]);
        cairn_smt_node_free(inner->child[1]);
    }
    if (is_unit(node->is_bucket, node->dirty))
        cairn_smt_pool_give(node);
    else
        free(node);
}

cairn_err cairn_smt_record_new(const cairn_smt_change *change, uint64_t height,
                               smt_record **ret_record)
{
    size_t value_size = change->remove ? 0 : change->value.size;
    smt_record *record = malloc(sizeof *record + change->key.size + value_size);
    if (record == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "state map: record");
    *record = (smt_record){.refs = 1,
                           .key_size = (uint16_t)change->key.size,
                           .value_size = (uint16_t)value_size,
                           .removed = change->remove,
                           .height = height,
                           .path = change->path};
    memcpy(record->data, change->key.data, change->key.size);
    if (value_size != 0)
        memcpy(record->data + change->key.size, change->value.data, value_size);
    if (!change->remove)
        cairn_smt_leaf_hash(&record->path, change->value, &record->leaf);
    *ret_record = record;
    return CAIRN_OK;
}

static cairn_err bucket_alloc(smt_pool *pool, size_t dirty, uint32_t keys, smt_bucket **ret_bucket)
{
    void *memory = NULL;
    if (is_unit(true, dirty)) {
        CAIRN_TRY(cairn_smt_pool_take(pool, &memory));
    } else {
        memory = malloc(sizeof(smt_bucket) + dirty * sizeof(smt_record *));
        if (memory == NULL)
            return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "state map: bucket");
    }
    smt_bucket *bucket = memory;
    bucket->node =
        (smt_node){.refs = 1, .count = keys, .dirty = (uint32_t)dirty, .is_bucket = true};
    *ret_bucket = bucket;
    return CAIRN_OK;
}

/* Gives a new node its planned hash, or drops it. */
static cairn_err finish_take(smt_plan *plan, smt_node *node, uint32_t slot, smt_node **ret_node)
{
    cairn_err err = cairn_smt_plan_wait(plan, node, slot);
    if (err != CAIRN_OK)
        cairn_smt_node_free(node);
    else
        *ret_node = node;
    return err;
}

cairn_err cairn_smt_bucket_new(smt_plan *plan, const smt_item *items, size_t count, smt_side side,
                               smt_node **ret_node)
{
    size_t dirty = 0;
    for (size_t i = 0; i < count; i++)
        dirty += items[i].record != NULL;
    smt_bucket *bucket = NULL;
    CAIRN_TRY(bucket_alloc(plan->pool, dirty, side.count, &bucket));
    size_t next = 0;
    for (size_t i = 0; i < count; i++)
        if (items[i].record != NULL)
            bucket->delta[next++] = cairn_smt_record_hold(items[i].record);
    return finish_take(plan, &bucket->node, side.slot, ret_node);
}

cairn_err cairn_smt_bucket_above(smt_pool *pool, const smt_bucket *source, uint64_t height,
                                 smt_node **ret_node)
{
    size_t dirty = 0;
    for (uint32_t i = 0; i < source->node.dirty; i++)
        dirty += source->delta[i]->height > height;
    smt_bucket *bucket = NULL;
    CAIRN_TRY(bucket_alloc(pool, dirty, source->node.count, &bucket));
    bucket->node.hash = source->node.hash;
    size_t next = 0;
    for (uint32_t i = 0; i < source->node.dirty; i++)
        if (source->delta[i]->height > height)
            bucket->delta[next++] = cairn_smt_record_hold(source->delta[i]);
    *ret_node = &bucket->node;
    return CAIRN_OK;
}

static cairn_err merge_buckets(smt_pool *pool, const smt_bucket *left, const smt_bucket *right,
                               smt_node **ret_node)
{
    smt_bucket *bucket = NULL;
    CAIRN_TRY(bucket_alloc(pool, left->node.dirty + right->node.dirty,
                           left->node.count + right->node.count, &bucket));
    for (uint32_t i = 0; i < left->node.dirty; i++)
        bucket->delta[i] = cairn_smt_record_hold(left->delta[i]);
    for (uint32_t i = 0; i < right->node.dirty; i++)
        bucket->delta[left->node.dirty + i] = cairn_smt_record_hold(right->delta[i]);
    *ret_node = &bucket->node;
    return CAIRN_OK;
}

static cairn_err make_inner(smt_pool *pool, smt_node *left, smt_node *right, smt_node **ret_node)
{
    void *memory = NULL;
    CAIRN_TRY(cairn_smt_pool_take(pool, &memory));
    smt_inner *inner = memory;
    *inner = (smt_inner){.node = {.refs = 1,
                                  .count = left->count + right->count,
                                  .dirty = left->dirty + right->dirty,
                                  .is_bucket = false},
                         .child = {cairn_smt_node_hold(left), cairn_smt_node_hold(right)}};
    *ret_node = &inner->node;
    return CAIRN_OK;
}

/* A parent without its hash. */
static cairn_err make_parent(smt_pool *pool, smt_node *left, smt_node *right, smt_node **ret_node)
{
    uint32_t count = 0;
    uint32_t dirty = 0;
    if (__builtin_add_overflow(left->count, right->count, &count) ||
        __builtin_add_overflow(left->dirty, right->dirty, &dirty))
        return CAIRN_FAIL(CAIRN_ERR_TOO_MANY, "house", "state map: 2^32 keys");
    if (left->is_bucket && right->is_bucket && count <= SMT_MERGE_KEY_COUNT &&
        dirty <= SMT_MERGE_DIRTY_COUNT)
        return merge_buckets(pool, smt_bucket_of(left), smt_bucket_of(right), ret_node);
    return make_inner(pool, left, right, ret_node);
}

cairn_err cairn_smt_join_take(smt_plan *plan, smt_node *left, smt_node *right, smt_node **ret_node)
{
    smt_node *parent = NULL;
    smt_side side;
    cairn_err err = make_parent(plan->pool, left, right, &parent);
    if (err == CAIRN_OK)
        err = cairn_smt_plan_join(plan, left, right, &side);
    cairn_smt_node_free(left);
    cairn_smt_node_free(right);
    if (err == CAIRN_OK)
        return finish_take(plan, parent, side.slot, ret_node);
    cairn_smt_node_free(parent);
    return err;
}

cairn_err cairn_smt_rejoin_take(smt_pool *pool, const cairn_hash *hash, smt_node *left,
                                smt_node *right, smt_node **ret_node)
{
    smt_node *parent = NULL;
    cairn_err err = make_parent(pool, left, right, &parent);
    cairn_smt_node_free(left);
    cairn_smt_node_free(right);
    CAIRN_TRY(err);
    parent->hash = *hash;
    *ret_node = parent;
    return CAIRN_OK;
}

cairn_err cairn_smt_version_take(smt_pool *pool, smt_node *root, cairn_smt **ret_version)
{
    cairn_smt *version = malloc(sizeof *version);
    if (version == NULL) {
        cairn_smt_node_free(root);
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "state map: version");
    }
    *version = (cairn_smt){.refs = 1, .root = root, .pool = cairn_smt_pool_hold(pool)};
    *ret_version = version;
    return CAIRN_OK;
}
