/* Passwords: vectors of RFC 7914 and passlib, what is refused, and the threads that check. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/crypto/password.h"

static const cairn_scrypt_params cheap = {.log_n = 10, .r = 1, .p = 1};

static cairn_err verify(const char *phc, const char *password)
{
    return cairn_password_verify(phc, cairn_bytes_str(password));
}

static void test_vectors(void **state)
{
    (void)state;
    /* RFC 7914 section 12, third: salt and hash as base64. */
    static const char rfc[] =
        "$scrypt$ln=14,r=8,p=1$U29kaXVtQ2hsb3JpZGU$"
        "cCO9yzr9c0hGHAbNgf046/2o+7qQT44+qbVD9lRdofLVQylVYT8Pz2LUlwUkKpr55h6F3A1lHkDfzwF7RVdYhw";
    /* The documentation of passlib.hash.scrypt. */
    static const char passlib[] = "$scrypt$ln=16,r=8,p=1$aM15713r3Xsvxbi31lqr1Q$"
                                  "nFNh2CVHVjNldFVKDHDlm4CbdRSCdEBsjjJxD+iCs5E";
    assert_int_equal(verify(rfc, "pleaseletmein"), CAIRN_OK);
    assert_int_equal(verify(rfc, "pleaseletmeout"), CAIRN_ERR_MISMATCH);
    assert_int_equal(verify(passlib, "password"), CAIRN_OK);
    assert_int_equal(verify(passlib, "Password"), CAIRN_ERR_MISMATCH);
    assert_int_equal(verify(passlib, ""), CAIRN_ERR_MISMATCH);
}

static void test_what_we_make_verifies(void **state)
{
    (void)state;
    char first[CAIRN_PHC_SIZE_MAX], second[CAIRN_PHC_SIZE_MAX];
    assert_int_equal(cairn_password_hash(&cheap, cairn_bytes_str("sesame"), first), CAIRN_OK);
    assert_int_equal(cairn_password_hash(&cheap, cairn_bytes_str("sesame"), second), CAIRN_OK);
    assert_string_not_equal(first, second);
    assert_memory_equal(first, "$scrypt$ln=10,r=1,p=1$", 22);
    assert_int_equal(verify(first, "sesame"), CAIRN_OK);
    assert_int_equal(verify(second, "sesame"), CAIRN_OK);
    assert_int_equal(verify(second, "sesame "), CAIRN_ERR_MISMATCH);
    assert_int_equal(cairn_phc_check(first), CAIRN_OK);
}

static void test_strings_that_are_refused(void **state)
{
    (void)state;
#define TAIL "$U29kaXVtQ2hsb3JpZGU$cCO9yzr9c0hGHAbNgf046/2o+7qQT44+qbVD9lRdofI"
    static const char *const rows[] = {
        "",
        "$scrypt$",
        "$scrypt$ln=14,r=8,p=1",
        "$scrypt$ln=9,r=8,p=1" TAIL,
        "$scrypt$ln=18,r=8,p=1" TAIL,
        "$scrypt$ln=17,r=16,p=1" TAIL,
        "$scrypt$ln=17,r=8,p=16" TAIL,
        "$scrypt$ln=14,r=0,p=1" TAIL,
        "$scrypt$ln=14,r=8,p=0" TAIL,
        "$scrypt$ln=014,r=8,p=1" TAIL,
        "$scrypt$ln=+14,r=8,p=1" TAIL,
        "$scrypt$ln=14,r=8,p=99999999999" TAIL,
        "$scrypt$r=8,ln=14,p=1" TAIL,
        "$scrypt$ln=14,r=8,p=1,x=1" TAIL,
        "$scrypt$ln=14,r=8,p=1" TAIL "=",
        "$scrypt$ln=14,r=8,p=1" TAIL "$x",
        "$scrypt$ln=14,r=8,p=1$U29k$cCO9yzr9c0hGHAbNgf046/2o+7qQT44+qbVD9lRdofI",
        "$scrypt$ln=14,r=8,p=1$U29kaXVtQ2hsb3JpZGU$cCO9yzr9",
        "$scrypt$ln=14,r=8,p=1$U29kaXVtQ2hsb3JpZGU",
        "$argon2id$v=19$m=65536,t=3,p=4$c2FsdHNhbHQ$aGFzaA",
        "$2b$12$abcdefghijklmnopqrstuuCTg1JmvkpQnSNFpZ4n0OJe",
        "sesame",
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (cairn_phc_check(rows[i]) != CAIRN_ERR_BAD_VALUE)
            fail_msg("%s", rows[i]);
        assert_int_equal(verify(rows[i], "pleaseletmein"), CAIRN_ERR_BAD_VALUE);
    }
    assert_int_equal(cairn_phc_check("$scrypt$ln=14,r=8,p=1" TAIL), CAIRN_OK);
}

