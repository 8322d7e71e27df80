/* Tokens as tests make them: signed by a key at hand, or with any header at all. Needs cmocka. */
#ifndef CAIRN_TESTS_SUPPORT_JOSE_H
#define CAIRN_TESTS_SUPPORT_JOSE_H

#include "core/crypto/jose.h"

/* base64url(header) '.' base64url(payload) '.' base64url(signature), whatever they are. */
static inline cairn_bytes test_jws_raw(cairn_arena *arena, const char *header, const char *payload,
                                       const char *signature)
{
    const char *const parts[] = {header, payload, signature};
    size_t size = 0;
    void *memory = NULL;
    for (size_t i = 0; i < 3; i++)
        size += cairn_base64url_size(strlen(parts[i])) + 1;
    assert_int_equal(cairn_arena_alloc(arena, size, &memory), CAIRN_OK);
    char *out = memory;
    for (size_t i = 0; i < 3; i++) {
        cairn_base64url_encode(cairn_bytes_str(parts[i]), out);
        out += strlen(out);
        *out++ = '.';
    }
    return cairn_bytes_of(memory, size - 1);
}

static inline cairn_bytes test_jws_sign(cairn_arena *arena, const cairn_key *key, const char *kid,
                                        const char *typ, const char *payload)
{
    cairn_bytes input, compact;
    uint8_t signature[CAIRN_SIGNATURE_SIZE_MAX];
    size_t size = 0;
    assert_int_equal(cairn_jws_signing_input(arena, cairn_jose_alg_of(cairn_key_get_type(key)), kid,
                                             typ, cairn_bytes_str(payload), &input),
                     CAIRN_OK);
    assert_int_equal(cairn_key_sign(key, input, signature, &size), CAIRN_OK);
    assert_int_equal(cairn_jws_assemble(arena, input, cairn_bytes_of(signature, size), &compact),
                     CAIRN_OK);
    return compact;
}

#endif
