/* Hex literals of vectors, as bytes. */
#ifndef CAIRN_TESTS_SUPPORT_HEX_H
#define CAIRN_TESTS_SUPPORT_HEX_H

#include <stdlib.h>
#include <string.h>

#include "cairn/bytes.h"

typedef struct test_bytes {
    uint8_t *data; /* exactly `size` bytes of heap, so that ASan sees a read past the end */
    size_t size;
} test_bytes;

static inline test_bytes test_hex(const char *hex)
{
    test_bytes out = {.size = strlen(hex) / 2};
    out.data = malloc(out.size == 0 ? 1 : out.size);
    CAIRN_ASSERT(out.data != NULL);
    cairn_err err = cairn_hex_decode(hex, out.data, out.size);
    CAIRN_ASSERT(err == CAIRN_OK);
    return out;
}

static inline void test_bytes_free(test_bytes *bytes)
{
    free(bytes->data);
}

static inline cairn_bytes test_view(const test_bytes *bytes)
{
    return cairn_bytes_of(bytes->data, bytes->size);
}

#define TEST_HEX(name, hex) CAIRN_CLEANUP(test_bytes_free) test_bytes name = test_hex(hex)

#endif
