/* Names of members' nodes, good and bad. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "node/node_cosign.h"

#define PIN "00112233445566778899aabbccddeeff00112233445566778899aabbccddeef0"

static cairn_err parse(cairn_arena *arena, const char *text, cairn_node_name *ret_name)
{
    return cairn_node_name_parse(arena, cairn_bytes_str(text), ret_name);
}

static void test_good_names(void **state)
{
    (void)state;
    cairn_arena arena;
    cairn_node_name name;
    cairn_arena_init(&arena, 1 << 16);
    assert_int_equal(parse(&arena, "https://node.example:8443", &name), CAIRN_OK);
    assert_string_equal(name.url, "https://node.example:8443");
    assert_false(name.is_pinned);
    assert_int_equal(parse(&arena, "http://127.0.0.1:80", &name), CAIRN_OK);
    assert_int_equal(parse(&arena, "https://[2001:db8::1]:8443#" PIN, &name), CAIRN_OK);
    assert_string_equal(name.url, "https://[2001:db8::1]:8443");
    assert_true(name.is_pinned);
    assert_int_equal(name.pin.b[1], 0x11);
    assert_int_equal(name.pin.b[31], 0xf0);
    cairn_arena_done(&arena);
}

static void test_bad_names(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "node.example",
        "ftp://node.example",
        "https://user@node.example",
        "https://node.example#",
        "https://node.example#" PIN "0",
        "https://node.example#" PIN "#",
        "https://node.example#zz112233445566778899aabbccddeeff00112233445566778899aabbccddeef0",
        "http://node.example#" PIN, /* nobody has a key there */
        "#" PIN,
    };
    cairn_arena arena;
    cairn_node_name name = {.url = "as it was"};
    cairn_arena_init(&arena, 1 << 16);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(parse(&arena, bad[i], &name), CAIRN_ERR_BAD_VALUE);
    static const char cut[] = "https://node.example\0.evil.example";
    assert_int_equal(cairn_node_name_parse(&arena, cairn_bytes_of(cut, sizeof cut - 1), &name),
                     CAIRN_ERR_BAD_VALUE);
    assert_string_equal(name.url, "as it was");
    cairn_arena_done(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good_names),
        cmocka_unit_test(test_bad_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
