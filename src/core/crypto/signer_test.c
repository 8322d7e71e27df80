/* The signer over files: names, modes, durability, and the queue, which is the same for tokens. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/crypto/signer.h"
#include "core/limits.h"
#include "core/store/file.h"

#define SIGNER(name) CAIRN_CLEANUP(cairn_signer_free_p) cairn_signer *name = NULL
#define KEY(name) CAIRN_CLEANUP(cairn_key_free_p) cairn_key *name = NULL

static char directory[64];

static int make_directory(void **state)
{
    (void)state;
    (void)strcpy(directory, "/tmp/cairn-signer-XXXXXX");
    return mkdtemp(directory) == NULL;
}

static cairn_err remove_one(void *context, const char *name)
{
    char path[CAIRN_PATH_SIZE_MAX];
    (void)context;
    CAIRN_TRY(cairn_path_join(directory, name, path));
    return cairn_file_remove(path);
}

static int drop_directory(void **state)
{
    (void)state;
    assert_int_equal(cairn_dir_each(directory, remove_one, NULL), CAIRN_OK);
    return rmdir(directory);
}

static const char *path_of(const char *file)
{
    static char path[CAIRN_PATH_SIZE_MAX];
    assert_int_equal(cairn_path_join(directory, file, path), CAIRN_OK);
    return path;
}

static void write_file(const char *file, cairn_bytes content, mode_t mode)
{
    FILE *f = fopen(path_of(file), "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(content.data, 1, content.size, f), content.size);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(chmod(path_of(file), mode), 0);
}

static mode_t mode_of(const char *file)
{
    struct stat facts;
    assert_int_equal(stat(path_of(file), &facts), 0);
    return facts.st_mode & 07777;
}

static void check_signature(cairn_signer *signer, const char *name)
{
    KEY(public_key);
    uint8_t signature[CAIRN_SIGNATURE_SIZE_MAX];
    size_t size = 0;
    cairn_bytes message = cairn_bytes_str("message");
    assert_int_equal(cairn_signer_public(signer, name, &public_key), CAIRN_OK);
    assert_false(cairn_key_is_private(public_key));
    assert_int_equal(cairn_signer_sign_wait(signer, name, message, signature, &size), CAIRN_OK);
    assert_int_equal(cairn_key_verify(public_key, message, cairn_bytes_of(signature, size)),
                     CAIRN_OK);
    if (cairn_key_get_type(public_key) == CAIRN_KEY_P256)
        assert_true(cairn_signature_low_s(cairn_bytes_of(signature, size)));
}

typedef struct listing {
    char names[64];
    size_t count;
    size_t stop_at;
} listing;

static cairn_err list(void *context, const char *name, const cairn_key *public_key)
{
    listing *l = context;
    assert_non_null(public_key);
    (void)strcat(strcat(l->names, name), " ");
    return ++l->count == l->stop_at ? CAIRN_ERR_CANCELLED : CAIRN_OK;
}

static void test_keys_outlive_the_signer(void **state)
{
    (void)state;
    static const char *const names[] = {"owner", "a.b-c_1", "note"};
    static const cairn_key_type types[] = {CAIRN_KEY_P256, CAIRN_KEY_P384, CAIRN_KEY_ED25519};
    cairn_hash ids[3];
    mode_t old = umask(0);
    for (size_t round = 0; round < 2; round++) {
        SIGNER(signer);
        listing all = {.stop_at = 0};
        listing some = {.stop_at = 2};
        assert_int_equal(cairn_signer_open_files(directory, &signer), CAIRN_OK);
        for (size_t i = 0; i < 3; i++) {
            KEY(key);
            if (round == 0)
                assert_int_equal(cairn_signer_generate(signer, names[i], types[i], &key), CAIRN_OK);
            else
                assert_int_equal(cairn_signer_public(signer, names[i], &key), CAIRN_OK);
            if (round == 0)
                ids[i] = *cairn_key_id(key);
            assert_true(cairn_hash_equal(&ids[i], cairn_key_id(key)));
            assert_int_equal(cairn_key_get_type(key), types[i]);
            check_signature(signer, names[i]);
        }
        assert_int_equal(cairn_signer_each(signer, list, &all), CAIRN_OK);
        assert_string_equal(all.names, "a.b-c_1 note owner ");
        assert_int_equal(cairn_signer_each(signer, list, &some), CAIRN_ERR_CANCELLED);
        assert_string_equal(some.names, "a.b-c_1 note ");
    }
    (void)umask(old);
    assert_int_equal(mode_of("owner.pem"), 0600);
    assert_int_not_equal(access(path_of("owner.pem.tmp"), F_OK), 0);
}

static void test_names(void **state)
{
    (void)state;
    static const char *const bad[] = {"",     ".",   ".hidden",  "-x",  "a/b",
                                      "../a", "a b", "\xc3\xbc", "a\nb"};
    char long_name[CAIRN_SIGNER_NAME_SIZE_MAX + 2];
    SIGNER(signer);
    KEY(key);
    uint8_t signature[CAIRN_SIGNATURE_SIZE_MAX];
    size_t size = 0;
    assert_int_equal(cairn_signer_open_files(directory, &signer), CAIRN_OK);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(cairn_signer_generate(signer, bad[i], CAIRN_KEY_P256, &key),
                         CAIRN_ERR_ARGUMENT);
    memset(long_name, 'n', sizeof long_name);
    long_name[sizeof long_name - 1] = '\0';
    assert_int_equal(cairn_signer_generate(signer, long_name, CAIRN_KEY_P256, &key),
                     CAIRN_ERR_ARGUMENT);
    long_name[sizeof long_name - 2] = '\0';
    assert_int_equal(cairn_signer_generate(signer, long_name, CAIRN_KEY_P256, &key), CAIRN_OK);
    check_signature(signer, long_name);
    KEY(again);
    assert_int_equal(cairn_signer_generate(signer, long_name, CAIRN_KEY_P256, &again),
                     CAIRN_ERR_EXISTS);
    assert_int_equal(cairn_signer_public(signer, "nobody", &again), CAIRN_ERR_NOT_FOUND);
    assert_int_equal(
        cairn_signer_sign_wait(signer, "nobody", cairn_bytes_str("m"), signature, &size),
        CAIRN_ERR_NOT_FOUND);
    assert_null(again);
}

/* Two signers on one directory: the second cannot overwrite what the first made. */
static void test_key_of_another_signer_is_kept(void **state)
{
    (void)state;
    SIGNER(first);
    SIGNER(second);
    SIGNER(third);
    KEY(key);
    KEY(other);
    KEY(kept);
    int lock = -1;
    assert_int_equal(cairn_signer_open_files(directory, &first), CAIRN_OK);
    assert_int_equal(cairn_signer_open_files(directory, &second), CAIRN_OK);
    assert_int_equal(cairn_signer_generate(first, "k", CAIRN_KEY_P256, &key), CAIRN_OK);
    assert_int_equal(cairn_signer_generate(second, "k", CAIRN_KEY_P256, &other), CAIRN_ERR_EXISTS);
    assert_non_null(strstr(cairn_err_detail(), "k.pem"));
    assert_int_equal(cairn_dir_lock(directory, true, &lock), CAIRN_OK);
    assert_int_equal(cairn_signer_generate(second, "l", CAIRN_KEY_P256, &other), CAIRN_ERR_LOCKED);
    cairn_file_close(lock);
    assert_int_equal(cairn_signer_open_files(directory, &third), CAIRN_OK);
    assert_int_equal(cairn_signer_public(third, "k", &kept), CAIRN_OK);
    assert_true(cairn_hash_equal(cairn_key_id(key), cairn_key_id(kept)));
}

