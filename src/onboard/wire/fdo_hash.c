/* Hashes and HMACs of FDO. */
#include "onboard/wire/fdo_hash.h"

#include "cairn/sha256.h"
#include "core/crypto/openssl.h"
#include "core/crypto/secret.h"

#include <openssl/hmac.h>

static const char clause[] = "FDO 1.1, 3.3.2";

enum { SECRET_SIZE_MAX = 64 };

static size_t size_of(int64_t alg)
{
    switch (alg) {
    case CAIRN_FDO_SHA256:
    case CAIRN_FDO_HMAC256:
        return 32;
    case CAIRN_FDO_SHA384:
    case CAIRN_FDO_HMAC384:
        return 48;
    default:
        return 0;
    }
}

static bool is_hmac(int64_t alg)
{
    return alg == CAIRN_FDO_HMAC256 || alg == CAIRN_FDO_HMAC384;
}

static cairn_err sha384_of(const cairn_bytes *pieces, size_t count, uint8_t *ret_digest)
{
    const cairn_openssl *openssl = NULL;
    cairn_openssl_thread *thread = NULL;
    CAIRN_TRY(cairn_openssl_get(&openssl));
    CAIRN_TRY(cairn_openssl_get_thread(&thread));
    bool good = EVP_DigestInit_ex(thread->md, openssl->sha384, NULL) == 1;
    for (size_t i = 0; good && i < count; i++)
        good = EVP_DigestUpdate(thread->md, pieces[i].data, pieces[i].size) == 1;
    if (!good || EVP_DigestFinal_ex(thread->md, ret_digest, NULL) != 1)
        return cairn_openssl_fail("SHA-384");
    return CAIRN_OK;
}

cairn_err cairn_fdo_hash_of(int64_t alg, const cairn_bytes *pieces, size_t count,
                            cairn_fdo_hash *ret_hash)
{
    CAIRN_ASSERT(alg == CAIRN_FDO_SHA256 || alg == CAIRN_FDO_SHA384);
    cairn_fdo_hash hash = {.alg = alg, .size = size_of(alg)};
    if (alg == CAIRN_FDO_SHA256) {
        cairn_hash digest;
        cairn_sha256_parts(pieces, count, &digest);
        memcpy(hash.b, digest.b, sizeof digest.b);
    } else {
        CAIRN_TRY(sha384_of(pieces, count, hash.b));
    }
    *ret_hash = hash;
    return CAIRN_OK;
}

cairn_err cairn_fdo_hmac_of(int64_t alg, cairn_bytes secret, cairn_bytes message,
                            cairn_fdo_hash *ret_hmac)
{
    CAIRN_ASSERT(is_hmac(alg) && secret.size > 0 && secret.size <= SECRET_SIZE_MAX);
    cairn_fdo_hash hmac = {.alg = alg, .size = size_of(alg)};
    const EVP_MD *md = alg == CAIRN_FDO_HMAC256 ? EVP_sha256() : EVP_sha384();
    if (HMAC(md, secret.data, (int)secret.size, message.data, message.size, hmac.b, NULL) == NULL)
        return cairn_openssl_fail("HMAC");
    *ret_hmac = hmac;
    return CAIRN_OK;
}

bool cairn_fdo_hash_equal(const cairn_fdo_hash *a, const cairn_fdo_hash *b)
{
    return a->alg == b->alg &&
           cairn_secret_equal(cairn_bytes_of(a->b, a->size), cairn_bytes_of(b->b, b->size));
}

static cairn_err read_one(cairn_cbor_reader *reader, const char *field, bool want_hmac,
                          cairn_fdo_hash *ret_hash)
{
    cairn_fdo_hash hash = {0};
    size_t count = 0;
    cairn_bytes value;
    CAIRN_TRY(cairn_cbor_read_array(reader, field, 2, 2, &count));
    CAIRN_TRY(cairn_cbor_read_int(reader, field, INT32_MIN, INT32_MAX, &hash.alg));
    hash.size = size_of(hash.alg);
    if (hash.size == 0 || is_hmac(hash.alg) != want_hmac)
        return CAIRN_FAIL(CAIRN_ERR_BAD_ALGORITHM, clause, "%s.%s: %lld is no %s", reader->object,
                          field, (long long)hash.alg, want_hmac ? "HMAC" : "hash");
    CAIRN_TRY(cairn_cbor_read_bytes(reader, field, hash.size, hash.size, &value));
    memcpy(hash.b, value.data, hash.size);
    *ret_hash = hash;
    return CAIRN_OK;
}

cairn_err cairn_fdo_hash_read(cairn_cbor_reader *reader, const char *field,
                              cairn_fdo_hash *ret_hash)
{
    return read_one(reader, field, false, ret_hash);
}

cairn_err cairn_fdo_hmac_read(cairn_cbor_reader *reader, const char *field,
                              cairn_fdo_hash *ret_hmac)
{
    return read_one(reader, field, true, ret_hmac);
}

void cairn_fdo_hash_put(cairn_cbor_writer *writer, const cairn_fdo_hash *hash)
{
    cairn_cbor_put_array(writer, 2);
    cairn_cbor_put_int(writer, hash->alg);
    cairn_cbor_put_bytes(writer, cairn_bytes_of(hash->b, hash->size));
}
