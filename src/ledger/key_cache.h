/* Parsed public keys by thumbprint. A key is a function of its bytes, so the cache changes speed
 * alone: parsing a P-256 point costs half as much as the verification that follows. Any thread. */
#ifndef CAIRN_LEDGER_KEY_CACHE_H
#define CAIRN_LEDGER_KEY_CACHE_H

#include "cairn/key.h"

typedef struct cairn_key_cache cairn_key_cache;

/* Holds at most `capacity` keys (rounded up to a power of two); a new one displaces what shares its
 * place. */
cairn_err cairn_key_cache_new(size_t capacity, cairn_key_cache **ret_cache) CAIRN_MUST_USE;
void cairn_key_cache_free(cairn_key_cache *cache);
CAIRN_DEFINE_CLEANUP(cairn_key_cache, cairn_key_cache_free)

/* The key with thumbprint `kid`, parsed from `cose_key` when it is not at hand; a new reference.
 * BAD_KEY as cairn_key_from_cose, or when the bytes have another thumbprint. `cache` NULL: always
 * parsed. */
cairn_err cairn_key_cache_get(cairn_key_cache *cache, const cairn_hash *kid, cairn_bytes cose_key,
                              cairn_key **ret_key) CAIRN_MUST_USE;

#endif
