/* Chained blocks that double in size; the arena's limit bounds what a hostile input can make us
 * allocate. */
#include "cairn/arena.h"

#include <stdlib.h>

enum { ALIGN = alignof(max_align_t), FIRST_BLOCK_SIZE = 4096, MAX_BLOCK_SIZE = 1 << 20 };

struct cairn_arena_block {
    cairn_arena_block *next;
    size_t size; /* bytes in data */
    size_t used;
    alignas(max_align_t) uint8_t data[];
};

void cairn_arena_init(cairn_arena *arena, size_t limit)
{
    *arena = (cairn_arena){.limit = limit};
}

void cairn_arena_init_fixed(cairn_arena *arena, void *storage, size_t size)
{
    size_t skip = (size_t)(-(uintptr_t)storage) % ALIGN;
    if (skip > size)
        skip = size;
    *arena = (cairn_arena){.fixed = (uint8_t *)storage + skip, .fixed_size = size - skip};
    arena->limit = arena->fixed_size;
}

void cairn_arena_done(cairn_arena *arena)
{
    if (arena == NULL)
        return;
    for (cairn_arena_block *b = arena->head; b != NULL;) {
        cairn_arena_block *next = b->next;
        free(b);
        b = next;
    }
    *arena = (cairn_arena){.limit = arena->limit};
}

void cairn_arena_reset(cairn_arena *arena)
{
    cairn_arena_block *keep = arena->head;
    if (keep != NULL) {
        for (cairn_arena_block *b = keep->next; b != NULL;) {
            cairn_arena_block *next = b->next;
            free(b);
            b = next;
        }
        keep->next = NULL;
        keep->used = 0;
    }
    arena->fixed_used = 0;
    arena->used = 0;
}

/* A new block that holds at least `size` bytes becomes the head. */
static cairn_err grow(cairn_arena *arena, size_t size)
{
    size_t want = arena->head == NULL ? FIRST_BLOCK_SIZE : arena->head->size * 2;
    if (want > MAX_BLOCK_SIZE)
        want = MAX_BLOCK_SIZE;
    if (want < size)
        want = size;
    cairn_arena_block *b = malloc(sizeof *b + want);
    if (b == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "arena: block of %zu bytes", want);
    *b = (cairn_arena_block){.next = arena->head, .size = want};
    arena->head = b;
    return CAIRN_OK;
}

cairn_err cairn_arena_alloc(cairn_arena *arena, size_t size, void **ret_memory)
{
    size_t need = size == 0 ? ALIGN : (size + ALIGN - 1) / ALIGN * ALIGN;
    if (need < size || need > arena->limit - arena->used)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "arena: %zu bytes beyond its limit of %zu",
                          size, arena->limit);
    uint8_t *memory = NULL;
    if (arena->fixed != NULL) {
        memory = arena->fixed + arena->fixed_used;
        arena->fixed_used += need;
    } else {
        if (arena->head == NULL || arena->head->size - arena->head->used < need)
            CAIRN_TRY(grow(arena, need));
        memory = arena->head->data + arena->head->used;
        arena->head->used += need;
    }
    arena->used += need;
    memset(memory, 0, need);
    *ret_memory = memory;
    return CAIRN_OK;
}

cairn_err cairn_arena_array(cairn_arena *arena, size_t count, size_t size, void **ret_memory)
{
    size_t total = 0;
    if (__builtin_mul_overflow(count, size, &total))
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "arena: %zu items of %zu bytes", count,
                          size);
    return cairn_arena_alloc(arena, total, ret_memory);
}

cairn_err cairn_arena_copy(cairn_arena *arena, cairn_bytes in, cairn_bytes *ret_copy)
{
    void *memory = NULL;
    CAIRN_TRY(cairn_arena_alloc(arena, in.size, &memory));
    if (in.size != 0)
        memcpy(memory, in.data, in.size);
    *ret_copy = cairn_bytes_of(memory, in.size);
    return CAIRN_OK;
}
