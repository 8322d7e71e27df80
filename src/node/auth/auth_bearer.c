/* Access tokens: ours, and those of issuers that somebody has configured. */
#include <stdio.h>

#include "cairn/sha256.h"
#include "node/auth/auth_impl.h"

enum { ARENA_SIZE = 2 * CAIRN_JWS_SIZE_MAX + 4096, FOREIGN_LIFE_MS_MAX = 24 * 60 * 60 * 1000 };

/* --- ours --- */

static cairn_auth_result by_own(const cairn_auth *auth, const cairn_jwt *jwt)
{
    cairn_auth_result result = {.verdict = CAIRN_AUTH_FOUND};
    const char *reason = cairn_oauth_check(auth->options.oauth, jwt);
    if (reason == NULL)
        reason = cairn_oauth_principal(jwt, &result.principal);
    const char *audience = auth->options.audience;
    if (reason == NULL && audience != NULL && strcmp(result.principal.audience, audience) != 0)
        reason = "token_audience";
    return reason == NULL ? result : cairn_auth_refused(reason);
}

/* --- those of others --- */

/* The issuer's name for the caller may be a person's, and is any text: what we go by is its hash,
 * which no name of ours collides with. */
static void name_foreign(const cairn_jwt *jwt, char ret_subject[CAIRN_SUBJECT_SIZE_MAX + 1])
{
    static const char prefix[] = "foreign:";
    cairn_hash hash;
    const cairn_bytes parts[] = {cairn_bytes_of(jwt->issuer, strlen(jwt->issuer) + 1),
                                 cairn_bytes_str(jwt->subject)};
    cairn_sha256_parts(parts, 2, &hash);
    memcpy(ret_subject, prefix, sizeof prefix - 1);
    cairn_base64url_encode(cairn_bytes_hash(&hash), ret_subject + sizeof prefix - 1);
}

static bool list_has(const char *scopes, const char *word, size_t size)
{
    for (const char *at = scopes; *at != '\0'; at += strspn(at, " ")) {
        size_t length = strcspn(at, " ");
        if (length == size && memcmp(at, word, size) == 0)
            return true;
        at += length;
    }
    return false;
}

/* Adds those words of `text` that the mapping allows and that are not there yet. */
static void add_scopes(const cairn_issuer *issuer, const char *text, cairn_principal *principal)
{
    for (const char *at = text + strspn(text, " "); *at != '\0'; at += strspn(at, " ")) {
        size_t size = strcspn(at, " ");
        size_t used = strlen(principal->scopes);
        if (list_has(issuer->scopes, at, size) && !list_has(principal->scopes, at, size))
            (void)snprintf(principal->scopes + used, sizeof principal->scopes - used, "%s%.*s",
                           used == 0 ? "" : " ", (int)size, at);
        at += size;
    }
}

/* A text with blanks or an array of texts. */
static void map_scopes(const cairn_issuer *issuer, const cairn_jwt *jwt, cairn_principal *principal)
{
    const json_t *claim = json_object_get(jwt->json, issuer->scope_claim);
    if (json_is_string(claim))
        add_scopes(issuer, json_string_value(claim), principal);
    for (size_t i = 0; i < json_array_size(claim); i++)
        if (json_is_string(json_array_get(claim, i)))
            add_scopes(issuer, json_string_value(json_array_get(claim, i)), principal);
}

static cairn_principal map_foreign(const cairn_issuer *issuer, const cairn_jwt *jwt)
{
    cairn_principal p = {.method = CAIRN_AUTH_BEARER,
                         .has_organisation = issuer->has_organisation,
                         .organisation = issuer->organisation,
                         .roles = issuer->roles,
                         .expires_ms = jwt->expires_ms};
    (void)snprintf(p.tenant, sizeof p.tenant, "%s", issuer->tenant);
    (void)snprintf(p.audience, sizeof p.audience, "%s", issuer->audience);
    name_foreign(jwt, p.subject);
    map_scopes(issuer, jwt, &p);
    return p;
}

