/* The JSON writer against jansson, which did not write a word of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>
#include <stdlib.h>

#include "node/api/api_json.h"
#include "support/no_memory.h"

/* Parses what was written, and frees it. */
static json_t *read_back(cairn_api_json *json)
{
    cairn_bytes text;
    json_error_t error;
    assert_int_equal(cairn_api_json_end(json, &text), CAIRN_OK);
    json_t *read = json_loadb((const char *)text.data, text.size,
                              JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL | JSON_DECODE_ANY, &error);
    if (read == NULL)
        fail_msg("%s at %d: %.*s", error.text, error.position, (int)text.size,
                 (const char *)text.data);
    cairn_api_json_done(json);
    return read;
}

static void expect_text(const json_t *object, const char *key, const char *text)
{
    assert_string_equal(json_string_value(json_object_get(object, key)), text);
}

static void test_members(void **state)
{
    (void)state;
    cairn_api_json json = {0};
    const cairn_hash hash = {{0xab, 0xcd}};
    cairn_api_json_open(&json, NULL);
    cairn_api_json_text(&json, "text", "a\"b\\c\n\x7f/\xc3\xa4");
    cairn_api_json_number(&json, "most", INT64_MAX);
    cairn_api_json_number(&json, "zero", 0);
    cairn_api_json_bool(&json, "yes", true);
    cairn_api_json_bool(&json, "no", false);
    cairn_api_json_hash(&json, "hash", &hash);
    cairn_api_json_hex(&json, "none", (cairn_bytes){0});
    cairn_api_json_base64(&json, "base64", cairn_bytes_str("any carnal pleas"));
    cairn_api_json_base64(&json, "empty", (cairn_bytes){0});
    cairn_api_json_time(&json, "time", UINT64_C(1700000000123));
    cairn_api_json_close(&json);
    json_t *read = read_back(&json);
    expect_text(read, "text", "a\"b\\c\n\x7f/\xc3\xa4");
    assert_int_equal(json_integer_value(json_object_get(read, "most")), INT64_MAX);
    assert_int_equal(json_integer_value(json_object_get(read, "zero")), 0);
    assert_true(json_is_true(json_object_get(read, "yes")));
    assert_true(json_is_false(json_object_get(read, "no")));
    expect_text(read, "hash", "abcd000000000000000000000000000000000000000000000000000000000000");
    expect_text(read, "none", "");
    expect_text(read, "base64", "YW55IGNhcm5hbCBwbGVhcw=="); /* RFC 4648's neighbourhood */
    expect_text(read, "empty", "");
    expect_text(read, "time", "2023-11-14T22:13:20.123Z");
    assert_int_equal(json_object_size(read), 10);
    json_decref(read);
}

static void test_commas(void **state)
{
    (void)state;
    cairn_api_json json = {0};
    cairn_bytes text;
    cairn_api_json_open(&json, NULL);
    cairn_api_json_open_list(&json, "a");
    cairn_api_json_close_list(&json);
    cairn_api_json_open_list(&json, "b");
    for (int i = 0; i < 2; i++) {
        cairn_api_json_open(&json, NULL);
        cairn_api_json_close(&json);
    }
    cairn_api_json_open_list(&json, NULL);
    cairn_api_json_number(&json, NULL, 1);
    cairn_api_json_number(&json, NULL, 2);
    cairn_api_json_close_list(&json);
    cairn_api_json_close_list(&json);
    cairn_api_json_open(&json, "c");
    cairn_api_json_bool(&json, "d", true);
    cairn_api_json_close(&json);
    cairn_api_json_number(&json, "e", UINT64_MAX);
    cairn_api_json_close(&json);
    assert_int_equal(cairn_api_json_end(&json, &text), CAIRN_OK);
    assert_true(
        cairn_bytes_equal(text, cairn_bytes_str("{\"a\":[],\"b\":[{},{},[1,2]],\"c\":{\"d\":true},"
                                                "\"e\":18446744073709551615}")));
    cairn_api_json_done(&json);
}

/* Every byte, alone and behind each lead byte: what is UTF-8 comes back as it was, of the rest each
 * byte above 0x7f is U+FFFD. */
static void test_every_byte(void **state)
{
    (void)state;
    for (unsigned first = 0; first < 256; first++)
        for (unsigned second = 0; second < 256; second++) {
            const uint8_t raw[2] = {(uint8_t)first, (uint8_t)second};
            cairn_api_json json = {0};
            cairn_api_json_view(&json, NULL, cairn_bytes_of(raw, 2));
            json_t *read = read_back(&json);
            char wanted[8];
            size_t size = 0;
            /* The only well-formed pairs: two of ASCII, or a lead byte from C2 to DF and one that
             * follows. */
            bool pair = first >= 0xc2 && first <= 0xdf && second >= 0x80 && second <= 0xbf;
            for (size_t i = 0; i < 2; i++) {
                if (raw[i] < 0x80 || pair) {
                    wanted[size++] = (char)raw[i];
                    continue;
                }
                memcpy(wanted + size, "\xef\xbf\xbd", 3);
                size += 3;
            }
            assert_int_equal(json_string_length(read), size);
            assert_memory_equal(json_string_value(read), wanted, size);
            json_decref(read);
        }
}

/* Sizes around every growth of the room, in each form that reserves by itself. */
static void test_growth(void **state)
{
    (void)state;
    static uint8_t raw[3000];
    for (size_t size = 0; size < sizeof raw; size += size < 16 ? 1 : 37) {
        cairn_api_json json = {0};
        memset(raw, 'x', sizeof raw);
        cairn_api_json_open(&json, NULL);
        cairn_api_json_view(&json, "view", cairn_bytes_of(raw, size));
        cairn_api_json_hex(&json, "hex", cairn_bytes_of(raw, size));
        cairn_api_json_base64(&json, "base64", cairn_bytes_of(raw, size));
        cairn_api_json_close(&json);
        json_t *read = read_back(&json);
        assert_int_equal(json_string_length(json_object_get(read, "view")), size);
        assert_int_equal(json_string_length(json_object_get(read, "hex")), 2 * size);
        assert_int_equal(json_string_length(json_object_get(read, "base64")), (size + 2) / 3 * 4);
        json_decref(read);
    }
}

/* Whichever allocation fails, what follows is harmless and the end says so. */
static void test_no_memory(void **state)
{
    (void)state;
    if (!NO_MEMORY_WORKS) {
        print_message("skipped: allocations cannot fail under a sanitizer\n");
        skip();
    }
    static uint8_t raw[900];
    for (unsigned at = 1; at <= 3; at++) {
        cairn_api_json json = {0};
        cairn_bytes text = {0};
        no_memory_calls = 0;
        no_memory_at = at;
        no_memory_here = true;
        cairn_api_json_open(&json, NULL);
        cairn_api_json_hex(&json, "a", cairn_bytes_of(raw, sizeof raw));
        cairn_api_json_base64(&json, "b", cairn_bytes_of(raw, sizeof raw));
        cairn_api_json_view(&json, "c", cairn_bytes_of(raw, sizeof raw));
        cairn_api_json_close(&json);
        no_memory_here = false;
        no_memory_at = 0;
        assert_int_equal(cairn_api_json_end(&json, &text), CAIRN_ERR_NO_MEMORY);
        assert_null(text.data);
        cairn_api_json_done(&json);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_members),    cmocka_unit_test(test_commas),
        cmocka_unit_test(test_every_byte), cmocka_unit_test(test_growth),
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
