/* The typed reads of checked CBOR, and the deterministic writer. The check itself: cbor_check.c. */
#include "cairn/cbor.h"

#include "core/codec/cbor_item.h"

static cairn_err wrong_type(const cairn_cbor_reader *reader, const char *field, const char *want)
{
    return CAIRN_FAIL(CAIRN_ERR_WRONG_TYPE, reader->clause, "%s.%s: not %s", reader->object, field,
                      want);
}

/* Head of the next item, which is left in place; WRONG_TYPE when it is not of type `major`. */
static cairn_err expect(const cairn_cbor_reader *reader, const char *field, uint8_t major,
                        const char *want, cbor_head *ret_head)
{
    if (reader->next == reader->end)
        return CAIRN_FAIL(CAIRN_ERR_MISSING_FIELD, reader->clause, "%s.%s: absent", reader->object,
                          field);
    cbor_head head = cbor_head_at(reader->next, reader->end);
    if (head.major != major)
        return wrong_type(reader, field, want);
    *ret_head = head;
    return CAIRN_OK;
}

cairn_err cairn_cbor_open(cairn_cbor_reader *reader, cairn_bytes in, cairn_cbor_profile profile,
                          const char *object, const char *clause)
{
    size_t size = 0;
    CAIRN_TRY(cairn_cbor_item_size(in, profile, object, &size));
    if (size != in.size)
        return CAIRN_FAIL(CAIRN_ERR_TRAILING, clause, "%s: %zu bytes after its end", object,
                          in.size - size);
    *reader = (cairn_cbor_reader){
        .next = in.data, .end = in.data + in.size, .object = object, .clause = clause};
    return CAIRN_OK;
}

cairn_cbor_type cairn_cbor_peek(const cairn_cbor_reader *reader)
{
    if (reader->next == reader->end)
        return CAIRN_CBOR_END;
    cbor_head head = cbor_head_at(reader->next, reader->end);
    if (head.major != CBOR_SIMPLE)
        return (cairn_cbor_type)head.major; /* the first seven types are the major types */
    if (head.info == CBOR_FALSE || head.info == CBOR_TRUE)
        return CAIRN_CBOR_BOOL;
    return head.info == CBOR_NULL ? CAIRN_CBOR_NULL : CAIRN_CBOR_OTHER;
}

cairn_err cairn_cbor_read_uint(cairn_cbor_reader *reader, const char *field, uint64_t min,
                               uint64_t max, uint64_t *ret_value)
{
    cbor_head head;
    CAIRN_TRY(expect(reader, field, CBOR_UINT, "an unsigned integer", &head));
    if (head.value < min || head.value > max)
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, reader->clause, "%s.%s: %llu", reader->object, field,
                          (unsigned long long)head.value);
    reader->next += head.size;
    *ret_value = head.value;
    return CAIRN_OK;
}

cairn_err cairn_cbor_read_int(cairn_cbor_reader *reader, const char *field, int64_t min,
                              int64_t max, int64_t *ret_value)
{
    bool negative = cairn_cbor_peek(reader) == CAIRN_CBOR_NINT;
    cbor_head head;
    CAIRN_TRY(expect(reader, field, negative ? CBOR_NINT : CBOR_UINT, "an integer", &head));
    if (head.value > INT64_MAX)
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, reader->clause, "%s.%s: beyond 63 bits",
                          reader->object, field);
    int64_t value = negative ? -1 - (int64_t)head.value : (int64_t)head.value;
    if (value < min || value > max)
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, reader->clause, "%s.%s: %lld", reader->object, field,
                          (long long)value);
    reader->next += head.size;
    *ret_value = value;
    return CAIRN_OK;
}

cairn_err cairn_cbor_read_bool(cairn_cbor_reader *reader, const char *field, bool *ret_value)
{
    cbor_head head;
    CAIRN_TRY(expect(reader, field, CBOR_SIMPLE, "a boolean", &head));
    if (head.info != CBOR_FALSE && head.info != CBOR_TRUE)
        return wrong_type(reader, field, "a boolean");
    reader->next += head.size;
    *ret_value = head.info == CBOR_TRUE;
    return CAIRN_OK;
}

cairn_err cairn_cbor_read_null(cairn_cbor_reader *reader, const char *field)
{
    cbor_head head;
    CAIRN_TRY(expect(reader, field, CBOR_SIMPLE, "null", &head));
    if (head.info != CBOR_NULL)
        return wrong_type(reader, field, "null");
    reader->next += head.size;
    return CAIRN_OK;
}

static cairn_err read_string(cairn_cbor_reader *reader, const char *field, uint8_t major,
                             size_t min_size, size_t max_size, cairn_bytes *ret_value)
{
    cbor_head head;
    CAIRN_TRY(expect(reader, field, major, major == CBOR_BYTES ? "a byte string" : "a text string",
                     &head));
    if (head.value < min_size || head.value > max_size)
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, reader->clause, "%s.%s: %llu bytes", reader->object,
                          field, (unsigned long long)head.value);
    *ret_value = cairn_bytes_of(reader->next + head.size, (size_t)head.value);
    reader->next += head.size + (size_t)head.value;
    return CAIRN_OK;
}

