/* State sync in process: a member with COUNT anchors, 1,000 a block, cuts its log into chunks, and
 * one that has nothing takes them, verified, computed and on disk.
 *
 * Usage: bench-snapshot [COUNT [ROUNDS]]. Beside it, in the same run: the same blocks as an engine
 * delivers them to a member that joins by block sync, every signature verified. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ledger/consortium/snapshot.h"
#include "support/ledger_memory.h"

enum { THREADS = 2, BLOCK_TXS = 1000, BLOCK_MS = 500, SNAPSHOT_BLOCKS = 10 };

static cairn_arena scratch;

static double now(clockid_t clock)
{
    struct timespec t;
    (void)clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* --- a member --- */

typedef struct member {
    char directory[64];
    cairn_store *store;
    cairn_engine *engine;
} member;

static void begin(member *m, cairn_bytes genesis)
{
    cairn_store_options options;
    (void)snprintf(m->directory, sizeof m->directory, "bench-snapshot-XXXXXX");
    if (mkdtemp(m->directory) == NULL)
        abort();
    cairn_store_options_default(&options, &cairn_all_features);
    options.threads = THREADS;
    MEMORY_MUST(cairn_store_open(m->directory, &options, &m->store));
    MEMORY_MUST(cairn_store_create(m->store, genesis, &m->engine));
    MEMORY_MUST(cairn_store_drive(m->engine, NULL));
}

static void end(member *m)
{
    char command[128];
    MEMORY_MUST(cairn_store_close(m->store));
    (void)snprintf(command, sizeof command, "rm -r '%s'", m->directory);
    if (system(command) != 0)
        abort();
}

static void deliver(const member *m, uint64_t height, uint64_t time_ms,
                    const cairn_delivery_tx *txs, size_t count)
{
    CAIRN_CLEANUP(cairn_delivery_free_p) cairn_delivery *delivery = NULL;
    MEMORY_MUST(cairn_store_deliver(m->engine, height, time_ms, txs, count, &delivery));
    MEMORY_MUST(cairn_store_adopt(delivery));
}

/* Signed here, and so not verified. */
static void fill(const member *m, cairn_bytes genesis, uint64_t count)
{
    static cairn_delivery_tx txs[BLOCK_TXS];
    cairn_tx_draft draft = {.kid = *memory_kid(MEMORY_SIGN), .type = CAIRN_TX_ANCHOR};
    cairn_ledger_id(genesis, &draft.ledger);
    for (uint64_t i = 0; i < count; i++) {
        uint64_t height = i / BLOCK_TXS + 1, time_ms = MEMORY_TIME_MS + height * BLOCK_MS;
        cairn_delivery_tx *tx = &txs[i % BLOCK_TXS];
        draft.body = memory_anchor(&scratch, i);
        draft.valid_until_ms = time_ms + 60000;
        tx->verified = true;
        MEMORY_MUST(cairn_tx_sign(&scratch, &draft, memory_key(MEMORY_SIGN), &tx->raw));
        if ((i + 1) % BLOCK_TXS == 0) {
            deliver(m, height, time_ms, txs, BLOCK_TXS);
            cairn_arena_reset(&scratch);
        }
    }
    for (uint64_t height = count / BLOCK_TXS + 1; height <= count / BLOCK_TXS + 2; height++)
        deliver(m, height, MEMORY_TIME_MS + height * BLOCK_MS, NULL,
                0); /* on which it is offered */
    MEMORY_MUST(cairn_store_sync(m->store));
}

/* --- the snapshot --- */

typedef struct figures {
    double wall, cpu; /* of the member that takes it */
    double made;      /* CPU of the one that offers */
    size_t bytes;
    size_t chunks;
    uint64_t entries;
} figures;

