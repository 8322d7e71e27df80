/* JWS: the examples of RFC 7515 and RFC 8037, what we make ourselves, and every way to be refused.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <openssl/rsa.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/crypto/jose.h"
#include "support/jose.h"

#define PAYLOAD                                                                            \
    "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290" \
    "Ijp0cnVlfQ"
#define ES256_SIGNATURE                            \
    "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXF" \
    "CgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"
#define ES256_KEY                                                                              \
    "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\"," \
    "\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\"}"
#define RS256_KEY                                                                                  \
    "{\"kty\":\"RSA\",\"e\":\"AQAB\",\"n\":\"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_"                   \
    "wWJcyQoTbji9k0l8W26mPddx"                                                                     \
    "HmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9w" \
    "Gzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZl" \
    "xvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4F" \
    "RWyuXpoQ\"}"
#define RS256_SIGNATURE                                                                         \
    "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2" \
    "Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjt" \
    "QBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6" \
    "IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw"
#define EDDSA_KEY \
    "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}"
#define EDDSA_SIGNATURE                            \
    "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6d" \
    "WbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"

static cairn_arena arena;

static int setup(void **state)
{
    (void)state;
    cairn_arena_init(&arena, 1 << 20);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    cairn_arena_done(&arena);
    return 0;
}

static cairn_jwk *key_of(const char *json)
{
    cairn_jwk *key = NULL;
    assert_int_equal(cairn_jwk_parse(cairn_bytes_str(json), &key), CAIRN_OK);
    return key;
}

static cairn_err verify(const char *compact, const char *key_json)
{
    CAIRN_CLEANUP(cairn_jwk_free_p) cairn_jwk *key = key_of(key_json);
    cairn_jws jws;
    cairn_err err = cairn_jws_parse(&arena, cairn_bytes_str(compact), &jws);
    return err == CAIRN_OK ? cairn_jws_verify(&jws, key) : err;
}

static void test_examples_of_the_rfcs(void **state)
{
    (void)state;
    static const struct {
        const char *compact, *key;
    } rows[] = {
        {"eyJhbGciOiJFUzI1NiJ9." PAYLOAD "." ES256_SIGNATURE, ES256_KEY}, /* RFC 7515 A.3 */
        {"eyJhbGciOiJSUzI1NiJ9." PAYLOAD "." RS256_SIGNATURE, RS256_KEY}, /* RFC 7515 A.2 */
        {"eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc." EDDSA_SIGNATURE,
         EDDSA_KEY}, /* RFC 8037 A.4 */
    };
    for (size_t i = 0; i < 3; i++) {
        char bad[4096];
        assert_int_equal(verify(rows[i].compact, rows[i].key), CAIRN_OK);
        /* One bit of the payload. */
        (void)snprintf(bad, sizeof bad, "%s", rows[i].compact);
        bad[30] = bad[30] == 'A' ? 'B' : 'A';
        assert_int_equal(verify(bad, rows[i].key), CAIRN_ERR_BAD_SIGNATURE);
    }
}

static void test_payload_and_header(void **state)
{
    (void)state;
    cairn_jws jws;
    static const char compact[] = "eyJhbGciOiJFUzI1NiJ9." PAYLOAD "." ES256_SIGNATURE;
    assert_int_equal(cairn_jws_parse(&arena, cairn_bytes_str(compact), &jws), CAIRN_OK);
    assert_int_equal(jws.alg, CAIRN_JOSE_ES256);
    assert_string_equal(jws.kid, "");
    assert_true(cairn_bytes_equal(
        jws.payload,
        cairn_bytes_str(
            "{\"iss\":\"joe\",\r\n \"exp\":1300819380,\r\n \"http://example.com/is_root\":true}")));
    assert_int_equal(
        cairn_jws_parse(&arena,
                        test_jws_raw(&arena,
                                     "{\"alg\":\"EdDSA\",\"typ\":\"Application/"
                                     "AT+jwt\",\"kid\":\"k\",\"jku\":\"https://evil\"}",
                                     "x", "y"),
                        &jws),
        CAIRN_OK);
    assert_string_equal(jws.typ, "at+jwt");
    assert_string_equal(jws.kid, "k");
}

typedef struct refusal {
    const char *header;
    cairn_err err;
} refusal;

