/* Proofs out of a version: a key's rank finds it, or its neighbours when it is absent; siblings are
 * gathered on the way down, in the trie by looking and in the bucket by computing. */
#include <stdlib.h>

#include "ledger/map/smt_node.h"
#include "ledger/map/smt_proof.h"

typedef struct prover {
    smt_scratch scratch;
    const cairn_smt *version;
    cairn_arena *arena;
} prover;

/* Keys before `path`, and whether it is there. */
static cairn_err rank_of(prover *p, const cairn_hash *path, uint32_t *ret_rank, bool *ret_exists)
{
    const smt_node *node = p->version->root;
    unsigned depth = 0;
    uint32_t rank = 0;
    bool exists = false;
    for (; !node->is_bucket; depth++) {
        unsigned side = smt_bit(path, depth);
        rank += side == 0 ? 0 : smt_inner_of(node)->child[0]->count;
        node = smt_inner_of(node)->child[side];
    }
    CAIRN_TRY(cairn_smt_read_bucket(&p->scratch, p->version, node, path, depth));
    for (size_t i = 0; i < p->scratch.content.count; i++) {
        const smt_item *item = &p->scratch.content.at[i];
        int order = memcmp(item->path->b, path->b, 32);
        if (order > 0)
            break;
        exists = order == 0 && item->after != NULL;
        rank += order < 0 && item->after != NULL;
    }
    *ret_rank = rank;
    *ret_exists = exists;
    return CAIRN_OK;
}

/* Siblings below the bucket's own depth, for the live item at `index`; `keys` lie in the bucket. */
static cairn_err descend_bucket(prover *p, size_t index, uint32_t keys, unsigned depth,
                                smt_way *way)
{
    const smt_item *items = p->scratch.content.at;
    size_t count = p->scratch.content.count;
    for (; keys > 1; depth++) {
        size_t part = cairn_smt_split(items, count, depth);
        bool right = index >= part;
        uint32_t others = 0;
        CAIRN_TRY(cairn_smt_plan_root(&p->scratch.plan, right ? items : items + part,
                                      right ? part : count - part, depth + 1,
                                      &way->siblings[way->depth++], &others));
        keys -= others;
        items += right ? part : 0;
        count = right ? count - part : part;
        index -= right ? part : 0;
    }
    return CAIRN_OK;
}

static size_t live_index(const smt_items *content, uint32_t rank)
{
    size_t i = 0;
    for (;; i++) {
        CAIRN_ASSERT(i < content->count);
        if (content->at[i].after != NULL && rank-- == 0)
            return i;
    }
}

/* The key of that rank with its way to the root; key and value copied to the arena. */
static cairn_err find_way(prover *p, uint32_t rank, smt_way *way)
{
    const smt_node *node = p->version->root;
    unsigned depth = 0;
    way->depth = 0;
    memset(&way->path, 0, sizeof way->path);
    for (; !node->is_bucket; depth++) {
        const smt_inner *inner = smt_inner_of(node);
        unsigned side = rank >= inner->child[0]->count;
        if (node->count > 1)
            way->siblings[way->depth++] = inner->child[1 - side]->hash;
        rank -= side == 0 ? 0 : inner->child[0]->count;
        cairn_smt_bit_set(&way->path, depth, side);
        node = inner->child[side];
    }
    CAIRN_TRY(cairn_smt_read_bucket(&p->scratch, p->version, node, &way->path, depth));
    size_t index = live_index(&p->scratch.content, rank);
    const smt_item *item = &p->scratch.content.at[index];
    way->path = *item->path;
    CAIRN_TRY(cairn_smt_item_open(p->scratch.base, item, &way->key, &way->value));
    CAIRN_TRY(cairn_arena_copy(p->arena, way->key, &way->key));
    CAIRN_TRY(cairn_arena_copy(p->arena, way->value, &way->value));
    return descend_bucket(p, index, node->count, depth, way);
}

static cairn_err new_way(prover *p, uint32_t rank, smt_way **ret_way)
{
    smt_way *way = NULL;
    CAIRN_TRY(CAIRN_ARENA_NEW(p->arena, &way));
    CAIRN_TRY(find_way(p, rank, way));
    *ret_way = way;
    return CAIRN_OK;
}

static cairn_err prove(prover *p, cairn_bytes key, cairn_smt_proof *ret_proof)
{
    cairn_hash path;
    uint32_t rank = 0;
    cairn_smt_proof proof = {0};
    smt_way *left = NULL;
    smt_way *right = NULL;
    cairn_smt_path_of(p->scratch.base, key, &path);
    CAIRN_TRY(rank_of(p, &path, &rank, &proof.exists));
    if (proof.exists) {
        CAIRN_TRY(new_way(p, rank, &left));
        proof.value = left->value;
        CAIRN_TRY(cairn_smt_write_exist(p->arena, left, &proof.ics23));
    } else {
        if (rank > 0)
            CAIRN_TRY(new_way(p, rank - 1, &left));
        if (rank < p->version->root->count)
            CAIRN_TRY(new_way(p, rank, &right));
        CAIRN_TRY(cairn_smt_write_absent(p->arena, key, left, right, &proof.ics23));
    }
    *ret_proof = proof;
    return CAIRN_OK;
}

cairn_err cairn_smt_prove(const cairn_smt *version, const cairn_smt_base *base, cairn_bytes key,
                          cairn_arena *arena, cairn_smt_proof *ret_proof)
{
    if (key.size == 0 || key.size > CAIRN_STATE_KEY_SIZE_MAX)
        return CAIRN_FAIL(CAIRN_ERR_ARGUMENT, "house", "state map: key of %zu bytes", key.size);
    prover p = {.scratch = {.base = base}, .version = version, .arena = arena};
    cairn_err err = prove(&p, key, ret_proof);
    cairn_smt_scratch_done(&p.scratch);
    return err;
}
