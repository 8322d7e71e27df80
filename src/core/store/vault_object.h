/* The bytes of an object: its header, its chunks. Private to the vault. Source:
 * docs/formats/vault.md. */
#ifndef CAIRN_CORE_STORE_VAULT_OBJECT_H
#define CAIRN_CORE_STORE_VAULT_OBJECT_H

#include "core/limits.h"
#include "core/store/vault_gcm.h"
#include "core/store/vault_impl.h"

enum {
    VAULT_CHUNK_SIZE = 1 << 16, /* of plaintext */
    VAULT_SEALED_SIZE = VAULT_CHUNK_SIZE + VAULT_TAG_SIZE,
    VAULT_OBJECT_HEADER_SIZE = 48,
};

/* Seals or opens the chunks of one object in order. */
typedef struct cairn_vault_chunks {
    uint8_t header[VAULT_OBJECT_HEADER_SIZE];
    cairn_vault_gcm gcm;
    uint32_t index; /* of the next chunk */
} cairn_vault_chunks;

/* A fresh header. CRYPTO. */
cairn_err cairn_vault_chunks_new_header(cairn_vault_chunks *chunks) CAIRN_MUST_USE;
/* BAD_VERSION. */
cairn_err cairn_vault_chunks_check_header(const cairn_vault_chunks *chunks) CAIRN_MUST_USE;

/* Derives the object key from the header and the subject's key. */
cairn_err cairn_vault_chunks_init(cairn_vault_chunks *chunks, EVP_KDF *hkdf, bool encrypt,
                                  const cairn_hash *vault, const cairn_hash *subject,
                                  cairn_bytes subject_key) CAIRN_MUST_USE;
void cairn_vault_chunks_done(cairn_vault_chunks *chunks);

/* `ret_out` has room for data.size + 16 bytes. TOO_LARGE behind the last chunk that may be. */
cairn_err cairn_vault_chunks_seal(cairn_vault_chunks *chunks, bool last, cairn_bytes data,
                                  uint8_t *ret_out) CAIRN_MUST_USE;
/* BAD_MAC; NOT_CANONICAL for an empty last chunk of an object that has others. */
cairn_err cairn_vault_chunks_open(cairn_vault_chunks *chunks, bool last, cairn_bytes sealed,
                                  uint8_t *ret_out) CAIRN_MUST_USE;

#endif
