/* base64url (RFC 4648 section 5) as JOSE and our page tokens have it: without padding, strict. Any
 * thread. */
#ifndef CAIRN_CORE_CODEC_BASE64URL_H
#define CAIRN_CORE_CODEC_BASE64URL_H

#include "cairn/bytes.h"

/* Encoded size without the NUL is cairn_base64url_size(n); `out` has
 * room for one byte more. */
static inline size_t cairn_base64url_size(size_t n)
{
    return n / 3 * 4 + (n % 3 == 0 ? 0 : n % 3 + 1);
}
void cairn_base64url_encode(cairn_bytes in, char *out);
/* Strict: no padding, no white space, zero trailing bits. Writes at most `room` bytes; TOO_LARGE
 * beyond that, BAD_VALUE for anything else. */
cairn_err cairn_base64url_decode(cairn_bytes text, uint8_t *ret_out, size_t room,
                                 size_t *ret_size) CAIRN_MUST_USE;

#endif
