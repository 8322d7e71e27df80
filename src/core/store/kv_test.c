/* The key-value store: order, isolation, bounds, and what it does when the disk does not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/store/kv.h"

static const char *const tables[] = {"first", "second"};
enum { FIRST, SECOND, MAP_SIZE = 1 << 20 };

typedef struct fixture {
    char path[64];
    cairn_kv *kv;
} fixture;

static cairn_bytes text(const char *s)
{
    return cairn_bytes_str(s);
}

static int set_up(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    (void)snprintf(f->path, sizeof f->path, "/tmp/cairn-kv-XXXXXX");
    assert_non_null(mkdtemp(f->path));
    assert_int_equal(cairn_kv_open(f->path, tables, 2, MAP_SIZE, &f->kv), CAIRN_OK);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    fixture *f = *state;
    cairn_kv_close(f->kv);
    char name[96];
    (void)snprintf(name, sizeof name, "%s/data.mdb", f->path);
    assert_int_equal(unlink(name), 0);
    (void)snprintf(name, sizeof name, "%s/lock.mdb", f->path);
    assert_int_equal(unlink(name), 0);
    assert_int_equal(rmdir(f->path), 0);
    free(f);
    return 0;
}

static void put_one(cairn_kv *kv, unsigned table, const char *key, const char *value)
{
    cairn_kv_txn *txn = NULL;
    assert_int_equal(cairn_kv_begin(kv, true, &txn), CAIRN_OK);
    assert_int_equal(cairn_kv_put(txn, table, text(key), text(value)), CAIRN_OK);
    assert_int_equal(cairn_kv_commit(txn), CAIRN_OK);
}

static void assert_value(cairn_kv_txn *txn, unsigned table, const char *key, const char *want)
{
    cairn_bytes value = {0};
    assert_int_equal(cairn_kv_get(txn, table, text(key), &value), CAIRN_OK);
    assert_true(cairn_bytes_equal(value, text(want)));
}

static void test_put_get_delete_reopen(void **state)
{
    fixture *f = *state;
    put_one(f->kv, FIRST, "a", "1");
    put_one(f->kv, SECOND, "a", "2");
    cairn_kv_txn *txn = NULL;
    assert_int_equal(cairn_kv_begin(f->kv, true, &txn), CAIRN_OK);
    assert_int_equal(cairn_kv_delete(txn, SECOND, text("a")), CAIRN_OK);
    assert_int_equal(cairn_kv_delete(txn, SECOND, text("never")), CAIRN_OK);
    assert_int_equal(cairn_kv_put(txn, FIRST, text("empty"), text("")), CAIRN_OK);
    assert_int_equal(cairn_kv_commit(txn), CAIRN_OK);
    cairn_kv_close(f->kv);
    f->kv = NULL;
    assert_int_equal(cairn_kv_open(f->path, tables, 2, MAP_SIZE, &f->kv), CAIRN_OK);
    assert_int_equal(cairn_kv_begin(f->kv, false, &txn), CAIRN_OK);
    assert_value(txn, FIRST, "a", "1");
    assert_value(txn, FIRST, "empty", "");
    cairn_bytes value = {0};
    assert_int_equal(cairn_kv_get(txn, SECOND, text("a"), &value), CAIRN_ERR_NOT_FOUND);
    cairn_kv_abort(txn);
}

static void test_readers_keep_their_snapshot(void **state)
{
    fixture *f = *state;
    put_one(f->kv, FIRST, "k", "old");
    cairn_kv_txn *reader = NULL;
    assert_int_equal(cairn_kv_begin(f->kv, false, &reader), CAIRN_OK);
    assert_value(reader, FIRST, "k", "old");
    put_one(f->kv, FIRST, "k", "new");
    assert_value(reader, FIRST, "k", "old");
    cairn_kv_abort(reader);
    /* The pooled transaction comes back renewed. */
    assert_int_equal(cairn_kv_begin(f->kv, false, &reader), CAIRN_OK);
    assert_value(reader, FIRST, "k", "new");
    assert_int_equal(cairn_kv_commit(reader), CAIRN_OK);
}

static void test_abort_leaves_nothing(void **state)
{
    fixture *f = *state;
    cairn_kv_txn *txn = NULL;
    assert_int_equal(cairn_kv_begin(f->kv, true, &txn), CAIRN_OK);
    assert_int_equal(cairn_kv_put(txn, FIRST, text("k"), text("v")), CAIRN_OK);
    cairn_kv_abort(txn);
    assert_int_equal(cairn_kv_begin(f->kv, false, &txn), CAIRN_OK);
    cairn_bytes value = {0};
    assert_int_equal(cairn_kv_get(txn, FIRST, text("k"), &value), CAIRN_ERR_NOT_FOUND);
    cairn_kv_abort(txn);
    cairn_kv_abort(NULL);
}

