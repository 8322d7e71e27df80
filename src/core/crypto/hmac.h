/* HMAC-SHA-256 (RFC 2104). Any thread. */
#ifndef CAIRN_CORE_CRYPTO_HMAC_H
#define CAIRN_CORE_CRYPTO_HMAC_H

#include "cairn/bytes.h"

/* Over the parts one after the other; `key` has at least one byte (BAD_KEY). CRYPTO, NO_MEMORY. */
cairn_err cairn_hmac_sha256(cairn_bytes key, const cairn_bytes *parts, size_t count,
                            cairn_hash *ret_mac) CAIRN_MUST_USE;

#endif
