/* Writes the seeds of geneses, parameters, block records and the state machine: `seed-state
 * DIRECTORY`, which is tests/fuzz/corpus. To be run by hand when a format changes. */
#include <sys/stat.h>

#include "ledger/store/block_record.h"
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
    save_programs();
    return 0;
}
