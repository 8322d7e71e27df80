/* Shares of the pool, and of a block. */
#include "ledger/consortium/pool.h"

#include <stdlib.h>
#include <string.h>

/* --- the pool --- */

cairn_err cairn_pool_init(cairn_pool *pool, size_t count_max, size_t size_max)
{
    *pool = (cairn_pool){.count_max = count_max, .size_max = size_max, .capacity = 16};
    while (pool->capacity < 2 * count_max)
        pool->capacity *= 2;
    pool->entries = calloc(pool->capacity, sizeof pool->entries[0]);
    pool->shares = calloc(count_max, sizeof pool->shares[0]);
    if (pool->entries == NULL || pool->shares == NULL) {
        cairn_pool_done(pool);
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "pool: of %zu transactions", count_max);
    }
    return CAIRN_OK;
}

void cairn_pool_done(cairn_pool *pool)
{
    free(pool->entries);
    free(pool->shares);
    *pool = (cairn_pool){0};
}

/* Where the id lies, or the free place where it would. */
static size_t place_of(const cairn_pool *pool, const cairn_hash *id)
{
    size_t at = (size_t)cairn_get_u64(id->b) & (pool->capacity - 1);
    while (pool->entries[at].size != 0 && !cairn_hash_equal(&pool->entries[at].id, id))
        at = (at + 1) & (pool->capacity - 1);
    return at;
}

const cairn_pool_entry *cairn_pool_find(const cairn_pool *pool, const cairn_hash *id)
{
    const cairn_pool_entry *entry = &pool->entries[place_of(pool, id)];
    return entry->size == 0 ? NULL : entry;
}

/* The organisation's share; a new, empty one when it holds nothing. There is room for as many as
 * for transactions. */
static cairn_pool_share *share_of(cairn_pool *pool, const cairn_hash *org)
{
    size_t i = 0;
    while (i < pool->share_count && !cairn_hash_equal(&pool->shares[i].org, org))
        i++;
    if (i == pool->share_count)
        pool->shares[pool->share_count++] = (cairn_pool_share){.org = *org};
    return &pool->shares[i];
}

static void leave_share(cairn_pool *pool, const cairn_pool_entry *entry)
{
    cairn_pool_share *share = share_of(pool, &entry->org);
    share->count--;
    share->size -= entry->size;
    if (share->count == 0)
        *share = pool->shares[--pool->share_count];
}

cairn_err cairn_pool_add(cairn_pool *pool, const cairn_pool_entry *entry)
{
    size_t at = place_of(pool, &entry->id);
    if (pool->entries[at].size != 0)
        return CAIRN_OK;
    if (pool->count == pool->count_max)
        return CAIRN_FAIL(CAIRN_ERR_BUSY, "house", "pool: is full");
    cairn_pool_share *share = share_of(pool, &entry->org);
    if (share->count + 1 > pool->count_max - pool->count ||
        share->size + entry->size > pool->size_max - pool->size) {
        if (share->count == 0)
            pool->share_count--;
        return CAIRN_FAIL(CAIRN_ERR_BUSY, "house",
                          "pool: holds as much of this organisation as it may");
    }
    share->count++;
    share->size += entry->size;
    pool->entries[at] = *entry;
    pool->count++;
    pool->size += entry->size;
    return CAIRN_OK;
}

/* Frees a place, and moves up what lies behind it only because it was taken. */
static void free_place(cairn_pool *pool, size_t at)
{
    size_t mask = pool->capacity - 1;
    leave_share(pool, &pool->entries[at]);
    pool->count--;
    pool->size -= pool->entries[at].size;
    pool->entries[at].size = 0;
    for (size_t i = (at + 1) & mask; pool->entries[i].size != 0; i = (i + 1) & mask) {
        cairn_pool_entry moved = pool->entries[i];
        pool->entries[i].size = 0;
        pool->entries[place_of(pool, &moved.id)] = moved;
    }
}

void cairn_pool_remove(cairn_pool *pool, const cairn_hash *id)
{
    size_t at = place_of(pool, id);
    if (pool->entries[at].size != 0)
        free_place(pool, at);
}

void cairn_pool_see(cairn_pool *pool, const cairn_hash *id, uint64_t round)
{
    size_t at = place_of(pool, id);
    if (pool->entries[at].size != 0)
        pool->entries[at].round = round;
}

void cairn_pool_expire(cairn_pool *pool, uint64_t time_ms, uint64_t round)
{
    for (size_t i = 0; i < pool->capacity;) {
        const cairn_pool_entry *entry = &pool->entries[i];
        if (entry->size != 0 && (entry->valid_until_ms <= time_ms || entry->round < round))
            free_place(pool, i); /* looked at again: another may lie here now */
        else
            i++;
    }
}

/* --- a block --- */

/* An organisation's items, in the order in which they came. */
typedef struct queue {
    const cairn_hash *org;
    size_t taken; /* bytes */
    size_t head;  /* item; count: none is left */
    size_t last;
} queue;

typedef struct shares {
    queue *queues;
    size_t queue_count;
    size_t *next; /* item behind an item of the same organisation */
} shares;

static cairn_err sort_out(cairn_arena *arena, const cairn_share_item *items, size_t count,
                          shares *s)
{
    void *queues = NULL, *next = NULL;
    CAIRN_TRY(cairn_arena_array(arena, count, sizeof(queue), &queues));
    CAIRN_TRY(cairn_arena_array(arena, count, sizeof(size_t), &next));
    *s = (shares){.queues = queues, .next = next};
    for (size_t i = 0; i < count; i++) {
        size_t q = 0;
        while (q < s->queue_count && !cairn_hash_equal(s->queues[q].org, &items[i].org))
            q++;
        s->next[i] = count;
        if (q == s->queue_count)
            s->queues[s->queue_count++] = (queue){.org = &items[i].org, .head = i};
        else
            s->next[s->queues[q].last] = i;
        s->queues[q].last = i;
    }
    return CAIRN_OK;
}

/* Whose turn it is: who has had least, the first to come among equals. NULL when nobody has any
 * left. */
static queue *whose_turn(const shares *s, size_t count)
{
    queue *best = NULL;
    for (size_t q = 0; q < s->queue_count; q++)
        if (s->queues[q].head != count && (best == NULL || s->queues[q].taken < best->taken))
            best = &s->queues[q];
    return best;
}

cairn_err cairn_share_block(cairn_arena *arena, const cairn_share_item *items, size_t count,
                            size_t count_max, size_t size_max, size_t **ret_chosen,
                            size_t *ret_count)
{
    shares s;
    void *memory = NULL;
    size_t left = size_max;
    size_t taken = 0;
    CAIRN_TRY(cairn_arena_array(arena, count, sizeof(size_t), &memory));
    CAIRN_TRY(sort_out(arena, items, count, &s));
    size_t *chosen = memory;
    for (queue *q = whose_turn(&s, count); q != NULL && taken < count_max;
         q = whose_turn(&s, count)) {
        size_t i = q->head;
        if (items[i].size > left) {
            q->head = count; /* what comes behind must not overtake it */
            continue;
        }
        chosen[taken++] = i;
        left -= items[i].size;
        q->taken += items[i].size;
        q->head = s.next[i];
    }
    *ret_chosen = chosen;
    *ret_count = taken;
    return CAIRN_OK;
}
