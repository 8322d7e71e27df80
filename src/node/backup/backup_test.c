/* Backups: what was written comes back, and a file that somebody made or broke is refused by name
 * and leaves no ledger directory behind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "cairn/sha256.h"
#include "core/store/file.h"
#include "node/backup/backup_impl.h"
#include "support/tree.h"

enum { ARCHIVE_MAX = 4 << 20 };
static const char passphrase[] = "correct horse battery";

typedef struct fixture {
    char base[96];
    char source[128], target[128], file[128];
    size_t size;   /* of the archive in hand */
    uint8_t *data; /* ARCHIVE_MAX */
} fixture;

static int setup(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    f->data = malloc(ARCHIVE_MAX);
    assert_non_null(f->data);
    tree_make(f->base, sizeof f->base, "backup");
    (void)snprintf(f->source, sizeof f->source, "%s/source", f->base);
    (void)snprintf(f->target, sizeof f->target, "%s/target", f->base);
    (void)snprintf(f->file, sizeof f->file, "%s/file", f->base);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    fixture *f = *state;
    tree_remove(f->base);
    free(f->data);
    free(f);
    return 0;
}

/* --- archives by hand, as docs/formats/backup.md says it --- */

static void put(fixture *f, const void *data, size_t size)
{
    assert_true(size <= ARCHIVE_MAX - f->size);
    if (size > 0)
        memcpy(f->data + f->size, data, size);
    f->size += size;
}

static void put_hash(fixture *f, size_t from, size_t to)
{
    const cairn_bytes part = cairn_bytes_of(f->data + from, to - from);
    cairn_hash hash;
    cairn_sha256_parts(&part, 1, &hash);
    put(f, hash.b, sizeof hash.b);
}

static void begin(fixture *f)
{
    static const uint8_t salt[16];
    f->size = 0;
    put(f, "cairn/backup/1\n", 15);
    put(f, salt, sizeof salt);
}

static void put_path(fixture *f, uint8_t kind, const char *path, size_t size)
{
    uint8_t head[3] = {kind};
    cairn_put_u16(head + 1, (uint16_t)size);
    put(f, head, 3);
    put(f, path, size);
}

/* One record with a chunk of each text; NULL ends the list. */
static void put_record(fixture *f, uint8_t kind, const char *path, const char *first,
                       const char *second)
{
    const char *const texts[] = {first, second};
    static const uint8_t none[4];
    char all[256] = "";
    put_path(f, kind, path, strlen(path));
    for (size_t i = 0; i < 2 && texts[i] != NULL; i++) {
        uint8_t head[4];
        cairn_put_u32(head, (uint32_t)strlen(texts[i]));
        put(f, head, 4);
        put(f, texts[i], strlen(texts[i]));
        (void)strncat(all, texts[i], sizeof all - strlen(all) - 1);
    }
    put(f, none, 4);
    const cairn_bytes content = cairn_bytes_str(all);
    cairn_hash hash;
    cairn_sha256_parts(&content, 1, &hash);
    put(f, hash.b, sizeof hash.b);
}

static void finish(fixture *f)
{
    put(f, "", 1);
    put_hash(f, 0, f->size);
}

/* --- restoring what is in hand --- */

