/* The embedded engine, in process: signatures checked, durable, threads as on a small machine.
 *
 * Usage: bench-ledger [SECONDS [KEYS [DIRECTORY]]]. First the rate at full load, then the latency
 * at 80 % of it with an open-loop schedule (a late answer counts from when it was due), then the
 * restart. With KEYS, the state is filled to so many objects first. Beside it, in the same run:
 * bare ES256 verification on the same threads, the bound that no ledger of signed transactions
 * passes. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cairn/sha256.h"
#include "core/store/block_log.h"
#include "feature_list.h"
#include "ledger/store/store.h"
#include "record/record.h"

enum { THREADS = 2, SIGNERS = 8, LATENCY_MAX = 1 << 22 };

static void must(cairn_err err)
{
    if (err == CAIRN_OK)
        return;
    (void)fprintf(stderr, "bench-ledger: %s: %s\n", cairn_err_name(err), cairn_err_detail());
    exit(1);
}

static void *must_alloc(size_t count, size_t size)
{
    void *memory = calloc(count, size);
    if (memory == NULL)
        must(CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "%zu items", count));
    return memory;
}

static uint64_t now_ns(void)
{
    cairn_clock clock = cairn_clock_system();
    return cairn_clock_monotonic_ns(&clock);
}

static double cpu_seconds(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static unsigned long rss_anon_kb(void)
{
    char line[256];
    unsigned long kb = 0;
    FILE *f = fopen("/proc/self/status", "r");
    while (f != NULL && fgets(line, sizeof line, f) != NULL)
        (void)sscanf(line, "RssAnon: %lu", &kb);
    if (f != NULL)
        (void)fclose(f);
    return kb;
}

/* --- transactions, signed beforehand --- */

typedef struct signed_set {
    size_t count;
    uint8_t *bytes;
    cairn_bytes *txs;
} signed_set;

typedef struct signing {
    const cairn_hash *ledger;
    const cairn_key *key;
    uint64_t first;
    size_t count;
    uint64_t valid_until_ms;
    uint8_t *bytes; /* room of 256 each */
    cairn_bytes *txs;
} signing;

static void *sign_some(void *context)
{
    signing *s = context;
    cairn_arena arena;
    cairn_arena_init(&arena, 1 << 20);
    for (size_t i = 0; i < s->count; i++) {
        uint8_t seed[8];
        cairn_hash commitment;
        cairn_bytes tx;
        cairn_tx_draft draft = {.ledger = *s->ledger,
                                .kid = *cairn_key_id(s->key),
                                .type = CAIRN_TX_ANCHOR,
                                .valid_until_ms = s->valid_until_ms};
        cairn_put_u64(seed, s->first + i);
        cairn_sha256_of(seed, sizeof seed, &commitment);
        cairn_arena_reset(&arena);
        must(cairn_anchor_body(&arena, &commitment, &draft.body));
        must(cairn_tx_sign(&arena, &draft, s->key, &tx));
        CAIRN_ASSERT(tx.size <= 256);
        memcpy(s->bytes + i * 256, tx.data, tx.size);
        s->txs[i] = cairn_bytes_of(s->bytes + i * 256, tx.size);
    }
    cairn_arena_done(&arena);
    return NULL;
}

