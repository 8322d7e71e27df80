/* The token endpoint over the wire: what clients get, what is refused and why, and the life of its
 * keys. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

#include "node/auth/oauth_form.h"
#include "node/auth/oauth_replay.h"
#include "support/auth_world.h"
#include "support/in_memory.h"

static test_world world;
static char reply[TEST_REPLY_MAX], first_refusal[TEST_REPLY_MAX];
static const cairn_auth_directory none;

static int setup(void **state)
{
    (void)state;
    world_start(&world, &none);
    first_refusal[0] = '\0';
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    world_stop(&world);
    return 0;
}

#define FORM "Content-Type: application/x-www-form-urlencoded\r\n"

static int post(const char *path, const char *fields, const char *body)
{
    char all[1024];
    (void)snprintf(all, sizeof all, FORM "%s", fields);
    world.reason[0] = '\0';
    return test_request(&world.server, "POST", path, all, body, reply);
}

static const char *basic(const char *plain)
{
    static char field[512];
    char text[400];
    cairn_base64_encode(cairn_bytes_str(plain), text);
    (void)snprintf(field, sizeof field, "Authorization: Basic %s\r\n", text);
    return field;
}

static json_t *body_json(void)
{
    json_t *json = json_loads(test_body(reply), JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(json);
    return json;
}

/* A token for "shop"; the caller frees it. */
static char *get_token(const char *more)
{
    char body[256];
    (void)snprintf(body, sizeof body, "grant_type=client_credentials%s", more);
    assert_int_equal(post("/oauth/token", basic("shop:correct%20horse"), body), 200);
    CAIRN_CLEANUP(cairn_json_drop_p) json_t *json = body_json();
    assert_string_equal(json_string_value(json_object_get(json, "token_type")), "Bearer");
    assert_int_equal(json_integer_value(json_object_get(json, "expires_in")), 300);
    char *token = strdup(json_string_value(json_object_get(json, "access_token")));
    assert_non_null(token);
    return token;
}

static int whoami(const char *token)
{
    char field[4096];
    (void)snprintf(field, sizeof field, "Authorization: Bearer %s\r\n", token);
    world.reason[0] = '\0';
    return test_request(&world.server, "GET", "/whoami", field, "", reply);
}

static void test_a_secret_gets_a_token(void **state)
{
    (void)state;
    char *token = get_token("");
    assert_non_null(strstr(reply, "Cache-Control: no-store\r\n"));
    assert_string_equal(world.reason, "granted");
    assert_int_equal(whoami(token), 200);
    assert_string_equal(test_body(reply), "2|shop|red|things.read things.write|5");
    free(token);
    token = get_token("&scope=things.read");
    assert_int_equal(whoami(token), 200);
    assert_string_equal(test_body(reply), "2|shop|red|things.read|5");
    cairn_clock_manual_advance_ms(&world.manual, 300000 + CAIRN_JWT_SKEW_MS);
    assert_int_equal(whoami(token), 401);
    assert_string_equal(world.reason, "token_expired");
    free(token);
}

/* Neither as it came nor as it was meant, whether it was right or not even whole. */
static void test_no_secret_stays(void **state)
{
    (void)state;
    char *token = get_token("");
    free(token);
    assert_int_equal(
        post("/oauth/token", basic("shop:wrong%20horse"), "grant_type=client_credentials"), 401);
    assert_int_equal(
        post("/oauth/token", basic("shop:broken%20horse%2"), "grant_type=client_credentials"), 401);
    assert_false(in_memory("correct horse"));
    assert_false(in_memory("correct%20horse"));
    assert_false(in_memory("wrong horse"));
    assert_false(in_memory("wrong%20horse"));
    assert_false(in_memory("broken horse"));
    assert_false(in_memory("broken%20horse"));
    assert_true(in_memory(strcpy(reply, "seen horse")));
}

