/* LMDB behind six calls. Read transactions come from a pool of renewed ones: LMDB's NOTLS mode lets
 * them wander between threads. After a failed commit the environment takes no more writes: what
 * reached the disk is then unknown, and the block log is the truth from which the next open
 * recovers. A commit without space is another matter: its pages are written and synced before the
 * meta page that would make them count, so none of them is referred to, and whoever uses them next
 * writes them whole; should the meta page itself fail, LMDB refuses all from then on. */
#include "core/store/kv.h"

#include <errno.h>
#include <fcntl.h>
#include <lmdb.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "core/store/file.h"
#include "core/store/kv_check.h"

enum {
    READER_COUNT_MAX = 1024, /* slots of LMDB's reader table */
    POOL_COUNT_MAX = 64,     /* idle read transactions kept */
};

struct cairn_kv_txn {
    cairn_kv *kv;
    MDB_txn *mdb;
    cairn_kv_txn *next_idle;
    bool write;
};

struct cairn_kv_cursor {
    MDB_cursor *mdb;
};

struct cairn_kv {
    MDB_env *env;
    MDB_dbi *tables;
    size_t table_count;
    bool read_only;            /* set at open */
    atomic_bool failed;        /* set by the writer, read by whoever begins to write */
    pthread_mutex_t pool_lock; /* guards the next two */
    cairn_kv_txn *idle;
    size_t idle_count;
};

static bool is_corruption(int rc)
{
    return rc == MDB_CORRUPTED || rc == MDB_PAGE_NOTFOUND || rc == MDB_INVALID ||
           rc == MDB_VERSION_MISMATCH || rc == MDB_INCOMPATIBLE || rc == MDB_CURSOR_FULL;
}

/* Code of an LMDB result other than success and NOTFOUND. */
static cairn_err fail(int rc, const char *what)
{
    if (rc > 0)
        return cairn_err_from_errno(rc, what);
    if (is_corruption(rc))
        return CAIRN_FAIL(CAIRN_ERR_CORRUPT, "house", "%s: %s", what, mdb_strerror(rc));
    if (rc == MDB_PANIC)
        return CAIRN_FAIL(CAIRN_ERR_IO, "house", "%s: unusable after a failed commit", what);
    if (rc == MDB_MAP_FULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_SPACE, "house", "%s: the reserved map is full", what);
    if (rc == MDB_READERS_FULL)
        return CAIRN_FAIL(CAIRN_ERR_BUSY, "house", "%s: too many read transactions", what);
    if (rc == MDB_TXN_FULL)
        return CAIRN_FAIL(CAIRN_ERR_TOO_MANY, "house", "%s: transaction has too many pages", what);
    if (rc == MDB_BAD_VALSIZE)
        return CAIRN_FAIL(CAIRN_ERR_ARGUMENT, "house", "%s: key or value has a wrong size", what);
    return CAIRN_FAIL(CAIRN_ERR_INTERNAL, "house", "%s: %s", what, mdb_strerror(rc));
}

static MDB_val val_of(cairn_bytes in)
{
    /* LMDB's views are not const; it does not write through them. */
    return (MDB_val){.mv_size = in.size, .mv_data = (void *)(uintptr_t)in.data};
}

static cairn_bytes bytes_of(const MDB_val *in)
{
    return cairn_bytes_of(in->mv_data, in->mv_size);
}

static cairn_err open_tables(cairn_kv *kv, const char *const *tables)
{
    MDB_txn *txn = NULL;
    int rc = mdb_txn_begin(kv->env, NULL, kv->read_only ? MDB_RDONLY : 0, &txn);
    if (rc != 0)
        return fail(rc, "kv: first transaction");
    for (size_t i = 0; i < kv->table_count; i++) {
        rc = mdb_dbi_open(txn, tables[i], kv->read_only ? 0 : MDB_CREATE, &kv->tables[i]);
        if (rc != 0) {
            mdb_txn_abort(txn);
            if (rc == MDB_NOTFOUND)
                return CAIRN_FAIL(CAIRN_ERR_BAD_VERSION, "house", "kv: has no table %s", tables[i]);
            return fail(rc, "kv: table");
        }
    }
    rc = mdb_txn_commit(txn);
    return rc == 0 ? CAIRN_OK : fail(rc, "kv: first commit");
}

