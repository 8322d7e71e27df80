/* Status lists as JWTs: the draft's own example, and each way in which one is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "identity/status/status_form.h"
#include "identity/status/status_list.h"
#include "support/jose.h"

enum { NOW_S = 1700000000 };

static const char uri[] = "https://example.com/statuslists/1";

/* draft-ietf-oauth-status-list, section 8.2; the key is not published. */
static const char draft_token[] =
    "eyJhbGciOiJFUzI1NiIsImtpZCI6IjEyIiwidHlwIjoic3RhdHVzbGlzdCtqd3QifQ.e"
    "yJleHAiOjIyOTE3MjAxNzAsImlhdCI6MTY4NjkyMDE3MCwiaXNzIjoiaHR0cHM6Ly9le"
    "GFtcGxlLmNvbSIsInN0YXR1c19saXN0Ijp7ImJpdHMiOjEsImxzdCI6ImVOcmJ1UmdBQ"
    "WhjQlhRIn0sInN1YiI6Imh0dHBzOi8vZXhhbXBsZS5jb20vc3RhdHVzbGlzdHMvMSIsI"
    "nR0bCI6NDMyMDB9.2lKUUNG503R9htu4aHAYi7vjmr3sgApbfoDvPrl65N3URUO1EYqq"
    "Ql45Jfzd-Av4QzlKa3oVALpLwOEUOq-U_g";

typedef struct world {
    cairn_arena arena;
    cairn_key *key;
    cairn_jwk *jwk, *other;
} world;

static int set_up(void **state)
{
    static world w;
    cairn_key *other = NULL;
    cairn_arena_init(&w.arena, 1 << 24);
    assert_int_equal(cairn_key_generate(CAIRN_KEY_P256, &w.key), CAIRN_OK);
    assert_int_equal(cairn_key_generate(CAIRN_KEY_P256, &other), CAIRN_OK);
    assert_int_equal(cairn_jwk_of_key(w.key, NULL, &w.jwk), CAIRN_OK);
    assert_int_equal(cairn_jwk_of_key(other, NULL, &w.other), CAIRN_OK);
    cairn_key_free(other);
    *state = &w;
    return 0;
}

static int tear_down(void **state)
{
    world *w = *state;
    cairn_jwk_free(w->jwk);
    cairn_jwk_free(w->other);
    cairn_key_free(w->key);
    cairn_arena_done(&w->arena);
    return 0;
}

static void test_the_drafts_token(void **state)
{
    world *w = *state;
    static const unsigned want[] = {1, 0, 0, 1, 1, 1, 0, 1, 1, 1, 0, 0, 0, 1, 0, 1};
    cairn_status_token token;
    cairn_status_list list;
    cairn_status_form form;
    cairn_bytes in = cairn_bytes_str(draft_token);
    assert_int_equal(cairn_status_jwt_decode(&w->arena, in, &token), CAIRN_OK);
    assert_true(cairn_bytes_equal(token.uri, cairn_bytes_str(uri)));
    assert_true(cairn_bytes_equal(token.kid, cairn_bytes_str("12")));
    assert_int_equal(token.issued, 1686920170);
    assert_int_equal(token.expires, 2291720170);
    assert_int_equal(token.ttl, 43200);
    assert_int_equal(cairn_status_token_unpack(&w->arena, &token, &list), CAIRN_OK);
    assert_int_equal(cairn_status_list_count(&list), 16);
    for (size_t i = 0; i < 16; i++) {
        unsigned value = 9;
        assert_int_equal(cairn_status_list_get(&list, i, &value), CAIRN_OK);
        assert_int_equal(value, want[i]);
    }
    assert_int_equal(cairn_status_form_guess(in, &form), CAIRN_OK);
    assert_int_equal(form, CAIRN_STATUS_FORM_TOKEN_JWT);
    assert_int_equal(
        cairn_status_jwt_verify(&w->arena, in, w->jwk, cairn_bytes_str(uri), NOW_S, &token),
        CAIRN_ERR_BAD_SIGNATURE);
}

static cairn_bytes signed_by(world *w, cairn_bytes message)
{
    uint8_t signature[CAIRN_SIGNATURE_SIZE_MAX];
    size_t size = 0;
    cairn_bytes compact;
    assert_int_equal(cairn_key_sign(w->key, message, signature, &size), CAIRN_OK);
    assert_int_equal(
        cairn_jws_assemble(&w->arena, message, cairn_bytes_of(signature, size), &compact),
        CAIRN_OK);
    return compact;
}

