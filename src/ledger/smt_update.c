/* The next version: one recursion over the sorted batch copies the paths that it touches and shares
 * the rest. */
#include <stdlib.h>

#include "ledger/smt_node.h"

typedef struct update {
    smt_scratch scratch;
    const cairn_smt *old;
    uint64_t height;
} update;

static cairn_err check_change(const cairn_smt_change *change)
{
    if (change->key.size == 0 || change->key.size > CAIRN_STATE_KEY_SIZE_MAX)
        return CAIRN_FAIL(CAIRN_ERR_ARGUMENT, "house", "state map: key of %zu bytes",
                          change->key.size);
    if (!change->remove &&
        (change->value.size == 0 || change->value.size > CAIRN_STATE_VALUE_SIZE_MAX))
        return CAIRN_FAIL(CAIRN_ERR_ARGUMENT, "house", "state map: value of %zu bytes",
                          change->value.size);
    return CAIRN_OK;
}

static int compare_changes(const void *a, const void *b)
{
    const cairn_smt_change *left = a;
    const cairn_smt_change *right = b;
    return memcmp(left->path.b, right->path.b, 32);
}

cairn_err cairn_smt_sort(const cairn_smt_base *base, cairn_smt_change *changes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        CAIRN_TRY(check_change(&changes[i]));
        smt_path_of(base, changes[i].key, &changes[i].path);
    }
    if (count != 0)
        qsort(changes, count, sizeof *changes, compare_changes);
    for (size_t i = 1; i < count; i++)
        if (compare_changes(&changes[i - 1], &changes[i]) == 0)
            return CAIRN_FAIL(CAIRN_ERR_ARGUMENT, "house", "state map: key changed twice");
    return CAIRN_OK;
}

/* Adds the outcome of `change` on `item` (NULL when its path is new) to the merged content. */
static cairn_err apply_change(update *u, const smt_item *item, const cairn_smt_change *change,
                              bool *changed)
{
    smt_items *merged = &u->scratch.merged;
    const cairn_hash *before = item == NULL ? NULL : item->before;
    if (change->remove && before == NULL)
        return item == NULL ? CAIRN_OK : smt_items_add(merged, item);
    smt_record *record = NULL;
    CAIRN_TRY(smt_record_new(change, u->height, &record));
    if (before != NULL && !change->remove && cairn_hash_equal(before, &record->leaf)) {
        smt_record_free(record);
        return smt_items_add(merged, item);
    }
    smt_item next = {.path = &record->path,
                     .before = before,
                     .after = change->remove ? NULL : &record->leaf,
                     .record = record,
                     .fresh = true};
    cairn_err err = smt_items_add(merged, &next);
    if (err != CAIRN_OK)
        smt_record_free(record);
    else
        *changed = true;
    return err;
}

static cairn_err merge_changes(update *u, const cairn_smt_change *changes, size_t count,
                               bool *changed)
{
    const smt_items *content = &u->scratch.content;
    size_t i = 0;
    for (size_t c = 0; c < count; c++) {
        int order = 1;
        while (i < content->count &&
               (order = memcmp(content->at[i].path->b, changes[c].path.b, 32)) < 0)
            CAIRN_TRY(smt_items_add(&u->scratch.merged, &content->at[i++]));
        bool found = i < content->count && order == 0;
        if (!found)
            CAIRN_TRY(smt_check_gap(u->scratch.base, content, i));
        else if (content->at[i].after != NULL)
            CAIRN_TRY(smt_check_item(u->scratch.base, &content->at[i]));
        CAIRN_TRY(apply_change(u, found ? &content->at[i] : NULL, &changes[c], changed));
        i += found;
    }
    for (; i < content->count; i++)
        CAIRN_TRY(smt_items_add(&u->scratch.merged, &content->at[i]));
    return CAIRN_OK;
}

static bool fits_bucket(const smt_item *items, size_t count)
{
    size_t keys = 0;
    size_t dirty = 0;
    for (size_t i = 0; i < count && keys <= SMT_SPLIT_KEY_COUNT; i++) {
        keys += items[i].after != NULL;
        dirty += items[i].record != NULL;
    }
    return keys <= SMT_SPLIT_KEY_COUNT && dirty <= SMT_SPLIT_DIRTY_COUNT;
}

/* A subtree of more items than one bucket takes. Ends at depth 256, where one path is left. */
static cairn_err build(update *u, const smt_item *items, size_t count, unsigned depth,
                       smt_node **ret_node)
{
    if (fits_bucket(items, count)) {
        smt_fold fold;
        CAIRN_TRY(smt_fold_items(&u->scratch.plan, items, count, depth, &fold));
        return smt_bucket_new(items, count, &fold.after, fold.after_count, ret_node);
    }
    size_t part = smt_split(items, count, depth);
    smt_node *left = NULL;
    smt_node *right = NULL;
    CAIRN_TRY(build(u, items, part, depth + 1, &left));
    cairn_err err = build(u, items + part, count - part, depth + 1, &right);
    if (err != CAIRN_OK) {
        smt_node_free(left);
        return err;
    }
    return smt_join_take(left, right, ret_node);
}

