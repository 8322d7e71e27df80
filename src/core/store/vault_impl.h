/* What the vault and its streams share. Private. */
#ifndef CAIRN_CORE_STORE_VAULT_IMPL_H
#define CAIRN_CORE_STORE_VAULT_IMPL_H

#include <pthread.h>
#include <stdatomic.h>

#include <openssl/kdf.h>

#include "core/store/file.h"
#include "core/store/vault.h"
#include "core/store/vault_keyring.h"

struct cairn_vault {
    cairn_vault_holder *holder; /* borrowed; called under `mutex` */
    int lock_fd;
    char directory[CAIRN_PATH_SIZE_MAX];
    char keyring_path[CAIRN_PATH_SIZE_MAX];
    EVP_KDF *hkdf;

    pthread_mutex_t mutex;       /* over what follows */
    cairn_vault_keyring keyring; /* what the last successful writing holds */
    bool folders[256];           /* of objects/, known to be there */
    _Atomic uint64_t erasures;   /* changes when a subject is erased; read without the mutex */
};

/* Path of an object. */
cairn_err cairn_vault_object_path(const cairn_vault *vault, const cairn_hash *address,
                                  char ret_path[CAIRN_PATH_SIZE_MAX]) CAIRN_MUST_USE;

/* Copies the subject's key. ERASED, NOT_FOUND. */
cairn_err cairn_vault_key(cairn_vault *vault, const cairn_hash *subject,
                          cairn_secret *ret_key) CAIRN_MUST_USE;

/* Makes objects/ab if it is not there yet. */
cairn_err cairn_vault_folder(cairn_vault *vault, uint8_t folder) CAIRN_MUST_USE;

#endif
