/* A member's application for the real engine, and transactions to send it.
 *
 *   consortium-serve begin KEY...
 *       prints the app_state of a new ledger of four; KEY is a validator's, base64, of one member
 *       after the other
 *   consortium-serve run DIRECTORY GENESIS SOCKET RPC
 *       serves the engine; for each line "COUNT FIRST" of standard input sends so many anchors, and
 *       prints how many were accepted; for "convict HEIGHT" the evidence in that block; ends with
 *       the input
 *   consortium-serve transactions COUNT FIRST GENESIS
 *       writes anchors, each behind its size (u32be)
 *   consortium-serve stand DIRECTORY
 *       prints height and root of a store at rest
 *
 * DIRECTORY is the member's store, made when it is not there. CONSORTIUM_RETAIN and
 * CONSORTIUM_SNAPSHOTS are the application's options. */
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <time.h>

#include "core/store/file.h"
#include "feature_list.h"
#include "identity/identity.h"
#include "ledger/consortium/double_vote.h"
#include "ledger/consortium/relay.h"
#include "ledger/consortium/rpc.h"
#include "ledger/follow/head.h"
#include "support/ledger_fixture.h"

static void must(cairn_err err, const char *what)
{
    if (err == CAIRN_OK)
        return;
    (void)fprintf(stderr, "consortium-serve: %s: %s %s\n", what, cairn_err_name(err),
                  cairn_err_detail());
    exit(1);
}

/* Four members, the first ones with these keys for consensus. */
static cairn_bytes make_genesis(cairn_arena *arena, char **keys, size_t count)
{
    static cairn_genesis genesis;
    cairn_bytes encoded = fixture_genesis(arena, 4, 77, NULL);
    must(cairn_genesis_decode(arena, encoded, &genesis), "genesis");
    for (size_t i = 0; i < count; i++) {
        cairn_genesis_member *member = (cairn_genesis_member *)(uintptr_t)&genesis.members[i];
        uint8_t raw[32];
        size_t size = 0;
        CAIRN_CLEANUP(cairn_key_free_p) cairn_key *key = NULL;
        must(cairn_base64_decode(cairn_bytes_str(keys[i]), raw, sizeof raw, &size), "key");
        must(cairn_key_from_public(CAIRN_KEY_ED25519, cairn_bytes_of(raw, size), &key), "key");
        member->keys[member->key_count++] = (cairn_genesis_key){
            .purpose = CAIRN_PURPOSE_VALIDATOR, .cose_key = fixture_cose(arena, key)};
    }
    must(cairn_genesis_encode(arena, &genesis, &encoded), "genesis");
    return encoded;
}

static void read_chain(cairn_arena *arena, const char *path, cairn_chain *ret_chain)
{
    cairn_bytes json;
    must(cairn_file_read(arena, path, CAIRN_CHAIN_FILE_SIZE_MAX, &json), "genesis");
    must(cairn_chain_decode(arena, json, ret_chain), "genesis");
}

