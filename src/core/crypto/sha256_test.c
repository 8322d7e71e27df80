/* Every SHA-256 implementation that this processor has, against FIPS 180-4 and OpenSSL. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "cairn/sha256.h"

static const char *const names[] = {"sha-ni", "avx2x8", "portable"};
enum { NAME_COUNT = sizeof names / sizeof names[0] };

/* Repeatable: a failure names its seed by position. */
static uint64_t seed = 0x9e3779b97f4a7c15;
static uint64_t next_random(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed;
}

static void fill_random(void *out, size_t size)
{
    for (size_t i = 0; i < size; i++)
        ((uint8_t *)out)[i] = (uint8_t)(next_random() >> 32);
}

static cairn_hash openssl_hash(const void *data, size_t size)
{
    cairn_hash hash;
    assert_int_equal(EVP_Digest(data, size, hash.b, NULL, EVP_sha256(), NULL), 1);
    return hash;
}

static void assert_hash(const cairn_hash *got, const cairn_hash *want)
{
    assert_memory_equal(got->b, want->b, sizeof got->b);
}

/* Runs `check` once for each implementation that is here, the portable one always. */
static void for_each(void (*check)(void))
{
    for (size_t i = 0; i < NAME_COUNT; i++) {
        if (cairn_sha256_force(names[i]) != CAIRN_OK) {
            print_message("this processor has no %s\n", names[i]);
            continue;
        }
        assert_string_equal(cairn_sha256_implementation(), names[i]);
        check();
    }
    assert_int_equal(cairn_sha256_force("portable"), CAIRN_OK);
}

