/* The state map's base in the key-value store: one table holds the maps of many ledgers.
 *
 * Key: slot u32 ‖ path (32). Value: leaf hash (32) ‖ key size u16 ‖ key ‖ value, integers
 * big-endian. Source: house, docs/formats/state.md. */
#ifndef CAIRN_LEDGER_SMT_KV_H
#define CAIRN_LEDGER_SMT_KV_H

#include "core/store/kv.h"
#include "ledger/map/smt.h"

typedef struct cairn_smt_kv {
    cairn_kv_cursor *cursor;
    uint32_t slot;
} cairn_smt_kv;

/* Opens map `slot` of `table` in the snapshot `txn`, which outlives it. NO_MEMORY. */
cairn_err cairn_smt_kv_init(cairn_smt_kv *map, cairn_kv_txn *txn, unsigned table,
                            uint32_t slot) CAIRN_MUST_USE;
/* Before the transaction ends. Takes NULL. */
void cairn_smt_kv_done(cairn_smt_kv *map);

/* `map` as a base; it is borrowed. A malformed record is CORRUPT. */
cairn_smt_base cairn_smt_kv_base(cairn_smt_kv *map);

/* Writes or removes one leaf, as cairn_smt_each_dirty visits it. Errors: those of the store. */
cairn_err cairn_smt_kv_put(cairn_kv_txn *txn, unsigned table, uint32_t slot,
                           const cairn_smt_leaf *leaf) CAIRN_MUST_USE;

#endif
