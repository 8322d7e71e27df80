/* Receipts, statements and receipt files: bytes of the page, OpenSSL beside us, and each no. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>

#include "cairn/cose.h"
#include "support/hex.h"
#include "support/vouch.h"

static test_world world;

static int set_up(void **state)
{
    (void)state;
    test_world_init(&world);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    test_world_done(&world);
    return 0;
}

/* OpenSSL alone, over bytes put together here by hand. */

static EVP_PKEY *openssl_key(const uint8_t point[64])
{
    uint8_t octets[65] = {4};
    EVP_PKEY *key = NULL;
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    memcpy(octets + 1, point, 64);
    assert_int_equal(
        OSSL_PARAM_BLD_push_utf8_string(build, OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1", 0), 1);
    assert_int_equal(OSSL_PARAM_BLD_push_octet_string(build, OSSL_PKEY_PARAM_PUB_KEY, octets, 65),
                     1);
    OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(build);
    assert_int_equal(EVP_PKEY_fromdata_init(ctx), 1);
    assert_int_equal(EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params), 1);
    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(build);
    EVP_PKEY_CTX_free(ctx);
    return key;
}

static bool openssl_verifies(const uint8_t point[64], const uint8_t *message, size_t size,
                             const uint8_t signature[64])
{
    EVP_PKEY *key = openssl_key(point);
    ECDSA_SIG *sig = ECDSA_SIG_new();
    uint8_t *der = NULL;
    assert_int_equal(
        ECDSA_SIG_set0(sig, BN_bin2bn(signature, 32, NULL), BN_bin2bn(signature + 32, 32, NULL)),
        1);
    int der_size = i2d_ECDSA_SIG(sig, &der);
    assert_true(der_size > 0);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    assert_int_equal(EVP_DigestVerifyInit(ctx, NULL, EVP_sha256(), NULL, key), 1);
    int result = EVP_DigestVerify(ctx, der, (size_t)der_size, message, size);
    EVP_MD_CTX_free(ctx);
    OPENSSL_free(der);
    ECDSA_SIG_free(sig);
    EVP_PKEY_free(key);
    return result == 1;
}

/* RFC 6962 leaf and node by OpenSSL. */
static void openssl_hash(uint8_t prefix, const void *a, size_t a_size, const void *b, size_t b_size,
                         uint8_t out[32])
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    assert_int_equal(EVP_DigestInit_ex(ctx, EVP_sha256(), NULL), 1);
    assert_int_equal(EVP_DigestUpdate(ctx, &prefix, 1), 1);
    assert_int_equal(EVP_DigestUpdate(ctx, a, a_size), 1);
    assert_int_equal(EVP_DigestUpdate(ctx, b, b_size), 1);
    assert_int_equal(EVP_DigestFinal_ex(ctx, out, NULL), 1);
    EVP_MD_CTX_free(ctx);
}

/* The protected header as the page writes it; height and time take 2 and 9 bytes. */
static size_t write_protected(uint8_t *out)
{
    uint8_t *p = out;
    memcpy(p, "\xa5\x01\x26\x04\x58\x20", 6);
    memcpy(p += 6, cairn_key_id(world.keys[1][0])->b, 32);
    memcpy(p += 32, "\x0f\xa1\x01\x78\x46", 5);
    memcpy(p += 5, world.origin, 70);
    memcpy(p += 70, "\x19\x01\x8b\x01\x3a\x00\x01\x00\x00\x83\x18\x64\x1b", 13);
    p += 13;
    for (size_t i = 0; i < 8; i++)
        *p++ = (uint8_t)(TEST_TIME_MS >> (56 - 8 * i));
    *p++ = TEST_LOG_SIZE;
    return (size_t)(p - out);
}

/* Entry 7 of 13: left, left, left within 8, then the right rest. */
static void fold_by_hand(const uint8_t *path, uint8_t root[32])
{
    openssl_hash(0, world.tx.data, world.tx.size, "", 0, root);
    for (size_t i = 0; i < 3; i++)
        openssl_hash(1, path + 34 * i + 2, 32, root, 32, root);
    openssl_hash(1, root, 32, path + 34 * 3 + 2, 32, root);
}

