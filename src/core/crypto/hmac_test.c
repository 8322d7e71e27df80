/* HMAC-SHA-256 against RFC 4231. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/crypto/hmac.h"

static void check(cairn_bytes key, const cairn_bytes *parts, size_t count, const char *want)
{
    cairn_hash mac;
    char digits[65];
    assert_int_equal(cairn_hmac_sha256(key, parts, count, &mac), CAIRN_OK);
    cairn_hex_encode(cairn_bytes_hash(&mac), digits);
    assert_string_equal(digits, want);
}

static void test_rfc_4231(void **state)
{
    uint8_t key[131];
    const cairn_bytes hi = cairn_bytes_str("Hi There");
    const cairn_bytes parts[] = {cairn_bytes_str("what do ya want "), cairn_bytes_of(NULL, 0),
                                 cairn_bytes_str("for nothing?")};
    const cairn_bytes larger =
        cairn_bytes_str("Test Using Larger Than Block-Size Key - Hash Key First");
    (void)state;
    memset(key, 0x0b, 20);
    check(cairn_bytes_of(key, 20), &hi, 1,
          "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
    check(cairn_bytes_str("Jefe"), parts, 3,
          "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    memset(key, 0xaa, sizeof key);
    check(cairn_bytes_of(key, sizeof key), &larger, 1,
          "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

/* OpenSSL takes an empty key for the one of the context's last use. */
static void test_empty_key(void **state)
{
    const cairn_bytes message = cairn_bytes_str("x");
    cairn_hash mac;
    (void)state;
    assert_int_equal(cairn_hmac_sha256((cairn_bytes){0}, &message, 1, &mac), CAIRN_ERR_BAD_KEY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rfc_4231),
        cmocka_unit_test(test_empty_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
