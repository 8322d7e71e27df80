/* The claims of a token: what is read, and every rule by which one is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/crypto/jwt.h"
#include "support/jose.h"

#define NOW_S "1700000000"
enum { HOUR_MS = 3600000 };
static const uint64_t now_ms = 1700000000000u;
static const char *const audiences[] = {"https://node", "urn:other"};
static const char *const types[] = {"at+jwt"};

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

static cairn_err parse(const char *claims, cairn_jwt *ret_jwt)
{
    return cairn_jwt_parse(
        &arena, test_jws_raw(&arena, "{\"alg\":\"ES256\",\"typ\":\"at+jwt\"}", claims, "s"),
        ret_jwt);
}

static void test_claims_are_read(void **state)
{
    (void)state;
    cairn_jwt jwt;
    assert_int_equal(
        parse("{\"iss\":\"i\",\"sub\":\"s\",\"aud\":[\"a\",\"b\"],\"exp\":1.5,\"nbf\":0,"
              "\"iat\":7,\"jti\":\"j\",\"client_id\":\"c\",\"scope\":\"x y\","
              "\"cnf\":{\"x5t#S256\":\"bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg2\"}}",
              &jwt),
        CAIRN_ERR_BAD_VALUE); /* trailing bits */
    cairn_jwt_done(&jwt);
    assert_int_equal(
        parse("{\"iss\":\"i\",\"sub\":\"s\",\"aud\":[\"a\",\"b\"],\"exp\":1.5,\"nbf\":0,"
              "\"iat\":7,\"jti\":\"j\",\"client_id\":\"c\",\"scope\":\"x y\","
              "\"cnf\":{\"x5t#S256\":\"bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg0\"}}",
              &jwt),
        CAIRN_OK);
    assert_string_equal(jwt.issuer, "i");
    assert_string_equal(jwt.subject, "s");
    assert_int_equal(jwt.audience_count, 2);
    assert_string_equal(jwt.audiences[1], "b");
    assert_int_equal(jwt.expires_ms, 1500);
    assert_true(jwt.has_not_before && jwt.not_before_ms == 0);
    assert_int_equal(jwt.issued_ms, 7000);
    assert_string_equal(jwt.id, "j");
    assert_string_equal(jwt.client_id, "c");
    assert_string_equal(jwt.scope, "x y");
    assert_true(jwt.is_bound && jwt.certificate.b[0] == 0x6f);
    cairn_jwt_done(&jwt);
}

static void test_claims_that_are_no_claims(void **state)
{
    (void)state;
    static const struct {
        const char *claims;
        cairn_err err;
    } rows[] = {
        {"{\"exp\":\"1\"}", CAIRN_ERR_WRONG_TYPE},
        {"{\"exp\":-1}", CAIRN_ERR_BAD_VALUE},
        {"{\"exp\":1e300}", CAIRN_ERR_BAD_VALUE},
        {"{\"exp\":99999999999999999999999}", CAIRN_ERR_BAD_VALUE},
        {"{\"exp\":true}", CAIRN_ERR_WRONG_TYPE},
        {"{\"aud\":[]}", CAIRN_ERR_BAD_VALUE},
        {"{\"aud\":7}", CAIRN_ERR_BAD_VALUE},
        {"{\"aud\":[7]}", CAIRN_ERR_BAD_VALUE},
        {"{\"aud\":[\"1\",\"2\",\"3\",\"4\",\"5\",\"6\",\"7\",\"8\",\"9\"]}", CAIRN_ERR_BAD_VALUE},
        {"{\"iss\":7}", CAIRN_ERR_WRONG_TYPE},
        {"{\"sub\":\"a\",\"sub\":\"b\"}", CAIRN_ERR_DUPLICATE_KEY},
        {"{\"cnf\":{\"jkt\":\"x\"}}", CAIRN_ERR_UNKNOWN_FIELD},
        {"{\"cnf\":7}", CAIRN_ERR_WRONG_TYPE},
        {"{\"cnf\":{\"x5t#S256\":\"AAAA\"}}", CAIRN_ERR_BAD_VALUE},
        {"[]", CAIRN_ERR_WRONG_TYPE},
        {"", CAIRN_ERR_BAD_VALUE},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        cairn_jwt jwt;
        cairn_err err = parse(rows[i].claims, &jwt);
        if (err != rows[i].err)
            fail_msg("%s: %s", rows[i].claims, cairn_err_name(err));
        cairn_jwt_done(&jwt);
    }
}

#define ID "\"iss\":\"https://as\",\"sub\":\"c\",\"aud\":\"https://node\""