static figures take_all(const member *old, const member *new)
{
    CAIRN_CLEANUP(cairn_snapshots_free_p) cairn_snapshots *snapshots = NULL;
    CAIRN_CLEANUP(cairn_arena_done) cairn_arena arena;
    cairn_snapshot list[CAIRN_SNAPSHOT_OFFERS];
    cairn_bytes chunk;
    size_t count = 0;
    figures f = {.made = -now(CLOCK_PROCESS_CPUTIME_ID)};
    cairn_arena_init(&arena, 64 << 20);
    MEMORY_MUST(cairn_snapshots_new(old->engine, 1, SNAPSHOT_BLOCKS, CAIRN_SNAPSHOT_CHUNK_SIZE,
                                    &snapshots));
    MEMORY_MUST(cairn_snapshots_list(snapshots, &arena, list, &count));
    MEMORY_MUST(cairn_snapshot_encode(&arena, &list[0], &chunk));
    f.made += now(CLOCK_PROCESS_CPUTIME_ID);
    f.bytes = chunk.size;
    f.chunks = list[0].chunk_count;
    f.entries = list[0].size;
    for (size_t i = 0; i < f.chunks; i++) {
        cairn_snapshot_verdict verdict = CAIRN_SNAPSHOT_ABORT;
        double cpu = now(CLOCK_PROCESS_CPUTIME_ID);
        cairn_arena_reset(&scratch);
        MEMORY_MUST(cairn_snapshots_load(snapshots, list[0].entry.height, i, &scratch, &chunk));
        double loaded = now(CLOCK_PROCESS_CPUTIME_ID), began = now(CLOCK_MONOTONIC);
        MEMORY_MUST(cairn_snapshot_take(new->store, new->engine, &list[0], i, chunk, &verdict));
        CAIRN_ASSERT(verdict == CAIRN_SNAPSHOT_TAKEN);
        f.wall += now(CLOCK_MONOTONIC) - began;
        f.cpu += now(CLOCK_PROCESS_CPUTIME_ID) - loaded;
        f.made += loaded - cpu;
        f.bytes += chunk.size;
    }
    return f;
}

/* --- the baseline --- */

static cairn_err deliver_again(void *context, const cairn_block_record *record)
{
    static cairn_delivery_tx txs[BLOCK_TXS];
    CAIRN_ASSERT(record->transaction_count <= BLOCK_TXS);
    for (size_t i = 0; i < record->transaction_count; i++)
        txs[i] = (cairn_delivery_tx){.raw = record->transactions[i]};
    deliver(context, record->height, record->time_ms, txs, record->transaction_count);
    return CAIRN_OK;
}

static figures deliver_all(const member *old, member *new, uint64_t count)
{
    figures f = {.wall = -now(CLOCK_MONOTONIC), .cpu = -now(CLOCK_PROCESS_CPUTIME_ID)};
    MEMORY_MUST(cairn_store_blocks(old->engine, 1, count / BLOCK_TXS, deliver_again, new));
    MEMORY_MUST(cairn_store_sync(new->store));
    f.wall += now(CLOCK_MONOTONIC);
    f.cpu += now(CLOCK_PROCESS_CPUTIME_ID);
    return f;
}

int main(int argc, char **argv)
{
    uint64_t count = argc > 1 ? strtoull(argv[1], NULL, 10) / BLOCK_TXS * BLOCK_TXS : 100000;
    unsigned rounds = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 3;
    member old;
    cairn_arena genesis_arena;
    cairn_arena_init(&genesis_arena, 1 << 20);
    cairn_arena_init(&scratch, 512 << 20);
    cairn_bytes genesis = memory_genesis(&genesis_arena, 1, NULL);
    begin(&old, genesis);
    fill(&old, genesis, count);
    for (unsigned i = 0; i < rounds; i++) {
        member new, plain;
        begin(&new, genesis);
        begin(&plain, genesis);
        figures sync = take_all(&old, &new), blocks = deliver_all(&old, &plain, count);
        printf("%llu entries: %zu bytes in %zu chunks, %.1f each; taken in %.2f s, %.1f us CPU "
               "each; made with %.2f us CPU each; by block sync in %.2f s, %.1f us CPU each\n",
               (unsigned long long)sync.entries, sync.bytes, sync.chunks,
               (double)sync.bytes / (double)sync.entries, sync.wall, sync.cpu / (double)count * 1e6,
               sync.made / (double)count * 1e6, blocks.wall, blocks.cpu / (double)count * 1e6);
        end(&new);
        end(&plain);
    }
    end(&old);
    cairn_arena_done(&scratch);
    cairn_arena_done(&genesis_arena);
    return 0;
}
