/* Public and private keys, their encodings, and what OpenSSL does with them.
 *
 * A key is immutable after it is made and may be used by many threads at once. Identity is the RFC
 * 9679 thumbprint (SHA-256 over the required COSE_Key members): the same key has the same id
 * everywhere. Sources: RFC 9052/9053 (COSE_Key), RFC 9679 (thumbprint), RFC 8032 (Ed25519), SEC 1 /
 * FIPS 186-4. */
#ifndef CAIRN_KEY_H
#define CAIRN_KEY_H

#include "cairn/arena.h"
#include "cairn/bytes.h"

typedef enum cairn_alg { /* COSE algorithm numbers (IANA) */
                         CAIRN_ALG_ES256 = -7,
                         CAIRN_ALG_EDDSA = -8,
                         CAIRN_ALG_ES384 = -35,
} cairn_alg;

typedef enum cairn_key_type {
    CAIRN_KEY_P256,
    CAIRN_KEY_P384,
    CAIRN_KEY_ED25519,
} cairn_key_type;

enum {
    CAIRN_SIGNATURE_SIZE_MAX = 96, /* bytes: P-384 r ‖ s */
    CAIRN_COSE_KEY_SIZE_MAX = 128, /* bytes of an encoded public COSE_Key of the types above */
};

typedef struct cairn_key cairn_key;

/* A fresh private key from OpenSSL's generator. */
cairn_err cairn_key_generate(cairn_key_type type, cairn_key **ret_key) CAIRN_MUST_USE;

/* Takes and drops a reference. Both take NULL. */
cairn_key *cairn_key_ref(cairn_key *key);
void cairn_key_free(cairn_key *key);
CAIRN_DEFINE_CLEANUP(cairn_key, cairn_key_free)

/* PEM: PKCS#8 private or SubjectPublicKeyInfo public, one object and nothing else. BAD_KEY names
 * what is wrong. The text of a private key is the caller's to wipe. */
cairn_err cairn_key_from_pem(cairn_bytes pem, cairn_key **ret_key) CAIRN_MUST_USE;
cairn_err cairn_key_to_pem(const cairn_key *key, bool private_part, cairn_arena *arena,
                           cairn_bytes *ret_pem) CAIRN_MUST_USE;

/* Public COSE_Key with exactly {1: kty, -1: crv, -2: x, -3: y} (y as bytes) or {1: 1, -1: 6, -2:
 * x}, strict CBOR. Points off the curve, at infinity and Ed25519 keys of small order give BAD_KEY.
 */
cairn_err cairn_key_from_cose(cairn_bytes cose_key, cairn_key **ret_key) CAIRN_MUST_USE;
cairn_err cairn_key_to_cose(const cairn_key *key, uint8_t ret_out[CAIRN_COSE_KEY_SIZE_MAX],
                            size_t *ret_size) CAIRN_MUST_USE;

/* From raw parts: x ‖ y for P-256 and P-384, 32 bytes for Ed25519. */
cairn_err cairn_key_from_public(cairn_key_type type, cairn_bytes point,
                                cairn_key **ret_key) CAIRN_MUST_USE;
/* 32 bytes of an Ed25519 seed, or the big-endian private scalar of an EC key (vectors, tests). */
cairn_err cairn_key_from_private(cairn_key_type type, cairn_bytes secret,
                                 cairn_key **ret_key) CAIRN_MUST_USE;
/* x ‖ y or the 32 bytes; a view that lives as long as the key. */
cairn_bytes cairn_key_public(const cairn_key *key);

cairn_key_type cairn_key_get_type(const cairn_key *key);
cairn_alg cairn_key_alg(const cairn_key *key);
bool cairn_key_is_private(const cairn_key *key);
const cairn_hash *cairn_key_id(const cairn_key *key);

/* Signs `message` (hashed inside as the algorithm says). EC signatures are r ‖ s with the low s. */
cairn_err cairn_key_sign(const cairn_key *key, cairn_bytes message,
                         uint8_t ret_signature[CAIRN_SIGNATURE_SIZE_MAX],
                         size_t *ret_size) CAIRN_MUST_USE;

/* BAD_SIGNATURE when it does not verify or has the wrong size. A high s is accepted here: see
 * cairn_signature_low_s. */
cairn_err cairn_key_verify(const cairn_key *key, cairn_bytes message,
                           cairn_bytes signature) CAIRN_MUST_USE;

/* True when the s half of a P-256 signature r ‖ s (64 bytes) is at most half the group order. */
bool cairn_signature_low_s(cairn_bytes signature);

#endif
