/* Canonical protobuf: fields in order, zero values left out, shortest varints. Written back to
 * front, so that each length is known when its header is written. Two ways to the root share most
 * of their steps; together they are written compressed, with one table of steps. */
#include "ledger/map/smt_proof.h"

/* Field numbers of proofs.proto; compressed messages have those of the plain ones. */
enum { PROOF_EXIST = 1, PROOF_NONEXIST = 2, PROOF_COMPRESSED = 4 };
enum { EXIST_KEY = 1, EXIST_VALUE = 2, EXIST_LEAF = 3, EXIST_PATH = 4 };
enum { NONEXIST_KEY = 1, NONEXIST_LEFT = 2, NONEXIST_RIGHT = 3 };
enum { INNER_PREFIX = 2, INNER_SUFFIX = 3 };
enum { BATCH_ENTRIES = 1, BATCH_LOOKUP_INNERS = 2, ENTRY_NONEXIST = 2 };

enum {
    WIRE_BYTES = 2,
    HEADER_SIZE_MAX = 5, /* tag and length of a message below 2^28 bytes */
    STEP_SIZE_MAX = 43,  /* with the two bytes of its number */
};

/* LeafOp of SmtSpec: hash, prehash_key and prehash_value SHA256, length NO_PREFIX, prefix 00. */
static const uint8_t leaf_op[] = {0x08, 1, 0x10, 1, 0x18, 1, 0x2a, 1, 0};
static const uint8_t inner_hash_op[] = {0x08, 1};

/* `at` moves from the end of the buffer to its front. */
typedef struct writer {
    uint8_t *start;
    uint8_t *at;
} writer;

static void put(writer *w, const void *data, size_t size)
{
    CAIRN_ASSERT((size_t)(w->at - w->start) >= size);
    w->at -= size;
    if (size != 0)
        memcpy(w->at, data, size);
}

/* Tag and length in front of `size` bytes already written. */
static void put_header(writer *w, unsigned field, size_t size)
{
    uint8_t header[HEADER_SIZE_MAX];
    size_t count = 0;
    header[count++] = (uint8_t)(field << 3 | WIRE_BYTES);
    for (; size >= 0x80; size >>= 7)
        header[count++] = (uint8_t)(size | 0x80);
    header[count++] = (uint8_t)size;
    put(w, header, count);
}

static void put_bytes(writer *w, unsigned field, cairn_bytes value)
{
    if (value.size == 0)
        return;
    put(w, value.data, value.size);
    put_header(w, field, value.size);
}

/* The step at `depth` of a way. */
static void put_step(writer *w, unsigned field, const smt_way *way, unsigned depth)
{
    const uint8_t *end = w->at;
    const cairn_hash *sibling = &way->siblings[depth];
    uint8_t prefix[33] = {1};
    if (smt_way_bit(way, depth) != 0) {
        memcpy(prefix + 1, sibling->b, 32);
        put_bytes(w, INNER_PREFIX, cairn_bytes_of(prefix, 33));
    } else {
        put_bytes(w, INNER_SUFFIX, cairn_bytes_hash(sibling));
        put_bytes(w, INNER_PREFIX, cairn_bytes_of(prefix, 1));
    }
    put(w, inner_hash_op, sizeof inner_hash_op);
    put_header(w, field, (size_t)(end - w->at));
}

/* What stands before the path of a way. */
static void put_leaf(writer *w, const smt_way *way)
{
    put(w, leaf_op, sizeof leaf_op);
    put_header(w, EXIST_LEAF, sizeof leaf_op);
    put_bytes(w, EXIST_VALUE, way->value);
    put_bytes(w, EXIST_KEY, way->key);
}

static void put_way(writer *w, unsigned field, const smt_way *way)
{
    const uint8_t *end = w->at;
    /* The path runs from the leaf to the root, so back to front the root comes first. */
    for (unsigned depth = 0; depth < way->depth; depth++)
        put_step(w, EXIST_PATH, way, depth);
    put_leaf(w, way);
    put_header(w, field, (size_t)(end - w->at));
}

/* Number of a step in the table, below 512. */
static void put_number(writer *w, unsigned number)
{
    uint8_t varint[2] = {(uint8_t)(number >= 0x80 ? number | 0x80 : number),
                         (uint8_t)(number >> 7)};
    put(w, varint, number >= 0x80 ? 2 : 1);
}

