/* units: what is a quantity, what is junk, and where 64 bits end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/unit.h"

typedef struct vector {
    const char *text;
    cairn_unit unit;
    uint64_t value;
} vector;

static void test_quantities(void **state)
{
    (void)state;
    static const vector vectors[] = {
        {"0", CAIRN_UNIT_COUNT, 0},
        {"18446744073709551615", CAIRN_UNIT_COUNT, UINT64_MAX},
        {"0B", CAIRN_UNIT_SIZE, 0},
        {"512MiB", CAIRN_UNIT_SIZE, 536870912},
        {"64KiB", CAIRN_UNIT_SIZE, 65536},
        {"256GiB", CAIRN_UNIT_SIZE, 274877906944},
        {"16777215TiB", CAIRN_UNIT_SIZE, UINT64_C(0xffffff) << 40},
        {"10ms", CAIRN_UNIT_DURATION, 10},
        {"5s", CAIRN_UNIT_DURATION, 5000},
        {"2min", CAIRN_UNIT_DURATION, 120000},
        {"1h", CAIRN_UNIT_DURATION, 3600000},
        {"213503982334d", CAIRN_UNIT_DURATION, UINT64_C(213503982334) * 86400000},
        {"true", CAIRN_UNIT_BOOL, 1},
        {"false", CAIRN_UNIT_BOOL, 0},
    };
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
        uint64_t value = 77;
        assert_int_equal(cairn_unit_parse(vectors[i].text, vectors[i].unit, &value), CAIRN_OK);
        assert_int_equal(value, vectors[i].value);
    }
}

static void test_junk_is_refused(void **state)
{
    (void)state;
    static const vector vectors[] = {
        {"", CAIRN_UNIT_COUNT, 0},
        {"-1", CAIRN_UNIT_COUNT, 0},
        {"+1", CAIRN_UNIT_COUNT, 0},
        {" 1", CAIRN_UNIT_COUNT, 0},
        {"1 ", CAIRN_UNIT_COUNT, 0},
        {"01", CAIRN_UNIT_COUNT, 0},
        {"0x10", CAIRN_UNIT_COUNT, 0},
        {"1e3", CAIRN_UNIT_COUNT, 0},
        {"1.5", CAIRN_UNIT_COUNT, 0},
        {"1_000", CAIRN_UNIT_COUNT, 0},
        {"5k", CAIRN_UNIT_COUNT, 0},
        {"18446744073709551616", CAIRN_UNIT_COUNT, 0},
        {"99999999999999999999", CAIRN_UNIT_COUNT, 0},
        {"5", CAIRN_UNIT_SIZE, 0},
        {"5k", CAIRN_UNIT_SIZE, 0},
        {"5kib", CAIRN_UNIT_SIZE, 0},
        {"5MB", CAIRN_UNIT_SIZE, 0},
        {"5 MiB", CAIRN_UNIT_SIZE, 0},
        {"MiB", CAIRN_UNIT_SIZE, 0},
        {"1.5GiB", CAIRN_UNIT_SIZE, 0},
        {"5s", CAIRN_UNIT_SIZE, 0},
        {"16777216TiB", CAIRN_UNIT_SIZE, 0},
        {"18446744073709551616B", CAIRN_UNIT_SIZE, 0},
        {"5", CAIRN_UNIT_DURATION, 0},
        {"5sec", CAIRN_UNIT_DURATION, 0},
        {"5S", CAIRN_UNIT_DURATION, 0},
        {"5ss", CAIRN_UNIT_DURATION, 0},
        {"213503982335d", CAIRN_UNIT_DURATION, 0},
        {"yes", CAIRN_UNIT_BOOL, 0},
        {"True", CAIRN_UNIT_BOOL, 0},
        {"1", CAIRN_UNIT_BOOL, 0},
        {"", CAIRN_UNIT_BOOL, 0},
    };
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
        uint64_t value = 77;
        assert_int_equal(cairn_unit_parse(vectors[i].text, vectors[i].unit, &value),
                         CAIRN_ERR_BAD_VALUE);
        assert_int_equal(value, 77);
    }
    uint64_t value = 0;
    assert_int_equal(cairn_unit_parse("5k", CAIRN_UNIT_SIZE, &value), CAIRN_ERR_BAD_VALUE);
    assert_string_equal(cairn_err_detail(), "'5k' is not a size in B, KiB, MiB, GiB or TiB");
}

static void test_format_is_read_back(void **state)
{
    (void)state;
    static const vector vectors[] = {
        {"0", CAIRN_UNIT_COUNT, 0},          {"0B", CAIRN_UNIT_SIZE, 0},
        {"1023B", CAIRN_UNIT_SIZE, 1023},    {"1KiB", CAIRN_UNIT_SIZE, 1024},
        {"1025B", CAIRN_UNIT_SIZE, 1025},    {"3MiB", CAIRN_UNIT_SIZE, 3145728},
        {"0ms", CAIRN_UNIT_DURATION, 0},     {"1500ms", CAIRN_UNIT_DURATION, 1500},
        {"90s", CAIRN_UNIT_DURATION, 90000}, {"1d", CAIRN_UNIT_DURATION, 86400000},
        {"true", CAIRN_UNIT_BOOL, 1},        {"false", CAIRN_UNIT_BOOL, 0},
    };
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
        char text[CAIRN_UNIT_TEXT_SIZE];
        cairn_unit_format(vectors[i].value, vectors[i].unit, text);
        assert_string_equal(text, vectors[i].text);
    }
    for (cairn_unit unit = CAIRN_UNIT_COUNT; unit <= CAIRN_UNIT_DURATION; unit++)
        for (unsigned shift = 0; shift < 64; shift++) {
            char text[CAIRN_UNIT_TEXT_SIZE];
            uint64_t value = 0;
            cairn_unit_format(UINT64_MAX << shift, unit, text);
            assert_int_equal(cairn_unit_parse(text, unit, &value), CAIRN_OK);
            assert_int_equal(value, UINT64_MAX << shift);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_quantities),
        cmocka_unit_test(test_junk_is_refused),
        cmocka_unit_test(test_format_is_read_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
