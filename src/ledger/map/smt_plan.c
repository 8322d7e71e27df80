/* Hashes of the map. They are first planned, over many buckets and the trie above them, and then
 * computed level by level, so that several lanes of SHA-256 work at once. The root of a bucket
 * before and after a change share in the plan all that did not change. */
#include <stdlib.h>

#include "cairn/sha256.h"
#include "ledger/map/smt_node.h"

enum {
    ZERO_SLOT = 0,      /* the empty subtree */
    LARGE_COUNT = 2048, /* jobs: full lanes, and still within a core's cache */
};

cairn_err cairn_smt_grow(void **memory, size_t *capacity, size_t need, size_t item_size)
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

size_t cairn_smt_split(const smt_item *items, size_t count, unsigned depth)
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
    CAIRN_TRY(cairn_smt_grow((void **)&plan->slots, &plan->slot_capacity, plan->slot_count + 1,
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
    CAIRN_TRY(cairn_smt_grow((void **)&plan->jobs, &plan->job_capacity, plan->job_count + 1,
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

static cairn_err start(smt_plan *plan)
{
    static const cairn_hash zero;
    uint32_t slot = 0;
    return plan->slot_count == 0 ? add_slot(plan, &zero, 0, &slot) : CAIRN_OK;
}

static void reset(smt_plan *plan)
{
    memset(plan->heads, 0, (plan->level_max + 1) * sizeof plan->heads[0]);
    memset(plan->widths, 0, (plan->level_max + 1) * sizeof plan->widths[0]);
    plan->level_max = 0;
    plan->slot_count = 0;
    plan->job_count = 0;
    plan->check_count = 0;
    for (size_t i = 0; i < plan->wait_count; i++) {
        plan->waits[i].node->waits = false;
        cairn_smt_node_free(plan->waits[i].node);
    }
    plan->wait_count = 0;
}

static cairn_err join_sides(smt_plan *plan, smt_side left, smt_side right, smt_side *ret_side)
{
    smt_side joined = {.count = left.count + right.count};
    if (joined.count > 1)
        CAIRN_TRY(add_job(plan, left.slot, right.slot, &joined.slot));
    else
        joined.slot = left.count != 0 ? left.slot : right.slot;
    *ret_side = joined;
    return CAIRN_OK;
}

static cairn_err plan_leaf(smt_plan *plan, const cairn_hash *leaf, smt_side *ret_side)
{
    *ret_side = (smt_side){.slot = ZERO_SLOT};
    if (leaf == NULL)
        return CAIRN_OK;
    ret_side->count = 1;
    return add_slot(plan, leaf, 0, &ret_side->slot);
}

/* Recursion is bounded by the 256 bits of a path: distinct paths part before that. */
static cairn_err plan_items(smt_plan *plan, const smt_item *items, size_t count, unsigned depth,
                            smt_sides *ret_sides)
{
    if (count == 0) {
        *ret_sides = (smt_sides){{ZERO_SLOT, 0}, {ZERO_SLOT, 0}};
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
    size_t part = cairn_smt_split(items, count, depth);
    smt_sides left;
    smt_sides right;
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
    CAIRN_TRY(cairn_smt_grow((void **)&plan->pairs, &plan->pair_capacity, 2 * width,
                             sizeof *plan->pairs));
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

static cairn_err run_jobs(smt_plan *plan)
{
    for (uint32_t level = 1; level <= plan->level_max; level++)
        CAIRN_TRY(run_level(plan, level));
    return CAIRN_OK;
}

cairn_err cairn_smt_plan_items(smt_plan *plan, const smt_item *items, size_t count, unsigned depth,
                               smt_sides *ret_sides)
{
    CAIRN_TRY(start(plan));
    return plan_items(plan, items, count, depth, ret_sides);
}

/* The node's own slot while it waits, or a new one with its hash. */
static cairn_err slot_of(smt_plan *plan, const smt_node *node, smt_side *ret_side)
{
    *ret_side = (smt_side){.count = node->count};
    if (!node->waits)
        return add_slot(plan, &node->hash, 0, &ret_side->slot);
    ret_side->slot = node->slot;
    return CAIRN_OK;
}

cairn_err cairn_smt_plan_join(smt_plan *plan, const smt_node *left, const smt_node *right,
                              smt_side *ret_side)
{
    smt_side a;
    smt_side b;
    CAIRN_TRY(start(plan));
    CAIRN_TRY(slot_of(plan, left, &a));
    CAIRN_TRY(slot_of(plan, right, &b));
    return join_sides(plan, a, b, ret_side);
}

cairn_err cairn_smt_plan_wait(smt_plan *plan, smt_node *node, uint32_t slot)
{
    if (plan->slots[slot].level == 0) {
        node->hash = plan->slots[slot].hash;
        return CAIRN_OK;
    }
    CAIRN_TRY(cairn_smt_grow((void **)&plan->waits, &plan->wait_capacity, plan->wait_count + 1,
                             sizeof *plan->waits));
    plan->waits[plan->wait_count++] = (smt_wait){.node = cairn_smt_node_hold(node), .slot = slot};
    node->slot = slot;
    node->waits = true;
    return CAIRN_OK;
}

cairn_err cairn_smt_plan_check(smt_plan *plan, const smt_node *node, const cairn_hash *path,
                               unsigned depth, uint32_t slot)
{
    CAIRN_TRY(cairn_smt_grow((void **)&plan->checks, &plan->check_capacity, plan->check_count + 1,
                             sizeof *plan->checks));
    plan->checks[plan->check_count++] =
        (smt_check){.node = node, .path = path, .depth = depth, .slot = slot};
    return CAIRN_OK;
}

static cairn_err run_checks(const smt_plan *plan, const cairn_smt *version)
{
    for (size_t i = 0; i < plan->check_count; i++) {
        const smt_check *check = &plan->checks[i];
        if (!cairn_hash_equal(&plan->slots[check->slot].hash, &check->node->hash))
            return cairn_smt_mismatch(version, check->path, check->depth);
    }
    return CAIRN_OK;
}

cairn_err cairn_smt_plan_run(smt_plan *plan, const cairn_smt *version)
{
    CAIRN_TRY(run_jobs(plan));
    CAIRN_TRY(run_checks(plan, version));
    for (size_t i = 0; i < plan->wait_count; i++)
        plan->waits[i].node->hash = plan->slots[plan->waits[i].slot].hash;
    reset(plan);
    return CAIRN_OK;
}

cairn_err cairn_smt_plan_run_if_large(smt_plan *plan, const cairn_smt *version)
{
    return plan->job_count < LARGE_COUNT ? CAIRN_OK : cairn_smt_plan_run(plan, version);
}

cairn_err cairn_smt_plan_root(smt_plan *plan, const smt_item *items, size_t count, unsigned depth,
                              cairn_hash *ret_root, uint32_t *ret_count)
{
    smt_sides root;
    CAIRN_TRY(cairn_smt_plan_items(plan, items, count, depth, &root));
    CAIRN_TRY(run_jobs(plan));
    *ret_root = plan->slots[root.after.slot].hash;
    *ret_count = root.after.count;
    reset(plan);
    return CAIRN_OK;
}

void cairn_smt_scratch_done(smt_scratch *scratch)
{
    reset(&scratch->plan);
    free(scratch->plan.slots);
    free(scratch->plan.jobs);
    free(scratch->plan.waits);
    free(scratch->plan.checks);
    free(scratch->plan.pairs);
    free(scratch->content.at);
    free(scratch->merged.at);
}
