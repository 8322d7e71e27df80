/* Keys, algorithms, subjects and the frame: what certificates, lists and responses share. */
#include "identity/ca/ca_x509.h"

#include <openssl/x509.h>

#include "cairn/sha256.h"
#include "core/crypto/key_impl.h"
#include "core/crypto/openssl.h"

#define OCTETS(octets)                                \
    {                                                 \
        (const uint8_t *)(octets), sizeof(octets) - 1 \
    }

/* AlgorithmIdentifiers of signatures: RFC 5758 section 3.2, RFC 8410 section 3 */
static const cairn_bytes algorithms[] = {
    [CAIRN_KEY_P256] = OCTETS("\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x02"),
    [CAIRN_KEY_P384] = OCTETS("\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x03"),
    [CAIRN_KEY_ED25519] = OCTETS("\x30\x05\x06\x03\x2b\x65\x70"),
};

cairn_bytes cairn_ca_signature_algorithm(cairn_key_type type)
{
    return algorithms[type];
}

void cairn_ca_put_spki(cairn_der_writer *writer, const cairn_key *key)
{
    cairn_der_put_raw(writer, cairn_key_spki_prefix(cairn_key_get_type(key)));
    cairn_der_put_raw(writer, cairn_key_public(key));
}

cairn_err cairn_ca_spki_decode(cairn_bytes spki, cairn_key **ret_key)
{
    cairn_key_type type = CAIRN_KEY_P256;
    cairn_bytes point = {0};
    if (!cairn_key_split_spki(spki, &type, &point))
        return CAIRN_FAIL(CAIRN_ERR_BAD_ALGORITHM, "RFC 5480, RFC 8410",
                          "public key: neither P-256, P-384 (uncompressed) nor Ed25519");
    return cairn_key_from_public(type, point, ret_key);
}

void cairn_ca_key_id(const cairn_key *key, uint8_t ret_id[CAIRN_CA_KEY_ID_SIZE])
{
    static const uint8_t uncompressed = 0x04;
    bool has_form = cairn_key_type_is_ec(cairn_key_get_type(key)); /* part of the key's bits */
    const cairn_bytes parts[] = {cairn_bytes_of(&uncompressed, has_form ? 1 : 0),
                                 cairn_key_public(key)};
    cairn_hash hash;
    cairn_sha256_parts(parts, 2, &hash);
    memcpy(ret_id, hash.b, CAIRN_CA_KEY_ID_SIZE);
}

/* --- subjects --- */

/* Attribute types 2.5.4.n */
enum { OF_COMMON_NAME = 3, OF_SERIAL_NUMBER = 5, OF_ORGANISATION = 10, OF_UNIT = 11 };

static cairn_err put_attribute(cairn_der_writer *w, uint8_t type, uint8_t tag, cairn_bytes text)
{
    const uint8_t oid[] = {0x55, 0x04, type};
    if (text.size == 0)
        return CAIRN_OK;
    if (text.size > CAIRN_CA_TEXT_SIZE_MAX)
        return CAIRN_FAIL(CAIRN_ERR_TOO_LARGE, "RFC 5280 appendix A.1",
                          "subject: attribute of %zu bytes", text.size);
    for (size_t i = 0; i < text.size; i++)
        if (text.data[i] < ' ' || text.data[i] == 0x7f)
            return CAIRN_FAIL(CAIRN_ERR_BAD_TEXT, "house", "subject: control character");
    size_t set = cairn_der_begin(w, CAIRN_DER_SET);
    size_t pair = cairn_der_begin(w, CAIRN_DER_SEQUENCE);
    cairn_der_put(w, CAIRN_DER_OID, cairn_bytes_of(oid, sizeof oid));
    cairn_der_put(w, tag, text);
    cairn_der_end(w, pair);
    cairn_der_end(w, set);
    return CAIRN_OK;
}