static void test_headers_that_are_refused(void **state)
{
    (void)state;
    static const refusal rows[] = {
        {"{\"alg\":\"none\"}", CAIRN_ERR_BAD_ALGORITHM},
        {"{\"alg\":\"None\"}", CAIRN_ERR_BAD_ALGORITHM},
        {"{\"alg\":\"HS256\"}", CAIRN_ERR_BAD_ALGORITHM},
        {"{\"alg\":\"HS512\"}", CAIRN_ERR_BAD_ALGORITHM},
        {"{\"alg\":\"ES512\"}", CAIRN_ERR_BAD_ALGORITHM},
        {"{\"alg\":\"es256\"}", CAIRN_ERR_BAD_ALGORITHM},
        {"{\"alg\":\"\"}", CAIRN_ERR_BAD_ALGORITHM},
        {"{}", CAIRN_ERR_MISSING_FIELD},
        {"{\"alg\":null}", CAIRN_ERR_WRONG_TYPE},
        {"{\"alg\":[\"ES256\"]}", CAIRN_ERR_WRONG_TYPE},
        {"{\"alg\":\"ES256\",\"alg\":\"none\"}", CAIRN_ERR_DUPLICATE_KEY},
        {"{\"alg\":\"ES256\",\"crit\":[\"exp\"],\"exp\":1}", CAIRN_ERR_UNKNOWN_FIELD},
        {"{\"alg\":\"ES256\",\"crit\":[]}", CAIRN_ERR_UNKNOWN_FIELD},
        {"{\"alg\":\"ES256\",\"b64\":false}", CAIRN_ERR_UNKNOWN_FIELD},
        {"{\"alg\":\"ES256\",\"kid\":7}", CAIRN_ERR_WRONG_TYPE},
        {"{\"alg\":\"ES256\"} ", CAIRN_OK},
        {"{\"alg\":\"ES256\"}x", CAIRN_ERR_BAD_VALUE},
        {"{\"alg\":\"ES256\\u0000\"}", CAIRN_ERR_BAD_VALUE},
        {"[\"alg\",\"ES256\"]", CAIRN_ERR_WRONG_TYPE},
        {"\"ES256\"", CAIRN_ERR_WRONG_TYPE},
        {"", CAIRN_ERR_BAD_VALUE},
        {"{\"alg\":\"ES256\",\"x\":[[[[[[[[]]]]]]]]}", CAIRN_ERR_TOO_DEEP},
        {"{\"alg\":\"ES256\",\"x\":\"\xff\"}", CAIRN_ERR_BAD_VALUE},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        cairn_jws jws;
        cairn_err err =
            cairn_jws_parse(&arena, test_jws_raw(&arena, rows[i].header, "{}", "sig"), &jws);
        if (err != rows[i].err)
            fail_msg("%s: %s, not %s", rows[i].header, cairn_err_name(err),
                     cairn_err_name(rows[i].err));
    }
}

