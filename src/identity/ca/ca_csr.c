/* PKCS#10, read by somebody who expects the worst. */
#include "identity/ca/ca_csr.h"

#include "core/codec/utf8.h"
#include "core/crypto/key_impl.h"

static const char object[] = "request";
static const char clause[] = "RFC 2986 section 4";

#define OCTETS(octets)                                \
    {                                                 \
        (const uint8_t *)(octets), sizeof(octets) - 1 \
    }

/* PKCS#9 (RFC 2985) and RFC 5280 */
static const cairn_bytes oid_challenge = OCTETS("\x2a\x86\x48\x86\xf7\x0d\x01\x09\x07");
static const cairn_bytes oid_extensions = OCTETS("\x2a\x86\x48\x86\xf7\x0d\x01\x09\x0e");
static const cairn_bytes oid_alt_name = OCTETS("\x55\x1d\x11");

/* --- subject --- */

/* The field for an attribute type, or NULL. */
static cairn_bytes *subject_field(cairn_ca_subject *subject, cairn_bytes oid)
{
    if (oid.size != 3 || oid.data[0] != 0x55 || oid.data[1] != 0x04)
        return NULL;
    switch (oid.data[2]) {
    case 3:
        return &subject->common_name;
    case 5:
        return &subject->serial_number;
    case 10:
        return &subject->organisation;
    default:
        return NULL;
    }
}

static cairn_err read_attribute(cairn_der_reader *set, cairn_ca_subject *subject)
{
    cairn_der_reader pair;
    cairn_bytes oid = {0};
    cairn_bytes text = {0};
    uint8_t tag = 0;
    CAIRN_TRY(cairn_der_enter(set, CAIRN_DER_SEQUENCE, "subject", &pair));
    CAIRN_TRY(cairn_der_read(&pair, CAIRN_DER_OID, "subject.type", &oid));
    CAIRN_TRY(cairn_der_read_any(&pair, "subject.value", &tag, &text));
    CAIRN_TRY(cairn_der_finish(&pair));
    CAIRN_TRY(cairn_der_finish(set)); /* one attribute in each set */
    cairn_bytes *field = subject_field(subject, oid);
    if (field == NULL)
        return CAIRN_FAIL(CAIRN_ERR_UNKNOWN_FIELD, clause, "request.subject: attribute of no use");
    if (field->size != 0)
        return CAIRN_FAIL(CAIRN_ERR_DUPLICATE_KEY, clause, "request.subject: attribute twice");
    if (tag != CAIRN_DER_UTF8 && tag != CAIRN_DER_PRINTABLE)
        return CAIRN_FAIL(CAIRN_ERR_WRONG_TYPE, "RFC 5280 section 4.1.2.4",
                          "request.subject: neither UTF8String nor PrintableString");
    if (text.size == 0 || text.size > CAIRN_CA_TEXT_SIZE_MAX)
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, "RFC 5280 appendix A.1",
                          "request.subject: attribute of %zu bytes", text.size);
    if (!cairn_utf8_valid(text))
        return CAIRN_FAIL(CAIRN_ERR_BAD_TEXT, clause, "request.subject: not UTF-8");
    *field = text;
    return CAIRN_OK;
}

static cairn_err read_subject(cairn_der_reader *info, cairn_ca_subject *subject)
{
    cairn_der_reader name;
    cairn_der_reader set;
    CAIRN_TRY(cairn_der_enter(info, CAIRN_DER_SEQUENCE, "subject", &name));
    while (!cairn_der_at_end(&name)) {
        CAIRN_TRY(cairn_der_enter(&name, CAIRN_DER_SET, "subject", &set));
        CAIRN_TRY(read_attribute(&set, subject));
    }
    return CAIRN_OK;
}

/* --- attributes --- */

static cairn_err read_name(cairn_der_reader *list, cairn_ca_csr *csr)
{
    uint8_t tag = 0;
    cairn_bytes value = {0};
    CAIRN_TRY(cairn_der_read_any(list, "name", &tag, &value));
    bool known = tag == CAIRN_DER_CONTEXT(CAIRN_CA_NAME_EMAIL) ||
                 tag == CAIRN_DER_CONTEXT(CAIRN_CA_NAME_DNS) ||
                 tag == CAIRN_DER_CONTEXT(CAIRN_CA_NAME_URI) ||
                 tag == CAIRN_DER_CONTEXT(CAIRN_CA_NAME_IP);
    if (!known)
        return CAIRN_FAIL(CAIRN_ERR_UNKNOWN_FIELD, "RFC 5280 section 4.2.1.6",
                          "request.name: kind %02x is in no profile", tag);
    if (csr->name_count == CAIRN_CA_NAMES_MAX)
        return CAIRN_FAIL(CAIRN_ERR_TOO_MANY, "house", "request.name: more than %d",
                          CAIRN_CA_NAMES_MAX);
    const cairn_ca_name name = {.kind = (cairn_ca_name_kind)(tag & 0x1f), .value = value};
    CAIRN_TRY(cairn_ca_name_check(&name));
    for (size_t i = 0; i < csr->name_count; i++)
        if (cairn_ca_name_equal(&name, &csr->names[i]))
            return CAIRN_FAIL(CAIRN_ERR_DUPLICATE_KEY, "house", "request.name: twice");
    csr->names[csr->name_count++] = name;
    return CAIRN_OK;
}

