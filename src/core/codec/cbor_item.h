/* What the CBOR reader and its check share: the head of an item. Source: RFC 8949 section 3. */
#ifndef CAIRN_CORE_CODEC_CBOR_ITEM_H
#define CAIRN_CORE_CODEC_CBOR_ITEM_H

#include "cairn/bytes.h"

enum cbor_major { /* RFC 8949 section 3.1 */
                  CBOR_UINT,
                  CBOR_NINT,
                  CBOR_BYTES,
                  CBOR_TEXT,
                  CBOR_ARRAY,
                  CBOR_MAP,
                  CBOR_TAG,
                  CBOR_SIMPLE,
};

enum { CBOR_FALSE = 20, CBOR_TRUE = 21, CBOR_NULL = 22 };

typedef struct cbor_head {
    uint8_t major;
    uint8_t info;   /* additional information: the low five bits */
    uint8_t size;   /* bytes of the head itself */
    uint64_t value; /* the argument */
} cbor_head;

/* Reads a head of `left` available bytes. False when it is cut, reserved or indefinite. */
bool cairn_cbor_head_parse(const uint8_t *p, size_t left, cbor_head *ret_head);

/* Head of an item that was checked before. */
static inline cbor_head cbor_head_at(const uint8_t *p, const uint8_t *end)
{
    cbor_head head = {0};
    CAIRN_ASSERT(cairn_cbor_head_parse(p, (size_t)(end - p), &head));
    return head;
}

/* Where the checked item at `p` ends. */
const uint8_t *cairn_cbor_skip(const uint8_t *p, const uint8_t *end);

#endif
