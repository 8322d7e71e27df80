/* JSON Web Signatures as we take and make them: compact, one signature, asymmetric, and nothing
 * that lets the message choose how it is checked.
 *
 * `none`, HMAC, `crit`, a detached or unencoded payload and duplicate members are refused; key
 * material that a header brings along (jwk, jku, x5c, x5u) is never looked at. The algorithm must
 * be the one that the key is for. Sizes are bounded before anything is decoded.
 * Source: RFC 7515, RFC 7518, RFC 8037, RFC 8725 (best practices). Any thread. */
#ifndef CAIRN_CORE_CRYPTO_JOSE_H
#define CAIRN_CORE_CRYPTO_JOSE_H

#include <jansson.h>

#include "cairn/arena.h"
#include "core/crypto/jwk.h"

enum {
    CAIRN_JWS_SIZE_MAX = 12288,       /* bytes of a compact serialisation */
    CAIRN_JWS_KID_SIZE_MAX = 256,     /* bytes: room for a DID URL */
    CAIRN_JWS_HEADER_SIZE_MAX = 2048, /* bytes of the decoded header */
    CAIRN_JSON_DEPTH_MAX = 8,         /* nested arrays and objects */
};

/* A message taken apart, not yet verified. Views into the compact form or the arena. */
typedef struct cairn_jws {
    cairn_jose_alg alg;
    char kid[CAIRN_JWS_KID_SIZE_MAX + 1]; /* "" when absent */
    char typ[64];                         /* lower case, without "application/"; "" when absent */
    cairn_bytes signing_input;            /* header '.' payload, as sent */
    cairn_bytes payload;                  /* decoded */
    cairn_bytes signature;                /* decoded */
} cairn_jws;

/* One JSON object of at most `size_max` bytes and nothing after it: UTF-8, no duplicate members, no
 * NUL, nested at most CAIRN_JSON_DEPTH_MAX deep. `object` names it in a rejection. The caller drops
 * it with json_decref. TOO_LARGE, TOO_DEEP, DUPLICATE_KEY, BAD_VALUE, WRONG_TYPE, NO_MEMORY. */
cairn_err cairn_json_object(cairn_bytes text, size_t size_max, const char *object,
                            json_t **ret_json) CAIRN_MUST_USE;

static inline void cairn_json_drop_p(json_t **json)
{
    json_decref(*json);
}

/* Text of a member, at most `size_max` bytes; NULL when it is not there. WRONG_TYPE, TOO_LARGE. */
cairn_err cairn_json_text(const json_t *json, const char *object, const char *name, size_t size_max,
                          const char **ret_text) CAIRN_MUST_USE;

/* Takes a compact serialisation apart. BAD_ALGORITHM for an `alg` that is not ours, UNKNOWN_FIELD
 * for `crit` and `b64`, else the errors of base64url and JSON. */
cairn_err cairn_jws_parse(cairn_arena *arena, cairn_bytes compact,
                          cairn_jws *ret_jws) CAIRN_MUST_USE;
/* The same for messages that may be larger: at most `size_max` bytes. */
cairn_err cairn_jws_parse_within(cairn_arena *arena, cairn_bytes compact, size_t size_max,
                                 cairn_jws *ret_jws) CAIRN_MUST_USE;

/* BAD_ALGORITHM when the algorithm is not the key's, BAD_SIGNATURE when it does not verify. */
cairn_err cairn_jws_verify(const cairn_jws *jws, const cairn_jwk *key) CAIRN_MUST_USE;

/* By one of the keys of a set that it may be of. NOT_FOUND without a detail when there is none,
 * BAD_SIGNATURE when it verifies by none of them. */
cairn_err cairn_jws_verify_by(const cairn_jws *jws, const cairn_jwk_set *set) CAIRN_MUST_USE;

/* The first two parts with {"alg","kid","typ"} as the header, for the signer; and the whole once it
 * has signed. `alg` is the one of the signing key (cairn_jose_alg_of), `kid` and `typ` printable
 * ASCII without quotes. In the arena. */
cairn_err cairn_jws_signing_input(cairn_arena *arena, cairn_jose_alg alg, const char *kid,
                                  const char *typ, cairn_bytes payload,
                                  cairn_bytes *ret_input) CAIRN_MUST_USE;
cairn_err cairn_jws_assemble(cairn_arena *arena, cairn_bytes signing_input, cairn_bytes signature,
                             cairn_bytes *ret_compact) CAIRN_MUST_USE;

#endif