/* A way whose first `own` steps have the numbers from `first`, and whose others, which lead to the
 * root, those from `shared`. */
static void put_compressed_way(writer *w, unsigned field, const smt_way *way, unsigned own,
                               unsigned first, unsigned shared)
{
    const uint8_t *end = w->at;
    for (unsigned i = way->depth; i-- > 0;)
        put_number(w, i < own ? first + i : shared + i - own);
    put_header(w, EXIST_PATH, (size_t)(end - w->at));
    put_leaf(w, way);
    put_header(w, field, (size_t)(end - w->at));
}

/* Depth at which two ways part: above it they have the same steps. */
static unsigned shared_depth(const smt_way *left, const smt_way *right)
{
    unsigned depth = 0;
    while (smt_way_bit(left, depth) == smt_way_bit(right, depth))
        depth++;
    return depth;
}

/* The table holds all steps of `left`, then those of `right` up to where they meet. */
static void put_compressed(writer *w, cairn_bytes key, const smt_way *left, const smt_way *right)
{
    const uint8_t *end = w->at;
    unsigned shared = shared_depth(left, right);
    for (unsigned depth = shared; depth < right->depth; depth++)
        put_step(w, BATCH_LOOKUP_INNERS, right, depth);
    for (unsigned depth = 0; depth < left->depth; depth++)
        put_step(w, BATCH_LOOKUP_INNERS, left, depth);
    const uint8_t *entry_end = w->at;
    put_compressed_way(w, NONEXIST_RIGHT, right, right->depth - shared, left->depth,
                       left->depth - shared);
    put_compressed_way(w, NONEXIST_LEFT, left, left->depth, 0, 0);
    put_bytes(w, NONEXIST_KEY, key);
    put_header(w, ENTRY_NONEXIST, (size_t)(entry_end - w->at));
    put_header(w, BATCH_ENTRIES, (size_t)(entry_end - w->at));
    put_header(w, PROOF_COMPRESSED, (size_t)(end - w->at));
}

static size_t way_size_max(const smt_way *way)
{
    if (way == NULL)
        return 0;
    return 5 * HEADER_SIZE_MAX + sizeof leaf_op + way->key.size + way->value.size +
           (size_t)way->depth * STEP_SIZE_MAX;
}

static cairn_err start(cairn_arena *arena, size_t size, writer *ret_writer)
{
    void *memory = NULL;
    CAIRN_TRY(cairn_arena_alloc(arena, size, &memory));
    *ret_writer = (writer){.start = memory, .at = (uint8_t *)memory + size};
    return CAIRN_OK;
}

cairn_err cairn_smt_write_exist(cairn_arena *arena, const smt_way *way, cairn_bytes *ret_proof)
{
    writer w;
    size_t size = way_size_max(way);
    CAIRN_TRY(start(arena, size, &w));
    put_way(&w, PROOF_EXIST, way);
    *ret_proof = cairn_bytes_of(w.at, (size_t)(w.start + size - w.at));
    return CAIRN_OK;
}

static void put_plain(writer *w, cairn_bytes key, const smt_way *left, const smt_way *right)
{
    const uint8_t *end = w->at;
    if (right != NULL)
        put_way(w, NONEXIST_RIGHT, right);
    if (left != NULL)
        put_way(w, NONEXIST_LEFT, left);
    put_bytes(w, NONEXIST_KEY, key);
    put_header(w, PROOF_NONEXIST, (size_t)(end - w->at));
}

cairn_err cairn_smt_write_absent(cairn_arena *arena, cairn_bytes key, const smt_way *left,
                                 const smt_way *right, cairn_bytes *ret_proof)
{
    writer w;
    size_t size = 4 * HEADER_SIZE_MAX + key.size + way_size_max(left) + way_size_max(right);
    CAIRN_TRY(start(arena, size, &w));
    if (left != NULL && right != NULL)
        put_compressed(&w, key, left, right);
    else
        put_plain(&w, key, left, right);
    *ret_proof = cairn_bytes_of(w.at, (size_t)(w.start + size - w.at));
    return CAIRN_OK;
}
