/* One growing array a level. */
#include "ledger/log/tail.h"

#include <stdlib.h>

void cairn_tail_init(cairn_tail *tail, const cairn_log_frontier *frontier)
{
    *tail = (cairn_tail){.frontier = *frontier};
    for (unsigned l = 0; l < CAIRN_TILE_LEVEL_COUNT; l++) {
        uint64_t tile = 0;
        (void)cairn_tail_partial(frontier->size, l, &tile);
        tail->levels[l].first = tile * CAIRN_TILE_WIDTH;
    }
}

void cairn_tail_done(cairn_tail *tail)
{
    for (unsigned l = 0; l < CAIRN_TILE_LEVEL_COUNT; l++)
        free(tail->levels[l].hashes);
    *tail = (cairn_tail){0};
}

size_t cairn_tail_partial(uint64_t log_size, unsigned level, uint64_t *ret_tile)
{
    uint64_t hashes = log_size >> (level * CAIRN_TILE_HEIGHT);
    *ret_tile = hashes / CAIRN_TILE_WIDTH;
    return (size_t)(hashes % CAIRN_TILE_WIDTH);
}

static cairn_err reserve(cairn_tail_level *level, size_t more)
{
    if (level->capacity - level->count >= more)
        return CAIRN_OK;
    size_t capacity = level->capacity == 0 ? 16 : level->capacity;
    while (capacity - level->count < more)
        capacity *= 2;
    cairn_hash *grown = realloc(level->hashes, capacity * sizeof *grown);
    if (grown == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "log tail: %zu hashes", capacity);
    level->hashes = grown;
    level->capacity = capacity;
    return CAIRN_OK;
}

cairn_err cairn_tail_load(cairn_tail *tail, unsigned level, const cairn_hash *hashes, size_t count)
{
    cairn_tail_level *l = &tail->levels[level];
    CAIRN_TRY(reserve(l, count));
    if (count != 0)
        memcpy(l->hashes, hashes, count * sizeof *hashes);
    l->count = count;
    return CAIRN_OK;
}

cairn_err cairn_tail_reserve(cairn_tail *tail, size_t count)
{
    for (unsigned l = 0; l < CAIRN_TILE_LEVEL_COUNT; l++) {
        uint64_t after = (tail->frontier.size + count) >> (l * CAIRN_TILE_HEIGHT);
        uint64_t now = tail->frontier.size >> (l * CAIRN_TILE_HEIGHT);
        CAIRN_TRY(reserve(&tail->levels[l], (size_t)(after - now)));
    }
    return CAIRN_OK;
}

void cairn_tail_append(cairn_tail *tail, const cairn_hash *leaf)
{
    cairn_hash nodes[CAIRN_TILE_LEVEL_COUNT];
    size_t count = cairn_log_frontier_append(&tail->frontier, leaf, nodes);
    for (size_t l = 0; l < count; l++) {
        cairn_tail_level *level = &tail->levels[l];
        CAIRN_ASSERT(level->count < level->capacity);
        level->hashes[level->count++] = nodes[l];
    }
}

bool cairn_tail_read(const cairn_tail *tail, unsigned level, uint64_t tile, size_t count,
                     cairn_hash *ret_hashes)
{
    const cairn_tail_level *l = &tail->levels[level];
    uint64_t from = tile * CAIRN_TILE_WIDTH;
    if (from < l->first || from - l->first + count > l->count)
        return false;
    if (count > 0)
        memcpy(ret_hashes, &l->hashes[from - l->first], count * sizeof *ret_hashes);
    return true;
}

void cairn_tail_trim(cairn_tail *tail, uint64_t durable_size)
{
    for (unsigned l = 0; l < CAIRN_TILE_LEVEL_COUNT; l++) {
        cairn_tail_level *level = &tail->levels[l];
        uint64_t tile = 0;
        (void)cairn_tail_partial(durable_size, l, &tile);
        if (tile * CAIRN_TILE_WIDTH <= level->first)
            continue;
        size_t gone = (size_t)(tile * CAIRN_TILE_WIDTH - level->first);
        level->count -= gone;
        memmove(level->hashes, &level->hashes[gone], level->count * sizeof level->hashes[0]);
        level->first += gone;
    }
}
