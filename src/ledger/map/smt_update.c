/* The next version: one recursion over the sorted batch copies the paths that it touches and shares
 * the rest. */
#include <stdlib.h>

#include "ledger/map/smt_node.h"

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
        cairn_smt_path_of(base, changes[i].key, &changes[i].path);
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
        return item == NULL ? CAIRN_OK : cairn_smt_items_add(merged, item);
    smt_record *record = NULL;
    CAIRN_TRY(cairn_smt_record_new(change, u->height, &record));
    if (before != NULL && !change->remove && cairn_hash_equal(before, &record->leaf)) {
        cairn_smt_record_free(record);
        return cairn_smt_items_add(merged, item);
    }
    smt_item next = {.path = &record->path,
                     .before = before,
                     .after = change->remove ? NULL : &record->leaf,
                     .record = record,
                     .fresh = true};
    cairn_err err = cairn_smt_items_add(merged, &next);
    if (err != CAIRN_OK)
        cairn_smt_record_free(record);
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
            CAIRN_TRY(cairn_smt_items_add(&u->scratch.merged, &content->at[i++]));
        bool found = i < content->count && order == 0;
        if (!found)
            CAIRN_TRY(cairn_smt_check_gap(u->scratch.base, content, i));
        else if (content->at[i].after != NULL)
            CAIRN_TRY(cairn_smt_check_item(u->scratch.base, &content->at[i]));
        CAIRN_TRY(apply_change(u, found ? &content->at[i] : NULL, &changes[c], changed));
        i += found;
    }
    for (; i < content->count; i++)
        CAIRN_TRY(cairn_smt_items_add(&u->scratch.merged, &content->at[i]));
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
        smt_sides root;
        CAIRN_TRY(cairn_smt_plan_run_if_large(&u->scratch.plan, u->old));
        CAIRN_TRY(cairn_smt_plan_items(&u->scratch.plan, items, count, depth, &root));
        return cairn_smt_bucket_new(&u->scratch.plan, items, count, root.after, ret_node);
    }
    size_t part = cairn_smt_split(items, count, depth);
    smt_node *left = NULL;
    smt_node *right = NULL;
    CAIRN_TRY(build(u, items, part, depth + 1, &left));
    cairn_err err = build(u, items + part, count - part, depth + 1, &right);
    if (err == CAIRN_OK)
        return cairn_smt_join_take(&u->scratch.plan, left, right, ret_node);
    cairn_smt_node_free(left);
    return err;
}

/* Bucket or subtree of the merged content. That the old content is what it should be is planned
 * along. */
static cairn_err rebuild(update *u, const smt_node *node, const cairn_hash *path, unsigned depth,
                         smt_node **ret_node)
{
    smt_plan *plan = &u->scratch.plan;
    smt_items *merged = &u->scratch.merged;
    const smt_items *content = &u->scratch.content;
    bool fits = fits_bucket(merged->at, merged->count);
    const smt_items *planned = fits ? merged : content;
    smt_sides root;
    CAIRN_TRY(cairn_smt_plan_run_if_large(plan, u->old));
    CAIRN_TRY(cairn_smt_plan_items(plan, planned->at, planned->count, depth, &root));
    if (root.before.count != node->count)
        return cairn_smt_mismatch(u->old, path, depth);
    CAIRN_TRY(cairn_smt_plan_check(plan, node, path, depth, root.before.slot));
    if (fits)
        return cairn_smt_bucket_new(plan, merged->at, merged->count, root.after, ret_node);
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
    smt_node *next = NULL;
    CAIRN_TRY(cairn_smt_read_content(&u->scratch, u->old, node, &changes[0].path, depth));
    cairn_err err = merge_changes(u, changes, count, &changed);
    if (err == CAIRN_OK)
        err = rebuild(u, node, &changes[0].path, depth, &next);
    for (size_t i = 0; i < merged->count; i++)
        if (merged->at[i].fresh)
            cairn_smt_record_free(merged->at[i].record);
    CAIRN_TRY(err);
    if (!changed) {
        cairn_smt_node_free(next);
        next = cairn_smt_node_hold(node);
    }
    *ret_node = next;
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
        *ret_node = cairn_smt_node_hold(node);
        return CAIRN_OK;
    }
    if (node->is_bucket)
        return update_bucket(u, node, depth, changes, count, ret_node);
    const smt_inner *inner = smt_inner_of(node);
    /* One is the way down, the other gives its hash: both come from far memory. */
    __builtin_prefetch(inner->child[0], 1);
    __builtin_prefetch(inner->child[1], 1);
    size_t part = split_changes(changes, count, depth);
    smt_node *left = NULL;
    smt_node *right = NULL;
    CAIRN_TRY(update_node(u, inner->child[0], depth + 1, changes, part, &left));
    cairn_err err =
        update_node(u, inner->child[1], depth + 1, changes + part, count - part, &right);
    if (err != CAIRN_OK) {
        cairn_smt_node_free(left);
        return err;
    }
    if (left != inner->child[0] || right != inner->child[1])
        return cairn_smt_join_take(&u->scratch.plan, left, right, ret_node);
    cairn_smt_node_free(left);
    cairn_smt_node_free(right);
    *ret_node = cairn_smt_node_hold(node);
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
    update u = {
        .scratch = {.base = base, .plan = {.pool = old->pool}}, .old = old, .height = height};
    smt_node *root = NULL;
    cairn_err err = update_node(&u, old->root, 0, changes, count, &root);
    if (err == CAIRN_OK)
        err = cairn_smt_plan_run(&u.scratch.plan, old);
    cairn_smt_scratch_done(&u.scratch);
    if (err == CAIRN_OK)
        return cairn_smt_version_take(old->pool, root, ret_version);
    cairn_smt_node_free(root);
    return err;
}