static cairn_bytes make_pem(cairn_arena *arena, bool private_part)
{
    KEY(key);
    cairn_bytes pem = {0};
    assert_int_equal(cairn_key_generate(CAIRN_KEY_ED25519, &key), CAIRN_OK);
    assert_int_equal(cairn_key_to_pem(key, private_part, arena, &pem), CAIRN_OK);
    return pem;
}

static cairn_err try_open(void)
{
    SIGNER(signer);
    return cairn_signer_open_files(directory, &signer);
}

static void test_modes(void **state)
{
    (void)state;
    static const struct {
        mode_t mode;
        cairn_err err;
    } rows[] = {
        {0600, CAIRN_OK},
        {0400, CAIRN_OK},
        {0640, CAIRN_ERR_PERMISSION},
        {0604, CAIRN_ERR_PERMISSION},
        {0620, CAIRN_ERR_PERMISSION},
        {0601, CAIRN_ERR_PERMISSION},
        {0700, CAIRN_ERR_PERMISSION},
    };
    cairn_arena arena;
    cairn_arena_init(&arena, 4096);
    cairn_bytes pem = make_pem(&arena, true);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        write_file("k.pem", pem, rows[i].mode);
        assert_int_equal(try_open(), rows[i].err);
        assert_int_equal(unlink(path_of("k.pem")), 0);
    }
    cairn_arena_done(&arena);
}

