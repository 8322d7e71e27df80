/* Access tokens: which scopes, which claims, signing them, and reading them again. */
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/crypto/openssl.h"
#include "core/text.h"
#include "node/auth/oauth_impl.h"

enum { CLAIMS_SIZE_MAX = 6144, TOKEN_ID_SIZE = 16 };

/* --- scopes --- */

static bool has_scope(const char *scopes, const char *word, size_t size)
{
    for (const char *at = scopes; *at != '\0'; at += strspn(at, " ")) {
        size_t length = strcspn(at, " ");
        if (length == size && memcmp(at, word, size) == 0)
            return true;
        at += length;
    }
    return false;
}

/* What was asked for, all of which the client must have; everything when nothing was. */
static bool choose_scopes(cairn_oauth_call *c)
{
    const char *asked = cairn_oauth_field(c, "scope");
    if (asked == NULL || asked[0] == '\0')
        asked = c->client.scopes;
    if (strlen(asked) > CAIRN_SCOPES_SIZE_MAX || !cairn_scopes_are_valid(asked))
        return false;
    for (const char *at = asked; *at != '\0'; at += strspn(at, " ")) {
        size_t size = strcspn(at, " ");
        if (!has_scope(c->client.scopes, at, size))
            return false;
        at += size;
    }
    (void)snprintf(c->scopes, sizeof c->scopes, "%s", asked);
    return true;
}

/* --- claims --- */

static json_t *claims_of(const cairn_oauth_call *c, const char *id, uint64_t now_ms)
{
    const cairn_oauth *oauth = c->oauth;
    const cairn_account *client = &c->client;
    uint64_t expires_s = (now_ms + oauth->options.token_life_ms) / 1000;
    return json_pack("{s:s,s:s,s:s,s:s,s:s,s:I,s:I,s:s,s:I}", "iss", oauth->issuer, "sub",
                     client->name, "aud", oauth->audience, "client_id", client->name, "jti", id,
                     "iat", (json_int_t)(now_ms / 1000), "exp", (json_int_t)expires_s, "scope",
                     c->scopes, "cairn_roles", (json_int_t)client->roles);
}

/* False when memory has ended. */
static bool add_own_claims(const cairn_oauth_call *c, json_t *claims)
{
    const cairn_account *client = &c->client;
    char text[65];
    bool good = true;
    if (client->tenant[0] != '\0')
        good &= json_object_set_new(claims, "cairn_tenant", json_string(client->tenant)) == 0;
    if (client->purpose[0] != '\0')
        good &= json_object_set_new(claims, "cairn_purpose", json_string(client->purpose)) == 0;
    if (client->has_organisation) {
        cairn_hex_encode(cairn_bytes_hash(&client->organisation), text);
        good &= json_object_set_new(claims, "cairn_organisation", json_string(text)) == 0;
    }
    if (c->has_certificate) { /* RFC 8705 section 3: bound to who asked for it */
        cairn_base64url_encode(cairn_bytes_hash(&c->certificate), text);
        good &= json_object_set_new(claims, "cnf", json_pack("{s:s}", "x5t#S256", text)) == 0;
    }
    return good;
}

static cairn_err write_claims(cairn_oauth_call *c, cairn_bytes *ret_claims)
{
    uint8_t random[TOKEN_ID_SIZE];
    char id[2 * TOKEN_ID_SIZE + 1];
    void *memory = NULL;
    if (RAND_bytes(random, sizeof random) != 1)
        return cairn_openssl_fail("random generator");
    cairn_hex_encode(cairn_bytes_of(random, sizeof random), id);
    CAIRN_CLEANUP(cairn_json_drop_p)
    json_t *claims = claims_of(c, id, cairn_clock_wall_ms(&c->oauth->options.clock));
    if (claims == NULL || !add_own_claims(c, claims))
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "token: claims");
    CAIRN_TRY(cairn_arena_alloc(c->call->arena, CLAIMS_SIZE_MAX, &memory));
    size_t size = json_dumpb(claims, memory, CLAIMS_SIZE_MAX, JSON_COMPACT);
    if (size == 0 || size > CLAIMS_SIZE_MAX)
        return CAIRN_FAIL(CAIRN_ERR_TOO_LARGE, "house", "token: claims of %zu bytes", size);
    *ret_claims = cairn_bytes_of(memory, size);
    return CAIRN_OK;
}

/* --- signing --- */

static cairn_err write_answer(cairn_oauth_call *c, cairn_bytes token, cairn_bytes *ret_json)
{
    void *memory = NULL;
    size_t room = token.size + CAIRN_SCOPES_SIZE_MAX + 128;
    CAIRN_TRY(cairn_arena_alloc(c->call->arena, room, &memory));
    cairn_text text = {memory, room, 0};
    /* Scopes hold neither quotes nor backslashes (RFC 6749 section 3.3). */
    cairn_text_printf(&text,
                      "{\"access_token\":\"%.*s\",\"token_type\":\"Bearer\",\"expires_in\":%u,"
                      "\"scope\":\"%s\"}",
                      (int)token.size, (const char *)token.data,
                      c->oauth->options.token_life_ms / 1000, c->scopes);
    CAIRN_ASSERT(cairn_text_whole(&text));
    *ret_json = cairn_bytes_of(memory, text.size);
    return CAIRN_OK;
}

