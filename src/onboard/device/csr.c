/* PKCS#10 around a signature that is made elsewhere. */
#include "onboard/device/csr.h"

#include <openssl/x509.h>

#include "core/crypto/key_impl.h"
#include "core/crypto/openssl.h"

enum { COMMON_NAME_SIZE_MAX = 64 };

static void req_free_p(X509_REQ **req)
{
    X509_REQ_free(*req);
}

static void openssl_free_p(unsigned char **memory)
{
    OPENSSL_free(*memory);
}

/* Version, subject, key and attributes. */
static bool fill(X509_REQ *req, const cairn_key *key, cairn_bytes common_name,
                 cairn_bytes challenge)
{
    size_t size = common_name.size < COMMON_NAME_SIZE_MAX ? common_name.size : COMMON_NAME_SIZE_MAX;
    return X509_REQ_set_version(req, X509_REQ_VERSION_1) == 1 &&
           X509_NAME_add_entry_by_NID(X509_REQ_get_subject_name(req), NID_commonName, MBSTRING_UTF8,
                                      common_name.data, (int)size, -1, 0) == 1 &&
           X509_REQ_set_pubkey(req, key->pkey) == 1 &&
           (challenge.size == 0 ||
            X509_REQ_add1_attr_by_NID(req, NID_pkcs9_challengePassword, MBSTRING_ASC,
                                      challenge.data, (int)challenge.size) == 1);
}

static bool set_signature(X509_REQ *req, cairn_key_type type, const uint8_t *der, size_t size)
{
    int nid = type == CAIRN_KEY_P256 ? NID_ecdsa_with_SHA256 : NID_ecdsa_with_SHA384;
    X509_ALGOR *algorithm = X509_ALGOR_new();
    ASN1_BIT_STRING *bits = ASN1_BIT_STRING_new();
    bool set = algorithm != NULL && bits != NULL &&
               X509_ALGOR_set0(algorithm, OBJ_nid2obj(nid), V_ASN1_UNDEF, NULL) == 1 &&
               ASN1_BIT_STRING_set(bits, (unsigned char *)(uintptr_t)der, (int)size) == 1 &&
               X509_REQ_set1_signature_algo(req, algorithm) == 1;
    X509_ALGOR_free(algorithm);
    if (!set) {
        ASN1_BIT_STRING_free(bits);
        return false;
    }
    bits->flags &= ~(ASN1_STRING_FLAG_BITS_LEFT | 0x07);
    bits->flags |= ASN1_STRING_FLAG_BITS_LEFT; /* whole bytes, whatever they end with */
    X509_REQ_set0_signature(req, bits);
    return true;
}

/* The request names its signature's algorithm outside of what is signed, so it can be set after. */
static cairn_err sign(X509_REQ *req, const cairn_fdo_client_keys *keys, const char *name,
                      const cairn_key *key)
{
    CAIRN_CLEANUP(openssl_free_p) unsigned char *tbs = NULL;
    uint8_t signature[CAIRN_SIGNATURE_SIZE_MAX];
    uint8_t der[KEY_DER_SIGNATURE_MAX];
    size_t size = 0;
    int tbs_size = i2d_re_X509_REQ_tbs(req, &tbs);
    if (tbs_size <= 0)
        return cairn_openssl_fail("certificate signing request");
    CAIRN_TRY(
        keys->sign(keys->context, name, cairn_bytes_of(tbs, (size_t)tbs_size), signature, &size));
    size_t der_size = cairn_signature_to_der(signature, size / 2, der);
    if (!set_signature(req, cairn_key_get_type(key), der, der_size))
        return cairn_openssl_fail("certificate signing request");
    return CAIRN_OK;
}

cairn_err cairn_fdo_client_csr(cairn_arena *arena, const cairn_fdo_client_keys *keys,
                               const char *name, cairn_bytes common_name, cairn_bytes challenge,
                               cairn_bytes *ret_csr)
{
    CAIRN_CLEANUP(cairn_key_free_p) cairn_key *key = NULL;
    CAIRN_CLEANUP(openssl_free_p) unsigned char *der = NULL;
    CAIRN_TRY(keys->public_key(keys->context, name, &key));
    if (!cairn_key_type_is_ec(cairn_key_get_type(key)))
        return CAIRN_FAIL(CAIRN_ERR_BAD_KEY, "house", "csr: %s is not P-256 or P-384", name);
    CAIRN_CLEANUP(req_free_p) X509_REQ *req = X509_REQ_new();
    if (req == NULL || !fill(req, key, common_name, challenge))
        return cairn_openssl_fail("certificate signing request");
    CAIRN_TRY(sign(req, keys, name, key));
    int size = i2d_X509_REQ(req, &der);
    if (size <= 0)
        return cairn_openssl_fail("certificate signing request");
    return cairn_arena_copy(arena, cairn_bytes_of(der, (size_t)size), ret_csr);
}
