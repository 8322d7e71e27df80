/* base64url, JSON Web Keys and their sets: the examples of RFC 4648, 7517, 7638 and 8037, and what
 * is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/crypto/jwk.h"

#define RSA_N                                                                                    \
    "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJE" \
    "CPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2Q" \
    "vzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6" \
    "WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"
#define EC_XY                                                                  \
    "\"crv\":\"P-256\",\"x\":\"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4\"," \
    "\"y\":\"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM\""
#define EC(more) "{\"kty\":\"EC\"," EC_XY more "}"
#define OKP(more)                                                 \
    "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"11qYAYKxCrfVS_" \
    "7TyWQHOg7hcvPapiMlrwIaaPcHURo\"" more "}"
#define RSA(more) "{\"kty\":\"RSA\",\"n\":\"" RSA_N "\",\"e\":\"AQAB\"" more "}"

static void test_base64url(void **state)
{
    (void)state;
    static const struct {
        const char *plain, *text;
    } rows[] = {
        {"", ""},           {"f", "Zg"},          {"fo", "Zm8"},          {"foo", "Zm9v"},
        {"foob", "Zm9vYg"}, {"fooba", "Zm9vYmE"}, {"foobar", "Zm9vYmFy"}, {"\xfb\xff", "-_8"}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char text[16];
        uint8_t plain[8];
        size_t size = 99;
        cairn_base64url_encode(cairn_bytes_str(rows[i].plain), text);
        assert_string_equal(text, rows[i].text);
        assert_int_equal(strlen(text), cairn_base64url_size(strlen(rows[i].plain)));
        assert_int_equal(cairn_base64url_decode(cairn_bytes_str(text), plain, sizeof plain, &size),
                         CAIRN_OK);
        assert_true(cairn_bytes_equal(cairn_bytes_of(plain, size), cairn_bytes_str(rows[i].plain)));
    }
}

static void test_base64url_is_strict(void **state)
{
    (void)state;
    static const char *const rows[] = {"Z",    "Zg==",  "Zm8=", "Zh",   "Zm9",   "Zm9vY", "Z g",
                                       "Zg\n", "Zm9v+", "/w",   "Zm.v", "Zm9v=", "Zm9vYh"};
    uint8_t out[16];
    size_t size = 0;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (cairn_base64url_decode(cairn_bytes_str(rows[i]), out, sizeof out, &size) !=
            CAIRN_ERR_BAD_VALUE)
            fail_msg("%s", rows[i]);
    assert_int_equal(cairn_base64url_decode(cairn_bytes_str("Zm9vYmFy"), out, 5, &size),
                     CAIRN_ERR_TOO_LARGE);
    assert_int_equal(cairn_base64url_decode(cairn_bytes_str("Zm9vYmFy"), out, 6, &size), CAIRN_OK);
}

static void expect_thumbprint(const char *json, const char *want)
{
    CAIRN_CLEANUP(cairn_jwk_free_p) cairn_jwk *jwk = NULL;
    char text[48];
    assert_int_equal(cairn_jwk_parse(cairn_bytes_str(json), &jwk), CAIRN_OK);
    cairn_base64url_encode(cairn_bytes_hash(cairn_jwk_thumbprint(jwk)), text);
    assert_string_equal(text, want);
}

static void test_thumbprints(void **state)
{
    (void)state;
    /* RFC 7638 section 3.1, RFC 8037 A.3; the EC one by Python's hashlib. */
    expect_thumbprint(RSA(",\"alg\":\"RS256\",\"kid\":\"2011-04-29\""),
                      "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
    expect_thumbprint(OKP(""), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    expect_thumbprint(EC(",\"kid\":\"1\""), "cn-I_WNMClehiVp51i_0VpOENW1upEerA8sEam5hn-s");
}

static void test_keys_that_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        cairn_err err;
    } rows[] = {
        {EC(",\"use\":\"enc\""), CAIRN_ERR_BAD_KEY},
        {EC(",\"key_ops\":[\"sign\"]"), CAIRN_ERR_BAD_KEY},
        {EC(",\"key_ops\":\"verify\""), CAIRN_ERR_BAD_KEY},
        {EC(",\"key_ops\":[\"verify\"]"), CAIRN_OK},
        {EC(",\"alg\":\"ES384\""), CAIRN_ERR_BAD_KEY},
        {EC(",\"alg\":\"HS256\""), CAIRN_ERR_BAD_KEY},
        {EC(",\"alg\":7"), CAIRN_ERR_WRONG_TYPE},
        {EC(",\"d\":\"870MB6gfuTJ4HtUnUvYMyJpr5eUZNP4Bk43bVdj3eAE\""), CAIRN_ERR_BAD_KEY},
        {EC(",\"kid\":\"a\\u0007\""), CAIRN_ERR_BAD_KEY},
        {EC(",\"kid\":\"a\",\"kid\":\"a\""), CAIRN_ERR_DUPLICATE_KEY},
        {"{\"kty\":\"oct\",\"k\":\"AAAA\"}", CAIRN_ERR_BAD_KEY},
        {"{\"kty\":\"EC\",\"crv\":\"P-521\",\"x\":\"AA\",\"y\":\"AA\"}", CAIRN_ERR_BAD_KEY},
        {"{\"kty\":\"EC\",\"crv\":\"secp256k1\",\"x\":\"AA\",\"y\":\"AA\"}", CAIRN_ERR_BAD_KEY},
        {"{\"kty\":\"OKP\",\"crv\":\"X25519\",\"x\":\"AA\"}", CAIRN_ERR_BAD_KEY},
        {"{\"kty\":\"OKP\"," EC_XY "}", CAIRN_ERR_BAD_KEY},
        {"{" EC_XY "}", CAIRN_ERR_BAD_KEY},
        {"{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4\"}",
         CAIRN_ERR_BAD_KEY},
        /* Off the curve, too short, of small order. */
        {"{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4\","
         "\"y\":\"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4\"}",
         CAIRN_ERR_BAD_KEY},
        {"{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"MKBC\",\"y\":\"MKBC\"}", CAIRN_ERR_BAD_KEY},
        {"{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":"
         "\"AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"}",
         CAIRN_ERR_BAD_KEY},
        /* RSA: the exponent 3, an even one, a leading zero, 1024 bits. */
        {"{\"kty\":\"RSA\",\"n\":\"" RSA_N "\",\"e\":\"Aw\"}", CAIRN_ERR_BAD_KEY},
        {"{\"kty\":\"RSA\",\"n\":\"" RSA_N "\",\"e\":\"AQAA\"}", CAIRN_ERR_BAD_KEY},
        {"{\"kty\":\"RSA\",\"n\":\"" RSA_N "\",\"e\":\"AAEAAQ\"}", CAIRN_ERR_BAD_KEY},
        {"{\"kty\":\"RSA\",\"n\":\"" RSA_N "\",\"e\":\"AQAAAAAB\"}", CAIRN_ERR_TOO_LARGE},
        {"{\"kty\":\"RSA\",\"n\":\"4BzEEOtIpmVdVEZNCqS7baC4crd0pqnRH_"
         "5IB3jw3bcxGn6QLvnEtfdUdiYrqBdss1l58BQ3"
         "KhooKeQTa9AB0Hw_Py5PJdTJNPY8cQn7ouZ2KKDcmnPGBY5t7yLc1QlQ5xHdwW1VhvKn-nXqhJTBgIPgtldC-"
         "KDV5z-y2XDwGUc"
         "\",\"e\":\"AQAB\"}",
         CAIRN_ERR_BAD_KEY},
        {RSA(",\"p\":\"AQAB\""), CAIRN_ERR_BAD_KEY},
        {RSA(",\"alg\":\"PS256\""), CAIRN_OK},
        {RSA(",\"alg\":\"RS512\""), CAIRN_ERR_BAD_KEY},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        CAIRN_CLEANUP(cairn_jwk_free_p) cairn_jwk *jwk = NULL;
        cairn_err err = cairn_jwk_parse(cairn_bytes_str(rows[i].json), &jwk);
        if (err != rows[i].err)
            fail_msg("%s: %s: %s", rows[i].json, cairn_err_name(err), cairn_err_detail());
    }
}

