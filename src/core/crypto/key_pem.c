/* PEM: SubjectPublicKeyInfo and PKCS#8. What is written, and every public key that is read, has one
 * fixed DER form per type, which is compared byte for byte; private keys of others vary more and
 * are parsed in key_pkcs8.c. */
#include "core/crypto/key_impl.h"
#include "core/crypto/secret.h"

enum {
    PEM_SIZE_MAX = 1024, /* bytes: a P-384 private key with its wrapping is 306 */
    DER_SIZE_MAX = PEM_SIZE_MAX / 4 * 3,
    LINE = 64, /* digits: RFC 7468 section 2 */
};

static const char clause[] = "RFC 7468";

typedef struct der_form {
    cairn_bytes public_prefix;  /* then the point */
    cairn_bytes private_prefix; /* then the secret */
    cairn_bytes private_middle; /* then the point again, for EC */
} der_form;

#define LITERAL(text)                                             \
    {                                                             \
        .data = (const uint8_t *)(text), .size = sizeof(text) - 1 \
    }

/* RFC 5480, RFC 5958 with RFC 5915, RFC 8410; what `openssl pkey` writes. */
static const der_form forms[] = {
    [CAIRN_KEY_P256] =
        {LITERAL("\x30\x59\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d"
                 "\x03\x01\x07\x03\x42\x00\x04"),
         LITERAL("\x30\x81\x87\x02\x01\x00\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a"
                 "\x86\x48\xce\x3d\x03\x01\x07\x04\x6d\x30\x6b\x02\x01\x01\x04\x20"),
         LITERAL("\xa1\x44\x03\x42\x00\x04")},
    [CAIRN_KEY_P384] =
        {LITERAL("\x30\x76\x30\x10\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x05\x2b\x81\x04\x00\x22"
                 "\x03\x62\x00\x04"),
         LITERAL("\x30\x81\xb6\x02\x01\x00\x30\x10\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x05\x2b"
                 "\x81\x04\x00\x22\x04\x81\x9e\x30\x81\x9b\x02\x01\x01\x04\x30"),
         LITERAL("\xa1\x64\x03\x62\x00\x04")},
    [CAIRN_KEY_ED25519] = {LITERAL("\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00"),
                           LITERAL(
                               "\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20"),
                           {NULL, 0}},
};

typedef struct der_buffer {
    size_t size;
    uint8_t data[DER_SIZE_MAX];
} der_buffer;

static void der_wipe(der_buffer *der)
{
    cairn_wipe(der, sizeof *der);
}

static void append(der_buffer *der, cairn_bytes part)
{
    CAIRN_ASSERT(part.size <= sizeof der->data - der->size);
    if (part.size != 0)
        memcpy(der->data + der->size, part.data, part.size);
    der->size += part.size;
}

/* --- writing --- */

static cairn_err build_der(const cairn_key *key, bool private_part, der_buffer *ret_der)
{
    const der_form *form = &forms[key->type];
    CAIRN_CLEANUP(cairn_secret_wipe)
    cairn_secret secret = {.size = cairn_key_facts_of(key->type)->field_size};
    ret_der->size = 0;
    if (!private_part) {
        append(ret_der, form->public_prefix);
        append(ret_der, cairn_key_public(key));
        return CAIRN_OK;
    }
    CAIRN_TRY(cairn_key_pkey_secret(key->type, key->pkey, secret.data));
    append(ret_der, form->private_prefix);
    append(ret_der, cairn_secret_view(&secret));
    if (cairn_key_type_is_ec(key->type)) {
        append(ret_der, form->private_middle);
        append(ret_der, cairn_key_public(key));
    }
    return CAIRN_OK;
}

static char *put_text(char *at, const char *text)
{
    size_t size = strlen(text);
    memcpy(at, text, size);
    return at + size;
}

static char *put_lines(char *at, cairn_bytes der)
{
    for (size_t i = 0; i < der.size; i += LINE / 4 * 3) {
        size_t size = der.size - i < LINE / 4 * 3 ? der.size - i : LINE / 4 * 3;
        cairn_base64_encode(cairn_bytes_of(der.data + i, size), at);
        at += cairn_base64_size(size);
        *at++ = '\n';
    }
    return at;
}

cairn_err cairn_key_to_pem(const cairn_key *key, bool private_part, cairn_arena *arena,
                           cairn_bytes *ret_pem)
{
    CAIRN_CLEANUP(der_wipe) der_buffer der = {0};
    void *memory = NULL;
    if (private_part && !key->is_private)
        return CAIRN_FAIL(CAIRN_ERR_ARGUMENT, "house", "key: has no private part");
    CAIRN_TRY(cairn_arena_alloc(arena, PEM_SIZE_MAX, &memory));
    CAIRN_TRY(build_der(key, private_part, &der));
    char *at = memory;
    at = put_text(at,
                  private_part ? "-----BEGIN PRIVATE KEY-----\n" : "-----BEGIN PUBLIC KEY-----\n");
    at = put_lines(at, cairn_bytes_of(der.data, der.size));
    at = put_text(at, private_part ? "-----END PRIVATE KEY-----\n" : "-----END PUBLIC KEY-----\n");
    *ret_pem = cairn_bytes_of(memory, (size_t)(at - (char *)memory));
    return CAIRN_OK;
}

