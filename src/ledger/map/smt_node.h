/* Inside of the state map: nodes, records, and the scratch memory of one call. Source: house. */
#ifndef CAIRN_LEDGER_SMT_NODE_H
#define CAIRN_LEDGER_SMT_NODE_H

#include <stdatomic.h>

#include "core/limits.h"
#include "ledger/map/smt.h"
#include "ledger/map/smt_pool.h"

enum {
    /* A bucket splits above either bound; sibling buckets merge at or below both of the lower
     * ones. The gap keeps a bucket at the border from splitting and merging in turn. */
    SMT_SPLIT_KEY_COUNT = 16,
    SMT_SPLIT_DIRTY_COUNT = 64,
    SMT_MERGE_KEY_COUNT = 6,
    SMT_MERGE_DIRTY_COUNT = 24,
};

/* A key that changed since the base was last written. Immutable, shared by versions. */
typedef struct smt_record {
    atomic_uint refs;
    uint16_t key_size;
    uint16_t value_size;
    bool removed;
    uint64_t height;
    cairn_hash path;
    cairn_hash leaf;
    uint8_t data[]; /* key, then value */
} smt_record;

/* Immutable, shared by versions. An inner node may hold fewer keys than a bucket while tombstones
 * keep its buckets from merging; its hash follows the canonical rule all the same. */
typedef struct smt_node {
    atomic_uint refs;
    uint32_t count; /* keys below */
    uint32_t dirty; /* delta records below */
    bool is_bucket;
    bool waits; /* for its hash: the writer's, before the node is published */
    union {
        cairn_hash hash;
        uint32_t slot; /* of the writer's plan, while it waits */
    };
} smt_node;

typedef struct smt_inner {
    smt_node node;
    smt_node *child[2];
} smt_inner;

typedef struct smt_bucket {
    smt_node node;
    smt_record *delta[]; /* node.dirty of them, in path order */
} smt_bucket;

/* Inner nodes and buckets with few records are one unit of the pool; other buckets are malloc's. */
enum { SMT_UNIT_DELTA_COUNT = 2 };
_Static_assert(sizeof(smt_inner) == SMT_UNIT_SIZE, "an inner node fills a cache line");
_Static_assert(sizeof(smt_bucket) + SMT_UNIT_DELTA_COUNT * sizeof(smt_record *) == SMT_UNIT_SIZE,
               "a bucket with two records fills a cache line");

struct cairn_smt {
    atomic_uint refs;
    atomic_bool retired; /* set by the writer, read by whoever found a mismatch */
    smt_node *root;
    smt_pool *pool; /* of the nodes; shared by the versions of a map */
};

/* One path of a bucket while it is read or changed. */
typedef struct smt_item {
    const cairn_hash *path;
    const cairn_hash *before; /* leaf hash, NULL when absent */
    const cairn_hash *after;
    smt_record *record;     /* in the delta, or NULL */
    cairn_bytes key, value; /* in the base; empty when there is a record */
    bool fresh;             /* this call made the record and owns one reference */
} smt_item;

typedef struct smt_items {
    smt_item *at;
    size_t count;
    size_t capacity;
} smt_items;

/* A hash that was given or is still to be computed. */
typedef struct smt_slot {
    cairn_hash hash;
    uint32_t level; /* 0 when given, else one above its higher child */
} smt_slot;

typedef struct smt_job {
    uint32_t left, right, out; /* slots */
    uint32_t next;             /* job of the same level, plus one; 0 at the end */
} smt_job;

/* A node that waits for its hash; held by the plan. */
typedef struct smt_wait {
    smt_node *node;
    uint32_t slot;
} smt_wait;

/* What a bucket that was read must hash to. */
typedef struct smt_check {
    const smt_node *node;
    const cairn_hash *path;
    unsigned depth;
    uint32_t slot;
} smt_check;