static cairn_err open_env(cairn_kv *kv, const char *path, size_t map_size, unsigned flags,
                          int *ret_rc)
{
    int rc = mdb_env_create(&kv->env);
    *ret_rc = rc;
    if (rc != 0)
        return fail(rc, "kv: environment");
    if ((rc = mdb_env_set_maxdbs(kv->env, (MDB_dbi)kv->table_count)) != 0 ||
        (rc = mdb_env_set_maxreaders(kv->env, READER_COUNT_MAX)) != 0 ||
        (rc = mdb_env_set_mapsize(kv->env, map_size)) != 0)
        return fail(rc, "kv: settings");
    *ret_rc = rc = mdb_env_open(kv->env, path, MDB_NOTLS | flags, 0600);
    return rc == 0 ? CAIRN_OK : fail(rc, "kv: open");
}

/* LMDB writes the first pages of a new file in place, and refuses for ever a file that lost them to
 * a power cut. So a new environment is made whole under another name, which it then leaves. */
static cairn_err create(cairn_kv *kv, const char *directory, const char *path,
                        const char *const *tables, size_t map_size)
{
    char new_path[CAIRN_PATH_SIZE_MAX];
    char new_lock[CAIRN_PATH_SIZE_MAX];
    CAIRN_TRY(cairn_path_join(directory, "new.mdb", new_path));
    CAIRN_TRY(cairn_path_join(directory, "new.mdb-lock", new_lock));
    CAIRN_TRY(cairn_file_remove(new_path));
    int rc = 0;
    cairn_err err = open_env(kv, new_path, map_size, MDB_NOSUBDIR, &rc);
    if (err == CAIRN_OK)
        err = open_tables(kv, tables);
    mdb_env_close(kv->env);
    kv->env = NULL;
    CAIRN_TRY(err);
    CAIRN_TRY(cairn_file_remove(new_lock));
    return cairn_file_rename(new_path, path);
}

/* What a process that died left in the page cache is not yet on disk, and after a failed sync it
 * never will be, though the pages are marked clean: whoever opens the file must see the disk. */
static cairn_err settle(int fd, const char *path)
{
    CAIRN_TRY(cairn_file_sync(fd, path));
    int rc = posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
    return rc == 0 ? CAIRN_OK : cairn_err_from_errno(rc, "kv: drop the cached pages");
}

/* Makes the environment if it is missing, and its names durable in any case: whoever made them may
 * have died before that. */
static cairn_err prepare(cairn_kv *kv, const char *directory, const char *const *tables,
                         size_t map_size)
{
    char path[CAIRN_PATH_SIZE_MAX];
    CAIRN_CLEANUP(cairn_file_close_p) int fd = -1;
    CAIRN_TRY(cairn_path_join(directory, "data.mdb", path));
    CAIRN_TRY(cairn_dir_make(directory, 0700));
    cairn_err err = cairn_file_open(path, O_RDONLY, 0, &fd);
    if (err == CAIRN_OK) {
        err = settle(fd, path);
        if (err == CAIRN_OK)
            err = cairn_kv_check(fd, path);
    } else if (err == CAIRN_ERR_NOT_FOUND) {
        err = create(kv, directory, path, tables, map_size);
    }
    CAIRN_TRY(err);
    return cairn_dir_sync(directory);
}

static cairn_err clear_stale_readers(cairn_kv *kv)
{
    int stale = 0;
    int rc = mdb_reader_check(kv->env, &stale);
    return rc == 0 ? CAIRN_OK : fail(rc, "kv: stale readers");
}

static cairn_err new_kv(size_t table_count, cairn_kv **ret_kv)
{
    cairn_kv *kv = calloc(1, sizeof *kv);
    if (kv == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "kv: environment");
    int rc = pthread_mutex_init(&kv->pool_lock, NULL);
    if (rc != 0) {
        free(kv);
        return cairn_err_from_errno(rc, "kv: lock");
    }
    kv->table_count = table_count;
    kv->tables = calloc(table_count, sizeof *kv->tables);
    if (kv->tables == NULL) {
        cairn_kv_close(kv);
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "kv: %zu tables", table_count);
    }
    *ret_kv = kv;
    return CAIRN_OK;
}

cairn_err cairn_kv_open(const char *path, const char *const *tables, size_t table_count,
                        size_t map_size, cairn_kv **ret_kv)
{
    CAIRN_CLEANUP(cairn_kv_close_p) cairn_kv *kv = NULL;
    int rc = 0;
    CAIRN_TRY(new_kv(table_count, &kv));
    CAIRN_TRY(prepare(kv, path, tables, map_size));
    CAIRN_TRY(open_env(kv, path, map_size, 0, &rc));
    CAIRN_TRY(clear_stale_readers(kv));
    CAIRN_TRY(open_tables(kv, tables));
    *ret_kv = CAIRN_STEAL(kv);
    return CAIRN_OK;
}

