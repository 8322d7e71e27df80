/* Public keys of JOSE: JSON Web Keys and sets of them.
 *
 * A key is immutable and shared by references. RSA is here only to verify what foreign issuers
 * sign: 2048 to 8192 bits, an odd exponent from 65537. Symmetric and private keys are refused.
 * Source: RFC 7517, RFC 7518 section 6, RFC 7638, RFC 8037. Any thread. */
#ifndef CAIRN_CORE_CRYPTO_JWK_H
#define CAIRN_CORE_CRYPTO_JWK_H

#include <openssl/evp.h>

#include "cairn/key.h"
#include "core/codec/base64url.h"

enum {
    CAIRN_JWK_KID_SIZE_MAX = 128,     /* bytes */
    CAIRN_JWK_SIZE_MAX = 4096,        /* bytes of one key as JSON */
    CAIRN_JWK_SET_SIZE_MAX = 1 << 17, /* bytes of a set as JSON */
    CAIRN_JWK_SET_COUNT_MAX = 64,     /* keys of a set */
    CAIRN_JWK_TRIES_MAX = 4,          /* keys that one signature is tried with */
    CAIRN_JWK_RSA_BITS_MIN = 2048,
    CAIRN_JWK_RSA_BITS_MAX = 8192,
};

typedef enum cairn_jose_alg {
    CAIRN_JOSE_ES256,
    CAIRN_JOSE_ES384,
    CAIRN_JOSE_EDDSA,
    CAIRN_JOSE_RS256, /* verified only, for foreign issuers */
    CAIRN_JOSE_PS256, /* the same */
    CAIRN_JOSE_ALG_COUNT
} cairn_jose_alg;

const char *cairn_jose_alg_name(cairn_jose_alg alg);
/* BAD_ALGORITHM for any other name: "none", "HS256" and so on. Case counts. */
cairn_err cairn_jose_alg_find(const char *name, cairn_jose_alg *ret_alg) CAIRN_MUST_USE;
/* The algorithm that keys of a type sign with. */
cairn_jose_alg cairn_jose_alg_of(cairn_key_type type);

typedef struct cairn_jwk cairn_jwk;

/* One key from JSON. BAD_KEY for a private or symmetric key, for one of another type or curve, and
 * for one whose `use`, `key_ops` or `alg` forbid to verify with it. */
cairn_err cairn_jwk_parse(cairn_bytes json, cairn_jwk **ret_jwk) CAIRN_MUST_USE;
/* The same from a key of ours (a reference is taken); its kid is its thumbprint, or `kid`. */
cairn_err cairn_jwk_of_key(cairn_key *key, const char *kid, cairn_jwk **ret_jwk) CAIRN_MUST_USE;
cairn_jwk *cairn_jwk_ref(cairn_jwk *jwk);
/* Takes NULL. */
void cairn_jwk_free(cairn_jwk *jwk);
CAIRN_DEFINE_CLEANUP(cairn_jwk, cairn_jwk_free)

/* "" when the key names none. Valid as long as the key. */
const char *cairn_jwk_kid(const cairn_jwk *jwk);
/* RFC 7638, SHA-256: over the required members, whatever else the JSON held. */
const cairn_hash *cairn_jwk_thumbprint(const cairn_jwk *jwk);
/* True when the key may verify signatures of `alg`. */
bool cairn_jwk_fits(const cairn_jwk *jwk, cairn_jose_alg alg);
/* BAD_ALGORITHM unless it fits; BAD_SIGNATURE. */
cairn_err cairn_jwk_verify(const cairn_jwk *jwk, cairn_jose_alg alg, cairn_bytes message,
                           cairn_bytes signature) CAIRN_MUST_USE;
/* The public key as JSON with kty, crv, x, y, kid, alg and use. In the arena. */
cairn_err cairn_jwk_write(cairn_arena *arena, const cairn_jwk *jwk,
                          cairn_bytes *ret_json) CAIRN_MUST_USE;

/* A set, immutable and shared by references. */
typedef struct cairn_jwk_set cairn_jwk_set;

typedef enum cairn_jwk_set_kind {
    CAIRN_JWK_SET_STRICT,  /* registered with us: every key must be usable */
    CAIRN_JWK_SET_FOREIGN, /* published by an issuer: what we cannot use is left out (RFC 7517
                              section 5) */
} cairn_jwk_set_kind;

/* {"keys":[…]}. TOO_MANY beyond 64 keys; from a strict set BAD_KEY, and DUPLICATE_KEY for two keys
 * with the same name and algorithm; else as cairn_json_object. A foreign set may turn out empty. */
cairn_err cairn_jwk_set_parse(cairn_bytes json, cairn_jwk_set_kind kind,
                              cairn_jwk_set **ret_set) CAIRN_MUST_USE;
cairn_jwk_set *cairn_jwk_set_ref(cairn_jwk_set *set);
/* Takes NULL. */
void cairn_jwk_set_free(cairn_jwk_set *set);
CAIRN_DEFINE_CLEANUP(cairn_jwk_set, cairn_jwk_set_free)
size_t cairn_jwk_set_count(const cairn_jwk_set *set);
/* Lives as long as the set. */
const cairn_jwk *cairn_jwk_set_at(const cairn_jwk_set *set, size_t index);
/* A number that no other set of this process has: what was verified by a set is by the same set as
 * long as the number is. */
uint64_t cairn_jwk_set_serial(const cairn_jwk_set *set);

/* The keys that a signature may be of: those named `kid` that fit `alg`, or with an empty `kid` all
 * that fit. Their count; 0 when there is none or more than CAIRN_JWK_TRIES_MAX, since each one
 * costs a verification and a stranger chooses the token. They live as long as the set. */
size_t cairn_jwk_set_find(const cairn_jwk_set *set, const char *kid, cairn_jose_alg alg,
                          const cairn_jwk *ret_keys[CAIRN_JWK_TRIES_MAX]);

#endif