static void test_bytes_of_the_page_and_openssl(void **state)
{
    (void)state;
    uint8_t want[512], message[256], root[32];
    cairn_bytes receipt = test_world_receipt(&world, (test_says){.org = 1});
    memcpy(want, "\xd2\x84\x58\x87", 4);
    size_t protected_size = write_protected(want + 4);
    assert_int_equal(protected_size, 0x87);
    uint8_t *p = want + 4 + protected_size;
    memcpy(p, "\xa1\x19\x01\x8c\xa1\x20\x81\x58\x8c\x83\x0d\x07\x84", 13);
    p += 13;
    const uint8_t *path = receipt.data + (p - want);
    for (size_t i = 0; i < 4; i++)
        assert_memory_equal(path + 34 * i, "\x58\x20", 2);
    memcpy(p, path, (size_t)34 * 4);
    memcpy(p += 34 * 4, "\xf6\x58\x40", 3);
    const uint8_t *signature = path + 34 * 4 + 3;
    memcpy(p += 3, signature, 64);
    assert_int_equal(receipt.size, p + 64 - want);
    assert_memory_equal(receipt.data, want, receipt.size);

    fold_by_hand(path, root);
    memcpy(message, "\x84\x6aSignature1\x58\x87", 14);
    memcpy(message + 14, want + 4, protected_size);
    memcpy(message + 14 + protected_size, "\x40\x58\x20", 3);
    memcpy(message + 17 + protected_size, root, 32);
    const uint8_t *point = cairn_key_public(world.keys[1][0]).data;
    assert_true(openssl_verifies(point, message, protected_size + 49, signature));
    message[20] ^= 1;
    assert_false(openssl_verifies(point, message, protected_size + 49, signature));
}

static void test_round_trip(void **state)
{
    (void)state;
    cairn_receipt r;
    cairn_hash root, want = test_mth(world.leaves, TEST_LOG_SIZE);
    cairn_bytes receipt = test_world_receipt(&world, (test_says){.org = 1}), again;
    assert_int_equal(cairn_receipt_decode(&world.arena, receipt, &r), CAIRN_OK);
    assert_int_equal(r.head.height, TEST_HEIGHT);
    assert_int_equal(r.head.time_ms, TEST_TIME_MS);
    assert_int_equal(r.head.size, TEST_LOG_SIZE);
    assert_int_equal(r.index, TEST_INDEX);
    assert_true(cairn_bytes_equal(r.head.origin, cairn_bytes_str(world.origin)));
    assert_int_equal(cairn_receipt_assemble(&world.arena, &r.head, r.index, r.path, r.path_count,
                                            r.signature, &again),
                     CAIRN_OK);
    assert_true(cairn_bytes_equal(receipt, again));
    assert_int_equal(cairn_receipt_verify(&world.arena, &r, world.tx, world.keys[1][0], &root),
                     CAIRN_OK);
    assert_true(cairn_hash_equal(&root, &want));
    assert_int_equal(cairn_receipt_verify(&world.arena, &r, world.tx, world.keys[1][1], &root),
                     CAIRN_ERR_BAD_SIGNATURE);
    assert_int_equal(
        cairn_receipt_verify(&world.arena, &r, cairn_bytes_str("x"), world.keys[1][0], &root),
        CAIRN_ERR_BAD_SIGNATURE);
}

static void test_key_of_another_type(void **state)
{
    (void)state;
    cairn_receipt r;
    cairn_hash root;
    CAIRN_CLEANUP(cairn_key_free_p) cairn_key *key = NULL;
    TEST_MUST(cairn_key_generate(CAIRN_KEY_ED25519, &key));
    TEST_MUST(cairn_receipt_decode(&world.arena, test_world_receipt(&world, (test_says){0}), &r));
    assert_int_equal(cairn_receipt_verify(&world.arena, &r, world.tx, key, &root),
                     CAIRN_ERR_BAD_ALGORITHM);
}

