/* The bits, and their compression by zlib. */
#include "identity/status/status_list.h"

#include <limits.h>
#include <zlib.h>

static const char clause[] = "Token Status List section 4";

enum { WINDOW_BITS = 15, GZIP_WINDOW_BITS = 16 + WINDOW_BITS };

static cairn_err check_bits(unsigned bits)
{
    if (bits != 1 && bits != 2 && bits != 4 && bits != 8)
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, clause, "status list.bits: 1, 2, 4 or 8");
    return CAIRN_OK;
}

cairn_err cairn_status_list_new(cairn_arena *arena, cairn_status_order order, unsigned bits,
                                size_t count, cairn_status_list *ret_list)
{
    void *memory = NULL;
    CAIRN_TRY(check_bits(bits));
    if (count > (size_t)CAIRN_STATUS_LIST_SIZE_MAX * 8 / bits)
        return CAIRN_FAIL(CAIRN_ERR_TOO_LARGE, clause, "status list: %zu entries", count);
    size_t size = (count * bits + 7) / 8;
    if (order == CAIRN_STATUS_BITSTRING_ORDER && size < CAIRN_STATUS_BITSTRING_SIZE_MIN)
        size = CAIRN_STATUS_BITSTRING_SIZE_MIN;
    CAIRN_TRY(cairn_arena_alloc(arena, size, &memory));
    *ret_list = (cairn_status_list){.order = order, .bits = bits, .data = memory, .size = size};
    return CAIRN_OK;
}

size_t cairn_status_list_count(const cairn_status_list *list)
{
    return list->size * 8 / list->bits;
}

/* How far to the left of the byte's last bit an entry ends. */
static unsigned shift_of(const cairn_status_list *list, uint64_t index)
{
    unsigned place = (unsigned)(index % (8 / list->bits)) * list->bits;
    return list->order == CAIRN_STATUS_TOKEN_ORDER ? place : 8 - list->bits - place;
}

static cairn_err check_index(const cairn_status_list *list, uint64_t index)
{
    if (index >= cairn_status_list_count(list))
        return CAIRN_FAIL(CAIRN_ERR_NOT_FOUND, "Token Status List section 8.3",
                          "status list: no entry %llu", (unsigned long long)index);
    return CAIRN_OK;
}

cairn_err cairn_status_list_get(const cairn_status_list *list, uint64_t index, unsigned *ret_value)
{
    CAIRN_TRY(check_index(list, index));
    unsigned mask = (1u << list->bits) - 1;
    *ret_value = list->data[index * list->bits / 8] >> shift_of(list, index) & mask;
    return CAIRN_OK;
}

cairn_err cairn_status_list_set(cairn_status_list *list, uint64_t index, unsigned value)
{
    unsigned mask = (1u << list->bits) - 1;
    CAIRN_TRY(check_index(list, index));
    if (value > mask)
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, clause, "status list: %u has more than %u bits",
                          value, list->bits);
    unsigned shift = shift_of(list, index);
    uint8_t *byte = &list->data[index * list->bits / 8];
    *byte = (uint8_t)((*byte & ~(mask << shift)) | value << shift);
    return CAIRN_OK;
}

static int window_of(cairn_status_order order)
{
    return order == CAIRN_STATUS_TOKEN_ORDER ? WINDOW_BITS : GZIP_WINDOW_BITS;
}

static cairn_err run_deflate(z_stream *z, const cairn_status_list *list, uint8_t *out,
                             size_t capacity, size_t *ret_size)
{
    z->next_in = list->data;
    z->avail_in = (uInt)list->size;
    z->next_out = out;
    z->avail_out = (uInt)capacity;
    if (deflate(z, Z_FINISH) != Z_STREAM_END)
        return CAIRN_FAIL(CAIRN_ERR_INTERNAL, "RFC 1950", "status list: does not compress");
    *ret_size = capacity - z->avail_out;
    return CAIRN_OK;
}

/* The header of GZIP that zlib writes has no name and no time, but its last byte names the system;
 * RFC 1952 has 255 for "unknown", and so the same list is the same bytes everywhere. */
static void forget_system(const cairn_status_list *list, uint8_t *packed)
{
    if (list->order == CAIRN_STATUS_BITSTRING_ORDER)
        packed[9] = 255;
}

