/* From cairn.yaml to the engine's application. */
#include "node/node_consortium.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "core/store/file.h"
#include "identity/identity.h"
#include "ledger/consortium/double_vote.h"
#include "ledger/light/light_fetch.h"
#include "node/node_offences.h"

static const cairn_log_event rows[] = {
    {"consortium.told", CAIRN_LOG_WARNING, 16, 60,
     "Evidence against a validator was submitted to the ledger."},
    {"consortium.not_told", CAIRN_LOG_ERROR, 16, 60,
     "Evidence against a validator could not be submitted here; other members do so as well."},
    {"consortium.not_kept", CAIRN_LOG_ERROR, 16, 60,
     "Evidence against a validator could not be noted on disk: a restart forgets it."},
};
enum { EVENT_TOLD, EVENT_NOT_TOLD, EVENT_NOT_KEPT };
const cairn_log_table cairn_node_consortium_log_events = {rows, sizeof rows / sizeof rows[0]};

enum {
    ARENA_SIZE_MAX = 64 << 20,
    TELL_TRIES = 5,
    TELL_PAUSE_S = 1,
    ASK_PAUSE_S = 5, /* between two looks at the engine */
};

struct cairn_node_consortium {
    const cairn_config *config;
    cairn_arena arena; /* of the chain */
    cairn_chain chain;
    char socket[CAIRN_PATH_SIZE_MAX];
    cairn_log *log;
    cairn_engine *engine; /* NULL: not open yet */
    bool driven;          /* by the relay's driver */
    cairn_relay *relay;
    cairn_application_watch watch; /* the relay's */
    cairn_application *application;
    cairn_abci_server *server;
    cairn_commits *commits;

    cairn_node_tell_fn tell;
    void *tell_context;
    bool telling; /* its thread runs */
    pthread_t teller;
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t wake;
    bool stopping;
    bool engine_up;
    cairn_rpc_status told; /* by the engine, at the last look */
    cairn_offences offences;
    size_t passed; /* of them, which could not be told: the next start tries again */
};

bool cairn_node_is_member(const cairn_config *config)
{
    return cairn_config_text(config, "consortium.rpc")[0] != '\0';
}

static cairn_err read_chain(cairn_node_consortium *c, const char *directory)
{
    char path[CAIRN_PATH_SIZE_MAX];
    cairn_bytes json;
    CAIRN_TRY(cairn_path_join(directory, "consortium/abci.sock", c->socket));
    CAIRN_TRY(cairn_path_join(directory, "consortium/genesis.json", path));
    cairn_err err = cairn_file_read(&c->arena, path, CAIRN_CHAIN_FILE_SIZE_MAX, &json);
    if (err == CAIRN_ERR_NOT_FOUND)
        return CAIRN_FAIL(CAIRN_ERR_CONFIG, "house", "%s is missing: cairn consortium begin", path);
    CAIRN_TRY(err);
    return cairn_chain_decode(&c->arena, json, &c->chain);
}

static void init_lock(cairn_node_consortium *c)
{
    pthread_condattr_t attributes;
    CAIRN_ASSERT(pthread_mutex_init(&c->lock, NULL) == 0);
    CAIRN_ASSERT(pthread_condattr_init(&attributes) == 0);
    CAIRN_ASSERT(pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) == 0);
    CAIRN_ASSERT(pthread_cond_init(&c->wake, &attributes) == 0);
    (void)pthread_condattr_destroy(&attributes);
}

cairn_err cairn_node_consortium_new(const char *directory, const cairn_config *config,
                                    cairn_node_consortium **ret_consortium)
{
    CAIRN_CLEANUP(cairn_node_consortium_free_p) cairn_node_consortium *c = calloc(1, sizeof *c);
    if (c == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "node: consortium");
    c->config = config;
    init_lock(c);
    cairn_arena_init(&c->arena, ARENA_SIZE_MAX);
    CAIRN_TRY(read_chain(c, directory));
    CAIRN_TRY(cairn_offences_open(directory, &c->offences));
    *ret_consortium = CAIRN_STEAL(c);
    return CAIRN_OK;
}

