/* DER, written and read. */
#include "identity/ca/ca_der.h"

#include <stdio.h>
#include <time.h>

enum {
    LENGTH_SIZE_MAX = 4,         /* 83 xx xx xx */
    CONTENT_SIZE_MAX = 0xffffff, /* bytes */
};

/* --- writer --- */

void cairn_der_writer_init(cairn_der_writer *writer, void *data, size_t capacity)
{
    *writer = (cairn_der_writer){.data = data, .capacity = capacity};
}

void cairn_der_put_raw(cairn_der_writer *writer, cairn_bytes encoded)
{
    if (writer->full || encoded.size > writer->capacity - writer->size) {
        writer->full = true;
        return;
    }
    if (encoded.size > 0)
        memcpy(writer->data + writer->size, encoded.data, encoded.size);
    writer->size += encoded.size;
}

/* Shortest form; returns its size. */
static size_t make_length(size_t size, uint8_t out[LENGTH_SIZE_MAX])
{
    if (size < 0x80) {
        out[0] = (uint8_t)size;
        return 1;
    }
    size_t octets = size > 0xffff ? 3 : size > 0xff ? 2 : 1;
    out[0] = (uint8_t)(0x80 | octets);
    for (size_t i = 0; i < octets; i++)
        out[1 + i] = (uint8_t)(size >> (8 * (octets - 1 - i)));
    return 1 + octets;
}

/* Room for the longest length is kept, and closed at the end. */
size_t cairn_der_begin(cairn_der_writer *writer, uint8_t tag)
{
    static const uint8_t room[LENGTH_SIZE_MAX];
    cairn_der_put_raw(writer, cairn_bytes_of(&tag, 1));
    cairn_der_put_raw(writer, cairn_bytes_of(room, sizeof room));
    return writer->size;
}

void cairn_der_end(cairn_der_writer *writer, size_t mark)
{
    uint8_t length[LENGTH_SIZE_MAX];
    if (writer->full)
        return;
    size_t content = writer->size - mark;
    if (content > CONTENT_SIZE_MAX) {
        writer->full = true;
        return;
    }
    size_t length_size = make_length(content, length);
    uint8_t *start = writer->data + mark - LENGTH_SIZE_MAX;
    memcpy(start, length, length_size);
    memmove(start + length_size, writer->data + mark, content);
    writer->size -= LENGTH_SIZE_MAX - length_size;
}

void cairn_der_put(cairn_der_writer *writer, uint8_t tag, cairn_bytes content)
{
    size_t mark = cairn_der_begin(writer, tag);
    cairn_der_put_raw(writer, content);
    cairn_der_end(writer, mark);
}

void cairn_der_put_uint(cairn_der_writer *writer, uint64_t value)
{
    uint8_t octets[9] = {0};
    size_t first = 1;
    cairn_put_u64(octets + 1, value);
    while (first < 8 && octets[first] == 0)
        first++;
    if ((octets[first] & 0x80) != 0)
        first--;
    cairn_der_put(writer, CAIRN_DER_INTEGER, cairn_bytes_of(octets + first, 9 - first));
}

void cairn_der_put_bits(cairn_der_writer *writer, cairn_bytes bits)
{
    static const uint8_t unused = 0;
    size_t mark = cairn_der_begin(writer, CAIRN_DER_BIT_STRING);
    cairn_der_put_raw(writer, cairn_bytes_of(&unused, 1));
    cairn_der_put_raw(writer, bits);
    cairn_der_end(writer, mark);
}

void cairn_der_put_named_bits(cairn_der_writer *writer, uint16_t bits)
{
    uint8_t content[3] = {0};
    size_t count = 0; /* of significant bits */
    for (size_t i = 0; i < 16; i++) {
        if ((bits & (1u << i)) == 0)
            continue;
        content[1 + i / 8] |= (uint8_t)(0x80u >> (i % 8));
        count = i + 1;
    }
    size_t octets = (count + 7) / 8;
    content[0] = (uint8_t)(octets * 8 - count);
    cairn_der_put(writer, CAIRN_DER_BIT_STRING, cairn_bytes_of(content, 1 + octets));
}