static cairn_err check_fold(const update *u, const smt_fold *fold, const smt_node *node,
                            const cairn_hash *path, unsigned depth)
{
    if (fold->before_count == node->count && cairn_hash_equal(&fold->before, &node->hash))
        return CAIRN_OK;
    return smt_mismatch(u->old, path, depth);
}

/* Bucket or subtree of the merged content, once the old content proved to be what it should. */
static cairn_err rebuild(update *u, const smt_node *node, const cairn_hash *path, unsigned depth,
                         smt_node **ret_node)
{
    smt_items *merged = &u->scratch.merged;
    const smt_items *content = &u->scratch.content;
    bool fits = fits_bucket(merged->at, merged->count);
    const smt_items *folded = fits ? merged : content;
    smt_fold fold;
    CAIRN_TRY(smt_fold_items(&u->scratch.plan, folded->at, folded->count, depth, &fold));
    CAIRN_TRY(check_fold(u, &fold, node, path, depth));
    if (fits)
        return smt_bucket_new(merged->at, merged->count, &fold.after, fold.after_count, ret_node);
    for (size_t i = 0; i < merged->count; i++)
        merged->at[i].before = merged->at[i].after;
    return build(u, merged->at, merged->count, depth, ret_node);
}

static cairn_err update_bucket(update *u, smt_node *node, unsigned depth,
                               const cairn_smt_change *changes, size_t count, smt_node **ret_node)
{
    smt_items *merged = &u->scratch.merged;
    merged->count = 0;
    bool changed = false;
    CAIRN_TRY(smt_read_content(&u->scratch, u->old, node, &changes[0].path, depth));
    cairn_err err = merge_changes(u, changes, count, &changed);
    if (err == CAIRN_OK)
        err = rebuild(u, node, &changes[0].path, depth, ret_node);
    for (size_t i = 0; i < merged->count; i++)
        if (merged->at[i].fresh)
            smt_record_free(merged->at[i].record);
    if (err != CAIRN_OK || changed)
        return err;
    smt_node_free(*ret_node);
    *ret_node = smt_node_hold(node);
    return CAIRN_OK;
}

static size_t split_changes(const cairn_smt_change *changes, size_t count, unsigned depth)
{
    size_t low = 0;
    while (low < count) {
        size_t middle = low + (count - low) / 2;
        if (smt_bit(&changes[middle].path, depth) != 0)
            count = middle;
        else
            low = middle + 1;
    }
    return low;
}

static cairn_err update_node(update *u, smt_node *node, unsigned depth,
                             const cairn_smt_change *changes, size_t count, smt_node **ret_node)
{
    if (count == 0) {
        *ret_node = smt_node_hold(node);
        return CAIRN_OK;
    }
    if (node->is_bucket)
        return update_bucket(u, node, depth, changes, count, ret_node);
    const smt_inner *inner = smt_inner_of(node);
    size_t part = split_changes(changes, count, depth);
    smt_node *left = NULL;
    smt_node *right = NULL;
    CAIRN_TRY(update_node(u, inner->child[0], depth + 1, changes, part, &left));
    cairn_err err =
        update_node(u, inner->child[1], depth + 1, changes + part, count - part, &right);
    if (err != CAIRN_OK) {
        smt_node_free(left);
        return err;
    }
    if (left != inner->child[0] || right != inner->child[1])
        return smt_join_take(left, right, ret_node);
    smt_node_free(left);
    smt_node_free(right);
    *ret_node = smt_node_hold(node);
    return CAIRN_OK;
}

static cairn_err check_sorted(const cairn_smt_change *changes, size_t count)
{
    for (size_t i = 1; i < count; i++)
        if (compare_changes(&changes[i - 1], &changes[i]) >= 0)
            return CAIRN_FAIL(CAIRN_ERR_ARGUMENT, "house", "state map: changes are not sorted");
    return CAIRN_OK;
}

cairn_err cairn_smt_update(const cairn_smt *old, const cairn_smt_base *base,
                           const cairn_smt_change *changes, size_t count, uint64_t height,
                           cairn_smt **ret_version)
{
    CAIRN_TRY(check_sorted(changes, count));
    update u = {.scratch = {.base = base}, .old = old, .height = height};
    smt_node *root = NULL;
    cairn_err err = update_node(&u, old->root, 0, changes, count, &root);
    smt_scratch_done(&u.scratch);
    if (err != CAIRN_OK)
        return err;
    return smt_version_take(root, ret_version);
}
