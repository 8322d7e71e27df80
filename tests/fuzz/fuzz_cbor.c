/* CBOR in both profiles: what the strict one takes must come out of the writer byte for byte, and
 * the foreign one must take it, too; typed reads never leave a checked input. */
#include "fuzz/fuzz.h"

#include "cairn/cbor.h"

static void copy_item(cairn_cbor_reader *reader, cairn_cbor_writer *writer);

static void copy_container(cairn_cbor_reader *reader, cairn_cbor_writer *writer)
{
    size_t count = 0;
    cairn_cbor_map map = {0};
    if (cairn_cbor_peek(reader) == CAIRN_CBOR_ARRAY) {
        CAIRN_ASSERT(cairn_cbor_read_array(reader, "a", 0, SIZE_MAX, &count) == CAIRN_OK);
        cairn_cbor_put_array(writer, count);
    } else {
        CAIRN_ASSERT(cairn_cbor_read_map(reader, "m", &map) == CAIRN_OK);
        cairn_cbor_put_map(writer, map.left);
        count = 2 * map.left;
    }
    for (size_t i = 0; i < count; i++)
        copy_item(reader, writer);
}

static void copy_string(cairn_cbor_reader *reader, cairn_cbor_writer *writer)
{
    cairn_bytes view = {0};
    if (cairn_cbor_peek(reader) == CAIRN_CBOR_BYTES) {
        CAIRN_ASSERT(cairn_cbor_read_bytes(reader, "b", 0, SIZE_MAX, &view) == CAIRN_OK);
        cairn_cbor_put_bytes(writer, view);
    } else {
        CAIRN_ASSERT(cairn_cbor_read_text(reader, "t", 0, SIZE_MAX, &view) == CAIRN_OK);
        cairn_cbor_put_text_view(writer, view);
    }
}

static void copy_scalar(cairn_cbor_reader *reader, cairn_cbor_writer *writer)
{
    uint64_t number = 0;
    int64_t negative = 0;
    bool truth = false;
    cairn_bytes raw = {0};
    if (cairn_cbor_read_uint(reader, "u", 0, UINT64_MAX, &number) == CAIRN_OK) {
        cairn_cbor_put_uint(writer, number);
    } else if (cairn_cbor_read_int(reader, "n", INT64_MIN, -1, &negative) == CAIRN_OK) {
        cairn_cbor_put_int(writer, negative);
    } else if (cairn_cbor_read_bool(reader, "b", &truth) == CAIRN_OK) {
        cairn_cbor_put_bool(writer, truth);
    } else if (cairn_cbor_read_null(reader, "z") == CAIRN_OK) {
        cairn_cbor_put_null(writer);
    } else { /* a float, a simple value, or a tag or negative number that has no typed read here */
        CAIRN_ASSERT(cairn_cbor_read_any(reader, "x", &raw) == CAIRN_OK);
        cairn_cbor_put_raw(writer, raw);
    }
}

static void copy_item(cairn_cbor_reader *reader, cairn_cbor_writer *writer)
{
    switch (cairn_cbor_peek(reader)) {
    case CAIRN_CBOR_ARRAY:
    case CAIRN_CBOR_MAP:
        copy_container(reader, writer);
        break;
    case CAIRN_CBOR_BYTES:
    case CAIRN_CBOR_TEXT:
        copy_string(reader, writer);
        break;
    default:
        copy_scalar(reader, writer);
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t out[1 << 20];
    cairn_bytes in = cairn_bytes_of(data, size);
    cairn_bytes again = {0};
    cairn_cbor_reader strict;
    cairn_cbor_reader foreign;
    cairn_cbor_writer writer;
    size_t item_size = 0;
    if (cairn_cbor_item_size(in, CAIRN_CBOR_FOREIGN, "fuzz", &item_size) == CAIRN_OK)
        CAIRN_ASSERT(item_size > 0 && item_size <= size);
    cairn_err foreign_err = cairn_cbor_open(&foreign, in, CAIRN_CBOR_FOREIGN, "fuzz", "house");
    cairn_err strict_err = cairn_cbor_open(&strict, in, CAIRN_CBOR_STRICT, "fuzz", "house");
    CAIRN_ASSERT(strict_err != CAIRN_OK || foreign_err == CAIRN_OK);
    if (foreign_err != CAIRN_OK || size > sizeof out)
        return 0;
    cairn_cbor_writer_init(&writer, out, sizeof out);
    copy_item(&foreign, &writer);
    CAIRN_ASSERT(cairn_cbor_end(&foreign) == CAIRN_OK);
    CAIRN_ASSERT(cairn_cbor_writer_end(&writer, &again) == CAIRN_OK);
    if (strict_err == CAIRN_OK)
        CAIRN_ASSERT(cairn_bytes_equal(in, again));
    return 0;
}
