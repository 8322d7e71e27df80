/* Records of the state map in LMDB, ordered by map and path. */
#include "ledger/map/smt_kv.h"

#include <stdlib.h>

#include "core/limits.h"
#include "ledger/map/smt_node.h"

enum { KEY_SIZE = 36, HEAD_SIZE = 34 };

static void put_key(uint8_t out[KEY_SIZE], uint32_t slot, const cairn_hash *path)
{
    cairn_put_u32(out, slot);
    memcpy(out + 4, path->b, 32);
}

/* The lowest path below a prefix. */
static void first_path(const cairn_hash *prefix, unsigned bits, cairn_hash *ret_path)
{
    unsigned whole = bits / 8;
    memset(ret_path->b, 0, 32);
    memcpy(ret_path->b, prefix->b, whole);
    if (bits % 8 != 0)
        ret_path->b[whole] = (uint8_t)(prefix->b[whole] & (0xff00u >> (bits % 8)));
}

static cairn_err visit_record(cairn_bytes key, cairn_bytes value, cairn_smt_visit visit,
                              void *visit_ctx)
{
    size_t key_size = value.size < HEAD_SIZE ? SIZE_MAX : cairn_get_u16(value.data + 32);
    if (key_size > CAIRN_STATE_KEY_SIZE_MAX || value.size - HEAD_SIZE < key_size) {
        char text[65];
        cairn_hex_encode(cairn_bytes_of(key.data + 4, 32), text);
        return CAIRN_FAIL(CAIRN_ERR_CORRUPT, "house", "state map: record %s is malformed", text);
    }
    const uint8_t *data = value.data + HEAD_SIZE;
    cairn_smt_leaf leaf = {.path = (const cairn_hash *)(const void *)(key.data + 4),
                           .hash = (const cairn_hash *)(const void *)value.data,
                           .key = cairn_bytes_of(data, key_size),
                           .value =
                               cairn_bytes_of(data + key_size, value.size - HEAD_SIZE - key_size)};
    return visit(visit_ctx, &leaf);
}

static cairn_err scan(void *ctx, const cairn_hash *prefix, unsigned bits, cairn_smt_visit visit,
                      void *visit_ctx)
{
    cairn_smt_kv *map = ctx;
    uint8_t from[KEY_SIZE];
    cairn_hash first;
    first_path(prefix, bits, &first);
    put_key(from, map->slot, &first);
    cairn_bytes key = {0};
    cairn_bytes value = {0};
    cairn_err err =
        cairn_kv_cursor_seek(map->cursor, cairn_bytes_of(from, sizeof from), &key, &value);
    for (; err == CAIRN_OK; err = cairn_kv_cursor_next(map->cursor, &key, &value)) {
        if (key.size != KEY_SIZE)
            return CAIRN_FAIL(CAIRN_ERR_CORRUPT, "house", "state map: a record's key has %zu bytes",
                              key.size);
        if (cairn_get_u32(key.data) != map->slot ||
            !cairn_smt_prefix_equal((const cairn_hash *)(const void *)(key.data + 4), prefix, bits))
            return CAIRN_OK;
        CAIRN_TRY(visit_record(key, value, visit, visit_ctx));
    }
    return err == CAIRN_ERR_NOT_FOUND ? CAIRN_OK : err;
}

cairn_err cairn_smt_kv_init(cairn_smt_kv *map, cairn_kv_txn *txn, unsigned table, uint32_t slot)
{
    *map = (cairn_smt_kv){.slot = slot};
    return cairn_kv_cursor_open(txn, table, &map->cursor);
}

void cairn_smt_kv_done(cairn_smt_kv *map)
{
    if (map == NULL)
        return;
    cairn_kv_cursor_close(map->cursor);
    map->cursor = NULL;
}

cairn_smt_base cairn_smt_kv_base(cairn_smt_kv *map)
{
    return (cairn_smt_base){.ctx = map, .scan = scan};
}

cairn_err cairn_smt_kv_put(cairn_kv_txn *txn, unsigned table, uint32_t slot,
                           const cairn_smt_leaf *leaf)
{
    uint8_t key[KEY_SIZE];
    put_key(key, slot, leaf->path);
    if (leaf->hash == NULL)
        return cairn_kv_delete(txn, table, cairn_bytes_of(key, sizeof key));
    CAIRN_ASSERT(leaf->key.size <= CAIRN_STATE_KEY_SIZE_MAX &&
                 leaf->value.size <= CAIRN_STATE_VALUE_SIZE_MAX);
    size_t size = HEAD_SIZE + leaf->key.size + leaf->value.size;
    uint8_t small[1024];
    uint8_t *value = size <= sizeof small ? small : malloc(size);
    if (value == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "state map: record");
    memcpy(value, leaf->hash->b, 32);
    cairn_put_u16(value + 32, (uint16_t)leaf->key.size);
    memcpy(value + HEAD_SIZE, leaf->key.data, leaf->key.size);
    if (leaf->value.size != 0)
        memcpy(value + HEAD_SIZE + leaf->key.size, leaf->value.data, leaf->value.size);
    cairn_err err =
        cairn_kv_put(txn, table, cairn_bytes_of(key, sizeof key), cairn_bytes_of(value, size));
    if (value != small)
        free(value);
    return err;
}
