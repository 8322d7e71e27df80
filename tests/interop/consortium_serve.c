/* A member's application for the real engine, a client in it, and questions to a store at rest.
 *
 *   consortium-serve begin KEY...
 *       prints the app_state of a new ledger of four; KEY is a validator's, base64, of one member
 *       after the other
 *   consortium-serve run DIRECTORY GENESIS SOCKET RPC [ACKNOWLEDGED]
 *       serves the engine; for each line "COUNT FIRST" of standard input sends so many anchors, and
 *       prints how many were accepted; for "convict HEIGHT" the evidence in that block; ends with
 * the input. With ACKNOWLEDGED a line "ID HEIGHT INDEX" is appended for each that is accepted, and
 * another client sends anchors at all times, until the line "quiet". Evidence is told on standard
 * error consortium-serve transactions COUNT FIRST GENESIS writes anchors, each behind its size
 * (u32be) consortium-serve stand DIRECTORY prints height, size and root of a store at rest
 *   consortium-serve blocks DIRECTORY
 *       prints for each of its blocks the height, the log's size and its root
 *   consortium-serve find DIRECTORY ACKNOWLEDGED
 *       proves each of those transactions in that store, where it was said to be, and prints how
 *       many; ends with 1 at the first that is not there
 *
 * DIRECTORY is the member's store, made when it is not there. CONSORTIUM_RETAIN and
 * CONSORTIUM_SNAPSHOTS are the application's options. */
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cairn/merkle.h"
#include "core/store/file.h"
#include "feature_list.h"
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
    const cairn_chain *chain;
    const char *rpc;
    int acknowledged;     /* a file, or -1 */
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t told;
    long waiting;
    long accepted;
    cairn_err refused; /* the last one */
} client;

static void note_acknowledged(int file, const cairn_verdict *verdict)
{
    char id[65];
    cairn_hex_encode(cairn_bytes_hash(&verdict->id), id);
    (void)dprintf(file, "%s %" PRIu64 " %" PRIu64 "\n", id, verdict->height, verdict->index);
}

