/* OpenSSL's AES-256-GCM with a kept context. */
#include "core/store/vault_gcm.h"

#include <limits.h>

#include "core/crypto/openssl.h"
#include "core/crypto/secret.h"

enum { AES_256 = 2 }; /* index in cairn_openssl.gcm */

cairn_err cairn_vault_gcm_init(cairn_vault_gcm *gcm, bool encrypt, cairn_bytes key)
{
    CAIRN_ASSERT(key.size == 32);
    const cairn_openssl *openssl = NULL;
    CAIRN_TRY(cairn_openssl_get(&openssl));
    gcm->ctx = EVP_CIPHER_CTX_new();
    if (gcm->ctx == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "vault: cipher context");
    if (EVP_CipherInit_ex2(gcm->ctx, openssl->gcm[AES_256], key.data, NULL, encrypt ? 1 : 0,
                           NULL) != 1) {
        cairn_vault_gcm_done(gcm);
        return cairn_openssl_fail("vault: AES-256-GCM");
    }
    return CAIRN_OK;
}

void cairn_vault_gcm_done(cairn_vault_gcm *gcm)
{
    EVP_CIPHER_CTX_free(gcm->ctx);
    gcm->ctx = NULL;
}

/* Begins a message and feeds all of it. */
static bool feed(cairn_vault_gcm *gcm, const uint8_t *nonce, cairn_bytes aad, cairn_bytes in,
                 uint8_t *out)
{
    int size = 0;
    CAIRN_ASSERT(in.size <= INT_MAX && aad.size <= INT_MAX);
    return EVP_CipherInit_ex2(gcm->ctx, NULL, NULL, nonce, -1, NULL) == 1 &&
           EVP_CipherUpdate(gcm->ctx, NULL, &size, aad.data, (int)aad.size) == 1 &&
           (in.size == 0 || EVP_CipherUpdate(gcm->ctx, out, &size, in.data, (int)in.size) == 1);
}

cairn_err cairn_vault_gcm_seal(cairn_vault_gcm *gcm, const uint8_t nonce[VAULT_NONCE_SIZE],
                               cairn_bytes aad, cairn_bytes in, uint8_t *ret_out)
{
    int size = 0;
    uint8_t *tag = ret_out + in.size;
    if (!feed(gcm, nonce, aad, in, ret_out) || EVP_CipherFinal_ex(gcm->ctx, tag, &size) != 1 ||
        EVP_CIPHER_CTX_ctrl(gcm->ctx, EVP_CTRL_AEAD_GET_TAG, VAULT_TAG_SIZE, tag) != 1)
        return cairn_openssl_fail("vault: encrypt");
    return CAIRN_OK;
}

cairn_err cairn_vault_gcm_open(cairn_vault_gcm *gcm, const uint8_t nonce[VAULT_NONCE_SIZE],
                               cairn_bytes aad, cairn_bytes in, uint8_t *ret_out)
{
    if (in.size < VAULT_TAG_SIZE)
        return CAIRN_FAIL(CAIRN_ERR_TRUNCATED, "house", "vault: ciphertext ends in its tag");
    in.size -= VAULT_TAG_SIZE;
    uint8_t tag[VAULT_TAG_SIZE];
    memcpy(tag, in.data + in.size, sizeof tag);
    int size = 0;
    uint8_t none[1];
    if (!feed(gcm, nonce, aad, in, ret_out) ||
        EVP_CIPHER_CTX_ctrl(gcm->ctx, EVP_CTRL_AEAD_SET_TAG, sizeof tag, tag) != 1) {
        cairn_wipe(ret_out, in.size);
        return cairn_openssl_fail("vault: decrypt");
    }
    if (EVP_CipherFinal_ex(gcm->ctx, none, &size) != 1) {
        cairn_wipe(ret_out, in.size);
        return CAIRN_FAIL(CAIRN_ERR_BAD_MAC, "house", "vault: authentication tag");
    }
    return CAIRN_OK;
}
