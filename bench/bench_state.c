/* The state map over LMDB at N keys: load, anonymous memory, root after 1,000 random updates,
 * checkpoint, forgetting, proofs. CPU time of one thread, best and median; the store lies in a
 * scratch directory and is warm. Usage: bench-state [N [DIRECTORY]], N = 10,000,000 by default. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "cairn/ics23.h"
#include "cairn/sha256.h"
#include "ledger/map/smt_kv.h"

enum {
    ROUNDS = 60,
    UPDATES = 1000,
    PROOFS = 2000,
    VALUE_SIZE = 64,
    BATCH = 200000,
    CHECKPOINT_EVERY = 10, /* rounds */
    SLICE_BITS = 8,
};

typedef struct entry {
    cairn_hash path;
    uint32_t number;
} entry;

typedef struct bench {
    cairn_kv *kv;
    size_t keys;
    cairn_smt *version;
    uint64_t height;
    uint64_t durable;
    uint64_t seed;
    cairn_kv_txn *write; /* of the checkpoint that runs */
} bench;

static void must(cairn_err err)
{
    if (err == CAIRN_OK)
        return;
    (void)fprintf(stderr, "bench-state: %s: %s\n", cairn_err_name(err), cairn_err_detail());
    exit(1);
}

static void *must_alloc(size_t count, size_t size)
{
    void *memory = calloc(count, size);
    if (memory == NULL)
        must(CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "%zu items", count));
    return memory;
}