static void on_verdict(void *context, const cairn_verdict *verdict)
{
    client *c = context;
    if (verdict->code == CAIRN_OK && c->acknowledged >= 0)
        note_acknowledged(c->acknowledged, verdict);
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

static void send_one(client *c, cairn_bytes tx)
{
    pthread_mutex_lock(&c->lock);
    c->waiting++;
    pthread_mutex_unlock(&c->lock);
    must(cairn_engine_submit(c->engine, tx, on_verdict, c), "submit");
}

/* Until fewer than `count` wait. */
static void wait_below(client *c, long count)
{
    pthread_mutex_lock(&c->lock);
    while (c->waiting >= count)
        pthread_cond_wait(&c->told, &c->lock);
    pthread_mutex_unlock(&c->lock);
}

static void send_anchors(client *c, long count, long first)
{
    c->accepted = 0;
    for (long i = 0; i < count; i++)
        send_one(c, anchor_of(&c->f, first + i));
    wait_below(c, 1);
    (void)printf("%ld %s\n", c->accepted, c->accepted == count ? "OK" : cairn_err_name(c->refused));
    (void)fflush(stdout);
}

/* The first evidence in a block goes onto the ledger, by whom ever it is sent. */
static void convict(client *c, uint64_t height)
{
    cairn_bytes answer, body;
    cairn_double_vote *votes = NULL;
    size_t count = 0;
    cairn_evidence evidence;
    cairn_verdict verdict = {.code = CAIRN_ERR_NOT_FOUND};
    cairn_state_source state = cairn_follow_state_of(c->engine);
    must(cairn_rpc_block(&c->f.arena, c->rpc, height, &answer), "block");
    must(cairn_double_votes_from_rpc(&c->f.arena, answer, &votes, &count), "evidence");
    if (count > 0) {
        must(cairn_validator_evidence_of(&state, &c->f.arena, votes, cairn_bytes_str(c->chain->id),
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

static void open_client(client *c, const client *like)
{
    *c = *like;
    pthread_mutex_init(&c->lock, NULL);
    pthread_cond_init(&c->told, NULL);
    fixture_open(&c->f, 1);
    cairn_ledger_id(c->chain->start.genesis, &c->f.ledger);
}

/* Another client, which sends at all times; on a thread of its own. */
static pthread_t load;
static atomic_bool load_ends = true;

static void *run_load(void *context)
{
    enum { UNDER_WAY = 8, EVERY_MS = 20 };
    static client c;
    const struct timespec pause = {.tv_nsec = EVERY_MS * 1000000};
    const client *like = context;
    /* No other client has these numbers: its process and second are in them. */
    long number = ((long)getpid() << 40) + ((long)(time(NULL) & 0xfffffff) << 12);
    open_client(&c, like);
    for (; !atomic_load(&load_ends); number++) {
        send_one(&c, anchor_of(&c.f, number));
        (void)nanosleep(&pause, NULL);
        wait_below(&c, UNDER_WAY);
    }
    wait_below(&c, 1);
    fixture_close(&c.f);
    return NULL;
}

static void end_load(void)
{
    if (atomic_exchange(&load_ends, true))
        return;
    (void)pthread_join(load, NULL);
}

static void be_quiet(void)
{
    end_load();
    (void)printf("quiet\n");
    (void)fflush(stdout);
}

static void serve_client(const client *like)
{
    static client c;
    char line[64];
    long count = 0, first = 0;
    uint64_t height = 0;
    open_client(&c, like);
    while (fgets(line, sizeof line, stdin) != NULL) {
        if (sscanf(line, "%ld %ld", &count, &first) == 2)
            send_anchors(&c, count, first);
        else if (sscanf(line, "convict %" SCNu64, &height) == 1)
            convict(&c, height);
        else if (strcmp(line, "quiet\n") == 0)
            be_quiet();
        else
            break;
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

static void serve_clients(client *like, const char *acknowledged)
{
    like->acknowledged = -1;
    if (acknowledged != NULL) {
        like->acknowledged = open(acknowledged, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
        must(like->acknowledged >= 0 ? CAIRN_OK : CAIRN_ERR_IO, acknowledged);
        atomic_store(&load_ends, false);
        int rc = pthread_create(&load, NULL, run_load, like);
        must(rc == 0 ? CAIRN_OK : CAIRN_ERR_NO_MEMORY, "load");
    }
    serve_client(like);
    end_load();
}

static void on_misbehavior(void *context, uint64_t height)
{
    (void)context;
    (void)fprintf(stderr, "evidence %" PRIu64 "\n", height);
}

static int run(char **words, const char *acknowledged)
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
    cairn_application_watch watch = cairn_relay_watch(relay);
    watch.misbehavior = on_misbehavior;
    const cairn_application_options options = {.store = store,
                                               .engine = engine,
                                               .chain = &chain,
                                               .version = "test",
                                               .clock = cairn_clock_system(),
                                               .log = log,
                                               .retain_blocks = from_environment("RETAIN", 100),
                                               .snapshot_blocks = from_environment("SNAPSHOTS", 0),
                                               .watch = watch};
    must(cairn_application_new(&options, &application), "application");
    cairn_abci_handler handler = cairn_application_handler(application);
    must(cairn_abci_server_start(words[2], &handler, NULL, &server), "server");
    client like = {.engine = engine, .chain = &chain, .rpc = words[3]};
    serve_clients(&like, acknowledged);
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

/* --- a store at rest --- */

static bool read_block(cairn_engine *engine, uint64_t index, cairn_arena *arena,
                       cairn_block_entry *ret_block)
{
    cairn_bytes entry;
    must(cairn_engine_entry(engine, index, arena, &entry), "entry");
    if (entry.data[0] != CAIRN_BLOCK_ENTRY_FIRST_BYTE)
        return false;
    must(cairn_block_entry_decode(entry, ret_block), "block entry");
    return true;
}

static int blocks(char **words)
{
    cairn_store *store = NULL;
    cairn_engine *engine = NULL;
    cairn_block_entry block;
    cairn_hash root;
    char hex[65];
    cairn_arena arena;
    cairn_arena_init(&arena, 1 << 20);
    open_store(words[0], false, NULL, &store, &engine);
    const cairn_merkle_source source = cairn_engine_source(engine);
    cairn_view *view = cairn_engine_view(engine);
    for (uint64_t i = 1; i < view->log_size; i++, cairn_arena_reset(&arena)) {
        if (!read_block(engine, i, &arena, &block))
            continue;
        must(cairn_merkle_source_root(&source, i + 1, &root), "root");
        cairn_hex_encode(cairn_bytes_hash(&root), hex);
        (void)printf("%" PRIu64 " %" PRIu64 " %s\n", block.height, i + 1, hex);
    }
    cairn_view_free(view);
    must(cairn_store_close(store), "close");
    cairn_arena_done(&arena);
    return 0;
}

/* Is entry `index` this transaction, and the block behind it of this height? */
static void find_one(cairn_engine *engine, const cairn_view *view, const char *id, uint64_t height,
                     uint64_t index, cairn_arena *arena)
{
    cairn_bytes entry;
    cairn_tx tx;
    cairn_hash wanted, leaf;
    const cairn_hash *path = NULL;
    cairn_block_entry block = {.height = 0};
    size_t count = 0;
    must(cairn_hex_decode(id, wanted.b, sizeof wanted.b), id);
    must(cairn_engine_prove_entry(engine, view, index, arena, &entry, &path, &count), id);
    cairn_merkle_leaf(entry, &leaf);
    must(cairn_merkle_verify_inclusion(&leaf, index, view->log_size, path, count, &view->log_root),
         id);
    must(cairn_tx_decode(entry, &tx), id);
    must(cairn_hash_equal(&tx.id, &wanted) ? CAIRN_OK : CAIRN_ERR_MISMATCH, id);
    while (!read_block(engine, ++index, arena, &block)) {
    }
    must(block.height == height ? CAIRN_OK : CAIRN_ERR_MISMATCH, id);
}

static int find(char **words)
{
    cairn_store *store = NULL;
    cairn_engine *engine = NULL;
    cairn_arena arena;
    char id[65];
    uint64_t height = 0, index = 0, count = 0;
    FILE *file = fopen(words[1], "r");
    must(file != NULL ? CAIRN_OK : CAIRN_ERR_IO, words[1]);
    cairn_arena_init(&arena, 16 << 20);
    open_store(words[0], false, NULL, &store, &engine);
    cairn_view *view = cairn_engine_view(engine);
    for (; fscanf(file, "%64s %" SCNu64 " %" SCNu64, id, &height, &index) == 3; count++) {
        find_one(engine, view, id, height, index, &arena);
        cairn_arena_reset(&arena);
    }
    must(feof(file) ? CAIRN_OK : CAIRN_ERR_BAD_VALUE, words[1]);
    (void)printf("%" PRIu64 "\n", count);
    (void)fclose(file);
    cairn_view_free(view);
    must(cairn_store_close(store), "close");
    cairn_arena_done(&arena);
    return 0;
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
    static const struct {
        const char *name;
        int words;
        int (*act)(char **words);
    } verbs[] = {{"transactions", 3, transactions},
                 {"stand", 1, stand},
                 {"blocks", 1, blocks},
                 {"find", 2, find}};
    if (count >= 2 && count <= 6 && strcmp(words[1], "begin") == 0)
        return begin(words + 2, (size_t)count - 2);
    if ((count == 6 || count == 7) && strcmp(words[1], "run") == 0)
        return run(words + 2, words[6]);
    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++)
        if (count == verbs[i].words + 2 && strcmp(words[1], verbs[i].name) == 0)
            return verbs[i].act(words + 2);
    (void)fprintf(stderr, "usage: consortium-serve begin | run | transactions | stand | "
                          "blocks | find; see its source\n");
    return 2;
}
