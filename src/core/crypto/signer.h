/* The asynchronous signer: every private operation goes through it, so that a file today, a token
 * or the key process tomorrow are the same to the caller.
 *
 * A signer holds named keys. `cairn_signer_sign` queues the message and returns; the completion
 * runs on one of the signer's threads, exactly once, also on failure. Source: house (ARCHITECTURE,
 * The node). */
#ifndef CAIRN_CORE_CRYPTO_SIGNER_H
#define CAIRN_CORE_CRYPTO_SIGNER_H

#include "cairn/key.h"

typedef struct cairn_signer cairn_signer;

typedef void (*cairn_signer_done_fn)(void *context, cairn_err err, cairn_bytes signature);

/* Keys from PEM files in `directory`: each `NAME.pem` (mode 0600 or stricter, else PERMISSION).
 * Completions run on the signer's one thread. */
cairn_err cairn_signer_open_files(const char *directory, cairn_signer **ret_signer) CAIRN_MUST_USE;

/* Keys of a PKCS#11 token: `module` is the path of the library, `token` the label, `pin` its user
 * PIN. A key's name is its CKA_LABEL. TOKEN with the CK_RV named when the token refuses; never a
 * fallback. */
cairn_err cairn_signer_open_pkcs11(const char *module, const char *token, const char *pin,
                                   cairn_signer **ret_signer) CAIRN_MUST_USE;

/* Waits for what is queued, then closes. Takes NULL. */
void cairn_signer_free(cairn_signer *signer);
CAIRN_DEFINE_CLEANUP(cairn_signer, cairn_signer_free)

/* Makes a key under a new name; EXISTS if the name is taken. Returns a reference to its public key.
 */
cairn_err cairn_signer_generate(cairn_signer *signer, const char *name, cairn_key_type type,
                                cairn_key **ret_public) CAIRN_MUST_USE;

/* Public key of `name`, a new reference; NOT_FOUND if there is none. */
cairn_err cairn_signer_public(cairn_signer *signer, const char *name,
                              cairn_key **ret_public) CAIRN_MUST_USE;

/* Calls `fn` for each key in name order until it returns an error, which is then returned. */
cairn_err cairn_signer_each(cairn_signer *signer,
                            cairn_err (*fn)(void *context, const char *name,
                                            const cairn_key *public_key),
                            void *context) CAIRN_MUST_USE;

/* Queues `message` (copied) for signing with `name`. BUSY when the queue (1,024 entries) is full;
 * then `done` is not called. EC signatures are r ‖ s with the low s; `signature` is valid during
 * the call. */
cairn_err cairn_signer_sign(cairn_signer *signer, const char *name, cairn_bytes message,
                            cairn_signer_done_fn done, void *context) CAIRN_MUST_USE;

/* Same, and waits. Not from a completion. */
cairn_err cairn_signer_sign_wait(cairn_signer *signer, const char *name, cairn_bytes message,
                                 uint8_t ret_signature[CAIRN_SIGNATURE_SIZE_MAX],
                                 size_t *ret_size) CAIRN_MUST_USE;

#endif
