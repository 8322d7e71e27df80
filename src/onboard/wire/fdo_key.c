/* Public keys of FDO, and the signatures that are made and verified with them. */
#include "onboard/wire/fdo_key.h"

#include <openssl/err.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdlib.h>

#include "core/crypto/key_impl.h"
#include "core/crypto/openssl.h"

static const char clause[] = "FDO 1.1, 3.3.4";

enum {
    CHAIN_MAX = 10, /* certificates of an x5chain */
    RSA_BITS_MIN = 2048,
    RSA_BITS_MAX = 4096,
    ALG_PS256 = -37, /* COSE (RFC 8230, RFC 8812) */
    ALG_PS384 = -38,
    ALG_RS256 = -257,
    ALG_RS384 = -258,
};

struct cairn_fdo_key {
    unsigned references; /* atomic */
    cairn_fdo_key_type type;
    unsigned bits;
    cairn_key *ec; /* NULL for RSA */
    EVP_PKEY *rsa; /* NULL for EC */
    size_t size;   /* of `encoded` */
    uint8_t encoded[];
};

/* Key material on its way into a key. */
typedef struct material {
    cairn_key *ec;
    EVP_PKEY *rsa;
} material;

static void material_done(material *m)
{
    cairn_key_free(m->ec);
    EVP_PKEY_free(m->rsa);
}

static bool type_is_rsa(int64_t type)
{
    return type == CAIRN_FDO_KEY_RSA2048RESTR || type == CAIRN_FDO_KEY_RSAPKCS ||
           type == CAIRN_FDO_KEY_RSAPSS;
}

static cairn_key_type curve_of(int64_t type)
{
    return type == CAIRN_FDO_KEY_P256 ? CAIRN_KEY_P256 : CAIRN_KEY_P384;
}

/* --- reading --- */

static cairn_err bad_key(const cairn_cbor_reader *reader, const char *field, const char *what)
{
    ERR_clear_error();
    return CAIRN_FAIL(CAIRN_ERR_BAD_KEY, clause, "%s.%s: %s", reader->object, field, what);
}

static cairn_err check_rsa(const cairn_cbor_reader *reader, const char *field, int64_t type,
                           EVP_PKEY *rsa)
{
    BIGNUM *exponent = NULL;
    int bits = EVP_PKEY_get_bits(rsa);
    if (EVP_PKEY_get_base_id(rsa) != EVP_PKEY_RSA || bits < RSA_BITS_MIN || bits > RSA_BITS_MAX)
        return bad_key(reader, field, "not RSA of 2,048 to 4,096 bits");
    if (type != CAIRN_FDO_KEY_RSA2048RESTR)
        return CAIRN_OK;
    if (EVP_PKEY_get_bn_param(rsa, "e", &exponent) != 1)
        return cairn_openssl_fail("exponent of an RSA key");
    bool restricted = bits == RSA_BITS_MIN && BN_is_word(exponent, RSA_F4);
    BN_free(exponent);
    return restricted ? CAIRN_OK : bad_key(reader, field, "not RSA-2048 with the exponent 65537");
}

static cairn_err read_spki(const cairn_cbor_reader *reader, const char *field, int64_t type,
                           cairn_bytes spki, material *m)
{
    cairn_key_type curve = CAIRN_KEY_P256;
    cairn_bytes point = {0};
    if (!type_is_rsa(type)) {
        if (!cairn_key_split_spki(spki, &curve, &point) || curve != curve_of(type))
            return bad_key(reader, field, "not an uncompressed point of the type's curve");
        return cairn_key_from_public(curve, point, &m->ec);
    }
    const uint8_t *at = spki.data;
    ERR_clear_error();
    m->rsa = d2i_PUBKEY(NULL, &at, (long)spki.size);
    if (m->rsa == NULL || at != spki.data + spki.size)
        return bad_key(reader, field, "not a SubjectPublicKeyInfo");
    return check_rsa(reader, field, type, m->rsa);
}

/* The leaf's key; whom its chain leads to is not asked here: what vouches for an owner is the
 * voucher. */
