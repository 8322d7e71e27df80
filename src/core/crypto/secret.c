/* Secret bytes. */
#include "core/crypto/secret.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include "core/crypto/openssl.h"

void cairn_wipe(void *memory, size_t size)
{
    if (size != 0)
        OPENSSL_cleanse(memory, size);
}

void cairn_secret_wipe(cairn_secret *secret)
{
    cairn_wipe(secret, sizeof *secret);
}

cairn_err cairn_secret_set(cairn_secret *secret, cairn_bytes bytes)
{
    if (bytes.size > sizeof secret->data)
        return CAIRN_FAIL(CAIRN_ERR_TOO_LARGE, "house", "secret: %zu bytes", bytes.size);
    cairn_secret_wipe(secret);
    if (bytes.size != 0)
        memcpy(secret->data, bytes.data, bytes.size);
    secret->size = bytes.size;
    return CAIRN_OK;
}

cairn_err cairn_secret_random(cairn_secret *secret, size_t size)
{
    CAIRN_ASSERT(size > 0 && size <= sizeof secret->data);
    cairn_secret_wipe(secret);
    if (RAND_priv_bytes(secret->data, (int)size) != 1) {
        cairn_secret_wipe(secret);
        return cairn_openssl_fail("random generator");
    }
    secret->size = size;
    return CAIRN_OK;
}

bool cairn_secret_equal(cairn_bytes a, cairn_bytes b)
{
    return a.size == b.size && (a.size == 0 || CRYPTO_memcmp(a.data, b.data, a.size) == 0);
}