/* A large one, whose entries do not compress: more than other tokens may have. */
static void test_a_token_of_ours(void **state)
{
    world *w = *state;
    cairn_status_list list, read;
    cairn_bytes message, packed;
    cairn_status_token back;
    assert_int_equal(cairn_status_list_new(&w->arena, CAIRN_STATUS_TOKEN_ORDER, 8, 1 << 16, &list),
                     CAIRN_OK);
    for (uint32_t i = 0, x = 1; i < list.size; i++, x = x * 1664525 + 1013904223)
        list.data[i] = (uint8_t)(x >> 24);
    assert_int_equal(cairn_status_list_pack(&w->arena, &list, &packed), CAIRN_OK);
    const cairn_status_token token = {.uri = cairn_bytes_str(uri),
                                      .issued = NOW_S,
                                      .expires = NOW_S + 10,
                                      .ttl = 5,
                                      .kid = cairn_bytes_str("did:cairn:a#b"),
                                      .bits = 8,
                                      .packed = packed};
    assert_int_equal(cairn_status_jwt_to_be_signed(&w->arena, &token, CAIRN_JOSE_ES256, &message),
                     CAIRN_OK);
    cairn_bytes jwt = signed_by(w, message);
    assert_true(jwt.size > CAIRN_JWS_SIZE_MAX);
    assert_int_equal(cairn_status_jwt_verify(&w->arena, jwt, w->jwk, token.uri, NOW_S, &back),
                     CAIRN_OK);
    assert_true(cairn_bytes_equal(back.kid, token.kid));
    assert_int_equal(back.ttl, 5);
    assert_int_equal(cairn_status_token_unpack(&w->arena, &back, &read), CAIRN_OK);
    assert_memory_equal(read.data, list.data, list.size);
    assert_int_equal(cairn_status_jwt_verify(&w->arena, jwt, w->other, token.uri, NOW_S, &back),
                     CAIRN_ERR_BAD_SIGNATURE);
    assert_int_equal(cairn_status_jwt_verify(&w->arena, jwt, w->jwk,
                                             cairn_bytes_str("https://example.com/statuslists/2"),
                                             NOW_S, &back),
                     CAIRN_ERR_MISMATCH);
    assert_int_equal(cairn_status_jwt_verify(&w->arena, jwt, w->jwk, token.uri, NOW_S + 10, &back),
                     CAIRN_ERR_EXPIRED);
}

#define LIST "\"status_list\":{\"bits\":1,\"lst\":\"eNrbuRgAAhcBXQ\"}"