static cairn_err read_x5chain(cairn_cbor_reader *reader, const char *field, int64_t type,
                              material *m)
{
    size_t count = 0;
    cairn_bytes leaf = {0};
    cairn_bytes other = {0};
    uint8_t *spki = NULL;
    CAIRN_TRY(cairn_cbor_read_array(reader, field, 1, CHAIN_MAX, &count));
    CAIRN_TRY(cairn_cbor_read_bytes(reader, field, 1, CAIRN_FDO_KEY_SIZE_MAX, &leaf));
    for (size_t i = 1; i < count; i++)
        CAIRN_TRY(cairn_cbor_read_bytes(reader, field, 1, CAIRN_FDO_KEY_SIZE_MAX, &other));
    const uint8_t *at = leaf.data;
    ERR_clear_error();
    X509 *certificate = d2i_X509(NULL, &at, (long)leaf.size);
    int size = certificate == NULL || at != leaf.data + leaf.size
                   ? -1
                   : i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &spki);
    X509_free(certificate);
    cairn_err err = size <= 0
                        ? bad_key(reader, field, "not a certificate")
                        : read_spki(reader, field, type, cairn_bytes_of(spki, (size_t)size), m);
    OPENSSL_free(spki);
    return err;
}

/* Members 1, -1, -2, -3 of an EC2 key in any order; others, such as alg, are passed over. */
static cairn_err read_cose(cairn_cbor_reader *reader, const char *field, int64_t type, material *m)
{
    const cairn_key_facts *facts = cairn_key_facts_of(curve_of(type));
    size_t half = facts->field_size;
    uint8_t point[KEY_POINT_SIZE_MAX];
    int64_t kty = 0;
    int64_t crv = 0;
    cairn_bytes x = {0};
    cairn_bytes y = {0};
    cairn_cbor_map map;
    CAIRN_TRY(cairn_cbor_read_map(reader, field, &map));
    for (; map.left > 0; map.left--) {
        cairn_bytes skipped = {0};
        int64_t label = INT64_MAX;
        cairn_cbor_type key_type = cairn_cbor_peek(reader);
        if (key_type == CAIRN_CBOR_UINT || key_type == CAIRN_CBOR_NINT)
            CAIRN_TRY(cairn_cbor_read_int(reader, field, INT64_MIN, INT64_MAX, &label));
        else
            CAIRN_TRY(cairn_cbor_read_any(reader, field, &skipped));
        if (label == 1)
            CAIRN_TRY(cairn_cbor_read_int(reader, field, INT32_MIN, INT32_MAX, &kty));
        else if (label == -1)
            CAIRN_TRY(cairn_cbor_read_int(reader, field, INT32_MIN, INT32_MAX, &crv));
        else if (label == -2)
            CAIRN_TRY(cairn_cbor_read_bytes(reader, field, half, half, &x));
        else if (label == -3)
            CAIRN_TRY(cairn_cbor_read_bytes(reader, field, half, half, &y));
        else
            CAIRN_TRY(cairn_cbor_read_any(reader, field, &skipped));
    }
    if (kty != facts->kty || crv != facts->crv || x.size != half || y.size != half)
        return bad_key(reader, field, "not a COSE_Key of the type's curve");
    memcpy(point, x.data, half);
    memcpy(point + half, y.data, half);
    return cairn_key_from_public(curve_of(type), cairn_bytes_of(point, 2 * half), &m->ec);
}

static cairn_err read_body(cairn_cbor_reader *reader, const char *field, int64_t type,
                           int64_t encoding, material *m)
{
    cairn_bytes spki = {0};
    if (encoding == CAIRN_FDO_KEY_X509) {
        CAIRN_TRY(cairn_cbor_read_bytes(reader, field, 1, CAIRN_FDO_KEY_SIZE_MAX, &spki));
        return read_spki(reader, field, type, spki, m);
    }
    if (encoding == CAIRN_FDO_KEY_X5CHAIN)
        return read_x5chain(reader, field, type, m);
    if (encoding == CAIRN_FDO_KEY_COSE && !type_is_rsa(type))
        return read_cose(reader, field, type, m);
    return CAIRN_FAIL(CAIRN_ERR_NOT_IMPLEMENTED, clause, "%s.%s: encoding %lld of type %lld",
                      reader->object, field, (long long)encoding, (long long)type);
}

