/* What the files of the key share: its inside, the facts of each type, signature encodings. */
#ifndef CAIRN_CORE_CRYPTO_KEY_IMPL_H
#define CAIRN_CORE_CRYPTO_KEY_IMPL_H

#include <openssl/evp.h>

#include "cairn/key.h"

enum {
    KEY_FIELD_SIZE_MAX = 48,     /* bytes of a coordinate, a scalar or a seed */
    KEY_POINT_SIZE_MAX = 96,     /* bytes of x ‖ y */
    KEY_DER_SIGNATURE_MAX = 104, /* bytes of a P-384 ECDSA-Sig-Value */
};

/* Immutable after key_wrap; the contexts are prototypes that each operation copies, so that none
 * of them fetches an algorithm (a copy costs 0.1 µs, a fetch 1.5 µs and a lock). */
struct cairn_key {
    unsigned references; /* atomic */
    cairn_key_type type;
    bool is_private;
    uint8_t point[KEY_POINT_SIZE_MAX];
    cairn_hash id;
    EVP_PKEY *pkey;
    EVP_PKEY_CTX *verify;  /* EC */
    EVP_PKEY_CTX *sign;    /* EC, private */
    EVP_MD_CTX *md_verify; /* Ed25519 */
    EVP_MD_CTX *md_sign;   /* Ed25519, private */
};

typedef struct cairn_key_facts {
    cairn_alg alg;
    int64_t kty; /* COSE key type and curve (RFC 9053 section 7) */
    int64_t crv;
    size_t field_size; /* bytes of a coordinate, a scalar or a seed */
    size_t point_size;
    const char *name; /* OpenSSL's name of the curve */
} cairn_key_facts;

const cairn_key_facts *cairn_key_facts_of(cairn_key_type type);

static inline bool cairn_key_type_is_ec(cairn_key_type type)
{
    return type != CAIRN_KEY_ED25519;
}

/* OpenSSL's public key of a point that the checks above it let pass. BAD_KEY when off the curve. */
cairn_err cairn_key_pkey_of_point(cairn_key_type type, cairn_bytes point,
                                  EVP_PKEY **ret_pkey) CAIRN_MUST_USE;
/* Same with the private part. BAD_KEY when the scalar is 0 or not below the group order. */
cairn_err cairn_key_pkey_of_secret(cairn_key_type type, cairn_bytes secret,
                                   EVP_PKEY **ret_pkey) CAIRN_MUST_USE;
/* x ‖ y or the 32 bytes. */
cairn_err cairn_key_pkey_point(cairn_key_type type, const EVP_PKEY *pkey,
                               uint8_t ret_point[KEY_POINT_SIZE_MAX]) CAIRN_MUST_USE;
/* The big-endian scalar or the seed, field_size bytes; the caller wipes them. */
cairn_err cairn_key_pkey_secret(cairn_key_type type, const EVP_PKEY *pkey,
                                uint8_t ret_secret[KEY_FIELD_SIZE_MAX]) CAIRN_MUST_USE;

/* The digest that the EC algorithm of `type` signs: SHA-256 or SHA-384, as large as a coordinate.
 */
cairn_err cairn_key_digest(cairn_key_type type, cairn_bytes message,
                           uint8_t ret_digest[KEY_FIELD_SIZE_MAX]) CAIRN_MUST_USE;

/* BAD_KEY unless `point` is the canonical encoding (RFC 8032 section 5.1.3) of a point on the curve
 * whose order is not 1, 2, 4 or 8. */
cairn_err cairn_ed25519_check_point(cairn_bytes point) CAIRN_MUST_USE;

/* A SubjectPublicKeyInfo (RFC 5480, RFC 8410) has one DER form per type: what stands before the
 * point, and the point (the form octet 04 of EC keys belongs to the prefix). False for any other.
 */
cairn_bytes cairn_key_spki_prefix(cairn_key_type type);
bool cairn_key_split_spki(cairn_bytes spki, cairn_key_type *ret_type, cairn_bytes *ret_point);

/* A PKCS#8 private key in parts, as views into its DER. `point` is empty when it is not there. */
typedef struct cairn_pkcs8 {
    cairn_key_type type;
    cairn_bytes secret; /* field_size bytes */
    cairn_bytes point;
} cairn_pkcs8;

/* BAD_KEY for anything but DER of an unencrypted key of our types, with a named curve and an
 * uncompressed point or none. Whether the parts fit is not checked here. */
cairn_err cairn_pkcs8_parse(cairn_bytes der, cairn_pkcs8 *ret_key) CAIRN_MUST_USE;

/* ECDSA-Sig-Value (RFC 3279 section 2.2.3) from r ‖ s and back. Strict: shortest lengths and
 * integers, none negative, nothing after it; BAD_SIGNATURE otherwise. `half` is the size of r. */
size_t cairn_signature_to_der(const uint8_t *signature, size_t half,
                              uint8_t ret_der[KEY_DER_SIGNATURE_MAX]);
cairn_err cairn_signature_from_der(cairn_bytes der, size_t half,
                                   uint8_t ret_signature[CAIRN_SIGNATURE_SIZE_MAX]) CAIRN_MUST_USE;
/* Replaces s by n - s when s is above half the order n. Signature size is the type's. */
void cairn_signature_make_low(cairn_key_type type, uint8_t *signature);

#endif
