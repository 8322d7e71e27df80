/* Writes the seeds of geneses, parameters, block records, snapshots and the state machine:
 * `seed-state DIRECTORY`, which is tests/fuzz/corpus. To be run by hand when a format changes. */
#include <sys/stat.h>

#include "ledger/consortium/snapshot.h"
#include "support/ledger_memory.h"

static const char *directory;

static void save(const char *corpus, const char *name, cairn_bytes data)
{
    char path[4096];
    (void)snprintf(path, sizeof path, "%s/%s", directory, corpus);
    (void)mkdir(path, 0777); /* there already, or fopen tells */
    (void)snprintf(path, sizeof path, "%s/%s/%s", directory, corpus, name);
    FILE *file = fopen(path, "wb");
    if (file == NULL || fwrite(data.data, 1, data.size, file) != data.size || fclose(file) != 0) {
        perror(path);
        exit(1);
    }
}

static void save_params(void)
{
    uint8_t out[CAIRN_PARAMS_SIZE_MAX];
    cairn_params params;
    cairn_params_default(&params);
    save("params", "default", cairn_bytes_of(out, cairn_params_encode(&params, out)));
    params.next_app_version = 2;
    params.next_app_height = 1000;
    params.alg_count = 2;
    params.algs[1].alg = -35;
    params.algs[1].from_height = 900;
    save("params", "upgrade", cairn_bytes_of(out, cairn_params_encode(&params, out)));
}

static void save_records(void)
{
    static memory_ledger m;
    cairn_bytes record, txs[3];
    memory_begin(&m, 1, NULL);
    save("genesis", "one", m.genesis);
    save("genesis", "three", memory_genesis(&m.arena, 3, NULL));
    MEMORY_MUST(cairn_block_record_encode(&m.arena, 0, &m.block, &record));
    save("block_record", "genesis", record);
    for (uint64_t i = 0; i < 3; i++)
        txs[i] = memory_tx(&m, memory_key(MEMORY_SIGN), CAIRN_TX_ANCHOR,
                           memory_anchor(&m.arena, i / 2), MEMORY_TIME_MS + 1000 + i);
    (void)memory_block(&m, MEMORY_TIME_MS + 1, txs, 3);
    MEMORY_MUST(cairn_block_record_encode(&m.arena, 0, &m.block, &record));
    save("block_record", "refused", record);
    memory_end(&m);
}

/* A byte for the log's size, then records as a source gives them. */
typedef struct sequence {
    uint8_t data[16384];
    cairn_cbor_writer w;
} sequence;

static void append(sequence *s, memory_ledger *m)
{
    cairn_bytes record;
    MEMORY_MUST(cairn_block_record_encode(&m->arena, 0, &m->block, &record));
    cairn_cbor_put_bytes(&s->w, record);
}

static void save_sequences(void)
{
    static memory_ledger m;
    static sequence s, begins;
    cairn_bytes txs[3];
    memory_begin(&m, 1, NULL);
    s.data[0] = 6; /* entries of the two blocks */
    begins.data[0] = 0;
    cairn_cbor_writer_init(&s.w, s.data + 1, sizeof s.data - 1);
    cairn_cbor_writer_init(&begins.w, begins.data + 1, sizeof begins.data - 1);
    append(&begins, &m);
    save("follow", "genesis", cairn_bytes_of(begins.data, begins.w.size + 1));
    for (uint64_t block = 0; block < 2; block++) {
        for (uint64_t i = 0; i < 3; i++)
            txs[i] = memory_tx(&m, memory_key(MEMORY_SIGN), CAIRN_TX_ANCHOR,
                               memory_anchor(&m.arena, 2 * block + i / 2),
                               MEMORY_TIME_MS + 1000 + 3 * block + i);
        (void)memory_block(&m, MEMORY_TIME_MS + 1 + block, txs, 3);
        append(&s, &m);
    }
    save("follow", "two-blocks", cairn_bytes_of(s.data, s.w.size + 1));
    s.data[0] = 3; /* the second block is beyond it */
    save("follow", "beyond", cairn_bytes_of(s.data, s.w.size + 1));
    s.data[0] = 4; /* the second block lies across it */
    save("follow", "across", cairn_bytes_of(s.data, s.w.size + 1));
    memory_end(&m);
}

/* --- snapshots: each part of them as a byte string --- */

enum { SNAPSHOT_BLOCKS = 4, SNAPSHOT_ENTRIES_MAX = 64 };

typedef struct source_log {
    memory_ledger m;
    cairn_hash leaves[SNAPSHOT_ENTRIES_MAX];
    size_t size;
    cairn_bytes records[SNAPSHOT_BLOCKS];
    uint64_t ends[SNAPSHOT_BLOCKS];
    cairn_block_entry entry; /* the last */
} source_log;

/* So small a log has one tile. */
static cairn_err read_tile(void *context, unsigned level, uint64_t tile_index, size_t count,
                           cairn_hash *ret_hashes)
{
    const source_log *log = context;
    if (level != 0 || tile_index != 0 || count > log->size)
        return CAIRN_FAIL(CAIRN_ERR_NOT_FOUND, "house", "seed-state: tile");
    memcpy(ret_hashes, log->leaves, count * sizeof *ret_hashes);
    return CAIRN_OK;
}

static void take_record(source_log *log, cairn_block_record *ret_record)
{
    cairn_bytes encoded, entry;
    MEMORY_MUST(cairn_block_record_encode(&log->m.arena, 0, &log->m.block, &encoded));
    MEMORY_MUST(cairn_block_record_decode(&log->m.arena, encoded, ret_record));
    for (uint64_t i = 0; cairn_block_record_log_entry(ret_record, i, &entry) == CAIRN_OK; i++)
        cairn_merkle_leaf(entry, &log->leaves[log->size++]);
}

