/* The wire format: vectors of the encoding's own documentation, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ledger/consortium/abci.h"

#define BYTES(...) \
    cairn_bytes_of((const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}))

static void test_varints(void **state)
{
    (void)state;
    uint64_t value = 0;
    size_t size = 0;
    /* protobuf.dev, Encoding, Base 128 Varints: 150 is 96 01 */
    assert_int_equal(cairn_wire_varint(BYTES(0x96, 0x01, 0xff), &value, &size), CAIRN_OK);
    assert_int_equal(value, 150);
    assert_int_equal(size, 2);
    /* -2 as a 64-bit number takes ten bytes */
    assert_int_equal(
        cairn_wire_varint(BYTES(0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01), &value,
                          &size),
        CAIRN_OK);
    assert_int_equal((int64_t)value, -2);
    assert_int_equal(
        cairn_wire_varint(BYTES(0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02), &value,
                          &size),
        CAIRN_ERR_BAD_VALUE);
    assert_int_equal(
        cairn_wire_varint(BYTES(0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01),
                          &value, &size),
        CAIRN_ERR_BAD_VALUE);
    assert_int_equal(cairn_wire_varint(BYTES(0x96), &value, &size), CAIRN_ERR_TRUNCATED);
    assert_int_equal(cairn_wire_varint((cairn_bytes){0}, &value, &size), CAIRN_ERR_TRUNCATED);
}

static cairn_err read(cairn_bytes message, cairn_abci_request *request)
{
    static cairn_arena arena;
    cairn_arena_init(&arena, 1 << 20);
    cairn_err err = cairn_abci_read(&arena, message, request);
    cairn_arena_done(&arena);
    return err;
}

static void test_requests_that_are_refused(void **state)
{
    (void)state;
    cairn_abci_request r;
    assert_int_equal(read((cairn_bytes){0}, &r), CAIRN_ERR_UNKNOWN_FIELD);
    assert_int_equal(read(BYTES(0x22, 0x00), &r), CAIRN_ERR_UNKNOWN_FIELD); /* 4 is reserved */
    assert_int_equal(read(BYTES(0xaa, 0x01, 0x00), &r), CAIRN_ERR_UNKNOWN_FIELD); /* 21 */
    assert_int_equal(read(BYTES(0x12, 0x00, 0x12, 0x00), &r), CAIRN_ERR_TRAILING);
    assert_int_equal(read(BYTES(0x10, 0x00), &r), CAIRN_ERR_WRONG_TYPE);
    assert_int_equal(read(BYTES(0x0a, 0x04, 0x0a, 0x03, 'a'), &r), CAIRN_ERR_TRUNCATED);
    assert_int_equal(read(BYTES(0x0a, 0x02, 0x08, 0x01), &r), CAIRN_ERR_WRONG_TYPE);
    assert_int_equal(read(BYTES(0x0a, 0x06, 0x0a, 0x01, 'a', 0x0a, 0x01, 'b'), &r),
                     CAIRN_ERR_DUPLICATE_KEY);
    assert_int_equal(read(BYTES(0x0a, 0x01, 0x0b), &r), CAIRN_ERR_WRONG_TYPE);      /* a group */
    assert_int_equal(read(BYTES(0x0a, 0x02, 0x02, 0x00), &r), CAIRN_ERR_BAD_VALUE); /* number 0 */
    /* LoadSnapshotChunk with a chunk beyond 32 bits */
    assert_int_equal(read(BYTES(0x72, 0x06, 0x18, 0x80, 0x80, 0x80, 0x80, 0x10), &r),
                     CAIRN_ERR_BAD_VALUE);
}

static void test_unknown_fields_are_passed_over(void **state)
{
    (void)state;
    cairn_abci_request r;
    assert_int_equal(read(BYTES(0x0a, 0x16, 0x10, 0x05, 0x19, 1, 2, 3, 4, 5, 6, 7, 8, 0x25, 1, 2, 3,
                                4, 0x2a, 0x00, 0x0a, 0x01, 'x', 0x30, 0x00),
                          &r),
                     CAIRN_ERR_TRAILING); /* the frame says 22 bytes, and two more follow */
    assert_int_equal(read(BYTES(0x0a, 0x15, 0x10, 0x05, 0x19, 1, 2, 3, 4, 5, 6, 7, 8, 0x25, 1, 2, 3,
                                4, 0x2a, 0x00, 0x0a, 0x01, 'x'),
                          &r),
                     CAIRN_OK);
    assert_int_equal(r.kind, CAIRN_ABCI_ECHO);
    assert_int_equal(r.echo.message.size, 1);
}

/* A length that takes two bytes is put in front of what was written already. */
static void test_answers(void **state)
{
    (void)state;
    uint8_t text[200];
    cairn_wire_writer w;
    cairn_bytes out;
    memset(text, 'a', sizeof text);
    cairn_wire_writer_init(&w, 1000);
    cairn_abci_answer answer = cairn_abci_begin(&w, CAIRN_ABCI_ECHO);
    cairn_wire_put_bytes(&w, 1, cairn_bytes_of(text, sizeof text));
    cairn_abci_end(&answer);
    assert_int_equal(cairn_wire_writer_end(&w, &out), CAIRN_OK);
    const uint8_t head[] = {0xce, 0x01, 0x12, 0xcb, 0x01, 0x0a, 0xc8, 0x01, 'a'};
    assert_int_equal(out.size, 8 + 200);
    assert_memory_equal(out.data, head, sizeof head);
    cairn_abci_put_exception(&w, "no");
    assert_int_equal(cairn_wire_writer_end(&w, &out), CAIRN_OK);
    const uint8_t exception[] = {0x06, 0x0a, 0x04, 0x0a, 0x02, 'n', 'o'};
    assert_memory_equal(out.data + 208, exception, sizeof exception);
    for (int i = 0; i < 4; i++)
        cairn_wire_put_item(&w, 1, cairn_bytes_of(text, sizeof text));
    assert_int_equal(cairn_wire_writer_end(&w, &out), CAIRN_ERR_TOO_LARGE);
    cairn_wire_writer_reset(&w);
    assert_int_equal(cairn_wire_writer_end(&w, &out), CAIRN_OK);
    assert_int_equal(out.size, 0);
    cairn_wire_writer_done(&w);
}

static void test_times(void **state)
{
    (void)state;
    uint64_t ms = 0;
    assert_int_equal(cairn_abci_time_ms(&(cairn_abci_time){1700000000, 1999999}, &ms), CAIRN_OK);
    assert_int_equal(ms, UINT64_C(1700000000001));
    assert_int_equal(cairn_abci_time_ms(&(cairn_abci_time){-62135596800, 0}, &ms),
                     CAIRN_ERR_BAD_VALUE);
    assert_int_equal(cairn_abci_time_ms(&(cairn_abci_time){1, 1000000000}, &ms),
                     CAIRN_ERR_BAD_VALUE);
    assert_int_equal(cairn_abci_time_ms(&(cairn_abci_time){1, -1}, &ms), CAIRN_ERR_BAD_VALUE);
    assert_int_equal(cairn_abci_time_ms(&(cairn_abci_time){INT64_MAX, 0}, &ms),
                     CAIRN_ERR_BAD_VALUE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_varints),
        cmocka_unit_test(test_requests_that_are_refused),
        cmocka_unit_test(test_unknown_fields_are_passed_over),
        cmocka_unit_test(test_answers),
        cmocka_unit_test(test_times),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