static void test_tokens_that_are_refused(void **state)
{
    world *w = *state;
    static const struct {
        const char *typ, *claims;
        cairn_err want;
    } rows[] = {
        {"statuslist+jwt", "{\"sub\":\"u\",\"iat\":1," LIST "}", CAIRN_OK},
        {"statuslist+jwt", "{\"sub\":\"u\",\"iat\":1.5," LIST "}", CAIRN_OK},
        {"application/statuslist+jwt", "{\"sub\":\"u\",\"iat\":1," LIST "}", CAIRN_OK},
        {"jwt", "{\"sub\":\"u\",\"iat\":1," LIST "}", CAIRN_ERR_BAD_VALUE},
        {"vc+jwt", "{\"sub\":\"u\",\"iat\":1," LIST "}", CAIRN_ERR_BAD_VALUE},
        {"statuslist+jwt", "{\"iat\":1," LIST "}", CAIRN_ERR_MISSING_FIELD},
        {"statuslist+jwt", "{\"sub\":\"\",\"iat\":1," LIST "}", CAIRN_ERR_MISSING_FIELD},
        {"statuslist+jwt", "{\"sub\":7,\"iat\":1," LIST "}", CAIRN_ERR_WRONG_TYPE},
        {"statuslist+jwt", "{\"sub\":\"u\"," LIST "}", CAIRN_ERR_MISSING_FIELD},
        {"statuslist+jwt", "{\"sub\":\"u\",\"iat\":\"1\"," LIST "}", CAIRN_ERR_WRONG_TYPE},
        {"statuslist+jwt", "{\"sub\":\"u\",\"iat\":-1," LIST "}", CAIRN_ERR_BAD_VALUE},
        {"statuslist+jwt", "{\"sub\":\"u\",\"iat\":1e40," LIST "}", CAIRN_ERR_BAD_VALUE},
        {"statuslist+jwt", "{\"sub\":\"u\",\"iat\":1,\"exp\":0," LIST "}", CAIRN_ERR_BAD_VALUE},
        {"statuslist+jwt", "{\"sub\":\"u\",\"iat\":1,\"sub\":\"v\"," LIST "}",
         CAIRN_ERR_DUPLICATE_KEY},
        {"statuslist+jwt", "{\"sub\":\"u\",\"iat\":1}", CAIRN_ERR_MISSING_FIELD},
        {"statuslist+jwt", "{\"sub\":\"u\",\"iat\":1,\"status_list\":{\"bits\":1}}",
         CAIRN_ERR_MISSING_FIELD},
        {"statuslist+jwt", "{\"sub\":\"u\",\"iat\":1,\"status_list\":{\"bits\":3,\"lst\":\"eA\"}}",
         CAIRN_ERR_BAD_VALUE},
        {"statuslist+jwt",
         "{\"sub\":\"u\",\"iat\":1,\"status_list\":{\"bits\":1.0,\"lst\":\"eA\"}}",
         CAIRN_ERR_WRONG_TYPE},
        {"statuslist+jwt", "{\"sub\":\"u\",\"iat\":1,\"status_list\":{\"bits\":1,\"lst\":\"e=\"}}",
         CAIRN_ERR_BAD_VALUE},
        {"statuslist+jwt", "[]", CAIRN_ERR_WRONG_TYPE},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        cairn_status_token token;
        cairn_bytes jwt = test_jws_sign(&w->arena, w->key, "k", rows[i].typ, rows[i].claims);
        cairn_err err = cairn_status_jwt_decode(&w->arena, jwt, &token);
        if (err != rows[i].want)
            fail_msg("%s %s: %s", rows[i].typ, rows[i].claims, cairn_err_name(err));
    }
}

/* The message never chooses how it is checked. */
static void test_headers_that_are_refused(void **state)
{
    world *w = *state;
    static const char claims[] = "{\"sub\":\"u\",\"iat\":1," LIST "}";
    static const struct {
        const char *header;
        cairn_err want;
    } rows[] = {
        {"{\"alg\":\"none\",\"typ\":\"statuslist+jwt\"}", CAIRN_ERR_BAD_ALGORITHM},
        {"{\"alg\":\"HS256\",\"typ\":\"statuslist+jwt\"}", CAIRN_ERR_BAD_ALGORITHM},
        {"{\"alg\":\"EdDSA\",\"typ\":\"statuslist+jwt\"}", CAIRN_ERR_BAD_ALGORITHM},
        {"{\"alg\":\"ES256\",\"typ\":\"statuslist+jwt\",\"crit\":[\"x\"]}",
         CAIRN_ERR_UNKNOWN_FIELD},
        {"{\"alg\":\"ES256\"}", CAIRN_ERR_BAD_VALUE},
        {"{\"alg\":\"ES256\",\"typ\":\"statuslist+jwt\"}", CAIRN_ERR_BAD_SIGNATURE},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        cairn_status_token token;
        cairn_bytes jwt = test_jws_raw(&w->arena, rows[i].header, claims, "");
        assert_int_equal(
            cairn_status_jwt_verify(&w->arena, jwt, w->jwk, cairn_bytes_str("u"), NOW_S, &token),
            rows[i].want);
    }
}

