/* PublicKey of FDO: [type, encoding, body]. The bytes as received stay with it, because hashes and
 * comparisons are over them. Source: FDO 1.1 section 3.3.4; docs/formats/fdo.md. */
#ifndef CAIRN_ONBOARD_FDO_KEY_H
#define CAIRN_ONBOARD_FDO_KEY_H

#include "cairn/cose.h"
#include "onboard/wire/fdo_hash.h"

typedef enum cairn_fdo_key_type {
    CAIRN_FDO_KEY_RSA2048RESTR = 1,
    CAIRN_FDO_KEY_RSAPKCS = 5,
    CAIRN_FDO_KEY_RSAPSS = 6,
    CAIRN_FDO_KEY_P256 = 10,
    CAIRN_FDO_KEY_P384 = 11,
} cairn_fdo_key_type;

typedef enum cairn_fdo_key_encoding {
    CAIRN_FDO_KEY_CRYPTO = 0,
    CAIRN_FDO_KEY_X509 = 1, /* SubjectPublicKeyInfo */
    CAIRN_FDO_KEY_X5CHAIN = 2,
    CAIRN_FDO_KEY_COSE = 3,
} cairn_fdo_key_encoding;

enum { CAIRN_FDO_KEY_SIZE_MAX = 1 << 14 }; /* bytes of one encoded key, chain and all */

typedef struct cairn_fdo_key cairn_fdo_key; /* immutable, counted; any thread */

/* Reads one PublicKey item; the key keeps a copy of its bytes. BAD_KEY (a point off its curve, RSA
 * below 2,048 or above 4,096 bits, a type that is not the body's), BAD_ALGORITHM for other types,
 * NOT_IMPLEMENTED for an encoding that is not read for this type, TOO_LARGE; as cbor.h. */
cairn_err cairn_fdo_key_read(cairn_cbor_reader *reader, const char *field,
                             cairn_fdo_key **ret_key) CAIRN_MUST_USE;
/* Of a P-256 or P-384 key, in the encoding X509 (what every peer reads) or COSE. */
cairn_err cairn_fdo_key_of(const cairn_key *key, cairn_fdo_key_encoding encoding,
                           cairn_fdo_key **ret_key) CAIRN_MUST_USE;
cairn_fdo_key *cairn_fdo_key_ref(cairn_fdo_key *key);
void cairn_fdo_key_free(cairn_fdo_key *key);
CAIRN_DEFINE_CLEANUP(cairn_fdo_key, cairn_fdo_key_free)

cairn_fdo_key_type cairn_fdo_key_get_type(const cairn_fdo_key *key);
unsigned cairn_fdo_key_bits(const cairn_fdo_key *key); /* 256, 384, or of the RSA modulus */
/* The hash that goes with it: SHA-256, or SHA-384 for P-384 and RSA above 2,048 bits. */
int64_t cairn_fdo_key_hash_alg(const cairn_fdo_key *key);
/* The encoded PublicKey; a view that lives as long as the key. */
cairn_bytes cairn_fdo_key_encoded(const cairn_fdo_key *key);
/* The same key, whatever its encodings. */
bool cairn_fdo_key_equal(const cairn_fdo_key *a, const cairn_fdo_key *b);
/* NULL for RSA; borrowed. */
const cairn_key *cairn_fdo_key_ec(const cairn_fdo_key *key);

/* Verifies a Sign1 with this key: ES256, ES384, RS256, RS384, PS256, PS384 as the type allows, in
 * the protected header. BAD_ALGORITHM, BAD_SIGNATURE. */
cairn_err cairn_fdo_key_verify(cairn_arena *arena, const cairn_cose_message *message,
                               const cairn_fdo_key *key) CAIRN_MUST_USE;

/* A Sign1 on its way to a signer that may be elsewhere: first its bytes to sign, then the message.
 * All in the arena, but `payload` and `unprotected_raw`, which are borrowed until the end. `alg`
 * CAIRN_ALG_ES256 or ES384; `unprotected_raw` one encoded map, or empty for one without labels. */
typedef struct cairn_fdo_unsigned {
    cairn_bytes protected_raw;
    cairn_bytes unprotected_raw;
    cairn_bytes payload;
    cairn_bytes to_sign;
} cairn_fdo_unsigned;

cairn_err cairn_fdo_sign_begin(cairn_arena *arena, cairn_alg alg, cairn_bytes unprotected_raw,
                               cairn_bytes payload,
                               cairn_fdo_unsigned *ret_unsigned) CAIRN_MUST_USE;
cairn_err cairn_fdo_sign_end(cairn_arena *arena, const cairn_fdo_unsigned *unsigned_message,
                             cairn_bytes signature, cairn_bytes *ret_message) CAIRN_MUST_USE;
/* Both, with a private key at hand. */
cairn_err cairn_fdo_sign(cairn_arena *arena, const cairn_key *key, cairn_bytes unprotected_raw,
                         cairn_bytes payload, cairn_bytes *ret_message) CAIRN_MUST_USE;

#endif
