/* Canonical protobuf: fields in order, zero values left out, shortest varints. Written back to
 * front, so that each length is known when its header is written. */
#include "ledger/smt_proof.h"

enum {
    FIELD_EXIST = 1,    /* CommitmentProof */
    FIELD_NONEXIST = 2, /* CommitmentProof */
    FIELD_KEY = 1,      /* ExistenceProof, NonExistenceProof */
    FIELD_VALUE = 2,    /* ExistenceProof */
    FIELD_LEAF = 3,
    FIELD_PATH = 4,
    FIELD_LEFT = 2, /* NonExistenceProof */
    FIELD_RIGHT = 3,
    FIELD_PREFIX = 2, /* InnerOp */
    FIELD_SUFFIX = 3,

    WIRE_BYTES = 2,
    HEADER_SIZE_MAX = 5, /* tag and length of a message below 2^28 bytes */
    INNER_SIZE_MAX = 41,
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
    uint8_t header[HEADER_SIZE_MAX + 1];
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

static void put_inner(writer *w, const cairn_hash *sibling, bool sibling_is_left)
{
    const uint8_t *end = w->at;
    uint8_t prefix[33] = {1};
    if (sibling_is_left) {
        memcpy(prefix + 1, sibling->b, 32);
        put_bytes(w, FIELD_PREFIX, cairn_bytes_of(prefix, 33));
    } else {
        put_bytes(w, FIELD_SUFFIX, cairn_bytes_hash(sibling));
        put_bytes(w, FIELD_PREFIX, cairn_bytes_of(prefix, 1));
    }
    put(w, inner_hash_op, sizeof inner_hash_op);
    put_header(w, FIELD_PATH, (size_t)(end - w->at));
}

static void put_way(writer *w, unsigned field, const smt_way *way)
{
    const uint8_t *end = w->at;
    /* The path runs from the leaf to the root, so back to front the root comes first. */
    for (unsigned depth = 0; depth < way->depth; depth++)
        put_inner(w, &way->siblings[depth], (way->path.b[depth / 8] >> (7 - depth % 8) & 1) != 0);
    put(w, leaf_op, sizeof leaf_op);
    put_header(w, FIELD_LEAF, sizeof leaf_op);
    put_bytes(w, FIELD_VALUE, way->value);
    put_bytes(w, FIELD_KEY, way->key);
    put_header(w, field, (size_t)(end - w->at));
}

static size_t way_size_max(const smt_way *way)
{
    return 4 * HEADER_SIZE_MAX + sizeof leaf_op + way->key.size + way->value.size +
           (size_t)way->depth * INNER_SIZE_MAX;
}

static cairn_err start(cairn_arena *arena, size_t size, writer *ret_writer)
{
    void *memory = NULL;
    CAIRN_TRY(cairn_arena_alloc(arena, size, &memory));
    *ret_writer = (writer){.start = memory, .at = (uint8_t *)memory + size};
    return CAIRN_OK;
}

cairn_err smt_write_exist(cairn_arena *arena, const smt_way *way, cairn_bytes *ret_proof)
{
    writer w;
    size_t size = way_size_max(way);
    CAIRN_TRY(start(arena, size, &w));
    put_way(&w, FIELD_EXIST, way);
    *ret_proof = cairn_bytes_of(w.at, (size_t)(w.start + size - w.at));
    return CAIRN_OK;
}

cairn_err smt_write_absent(cairn_arena *arena, cairn_bytes key, const smt_way *left,
                           const smt_way *right, cairn_bytes *ret_proof)
{
    writer w;
    size_t size = 2 * HEADER_SIZE_MAX + key.size + (left != NULL ? way_size_max(left) : 0) +
                  (right != NULL ? way_size_max(right) : 0);
    CAIRN_TRY(start(arena, size, &w));
    if (right != NULL)
        put_way(&w, FIELD_RIGHT, right);
    if (left != NULL)
        put_way(&w, FIELD_LEFT, left);
    put_bytes(&w, FIELD_KEY, key);
    put_header(&w, FIELD_NONEXIST, (size_t)(w.start + size - w.at));
    *ret_proof = cairn_bytes_of(w.at, (size_t)(w.start + size - w.at));
    return CAIRN_OK;
}