/* Each rule of the receipt, by a cut out of a good one. */

static cairn_bytes splice(cairn_bytes in, size_t at, size_t cut, const char *hex)
{
    TEST_HEX(put, hex);
    void *memory = NULL;
    TEST_MUST(cairn_arena_alloc(&world.arena, in.size + put.size, &memory));
    uint8_t *out = memory;
    memcpy(out, in.data, at);
    memcpy(out + at, put.data, put.size);
    memcpy(out + at + put.size, in.data + at + cut, in.size - at - cut);
    return cairn_bytes_of(out, in.size - cut + put.size);
}

typedef struct splice_case {
    size_t at, cut; /* bytes to cut out, and where */
    const char *hex;
    cairn_err want;
} splice_case;

static void run_protected_case(const cairn_receipt *good, const splice_case *c)
{
    cairn_bytes receipt, raw = test_world_receipt(&world, (test_says){.org = 1});
    cairn_cose_message message;
    cairn_receipt r;
    TEST_MUST(cairn_cose_decode(raw, CAIRN_COSE_TAG_SIGN1, CAIRN_CBOR_STRICT, &message));
    TEST_MUST(cairn_cose_encode(
        &world.arena, CAIRN_COSE_TAG_SIGN1, splice(good->protected_raw, c->at, c->cut, c->hex),
        message.headers.unprotected_raw, true, (cairn_bytes){0}, message.tag, &receipt));
    cairn_err got = cairn_receipt_decode(&world.arena, receipt, &r);
    if (got != c->want)
        fail_msg("at %zu: %s, %s", c->at, cairn_err_name(got), cairn_err_detail());
}

static void test_protected_header_is_closed(void **state)
{
    (void)state;
    static const splice_case cases[] = {
        {0, 0, "", CAIRN_OK},
        {2, 1, "27", CAIRN_ERR_BAD_ALGORITHM},      /* EdDSA */
        {2, 1, "3822", CAIRN_ERR_BAD_ALGORITHM},    /* ES384 */
        {2, 1, "6545533235", CAIRN_ERR_WRONG_TYPE}, /* "ES25" and the rest as text */
        {2, 1, "3806", CAIRN_ERR_NOT_CANONICAL},    /* -7 in two bytes */
        {3, 0, "0201", CAIRN_ERR_TRAILING},         /* one pair too many for its head */
        {0, 3, "a4", CAIRN_ERR_MISSING_FIELD},      /* no alg */
        {3, 35, "", CAIRN_ERR_TRUNCATED},           /* a pair less than its head says */
        {4, 34,
         "581f"
         "00000000000000000000000000000000000000000000000000000000000000",
         CAIRN_ERR_BAD_VALUE},
        {39, 2, "a102", CAIRN_ERR_MISSING_FIELD}, /* no issuer among the claims */
        {41, 2, "5846", CAIRN_ERR_WRONG_TYPE},    /* issuer as bytes */
        {116, 1, "02", CAIRN_ERR_BAD_VALUE},      /* another data structure */
        {122, 3, "821864", CAIRN_ERR_TRAILING},
        {122, 12, "821864", CAIRN_ERR_BAD_VALUE}, /* no time */
        {123, 2, "20", CAIRN_ERR_WRONG_TYPE},     /* height below zero */
        {123, 2, "1b8000000000000000", CAIRN_ERR_BAD_VALUE},
        {125, 9, "1b0020000000000000", CAIRN_ERR_BAD_VALUE}, /* time above 2^53 - 1 */
        {134, 1, "00", CAIRN_ERR_BAD_VALUE},                 /* an empty log */
        {134, 1, "0c", CAIRN_ERR_BAD_VALUE},                 /* not the proof's size */
        {134, 1, "0e", CAIRN_ERR_BAD_VALUE},
    };
    cairn_receipt good;
    TEST_MUST(cairn_receipt_decode(&world.arena, test_world_receipt(&world, (test_says){.org = 1}),
                                   &good));
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        run_protected_case(&good, &cases[i]);
}

