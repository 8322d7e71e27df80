/* A member's application for the real engine, and transactions to send it.
 *
 *   consortium-serve begin                        prints the app_state of a new ledger of four
 *   consortium-serve run DIRECTORY GENESIS SOCKET serves the engine until it is told to stop
 *   consortium-serve transactions COUNT FIRST     writes anchors, each behind its size (u32be)
 *   consortium-serve stand DIRECTORY              prints height and root of a store at rest
 *
 * DIRECTORY is the member's store, made when it is not there. */
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/store/file.h"
#include "feature_list.h"
#include "ledger/consortium/application.h"
#include "support/ledger_fixture.h"

static void must(cairn_err err, const char *what)
{
    if (err == CAIRN_OK)
        return;
    (void)fprintf(stderr, "consortium-serve: %s: %s %s\n", what, cairn_err_name(err),
                  cairn_err_detail());
    exit(1);
}

static cairn_bytes genesis_of_four(cairn_arena *arena)
{
    return fixture_genesis(arena, 4, 77, NULL);
}

static int begin(void)
{
    cairn_arena arena;
    cairn_arena_init(&arena, 64 << 20);
    cairn_chain_start start = {.genesis = genesis_of_four(&arena)};
    char *directory = fixture_directory();
    cairn_store *store = NULL;
    cairn_engine *engine = NULL;
    cairn_store_options options;
    cairn_bytes json;
    cairn_store_options_default(&options, &cairn_all_features);
    options.index_size_max = UINT64_C(1) << 30;
    must(cairn_store_open(directory, &options, &store), "open");
    must(cairn_store_create(store, start.genesis, &engine), "create");
    cairn_view *view = cairn_engine_view(engine);
    cairn_app_hash(view->log_size, &view->log_root, &start.app_hash);
    cairn_view_free(view);
    must(cairn_chain_start_encode(&arena, &start, &json), "encode");
    (void)printf("%.*s\n", (int)json.size, (const char *)json.data);
    must(cairn_store_close(store), "close");
    fixture_remove(directory);
    cairn_arena_done(&arena);
    return 0;
}

static void open_store(const char *directory, bool driven, const cairn_chain *chain,
                       cairn_store **ret_store, cairn_engine **ret_engine)
{
    cairn_store_options options;
    cairn_store_options_default(&options, &cairn_all_features);
    options.threads = driven ? 1 : 0;
    options.read_only = !driven;
    options.index_size_max = UINT64_C(1) << 32;
    if (driven)
        must(cairn_dir_make(directory, 0700), "directory");
    must(cairn_store_open(directory, &options, ret_store), "open");
    *ret_engine = cairn_store_ledger(*ret_store, 0);
    if (*ret_engine == NULL && driven)
        must(cairn_store_create(*ret_store, chain->start.genesis, ret_engine), "create");
    if (driven)
        must(cairn_store_drive(*ret_engine, NULL), "drive");
}

static int run(char **words)
{
    cairn_arena arena;
    cairn_bytes json;
    cairn_chain chain;
    cairn_store *store = NULL;
    cairn_engine *engine = NULL;
    cairn_application *application = NULL;
    cairn_abci_server *server = NULL;
    sigset_t signals;
    int signal = 0;
    (void)sigemptyset(&signals);
    (void)sigaddset(&signals, SIGTERM);
    (void)sigaddset(&signals, SIGINT);
    (void)pthread_sigmask(SIG_BLOCK, &signals, NULL);
    cairn_arena_init(&arena, 64 << 20);
    must(cairn_file_read(&arena, words[1], CAIRN_CHAIN_FILE_SIZE_MAX, &json), "genesis");
    must(cairn_chain_decode(&arena, json, &chain), "genesis");
    open_store(words[0], true, &chain, &store, &engine);
    const cairn_application_options options = {.store = store,
                                               .engine = engine,
                                               .chain = &chain,
                                               .version = "test",
                                               .clock = cairn_clock_system(),
                                               .retain_blocks = 100};
    must(cairn_application_new(&options, &application), "application");
    cairn_abci_handler handler = cairn_application_handler(application);
    must(cairn_abci_server_start(words[2], &handler, NULL, &server), "server");
    (void)sigwait(&signals, &signal);
    cairn_abci_server_stop(server);
    cairn_application_free(application);
    must(cairn_store_close(store), "close");
    cairn_arena_done(&arena);
    return 0;
}

static int transactions(char **words)
{
    ledger_fixture f;
    long count = strtol(words[0], NULL, 10);
    long first = strtol(words[1], NULL, 10);
    fixture_open(&f, 1);
    cairn_ledger_id(genesis_of_four(&f.arena), &f.ledger);
    for (long i = 0; i < count; i++) {
        uint8_t size[4];
        uint64_t until_ms = ((uint64_t)time(NULL) + 300) * 1000;
        cairn_bytes tx = fixture_anchor(&f, (uint64_t)(first + i), until_ms);
        cairn_put_u32(size, (uint32_t)tx.size);
        if (fwrite(size, 1, 4, stdout) != 4 || fwrite(tx.data, 1, tx.size, stdout) != tx.size)
            return 1;
    }
    fixture_close(&f);
    return fflush(stdout) == 0 ? 0 : 1;
}

static int stand(char **words)
{
    cairn_store *store = NULL;
    cairn_engine *engine = NULL;
    char root[65];
    open_store(words[0], false, NULL, &store, &engine);
    cairn_view *view = cairn_engine_view(engine);
    cairn_hex_encode(cairn_bytes_hash(&view->log_root), root);
    (void)printf("%llu %llu %s\n", (unsigned long long)view->height,
                 (unsigned long long)view->log_size, root);
    cairn_view_free(view);
    must(cairn_store_close(store), "close");
    return 0;
}

int main(int count, char **words)
{
    if (count == 2 && strcmp(words[1], "begin") == 0)
        return begin();
    if (count == 5 && strcmp(words[1], "run") == 0)
        return run(words + 2);
    if (count == 4 && strcmp(words[1], "transactions") == 0)
        return transactions(words + 2);
    if (count == 3 && strcmp(words[1], "stand") == 0)
        return stand(words + 2);
    (void)fprintf(stderr, "usage: consortium-serve begin | run DIRECTORY GENESIS SOCKET | "
                          "transactions COUNT FIRST | stand DIRECTORY\n");
    return 2;
}
