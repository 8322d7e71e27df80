/* Snapshots that a member offers: cut out of its block log when they are asked for. Only where the
 * cuts lie is remembered. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "ledger/consortium/snapshot.h"

enum {
    RECORD_HEAD_SIZE_MAX = 5,
    CHUNK_OVERHEAD = 4096, /* the proof and the frame */
    SETTLED = 2,
};

/* Blocks that follow each other, and the log's size behind them. */
typedef struct run {
    uint64_t from; /* heights */
    uint64_t to;
    uint64_t end;
} run;

/* Where the log stood after a block. */
typedef struct place {
    uint64_t height; /* 0: none */
    uint64_t size;
} place;

struct cairn_snapshots {
    cairn_engine *engine;
    uint64_t initial_height;
    uint64_t blocks;
    size_t chunk_size;
    pthread_mutex_t lock; /* guards what follows; held over a walk through new blocks */
    run *closed;          /* chunks */
    size_t closed_count;
    size_t closed_capacity;
    run open; /* the chunk that grows; `from` 0 while it has no record */
    size_t open_size;
    size_t open_count;
    place last;             /* block that was looked at */
    place settled[SETTLED]; /* blocks that were the last ones up to a multiple; newest first */
};

cairn_err cairn_snapshots_new(cairn_engine *engine, uint64_t initial_height, uint64_t blocks,
                              size_t chunk_size, cairn_snapshots **ret_snapshots)
{
    CAIRN_ASSERT(blocks != 0 && chunk_size > CHUNK_OVERHEAD);
    cairn_snapshots *s = calloc(1, sizeof *s);
    if (s == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "snapshots");
    s->engine = engine;
    s->initial_height = initial_height;
    s->blocks = blocks;
    s->chunk_size = chunk_size;
    pthread_mutex_init(&s->lock, NULL);
    *ret_snapshots = s;
    return CAIRN_OK;
}

void cairn_snapshots_free(cairn_snapshots *s)
{
    if (s == NULL)
        return;
    pthread_mutex_destroy(&s->lock);
    free(s->closed);
    free(s);
}

/* --- where the cuts lie; under the lock --- */

static cairn_err close_chunk(cairn_snapshots *s)
{
    if (s->closed_count == s->closed_capacity) {
        size_t capacity = s->closed_capacity == 0 ? 64 : s->closed_capacity * 2;
        run *grown = realloc(s->closed, capacity * sizeof *grown);
        if (grown == NULL)
            return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "snapshots: %zu chunks", capacity);
        s->closed = grown;
        s->closed_capacity = capacity;
    }
    s->closed[s->closed_count++] = s->open;
    s->open = (run){0};
    s->open_size = 0;
    s->open_count = 0;
    return CAIRN_OK;
}

static cairn_err look_at(void *context, const cairn_block_record *record)
{
    cairn_snapshots *s = context;
    size_t size = cairn_block_record_bare_size(record) + RECORD_HEAD_SIZE_MAX;
    if (s->open_count != 0 && (s->open_size + size > s->chunk_size - CHUNK_OVERHEAD ||
                               s->open_count == CAIRN_FOLLOW_BLOCKS_MAX))
        CAIRN_TRY(close_chunk(s));
    if (s->open_count == 0)
        s->open.from = record->height;
    s->open.to = record->height;
    s->open.end = record->entry.first + record->entry.count + 1;
    s->open_size += size;
    s->open_count++;
    if (s->last.height != 0 && cairn_snapshot_multiple(s->blocks, s->last.height) !=
                                   cairn_snapshot_multiple(s->blocks, record->height)) {
        s->settled[1] = s->settled[0];
        s->settled[0] = s->last;
    }
    s->last = (place){.height = record->height, .size = s->open.end};
    return CAIRN_OK;
}

static cairn_err look_at_new(cairn_snapshots *s)
{
    CAIRN_CLEANUP(cairn_view_free_p) cairn_view *view = cairn_engine_view(s->engine);
    if (view->height <= s->last.height)
        return CAIRN_OK;
    return cairn_store_blocks(s->engine, s->last.height + 1, view->height, look_at, s);
}

/* --- list --- */

