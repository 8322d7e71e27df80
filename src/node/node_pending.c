/* A hash table of fixed size, in sets of eight: an id that finds its set full takes the place of
 * the oldest there. Ids are SHA-256, so their first bytes spread them. */
#include "node/node_pending.h"

#include <pthread.h>
#include <stdlib.h>

enum { SET_SIZE = 8, SET_COUNT = CAIRN_PENDING_MAX / SET_SIZE };

typedef struct place {
    cairn_hash id;
    uint64_t age; /* 0: free; else the count of additions when it came */
    cairn_err code;
} place;

struct cairn_pending {
    pthread_mutex_t lock; /* guards all below */
    uint64_t additions;
    uint64_t waiting; /* places whose code is OK */
    place places[SET_COUNT][SET_SIZE];
};

cairn_err cairn_pending_new(cairn_pending **ret_pending)
{
    cairn_pending *pending = calloc(1, sizeof *pending); /* pages are used when they are touched */
    if (pending == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "node: pending transactions");
    pthread_mutex_init(&pending->lock, NULL);
    *ret_pending = pending;
    return CAIRN_OK;
}

void cairn_pending_free(cairn_pending *pending)
{
    if (pending == NULL)
        return;
    pthread_mutex_destroy(&pending->lock);
    free(pending);
}

static place *set_of(cairn_pending *pending, const cairn_hash *id)
{
    return pending->places[cairn_get_u32(id->b) % SET_COUNT];
}

static place *find(cairn_pending *pending, const cairn_hash *id)
{
    place *set = set_of(pending, id);
    for (size_t i = 0; i < SET_SIZE; i++)
        if (set[i].age != 0 && cairn_hash_equal(&set[i].id, id))
            return &set[i];
    return NULL;
}

static place *oldest(cairn_pending *pending, const cairn_hash *id)
{
    place *set = set_of(pending, id);
    place *found = &set[0];
    for (size_t i = 1; i < SET_SIZE; i++)
        if (set[i].age < found->age)
            found = &set[i];
    return found;
}

static void clear(cairn_pending *pending, place *p)
{
    pending->waiting -= p->age != 0 && p->code == CAIRN_OK;
    p->age = 0;
}

bool cairn_pending_add(cairn_pending *pending, const cairn_hash *id)
{
    pthread_mutex_lock(&pending->lock);
    place *p = find(pending, id);
    bool fresh = p == NULL || p->code != CAIRN_OK;
    if (p == NULL)
        p = oldest(pending, id);
    clear(pending, p);
    *p = (place){.id = *id, .age = ++pending->additions, .code = CAIRN_OK};
    pending->waiting++;
    pthread_mutex_unlock(&pending->lock);
    return fresh;
}

void cairn_pending_refused(cairn_pending *pending, const cairn_hash *id, cairn_err code)
{
    pthread_mutex_lock(&pending->lock);
    place *p = find(pending, id);
    if (p != NULL) {
        pending->waiting -= p->code == CAIRN_OK;
        p->code = code;
    }
    pthread_mutex_unlock(&pending->lock);
}

void cairn_pending_decided(cairn_pending *pending, const cairn_hash *id)
{
    pthread_mutex_lock(&pending->lock);
    place *p = find(pending, id);
    if (p != NULL)
        clear(pending, p);
    pthread_mutex_unlock(&pending->lock);
}

bool cairn_pending_find(cairn_pending *pending, const cairn_hash *id, cairn_err *ret_code)
{
    pthread_mutex_lock(&pending->lock);
    const place *p = find(pending, id);
    if (p != NULL)
        *ret_code = p->code;
    pthread_mutex_unlock(&pending->lock);
    return p != NULL;
}

uint64_t cairn_pending_count(cairn_pending *pending)
{
    pthread_mutex_lock(&pending->lock);
    uint64_t count = pending->waiting;
    pthread_mutex_unlock(&pending->lock);
    return count;
}
