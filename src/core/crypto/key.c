/* The key object: making, references, identity, COSE_Key. */
#include "cairn/key.h"

#include <stdlib.h>

#include "cairn/cbor.h"
#include "cairn/sha256.h"
#include "core/crypto/key_impl.h"
#include "core/crypto/openssl.h"

static const char cose_clause[] = "RFC 9053 section 7";

static const cairn_key_facts facts_by_type[] = {
    [CAIRN_KEY_P256] = {CAIRN_ALG_ES256, 2, 1, 32, 64, "P-256"},
    [CAIRN_KEY_P384] = {CAIRN_ALG_ES384, 2, 2, 48, 96, "P-384"},
    [CAIRN_KEY_ED25519] = {CAIRN_ALG_EDDSA, 1, 6, 32, 32, "ED25519"},
};
enum { TYPE_COUNT = sizeof facts_by_type / sizeof facts_by_type[0] };

const cairn_key_facts *cairn_key_facts_of(cairn_key_type type)
{
    CAIRN_ASSERT((size_t)type < TYPE_COUNT);
    return &facts_by_type[type];
}

static void pkey_free_p(EVP_PKEY **pkey)
{
    EVP_PKEY_free(*pkey);
}

/* The contexts that signing and verifying copy. False when OpenSSL fails. */
static bool make_ec_prototypes(cairn_key *key)
{
    key->verify = EVP_PKEY_CTX_new_from_pkey(NULL, key->pkey, NULL);
    if (key->verify == NULL || EVP_PKEY_verify_init(key->verify) != 1)
        return false;
    if (!key->is_private)
        return true;
    key->sign = EVP_PKEY_CTX_new_from_pkey(NULL, key->pkey, NULL);
    return key->sign != NULL && EVP_PKEY_sign_init(key->sign) == 1;
}

static bool make_ed25519_prototypes(cairn_key *key)
{
    key->md_verify = EVP_MD_CTX_new();
    if (key->md_verify == NULL ||
        EVP_DigestVerifyInit_ex(key->md_verify, NULL, NULL, NULL, NULL, key->pkey, NULL) != 1)
        return false;
    if (!key->is_private)
        return true;
    key->md_sign = EVP_MD_CTX_new();
    return key->md_sign != NULL &&
           EVP_DigestSignInit_ex(key->md_sign, NULL, NULL, NULL, NULL, key->pkey, NULL) == 1;
}

/* A key that holds a reference of its own to `pkey`. `point` is its public part: to ask OpenSSL for
 * that costs as much as all the rest. */
static cairn_err key_wrap(cairn_key_type type, bool is_private, EVP_PKEY *pkey,
                          const uint8_t *point, cairn_key **ret_key)
{
    uint8_t cose[CAIRN_COSE_KEY_SIZE_MAX];
    size_t size = 0;
    CAIRN_CLEANUP(cairn_key_free_p) cairn_key *key = calloc(1, sizeof *key);
    if (key == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "key: %zu bytes", sizeof *key);
    key->references = 1;
    key->type = type;
    key->is_private = is_private;
    memcpy(key->point, point, cairn_key_facts_of(type)->point_size);
    CAIRN_TRY(cairn_key_to_cose(key, cose, &size));
    cairn_sha256_of(cose, size, &key->id);
    if (EVP_PKEY_up_ref(pkey) != 1)
        return cairn_openssl_fail("reference to a key");
    key->pkey = pkey;
    if (!(cairn_key_type_is_ec(type) ? make_ec_prototypes(key) : make_ed25519_prototypes(key)))
        return cairn_openssl_fail("contexts of a key");
    *ret_key = CAIRN_STEAL(key);
    return CAIRN_OK;
}

static cairn_err private_wrap(cairn_key_type type, EVP_PKEY *pkey, cairn_key **ret_key)
{
    uint8_t point[KEY_POINT_SIZE_MAX];
    CAIRN_TRY(cairn_key_pkey_point(type, pkey, point));
    return key_wrap(type, true, pkey, point, ret_key);
}

cairn_err cairn_key_generate(cairn_key_type type, cairn_key **ret_key)
{
    const cairn_key_facts *facts = cairn_key_facts_of(type);
    CAIRN_CLEANUP(pkey_free_p)
    EVP_PKEY *pkey = cairn_key_type_is_ec(type) ? EVP_PKEY_Q_keygen(NULL, NULL, "EC", facts->name)
                                                : EVP_PKEY_Q_keygen(NULL, NULL, facts->name);
    if (pkey == NULL)
        return cairn_openssl_fail("key generation");
    return private_wrap(type, pkey, ret_key);
}

cairn_err cairn_key_from_public(cairn_key_type type, cairn_bytes point, cairn_key **ret_key)
{
    const cairn_key_facts *facts = cairn_key_facts_of(type);
    if (point.size != facts->point_size)
        return CAIRN_FAIL(CAIRN_ERR_BAD_KEY, "house", "key: %zu bytes for %s", point.size,
                          facts->name);
    CAIRN_CLEANUP(pkey_free_p) EVP_PKEY *pkey = NULL;
    CAIRN_TRY(cairn_key_pkey_of_point(type, point, &pkey));
    return key_wrap(type, false, pkey, point.data, ret_key);
}

cairn_err cairn_key_from_private(cairn_key_type type, cairn_bytes secret, cairn_key **ret_key)
{
    const cairn_key_facts *facts = cairn_key_facts_of(type);
    if (secret.size != facts->field_size)
        return CAIRN_FAIL(CAIRN_ERR_BAD_KEY, "house", "key: %zu private bytes for %s", secret.size,
                          facts->name);
    CAIRN_CLEANUP(pkey_free_p) EVP_PKEY *pkey = NULL;
    CAIRN_TRY(cairn_key_pkey_of_secret(type, secret, &pkey));
    return private_wrap(type, pkey, ret_key);
}