/* FIPS 180-4 examples (NIST, SHA256.pdf) and the million a's of FIPS 180-2 appendix B.3. */
static void check_fips(void)
{
    static const struct {
        const char *message;
        const char *hash;
    } vectors[] = {
        {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
        {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
        {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
         "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
    };
    cairn_hash want, got;
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
        assert_int_equal(cairn_hex_decode(vectors[i].hash, want.b, sizeof want.b), CAIRN_OK);
        cairn_sha256_of(vectors[i].message, strlen(vectors[i].message), &got);
        assert_hash(&got, &want);
    }
    static char million[1000000];
    memset(million, 'a', sizeof million);
    assert_int_equal(
        cairn_hex_decode("cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0", want.b,
                         sizeof want.b),
        CAIRN_OK);
    cairn_sha256_of(million, sizeof million, &got);
    assert_hash(&got, &want);
}

static void test_fips_vectors(void **state)
{
    (void)state;
    for_each(check_fips);
}

static void check_sizes(void)
{
    uint8_t message[700];
    fill_random(message, sizeof message);
    for (size_t size = 0; size <= sizeof message; size++) {
        cairn_hash got, want = openssl_hash(message, size);
        cairn_sha256_of(message, size, &got);
        assert_hash(&got, &want);
    }
}

static void test_every_size_to_700(void **state)
{
    (void)state;
    for_each(check_sizes);
}

static void check_splits(void)
{
    uint8_t message[2048];
    fill_random(message, sizeof message);
    for (size_t round = 0; round < 3000; round++) {
        size_t size = next_random() % (sizeof message + 1);
        cairn_sha256 ctx;
        cairn_bytes parts[64];
        size_t count = 0;
        cairn_sha256_init(&ctx);
        for (size_t at = 0; at < size && count < 63;) {
            size_t part = next_random() % 200;
            part = part < size - at ? part : size - at;
            cairn_sha256_update(&ctx, message + at, part);
            parts[count++] = cairn_bytes_of(message + at, part);
            at += part;
            if (count == 63) {
                cairn_sha256_update(&ctx, message + at, size - at);
                parts[count++] = cairn_bytes_of(message + at, size - at);
            }
        }
        cairn_hash got, want = openssl_hash(message, size);
        cairn_sha256_final(&ctx, &got);
        assert_hash(&got, &want);
        cairn_sha256_parts(parts, count, &got);
        assert_hash(&got, &want);
    }
}

static void test_random_splits(void **state)
{
    (void)state;
    for_each(check_splits);
}

static cairn_hash reference_node(const cairn_hash *pair)
{
    uint8_t message[65] = {0x01};
    memcpy(message + 1, pair, 64);
    return openssl_hash(message, sizeof message);
}

/* Random batches of 0 to 40 nodes at random alignment, in exactly sized heap memory (so that a
 * sanitizer sees a read outside), apart and folded in place. */
static void check_nodes(void)
{
    for (size_t round = 0; round < 10000; round++) {
        size_t count = next_random() % 41;
        size_t shift = next_random() % 8;
        uint8_t *raw = malloc(count * 64 + shift + 1);
        cairn_hash want[40], got[40];
        assert_non_null(raw);
        cairn_hash *pairs = (cairn_hash *)(void *)(raw + shift);
        fill_random(raw, count * 64 + shift);
        for (size_t i = 0; i < count; i++)
            want[i] = reference_node(&pairs[2 * i]);
        cairn_sha256_nodes(pairs, count, got);
        assert_true(count == 0 || memcmp(got, want, count * 32) == 0);
        if (count > 0) {
            cairn_sha256_node(&pairs[0], &pairs[1], &got[0]);
            assert_hash(&got[0], &want[0]);
        }
        cairn_sha256_nodes(pairs, count, pairs);
        assert_true(count == 0 || memcmp(pairs, want, count * 32) == 0);
        free(raw);
    }
}

static void test_nodes_in_random_batches(void **state)
{
    (void)state;
    for_each(check_nodes);
}

/* The last byte of a pair is alone in the second block: all its values, in every lane. */
static void check_last_bytes(void)
{
    cairn_hash pairs[512], got[256];
    fill_random(pairs, sizeof pairs);
    for (size_t i = 0; i < 256; i++)
        pairs[2 * i + 1].b[31] = (uint8_t)i;
    for (size_t from = 0; from < 4; from++) {
        cairn_sha256_nodes(pairs + 2 * from, 256 - from, got);
        for (size_t i = from; i < 256; i++) {
            cairn_hash want = reference_node(&pairs[2 * i]);
            assert_hash(&got[i - from], &want);
        }
    }
}

static void test_every_last_byte(void **state)
{
    (void)state;
    for_each(check_last_bytes);
}

/* `ret_hashes` may start before `pairs` and run into them. */
static void check_overlap(void)
{
    cairn_hash memory[160], want[64];
    for (size_t gap = 0; gap < 32; gap++) {
        fill_random(memory, sizeof memory);
        for (size_t i = 0; i < 64; i++)
            want[i] = reference_node(&memory[gap + 2 * i]);
        cairn_sha256_nodes(memory + gap, 64, memory);
        assert_memory_equal(memory, want, sizeof want);
    }
}

static void test_overlap_from_the_front(void **state)
{
    (void)state;
    for_each(check_overlap);
}

static void check_prefixed_batch(size_t count, size_t size)
{
    uint8_t(*prefixes)[64] = malloc(count * 64 + 1);
    uint8_t *memory = malloc(count * (size + 1) + 1);
    uint8_t *joined = malloc(64 + size);
    const uint8_t *messages[24];
    cairn_hash got[24];
    assert_true(prefixes != NULL && memory != NULL && joined != NULL);
    fill_random(prefixes, count * 64);
    fill_random(memory, count * (size + 1));
    for (size_t i = 0; i < count; i++)
        messages[i] = memory + i * (size + 1);
    cairn_sha256_prefixed((const uint8_t(*)[64])prefixes, messages, size, count, got);
    for (size_t i = 0; i < count; i++) {
        memcpy(joined, prefixes[i], 64);
        if (size > 0)
            memcpy(joined + 64, messages[i], size);
        cairn_hash want = openssl_hash(joined, 64 + size);
        assert_hash(&got[i], &want);
    }
    free(prefixes);
    free(memory);
    free(joined);
}

static void check_prefixed(void)
{
    for (size_t size = 0; size <= 200; size++)
        check_prefixed_batch(1 + size % 11, size);
    for (size_t round = 0; round < 300; round++)
        check_prefixed_batch(next_random() % 24, next_random() % 5000);
    check_prefixed_batch(9, 65536);
}

static void test_prefixed_segments(void **state)
{
    (void)state;
    for_each(check_prefixed);
}

static void test_force_refuses_unknown_names(void **state)
{
    (void)state;
    assert_int_equal(cairn_sha256_force("portable"), CAIRN_OK);
    assert_int_equal(cairn_sha256_force("md5"), CAIRN_ERR_ARGUMENT);
    assert_string_equal(cairn_sha256_implementation(), "portable");
}

static void *hash_in_thread(void *ret)
{
    cairn_sha256_of("abc", 3, ret);
    return NULL;
}

/* First in the list: nothing is chosen yet, so these threads race for the detection. */
static void test_first_use_from_many_threads(void **state)
{
    (void)state;
    pthread_t threads[8];
    cairn_hash hashes[8], want = openssl_hash("abc", 3);
    for (size_t i = 0; i < 8; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, hash_in_thread, &hashes[i]), 0);
    for (size_t i = 0; i < 8; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_hash(&hashes[i], &want);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_first_use_from_many_threads),
        cmocka_unit_test(test_fips_vectors),
        cmocka_unit_test(test_every_size_to_700),
        cmocka_unit_test(test_random_splits),
        cmocka_unit_test(test_nodes_in_random_batches),
        cmocka_unit_test(test_every_last_byte),
        cmocka_unit_test(test_overlap_from_the_front),
        cmocka_unit_test(test_prefixed_segments),
        cmocka_unit_test(test_force_refuses_unknown_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
