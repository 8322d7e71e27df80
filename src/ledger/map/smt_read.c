/* What a bucket holds: the base's records of its path range, overlaid by its delta, and checked
 * against its hash before anybody sees them. */
#include <stdlib.h>

#include "cairn/sha256.h"
#include "ledger/map/smt_node.h"

void cairn_smt_leaf_hash(const cairn_hash *path, cairn_bytes value, cairn_hash *ret_hash)
{
    uint8_t leaf[65] = {0};
    memcpy(leaf + 1, path->b, 32);
    cairn_hash digest;
    cairn_sha256_of(value.data, value.size, &digest);
    memcpy(leaf + 33, digest.b, 32);
    cairn_sha256_of(leaf, sizeof leaf, ret_hash);
}

void cairn_smt_path_of(const cairn_smt_base *base, cairn_bytes key, cairn_hash *ret_path)
{
    if (base->path != NULL)
        base->path(key, ret_path);
    else
        cairn_sha256_of(key.data, key.size, ret_path);
}

cairn_err cairn_smt_items_add(smt_items *items, const smt_item *item)
{
    CAIRN_TRY(
        cairn_smt_grow((void **)&items->at, &items->capacity, items->count + 1, sizeof *item));
    items->at[items->count++] = *item;
    return CAIRN_OK;
}

cairn_err cairn_smt_mismatch(const cairn_smt *version, const cairn_hash *path, unsigned depth)
{
    char text[65];
    cairn_hex_encode(cairn_bytes_hash(path), text);
    if (atomic_load(&version->retired))
        return CAIRN_FAIL(CAIRN_ERR_VIEW_EXPIRED, "house",
                          "state map: records moved on under the first %u bits of %s", depth, text);
    return CAIRN_FAIL(CAIRN_ERR_CORRUPT, "house",
                      "state map: records differ from the root under the first %u bits of %s",
                      depth, text);
}

/* Merges the base's leaves, as they come, with the delta. */
typedef struct overlay {
    smt_items *items;
    const smt_bucket *bucket;
    uint32_t next; /* of the delta */
    const cairn_hash *prefix;
    const cairn_hash *last;
    unsigned depth;
    size_t left;   /* leaves that the base may still have */
    bool mismatch; /* the base cannot be what the bucket was made from */
} overlay;

static cairn_err add_delta(overlay *o)
{
    smt_record *record = o->bucket->delta[o->next++];
    const cairn_hash *leaf = record->removed ? NULL : &record->leaf;
    smt_item item = {.path = &record->path, .before = leaf, .after = leaf, .record = record};
    return cairn_smt_items_add(o->items, &item);
}

static cairn_err overlay_leaf(void *visit_ctx, const cairn_smt_leaf *leaf)
{
    overlay *o = visit_ctx;
    bool ordered = o->last == NULL || memcmp(o->last->b, leaf->path->b, 32) < 0;
    if (!ordered || o->left == 0 || !cairn_smt_prefix_equal(leaf->path, o->prefix, o->depth)) {
        o->mismatch = true;
        return CAIRN_ERR_CANCELLED;
    }
    o->left--;
    o->last = leaf->path;
    int order = -1;
    while (o->next < o->bucket->node.dirty && order < 0) {
        order = memcmp(o->bucket->delta[o->next]->path.b, leaf->path->b, 32);
        if (order <= 0)
            CAIRN_TRY(add_delta(o));
    }
    if (order == 0)
        return CAIRN_OK;
    smt_item item = {.path = leaf->path,
                     .before = leaf->hash,
                     .after = leaf->hash,
                     .key = leaf->key,
                     .value = leaf->value};
    return cairn_smt_items_add(o->items, &item);
}

cairn_err cairn_smt_read_content(smt_scratch *scratch, const cairn_smt *version,
                                 const smt_node *bucket, const cairn_hash *path, unsigned depth)
{
    scratch->content.count = 0;
    /* The base holds nothing but this bucket's keys and what its delta removes or replaces. */
    overlay o = {.items = &scratch->content,
                 .bucket = smt_bucket_of(bucket),
                 .prefix = path,
                 .depth = depth,
                 .left = (size_t)bucket->count + bucket->dirty};
    cairn_err err = scratch->base->scan(scratch->base->ctx, path, depth, overlay_leaf, &o);
    if (o.mismatch)
        return cairn_smt_mismatch(version, path, depth);
    if (err != CAIRN_OK)
        return err;
    while (o.next < bucket->dirty)
        CAIRN_TRY(add_delta(&o));
    return CAIRN_OK;
}

cairn_err cairn_smt_read_bucket(smt_scratch *scratch, const cairn_smt *version,
                                const smt_node *bucket, const cairn_hash *path, unsigned depth)
{
    CAIRN_TRY(cairn_smt_read_content(scratch, version, bucket, path, depth));
    cairn_hash root;
    uint32_t count = 0;
    CAIRN_TRY(cairn_smt_plan_root(&scratch->plan, scratch->content.at, scratch->content.count,
                                  depth, &root, &count));
    if (count != bucket->count || !cairn_hash_equal(&root, &bucket->hash))
        return cairn_smt_mismatch(version, path, depth);
    return CAIRN_OK;
}

/* The stored leaf hash is bound to the root; this binds path, key and value to the leaf hash. */
cairn_err cairn_smt_check_item(const cairn_smt_base *base, const smt_item *item)
{
    if (item->record != NULL)
        return CAIRN_OK;
    cairn_hash path;
    cairn_smt_path_of(base, item->key, &path);
    cairn_hash leaf;
    cairn_smt_leaf_hash(&path, item->value, &leaf);
    if (cairn_hash_equal(&path, item->path) && cairn_hash_equal(&leaf, item->after))
        return CAIRN_OK;
    char text[65];
    cairn_hex_encode(cairn_bytes_hash(item->path), text);
    return CAIRN_FAIL(CAIRN_ERR_CORRUPT, "house",
                      "state map: record %s differs from its stored hash", text);
}

cairn_err cairn_smt_check_gap(const cairn_smt_base *base, const smt_items *items, size_t index)
{
    size_t left = index;
    size_t right = index;
    while (left > 0 && items->at[left - 1].after == NULL)
        left--;
    while (right < items->count && items->at[right].after == NULL)
        right++;
    if (left > 0)
        CAIRN_TRY(cairn_smt_check_item(base, &items->at[left - 1]));
    if (right < items->count)
        CAIRN_TRY(cairn_smt_check_item(base, &items->at[right]));
    return CAIRN_OK;
}

size_t cairn_smt_lower_bound(const smt_items *items, const cairn_hash *path)
{
    size_t low = 0;
    size_t high = items->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (memcmp(items->at[middle].path->b, path->b, 32) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

cairn_err cairn_smt_item_open(const cairn_smt_base *base, const smt_item *item,
                              cairn_bytes *ret_key, cairn_bytes *ret_value)
{
    CAIRN_TRY(cairn_smt_check_item(base, item));
    const smt_record *record = item->record;
    if (record == NULL) {
        *ret_key = item->key;
        *ret_value = item->value;
    } else {
        *ret_key = cairn_bytes_of(record->data, record->key_size);
        *ret_value = cairn_bytes_of(record->data + record->key_size, record->value_size);
    }
    return CAIRN_OK;
}
