/* Keys of OpenSSL from raw parts and back. */
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ecerr.h>
#include <openssl/err.h>

#include "core/crypto/key_impl.h"
#include "core/crypto/openssl.h"
#include "core/crypto/secret.h"

enum { UNCOMPRESSED = 0x04, UNCOMPRESSED_SIZE_MAX = 1 + KEY_POINT_SIZE_MAX };

static void pkey_free_p(EVP_PKEY **pkey)
{
    EVP_PKEY_free(*pkey);
}

static void pkey_ctx_free_p(EVP_PKEY_CTX **ctx)
{
    EVP_PKEY_CTX_free(*ctx);
}

static void bn_free_p(BIGNUM **bn)
{
    BN_clear_free(*bn);
}

/* True when OpenSSL said that the point is wrong, and nothing else. It says "not on curve" as well
 * when an allocation failed while it was looking; then there is another error before that. */
static bool point_was_refused(void)
{
    bool refused = false;
    for (unsigned long e = ERR_get_error(); e != 0; e = ERR_get_error()) {
        bool wrong =
            ERR_GET_LIB(e) == ERR_LIB_EC && (ERR_GET_REASON(e) == EC_R_POINT_IS_NOT_ON_CURVE ||
                                             ERR_GET_REASON(e) == EC_R_INVALID_ENCODING);
        if (ERR_GET_LIB(e) == ERR_LIB_BN || ERR_GET_REASON(e) == ERR_R_MALLOC_FAILURE) {
            ERR_clear_error();
            return false;
        }
        refused |= wrong;
    }
    return refused;
}

static cairn_err ec_of_point(cairn_key_type type, cairn_bytes point, EVP_PKEY **ret_pkey)
{
    const cairn_openssl *openssl = NULL;
    CAIRN_TRY(cairn_openssl_get(&openssl));
    uint8_t encoded[UNCOMPRESSED_SIZE_MAX] = {UNCOMPRESSED};
    memcpy(encoded + 1, point.data, point.size);
    CAIRN_CLEANUP(pkey_free_p) EVP_PKEY *pkey = EVP_PKEY_new();
    if (pkey == NULL || EVP_PKEY_copy_parameters(pkey, openssl->curves[type]) != 1)
        return cairn_openssl_fail("parameters of a key");
    ERR_clear_error();
    if (EVP_PKEY_set1_encoded_public_key(pkey, encoded, point.size + 1) != 1) {
        if (point_was_refused())
            return CAIRN_FAIL(CAIRN_ERR_BAD_KEY, "SEC 1 section 3.2.2", "key: point not on %s",
                              cairn_key_facts_of(type)->name);
        return cairn_openssl_fail("public key");
    }
    *ret_pkey = CAIRN_STEAL(pkey);
    return CAIRN_OK;
}

cairn_err cairn_key_pkey_of_point(cairn_key_type type, cairn_bytes point, EVP_PKEY **ret_pkey)
{
    CAIRN_ASSERT(point.size == cairn_key_facts_of(type)->point_size);
    if (cairn_key_type_is_ec(type))
        return ec_of_point(type, point, ret_pkey);
    CAIRN_TRY(cairn_ed25519_check_point(point));
    EVP_PKEY *pkey = EVP_PKEY_new_raw_public_key_ex(NULL, "ED25519", NULL, point.data, point.size);
    if (pkey == NULL)
        return cairn_openssl_fail("public key");
    *ret_pkey = pkey;
    return CAIRN_OK;
}

/* The public point of a scalar, uncompressed. False when OpenSSL fails. */
static bool ec_public_of(const EC_GROUP *group, const BIGNUM *scalar, uint8_t *ret_encoded,
                         size_t size)
{
    EC_POINT *point = EC_POINT_new(group);
    bool made = point != NULL && EC_POINT_mul(group, point, scalar, NULL, NULL, NULL) == 1 &&
                EC_POINT_point2oct(group, point, POINT_CONVERSION_UNCOMPRESSED, ret_encoded, size,
                                   NULL) == size;
    EC_POINT_free(point);
    return made;
}