static void on_signed(void *context, cairn_err err, cairn_bytes signature)
{
    cairn_oauth_call *c = context;
    cairn_bytes token = {0};
    cairn_bytes json = {0};
    if (err == CAIRN_OK)
        err = cairn_jws_assemble(c->call->arena, c->input, signature, &token);
    if (err == CAIRN_OK)
        err = write_answer(c, token, &json);
    if (err == CAIRN_OK)
        cairn_oauth_grant(c, json);
    else
        cairn_oauth_fail(c, err);
}

static cairn_err sign_token(cairn_oauth_call *c)
{
    CAIRN_CLEANUP(cairn_key_free_p) cairn_key *key = NULL;
    CAIRN_CLEANUP(cairn_jwk_free_p) cairn_jwk *jwk = NULL;
    cairn_bytes claims = {0};
    char name[65];
    cairn_oauth_signing_key(c->oauth, name);
    CAIRN_TRY(cairn_signer_public(c->oauth->options.signer, name, &key));
    CAIRN_TRY(cairn_jwk_of_key(key, NULL, &jwk));
    CAIRN_TRY(write_claims(c, &claims));
    CAIRN_TRY(cairn_jws_signing_input(c->call->arena, cairn_jose_alg_of(cairn_key_get_type(key)),
                                      cairn_jwk_kid(jwk), "at+jwt", claims, &c->input));
    return cairn_signer_sign_for(c->oauth->options.signer, CAIRN_SIGNER_FOR_NONE, name, c->input,
                                 on_signed, c);
}

void cairn_oauth_issue(cairn_oauth_call *c)
{
    const char *type = cairn_oauth_field(c, "grant_type");
    const char *resource = cairn_oauth_field(c, "resource"); /* RFC 8707 */
    if (type == NULL) {
        cairn_oauth_refuse(c, 400, "invalid_request", "grant_type_missing");
        return;
    }
    if (strcmp(type, "client_credentials") != 0) {
        cairn_oauth_refuse(c, 400, "unsupported_grant_type", "grant_type");
        return;
    }
    if (resource != NULL && strcmp(resource, c->oauth->audience) != 0) {
        cairn_oauth_refuse(c, 400, "invalid_target", "resource");
        return;
    }
    if (!choose_scopes(c)) {
        cairn_oauth_refuse(c, 400, "invalid_scope", "scope");
        return;
    }
    cairn_err err = sign_token(c);
    if (err != CAIRN_OK)
        cairn_oauth_fail(c, err);
}

/* --- reading --- */

static const char *check_claims(const cairn_oauth *oauth, const cairn_jwt *jwt)
{
    static const char *const types[] = {"at+jwt"};
    const char *const audiences[] = {oauth->audience};
    const cairn_jwt_rules rules = {.issuer = oauth->issuer,
                                   .audiences = audiences,
                                   .audience_count = 1,
                                   .types = types,
                                   .type_count = 1,
                                   .now_ms = cairn_clock_wall_ms(&oauth->options.clock),
                                   .life_ms_max = CAIRN_OAUTH_TOKEN_LIFE_MS_MAX};
    return cairn_jwt_refusal(jwt, &rules);
}

const char *cairn_oauth_check(cairn_oauth *oauth, const cairn_jwt *jwt)
{
    CAIRN_CLEANUP(cairn_jwk_set_free_p) cairn_jwk_set *set = cairn_oauth_keys(oauth);
    cairn_err err = cairn_jws_verify_by(&jwt->jws, set);
    bool revoked = false;
    if (jwt->jws.kid[0] == '\0' || err == CAIRN_ERR_NOT_FOUND)
        return "token_key_unknown";
    if (err != CAIRN_OK)
        return err == CAIRN_ERR_BAD_SIGNATURE ? "token_signature" : CAIRN_OAUTH_INTERNAL;
    const char *refusal = check_claims(oauth, jwt);
    if (refusal != NULL)
        return refusal;
    if (jwt->id == NULL)
        return "token_claims";
    if (cairn_oauth_is_revoked(oauth, jwt->id, &revoked) != CAIRN_OK)
        return CAIRN_OAUTH_INTERNAL;
    return revoked ? "token_revoked" : NULL;
}

const char *cairn_oauth_check_token(cairn_oauth *oauth, cairn_arena *arena, const char *token,
                                    cairn_jwt *ret_jwt)
{
    if (cairn_jwt_parse(arena, cairn_bytes_str(token), ret_jwt) != CAIRN_OK)
        return "token_malformed";
    return cairn_oauth_check(oauth, ret_jwt);
}

