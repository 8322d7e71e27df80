/* Fills a ledger directory that nobody holds. Started by bench/follow.sh.
 *
 *   load-ledger DIR COUNT
 *
 * Signs COUNT anchors by DIR/keys/sign-1.pem and submits them to DIR/store as fast as it takes
 * them; says how many a second those were. */
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "cairn/transaction.h"
#include "core/store/file.h"
#include "feature_list.h"
#include "ledger/store/store.h"
#include "record/record.h"

static _Atomic uint64_t accepted;

static void count(void *context, const cairn_verdict *verdict)
{
    (void)context;
    accepted += verdict->code == CAIRN_OK;
}

static double now(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static cairn_err sign(cairn_arena *arena, const cairn_key *key, const cairn_hash *ledger,
                      cairn_bytes *ret_tx)
{
    const cairn_clock clock = cairn_clock_system();
    cairn_hash commitment;
    cairn_bytes body;
    if (RAND_bytes(commitment.b, sizeof commitment.b) != 1)
        return CAIRN_ERR_CRYPTO;
    CAIRN_TRY(cairn_anchor_body(arena, &commitment, &body));
    const cairn_tx_draft draft = {.ledger = *ledger,
                                  .kid = *cairn_key_id(key),
                                  .type = CAIRN_TX_ANCHOR,
                                  .valid_until_ms = cairn_clock_wall_ms(&clock) + 60000,
                                  .body = body};
    return cairn_tx_sign(arena, &draft, key, ret_tx);
}

static cairn_err fill(cairn_engine *engine, const cairn_key *key, uint64_t wanted)
{
    const struct timespec moment = {.tv_nsec = 1000000};
    CAIRN_CLEANUP(cairn_view_free_p) cairn_view *view = cairn_engine_view(engine);
    CAIRN_CLEANUP(cairn_arena_done) cairn_arena arena;
    cairn_arena_init(&arena, 1 << 20);
    for (uint64_t i = 0; i < wanted; i++) {
        cairn_bytes tx;
        cairn_arena_reset(&arena);
        CAIRN_TRY(sign(&arena, key, &view->ledger, &tx));
        cairn_err err = cairn_engine_submit(engine, tx, count, NULL);
        for (; err == CAIRN_ERR_BUSY; err = cairn_engine_submit(engine, tx, count, NULL))
            (void)nanosleep(&moment, NULL);
        CAIRN_TRY(err);
    }
    while (accepted < wanted)
        (void)nanosleep(&moment, NULL);
    return CAIRN_OK;
}

static cairn_err run(const char *directory, uint64_t wanted)
{
    CAIRN_CLEANUP(cairn_key_free_p) cairn_key *key = NULL;
    CAIRN_CLEANUP(cairn_arena_done) cairn_arena arena;
    char path[CAIRN_PATH_SIZE_MAX];
    cairn_store_options options;
    cairn_store *store = NULL;
    cairn_bytes pem;
    cairn_arena_init(&arena, 1 << 20);
    CAIRN_TRY(cairn_path_join(directory, "keys/sign-1.pem", path));
    CAIRN_TRY(cairn_file_read(&arena, path, 4096, &pem));
    CAIRN_TRY(cairn_key_from_pem(pem, &key));
    cairn_store_options_default(&options, &cairn_all_features);
    options.threads = 2;
    CAIRN_TRY(cairn_path_join(directory, "store", path));
    CAIRN_TRY(cairn_store_open(path, &options, &store));
    double began = now();
    cairn_err err = fill(cairn_store_ledger(store, 0), key, wanted);
    printf("filled: %.0f transactions/s\n", (double)wanted / (now() - began));
    cairn_err closed = cairn_store_close(store);
    return err == CAIRN_OK ? closed : err;
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        (void)fprintf(stderr, "usage: load-ledger DIR COUNT\n");
        return 2;
    }
    cairn_err err = run(argv[1], strtoull(argv[2], NULL, 10));
    if (err != CAIRN_OK)
        (void)fprintf(stderr, "load-ledger: %s: %s\n", cairn_err_name(err), cairn_err_detail());
    return err == CAIRN_OK ? 0 : 1;
}