static signed_set sign_many(const cairn_hash *ledger, const cairn_key *key, uint64_t first,
                            size_t count)
{
    signed_set set = {.count = count,
                      .bytes = must_alloc(count, 256),
                      .txs = must_alloc(count, sizeof(cairn_bytes))};
    cairn_clock clock = cairn_clock_system();
    signing parts[THREADS];
    pthread_t threads[THREADS];
    for (size_t i = 0; i < THREADS; i++) {
        size_t from = count * i / THREADS;
        size_t to = count * (i + 1) / THREADS;
        parts[i] = (signing){.ledger = ledger,
                             .key = key,
                             .first = first + from,
                             .count = to - from,
                             .valid_until_ms = cairn_clock_wall_ms(&clock) + 590000,
                             .bytes = set.bytes + from * 256,
                             .txs = set.txs + from};
        CAIRN_ASSERT(pthread_create(&threads[i], NULL, sign_some, &parts[i]) == 0);
    }
    for (size_t i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    return set;
}

static void free_set(signed_set *set)
{
    free(set->bytes);
    free(set->txs);
}

/* --- the bound --- */

typedef struct verifying {
    const cairn_key *key;
    const signed_set *set;
    size_t from;
    size_t to;
} verifying;

static void *verify_some(void *context)
{
    const verifying *v = context;
    cairn_arena arena;
    cairn_arena_init(&arena, 1 << 20);
    for (size_t i = v->from; i < v->to; i++) {
        cairn_tx tx;
        cairn_arena_reset(&arena);
        must(cairn_tx_decode(v->set->txs[i], &tx));
        must(cairn_tx_verify(&arena, &tx, v->key));
    }
    cairn_arena_done(&arena);
    return NULL;
}

static void bench_bound(const cairn_key *key, const signed_set *set)
{
    verifying parts[THREADS];
    pthread_t threads[THREADS];
    uint64_t start = now_ns();
    double cpu = cpu_seconds();
    for (size_t i = 0; i < THREADS; i++) {
        parts[i] = (verifying){.key = key,
                               .set = set,
                               .from = set->count * i / THREADS,
                               .to = set->count * (i + 1) / THREADS};
        CAIRN_ASSERT(pthread_create(&threads[i], NULL, verify_some, &parts[i]) == 0);
    }
    for (size_t i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    double seconds = (double)(now_ns() - start) / 1e9;
    (void)printf(
        "bound: decode and ES256 verify alone, %d threads: %8.0f tx/s  (%.1f us CPU each)\n",
        THREADS, (double)set->count / seconds, (cpu_seconds() - cpu) / (double)set->count * 1e6);
}

/* --- load --- */

typedef struct load {
    cairn_engine *engine;
    const signed_set *set;
    uint64_t *due_ns;     /* of each transaction, or NULL */
    uint64_t *latency_ns; /* filled by verdicts */
    _Atomic size_t answered;
    _Atomic size_t refused;
} load;

typedef struct ticket {
    load *load;
    uint64_t due_ns;
    size_t place;
} ticket;

static void on_verdict(void *context, const cairn_verdict *verdict)
{
    ticket *t = context;
    t->load->latency_ns[t->place] = now_ns() - t->due_ns;
    if (verdict->code != CAIRN_OK)
        atomic_fetch_add(&t->load->refused, 1);
    atomic_fetch_add(&t->load->answered, 1);
}

static int by_value(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a;
    uint64_t y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static void sleep_until(uint64_t ns)
{
    struct timespec t = {.tv_sec = (time_t)(ns / 1000000000), .tv_nsec = (long)(ns % 1000000000)};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) != 0)
        continue;
}

/* Sends all of `set` at `rate` (0: as fast as it is taken); returns the rate of answers. */
static double run_load(cairn_engine *engine, const signed_set *set, double rate, const char *name)
{
    load l = {.engine = engine, .set = set, .latency_ns = must_alloc(set->count, sizeof(uint64_t))};
    ticket *tickets = must_alloc(set->count, sizeof *tickets);
    double cpu = cpu_seconds();
    uint64_t start = now_ns();
    for (size_t i = 0; i < set->count; i++) {
        uint64_t due = rate > 0 ? start + (uint64_t)((double)i * 1e9 / rate) : 0;
        if (rate > 0 && now_ns() < due)
            sleep_until(due);
        tickets[i] = (ticket){.load = &l, .due_ns = rate > 0 ? due : now_ns(), .place = i};
        cairn_err err = cairn_engine_submit(engine, set->txs[i], on_verdict, &tickets[i]);
        while (err == CAIRN_ERR_BUSY) {
            (void)usleep(200);
            err = cairn_engine_submit(engine, set->txs[i], on_verdict, &tickets[i]);
        }
        must(err);
    }
    while (atomic_load(&l.answered) < set->count)
        (void)usleep(200);
    double seconds = (double)(now_ns() - start) / 1e9;
    double achieved = (double)set->count / seconds;
    qsort(l.latency_ns, set->count, sizeof(uint64_t), by_value);
    (void)printf(
        "%s: %8.0f tx/s  offered %8.0f  p50 %6.2f ms  p99 %6.2f ms  max %6.1f ms  refused %zu  "
        "%.1f us CPU each  anonymous %lu MB\n",
        name, achieved, rate, (double)l.latency_ns[set->count / 2] / 1e6,
        (double)l.latency_ns[set->count * 99 / 100] / 1e6,
        (double)l.latency_ns[set->count - 1] / 1e6, atomic_load(&l.refused),
        (cpu_seconds() - cpu) / (double)set->count * 1e6, rss_anon_kb() / 1024);
    (void)fflush(stdout);
    free(tickets);
    free(l.latency_ns);
    return achieved;
}

/* --- the store --- */

/* Created early enough that the blocks of a filled store lie in the past. */
static cairn_bytes make_genesis(cairn_arena *arena, const cairn_key *key, uint64_t keys)
{
    uint8_t encoded[CAIRN_COSE_KEY_SIZE_MAX];
    size_t size = 0;
    cairn_bytes genesis_bytes;
    cairn_clock clock = cairn_clock_system();
    cairn_genesis genesis = {.name = cairn_bytes_str("bench"),
                             .created_ms = cairn_clock_wall_ms(&clock) - 1000 - keys,
                             .member_count = 1};
    must(CAIRN_ARENA_NEW(arena, &genesis.members));
    cairn_params_default(&genesis.params);
    must(cairn_key_to_cose(key, encoded, &size));
    genesis.members[0] = (cairn_genesis_member){.name = cairn_bytes_str("bench"), .key_count = 1};
    genesis.members[0].keys[0] = (cairn_genesis_key){.purpose = CAIRN_PURPOSE_SIGN,
                                                     .cose_key = cairn_bytes_of(encoded, size)};
    must(cairn_genesis_encode(arena, &genesis, &genesis_bytes));
    return genesis_bytes;
}

static cairn_store *open_store(const char *directory)
{
    cairn_store_options options;
    cairn_store *store = NULL;
    cairn_store_options_default(&options, &cairn_all_features);
    options.threads = THREADS;
    must(cairn_store_open(directory, &options, &store));
    return store;
}

static void bench_restart(const char *directory, cairn_store **store, bool clean)
{
    if (clean)
        must(cairn_store_close(*store));
    else
        cairn_store_free(*store);
    double cpu = cpu_seconds();
    uint64_t start = now_ns();
    *store = open_store(directory);
    (void)printf("restart %s: %.2f s, %.2f s CPU\n",
                 clean ? "after a clean close" : "as after a crash",
                 (double)(now_ns() - start) / 1e9, cpu_seconds() - cpu);
    (void)fflush(stdout);
}

/* --- filling --- */

/* A store of many objects takes hours to sign: instead its blocks are computed and written by the
 * pure ledger with transactions that count as verified, in a child process, and the store then
 * replays them as after a crash. */

static cairn_err scan_nothing(void *context, const cairn_hash *prefix, unsigned bits,
                              cairn_smt_visit visit, void *visit_context)
{
    (void)context, (void)prefix, (void)bits, (void)visit, (void)visit_context;
    return CAIRN_OK;
}

typedef struct filling {
    cairn_ledger *ledger;
    cairn_block_log *log;
    cairn_arena arena;
    cairn_hash id;
    cairn_hash kid;
    uint64_t time_ms;
} filling;

static const cairn_ledger_bases no_bases = {
    .map = {{.scan = scan_nothing}, {.scan = scan_nothing}}};

static void write_block(filling *f, cairn_block *block)
{
    cairn_bytes record;
    must(cairn_block_record_encode(&f->arena, 0, block, &record));
    must(cairn_block_log_append(f->log, &record, 1, NULL));
    must(cairn_ledger_commit(f->ledger, block));
}

/* An anchor of SHA-256(number) with a signature that nobody will look at. */
static void make_input(filling *f, uint64_t number, cairn_tx_input *input)
{
    uint8_t seed[8];
    static const uint8_t signature[CAIRN_TX_SIGNATURE_SIZE] = {1};
    cairn_hash commitment;
    cairn_bytes tx;
    cairn_tx_draft draft = {.ledger = f->id,
                            .kid = f->kid,
                            .type = CAIRN_TX_ANCHOR,
                            .valid_until_ms = f->time_ms + 1000};
    cairn_put_u64(seed, number);
    cairn_sha256_of(seed, sizeof seed, &commitment);
    must(cairn_anchor_body(&f->arena, &commitment, &draft.body));
    must(cairn_tx_assemble(&f->arena, &draft, cairn_bytes_of(signature, sizeof signature), &tx));
    must(cairn_tx_decode(tx, &input->tx));
    input->verified = true;
}

static void fill_block(filling *f, uint64_t height, uint64_t first, size_t count)
{
    cairn_block block = {0};
    void *inputs = NULL;
    cairn_arena_reset(&f->arena);
    f->time_ms += 200;
    must(cairn_arena_array(&f->arena, count, sizeof(cairn_tx_input), &inputs));
    for (size_t i = 0; i < count; i++)
        make_input(f, first + i, &((cairn_tx_input *)inputs)[i]);
    must(cairn_ledger_apply(f->ledger, &no_bases, height, f->time_ms, inputs, count, &f->arena,
                            &block));
    CAIRN_ASSERT(block.outcome.accepted_count == count);
    write_block(f, &block);
}

static void fill_log(const char *directory, const cairn_key *key, cairn_bytes genesis,
                     uint64_t keys)
{
    enum { PER_BLOCK = 2000 };
    char path[4096];
    cairn_block block = {0};
    filling f = {.kid = *cairn_key_id(key)};
    cairn_genesis decoded;
    cairn_arena_init(&f.arena, 1 << 30);
    (void)snprintf(path, sizeof path, "%s/blocks", directory);
    must(cairn_block_log_open(path, NULL, &f.log));
    must(cairn_ledger_new(&cairn_all_features, NULL, &f.ledger));
    must(cairn_genesis_decode(&f.arena, genesis, &decoded));
    cairn_ledger_id(genesis, &f.id);
    must(cairn_ledger_begin(f.ledger, &no_bases, genesis, &f.arena, &block));
    f.time_ms = decoded.created_ms;
    write_block(&f, &block);
    uint64_t height = 1;
    for (uint64_t done = 0; done < keys; done += PER_BLOCK, height++) {
        fill_block(&f, height, done, keys - done > PER_BLOCK ? PER_BLOCK : (size_t)(keys - done));
        if (height % 256 == 0)
            must(cairn_block_log_sync(f.log));
    }
    must(cairn_block_log_close(f.log));
}

static void fill(const char *directory, const cairn_key *key, cairn_bytes genesis, uint64_t keys)
{
    uint64_t start = now_ns();
    pid_t child = fork();
    if (child == 0) {
        fill_log(directory, key, genesis, keys);
        _exit(0);
    }
    int status = 0;
    CAIRN_ASSERT(child > 0 && waitpid(child, &status, 0) == child && status == 0);
    (void)printf("filled the block log with %llu objects in %.0f s\n", (unsigned long long)keys,
                 (double)(now_ns() - start) / 1e9);
    (void)fflush(stdout);
}

int main(int argc, char **argv)
{
    unsigned seconds = argc > 1 ? (unsigned)atoi(argv[1]) : 10;
    uint64_t keys = argc > 2 ? (uint64_t)atoll(argv[2]) : 0;
    char made[] = "./bench-ledger-XXXXXX";
    const char *directory = argc > 3 ? argv[3] : mkdtemp(made);
    CAIRN_CLEANUP(cairn_key_free_p) cairn_key *key = NULL;
    cairn_arena arena;
    cairn_engine *engine = NULL;
    cairn_arena_init(&arena, 1 << 24);
    must(cairn_key_generate(CAIRN_KEY_P256, &key));
    cairn_bytes genesis = make_genesis(&arena, key, keys);
    if (keys != 0)
        fill(directory, key, genesis, keys);
    uint64_t start = now_ns();
    cairn_store *store = open_store(directory);
    if (keys != 0)
        (void)printf("replayed and indexed in %.0f s, anonymous %lu MB\n",
                     (double)(now_ns() - start) / 1e9, rss_anon_kb() / 1024);
    if (keys == 0)
        must(cairn_store_create(store, genesis, &engine));
    engine = cairn_store_ledger(store, 0);
    cairn_view *view = cairn_engine_view(engine);
    cairn_hash ledger = view->ledger;
    cairn_view_free(view);

    uint64_t first = keys;
    signed_set set = sign_many(&ledger, key, first, (size_t)seconds * 20000);
    bench_bound(key, &set);
    double rate = run_load(engine, &set, 0, "full load");
    first += set.count;
    free_set(&set);
    set = sign_many(&ledger, key, first, (size_t)((double)seconds * rate * 0.8));
    first += set.count;
    (void)run_load(engine, &set, rate * 0.8, "80 % of it");
    free_set(&set);
    set = sign_many(&ledger, key, first, (size_t)seconds * 12000);
    first += set.count;
    (void)run_load(engine, &set, 12000, "80 % of the goal of 15,000/s");
    free_set(&set);
    bench_restart(directory, &store, false);
    bench_restart(directory, &store, true);
    must(cairn_store_close(store));
    cairn_arena_done(&arena);
    if (argc <= 3) {
        char command[128];
        (void)snprintf(command, sizeof command, "rm -rf '%s'", directory);
        if (system(command) != 0)
            return 1;
    }
    return 0;
}