static const char *check_foreign(const cairn_auth *auth, const cairn_issuer *issuer,
                                 const cairn_jwk_set *set, const cairn_jwt *jwt)
{
    static const char *const types[] = {"", "jwt", "at+jwt"};
    const char *const audiences[] = {issuer->audience};
    const cairn_jwt_rules rules = {.issuer = issuer->issuer,
                                   .audiences = audiences,
                                   .audience_count = 1,
                                   .types = types,
                                   .type_count = 3,
                                   .now_ms = cairn_clock_wall_ms(&auth->options.clock),
                                   .life_ms_max = FOREIGN_LIFE_MS_MAX};
    const cairn_jwk *key = cairn_jwk_set_find(set, jwt->jws.kid, jwt->jws.alg);
    if (key == NULL) {
        cairn_issuers_missed(auth->options.issuers, issuer);
        return cairn_auth_reason_TOKEN_KEY;
    }
    if (cairn_jws_verify(&jwt->jws, key) != CAIRN_OK)
        return cairn_auth_reason_TOKEN_SIGNATURE;
    return cairn_jwt_refusal(jwt, &rules);
}

static cairn_auth_result by_foreign(const cairn_auth *auth, const cairn_issuer *issuer,
                                    const cairn_jwt *jwt)
{
    CAIRN_CLEANUP(cairn_jwk_set_free_p)
    cairn_jwk_set *set = cairn_issuers_keys(auth->options.issuers, issuer);
    if (set == NULL)
        return cairn_auth_unavailable(cairn_auth_reason_TOKEN_KEYS);
    const char *reason = check_foreign(auth, issuer, set, jwt);
    if (reason != NULL)
        return cairn_auth_refused(reason);
    return (cairn_auth_result){.verdict = CAIRN_AUTH_FOUND, .principal = map_foreign(issuer, jwt)};
}

/* --- whose --- */

static cairn_auth_result by_issuer(const cairn_auth *auth, const cairn_jwt *jwt)
{
    const cairn_auth_options *o = &auth->options;
    const char *iss = jwt->issuer == NULL ? "" : jwt->issuer;
    if (o->oauth != NULL && strcmp(iss, cairn_oauth_issuer(o->oauth)) == 0)
        return by_own(auth, jwt);
    const cairn_issuer *issuer = o->issuers == NULL ? NULL : cairn_issuers_find(o->issuers, iss);
    if (issuer == NULL)
        return cairn_auth_refused(cairn_auth_reason_TOKEN_ISSUER);
    return by_foreign(auth, issuer, jwt);
}

/* RFC 8705 section 3: a bound token is good only on a connection of whom it was given to. */
static bool binding_holds(const cairn_jwt *jwt, cairn_bytes certificate)
{
    cairn_hash hash;
    if (!jwt->is_bound)
        return true;
    if (certificate.size == 0)
        return false;
    cairn_sha256_of(certificate.data, certificate.size, &hash);
    return cairn_hash_equal(&hash, &jwt->certificate);
}

cairn_auth_result cairn_auth_bearer(const cairn_auth *auth, cairn_bytes token,
                                    cairn_bytes certificate)
{
    CAIRN_CLEANUP(cairn_arena_done) cairn_arena arena;
    cairn_jwt jwt;
    cairn_auth_result result = cairn_auth_refused(cairn_auth_reason_TOKEN_FORM);
    cairn_arena_init(&arena, ARENA_SIZE);
    cairn_err err = cairn_jwt_parse(&arena, token, &jwt);
    if (err == CAIRN_OK)
        result = by_issuer(auth, &jwt);
    else if (err == CAIRN_ERR_BAD_ALGORITHM)
        result = cairn_auth_refused(cairn_auth_reason_TOKEN_ALGORITHM);
    else if (err == CAIRN_ERR_NO_MEMORY)
        result = cairn_auth_unavailable(cairn_auth_reason_INTERNAL);
    if (result.verdict == CAIRN_AUTH_FOUND && !binding_holds(&jwt, certificate))
        result = cairn_auth_refused(cairn_auth_reason_TOKEN_BINDING);
    cairn_jwt_done(&jwt);
    return result;
}