cairn_err cairn_status_list_pack(cairn_arena *arena, const cairn_status_list *list,
                                 cairn_bytes *ret_packed)
{
    z_stream z = {0};
    void *memory = NULL;
    size_t size = 0;
    if (deflateInit2(&z, Z_BEST_COMPRESSION, Z_DEFLATED, window_of(list->order), 8,
                     Z_DEFAULT_STRATEGY) != Z_OK)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "RFC 1950", "status list: zlib");
    size_t capacity = deflateBound(&z, list->size);
    cairn_err err = cairn_arena_alloc(arena, capacity, &memory);
    if (err == CAIRN_OK)
        err = run_deflate(&z, list, memory, capacity, &size);
    (void)deflateEnd(&z);
    CAIRN_TRY(err);
    forget_system(list, memory);
    *ret_packed = cairn_bytes_of(memory, size);
    return CAIRN_OK;
}

/* --- the other way --- */

static cairn_err inflate_failed(int code)
{
    if (code == Z_MEM_ERROR)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "RFC 1950", "status list: zlib");
    if (code == Z_BUF_ERROR || code == Z_OK)
        return CAIRN_FAIL(CAIRN_ERR_TRUNCATED, "RFC 1950", "status list: ends too early");
    return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, "RFC 1950", "status list: is not compressed like this");
}

/* Inflates into `out`, or with NULL only counts, in a bounded scratch: so what a bomb claims is
 * known before anything is allocated for it. */
static cairn_err run_inflate(cairn_status_order order, cairn_bytes packed, uint8_t *out,
                             size_t capacity, size_t *ret_size)
{
    uint8_t scratch[16384];
    z_stream z = {.next_in = (Bytef *)(uintptr_t)packed.data, .avail_in = (uInt)packed.size};
    size_t size = 0;
    int code = Z_OK;
    if (inflateInit2(&z, window_of(order)) != Z_OK)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "RFC 1950", "status list: zlib");
    while (code == Z_OK && size <= capacity) {
        z.next_out = out == NULL ? scratch : out + size;
        z.avail_out = out == NULL ? sizeof scratch : (uInt)(capacity - size);
        uInt room = z.avail_out;
        code = inflate(&z, Z_NO_FLUSH);
        size += room - z.avail_out;
        if (room == 0 || (code == Z_OK && z.avail_in == 0 && z.avail_out != 0))
            break;
    }
    size_t left = z.avail_in;
    (void)inflateEnd(&z);
    if (size > capacity)
        return CAIRN_FAIL(CAIRN_ERR_TOO_LARGE, clause, "status list: more than %zu bytes",
                          capacity);
    if (code != Z_STREAM_END)
        return inflate_failed(code);
    if (left != 0)
        return CAIRN_FAIL(CAIRN_ERR_TRAILING, "RFC 1950", "status list: %zu bytes follow", left);
    *ret_size = size;
    return CAIRN_OK;
}

cairn_err cairn_status_list_unpack(cairn_arena *arena, cairn_status_order order, unsigned bits,
                                   cairn_bytes packed, cairn_status_list *ret_list)
{
    size_t size = 0;
    void *memory = NULL;
    CAIRN_TRY(check_bits(bits));
    if (packed.size > CAIRN_STATUS_PACKED_SIZE_MAX)
        return CAIRN_FAIL(CAIRN_ERR_TOO_LARGE, clause, "status list: %zu bytes compressed",
                          packed.size);
    CAIRN_TRY(run_inflate(order, packed, NULL, CAIRN_STATUS_LIST_SIZE_MAX, &size));
    if (size == 0 ||
        (order == CAIRN_STATUS_BITSTRING_ORDER && size < CAIRN_STATUS_BITSTRING_SIZE_MIN))
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, "Bitstring Status List section 2.2",
                          "status list: only %zu bytes", size);
    CAIRN_TRY(cairn_arena_alloc(arena, size + 1, &memory)); /* one more, for the stream's end */
    CAIRN_TRY(run_inflate(order, packed, memory, size + 1, &size));
    *ret_list = (cairn_status_list){.order = order, .bits = bits, .data = memory, .size = size};
    return CAIRN_OK;
}
