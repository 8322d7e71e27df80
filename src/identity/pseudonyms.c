/* Derivation of pseudonyms: two PRF calls, nothing that the ledger ever sees but the result. */
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>

#include "core/crypto/hmac.h"
#include "core/crypto/secret.h"
#include "identity/identity.h"

static const char clause[] = "docs/formats/identity.md";

enum { INPUT_SIZE_MAX = 256, MASTER_SIZE_MIN = 32 };

/* Appends a length-prefixed part: without the length ("a", "bc") and ("ab", "c") would be one. */
static uint8_t *put_part(uint8_t *at, cairn_bytes part)
{
    cairn_put_u16(at, (uint16_t)part.size);
    memcpy(at + 2, part.data, part.size);
    return at + 2 + part.size;
}

cairn_err cairn_pseudonym_derive(const uint8_t key[CAIRN_PSEUDONYM_KEY_SIZE],
                                 const cairn_hash *ledger, cairn_bytes context, uint32_t rotation,
                                 cairn_bytes identifier, cairn_hash *ret_pseudonym)
{
    static const char magic[] = "cairn/pseudonym/1";
    uint8_t message[sizeof magic + 32 + 4 + 2 * (2 + INPUT_SIZE_MAX)];
    uint8_t rotation_bytes[4];
    if (context.size == 0 || context.size > INPUT_SIZE_MAX || identifier.size == 0 ||
        identifier.size > INPUT_SIZE_MAX)
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, clause,
                          "pseudonym: context and identifier have 1 to %d bytes", INPUT_SIZE_MAX);
    cairn_put_u32(rotation_bytes, rotation);
    /* [X1410-R04] [X1454-R07] the context is part of it, so that two of them cannot be joined */
    memcpy(message, magic, sizeof magic - 1);
    uint8_t *at = message + sizeof magic - 1;
    memcpy(at, ledger->b, sizeof ledger->b);
    memcpy(at + 32, rotation_bytes, 4);
    at = put_part(put_part(at + 36, context), identifier);
    const cairn_bytes whole = cairn_bytes_of(message, (size_t)(at - message));
    cairn_err err =
        cairn_hmac_sha256(cairn_bytes_of(key, CAIRN_PSEUDONYM_KEY_SIZE), &whole, 1, ret_pseudonym);
    cairn_wipe(message, sizeof message);
    return err;
}

cairn_err cairn_pseudonym_key_derive(cairn_bytes master, const cairn_hash *org,
                                     const cairn_hash *ledger,
                                     uint8_t ret_key[CAIRN_PSEUDONYM_KEY_SIZE])
{
    uint8_t info[22 + 64] = "cairn/pseudonym-key/1";
    memcpy(info + 22, org->b, 32);
    memcpy(info + 54, ledger->b, 32);
    if (master.size < MASTER_SIZE_MIN)
        return CAIRN_FAIL(CAIRN_ERR_BAD_KEY, clause, "pseudonym key: a secret of at least %d bytes",
                          MASTER_SIZE_MIN);
    EVP_KDF *hkdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
    EVP_KDF_CTX *ctx = hkdf == NULL ? NULL : EVP_KDF_CTX_new(hkdf);
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, (char[]){"SHA256"}, 0),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, (void *)(uintptr_t)master.data,
                                          master.size),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, info, sizeof info),
        OSSL_PARAM_construct_end(),
    };
    bool good = ctx != NULL && EVP_KDF_derive(ctx, ret_key, CAIRN_PSEUDONYM_KEY_SIZE, params) == 1;
    EVP_KDF_CTX_free(ctx);
    EVP_KDF_free(hkdf);
    if (!good)
        return CAIRN_FAIL(CAIRN_ERR_CRYPTO, "RFC 5869", "pseudonym key: HKDF failed");
    return CAIRN_OK;
}
