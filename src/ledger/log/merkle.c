#include "ledger/log/merkle.h"

#include "cairn/sha256.h"
#include "ledger/log/merkle_walk.h"

const cairn_hash cairn_merkle_empty_root = {.b = {0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14,
                                                  0x9a, 0xfb, 0xf4, 0xc8, 0x99, 0x6f, 0xb9, 0x24,
                                                  0x27, 0xae, 0x41, 0xe4, 0x64, 0x9b, 0x93, 0x4c,
                                                  0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52, 0xb8, 0x55}};

void cairn_merkle_leaf(cairn_bytes entry, cairn_hash *ret_hash)
{
    static const uint8_t prefix = 0x00;
    const cairn_bytes parts[] = {cairn_bytes_of(&prefix, 1), entry};
    cairn_sha256_parts(parts, 2, ret_hash);
}

size_t cairn_log_frontier_append(cairn_log_frontier *frontier, const cairn_hash *leaf,
                                 cairn_hash ret_nodes[CAIRN_TILE_LEVEL_COUNT])
{
    cairn_hash node = *leaf;
    size_t levels = 0;
    unsigned height = 0;
    CAIRN_ASSERT(frontier->size < CAIRN_LOG_SIZE_MAX);
    for (;; height++) {
        if (height % CAIRN_TILE_HEIGHT == 0) {
            if (ret_nodes != NULL)
                ret_nodes[levels] = node;
            levels++;
        }
        if ((frontier->size >> height & 1) == 0)
            break;
        cairn_sha256_node(&frontier->hashes[height], &node, &node);
    }
    frontier->hashes[height] = node;
    frontier->size++;
    return levels;
}

void cairn_log_frontier_root(const cairn_log_frontier *frontier, cairn_hash *ret_root)
{
    if (frontier->size == 0) {
        *ret_root = cairn_merkle_empty_root;
        return;
    }
    unsigned height = (unsigned)__builtin_ctzll(frontier->size);
    cairn_hash node = frontier->hashes[height];
    for (height++; height < 64; height++) {
        if ((frontier->size >> height & 1) != 0)
            cairn_sha256_node(&frontier->hashes[height], &node, &node);
    }
    *ret_root = node;
}

void cairn_merkle_root(const cairn_hash *leaves, size_t count, cairn_hash *ret_root)
{
    cairn_log_frontier frontier = {.size = 0};
    for (size_t i = 0; i < count; i++)
        (void)cairn_log_frontier_append(&frontier, &leaves[i], NULL);
    cairn_log_frontier_root(&frontier, ret_root);
}

bool cairn_merkle_is_subtree(uint64_t start, uint64_t end, uint64_t size)
{
    if (start >= end || end > size || size > CAIRN_LOG_SIZE_MAX)
        return false;
    uint64_t count = end - start;
    uint64_t width = count == 1 ? 1 : 2 * cairn_merkle_split(count);
    return (start & (width - 1)) == 0;
}

void cairn_merkle_walk(uint64_t start, uint64_t end, uint64_t size, cairn_merkle_way *ret_way)
{
    uint64_t from = 0, to = size; /* the node at which the way has arrived */
    ret_way->count = 0;
    ret_way->is_node = true;
    while (from != start || to != end) {
        uint64_t middle = from + cairn_merkle_split(to - from);
        cairn_merkle_step *step = &ret_way->steps[ret_way->count++];
        if (end <= middle) {
            *step = (cairn_merkle_step){CAIRN_MERKLE_RIGHT, middle, to};
            to = middle;
            continue;
        }
        *step = (cairn_merkle_step){CAIRN_MERKLE_LEFT, from, middle};
        if (start < middle) {
            /* The subtree spans both sides: its left part is complete, its right part goes on. */
            step->side = CAIRN_MERKLE_INNER;
            ret_way->is_node = false;
            start = middle;
        }
        from = middle;
    }
    ret_way->start = from;
    ret_way->end = to;
}

/* Folds a proof of the right length; `subtree` enters as the first hash of the way and leaves as
 * the root of the subtree. */