static void test_a_credential_as_jwt(void **state)
{
    world *w = *state;
    const cairn_status_credential credential = {.id = cairn_bytes_str(uri),
                                                .issuer = cairn_bytes_str("did:example:1"),
                                                .purpose = cairn_bytes_str("revocation"),
                                                .valid_from_ms = NOW_S * 1000ull,
                                                .valid_until_ms = (NOW_S + 10) * 1000ull,
                                                .bits = 1};
    cairn_status_credential back;
    cairn_status_list list, read;
    cairn_bytes json, message, payload;
    char kid[300];
    unsigned value = 0;
    assert_int_equal(cairn_status_list_new(&w->arena, CAIRN_STATUS_BITSTRING_ORDER, 1, 9, &list),
                     CAIRN_OK);
    assert_int_equal(cairn_status_list_set(&list, 7, 1), CAIRN_OK);
    assert_int_equal(cairn_status_credential_encode(&w->arena, &credential, &list, &json),
                     CAIRN_OK);
    assert_int_equal(cairn_status_credential_jwt_to_be_signed(&w->arena, json, CAIRN_JOSE_ES256,
                                                              "did:example:1#k", &message),
                     CAIRN_OK);
    cairn_bytes jwt = signed_by(w, message);
    assert_int_equal(cairn_status_credential_jwt_decode(&w->arena, jwt, kid, sizeof kid, &payload),
                     CAIRN_OK);
    assert_string_equal(kid, "did:example:1#k");
    assert_true(cairn_bytes_equal(payload, json));
#define VERIFY(key, id, ms) \
    cairn_status_credential_jwt_verify(&w->arena, jwt, key, cairn_bytes_str(id), ms, &back, &read)
    assert_int_equal(VERIFY(w->jwk, uri, NOW_S * 1000ull), CAIRN_OK);
    assert_int_equal(cairn_status_list_get(&read, 7, &value), CAIRN_OK);
    assert_int_equal(value, 1);
    assert_int_equal(VERIFY(w->other, uri, NOW_S * 1000ull), CAIRN_ERR_BAD_SIGNATURE);
    assert_int_equal(VERIFY(w->jwk, "https://example.com/2", NOW_S * 1000ull), CAIRN_ERR_MISMATCH);
    assert_int_equal(VERIFY(w->jwk, uri, (NOW_S + 10) * 1000ull), CAIRN_ERR_EXPIRED);
    assert_int_equal(VERIFY(w->jwk, uri, (NOW_S - 61) * 1000ull), CAIRN_ERR_EXPIRED);
    jwt = test_jws_sign(&w->arena, w->key, "k", "statuslist+jwt", "{}");
    assert_int_equal(VERIFY(w->jwk, uri, NOW_S * 1000ull), CAIRN_ERR_BAD_VALUE);
    jwt = test_jws_sign(&w->arena, w->key, "k", "vc+jwt", "{}");
    assert_int_equal(VERIFY(w->jwk, uri, NOW_S * 1000ull), CAIRN_ERR_BAD_VALUE);
}

/* By quality, then by our order; the narrowest range counts. */
static void test_negotiation(void **state)
{
    (void)state;
    static const struct {
        const char *accept;
        int token, bitstring; /* 0: neither form */
    } rows[] = {
        {"", 1, 3},
        {"*/*", 1, 3},
        {"application/*;q=0.1", 1, 3},
        {"application/statuslist+cwt", 2, 0},
        {"application/statuslist+cwt, application/statuslist+jwt", 1, 0},
        {"application/statuslist+cwt, application/statuslist+jwt;q=0.9", 2, 0},
        {"application/statuslist+jwt;q=0, */*;q=0.5", 2, 3},
        {"Application/LD+JSON", 0, 4},
        {"application/ld+json;profile=\"x\";q=0.5, application/vc+jwt;q=0.4", 0, 4},
        {"text/html, application/xhtml+xml", 0, 0},
        {"*/*;q=0", 0, 0},
        {"*/*;q=x", 0, 0},
        {"*/*;q=2", 0, 0},
        {",,;,", 0, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        for (int k = 0; k < 2; k++) {
            cairn_status_form form = (cairn_status_form)0;
            cairn_list_format format = k == 0 ? CAIRN_LIST_TOKEN : CAIRN_LIST_BITSTRING;
            int want = k == 0 ? rows[i].token : rows[i].bitstring;
            cairn_err err =
                cairn_status_form_accept(format, cairn_bytes_str(rows[i].accept), &form);
            if (err != (want == 0 ? CAIRN_ERR_NOT_FOUND : CAIRN_OK) || (int)form != want)
                fail_msg("'%s' gives %d, not %d", rows[i].accept, (int)form, want);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_drafts_token),
        cmocka_unit_test(test_a_token_of_ours),
        cmocka_unit_test(test_tokens_that_are_refused),
        cmocka_unit_test(test_headers_that_are_refused),
        cmocka_unit_test(test_a_credential_as_jwt),
        cmocka_unit_test(test_negotiation),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
