/* Sealing and opening of page tokens: AES-256-GCM under base64url. */
#include "core/jobs/page_token.h"

#include "core/codec/base64url.h"
#include "core/crypto/openssl.h"

enum {
    FORM = 1,
    HEADER_SIZE = 5 + PAGE_NONCE_SIZE, /* u8 form ‖ u32 key id ‖ nonce */
    TAG_SIZE = 16,
    PAD_SIZE = 64,
    PLAIN_SIZE_MAX = 512,
    RAW_SIZE_MAX = HEADER_SIZE + PLAIN_SIZE_MAX + TAG_SIZE,
    AAD_PREFIX_SIZE = 19, /* with its NUL */
    AAD_SIZE = AAD_PREFIX_SIZE + 5 + 2 * (int)sizeof(cairn_hash),
    AES_256 = 2, /* index in cairn_openssl.gcm */
};

static const char aad_prefix[AAD_PREFIX_SIZE] = "cairn/page-token/1";

_Static_assert(10 + CAIRN_PROJECTION_KEY_SIZE_MAX <= PLAIN_SIZE_MAX, "any position fits");
_Static_assert((RAW_SIZE_MAX + 2) / 3 * 4 + 1 <= CAIRN_PAGE_TOKEN_SIZE_MAX, "any token fits");

cairn_err cairn_page_token_refuse(void)
{
    return CAIRN_FAIL(CAIRN_ERR_PAGE_TOKEN, "docs/formats/page-token.md",
                      "page token: not valid here and now");
}

static void make_aad(const uint8_t header[HEADER_SIZE], const page_binding *binding,
                     uint8_t ret_aad[AAD_SIZE])
{
    uint8_t *p = ret_aad;
    memcpy(p, aad_prefix, AAD_PREFIX_SIZE);
    memcpy(p += AAD_PREFIX_SIZE, header, 5);
    memcpy(p += 5, binding->caller.b, sizeof binding->caller.b);
    memcpy(p + sizeof binding->caller.b, binding->walk.b, sizeof binding->walk.b);
}

static size_t make_plain(const page_position *position, uint8_t ret_plain[PLAIN_SIZE_MAX])
{
    memset(ret_plain, 0, PLAIN_SIZE_MAX);
    cairn_put_u64(ret_plain, position->expires_ms);
    cairn_put_u16(ret_plain + 8, (uint16_t)position->size);
    memcpy(ret_plain + 10, position->key, position->size);
    return (10 + position->size + PAD_SIZE - 1) / PAD_SIZE * PAD_SIZE;
}

static cairn_err decode(cairn_bytes token, uint8_t ret_raw[RAW_SIZE_MAX], size_t *ret_size)
{
    if (token.size == 0 || token.size > CAIRN_PAGE_TOKEN_SIZE_MAX ||
        cairn_base64url_decode(token, ret_raw, RAW_SIZE_MAX, ret_size) != CAIRN_OK)
        return cairn_page_token_refuse();
    size_t plain = *ret_size - HEADER_SIZE - TAG_SIZE;
    if (*ret_size < HEADER_SIZE + PAD_SIZE + TAG_SIZE || plain % PAD_SIZE != 0 ||
        ret_raw[0] != FORM)
        return cairn_page_token_refuse();
    return CAIRN_OK;
}

/* Begins a message under `key` and feeds header, binding and `in`. */
static cairn_err run(bool encrypt, const uint8_t key[PAGE_KEY_SIZE],
                     const uint8_t header[HEADER_SIZE], const page_binding *binding, cairn_bytes in,
                     uint8_t *out, EVP_CIPHER_CTX **ret_ctx)
{
    const cairn_openssl *openssl = NULL;
    cairn_openssl_thread *thread = NULL;
    uint8_t aad[AAD_SIZE];
    int size = 0;
    CAIRN_TRY(cairn_openssl_get(&openssl));
    CAIRN_TRY(cairn_openssl_get_thread(&thread));
    make_aad(header, binding, aad);
    if (EVP_CipherInit_ex2(thread->cipher, openssl->gcm[AES_256], key, header + 5, encrypt ? 1 : 0,
                           NULL) != 1 ||
        EVP_CipherUpdate(thread->cipher, NULL, &size, aad, (int)sizeof aad) != 1 ||
        EVP_CipherUpdate(thread->cipher, out, &size, in.data, (int)in.size) != 1)
        return cairn_openssl_fail("page token: AES-256-GCM");
    *ret_ctx = thread->cipher;
    return CAIRN_OK;
}