cairn_err cairn_cbor_read_bytes(cairn_cbor_reader *reader, const char *field, size_t min_size,
                                size_t max_size, cairn_bytes *ret_value)
{
    return read_string(reader, field, CBOR_BYTES, min_size, max_size, ret_value);
}

cairn_err cairn_cbor_read_text(cairn_cbor_reader *reader, const char *field, size_t min_size,
                               size_t max_size, cairn_bytes *ret_value)
{
    return read_string(reader, field, CBOR_TEXT, min_size, max_size, ret_value);
}

cairn_err cairn_cbor_read_hash(cairn_cbor_reader *reader, const char *field, cairn_hash *ret_value)
{
    cairn_bytes value = {0};
    CAIRN_TRY(
        read_string(reader, field, CBOR_BYTES, sizeof ret_value->b, sizeof ret_value->b, &value));
    memcpy(ret_value->b, value.data, sizeof ret_value->b);
    return CAIRN_OK;
}

cairn_err cairn_cbor_read_magic(cairn_cbor_reader *reader, const char *want)
{
    cairn_cbor_reader ahead = *reader;
    cairn_bytes value = {0};
    CAIRN_TRY(read_string(&ahead, "format", CBOR_TEXT, 0, SIZE_MAX, &value));
    if (!cairn_bytes_equal(value, cairn_bytes_str(want)))
        return CAIRN_FAIL(CAIRN_ERR_BAD_VERSION, reader->clause, "%s.format: not %s",
                          reader->object, want);
    *reader = ahead;
    return CAIRN_OK;
}

cairn_err cairn_cbor_read_array(cairn_cbor_reader *reader, const char *field, size_t min_count,
                                size_t max_count, size_t *ret_count)
{
    cbor_head head;
    CAIRN_TRY(expect(reader, field, CBOR_ARRAY, "an array", &head));
    if (head.value < min_count || head.value > max_count)
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, reader->clause, "%s.%s: %llu items", reader->object,
                          field, (unsigned long long)head.value);
    reader->next += head.size;
    *ret_count = (size_t)head.value;
    return CAIRN_OK;
}

cairn_err cairn_cbor_read_map(cairn_cbor_reader *reader, const char *field, cairn_cbor_map *ret_map)
{
    cbor_head head;
    CAIRN_TRY(expect(reader, field, CBOR_MAP, "a map", &head));
    reader->next += head.size;
    ret_map->left = (size_t)head.value;
    return CAIRN_OK;
}

cairn_err cairn_cbor_read_tag(cairn_cbor_reader *reader, const char *field, uint64_t want)
{
    cbor_head head;
    CAIRN_TRY(expect(reader, field, CBOR_TAG, "a tag", &head));
    if (head.value != want)
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, reader->clause, "%s.%s: tag %llu where %llu is due",
                          reader->object, field, (unsigned long long)head.value,
                          (unsigned long long)want);
    reader->next += head.size;
    return CAIRN_OK;
}

cairn_err cairn_cbor_read_any(cairn_cbor_reader *reader, const char *field, cairn_bytes *ret_item)
{
    if (reader->next == reader->end)
        return CAIRN_FAIL(CAIRN_ERR_MISSING_FIELD, reader->clause, "%s.%s: absent", reader->object,
                          field);
    const uint8_t *after = cairn_cbor_skip(reader->next, reader->end);
    *ret_item = cairn_bytes_of(reader->next, (size_t)(after - reader->next));
    reader->next = after;
    return CAIRN_OK;
}

/* Order of the next key against the integer `key`: negative when it sorts before. */
static int compare_key(const cairn_cbor_reader *reader, int64_t key, cbor_head *ret_head)
{
    cbor_head head = cbor_head_at(reader->next, reader->end);
    uint8_t major = key < 0 ? CBOR_NINT : CBOR_UINT;
    uint64_t value = key < 0 ? (uint64_t)(-1 - key) : (uint64_t)key;
    *ret_head = head;
    if (head.major != major)
        return head.major < major ? -1 : 1;
    return (head.value > value) - (head.value < value);
}

cairn_err cairn_cbor_key(cairn_cbor_reader *reader, cairn_cbor_map *map, int64_t key,
                         const char *field)
{
    cbor_head head;
    int order = map->left == 0 ? 1 : compare_key(reader, key, &head);
    if (order > 0)
        return CAIRN_FAIL(CAIRN_ERR_MISSING_FIELD, reader->clause, "%s.%s: absent", reader->object,
                          field);
    if (order < 0)
        return CAIRN_FAIL(CAIRN_ERR_UNKNOWN_FIELD, reader->clause, "%s: unknown key before %s",
                          reader->object, field);
    reader->next += head.size;
    map->left--;
    return CAIRN_OK;
}

cairn_err cairn_cbor_optional_key(cairn_cbor_reader *reader, cairn_cbor_map *map, int64_t key,
                                  bool *ret_present)
{
    cbor_head head;
    int order = map->left == 0 ? 1 : compare_key(reader, key, &head);
    if (order < 0)
        return CAIRN_FAIL(CAIRN_ERR_UNKNOWN_FIELD, reader->clause,
                          "%s: unknown key before key %lld", reader->object, (long long)key);
    if (order == 0) {
        reader->next += head.size;
        map->left--;
    }
    *ret_present = order == 0;
    return CAIRN_OK;
}