static void test_what_we_write_reads_back(void **state)
{
    (void)state;
    static const cairn_key_type types[] = {CAIRN_KEY_P256, CAIRN_KEY_P384, CAIRN_KEY_ED25519};
    for (size_t i = 0; i < 3; i++) {
        CAIRN_CLEANUP(cairn_key_free_p) cairn_key *key = NULL;
        CAIRN_CLEANUP(cairn_jwk_free_p) cairn_jwk *ours = NULL;
        CAIRN_CLEANUP(cairn_jwk_free_p) cairn_jwk *again = NULL;
        CAIRN_CLEANUP(cairn_arena_done) cairn_arena arena;
        char thumbprint[48];
        cairn_bytes json = {0};
        cairn_arena_init(&arena, 1 << 16);
        assert_int_equal(cairn_key_generate(types[i], &key), CAIRN_OK);
        assert_int_equal(cairn_jwk_of_key(key, NULL, &ours), CAIRN_OK);
        assert_int_equal(cairn_jwk_write(&arena, ours, &json), CAIRN_OK);
        assert_int_equal(cairn_jwk_parse(json, &again), CAIRN_OK);
        cairn_base64url_encode(cairn_bytes_hash(cairn_jwk_thumbprint(again)), thumbprint);
        assert_string_equal(cairn_jwk_kid(again), thumbprint);
        assert_true(cairn_jwk_fits(again, cairn_jose_alg_of(types[i])));
        assert_null(strstr((const char *)json.data, "\"d\""));
    }
}