static cairn_err ec_fromdata(cairn_key_type type, BIGNUM *scalar, uint8_t *encoded,
                             EVP_PKEY **ret_pkey)
{
    const cairn_key_facts *facts = cairn_key_facts_of(type);
    CAIRN_CLEANUP(cairn_secret_wipe) cairn_secret native = {.size = facts->field_size};
    char group[16];
    (void)OPENSSL_strlcpy(group, facts->name, sizeof group);
    if (BN_bn2nativepad(scalar, native.data, (int)native.size) < 0)
        return cairn_openssl_fail("private key");
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group, 0),
        OSSL_PARAM_construct_BN(OSSL_PKEY_PARAM_PRIV_KEY, native.data, native.size),
        OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, encoded, facts->point_size + 1),
        OSSL_PARAM_construct_end(),
    };
    CAIRN_CLEANUP(pkey_ctx_free_p)
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    EVP_PKEY *pkey = NULL;
    if (ctx == NULL || EVP_PKEY_fromdata_init(ctx) != 1 ||
        EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_KEYPAIR, params) != 1)
        return cairn_openssl_fail("private key");
    *ret_pkey = pkey;
    return CAIRN_OK;
}

static cairn_err ec_of_secret(cairn_key_type type, cairn_bytes secret, EVP_PKEY **ret_pkey)
{
    const cairn_openssl *openssl = NULL;
    CAIRN_TRY(cairn_openssl_get(&openssl));
    const EC_GROUP *group = openssl->groups[type];
    uint8_t encoded[UNCOMPRESSED_SIZE_MAX];
    CAIRN_CLEANUP(bn_free_p)
    BIGNUM *scalar = BN_bin2bn(secret.data, (int)secret.size, NULL);
    if (scalar == NULL)
        return cairn_openssl_fail("private key");
    BN_set_flags(scalar, BN_FLG_CONSTTIME);
    if (BN_is_zero(scalar) || BN_cmp(scalar, EC_GROUP_get0_order(group)) >= 0)
        return CAIRN_FAIL(CAIRN_ERR_BAD_KEY, "FIPS 186-4 B.4.2",
                          "key: private scalar out of range");
    if (!ec_public_of(group, scalar, encoded, cairn_key_facts_of(type)->point_size + 1))
        return cairn_openssl_fail("public key of a private key");
    return ec_fromdata(type, scalar, encoded, ret_pkey);
}

cairn_err cairn_key_pkey_of_secret(cairn_key_type type, cairn_bytes secret, EVP_PKEY **ret_pkey)
{
    CAIRN_ASSERT(secret.size == cairn_key_facts_of(type)->field_size);
    if (cairn_key_type_is_ec(type))
        return ec_of_secret(type, secret, ret_pkey);
    EVP_PKEY *pkey =
        EVP_PKEY_new_raw_private_key_ex(NULL, "ED25519", NULL, secret.data, secret.size);
    if (pkey == NULL)
        return cairn_openssl_fail("private key");
    *ret_pkey = pkey;
    return CAIRN_OK;
}

static bool get_number(const EVP_PKEY *pkey, const char *name, uint8_t *ret_out, size_t size)
{
    BIGNUM *number = NULL;
    bool got = EVP_PKEY_get_bn_param(pkey, name, &number) == 1 &&
               BN_bn2binpad(number, ret_out, (int)size) == (int)size;
    BN_clear_free(number);
    return got;
}

cairn_err cairn_key_pkey_point(cairn_key_type type, const EVP_PKEY *pkey,
                               uint8_t ret_point[KEY_POINT_SIZE_MAX])
{
    const cairn_key_facts *facts = cairn_key_facts_of(type);
    size_t size = facts->point_size;
    bool got = cairn_key_type_is_ec(type)
                   ? get_number(pkey, OSSL_PKEY_PARAM_EC_PUB_X, ret_point, size / 2) &&
                         get_number(pkey, OSSL_PKEY_PARAM_EC_PUB_Y, ret_point + size / 2, size / 2)
                   : EVP_PKEY_get_raw_public_key(pkey, ret_point, &size) == 1;
    return got ? CAIRN_OK : cairn_openssl_fail("public point");
}

cairn_err cairn_key_pkey_secret(cairn_key_type type, const EVP_PKEY *pkey,
                                uint8_t ret_secret[KEY_FIELD_SIZE_MAX])
{
    size_t size = cairn_key_facts_of(type)->field_size;
    bool got = cairn_key_type_is_ec(type)
                   ? get_number(pkey, OSSL_PKEY_PARAM_PRIV_KEY, ret_secret, size)
                   : EVP_PKEY_get_raw_private_key(pkey, ret_secret, &size) == 1;
    return got ? CAIRN_OK : cairn_openssl_fail("private part");
}
