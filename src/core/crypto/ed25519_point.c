/* Which 32 bytes are an Ed25519 public key: OpenSSL takes any, so the house looks first. */
#include <openssl/bn.h>

#include "core/crypto/key_impl.h"
#include "core/crypto/openssl.h"

static const char clause[] = "RFC 8032 section 5.1.3";

/* y of the eight points whose order divides the cofactor; the sign bit distinguishes the pairs. */
static const uint8_t small_order_y[5][32] = {
    {0x00}, /* order 4 */
    {0x01}, /* the neutral element */
    {0xec, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
     0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
     0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f}, /* order 2 */
    {0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4,
     0x89, 0xf2, 0xef, 0x98, 0xf0, 0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6,
     0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05}, /* order 8 */
    {0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b,
     0x76, 0x0d, 0x10, 0x67, 0x0f, 0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39,
     0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a}, /* order 8 */
};

/* Little-endian, p = 2^255 - 19. */
static bool is_reduced(const uint8_t y[32])
{
    if (y[31] != 0x7f || y[0] < 0xed)
        return true;
    for (size_t i = 1; i < 31; i++)
        if (y[i] != 0xff)
            return true;
    return false;
}

/* Sets *ret_square to whether x² = (y² - 1) / (d·y² + 1) has a root: u / v is a square exactly when
 * u · v is. v is never zero, as -1/d is no square. False when OpenSSL fails. */
static bool has_x(const uint8_t y[32], BN_CTX *ctx, bool *ret_square)
{
    static const char p_hex[] = "7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffed";
    static const char d_hex[] = "52036cee2b6ffe738cc740797779e89800700a4d4141d8ab75eb4dca135978a3";
    BIGNUM *p = BN_CTX_get(ctx);
    BIGNUM *d = BN_CTX_get(ctx);
    BIGNUM *u = BN_CTX_get(ctx);
    BIGNUM *v = BN_CTX_get(ctx);
    if (v == NULL || BN_hex2bn(&p, p_hex) == 0 || BN_hex2bn(&d, d_hex) == 0)
        return false;
    if (BN_lebin2bn(y, 32, u) == NULL || BN_mod_sqr(u, u, p, ctx) != 1 ||
        BN_mod_mul(v, u, d, p, ctx) != 1 || BN_add_word(v, 1) != 1 || BN_sub_word(u, 1) != 1 ||
        BN_mod_mul(u, u, v, p, ctx) != 1)
        return false;
    int symbol = BN_kronecker(u, p, ctx);
    *ret_square = symbol == 1 || symbol == 0;
    return symbol != -2;
}

cairn_err cairn_ed25519_check_point(cairn_bytes point)
{
    uint8_t y[32];
    CAIRN_ASSERT(point.size == sizeof y);
    memcpy(y, point.data, sizeof y);
    y[31] &= 0x7f;
    if (!is_reduced(y))
        return CAIRN_FAIL(CAIRN_ERR_BAD_KEY, clause, "key: y is not below the prime");
    for (size_t i = 0; i < sizeof small_order_y / sizeof small_order_y[0]; i++)
        if (memcmp(y, small_order_y[i], sizeof y) == 0)
            return CAIRN_FAIL(CAIRN_ERR_BAD_KEY, "house", "key: point of small order");
    BN_CTX *ctx = BN_CTX_new();
    bool square = false;
    if (ctx != NULL)
        BN_CTX_start(ctx);
    bool known = ctx != NULL && has_x(y, ctx, &square);
    if (ctx != NULL)
        BN_CTX_end(ctx);
    BN_CTX_free(ctx);
    if (!known)
        return cairn_openssl_fail("decompression of an Ed25519 point");
    if (!square)
        return CAIRN_FAIL(CAIRN_ERR_BAD_KEY, clause, "key: point is not on the curve");
    return CAIRN_OK;
}
