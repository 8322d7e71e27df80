/* Keys in a backup: under a passphrase. */
#include <openssl/rand.h>

#include "core/crypto/openssl.h"
#include "node/backup/backup_impl.h"

enum { SCRYPT_N = 1 << 15, SCRYPT_R = 8, SCRYPT_P = 1, SCRYPT_MEMORY = 64 << 20 };

cairn_err cairn_backup_key(cairn_bytes passphrase, const uint8_t salt[CAIRN_BACKUP_SALT_SIZE],
                           cairn_secret *ret_key)
{
    if (passphrase.size < CAIRN_BACKUP_PASSPHRASE_SIZE_MIN ||
        passphrase.size > CAIRN_BACKUP_PASSPHRASE_SIZE_MAX)
        return CAIRN_FAIL(CAIRN_ERR_USAGE, "house", "passphrase: %d to %d bytes",
                          CAIRN_BACKUP_PASSPHRASE_SIZE_MIN, CAIRN_BACKUP_PASSPHRASE_SIZE_MAX);
    if (EVP_PBE_scrypt((const char *)passphrase.data, passphrase.size, salt, CAIRN_BACKUP_SALT_SIZE,
                       SCRYPT_N, SCRYPT_R, SCRYPT_P, SCRYPT_MEMORY, ret_key->data, 32) != 1)
        return cairn_openssl_fail("backup: scrypt");
    ret_key->size = 32;
    return CAIRN_OK;
}

cairn_err cairn_backup_seal(const cairn_secret *key, cairn_bytes path, cairn_bytes plain,
                            uint8_t *out)
{
    uint8_t *text = out + CAIRN_BACKUP_NONCE_SIZE;
    int size = 0;
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    bool good = ctx != NULL && RAND_bytes(out, CAIRN_BACKUP_NONCE_SIZE) == 1 &&
                EVP_EncryptInit_ex(ctx, EVP_aes_256_gcm(), NULL, key->data, out) == 1 &&
                EVP_EncryptUpdate(ctx, NULL, &size, path.data, (int)path.size) == 1 &&
                EVP_EncryptUpdate(ctx, text, &size, plain.data, (int)plain.size) == 1 &&
                EVP_EncryptFinal_ex(ctx, text + plain.size, &size) == 1 &&
                EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_GET_TAG, CAIRN_BACKUP_TAG_SIZE,
                                    text + plain.size) == 1;
    EVP_CIPHER_CTX_free(ctx);
    return good ? CAIRN_OK : cairn_openssl_fail("backup: encrypt");
}

cairn_err cairn_backup_open(const cairn_secret *key, cairn_bytes path, cairn_bytes sealed,
                            uint8_t *out)
{
    if (sealed.size < CAIRN_BACKUP_NONCE_SIZE + CAIRN_BACKUP_TAG_SIZE)
        return CAIRN_FAIL(CAIRN_ERR_TRUNCATED, "docs/formats/backup.md", "backup: key file");
    const uint8_t *text = sealed.data + CAIRN_BACKUP_NONCE_SIZE;
    size_t text_size = sealed.size - CAIRN_BACKUP_NONCE_SIZE - CAIRN_BACKUP_TAG_SIZE;
    uint8_t tag[CAIRN_BACKUP_TAG_SIZE];
    int size = 0;
    memcpy(tag, text + text_size, sizeof tag);
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    bool good = ctx != NULL &&
                EVP_DecryptInit_ex(ctx, EVP_aes_256_gcm(), NULL, key->data, sealed.data) == 1 &&
                EVP_DecryptUpdate(ctx, NULL, &size, path.data, (int)path.size) == 1 &&
                EVP_DecryptUpdate(ctx, out, &size, text, (int)text_size) == 1 &&
                EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_SET_TAG, CAIRN_BACKUP_TAG_SIZE, tag) == 1 &&
                EVP_DecryptFinal_ex(ctx, out + text_size, &size) == 1;
    EVP_CIPHER_CTX_free(ctx);
    return good ? CAIRN_OK
                : CAIRN_FAIL(CAIRN_ERR_BAD_MAC, "docs/formats/backup.md",
                             "backup: keys: another passphrase, or changed");
}