/* Takes the material. */
static cairn_err make(int64_t type, material *m, cairn_bytes encoded, cairn_fdo_key **ret_key)
{
    cairn_fdo_key *key = calloc(1, sizeof *key + encoded.size);
    if (key == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "key: %zu bytes", encoded.size);
    key->references = 1;
    key->type = (cairn_fdo_key_type)type;
    key->ec = CAIRN_STEAL(m->ec);
    key->rsa = CAIRN_STEAL(m->rsa);
    key->bits = key->rsa != NULL ? (unsigned)EVP_PKEY_get_bits(key->rsa)
                                 : (unsigned)(cairn_key_public(key->ec).size * 4);
    key->size = encoded.size;
    memcpy(key->encoded, encoded.data, encoded.size);
    *ret_key = key;
    return CAIRN_OK;
}

cairn_err cairn_fdo_key_read(cairn_cbor_reader *reader, const char *field, cairn_fdo_key **ret_key)
{
    CAIRN_CLEANUP(material_done) material m = {0};
    const uint8_t *start = reader->next;
    size_t count = 0;
    int64_t type = 0;
    int64_t encoding = 0;
    CAIRN_TRY(cairn_cbor_read_array(reader, field, 3, 3, &count));
    CAIRN_TRY(cairn_cbor_read_int(reader, field, INT32_MIN, INT32_MAX, &type));
    CAIRN_TRY(cairn_cbor_read_int(reader, field, INT32_MIN, INT32_MAX, &encoding));
    /* [X1353-R43] what is neither of the profiles nor RSA, such as EPID, is refused */
    if (!type_is_rsa(type) && type != CAIRN_FDO_KEY_P256 && type != CAIRN_FDO_KEY_P384)
        return CAIRN_FAIL(CAIRN_ERR_BAD_ALGORITHM, clause, "%s.%s: type %lld", reader->object,
                          field, (long long)type);
    CAIRN_TRY(read_body(reader, field, type, encoding, &m));
    cairn_bytes encoded = cairn_bytes_of(start, (size_t)(reader->next - start));
    if (encoded.size > CAIRN_FDO_KEY_SIZE_MAX)
        return CAIRN_FAIL(CAIRN_ERR_TOO_LARGE, "house", "%s.%s: %zu bytes", reader->object, field,
                          encoded.size);
    return make(type, &m, encoded, ret_key);
}

/* --- making --- */

static void put_body(cairn_cbor_writer *writer, const cairn_key *key,
                     cairn_fdo_key_encoding encoding)
{
    const cairn_key_facts *facts = cairn_key_facts_of(cairn_key_get_type(key));
    cairn_bytes point = cairn_key_public(key);
    if (encoding == CAIRN_FDO_KEY_X509) {
        uint8_t spki[KEY_POINT_SIZE_MAX + 32];
        cairn_bytes prefix = cairn_key_spki_prefix(cairn_key_get_type(key));
        memcpy(spki, prefix.data, prefix.size);
        memcpy(spki + prefix.size, point.data, point.size);
        cairn_cbor_put_bytes(writer, cairn_bytes_of(spki, prefix.size + point.size));
        return;
    }
    cairn_cbor_put_map(writer, 4);
    cairn_cbor_put_int(writer, 1);
    cairn_cbor_put_int(writer, facts->kty);
    cairn_cbor_put_int(writer, -1);
    cairn_cbor_put_int(writer, facts->crv);
    cairn_cbor_put_int(writer, -2);
    cairn_cbor_put_bytes(writer, cairn_bytes_of(point.data, facts->field_size));
    cairn_cbor_put_int(writer, -3);
    cairn_cbor_put_bytes(writer, cairn_bytes_of(point.data + facts->field_size, facts->field_size));
}