void cairn_der_put_true(cairn_der_writer *writer)
{
    static const uint8_t value = 0xff;
    cairn_der_put(writer, CAIRN_DER_BOOLEAN, cairn_bytes_of(&value, 1));
}

static void put_time(cairn_der_writer *writer, uint64_t seconds, bool generalized)
{
    const uint64_t last = 253402300799u; /* 9999-12-31T23:59:59Z */
    time_t t = (time_t)(seconds < last ? seconds : last);
    struct tm utc;
    char text[32];
    CAIRN_ASSERT(gmtime_r(&t, &utc) != NULL);
    size_t size = strftime(text, sizeof text, "%Y%m%d%H%M%SZ", &utc);
    size_t century = generalized ? 0 : 2; /* UTCTime has no room for it */
    cairn_der_put(writer, generalized ? CAIRN_DER_GENERALIZED_TIME : CAIRN_DER_UTC_TIME,
                  cairn_bytes_of(text + century, size - century));
}

void cairn_der_put_time(cairn_der_writer *writer, uint64_t seconds)
{
    const uint64_t year_2050 = 2524608000u;
    put_time(writer, seconds, seconds >= year_2050);
}

void cairn_der_put_generalized_time(cairn_der_writer *writer, uint64_t seconds)
{
    put_time(writer, seconds, true);
}

cairn_err cairn_der_writer_end(const cairn_der_writer *writer, cairn_bytes *ret_der)
{
    if (writer->full)
        return CAIRN_FAIL(CAIRN_ERR_TOO_LARGE, "house", "der: more than %zu bytes",
                          writer->capacity);
    *ret_der = cairn_bytes_of(writer->data, writer->size);
    return CAIRN_OK;
}

/* --- reader --- */

void cairn_der_open(cairn_der_reader *reader, cairn_bytes in, const char *object,
                    const char *clause)
{
    const uint8_t *data = in.data == NULL ? (const uint8_t *)"" : in.data;
    *reader =
        (cairn_der_reader){.next = data, .end = data + in.size, .object = object, .clause = clause};
}

bool cairn_der_next_is(const cairn_der_reader *reader, uint8_t tag)
{
    return reader->next < reader->end && reader->next[0] == tag;
}

#define REFUSE(reader, code, field, what) \
    CAIRN_FAIL(code, (reader)->clause, "%s.%s: %s", (reader)->object, field, what)

/* Length at `at`, which is moved behind it. */
static cairn_err take_length(const cairn_der_reader *reader, const char *field, const uint8_t **at,
                             size_t *ret_size)
{
    if (*at == reader->end)
        return REFUSE(reader, CAIRN_ERR_TRUNCATED, field, "ends in its length");
    size_t size = *(*at)++;
    if (size >= 0x80) {
        size_t octets = size & 0x7f;
        if (octets == 0 || octets > 3)
            return REFUSE(reader, CAIRN_ERR_NOT_CANONICAL, field, "length is indefinite or huge");
        if ((size_t)(reader->end - *at) < octets)
            return REFUSE(reader, CAIRN_ERR_TRUNCATED, field, "ends in its length");
        size = 0;
        for (size_t i = 0; i < octets; i++)
            size = size << 8 | *(*at)++;
        if (size < 0x80 || (octets > 1 && size >> (8 * (octets - 1)) == 0))
            return REFUSE(reader, CAIRN_ERR_NOT_CANONICAL, field, "length is not the shortest");
    }
    if ((size_t)(reader->end - *at) < size)
        return REFUSE(reader, CAIRN_ERR_TRUNCATED, field, "ends in its content");
    *ret_size = size;
    return CAIRN_OK;
}

static cairn_err take(cairn_der_reader *reader, const char *field, uint8_t *ret_tag,
                      cairn_bytes *ret_content)
{
    const uint8_t *at = reader->next;
    size_t size = 0;
    if (at == reader->end)
        return REFUSE(reader, CAIRN_ERR_MISSING_FIELD, field, "is missing");
    uint8_t tag = *at++;
    if ((tag & 0x1f) == 0x1f)
        return REFUSE(reader, CAIRN_ERR_BAD_VALUE, field, "tag of several octets");
    CAIRN_TRY(take_length(reader, field, &at, &size));
    reader->next = at + size;
    *ret_tag = tag;
    *ret_content = cairn_bytes_of(at, size);
    return CAIRN_OK;
}