/* How many closed chunks lie wholly in a log of that size. */
static size_t closed_in(const cairn_snapshots *s, uint64_t size)
{
    size_t low = 0, high = s->closed_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (s->closed[middle].end <= size)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static cairn_err list_ends(const cairn_snapshots *s, cairn_arena *arena, cairn_snapshot *snapshot)
{
    void *memory = NULL;
    size_t closed = closed_in(s, snapshot->size);
    size_t count = closed + (closed == 0 || s->closed[closed - 1].end != snapshot->size);
    CAIRN_TRY(cairn_arena_array(arena, count, sizeof(uint64_t), &memory));
    uint64_t *ends = memory;
    for (size_t i = 0; i < closed; i++)
        ends[i] = s->closed[i].end;
    ends[count - 1] = snapshot->size;
    snapshot->ends = ends;
    snapshot->chunk_count = count;
    return CAIRN_OK;
}

static cairn_err read_last(cairn_snapshots *s, cairn_arena *arena, cairn_snapshot *snapshot)
{
    const cairn_merkle_source source = cairn_engine_source(s->engine);
    cairn_bytes entry;
    void *path = NULL;
    CAIRN_TRY(cairn_engine_entry(s->engine, snapshot->size - 1, arena, &entry));
    CAIRN_TRY(cairn_block_entry_decode(entry, &snapshot->entry));
    CAIRN_TRY(cairn_merkle_source_root(&source, snapshot->size, &snapshot->root));
    CAIRN_TRY(cairn_arena_array(arena, CAIRN_MERKLE_PROOF_MAX, sizeof(cairn_hash), &path));
    CAIRN_TRY(cairn_merkle_prove_inclusion(&source, snapshot->size - 1, snapshot->size, path,
                                           &snapshot->path_count));
    snapshot->path = path;
    return CAIRN_OK;
}

/* Is it one to offer when the chain is at `delivered`? */
static bool may_offer(const cairn_snapshots *s, const place *p, uint64_t delivered)
{
    return p->height != 0 && p->height >= s->initial_height &&
           cairn_snapshot_is_due(s->blocks, p->height, delivered);
}

static cairn_err list(cairn_snapshots *s, uint64_t delivered, cairn_arena *arena,
                      cairn_snapshot ret_list[CAIRN_SNAPSHOT_OFFERS], size_t *ret_count)
{
    CAIRN_TRY(look_at_new(s));
    const place candidates[] = {s->last, s->settled[0], s->settled[1]};
    size_t count = 0;
    for (size_t i = 0; i < 3 && count < CAIRN_SNAPSHOT_OFFERS; i++) {
        if (!may_offer(s, &candidates[i], delivered))
            continue;
        cairn_snapshot *snapshot = &ret_list[count];
        *snapshot = (cairn_snapshot){.size = candidates[i].size};
        CAIRN_TRY(read_last(s, arena, snapshot));
        CAIRN_TRY(list_ends(s, arena, snapshot));
        count += snapshot->chunk_count <= CAIRN_SNAPSHOT_CHUNKS_MAX;
    }
    *ret_count = count;
    return CAIRN_OK;
}

cairn_err cairn_snapshots_list(cairn_snapshots *s, cairn_arena *arena,
                               cairn_snapshot ret_list[CAIRN_SNAPSHOT_OFFERS], size_t *ret_count)
{
    /* Before the blocks are looked at: then none up to it is missed. */
    uint64_t delivered = cairn_store_delivered_height(s->engine);
    pthread_mutex_lock(&s->lock);
    cairn_err err = list(s, delivered, arena, ret_list, ret_count);
    pthread_mutex_unlock(&s->lock);
    return err;
}

/* --- load --- */

static cairn_err not_found(uint64_t height, uint64_t index)
{
    return CAIRN_FAIL(CAIRN_ERR_NOT_FOUND, "docs/formats/snapshot.md",
                      "snapshot: none of height %llu with chunk %llu", (unsigned long long)height,
                      (unsigned long long)index);
}

static cairn_err note_size(void *context, const cairn_block_record *record)
{
    place *p = context;
    if (record->height == p->height)
        p->size = record->entry.first + record->entry.count + 1;
    return CAIRN_OK;
}

/* Under the lock: the blocks of a chunk of the log up to `at`, a block. */
static cairn_err find_run(const cairn_snapshots *s, const place *at, uint64_t index, run *ret_run)
{
    size_t closed = closed_in(s, at->size);
    if (index < closed) {
        *ret_run = s->closed[index];
        return CAIRN_OK;
    }
    if (index > closed || (closed > 0 && s->closed[closed - 1].end == at->size))
        return not_found(at->height, index);
    *ret_run = closed < s->closed_count ? s->closed[closed] : s->open;
    ret_run->to = at->height;
    ret_run->end = at->size;
    return CAIRN_OK;
}

static cairn_err find_chunk(cairn_snapshots *s, uint64_t height, uint64_t index, run *ret_run,
                            uint64_t *ret_size)
{
    place at = {.height = height};
    CAIRN_TRY(look_at_new(s));
    if (height < s->initial_height || height > s->last.height)
        return not_found(height, index);
    CAIRN_TRY(cairn_store_blocks(s->engine, height, height, note_size, &at));
    if (at.size == 0)
        return not_found(height, index);
    *ret_size = at.size;
    return find_run(s, &at, index, ret_run);
}

typedef struct gathering {
    cairn_arena *arena;
    cairn_bytes *records;
    size_t count;
} gathering;

static cairn_err gather(void *context, const cairn_block_record *record)
{
    gathering *g = context;
    CAIRN_ASSERT(g->count < CAIRN_FOLLOW_BLOCKS_MAX);
    CAIRN_TRY(cairn_block_record_bare(g->arena, record, &g->records[g->count]));
    g->count++;
    return CAIRN_OK;
}

cairn_err cairn_snapshots_load(cairn_snapshots *s, uint64_t height, uint64_t index,
                               cairn_arena *arena, cairn_bytes *ret_chunk)
{
    const cairn_merkle_source source = cairn_engine_source(s->engine);
    cairn_hash proof[CAIRN_MERKLE_PROOF_MAX];
    gathering g = {.arena = arena};
    size_t proof_count = 0;
    uint64_t size = 0;
    run blocks;
    void *memory = NULL;
    pthread_mutex_lock(&s->lock);
    cairn_err err = find_chunk(s, height, index, &blocks, &size);
    pthread_mutex_unlock(&s->lock);
    CAIRN_TRY(err);
    CAIRN_TRY(cairn_arena_array(arena, CAIRN_FOLLOW_BLOCKS_MAX, sizeof(cairn_bytes), &memory));
    g.records = memory;
    CAIRN_TRY(cairn_store_blocks(s->engine, blocks.from, blocks.to, gather, &g));
    CAIRN_TRY(cairn_merkle_prove_consistency(&source, blocks.end, size, proof, &proof_count));
    return cairn_snapshot_chunk_encode(arena, proof, proof_count, g.records, g.count, ret_chunk);
}