static void fold(const cairn_merkle_way *way, const cairn_hash *path, cairn_hash *subtree,
                 cairn_hash *ret_root)
{
    cairn_hash node = *subtree;
    for (size_t i = way->count; i-- > 0; path++) {
        if (way->steps[i].side == CAIRN_MERKLE_RIGHT) {
            cairn_sha256_node(&node, path, &node);
            continue;
        }
        cairn_sha256_node(path, &node, &node);
        if (way->steps[i].side == CAIRN_MERKLE_INNER)
            cairn_sha256_node(path, subtree, subtree);
    }
    *ret_root = node;
}

static cairn_err check_length(const cairn_merkle_way *way, size_t count)
{
    if (count != cairn_merkle_way_proof_size(way))
        return CAIRN_FAIL(CAIRN_ERR_BAD_PROOF, "RFC 6962 section 2.1", "proof: %zu hashes, not %zu",
                          count, cairn_merkle_way_proof_size(way));
    return CAIRN_OK;
}

static cairn_err check_root(const char *what, const cairn_hash *got, const cairn_hash *want)
{
    if (!cairn_hash_equal(got, want))
        return CAIRN_FAIL(CAIRN_ERR_BAD_PROOF, "RFC 6962 section 2.1",
                          "proof.%s: leads to another root", what);
    return CAIRN_OK;
}

cairn_err cairn_merkle_inclusion_root(const cairn_hash *leaf, uint64_t index, uint64_t size,
                                      const cairn_hash *path, size_t count, cairn_hash *ret_root)
{
    cairn_merkle_way way;
    if (index >= size || size > CAIRN_LOG_SIZE_MAX)
        return CAIRN_FAIL(CAIRN_ERR_BAD_PROOF, "RFC 6962 section 2.1.1",
                          "proof.index: %llu is not in a log of %llu", (unsigned long long)index,
                          (unsigned long long)size);
    cairn_merkle_walk(index, index + 1, size, &way);
    CAIRN_TRY(check_length(&way, count));
    cairn_hash node = *leaf;
    fold(&way, path, &node, ret_root);
    return CAIRN_OK;
}

cairn_err cairn_merkle_verify_inclusion(const cairn_hash *leaf, uint64_t index, uint64_t size,
                                        const cairn_hash *path, size_t count,
                                        const cairn_hash *root)
{
    cairn_hash got;
    CAIRN_TRY(cairn_merkle_inclusion_root(leaf, index, size, path, count, &got));
    return check_root("path", &got, root);
}

cairn_err cairn_merkle_verify_consistency(uint64_t size1, const cairn_hash *root1, uint64_t size2,
                                          const cairn_hash *root2, const cairn_hash *proof,
                                          size_t count)
{
    if (size1 == 0)
        return CAIRN_FAIL(CAIRN_ERR_BAD_PROOF, "RFC 6962 section 2.1.2",
                          "proof.size1: nothing to be consistent with");
    return cairn_merkle_verify_subtree(0, size1, root1, size2, root2, proof, count);
}

cairn_err cairn_merkle_verify_subtree(uint64_t start, uint64_t end, const cairn_hash *subtree_root,
                                      uint64_t size, const cairn_hash *root,
                                      const cairn_hash *proof, size_t count)
{
    cairn_merkle_way way = {.count = 0, .is_node = true};
    if (start == end && end <= size && size <= CAIRN_LOG_SIZE_MAX) {
        CAIRN_TRY(check_length(&way, count));
        return check_root("subtree", &cairn_merkle_empty_root, subtree_root);
    }
    if (!cairn_merkle_is_subtree(start, end, size))
        return CAIRN_FAIL(CAIRN_ERR_BAD_PROOF, "RFC 6962 section 2.1.2",
                          "proof.range: not a part of a log of %llu", (unsigned long long)size);
    cairn_merkle_walk(start, end, size, &way);
    CAIRN_TRY(check_length(&way, count));
    cairn_hash got_root, subtree = way.is_node ? *subtree_root : proof[0];
    fold(&way, proof + (way.is_node ? 0 : 1), &subtree, &got_root);
    CAIRN_TRY(check_root("subtree", &subtree, subtree_root));
    return check_root("root", &got_root, root);
}
