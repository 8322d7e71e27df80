/* Which client calls: by secret, by a signed assertion, or by its TLS certificate. Exactly one of
 * them (RFC 6749 section 2.3). */
#include <stdio.h>
#include <stdlib.h>

#include "cairn/sha256.h"
#include "core/crypto/secret.h"
#include "node/auth/oauth_impl.h"

#define ASSERTION_TYPE "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

/* A 401 says the same whatever was wrong. */
static void refuse_client(cairn_oauth_call *c, const char *reason)
{
    cairn_oauth_refuse(c, 401, "invalid_client", reason);
}

/* The account of that name which may come in that way; NULL with a reason. */
static const char *find_client(cairn_oauth_call *c, const char *name, cairn_account_method method,
                               cairn_err *ret_err)
{
    cairn_account client = {.name = ""};
    cairn_err err = cairn_accounts_find(c->oauth->options.accounts, c->call->arena,
                                        CAIRN_ACCOUNT_CLIENT, name, &client);
    *ret_err = err == CAIRN_ERR_NOT_FOUND ? CAIRN_OK : err;
    if (err != CAIRN_OK)
        return "client_unknown";
    if (client.method != method)
        return "client_method";
    if (client.expires_ms <= cairn_clock_wall_ms(&c->oauth->options.clock))
        return "client_expired";
    c->client = client;
    return NULL;
}

/* --- client_secret_basic --- */

static void on_secret(void *context, cairn_err err)
{
    cairn_oauth_call *c = context;
    if (err == CAIRN_OK && c->client.name[0] != '\0')
        c->then(c);
    else if (err == CAIRN_OK || err == CAIRN_ERR_MISMATCH)
        refuse_client(c, "client_secret");
    else
        cairn_oauth_fail(c, err);
}

enum { BASIC_SIZE_MAX = 1024 };

/* What is wiped once the secret was handed on. */
typedef struct basic {
    uint8_t plain[BASIC_SIZE_MAX];
    uint8_t room[BASIC_SIZE_MAX + 64]; /* of the two that follow */
    const char *id;
    const char *secret;
} basic;

static void wipe_basic(basic *b)
{
    cairn_wipe(b, sizeof *b);
}

/* base64(form(id) ':' form(secret)), RFC 6749 section 2.3.1. */
static cairn_err decode_basic(cairn_bytes text, basic *b)
{
    size_t size = 0;
    cairn_arena arena;
    cairn_arena_init_fixed(&arena, b->room, sizeof b->room);
    CAIRN_TRY(cairn_base64_decode(text, b->plain, sizeof b->plain, &size));
    const uint8_t *colon = memchr(b->plain, ':', size);
    if (colon == NULL)
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, "RFC 7617 section 2", "credentials: no colon");
    size_t name = (size_t)(colon - b->plain);
    CAIRN_TRY(cairn_form_decode(&arena, cairn_bytes_of(b->plain, name), &b->id));
    return cairn_form_decode(&arena, cairn_bytes_of(colon + 1, size - name - 1), &b->secret);
}

static void by_secret(cairn_oauth_call *c, cairn_bytes credentials)
{
    CAIRN_CLEANUP(wipe_basic) basic b = {.id = NULL};
    cairn_err err = CAIRN_OK;
    if (decode_basic(credentials, &b) != CAIRN_OK) {
        refuse_client(c, "client_credentials_malformed");
        return;
    }
    const char *form_id = cairn_oauth_field(c, "client_id");
    if (form_id != NULL && strcmp(form_id, b.id) != 0) {
        refuse_client(c, "client_ambiguous");
        return;
    }
    const char *reason = find_client(c, b.id, CAIRN_ACCOUNT_SECRET, &err);
    if (err != CAIRN_OK) {
        cairn_oauth_fail(c, err);
        return;
    }
    /* One that is not there costs as much as one whose secret is wrong. */
    err = cairn_password_check(c->oauth->options.pool, reason == NULL ? c->client.phc : NULL,
                               cairn_bytes_str(b.secret), on_secret, c);
    if (err != CAIRN_OK)
        cairn_oauth_fail(c, err);
}

/* --- private_key_jwt --- */

static const char *check_claims(const cairn_oauth_call *c, const cairn_jwt *jwt)
{
    const char *const audiences[] = {c->oauth->token_url, c->oauth->issuer};
    const cairn_jwt_rules rules = {.issuer = jwt->subject == NULL ? "" : jwt->subject,
                                   .audiences = audiences,
                                   .audience_count = 2,
                                   .now_ms = cairn_clock_wall_ms(&c->oauth->options.clock),
                                   .life_ms_max = CAIRN_OAUTH_ASSERTION_LIFE_MS_MAX};
    const char *refusal = cairn_jwt_refusal(jwt, &rules);
    if (refusal != NULL)
        return refusal;
    /* A token that we issued is no assertion, even if it were signed by the client. */
    if (strcmp(jwt->jws.typ, "at+jwt") == 0)
        return "token_type";
    return jwt->id == NULL || jwt->id[0] == '\0' ? "assertion_id_missing" : NULL;
}