/* What RFC 9068 section 2 wants of it. */
static void test_claims_of_a_token(void **state)
{
    (void)state;
    cairn_jwt jwt;
    char *token = get_token("&resource=https%3A%2F%2Fnode.example%3A8443%2Fv1");
    assert_int_equal(cairn_jwt_parse(&world.arena, cairn_bytes_str(token), &jwt), CAIRN_OK);
    assert_string_equal(jwt.jws.typ, "at+jwt");
    assert_int_equal(jwt.jws.alg, CAIRN_JOSE_ES256);
    assert_string_equal(jwt.issuer, WORLD_ISSUER);
    assert_string_equal(jwt.audiences[0], WORLD_AUDIENCE);
    assert_string_equal(jwt.subject, "shop");
    assert_string_equal(jwt.client_id, "shop");
    assert_int_equal(strlen(jwt.id), 32);
    assert_int_equal(jwt.expires_ms - jwt.issued_ms, 300000);
    assert_false(jwt.is_bound);
    cairn_jwt_done(&jwt);
    free(token);
}

/* --- client assertions --- */

#define ASSERTION(aud, more) \
    "{\"iss\":\"robot\",\"sub\":\"robot\",\"aud\":\"" aud "\",\"iat\":1700000000," more "}"
#define TOKEN_URL WORLD_ISSUER "/oauth/token"

static int present(cairn_bytes assertion, const char *more)
{
    static char body[16384];
    (void)snprintf(body, sizeof body,
                   "grant_type=client_credentials&client_assertion_type=urn%%3Aietf%%3Aparams%%3A"
                   "oauth%%3Aclient-assertion-type%%3Ajwt-bearer&client_assertion=%.*s%s",
                   (int)assertion.size, (const char *)assertion.data, more);
    return post("/oauth/token", "", body);
}

static cairn_bytes assertion_of(const cairn_key *key, const char *kid, const char *claims)
{
    return test_jws_sign(&world.arena, key, kid, "JWT", claims);
}

static void test_an_assertion_gets_a_token_once(void **state)
{
    (void)state;
    cairn_bytes first = assertion_of(world.client_key, "r1",
                                     ASSERTION(TOKEN_URL, "\"jti\":\"1\",\"exp\":1700000060"));
    cairn_bytes second = assertion_of(world.client_key, "",
                                      ASSERTION(WORLD_ISSUER, "\"jti\":\"2\",\"exp\":1700000060"));
    assert_int_equal(present(first, ""), 200);
    assert_int_equal(present(first, ""), 401);
    assert_string_equal(world.reason, "assertion_replayed");
    assert_int_equal(present(second, "&client_id=robot"), 200);
    CAIRN_CLEANUP(cairn_json_drop_p) json_t *json = body_json();
    assert_int_equal(whoami(json_string_value(json_object_get(json, "access_token"))), 200);
    assert_string_equal(test_body(reply), "2|robot|red|things.read things.write|5");
}

/* A node that starts again takes no assertion that it took before, whatever that says of when it
 * was made. */
static void test_an_assertion_is_good_once_across_a_start(void **state)
{
    (void)state;
#define MADE(id, more)                                          \
    "{\"iss\":\"robot\",\"sub\":\"robot\",\"aud\":\"" TOKEN_URL \
    "\",\"exp\":1700000060,\"jti\":\"" id "\"" more "}"
    static const char *const claims[] = {MADE("1", ""), MADE("2", ",\"iat\":1700000020"),
                                         MADE("3", ",\"iat\":1699999000")};
    cairn_bytes assertions[3];
    for (size_t i = 0; i < 3; i++) {
        assertions[i] = assertion_of(world.client_key, "r1", claims[i]);
        assert_int_equal(present(assertions[i], ""), 200);
    }
    world_restart_oauth(&world);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(present(assertions[i], ""), 401);
        assert_string_equal(world.reason, "assertion_replayed");
    }
    cairn_bytes fresh = assertion_of(world.client_key, "r1",
                                     ASSERTION(TOKEN_URL, "\"jti\":\"4\",\"exp\":1700000060"));
    assert_int_equal(present(fresh, ""), 200);
}

static void put_used(unsigned number, uint64_t until_ms, uint64_t now_ms)
{
    /* all begin at one place of the first 65,536, and at two of twice as many */
    const cairn_hash digest = {.b = {[1] = number % 2 ? 1 : 0, [31] = (uint8_t)number}};
    assert_int_equal(cairn_accounts_put_assertion(world.accounts, &digest, until_ms, now_ms),
                     CAIRN_OK);
}