static void test_rules(void **state)
{
    (void)state;
    static const struct {
        const char *claims;
        const char *refusal;
    } rows[] = {
        {"{" ID ",\"exp\":1700000060}", NULL},
        {"{" ID ",\"exp\":1700000060,\"iat\":" NOW_S ",\"nbf\":" NOW_S "}", NULL},
        {"{" ID ",\"exp\":1699999971}", NULL}, /* within the skew */
        {"{" ID ",\"exp\":1699999970}", "token_expired"},
        {"{" ID ",\"exp\":0}", "token_expired"},
        {"{" ID "}", "token_expiry_missing"},
        {"{" ID ",\"exp\":1700000060,\"nbf\":1700000030}", NULL},
        {"{" ID ",\"exp\":1700000060,\"nbf\":1700000031}", "token_from_the_future"},
        {"{" ID ",\"exp\":1700000060,\"iat\":1700000031}", "token_from_the_future"},
        {"{" ID ",\"exp\":1700003600,\"iat\":" NOW_S "}", NULL},
        {"{" ID ",\"exp\":1700003601,\"iat\":" NOW_S "}", "token_life_too_long"},
        {"{" ID ",\"exp\":1700003600,\"iat\":1699990000}", "token_life_too_long"},
        {"{" ID ",\"exp\":1800000000}", "token_life_too_long"},
        {"{\"iss\":\"https://as/\",\"sub\":\"c\",\"aud\":\"https://node\",\"exp\":1700000060}",
         "token_issuer"},
        {"{\"sub\":\"c\",\"aud\":\"https://node\",\"exp\":1700000060}", "token_issuer"},
        {"{\"iss\":\"https://as\",\"sub\":\"c\",\"aud\":\"https://nod\",\"exp\":1700000060}",
         "token_audience"},
        {"{\"iss\":\"https://as\",\"sub\":\"c\",\"exp\":1700000060}", "token_audience"},
        {"{\"iss\":\"https://as\",\"sub\":\"c\",\"aud\":[\"x\",\"urn:other\"],\"exp\":1700000060}",
         NULL},
        {"{\"iss\":\"https://as\",\"aud\":\"https://node\",\"exp\":1700000060}",
         "token_subject_missing"},
        {"{\"iss\":\"https://as\",\"sub\":\"\",\"aud\":\"https://node\",\"exp\":1700000060}",
         "token_subject_missing"},
    };
    const cairn_jwt_rules rules = {.issuer = "https://as",
                                   .audiences = audiences,
                                   .audience_count = 2,
                                   .types = types,
                                   .type_count = 1,
                                   .now_ms = now_ms,
                                   .life_ms_max = HOUR_MS};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        cairn_jwt jwt;
        assert_int_equal(parse(rows[i].claims, &jwt), CAIRN_OK);
        const char *refusal = cairn_jwt_refusal(&jwt, &rules);
        if ((refusal == NULL) != (rows[i].refusal == NULL) ||
            (refusal != NULL && strcmp(refusal, rows[i].refusal) != 0))
            fail_msg("%s: %s", rows[i].claims, refusal == NULL ? "accepted" : refusal);
        cairn_jwt_done(&jwt);
    }
}

/* An ID token or a client assertion is no access token (RFC 9068 section 4). */
static void test_type_is_checked(void **state)
{
    (void)state;
    cairn_jwt jwt;
    const cairn_jwt_rules rules = {.issuer = "https://as",
                                   .audiences = audiences,
                                   .audience_count = 1,
                                   .types = types,
                                   .type_count = 1,
                                   .now_ms = now_ms};
    static const char claims[] = "{" ID ",\"exp\":1700000060}";
    assert_int_equal(
        cairn_jwt_parse(
            &arena, test_jws_raw(&arena, "{\"alg\":\"ES256\",\"typ\":\"JWT\"}", claims, "s"), &jwt),
        CAIRN_OK);
    assert_string_equal(cairn_jwt_refusal(&jwt, &rules), "token_type");
    cairn_jwt_done(&jwt);
    assert_int_equal(
        cairn_jwt_parse(&arena, test_jws_raw(&arena, "{\"alg\":\"ES256\"}", claims, "s"), &jwt),
        CAIRN_OK);
    assert_string_equal(cairn_jwt_refusal(&jwt, &rules), "token_type");
    cairn_jwt_done(&jwt);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_claims_are_read),
        cmocka_unit_test(test_claims_that_are_no_claims),
        cmocka_unit_test(test_rules),
        cmocka_unit_test(test_type_is_checked),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