cairn_err cairn_fdo_key_of(const cairn_key *key, cairn_fdo_key_encoding encoding,
                           cairn_fdo_key **ret_key)
{
    CAIRN_CLEANUP(material_done) material m = {0};
    uint8_t buffer[KEY_POINT_SIZE_MAX + 64];
    cairn_bytes encoded = {0};
    cairn_cbor_writer writer;
    CAIRN_ASSERT(cairn_key_type_is_ec(cairn_key_get_type(key)));
    CAIRN_ASSERT(encoding == CAIRN_FDO_KEY_X509 || encoding == CAIRN_FDO_KEY_COSE);
    cairn_fdo_key_type type =
        cairn_key_get_type(key) == CAIRN_KEY_P256 ? CAIRN_FDO_KEY_P256 : CAIRN_FDO_KEY_P384;
    cairn_cbor_writer_init(&writer, buffer, sizeof buffer);
    cairn_cbor_put_array(&writer, 3);
    cairn_cbor_put_int(&writer, type);
    cairn_cbor_put_int(&writer, encoding);
    put_body(&writer, key, encoding);
    CAIRN_TRY(cairn_cbor_writer_end(&writer, &encoded));
    CAIRN_TRY(cairn_key_from_public(cairn_key_get_type(key), cairn_key_public(key), &m.ec));
    return make(type, &m, encoded, ret_key);
}

cairn_fdo_key *cairn_fdo_key_ref(cairn_fdo_key *key)
{
    if (key != NULL)
        (void)__atomic_fetch_add(&key->references, 1, __ATOMIC_RELAXED);
    return key;
}

void cairn_fdo_key_free(cairn_fdo_key *key)
{
    if (key == NULL || __atomic_sub_fetch(&key->references, 1, __ATOMIC_ACQ_REL) != 0)
        return;
    cairn_key_free(key->ec);
    EVP_PKEY_free(key->rsa);
    free(key);
}

/* --- facts --- */

cairn_fdo_key_type cairn_fdo_key_get_type(const cairn_fdo_key *key)
{
    return key->type;
}

unsigned cairn_fdo_key_bits(const cairn_fdo_key *key)
{
    return key->bits;
}

int64_t cairn_fdo_key_hash_alg(const cairn_fdo_key *key)
{
    bool strong = key->ec != NULL ? key->type == CAIRN_FDO_KEY_P384 : key->bits > RSA_BITS_MIN;
    return strong ? CAIRN_FDO_SHA384 : CAIRN_FDO_SHA256;
}

cairn_bytes cairn_fdo_key_encoded(const cairn_fdo_key *key)
{
    return cairn_bytes_of(key->encoded, key->size);
}

bool cairn_fdo_key_equal(const cairn_fdo_key *a, const cairn_fdo_key *b)
{
    if (a->ec != NULL && b->ec != NULL)
        return cairn_hash_equal(cairn_key_id(a->ec), cairn_key_id(b->ec));
    return a->rsa != NULL && b->rsa != NULL && EVP_PKEY_eq(a->rsa, b->rsa) == 1;
}

const cairn_key *cairn_fdo_key_ec(const cairn_fdo_key *key)
{
    return key->ec;
}

/* --- signatures --- */

/* The digest of an RSA algorithm that the key's type allows, or NULL. */
static const EVP_MD *rsa_digest(const cairn_fdo_key *key, int64_t alg)
{
    bool pss = key->type == CAIRN_FDO_KEY_RSAPSS;
    if (alg == (pss ? ALG_PS256 : ALG_RS256))
        return EVP_sha256();
    if (alg == (pss ? ALG_PS384 : ALG_RS384) && key->type != CAIRN_FDO_KEY_RSA2048RESTR)
        return EVP_sha384();
    return NULL;
}