/* Blocks of three anchors, of which the last is refused. */
static void make_log(source_log *log)
{
    cairn_block_record record;
    cairn_bytes txs[3];
    memory_begin(&log->m, 1, NULL);
    take_record(log, &record);
    for (uint64_t block = 0; block < SNAPSHOT_BLOCKS; block++) {
        for (uint64_t i = 0; i < 3; i++)
            txs[i] = memory_tx(&log->m, memory_key(MEMORY_SIGN), CAIRN_TX_ANCHOR,
                               memory_anchor(&log->m.arena, 2 * block + i / 2),
                               MEMORY_TIME_MS + 1000 + 3 * block + i);
        (void)memory_block(&log->m, MEMORY_TIME_MS + 1 + block, txs, 3);
        take_record(log, &record);
        MEMORY_MUST(cairn_block_record_bare(&log->m.arena, &record, &log->records[block]));
        log->ends[block] = log->size;
        log->entry = record.entry;
    }
}

static void put_chunk(source_log *log, const cairn_snapshot *snapshot, size_t first, size_t count,
                      cairn_cbor_writer *w)
{
    const cairn_merkle_source source = {read_tile, log};
    cairn_hash proof[CAIRN_MERKLE_PROOF_MAX];
    size_t proof_count = 0;
    cairn_bytes chunk;
    MEMORY_MUST(cairn_merkle_prove_consistency(&source, log->ends[first + count - 1],
                                               snapshot->size, proof, &proof_count));
    MEMORY_MUST(cairn_snapshot_chunk_encode(&log->m.arena, proof, proof_count, log->records + first,
                                            count, &chunk));
    cairn_cbor_put_bytes(w, chunk);
}

/* In chunks of so many blocks. */
static void save_snapshot(source_log *log, const char *name, size_t blocks)
{
    static uint8_t data[16384];
    const cairn_merkle_source source = {read_tile, log};
    cairn_hash path[CAIRN_MERKLE_PROOF_MAX];
    uint64_t ends[SNAPSHOT_BLOCKS];
    cairn_snapshot s = {.entry = log->entry, .size = log->size, .path = path, .ends = ends};
    cairn_cbor_writer w;
    cairn_bytes metadata;
    for (size_t last = blocks; last <= SNAPSHOT_BLOCKS; last += blocks)
        ends[s.chunk_count++] = log->ends[last - 1];
    MEMORY_MUST(cairn_merkle_source_root(&source, s.size, &s.root));
    MEMORY_MUST(cairn_merkle_prove_inclusion(&source, s.size - 1, s.size, path, &s.path_count));
    MEMORY_MUST(cairn_snapshot_encode(&log->m.arena, &s, &metadata));
    cairn_cbor_writer_init(&w, data, sizeof data);
    cairn_cbor_put_bytes(&w, metadata);
    for (size_t i = 0; i < s.chunk_count; i++)
        put_chunk(log, &s, i * blocks, blocks, &w);
    save("snapshot", name, cairn_bytes_of(data, w.size));
}

static void save_snapshots(void)
{
    static source_log log;
    make_log(&log);
    save_snapshot(&log, "one-chunk", SNAPSHOT_BLOCKS);
    save_snapshot(&log, "two-chunks", SNAPSHOT_BLOCKS / 2);
    save_snapshot(&log, "four-chunks", 1);
    memory_end(&log.m);
}

/* Programs of fuzz_apply.c: 3 says (signer, validity, organisation, kind, …), 0 closes a block. */
static void save_programs(void)
{
    static const uint8_t anchors[] = {3, 0, 9,  0, 0, 1, 3, 1, 9, 0, 0, 1, 1, 0, 0,
                                      2, 0, 40, 7, 0, 0, 0, 3, 2, 9, 0, 0, 2, 0, 1};
    static const uint8_t keys[] = {3, 0, 9, 0, 1, 4, 0, 0, 0, 3, 4, 9, 0, 2, 0, 0,
                                   0, 1, 3, 4, 9, 0, 0, 5, 3, 0, 9, 0, 0, 6, 0, 1};
    static const uint8_t admits[] = {3, 0, 9, 0, 3, 0, 0, 0, 4, 9, 0, 1, 3, 1, 9, 0, 5, 1, 0,
                                     0, 1, 3, 4, 9, 0, 0, 1, 3, 1, 9, 0, 3, 4, 1, 1, 0, 9, 3,
                                     2, 9, 0, 5, 1, 3, 0, 1, 3, 0, 9, 0, 5, 1, 3, 0, 1};
    static const uint8_t params[] = {3, 0, 9, 0, 3, 0, 2, 0, 1, 2, 3, 0, 9, 0, 1, 3, 1, 9, 0, 5, 1,
                                     0, 0, 1, 3, 2, 9, 0, 6, 1, 0, 0, 1, 3, 0, 9, 0, 0, 3, 0, 1};
    save("apply", "anchors", cairn_bytes_of(anchors, sizeof anchors));
    save("apply", "keys", cairn_bytes_of(keys, sizeof keys));
    save("apply", "admits", cairn_bytes_of(admits, sizeof admits));
    save("apply", "params", cairn_bytes_of(params, sizeof params));
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fputs("usage: seed-state DIRECTORY\n", stderr);
        return 2;
    }
    directory = argv[1];
    save_params();
    save_records();
    save_sequences();
    save_snapshots();
    save_programs();
    return 0;
}
