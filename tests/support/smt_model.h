/* A pool of keys, a plain base in memory and a naive root for the tests of the state map. */
#ifndef CAIRN_TESTS_SUPPORT_SMT_MODEL_H
#define CAIRN_TESTS_SUPPORT_SMT_MODEL_H

#include <stdio.h>
#include <stdlib.h>

#include "cairn/sha256.h"
#include "ledger/map/smt.h"

enum { MODEL_KEYS_MAX = 4096 };

typedef void (*model_path)(cairn_bytes key, cairn_hash *ret_path);

typedef struct model_key {
    uint8_t name[4]; /* u32 */
    cairn_hash path;
} model_key;

/* Which value each key has; 0 is absent. */
typedef struct model_map {
    uint32_t value[MODEL_KEYS_MAX];
} model_map;

typedef struct model {
    model_key keys[MODEL_KEYS_MAX]; /* in path order */
    size_t count;
    size_t stored_size[MODEL_KEYS_MAX]; /* of the value that the base holds; 0 when absent */
    cairn_hash stored_leaf[MODEL_KEYS_MAX];
    uint8_t stored_value[MODEL_KEYS_MAX][16];
    size_t scan_count;
    cairn_smt_base base;
    uint64_t seed;
} model;

static inline uint32_t model_random(model *m, uint32_t below)
{
    m->seed = m->seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((m->seed >> 33) % below);
}

/* The value with number `value`: 1 to 13 bytes. */
static inline cairn_bytes model_value(uint32_t value, uint8_t out[16])
{
    size_t size = 1 + value % 13;
    for (size_t i = 0; i < size; i++)
        out[i] = (uint8_t)(value >> (8 * (i % 4)));
    out[0] = (uint8_t)(out[0] ^ (value >> 8));
    return cairn_bytes_of(out, size);
}

static inline cairn_bytes model_name(const model *m, size_t index)
{
    return cairn_bytes_of(m->keys[index].name, 4);
}

static inline cairn_err model_scan(void *ctx, const cairn_hash *prefix, unsigned bits,
                                   cairn_smt_visit visit, void *visit_ctx)
{
    model *m = ctx;
    m->scan_count++;
    for (size_t i = 0; i < m->count; i++) {
        bool below = true;
        for (unsigned b = 0; b < bits && below; b++)
            below = (((m->keys[i].path.b[b / 8] ^ prefix->b[b / 8]) >> (7 - b % 8)) & 1) == 0;
        if (!below || m->stored_size[i] == 0)
            continue;
        cairn_smt_leaf leaf = {.path = &m->keys[i].path,
                               .hash = &m->stored_leaf[i],
                               .key = model_name(m, i),
                               .value = cairn_bytes_of(m->stored_value[i], m->stored_size[i])};
        CAIRN_TRY(visit(visit_ctx, &leaf));
    }
    return CAIRN_OK;
}

static inline int model_compare(const void *a, const void *b)
{
    return memcmp(((const model_key *)a)->path.b, ((const model_key *)b)->path.b, 32);
}

static inline void model_init(model *m, size_t count, model_path path, uint64_t seed)
{
    memset(m, 0, sizeof *m);
    m->count = count;
    m->seed = seed;
    m->base = (cairn_smt_base){.ctx = m, .scan = model_scan, .path = path};
    for (uint32_t i = 0; i < count; i++) {
        cairn_put_u32(m->keys[i].name, i * 7 + 1);
        if (path != NULL)
            path(cairn_bytes_of(m->keys[i].name, 4), &m->keys[i].path);
        else
            cairn_sha256_of(m->keys[i].name, 4, &m->keys[i].path);
    }
    qsort(m->keys, count, sizeof m->keys[0], model_compare);
}

static inline size_t model_find(const model *m, const cairn_hash *path)
{
    for (size_t i = 0; i < m->count; i++)
        if (memcmp(m->keys[i].path.b, path->b, 32) == 0)
            return i;
    abort();
}

/* One record of a checkpoint reaches the base. */
static inline cairn_err model_store(void *ctx, const cairn_smt_leaf *leaf)
{
    model *m = ctx;
    size_t i = model_find(m, leaf->path);
    m->stored_size[i] = leaf->value.size;
    if (leaf->hash == NULL)
        return CAIRN_OK;
    m->stored_leaf[i] = *leaf->hash;
    memcpy(m->stored_value[i], leaf->value.data, leaf->value.size);
    return CAIRN_OK;
}

/* docs/formats/state.md, word by word: nothing, a leaf, or a node of both halves. */
static inline void model_root_of(const model *m, const model_map *map, size_t low, size_t high,
                                 unsigned depth, cairn_hash *ret_root)
{
    size_t keys = 0;
    size_t last = 0;
    size_t part = high;
    for (size_t i = low; i < high; i++) {
        if (map->value[i] != 0) {
            keys++;
            last = i;
        }
        if (part == high && depth < 256 &&
            ((m->keys[i].path.b[depth / 8] >> (7 - depth % 8)) & 1) != 0)
            part = i;
    }
    memset(ret_root, 0, sizeof *ret_root);
    if (keys == 0)
        return;
    uint8_t node[65] = {keys > 1};
    if (keys == 1) {
        uint8_t value[16];
        cairn_hash digest;
        cairn_bytes v = model_value(map->value[last], value);
        cairn_sha256_of(v.data, v.size, &digest);
        memcpy(node + 1, m->keys[last].path.b, 32);
        memcpy(node + 33, digest.b, 32);
    } else {
        cairn_hash child;
        model_root_of(m, map, low, part, depth + 1, &child);
        memcpy(node + 1, child.b, 32);
        model_root_of(m, map, part, high, depth + 1, &child);
        memcpy(node + 33, child.b, 32);
    }
    cairn_sha256_of(node, sizeof node, ret_root);
}

static inline void model_root(const model *m, const model_map *map, cairn_hash *ret_root)
{
    model_root_of(m, map, 0, m->count, 0, ret_root);
}

#endif