static void test_files_that_are_no_keys(void **state)
{
    (void)state;
    cairn_arena arena;
    cairn_arena_init(&arena, 8192);
    cairn_bytes pem = make_pem(&arena, true);
    uint8_t large[2000] = {0};
    static const struct {
        const char *file;
        int content; /* 0 key, 1 public key, 2 garbage, 3 too large */
        cairn_err err;
    } rows[] = {
        {"k.pem", 0, CAIRN_OK},
        {"k.pem", 1, CAIRN_ERR_BAD_KEY},
        {"k.pem", 2, CAIRN_ERR_BAD_KEY},
        {"k.pem", 3, CAIRN_ERR_BAD_KEY},
        {"k.pem.tmp", 2, CAIRN_OK},
        {"readme", 2, CAIRN_OK},
        {"a b.pem", 0, CAIRN_ERR_CONFIG},
        {".pem", 0, CAIRN_ERR_CONFIG},
        {"nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn.pem", 0,
         CAIRN_ERR_CONFIG},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        cairn_bytes contents[] = {pem, make_pem(&arena, false), cairn_bytes_str("garbage"),
                                  cairn_bytes_of(large, sizeof large)};
        write_file(rows[i].file, contents[rows[i].content], 0600);
        cairn_err err = try_open();
        if (err != rows[i].err)
            fail_msg("%s with %d: %s", rows[i].file, rows[i].content, cairn_err_name(err));
        assert_int_equal(unlink(path_of(rows[i].file)), 0);
        cairn_arena_reset(&arena);
        pem = make_pem(&arena, true);
    }
    SIGNER(signer);
    assert_int_equal(cairn_signer_open_files("/nonexistent/keys", &signer), CAIRN_ERR_NOT_FOUND);
    cairn_arena_done(&arena);
}

/* 1,024 keys are served; one more is refused when made and when found. */
static void test_key_count_bound(void **state)
{
    (void)state;
    cairn_arena arena;
    cairn_arena_init(&arena, 4096);
    cairn_bytes pem = make_pem(&arena, true);
    KEY(key);
    for (int i = 0; i < CAIRN_SIGNER_KEYS_MAX; i++) {
        char file[32];
        (void)snprintf(file, sizeof file, "key-%d.pem", i);
        write_file(file, pem, 0600);
    }
    SIGNER(signer);
    assert_int_equal(cairn_signer_open_files(directory, &signer), CAIRN_OK);
    check_signature(signer, "key-0");
    check_signature(signer, "key-1023");
    assert_int_equal(cairn_signer_generate(signer, "more", CAIRN_KEY_P256, &key),
                     CAIRN_ERR_TOO_MANY);
    assert_int_not_equal(access(path_of("more.pem"), F_OK), 0);
    write_file("more.pem", pem, 0600);
    assert_int_equal(try_open(), CAIRN_ERR_TOO_MANY);
    cairn_arena_done(&arena);
}

/* --- the queue --- */

typedef struct gate {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool entered;
    bool open;
    size_t done; /* written by the signer's thread alone, read after it ended */
    size_t failed;
} gate;

static void pass_gate(void *context, cairn_err err, cairn_bytes signature)
{
    gate *g = context;
    (void)pthread_mutex_lock(&g->lock);
    g->entered = true;
    (void)pthread_cond_broadcast(&g->changed);
    while (!g->open)
        (void)pthread_cond_wait(&g->changed, &g->lock);
    g->done++;
    g->failed += err != CAIRN_OK || signature.size != 64;
    (void)pthread_mutex_unlock(&g->lock);
}

