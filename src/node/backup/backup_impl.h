/* What writing and reading a backup share. Private. */
#ifndef CAIRN_NODE_BACKUP_IMPL_H
#define CAIRN_NODE_BACKUP_IMPL_H

#include <openssl/evp.h>

#include "core/crypto/secret.h"
#include "node/backup/backup.h"

#define CAIRN_BACKUP_MAGIC "cairn/backup/1\n"

enum {
    CAIRN_BACKUP_SALT_SIZE = 16,
    CAIRN_BACKUP_NONCE_SIZE = 12,
    CAIRN_BACKUP_TAG_SIZE = 16,
    CAIRN_BACKUP_SECRET_SIZE_MAX = 65536, /* bytes of one key file */
    /* kinds of records */
    CAIRN_BACKUP_END = 0,
    CAIRN_BACKUP_FILE = 1,
    CAIRN_BACKUP_SECRET = 2, /* a key file, encrypted */
};

/* scrypt (N = 2^15, r = 8, p = 1) of the passphrase under the salt. */
cairn_err cairn_backup_key(cairn_bytes passphrase, const uint8_t salt[CAIRN_BACKUP_SALT_SIZE],
                           cairn_secret *ret_key) CAIRN_MUST_USE;

/* AES-256-GCM with the path as associated data: nonce ‖ ciphertext ‖ tag, and back. `out` has room
 * for NONCE_SIZE + TAG_SIZE bytes more, or as many less. BAD_MAC. */
cairn_err cairn_backup_seal(const cairn_secret *key, cairn_bytes path, cairn_bytes plain,
                            uint8_t *out) CAIRN_MUST_USE;
cairn_err cairn_backup_open(const cairn_secret *key, cairn_bytes path, cairn_bytes sealed,
                            uint8_t *out) CAIRN_MUST_USE;

#endif