static void test_rest_of_the_receipt_is_closed(void **state)
{
    (void)state;
    enum { AT = 4 + 0x87, END = AT + 13 + 34 * 4 }; /* unprotected header, null */
    static const splice_case cases[] = {
        {0, 0, "", CAIRN_OK},
        {0, 1, "", CAIRN_ERR_WRONG_TYPE},  /* no tag */
        {0, 1, "d1", CAIRN_ERR_BAD_VALUE}, /* COSE_Mac0 */
        {0, 1, "d812", CAIRN_ERR_NOT_CANONICAL},
        {AT, 1, "a2", CAIRN_ERR_WRONG_TYPE}, /* null as the key of a second pair */
        {AT, 0, "a0", CAIRN_ERR_TRAILING},
        {AT + 3, 1, "8b", CAIRN_ERR_UNKNOWN_FIELD}, /* 395 */
        {AT + 3, 1, "8d", CAIRN_ERR_MISSING_FIELD}, /* 397 */
        {AT + 5, 1, "21", CAIRN_ERR_MISSING_FIELD}, /* -2: a consistency proof */
        {AT + 6, 143, "80", CAIRN_ERR_BAD_VALUE},   /* no proof */
        {AT + 9, 1, "82", CAIRN_ERR_TRAILING},
        {AT + 10, 1, "0c", CAIRN_ERR_BAD_VALUE}, /* size */
        {AT + 11, 1, "0d", CAIRN_ERR_BAD_VALUE}, /* index = size */
        {AT + 11, 1, "20", CAIRN_ERR_WRONG_TYPE},
        {AT + 12, 1, "83", CAIRN_ERR_TRAILING},
        {AT + 13, 2, "7820", CAIRN_ERR_BAD_TEXT},
        {END, 1, "40", CAIRN_ERR_WRONG_TYPE}, /* a payload */
        {END + 1, 66,
         "583f"
         "00000000000000000000000000000000000000000000000000000000000000"
         "0000000000000000000000000000000000000000000000000000000000000000",
         CAIRN_ERR_BAD_VALUE},
        {END + 67, 0, "00", CAIRN_ERR_TRAILING},
        {END + 66, 1, "", CAIRN_ERR_TRUNCATED},
    };
    cairn_bytes good = test_world_receipt(&world, (test_says){.org = 1});
    assert_int_equal(good.size, END + 67);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cairn_receipt r;
        const splice_case *c = &cases[i];
        cairn_err got = cairn_receipt_decode(&world.arena, splice(good, c->at, c->cut, c->hex), &r);
        if (got != c->want)
            fail_msg("case %zu: %s, %s", i, cairn_err_name(got), cairn_err_detail());
    }
}

static void test_largest_receipt(void **state)
{
    (void)state;
    static const cairn_hash path[CAIRN_MERKLE_PROOF_MAX + 1];
    cairn_receipt_head head = {.origin = cairn_bytes_str(world.origin),
                               .height = INT64_MAX,
                               .time_ms = CAIRN_TIME_MAX_MS,
                               .size = CAIRN_LOG_SIZE_MAX};
    uint8_t signature[64] = {1};
    cairn_bytes view = cairn_bytes_of(signature, 64), receipt;
    assert_int_equal(cairn_receipt_assemble(&world.arena, &head, CAIRN_LOG_SIZE_MAX - 1, path, 64,
                                            view, &receipt),
                     CAIRN_OK);
    assert_true(receipt.size <= CAIRN_RECEIPT_SIZE_MAX &&
                receipt.size > CAIRN_RECEIPT_SIZE_MAX - 16);
    assert_int_equal(cairn_receipt_assemble(&world.arena, &head, 1, path, 65, view, &receipt),
                     CAIRN_ERR_TOO_LARGE);
    assert_int_equal(
        cairn_receipt_assemble(&world.arena, &head, CAIRN_LOG_SIZE_MAX, path, 64, view, &receipt),
        CAIRN_ERR_BAD_VALUE);
    static const uint8_t zeros[CAIRN_RECEIPT_SIZE_MAX + 1];
    cairn_receipt r;
    assert_int_equal(cairn_receipt_decode(&world.arena, cairn_bytes_of(zeros, sizeof zeros), &r),
                     CAIRN_ERR_TOO_LARGE);
}

