/* bytes, arena and errors: the three things that everything else stands on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cairn/arena.h"
#include "cairn/bytes.h"

static void test_error_rows_are_unique_and_complete(void **state)
{
    (void)state;
    static const cairn_err codes[] = {
#define X(name, number, text, http, exit_code) CAIRN_ERR_##name,
        CAIRN_ERR_LIST(X)
#undef X
    };
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        assert_true(codes[i] < 0);
        assert_in_range(cairn_err_exit(codes[i]), 1, 4);
        assert_in_range(cairn_err_http(codes[i]), 400, 599);
        for (size_t j = 0; j < i; j++)
            assert_int_not_equal(codes[i], codes[j]);
    }
    assert_string_equal(cairn_err_name(-9999), "UNKNOWN");
    assert_int_equal(cairn_err_exit(CAIRN_OK), 0);
}

static void test_error_detail_names_clause_and_hides_controls(void **state)
{
    (void)state;
    assert_int_equal(CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, "RFC 1 section 2", "tx.kid: \x1b[31m%d", 7),
                     CAIRN_ERR_BAD_VALUE);
    assert_string_equal(cairn_err_detail(), "tx.kid: ?[31m7 (RFC 1 section 2)");
    char longer[2000];
    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    (void)CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, "RFC 1", "%s", longer);
    assert_non_null(strstr(cairn_err_detail(), "(RFC 1)"));
    cairn_err_clear();
    assert_string_equal(cairn_err_detail(), "");
}

static void test_hex(void **state)
{
    (void)state;
    char text[9];
    cairn_hex_encode(cairn_bytes_of("\x00\xffzA", 4), text);
    assert_string_equal(text, "00ff7a41");
    uint8_t out[4];
    assert_int_equal(cairn_hex_decode("00FF7a41", out, 4), CAIRN_OK);
    assert_memory_equal(out, "\x00\xffzA", 4);
    assert_int_equal(cairn_hex_decode("00FF7a4", out, 4), CAIRN_ERR_BAD_VALUE);
    assert_int_equal(cairn_hex_decode("00FF7a4g", out, 4), CAIRN_ERR_BAD_VALUE);
}

static void test_base64_vectors(void **state)
{
    (void)state;
    /* RFC 4648 section 10 */
    static const char *const plain[] = {"", "f", "fo", "foo", "foob", "fooba", "foobar"};
    static const char *const coded[] = {"",         "Zg==",     "Zm8=",    "Zm9v",
                                        "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"};
    for (size_t i = 0; i < 7; i++) {
        char text[16];
        uint8_t out[16];
        size_t size = 99;
        cairn_base64_encode(cairn_bytes_str(plain[i]), text);
        assert_string_equal(text, coded[i]);
        assert_int_equal(cairn_base64_decode(cairn_bytes_str(coded[i]), out, sizeof out, &size),
                         CAIRN_OK);
        assert_int_equal(size, strlen(plain[i]));
        assert_memory_equal(out, plain[i], size);
    }
    static const char *const bad[] = {
        "Zg", "Zg=", "Zh==", "Zm9=", "=Zg=", "Zg==Zg==", "Zg= =", "Zm9v\n"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        uint8_t out[16];
        size_t size = 0;
        assert_int_equal(cairn_base64_decode(cairn_bytes_str(bad[i]), out, sizeof out, &size),
                         CAIRN_ERR_BAD_VALUE);
    }
    uint8_t out[2];
    size_t size = 0;
    assert_int_equal(cairn_base64_decode(cairn_bytes_str("Zm9v"), out, 2, &size),
                     CAIRN_ERR_TOO_LARGE);
}

static void test_arena_bounds(void **state)
{
    (void)state;
    cairn_arena arena;
    cairn_arena_init(&arena, 10000);
    void *p = NULL;
    size_t count = 0;
    while (cairn_arena_alloc(&arena, 100, &p) == CAIRN_OK) {
        assert_int_equal((uintptr_t)p % alignof(max_align_t), 0);
        memset(p, 0xaa, 100);
        count++;
    }
    assert_int_equal(count, 10000 / 112);
    assert_int_equal(cairn_arena_array(&arena, SIZE_MAX / 2, 3, &p), CAIRN_ERR_NO_MEMORY);
    cairn_arena_reset(&arena);
    assert_int_equal(cairn_arena_alloc(&arena, 0, &p), CAIRN_OK);
    cairn_arena_done(&arena);
    cairn_arena_done(NULL);
}

static void test_arena_fixed_never_leaves_its_storage(void **state)
{
    (void)state;
    uint8_t storage[256];
    cairn_arena arena;
    cairn_arena_init_fixed(&arena, storage + 1, sizeof storage - 1);
    void *p = NULL;
    while (cairn_arena_alloc(&arena, 17, &p) == CAIRN_OK) {
        assert_true((uint8_t *)p > storage && (uint8_t *)p + 17 <= storage + sizeof storage);
    }
    assert_null(arena.head);
    cairn_arena_done(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_error_rows_are_unique_and_complete),
        cmocka_unit_test(test_error_detail_names_clause_and_hides_controls),
        cmocka_unit_test(test_hex),
        cmocka_unit_test(test_base64_vectors),
        cmocka_unit_test(test_arena_bounds),
        cmocka_unit_test(test_arena_fixed_never_leaves_its_storage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