static void test_cursor_walks_in_bytewise_order(void **state)
{
    fixture *f = *state;
    static const char *const keys[] = {"\xff", "b", "ba", "a", "\x01"};
    static const char *const sorted[] = {"\x01", "a", "b", "ba", "\xff"};
    for (size_t i = 0; i < 5; i++)
        put_one(f->kv, FIRST, keys[i], keys[i]);
    cairn_kv_txn *txn = NULL;
    cairn_kv_cursor *cursor = NULL;
    cairn_bytes key = {0};
    cairn_bytes value = {0};
    assert_int_equal(cairn_kv_begin(f->kv, false, &txn), CAIRN_OK);
    assert_int_equal(cairn_kv_cursor_open(txn, FIRST, &cursor), CAIRN_OK);
    cairn_err err = cairn_kv_cursor_seek(cursor, text(""), &key, &value);
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(err, CAIRN_OK);
        assert_true(cairn_bytes_equal(key, text(sorted[i])));
        assert_true(cairn_bytes_equal(value, text(sorted[i])));
        err = cairn_kv_cursor_next(cursor, &key, &value);
    }
    assert_int_equal(err, CAIRN_ERR_NOT_FOUND);
    assert_int_equal(cairn_kv_cursor_seek(cursor, text("b0"), &key, &value), CAIRN_OK);
    assert_true(cairn_bytes_equal(key, text("ba")));
    assert_int_equal(cairn_kv_cursor_seek(cursor, text("\xff\xff"), &key, &value),
                     CAIRN_ERR_NOT_FOUND);
    cairn_kv_cursor_close(cursor);
    cairn_kv_cursor_close(NULL);
    cairn_kv_abort(txn);
}

static void test_key_sizes(void **state)
{
    fixture *f = *state;
    uint8_t key[CAIRN_KV_KEY_SIZE_MAX + 1] = {0};
    cairn_kv_txn *txn = NULL;
    assert_int_equal(cairn_kv_begin(f->kv, true, &txn), CAIRN_OK);
    assert_int_equal(
        cairn_kv_put(txn, FIRST, cairn_bytes_of(key, CAIRN_KV_KEY_SIZE_MAX), text("v")), CAIRN_OK);
    assert_int_equal(cairn_kv_put(txn, FIRST, cairn_bytes_of(key, sizeof key), text("v")),
                     CAIRN_ERR_ARGUMENT);
    assert_int_equal(cairn_kv_put(txn, FIRST, text(""), text("v")), CAIRN_ERR_ARGUMENT);
    cairn_kv_abort(txn);
}

static void test_full_map_is_no_space_and_recoverable(void **state)
{
    fixture *f = *state;
    static const uint8_t block[3000];
    cairn_kv_txn *txn = NULL;
    assert_int_equal(cairn_kv_begin(f->kv, true, &txn), CAIRN_OK);
    cairn_err err = CAIRN_OK;
    for (unsigned i = 0; i < 1000 && err == CAIRN_OK; i++) {
        uint8_t key[4];
        cairn_put_u32(key, i);
        err = cairn_kv_put(txn, FIRST, cairn_bytes_of(key, 4), cairn_bytes_of(block, sizeof block));
    }
    assert_int_equal(err, CAIRN_ERR_NO_SPACE);
    cairn_kv_abort(txn);
    put_one(f->kv, FIRST, "k", "still works");
}

/* The code of a commit of many pages to a file that may not grow beyond `size`. */
static cairn_err commit_within(cairn_kv *kv, rlim_t size)
{
    static const uint8_t zeros[32768];
    struct rlimit old;
    cairn_kv_txn *txn = NULL;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(cairn_kv_begin(kv, true, &txn), CAIRN_OK);
    assert_int_equal(cairn_kv_put(txn, FIRST, text("k"), cairn_bytes_of(zeros, sizeof zeros)),
                     CAIRN_OK);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &(struct rlimit){size, old.rlim_max}), 0);
    cairn_err err = cairn_kv_commit(txn);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    (void)signal(SIGXFSZ, handler);
    return err;
}