static void test_bounds(void **state)
{
    (void)state;
    static uint8_t longest[CAIRN_PASSWORD_SIZE_MAX + 1];
    char phc[CAIRN_PHC_SIZE_MAX];
    const cairn_scrypt_params huge = {.log_n = 20, .r = 8, .p = 1};
    assert_int_equal(cairn_password_hash(&huge, cairn_bytes_str("x"), phc), CAIRN_ERR_ARGUMENT);
    assert_int_equal(
        cairn_password_hash(&cheap, cairn_bytes_of(longest, CAIRN_PASSWORD_SIZE_MAX), phc),
        CAIRN_OK);
    assert_int_equal(cairn_password_hash(&cheap, cairn_bytes_of(longest, sizeof longest), phc),
                     CAIRN_ERR_ARGUMENT);
    assert_int_equal(cairn_password_verify(phc, cairn_bytes_of(longest, sizeof longest)),
                     CAIRN_ERR_MISMATCH);
}

/* --- the pool --- */

typedef struct verdict {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    unsigned count;
    cairn_err last;
    bool hold; /* keeps the pool's thread until it is false */
    bool held;
} verdict;

static void verdict_init(verdict *v)
{
    *v = (verdict){.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
}

static void on_done(void *context, cairn_err err)
{
    verdict *v = context;
    (void)pthread_mutex_lock(&v->lock);
    v->held = true;
    (void)pthread_cond_broadcast(&v->changed);
    while (v->hold)
        (void)pthread_cond_wait(&v->changed, &v->lock);
    v->count++;
    v->last = err;
    (void)pthread_cond_broadcast(&v->changed);
    (void)pthread_mutex_unlock(&v->lock);
}

static cairn_err wait_for(verdict *v, unsigned count)
{
    (void)pthread_mutex_lock(&v->lock);
    while (v->count < count)
        (void)pthread_cond_wait(&v->changed, &v->lock);
    cairn_err err = v->last;
    (void)pthread_mutex_unlock(&v->lock);
    return err;
}

static cairn_clock_manual manual;

static cairn_password_pool *pool_of(unsigned queue_max, uint32_t remember_ms)
{
    const cairn_password_pool_options options = {
        .thread_count = 1, .queue_max = queue_max, .remember_ms = remember_ms, .cost = cheap};
    cairn_clock clock = cairn_clock_of_manual(&manual);
    cairn_password_pool *pool = NULL;
    manual.monotonic_ns = 1;
    assert_int_equal(cairn_password_pool_new(&clock, &options, &pool), CAIRN_OK);
    return pool;
}

static cairn_err check(cairn_password_pool *pool, verdict *v, const char *phc, const char *password)
{
    unsigned before = v->count;
    assert_int_equal(cairn_password_check(pool, phc, cairn_bytes_str(password), on_done, v),
                     CAIRN_OK);
    return wait_for(v, before + 1);
}

static void test_pool_checks(void **state)
{
    (void)state;
    verdict v;
    char phc[CAIRN_PHC_SIZE_MAX];
    CAIRN_CLEANUP(cairn_password_pool_free_p) cairn_password_pool *pool = pool_of(4, 0);
    verdict_init(&v);
    assert_int_equal(cairn_password_hash(&cheap, cairn_bytes_str("sesame"), phc), CAIRN_OK);
    assert_int_equal(check(pool, &v, phc, "sesame"), CAIRN_OK);
    assert_int_equal(check(pool, &v, phc, "wrong"), CAIRN_ERR_MISMATCH);
    assert_int_equal(check(pool, &v, NULL, "sesame"), CAIRN_ERR_MISMATCH);
    assert_int_equal(check(pool, &v, NULL, ""), CAIRN_ERR_MISMATCH);
    assert_int_equal(check(pool, &v, "$scrypt$", "sesame"), CAIRN_ERR_BAD_VALUE);
    /* What is beyond the bound is wrong, however well its beginning fits. */
    char longest[CAIRN_PASSWORD_SIZE_MAX + 2];
    memset(longest, 'x', sizeof longest);
    longest[CAIRN_PASSWORD_SIZE_MAX] = '\0';
    assert_int_equal(cairn_password_hash(&cheap, cairn_bytes_str(longest), phc), CAIRN_OK);
    assert_int_equal(check(pool, &v, phc, longest), CAIRN_OK);
    memcpy(longest + CAIRN_PASSWORD_SIZE_MAX, "x", 2);
    assert_int_equal(check(pool, &v, phc, longest), CAIRN_ERR_MISMATCH);
}

/* A remembered password is answered before check returns, even when no thread is free; a wrong one,
 * a changed hash and an old memory are not. */
static void test_pool_remembers(void **state)
{
    (void)state;
    verdict v, blocker;
    char phc[CAIRN_PHC_SIZE_MAX], changed[CAIRN_PHC_SIZE_MAX];
    CAIRN_CLEANUP(cairn_password_pool_free_p) cairn_password_pool *pool = pool_of(4, 1000);
    verdict_init(&v);
    verdict_init(&blocker);
    assert_int_equal(cairn_password_hash(&cheap, cairn_bytes_str("sesame"), phc), CAIRN_OK);
    assert_int_equal(cairn_password_hash(&cheap, cairn_bytes_str("sesame"), changed), CAIRN_OK);
    assert_int_equal(check(pool, &v, phc, "sesame"), CAIRN_OK);
    blocker.hold = true;
    assert_int_equal(cairn_password_check(pool, phc, cairn_bytes_str("wrong"), on_done, &blocker),
                     CAIRN_OK);
    assert_int_equal(cairn_password_check(pool, phc, cairn_bytes_str("sesame"), on_done, &v),
                     CAIRN_OK);
    assert_int_equal(v.count, 2); /* at once */
    assert_int_equal(v.last, CAIRN_OK);
    assert_int_equal(cairn_password_check(pool, changed, cairn_bytes_str("sesame"), on_done, &v),
                     CAIRN_OK);
    assert_int_equal(v.count, 2); /* not remembered: it waits */
    cairn_clock_manual_advance_ms(&manual, 1001);
    assert_int_equal(cairn_password_check(pool, phc, cairn_bytes_str("sesame"), on_done, &v),
                     CAIRN_OK);
    assert_int_equal(v.count, 2); /* forgotten: it waits */
    (void)pthread_mutex_lock(&blocker.lock);
    blocker.hold = false;
    (void)pthread_cond_broadcast(&blocker.changed);
    (void)pthread_mutex_unlock(&blocker.lock);
    assert_int_equal(wait_for(&v, 4), CAIRN_OK);
    assert_int_equal(wait_for(&blocker, 1), CAIRN_ERR_MISMATCH);
}

static void test_pool_is_bounded(void **state)
{
    (void)state;
    verdict v, blocker;
    char phc[CAIRN_PHC_SIZE_MAX];
    CAIRN_CLEANUP(cairn_password_pool_free_p) cairn_password_pool *pool = pool_of(2, 0);
    verdict_init(&v);
    verdict_init(&blocker);
    blocker.hold = true;
    assert_int_equal(cairn_password_hash(&cheap, cairn_bytes_str("sesame"), phc), CAIRN_OK);
    assert_int_equal(cairn_password_check(pool, phc, cairn_bytes_str("x"), on_done, &blocker),
                     CAIRN_OK);
    (void)pthread_mutex_lock(&blocker.lock);
    while (!blocker.held)
        (void)pthread_cond_wait(&blocker.changed, &blocker.lock);
    (void)pthread_mutex_unlock(&blocker.lock);
    for (int i = 0; i < 2; i++)
        assert_int_equal(cairn_password_check(pool, phc, cairn_bytes_str("x"), on_done, &v),
                         CAIRN_OK);
    assert_int_equal(cairn_password_check(pool, phc, cairn_bytes_str("x"), on_done, &v),
                     CAIRN_ERR_BUSY);
    (void)pthread_mutex_lock(&blocker.lock);
    blocker.hold = false;
    (void)pthread_cond_broadcast(&blocker.changed);
    (void)pthread_mutex_unlock(&blocker.lock);
    assert_int_equal(wait_for(&v, 2), CAIRN_ERR_MISMATCH);
}

static void test_pool_options(void **state)
{
    (void)state;
    static const cairn_password_pool_options rows[] = {
        {.thread_count = 0, .queue_max = 1, .cost = {10, 1, 1}},
        {.thread_count = 9, .queue_max = 1, .cost = {10, 1, 1}},
        {.thread_count = 1, .queue_max = 0, .cost = {10, 1, 1}},
        {.thread_count = 1, .queue_max = 1025, .cost = {10, 1, 1}},
        {.thread_count = 1, .queue_max = 1}, /* an unknown user would cost nothing */
        {.thread_count = 1, .queue_max = 1, .cost = {30, 8, 1}}};
    cairn_clock clock = cairn_clock_system();
    cairn_password_pool *pool = NULL;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_int_equal(cairn_password_pool_new(&clock, &rows[i], &pool), CAIRN_ERR_ARGUMENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors),
        cmocka_unit_test(test_what_we_make_verifies),
        cmocka_unit_test(test_strings_that_are_refused),
        cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_pool_checks),
        cmocka_unit_test(test_pool_remembers),
        cmocka_unit_test(test_pool_is_bounded),
        cmocka_unit_test(test_pool_options),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
