/* JWS, JWT, JWK sets, PHC strings and forms: no input may crash a parser, and what is taken keeps
 * its promises. The first byte chooses the parser. */
#include "fuzz/fuzz.h"

#include <stdlib.h>

#include "core/crypto/jwt.h"
#include "core/crypto/password.h"

/* What was taken is made of exactly these bytes. */
static void check_jws(cairn_arena *arena, cairn_bytes in)
{
    cairn_jws jws;
    cairn_bytes again;
    if (cairn_jws_parse(arena, in, &jws) != CAIRN_OK)
        return;
    CAIRN_ASSERT(cairn_jws_assemble(arena, jws.signing_input, jws.signature, &again) == CAIRN_OK);
    CAIRN_ASSERT(cairn_bytes_equal(in, again));
}

static void check_jwt(cairn_arena *arena, cairn_bytes in)
{
    static const char *const audiences[] = {"a"};
    const cairn_jwt_rules rules = {
        .issuer = "i", .audiences = audiences, .audience_count = 1, .now_ms = 1700000000000u};
    cairn_jwt jwt;
    if (cairn_jwt_parse(arena, in, &jwt) == CAIRN_OK && cairn_jwt_refusal(&jwt, &rules) == NULL)
        CAIRN_ASSERT(jwt.subject != NULL && jwt.has_expiry);
    cairn_jwt_done(&jwt);
}

static void check_set(cairn_bytes in)
{
    cairn_jwk_set *foreign = NULL;
    cairn_jwk_set *strict = NULL;
    cairn_err err = cairn_jwk_set_parse(in, CAIRN_JWK_SET_FOREIGN, &foreign);
    if (cairn_jwk_set_parse(in, CAIRN_JWK_SET_STRICT, &strict) == CAIRN_OK) {
        CAIRN_ASSERT(err == CAIRN_OK);
        CAIRN_ASSERT(cairn_jwk_set_count(strict) == cairn_jwk_set_count(foreign));
    }
    cairn_jwk_set_free(foreign);
    cairn_jwk_set_free(strict);
}

static void check_phc(cairn_bytes in)
{
    char *text = calloc(1, in.size + 1);
    CAIRN_ASSERT(text != NULL);
    if (in.size > 0)
        memcpy(text, in.data, in.size);
    cairn_err err = cairn_phc_check(text);
    CAIRN_ASSERT(err == CAIRN_OK || err == CAIRN_ERR_BAD_VALUE || err == CAIRN_ERR_TOO_LARGE);
    free(text);
}

static void check_base64url(cairn_bytes in)
{
    uint8_t plain[4096];
    char again[8192];
    size_t size = 0;
    if (cairn_base64url_decode(in, plain, sizeof plain, &size) != CAIRN_OK)
        return;
    cairn_base64url_encode(cairn_bytes_of(plain, size), again);
    CAIRN_ASSERT(cairn_bytes_equal(in, cairn_bytes_str(again)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cairn_arena arena;
    if (size == 0)
        return 0;
    cairn_bytes in = cairn_bytes_of(data + 1, size - 1);
    cairn_arena_init(&arena, 1 << 20);
    switch (data[0] % 5) {
    case 0:
        check_jws(&arena, in);
        break;
    case 1:
        check_jwt(&arena, in);
        break;
    case 2:
        check_set(in);
        break;
    case 3:
        check_phc(in);
        break;
    default:
        check_base64url(in);
        break;
    }
    cairn_arena_done(&arena);
    return 0;
}
