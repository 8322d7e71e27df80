/* Changes in order, with hash chains over them whose newest link comes first: so a rollback only
 * pops. */
#include "ledger/delta.h"

#include <stdlib.h>

#include "cairn/sha256.h"
#include "core/limits.h"

enum { FIRST_CAPACITY = 64 };

void cairn_delta_init(cairn_delta *delta, cairn_arena *arena)
{
    *delta = (cairn_delta){.arena = arena};
}

static cairn_change **chain_of(const cairn_delta *delta, const cairn_hash *path)
{
    return &delta->chains[cairn_get_u64(path->b) & (delta->chain_count - 1)];
}

static void push(cairn_delta *delta, cairn_change *change)
{
    cairn_change **chain = chain_of(delta, &change->path);
    change->next = *chain;
    *chain = change;
}

/* Doubles the room; the chains are laid anew in order of writing. */
static cairn_err grow(cairn_delta *delta)
{
    size_t capacity = delta->capacity == 0 ? FIRST_CAPACITY : delta->capacity * 2;
    void *changes = NULL;
    void *chains = NULL;
    CAIRN_TRY(cairn_arena_array(delta->arena, capacity, sizeof(cairn_change *), &changes));
    CAIRN_TRY(cairn_arena_array(delta->arena, capacity * 2, sizeof(cairn_change *), &chains));
    if (delta->count != 0)
        memcpy(changes, delta->changes, delta->count * sizeof(cairn_change *));
    delta->changes = changes;
    delta->chains = chains;
    delta->capacity = capacity;
    delta->chain_count = capacity * 2;
    for (size_t i = 0; i < delta->count; i++)
        push(delta, delta->changes[i]);
    return CAIRN_OK;
}

cairn_err cairn_delta_write(cairn_delta *delta, cairn_map_id map, cairn_bytes key,
                            const cairn_bytes *value)
{
    if (key.size == 0 || key.size > CAIRN_STATE_KEY_SIZE_MAX)
        return CAIRN_FAIL(CAIRN_ERR_TOO_LARGE, "house", "state.key: %zu bytes", key.size);
    if (value != NULL && value->size > CAIRN_STATE_VALUE_SIZE_MAX)
        return CAIRN_FAIL(CAIRN_ERR_TOO_LARGE, "house", "state.value: %zu bytes", value->size);
    if (delta->count == delta->capacity)
        CAIRN_TRY(grow(delta));
    cairn_change *change = NULL;
    CAIRN_TRY(CAIRN_ARENA_NEW(delta->arena, &change));
    change->map = map;
    change->deleted = value == NULL;
    CAIRN_TRY(cairn_arena_copy(delta->arena, key, &change->key));
    if (value != NULL)
        CAIRN_TRY(cairn_arena_copy(delta->arena, *value, &change->value));
    cairn_sha256_of(key.data, key.size, &change->path);
    push(delta, change);
    delta->changes[delta->count++] = change;
    return CAIRN_OK;
}

static const cairn_change *find_path(const cairn_delta *delta, cairn_map_id map,
                                     const cairn_hash *path)
{
    if (delta->chain_count == 0)
        return NULL;
    for (const cairn_change *c = *chain_of(delta, path); c != NULL; c = c->next)
        if (c->map == map && cairn_hash_equal(&c->path, path))
            return c;
    return NULL;
}

const cairn_change *cairn_delta_find(const cairn_delta *delta, cairn_map_id map, cairn_bytes key)
{
    cairn_hash path;
    if (delta->count == 0)
        return NULL;
    cairn_sha256_of(key.data, key.size, &path);
    return find_path(delta, map, &path);
}

void cairn_delta_rollback(cairn_delta *delta, size_t mark)
{
    CAIRN_ASSERT(mark <= delta->count);
    while (delta->count > mark) {
        cairn_change *change = delta->changes[--delta->count];
        *chain_of(delta, &change->path) = change->next;
    }
}

static int by_path(const void *a, const void *b)
{
    const cairn_change *const *x = a;
    const cairn_change *const *y = b;
    return memcmp((*x)->path.b, (*y)->path.b, sizeof(cairn_hash));
}

cairn_err cairn_delta_sorted(const cairn_delta *delta, cairn_map_id map,
                             const cairn_change ***ret_changes, size_t *ret_count)
{
    void *memory = NULL;
    CAIRN_TRY(cairn_arena_array(delta->arena, delta->count, sizeof(cairn_change *), &memory));
    const cairn_change **sorted = memory;
    size_t count = 0;
    for (size_t i = 0; i < delta->count; i++) {
        const cairn_change *c = delta->changes[i];
        if (c->map == map && find_path(delta, map, &c->path) == c)
            sorted[count++] = c;
    }
    if (count > 1)
        qsort(sorted, count, sizeof(cairn_change *), by_path);
    *ret_changes = sorted;
    *ret_count = count;
    return CAIRN_OK;
}