/* Merkle nodes to compute, over many buckets and the trie above them. They run level by level, so
 * that each level fills the lanes of SHA-256. */
typedef struct smt_plan {
    smt_pool *pool; /* of new nodes; borrowed */
    smt_slot *slots;
    size_t slot_count, slot_capacity;
    smt_job *jobs;
    size_t job_count, job_capacity;
    smt_wait *waits;
    size_t wait_count, wait_capacity;
    smt_check *checks;
    size_t check_count, check_capacity;
    cairn_hash *pairs;
    size_t pair_capacity;
    uint32_t heads[CAIRN_SMT_DEPTH_MAX + 1]; /* first job of each level, plus one */
    uint32_t widths[CAIRN_SMT_DEPTH_MAX + 1];
    uint32_t level_max;
} smt_plan;

/* A root to be, and its number of keys. */
typedef struct smt_side {
    uint32_t slot;
    uint32_t count;
} smt_side;

typedef struct smt_sides {
    smt_side before, after;
} smt_sides;

/* Memory of one call into the map; grows, freed whole. */
typedef struct smt_scratch {
    const cairn_smt_base *base;
    smt_items content; /* of the bucket being read */
    smt_items merged;  /* that content with the changes */
    smt_plan plan;
} smt_scratch;

static inline unsigned smt_bit(const cairn_hash *path, unsigned depth)
{
    return (path->b[depth / 8] >> (7 - depth % 8)) & 1u;
}

void cairn_smt_bit_set(cairn_hash *path, unsigned depth, unsigned bit);
bool cairn_smt_prefix_equal(const cairn_hash *a, const cairn_hash *b, unsigned bits);

/* smt_node.c: references and nodes. A name with _take consumes the references given, also when it
 * fails. */
smt_record *cairn_smt_record_hold(smt_record *record);
void cairn_smt_record_free(smt_record *record);
smt_node *cairn_smt_node_hold(smt_node *node);
void cairn_smt_node_free(smt_node *node);
static inline const smt_inner *smt_inner_of(const smt_node *node)
{
    return (const smt_inner *)node;
}
static inline const smt_bucket *smt_bucket_of(const smt_node *node)
{
    return (const smt_bucket *)node;
}
cairn_err cairn_smt_record_new(const cairn_smt_change *change, uint64_t height,
                               smt_record **ret_record) CAIRN_MUST_USE;
/* Takes its own references on the records of `items`; those without a record stay in the base. Its
 * hash and count are those of `side`. */
cairn_err cairn_smt_bucket_new(smt_plan *plan, const smt_item *items, size_t count, smt_side side,
                               smt_node **ret_node) CAIRN_MUST_USE;
/* Bucket of `source`'s hash and count with the records above `height` alone. */
cairn_err cairn_smt_bucket_above(smt_pool *pool, const smt_bucket *source, uint64_t height,
                                 smt_node **ret_node) CAIRN_MUST_USE;
/* Parent of two siblings: an inner node, or one bucket where they are small. Its hash is planned.
 */
cairn_err cairn_smt_join_take(smt_plan *plan, smt_node *left, smt_node *right,
                              smt_node **ret_node) CAIRN_MUST_USE;
/* Same where the hash is known. */
cairn_err cairn_smt_rejoin_take(smt_pool *pool, const cairn_hash *hash, smt_node *left,
                                smt_node *right, smt_node **ret_node) CAIRN_MUST_USE;
/* A version around a root, which it consumes; it takes its own reference on the pool. */
cairn_err cairn_smt_version_take(smt_pool *pool, smt_node *root,
                                 cairn_smt **ret_version) CAIRN_MUST_USE;

/* smt_plan.c: hashes. */
cairn_err cairn_smt_grow(void **memory, size_t *capacity, size_t need,
                         size_t item_size) CAIRN_MUST_USE;
