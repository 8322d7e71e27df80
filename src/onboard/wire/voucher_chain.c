/* The certificates of a device's key. */
#include <openssl/err.h>
#include <openssl/x509.h>

#include "core/crypto/key_impl.h"
#include "core/crypto/openssl.h"
#include "onboard/wire/voucher.h"

static const char clause[] = "FDO 1.1, 3.4.2";

typedef struct chain {
    size_t count;
    X509 *certificates[CAIRN_FDO_CHAIN_MAX];
} chain;

static void chain_done(chain *c)
{
    for (size_t i = 0; i < c->count; i++)
        X509_free(c->certificates[i]);
}

/* NULL when it is no certificate, or something follows. */
static X509 *read_certificate(cairn_bytes der)
{
    const uint8_t *at = der.data;
    X509 *certificate = d2i_X509(NULL, &at, (long)der.size);
    if (certificate != NULL && at != der.data + der.size) {
        X509_free(certificate);
        certificate = NULL;
    }
    ERR_clear_error();
    return certificate;
}

static cairn_err read_chain(const cairn_bytes *certificates, size_t count, chain *c)
{
    for (size_t i = 0; i < count; i++) {
        c->certificates[i] = read_certificate(certificates[i]);
        if (c->certificates[i] == NULL)
            return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, clause, "chain: %zu: no certificate", i);
        c->count++;
    }
    return CAIRN_OK;
}

static cairn_err check_hash(const cairn_fdo_voucher *voucher)
{
    cairn_fdo_hash hash = {0};
    /* [X1353-R43] null for both stood for EPID */
    if (voucher->chain_count == 0 || !voucher->header.has_chain_hash)
        return CAIRN_FAIL(CAIRN_ERR_MISSING_FIELD, clause, "voucher.chain: absent, or its hash is");
    CAIRN_TRY(cairn_fdo_hash_of(voucher->header.chain_hash.alg, voucher->chain,
                                voucher->chain_count, &hash));
    if (!cairn_fdo_hash_equal(&hash, &voucher->header.chain_hash))
        return CAIRN_FAIL(CAIRN_ERR_MISMATCH, clause, "voucher.chain: not what the header hashes");
    return CAIRN_OK;
}

static bool is_signed_by(X509 *subject, X509 *issuer)
{
    EVP_PKEY *key = X509_get0_pubkey(issuer);
    bool is = key != NULL &&
              X509_NAME_cmp(X509_get_issuer_name(subject), X509_get_subject_name(issuer)) == 0 &&
              X509_verify(subject, key) == 1;
    ERR_clear_error();
    return is;
}

static cairn_err check_signatures(const chain *c)
{
    for (size_t i = 0; i + 1 < c->count; i++)
        if (!is_signed_by(c->certificates[i], c->certificates[i + 1]))
            return CAIRN_FAIL(CAIRN_ERR_BAD_SIGNATURE, clause, "chain: %zu: not issued by the next",
                              i);
    return CAIRN_OK;
}

static cairn_err check_roots(const chain *c, const cairn_bytes *roots, size_t count)
{
    X509 *last = c->certificates[c->count - 1];
    bool trusted = count == 0;
    for (size_t i = 0; !trusted && i < count; i++) {
        X509 *root = read_certificate(roots[i]);
        trusted = root != NULL && (X509_cmp(last, root) == 0 || is_signed_by(last, root));
        X509_free(root);
    }
    if (!trusted)
        return CAIRN_FAIL(CAIRN_ERR_NOT_TRUSTED, clause, "chain: leads to no trusted root");
    return CAIRN_OK;
}

static cairn_err leaf_key(const chain *c, cairn_key **ret_key)
{
    uint8_t *spki = NULL;
    cairn_key_type type = CAIRN_KEY_P256;
    cairn_bytes point = {0};
    int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(c->certificates[0]), &spki);
    if (size <= 0)
        return cairn_openssl_fail("public key of a certificate");
    cairn_err err =
        cairn_key_split_spki(cairn_bytes_of(spki, (size_t)size), &type, &point) &&
                cairn_key_type_is_ec(type)
            ? cairn_key_from_public(type, point, ret_key)
            : CAIRN_FAIL(CAIRN_ERR_BAD_KEY, clause, "chain: its key is neither P-256 nor P-384");
    OPENSSL_free(spki);
    return err;
}

cairn_err cairn_fdo_certificates_check(const cairn_bytes *certificates, size_t count,
                                       const cairn_bytes *roots, size_t root_count,
                                       cairn_key **ret_key)
{
    CAIRN_CLEANUP(chain_done) chain c = {0};
    if (count == 0 || count > CAIRN_FDO_CHAIN_MAX)
        return CAIRN_FAIL(CAIRN_ERR_TOO_MANY, clause, "chain: %zu certificates", count);
    CAIRN_TRY(read_chain(certificates, count, &c));
    CAIRN_TRY(check_signatures(&c));
    CAIRN_TRY(check_roots(&c, roots, root_count));
    return leaf_key(&c, ret_key);
}

cairn_err cairn_fdo_chain_check(const cairn_fdo_voucher *voucher, const cairn_bytes *roots,
                                size_t root_count, cairn_key **ret_device)
{
    CAIRN_TRY(check_hash(voucher));
    return cairn_fdo_certificates_check(voucher->chain, voucher->chain_count, roots, root_count,
                                        ret_device);
}
