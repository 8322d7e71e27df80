/* CRC-32C: the vectors of RFC 3720 appendix B.4, and the instruction against the table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "core/store/crc32c.h"

static void test_vectors_of_rfc_3720(void **state)
{
    (void)state;
    uint8_t data[32] = {0};
    assert_int_equal(cairn_crc32c(0, data, 32), 0x8a9136aa);
    memset(data, 0xff, 32);
    assert_int_equal(cairn_crc32c(0, data, 32), 0x62a8ab43);
    for (uint8_t i = 0; i < 32; i++)
        data[i] = i;
    assert_int_equal(cairn_crc32c(0, data, 32), 0x46dd794e);
    for (uint8_t i = 0; i < 32; i++)
        data[i] = (uint8_t)(31 - i);
    assert_int_equal(cairn_crc32c(0, data, 32), 0x113fdb5c);
    assert_int_equal(cairn_crc32c(0, "123456789", 9), 0xe3069283);
    assert_int_equal(cairn_crc32c(0, NULL, 0), 0);
}

static void test_instruction_equals_table_in_pieces(void **state)
{
    (void)state;
    uint8_t data[300];
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)(i * 37 + (i >> 3));
    for (size_t size = 0; size < sizeof data; size++) {
        uint32_t whole = cairn_crc32c_portable(0, data, size);
        assert_int_equal(cairn_crc32c(0, data, size), whole);
        uint32_t front = cairn_crc32c(0, data, size / 3);
        assert_int_equal(cairn_crc32c(front, data + size / 3, size - size / 3), whole);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors_of_rfc_3720),
        cmocka_unit_test(test_instruction_equals_table_in_pieces),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
