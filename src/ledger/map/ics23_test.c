/* ICS-23 vectors of cosmos/ics23 (smt and tendermint trees), every one-byte mutation of them, and
 * the rules of the strict reader. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <jansson.h>
#include <stdio.h>

#include "cairn/ics23.h"
#include "cairn/sha256.h"
#include "support/hex.h"
#include "support/shared.h"

typedef struct vector {
    bool exists;
    cairn_hash root;
    test_bytes key, value, proof;
} vector;

static const char *const names[] = {"exist_left",    "exist_middle",    "exist_right",
                                    "nonexist_left", "nonexist_middle", "nonexist_right"};
static const cairn_ics23_spec *const specs[] = {&cairn_ics23_smt, &cairn_ics23_tendermint};

static bool load_vector(const char *tree, const char *name, vector *ret_vector)
{
    char relative[128];
    char path[4096];
    (void)snprintf(relative, sizeof relative, "ledger/ics23/%s/%s.json", tree, name);
    if (!test_shared_path(relative, path))
        return false;
    json_error_t error;
    json_t *json = json_load_file(path, 0, &error);
    assert_non_null(json);
    *ret_vector = (vector){.exists = strncmp(name, "exist", 5) == 0,
                           .key = test_hex(json_string_value(json_object_get(json, "key"))),
                           .value = test_hex(json_string_value(json_object_get(json, "value"))),
                           .proof = test_hex(json_string_value(json_object_get(json, "proof")))};
    assert_int_equal(
        cairn_hex_decode(json_string_value(json_object_get(json, "root")), ret_vector->root.b, 32),
        CAIRN_OK);
    json_decref(json);
    return true;
}

static void free_vector(vector *v)
{
    test_bytes_free(&v->key);
    test_bytes_free(&v->value);
    test_bytes_free(&v->proof);
}

static cairn_err verify(const cairn_ics23_spec *spec, const vector *v)
{
    if (v->exists)
        return cairn_ics23_verify_exist(spec, &v->root, test_view(&v->key), test_view(&v->value),
                                        test_view(&v->proof));
    return cairn_ics23_verify_absent(spec, &v->root, test_view(&v->key), test_view(&v->proof));
}

static void mutate_bytes(const cairn_ics23_spec *spec, vector *v, test_bytes *bytes)
{
    for (size_t i = 0; i < bytes->size; i++) {
        for (unsigned flip = 1; flip < 256; flip = flip * 2 + (flip == 64)) {
            bytes->data[i] = (uint8_t)(bytes->data[i] ^ flip);
            assert_int_not_equal(verify(spec, v), CAIRN_OK);
            bytes->data[i] = (uint8_t)(bytes->data[i] ^ flip);
        }
    }
}

/* The root, the value and each byte of the proof count; a shorter or longer proof is none. The key
 * of an absent one may move within its gap, so only a present one's is changed. */
static void mutate(const cairn_ics23_spec *spec, vector *v)
{
    mutate_bytes(spec, v, &v->proof);
    for (size_t i = 0; i < 32; i++) {
        v->root.b[i] ^= 1;
        assert_int_equal(verify(spec, v), CAIRN_ERR_BAD_PROOF);
        v->root.b[i] ^= 1;
    }
    if (v->exists) {
        mutate_bytes(spec, v, &v->key);
        mutate_bytes(spec, v, &v->value);
    }
    size_t size = v->proof.size;
    while (v->proof.size-- > 0)
        assert_int_not_equal(verify(spec, v), CAIRN_OK);
    v->proof.size = size;
}

static void test_vectors_pass_and_mutants_fail(void **state)
{
    (void)state;
    for (size_t s = 0; s < 2; s++) {
        for (size_t n = 0; n < 6; n++) {
            vector v;
            if (!load_vector(specs[s]->name, names[n], &v))
                skip();
            assert_int_equal(verify(specs[s], &v), CAIRN_OK);
            assert_int_not_equal(verify(specs[1 - s], &v), CAIRN_OK);
            mutate(specs[s], &v);
            v.exists = !v.exists;
            assert_int_equal(verify(specs[s], &v), CAIRN_ERR_WRONG_TYPE);
            free_vector(&v);
        }
    }
}

/* IAVL trees are another shape, which we do not read: refused, not misread. */
static void test_iavl_is_refused(void **state)
{
    (void)state;
    for (size_t n = 0; n < 6; n++) {
        vector v;
        if (!load_vector("iavl", names[n], &v))
            skip();
        for (size_t s = 0; s < 2; s++)
            assert_int_equal(verify(specs[s], &v), CAIRN_ERR_BAD_VALUE);
        free_vector(&v);
    }
}