static void test_examples_that_are_refused(void **state)
{
    (void)state;
    cairn_jws jws;
    static const refusal rows[] = {
        /* RFC 7515 A.1, A.4, A.5 and appendix E. */
        {"eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9." PAYLOAD
         ".dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
         CAIRN_ERR_BAD_ALGORITHM},
        {"eyJhbGciOiJFUzUxMiJ9.UGF5bG9hZA.AdwMgeerwtHoh", CAIRN_ERR_BAD_ALGORITHM},
        {"eyJhbGciOiJub25lIn0." PAYLOAD ".", CAIRN_ERR_BAD_ALGORITHM},
        {"eyJhbGciOiJub25lIiwNCiAiY3JpdCI6WyJodHRwOi8vZXhhbXBsZS5jb20vVU5ERUZJTkVEIl0sDQogImh0dHA"
         "6Ly9leGFtcGxlLmNvbS9VTkRFRklORUQiOnRydWUNCn0.RkFJTA.",
         CAIRN_ERR_UNKNOWN_FIELD},
        /* Framing. */
        {"", CAIRN_ERR_BAD_VALUE},
        {"eyJhbGciOiJFUzI1NiJ9", CAIRN_ERR_BAD_VALUE},
        {"eyJhbGciOiJFUzI1NiJ9.e30", CAIRN_ERR_BAD_VALUE},
        {"eyJhbGciOiJFUzI1NiJ9.e30.AA.AA", CAIRN_ERR_BAD_VALUE},
        {"eyJhbGciOiJFUzI1NiJ9.e30=.AA", CAIRN_ERR_BAD_VALUE},
        {"eyJhbGciOiJFUzI1NiJ9.e30.A+", CAIRN_ERR_BAD_VALUE},
        {"eyJhbGciOiJFUzI1NiJ9.e30.AB", CAIRN_ERR_BAD_VALUE},
        {" eyJhbGciOiJFUzI1NiJ9.e30.AA", CAIRN_ERR_BAD_VALUE},
        {"eyJhbGciOiJFUzI1NiJ9.e30.AA\n", CAIRN_ERR_BAD_VALUE},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_int_equal(cairn_jws_parse(&arena, cairn_bytes_str(rows[i].header), &jws),
                         rows[i].err);
}

static void test_sizes_are_bounded(void **state)
{
    (void)state;
    static char big[CAIRN_JWS_SIZE_MAX + 2];
    char header[CAIRN_JWS_HEADER_SIZE_MAX + 64];
    cairn_jws jws;
    memset(big, 'A', sizeof big - 1);
    assert_int_equal(cairn_jws_parse(&arena, cairn_bytes_str(big), &jws), CAIRN_ERR_TOO_LARGE);
    (void)snprintf(header, sizeof header, "{\"alg\":\"ES256\"%*s}", CAIRN_JWS_HEADER_SIZE_MAX, "");
    assert_int_equal(cairn_jws_parse(&arena, test_jws_raw(&arena, header, "{}", "s"), &jws),
                     CAIRN_ERR_TOO_LARGE);
}

/* The key decides: RFC 8725 section 2.1. */
static void test_algorithm_must_fit_the_key(void **state)
{
    (void)state;
    assert_int_equal(verify("eyJhbGciOiJFUzI1NiJ9." PAYLOAD "." ES256_SIGNATURE, RS256_KEY),
                     CAIRN_ERR_BAD_ALGORITHM);
    assert_int_equal(verify("eyJhbGciOiJFUzI1NiJ9." PAYLOAD "." ES256_SIGNATURE, EDDSA_KEY),
                     CAIRN_ERR_BAD_ALGORITHM);
    assert_int_equal(verify("eyJhbGciOiJSUzI1NiJ9." PAYLOAD "." RS256_SIGNATURE, ES256_KEY),
                     CAIRN_ERR_BAD_ALGORITHM);
    /* A signature of another size, and a DER one. */
    assert_int_equal(verify("eyJhbGciOiJFUzI1NiJ9." PAYLOAD ".AAAA", ES256_KEY),
                     CAIRN_ERR_BAD_SIGNATURE);
    assert_int_equal(verify("eyJhbGciOiJFUzI1NiJ9." PAYLOAD ".", ES256_KEY),
                     CAIRN_ERR_BAD_SIGNATURE);
}

static void test_what_we_sign_verifies(void **state)
{
    (void)state;
    static const cairn_key_type types[] = {CAIRN_KEY_P256, CAIRN_KEY_P384, CAIRN_KEY_ED25519};
    for (size_t i = 0; i < 3; i++) {
        CAIRN_CLEANUP(cairn_key_free_p) cairn_key *key = NULL;
        CAIRN_CLEANUP(cairn_jwk_free_p) cairn_jwk *jwk = NULL;
        cairn_jws jws;
        assert_int_equal(cairn_key_generate(types[i], &key), CAIRN_OK);
        assert_int_equal(cairn_jwk_of_key(key, "k1", &jwk), CAIRN_OK);
        cairn_bytes compact = test_jws_sign(&arena, key, "k1", "at+jwt", "{\"a\":1}");
        assert_int_equal(cairn_jws_parse(&arena, compact, &jws), CAIRN_OK);
        assert_string_equal(jws.kid, "k1");
        assert_string_equal(jws.typ, "at+jwt");
        assert_int_equal(jws.alg, cairn_jose_alg_of(types[i]));
        assert_int_equal(cairn_jws_verify(&jws, jwk), CAIRN_OK);
    }
}

/* The appendix key of RFC 8037 signs to its very bytes, for Ed25519 is deterministic. */
static void test_eddsa_example_is_reproduced(void **state)
{
    (void)state;
    CAIRN_CLEANUP(cairn_key_free_p) cairn_key *key = NULL;
    uint8_t d[32], signature[CAIRN_SIGNATURE_SIZE_MAX];
    char text[128];
    size_t size = 0;
    assert_int_equal(
        cairn_base64url_decode(cairn_bytes_str("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"), d,
                               sizeof d, &size),
        CAIRN_OK);
    assert_int_equal(cairn_key_from_private(CAIRN_KEY_ED25519, cairn_bytes_of(d, size), &key),
                     CAIRN_OK);
    assert_int_equal(
        cairn_key_sign(key,
                       cairn_bytes_str("eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc"),
                       signature, &size),
        CAIRN_OK);
    cairn_base64url_encode(cairn_bytes_of(signature, size), text);
    assert_string_equal(text, EDDSA_SIGNATURE);
}

static size_t rsa_sign(EVP_PKEY *pkey, bool pss, int salt, cairn_bytes message, uint8_t *out,
                       size_t room)
{
    EVP_PKEY_CTX *options = NULL;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    assert_non_null(ctx);
    assert_int_equal(EVP_DigestSignInit_ex(ctx, &options, "SHA256", NULL, NULL, pkey, NULL), 1);
    if (pss) {
        assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(options, RSA_PKCS1_PSS_PADDING), 1);
        assert_int_equal(EVP_PKEY_CTX_set_rsa_pss_saltlen(options, salt), 1);
    }
    assert_int_equal(EVP_DigestSign(ctx, out, &room, message.data, message.size), 1);
    EVP_MD_CTX_free(ctx);
    return room;
}

