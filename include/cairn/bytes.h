/* A borrowed view of bytes, and the few things that one does with it. Source: house. */
#ifndef CAIRN_BYTES_H
#define CAIRN_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "cairn/err.h"

/* Not owned, not kept after return, may be empty (then `data` may be NULL). Size in bytes. */
typedef struct cairn_bytes {
    const uint8_t *data;
    size_t size;
} cairn_bytes;

/* A SHA-256 digest: of a log node, a state key, a transaction, a key thumbprint. */
typedef struct cairn_hash {
    uint8_t b[32];
} cairn_hash;

static inline cairn_bytes cairn_bytes_of(const void *data, size_t size)
{
    return (cairn_bytes){.data = data, .size = size};
}

/* View of a C string without its NUL. */
static inline cairn_bytes cairn_bytes_str(const char *text)
{
    return (cairn_bytes){.data = (const uint8_t *)text, .size = strlen(text)};
}

static inline cairn_bytes cairn_bytes_hash(const cairn_hash *hash)
{
    return (cairn_bytes){.data = hash->b, .size = sizeof hash->b};
}

static inline bool cairn_bytes_equal(cairn_bytes a, cairn_bytes b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

/* Bytewise order, a shorter prefix first: negative, zero or positive. */
int cairn_bytes_compare(cairn_bytes a, cairn_bytes b);

static inline bool cairn_hash_equal(const cairn_hash *a, const cairn_hash *b)
{
    return memcmp(a->b, b->b, sizeof a->b) == 0;
}

/* Big-endian integers at `p`, which needs no alignment. */
static inline void cairn_put_u16(uint8_t *p, uint16_t v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}
static inline void cairn_put_u32(uint8_t *p, uint32_t v)
{
    cairn_put_u16(p, (uint16_t)(v >> 16));
    cairn_put_u16(p + 2, (uint16_t)v);
}
static inline void cairn_put_u64(uint8_t *p, uint64_t v)
{
    cairn_put_u32(p, (uint32_t)(v >> 32));
    cairn_put_u32(p + 4, (uint32_t)v);
}
static inline uint16_t cairn_get_u16(const uint8_t *p)
{
    return (uint16_t)(((unsigned)p[0] << 8) | p[1]);
}
static inline uint32_t cairn_get_u32(const uint8_t *p)
{
    return ((uint32_t)cairn_get_u16(p) << 16) | cairn_get_u16(p + 2);
}
static inline uint64_t cairn_get_u64(const uint8_t *p)
{
    return ((uint64_t)cairn_get_u32(p) << 32) | cairn_get_u32(p + 4);
}

/* Lower-case hex of `in` with a NUL; `out` has room for 2 * in.size + 1 bytes. */
void cairn_hex_encode(cairn_bytes in, char *out);

/* Strict hex (either case, even count, nothing else) into exactly `size` bytes; BAD_VALUE
 * otherwise. */
cairn_err cairn_hex_decode(const char *text, uint8_t *ret_out, size_t size) CAIRN_MUST_USE;

/* Standard base64 with padding (RFC 4648 section 4). Encoded size without the NUL is
 * `cairn_base64_size(n)`; `out` has room for one byte more. */
static inline size_t cairn_base64_size(size_t n)
{
    return (n + 2) / 3 * 4;
}
void cairn_base64_encode(cairn_bytes in, char *out);

/* Strict: canonical padding, no white space, zero trailing bits (RFC 4648 section 3.5). Writes at
 * most `out_size` bytes; TOO_LARGE beyond that, BAD_VALUE for anything else. */
cairn_err cairn_base64_decode(cairn_bytes text, uint8_t *ret_out, size_t out_size,
                              size_t *ret_size) CAIRN_MUST_USE;

#endif