/* Where the lock file may not be written, LMDB's readers cannot say what they look at. */
static cairn_err open_env_to_read(cairn_kv *kv, const char *path, size_t map_size)
{
    int rc = 0;
    cairn_err err = open_env(kv, path, map_size, MDB_RDONLY, &rc);
    if (rc != EACCES && rc != EPERM && rc != EROFS)
        return err;
    mdb_env_close(kv->env);
    kv->env = NULL;
    return open_env(kv, path, map_size, MDB_RDONLY | MDB_NOLOCK, &rc);
}

cairn_err cairn_kv_open_read(const char *path, const char *const *tables, size_t table_count,
                             size_t map_size, cairn_kv **ret_kv)
{
    CAIRN_CLEANUP(cairn_kv_close_p) cairn_kv *kv = NULL;
    CAIRN_CLEANUP(cairn_file_close_p) int fd = -1;
    char file[CAIRN_PATH_SIZE_MAX];
    CAIRN_TRY(new_kv(table_count, &kv));
    kv->read_only = true;
    CAIRN_TRY(cairn_path_join(path, "data.mdb", file));
    CAIRN_TRY(cairn_file_open(file, O_RDONLY, 0, &fd));
    CAIRN_TRY(settle(fd, file));
    CAIRN_TRY(cairn_kv_check(fd, file));
    CAIRN_TRY(open_env_to_read(kv, path, map_size));
    CAIRN_TRY(open_tables(kv, tables));
    *ret_kv = CAIRN_STEAL(kv);
    return CAIRN_OK;
}

static void free_txn(cairn_kv_txn *txn)
{
    mdb_txn_abort(txn->mdb);
    free(txn);
}

void cairn_kv_close(cairn_kv *kv)
{
    if (kv == NULL)
        return;
    while (kv->idle != NULL) {
        cairn_kv_txn *txn = kv->idle;
        kv->idle = txn->next_idle;
        free_txn(txn);
    }
    if (kv->env != NULL)
        mdb_env_close(kv->env);
    free(kv->tables);
    (void)pthread_mutex_destroy(&kv->pool_lock);
    free(kv);
}

static cairn_kv_txn *take_idle(cairn_kv *kv)
{
    (void)pthread_mutex_lock(&kv->pool_lock);
    cairn_kv_txn *txn = kv->idle;
    if (txn != NULL) {
        kv->idle = txn->next_idle;
        kv->idle_count--;
    }
    (void)pthread_mutex_unlock(&kv->pool_lock);
    return txn;
}

/* False when the pool is full. */
static bool give_idle(cairn_kv *kv, cairn_kv_txn *txn)
{
    (void)pthread_mutex_lock(&kv->pool_lock);
    bool room = kv->idle_count < POOL_COUNT_MAX;
    if (room) {
        txn->next_idle = kv->idle;
        kv->idle = txn;
        kv->idle_count++;
    }
    (void)pthread_mutex_unlock(&kv->pool_lock);
    return room;
}

cairn_err cairn_kv_begin(cairn_kv *kv, bool write, cairn_kv_txn **ret_txn)
{
    if (write && kv->read_only)
        return CAIRN_FAIL(CAIRN_ERR_READ_ONLY, "house", "kv: was opened for reading");
    if (write && atomic_load(&kv->failed))
        return CAIRN_FAIL(CAIRN_ERR_READ_ONLY, "house", "kv: an earlier commit failed");
    cairn_kv_txn *txn = write ? NULL : take_idle(kv);
    if (txn != NULL) {
        int rc = mdb_txn_renew(txn->mdb);
        if (rc != 0) {
            free_txn(txn);
            return fail(rc, "kv: renew");
        }
        *ret_txn = txn;
        return CAIRN_OK;
    }
    txn = malloc(sizeof *txn);
    if (txn == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "kv: transaction");
    *txn = (cairn_kv_txn){.kv = kv, .write = write};
    int rc = mdb_txn_begin(kv->env, NULL, write ? 0 : MDB_RDONLY, &txn->mdb);
    if (rc != 0) {
        free(txn);
        return fail(rc, "kv: begin");
    }
    *ret_txn = txn;
    return CAIRN_OK;
}