cairn_key *cairn_key_ref(cairn_key *key)
{
    if (key != NULL)
        (void)__atomic_add_fetch(&key->references, 1, __ATOMIC_RELAXED);
    return key;
}

void cairn_key_free(cairn_key *key)
{
    if (key == NULL || __atomic_sub_fetch(&key->references, 1, __ATOMIC_ACQ_REL) != 0)
        return;
    EVP_PKEY_CTX_free(key->verify);
    EVP_PKEY_CTX_free(key->sign);
    EVP_MD_CTX_free(key->md_verify);
    EVP_MD_CTX_free(key->md_sign);
    EVP_PKEY_free(key->pkey);
    free(key);
}

cairn_bytes cairn_key_public(const cairn_key *key)
{
    return cairn_bytes_of(key->point, cairn_key_facts_of(key->type)->point_size);
}

cairn_key_type cairn_key_get_type(const cairn_key *key)
{
    return key->type;
}

cairn_alg cairn_key_alg(const cairn_key *key)
{
    return cairn_key_facts_of(key->type)->alg;
}

bool cairn_key_is_private(const cairn_key *key)
{
    return key->is_private;
}

const cairn_hash *cairn_key_id(const cairn_key *key)
{
    return &key->id;
}

/* These are the members that RFC 9679 section 4 hashes, so this encoding is the thumbprint's
 * preimage as well. */
cairn_err cairn_key_to_cose(const cairn_key *key, uint8_t ret_out[CAIRN_COSE_KEY_SIZE_MAX],
                            size_t *ret_size)
{
    const cairn_key_facts *facts = cairn_key_facts_of(key->type);
    cairn_bytes encoded = {0};
    cairn_cbor_writer writer;
    cairn_cbor_writer_init(&writer, ret_out, CAIRN_COSE_KEY_SIZE_MAX);
    cairn_cbor_put_map(&writer, cairn_key_type_is_ec(key->type) ? 4 : 3);
    cairn_cbor_put_int(&writer, 1);
    cairn_cbor_put_int(&writer, facts->kty);
    cairn_cbor_put_int(&writer, -1);
    cairn_cbor_put_int(&writer, facts->crv);
    cairn_cbor_put_int(&writer, -2);
    cairn_cbor_put_bytes(&writer, cairn_bytes_of(key->point, facts->field_size));
    if (cairn_key_type_is_ec(key->type)) {
        cairn_cbor_put_int(&writer, -3);
        cairn_cbor_put_bytes(&writer,
                             cairn_bytes_of(key->point + facts->field_size, facts->field_size));
    }
    CAIRN_TRY(cairn_cbor_writer_end(&writer, &encoded));
    *ret_size = encoded.size;
    return CAIRN_OK;
}

static cairn_err type_of(int64_t kty, int64_t crv, cairn_key_type *ret_type)
{
    for (size_t i = 0; i < TYPE_COUNT; i++)
        if (facts_by_type[i].kty == kty && facts_by_type[i].crv == crv) {
            *ret_type = (cairn_key_type)i;
            return CAIRN_OK;
        }
    return CAIRN_FAIL(CAIRN_ERR_BAD_KEY, cose_clause, "cose-key.crv: kty %lld with crv %lld",
                      (long long)kty, (long long)crv);
}

static cairn_err read_coordinate(cairn_cbor_reader *reader, cairn_cbor_map *map, int64_t label,
                                 const char *field, size_t size, uint8_t *ret_out)
{
    cairn_bytes value = {0};
    CAIRN_TRY(cairn_cbor_key(reader, map, label, field));
    CAIRN_TRY(cairn_cbor_read_bytes(reader, field, size, size, &value));
    memcpy(ret_out, value.data, size);
    return CAIRN_OK;
}

cairn_err cairn_key_from_cose(cairn_bytes cose_key, cairn_key **ret_key)
{
    cairn_cbor_reader reader;
    cairn_cbor_map map = {0};
    cairn_key_type type = CAIRN_KEY_P256;
    uint8_t point[KEY_POINT_SIZE_MAX];
    int64_t kty = 0;
    int64_t crv = 0;
    CAIRN_TRY(cairn_cbor_open(&reader, cose_key, CAIRN_CBOR_STRICT, "cose-key", cose_clause));
    CAIRN_TRY(cairn_cbor_read_map(&reader, "map", &map));
    CAIRN_TRY(cairn_cbor_key(&reader, &map, 1, "kty"));
    CAIRN_TRY(cairn_cbor_read_int(&reader, "kty", INT64_MIN, INT64_MAX, &kty));
    CAIRN_TRY(cairn_cbor_key(&reader, &map, -1, "crv"));
    CAIRN_TRY(cairn_cbor_read_int(&reader, "crv", INT64_MIN, INT64_MAX, &crv));
    CAIRN_TRY(type_of(kty, crv, &type));
    size_t size = cairn_key_facts_of(type)->field_size;
    CAIRN_TRY(read_coordinate(&reader, &map, -2, "x", size, point));
    if (cairn_key_type_is_ec(type))
        CAIRN_TRY(read_coordinate(&reader, &map, -3, "y", size, point + size));
    CAIRN_TRY(cairn_cbor_end_map(&reader, &map));
    return cairn_key_from_public(type, cairn_bytes_of(point, cairn_key_facts_of(type)->point_size),
                                 ret_key);
}
