/* Roots of buckets. The nodes of a bucket are first planned and then computed level by level, so
 * that several lanes of SHA-256 work at once. The root before and the root after a change come from
 * one plan, in which they share all that did not change. */
#include <stdlib.h>

#include "cairn/sha256.h"
#include "ledger/smt_node.h"

enum { ZERO_SLOT = 0 };

typedef struct side {
    uint32_t slot;
    uint32_t count;
} side;

typedef struct sides {
    side before, after;
} sides;

cairn_err smt_grow(void **memory, size_t *capacity, size_t need, size_t item_size)
{
    if (need <= *capacity)
        return CAIRN_OK;
    size_t want = *capacity == 0 ? 64 : *capacity;
    while (want < need)
        want *= 2;
    void *grown = reallocarray(*memory, want, item_size);
    if (grown == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "state map: %zu work items", want);
    *memory = grown;
    *capacity = want;
    return CAIRN_OK;
}

void smt_scratch_done(smt_scratch *scratch)
{
    free(scratch->content.at);
    free(scratch->merged.at);
    free(scratch->plan.slots);
    free(scratch->plan.jobs);
    free(scratch->plan.pairs);
}

size_t smt_split(const smt_item *items, size_t count, unsigned depth)
{
    size_t low = 0;
    while (low < count) {
        size_t middle = low + (count - low) / 2;
        if (smt_bit(items[middle].path, depth) != 0)
            count = middle;
        else
            low = middle + 1;
    }
    return low;
}

static cairn_err add_slot(smt_plan *plan, const cairn_hash *hash, uint32_t level,
                          uint32_t *ret_slot)
{
    CAIRN_TRY(smt_grow((void **)&plan->slots, &plan->slot_capacity, plan->slot_count + 1,
                       sizeof *plan->slots));
    smt_slot *slot = &plan->slots[plan->slot_count];
    slot->level = level;
    if (hash != NULL)
        slot->hash = *hash;
    *ret_slot = (uint32_t)plan->slot_count++;
    return CAIRN_OK;
}

static cairn_err add_job(smt_plan *plan, uint32_t left, uint32_t right, uint32_t *ret_slot)
{
    uint32_t a = plan->slots[left].level;
    uint32_t b = plan->slots[right].level;
    uint32_t level = (a > b ? a : b) + 1;
    CAIRN_TRY(smt_grow((void **)&plan->jobs, &plan->job_capacity, plan->job_count + 1,
                       sizeof *plan->jobs));
    uint32_t out = 0;
    CAIRN_TRY(add_slot(plan, NULL, level, &out));
    plan->jobs[plan->job_count] =
        (smt_job){.left = left, .right = right, .out = out, .next = plan->heads[level]};
    plan->heads[level] = (uint32_t)++plan->job_count;
    plan->widths[level]++;
    if (level > plan->level_max)
        plan->level_max = level;
    *ret_slot = out;
    return CAIRN_OK;
}

static cairn_err start_plan(smt_plan *plan)
{
    static const cairn_hash zero;
    memset(plan->heads, 0, (plan->level_max + 1) * sizeof plan->heads[0]);
    memset(plan->widths, 0, (plan->level_max + 1) * sizeof plan->widths[0]);
    plan->level_max = 0;
    plan->slot_count = 0;
    plan->job_count = 0;
    uint32_t slot = 0;
    return add_slot(plan, &zero, 0, &slot);
}

static cairn_err join_sides(smt_plan *plan, side left, side right, side *ret_side)
{
    side joined = {.count = left.count + right.count};
    if (joined.count > 1)
        CAIRN_TRY(add_job(plan, left.slot, right.slot, &joined.slot));
    else
        joined.slot = left.count != 0 ? left.slot : right.slot;
    *ret_side = joined;
    return CAIRN_OK;
}

static cairn_err plan_leaf(smt_plan *plan, const cairn_hash *leaf, side *ret_side)
{
    *ret_side = (side){.slot = ZERO_SLOT};
    if (leaf == NULL)
        return CAIRN_OK;
    ret_side->count = 1;
    return add_slot(plan, leaf, 0, &ret_side->slot);
}

/* Recursion is bounded by the 256 bits of a path: distinct paths part before that. */
static cairn_err plan_items(smt_plan *plan, const smt_item *items, size_t count, unsigned depth,
                            sides *ret_sides)
{
    if (count == 0) {
        *ret_sides = (sides){{ZERO_SLOT, 0}, {ZERO_SLOT, 0}};
        return CAIRN_OK;
    }
    if (count == 1) {
        CAIRN_TRY(plan_leaf(plan, items->before, &ret_sides->before));
        ret_sides->after = ret_sides->before;
        if (items->after == items->before)
            return CAIRN_OK;
        return plan_leaf(plan, items->after, &ret_sides->after);
    }
    CAIRN_ASSERT(depth < CAIRN_SMT_DEPTH_MAX);
    size_t part = smt_split(items, count, depth);
    sides left;
    sides right;
    CAIRN_TRY(plan_items(plan, items, part, depth + 1, &left));
    CAIRN_TRY(plan_items(plan, items + part, count - part, depth + 1, &right));
    CAIRN_TRY(join_sides(plan, left.before, right.before, &ret_sides->before));
    ret_sides->after = ret_sides->before;
    if (left.after.slot == left.before.slot && right.after.slot == right.before.slot)
        return CAIRN_OK;
    return join_sides(plan, left.after, right.after, &ret_sides->after);
}

static cairn_err run_level(smt_plan *plan, uint32_t level)
{
    size_t width = plan->widths[level];
    CAIRN_TRY(
        smt_grow((void **)&plan->pairs, &plan->pair_capacity, 2 * width, sizeof *plan->pairs));
    size_t i = 0;
    for (uint32_t at = plan->heads[level]; at != 0; at = plan->jobs[at - 1].next) {
        plan->pairs[i++] = plan->slots[plan->jobs[at - 1].left].hash;
        plan->pairs[i++] = plan->slots[plan->jobs[at - 1].right].hash;
    }
    cairn_sha256_nodes(plan->pairs, width, plan->pairs);
    i = 0;
    for (uint32_t at = plan->heads[level]; at != 0; at = plan->jobs[at - 1].next)
        plan->slots[plan->jobs[at - 1].out].hash = plan->pairs[i++];
    return CAIRN_OK;
}

cairn_err smt_fold_items(smt_plan *plan, const smt_item *items, size_t count, unsigned depth,
                         smt_fold *ret_fold)
{
    sides root;
    CAIRN_TRY(start_plan(plan));
    CAIRN_TRY(plan_items(plan, items, count, depth, &root));
    for (uint32_t level = 1; level <= plan->level_max; level++)
        CAIRN_TRY(run_level(plan, level));
    *ret_fold = (smt_fold){.before = plan->slots[root.before.slot].hash,
                           .after = plan->slots[root.after.slot].hash,
                           .before_count = root.before.count,
                           .after_count = root.after.count};
    return CAIRN_OK;
}