/* --- reading --- */

/* Takes the next line off, without its LF or CRLF. False at the end of the text. */
static bool take_line(cairn_bytes *text, cairn_bytes *ret_line)
{
    if (text->size == 0)
        return false;
    const uint8_t *end = memchr(text->data, '\n', text->size);
    size_t size = end == NULL ? text->size : (size_t)(end - text->data);
    size_t taken = end == NULL ? size : size + 1;
    cairn_bytes line = cairn_bytes_of(text->data, size);
    if (end != NULL && line.size != 0 && line.data[line.size - 1] == '\r')
        line.size--;
    *text = cairn_bytes_of(text->data + taken, text->size - taken);
    *ret_line = line;
    return true;
}

static bool line_is(cairn_bytes line, const char *want)
{
    return cairn_bytes_equal(line, cairn_bytes_str(want));
}

/* DER of the one object in `pem`; its label must be one of the two that are known. */
static cairn_err decode(cairn_bytes pem, bool *ret_private, der_buffer *ret_der)
{
    CAIRN_CLEANUP(der_wipe) der_buffer digits = {0}; /* base64, without the line ends */
    cairn_bytes line = {0};
    if (pem.size > PEM_SIZE_MAX || !take_line(&pem, &line))
        return CAIRN_FAIL(CAIRN_ERR_BAD_KEY, clause, "pem: empty or too long");
    bool is_private = line_is(line, "-----BEGIN PRIVATE KEY-----");
    if (!is_private && !line_is(line, "-----BEGIN PUBLIC KEY-----"))
        return CAIRN_FAIL(CAIRN_ERR_BAD_KEY, clause,
                          "pem: begins neither a private nor a public key");
    const char *last = is_private ? "-----END PRIVATE KEY-----" : "-----END PUBLIC KEY-----";
    bool ended = false;
    while (!ended && take_line(&pem, &line)) {
        ended = line_is(line, last);
        if (!ended && (line.size == 0 || line.size > sizeof digits.data - digits.size))
            return CAIRN_FAIL(CAIRN_ERR_BAD_KEY, clause, "pem: empty line or too much of them");
        if (!ended)
            append(&digits, line);
    }
    if (!ended || pem.size != 0)
        return CAIRN_FAIL(CAIRN_ERR_BAD_KEY, clause, "pem: %s",
                          ended ? "something follows" : "no end line");
    if (cairn_base64_decode(cairn_bytes_of(digits.data, digits.size), ret_der->data,
                            sizeof ret_der->data, &ret_der->size) != CAIRN_OK)
        return CAIRN_FAIL(CAIRN_ERR_BAD_KEY, clause, "pem: not base64");
    *ret_private = is_private;
    return CAIRN_OK;
}

bool cairn_key_split_spki(cairn_bytes spki, cairn_key_type *ret_type, cairn_bytes *ret_point)
{
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        cairn_bytes prefix = forms[i].public_prefix;
        size_t size = cairn_key_facts_of((cairn_key_type)i)->point_size;
        if (spki.size != prefix.size + size || memcmp(spki.data, prefix.data, prefix.size) != 0)
            continue;
        *ret_type = (cairn_key_type)i;
        *ret_point = cairn_bytes_of(spki.data + prefix.size, size);
        return true;
    }
    return false;
}

cairn_bytes cairn_key_spki_prefix(cairn_key_type type)
{
    return forms[type].public_prefix;
}

static cairn_err from_spki(cairn_bytes der, cairn_key **ret_key)
{
    cairn_key_type type = CAIRN_KEY_P256;
    cairn_bytes point = {0};
    if (!cairn_key_split_spki(der, &type, &point))
        return CAIRN_FAIL(CAIRN_ERR_BAD_KEY, "RFC 5280 section 4.1",
                          "pem: not an uncompressed P-256, P-384 or Ed25519 public key");
    return cairn_key_from_public(type, point, ret_key);
}

/* The key is made from its private part; a public part beside it must agree. */
static cairn_err from_pkcs8(cairn_bytes der, cairn_key **ret_key)
{
    cairn_pkcs8 parts = {.type = CAIRN_KEY_P256};
    CAIRN_CLEANUP(cairn_key_free_p) cairn_key *key = NULL;
    CAIRN_TRY(cairn_pkcs8_parse(der, &parts));
    CAIRN_TRY(cairn_key_from_private(parts.type, parts.secret, &key));
    if (parts.point.size != 0 && !cairn_bytes_equal(parts.point, cairn_key_public(key)))
        return CAIRN_FAIL(CAIRN_ERR_BAD_KEY, "RFC 5915", "pem: public part is of another key");
    *ret_key = CAIRN_STEAL(key);
    return CAIRN_OK;
}

cairn_err cairn_key_from_pem(cairn_bytes pem, cairn_key **ret_key)
{
    CAIRN_CLEANUP(der_wipe) der_buffer der = {0};
    bool is_private = false;
    CAIRN_TRY(decode(pem, &is_private, &der));
    cairn_bytes content = cairn_bytes_of(der.data, der.size);
    return is_private ? from_pkcs8(content, ret_key) : from_spki(content, ret_key);
}
