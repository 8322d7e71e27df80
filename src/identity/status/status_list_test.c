/* Status lists against the vectors of the Token Status List draft and the example of Bitstring
 * Status List, and what a hostile list does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>
#include <zlib.h>

#include "cairn/cbor.h"
#include "cairn/sha256.h"
#include "core/crypto/jwk.h"
#include "identity/identity.h"
#include "identity/status/status_list.h"
#include "support/hex.h"
#include "support/status_vectors.h"

enum { LONG_COUNT = 1 << 20 };

/* {"bits": n, "lst": h'…'} as the draft writes it: not in deterministic order. */
static void split(cairn_bytes cbor, uint64_t *ret_bits, cairn_bytes *ret_packed)
{
    cairn_cbor_reader r;
    cairn_cbor_map map;
    cairn_bytes name;
    assert_int_equal(cairn_cbor_open(&r, cbor, CAIRN_CBOR_FOREIGN, "list", "vector"), CAIRN_OK);
    assert_int_equal(cairn_cbor_read_map(&r, "list", &map), CAIRN_OK);
    assert_int_equal(cairn_cbor_read_text(&r, "name", 4, 4, &name), CAIRN_OK);
    assert_int_equal(cairn_cbor_read_uint(&r, "bits", 1, 8, ret_bits), CAIRN_OK);
    assert_int_equal(cairn_cbor_read_text(&r, "name", 3, 3, &name), CAIRN_OK);
    assert_int_equal(cairn_cbor_read_bytes(&r, "lst", 1, 1 << 20, ret_packed), CAIRN_OK);
}

/* Both ways: the entries give the vector's bytes, and its bytes the entries. */
static void check_long(const char *hex, const status_entry *entries, size_t count, unsigned bits)
{
    cairn_arena arena;
    cairn_status_list list, read;
    cairn_bytes packed, want;
    uint64_t want_bits = 0;
    unsigned value = 0;
    TEST_HEX(cbor, hex);
    cairn_arena_init(&arena, 1 << 23);
    split(test_view(&cbor), &want_bits, &want);
    assert_int_equal(want_bits, bits);
    assert_int_equal(
        cairn_status_list_new(&arena, CAIRN_STATUS_TOKEN_ORDER, bits, LONG_COUNT, &list), CAIRN_OK);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(cairn_status_list_set(&list, entries[i].index, entries[i].value),
                         CAIRN_OK);
    assert_int_equal(cairn_status_list_pack(&arena, &list, &packed), CAIRN_OK);
    assert_true(cairn_bytes_equal(packed, want));
    assert_int_equal(cairn_status_list_unpack(&arena, CAIRN_STATUS_TOKEN_ORDER, bits, want, &read),
                     CAIRN_OK);
    assert_int_equal(cairn_status_list_count(&read), LONG_COUNT);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(cairn_status_list_get(&read, entries[i].index, &value), CAIRN_OK);
        assert_int_equal(value, entries[i].value);
    }
    assert_memory_equal(read.data, list.data, list.size);
    cairn_arena_done(&arena);
}

