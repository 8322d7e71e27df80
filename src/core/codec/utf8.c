/* UTF-8 by the table of RFC 3629 section 4; runs of ASCII go eight bytes at a time. */
#include "core/codec/utf8.h"

static bool in_range(uint8_t byte, uint8_t low, uint8_t high)
{
    return byte >= low && byte <= high;
}

/* Bytes of the well-formed sequence at `p`, 0 if there is none. */
static size_t sequence_size(const uint8_t *p, size_t left)
{
    uint8_t low = 0x80; /* bounds of the second byte, which exclude long forms and surrogates */
    uint8_t high = 0xbf;
    size_t size = 0;
    if (p[0] < 0x80)
        return 1;
    if (in_range(p[0], 0xc2, 0xdf))
        size = 2;
    else if (in_range(p[0], 0xe0, 0xef))
        size = 3;
    else if (in_range(p[0], 0xf0, 0xf4))
        size = 4;
    if (size == 0 || size > left)
        return 0;
    if (p[0] == 0xe0)
        low = 0xa0;
    else if (p[0] == 0xed)
        high = 0x9f;
    else if (p[0] == 0xf0)
        low = 0x90;
    else if (p[0] == 0xf4)
        high = 0x8f;
    if (!in_range(p[1], low, high))
        return 0;
    for (size_t i = 2; i < size; i++)
        if (!in_range(p[i], 0x80, 0xbf))
            return 0;
    return size;
}

bool cairn_utf8_valid(cairn_bytes text)
{
    for (size_t i = 0; i < text.size;) {
        uint64_t eight = 0;
        if (text.size - i >= sizeof eight) {
            memcpy(&eight, text.data + i, sizeof eight);
            if ((eight & 0x8080808080808080) == 0) {
                i += sizeof eight;
                continue;
            }
        }
        size_t size = sequence_size(text.data + i, text.size - i);
        if (size == 0)
            return false;
        i += size;
    }
    return true;
}
