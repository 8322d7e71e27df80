/* An ordered key-value store on LMDB: one environment, a few named tables, one writer, many
 * readers.
 *
 * It holds what can be derived from the block log; the log is the truth. Write transactions are
 * synced when they commit. Map size is reserved large and sparse; MDB_MAP_FULL is NO_SPACE, any
 * inconsistency CORRUPT. Source: house; facts of liblmdb 0.9.24 in docs/decisions. */
#ifndef CAIRN_CORE_STORE_KV_H
#define CAIRN_CORE_STORE_KV_H

#include "cairn/bytes.h"

typedef struct cairn_kv cairn_kv;
typedef struct cairn_kv_txn cairn_kv_txn;
typedef struct cairn_kv_cursor cairn_kv_cursor;

enum {
    CAIRN_KV_KEY_SIZE_MAX = 511, /* bytes, LMDB's own */
};

/* Opens or creates the environment in directory `path` with the given tables (static names; a table
 * is then named by its index). `map_size` in bytes is address space, not disk. Stale readers are
 * cleared. A new environment gets its name once it is whole, and the name is durable on return.
 * NOT_FOUND when the directory above is missing. */
cairn_err cairn_kv_open(const char *path, const char *const *tables, size_t table_count,
                        size_t map_size, cairn_kv **ret_kv) CAIRN_MUST_USE;
/* Opens an environment that is there, for reading: NOT_FOUND when it is not, BAD_VERSION when a
 * table is missing. Nothing is written but LMDB's lock file; who may not write that reads without
 * it. The caller then sees to it that nobody writes meanwhile, as a store's readers do by holding
 * its directory: a writer would take pages away under them. */
cairn_err cairn_kv_open_read(const char *path, const char *const *tables, size_t table_count,
                             size_t map_size, cairn_kv **ret_kv) CAIRN_MUST_USE;
void cairn_kv_close(cairn_kv *kv);
CAIRN_DEFINE_CLEANUP(cairn_kv, cairn_kv_close)

/* A transaction belongs to the thread that began it. At most one write transaction at a time. Read
 * transactions are cheap (a pool renews them) and must be short: never hold one across I/O. */
cairn_err cairn_kv_begin(cairn_kv *kv, bool write, cairn_kv_txn **ret_txn) CAIRN_MUST_USE;
/* Commits and syncs; the transaction is gone either way. NO_SPACE has no effect and may be tried
 * again. After another failure no more write transaction begins (READ_ONLY); if LMDB does not know
 * its own state, no transaction at all (IO). */
cairn_err cairn_kv_commit(cairn_kv_txn *txn) CAIRN_MUST_USE;
/* Ends without effect. Takes NULL. */
void cairn_kv_abort(cairn_kv_txn *txn);

/* A view into the map, valid until the transaction ends. NOT_FOUND without a detail when absent. */
cairn_err cairn_kv_get(cairn_kv_txn *txn, unsigned table, cairn_bytes key,
                       cairn_bytes *ret_value) CAIRN_MUST_USE;
cairn_err cairn_kv_put(cairn_kv_txn *txn, unsigned table, cairn_bytes key,
                       cairn_bytes value) CAIRN_MUST_USE;
/* Removing what is not there is success. */
cairn_err cairn_kv_delete(cairn_kv_txn *txn, unsigned table, cairn_bytes key) CAIRN_MUST_USE;

/* First pair with key >= `from`, then the next ones. NOT_FOUND without a detail at the end. */
cairn_err cairn_kv_cursor_open(cairn_kv_txn *txn, unsigned table,
                               cairn_kv_cursor **ret_cursor) CAIRN_MUST_USE;
cairn_err cairn_kv_cursor_seek(cairn_kv_cursor *cursor, cairn_bytes from, cairn_bytes *ret_key,
                               cairn_bytes *ret_value) CAIRN_MUST_USE;
cairn_err cairn_kv_cursor_next(cairn_kv_cursor *cursor, cairn_bytes *ret_key,
                               cairn_bytes *ret_value) CAIRN_MUST_USE;
void cairn_kv_cursor_close(cairn_kv_cursor *cursor);

#endif