#define CHECK_LONG(n)                             \
    check_long(cbor_##n##_bit, entries_##n##_bit, \
               sizeof entries_##n##_bit / sizeof *entries_##n##_bit, n)

static void test_vectors_of_the_token_list(void **state)
{
    (void)state;
    CHECK_LONG(1);
    CHECK_LONG(2);
    CHECK_LONG(4);
}

static void test_the_short_examples(void **state)
{
    (void)state;
    static const unsigned one[] = {1, 0, 0, 1, 1, 1, 0, 1, 1, 1, 0, 0, 0, 1, 0, 1};
    static const unsigned two[] = {1, 2, 0, 3, 0, 1, 0, 1, 1, 2, 3, 3};
    TEST_HEX(cbor_one, cbor_short_1_bit);
    TEST_HEX(cbor_two, cbor_short_2_bit);
    cairn_arena arena;
    cairn_status_list list;
    cairn_bytes packed;
    uint64_t bits = 0;
    unsigned value = 0;
    cairn_arena_init(&arena, 1 << 16);
    split(test_view(&cbor_one), &bits, &packed);
    assert_int_equal(
        cairn_status_list_unpack(&arena, CAIRN_STATUS_TOKEN_ORDER, (unsigned)bits, packed, &list),
        CAIRN_OK);
    assert_int_equal(cairn_status_list_count(&list), 16);
    for (size_t i = 0; i < 16; i++) {
        assert_int_equal(cairn_status_list_get(&list, i, &value), CAIRN_OK);
        assert_int_equal(value, one[i]);
    }
    assert_int_equal(cairn_status_list_get(&list, 16, &value), CAIRN_ERR_NOT_FOUND);
    assert_int_equal(cairn_status_list_get(&list, UINT64_MAX, &value), CAIRN_ERR_NOT_FOUND);
    split(test_view(&cbor_two), &bits, &packed);
    assert_int_equal(
        cairn_status_list_unpack(&arena, CAIRN_STATUS_TOKEN_ORDER, (unsigned)bits, packed, &list),
        CAIRN_OK);
    for (size_t i = 0; i < 12; i++) {
        assert_int_equal(cairn_status_list_get(&list, i, &value), CAIRN_OK);
        assert_int_equal(value, two[i]);
    }
    cairn_arena_done(&arena);
}

/* Every width and order: setting one entry changes that entry alone. */
static void test_entries_do_not_touch_each_other(void **state)
{
    (void)state;
    cairn_arena arena;
    cairn_arena_init(&arena, 1 << 20);
    for (int order = 0; order < 2; order++)
        for (unsigned bits = 1; bits <= 8; bits *= 2) {
            cairn_status_list list;
            unsigned value = 0;
            assert_int_equal(
                cairn_status_list_new(&arena, (cairn_status_order)order, bits, 64, &list),
                CAIRN_OK);
            assert_int_equal(cairn_status_list_set(&list, 0, 1u << bits), CAIRN_ERR_BAD_VALUE);
            for (size_t i = 0; i < 64; i++) {
                assert_int_equal(cairn_status_list_set(&list, i, (1u << bits) - 1), CAIRN_OK);
                assert_int_equal(cairn_status_list_set(&list, i, (unsigned)(i % (1u << bits))),
                                 CAIRN_OK);
            }
            for (size_t i = 0; i < 64; i++) {
                assert_int_equal(cairn_status_list_get(&list, i, &value), CAIRN_OK);
                assert_int_equal(value, i % (1u << bits));
            }
        }
    cairn_status_list bitstring;
    assert_int_equal(cairn_status_list_new(&arena, CAIRN_STATUS_BITSTRING_ORDER, 1, 1, &bitstring),
                     CAIRN_OK);
    assert_int_equal(bitstring.size, CAIRN_STATUS_BITSTRING_SIZE_MIN);
    assert_int_equal(cairn_status_list_set(&bitstring, 0, 1), CAIRN_OK);
    assert_int_equal(bitstring.data[0], 0x80); /* the left-most bit */
    assert_int_equal(cairn_status_list_new(&arena, CAIRN_STATUS_TOKEN_ORDER, 3, 1, &bitstring),
                     CAIRN_ERR_BAD_VALUE);
    assert_int_equal(cairn_status_list_new(&arena, CAIRN_STATUS_TOKEN_ORDER, 8,
                                           CAIRN_STATUS_LIST_SIZE_MAX + 1, &bitstring),
                     CAIRN_ERR_TOO_LARGE);
    cairn_arena_done(&arena);
}

static cairn_err unpack(cairn_bytes packed)
{
    cairn_arena arena;
    cairn_status_list list;
    cairn_arena_init(&arena, 1 << 20);
    cairn_err err = cairn_status_list_unpack(&arena, CAIRN_STATUS_TOKEN_ORDER, 1, packed, &list);
    cairn_arena_done(&arena);
    return err;
}

/* A thousand times smaller than what it becomes, and one byte more than is allowed. */
static void test_a_bomb_is_told_before_it_is_allocated(void **state)
{
    (void)state;
    uLong size = (uLong)CAIRN_STATUS_LIST_SIZE_MAX + 1, room = compressBound(size);
    uint8_t *zeros = calloc(1, size), *packed = malloc(room);
    assert_non_null(zeros);
    assert_non_null(packed);
    assert_int_equal(compress2(packed, &room, zeros, size, 9), Z_OK);
    assert_in_range(room, 1, size / 1000);
    assert_int_equal(unpack(cairn_bytes_of(packed, room)), CAIRN_ERR_TOO_LARGE);
    free(zeros);
    free(packed);
}

static void test_streams_that_are_refused(void **state)
{
    (void)state;
    uint8_t entries[100] = {1, 2, 3}, packed[200];
    uLong size = sizeof packed - 1;
    assert_int_equal(compress2(packed, &size, entries, sizeof entries, 9), Z_OK);
    assert_int_equal(unpack(cairn_bytes_of(packed, size)), CAIRN_OK);
    for (size_t cut = 0; cut < size; cut++)
        assert_int_equal(unpack(cairn_bytes_of(packed, cut)), CAIRN_ERR_TRUNCATED);
    packed[size] = 0;
    assert_int_equal(unpack(cairn_bytes_of(packed, size + 1)), CAIRN_ERR_TRAILING);
    packed[size - 1] ^= 1; /* the check sum */
    assert_int_equal(unpack(cairn_bytes_of(packed, size)), CAIRN_ERR_BAD_VALUE);
    packed[0] = 0x1f; /* GZIP is the other list's */
    assert_int_equal(unpack(cairn_bytes_of(packed, size)), CAIRN_ERR_BAD_VALUE);
    size = sizeof packed;
    assert_int_equal(compress2(packed, &size, entries, 0, 9), Z_OK);
    assert_int_equal(unpack(cairn_bytes_of(packed, size)), CAIRN_ERR_BAD_VALUE); /* no entry */
}

/* --- tokens --- */

static cairn_key *example_key(void)
{
    uint8_t point[64];
    size_t size = 0;
    cairn_key *key = NULL;
    assert_int_equal(
        cairn_base64url_decode(cairn_bytes_str("I3HWm_0Ds1dPMI-IWmf4mBmH-YaeAVbPVu7vB27CxXo"),
                               point, 32, &size),
        CAIRN_OK);
    assert_int_equal(
        cairn_base64url_decode(cairn_bytes_str("6N_d5Elj9bs1htgV3okJKIdbHEpkgTmAluYKJemzn1M"),
                               point + 32, 32, &size),
        CAIRN_OK);
    assert_int_equal(cairn_key_from_public(CAIRN_KEY_P256, cairn_bytes_of(point, 64), &key),
                     CAIRN_OK);
    return key;
}

static void test_the_drafts_token(void **state)
{
    (void)state;
    TEST_HEX(raw, example_token);
    CAIRN_CLEANUP(cairn_key_free_p) cairn_key *key = example_key();
    const cairn_bytes uri = cairn_bytes_str("https://example.com/statuslists/1");
    cairn_arena arena;
    cairn_status_token token;
    cairn_status_list list;
    unsigned value = 0;
    cairn_arena_init(&arena, 1 << 20);
    assert_int_equal(
        cairn_status_token_verify(&arena, test_view(&raw), key, uri, 1700000000, &token), CAIRN_OK);
    assert_int_equal(token.issued, 1686920170);
    assert_int_equal(token.expires, 2291720170);
    assert_int_equal(token.ttl, 43200);
    assert_true(cairn_bytes_equal(token.kid, cairn_bytes_str("12")));
    assert_int_equal(
        cairn_status_list_unpack(&arena, CAIRN_STATUS_TOKEN_ORDER, token.bits, token.packed, &list),
        CAIRN_OK);
    assert_int_equal(cairn_status_list_get(&list, 7, &value), CAIRN_OK);
    assert_int_equal(value, CAIRN_STATUS_INVALID);
    assert_int_equal(
        cairn_status_token_verify(&arena, test_view(&raw), key, uri, 2291720170, &token),
        CAIRN_ERR_EXPIRED);
    assert_int_equal(cairn_status_token_verify(&arena, test_view(&raw), key,
                                               cairn_bytes_str("https://example.com/statuslists/2"),
                                               1700000000, &token),
                     CAIRN_ERR_MISMATCH);
    cairn_bytes changed;
    assert_int_equal(cairn_arena_copy(&arena, test_view(&raw), &changed), CAIRN_OK);
    ((uint8_t *)(uintptr_t)changed.data)[changed.size - 70] ^= 1; /* the list's last byte */
    assert_int_equal(cairn_status_token_verify(&arena, changed, key, uri, 1700000000, &token),
                     CAIRN_ERR_BAD_SIGNATURE);
    for (size_t cut = 0; cut < raw.size; cut++)
        assert_int_not_equal(cairn_status_token_decode(cairn_bytes_of(raw.data, cut), &token),
                             CAIRN_OK);
    cairn_arena_done(&arena);
}

/* What we issue: the list at its place on the ledger, and a stranger's check of all of it. */
static void test_a_token_of_ours(void **state)
{
    (void)state;
    CAIRN_CLEANUP(cairn_key_free_p) cairn_key *key = NULL;
    CAIRN_CLEANUP(cairn_key_free_p) cairn_key *other = NULL;
    cairn_arena arena;
    cairn_status_list list;
    cairn_status_token token = {.uri = cairn_bytes_str("https://a.example/lists/1"),
                                .issued = 1000,
                                .expires = 2000,
                                .ttl = 60,
                                .bits = 2},
                       back;
    cairn_bytes message, signed_token;
    uint8_t signature[CAIRN_SIGNATURE_SIZE_MAX];
    size_t size = 0;
    cairn_arena_init(&arena, 1 << 20);
    assert_int_equal(cairn_key_generate(CAIRN_KEY_P256, &key), CAIRN_OK);
    assert_int_equal(cairn_key_generate(CAIRN_KEY_P256, &other), CAIRN_OK);
    token.kid = cairn_bytes_hash(cairn_key_id(key));
    assert_int_equal(cairn_status_list_new(&arena, CAIRN_STATUS_TOKEN_ORDER, 2, 1000, &list),
                     CAIRN_OK);
    assert_int_equal(cairn_status_list_set(&list, 999, CAIRN_STATUS_SUSPENDED), CAIRN_OK);
    assert_int_equal(cairn_status_list_pack(&arena, &list, &token.packed), CAIRN_OK);
    assert_int_equal(cairn_status_token_to_be_signed(&arena, &token, CAIRN_ALG_ES256, &message),
                     CAIRN_OK);
    assert_int_equal(cairn_key_sign(key, message, signature, &size), CAIRN_OK);
    assert_int_equal(cairn_status_token_assemble(&arena, &token, CAIRN_ALG_ES256,
                                                 cairn_bytes_of(signature, size), &signed_token),
                     CAIRN_OK);
    assert_int_equal(cairn_status_token_verify(&arena, signed_token, key, token.uri, 1999, &back),
                     CAIRN_OK);
    assert_true(cairn_bytes_equal(back.packed, token.packed));
    assert_int_equal(back.ttl, 60);
    assert_int_equal(cairn_status_token_verify(&arena, signed_token, other, token.uri, 1999, &back),
                     CAIRN_ERR_BAD_SIGNATURE);
    cairn_arena_done(&arena);
}

/* --- credentials --- */

static void test_the_w3c_example(void **state)
{
    (void)state;
    static const char json[] =
        "{\"@context\":[\"https://www.w3.org/ns/credentials/v2\"],"
        "\"id\":\"https://example.com/credentials/status/3\","
        "\"type\":[\"VerifiableCredential\",\"BitstringStatusListCredential\"],"
        "\"issuer\":\"did:example:12345\",\"validFrom\":\"2021-04-05T14:27:40Z\","
        "\"credentialSubject\":{\"id\":\"https://example.com/status/3#list\","
        "\"type\":\"BitstringStatusList\",\"statusPurpose\":\"revocation\",\"encodedList\":"
        "\"uH4sIAAAAAAAAA-3BMQEAAADCoPVPbQwfoAAAAAAAAAAAAAAAAAAAAIC3AYbSVKsAQAAA\"}}";
    cairn_arena arena;
    cairn_status_credential credential;
    cairn_status_list list;
    cairn_arena_init(&arena, 1 << 20);
    assert_int_equal(
        cairn_status_credential_decode(&arena, cairn_bytes_str(json), &credential, &list),
        CAIRN_OK);
    assert_int_equal(list.size, 16384);
    assert_int_equal(credential.bits, 1);
    assert_true(cairn_bytes_equal(credential.purpose, cairn_bytes_str("revocation")));
    assert_int_equal(credential.valid_from_ms, UINT64_C(1617632860000));
    for (size_t i = 0; i < list.size; i++)
        assert_int_equal(list.data[i], 0);
    cairn_arena_done(&arena);
}

static void test_a_credential_of_ours(void **state)
{
    (void)state;
    const cairn_status_credential credential = {.id = cairn_bytes_str("https://a.example/lists/2"),
                                                .issuer = cairn_bytes_str("did:web:a.example"),
                                                .purpose = cairn_bytes_str("suspension"),
                                                .valid_from_ms = 1000,
                                                .valid_until_ms = 5000,
                                                .ttl_ms = 300,
                                                .bits = 1};
    cairn_status_credential back;
    cairn_status_list list, read;
    cairn_list_anchor anchor = {.expires_ms = 5000};
    cairn_bytes json, again;
    cairn_arena arena;
    unsigned value = 0;
    cairn_arena_init(&arena, 1 << 20);
    assert_int_equal(cairn_status_list_new(&arena, CAIRN_STATUS_BITSTRING_ORDER, 1, 200000, &list),
                     CAIRN_OK);
    assert_int_equal(cairn_status_list_set(&list, 131072, 1), CAIRN_OK);
    assert_int_equal(cairn_status_credential_encode(&arena, &credential, &list, &json), CAIRN_OK);
    assert_int_equal(cairn_status_credential_encode(&arena, &credential, &list, &again), CAIRN_OK);
    assert_true(cairn_bytes_equal(json, again));
    assert_int_equal(cairn_status_credential_decode(&arena, json, &back, &read), CAIRN_OK);
    assert_true(cairn_bytes_equal(back.issuer, credential.issuer));
    assert_int_equal(back.valid_until_ms, 5000);
    assert_int_equal(back.ttl_ms, 300);
    assert_int_equal(cairn_status_list_get(&read, 131072, &value), CAIRN_OK);
    assert_int_equal(value, 1);
    /* [X1353-R51] */
    cairn_sha256_of(json.data, json.size, &anchor.hash);
    assert_int_equal(cairn_list_anchor_check(&anchor, json, 4999), CAIRN_OK);
    assert_int_equal(cairn_list_anchor_check(&anchor, json, 5000), CAIRN_ERR_EXPIRED);
    assert_int_equal(
        cairn_list_anchor_check(&anchor, cairn_bytes_of(json.data, json.size - 1), 4999),
        CAIRN_ERR_MISMATCH);
    cairn_arena_done(&arena);
}

static void test_credentials_that_are_refused(void **state)
{
    (void)state;
#define LIST "\"uH4sIAAAAAAAAA-3BMQEAAADCoPVPbQwfoAAAAAAAAAAAAAAAAAAAAIC3AYbSVKsAQAAA\""
#define HEAD "{\"id\":\"a\",\"issuer\":\"b\",\"type\":[\"BitstringStatusListCredential\"],"
#define SUBJECT "\"credentialSubject\":{\"type\":\"BitstringStatusList\",\"statusPurpose\":\"p\","
    static const struct {
        const char *json;
        cairn_err code;
    } cases[] = {
        {HEAD SUBJECT "\"encodedList\":" LIST "}}", CAIRN_OK},
        {"", CAIRN_ERR_BAD_VALUE},
        {"[]", CAIRN_ERR_BAD_VALUE},
        {"{\"type\":\"Other\"}", CAIRN_ERR_BAD_VALUE},
        {HEAD SUBJECT "\"encodedList\":1}}", CAIRN_ERR_MISSING_FIELD},
        {HEAD SUBJECT "\"encodedList\":\"\"}}", CAIRN_ERR_BAD_VALUE},
        {HEAD SUBJECT "\"encodedList\":\"zH4sI\"}}", CAIRN_ERR_BAD_VALUE},
        {HEAD SUBJECT "\"encodedList\":\"uH4sI=\"}}", CAIRN_ERR_BAD_VALUE},
        {HEAD SUBJECT "\"encodedList\":\"uH4sI\"}}", CAIRN_ERR_TRUNCATED},
        {HEAD SUBJECT "\"statusSize\":3,\"encodedList\":" LIST "}}", CAIRN_ERR_BAD_VALUE},
        {HEAD SUBJECT "\"statusSize\":0,\"encodedList\":" LIST "}}", CAIRN_ERR_BAD_VALUE},
        {HEAD SUBJECT "\"statusSize\":\"1\",\"encodedList\":" LIST "}}", CAIRN_ERR_BAD_VALUE},
        {HEAD "\"validFrom\":\"2021\"," SUBJECT "\"encodedList\":" LIST "}}", CAIRN_ERR_BAD_VALUE},
        {HEAD "\"id\":\"c\"," SUBJECT "\"encodedList\":" LIST "}}", CAIRN_ERR_BAD_VALUE},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cairn_arena arena;
        cairn_status_credential credential;
        cairn_status_list list;
        cairn_arena_init(&arena, 1 << 20);
        cairn_err err = cairn_status_credential_decode(&arena, cairn_bytes_str(cases[i].json),
                                                       &credential, &list);
        if (err != cases[i].code)
            fail_msg("%zu: %s instead of %s", i, cairn_err_name(err),
                     cairn_err_name(cases[i].code));
        cairn_arena_done(&arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors_of_the_token_list),
        cmocka_unit_test(test_the_short_examples),
        cmocka_unit_test(test_entries_do_not_touch_each_other),
        cmocka_unit_test(test_a_bomb_is_told_before_it_is_allocated),
        cmocka_unit_test(test_streams_that_are_refused),
        cmocka_unit_test(test_the_drafts_token),
        cmocka_unit_test(test_a_token_of_ours),
        cmocka_unit_test(test_the_w3c_example),
        cmocka_unit_test(test_a_credential_of_ours),
        cmocka_unit_test(test_credentials_that_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
