/* PKCS#8 private keys (RFC 5958) of the house's types, by a DER reader of our own: OpenSSL's cannot
 * tell a malformed key from a failed allocation. */
#include "core/crypto/key_impl.h"

enum {
    DER_INTEGER = 0x02,
    DER_BIT_STRING = 0x03,
    DER_OCTET_STRING = 0x04,
    DER_SEQUENCE = 0x30,
    DER_CONTEXT_0 = 0xa0,        /* attributes; curve */
    DER_CONTEXT_1 = 0xa1,        /* public key of ECPrivateKey */
    DER_CONTEXT_1_STRING = 0x81, /* public key of OneAsymmetricKey, implicit BIT STRING */
};

#define LITERAL(text)                                             \
    {                                                             \
        .data = (const uint8_t *)(text), .size = sizeof(text) - 1 \
    }

/* Content of the AlgorithmIdentifier (RFC 5480, RFC 8410), and the curve's identifier alone. */
static const struct {
    cairn_bytes algorithm;
    cairn_bytes curve;
} kinds[] = {
    [CAIRN_KEY_P256] = {LITERAL("\x06\x07\x2a\x86\x48\xce\x3d\x02\x01"
                                "\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07"),
                        LITERAL("\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07")},
    [CAIRN_KEY_P384] = {LITERAL("\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x05\x2b\x81\x04\x00\x22"),
                        LITERAL("\x06\x05\x2b\x81\x04\x00\x22")},
    [CAIRN_KEY_ED25519] = {LITERAL("\x06\x03\x2b\x65\x70"), {NULL, 0}},
};

/* Takes one element off the front when its tag is `tag`; shortest lengths below 65,536 only. */
static bool take(cairn_bytes *der, uint8_t tag, cairn_bytes *ret_content)
{
    size_t head = 2;
    if (der->size < head || der->data[0] != tag)
        return false;
    size_t size = der->data[1];
    if (size == 0x81 && der->size > 2 && der->data[2] >= 0x80) {
        size = der->data[2];
        head = 3;
    } else if (size == 0x82 && der->size > 3 && der->data[2] != 0) {
        size = cairn_get_u16(der->data + 2);
        head = 4;
    } else if (size >= 0x80) {
        return false;
    }
    if (size > der->size - head)
        return false;
    *ret_content = cairn_bytes_of(der->data + head, size);
    *der = cairn_bytes_of(der->data + head + size, der->size - head - size);
    return true;
}

static bool is_tag(cairn_bytes der, uint8_t tag)
{
    return der.size != 0 && der.data[0] == tag;
}

static bool take_version(cairn_bytes *der, uint8_t min, uint8_t max)
{
    cairn_bytes version = {0};
    return take(der, DER_INTEGER, &version) && version.size == 1 && version.data[0] >= min &&
           version.data[0] <= max;
}

/* A point in a BIT STRING without unused bits: for EC an uncompressed one. */
static bool take_point(cairn_key_type type, cairn_bytes *der, uint8_t tag, cairn_bytes *ret_point)
{
    cairn_bytes bits = {0};
    size_t lead = cairn_key_type_is_ec(type) ? 2 : 1;
    size_t size = cairn_key_facts_of(type)->point_size;
    if (!take(der, tag, &bits) || bits.size != lead + size || bits.data[0] != 0 ||
        (lead == 2 && bits.data[1] != 0x04))
        return false;
    *ret_point = cairn_bytes_of(bits.data + lead, size);
    return true;
}

/* RFC 5915. The curve may be named again, and must then be the same. */
static bool parse_ec(cairn_key_type type, cairn_bytes der, cairn_pkcs8 *key)
{
    cairn_bytes body = {0};
    cairn_bytes part = {0};
    if (!take(&der, DER_SEQUENCE, &body) || der.size != 0 || !take_version(&body, 1, 1) ||
        !take(&body, DER_OCTET_STRING, &key->secret))
        return false;
    if (is_tag(body, DER_CONTEXT_0) &&
        !(take(&body, DER_CONTEXT_0, &part) && cairn_bytes_equal(part, kinds[type].curve)))
        return false;
    if (is_tag(body, DER_CONTEXT_1) &&
        !(take(&body, DER_CONTEXT_1, &part) &&
          take_point(type, &part, DER_BIT_STRING, &key->point) && part.size == 0))
        return false;
    return body.size == 0;
}

static bool parse_secret(cairn_key_type type, cairn_bytes der, cairn_pkcs8 *key)
{
    bool parsed = cairn_key_type_is_ec(type)
                      ? parse_ec(type, der, key)
                      : take(&der, DER_OCTET_STRING, &key->secret) && der.size == 0;
    return parsed && key->secret.size == cairn_key_facts_of(type)->field_size;
}

/* What follows the private key: attributes, which say nothing to us, and the point of version 2. */
static bool parse_rest(cairn_key_type type, cairn_bytes der, cairn_pkcs8 *key)
{
    cairn_bytes attributes = {0};
    if (is_tag(der, DER_CONTEXT_0) && !take(&der, DER_CONTEXT_0, &attributes))
        return false;
    if (is_tag(der, DER_CONTEXT_1_STRING) && key->point.size == 0 &&
        !take_point(type, &der, DER_CONTEXT_1_STRING, &key->point))
        return false;
    return der.size == 0;
}

static bool parse(cairn_bytes der, cairn_pkcs8 *key)
{
    cairn_bytes body = {0};
    cairn_bytes algorithm = {0};
    cairn_bytes content = {0};
    if (!take(&der, DER_SEQUENCE, &body) || der.size != 0 || !take_version(&body, 0, 1) ||
        !take(&body, DER_SEQUENCE, &algorithm) || !take(&body, DER_OCTET_STRING, &content))
        return false;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (cairn_bytes_equal(algorithm, kinds[i].algorithm)) {
            key->type = (cairn_key_type)i;
            return parse_secret(key->type, content, key) && parse_rest(key->type, body, key);
        }
    return false;
}

cairn_err cairn_pkcs8_parse(cairn_bytes der, cairn_pkcs8 *ret_key)
{
    cairn_pkcs8 key = {.type = CAIRN_KEY_P256};
    if (!parse(der, &key))
        return CAIRN_FAIL(CAIRN_ERR_BAD_KEY, "RFC 5958",
                          "pem: not a PKCS#8 private key of P-256, P-384 or Ed25519");
    *ret_key = key;
    return CAIRN_OK;
}