static cairn_err read_alt_names(cairn_bytes value, cairn_ca_csr *csr)
{
    cairn_der_reader outer;
    cairn_der_reader list;
    if (csr->name_count > 0)
        return CAIRN_FAIL(CAIRN_ERR_DUPLICATE_KEY, clause, "request.subjectAltName: twice");
    cairn_der_open(&outer, value, object, "RFC 5280 section 4.2.1.6");
    CAIRN_TRY(cairn_der_enter(&outer, CAIRN_DER_SEQUENCE, "subjectAltName", &list));
    CAIRN_TRY(cairn_der_finish(&outer));
    do
        CAIRN_TRY(read_name(&list, csr));
    while (!cairn_der_at_end(&list));
    return CAIRN_OK;
}

/* Extensions of which only the names may matter; the others are a wish that nobody grants. */
static cairn_err read_extensions(cairn_der_reader *values, cairn_ca_csr *csr)
{
    cairn_der_reader list;
    cairn_der_reader extension;
    CAIRN_TRY(cairn_der_enter(values, CAIRN_DER_SEQUENCE, "extensions", &list));
    for (size_t count = 0; !cairn_der_at_end(&list); count++) {
        cairn_bytes oid = {0};
        cairn_bytes value = {0};
        bool critical = false;
        if (count == CAIRN_CA_CSR_ATTRIBUTES_MAX)
            return CAIRN_FAIL(CAIRN_ERR_TOO_MANY, "house", "request.extensions: more than %d",
                              CAIRN_CA_CSR_ATTRIBUTES_MAX);
        CAIRN_TRY(cairn_der_enter(&list, CAIRN_DER_SEQUENCE, "extension", &extension));
        CAIRN_TRY(cairn_der_read(&extension, CAIRN_DER_OID, "extension.id", &oid));
        CAIRN_TRY(cairn_der_read_flag(&extension, "extension.critical", &critical));
        CAIRN_TRY(cairn_der_read(&extension, CAIRN_DER_OCTET_STRING, "extension.value", &value));
        CAIRN_TRY(cairn_der_finish(&extension));
        if (cairn_bytes_equal(oid, oid_alt_name))
            CAIRN_TRY(read_alt_names(value, csr));
    }
    return CAIRN_OK;
}

static cairn_err read_challenge(cairn_der_reader *values, cairn_ca_csr *csr)
{
    uint8_t tag = 0;
    CAIRN_TRY(cairn_der_read_any(values, "challengePassword", &tag, &csr->challenge));
    if ((tag != CAIRN_DER_UTF8 && tag != CAIRN_DER_PRINTABLE) || csr->challenge.size == 0 ||
        csr->challenge.size > 255)
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, "RFC 2985 section 5.4.1",
                          "request.challengePassword: not 1 to 255 characters");
    return CAIRN_OK;
}

/* Which of those that are read once has been there. */
typedef struct seen {
    bool challenge, extensions;
} seen;

static cairn_err first_time(bool *flag)
{
    if (*flag)
        return CAIRN_FAIL(CAIRN_ERR_DUPLICATE_KEY, clause, "request.attributes: one twice");
    *flag = true;
    return CAIRN_OK;
}

static cairn_err read_request_attribute(cairn_der_reader *attributes, seen *s, cairn_ca_csr *csr)
{
    cairn_der_reader attribute;
    cairn_der_reader values;
    cairn_bytes oid = {0};
    CAIRN_TRY(cairn_der_enter(attributes, CAIRN_DER_SEQUENCE, "attribute", &attribute));
    CAIRN_TRY(cairn_der_read(&attribute, CAIRN_DER_OID, "attribute.type", &oid));
    CAIRN_TRY(cairn_der_enter(&attribute, CAIRN_DER_SET, "attribute.values", &values));
    CAIRN_TRY(cairn_der_finish(&attribute));
    if (cairn_bytes_equal(oid, oid_extensions)) {
        CAIRN_TRY(first_time(&s->extensions));
        CAIRN_TRY(read_extensions(&values, csr));
        return cairn_der_finish(&values);
    }
    if (cairn_bytes_equal(oid, oid_challenge)) {
        CAIRN_TRY(first_time(&s->challenge));
        CAIRN_TRY(read_challenge(&values, csr));
        return cairn_der_finish(&values);
    }
    return CAIRN_OK; /* others are attributes of the request, not of the certificate */
}

