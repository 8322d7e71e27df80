/* From cairn.yaml to the engine's application. */
#include "node/node_consortium.h"

#include <stdlib.h>

#include "core/store/file.h"
#include "node/node_follow.h"

enum {
    ARENA_SIZE_MAX = 64 << 20,
};

struct cairn_node_consortium {
    const cairn_config *config;
    cairn_arena arena; /* of the chain */
    cairn_chain chain;
    char socket[CAIRN_PATH_SIZE_MAX];
    cairn_log *log;
    cairn_engine *engine; /* that is driven; NULL: not open yet */
    cairn_relay *relay;
    cairn_application *application;
    cairn_abci_server *server;
};

bool cairn_node_is_member(const cairn_config *config)
{
    return cairn_config_text(config, "consortium.rpc")[0] != '\0';
}

static cairn_err read_chain(cairn_node_consortium *c, const char *directory)
{
    char path[CAIRN_PATH_SIZE_MAX];
    cairn_bytes json;
    if (cairn_node_follows(c->config))
        return CAIRN_FAIL(CAIRN_ERR_CONFIG, "house",
                          "cairn.yaml: a member follows nobody: follow.sources must be empty");
    CAIRN_TRY(cairn_path_join(directory, "consortium/abci.sock", c->socket));
    CAIRN_TRY(cairn_path_join(directory, "consortium/genesis.json", path));
    cairn_err err = cairn_file_read(&c->arena, path, CAIRN_CHAIN_FILE_SIZE_MAX, &json);
    if (err == CAIRN_ERR_NOT_FOUND)
        return CAIRN_FAIL(CAIRN_ERR_CONFIG, "house", "%s is missing: cairn consortium begin", path);
    CAIRN_TRY(err);
    return cairn_chain_decode(&c->arena, json, &c->chain);
}

cairn_err cairn_node_consortium_new(const char *directory, const cairn_config *config,
                                    cairn_node_consortium **ret_consortium)
{
    CAIRN_CLEANUP(cairn_node_consortium_free_p) cairn_node_consortium *c = calloc(1, sizeof *c);
    if (c == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "node: consortium");
    c->config = config;
    cairn_arena_init(&c->arena, ARENA_SIZE_MAX);
    CAIRN_TRY(read_chain(c, directory));
    *ret_consortium = CAIRN_STEAL(c);
    return CAIRN_OK;
}

/* Who drives the ledger goes before what it drives it with. */
static void stop_driving(cairn_node_consortium *c)
{
    if (c->engine != NULL && cairn_store_drive(c->engine, NULL) != CAIRN_OK)
        CAIRN_ASSERT(!"a driven ledger refuses to be left");
}

void cairn_node_consortium_free(cairn_node_consortium *c)
{
    if (c == NULL)
        return;
    cairn_node_consortium_stop(c);
    cairn_application_free(c->application);
    stop_driving(c);
    cairn_relay_free(c->relay);
    cairn_arena_done(&c->arena);
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
        .watch = cairn_relay_watch(c->relay),
    };
    return cairn_application_new(&options, &c->application);
}

cairn_err cairn_node_consortium_open(cairn_node_consortium *c, cairn_store *store,
                                     const char *version, cairn_log *log)
{
    c->log = log;
    c->engine = cairn_store_ledger(store, 0);
    CAIRN_TRY(open_relay(c));
    CAIRN_TRY(cairn_store_drive(c->engine, cairn_relay_driver(c->relay)));
    return open_application(c, store, version);
}

cairn_err cairn_node_consortium_start(cairn_node_consortium *c)
{
    const cairn_abci_handler handler = cairn_application_handler(c->application);
    return cairn_abci_server_start(c->socket, &handler, c->log, &c->server);
}

void cairn_node_consortium_stop(cairn_node_consortium *c)
{
    if (c == NULL)
        return;
    cairn_abci_server_stop(CAIRN_STEAL(c->server));
}

/* --- how it is --- */

void cairn_node_consortium_get_status(cairn_node_consortium *c,
                                      cairn_node_consortium_status *ret_status)
{
    ret_status->chain = c->chain.id;
    ret_status->connections = c->server == NULL ? 0 : cairn_abci_server_connections(c->server);
    cairn_application_get_status(c->application, &ret_status->application);
}

const char *cairn_node_consortium_url(const cairn_node_consortium *c)
{
    return cairn_config_text(c->config, "consortium.rpc");
}
