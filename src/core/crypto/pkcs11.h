/* Keys in a PKCS#11 token: one session, of one thread at a time. A key's name is its CKA_LABEL;
 * keys whose label is no name, or that have no public object beside them with the same label and
 * CKA_ID, are not seen. What the token refuses is refused (TOKEN, with the CK_RV named); nothing is
 * done in software instead. Source: PKCS #11 v3.0. */
#ifndef CAIRN_CORE_CRYPTO_PKCS11_H
#define CAIRN_CORE_CRYPTO_PKCS11_H

#include "core/crypto/signer.h"

typedef struct cairn_pkcs11 cairn_pkcs11;

/* A private object of the token. */
typedef unsigned long cairn_pkcs11_object;

/* `module` is the path of the library, `token` the label, `pin` its user PIN. NOT_FOUND when no
 * token has that label, CONFIG when several have; ARGUMENT, TOKEN, NO_MEMORY. */
cairn_err cairn_pkcs11_open(const char *module, const char *token, const char *pin,
                            cairn_pkcs11 **ret_token) CAIRN_MUST_USE;
void cairn_pkcs11_close(cairn_pkcs11 *token);
CAIRN_DEFINE_CLEANUP(cairn_pkcs11, cairn_pkcs11_close)

/* Calls `fn` for each key that signs, until it fails. `public_key` is `fn`'s to free when it
 * succeeds.
 */
typedef cairn_err (*cairn_pkcs11_key_fn)(void *context, const char *name, cairn_key *public_key,
                                         cairn_pkcs11_object object);
cairn_err cairn_pkcs11_each(cairn_pkcs11 *token, cairn_pkcs11_key_fn fn,
                            void *context) CAIRN_MUST_USE;

/* A new key, sensitive and not extractable, whatever is there already under that name. Its CKA_ID
 * is random but for the `mark` (CAIRN_SIGNER_MARK_SIZE bytes) that it begins with, unless that is
 * NULL. */
cairn_err cairn_pkcs11_generate(cairn_pkcs11 *token, const char *name, cairn_key_type type,
                                const uint8_t *mark, cairn_key **ret_public,
                                cairn_pkcs11_object *ret_object) CAIRN_MUST_USE;

/* Removes all keys whose CKA_ID begins with `mark`. */
cairn_err cairn_pkcs11_remove_marked(cairn_pkcs11 *token,
                                     const uint8_t mark[CAIRN_SIGNER_MARK_SIZE]) CAIRN_MUST_USE;
/* Removes the private and public objects of that name; none is success. */
cairn_err cairn_pkcs11_remove(cairn_pkcs11 *token, const char *name) CAIRN_MUST_USE;

/* As cairn_key_sign; the signature is verified before it leaves. */
cairn_err cairn_pkcs11_sign(cairn_pkcs11 *token, const cairn_key *public_key,
                            cairn_pkcs11_object object, cairn_bytes message,
                            uint8_t ret_signature[CAIRN_SIGNATURE_SIZE_MAX],
                            size_t *ret_size) CAIRN_MUST_USE;

enum { CAIRN_PKCS11_MAC_SIZE_MAX = 48 }; /* bytes */

/* HMAC-SHA-256 (`size` 32) or HMAC-SHA-384 (48) with the secret of that name, 32 random bytes that
 * the token makes at the first call, sensitive and not extractable. */
cairn_err cairn_pkcs11_mac(cairn_pkcs11 *token, const char *name, size_t size, cairn_bytes message,
                           uint8_t ret_mac[CAIRN_PKCS11_MAC_SIZE_MAX]) CAIRN_MUST_USE;

#endif
