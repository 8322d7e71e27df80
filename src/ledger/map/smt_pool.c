/* Blocks double from 16 KiB to 2 MiB; each 16 KiB of them starts with the address of the pool, so
 * that a unit finds its pool by its own address. Units given back form a stack that the writer
 * takes whole, which spares it the ABA problem. */
#include "ledger/map/smt_pool.h"

#include <stdalign.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SMT_POOL_POISON 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(SMT_POOL_POISON)
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(memory, size) ((void)(memory), (void)(size))
#define ASAN_UNPOISON_MEMORY_REGION(memory, size) ((void)(memory), (void)(size))
#endif

enum {
    GRAIN_SIZE = 16 << 10,
    BLOCK_SIZE_MAX = 2 << 20, /* a huge page, where the system has them */
};

typedef struct unit {
    struct unit *next;
} unit;

/* Front of each grain; `next_block` counts in the first one of a block. */
typedef struct grain {
    alignas(SMT_UNIT_SIZE) smt_pool *pool;
    struct grain *next_block;
} grain;

struct smt_pool {
    atomic_uint refs;
    _Atomic(unit *) given; /* pushed by any thread, taken whole by the writer */
    /* the writer's */
    unit *free;
    uint8_t *fresh; /* units of the newest block never taken yet */
    uint8_t *fresh_end;
    grain *blocks;
    size_t block_size; /* of the next block */
    size_t made_count; /* units ever taken from a block */
};

cairn_err cairn_smt_pool_new(smt_pool **ret_pool)
{
    smt_pool *pool = malloc(sizeof *pool);
    if (pool == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "state map: pool");
    *pool = (smt_pool){.refs = 1, .block_size = GRAIN_SIZE};
    *ret_pool = pool;
    return CAIRN_OK;
}

smt_pool *cairn_smt_pool_hold(smt_pool *pool)
{
    (void)atomic_fetch_add_explicit(&pool->refs, 1, memory_order_relaxed);
    return pool;
}

static size_t count_units(unit *list)
{
    size_t count = 0;
    for (; list != NULL; list = list->next)
        count++;
    return count;
}

void cairn_smt_pool_free(smt_pool *pool)
{
    if (pool == NULL || atomic_fetch_sub_explicit(&pool->refs, 1, memory_order_acq_rel) != 1)
        return;
    CAIRN_ASSERT(count_units(pool->free) + count_units(atomic_load(&pool->given)) ==
                 pool->made_count);
    for (grain *block = pool->blocks; block != NULL;) {
        grain *next = block->next_block;
        free(block);
        block = next;
    }
    free(pool);
}

static cairn_err add_block(smt_pool *pool)
{
    size_t size = pool->block_size;
    grain *block = aligned_alloc(size, size);
    if (block == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "state map: block of %zu bytes", size);
    if (size == BLOCK_SIZE_MAX)
        (void)madvise(block, size, MADV_HUGEPAGE); /* only for speed: fewer TLB misses */
    else
        pool->block_size = size * 2;
    block->next_block = pool->blocks;
    pool->blocks = block;
    pool->fresh = (uint8_t *)block;
    pool->fresh_end = pool->fresh + size;
    return CAIRN_OK;
}

static cairn_err take_fresh(smt_pool *pool, void **ret_unit)
{
    if (pool->fresh == pool->fresh_end)
        CAIRN_TRY(add_block(pool));
    if ((uintptr_t)pool->fresh % GRAIN_SIZE == 0) {
        ((grain *)(void *)pool->fresh)->pool = pool;
        pool->fresh += sizeof(grain);
    }
    *ret_unit = pool->fresh;
    pool->fresh += SMT_UNIT_SIZE;
    pool->made_count++;
    return CAIRN_OK;
}

cairn_err cairn_smt_pool_take(smt_pool *pool, void **ret_unit)
{
    if (pool->free == NULL)
        pool->free = atomic_exchange_explicit(&pool->given, NULL, memory_order_acquire);
    if (pool->free == NULL)
        return take_fresh(pool, ret_unit);
    unit *taken = pool->free;
    pool->free = taken->next;
    ASAN_UNPOISON_MEMORY_REGION(taken, SMT_UNIT_SIZE);
    *ret_unit = taken;
    return CAIRN_OK;
}

void cairn_smt_pool_give(void *memory)
{
    grain *home = (grain *)((uintptr_t)memory & ~(uintptr_t)(GRAIN_SIZE - 1));
    smt_pool *pool = home->pool;
    unit *given = memory;
    ASAN_POISON_MEMORY_REGION(given + 1, SMT_UNIT_SIZE - sizeof *given);
    given->next = atomic_load_explicit(&pool->given, memory_order_relaxed);
    while (!atomic_compare_exchange_weak_explicit(&pool->given, &given->next, given,
                                                  memory_order_release, memory_order_relaxed)) {
    }
}
