/* text: counting, fitting, and not writing past the room. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/text.h"

static void test_count_then_write(void **state)
{
    (void)state;
    cairn_text count = {NULL, 0, 0};
    cairn_text_printf(&count, "%s-%d", "ab", 12);
    cairn_text_printf(&count, "%c", 'x');
    assert_int_equal(count.size, 6);
    assert_false(cairn_text_whole(&count));
    for (size_t room = 0; room <= 8; room++) {
        char memory[9] = "########";
        cairn_text text = {memory, room, 0};
        cairn_text_printf(&text, "%s-%d", "ab", 12);
        cairn_text_printf(&text, "%c", 'x');
        assert_int_equal(text.size, 6);
        assert_int_equal(cairn_text_whole(&text), room >= 7);
        if (room > 0) {
            size_t there = room - 1 < 6 ? room - 1 : 6;
            assert_memory_equal(memory, "ab-12x", there);
            assert_int_equal(memory[there], '\0');
        }
        for (size_t i = room; i < 8; i++)
            assert_int_equal(memory[i], '#');
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_count_then_write),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
