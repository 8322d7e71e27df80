/* Proofs from hash tiles. */
#include <stdlib.h>

#include "cairn/sha256.h"
#include "ledger/log/merkle.h"
#include "ledger/log/merkle_walk.h"

enum {
    /* The path of an entry and the right edge of the log meet at most two tiles of a level, and
     * neighbouring steps of a way are in the same or the next level. */
    SLOT_COUNT = 4,
};

/* A tile with what lies above its hashes: `count` hashes, then their count / 2 parents, and so on
 * up to `height`. */
struct slot {
    bool used;
    unsigned level;
    uint64_t index;
    size_t count;
    unsigned height; /* of the nodes made so far */
    cairn_hash nodes[2 * CAIRN_TILE_WIDTH];
};

/* Tiles of a log of `size` entries: each is read once and its nodes are made once as long as it is
 * kept. */
struct cairn_merkle_prover {
    cairn_merkle_source source;
    uint64_t size;
    size_t next; /* slot to be replaced */
    struct slot slots[SLOT_COUNT];
};

static void prover_init(cairn_merkle_prover *prover, const cairn_merkle_source *source,
                        uint64_t size)
{
    prover->source = *source;
    prover->size = size;
    prover->next = 0;
    for (size_t i = 0; i < SLOT_COUNT; i++)
        prover->slots[i].used = false;
}

/* One tile, valid until the next call. */
static cairn_err find_tile(cairn_merkle_prover *prover, unsigned level, uint64_t index,
                           struct slot **ret_slot)
{
    for (size_t i = 0; i < SLOT_COUNT; i++) {
        struct slot *slot = &prover->slots[i];
        if (slot->used && slot->level == level && slot->index == index) {
            *ret_slot = slot;
            return CAIRN_OK;
        }
    }
    const cairn_merkle_source *source = &prover->source;
    uint64_t width = (prover->size >> (level * CAIRN_TILE_HEIGHT)) - index * CAIRN_TILE_WIDTH;
    struct slot *slot = &prover->slots[prover->next];
    slot->used = false;
    slot->count = width < CAIRN_TILE_WIDTH ? (size_t)width : CAIRN_TILE_WIDTH;
    CAIRN_TRY(source->read_tile(source->context, level, index, slot->count, slot->nodes));
    slot->used = true;
    slot->level = level;
    slot->index = index;
    slot->height = 0;
    prover->next = (prover->next + 1) % SLOT_COUNT;
    *ret_slot = slot;
    return CAIRN_OK;
}

/* The nodes of `height` (0 to 7) above a tile's hashes. */
static const cairn_hash *nodes_of(struct slot *slot, unsigned height)
{
    cairn_hash *nodes = slot->nodes;
    for (unsigned h = 0; h < height; h++) {
        size_t count = slot->count >> h;
        if (h == slot->height) {
            cairn_sha256_nodes(nodes, count / 2, nodes + count);
            slot->height++;
        }
        nodes += count;
    }
    return nodes;
}

/* Hash of the full subtree of 2^height entries that begins at entry `start`. */
static cairn_err full_subtree(cairn_merkle_prover *prover, uint64_t start, unsigned height,
                              cairn_hash *ret_hash)
{
    unsigned level = height / CAIRN_TILE_HEIGHT;
    unsigned inner = height % CAIRN_TILE_HEIGHT;
    uint64_t first = start >> (level * CAIRN_TILE_HEIGHT);
    struct slot *slot = NULL;
    CAIRN_TRY(find_tile(prover, level, first / CAIRN_TILE_WIDTH, &slot));
    *ret_hash = nodes_of(slot, inner)[first % CAIRN_TILE_WIDTH >> inner];
    return CAIRN_OK;
}

/* Frontier of the entries from `start` up to, without, `end`, a node of the tree. */
static cairn_err range_frontier(cairn_merkle_prover *prover, uint64_t start, uint64_t end,
                                cairn_log_frontier *ret_frontier)
{
    cairn_log_frontier frontier = {.size = end - start};
    for (unsigned height = 63; height-- > 0;) {
        if ((frontier.size >> height & 1) == 0)
            continue;
        CAIRN_TRY(full_subtree(prover, start, height, &frontier.hashes[height]));
        start += UINT64_C(1) << height;
    }
    *ret_frontier = frontier;
    return CAIRN_OK;
}

static cairn_err range_root(cairn_merkle_prover *prover, uint64_t start, uint64_t end,
                            cairn_hash *ret_root)
{
    cairn_log_frontier frontier;
    CAIRN_TRY(range_frontier(prover, start, end, &frontier));
    cairn_log_frontier_root(&frontier, ret_root);
    return CAIRN_OK;
}