/* More neighbours than the memory had room for, and one twice: the node starts all the same. */
static void test_a_start_with_many_used_assertions(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 60; i++)
        put_used(i, world_now_ms + 1000 + i, world_now_ms);
    put_used(7, world_now_ms + 500, world_now_ms);
    world_restart_oauth(&world);
    char *token = get_token("");
    free(token);
}

static void expect_refused(const char *what, int status, const char *reason)
{
    if (status != 401 || strcmp(world.reason, reason) != 0)
        fail_msg("%s: %d %s, not %s", what, status, world.reason, reason);
    assert_string_equal(test_body(reply), "{\"error\":\"invalid_client\"}");
    if (first_refusal[0] == '\0')
        memcpy(first_refusal, reply, sizeof reply);
    assert_string_equal(reply, first_refusal);
}

static void test_assertions_that_are_refused(void **state)
{
    (void)state;
    CAIRN_CLEANUP(cairn_key_free_p) cairn_key *stranger = NULL;
    assert_int_equal(cairn_key_generate(CAIRN_KEY_P256, &stranger), CAIRN_OK);
    static const struct {
        const char *claims, *reason;
    } rows[] = {
        {ASSERTION(TOKEN_URL, "\"jti\":\"a\",\"exp\":1699999000"), "token_expired"},
        {ASSERTION(TOKEN_URL, "\"jti\":\"b\""), "token_expiry_missing"},
        {ASSERTION(TOKEN_URL, "\"jti\":\"c\",\"exp\":1700009999"), "token_life_too_long"},
        {ASSERTION(TOKEN_URL, "\"jti\":\"d\",\"exp\":1700000060,\"nbf\":1700000050"),
         "token_from_the_future"},
        {ASSERTION("https://other/oauth/token", "\"jti\":\"e\",\"exp\":1700000060"),
         "token_audience"},
        {ASSERTION(TOKEN_URL, "\"exp\":1700000060"), "assertion_id_missing"},
        {"{\"iss\":\"shop\",\"sub\":\"robot\",\"aud\":\"" TOKEN_URL
         "\",\"jti\":\"f\",\"exp\":1700000060}",
         "token_issuer"},
        {"{\"iss\":\"shop\",\"sub\":\"shop\",\"aud\":\"" TOKEN_URL
         "\",\"jti\":\"g\",\"exp\":1700000060}",
         "client_method"},
        {"{\"iss\":\"bob\",\"sub\":\"bob\",\"aud\":\"" TOKEN_URL
         "\",\"jti\":\"h\",\"exp\":1700000060}",
         "client_unknown"},
        {"{\"iss\":\"robot\",\"aud\":\"" TOKEN_URL "\",\"jti\":\"i\",\"exp\":1700000060}",
         "token_subject_missing"},
        {"{\"sub\":\"robot\",\"sub\":\"robot\"}", "assertion_malformed"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        expect_refused(rows[i].claims,
                       present(assertion_of(world.client_key, "r1", rows[i].claims), ""),
                       rows[i].reason);
    static const char good[] = ASSERTION(TOKEN_URL, "\"jti\":\"z\",\"exp\":1700000060");
    expect_refused("foreign key", present(assertion_of(stranger, "r1", good), ""),
                   "assertion_signature");
    expect_refused("foreign kid", present(assertion_of(world.client_key, "r2", good), ""),
                   "assertion_key_unknown");
    expect_refused("none", present(test_jws_raw(&world.arena, "{\"alg\":\"none\"}", good, ""), ""),
                   "token_algorithm");
    expect_refused("HS256",
                   present(test_jws_raw(&world.arena, "{\"alg\":\"HS256\"}", good, "mac"), ""),
                   "token_algorithm");
    expect_refused("another id",
                   present(assertion_of(world.client_key, "r1", good), "&client_id=shop"),
                   "client_ambiguous");
    /* Refused ones are not remembered: the good one is still good. */
    assert_int_equal(present(assertion_of(world.client_key, "r1", good), ""), 200);
}

static void test_secrets_that_are_refused(void **state)
{
    (void)state;
    static const char grant[] = "grant_type=client_credentials";
    static const char path[] = "/oauth/token";
    expect_refused("wrong", post(path, basic("shop:wrong"), grant), "client_secret");
    expect_refused("unknown", post(path, basic("bob:correct%20horse"), grant), "client_secret");
    expect_refused("a user", post(path, basic("ann:battery%20staple"), grant), "client_secret");
    expect_refused("a key client", post(path, basic("robot:x"), grant), "client_secret");
    expect_refused("no colon", post(path, basic("shop"), grant), "client_credentials_malformed");
    expect_refused("escape", post(path, basic("shop:%4"), grant), "client_credentials_malformed");
    expect_refused("none", post(path, "", grant), "client_credentials_missing");
    expect_refused("bearer", post(path, "Authorization: Bearer x\r\n", grant),
                   "client_credentials_missing");
    expect_refused(
        "in the form",
        post(path, "", "grant_type=client_credentials&client_id=shop&client_secret=correct+horse"),
        "client_secret_post");
    expect_refused(
        "two",
        post(path, basic("shop:correct%20horse"), "grant_type=client_credentials&client_id=robot"),
        "client_ambiguous");
    expect_refused("no certificate", post(path, "", "grant_type=client_credentials&client_id=pump"),
                   "client_credentials_missing");
    assert_int_equal(cairn_accounts_remove(world.accounts, CAIRN_ACCOUNT_CLIENT, "shop"), CAIRN_OK);
    expect_refused("removed", post(path, basic("shop:correct%20horse"), grant), "client_secret");
}

static void test_requests_that_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *body, *error, *reason;
    } rows[] = {
        {"", "invalid_request", "grant_type_missing"},
        {"grant_type=authorization_code", "unsupported_grant_type", "grant_type"},
        {"grant_type=client_credentials&scope=admin", "invalid_scope", "scope"},
        {"grant_type=client_credentials&scope=things.read+admin", "invalid_scope", "scope"},
        {"grant_type=client_credentials&scope=things.read++things.write", "invalid_scope", "scope"},
        {"grant_type=client_credentials&scope=things.rea", "invalid_scope", "scope"},
        {"grant_type=client_credentials&resource=https://other", "invalid_target", "resource"},
        {"grant_type=client_credentials&grant_type=client_credentials", "invalid_request",
         "form_malformed"},
        {"grant_type", "invalid_request", "form_malformed"},
        {"grant_type=%zz", "invalid_request", "form_malformed"},
        {"grant_type=client_credentials&x=%00", "invalid_request", "form_malformed"},
        {"a=&b=&c=&d=&e=&f=&g=&h=&i=&j=&k=&l=&m=&n=&o=&p=&q=", "invalid_request", "form_malformed"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char want[64];
        int status = post("/oauth/token", basic("shop:correct%20horse"), rows[i].body);
        (void)snprintf(want, sizeof want, "{\"error\":\"%s\"}", rows[i].error);
        if (status != 400 || strcmp(world.reason, rows[i].reason) != 0)
            fail_msg("%s: %d %s", rows[i].body, status, world.reason);
        assert_string_equal(test_body(reply), want);
    }
    assert_int_equal(test_request(&world.server, "POST", "/oauth/token",
                                  "Content-Type: application/json\r\n", "{}", reply),
                     400);
    assert_int_equal(test_request(&world.server, "GET", "/oauth/token", "", "", reply), 405);
}

/* --- revoking and asking --- */

static int post_token(const char *path, const char *who, const char *token)
{
    static char body[8192];
    (void)snprintf(body, sizeof body, "token=%s", token);
    return post(path, basic(who), body);
}

static void test_revocation(void **state)
{
    (void)state;
    static const char shop[] = "shop:correct%20horse";
    char *token = get_token("");
    world_add_account(&world, CAIRN_ACCOUNT_CLIENT, CAIRN_ACCOUNT_SECRET, "stall", "other word",
                      NULL);
    assert_int_equal(post_token("/oauth/introspect", shop, token), 200);
    assert_non_null(strstr(test_body(reply), "\"active\":true"));
    assert_int_equal(post_token("/oauth/introspect", "stall:other%20word", token), 200);
    assert_string_equal(test_body(reply), "{\"active\":false}");
    assert_int_equal(post_token("/oauth/revoke", "stall:other%20word", token), 200);
    assert_int_equal(whoami(token), 200); /* not theirs to revoke, and they are not told */
    assert_int_equal(post_token("/oauth/revoke", shop, "garbage"), 200);
    assert_int_equal(post_token("/oauth/revoke", shop, token), 200);
    assert_int_equal(whoami(token), 401);
    assert_string_equal(world.reason, "token_revoked");
    assert_int_equal(post_token("/oauth/introspect", shop, token), 200);
    assert_string_equal(test_body(reply), "{\"active\":false}");
    assert_int_equal(post("/oauth/revoke", basic(shop), "x=y"), 400);
    free(token);
}

/* --- what is published --- */

static void test_metadata(void **state)
{
    (void)state;
    assert_int_equal(test_request(&world.server, "GET", "/.well-known/oauth-authorization-server",
                                  "", "", reply),
                     200);
    CAIRN_CLEANUP(cairn_json_drop_p) json_t *json = body_json();
    assert_string_equal(json_string_value(json_object_get(json, "issuer")), WORLD_ISSUER);
    assert_string_equal(json_string_value(json_object_get(json, "token_endpoint")), TOKEN_URL);
    assert_string_equal(json_string_value(json_object_get(json, "jwks_uri")),
                        WORLD_ISSUER "/oauth/jwks");
}

static size_t published(void)
{
    CAIRN_CLEANUP(cairn_jwk_set_free_p) cairn_jwk_set *set = NULL;
    assert_int_equal(test_request(&world.server, "GET", "/oauth/jwks", "", "", reply), 200);
    assert_null(strstr(reply, "\"d\""));
    assert_int_equal(
        cairn_jwk_set_parse(cairn_bytes_str(test_body(reply)), CAIRN_JWK_SET_STRICT, &set),
        CAIRN_OK);
    return cairn_jwk_set_count(set);
}

static void token_kid(const char *token, char ret_kid[CAIRN_JWS_KID_SIZE_MAX + 1])
{
    cairn_jws jws;
    assert_int_equal(cairn_jws_parse(&world.arena, cairn_bytes_str(token), &jws), CAIRN_OK);
    memcpy(ret_kid, jws.kid, sizeof jws.kid);
}

/* Published a day before it signs; verifies until the last token of its time has ended. */
static void test_keys_rotate(void **state)
{
    (void)state;
    enum { DAY = 86400000 };
    char before[CAIRN_JWS_KID_SIZE_MAX + 1], now[CAIRN_JWS_KID_SIZE_MAX + 1];
    char *token = get_token("");
    token_kid(token, before);
    free(token);
    assert_int_equal(published(), 1);
    world.manual.wall_ms += UINT64_C(28) * DAY;
    assert_int_equal(cairn_oauth_maintain(world.oauth), CAIRN_OK);
    assert_int_equal(published(), 1);
    cairn_account shop;
    assert_int_equal(
        cairn_accounts_find(world.accounts, &world.arena, CAIRN_ACCOUNT_CLIENT, "shop", &shop),
        CAIRN_OK);
    shop.expires_ms = UINT64_MAX;
    assert_int_equal(cairn_accounts_replace(world.accounts, &shop), CAIRN_OK);
    world.manual.wall_ms += DAY;
    assert_int_equal(cairn_oauth_maintain(world.oauth), CAIRN_OK);
    assert_int_equal(published(), 2);
    token = get_token("");
    token_kid(token, now);
    assert_string_equal(now, before); /* not yet */
    world.manual.wall_ms += DAY;
    free(token);
    token = get_token("");
    token_kid(token, now);
    assert_string_not_equal(now, before);
    assert_int_equal(whoami(token), 200);
    world.manual.wall_ms += 300000 + 60000;
    assert_int_equal(cairn_oauth_maintain(world.oauth), CAIRN_OK);
    assert_int_equal(published(), 1);
    free(token);
}

/* The keys are the ones before a restart. */
static void test_keys_survive(void **state)
{
    (void)state;
    char kid[CAIRN_JWS_KID_SIZE_MAX + 1];
    char *token = get_token("");
    cairn_oauth *again = NULL;
    cairn_oauth_options options = cairn_oauth_defaults();
    options.clock = world.clock;
    options.issuer = WORLD_ISSUER;
    options.audience = WORLD_AUDIENCE;
    options.signer = world.signer;
    options.accounts = world.accounts;
    options.pool = world.pool;
    token_kid(token, kid);
    assert_int_equal(cairn_oauth_new(&options, &again), CAIRN_OK);
    CAIRN_CLEANUP(cairn_jwk_set_free_p) cairn_jwk_set *set = cairn_oauth_keys(again);
    assert_int_equal(cairn_jwk_set_count(set), 1);
    assert_string_equal(cairn_jwk_kid(cairn_jwk_set_at(set, 0)), kid);
    cairn_oauth_free(again);
    options.issuer = "https://node.example/";
    assert_int_equal(cairn_oauth_new(&options, &again), CAIRN_ERR_ARGUMENT);
    options.issuer = WORLD_ISSUER;
    options.token_life_ms = CAIRN_OAUTH_TOKEN_LIFE_MS_MAX + 1;
    assert_int_equal(cairn_oauth_new(&options, &again), CAIRN_ERR_ARGUMENT);
    free(token);
}

static void test_replay_memory(void **state)
{
    (void)state;
    CAIRN_CLEANUP(cairn_replay_free_p) cairn_replay *replay = NULL;
    cairn_hash digest = {{0}};
    assert_int_equal(cairn_replay_new(64, &replay), CAIRN_OK);
    assert_int_equal(cairn_replay_take(replay, &digest, 100, 50), CAIRN_OK);
    assert_int_equal(cairn_replay_take(replay, &digest, 100, 100), CAIRN_ERR_EXISTS);
    assert_int_equal(cairn_replay_take(replay, &digest, 200, 101), CAIRN_OK);
    for (unsigned i = 1; i < 32; i++) { /* all begin at the same place */
        digest.b[31] = (uint8_t)i;
        assert_int_equal(cairn_replay_take(replay, &digest, 200, 101), CAIRN_OK);
    }
    digest.b[31] = 99;
    assert_int_equal(cairn_replay_take(replay, &digest, 200, 101), CAIRN_ERR_BUSY);
    digest.b[31] = 31;
    assert_int_equal(cairn_replay_take(replay, &digest, 200, 101), CAIRN_ERR_EXISTS);
    assert_int_equal(cairn_replay_take(replay, &digest, 300, 201), CAIRN_OK);
    assert_int_equal(cairn_replay_restore(replay, &digest, 250, 202), CAIRN_OK);
    assert_int_equal(cairn_replay_take(replay, &digest, 400, 300), CAIRN_ERR_EXISTS);
    assert_int_equal(cairn_replay_restore(replay, &digest, 400, 203), CAIRN_OK);
    assert_int_equal(cairn_replay_take(replay, &digest, 500, 400), CAIRN_ERR_EXISTS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_secret_gets_a_token, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_secret_stays, setup, teardown),
        cmocka_unit_test_setup_teardown(test_claims_of_a_token, setup, teardown),
        cmocka_unit_test_setup_teardown(test_an_assertion_gets_a_token_once, setup, teardown),
        cmocka_unit_test_setup_teardown(test_an_assertion_is_good_once_across_a_start, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_a_start_with_many_used_assertions, setup, teardown),
        cmocka_unit_test_setup_teardown(test_assertions_that_are_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_secrets_that_are_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_requests_that_are_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_revocation, setup, teardown),
        cmocka_unit_test_setup_teardown(test_metadata, setup, teardown),
        cmocka_unit_test_setup_teardown(test_keys_rotate, setup, teardown),
        cmocka_unit_test_setup_teardown(test_keys_survive, setup, teardown),
        cmocka_unit_test(test_replay_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