static cairn_hash smt_leaf(const char *key, const char *value)
{
    uint8_t leaf[65] = {0};
    cairn_hash part;
    cairn_sha256_of(key, strlen(key), &part);
    memcpy(leaf + 1, part.b, 32);
    cairn_sha256_of(value, strlen(value), &part);
    memcpy(leaf + 33, part.b, 32);
    cairn_sha256_of(leaf, sizeof leaf, &part);
    return part;
}

/* key "k", value "v", leaf op of SmtSpec, no path. */
#define LEAF_OP "1a090801100118012a0100"
#define EXIST_KV "0a016b120176" LEAF_OP

static cairn_err verify_kv(const char *hex)
{
    TEST_HEX(proof, hex);
    cairn_hash root = smt_leaf("k", "v");
    return cairn_ics23_verify_exist(&cairn_ics23_smt, &root, cairn_bytes_str("k"),
                                    cairn_bytes_str("v"), test_view(&proof));
}

static void test_strict_reader(void **state)
{
    (void)state;
    static const struct {
        const char *hex;
        cairn_err want;
    } cases[] = {
        {"0a11" EXIST_KV, CAIRN_OK},
        {"", CAIRN_ERR_MISSING_FIELD},
        {"0a", CAIRN_ERR_TRUNCATED},
        {"0a12" EXIST_KV, CAIRN_ERR_TRUNCATED},
        {"0a10" EXIST_KV, CAIRN_ERR_TRAILING},
        {"0a11" EXIST_KV "00", CAIRN_ERR_TRAILING},
        {"0a11" EXIST_KV "0a11" EXIST_KV, CAIRN_ERR_TRAILING},
        {"0a9100" EXIST_KV, CAIRN_ERR_NOT_CANONICAL},
        {"0affffffffffffffffff02", CAIRN_ERR_NOT_CANONICAL},
        {"0affffffffffffffffff01", CAIRN_ERR_TRUNCATED},
        {"1a00", CAIRN_ERR_WRONG_TYPE},                        /* batch */
        {"2200", CAIRN_ERR_WRONG_TYPE},                        /* compressed */
        {"0a00", CAIRN_ERR_MISSING_FIELD},                     /* no key */
        {"0a111201760a016b" LEAF_OP, CAIRN_ERR_UNKNOWN_FIELD}, /* order */
        {"0a100a00120176" LEAF_OP, CAIRN_ERR_NOT_CANONICAL},   /* empty key */
        {"0a060a016b120176", CAIRN_ERR_MISSING_FIELD},         /* no leaf */
        {"0a0f0a016b120176"
         "1a07"
         "0801"
         "18012a0100",
         CAIRN_ERR_BAD_VALUE}, /* unhashed key */
        {"0a130a016b120176"
         "1a0b"
         "08011001180120002a0100",
         CAIRN_ERR_NOT_CANONICAL},
        {"0a130a016b120176"
         "1a0b"
         "08011001180120012a0100",
         CAIRN_ERR_BAD_VALUE},
        {"0a120a016b120176"
         "1a0a"
         "0801100118012a020000",
         CAIRN_ERR_BAD_VALUE}, /* prefix */
        {"0a110a016b120176"
         "1a09"
         "0802100118012a0100",
         CAIRN_ERR_BAD_VALUE},
        {"0a130a016b120176"
         "1a0b"
         "0801100118012a01003000",
         CAIRN_ERR_TRAILING},
        {"0a13" EXIST_KV "2a00", CAIRN_ERR_TRAILING},
        {"0a13" EXIST_KV "2200", CAIRN_ERR_BAD_VALUE},           /* step without a hash op */
        {"0a18" EXIST_KV "22050801120101", CAIRN_ERR_BAD_VALUE}, /* no sibling */
        {"0a1a" EXIST_KV "220708011201011a00", CAIRN_ERR_NOT_CANONICAL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cairn_err err = verify_kv(cases[i].hex);
        if (err != cases[i].want)
            print_message("case %zu: %s\n", i, cairn_err_detail());
        assert_int_equal(err, cases[i].want);
    }
}

static void test_depth_and_size_are_bounded(void **state)
{
    (void)state;
    static const uint8_t leaf[] = {0x1a, 9, 8, 1, 0x10, 1, 0x18, 1, 0x2a, 1, 0};
    enum { STEP = 41, STEPS = 257 };
    static uint8_t proof[4 + 6 + sizeof leaf + STEP * STEPS];
    for (size_t steps = 256; steps <= STEPS; steps++) {
        cairn_hash root = smt_leaf("k", "v");
        const cairn_hash zero = {{0}};
        size_t size = 6 + sizeof leaf + STEP * steps;
        uint8_t *p = proof;
        *p++ = 0x0a;
        *p++ = (uint8_t)(size | 0x80);
        *p++ = (uint8_t)(size >> 7);
        CAIRN_ASSERT(size >> 7 < 128);
        memcpy(p, "\x0a\x01k\x12\x01v", 6);
        memcpy(p + 6, leaf, sizeof leaf);
        p += 6 + sizeof leaf;
        for (size_t i = 0; i < steps; i++, p += STEP) {
            memcpy(p, "\x22\x27\x08\x01\x12\x01\x01\x1a\x20", 9);
            memset(p + 9, 0, 32);
            cairn_sha256_node(&root, &zero, &root);
        }
        cairn_err want = steps == 256 ? CAIRN_OK : CAIRN_ERR_TOO_MANY;
        assert_int_equal(cairn_ics23_verify_exist(&cairn_ics23_smt, &root, cairn_bytes_str("k"),
                                                  cairn_bytes_str("v"),
                                                  cairn_bytes_of(proof, (size_t)(p - proof))),
                         want);
    }
    static const uint8_t big[CAIRN_ICS23_SIZE_MAX + 1];
    cairn_hash root = {{0}};
    assert_int_equal(cairn_ics23_verify_absent(&cairn_ics23_smt, &root, cairn_bytes_str("k"),
                                               cairn_bytes_of(big, sizeof big)),
                     CAIRN_ERR_TOO_LARGE);
}

/* Absence in a tree of one key: the gap must lie on the side that the proof speaks of. */
static void test_absence_beside_one_key(void **state)
{
    (void)state;
    /* SHA-256("k") = 8254…, ("a") = ca97…, ("b") = 3e23…, ("z") = 594e… */
    cairn_hash root = smt_leaf("k", "v");
    TEST_HEX(right_of_k, "1216"
                         "0a0161"
                         "1211" EXIST_KV);
    TEST_HEX(left_of_k, "1216"
                        "0a0162"
                        "1a11" EXIST_KV);
    const cairn_ics23_spec *smt = &cairn_ics23_smt;
    assert_int_equal(
        cairn_ics23_verify_absent(smt, &root, cairn_bytes_str("a"), test_view(&right_of_k)),
        CAIRN_OK);
    assert_int_equal(
        cairn_ics23_verify_absent(smt, &root, cairn_bytes_str("b"), test_view(&left_of_k)),
        CAIRN_OK);
    right_of_k.data[4] = 'b';
    left_of_k.data[4] = 'a';
    assert_int_equal(
        cairn_ics23_verify_absent(smt, &root, cairn_bytes_str("b"), test_view(&right_of_k)),
        CAIRN_ERR_BAD_PROOF);
    assert_int_equal(
        cairn_ics23_verify_absent(smt, &root, cairn_bytes_str("a"), test_view(&left_of_k)),
        CAIRN_ERR_BAD_PROOF);
    left_of_k.data[4] = 'k';
    assert_int_equal(
        cairn_ics23_verify_absent(smt, &root, cairn_bytes_str("k"), test_view(&left_of_k)),
        CAIRN_ERR_BAD_PROOF);
}

static void test_empty_map(void **state)
{
    (void)state;
    TEST_HEX(proof, "12030a016b");
    cairn_hash root = {{0}};
    cairn_bytes key = cairn_bytes_str("k");
    assert_int_equal(cairn_ics23_verify_absent(&cairn_ics23_smt, &root, key, test_view(&proof)),
                     CAIRN_OK);
    assert_int_equal(
        cairn_ics23_verify_absent(&cairn_ics23_tendermint, &root, key, test_view(&proof)),
        CAIRN_ERR_BAD_PROOF);
    root = smt_leaf("k", "v");
    assert_int_equal(cairn_ics23_verify_absent(&cairn_ics23_smt, &root, key, test_view(&proof)),
                     CAIRN_ERR_BAD_PROOF);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors_pass_and_mutants_fail),
        cmocka_unit_test(test_iavl_is_refused),
        cmocka_unit_test(test_strict_reader),
        cmocka_unit_test(test_depth_and_size_are_bounded),
        cmocka_unit_test(test_absence_beside_one_key),
        cmocka_unit_test(test_empty_map),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
