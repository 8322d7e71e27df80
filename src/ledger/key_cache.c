/* Direct-mapped: one place for a thumbprint, no chains, no eviction policy. */
#include "ledger/key_cache.h"

#include <pthread.h>
#include <stdlib.h>

enum { CREDENTIAL_COUNT = 512 };

typedef struct remembered {
    cairn_hash ledger;
    cairn_hash kid;
    uint64_t registry_version; /* 0: nothing */
    cairn_credential credential;
} remembered;

struct cairn_key_cache {
    pthread_mutex_t lock; /* guards what is below; held for a copy's time only */
    remembered credentials[CREDENTIAL_COUNT];
    uint64_t last_version;
    size_t mask;
    cairn_key *slots[];
};

cairn_err cairn_key_cache_new(size_t capacity, cairn_key_cache **ret_cache)
{
    size_t count = 1;
    while (count < capacity)
        count *= 2;
    cairn_key_cache *cache = calloc(1, sizeof *cache + count * sizeof cache->slots[0]);
    if (cache == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "key cache: %zu keys", count);
    cache->mask = count - 1;
    pthread_mutex_init(&cache->lock, NULL);
    *ret_cache = cache;
    return CAIRN_OK;
}

void cairn_key_cache_free(cairn_key_cache *cache)
{
    if (cache == NULL)
        return;
    for (size_t i = 0; i <= cache->mask; i++)
        cairn_key_free(cache->slots[i]);
    pthread_mutex_destroy(&cache->lock);
    free(cache);
}

static cairn_err parse(const cairn_hash *kid, cairn_bytes cose_key, cairn_key **ret_key)
{
    CAIRN_CLEANUP(cairn_key_free_p) cairn_key *key = NULL;
    CAIRN_TRY(cairn_key_from_cose(cose_key, &key));
    if (!cairn_hash_equal(cairn_key_id(key), kid))
        return CAIRN_FAIL(CAIRN_ERR_BAD_KEY, "RFC 9679", "key: bytes have another thumbprint");
    *ret_key = CAIRN_STEAL(key);
    return CAIRN_OK;
}

cairn_err cairn_key_cache_get(cairn_key_cache *cache, const cairn_hash *kid, cairn_bytes cose_key,
                              cairn_key **ret_key)
{
    if (cache == NULL)
        return parse(kid, cose_key, ret_key);
    cairn_key **slot = &cache->slots[cairn_get_u64(kid->b) & cache->mask];
    cairn_key *key = NULL;
    pthread_mutex_lock(&cache->lock);
    if (*slot != NULL && cairn_hash_equal(cairn_key_id(*slot), kid))
        key = cairn_key_ref(*slot);
    pthread_mutex_unlock(&cache->lock);
    if (key == NULL) {
        CAIRN_TRY(parse(kid, cose_key, &key));
        cairn_key *put = cairn_key_ref(key);
        pthread_mutex_lock(&cache->lock);
        cairn_key *displaced = *slot;
        *slot = put;
        pthread_mutex_unlock(&cache->lock);
        cairn_key_free(displaced);
    }
    *ret_key = key;
    return CAIRN_OK;
}

static remembered *place_of(cairn_key_cache *cache, const cairn_hash *ledger, const cairn_hash *kid)
{
    uint64_t at = cairn_get_u64(kid->b) ^ cairn_get_u64(ledger->b);
    return &cache->credentials[at % CREDENTIAL_COUNT];
}

uint64_t cairn_key_cache_new_version(cairn_key_cache *cache)
{
    if (cache == NULL)
        return 0;
    pthread_mutex_lock(&cache->lock);
    uint64_t version = ++cache->last_version;
    pthread_mutex_unlock(&cache->lock);
    return version;
}

bool cairn_key_cache_recall(cairn_key_cache *cache, const cairn_hash *ledger,
                            uint64_t registry_version, const cairn_hash *kid,
                            cairn_credential *ret_credential)
{
    if (cache == NULL || registry_version == 0)
        return false;
    const remembered *r = place_of(cache, ledger, kid);
    pthread_mutex_lock(&cache->lock);
    bool found = r->registry_version == registry_version && cairn_hash_equal(&r->kid, kid) &&
                 cairn_hash_equal(&r->ledger, ledger);
    if (found)
        *ret_credential = r->credential;
    pthread_mutex_unlock(&cache->lock);
    return found;
}

void cairn_key_cache_remember(cairn_key_cache *cache, const cairn_hash *ledger,
                              uint64_t registry_version, const cairn_hash *kid,
                              const cairn_credential *credential)
{
    if (cache == NULL || registry_version == 0)
        return;
    remembered *r = place_of(cache, ledger, kid);
    pthread_mutex_lock(&cache->lock);
    *r = (remembered){.ledger = *ledger,
                      .kid = *kid,
                      .registry_version = registry_version,
                      .credential = *credential};
    pthread_mutex_unlock(&cache->lock);
}