static double seconds(clockid_t clock)
{
    struct timespec t;
    (void)clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double cpu(void)
{
    return seconds(CLOCK_THREAD_CPUTIME_ID);
}

static uint64_t next_random(bench *b)
{
    b->seed = b->seed * 6364136223846793005u + 1442695040888963407u;
    return b->seed >> 20;
}

static cairn_bytes key_of(uint64_t number, char out[32])
{
    int size = snprintf(out, 32, "object/%016llx", (unsigned long long)number);
    return cairn_bytes_of(out, (size_t)size);
}

static cairn_bytes value_of(uint64_t number, uint64_t version, uint8_t out[VALUE_SIZE])
{
    for (size_t i = 0; i < VALUE_SIZE; i += 8)
        cairn_put_u64(out + i, number * 0x9e3779b97f4a7c15u + version + i);
    return cairn_bytes_of(out, VALUE_SIZE);
}

static int compare_entries(const void *a, const void *b)
{
    return memcmp(((const entry *)a)->path.b, ((const entry *)b)->path.b, 32);
}

static void put_entry(cairn_kv_txn *txn, const entry *e)
{
    char key[32];
    uint8_t value[VALUE_SIZE];
    cairn_hash hash;
    cairn_smt_leaf leaf = {.path = &e->path,
                           .hash = &hash,
                           .key = key_of(e->number, key),
                           .value = value_of(e->number, 0, value)};
    cairn_smt_leaf_hash(leaf.path, leaf.value, &hash);
    must(cairn_smt_kv_put(txn, 0, 0, &leaf));
}

static void fill_store(bench *b)
{
    entry *entries = must_alloc(b->keys, sizeof *entries);
    for (uint32_t i = 0; i < b->keys; i++) {
        char text[32];
        cairn_bytes key = key_of(i, text);
        entries[i].number = i;
        cairn_sha256_of(key.data, key.size, &entries[i].path);
    }
    qsort(entries, b->keys, sizeof *entries, compare_entries);
    for (size_t i = 0; i < b->keys;) {
        cairn_kv_txn *txn = NULL;
        must(cairn_kv_begin(b->kv, true, &txn));
        for (size_t end = i + BATCH; i < end && i < b->keys; i++)
            put_entry(txn, &entries[i]);
        must(cairn_kv_commit(txn));
    }
    free(entries);
}

/* A snapshot of the store as a base. */
typedef struct snapshot {
    cairn_kv_txn *txn;
    cairn_smt_kv map;
    cairn_smt_base base;
} snapshot;

static void open_snapshot(bench *b, snapshot *s)
{
    must(cairn_kv_begin(b->kv, false, &s->txn));
    must(cairn_smt_kv_init(&s->map, s->txn, 0, 0));
    s->base = cairn_smt_kv_base(&s->map);
}

static void close_snapshot(snapshot *s)
{
    cairn_smt_kv_done(&s->map);
    cairn_kv_abort(s->txn);
}

static long rss_anon_kib(void)
{
    FILE *file = fopen("/proc/self/status", "r");
    char line[256];
    long kib = -1;
    while (file != NULL && fgets(line, sizeof line, file) != NULL)
        if (sscanf(line, "RssAnon: %ld", &kib) == 1)
            break;
    if (file != NULL)
        (void)fclose(file);
    return kib;
}

static int compare_doubles(const void *a, const void *b)
{
    double left = *(const double *)a;
    double right = *(const double *)b;
    return (left > right) - (left < right);
}

static void report(const char *what, double *times, size_t count, double scale, const char *unit)
{
    qsort(times, count, sizeof times[0], compare_doubles);
    printf("%-44s best %8.3f  median %8.3f  worst %8.3f %s\n", what, times[0] * scale,
           times[count / 2] * scale, times[count - 1] * scale, unit);
}

static void publish(bench *b, cairn_smt *next)
{
    cairn_smt_retire(b->version);
    cairn_smt_free(b->version);
    b->version = next;
}

static double update_round(bench *b)
{
    static cairn_smt_change changes[UPDATES];
    static char keys[UPDATES][32];
    static uint8_t values[UPDATES][VALUE_SIZE];
    uint64_t stride = b->keys / UPDATES;
    for (size_t i = 0; i < UPDATES; i++) {
        uint64_t number = i * stride + next_random(b) % stride;
        changes[i] = (cairn_smt_change){.key = key_of(number, keys[i]),
                                        .value = value_of(number, b->height + 1, values[i])};
    }
    double start = cpu();
    snapshot s;
    cairn_smt *next = NULL;
    open_snapshot(b, &s);
    must(cairn_smt_sort(&s.base, changes, UPDATES));
    must(cairn_smt_update(b->version, &s.base, changes, UPDATES, ++b->height, &next));
    close_snapshot(&s);
    double took = cpu() - start;
    publish(b, next);
    return took;
}

static cairn_err store_leaf(void *ctx, const cairn_smt_leaf *leaf)
{
    bench *b = ctx;
    return cairn_smt_kv_put(b->write, 0, 0, leaf);
}

static double checkpoint(bench *b)
{
    double start = seconds(CLOCK_MONOTONIC);
    must(cairn_kv_begin(b->kv, true, &b->write));
    must(cairn_smt_each_dirty(b->version, b->durable, store_leaf, b));
    must(cairn_kv_commit(b->write));
    b->durable = b->height;
    return seconds(CLOCK_MONOTONIC) - start;
}

static double clean_slice(bench *b, uint32_t slice)
{
    cairn_smt *next = NULL;
    double start = cpu();
    must(cairn_smt_clean(b->version, b->durable, slice, SLICE_BITS, &next));
    publish(b, next);
    return cpu() - start;
}

static void bench_updates(bench *b)
{
    static double updates[ROUNDS];
    static double checkpoints[ROUNDS / CHECKPOINT_EVERY];
    static double slices[ROUNDS / CHECKPOINT_EVERY << SLICE_BITS];
    size_t checkpoint_count = 0;
    size_t slice_count = 0;
    for (size_t round = 0; round < ROUNDS; round++) {
        updates[round] = update_round(b);
        if ((round + 1) % CHECKPOINT_EVERY != 0)
            continue;
        checkpoints[checkpoint_count++] = checkpoint(b);
        for (uint32_t slice = 0; slice < 1u << SLICE_BITS; slice++)
            slices[slice_count++] = clean_slice(b, slice);
    }
    report("root after 1,000 random updates (CPU)", updates, ROUNDS, 1e3, "ms");
    report("checkpoint of 10,000 records, synced (wall)", checkpoints, checkpoint_count, 1e3, "ms");
    report("forgetting them, one slice of 256 (CPU)", slices, slice_count, 1e6, "us");
}

static void bench_proofs(bench *b, bool existing)
{
    static double makes[PROOFS];
    static double checks[PROOFS];
    static double sizes[PROOFS];
    cairn_arena arena;
    cairn_arena_init(&arena, 1 << 20);
    for (size_t i = 0; i < PROOFS; i++) {
        char text[32];
        cairn_bytes key = key_of(next_random(b) % b->keys + (existing ? 0 : b->keys), text);
        cairn_smt_proof proof = {0};
        snapshot s;
        cairn_arena_reset(&arena);
        double start = cpu();
        open_snapshot(b, &s);
        must(cairn_smt_prove(b->version, &s.base, key, &arena, &proof));
        close_snapshot(&s);
        makes[i] = cpu() - start;
        start = cpu();
        const cairn_hash *root = cairn_smt_root(b->version);
        must(existing
                 ? cairn_ics23_verify_exist(&cairn_ics23_smt, root, key, proof.value, proof.ics23)
                 : cairn_ics23_verify_absent(&cairn_ics23_smt, root, key, proof.ics23));
        checks[i] = cpu() - start;
        sizes[i] = (double)proof.ics23.size;
    }
    cairn_arena_done(&arena);
    printf("%s:\n", existing ? "existence" : "absence");
    report("  proof made (CPU)", makes, PROOFS, 1e6, "us");
    report("  proof verified (CPU)", checks, PROOFS, 1e6, "us");
    report("  proof size, key and value included", sizes, PROOFS, 1, "bytes");
}

static void bench_load(bench *b)
{
    snapshot s;
    open_snapshot(b, &s);
    double start = seconds(CLOCK_MONOTONIC);
    must(cairn_smt_load(&s.base, &b->version));
    printf("%-44s %.2f s\n", "load: one scan, every leaf recomputed (wall)",
           seconds(CLOCK_MONOTONIC) - start);
    close_snapshot(&s);
    printf("%-44s %ld MiB\n", "anonymous memory with the map loaded", rss_anon_kib() / 1024);
}

static void remove_store(const char *directory)
{
    static const char *const names[] = {"data.mdb", "lock.mdb"};
    char path[512];
    for (size_t i = 0; i < 2; i++) {
        (void)snprintf(path, sizeof path, "%s/%s", directory, names[i]);
        (void)unlink(path);
    }
    (void)rmdir(directory);
}

int main(int argc, char **argv)
{
    static const char *const tables[] = {"state"};
    bench b = {.keys = argc > 1 ? strtoul(argv[1], NULL, 10) : 10000000, .seed = 1};
    char directory[400];
    (void)snprintf(directory, sizeof directory, "%s/cairn-bench-state-XXXXXX",
                   argc > 2 ? argv[2] : "/tmp");
    if (b.keys < UPDATES || b.keys > UINT32_MAX || mkdtemp(directory) == NULL) {
        (void)fputs("usage: bench-state [N [DIRECTORY]], N from 1000\n", stderr);
        return 2;
    }
    must(cairn_kv_open(directory, tables, 1, (size_t)1 << 36, &b.kv));
    double start = seconds(CLOCK_MONOTONIC);
    fill_store(&b);
    printf("state map, %zu keys, values of %d bytes, SHA-256 by %s; store filled in %.1f s\n",
           b.keys, VALUE_SIZE, cairn_sha256_implementation(), seconds(CLOCK_MONOTONIC) - start);
    bench_load(&b);
    bench_updates(&b);
    bench_proofs(&b, true);
    bench_proofs(&b, false);
    printf("%-44s %ld MiB\n", "anonymous memory at the end", rss_anon_kib() / 1024);
    cairn_smt_free(b.version);
    cairn_kv_close(b.kv);
    remove_store(directory);
    return 0;
}
