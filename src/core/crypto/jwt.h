/* JSON Web Tokens: the claims that we read, and the rules by which a set of them is accepted.
 *
 * Each way to be refused has a name of its own, for the log; the answer to the caller is the same
 * for all. Source: RFC 7519, RFC 9068 (access tokens), RFC 7523 (client assertions), RFC 8705
 * (bound tokens). Any thread. */
#ifndef CAIRN_CORE_CRYPTO_JWT_H
#define CAIRN_CORE_CRYPTO_JWT_H

#include "core/crypto/jose.h"

enum {
    CAIRN_JWT_CLAIMS_SIZE_MAX = 8192, /* bytes of the decoded claims */
    CAIRN_JWT_AUDIENCES_MAX = 8,
    CAIRN_JWT_TEXT_SIZE_MAX = 1024, /* bytes of one text claim */
    CAIRN_JWT_SKEW_MS = 30 * 1000,  /* clocks may differ by so much */
};

/* Claims, not yet accepted. Texts live as long as `json`, NULL when absent; times in milliseconds
 * since 1970. */
typedef struct cairn_jwt {
    cairn_jws jws;
    json_t *json; /* the whole claims, for those that a mapping names */
    const char *issuer, *subject, *id, *client_id, *scope;
    const char *audiences[CAIRN_JWT_AUDIENCES_MAX];
    size_t audience_count;
    bool has_expiry, has_not_before, has_issued_at;
    uint64_t expires_ms, not_before_ms, issued_ms;
    bool is_bound; /* cnf.x5t#S256 */
    cairn_hash certificate;
} cairn_jwt;

/* Takes a token apart; nothing is verified. Errors of cairn_jws_parse and cairn_json_object;
 * WRONG_TYPE or BAD_VALUE for a claim that is not what its RFC says. Drop with cairn_jwt_done, also
 * after a failure. */
cairn_err cairn_jwt_parse(cairn_arena *arena, cairn_bytes compact,
                          cairn_jwt *ret_jwt) CAIRN_MUST_USE;
/* Takes an all-zero one. */
void cairn_jwt_done(cairn_jwt *jwt);

/* What a token must be. */
typedef struct cairn_jwt_rules {
    const char *issuer;
    const char *const *audiences; /* one of them */
    size_t audience_count;
    const char *const *types; /* accepted `typ`, one of them, "" for none; NULL: any */
    size_t type_count;
    uint64_t now_ms;
    uint64_t life_ms_max; /* from now to exp, and from iat to exp; 0: any */
} cairn_jwt_rules;

/* NULL when the claims are accepted, else the name of the rule that they break: "token_type",
 * "token_issuer", "token_audience", "token_expiry_missing", "token_expired",
 * "token_from_the_future", "token_life_too_long", "token_subject_missing". Static text. The
 * signature is not looked at. */
const char *cairn_jwt_refusal(const cairn_jwt *jwt, const cairn_jwt_rules *rules);

#endif