cairn_err cairn_page_token_seal(uint32_t key_id, const uint8_t key[PAGE_KEY_SIZE],
                                const uint8_t nonce[PAGE_NONCE_SIZE], const page_binding *binding,
                                const page_position *position,
                                char ret_token[CAIRN_PAGE_TOKEN_SIZE_MAX], size_t *ret_size)
{
    uint8_t plain[PLAIN_SIZE_MAX];
    uint8_t raw[RAW_SIZE_MAX];
    uint8_t none[TAG_SIZE];
    EVP_CIPHER_CTX *ctx = NULL;
    int out = 0;
    CAIRN_ASSERT(position->size >= 1 && position->size <= CAIRN_PROJECTION_KEY_SIZE_MAX);
    size_t size = make_plain(position, plain);
    raw[0] = FORM;
    cairn_put_u32(raw + 1, key_id);
    memcpy(raw + 5, nonce, PAGE_NONCE_SIZE);
    CAIRN_TRY(run(true, key, raw, binding, cairn_bytes_of(plain, size), raw + HEADER_SIZE, &ctx));
    if (EVP_CipherFinal_ex(ctx, none, &out) != 1 ||
        EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, TAG_SIZE, raw + HEADER_SIZE + size) != 1)
        return cairn_openssl_fail("page token: seal");
    size += HEADER_SIZE + TAG_SIZE;
    cairn_base64url_encode(cairn_bytes_of(raw, size), ret_token);
    *ret_size = cairn_base64url_size(size);
    return CAIRN_OK;
}

cairn_err cairn_page_token_key_id(cairn_bytes token, uint32_t *ret_key_id)
{
    uint8_t raw[RAW_SIZE_MAX];
    size_t size = 0;
    CAIRN_TRY(decode(token, raw, &size));
    *ret_key_id = cairn_get_u32(raw + 1);
    return CAIRN_OK;
}

static cairn_err read_plain(const uint8_t *plain, size_t size, page_position *ret_position)
{
    page_position position = {.expires_ms = cairn_get_u64(plain), .size = cairn_get_u16(plain + 8)};
    if (position.size < 1 || position.size > CAIRN_PROJECTION_KEY_SIZE_MAX ||
        10 + position.size > size)
        return cairn_page_token_refuse();
    memcpy(position.key, plain + 10, position.size);
    *ret_position = position;
    return CAIRN_OK;
}

cairn_err cairn_page_token_open(cairn_bytes token, const uint8_t key[PAGE_KEY_SIZE],
                                const page_binding *binding, page_position *ret_position)
{
    uint8_t raw[RAW_SIZE_MAX];
    uint8_t plain[PLAIN_SIZE_MAX];
    uint8_t none[TAG_SIZE];
    EVP_CIPHER_CTX *ctx = NULL;
    size_t size = 0;
    int out = 0;
    CAIRN_TRY(decode(token, raw, &size));
    size -= HEADER_SIZE + TAG_SIZE;
    CAIRN_TRY(run(false, key, raw, binding, cairn_bytes_of(raw + HEADER_SIZE, size), plain, &ctx));
    if (EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, TAG_SIZE, raw + HEADER_SIZE + size) != 1)
        return cairn_openssl_fail("page token: open");
    if (EVP_CipherFinal_ex(ctx, none, &out) != 1)
        return cairn_page_token_refuse();
    return read_plain(plain, size, ret_position);
}
