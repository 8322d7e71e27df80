/* Access tokens: ours, and those of issuers that somebody has configured. What was verified is
 * remembered; the rest is verified on other threads, since a loop that did would serve nobody else.
 */
#include <stdio.h>
#include <stdlib.h>

#include "cairn/sha256.h"
#include "node/auth/auth_impl.h"

enum { ARENA_SIZE = 2 * CAIRN_JWS_SIZE_MAX + 4096, FOREIGN_LIFE_MS_MAX = 24 * 60 * 60 * 1000 };

/* --- ours --- */

static const char *check_own(const cairn_auth *auth, const cairn_jwt *jwt, cairn_token_facts *facts)
{
    cairn_principal *principal = &facts->principal;
    const char *audience = auth->options.audience;
    const char *reason = cairn_oauth_check(auth->options.oauth, jwt);
    if (reason == NULL)
        reason = cairn_oauth_principal(jwt, principal);
    if (reason == NULL && audience != NULL && strcmp(principal->audience, audience) != 0)
        reason = "token_audience";
    if (reason == NULL)
        (void)snprintf(facts->id, sizeof facts->id, "%s", jwt->id);
    return reason;
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
    cairn_err err = cairn_jws_verify_by(&jwt->jws, set);
    /* An issuer that names no key may have a new one. */
    if (err == CAIRN_ERR_NOT_FOUND || (err == CAIRN_ERR_BAD_SIGNATURE && jwt->jws.kid[0] == '\0'))
        cairn_issuers_missed(auth->options.issuers, issuer);
    if (err == CAIRN_ERR_NOT_FOUND)
        return cairn_auth_reason_TOKEN_KEY;
    if (err != CAIRN_OK)
        return err == CAIRN_ERR_BAD_SIGNATURE ? cairn_auth_reason_TOKEN_SIGNATURE
                                              : cairn_auth_reason_INTERNAL;
    return cairn_jwt_refusal(jwt, &rules);
}

/* --- whose --- */

/* The keys by which tokens of that issuer, or ours, hold now; NULL when there are none. */
static cairn_jwk_set *keys_of(const cairn_auth *auth, const cairn_issuer *issuer)
{
    return issuer == NULL ? cairn_oauth_keys(auth->options.oauth)
                          : cairn_issuers_keys(auth->options.issuers, issuer);
}

static const char *check_by_issuer(const cairn_auth *auth, const cairn_jwt *jwt,
                                   cairn_token_facts *facts)
{
    const cairn_auth_options *o = &auth->options;
    const char *iss = jwt->issuer == NULL ? "" : jwt->issuer;
    bool own = o->oauth != NULL && strcmp(iss, cairn_oauth_issuer(o->oauth)) == 0;
    if (!own && o->issuers != NULL)
        facts->issuer = cairn_issuers_find(o->issuers, iss);
    if (!own && facts->issuer == NULL)
        return cairn_auth_reason_TOKEN_ISSUER;
    CAIRN_CLEANUP(cairn_jwk_set_free_p) cairn_jwk_set *set = keys_of(auth, facts->issuer);
    if (set == NULL)
        return cairn_auth_reason_TOKEN_KEYS;
    facts->keys = cairn_jwk_set_serial(set); /* taken first: newer ones make it void */
    if (own)
        return check_own(auth, jwt, facts);
    const char *reason = check_foreign(auth, facts->issuer, set, jwt);
    if (reason == NULL)
        facts->principal = map_foreign(facts->issuer, jwt);
    return reason;
}

static const char *check_token(const cairn_auth *auth, const cairn_jwt *jwt,
                               cairn_token_facts *facts)
{
    const char *reason = check_by_issuer(auth, jwt, facts);
    if (reason != NULL)
        return reason;
    facts->checked_ms = cairn_clock_wall_ms(&auth->options.clock);
    facts->until_ms = jwt->expires_ms + CAIRN_JWT_SKEW_MS;
    facts->is_bound = jwt->is_bound;
    facts->certificate = jwt->certificate;
    return NULL;
}

/* What the token says, or why it is refused. */
static const char *read_token(const cairn_auth *auth, cairn_bytes token, cairn_token_facts *facts)
{
    CAIRN_CLEANUP(cairn_arena_done) cairn_arena arena;
    cairn_jwt jwt;
    const char *reason = cairn_auth_reason_TOKEN_FORM;
    cairn_arena_init(&arena, ARENA_SIZE);
    cairn_err err = cairn_jwt_parse(&arena, token, &jwt);
    if (err == CAIRN_OK)
        reason = check_token(auth, &jwt, facts);
    else if (err == CAIRN_ERR_BAD_ALGORITHM)
        reason = cairn_auth_reason_TOKEN_ALGORITHM;
    else if (err == CAIRN_ERR_NO_MEMORY)
        reason = cairn_auth_reason_INTERNAL;
    cairn_jwt_done(&jwt);
    return reason;
}