cairn_err cairn_cbor_end_map(cairn_cbor_reader *reader, const cairn_cbor_map *map)
{
    if (map->left != 0)
        return CAIRN_FAIL(CAIRN_ERR_UNKNOWN_FIELD, reader->clause,
                          "%s: %zu unknown keys at the end", reader->object, map->left);
    return CAIRN_OK;
}

cairn_err cairn_cbor_end(const cairn_cbor_reader *reader)
{
    if (reader->next != reader->end)
        return CAIRN_FAIL(CAIRN_ERR_TRAILING, reader->clause, "%s: %zu bytes after its end",
                          reader->object, (size_t)(reader->end - reader->next));
    return CAIRN_OK;
}

void cairn_cbor_writer_init(cairn_cbor_writer *writer, void *data, size_t capacity)
{
    *writer = (cairn_cbor_writer){.data = data, .capacity = data == NULL ? 0 : capacity};
}

/* Once something did not fit, size stays beyond the capacity and nothing more is written. */
static void put(cairn_cbor_writer *writer, const void *data, size_t size)
{
    size_t after = 0;
    if (__builtin_add_overflow(writer->size, size, &after))
        after = SIZE_MAX;
    if (after <= writer->capacity && size != 0)
        memcpy(writer->data + writer->size, data, size);
    writer->size = after;
}

static void put_head(cairn_cbor_writer *writer, uint8_t major, uint64_t value)
{
    uint8_t head[9];
    uint8_t first = (uint8_t)(major << 5);
    if (value < 24) {
        head[0] = (uint8_t)(first | value);
        put(writer, head, 1);
    } else if (value <= UINT8_MAX) {
        head[0] = first | 24;
        head[1] = (uint8_t)value;
        put(writer, head, 2);
    } else if (value <= UINT16_MAX) {
        head[0] = first | 25;
        cairn_put_u16(head + 1, (uint16_t)value);
        put(writer, head, 3);
    } else if (value <= UINT32_MAX) {
        head[0] = first | 26;
        cairn_put_u32(head + 1, (uint32_t)value);
        put(writer, head, 5);
    } else {
        head[0] = first | 27;
        cairn_put_u64(head + 1, value);
        put(writer, head, 9);
    }
}

void cairn_cbor_put_uint(cairn_cbor_writer *writer, uint64_t value)
{
    put_head(writer, CBOR_UINT, value);
}

void cairn_cbor_put_int(cairn_cbor_writer *writer, int64_t value)
{
    if (value < 0)
        put_head(writer, CBOR_NINT, (uint64_t)(-1 - value));
    else
        put_head(writer, CBOR_UINT, (uint64_t)value);
}

void cairn_cbor_put_bytes(cairn_cbor_writer *writer, cairn_bytes value)
{
    put_head(writer, CBOR_BYTES, value.size);
    put(writer, value.data, value.size);
}

void cairn_cbor_put_hash(cairn_cbor_writer *writer, const cairn_hash *value)
{
    cairn_cbor_put_bytes(writer, cairn_bytes_hash(value));
}

void cairn_cbor_put_text(cairn_cbor_writer *writer, const char *value)
{
    cairn_cbor_put_text_view(writer, cairn_bytes_str(value));
}

void cairn_cbor_put_text_view(cairn_cbor_writer *writer, cairn_bytes value)
{
    put_head(writer, CBOR_TEXT, value.size);
    put(writer, value.data, value.size);
}

void cairn_cbor_put_array(cairn_cbor_writer *writer, size_t count)
{
    put_head(writer, CBOR_ARRAY, count);
}

void cairn_cbor_put_map(cairn_cbor_writer *writer, size_t pairs)
{
    put_head(writer, CBOR_MAP, pairs);
}

void cairn_cbor_put_tag(cairn_cbor_writer *writer, uint64_t tag)
{
    put_head(writer, CBOR_TAG, tag);
}

void cairn_cbor_put_bool(cairn_cbor_writer *writer, bool value)
{
    put_head(writer, CBOR_SIMPLE, value ? CBOR_TRUE : CBOR_FALSE);
}

void cairn_cbor_put_null(cairn_cbor_writer *writer)
{
    put_head(writer, CBOR_SIMPLE, CBOR_NULL);
}

void cairn_cbor_put_raw(cairn_cbor_writer *writer, cairn_bytes item)
{
    put(writer, item.data, item.size);
}

cairn_err cairn_cbor_writer_end(const cairn_cbor_writer *writer, cairn_bytes *ret_encoded)
{
    if (writer->size > writer->capacity)
        return CAIRN_FAIL(CAIRN_ERR_TOO_LARGE, "house", "cbor: %zu bytes into a buffer of %zu",
                          writer->size, writer->capacity);
    *ret_encoded = cairn_bytes_of(writer->data, writer->size);
    return CAIRN_OK;
}