/* Who drives the ledger goes before what it drives it with. */
static void stop_driving(cairn_node_consortium *c)
{
    if (c->driven)
        CAIRN_ASSERT(cairn_store_drive(c->engine, NULL) == CAIRN_OK); /* it is driven already */
}

void cairn_node_consortium_free(cairn_node_consortium *c)
{
    if (c == NULL)
        return;
    cairn_node_consortium_stop(c);
    cairn_commits_free(c->commits);
    cairn_application_free(c->application);
    stop_driving(c);
    cairn_relay_free(c->relay);
    cairn_arena_done(&c->arena);
    pthread_cond_destroy(&c->wake);
    pthread_mutex_destroy(&c->lock);
    free(c);
}

/* --- driving --- */

static cairn_err open_relay(cairn_node_consortium *c)
{
    const cairn_relay_options options = {
        .engine = c->engine,
        .url = cairn_config_text(c->config, "consortium.rpc"),
        .clock = cairn_clock_system(),
        .timeout_ms = (uint32_t)cairn_config_u64(c->config, "consortium.timeout"),
    };
    return cairn_relay_new(&options, &c->relay);
}

/* On the engine's thread, which must not be asked now. */
static void note_offence(void *context, uint64_t height)
{
    cairn_node_consortium *c = context;
    pthread_mutex_lock(&c->lock);
    cairn_err err = cairn_offences_add(&c->offences, height);
    pthread_cond_signal(&c->wake);
    pthread_mutex_unlock(&c->lock);
    if (err != CAIRN_OK)
        CAIRN_LOG(c->log, &rows[EVENT_NOT_KEPT], cairn_log_u64("height", height),
                  cairn_log_err(err));
}

/* The relay's watch, and ours. */
static void on_checked(void *context, const cairn_hash *id, cairn_err code)
{
    cairn_node_consortium *c = context;
    c->watch.checked(c->watch.context, id, code);
}

static void on_committed(void *context, const cairn_committed *tx)
{
    cairn_node_consortium *c = context;
    c->watch.committed(c->watch.context, tx);
}

static void on_block(void *context, uint64_t time_ms)
{
    cairn_node_consortium *c = context;
    c->watch.block(c->watch.context, time_ms);
}

static cairn_application_watch watch_of(cairn_node_consortium *c)
{
    c->watch = cairn_relay_watch(c->relay);
    return (cairn_application_watch){.context = c,
                                     .checked = on_checked,
                                     .committed = on_committed,
                                     .block = on_block,
                                     .misbehavior = note_offence};
}

static cairn_err open_application(cairn_node_consortium *c, cairn_store *store, const char *version)
{
    const cairn_application_options options = {
        .store = store,
        .engine = c->engine,
        .chain = &c->chain,
        .version = version,
        .clock = cairn_clock_system(),
        .log = c->log,
        .retain_blocks = cairn_config_u64(c->config, "consortium.retain"),
        .snapshot_blocks = cairn_config_u64(c->config, "consortium.snapshots"),
        .watch = watch_of(c),
    };
    return cairn_application_new(&options, &c->application);
}

static cairn_err fetch_header(void *context, cairn_arena *arena, uint64_t height,
                              const _Atomic bool *cancelled, cairn_light_block *ret_block)
{
    const cairn_light_node node = {
        .arena = arena, .url = cairn_node_consortium_url(context), .cancelled = cancelled};
    return cairn_light_fetch(&node, height, ret_block);
}

static cairn_err open_commits(cairn_node_consortium *c)
{
    const cairn_commits_setup setup = {
        .engine = c->engine, .clock = cairn_clock_system(), .fetch = fetch_header, .context = c};
    return cairn_commits_new(&setup, &c->commits);
}

