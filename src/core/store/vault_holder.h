/* Who holds the epoch keys of a vault: outside the vault's directory, so that destroying one makes
 * every copy of an earlier keyring worthless. Three holders: a directory of files, a PKCS#11
 * token, and the key process. What each can promise: docs/formats/vault.md. Source: house. */
#ifndef CAIRN_CORE_STORE_VAULT_HOLDER_H
#define CAIRN_CORE_STORE_VAULT_HOLDER_H

#include "cairn/bytes.h"
#include "core/crypto/secret.h"

enum {
    CAIRN_VAULT_KEY_SIZE = 32,
    CAIRN_VAULT_WRAPPED_SIZE = 60, /* nonce 12 ‖ ciphertext 32 ‖ tag 16 */
    CAIRN_VAULT_EPOCH_AAD_SIZE = 60,
};

/* Which epoch key. */
typedef struct cairn_vault_epoch {
    cairn_hash vault;
    uint64_t number; /* from 1 */
} cairn_vault_epoch;

typedef struct cairn_vault_holder cairn_vault_holder;

/* Calls come from one thread at a time. What create and destroy did is durable when they return.
 * Errors: NOT_FOUND for an epoch that is not held; TOKEN, IO, NO_SPACE, PERMISSION, CRYPTO. */
typedef struct cairn_vault_holder_ops {
    /* Makes a fresh random key; EXISTS if there is one. */
    cairn_err (*create)(cairn_vault_holder *holder, const cairn_vault_epoch *epoch);
    /* Success also when a half-made or half-destroyed key is there. */
    cairn_err (*exists)(cairn_vault_holder *holder, const cairn_vault_epoch *epoch,
                        bool *ret_exists);
    /* AES-256-GCM over 32 bytes; the AAD is cairn_vault_epoch_aad. */
    cairn_err (*wrap)(cairn_vault_holder *holder, const cairn_vault_epoch *epoch, cairn_bytes key,
                      uint8_t ret_wrapped[CAIRN_VAULT_WRAPPED_SIZE]);
    /* BAD_MAC when it was not wrapped by this key for this epoch. */
    cairn_err (*unwrap)(cairn_vault_holder *holder, const cairn_vault_epoch *epoch,
                        const uint8_t wrapped[CAIRN_VAULT_WRAPPED_SIZE], cairn_secret *ret_key);
    /* Makes the key unrecoverable; success when it is not there. */
    cairn_err (*destroy)(cairn_vault_holder *holder, const cairn_vault_epoch *epoch);
    void (*free)(cairn_vault_holder *holder);
} cairn_vault_holder_ops;

/* The first member of every holder. */
struct cairn_vault_holder {
    const cairn_vault_holder_ops *ops;
};

/* Keys as files in `directory` (made if missing, mode 0700), which belongs to one vault alone, and
 * must not be backed up together with it. */
cairn_err cairn_vault_holder_open_files(const char *directory,
                                        cairn_vault_holder **ret_holder) CAIRN_MUST_USE;

/* Keys on a PKCS#11 token: `module` is the path of the library, `token` the label, `pin` its user
 * PIN. One token may serve many vaults. The module stays loaded and initialised until the process
 * ends, because others in it may use it too. TOKEN with the CK_RV named; NOT_FOUND for a missing
 * module or token. */
cairn_err cairn_vault_holder_open_pkcs11(const char *module, const char *token, const char *pin,
                                         cairn_vault_holder **ret_holder) CAIRN_MUST_USE;

/* Keys that the key process behind `link` (borrowed until free) holds. UNAVAILABLE from every call
 * while the link is down; what a call that ends so did is not known. */
typedef struct cairn_key_link cairn_key_link;
cairn_err cairn_vault_holder_open_remote(cairn_key_link *link,
                                         cairn_vault_holder **ret_holder) CAIRN_MUST_USE;

/* Takes NULL. */
void cairn_vault_holder_free(cairn_vault_holder *holder);
CAIRN_DEFINE_CLEANUP(cairn_vault_holder, cairn_vault_holder_free)

/* "cairn/vault-epoch/1" ‖ 0x00 ‖ vault ‖ u64 number. */
void cairn_vault_epoch_aad(const cairn_vault_epoch *epoch,
                           uint8_t ret_aad[CAIRN_VAULT_EPOCH_AAD_SIZE]);

#endif