static cairn_err parse_set(const char *json, cairn_jwk_set_kind kind, cairn_jwk_set **ret_set)
{
    return cairn_jwk_set_parse(cairn_bytes_str(json), kind, ret_set);
}

/* RFC 7517 A.1: one key is for encryption, the other for RS256. */
static void test_foreign_sets_leave_out_what_is_not_ours(void **state)
{
    (void)state;
    CAIRN_CLEANUP(cairn_jwk_set_free_p) cairn_jwk_set *set = NULL;
    CAIRN_CLEANUP(cairn_jwk_set_free_p) cairn_jwk_set *strict = NULL;
    static const char json[] = "{\"keys\":[" EC(",\"use\":\"enc\",\"kid\":\"1\"") "," RSA(
        ",\"alg\":\"RS256\",\"kid\":\"2011-04-29\"") ",{\"kty\":\"new\"},7]}";
    assert_int_equal(parse_set(json, CAIRN_JWK_SET_FOREIGN, &set), CAIRN_OK);
    assert_int_equal(cairn_jwk_set_count(set), 1);
    const cairn_jwk *keys[CAIRN_JWK_TRIES_MAX] = {NULL};
    assert_int_equal(cairn_jwk_set_find(set, "2011-04-29", CAIRN_JOSE_RS256, keys), 1);
    assert_ptr_equal(keys[0], cairn_jwk_set_at(set, 0));
    assert_int_equal(cairn_jwk_set_find(set, "", CAIRN_JOSE_RS256, keys), 1);
    assert_int_equal(cairn_jwk_set_find(set, "2011-04-29", CAIRN_JOSE_PS256, keys), 0);
    assert_int_equal(cairn_jwk_set_find(set, "1", CAIRN_JOSE_ES256, keys), 0);
    assert_int_equal(parse_set(json, CAIRN_JWK_SET_STRICT, &strict), CAIRN_ERR_BAD_KEY);
}

static void test_sets(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        cairn_err strict, foreign;
    } rows[] = {
        {"{\"keys\":[" EC(",\"kid\":\"a\"") "," OKP(",\"kid\":\"a\"") "]}", CAIRN_OK, CAIRN_OK},
        {"{\"keys\":[" EC(",\"kid\":\"a\"") "," EC(",\"kid\":\"a\"") "]}", CAIRN_ERR_DUPLICATE_KEY,
         CAIRN_OK},
        {"{\"keys\":[" EC("") "," EC("") "]}", CAIRN_OK, CAIRN_OK},
        {"{\"keys\":[]}", CAIRN_ERR_BAD_KEY, CAIRN_OK},
        {"{\"keys\":{}}", CAIRN_ERR_BAD_KEY, CAIRN_ERR_BAD_KEY},
        {"{}", CAIRN_ERR_BAD_KEY, CAIRN_ERR_BAD_KEY},
        {"[]", CAIRN_ERR_WRONG_TYPE, CAIRN_ERR_WRONG_TYPE},
        {"{\"keys\":[],\"keys\":[]}", CAIRN_ERR_DUPLICATE_KEY, CAIRN_ERR_DUPLICATE_KEY},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        CAIRN_CLEANUP(cairn_jwk_set_free_p) cairn_jwk_set *strict = NULL;
        CAIRN_CLEANUP(cairn_jwk_set_free_p) cairn_jwk_set *foreign = NULL;
        assert_int_equal(parse_set(rows[i].json, CAIRN_JWK_SET_STRICT, &strict), rows[i].strict);
        assert_int_equal(parse_set(rows[i].json, CAIRN_JWK_SET_FOREIGN, &foreign), rows[i].foreign);
    }
}

static void test_sets_are_bounded(void **state)
{
    (void)state;
    static char json[CAIRN_JWK_SET_SIZE_MAX + 2];
    CAIRN_CLEANUP(cairn_jwk_set_free_p) cairn_jwk_set *set = NULL;
    size_t size = (size_t)snprintf(json, sizeof json, "{\"keys\":[0");
    for (int i = 0; i < CAIRN_JWK_SET_COUNT_MAX; i++)
        size += (size_t)snprintf(json + size, sizeof json - size, ",0");
    (void)snprintf(json + size, sizeof json - size, "]}");
    assert_int_equal(parse_set(json, CAIRN_JWK_SET_FOREIGN, &set), CAIRN_ERR_TOO_MANY);
    memset(json, ' ', sizeof json - 1);
    assert_int_equal(parse_set(json, CAIRN_JWK_SET_FOREIGN, &set), CAIRN_ERR_TOO_LARGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_base64url),
        cmocka_unit_test(test_base64url_is_strict),
        cmocka_unit_test(test_thumbprints),
        cmocka_unit_test(test_keys_that_are_refused),
        cmocka_unit_test(test_what_we_write_reads_back),
        cmocka_unit_test(test_foreign_sets_leave_out_what_is_not_ours),
        cmocka_unit_test(test_sets),
        cmocka_unit_test(test_sets_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