static cairn_auth_result answer_for(const char *reason)
{
    bool ours = strcmp(reason, cairn_auth_reason_INTERNAL) == 0 ||
                strcmp(reason, cairn_auth_reason_TOKEN_KEYS) == 0;
    return ours ? cairn_auth_unavailable(reason) : cairn_auth_refused(reason);
}

/* --- what is looked at with each call --- */

/* RFC 8705 section 3: a bound token is good only on a connection of whom it was given to. */
static bool binding_holds(const cairn_token_facts *facts, cairn_bytes certificate)
{
    cairn_hash hash;
    if (!facts->is_bound)
        return true;
    if (certificate.size == 0)
        return false;
    cairn_sha256_of(certificate.data, certificate.size, &hash);
    return cairn_hash_equal(&hash, &facts->certificate);
}

static cairn_auth_result by_facts(const cairn_auth *auth, const cairn_token_facts *facts,
                                  cairn_bytes certificate)
{
    return binding_holds(facts, certificate) ? cairn_auth_settle(auth, &facts->principal)
                                             : cairn_auth_refused(cairn_auth_reason_TOKEN_BINDING);
}

/* False when it must be verified anew. */
static bool recall(const cairn_auth *auth, const cairn_hash *token, cairn_bytes certificate,
                   cairn_auth_result *ret_result)
{
    cairn_token_facts facts;
    bool revoked = false;
    if (!cairn_tokens_recall(auth->tokens, token, cairn_clock_wall_ms(&auth->options.clock),
                             &facts))
        return false;
    CAIRN_CLEANUP(cairn_jwk_set_free_p) cairn_jwk_set *set = keys_of(auth, facts.issuer);
    if (set == NULL || cairn_jwk_set_serial(set) != facts.keys)
        return false;
    if (facts.issuer == NULL &&
        cairn_oauth_is_revoked(auth->options.oauth, facts.id, &revoked) != CAIRN_OK)
        *ret_result = cairn_auth_unavailable(cairn_auth_reason_INTERNAL);
    else if (revoked)
        *ret_result = cairn_auth_refused(cairn_auth_reason_TOKEN_REVOKED);
    else
        *ret_result = by_facts(auth, &facts, certificate);
    return true;
}

/* --- verifying, on another thread --- */

typedef struct check {
    const cairn_auth *auth;
    cairn_bytes token, certificate;
    cairn_hash hash; /* of the token */
    cairn_auth_done_fn done;
    void *done_context;
} check;

static bool may_be_remembered(const cairn_token_facts *facts)
{
    return strlen(facts->id) < sizeof facts->id - 1; /* whole */
}

static cairn_auth_result verify(const check *c)
{
    cairn_token_facts facts = {.issuer = NULL};
    const char *reason = read_token(c->auth, c->token, &facts);
    if (reason != NULL)
        return answer_for(reason);
    if (may_be_remembered(&facts))
        cairn_tokens_remember(c->auth->tokens, &c->hash, &facts);
    return by_facts(c->auth, &facts, c->certificate);
}

static void run_check(void *context)
{
    const check c = *(check *)context;
    free(context);
    const cairn_auth_result result = verify(&c);
    c.done(c.done_context, &result);
}

static cairn_err push(const check *c)
{
    check *copy = malloc(sizeof *copy);
    if (copy == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "token: a check");
    *copy = *c;
    cairn_err err = cairn_work_push(c->auth->work, run_check, copy);
    if (err != CAIRN_OK)
        free(copy);
    return err;
}

void cairn_auth_bearer(const cairn_auth *auth, cairn_bytes token, cairn_bytes certificate,
                       cairn_auth_done_fn done, void *done_context)
{
    check c = {auth, token, certificate, {{0}}, done, done_context};
    cairn_auth_result result;
    cairn_sha256_of(token.data, token.size, &c.hash);
    if (!recall(auth, &c.hash, certificate, &result)) {
        cairn_err err = CAIRN_OK;
        if (auth->work == NULL)
            result = verify(&c);
        else
            err = push(&c);
        if (auth->work != NULL && err == CAIRN_OK)
            return; /* `done` is called, or was */
        if (err != CAIRN_OK)
            result = cairn_auth_unavailable(err == CAIRN_ERR_BUSY ? cairn_auth_reason_TOKEN_BUSY
                                                                  : cairn_auth_reason_INTERNAL);
    }
    done(done_context, &result);
}
