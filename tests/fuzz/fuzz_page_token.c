/* Page tokens: anything may come. The first byte chooses: 0 a token as it is sent; 1 the bytes of a
 * position, which are sealed and must come back as they were, and to nobody else. */
#include "fuzz/fuzz.h"

#include "core/jobs/page_token.h"

static const uint8_t key[PAGE_KEY_SIZE] = {1};
static const uint8_t nonce[PAGE_NONCE_SIZE] = {2};

static void fuzz_open(cairn_bytes in)
{
    page_binding binding = {0};
    page_position position;
    uint32_t key_id = 0;
    bool formed = cairn_page_token_key_id(in, &key_id) == CAIRN_OK;
    cairn_err err = cairn_page_token_open(in, key, &binding, &position);
    CAIRN_ASSERT(err == CAIRN_ERR_PAGE_TOKEN || (err == CAIRN_OK && formed));
}

static void fuzz_seal(cairn_bytes in)
{
    page_binding binding = {0};
    page_binding other = {.caller = {{1}}};
    page_position position = {.expires_ms = 7, .size = in.size};
    page_position again;
    char token[CAIRN_PAGE_TOKEN_SIZE_MAX];
    size_t size = 0;
    if (in.size < 1 || in.size > CAIRN_PROJECTION_KEY_SIZE_MAX)
        return;
    memcpy(position.key, in.data, in.size);
    CAIRN_ASSERT(cairn_page_token_seal(9, key, nonce, &binding, &position, token, &size) ==
                 CAIRN_OK);
    cairn_bytes text = cairn_bytes_of(token, size);
    CAIRN_ASSERT(cairn_page_token_open(text, key, &binding, &again) == CAIRN_OK);
    CAIRN_ASSERT(again.expires_ms == 7 && again.size == in.size &&
                 memcmp(again.key, in.data, in.size) == 0);
    CAIRN_ASSERT(cairn_page_token_open(text, key, &other, &again) == CAIRN_ERR_PAGE_TOKEN);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1 || data[0] > 1)
        return 0;
    cairn_bytes in = cairn_bytes_of(data + 1, size - 1);
    if (data[0] == 0)
        fuzz_open(in);
    else
        fuzz_seal(in);
    return 0;
}
