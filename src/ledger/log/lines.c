#include "ledger/log/lines.h"

#include <stdarg.h>
#include <stdio.h>

#include "core/codec/utf8.h"

bool cairn_lines_valid(cairn_bytes text)
{
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] < 0x20 && text.data[i] != '\n')
            return false;
    }
    return cairn_utf8_valid(text);
}

bool cairn_lines_take(cairn_bytes *text, cairn_bytes *ret_line)
{
    const uint8_t *end = text->size > 0 ? memchr(text->data, '\n', text->size) : NULL;
    if (end == NULL)
        return false;
    size_t size = (size_t)(end - text->data);
    *ret_line = cairn_bytes_of(text->data, size);
    *text = cairn_bytes_of(end + 1, text->size - size - 1);
    return true;
}

bool cairn_lines_take_word(cairn_bytes *text, const char *word)
{
    size_t size = strlen(word);
    if (text->size < size || memcmp(text->data, word, size) != 0)
        return false;
    *text = cairn_bytes_of(text->data + size, text->size - size);
    return true;
}

bool cairn_lines_decimal(cairn_bytes line, uint64_t *ret_number)
{
    uint64_t number = 0;
    if (line.size == 0 || (line.size > 1 && line.data[0] == '0'))
        return false;
    for (size_t i = 0; i < line.size; i++) {
        unsigned digit = (unsigned)line.data[i] - '0';
        if (digit > 9 || __builtin_mul_overflow(number, 10, &number) ||
            __builtin_add_overflow(number, digit, &number))
            return false;
    }
    *ret_number = number;
    return true;
}

bool cairn_lines_hash(cairn_bytes line, cairn_hash *ret_hash)
{
    cairn_hash hash;
    size_t size = 0;
    if (line.size != cairn_base64_size(sizeof hash.b) ||
        cairn_base64_decode(line, hash.b, sizeof hash.b, &size) != CAIRN_OK ||
        size != sizeof hash.b)
        return false;
    *ret_hash = hash;
    return true;
}

cairn_err cairn_lines_concat(cairn_arena *arena, const cairn_bytes *parts, size_t count,
                             cairn_bytes *ret_text)
{
    void *memory = NULL;
    size_t size = 0, at = 0;
    for (size_t i = 0; i < count; i++)
        size += parts[i].size;
    CAIRN_TRY(cairn_arena_alloc(arena, size, &memory));
    for (size_t i = 0; i < count; i++) {
        if (parts[i].size > 0)
            memcpy((uint8_t *)memory + at, parts[i].data, parts[i].size);
        at += parts[i].size;
    }
    *ret_text = cairn_bytes_of(memory, size);
    return CAIRN_OK;
}

cairn_err cairn_lines_format(cairn_arena *arena, cairn_bytes *ret_text, const char *format, ...)
{
    va_list args;
    void *memory = NULL;
    va_start(args, format);
    int size = vsnprintf(NULL, 0, format, args);
    va_end(args);
    CAIRN_ASSERT(size >= 0);
    CAIRN_TRY(cairn_arena_alloc(arena, (size_t)size + 1, &memory));
    va_start(args, format);
    int written = vsnprintf(memory, (size_t)size + 1, format, args);
    va_end(args);
    CAIRN_ASSERT(written == size);
    *ret_text = cairn_bytes_of(memory, (size_t)size);
    return CAIRN_OK;
}
