/* Reading the two maps of a ledger, whoever holds them: a version in memory over a store, the
 * pending changes of a block, or a test's table. Keys and records: docs/formats/block-entry.md. */
#ifndef CAIRN_LEDGER_STATE_H
#define CAIRN_LEDGER_STATE_H

#include "cairn/arena.h"
#include "cairn/bytes.h"

typedef enum cairn_map_id {
    CAIRN_MAP_STATE,  /* objects of the features */
    CAIRN_MAP_CONFIG, /* chain parameters and policy tables */
    CAIRN_MAP_COUNT,
} cairn_map_id;

typedef struct cairn_state_source {
    void *context;
    /* Value of `key` into the arena (or a view that outlives it); NOT_FOUND, without a detail, if
     * absent. */
    cairn_err (*get)(void *context, cairn_map_id map, cairn_bytes key, cairn_arena *arena,
                     cairn_bytes *ret_value);
} cairn_state_source;

static inline CAIRN_MUST_USE cairn_err cairn_state_get(const cairn_state_source *source,
                                                       cairn_map_id map, cairn_bytes key,
                                                       cairn_arena *arena, cairn_bytes *ret_value)
{
    return source->get(source->context, map, key, arena, ret_value);
}

/* A state key: an ASCII prefix such as "org/" and raw bytes. */
typedef struct cairn_state_key {
    size_t size;
    uint8_t data[256];
} cairn_state_key;

/* Prefix and suffix together are at most 256 bytes (asserted: callers bound their input). */
void cairn_state_key_make(cairn_state_key *ret_key, const char *prefix, cairn_bytes suffix);

static inline cairn_bytes cairn_state_key_view(const cairn_state_key *key)
{
    return cairn_bytes_of(key->data, key->size);
}

#endif
