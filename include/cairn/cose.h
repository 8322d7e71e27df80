/* COSE Sign1, Mac0 and Encrypt0 (RFC 9052), tagged or not, over the strict or the foreign CBOR
 * profile.
 *
 * Decoding is separate from verifying: a decoded message is a set of views into the input. Headers
 * are kept raw beside the few labels that the house understands; `crit` (2) with a label that is
 * not understood is refused. Neither direction allocates outside the arena given. */
#ifndef CAIRN_COSE_H
#define CAIRN_COSE_H

#include "cairn/arena.h"
#include "cairn/cbor.h"
#include "cairn/key.h"

enum {
    CAIRN_COSE_TAG_ENCRYPT0 = 16,
    CAIRN_COSE_TAG_MAC0 = 17,
    CAIRN_COSE_TAG_SIGN1 = 18,
};

typedef struct cairn_cose_headers {
    cairn_bytes protected_raw;   /* content of the protected bstr, may be empty */
    cairn_bytes unprotected_raw; /* the encoded unprotected map */
    bool has_alg;
    int64_t alg; /* label 1, from protected, else from unprotected */
    bool alg_is_protected;
    cairn_bytes kid; /* label 4, from either; empty when absent */
    cairn_bytes iv;  /* label 5; empty when absent */
} cairn_cose_headers;

typedef struct cairn_cose_message {
    bool tagged;
    cairn_cose_headers headers;
    bool detached;       /* payload is null */
    cairn_bytes payload; /* or ciphertext with its tag */
    cairn_bytes tag;     /* signature or MAC; empty for Encrypt0 */
} cairn_cose_message;

/* Decodes one message of the kind that `tag` names (18, 17, 16). In the strict profile the tag must
 * be there and all of it deterministic; in the foreign one it may be absent, and a protected bstr
 * that holds an empty map is read as the empty one. A label present in both header maps is
 * DUPLICATE_KEY (RFC 9052 section 3), an alg that is a text BAD_ALGORITHM, more than 64 labels in
 * one map TOO_MANY; `crit` must be protected and name labels that are understood (UNKNOWN_FIELD)
 * and protected (MISSING_FIELD). Else the errors of cairn/cbor.h. */
cairn_err cairn_cose_decode(cairn_bytes in, uint64_t tag, cairn_cbor_profile profile,
                            cairn_cose_message *ret_message) CAIRN_MUST_USE;

/* The bytes that are signed or MACed: ["Signature1" or "MAC0", protected, external_aad, payload],
 * or the Enc_structure ["Encrypt0", protected, external_aad] when tag is 16 (`payload` ignored). In
 * the arena. */
cairn_err cairn_cose_structure(cairn_arena *arena, uint64_t tag, cairn_bytes protected_raw,
                               cairn_bytes external_aad, cairn_bytes payload,
                               cairn_bytes *ret_structure) CAIRN_MUST_USE;

/* Verifies a Sign1. `payload` is used when the message is detached and must be empty otherwise. The
 * algorithm must be the key's and stand in the protected header, else BAD_ALGORITHM. */
cairn_err cairn_cose_sign1_verify(cairn_arena *arena, const cairn_cose_message *message,
                                  const cairn_key *key, cairn_bytes external_aad,
                                  cairn_bytes payload) CAIRN_MUST_USE;

/* Assembles a tagged message from its finished parts: `unprotected_raw` is one encoded map. For a
 * detached payload pass detached = true. Sign1 and Mac0 carry `tag_or_signature`; Encrypt0 ignores
 * it. */
cairn_err cairn_cose_encode(cairn_arena *arena, uint64_t tag, cairn_bytes protected_raw,
                            cairn_bytes unprotected_raw, bool detached, cairn_bytes payload,
                            cairn_bytes tag_or_signature, cairn_bytes *ret_message) CAIRN_MUST_USE;

/* HMAC 256/256 (alg 5) with a key of 32 bytes, else BAD_KEY; `protected_raw` must hold {1: 5}. To
 * verify, the algorithm must stand in the protected header (BAD_ALGORITHM) and the payload be there
 * (MISSING_FIELD); BAD_MAC when the tag differs. */
cairn_err cairn_cose_mac0(cairn_arena *arena, cairn_bytes key, cairn_bytes protected_raw,
                          cairn_bytes unprotected_raw, cairn_bytes external_aad,
                          cairn_bytes payload, cairn_bytes *ret_message) CAIRN_MUST_USE;
cairn_err cairn_cose_mac0_verify(cairn_arena *arena, const cairn_cose_message *message,
                                 cairn_bytes key, cairn_bytes external_aad) CAIRN_MUST_USE;

/* AES-GCM with a 12-byte IV from header 5: A128GCM (1), A192GCM (2), A256GCM (3), protected,
 * else BAD_ALGORITHM; the key's size must be the algorithm's (BAD_KEY), the IV's 12 (BAD_VALUE).
 * BAD_MAC when the tag does not verify; nothing is written then. The plaintext is the caller's to
 * wipe. An IV must not be used twice with one key: that is the caller's to see to. */
cairn_err cairn_cose_encrypt0(cairn_arena *arena, cairn_bytes key, int64_t alg, cairn_bytes iv,
                              cairn_bytes external_aad, cairn_bytes plaintext,
                              cairn_bytes *ret_message) CAIRN_MUST_USE;
cairn_err cairn_cose_decrypt0(cairn_arena *arena, const cairn_cose_message *message,
                              cairn_bytes key, cairn_bytes external_aad,
                              cairn_bytes *ret_plaintext) CAIRN_MUST_USE;

#endif