static cairn_err read_attributes(cairn_der_reader *info, cairn_ca_csr *csr)
{
    cairn_der_reader attributes;
    seen s = {0};
    CAIRN_TRY(cairn_der_enter(info, CAIRN_DER_CONTEXT_CONSTRUCTED(0), "attributes", &attributes));
    for (size_t count = 0; !cairn_der_at_end(&attributes); count++) {
        if (count == CAIRN_CA_CSR_ATTRIBUTES_MAX)
            return CAIRN_FAIL(CAIRN_ERR_TOO_MANY, "house", "request.attributes: more than %d",
                              CAIRN_CA_CSR_ATTRIBUTES_MAX);
        CAIRN_TRY(read_request_attribute(&attributes, &s, csr));
    }
    return CAIRN_OK;
}

/* --- the whole --- */

static cairn_err read_info(cairn_bytes whole, cairn_ca_csr *csr)
{
    cairn_der_reader outer;
    cairn_der_reader info;
    uint64_t version = 0;
    cairn_bytes spki = {0};
    cairn_der_open(&outer, whole, object, clause);
    CAIRN_TRY(cairn_der_enter(&outer, CAIRN_DER_SEQUENCE, "info", &info));
    CAIRN_TRY(cairn_der_read_uint(&info, "version", 0, &version));
    CAIRN_TRY(read_subject(&info, &csr->subject));
    CAIRN_TRY(cairn_der_read_whole(&info, CAIRN_DER_SEQUENCE, "subjectPKInfo", &spki));
    CAIRN_TRY(cairn_ca_spki_decode(spki, &csr->key));
    CAIRN_TRY(read_attributes(&info, csr));
    return cairn_der_finish(&info);
}

/* The sender holds the key: the request is signed by it, over the bytes as they came. */
static cairn_err verify(cairn_bytes info, cairn_bytes algorithm, cairn_bytes bits,
                        const cairn_key *key)
{
    uint8_t raw[CAIRN_SIGNATURE_SIZE_MAX];
    cairn_key_type type = cairn_key_get_type(key);
    if (!cairn_bytes_equal(algorithm, cairn_ca_signature_algorithm(type)))
        return CAIRN_FAIL(CAIRN_ERR_BAD_ALGORITHM, "RFC 5758 section 3.2, RFC 8410 section 3",
                          "request.signatureAlgorithm: not that of its key");
    if (!cairn_key_type_is_ec(type))
        return cairn_key_verify(key, info, bits);
    size_t half = cairn_key_facts_of(type)->field_size;
    CAIRN_TRY(cairn_signature_from_der(bits, half, raw));
    return cairn_key_verify(key, info, cairn_bytes_of(raw, 2 * half));
}

static cairn_err decode(cairn_bytes der, cairn_ca_csr *csr)
{
    cairn_der_reader outer;
    cairn_der_reader request;
    cairn_bytes info = {0};
    cairn_bytes algorithm = {0};
    cairn_bytes signature = {0};
    cairn_der_open(&outer, der, object, clause);
    CAIRN_TRY(cairn_der_enter(&outer, CAIRN_DER_SEQUENCE, "request", &request));
    CAIRN_TRY(cairn_der_finish(&outer));
    CAIRN_TRY(cairn_der_read_whole(&request, CAIRN_DER_SEQUENCE, "info", &info));
    CAIRN_TRY(cairn_der_read_whole(&request, CAIRN_DER_SEQUENCE, "signatureAlgorithm", &algorithm));
    CAIRN_TRY(cairn_der_read_bits(&request, "signature", &signature));
    CAIRN_TRY(cairn_der_finish(&request));
    CAIRN_TRY(read_info(info, csr));
    return verify(info, algorithm, signature, csr->key);
}

cairn_err cairn_ca_csr_decode(cairn_bytes der, cairn_ca_csr *ret_csr)
{
    cairn_ca_csr csr = {0};
    if (der.size > CAIRN_CA_CSR_SIZE_MAX)
        return CAIRN_FAIL(CAIRN_ERR_TOO_LARGE, "house", "request: %zu bytes", der.size);
    cairn_err err = decode(der, &csr);
    if (err != CAIRN_OK) {
        cairn_ca_csr_done(&csr);
        return err;
    }
    *ret_csr = csr;
    return CAIRN_OK;
}

void cairn_ca_csr_done(cairn_ca_csr *csr)
{
    if (csr == NULL)
        return;
    cairn_key_free(csr->key);
    csr->key = NULL;
}