static int begin(char **keys, size_t count)
{
    cairn_arena arena;
    cairn_arena_init(&arena, 64 << 20);
    cairn_chain_start start = {.genesis = make_genesis(&arena, keys, count)};
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

/* --- a client in the member's own process --- */

typedef struct client {
    ledger_fixture f;
    cairn_engine *engine;
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t told;
    long waiting;
    long accepted;
    cairn_err refused; /* the last one */
} client;

static void on_verdict(void *context, const cairn_verdict *verdict)
{
    client *c = context;
    pthread_mutex_lock(&c->lock);
    c->waiting--;
    c->accepted += verdict->code == CAIRN_OK;
    if (verdict->code != CAIRN_OK)
        c->refused = verdict->code;
    pthread_cond_signal(&c->told);
    pthread_mutex_unlock(&c->lock);
}

static cairn_bytes anchor_of(ledger_fixture *f, long number)
{
    return fixture_anchor(f, (uint64_t)number, ((uint64_t)time(NULL) + 300) * 1000);
}

static void send_anchors(client *c, long count, long first)
{
    c->accepted = 0;
    for (long i = 0; i < count; i++) {
        pthread_mutex_lock(&c->lock);
        c->waiting++;
        pthread_mutex_unlock(&c->lock);
        must(cairn_engine_submit(c->engine, anchor_of(&c->f, first + i), on_verdict, c), "submit");
    }
    pthread_mutex_lock(&c->lock);
    while (c->waiting > 0)
        pthread_cond_wait(&c->told, &c->lock);
    pthread_mutex_unlock(&c->lock);
    (void)printf("%ld %s\n", c->accepted, c->accepted == count ? "OK" : cairn_err_name(c->refused));
    (void)fflush(stdout);
}

/* The first evidence in a block goes onto the ledger, by whom ever it is sent. */
static void convict(client *c, const char *url, const cairn_chain *chain, long height)
{
    cairn_bytes answer, body;
    cairn_double_vote *votes = NULL;
    size_t count = 0;
    cairn_evidence evidence;
    cairn_verdict verdict = {.code = CAIRN_ERR_NOT_FOUND};
    cairn_state_source state = cairn_follow_state_of(c->engine);
    must(cairn_rpc_block(&c->f.arena, url, (uint64_t)height, &answer), "block");
    must(cairn_double_votes_from_rpc(&c->f.arena, answer, &votes, &count), "evidence");
    if (count > 0) {
        must(cairn_validator_evidence_of(&state, &c->f.arena, votes, cairn_bytes_str(chain->id),
                                         &evidence),
             "evidence");
        must(cairn_validator_evidence_body(&c->f.arena, &evidence, &body), "evidence");
        uint64_t until_ms = ((uint64_t)time(NULL) + 300) * 1000;
        (void)!cairn_engine_wait(
            c->engine, fixture_tx(&c->f, c->f.key, CAIRN_TX_VALIDATOR_EVIDENCE, body, until_ms),
            &verdict);
    }
    (void)printf("evidence %s\n", verdict.code == CAIRN_OK ? "OK" : cairn_err_name(verdict.code));
    (void)fflush(stdout);
}

static void serve_client(cairn_engine *engine, const char *url, const cairn_chain *chain)
{
    static client c;
    char line[64];
    long count = 0, first = 0;
    c.engine = engine;
    pthread_mutex_init(&c.lock, NULL);
    pthread_cond_init(&c.told, NULL);
    fixture_open(&c.f, 1);
    cairn_ledger_id(chain->start.genesis, &c.f.ledger);
    while (fgets(line, sizeof line, stdin) != NULL) {
        if (sscanf(line, "convict %ld", &first) == 1)
            convict(&c, url, chain, first);
        else if (sscanf(line, "%ld %ld", &count, &first) == 2)
            send_anchors(&c, count, first);
    }
    fixture_close(&c.f);
}

/* CONSORTIUM_RETAIN and CONSORTIUM_SNAPSHOTS: blocks. */
static uint64_t from_environment(const char *name, uint64_t otherwise)
{
    char variable[32];
    (void)snprintf(variable, sizeof variable, "CONSORTIUM_%s", name);
    const char *text = getenv(variable);
    return text == NULL ? otherwise : strtoull(text, NULL, 10);
}

static int run(char **words)
{
    cairn_arena arena;
    cairn_chain chain;
    cairn_store *store = NULL;
    cairn_engine *engine = NULL;
    cairn_application *application = NULL;
    cairn_abci_server *server = NULL;
    cairn_relay *relay = NULL;
    cairn_log *log = NULL;
    const cairn_clock clock = cairn_clock_system();
    (void)signal(SIGPIPE, SIG_IGN);
    cairn_arena_init(&arena, 64 << 20);
    read_chain(&arena, words[1], &chain);
    open_store(words[0], true, &chain, &store, &engine);
    const cairn_relay_options relay_options = {
        .engine = engine, .url = words[3], .clock = cairn_clock_system(), .timeout_ms = 30000};
    must(cairn_relay_new(&relay_options, &relay), "relay");
    must(cairn_store_drive(engine, cairn_relay_driver(relay)), "drive");
    must(cairn_log_new(&clock, 2, CAIRN_LOG_INFO, &cairn_application_events, 1, &log), "log");
    const cairn_application_options options = {.store = store,
                                               .engine = engine,
                                               .chain = &chain,
                                               .version = "test",
                                               .clock = cairn_clock_system(),
                                               .log = log,
                                               .retain_blocks = from_environment("RETAIN", 100),
                                               .snapshot_blocks = from_environment("SNAPSHOTS", 0),
                                               .watch = cairn_relay_watch(relay)};
    must(cairn_application_new(&options, &application), "application");
    cairn_abci_handler handler = cairn_application_handler(application);
    must(cairn_abci_server_start(words[2], &handler, NULL, &server), "server");
    serve_client(engine, words[3], &chain);
    cairn_abci_server_stop(server);
    cairn_application_free(application);
    cairn_log_free(log);
    must(cairn_store_drive(engine, NULL), "drive");
    cairn_relay_free(relay);
    must(cairn_store_close(store), "close");
    cairn_arena_done(&arena);
    return 0;
}

static int transactions(char **words)
{
    ledger_fixture f;
    cairn_chain chain;
    long count = strtol(words[0], NULL, 10);
    long first = strtol(words[1], NULL, 10);
    fixture_open(&f, 1);
    read_chain(&f.arena, words[2], &chain);
    cairn_ledger_id(chain.start.genesis, &f.ledger);
    for (long i = 0; i < count; i++) {
        uint8_t size[4];
        cairn_bytes tx = anchor_of(&f, first + i);
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
    if (count >= 2 && count <= 6 && strcmp(words[1], "begin") == 0)
        return begin(words + 2, (size_t)count - 2);
    if (count == 6 && strcmp(words[1], "run") == 0)
        return run(words + 2);
    if (count == 5 && strcmp(words[1], "transactions") == 0)
        return transactions(words + 2);
    if (count == 3 && strcmp(words[1], "stand") == 0)
        return stand(words + 2);
    (void)fprintf(stderr,
                  "usage: consortium-serve begin KEY... | run DIRECTORY GENESIS SOCKET RPC | "
                  "transactions COUNT FIRST GENESIS | stand DIRECTORY\n");
    return 2;
}
