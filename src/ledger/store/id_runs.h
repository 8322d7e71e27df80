/* The same in the index: sorted runs of (prefix, where), one for each index checkpoint, merged now
 * and then, so that hardly any page is written twice. Bytes: docs/formats/block-record.md, Index.
 * One writer; any thread reads in its own transaction. */
#ifndef CAIRN_LEDGER_ID_RUNS_H
#define CAIRN_LEDGER_ID_RUNS_H

#include "core/store/kv.h"
#include "ledger/store/id_table.h"

enum {
    CAIRN_ID_RUN_FANOUT = 8,          /* so many runs of one size become one */
    CAIRN_ID_RUN_MERGE_MAX = 1 << 18, /* rows from which on a run is not merged any more */
};

/* Adds a run of what `table` holds, named by the height up to which the ledger's ids are then
 * indexed, above all earlier ones. The errors of the store's index; CORRUPT when it is damaged. */
cairn_err cairn_id_runs_add(cairn_kv_txn *txn, unsigned kv_table, uint32_t slot,
                            const cairn_id_table *table, uint64_t height) CAIRN_MUST_USE;

/* Adds what the runs hold under `prefix`, the newest first. */
cairn_err cairn_id_runs_find(cairn_kv_txn *txn, unsigned kv_table, uint32_t slot, uint64_t prefix,
                             cairn_id_candidates *candidates) CAIRN_MUST_USE;

/* Reads all runs: CORRUPT when a row is damaged or lacking. `ret_count` is how many rows they hold,
 * which the index's own record must say too: a directory that is gone looks like one that never
 * was. */
cairn_err cairn_id_runs_check(cairn_kv_txn *txn, unsigned kv_table, uint32_t slot,
                              uint64_t *ret_count) CAIRN_MUST_USE;

/* How many rows the directory tells of. */
cairn_err cairn_id_runs_rows(cairn_kv_txn *txn, unsigned kv_table, uint32_t slot,
                             uint64_t *ret_count) CAIRN_MUST_USE;

/* How many runs there are, for tests and figures. */
cairn_err cairn_id_runs_count(cairn_kv_txn *txn, unsigned kv_table, uint32_t slot,
                              size_t *ret_count) CAIRN_MUST_USE;

#endif
