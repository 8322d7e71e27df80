/* Open addressing with linear probing; a mutex, since the loops of a group share it and it is asked
 * once a connection. */
#include "core/net/http_addresses.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdlib.h>

#include "cairn/sha256.h"

enum { KEY_SIZE = 9 };

typedef struct slot {
    uint8_t key[KEY_SIZE]; /* '4', '6' or 'l', then 4 or 8 bytes */
    unsigned count;        /* 0: free */
} slot;

struct cairn_http_addresses {
    pthread_mutex_t lock; /* guards what follows */
    size_t slot_count;    /* a power of two, at least twice `max` */
    size_t used, max;
    unsigned each_max;
    slot slots[];
};

static void make_key(const char *address, uint8_t ret_key[KEY_SIZE])
{
    struct in6_addr v6;
    memset(ret_key, 0, KEY_SIZE);
    ret_key[0] = 'l';
    if (inet_pton(AF_INET, address, ret_key + 1) == 1) {
        ret_key[0] = '4';
    } else if (inet_pton(AF_INET6, address, &v6) == 1) {
        ret_key[0] = '6';
        memcpy(ret_key + 1, &v6, 8);
    }
}

static size_t home_of(const cairn_http_addresses *a, const uint8_t key[KEY_SIZE])
{
    cairn_hash hash;
    cairn_sha256_of(key, KEY_SIZE, &hash);
    return (size_t)cairn_get_u64(hash.b) & (a->slot_count - 1);
}

/* The slot of `key`, or the free one where it belongs. */
static size_t find(const cairn_http_addresses *a, const uint8_t key[KEY_SIZE])
{
    size_t at = home_of(a, key);
    while (a->slots[at].count > 0 && memcmp(a->slots[at].key, key, KEY_SIZE) != 0)
        at = (at + 1) & (a->slot_count - 1);
    return at;
}

/* Frees a slot and closes the gap, so that none behind it is lost. */
static void erase(cairn_http_addresses *a, size_t gap)
{
    size_t mask = a->slot_count - 1;
    a->slots[gap].count = 0;
    a->used--;
    for (size_t at = (gap + 1) & mask; a->slots[at].count > 0; at = (at + 1) & mask) {
        size_t home = home_of(a, a->slots[at].key);
        if (((at - home) & mask) < ((at - gap) & mask))
            continue;
        a->slots[gap] = a->slots[at];
        a->slots[at].count = 0;
        gap = at;
    }
}

cairn_err cairn_http_addresses_new(size_t address_max, unsigned each_max,
                                   cairn_http_addresses **ret_addresses)
{
    size_t count = 16;
    while (count < 2 * address_max)
        count *= 2;
    cairn_http_addresses *a = calloc(1, sizeof *a + count * sizeof a->slots[0]);
    if (a == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "http: table of addresses");
    CAIRN_ASSERT(pthread_mutex_init(&a->lock, NULL) == 0);
    a->slot_count = count;
    a->max = address_max;
    a->each_max = each_max;
    *ret_addresses = a;
    return CAIRN_OK;
}

void cairn_http_addresses_free(cairn_http_addresses *addresses)
{
    if (addresses == NULL)
        return;
    CAIRN_ASSERT(pthread_mutex_destroy(&addresses->lock) == 0);
    free(addresses);
}

bool cairn_http_addresses_enter(cairn_http_addresses *addresses, const char *address)
{
    uint8_t key[KEY_SIZE];
    make_key(address, key);
    CAIRN_ASSERT(pthread_mutex_lock(&addresses->lock) == 0);
    slot *s = &addresses->slots[find(addresses, key)];
    bool room = s->count > 0 ? s->count < addresses->each_max : addresses->used < addresses->max;
    if (room && s->count == 0) {
        memcpy(s->key, key, KEY_SIZE);
        addresses->used++;
    }
    if (room)
        s->count++;
    CAIRN_ASSERT(pthread_mutex_unlock(&addresses->lock) == 0);
    return room;
}

void cairn_http_addresses_leave(cairn_http_addresses *addresses, const char *address)
{
    uint8_t key[KEY_SIZE];
    make_key(address, key);
    CAIRN_ASSERT(pthread_mutex_lock(&addresses->lock) == 0);
    size_t at = find(addresses, key);
    CAIRN_ASSERT(addresses->slots[at].count > 0);
    if (--addresses->slots[at].count == 0) {
        addresses->slots[at].count = 1; /* erase frees it */
        erase(addresses, at);
    }
    CAIRN_ASSERT(pthread_mutex_unlock(&addresses->lock) == 0);
}