static cairn_jwk *jwk_of_rsa(const EVP_PKEY *pkey, const char *alg)
{
    char json[2048], n_text[1400], e_text[16];
    uint8_t n[1024], e[8];
    BIGNUM *n_number = NULL;
    BIGNUM *e_number = NULL;
    cairn_jwk *jwk = NULL;
    assert_int_equal(EVP_PKEY_get_bn_param(pkey, "n", &n_number), 1);
    assert_int_equal(EVP_PKEY_get_bn_param(pkey, "e", &e_number), 1);
    cairn_base64url_encode(cairn_bytes_of(n, (size_t)BN_bn2bin(n_number, n)), n_text);
    cairn_base64url_encode(cairn_bytes_of(e, (size_t)BN_bn2bin(e_number, e)), e_text);
    BN_free(n_number);
    BN_free(e_number);
    (void)snprintf(json, sizeof json, "{\"kty\":\"RSA\",\"n\":\"%s\",\"e\":\"%s\"%s}", n_text,
                   e_text, alg);
    assert_int_equal(cairn_jwk_parse(cairn_bytes_str(json), &jwk), CAIRN_OK);
    return jwk;
}

/* PS256 has its salt as long as its hash (RFC 7518 section 3.5), and a key may be for one of the
 * two schemes only. */
static void test_rsa_schemes(void **state)
{
    (void)state;
    EVP_PKEY *pkey = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048);
    assert_non_null(pkey);
    cairn_bytes message = cairn_bytes_str("header.payload");
    uint8_t signature[256];
    CAIRN_CLEANUP(cairn_jwk_free_p) cairn_jwk *any = jwk_of_rsa(pkey, "");
    CAIRN_CLEANUP(cairn_jwk_free_p) cairn_jwk *pss = jwk_of_rsa(pkey, ",\"alg\":\"PS256\"");
    size_t size = rsa_sign(pkey, true, 32, message, signature, sizeof signature);
    cairn_bytes view = cairn_bytes_of(signature, size);
    assert_int_equal(cairn_jwk_verify(any, CAIRN_JOSE_PS256, message, view), CAIRN_OK);
    assert_int_equal(cairn_jwk_verify(pss, CAIRN_JOSE_PS256, message, view), CAIRN_OK);
    assert_int_equal(cairn_jwk_verify(any, CAIRN_JOSE_RS256, message, view),
                     CAIRN_ERR_BAD_SIGNATURE);
    assert_int_equal(cairn_jwk_verify(pss, CAIRN_JOSE_RS256, message, view),
                     CAIRN_ERR_BAD_ALGORITHM);
    (void)rsa_sign(pkey, true, 20, message, signature, sizeof signature);
    assert_int_equal(cairn_jwk_verify(any, CAIRN_JOSE_PS256, message, view),
                     CAIRN_ERR_BAD_SIGNATURE);
    (void)rsa_sign(pkey, false, 0, message, signature, sizeof signature);
    assert_int_equal(cairn_jwk_verify(any, CAIRN_JOSE_RS256, message, view), CAIRN_OK);
    assert_int_equal(cairn_jwk_verify(any, CAIRN_JOSE_PS256, message, view),
                     CAIRN_ERR_BAD_SIGNATURE);
    assert_int_equal(cairn_jwk_verify(any, CAIRN_JOSE_ES256, message, view),
                     CAIRN_ERR_BAD_ALGORITHM);
    EVP_PKEY_free(pkey);
}