static void goes_on_without_space(fixture *f, rlim_t size)
{
    cairn_kv_txn *txn = NULL;
    put_one(f->kv, FIRST, "k", "before");
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(commit_within(f->kv, size), CAIRN_ERR_NO_SPACE);
        assert_int_equal(cairn_kv_begin(f->kv, false, &txn), CAIRN_OK);
        assert_value(txn, FIRST, "k", "before");
        cairn_kv_abort(txn);
    }
    put_one(f->kv, FIRST, "k", "after");
    assert_int_equal(cairn_kv_begin(f->kv, false, &txn), CAIRN_OK);
    assert_value(txn, FIRST, "k", "after");
    cairn_kv_abort(txn);
}

static void test_commit_without_space(void **state)
{
    goes_on_without_space(*state, 0);
}

/* There is room for a part of the write: LMDB says EIO then, and no system call failed. */
static void test_commit_cut_short(void **state)
{
    fixture *f = *state;
    struct stat data;
    char name[96];
    put_one(f->kv, FIRST, "k", "first");
    (void)snprintf(name, sizeof name, "%s/data.mdb", f->path);
    assert_int_equal(stat(name, &data), 0);
    goes_on_without_space(f, (rlim_t)data.st_size + 4096);
}

static void test_broken_file_is_corrupt(void **state)
{
    fixture *f = *state;
    cairn_kv_close(f->kv);
    f->kv = NULL;
    char name[96];
    (void)snprintf(name, sizeof name, "%s/data.mdb", f->path);
    int fd = open(name, O_WRONLY);
    static const uint8_t zeros[8192];
    assert_int_equal(pwrite(fd, zeros, sizeof zeros, 0), sizeof zeros);
    assert_int_equal(close(fd), 0);
    assert_int_equal(cairn_kv_open(f->path, tables, 2, MAP_SIZE, &f->kv), CAIRN_ERR_CORRUPT);
    assert_null(f->kv);
    assert_int_equal(cairn_kv_open("/nowhere/at/all", tables, 2, MAP_SIZE, &f->kv),
                     CAIRN_ERR_NOT_FOUND);
}

static void *read_often(void *arg)
{
    cairn_kv *kv = arg;
    for (int i = 0; i < 2000; i++) {
        cairn_kv_txn *txn = NULL;
        cairn_bytes value = {0};
        if (cairn_kv_begin(kv, false, &txn) != CAIRN_OK)
            return kv;
        cairn_err err = cairn_kv_get(txn, FIRST, text("k"), &value);
        bool good = err == CAIRN_OK && value.size == 1;
        cairn_kv_abort(txn);
        if (!good)
            return kv;
    }
    return NULL;
}

static void test_threads_share_the_pool(void **state)
{
    fixture *f = *state;
    put_one(f->kv, FIRST, "k", "0");
    pthread_t readers[4];
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&readers[i], NULL, read_often, f->kv), 0);
    for (int i = 0; i < 20; i++)
        put_one(f->kv, FIRST, "k", i % 2 == 0 ? "1" : "2");
    for (size_t i = 0; i < 4; i++) {
        void *failed = NULL;
        assert_int_equal(pthread_join(readers[i], &failed), 0);
        assert_null(failed);
    }
}

static void test_too_many_readers_is_busy(void **state)
{
    fixture *f = *state;
    enum { SLOTS = 2000 };
    cairn_kv_txn *open[SLOTS];
    size_t count = 0;
    cairn_err err = CAIRN_OK;
    while (count < SLOTS && (err = cairn_kv_begin(f->kv, false, &open[count])) == CAIRN_OK)
        count++;
    assert_int_equal(err, CAIRN_ERR_BUSY);
    assert_true(count >= 500);
    while (count > 0)
        cairn_kv_abort(open[--count]);
    assert_int_equal(cairn_kv_begin(f->kv, false, &open[0]), CAIRN_OK);
    cairn_kv_abort(open[0]);
}

#define WITH_KV(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_KV(test_put_get_delete_reopen),
        WITH_KV(test_readers_keep_their_snapshot),
        WITH_KV(test_abort_leaves_nothing),
        WITH_KV(test_cursor_walks_in_bytewise_order),
        WITH_KV(test_key_sizes),
        WITH_KV(test_full_map_is_no_space_and_recoverable),
        WITH_KV(test_commit_without_space),
        WITH_KV(test_commit_cut_short),
        WITH_KV(test_broken_file_is_corrupt),
        WITH_KV(test_threads_share_the_pool),
        WITH_KV(test_too_many_readers_is_busy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
