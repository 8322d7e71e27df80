/* Many ledgers in one process: memory of 1,000 empty ones, the time to open them, and one
 * transaction in each with the syncs that they share. Usage: bench-tenants [COUNT]. */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cairn/sha256.h"
#include "feature_list.h"
#include "ledger/store/store.h"
#include "record/record.h"

static void must(cairn_err err)
{
    if (err == CAIRN_OK)
        return;
    (void)fprintf(stderr, "bench-tenants: %s: %s\n", cairn_err_name(err), cairn_err_detail());
    exit(1);
}

static double now_s(void)
{
    cairn_clock clock = cairn_clock_system();
    return (double)cairn_clock_monotonic_ns(&clock) / 1e9;
}

static void print_memory(const char *when)
{
    char line[256];
    unsigned long anonymous = 0;
    unsigned long resident = 0;
    FILE *f = fopen("/proc/self/status", "r");
    while (f != NULL && fgets(line, sizeof line, f) != NULL) {
        (void)sscanf(line, "RssAnon: %lu", &anonymous);
        (void)sscanf(line, "VmRSS: %lu", &resident);
    }
    if (f != NULL)
        (void)fclose(f);
    (void)printf("%s: anonymous %.1f MB, resident %.1f MB\n", when, (double)anonymous / 1024,
                 (double)resident / 1024);
}

static cairn_bytes make_genesis(cairn_arena *arena, cairn_bytes cose_key, uint32_t number)
{
    cairn_bytes genesis_bytes;
    cairn_clock clock = cairn_clock_system();
    cairn_genesis genesis = {.name = cairn_bytes_str("tenant"),
                             .created_ms = cairn_clock_wall_ms(&clock),
                             .member_count = 1};
    cairn_put_u32(genesis.nonce, number);
    must(CAIRN_ARENA_NEW(arena, &genesis.members));
    cairn_params_default(&genesis.params);
    genesis.members[0] = (cairn_genesis_member){.name = cairn_bytes_str("tenant"), .key_count = 1};
    genesis.members[0].keys[0] =
        (cairn_genesis_key){.purpose = CAIRN_PURPOSE_SIGN, .cose_key = cose_key};
    must(cairn_genesis_encode(arena, &genesis, &genesis_bytes));
    return genesis_bytes;
}

static cairn_store *open_store(const char *directory)
{
    cairn_store_options options;
    cairn_store *store = NULL;
    cairn_store_options_default(&options, &cairn_all_features);
    options.threads = 2;
    must(cairn_store_open(directory, &options, &store));
    return store;
}

static void on_verdict(void *context, const cairn_verdict *verdict)
{
    _Atomic unsigned *left = context;
    must(verdict->code);
    atomic_fetch_sub(left, 1);
}

/* One anchor in each ledger, all at once. */
static void send_to_all(cairn_store *store, unsigned count, const cairn_key *key,
                        cairn_arena *arena)
{
    _Atomic unsigned left = count;
    cairn_clock clock = cairn_clock_system();
    cairn_bytes *txs = NULL;
    void *memory = NULL;
    must(cairn_arena_array(arena, count, sizeof(cairn_bytes), &memory));
    txs = memory;
    for (unsigned i = 0; i < count; i++) {
        cairn_view *view = cairn_engine_view(cairn_store_ledger(store, i));
        cairn_hash commitment = view->ledger;
        cairn_tx_draft draft = {.ledger = view->ledger,
                                .kid = *cairn_key_id(key),
                                .type = CAIRN_TX_ANCHOR,
                                .valid_until_ms = cairn_clock_wall_ms(&clock) + 60000};
        cairn_view_free(view);
        must(cairn_anchor_body(arena, &commitment, &draft.body));
        must(cairn_tx_sign(arena, &draft, key, &txs[i]));
    }
    double start = now_s();
    for (unsigned i = 0; i < count; i++)
        must(cairn_engine_submit(cairn_store_ledger(store, i), txs[i], on_verdict, &left));
    while (atomic_load(&left) != 0)
        (void)usleep(100);
    (void)printf("one transaction in each of %u ledgers: %.3f s\n", count, now_s() - start);
}

int main(int argc, char **argv)
{
    unsigned count = argc > 1 ? (unsigned)atoi(argv[1]) : 1000;
    char directory[] = "./bench-tenants-XXXXXX";
    uint8_t encoded[CAIRN_COSE_KEY_SIZE_MAX];
    size_t size = 0;
    cairn_arena arena;
    CAIRN_CLEANUP(cairn_key_free_p) cairn_key *key = NULL;
    cairn_arena_init(&arena, 1 << 30);
    if (mkdtemp(directory) == NULL)
        must(CAIRN_ERR_IO);
    must(cairn_key_generate(CAIRN_KEY_P256, &key));
    must(cairn_key_to_cose(key, encoded, &size));
    cairn_store *store = open_store(directory);
    print_memory("no ledger");
    double start = now_s();
    for (unsigned i = 0; i < count; i++) {
        cairn_engine *engine = NULL;
        cairn_arena_reset(&arena);
        must(cairn_store_create(store, make_genesis(&arena, cairn_bytes_of(encoded, size), i),
                                &engine));
    }
    (void)printf("%u ledgers made, each durable: %.2f s\n", count, now_s() - start);
    print_memory("all of them empty");
    must(cairn_store_close(store));
    start = now_s();
    store = open_store(directory);
    (void)printf("opened again: %.2f s\n", now_s() - start);
    print_memory("all of them empty, opened again");
    cairn_arena_reset(&arena);
    send_to_all(store, count, key, &arena);
    print_memory("with one transaction each");
    must(cairn_store_close(store));
    cairn_arena_done(&arena);
    char command[128];
    (void)snprintf(command, sizeof command, "rm -rf '%s'", directory);
    return system(command) == 0 ? 0 : 1;
}
