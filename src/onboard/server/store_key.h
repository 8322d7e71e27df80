/* The key under which the servers' rows are sealed: an object of the vault, of a subject of its
 * own, so that erasing this subject erases every row in every copy. Source: house. */
#ifndef CAIRN_ONBOARD_STORE_KEY_H
#define CAIRN_ONBOARD_STORE_KEY_H

#include "core/crypto/secret.h"
#include "core/store/vault.h"

/* Reads the key whose address in the vault is in the file `path`, or makes one where there is no
 * such file. ERASED; the errors of the vault and of files. */
cairn_err cairn_fdo_store_key(cairn_vault *vault, const char *path,
                              cairn_secret *ret_key) CAIRN_MUST_USE;

/* The vault's subject of that key: for cairn_vault_erase. */
cairn_hash cairn_fdo_store_subject(void);

#endif