static cairn_err restore_with(fixture *f, cairn_bytes secret, cairn_backup_facts *ret_facts)
{
    int fd = open(f->file, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(cairn_file_write(fd, f->file, cairn_bytes_of(f->data, f->size)), CAIRN_OK);
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    if (access(f->target, F_OK) == 0)
        tree_remove(f->target);
    assert_int_equal(mkdir(f->target, 0700), 0);
    cairn_err err = cairn_backup_restore(fd, "file", secret, f->target, ret_facts);
    assert_int_equal(fcntl(fd, F_GETFD) >= 0, 1); /* the caller's still */
    (void)close(fd);
    return err;
}

static bool is_in(const char *directory, const char *name)
{
    char path[256];
    (void)snprintf(path, sizeof path, "%s/%s", directory, name);
    return access(path, F_OK) == 0;
}

/* Refused with that code, and no ledger directory is left. */
static void refuse(fixture *f, const char *what, cairn_err err)
{
    cairn_backup_facts facts;
    cairn_err got = restore_with(f, (cairn_bytes){0}, &facts);
    if (got != err)
        fail_msg("%s: %s instead of %s (%s)", what, cairn_err_name(got), cairn_err_name(err),
                 cairn_err_detail());
    assert_false(is_in(f->target, "cairn.yaml"));
}

static void expect_content(const char *directory, const char *name, const char *text)
{
    char path[256];
    cairn_bytes content;
    cairn_arena arena;
    cairn_arena_init(&arena, 4 << 20);
    (void)snprintf(path, sizeof path, "%s/%s", directory, name);
    assert_int_equal(cairn_file_read(&arena, path, 1 << 20, &content), CAIRN_OK);
    assert_true(cairn_bytes_equal(content, cairn_bytes_str(text)));
    cairn_arena_done(&arena);
}

static void test_restore(void **state)
{
    fixture *f = *state;
    cairn_backup_facts facts;
    begin(f);
    put_record(f, 1, "store/blocks/1.log", "first", " second");
    put_record(f, 1, "a/b/c/d", NULL, NULL);
    put_record(f, 2, "keys/sign-1.pem", "sealed, and left out without a passphrase", NULL);
    put_record(f, 1, "cairn.yaml", "node: {}", NULL);
    finish(f);
    assert_int_equal(restore_with(f, (cairn_bytes){0}, &facts), CAIRN_OK);
    assert_int_equal(facts.file_count, 4);
    assert_int_equal(facts.size, f->size);
    assert_true(facts.has_keys);
    assert_memory_equal(facts.digest.b, f->data + f->size - 32, 32);
    expect_content(f->target, "store/blocks/1.log", "first second");
    expect_content(f->target, "a/b/c/d", "");
    expect_content(f->target, "cairn.yaml", "node: {}");
    assert_true(is_in(f->target, "keys"));
    assert_false(is_in(f->target, "keys/sign-1.pem"));
    assert_false(is_in(f->target, ".cairn.yaml"));
}

/* A small archive of all kinds. */
static void make_small(fixture *f)
{
    begin(f);
    put_record(f, 1, "store/blocks/1.log", "block", NULL);
    put_record(f, 2, "keys/sign-1.pem", "sealed", NULL);
    put_record(f, 1, "cairn.yaml", "node: {}", NULL);
    finish(f);
}

static void test_cut_anywhere(void **state)
{
    fixture *f = *state;
    make_small(f);
    for (size_t size = f->size; size-- > 0;) {
        f->size = size;
        refuse(f, "cut", CAIRN_ERR_TRUNCATED);
    }
}

static void test_goes_on(void **state)
{
    fixture *f = *state;
    make_small(f);
    put(f, "", 1);
    refuse(f, "one byte more", CAIRN_ERR_TRAILING);
}

/* One bit anywhere. What it breaks tells the code; that it is refused, and leaves no directory,
 * matters. */
static void test_flip_anywhere(void **state)
{
    fixture *f = *state;
    cairn_backup_facts facts;
    make_small(f);
    for (size_t bit = 0; bit < 8 * f->size; bit += bit % 8 == 7 ? 1 : 7) {
        f->data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        if (restore_with(f, (cairn_bytes){0}, &facts) == CAIRN_OK)
            fail_msg("bit %zu is of no account", bit);
        assert_false(is_in(f->target, "cairn.yaml"));
        f->data[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
}

static void test_paths(void **state)
{
    fixture *f = *state;
    static const char *const wrong[] = {"..", "../x",    "a/../b", "/etc/x",   "a//b",
                                        "a/", ".hidden", "a/.b",   ".",        "a/.",
                                        "/",  "a/..",    "./a",    "a/../../x"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        begin(f);
        put_record(f, 1, wrong[i], "x", NULL);
        finish(f);
        refuse(f, wrong[i], CAIRN_ERR_BAD_VALUE);
    }
    begin(f);
    put_path(f, 1, "", 0);
    finish(f);
    refuse(f, "an empty path", CAIRN_ERR_BAD_VALUE);
    begin(f);
    put_path(f, 1, "a\0b", 3);
    finish(f);
    refuse(f, "a path with a NUL", CAIRN_ERR_BAD_VALUE);
    static char path[CAIRN_BACKUP_PATH_SIZE_MAX + 1];
    memset(path, 'p', sizeof path);
    begin(f);
    put_path(f, 1, path, CAIRN_BACKUP_PATH_SIZE_MAX);
    finish(f);
    refuse(f, "a long path", CAIRN_ERR_BAD_VALUE);
    assert_false(is_in(f->base, "x"));
}

/* A path that a record before it has made. */
static void test_twice(void **state)
{
    fixture *f = *state;
    begin(f);
    put_record(f, 1, "a", "x", NULL);
    put_record(f, 1, "a", "y", NULL);
    finish(f);
    refuse(f, "a file twice", CAIRN_ERR_EXISTS);
    expect_content(f->target, "a", "x");
    begin(f);
    put_record(f, 1, "cairn.yaml", "x", NULL);
    put_record(f, 1, "cairn.yaml", "y", NULL);
    finish(f);
    refuse(f, "the configuration twice", CAIRN_ERR_EXISTS);
}

static void test_kinds_and_sizes(void **state)
{
    fixture *f = *state;
    uint8_t head[4];
    begin(f);
    put_record(f, 3, "a", "x", NULL);
    finish(f);
    refuse(f, "an unknown kind", CAIRN_ERR_BAD_VALUE);
    begin(f);
    f->data[13] = '2';
    finish(f);
    refuse(f, "another version", CAIRN_ERR_BAD_VERSION);
    static const uint32_t sizes[] = {CAIRN_BACKUP_CHUNK_SIZE_MAX + 1, INT32_MAX, UINT32_MAX};
    for (size_t i = 0; i < 3; i++) {
        begin(f);
        put_path(f, 1, "a", 1);
        cairn_put_u32(head, sizes[i]);
        put(f, head, 4);
        refuse(f, "a chunk too large", CAIRN_ERR_BAD_VALUE);
    }
    begin(f);
    put_record(f, 2, "keys/a", "one", "two");
    finish(f);
    refuse(f, "a key file of two chunks", CAIRN_ERR_BAD_VALUE);
    begin(f);
    put_record(f, 2, "keys/a", NULL, NULL);
    finish(f);
    refuse(f, "a key file of none", CAIRN_ERR_BAD_VALUE);
}

/* --- writing --- */

static void make_file(const fixture *f, const char *name, const void *data, size_t size)
{
    char path[256];
    (void)snprintf(path, sizeof path, "%s/%s", f->source, name);
    for (char *slash = strchr(path + strlen(f->base) + 1, '/'); slash != NULL;
         slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        (void)mkdir(path, 0700);
        *slash = '/';
    }
    assert_int_equal(cairn_file_replace(path, 0600, cairn_bytes_of(data, size), NULL), CAIRN_OK);
}

static cairn_err back_up(fixture *f, cairn_bytes secret, cairn_backup_facts *ret_facts)
{
    int fd = open(f->file, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    cairn_err err = cairn_backup_write(f->source, secret, fd, "file", ret_facts);
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    ssize_t size = read(fd, f->data, ARCHIVE_MAX);
    assert_true(size >= 0);
    f->size = (size_t)size;
    (void)close(fd);
    return err;
}

static void make_source(fixture *f)
{
    static uint8_t large[(1 << 20) + 17]; /* more than a chunk */
    static uint8_t key[CAIRN_BACKUP_SECRET_SIZE_MAX];
    memset(large, 'L', sizeof large);
    memset(key, 'K', sizeof key);
    make_file(f, "store/blocks/1.log", large, sizeof large);
    make_file(f, "store/blocks/2.tmp", "half", 4);
    make_file(f, "store/index/data.mdb", "derived", 7);
    make_file(f, "vault/epochs/e/0.seg", "payload", 7);
    make_file(f, "tls/node.pem", "certificate", 11);
    make_file(f, "keys/sign-1.pem", "private", 7);
    make_file(f, "keys/large.pem", key, sizeof key); /* the largest there may be */
    make_file(f, "vault-keys/epoch.key", "epoch", 5);
    make_file(f, "elsewhere", "not ours", 8);
    make_file(f, "cairn.yaml", "node: {}", 8);
}

static void test_round_trip_without_keys(void **state)
{
    fixture *f = *state;
    cairn_backup_facts written, restored;
    make_source(f);
    assert_int_equal(back_up(f, (cairn_bytes){0}, &written), CAIRN_OK);
    assert_int_equal(written.size, f->size);
    assert_false(written.has_keys);
    assert_int_equal(restore_with(f, (cairn_bytes){0}, &restored), CAIRN_OK);
    assert_memory_equal(&written.digest, &restored.digest, sizeof written.digest);
    assert_int_equal(written.file_count, restored.file_count);
    expect_content(f->target, "vault/epochs/e/0.seg", "payload");
    expect_content(f->target, "tls/node.pem", "certificate");
    expect_content(f->target, "cairn.yaml", "node: {}");
    static const char *const left_out[] = {"store/blocks/2.tmp", "store/index", "keys/sign-1.pem",
                                           "vault-keys/epoch.key", "elsewhere"};
    for (size_t i = 0; i < sizeof left_out / sizeof left_out[0]; i++)
        assert_false(is_in(f->target, left_out[i]));
}

static void test_round_trip_with_keys(void **state)
{
    fixture *f = *state;
    cairn_backup_facts facts;
    make_source(f);
    assert_int_equal(back_up(f, cairn_bytes_str(passphrase), &facts), CAIRN_OK);
    assert_true(facts.has_keys);
    assert_null(memmem(f->data, f->size, "private", 7));
    assert_int_equal(restore_with(f, cairn_bytes_str(passphrase), &facts), CAIRN_OK);
    expect_content(f->target, "keys/sign-1.pem", "private");
    expect_content(f->target, "vault-keys/epoch.key", "epoch");
    assert_true(is_in(f->target, "keys/large.pem"));
    struct stat info;
    char path[256];
    (void)snprintf(path, sizeof path, "%s/keys/sign-1.pem", f->target);
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
    assert_int_equal(restore_with(f, cairn_bytes_str("another passphrase"), &facts),
                     CAIRN_ERR_BAD_MAC);
    assert_false(is_in(f->target, "cairn.yaml"));
    assert_int_equal(restore_with(f, cairn_bytes_str("short"), &facts), CAIRN_ERR_USAGE);
    assert_int_equal(restore_with(f, (cairn_bytes){0}, &facts), CAIRN_OK);
    assert_false(is_in(f->target, "keys/sign-1.pem"));
}

/* A sealed key under another path is another: the path is authenticated with it. */
static void test_sealed_path(void **state)
{
    (void)state;
    static const uint8_t salt[CAIRN_BACKUP_SALT_SIZE] = {1};
    cairn_secret key = {.size = 0};
    uint8_t sealed[CAIRN_BACKUP_NONCE_SIZE + 7 + CAIRN_BACKUP_TAG_SIZE];
    uint8_t plain[7];
    const cairn_bytes path = cairn_bytes_str("keys/a.pem");
    const cairn_bytes all = cairn_bytes_of(sealed, sizeof sealed);
    assert_int_equal(cairn_backup_key(cairn_bytes_str(passphrase), salt, &key), CAIRN_OK);
    assert_int_equal(cairn_backup_seal(&key, path, cairn_bytes_str("private"), sealed), CAIRN_OK);
    assert_int_equal(cairn_backup_open(&key, path, all, plain), CAIRN_OK);
    assert_memory_equal(plain, "private", 7);
    assert_int_equal(cairn_backup_open(&key, cairn_bytes_str("keys/b.pem"), all, plain),
                     CAIRN_ERR_BAD_MAC);
    for (size_t i = 0; i < sizeof sealed; i++) {
        sealed[i] ^= 1;
        assert_int_equal(cairn_backup_open(&key, path, all, plain), CAIRN_ERR_BAD_MAC);
        sealed[i] ^= 1;
    }
    assert_int_equal(cairn_backup_open(&key, path, cairn_bytes_of(sealed, 27), plain),
                     CAIRN_ERR_TRUNCATED);
    cairn_secret_wipe(&key);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(test_restore),
        T(test_cut_anywhere),
        T(test_goes_on),
        T(test_flip_anywhere),
        T(test_paths),
        T(test_twice),
        T(test_kinds_and_sizes),
        T(test_round_trip_without_keys),
        T(test_round_trip_with_keys),
        cmocka_unit_test(test_sealed_path),
    };
#undef T
    return cmocka_run_group_tests(tests, NULL, NULL);
}