static cairn_err rsa_verify(const cairn_fdo_key *key, const EVP_MD *digest,
                            cairn_bytes signed_bytes, cairn_bytes signature)
{
    EVP_PKEY_CTX *rsa = NULL; /* of `ctx` */
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    ERR_clear_error();
    bool ready = ctx != NULL && EVP_DigestVerifyInit(ctx, &rsa, digest, NULL, key->rsa) == 1;
    if (ready && key->type == CAIRN_FDO_KEY_RSAPSS)
        ready = EVP_PKEY_CTX_set_rsa_padding(rsa, RSA_PKCS1_PSS_PADDING) == 1 &&
                EVP_PKEY_CTX_set_rsa_pss_saltlen(rsa, RSA_PSS_SALTLEN_DIGEST) == 1;
    int verdict = ready ? EVP_DigestVerify(ctx, signature.data, signature.size, signed_bytes.data,
                                           signed_bytes.size)
                        : 0;
    EVP_MD_CTX_free(ctx);
    if (!ready)
        return cairn_openssl_fail("verification");
    ERR_clear_error();
    if (verdict != 1)
        return CAIRN_FAIL(CAIRN_ERR_BAD_SIGNATURE, clause, "signature: does not verify");
    return CAIRN_OK;
}

cairn_err cairn_fdo_key_verify(cairn_arena *arena, const cairn_cose_message *message,
                               const cairn_fdo_key *key)
{
    cairn_bytes structure = {0};
    if (key->ec != NULL)
        return cairn_cose_sign1_verify(arena, message, key->ec, (cairn_bytes){0}, (cairn_bytes){0});
    const EVP_MD *digest = message->headers.has_alg && message->headers.alg_is_protected
                               ? rsa_digest(key, message->headers.alg)
                               : NULL;
    if (digest == NULL)
        return CAIRN_FAIL(CAIRN_ERR_BAD_ALGORITHM, clause,
                          "signature.alg: absent, not protected or not of the key's type");
    CAIRN_TRY(cairn_cose_structure(arena, CAIRN_COSE_TAG_SIGN1, message->headers.protected_raw,
                                   (cairn_bytes){0}, message->payload, &structure));
    return rsa_verify(key, digest, structure, message->tag);
}

cairn_err cairn_fdo_sign_begin(cairn_arena *arena, cairn_alg alg, cairn_bytes unprotected_raw,
                               cairn_bytes payload, cairn_fdo_unsigned *ret_unsigned)
{
    static const uint8_t empty_map[] = {0xa0};
    cairn_fdo_unsigned out = {.unprotected_raw = unprotected_raw, .payload = payload};
    uint8_t buffer[16];
    cairn_bytes encoded = {0};
    cairn_cbor_writer writer;
    if (unprotected_raw.size == 0)
        out.unprotected_raw = cairn_bytes_of(empty_map, sizeof empty_map);
    cairn_cbor_writer_init(&writer, buffer, sizeof buffer);
    cairn_cbor_put_map(&writer, 1);
    cairn_cbor_put_int(&writer, 1);
    cairn_cbor_put_int(&writer, alg);
    CAIRN_TRY(cairn_cbor_writer_end(&writer, &encoded));
    CAIRN_TRY(cairn_arena_copy(arena, encoded, &out.protected_raw));
    CAIRN_TRY(cairn_cose_structure(arena, CAIRN_COSE_TAG_SIGN1, out.protected_raw, (cairn_bytes){0},
                                   payload, &out.to_sign));
    *ret_unsigned = out;
    return CAIRN_OK;
}

cairn_err cairn_fdo_sign_end(cairn_arena *arena, const cairn_fdo_unsigned *unsigned_message,
                             cairn_bytes signature, cairn_bytes *ret_message)
{
    return cairn_cose_encode(arena, CAIRN_COSE_TAG_SIGN1, unsigned_message->protected_raw,
                             unsigned_message->unprotected_raw, false, unsigned_message->payload,
                             signature, ret_message);
}

cairn_err cairn_fdo_sign(cairn_arena *arena, const cairn_key *key, cairn_bytes unprotected_raw,
                         cairn_bytes payload, cairn_bytes *ret_message)
{
    uint8_t signature[CAIRN_SIGNATURE_SIZE_MAX];
    size_t size = 0;
    cairn_fdo_unsigned message = {0};
    CAIRN_TRY(cairn_fdo_sign_begin(arena, cairn_key_alg(key), unprotected_raw, payload, &message));
    CAIRN_TRY(cairn_key_sign(key, message.to_sign, signature, &size));
    return cairn_fdo_sign_end(arena, &message, cairn_bytes_of(signature, size), ret_message);
}
