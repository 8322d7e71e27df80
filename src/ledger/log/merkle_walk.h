/* How a subtree lies in the tree: the one recursion behind inclusion, consistency and subtree
 * proofs, for those who make them and those who check them.
 *
 * Inclusion of an entry is the proof of the subtree [index, index + 1), consistency that of [0,
 * size1). Source: RFC 6962 sections 2.1.1 and 2.1.2. */
#ifndef CAIRN_LEDGER_MERKLE_WALK_H
#define CAIRN_LEDGER_MERKLE_WALK_H

#include "cairn/merkle.h"

typedef enum cairn_merkle_side {
    CAIRN_MERKLE_RIGHT, /* the sibling lies right of the subtree */
    CAIRN_MERKLE_LEFT,  /* it lies left of the subtree */
    CAIRN_MERKLE_INNER, /* it is the left part of the subtree itself */
} cairn_merkle_side;

/* One level of the way: the sibling covers the entries from start up to, without, end. */
typedef struct cairn_merkle_step {
    cairn_merkle_side side;
    uint64_t start;
    uint64_t end;
} cairn_merkle_step;

typedef struct cairn_merkle_way {
    cairn_merkle_step steps[64]; /* from the root down */
    size_t count;
    /* Where the way ends. When the subtree is a node of the tree this is it; otherwise it is the
     * last of the nodes that make it up, and the proof begins with its hash. */
    uint64_t start;
    uint64_t end;
    bool is_node;
} cairn_merkle_way;

static inline size_t cairn_merkle_way_proof_size(const cairn_merkle_way *way)
{
    return way->count + (way->is_node ? 0 : 1);
}

/* True when start < end <= size <= CAIRN_LOG_SIZE_MAX and [start, end) is a subtree. */
bool cairn_merkle_is_subtree(uint64_t start, uint64_t end, uint64_t size);

/* The way to such a subtree. */
void cairn_merkle_walk(uint64_t start, uint64_t end, uint64_t size, cairn_merkle_way *ret_way);

/* Largest power of two below `count`, which is at least 2: where RFC 6962 splits a tree. */
static inline uint64_t cairn_merkle_split(uint64_t count)
{
    return UINT64_C(1) << (63 - __builtin_clzll(count - 1));
}

#endif