static cairn_err check_size(uint64_t part, uint64_t size)
{
    if (part > size || size > CAIRN_LOG_SIZE_MAX)
        return CAIRN_FAIL(CAIRN_ERR_ARGUMENT, "house", "log.size: %llu is not in a log of %llu",
                          (unsigned long long)part, (unsigned long long)size);
    return CAIRN_OK;
}

cairn_err cairn_merkle_source_frontier(const cairn_merkle_source *source, uint64_t size,
                                       cairn_log_frontier *ret_frontier)
{
    cairn_merkle_prover prover;
    CAIRN_TRY(check_size(size, size));
    prover_init(&prover, source, size);
    return range_frontier(&prover, 0, size, ret_frontier);
}

cairn_err cairn_merkle_source_root(const cairn_merkle_source *source, uint64_t size,
                                   cairn_hash *ret_root)
{
    cairn_log_frontier frontier;
    CAIRN_TRY(cairn_merkle_source_frontier(source, size, &frontier));
    cairn_log_frontier_root(&frontier, ret_root);
    return CAIRN_OK;
}

static cairn_err prove(cairn_merkle_prover *prover, uint64_t start, uint64_t end,
                       cairn_hash ret_proof[CAIRN_MERKLE_PROOF_MAX], size_t *ret_count)
{
    cairn_merkle_way way;
    cairn_hash proof[CAIRN_MERKLE_PROOF_MAX];
    size_t count = 0;
    cairn_merkle_walk(start, end, prover->size, &way);
    if (!way.is_node)
        CAIRN_TRY(range_root(prover, way.start, way.end, &proof[count++]));
    for (size_t i = way.count; i-- > 0;)
        CAIRN_TRY(range_root(prover, way.steps[i].start, way.steps[i].end, &proof[count++]));
    memcpy(ret_proof, proof, count * sizeof proof[0]);
    *ret_count = count;
    return CAIRN_OK;
}

cairn_err cairn_merkle_prove_subtree(const cairn_merkle_source *source, uint64_t start,
                                     uint64_t end, uint64_t size,
                                     cairn_hash ret_proof[CAIRN_MERKLE_PROOF_MAX],
                                     size_t *ret_count)
{
    cairn_merkle_prover prover;
    if (!cairn_merkle_is_subtree(start, end, size))
        return CAIRN_FAIL(CAIRN_ERR_ARGUMENT, "house", "proof.range: not a part of a log of %llu",
                          (unsigned long long)size);
    prover_init(&prover, source, size);
    return prove(&prover, start, end, ret_proof, ret_count);
}

static cairn_err check_index(uint64_t index, uint64_t size)
{
    if (index >= size)
        return CAIRN_FAIL(CAIRN_ERR_ARGUMENT, "house", "log.index: %llu is not in a log of %llu",
                          (unsigned long long)index, (unsigned long long)size);
    return CAIRN_OK;
}

cairn_err cairn_merkle_prove_inclusion(const cairn_merkle_source *source, uint64_t index,
                                       uint64_t size, cairn_hash ret_path[CAIRN_MERKLE_PROOF_MAX],
                                       size_t *ret_count)
{
    CAIRN_TRY(check_index(index, size));
    return cairn_merkle_prove_subtree(source, index, index + 1, size, ret_path, ret_count);
}

cairn_err cairn_merkle_prove_consistency(const cairn_merkle_source *source, uint64_t size1,
                                         uint64_t size2,
                                         cairn_hash ret_proof[CAIRN_MERKLE_PROOF_MAX],
                                         size_t *ret_count)
{
    CAIRN_TRY(check_size(size1, size2));
    if (size1 == 0) {
        *ret_count = 0;
        return CAIRN_OK;
    }
    return cairn_merkle_prove_subtree(source, 0, size1, size2, ret_proof, ret_count);
}

/* --- many entries --- */

cairn_err cairn_merkle_prover_new(const cairn_merkle_source *source, uint64_t size,
                                  cairn_merkle_prover **ret_prover)
{
    CAIRN_TRY(check_size(size, size));
    cairn_merkle_prover *prover = malloc(sizeof *prover);
    if (prover == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "proof: %zu bytes", sizeof *prover);
    prover_init(prover, source, size);
    *ret_prover = prover;
    return CAIRN_OK;
}

void cairn_merkle_prover_free(cairn_merkle_prover *prover)
{
    free(prover);
}

cairn_err cairn_merkle_prover_inclusion(cairn_merkle_prover *prover, uint64_t index,
                                        cairn_hash ret_path[CAIRN_MERKLE_PROOF_MAX],
                                        size_t *ret_count)
{
    CAIRN_TRY(check_index(index, prover->size));
    return prove(prover, index, index + 1, ret_path, ret_count);
}