cairn_err cairn_node_consortium_open(cairn_node_consortium *c, cairn_store *store,
                                     const char *version, cairn_log *log)
{
    c->log = log;
    c->engine = cairn_store_ledger(store, 0);
    CAIRN_TRY(open_relay(c));
    CAIRN_TRY(cairn_store_drive(c->engine, cairn_relay_driver(c->relay)));
    c->driven = true;
    CAIRN_TRY(open_commits(c));
    return open_application(c, store, version);
}

/* --- telling of offences --- */

static cairn_err get_state(void *context, cairn_map_id map, cairn_bytes key, cairn_arena *arena,
                           cairn_bytes *ret_value)
{
    return cairn_engine_get_newest(context, map, key, arena, ret_value);
}

/* Another member may have been faster: then the organisation is no member any more. */
static cairn_err tell_one(cairn_node_consortium *c, cairn_arena *arena,
                          const cairn_double_vote *vote)
{
    const cairn_state_source state = {.context = c->engine, .get = get_state};
    cairn_evidence evidence;
    cairn_bytes body;
    cairn_err err =
        cairn_validator_evidence_of(&state, arena, vote, cairn_bytes_str(c->chain.id), &evidence);
    if (err == CAIRN_ERR_NOT_FOUND)
        return CAIRN_OK;
    CAIRN_TRY(err);
    CAIRN_TRY(cairn_validator_evidence_body(arena, &evidence, &body));
    err = c->tell(c->tell_context, CAIRN_TX_VALIDATOR_EVIDENCE, body);
    if (err == CAIRN_OK)
        CAIRN_LOG(c->log, &rows[EVENT_TOLD], cairn_log_u64("height", evidence.height));
    return err == CAIRN_ERR_EXISTS ? CAIRN_OK : err;
}

static cairn_err tell_all(cairn_node_consortium *c, cairn_arena *arena, uint64_t height)
{
    cairn_bytes answer;
    cairn_double_vote *votes = NULL;
    size_t count = 0;
    cairn_err err = CAIRN_OK;
    CAIRN_TRY(cairn_rpc_block(arena, cairn_node_consortium_url(c), height, &answer));
    CAIRN_TRY(cairn_double_votes_from_rpc(arena, answer, &votes, &count));
    for (size_t i = 0; i < count; i++) {
        cairn_err one = tell_one(c, arena, &votes[i]);
        err = err == CAIRN_OK ? one : err;
    }
    return err;
}

/* What the engine says of itself, for metrics: it is asked here, for a scrape must not wait. */
static void look_at_engine(cairn_node_consortium *c)
{
    enum { STATUS_ARENA_SIZE_MAX = 16 << 20 };
    CAIRN_CLEANUP(cairn_arena_done) cairn_arena arena;
    cairn_rpc_status status = {0};
    cairn_arena_init(&arena, STATUS_ARENA_SIZE_MAX);
    cairn_err err = cairn_rpc_get_status(&arena, cairn_node_consortium_url(c), &status);
    pthread_mutex_lock(&c->lock);
    c->engine_up = err == CAIRN_OK;
    c->told = status;
    pthread_mutex_unlock(&c->lock);
}

/* Until that long has passed, an offence came, or it is time to end. Under the lock. */
static void rest(cairn_node_consortium *c, time_t seconds)
{
    struct timespec until;
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += seconds;
    (void)pthread_cond_timedwait(&c->wake, &c->lock, &until);
}

/* A height whose offences are to be told; 0 when there is none for a while. False: time to end. */
static bool next_offence(cairn_node_consortium *c, uint64_t *ret_height)
{
    pthread_mutex_lock(&c->lock);
    if (!c->stopping && c->offences.count == c->passed)
        rest(c, ASK_PAUSE_S);
    *ret_height = c->offences.count == c->passed ? 0 : c->offences.heights[c->passed];
    bool goes_on = !c->stopping;
    pthread_mutex_unlock(&c->lock);
    return goes_on;
}