/* A set of `count` P-256 keys that have no names, the last of which is `last`. */
static cairn_jwk_set *unnamed_set(size_t count, cairn_key *last)
{
    char json[2048] = "{\"keys\":[";
    cairn_jwk_set *set = NULL;
    for (size_t i = 0; i < count; i++) {
        CAIRN_CLEANUP(cairn_key_free_p) cairn_key *fresh = NULL;
        CAIRN_CLEANUP(cairn_jwk_free_p) cairn_jwk *jwk = NULL;
        cairn_bytes text;
        size_t used = strlen(json);
        assert_int_equal(cairn_key_generate(CAIRN_KEY_P256, &fresh), CAIRN_OK);
        assert_int_equal(cairn_jwk_of_key(i + 1 == count ? last : fresh, "", &jwk), CAIRN_OK);
        assert_int_equal(cairn_jwk_write(&arena, jwk, &text), CAIRN_OK);
        (void)snprintf(json + used, sizeof json - used, "%s%.*s", i == 0 ? "" : ",", (int)text.size,
                       (const char *)text.data);
    }
    (void)snprintf(json + strlen(json), sizeof json - strlen(json), "]}");
    assert_int_equal(cairn_jwk_set_parse(cairn_bytes_str(json), CAIRN_JWK_SET_FOREIGN, &set),
                     CAIRN_OK);
    assert_int_equal(cairn_jwk_set_count(set), count);
    return set;
}

static cairn_err verify_by(cairn_jwk_set *set, const cairn_key *key, const char *kid)
{
    cairn_jws jws;
    cairn_bytes compact = test_jws_sign(&arena, key, kid, "JWT", "{}");
    assert_int_equal(cairn_jws_parse(&arena, compact, &jws), CAIRN_OK);
    cairn_err err = cairn_jws_verify_by(&jws, set);
    cairn_jwk_set_free(set);
    return err;
}

/* Each key that fits is tried, as long as they are few. */
static void test_keys_without_a_name(void **state)
{
    (void)state;
    CAIRN_CLEANUP(cairn_key_free_p) cairn_key *key = NULL;
    CAIRN_CLEANUP(cairn_key_free_p) cairn_key *stranger = NULL;
    assert_int_equal(cairn_key_generate(CAIRN_KEY_P256, &key), CAIRN_OK);
    assert_int_equal(cairn_key_generate(CAIRN_KEY_ED25519, &stranger), CAIRN_OK);
    for (size_t count = 1; count <= CAIRN_JWK_TRIES_MAX; count++)
        assert_int_equal(verify_by(unnamed_set(count, key), key, ""), CAIRN_OK);
    assert_int_equal(verify_by(unnamed_set(CAIRN_JWK_TRIES_MAX + 1, key), key, ""),
                     CAIRN_ERR_NOT_FOUND);
    assert_int_equal(verify_by(unnamed_set(2, key), key, "k"), CAIRN_ERR_NOT_FOUND);
    assert_int_equal(verify_by(unnamed_set(2, key), stranger, ""), CAIRN_ERR_NOT_FOUND);
    cairn_key_free(stranger);
    stranger = NULL;
    assert_int_equal(cairn_key_generate(CAIRN_KEY_P256, &stranger), CAIRN_OK);
    assert_int_equal(verify_by(unnamed_set(2, key), stranger, ""), CAIRN_ERR_BAD_SIGNATURE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_examples_of_the_rfcs),
        cmocka_unit_test(test_payload_and_header),
        cmocka_unit_test(test_headers_that_are_refused),
        cmocka_unit_test(test_examples_that_are_refused),
        cmocka_unit_test(test_sizes_are_bounded),
        cmocka_unit_test(test_algorithm_must_fit_the_key),
        cmocka_unit_test(test_what_we_sign_verifies),
        cmocka_unit_test(test_eddsa_example_is_reproduced),
        cmocka_unit_test(test_rsa_schemes),
        cmocka_unit_test(test_keys_without_a_name),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