static const char *check_signature(const cairn_oauth_call *c, const cairn_jwt *jwt)
{
    CAIRN_CLEANUP(cairn_jwk_set_free_p) cairn_jwk_set *set = NULL;
    if (cairn_jwk_set_parse(c->client.jwks, CAIRN_JWK_SET_STRICT, &set) != CAIRN_OK)
        return "client_keys";
    cairn_err err = cairn_jws_verify_by(&jwt->jws, set);
    if (err == CAIRN_ERR_NOT_FOUND)
        return "assertion_key_unknown";
    return err == CAIRN_OK ? NULL : "assertion_signature";
}

/* Each assertion of a client is good once; only one that holds is remembered, in memory for the
 * next call and on disk for the next start. */
static const char *check_replay(const cairn_oauth_call *c, const cairn_jwt *jwt, cairn_err *ret_err)
{
    const cairn_oauth *oauth = c->oauth;
    uint64_t now_ms = cairn_clock_wall_ms(&oauth->options.clock);
    uint64_t until_ms = jwt->expires_ms + 2 * CAIRN_JWT_SKEW_MS;
    cairn_hash digest;
    const cairn_bytes parts[] = {cairn_bytes_of(c->client.name, strlen(c->client.name) + 1),
                                 cairn_bytes_str(jwt->id)};
    cairn_sha256_parts(parts, 2, &digest);
    cairn_err err = cairn_replay_take(oauth->replay, &digest, until_ms, now_ms);
    if (err == CAIRN_ERR_EXISTS)
        return "assertion_replayed";
    if (err == CAIRN_OK)
        err = cairn_accounts_put_assertion(oauth->options.accounts, &digest, until_ms, now_ms);
    *ret_err = err;
    return NULL;
}

static const char *check_assertion(cairn_oauth_call *c, const cairn_jwt *jwt, cairn_err *ret_err)
{
    const char *form_id = cairn_oauth_field(c, "client_id");
    if (jwt->subject == NULL)
        return "token_subject_missing";
    if (form_id != NULL && strcmp(form_id, jwt->subject) != 0)
        return "client_ambiguous";
    const char *reason = find_client(c, jwt->subject, CAIRN_ACCOUNT_KEY, ret_err);
    if (reason == NULL)
        reason = check_signature(c, jwt);
    if (reason == NULL)
        reason = check_claims(c, jwt);
    return reason == NULL ? check_replay(c, jwt, ret_err) : reason;
}

static void by_assertion(cairn_oauth_call *c, const char *assertion)
{
    cairn_jwt jwt;
    const char *type = cairn_oauth_field(c, "client_assertion_type");
    const char *reason = "assertion_malformed";
    cairn_err err = cairn_jwt_parse(c->call->arena, cairn_bytes_str(assertion), &jwt);
    cairn_err failure = CAIRN_OK;
    if (type == NULL || strcmp(type, ASSERTION_TYPE) != 0)
        reason = "assertion_type";
    else if (err == CAIRN_OK)
        reason = check_assertion(c, &jwt, &failure);
    else if (err == CAIRN_ERR_BAD_ALGORITHM)
        reason = "token_algorithm";
    cairn_jwt_done(&jwt);
    if (failure != CAIRN_OK)
        cairn_oauth_fail(c, failure);
    else if (reason != NULL)
        refuse_client(c, reason);
    else
        c->then(c);
}

/* --- self_signed_tls_client_auth --- */

static void by_certificate(cairn_oauth_call *c)
{
    cairn_err err = CAIRN_OK;
    const char *id = cairn_oauth_field(c, "client_id");
    const char *reason =
        id == NULL ? "client_unnamed" : find_client(c, id, CAIRN_ACCOUNT_TLS, &err);
    if (err != CAIRN_OK)
        cairn_oauth_fail(c, err);
    else if (reason != NULL)
        refuse_client(c, reason);
    else if (!cairn_hash_equal(&c->client.certificate, &c->certificate))
        refuse_client(c, "client_certificate");
    else
        c->then(c);
}

/* --- which of them --- */

static bool is_basic(cairn_bytes value, cairn_bytes *ret_credentials)
{
    if (value.size < 6 || !cairn_http_text_is(cairn_bytes_of(value.data, 6), "Basic "))
        return false;
    *ret_credentials = cairn_bytes_of(value.data + 6, value.size - 6);
    return true;
}

void cairn_oauth_authenticate(cairn_oauth_call *c)
{
    cairn_bytes value = {0};
    cairn_bytes credentials = {0};
    bool has_field = cairn_http_header_find(c->call->request, "Authorization", &value);
    const char *assertion = cairn_oauth_field(c, "client_assertion");
    if (cairn_oauth_field(c, "client_secret") != NULL)
        refuse_client(c, "client_secret_post"); /* secrets do not belong into forms */
    else if (has_field && assertion != NULL)
        refuse_client(c, "client_ambiguous");
    else if (assertion != NULL)
        by_assertion(c, assertion);
    else if (has_field && is_basic(value, &credentials))
        by_secret(c, credentials);
    else if (!has_field && c->has_certificate)
        by_certificate(c);
    else
        refuse_client(c, "client_credentials_missing");
}
