/* Signing and verifying. Each operation copies a context that the key holds ready. */
#include <openssl/ecerr.h>
#include <openssl/err.h>

#include "cairn/sha256.h"
#include "core/crypto/key_impl.h"
#include "core/crypto/openssl.h"
#include "core/crypto/secret.h"

static cairn_err sha384(cairn_bytes message, uint8_t ret_digest[KEY_FIELD_SIZE_MAX])
{
    const cairn_openssl *openssl = NULL;
    cairn_openssl_thread *thread = NULL;
    CAIRN_TRY(cairn_openssl_get(&openssl));
    CAIRN_TRY(cairn_openssl_get_thread(&thread));
    if (EVP_DigestInit_ex2(thread->md, openssl->sha384, NULL) != 1 ||
        EVP_DigestUpdate(thread->md, message.data, message.size) != 1 ||
        EVP_DigestFinal_ex(thread->md, ret_digest, NULL) != 1)
        return cairn_openssl_fail("SHA-384");
    return CAIRN_OK;
}

cairn_err cairn_key_digest(cairn_key_type type, cairn_bytes message,
                           uint8_t ret_digest[KEY_FIELD_SIZE_MAX])
{
    if (type == CAIRN_KEY_P384)
        return sha384(message, ret_digest);
    cairn_hash hash;
    cairn_sha256_of(message.data, message.size, &hash);
    memcpy(ret_digest, hash.b, sizeof hash.b);
    return CAIRN_OK;
}

static cairn_err ec_sign(const cairn_key *key, cairn_bytes message, uint8_t *ret_signature)
{
    uint8_t digest[KEY_FIELD_SIZE_MAX];
    uint8_t der[KEY_DER_SIGNATURE_MAX];
    size_t der_size = sizeof der;
    size_t half = cairn_key_facts_of(key->type)->field_size;
    CAIRN_TRY(cairn_key_digest(key->type, message, digest));
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_dup(key->sign);
    bool made = ctx != NULL && EVP_PKEY_sign(ctx, der, &der_size, digest, half) == 1;
    EVP_PKEY_CTX_free(ctx);
    /* OpenSSL 3.0 reports success with a wrong size when an allocation fails while it encodes. */
    if (!made || der_size > sizeof der ||
        cairn_signature_from_der(cairn_bytes_of(der, der_size), half, ret_signature) != CAIRN_OK)
        return cairn_openssl_fail("signature");
    cairn_signature_make_low(key->type, ret_signature);
    return CAIRN_OK;
}

static cairn_err ed25519_sign(const cairn_key *key, cairn_bytes message, uint8_t *ret_signature)
{
    cairn_openssl_thread *thread = NULL;
    size_t size = 64;
    CAIRN_TRY(cairn_openssl_get_thread(&thread));
    bool made = EVP_MD_CTX_copy_ex(thread->md, key->md_sign) == 1 &&
                EVP_DigestSign(thread->md, ret_signature, &size, message.data, message.size) == 1;
    (void)EVP_MD_CTX_reset(thread->md);
    return made ? CAIRN_OK : cairn_openssl_fail("signature");
}

cairn_err cairn_key_sign(const cairn_key *key, cairn_bytes message,
                         uint8_t ret_signature[CAIRN_SIGNATURE_SIZE_MAX], size_t *ret_size)
{
    if (!key->is_private)
        return CAIRN_FAIL(CAIRN_ERR_ARGUMENT, "house", "key: public keys do not sign");
    CAIRN_TRY(cairn_key_type_is_ec(key->type) ? ec_sign(key, message, ret_signature)
                                              : ed25519_sign(key, message, ret_signature));
    *ret_size = 2 * cairn_key_facts_of(key->type)->field_size;
    return CAIRN_OK;
}

static cairn_err verdict(int result)
{
    if (result == 1)
        return CAIRN_OK;
    if (result < 0)
        return cairn_openssl_fail("verification");
    ERR_clear_error();
    return CAIRN_FAIL(CAIRN_ERR_BAD_SIGNATURE, "house", "signature: does not verify");
}

/* Who has the key can make a signature for which the point that is compared has no x. OpenSSL takes
 * that for a failure of its own. */
static bool is_at_infinity(void)
{
    unsigned long first = ERR_peek_error();
    return ERR_GET_LIB(first) == ERR_LIB_EC && ERR_GET_REASON(first) == EC_R_POINT_AT_INFINITY;
}

/* Zero is OpenSSL's "no"; else negative is that it could not tell, for our DER is always
 * well-formed. */
static cairn_err ec_verify(const cairn_key *key, cairn_bytes message, cairn_bytes signature)
{
    uint8_t digest[KEY_FIELD_SIZE_MAX];
    uint8_t der[KEY_DER_SIGNATURE_MAX];
    size_t half = cairn_key_facts_of(key->type)->field_size;
    CAIRN_TRY(cairn_key_digest(key->type, message, digest));
    size_t der_size = cairn_signature_to_der(signature.data, half, der);
    ERR_clear_error();
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_dup(key->verify);
    int result = ctx == NULL ? -1 : EVP_PKEY_verify(ctx, der, der_size, digest, half);
    EVP_PKEY_CTX_free(ctx);
    if (result < 0 && is_at_infinity())
        result = 0;
    return verdict(result);
}

static cairn_err ed25519_verify(const cairn_key *key, cairn_bytes message, cairn_bytes signature)
{
    cairn_openssl_thread *thread = NULL;
    int result = 0;
    CAIRN_TRY(cairn_openssl_get_thread(&thread));
    /* OpenSSL 3.0 says zero as well when an allocation fails inside; only a second zero counts. */
    for (int attempt = 0; attempt < 2 && result == 0; attempt++) {
        if (EVP_MD_CTX_copy_ex(thread->md, key->md_verify) != 1)
            return cairn_openssl_fail("context of a verification");
        result = EVP_DigestVerify(thread->md, signature.data, signature.size, message.data,
                                  message.size);
        (void)EVP_MD_CTX_reset(thread->md);
    }
    return verdict(result);
}

cairn_err cairn_key_verify(const cairn_key *key, cairn_bytes message, cairn_bytes signature)
{
    if (signature.size != 2 * cairn_key_facts_of(key->type)->field_size)
        return CAIRN_FAIL(CAIRN_ERR_BAD_SIGNATURE, "house", "signature: %zu bytes", signature.size);
    return cairn_key_type_is_ec(key->type) ? ec_verify(key, message, signature)
                                           : ed25519_verify(key, message, signature);
}