/* False when it is time to end. */
static bool pause_telling(cairn_node_consortium *c)
{
    pthread_mutex_lock(&c->lock);
    if (!c->stopping)
        rest(c, TELL_PAUSE_S);
    bool goes_on = !c->stopping;
    pthread_mutex_unlock(&c->lock);
    return goes_on;
}

/* Who could not tell because he was ended, or nobody answered, tells when he is back. */
static void settle(cairn_node_consortium *c, uint64_t height, cairn_err told)
{
    cairn_err err = CAIRN_OK;
    pthread_mutex_lock(&c->lock);
    if (told == CAIRN_OK || cairn_err_http(told) < 500)
        err = cairn_offences_remove(&c->offences, height);
    else
        c->passed++;
    pthread_mutex_unlock(&c->lock);
    if (told != CAIRN_OK || err != CAIRN_OK)
        CAIRN_LOG(c->log, &rows[told != CAIRN_OK ? EVENT_NOT_TOLD : EVENT_NOT_KEPT],
                  cairn_log_u64("height", height), cairn_log_err(told != CAIRN_OK ? told : err));
}

static void tell_of(cairn_node_consortium *c, uint64_t height)
{
    cairn_err err = CAIRN_OK;
    int tries = 0;
    do {
        CAIRN_CLEANUP(cairn_arena_done) cairn_arena arena;
        cairn_arena_init(&arena, (size_t)2 * CAIRN_RPC_REPLY_SIZE_MAX);
        err = tell_all(c, &arena, height);
    } while (err != CAIRN_OK && ++tries < TELL_TRIES && pause_telling(c));
    settle(c, height, err);
}

static void *run_teller(void *context)
{
    cairn_node_consortium *c = context;
    uint64_t height = 0;
    while (next_offence(c, &height)) {
        if (height != 0)
            tell_of(c, height);
        else
            look_at_engine(c);
    }
    return NULL;
}

/* --- life --- */

cairn_err cairn_node_consortium_start(cairn_node_consortium *c, cairn_node_tell_fn tell,
                                      void *context)
{
    const cairn_abci_handler handler = cairn_application_handler(c->application);
    c->tell = tell;
    c->tell_context = context;
    int failed = pthread_create(&c->teller, NULL, run_teller, c);
    if (failed != 0)
        return cairn_err_from_errno(failed, "node: thread");
    c->telling = true;
    return cairn_abci_server_start(c->socket, &handler, c->log, &c->server);
}

/* What waits for its verdict gets one while the engine is there. */
static void stop_telling(cairn_node_consortium *c)
{
    pthread_mutex_lock(&c->lock);
    c->stopping = true;
    pthread_cond_broadcast(&c->wake);
    pthread_mutex_unlock(&c->lock);
    if (c->telling)
        CAIRN_ASSERT(pthread_join(c->teller, NULL) == 0);
    c->telling = false;
}

void cairn_node_consortium_stop(cairn_node_consortium *c)
{
    if (c == NULL)
        return;
    stop_telling(c);
    cairn_abci_server_stop(CAIRN_STEAL(c->server));
}

/* --- how it is --- */

void cairn_node_consortium_get_status(cairn_node_consortium *c,
                                      cairn_node_consortium_status *ret_status)
{
    ret_status->chain = c->chain.id;
    pthread_mutex_lock(&c->lock);
    ret_status->engine_up = c->engine_up;
    ret_status->engine = c->told;
    pthread_mutex_unlock(&c->lock);
    ret_status->connections = c->server == NULL ? 0 : cairn_abci_server_connections(c->server);
    cairn_application_get_status(c->application, &ret_status->application);
}

cairn_commits *cairn_node_consortium_commits(const cairn_node_consortium *c)
{
    return c->commits;
}

const char *cairn_node_consortium_url(const cairn_node_consortium *c)
{
    return cairn_config_text(c->config, "consortium.rpc");
}