/* First item of the sorted `items` whose path has a 1 at `depth`. */
size_t cairn_smt_split(const smt_item *items, size_t count, unsigned depth);
/* Plans the roots of the items, before and after, as of a subtree `depth` bits deep. */
cairn_err cairn_smt_plan_items(smt_plan *plan, const smt_item *items, size_t count, unsigned depth,
                               smt_sides *ret_sides) CAIRN_MUST_USE;
/* Plans the parent of two nodes whose hashes may be planned themselves. */
cairn_err cairn_smt_plan_join(smt_plan *plan, const smt_node *left, const smt_node *right,
                              smt_side *ret_side) CAIRN_MUST_USE;
/* Promises a node the hash in `slot`. */
cairn_err cairn_smt_plan_wait(smt_plan *plan, smt_node *node, uint32_t slot) CAIRN_MUST_USE;
/* Demands that `slot` turns out as the hash of `node`, a bucket on the way to `path`, which stays
 * valid. */
cairn_err cairn_smt_plan_check(smt_plan *plan, const smt_node *node, const cairn_hash *path,
                               unsigned depth, uint32_t slot) CAIRN_MUST_USE;
/* Computes all that was planned, keeps the promises, and starts anew. VIEW_EXPIRED or CORRUPT when
 * a demand is not met. */
cairn_err cairn_smt_plan_run(smt_plan *plan, const cairn_smt *version) CAIRN_MUST_USE;
/* Same, once enough is planned to fill the lanes. */
cairn_err cairn_smt_plan_run_if_large(smt_plan *plan, const cairn_smt *version) CAIRN_MUST_USE;
/* Root of live items at once. */
cairn_err cairn_smt_plan_root(smt_plan *plan, const smt_item *items, size_t count, unsigned depth,
                              cairn_hash *ret_root, uint32_t *ret_count) CAIRN_MUST_USE;
void cairn_smt_scratch_done(smt_scratch *scratch);

/* smt_read.c: content of a bucket. */
cairn_err cairn_smt_items_add(smt_items *items, const smt_item *item) CAIRN_MUST_USE;
void cairn_smt_path_of(const cairn_smt_base *base, cairn_bytes key, cairn_hash *ret_path);
/* Fills scratch->content with the bucket that lies `depth` bits deep on the way to `path`. Not yet
 * checked against its hash. */
cairn_err cairn_smt_read_content(smt_scratch *scratch, const cairn_smt *version,
                                 const smt_node *bucket, const cairn_hash *path,
                                 unsigned depth) CAIRN_MUST_USE;
/* Same, checked. */
cairn_err cairn_smt_read_bucket(smt_scratch *scratch, const cairn_smt *version,
                                const smt_node *bucket, const cairn_hash *path,
                                unsigned depth) CAIRN_MUST_USE;
/* VIEW_EXPIRED or CORRUPT: the base disagrees with the bucket. */
cairn_err cairn_smt_mismatch(const cairn_smt *version, const cairn_hash *path, unsigned depth);
/* A live item's path, key and value against its leaf hash. CORRUPT. */
cairn_err cairn_smt_check_item(const cairn_smt_base *base, const smt_item *item) CAIRN_MUST_USE;
/* Before one believes that no key lies between items `index` - 1 and `index`: a bucket's hash binds
 * a leaf's path only as far as it parts from the others, so a damaged path could hide the key. That
 * leaf would be the nearest live one on either side; both are checked. CORRUPT. */
cairn_err cairn_smt_check_gap(const cairn_smt_base *base, const smt_items *items,
                              size_t index) CAIRN_MUST_USE;
/* First item whose path is not below `path`. */
size_t cairn_smt_lower_bound(const smt_items *items, const cairn_hash *path);
/* Key and value of a live item, checked against its leaf hash. */
cairn_err cairn_smt_item_open(const cairn_smt_base *base, const smt_item *item,
                              cairn_bytes *ret_key, cairn_bytes *ret_value) CAIRN_MUST_USE;

#endif
