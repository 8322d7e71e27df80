/* Textual encodings (RFC 7468): one object, its label, and nothing that is encrypted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/crypto/pem.h"

/* The example of RFC 7468 is long; what is inside is nobody's concern here. */
#define BODY "MAA=\n"
#define TEXT(label, body) "-----BEGIN " label "-----\n" body "-----END " label "-----\n"
#define ENCRYPTED \
    "Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00112233445566778899AABBCCDDEEFF\n\n"

static cairn_err decode(const char *text, cairn_bytes *ret_der)
{
    static cairn_arena arena;
    cairn_arena_done(&arena);
    cairn_arena_init(&arena, 1 << 16);
    return cairn_pem_decode(&arena, "CERTIFICATE", cairn_bytes_str(text), ret_der);
}

static void test_one_object(void **state)
{
    cairn_bytes der = {0};
    (void)state;
    assert_int_equal(decode(TEXT("CERTIFICATE", BODY), &der), CAIRN_OK);
    assert_int_equal(der.size, 2);
    assert_memory_equal(der.data, "\x30\x00", 2);
    assert_int_equal(decode("no PEM: taken for DER", &der), CAIRN_OK);
    assert_int_equal(der.size, 21);
    assert_int_equal(decode(TEXT("X509 CRL", BODY), &der), CAIRN_ERR_BAD_VALUE);
    assert_int_equal(decode(TEXT("CERTIFICATE", BODY) TEXT("CERTIFICATE", BODY), &der),
                     CAIRN_ERR_BAD_VALUE);
    assert_int_equal(decode(TEXT("CERTIFICATE", "?\n"), &der), CAIRN_ERR_BAD_VALUE);
}

static void test_encrypted(void **state)
{
    cairn_bytes der = {0};
    char password[8];
    (void)state;
    assert_int_equal(decode(TEXT("CERTIFICATE", ENCRYPTED BODY), &der), CAIRN_ERR_BAD_KEY);
    assert_int_equal(decode(TEXT("ENCRYPTED PRIVATE KEY", BODY), &der), CAIRN_ERR_BAD_KEY);
    assert_int_equal(cairn_pem_check_clear(cairn_bytes_str(TEXT("PRIVATE KEY", BODY)), "key"),
                     CAIRN_OK);
    assert_int_equal(cairn_pem_check_clear((cairn_bytes){0}, "key"), CAIRN_OK);
    assert_int_equal(cairn_pem_no_password(password, sizeof password, 0, NULL), -1);
}

/* Lines of 64 digits, the last one shorter or as long. */
static void test_lines(void **state)
{
    uint8_t der[97] = {0x30, 95};
    cairn_arena arena;
    cairn_bytes text = {0};
    cairn_bytes back = {0};
    (void)state;
    cairn_arena_init(&arena, 1 << 16);
    for (size_t size = 1; size <= sizeof der; size++) {
        assert_int_equal(cairn_pem_encode(&arena, "CERTIFICATE", cairn_bytes_of(der, size), &text),
                         CAIRN_OK);
        assert_int_equal(cairn_pem_decode(&arena, "CERTIFICATE", text, &back), CAIRN_OK);
        assert_true(cairn_bytes_equal(back, cairn_bytes_of(der, size)));
        const uint8_t *line = memchr(text.data, '\n', text.size);
        size_t first = cairn_base64_size(size) < 64 ? cairn_base64_size(size) : 64;
        assert_int_equal(line[1 + first], '\n');
    }
    cairn_arena_done(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_object),
        cmocka_unit_test(test_encrypted),
        cmocka_unit_test(test_lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