static void test_head_outside_its_ranges(void **state)
{
    (void)state;
    const cairn_receipt_head good = {.origin = cairn_bytes_str(world.origin), .size = 1};
    cairn_receipt_head heads[4] = {good, good, good, good};
    cairn_hash root = {{0}};
    cairn_bytes message;
    heads[0].size = 0;
    heads[1].size = CAIRN_LOG_SIZE_MAX + 1;
    heads[2].height = UINT64_MAX;
    heads[3].origin.size = 0;
    assert_int_equal(cairn_receipt_to_be_signed(&world.arena, &good, &root, &message), CAIRN_OK);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(cairn_receipt_to_be_signed(&world.arena, &heads[i], &root, &message),
                         CAIRN_ERR_BAD_VALUE);
}

/* Statements */

static void test_statement_gives_the_entry_back(void **state)
{
    (void)state;
    cairn_bytes receipts[3], statement;
    cairn_statement s;
    for (size_t i = 0; i < 3; i++)
        receipts[i] = test_world_receipt(&world, (test_says){.org = i});
    assert_int_equal(cairn_statement_encode(&world.arena, world.tx, receipts, 3, &statement),
                     CAIRN_OK);
    assert_int_equal(cairn_statement_decode(&world.arena, statement, &s), CAIRN_OK);
    assert_true(cairn_bytes_equal(s.tx.raw, world.tx));
    assert_int_equal(s.receipt_count, 3);
    for (size_t i = 0; i < 3; i++)
        assert_true(cairn_hash_equal(&s.receipts[i].head.kid, cairn_key_id(world.keys[i][0])));
    /* a stock COSE reader sees the transaction's signature and label 394 */
    cairn_cose_message message;
    assert_int_equal(
        cairn_cose_decode(statement, CAIRN_COSE_TAG_SIGN1, CAIRN_CBOR_FOREIGN, &message), CAIRN_OK);
    assert_int_equal(cairn_cose_sign1_verify(&world.arena, &message, world.keys[0][2],
                                             (cairn_bytes){0}, (cairn_bytes){0}),
                     CAIRN_OK);
    assert_memory_equal(message.headers.unprotected_raw.data, "\xa1\x19\x01\x8a\x83", 5);
}

static void test_number_of_receipts(void **state)
{
    (void)state;
    cairn_bytes receipts[CAIRN_RECEIPT_COUNT_MAX + 1], statement;
    for (size_t i = 0; i <= CAIRN_RECEIPT_COUNT_MAX; i++)
        receipts[i] = test_world_receipt(&world, (test_says){0});
    assert_int_equal(cairn_statement_encode(&world.arena, world.tx, receipts, 0, &statement),
                     CAIRN_ERR_BAD_VALUE);
    assert_int_equal(cairn_statement_encode(&world.arena, world.tx, receipts, 128, &statement),
                     CAIRN_OK);
    assert_int_equal(cairn_statement_encode(&world.arena, world.tx, receipts, 129, &statement),
                     CAIRN_ERR_BAD_VALUE);
}

