/* Bytes of a snapshot: its metadata and its chunks. */
#include "ledger/consortium/snapshot.h"

#include "cairn/cbor.h"

static const char clause[] = "docs/formats/snapshot.md";
static const char snapshot_magic[] = "cairn/snapshot/1";
static const char chunk_magic[] = "cairn/chunk/1";

/* --- hashes in both --- */

static void put_hashes(cairn_cbor_writer *w, const cairn_hash *hashes, size_t count)
{
    cairn_cbor_put_array(w, count);
    for (size_t i = 0; i < count; i++)
        cairn_cbor_put_hash(w, &hashes[i]);
}

static cairn_err read_hashes(cairn_cbor_reader *r, const char *field,
                             cairn_hash ret_hashes[CAIRN_MERKLE_PROOF_MAX], size_t *ret_count)
{
    CAIRN_TRY(cairn_cbor_read_array(r, field, 0, CAIRN_MERKLE_PROOF_MAX, ret_count));
    for (size_t i = 0; i < *ret_count; i++)
        CAIRN_TRY(cairn_cbor_read_hash(r, field, &ret_hashes[i]));
    return CAIRN_OK;
}

/* --- metadata --- */

static void put_snapshot(cairn_cbor_writer *w, const cairn_snapshot *s)
{
    uint8_t entry[CAIRN_BLOCK_ENTRY_SIZE_MAX];
    cairn_cbor_put_array(w, 5);
    cairn_cbor_put_text(w, snapshot_magic);
    cairn_cbor_put_bytes(w, cairn_bytes_of(entry, cairn_block_entry_encode(&s->entry, entry)));
    cairn_cbor_put_hash(w, &s->root);
    put_hashes(w, s->path, s->path_count);
    cairn_cbor_put_array(w, s->chunk_count);
    for (size_t i = 0; i < s->chunk_count; i++)
        cairn_cbor_put_uint(w, s->ends[i]);
}

cairn_err cairn_snapshot_encode(cairn_arena *arena, const cairn_snapshot *snapshot,
                                cairn_bytes *ret_metadata)
{
    cairn_cbor_writer w;
    void *buffer = NULL;
    cairn_cbor_writer_init(&w, NULL, 0);
    put_snapshot(&w, snapshot);
    size_t size = w.size;
    CAIRN_TRY(cairn_arena_alloc(arena, size, &buffer));
    cairn_cbor_writer_init(&w, buffer, size);
    put_snapshot(&w, snapshot);
    return cairn_cbor_writer_end(&w, ret_metadata);
}

static cairn_err read_ends(cairn_arena *arena, cairn_cbor_reader *r, cairn_snapshot *s)
{
    void *memory = NULL;
    uint64_t least = CAIRN_SNAPSHOT_FIRST_SIZE + 1;
    CAIRN_TRY(cairn_cbor_read_array(r, "ends", 1, CAIRN_SNAPSHOT_CHUNKS_MAX, &s->chunk_count));
    CAIRN_TRY(cairn_arena_array(arena, s->chunk_count, sizeof(uint64_t), &memory));
    uint64_t *ends = memory;
    for (size_t i = 0; i < s->chunk_count; i++) {
        CAIRN_TRY(cairn_cbor_read_uint(r, "ends", least, s->size, &ends[i]));
        least = ends[i] + 1;
    }
    if (ends[s->chunk_count - 1] != s->size)
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, clause, "snapshot.ends: not that of the log");
    s->ends = ends;
    return CAIRN_OK;
}

/* Does the app hash sign this log, and is the entry its last one? */
static cairn_err prove(const cairn_snapshot *s, cairn_bytes entry, const cairn_hash *app_hash)
{
    cairn_hash ours;
    cairn_hash leaf;
    cairn_app_hash(s->size, &s->root, &ours);
    if (!cairn_hash_equal(&ours, app_hash))
        return CAIRN_FAIL(CAIRN_ERR_MISMATCH, clause, "snapshot.root: gives another app hash");
    cairn_merkle_leaf(entry, &leaf);
    return cairn_merkle_verify_inclusion(&leaf, s->size - 1, s->size, s->path, s->path_count,
                                         &s->root);
}

cairn_err cairn_snapshot_decode(cairn_arena *arena, cairn_bytes metadata,
                                const cairn_hash *app_hash, cairn_snapshot *ret_snapshot)
{
    cairn_cbor_reader r;
    cairn_snapshot s = {0};
    cairn_bytes entry;
    size_t five = 0;
    void *path = NULL;
    if (metadata.size > CAIRN_SNAPSHOT_METADATA_SIZE_MAX)
        return CAIRN_FAIL(CAIRN_ERR_TOO_LARGE, clause, "snapshot: %zu bytes", metadata.size);
    CAIRN_TRY(cairn_cbor_open(&r, metadata, CAIRN_CBOR_STRICT, "snapshot", clause));
    CAIRN_TRY(cairn_cbor_read_array(&r, "snapshot", 5, 5, &five));
    CAIRN_TRY(cairn_cbor_read_magic(&r, snapshot_magic));
    CAIRN_TRY(cairn_cbor_read_bytes(&r, "block_entry", 1, CAIRN_BLOCK_ENTRY_SIZE_MAX, &entry));
    CAIRN_TRY(cairn_block_entry_decode(entry, &s.entry));
    s.size = s.entry.first + s.entry.count + 1;
    CAIRN_TRY(cairn_cbor_read_hash(&r, "root", &s.root));
    CAIRN_TRY(cairn_arena_array(arena, CAIRN_MERKLE_PROOF_MAX, sizeof(cairn_hash), &path));
    CAIRN_TRY(read_hashes(&r, "path", path, &s.path_count));
    s.path = path;
    CAIRN_TRY(read_ends(arena, &r, &s));
    CAIRN_TRY(cairn_cbor_end(&r));
    CAIRN_TRY(prove(&s, entry, app_hash));
    *ret_snapshot = s;
    return CAIRN_OK;
}

