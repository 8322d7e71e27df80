/* HMAC-SHA-256 on a copy of the process's context. */
#include "core/crypto/hmac.h"

#include "core/crypto/openssl.h"

cairn_err cairn_hmac_sha256(cairn_bytes key, const cairn_bytes *parts, size_t count,
                            cairn_hash *ret_mac)
{
    const cairn_openssl *openssl = NULL;
    cairn_hash mac;
    size_t size = 0;
    if (key.size == 0) /* OpenSSL would take it for the key of the last use */
        return CAIRN_FAIL(CAIRN_ERR_BAD_KEY, "RFC 2104", "HMAC key: empty");
    CAIRN_TRY(cairn_openssl_get(&openssl));
    EVP_MAC_CTX *ctx = EVP_MAC_CTX_dup(openssl->hmac_sha256);
    bool made = ctx != NULL && EVP_MAC_init(ctx, key.data, key.size, NULL) == 1;
    for (size_t i = 0; made && i < count; i++)
        made = EVP_MAC_update(ctx, parts[i].data, parts[i].size) == 1;
    made = made && EVP_MAC_final(ctx, mac.b, &size, sizeof mac.b) == 1;
    EVP_MAC_CTX_free(ctx);
    if (!made)
        return cairn_openssl_fail("HMAC");
    *ret_mac = mac;
    return CAIRN_OK;
}