static bool copy_text(const char *in, char *out, size_t room)
{
    if (in == NULL)
        return true;
    if (strlen(in) >= room)
        return false;
    memcpy(out, in, strlen(in) + 1);
    return true;
}

static bool copy_claim(const cairn_jwt *jwt, const char *name, char *out, size_t room)
{
    const json_t *claim = json_object_get(jwt->json, name);
    return claim == NULL ||
           (json_is_string(claim) && copy_text(json_string_value(claim), out, room));
}

static bool read_organisation(const cairn_jwt *jwt, cairn_principal *principal)
{
    const char *text = json_string_value(json_object_get(jwt->json, "cairn_organisation"));
    if (text == NULL)
        return json_object_get(jwt->json, "cairn_organisation") == NULL;
    principal->has_organisation = true;
    return cairn_hex_decode(text, principal->organisation.b, sizeof principal->organisation.b) ==
           CAIRN_OK;
}

const char *cairn_oauth_principal(const cairn_jwt *jwt, cairn_principal *ret_principal)
{
    cairn_principal p = {.method = CAIRN_AUTH_BEARER, .expires_ms = jwt->expires_ms};
    json_int_t roles = json_integer_value(json_object_get(jwt->json, "cairn_roles"));
    bool good = roles >= 0 && roles <= UINT32_MAX &&
                copy_text(jwt->subject, p.subject, sizeof p.subject) &&
                copy_text(jwt->scope, p.scopes, sizeof p.scopes) &&
                copy_text(jwt->audience_count == 0 ? NULL : jwt->audiences[0], p.audience,
                          sizeof p.audience) &&
                copy_claim(jwt, "cairn_tenant", p.tenant, sizeof p.tenant) &&
                copy_claim(jwt, "cairn_purpose", p.purpose, sizeof p.purpose) &&
                cairn_scopes_are_valid(p.scopes) && read_organisation(jwt, &p);
    if (!good)
        return "token_claims";
    p.roles = (uint32_t)roles;
    *ret_principal = p;
    return NULL;
}

/* --- revoking and asking: a client's own tokens only --- */

static bool is_own(const cairn_oauth_call *c, const cairn_jwt *jwt)
{
    return jwt->client_id != NULL && strcmp(jwt->client_id, c->client.name) == 0;
}

/* RFC 7009 section 2.2: a token that does not hold, or is another's, is answered like one that was
 * revoked. */
void cairn_oauth_revoke(cairn_oauth_call *c)
{
    cairn_jwt jwt = {.json = NULL};
    const char *token = cairn_oauth_field(c, "token");
    cairn_err err = CAIRN_OK;
    if (token == NULL) {
        cairn_oauth_refuse(c, 400, "invalid_request", "token_missing");
        return;
    }
    bool holds = cairn_oauth_check_token(c->oauth, c->call->arena, token, &jwt) == NULL;
    if (holds && is_own(c, &jwt))
        err = cairn_accounts_revoke_token(c->oauth->options.accounts, cairn_bytes_str(jwt.id),
                                          jwt.expires_ms,
                                          cairn_clock_wall_ms(&c->oauth->options.clock));
    cairn_jwt_done(&jwt);
    if (err == CAIRN_OK)
        cairn_oauth_grant(c, cairn_bytes_str("{}"));
    else
        cairn_oauth_fail(c, err);
}

static cairn_err describe(cairn_oauth_call *c, const cairn_jwt *jwt, cairn_bytes *ret_json)
{
    void *memory = NULL;
    CAIRN_CLEANUP(cairn_json_drop_p) json_t *json = json_copy(jwt->json);
    if (json == NULL || json_object_set_new(json, "active", json_true()) != 0 ||
        json_object_set_new(json, "token_type", json_string("Bearer")) != 0)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "token: description");
    CAIRN_TRY(cairn_arena_alloc(c->call->arena, CLAIMS_SIZE_MAX, &memory));
    size_t size = json_dumpb(json, memory, CLAIMS_SIZE_MAX, JSON_COMPACT);
    if (size == 0 || size > CLAIMS_SIZE_MAX)
        return CAIRN_FAIL(CAIRN_ERR_TOO_LARGE, "house", "token: description");
    *ret_json = cairn_bytes_of(memory, size);
    return CAIRN_OK;
}

void cairn_oauth_introspect(cairn_oauth_call *c)
{
    cairn_jwt jwt = {.json = NULL};
    cairn_bytes json = cairn_bytes_str("{\"active\":false}");
    const char *token = cairn_oauth_field(c, "token");
    cairn_err err = CAIRN_OK;
    if (token == NULL) {
        cairn_oauth_refuse(c, 400, "invalid_request", "token_missing");
        return;
    }
    bool holds = cairn_oauth_check_token(c->oauth, c->call->arena, token, &jwt) == NULL;
    if (holds && is_own(c, &jwt))
        err = describe(c, &jwt, &json);
    cairn_jwt_done(&jwt);
    if (err == CAIRN_OK)
        cairn_oauth_answer(c, 200, json);
    else
        cairn_oauth_fail(c, err);
}
