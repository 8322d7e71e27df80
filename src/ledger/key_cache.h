/* What is known of signing keys, by thumbprint: the parsed key, and what a ledger's state says of
 * it.
 *
 * A parsed key is a function of its bytes; what the state says holds for one version of a ledger's
 * registry. So the cache changes speed alone: parsing a point costs half as much as the
 * verification that follows, and reading two records of the state a third. Any thread. */
#ifndef CAIRN_LEDGER_KEY_CACHE_H
#define CAIRN_LEDGER_KEY_CACHE_H

#include "cairn/key.h"
#include "ledger/registry.h"

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

/* What a ledger's state says of a signing key and its organisation. */
typedef struct cairn_credential {
    cairn_hash org;
    cairn_purpose purpose;
    uint64_t since;
    uint64_t until;
    cairn_org_status org_status;
    bool member;
    size_t cose_key_size;
    uint8_t cose_key[CAIRN_COSE_KEY_SIZE_MAX];
} cairn_credential;

/* A version that this cache has named nothing by yet, so that two ledgers, or two histories of one,
 * never meet in it. `cache` NULL: 0, for which nothing is remembered. */
uint64_t cairn_key_cache_new_version(cairn_key_cache *cache);

/* The credential that was remembered for this version of the registry of this ledger; false when
 * there is none. `cache` NULL: there is none. */
bool cairn_key_cache_recall(cairn_key_cache *cache, const cairn_hash *ledger,
                            uint64_t registry_version, const cairn_hash *kid,
                            cairn_credential *ret_credential);
void cairn_key_cache_remember(cairn_key_cache *cache, const cairn_hash *ledger,
                              uint64_t registry_version, const cairn_hash *kid,
                              const cairn_credential *credential);

#endif
