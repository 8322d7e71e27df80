/* OpenSSL runs out of memory at the n-th allocation, for every n until none fails: each operation
 * then works or says that it could not; it never says that a good key or signature is bad. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>
#include <openssl/crypto.h>

#include "cairn/cose.h"
#include "core/crypto/secret.h"

/* Allocations of this thread until one fails; negative: none does. */
static long countdown = -1;
static bool fired;

static bool fails(void)
{
    if (countdown < 0)
        return false;
    if (countdown-- > 0)
        return false;
    fired = true;
    return true;
}

static void *fault_malloc(size_t size, const char *file, int line)
{
    (void)file;
    (void)line;
    return fails() ? NULL : malloc(size);
}

static void *fault_realloc(void *memory, size_t size, const char *file, int line)
{
    (void)file;
    (void)line;
    return fails() ? NULL : realloc(memory, size);
}

static void fault_free(void *memory, const char *file, int line)
{
    (void)file;
    (void)line;
    free(memory);
}

typedef struct fixture {
    cairn_key *keys[3];
    uint8_t signatures[3][CAIRN_SIGNATURE_SIZE_MAX];
    size_t sizes[3];
    cairn_arena arena; /* of the fixture */
    cairn_bytes pems[3];
    cairn_bytes mac0;
    cairn_bytes encrypt0;
} fixture;

static fixture f;
static const cairn_key_type types[] = {CAIRN_KEY_P256, CAIRN_KEY_P384, CAIRN_KEY_ED25519};
static const uint8_t secret[32] = {9};

static cairn_bytes message(void)
{
    return cairn_bytes_str("message");
}

static int make_fixture(void **state)
{
    (void)state;
    cairn_arena_init(&f.arena, 1 << 16);
    for (size_t t = 0; t < 3; t++) {
        assert_int_equal(cairn_key_generate(types[t], &f.keys[t]), CAIRN_OK);
        assert_int_equal(cairn_key_sign(f.keys[t], message(), f.signatures[t], &f.sizes[t]),
                         CAIRN_OK);
        assert_int_equal(cairn_key_to_pem(f.keys[t], true, &f.arena, &f.pems[t]), CAIRN_OK);
    }
    assert_int_equal(cairn_cose_mac0(&f.arena, cairn_bytes_of(secret, 32),
                                     cairn_bytes_of("\xa1\x01\x05", 3), cairn_bytes_of("\xa0", 1),
                                     (cairn_bytes){0}, message(), &f.mac0),
                     CAIRN_OK);
    assert_int_equal(cairn_cose_encrypt0(&f.arena, cairn_bytes_of(secret, 32), 3,
                                         cairn_bytes_of("012345678901", 12), (cairn_bytes){0},
                                         message(), &f.encrypt0),
                     CAIRN_OK);
    return 0;
}

static int drop_fixture(void **state)
{
    (void)state;
    for (size_t t = 0; t < 3; t++)
        cairn_key_free(f.keys[t]);
    cairn_arena_done(&f.arena);
    return 0;
}

static cairn_err verify(size_t t)
{
    return cairn_key_verify(f.keys[t], message(), cairn_bytes_of(f.signatures[t], f.sizes[t]));
}

static cairn_err sign(size_t t)
{
    uint8_t signature[CAIRN_SIGNATURE_SIZE_MAX];
    size_t size = 0;
    return cairn_key_sign(f.keys[t], message(), signature, &size);
}

static cairn_err make_public(size_t t)
{
    CAIRN_CLEANUP(cairn_key_free_p) cairn_key *key = NULL;
    CAIRN_TRY(cairn_key_from_public(types[t], cairn_key_public(f.keys[t]), &key));
    return cairn_key_verify(key, message(), cairn_bytes_of(f.signatures[t], f.sizes[t]));
}

static cairn_err read_pem(size_t t)
{
    CAIRN_CLEANUP(cairn_key_free_p) cairn_key *key = NULL;
    return cairn_key_from_pem(f.pems[t], &key);
}

static cairn_err generate(size_t t)
{
    CAIRN_CLEANUP(cairn_key_free_p) cairn_key *key = NULL;
    return cairn_key_generate(types[t], &key);
}

static cairn_err open_mac0(size_t t)
{
    cairn_cose_message m;
    cairn_arena arena;
    uint8_t storage[512];
    (void)t;
    cairn_arena_init_fixed(&arena, storage, sizeof storage);
    CAIRN_TRY(cairn_cose_decode(f.mac0, CAIRN_COSE_TAG_MAC0, CAIRN_CBOR_STRICT, &m));
    return cairn_cose_mac0_verify(&arena, &m, cairn_bytes_of(secret, 32), (cairn_bytes){0});
}

static cairn_err open_encrypt0(size_t t)
{
    cairn_cose_message m;
    cairn_arena arena;
    cairn_bytes plaintext = {0};
    uint8_t storage[512];
    (void)t;
    cairn_arena_init_fixed(&arena, storage, sizeof storage);
    CAIRN_TRY(cairn_cose_decode(f.encrypt0, CAIRN_COSE_TAG_ENCRYPT0, CAIRN_CBOR_STRICT, &m));
    return cairn_cose_decrypt0(&arena, &m, cairn_bytes_of(secret, 32), (cairn_bytes){0},
                               &plaintext);
}

static void run_until_none_fails(const char *name, cairn_err (*operation)(size_t), size_t t)
{
    size_t faults = 0;
    for (long n = 0;; n++) {
        fired = false;
        countdown = n;
        cairn_err err = operation(t);
        countdown = -1;
        if (err != CAIRN_OK && err != CAIRN_ERR_NO_MEMORY && err != CAIRN_ERR_CRYPTO)
            fail_msg("%s of type %zu, allocation %ld: %s: %s", name, t, n, cairn_err_name(err),
                     cairn_err_detail());
        if (!fired) {
            assert_int_equal(err, CAIRN_OK);
            break;
        }
        faults++;
        assert_int_equal(operation(t), CAIRN_OK); /* nothing stays broken */
    }
    assert_true(faults > 0);
}

#define EACH_TYPE(operation)       \
    for (size_t t = 0; t < 3; t++) \
    run_until_none_fails(#operation, operation, t)

static void test_each_allocation_fails_once(void **state)
{
    (void)state;
    EACH_TYPE(verify);
    EACH_TYPE(sign);
    EACH_TYPE(make_public);
    EACH_TYPE(read_pem);
    EACH_TYPE(generate);
    run_until_none_fails("mac0", open_mac0, 0);
    run_until_none_fails("encrypt0", open_encrypt0, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_each_allocation_fails_once)};
    /* before OpenSSL allocates anything */
    if (CRYPTO_set_mem_functions(fault_malloc, fault_realloc, fault_free) != 1)
        return 1;
    return cmocka_run_group_tests(tests, make_fixture, drop_fixture);
}