cairn_err cairn_kv_commit(cairn_kv_txn *txn)
{
    if (!txn->write) {
        cairn_kv_abort(txn);
        return CAIRN_OK;
    }
    errno = 0;
    int rc = mdb_txn_commit(txn->mdb);
    bool cut_short = rc == EIO && errno != EIO; /* LMDB's own word for a short write */
    cairn_kv *kv = txn->kv;
    free(txn);
    if (rc == 0)
        return CAIRN_OK;
    cairn_err err =
        cut_short ? CAIRN_FAIL(CAIRN_ERR_NO_SPACE, "house", "kv: commit: a write was cut short")
                  : fail(rc, "kv: commit");
    if (err != CAIRN_ERR_NO_SPACE)
        atomic_store(&kv->failed, true);
    return err;
}

void cairn_kv_abort(cairn_kv_txn *txn)
{
    if (txn == NULL)
        return;
    if (!txn->write) {
        mdb_txn_reset(txn->mdb);
        if (give_idle(txn->kv, txn))
            return;
    }
    free_txn(txn);
}

static MDB_dbi dbi_of(const cairn_kv *kv, unsigned table)
{
    CAIRN_ASSERT(table < kv->table_count);
    return kv->tables[table];
}

cairn_err cairn_kv_get(cairn_kv_txn *txn, unsigned table, cairn_bytes key, cairn_bytes *ret_value)
{
    MDB_val k = val_of(key);
    MDB_val v;
    int rc = mdb_get(txn->mdb, dbi_of(txn->kv, table), &k, &v);
    if (rc == MDB_NOTFOUND)
        return CAIRN_ERR_NOT_FOUND;
    if (rc != 0)
        return fail(rc, "kv: get");
    *ret_value = bytes_of(&v);
    return CAIRN_OK;
}

cairn_err cairn_kv_put(cairn_kv_txn *txn, unsigned table, cairn_bytes key, cairn_bytes value)
{
    MDB_val k = val_of(key);
    MDB_val v = val_of(value);
    int rc = mdb_put(txn->mdb, dbi_of(txn->kv, table), &k, &v, 0);
    return rc == 0 ? CAIRN_OK : fail(rc, "kv: put");
}

cairn_err cairn_kv_delete(cairn_kv_txn *txn, unsigned table, cairn_bytes key)
{
    MDB_val k = val_of(key);
    int rc = mdb_del(txn->mdb, dbi_of(txn->kv, table), &k, NULL);
    return rc == 0 || rc == MDB_NOTFOUND ? CAIRN_OK : fail(rc, "kv: delete");
}

cairn_err cairn_kv_cursor_open(cairn_kv_txn *txn, unsigned table, cairn_kv_cursor **ret_cursor)
{
    cairn_kv_cursor *cursor = malloc(sizeof *cursor);
    if (cursor == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "kv: cursor");
    int rc = mdb_cursor_open(txn->mdb, dbi_of(txn->kv, table), &cursor->mdb);
    if (rc != 0) {
        free(cursor);
        return fail(rc, "kv: cursor");
    }
    *ret_cursor = cursor;
    return CAIRN_OK;
}

static cairn_err cursor_get(cairn_kv_cursor *cursor, MDB_val *key, MDB_cursor_op op,
                            cairn_bytes *ret_key, cairn_bytes *ret_value)
{
    MDB_val value;
    int rc = mdb_cursor_get(cursor->mdb, key, &value, op);
    if (rc == MDB_NOTFOUND)
        return CAIRN_ERR_NOT_FOUND;
    if (rc != 0)
        return fail(rc, "kv: cursor");
    *ret_key = bytes_of(key);
    *ret_value = bytes_of(&value);
    return CAIRN_OK;
}

cairn_err cairn_kv_cursor_seek(cairn_kv_cursor *cursor, cairn_bytes from, cairn_bytes *ret_key,
                               cairn_bytes *ret_value)
{
    MDB_val key = val_of(from);
    /* SET_RANGE refuses an empty key, which means the first pair. */
    return cursor_get(cursor, &key, from.size == 0 ? MDB_FIRST : MDB_SET_RANGE, ret_key, ret_value);
}

cairn_err cairn_kv_cursor_next(cairn_kv_cursor *cursor, cairn_bytes *ret_key,
                               cairn_bytes *ret_value)
{
    MDB_val key;
    return cursor_get(cursor, &key, MDB_NEXT, ret_key, ret_value);
}

void cairn_kv_cursor_close(cairn_kv_cursor *cursor)
{
    if (cursor == NULL)
        return;
    mdb_cursor_close(cursor->mdb);
    free(cursor);
}
