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

/* Called once for each message that was queued. `signature` is empty unless `err` is zero; the
 * detail of a failure is this thread's (cairn_err_detail). It may queue more, and must not wait. */
typedef void (*cairn_signer_done_fn)(void *context, cairn_err err, cairn_bytes signature);

/* What a key may be used for. The part of its name before the first '-', '.' or '_' tells: sign,
 * tls, cosign or note (both cosign), owner, encrypt, validator, issue; any other name has no
 * purpose. So a key has one purpose for good, in a file and in a token, and whoever holds the keys
 * can tell it without asking. A request names those that it takes: 1 << cairn_purpose
 * (ledger/registry.h). */
enum {
    CAIRN_SIGNER_FOR_NONE = 1 << 0, /* keys without a purpose */
    CAIRN_SIGNER_FOR_SIGN = 1 << 1,
    CAIRN_SIGNER_FOR_TLS = 1 << 2,
    CAIRN_SIGNER_FOR_COSIGN = 1 << 3,
    CAIRN_SIGNER_FOR_OWNER = 1 << 4,
    CAIRN_SIGNER_FOR_ENCRYPT = 1 << 5,
    CAIRN_SIGNER_FOR_VALIDATOR = 1 << 6,
    CAIRN_SIGNER_FOR_ISSUE = 1 << 7,
    CAIRN_SIGNER_FOR_ANY = (1 << 8) - 1,
};

/* The one bit of a key's name. */
unsigned cairn_signer_purpose_of(const char *name);

/* Keys from PEM files in `directory`: each `NAME.pem` (mode 0600 or stricter, else PERMISSION; a
 * private key, else BAD_KEY). Other files are not looked at. Completions run on the signer's one
 * thread. NOT_FOUND when there is no such directory, CONFIG when a file's NAME is no name, TOO_MANY
 * beyond 1,024 keys. */
cairn_err cairn_signer_open_files(const char *directory, cairn_signer **ret_signer) CAIRN_MUST_USE;

/* Keys of a PKCS#11 token: `module` is the path of the library, `token` the label, `pin` its user
 * PIN. A key's name is its CKA_LABEL; keys whose label is no name, or that have no public object
 * beside them with the same label and CKA_ID, are not seen. One session, on the signer's one
 * thread; one signer per token and process. TOKEN with the CK_RV named when the token refuses,
 * never a fallback; NOT_FOUND when no token has that label, CONFIG when several have. */
cairn_err cairn_signer_open_pkcs11(const char *module, const char *token, const char *pin,
                                   cairn_signer **ret_signer) CAIRN_MUST_USE;

enum { CAIRN_SIGNER_MARK_SIZE = 12 };

/* The same for whoever may have to take back what he makes: the CKA_ID of keys that are made begins
 * with `mark`, which nobody else has. Keys that bear it when the token is opened, whole or halved,
 * are of a run that was ended: they are destroyed. */
cairn_err cairn_signer_open_pkcs11_marked(const char *module, const char *token, const char *pin,
                                          const uint8_t mark[CAIRN_SIGNER_MARK_SIZE],
                                          cairn_signer **ret_signer) CAIRN_MUST_USE;

/* Keys that the key process behind `link` (borrowed until free) holds: see crypto/key_link.h.
 * Requests go out at once, up to 1,024 before the first answer, and completions run on the link's
 * thread. UNAVAILABLE, here and from every call, while the link is down; requests in flight end
 * with it when the link breaks. */
typedef struct cairn_key_link cairn_key_link;
cairn_err cairn_signer_open_remote(cairn_key_link *link, cairn_signer **ret_signer) CAIRN_MUST_USE;

/* Makes a remote signer's key process look for its keys again, and adds those that are new: after
 * the link was attached anew, and when somebody made keys beside it. Signing goes on. MISMATCH when
 * a known name has another key now; what keeps the process from opening its keys, which are then
 * those that it had; UNAVAILABLE. Not from a completion. */
cairn_err cairn_signer_remote_refresh(cairn_signer *signer) CAIRN_MUST_USE;

/* Waits for what is queued, then closes. Takes NULL. */
void cairn_signer_free(cairn_signer *signer);
CAIRN_DEFINE_CLEANUP(cairn_signer, cairn_signer_free)

/* Makes a key under a new name (1 to 64 of A-Z a-z 0-9 . _ -, the first neither '.' nor '-', else
 * ARGUMENT); EXISTS if the name is taken. Returns a reference to its public key. In a file it is
 * durable when this returns; in a token it is sensitive and not extractable. Waits for what is
 * queued before it: not from a completion. BUSY, LOCKED (another process makes a key in the same
 * directory), TOO_MANY. */
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

/* Queues `message` (copied, at most 1 MiB, else TOO_LARGE) for signing with `name`. When this fails
 * (NOT_FOUND; BUSY: the queue of 1,024 is full) `done` is not called. EC signatures are r ‖ s with
 * the low s; `signature` is valid during the call. */
cairn_err cairn_signer_sign(cairn_signer *signer, const char *name, cairn_bytes message,
                            cairn_signer_done_fn done, void *context) CAIRN_MUST_USE;

/* The same for a caller who says what the signature is for: bits of CAIRN_SIGNER_FOR_*.
 * TX_WRONG_PURPOSE when the key is for something else. cairn_signer_sign takes any key. */
cairn_err cairn_signer_sign_for(cairn_signer *signer, unsigned purposes, const char *name,
                                cairn_bytes message, cairn_signer_done_fn done,
                                void *context) CAIRN_MUST_USE;

/* Messages that were taken for signing so far. Any thread. */
uint64_t cairn_signer_count(const cairn_signer *signer);

/* Both forms, and wait. Not from a completion. */
cairn_err cairn_signer_sign_wait_for(cairn_signer *signer, unsigned purposes, const char *name,
                                     cairn_bytes message,
                                     uint8_t ret_signature[CAIRN_SIGNATURE_SIZE_MAX],
                                     size_t *ret_size) CAIRN_MUST_USE;
cairn_err cairn_signer_sign_wait(cairn_signer *signer, const char *name, cairn_bytes message,
                                 uint8_t ret_signature[CAIRN_SIGNATURE_SIZE_MAX],
                                 size_t *ret_size) CAIRN_MUST_USE;

#endif
