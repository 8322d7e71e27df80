/* AES-256-GCM under one key for many messages: the context is keyed once and reused. Private to the
 * vault. Source: NIST SP 800-38D. */
#ifndef CAIRN_CORE_STORE_VAULT_GCM_H
#define CAIRN_CORE_STORE_VAULT_GCM_H

#include <openssl/evp.h>

#include "cairn/bytes.h"

enum { VAULT_NONCE_SIZE = 12, VAULT_TAG_SIZE = 16 };

/* A direction is chosen once. One thread at a time. */
typedef struct cairn_vault_gcm {
    EVP_CIPHER_CTX *ctx;
} cairn_vault_gcm;

/* `key` has 32 bytes. CRYPTO, NO_MEMORY. */
cairn_err cairn_vault_gcm_init(cairn_vault_gcm *gcm, bool encrypt, cairn_bytes key) CAIRN_MUST_USE;
/* Wipes the key. */
void cairn_vault_gcm_done(cairn_vault_gcm *gcm);

/* `ret_out` has room for in.size + 16 bytes, and gets the tag behind the ciphertext. */
cairn_err cairn_vault_gcm_seal(cairn_vault_gcm *gcm, const uint8_t nonce[VAULT_NONCE_SIZE],
                               cairn_bytes aad, cairn_bytes in, uint8_t *ret_out) CAIRN_MUST_USE;

/* `in` ends in the tag; `ret_out` has room for in.size - 16 bytes and is wiped on failure. BAD_MAC;
 * TRUNCATED for less than a tag. */
cairn_err cairn_vault_gcm_open(cairn_vault_gcm *gcm, const uint8_t nonce[VAULT_NONCE_SIZE],
                               cairn_bytes aad, cairn_bytes in, uint8_t *ret_out) CAIRN_MUST_USE;

#endif
