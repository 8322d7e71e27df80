/* STREAM over AES-256-GCM: one key per object, the nonce counts the chunks and marks the last. */
#include "core/store/vault_object.h"

#include <openssl/core_names.h>
#include <openssl/rand.h>

#include "core/crypto/openssl.h"

enum {
    SALT_AT = 8,
    SALT_SIZE = 32,
    PREFIX_AT = 40,
    PREFIX_SIZE = 7,
    CHUNK_AT = 47,
    CHUNK_LOG = 16
};

static const uint8_t magic[8] = {'c', 'a', 'i', 'r', 'n', 'o', 'b', '1'};
static const char key_info[] = "cairn/vault-object/1";

cairn_err cairn_vault_chunks_new_header(cairn_vault_chunks *chunks)
{
    memcpy(chunks->header, magic, sizeof magic);
    if (RAND_bytes(chunks->header + SALT_AT, SALT_SIZE + PREFIX_SIZE) != 1)
        return CAIRN_FAIL(CAIRN_ERR_CRYPTO, "house", "vault: no random bytes");
    chunks->header[CHUNK_AT] = CHUNK_LOG;
    return CAIRN_OK;
}

cairn_err cairn_vault_chunks_check_header(const cairn_vault_chunks *chunks)
{
    if (memcmp(chunks->header, magic, sizeof magic) != 0 || chunks->header[CHUNK_AT] != CHUNK_LOG)
        return CAIRN_FAIL(CAIRN_ERR_BAD_VERSION, "docs/formats/vault.md",
                          "vault object: magic or chunk size");
    return CAIRN_OK;
}

/* RFC 5869 with SHA-256. */
static cairn_err derive(EVP_KDF *hkdf, cairn_bytes key, cairn_bytes salt, cairn_bytes info,
                        cairn_secret *ret_key)
{
    EVP_KDF_CTX *ctx = EVP_KDF_CTX_new(hkdf);
    if (ctx == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "vault: HKDF context");
    char digest[] = "SHA256";
    /* OSSL_PARAM has no const; HKDF only reads. */
    const OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0),
                                 OSSL_PARAM_construct_octet_string(
                                     OSSL_KDF_PARAM_KEY, (void *)(uintptr_t)key.data, key.size),
                                 OSSL_PARAM_construct_octet_string(
                                     OSSL_KDF_PARAM_SALT, (void *)(uintptr_t)salt.data, salt.size),
                                 OSSL_PARAM_construct_octet_string(
                                     OSSL_KDF_PARAM_INFO, (void *)(uintptr_t)info.data, info.size),
                                 OSSL_PARAM_construct_end()};
    int derived = EVP_KDF_derive(ctx, ret_key->data, CAIRN_VAULT_KEY_SIZE, params);
    EVP_KDF_CTX_free(ctx);
    if (derived != 1)
        return cairn_openssl_fail("vault: HKDF");
    ret_key->size = CAIRN_VAULT_KEY_SIZE;
    return CAIRN_OK;
}

cairn_err cairn_vault_chunks_init(cairn_vault_chunks *chunks, EVP_KDF *hkdf, bool encrypt,
                                  const cairn_hash *vault, const cairn_hash *subject,
                                  cairn_bytes subject_key)
{
    uint8_t info[sizeof key_info + 64];
    memcpy(info, key_info, sizeof key_info);
    memcpy(info + sizeof key_info, vault->b, 32);
    memcpy(info + sizeof key_info + 32, subject->b, 32);
    CAIRN_CLEANUP(cairn_secret_wipe) cairn_secret key = {0};
    CAIRN_TRY(derive(hkdf, subject_key, cairn_bytes_of(chunks->header + SALT_AT, SALT_SIZE),
                     cairn_bytes_of(info, sizeof info), &key));
    chunks->index = 0;
    return cairn_vault_gcm_init(&chunks->gcm, encrypt, cairn_secret_view(&key));
}

void cairn_vault_chunks_done(cairn_vault_chunks *chunks)
{
    cairn_vault_gcm_done(&chunks->gcm);
}

/* The nonce of the next chunk, which is then passed. */
static cairn_err next_nonce(cairn_vault_chunks *chunks, bool last,
                            uint8_t ret_nonce[VAULT_NONCE_SIZE])
{
    if (chunks->index >= CAIRN_VAULT_CHUNK_COUNT_MAX)
        return CAIRN_FAIL(CAIRN_ERR_TOO_LARGE, "house", "vault object: more than %d chunks",
                          CAIRN_VAULT_CHUNK_COUNT_MAX);
    memcpy(ret_nonce, chunks->header + PREFIX_AT, PREFIX_SIZE);
    cairn_put_u32(ret_nonce + PREFIX_SIZE, chunks->index++);
    ret_nonce[VAULT_NONCE_SIZE - 1] = last ? 1 : 0;
    return CAIRN_OK;
}

cairn_err cairn_vault_chunks_seal(cairn_vault_chunks *chunks, bool last, cairn_bytes data,
                                  uint8_t *ret_out)
{
    uint8_t nonce[VAULT_NONCE_SIZE];
    CAIRN_TRY(next_nonce(chunks, last, nonce));
    return cairn_vault_gcm_seal(
        &chunks->gcm, nonce, cairn_bytes_of(chunks->header, sizeof chunks->header), data, ret_out);
}

cairn_err cairn_vault_chunks_open(cairn_vault_chunks *chunks, bool last, cairn_bytes sealed,
                                  uint8_t *ret_out)
{
    uint8_t nonce[VAULT_NONCE_SIZE];
    if (last && chunks->index > 0 && sealed.size == VAULT_TAG_SIZE)
        return CAIRN_FAIL(CAIRN_ERR_NOT_CANONICAL, "docs/formats/vault.md",
                          "vault object: empty last chunk");
    CAIRN_TRY(next_nonce(chunks, last, nonce));
    return cairn_vault_gcm_open(&chunks->gcm, nonce,
                                cairn_bytes_of(chunks->header, sizeof chunks->header), sealed,
                                ret_out);
}