uint64_t cairn_snapshot_chunk_begin(const cairn_snapshot *snapshot, size_t index)
{
    return index == 0 ? CAIRN_SNAPSHOT_FIRST_SIZE : snapshot->ends[index - 1];
}

/* --- chunks --- */

static void put_records(cairn_cbor_writer *w, const cairn_bytes *records, size_t count)
{
    for (size_t i = 0; i < count; i++)
        cairn_cbor_put_bytes(w, records[i]);
}

cairn_err cairn_snapshot_chunk_encode(cairn_arena *arena, const cairn_hash *proof,
                                      size_t proof_count, const cairn_bytes *records,
                                      size_t record_count, cairn_bytes *ret_chunk)
{
    cairn_cbor_writer w;
    cairn_bytes sequence;
    void *buffer = NULL;
    cairn_cbor_writer_init(&w, NULL, 0);
    put_records(&w, records, record_count);
    size_t size = w.size;
    CAIRN_TRY(cairn_arena_alloc(arena, size, &buffer));
    cairn_cbor_writer_init(&w, buffer, size);
    put_records(&w, records, record_count);
    CAIRN_TRY(cairn_cbor_writer_end(&w, &sequence));
    size += 64 + proof_count * 34; /* two heads, the magic, the proof's hashes */
    CAIRN_TRY(cairn_arena_alloc(arena, size, &buffer));
    cairn_cbor_writer_init(&w, buffer, size);
    cairn_cbor_put_array(&w, 3);
    cairn_cbor_put_text(&w, chunk_magic);
    put_hashes(&w, proof, proof_count);
    cairn_cbor_put_bytes(&w, sequence);
    return cairn_cbor_writer_end(&w, ret_chunk);
}

/* Records as this format has them, and nothing behind the last. */
static cairn_err check_records(const cairn_follow_batch *batch, cairn_bytes sequence)
{
    const cairn_block_record *last = &batch->blocks[batch->block_count - 1].record;
    if (last->encoded.data + last->encoded.size != sequence.data + sequence.size)
        return CAIRN_FAIL(CAIRN_ERR_TRAILING, clause, "chunk.records: more than the chunk's");
    for (size_t i = 0; i < batch->block_count; i++)
        if (batch->blocks[i].record.event_count != 0)
            return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, clause, "chunk.records: with events");
    return CAIRN_OK;
}

cairn_err cairn_snapshot_chunk_decode(cairn_arena *arena, const cairn_snapshot *snapshot,
                                      size_t index, const cairn_log_frontier *frontier,
                                      cairn_bytes chunk, cairn_follow_batch *ret_batch)
{
    cairn_cbor_reader r;
    cairn_hash proof[CAIRN_MERKLE_PROOF_MAX];
    cairn_bytes sequence;
    cairn_hash root;
    size_t three = 0, count = 0;
    const cairn_follow_place before = {.frontier = *frontier};
    uint64_t end = snapshot->ends[index];
    CAIRN_ASSERT(frontier->size == cairn_snapshot_chunk_begin(snapshot, index));
    if (chunk.size > CAIRN_SNAPSHOT_CHUNK_SIZE_MAX)
        return CAIRN_FAIL(CAIRN_ERR_TOO_LARGE, clause, "chunk: %zu bytes", chunk.size);
    CAIRN_TRY(cairn_cbor_open(&r, chunk, CAIRN_CBOR_STRICT, "chunk", clause));
    CAIRN_TRY(cairn_cbor_read_array(&r, "chunk", 3, 3, &three));
    CAIRN_TRY(cairn_cbor_read_magic(&r, chunk_magic));
    CAIRN_TRY(read_hashes(&r, "proof", proof, &count));
    CAIRN_TRY(cairn_cbor_read_bytes(&r, "records", 1, CAIRN_SNAPSHOT_CHUNK_SIZE_MAX, &sequence));
    CAIRN_TRY(cairn_cbor_end(&r));
    CAIRN_TRY(cairn_follow_read(arena, sequence, &before, end, ret_batch));
    CAIRN_TRY(check_records(ret_batch, sequence));
    if (ret_batch->after.frontier.size != end)
        return CAIRN_FAIL(CAIRN_ERR_MISMATCH, clause, "chunk.records: end at %llu of %llu",
                          (unsigned long long)ret_batch->after.frontier.size,
                          (unsigned long long)end);
    cairn_log_frontier_root(&ret_batch->after.frontier, &root);
    return cairn_merkle_verify_consistency(end, &root, snapshot->size, &snapshot->root, proof,
                                           count);
}
