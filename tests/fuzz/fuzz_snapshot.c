/* A snapshot as a joining member gets it: its metadata, then its chunks from the first on, each in
 * a byte string. The app hash is the one that the metadata would need, for no fuzzer finds that. */
#include "fuzz/fuzz.h"

#include "ledger/consortium/snapshot.h"
#include "support/ledger_memory.h"

static bool next_part(cairn_bytes *rest, cairn_bytes *ret_part)
{
    size_t size = 0;
    cairn_cbor_reader r;
    if (rest->size == 0 ||
        cairn_cbor_item_size(*rest, CAIRN_CBOR_STRICT, "part", &size) != CAIRN_OK ||
        cairn_cbor_open(&r, cairn_bytes_of(rest->data, size), CAIRN_CBOR_STRICT, "part", "test") !=
            CAIRN_OK ||
        cairn_cbor_read_bytes(&r, "part", 0, SIZE_MAX, ret_part) != CAIRN_OK)
        return false;
    *rest = cairn_bytes_of(rest->data + size, rest->size - size);
    return true;
}

/* Zeros where the beginning of the metadata cannot be read. */
static cairn_hash needed_app_hash(cairn_bytes metadata)
{
    cairn_cbor_reader r;
    cairn_block_entry entry;
    cairn_bytes text, encoded;
    cairn_hash root, needed = {{0}};
    size_t five = 0;
    if (cairn_cbor_open(&r, metadata, CAIRN_CBOR_STRICT, "snapshot", "test") == CAIRN_OK &&
        cairn_cbor_read_array(&r, "snapshot", 5, 5, &five) == CAIRN_OK &&
        cairn_cbor_read_text(&r, "magic", 0, SIZE_MAX, &text) == CAIRN_OK &&
        cairn_cbor_read_bytes(&r, "entry", 0, SIZE_MAX, &encoded) == CAIRN_OK &&
        cairn_block_entry_decode(encoded, &entry) == CAIRN_OK &&
        cairn_cbor_read_hash(&r, "root", &root) == CAIRN_OK)
        cairn_app_hash(entry.first + entry.count + 1, &root, &needed);
    return needed;
}

static void check_snapshot(cairn_arena *arena, const cairn_snapshot *s, cairn_bytes metadata)
{
    cairn_bytes again;
    uint64_t end = CAIRN_SNAPSHOT_FIRST_SIZE;
    CAIRN_ASSERT(s->chunk_count >= 1 && s->chunk_count <= CAIRN_SNAPSHOT_CHUNKS_MAX);
    for (size_t i = 0; i < s->chunk_count; i++) {
        CAIRN_ASSERT(cairn_snapshot_chunk_begin(s, i) == end && s->ends[i] > end);
        end = s->ends[i];
    }
    CAIRN_ASSERT(end == s->size && s->size == s->entry.first + s->entry.count + 1);
    MEMORY_MUST(cairn_snapshot_encode(arena, s, &again));
    CAIRN_ASSERT(cairn_bytes_equal(again, metadata));
}

/* Its blocks are those up to its end, and the last chunk's lead to the root that was signed. */
static void check_chunk(const cairn_snapshot *s, size_t index, const cairn_follow_batch *batch)
{
    cairn_hash root;
    CAIRN_ASSERT(batch->block_count >= 1 && batch->after.frontier.size == s->ends[index]);
    for (size_t i = 0; i < batch->block_count; i++)
        CAIRN_ASSERT(batch->blocks[i].record.event_count == 0);
    cairn_log_frontier_root(&batch->after.frontier, &root);
    if (index + 1 == s->chunk_count)
        CAIRN_ASSERT(cairn_hash_equal(&root, &s->root));
}

static void take_chunks(cairn_arena *arena, const cairn_snapshot *s, cairn_bytes rest)
{
    static memory_ledger m;
    cairn_bytes chunk;
    cairn_follow_batch batch;
    if (m.ledger == NULL)
        memory_begin(&m, 1, NULL);
    cairn_log_frontier frontier = m.block.frontier;
    for (size_t i = 0; i < s->chunk_count && next_part(&rest, &chunk); i++) {
        if (cairn_snapshot_chunk_decode(arena, s, i, &frontier, chunk, &batch) != CAIRN_OK)
            return;
        check_chunk(s, i, &batch);
        frontier = batch.after.frontier;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cairn_bytes rest = cairn_bytes_of(data, size), metadata;
    cairn_snapshot snapshot;
    cairn_arena arena;
    if (!next_part(&rest, &metadata))
        return 0;
    const cairn_hash app_hash = needed_app_hash(metadata);
    cairn_arena_init(&arena, 1 << 26);
    if (cairn_snapshot_decode(&arena, metadata, &app_hash, &snapshot) == CAIRN_OK) {
        check_snapshot(&arena, &snapshot, metadata);
        take_chunks(&arena, &snapshot, rest);
    }
    cairn_arena_done(&arena);
    return 0;
}
