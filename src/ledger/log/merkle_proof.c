/* Proofs from hash tiles. */
#include "cairn/sha256.h"
#include "ledger/log/merkle.h"
#include "ledger/log/merkle_walk.h"

enum {
    /* The path of an entry and the right edge of the log meet at most two tiles of a level, and
     * neighbouring steps of a way are in the same or the next level. */
    SLOT_COUNT = 4,
};

struct slot {
    bool used;
    unsigned level;
    uint64_t index;
    cairn_hash hashes[CAIRN_TILE_WIDTH];
};

/* Tiles of a log of `size` entries, read once and kept for the length of one call. */
struct tiles {
    const cairn_merkle_source *source;
    uint64_t size;
    size_t next; /* slot to be replaced */
    struct slot slots[SLOT_COUNT];
};

static void tiles_init(struct tiles *tiles, const cairn_merkle_source *source, uint64_t size)
{
    tiles->source = source;
    tiles->size = size;
    tiles->next = 0;
    for (size_t i = 0; i < SLOT_COUNT; i++)
        tiles->slots[i].used = false;
}

/* Hashes of one tile, valid until the next call. */
static cairn_err tiles_get(struct tiles *tiles, unsigned level, uint64_t index,
                           const cairn_hash **ret_hashes)
{
    for (size_t i = 0; i < SLOT_COUNT; i++) {
        struct slot *slot = &tiles->slots[i];
        if (slot->used && slot->level == level && slot->index == index) {
            *ret_hashes = slot->hashes;
            return CAIRN_OK;
        }
    }
    uint64_t width = (tiles->size >> (level * CAIRN_TILE_HEIGHT)) - index * CAIRN_TILE_WIDTH;
    struct slot *slot = &tiles->slots[tiles->next];
    slot->used = false;
    CAIRN_TRY(tiles->source->read_tile(tiles->source->context, level, index,
                                       width < CAIRN_TILE_WIDTH ? (size_t)width : CAIRN_TILE_WIDTH,
                                       slot->hashes));
    slot->used = true;
    slot->level = level;
    slot->index = index;
    tiles->next = (tiles->next + 1) % SLOT_COUNT;
    *ret_hashes = slot->hashes;
    return CAIRN_OK;
}

/* Hash of the full subtree of 2^height entries that begins at entry `start`. */
static cairn_err full_subtree(struct tiles *tiles, uint64_t start, unsigned height,
                              cairn_hash *ret_hash)
{
    unsigned level = height / CAIRN_TILE_HEIGHT;
    size_t count = (size_t)1 << (height % CAIRN_TILE_HEIGHT);
    uint64_t first = start >> (level * CAIRN_TILE_HEIGHT);
    const cairn_hash *hashes = NULL;
    cairn_hash nodes[CAIRN_TILE_WIDTH / 2];
    CAIRN_TRY(tiles_get(tiles, level, first / CAIRN_TILE_WIDTH, &hashes));
    memcpy(nodes, hashes + first % CAIRN_TILE_WIDTH, count * sizeof nodes[0]);
    for (; count > 1; count /= 2)
        cairn_sha256_nodes(nodes, count / 2, nodes);
    *ret_hash = nodes[0];
    return CAIRN_OK;
}

/* Frontier of the entries from `start` up to, without, `end`, a node of the tree. */
static cairn_err range_frontier(struct tiles *tiles, uint64_t start, uint64_t end,
                                cairn_log_frontier *ret_frontier)
{
    cairn_log_frontier frontier = {.size = end - start};
    for (unsigned height = 63; height-- > 0;) {
        if ((frontier.size >> height & 1) == 0)
            continue;
        CAIRN_TRY(full_subtree(tiles, start, height, &frontier.hashes[height]));
        start += UINT64_C(1) << height;
    }
    *ret_frontier = frontier;
    return CAIRN_OK;
}

static cairn_err range_root(struct tiles *tiles, uint64_t start, uint64_t end, cairn_hash *ret_root)
{
    cairn_log_frontier frontier;
    CAIRN_TRY(range_frontier(tiles, start, end, &frontier));
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
    struct tiles tiles;
    CAIRN_TRY(check_size(size, size));
    tiles_init(&tiles, source, size);
    return range_frontier(&tiles, 0, size, ret_frontier);
}

cairn_err cairn_merkle_source_root(const cairn_merkle_source *source, uint64_t size,
                                   cairn_hash *ret_root)
{
    cairn_log_frontier frontier;
    CAIRN_TRY(cairn_merkle_source_frontier(source, size, &frontier));
    cairn_log_frontier_root(&frontier, ret_root);
    return CAIRN_OK;
}

cairn_err cairn_merkle_prove_subtree(const cairn_merkle_source *source, uint64_t start,
                                     uint64_t end, uint64_t size,
                                     cairn_hash ret_proof[CAIRN_MERKLE_PROOF_MAX],
                                     size_t *ret_count)
{
    struct tiles tiles;
    cairn_merkle_way way;
    cairn_hash proof[CAIRN_MERKLE_PROOF_MAX];
    size_t count = 0;
    if (!cairn_merkle_is_subtree(start, end, size))
        return CAIRN_FAIL(CAIRN_ERR_ARGUMENT, "house", "proof.range: not a part of a log of %llu",
                          (unsigned long long)size);
    tiles_init(&tiles, source, size);
    cairn_merkle_walk(start, end, size, &way);
    if (!way.is_node)
        CAIRN_TRY(range_root(&tiles, way.start, way.end, &proof[count++]));
    for (size_t i = way.count; i-- > 0;)
        CAIRN_TRY(range_root(&tiles, way.steps[i].start, way.steps[i].end, &proof[count++]));
    memcpy(ret_proof, proof, count * sizeof proof[0]);
    *ret_count = count;
    return CAIRN_OK;
}

cairn_err cairn_merkle_prove_inclusion(const cairn_merkle_source *source, uint64_t index,
                                       uint64_t size, cairn_hash ret_path[CAIRN_MERKLE_PROOF_MAX],
                                       size_t *ret_count)
{
    if (index >= size)
        return CAIRN_FAIL(CAIRN_ERR_ARGUMENT, "house", "log.index: %llu is not in a log of %llu",
                          (unsigned long long)index, (unsigned long long)size);
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