static void test_statement_is_closed(void **state)
{
    (void)state;
    enum { AT = 2 + 2 + 38 }; /* the unprotected header, in both */
    static const splice_case cases[] = {
        {0, 0, "", CAIRN_OK},
        {0, 1, "d1", CAIRN_ERR_BAD_VALUE},
        {AT, 1, "a0", CAIRN_ERR_TRAILING},
        {AT + 3, 1, "8b", CAIRN_ERR_MISSING_FIELD}, /* 395 where 394 is due */
        {AT + 3, 1, "89", CAIRN_ERR_UNKNOWN_FIELD},
        {AT + 4, 1, "80", CAIRN_ERR_TRAILING},
        {5, 1, "02", CAIRN_ERR_MISSING_FIELD}, /* the transaction's own rules: no alg */
        {6, 1, "27", CAIRN_ERR_BAD_ALGORITHM},
    };
    cairn_bytes receipt = test_world_receipt(&world, (test_says){0}), good;
    TEST_MUST(cairn_statement_encode(&world.arena, world.tx, &receipt, 1, &good));
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cairn_statement s;
        const splice_case *c = &cases[i];
        cairn_err got =
            cairn_statement_decode(&world.arena, splice(good, c->at, c->cut, c->hex), &s);
        if (got != c->want)
            fail_msg("case %zu: %s, %s", i, cairn_err_name(got), cairn_err_detail());
    }
    cairn_statement s;
    assert_int_equal(cairn_statement_decode(&world.arena, world.tx, &s), CAIRN_ERR_MISSING_FIELD);
}

/* The file around them */

static void test_receipt_file(void **state)
{
    (void)state;
    static const struct {
        const char *hex;
        cairn_err want;
    } cases[] = {
#define MAGIC "6f636169726e2f726563656970742f31"
        {"83" MAGIC "4101"
         "4102",
         CAIRN_OK},
        {"83" MAGIC "40"
         "4102",
         CAIRN_ERR_BAD_VALUE},
        {"83" MAGIC "4101"
         "40",
         CAIRN_ERR_BAD_VALUE},
        {"83" MAGIC "4101"
         "6161",
         CAIRN_ERR_WRONG_TYPE},
        {"82" MAGIC "4101", CAIRN_ERR_BAD_VALUE},
        {"84" MAGIC "4101"
         "4102"
         "4103",
         CAIRN_OK},
        {"84" MAGIC "4101"
         "4102"
         "40",
         CAIRN_ERR_BAD_VALUE},
        {"84" MAGIC "4101"
         "4102"
         "00",
         CAIRN_ERR_WRONG_TYPE},
        {"85" MAGIC "4101"
         "4102"
         "4103"
         "4104",
         CAIRN_ERR_BAD_VALUE},
        {"83"
         "6f636169726e2f726563656970742f32"
         "4101"
         "4102",
         CAIRN_ERR_BAD_VERSION},
        {"83" MAGIC "4101"
         "4102"
         "00",
         CAIRN_ERR_TRAILING},
        {"83" MAGIC "4101", CAIRN_ERR_TRUNCATED},
        {"83" MAGIC "580101"
         "4102",
         CAIRN_ERR_NOT_CANONICAL},
        {"d283" MAGIC "4101"
         "4102",
         CAIRN_ERR_WRONG_TYPE},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        TEST_HEX(in, cases[i].hex);
        cairn_receipt_file file;
        cairn_bytes again;
        if (cairn_receipt_file_decode(test_view(&in), &file) != cases[i].want)
            fail_msg("case %zu: %s", i, cairn_err_detail());
        if (cases[i].want != CAIRN_OK)
            continue;
        assert_int_equal(cairn_receipt_file_encode(&world.arena, &file, &again), CAIRN_OK);
        assert_true(cairn_bytes_equal(again, test_view(&in)));
    }
    static const uint8_t zeros[CAIRN_RECEIPT_FILE_SIZE_MAX + 1];
    cairn_receipt_file file;
    assert_int_equal(cairn_receipt_file_decode(cairn_bytes_of(zeros, sizeof zeros), &file),
                     CAIRN_ERR_TOO_LARGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_bytes_of_the_page_and_openssl, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_round_trip, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_key_of_another_type, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_protected_header_is_closed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_rest_of_the_receipt_is_closed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_largest_receipt, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_head_outside_its_ranges, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_statement_gives_the_entry_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_number_of_receipts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_statement_is_closed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_receipt_file, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