cairn_err cairn_der_read(cairn_der_reader *reader, uint8_t tag, const char *field,
                         cairn_bytes *ret_content)
{
    uint8_t found = 0;
    if (reader->next < reader->end && reader->next[0] != tag)
        return CAIRN_FAIL(CAIRN_ERR_WRONG_TYPE, reader->clause, "%s.%s: tag %02x, not %02x",
                          reader->object, field, reader->next[0], tag);
    return take(reader, field, &found, ret_content);
}

cairn_err cairn_der_read_whole(cairn_der_reader *reader, uint8_t tag, const char *field,
                               cairn_bytes *ret_whole)
{
    const uint8_t *start = reader->next;
    cairn_bytes content = {0};
    CAIRN_TRY(cairn_der_read(reader, tag, field, &content));
    *ret_whole = cairn_bytes_of(start, (size_t)(reader->next - start));
    return CAIRN_OK;
}

cairn_err cairn_der_enter(cairn_der_reader *reader, uint8_t tag, const char *field,
                          cairn_der_reader *ret_inner)
{
    cairn_bytes content = {0};
    CAIRN_TRY(cairn_der_read(reader, tag, field, &content));
    cairn_der_open(ret_inner, content, reader->object, reader->clause);
    return CAIRN_OK;
}

cairn_err cairn_der_read_any(cairn_der_reader *reader, const char *field, uint8_t *ret_tag,
                             cairn_bytes *ret_content)
{
    return take(reader, field, ret_tag, ret_content);
}

cairn_err cairn_der_read_uint(cairn_der_reader *reader, const char *field, uint64_t max,
                              uint64_t *ret_value)
{
    cairn_bytes content = {0};
    uint64_t value = 0;
    CAIRN_TRY(cairn_der_read(reader, CAIRN_DER_INTEGER, field, &content));
    if (content.size == 0 || (content.data[0] & 0x80) != 0 ||
        (content.size > 1 && content.data[0] == 0 && (content.data[1] & 0x80) == 0))
        return REFUSE(reader, CAIRN_ERR_BAD_VALUE, field, "negative or padded integer");
    if (content.size > 9 || (content.size == 9 && content.data[0] != 0))
        return REFUSE(reader, CAIRN_ERR_BAD_VALUE, field, "integer is too great");
    for (size_t i = 0; i < content.size; i++)
        value = value << 8 | content.data[i];
    if (value > max)
        return REFUSE(reader, CAIRN_ERR_BAD_VALUE, field, "integer is too great");
    *ret_value = value;
    return CAIRN_OK;
}

cairn_err cairn_der_read_bits(cairn_der_reader *reader, const char *field, cairn_bytes *ret_bits)
{
    cairn_bytes content = {0};
    CAIRN_TRY(cairn_der_read(reader, CAIRN_DER_BIT_STRING, field, &content));
    if (content.size == 0 || content.data[0] != 0)
        return REFUSE(reader, CAIRN_ERR_BAD_VALUE, field, "bit string is not of whole octets");
    *ret_bits = cairn_bytes_of(content.data + 1, content.size - 1);
    return CAIRN_OK;
}

cairn_err cairn_der_read_flag(cairn_der_reader *reader, const char *field, bool *ret_value)
{
    cairn_bytes content = {0};
    if (!cairn_der_next_is(reader, CAIRN_DER_BOOLEAN)) {
        *ret_value = false;
        return CAIRN_OK;
    }
    CAIRN_TRY(cairn_der_read(reader, CAIRN_DER_BOOLEAN, field, &content));
    if (content.size != 1 || content.data[0] != 0xff)
        return REFUSE(reader, CAIRN_ERR_NOT_CANONICAL, field, "not TRUE, and FALSE is the default");
    *ret_value = true;
    return CAIRN_OK;
}

cairn_err cairn_der_finish(const cairn_der_reader *reader)
{
    if (reader->next != reader->end)
        return CAIRN_FAIL(CAIRN_ERR_TRAILING, reader->clause, "%s: %zu bytes too many",
                          reader->object, (size_t)(reader->end - reader->next));
    return CAIRN_OK;
}
