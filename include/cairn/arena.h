/* An arena: many small allocations, freed whole. One per request, transaction or packet batch.
 * Source: house (STYLE, Ownership). Not thread-safe: one thread at a time. */
#ifndef CAIRN_ARENA_H
#define CAIRN_ARENA_H

#include <stdalign.h>
#include <stddef.h>

#include "cairn/bytes.h"

typedef struct cairn_arena_block cairn_arena_block;

typedef struct cairn_arena {
    cairn_arena_block *head; /* newest block, NULL before the first allocation */
    uint8_t *fixed;          /* the caller's first block, or NULL */
    size_t fixed_size;       /* bytes in `fixed` */
    size_t fixed_used;
    size_t used;  /* bytes handed out so far, padding included */
    size_t limit; /* most bytes that it may hand out */
} cairn_arena;

/* `limit` is the most bytes that the arena hands out before NO_MEMORY; it allocates nothing yet. */
void cairn_arena_init(cairn_arena *arena, size_t limit);

/* Same, but serves from `storage` alone and never calls malloc: for devices and verifiers. */
void cairn_arena_init_fixed(cairn_arena *arena, void *storage, size_t size);

/* Frees everything. Takes NULL and an arena that was never used. */
void cairn_arena_done(cairn_arena *arena);

/* Forgets all allocations but keeps one block for reuse. */
void cairn_arena_reset(cairn_arena *arena);

/* Zeroed memory aligned for any type, valid until reset or done. NO_MEMORY when the limit or the
 * system is exhausted. A size of zero gives a valid pointer. */
cairn_err cairn_arena_alloc(cairn_arena *arena, size_t size, void **ret_memory) CAIRN_MUST_USE;

/* Same for `count` items of `size` bytes; an overflow is NO_MEMORY. */
cairn_err cairn_arena_array(cairn_arena *arena, size_t count, size_t size,
                            void **ret_memory) CAIRN_MUST_USE;

/* Copy of `in`, owned by the arena. */
cairn_err cairn_arena_copy(cairn_arena *arena, cairn_bytes in,
                           cairn_bytes *ret_copy) CAIRN_MUST_USE;

#define CAIRN_ARENA_NEW(arena, ret_pointer) \
    cairn_arena_alloc((arena), sizeof **(ret_pointer), (void **)(ret_pointer))

#endif