static void test_queue_bound_and_drain(void **state)
{
    (void)state;
    gate g = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
    cairn_signer *signer = NULL;
    KEY(key);
    uint8_t signature[CAIRN_SIGNATURE_SIZE_MAX];
    size_t size = 0;
    cairn_bytes message = cairn_bytes_str("m");
    assert_int_equal(cairn_signer_open_files(directory, &signer), CAIRN_OK);
    assert_int_equal(cairn_signer_generate(signer, "k", CAIRN_KEY_ED25519, &key), CAIRN_OK);
    assert_int_equal(cairn_signer_sign(signer, "k", message, pass_gate, &g), CAIRN_OK);
    (void)pthread_mutex_lock(&g.lock);
    while (!g.entered) /* the thread holds one job, and the queue is empty */
        (void)pthread_cond_wait(&g.changed, &g.lock);
    (void)pthread_mutex_unlock(&g.lock);
    for (size_t i = 0; i < CAIRN_SIGNER_QUEUE_MAX; i++)
        assert_int_equal(cairn_signer_sign(signer, "k", message, pass_gate, &g), CAIRN_OK);
    assert_int_equal(cairn_signer_sign(signer, "k", message, pass_gate, &g), CAIRN_ERR_BUSY);
    assert_int_equal(cairn_signer_sign_wait(signer, "k", message, signature, &size),
                     CAIRN_ERR_BUSY);
    assert_int_equal(cairn_signer_generate(signer, "l", CAIRN_KEY_P256, &key), CAIRN_ERR_BUSY);
    (void)pthread_mutex_lock(&g.lock);
    g.open = true;
    (void)pthread_cond_broadcast(&g.changed);
    (void)pthread_mutex_unlock(&g.lock);
    cairn_signer_free(signer);
    assert_int_equal(g.done, CAIRN_SIGNER_QUEUE_MAX + 1);
    assert_int_equal(g.failed, 0);
}

static void test_message_bound(void **state)
{
    (void)state;
    SIGNER(signer);
    KEY(key);
    uint8_t signature[CAIRN_SIGNATURE_SIZE_MAX];
    size_t size = 0;
    uint8_t *large = calloc(1, CAIRN_SIGNER_MESSAGE_SIZE_MAX + 1);
    assert_non_null(large);
    assert_int_equal(cairn_signer_open_files(directory, &signer), CAIRN_OK);
    assert_int_equal(cairn_signer_generate(signer, "k", CAIRN_KEY_P256, &key), CAIRN_OK);
    cairn_bytes message = cairn_bytes_of(large, CAIRN_SIGNER_MESSAGE_SIZE_MAX);
    assert_int_equal(cairn_signer_sign_wait(signer, "k", message, signature, &size), CAIRN_OK);
    assert_int_equal(cairn_key_verify(key, message, cairn_bytes_of(signature, size)), CAIRN_OK);
    message.size++;
    assert_int_equal(cairn_signer_sign_wait(signer, "k", message, signature, &size),
                     CAIRN_ERR_TOO_LARGE);
    message.size = 0;
    assert_int_equal(cairn_signer_sign_wait(signer, "k", message, signature, &size), CAIRN_OK);
    free(large);
}

static void *sign_often(void *memory)
{
    cairn_signer *signer = memory;
    KEY(key);
    size_t good = 0;
    if (cairn_signer_public(signer, "k", &key) != CAIRN_OK)
        return NULL;
    for (uint32_t i = 0; i < 200; i++) {
        uint8_t signature[CAIRN_SIGNATURE_SIZE_MAX];
        size_t size = 0;
        cairn_bytes message = cairn_bytes_of(&i, sizeof i);
        good += cairn_signer_sign_wait(signer, "k", message, signature, &size) == CAIRN_OK &&
                cairn_key_verify(key, message, cairn_bytes_of(signature, size)) == CAIRN_OK;
    }
    return (void *)(uintptr_t)good;
}

static void test_many_callers(void **state)
{
    (void)state;
    SIGNER(signer);
    KEY(key);
    pthread_t threads[4];
    assert_int_equal(cairn_signer_open_files(directory, &signer), CAIRN_OK);
    assert_int_equal(cairn_signer_generate(signer, "k", CAIRN_KEY_P256, &key), CAIRN_OK);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, sign_often, signer), 0);
    for (size_t i = 0; i < 8; i++) {
        char name[16];
        KEY(more);
        (void)snprintf(name, sizeof name, "more-%zu", i);
        assert_int_equal(cairn_signer_generate(signer, name, CAIRN_KEY_ED25519, &more), CAIRN_OK);
    }
    for (size_t i = 0; i < 4; i++) {
        void *good = NULL;
        assert_int_equal(pthread_join(threads[i], &good), 0);
        assert_int_equal((uintptr_t)good, 200);
    }
    cairn_signer_free(NULL);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, make_directory, drop_directory)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_keys_outlive_the_signer),
        TEST(test_names),
        TEST(test_key_of_another_signer_is_kept),
        TEST(test_modes),
        TEST(test_files_that_are_no_keys),
        TEST(test_key_count_bound),
        TEST(test_queue_bound_and_drain),
        TEST(test_message_bound),
        TEST(test_many_callers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
