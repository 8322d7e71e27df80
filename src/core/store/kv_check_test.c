/* The check of an LMDB file's structure: it passes what liblmdb writes, and stands between every
 * flipped bit and a crash. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/store/kv.h"
#include "core/store/kv_check.h"
#include "support/tree.h"

static const char *const tables[] = {"first", "second", "third"};
enum { TABLES = 3, MAP_SIZE = 16 << 20, FLIPS = 1000 };

typedef struct fixture {
    char path[64];
    char file[80];
    uint64_t seed;
} fixture;

static uint32_t next_random(fixture *f)
{
    f->seed = f->seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(f->seed >> 33);
}

/* Many transactions that write, overwrite and remove small and large values. */
static void fill(fixture *f, cairn_kv *kv, unsigned rounds)
{
    static uint8_t value[20000];
    for (unsigned round = 0; round < rounds; round++) {
        cairn_kv_txn *txn = NULL;
        assert_int_equal(cairn_kv_begin(kv, true, &txn), CAIRN_OK);
        for (unsigned i = 0; i < 40; i++) {
            uint8_t key[4];
            unsigned table = next_random(f) % 2; /* the third stays empty */
            cairn_put_u32(key, next_random(f) % 700);
            cairn_bytes name = cairn_bytes_of(key, sizeof key);
            size_t size = next_random(f) % 16 == 0 ? next_random(f) % sizeof value : 60;
            if (next_random(f) % 4 == 0)
                assert_int_equal(cairn_kv_delete(txn, table, name), CAIRN_OK);
            else
                assert_int_equal(cairn_kv_put(txn, table, name, cairn_bytes_of(value, size)),
                                 CAIRN_OK);
        }
        assert_int_equal(cairn_kv_commit(txn), CAIRN_OK);
    }
}

static int set_up(void **state)
{
    static fixture f;
    cairn_kv *kv = NULL;
    f = (fixture){.seed = 1};
    if (access("/dev/shm", W_OK) == 0)
        (void)setenv("TMPDIR", "/dev/shm", 0); /* opening syncs, thousands of times */
    tree_make(f.path, sizeof f.path, "kv-check");
    (void)snprintf(f.file, sizeof f.file, "%s/data.mdb", f.path);
    assert_int_equal(cairn_kv_open(f.path, tables, TABLES, MAP_SIZE, &kv), CAIRN_OK);
    fill(&f, kv, 60);
    cairn_kv_close(kv);
    *state = &f;
    return 0;
}

static int tear_down(void **state)
{
    fixture *f = *state;
    tree_remove(f->path);
    return 0;
}

static cairn_err check(const fixture *f)
{
    int fd = open(f->file, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    cairn_err err = cairn_kv_check(fd, "data.mdb");
    if (err != CAIRN_OK)
        print_message("%s\n", cairn_err_detail());
    assert_int_equal(close(fd), 0);
    return err;
}

static void test_what_liblmdb_writes_passes(void **state)
{
    fixture *f = *state;
    for (unsigned round = 0; round < 30; round++) {
        cairn_kv *kv = NULL;
        assert_int_equal(check(f), CAIRN_OK);
        assert_int_equal(cairn_kv_open(f->path, tables, TABLES, MAP_SIZE, &kv), CAIRN_OK);
        fill(f, kv, 3);
        assert_int_equal(check(f), CAIRN_OK); /* of the newest transaction, while it is open */
        cairn_kv_close(kv);
    }
}

static void change_byte(const fixture *f, off_t offset, uint8_t bits)
{
    uint8_t byte;
    int fd = open(f->file, O_RDWR | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(pread(fd, &byte, 1, offset), 1);
    byte ^= bits;
    assert_int_equal(pwrite(fd, &byte, 1, offset), 1);
    assert_int_equal(close(fd), 0);
}

static void read_all(cairn_kv *kv)
{
    cairn_kv_txn *txn = NULL;
    if (cairn_kv_begin(kv, false, &txn) != CAIRN_OK)
        return;
    for (unsigned table = 0; table < TABLES; table++) {
        cairn_kv_cursor *cursor = NULL;
        cairn_bytes key, value;
        uint8_t sum = 0;
        if (cairn_kv_cursor_open(txn, table, &cursor) != CAIRN_OK)
            continue;
        cairn_err err = cairn_kv_cursor_seek(cursor, cairn_bytes_of(NULL, 0), &key, &value);
        for (; err == CAIRN_OK; err = cairn_kv_cursor_next(cursor, &key, &value)) {
            for (size_t i = 0; i < value.size; i++)
                sum ^= value.data[i];
        }
        *(volatile uint8_t *)&sum = sum;
        cairn_kv_cursor_close(cursor);
    }
    cairn_kv_abort(txn);
}

/* Opens, reads everything, writes; in a child, which must end by itself. */
static void use(fixture *f)
{
    cairn_kv *kv = NULL;
    cairn_kv_txn *txn = NULL;
    if (cairn_kv_open(f->path, tables, TABLES, MAP_SIZE, &kv) != CAIRN_OK)
        _exit(1);
    read_all(kv);
    if (cairn_kv_begin(kv, true, &txn) == CAIRN_OK) {
        cairn_err err = cairn_kv_put(txn, 0, cairn_bytes_str("key"), cairn_bytes_str("value"));
        cairn_kv_abort(txn);
        _exit(err == CAIRN_OK ? 0 : 2);
    }
    _exit(3);
}

static void test_a_flipped_bit_never_ends_the_process(void **state)
{
    fixture *f = *state;
    struct stat st;
    unsigned refused = 0;
    assert_int_equal(stat(f->file, &st), 0);
    for (unsigned i = 0; i < FLIPS; i++) {
        /* Half of them in the first bytes of a page, where its structure is. */
        off_t page = (off_t)(next_random(f) % (uint32_t)(st.st_size / 4096));
        off_t offset = page * 4096 + next_random(f) % (i % 2 == 0 ? 160 : 4096);
        uint8_t bits = (uint8_t)(1u << next_random(f) % 8);
        int status = 0;
        change_byte(f, offset, bits);
        pid_t child = fork();
        if (child == 0)
            use(f);
        assert_true(child > 0);
        assert_int_equal(waitpid(child, &status, 0), child);
        if (!WIFEXITED(status))
            print_message("byte %lld, bits %02x: signal %d\n", (long long)offset, bits,
                          WTERMSIG(status));
        assert_true(WIFEXITED(status));
        refused += WEXITSTATUS(status) == 1;
        change_byte(f, offset, bits);
    }
    assert_true(refused > FLIPS / 50); /* it does refuse */
    assert_int_equal(check(f), CAIRN_OK);
}

static void test_a_file_that_was_cut_is_refused(void **state)
{
    fixture *f = *state;
    struct stat st;
    assert_int_equal(stat(f->file, &st), 0);
    assert_int_equal(truncate(f->file, st.st_size / 2), 0);
    assert_int_equal(check(f), CAIRN_ERR_CORRUPT);
    assert_int_equal(truncate(f->file, 100), 0);
    assert_int_equal(check(f), CAIRN_ERR_CORRUPT);
    assert_int_equal(truncate(f->file, 0), 0);
    assert_int_equal(check(f), CAIRN_ERR_CORRUPT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_what_liblmdb_writes_passes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_flipped_bit_never_ends_the_process, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_a_file_that_was_cut_is_refused, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