/* The characters of a PrintableString that a device's name may hold. */
static cairn_err check_printable(cairn_bytes text)
{
    for (size_t i = 0; i < text.size; i++) {
        uint8_t c = text.data[i];
        bool valid = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
                     c == '-' || c == '.' || c == ':';
        if (!valid)
            return CAIRN_FAIL(CAIRN_ERR_BAD_TEXT, "IEEE 802.1AR section 8.6",
                              "subject.serialNumber: not printable");
    }
    return CAIRN_OK;
}

cairn_err cairn_ca_subject_encode(const cairn_ca_subject *subject, cairn_arena *arena,
                                  cairn_bytes *ret_name)
{
    enum { SIZE_MAX_OF_NAME = 4 * (CAIRN_CA_TEXT_SIZE_MAX + 24) + 8 };
    void *buffer = NULL;
    cairn_der_writer w;
    CAIRN_TRY(check_printable(subject->serial_number));
    CAIRN_TRY(cairn_arena_alloc(arena, SIZE_MAX_OF_NAME, &buffer));
    cairn_der_writer_init(&w, buffer, SIZE_MAX_OF_NAME);
    size_t name = cairn_der_begin(&w, CAIRN_DER_SEQUENCE);
    CAIRN_TRY(put_attribute(&w, OF_ORGANISATION, CAIRN_DER_UTF8, subject->organisation));
    CAIRN_TRY(put_attribute(&w, OF_UNIT, CAIRN_DER_UTF8, subject->unit));
    CAIRN_TRY(put_attribute(&w, OF_COMMON_NAME, CAIRN_DER_UTF8, subject->common_name));
    CAIRN_TRY(put_attribute(&w, OF_SERIAL_NUMBER, CAIRN_DER_PRINTABLE, subject->serial_number));
    cairn_der_end(&w, name);
    return cairn_der_writer_end(&w, ret_name);
}

/* --- the frame --- */

cairn_err cairn_ca_seal(cairn_bytes tbs, cairn_key_type type, cairn_bytes signature,
                        cairn_bytes after, cairn_arena *arena, cairn_bytes *ret_sealed)
{
    size_t capacity = tbs.size + after.size + CAIRN_CA_SEAL_SIZE_MAX;
    void *buffer = NULL;
    uint8_t der[KEY_DER_SIGNATURE_MAX];
    cairn_der_writer w;
    size_t half = cairn_key_facts_of(type)->field_size;
    CAIRN_TRY(cairn_arena_alloc(arena, capacity, &buffer));
    cairn_der_writer_init(&w, buffer, capacity);
    CAIRN_ASSERT(signature.size == 2 * half);
    if (cairn_key_type_is_ec(type))
        signature = cairn_bytes_of(der, cairn_signature_to_der(signature.data, half, der));
    size_t outer = cairn_der_begin(&w, CAIRN_DER_SEQUENCE);
    cairn_der_put_raw(&w, tbs);
    cairn_der_put_raw(&w, algorithms[type]);
    cairn_der_put_bits(&w, signature);
    cairn_der_put_raw(&w, after);
    cairn_der_end(&w, outer);
    return cairn_der_writer_end(&w, ret_sealed);
}

cairn_err cairn_ca_cert_check(cairn_bytes der, const cairn_key *issuer)
{
    const unsigned char *at = der.data;
    X509 *cert = d2i_X509(NULL, &at, (long)der.size);
    bool good = cert != NULL && at == der.data + der.size && X509_verify(cert, issuer->pkey) == 1;
    X509_free(cert);
    return good ? CAIRN_OK : cairn_openssl_fail("certificate of ours");
}

cairn_err cairn_ca_crl_check(cairn_bytes der, const cairn_key *issuer)
{
    const unsigned char *at = der.data;
    X509_CRL *crl = d2i_X509_CRL(NULL, &at, (long)der.size);
    bool good = crl != NULL && at == der.data + der.size && X509_CRL_verify(crl, issuer->pkey) == 1;
    X509_CRL_free(crl);
    return good ? CAIRN_OK : cairn_openssl_fail("revocation list of ours");
}
