/* The node put together: ledgers, routes, servers. */
#include "node/node.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "core/net/address.h"
#include "node/api/api.h"
#include "node/node_auth.h"
#include "node/node_ca.h"
#include "node/node_delegate.h"
#include "node/node_jobs.h"
#include "node/node_keys.h"
#include "node/node_lists.h"
#include "node/node_outbox.h"
#include "node/node_routes.h"
#include "node/node_tender.h"
#include "node/node_tls.h"

static const cairn_log_event events[] = {
    {"node.certificate_renewed", CAIRN_LOG_INFO, 4, 60,
     "The node's own certificate was near its end: new handshakes show another."},
    {"node.certificate_not_renewed", CAIRN_LOG_ERROR, 4, 60,
     "The node's own certificate is near its end and could not be made anew; it is tried again."},
    {"node.keys_not_read", CAIRN_LOG_ERROR, 4, 60,
     "The ledger has other keys of ours than before, and they could not be read."},
};
enum { EVENT_RENEWED, EVENT_NOT_RENEWED, EVENT_KEYS_NOT_READ };
const cairn_log_table cairn_node_log_events = {events, sizeof events / sizeof events[0]};

enum { STANDING_ARENA_SIZE_MAX = 1 << 20 };

struct cairn_node {
    cairn_node_setup setup;
    cairn_services services;
    cairn_node_keys *keys;
    cairn_work *work;
    cairn_node_outbox *outbox;
    cairn_node_jobs *jobs;
    cairn_tls_server *tls;    /* NULL: plain */
    pthread_mutex_t tls_lock; /* held by whoever reads it again */
    cairn_lists *lists;
    cairn_node_ca *ca;
    cairn_node_auth *auth;
    char address[46]; /* on which it listens */
    char url[320];
    cairn_node_cosign *cosign;
    size_t ledger_count;
    cairn_node_ledger **ledgers;
    cairn_router *router;
    cairn_http_group *group;
    cairn_tender *tender;
    bool open[2]; /* by sight: what anybody may see */
};

static cairn_err read_tls(cairn_node *node);

/* --- what it is made of --- */

static cairn_err get_state(void *context, cairn_map_id map, cairn_bytes key, cairn_arena *arena,
                           cairn_bytes *ret_value)
{
    return cairn_engine_get_newest(context, map, key, arena, ret_value);
}

/* Whoever is suspended or was removed says nothing of a ledger that others keep as well: nobody
 * counts what he signs. */
static cairn_err check_standing(cairn_node *node)
{
    CAIRN_CLEANUP(cairn_arena_done) cairn_arena arena;
    const cairn_hash id = cairn_node_keys_org(node->keys);
    const cairn_state_source state = {.context = cairn_store_ledger(node->setup.store, 0),
                                      .get = get_state};
    cairn_org_record org;
    cairn_arena_init(&arena, STANDING_ARENA_SIZE_MAX);
    if (node->setup.follow == NULL && node->setup.consortium == NULL)
        return CAIRN_OK;
    cairn_err err = cairn_registry_org(&state, &arena, &id, &org);
    if (err == CAIRN_ERR_NOT_FOUND) /* nobody yet: nor is there a key */
        return CAIRN_OK;
    CAIRN_TRY(err);
    return org.status == CAIRN_ORG_ACTIVE
               ? CAIRN_OK
               : CAIRN_FAIL(CAIRN_ERR_UNAVAILABLE, "docs/features/consortium.md",
                            "node: its organisation is %s, and signs no root",
                            cairn_org_status_name(org.status));
}

cairn_err cairn_node_find_key(cairn_node *node, cairn_head_kind kind, cairn_head_key *ret_key)
{
    CAIRN_TRY(check_standing(node));
    return cairn_node_keys_find(node->keys, CAIRN_PURPOSE_COSIGN,
                                kind == CAIRN_HEAD_RECEIPT ? CAIRN_KEY_P256 : CAIRN_KEY_ED25519,
                                ret_key);
}

/* What is asked for is there, but for who signs it. */
static cairn_err find_key(void *context, cairn_head_kind kind, cairn_head_key *ret_key)
{
    const cairn_node *node = context;
    cairn_err err = cairn_node_find_key(context, kind, ret_key);
    return err == CAIRN_ERR_NOT_FOUND && node->setup.follow != NULL
               ? CAIRN_FAIL(CAIRN_ERR_UNAVAILABLE, "docs/features/follow.md",
                            "follower: has no key of its own that signs proofs")
               : err;
}

static cairn_hash find_org(void *context)
{
    const cairn_node *node = context;
    return cairn_node_keys_org(node->keys);
}

static cairn_err make_cosign(cairn_node *node)
{
    const cairn_node_cosign_setup setup = {.directory = node->setup.directory,
                                           .config = node->setup.config,
                                           .clock = node->setup.clock,
                                           .log = node->setup.log,
                                           .engine = cairn_store_ledger(node->setup.store, 0),
                                           .signer = node->setup.signer,
                                           .find_key = find_key,
                                           .find_org = find_org,
                                           .context = node};
    return cairn_node_cosign_new(&setup, &node->cosign);
}

static cairn_err make_ledgers(cairn_node *node)
{
    cairn_store *store = node->setup.store;
    size_t count = cairn_store_ledger_count(store);
    if (count == 0)
        return CAIRN_FAIL(CAIRN_ERR_NOT_FOUND, "house", "node: the store has no ledger");
    CAIRN_TRY(cairn_node_keys_new(node->setup.signer, cairn_store_ledger(store, 0),
                                  node->setup.follow != NULL || node->setup.consortium != NULL,
                                  &node->keys));
    CAIRN_TRY(make_cosign(node));
    node->ledgers = calloc(count, sizeof(cairn_node_ledger *));
    if (node->ledgers == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "node: ledgers");
    for (size_t i = 0; i < count; i++) {
        const cairn_node_ledger_setup setup = {
            .engine = cairn_store_ledger(store, i),
            .clock = node->setup.clock,
            .slot = (uint32_t)i,
            .signer = node->setup.signer,
            .work = node->work,
            .find_key = find_key,
            .context = node,
            .gather = i == 0 ? cairn_node_cosign_gather(node->cosign) : NULL,
            .gather_context = node->cosign};
        CAIRN_TRY(cairn_node_ledger_new(&setup, &node->ledgers[i]));
        node->ledger_count++;
    }
    return CAIRN_OK;
}

static cairn_err read_public(cairn_node *node)
{
    static const char *const words[] = {"nothing", "proofs", "entries"};
    const char *text = cairn_config_text(node->setup.config, "api.public");
    for (size_t i = 0; i < 3; i++)
        if (strcmp(text, words[i]) == 0) {
            node->open[CAIRN_SIGHT_PROOFS] = i >= 1;
            node->open[CAIRN_SIGHT_ENTRIES] = i == 2;
            return CAIRN_OK;
        }
    return CAIRN_FAIL(CAIRN_ERR_CONFIG, "house",
                      "cairn.yaml: api.public is nothing, proofs or entries");
}

static cairn_err find_ledger(void *context, const cairn_principal *caller, cairn_bytes id,
                             cairn_service_ledger *ret_ledger)
{
    cairn_node_ledger *ledger = NULL;
    CAIRN_TRY(cairn_node_find(context, caller, id, CAIRN_SIGHT_PROOFS, &ledger));
    *ret_ledger = ledger->service;
    return CAIRN_OK;
}

static cairn_err find_ca(void *context, cairn_bytes id, cairn_ca **ret_ca)
{
    const cairn_node *node = context;
    return cairn_node_ca_find(node->ca, id, ret_ca);
}

static cairn_err ca_act(void *context, void (*act)(void *act_context), void *act_context)
{
    const cairn_node *node = context;
    return cairn_node_ca_act(node->ca, act, act_context);
}

/* A thread of the engine. */
static void on_view(void *context)
{
    cairn_node *node = context;
    if (cairn_node_keys_are_old(node->keys))
        cairn_tender_poke(node->tender);
}

static void ca_changed(void *context)
{
    const cairn_node *node = context;
    cairn_tender_poke(node->tender);
}

static cairn_err find_own(void *context, cairn_service_ledger *ret_ledger, cairn_hash *ret_org)
{
    static const cairn_hash nobody = {{0}};
    const cairn_node *node = context;
    const cairn_hash org = cairn_node_keys_org(node->keys);
    if (cairn_hash_equal(&org, &nobody))
        return CAIRN_FAIL(CAIRN_ERR_NOT_FOUND, "house", "node: speaks for no organisation");
    *ret_ledger = node->ledgers[0]->service;
    *ret_org = org;
    return CAIRN_OK;
}

cairn_err cairn_node_submit(void *context, uint16_t type, cairn_bytes body)
{
    const cairn_node *node = context;
    return cairn_node_ca_submit(node->ca, type, body);
}

static cairn_err run(void *context, void (*act)(void *context), void *act_context)
{
    const cairn_node *node = context;
    return cairn_work_push(node->work, act, act_context);
}

/* The outbox's bounds hold for them, too: strangers say where they are. */
static cairn_err make_lists(cairn_node *node)
{
    const char *ca_file = cairn_config_text(node->setup.config, "outbox.ca_file");
    cairn_lists_setup setup = {
        .clock = node->setup.clock,
        .log = node->setup.log,
        .state = {.context = node->ledgers[0]->service.engine, .get = get_state},
        .ca_file = ca_file[0] == '\0' ? NULL : ca_file};
    setup.allowed = cairn_node_outbox_allowed(node->outbox, &setup.allowed_count);
    return cairn_lists_new(&setup, &node->lists);
}

/* As at SIGHUP; certificates of a new issuing key are known to TLS with the next handshakes. */
static cairn_err look_for_keys(void *context)
{
    cairn_node *node = context;
    if (node->setup.supervisor == NULL)
        return CAIRN_ERR_UNAVAILABLE;
    CAIRN_TRY(cairn_signer_remote_refresh(node->setup.signer));
    CAIRN_TRY(cairn_node_keys_reload(node->keys));
    return node->tls == NULL ? CAIRN_OK : read_tls(node);
}

static cairn_err make_ca(cairn_node *node)
{
    CAIRN_TRY(make_lists(node));
    const cairn_node_ca_setup setup = {.directory = node->setup.directory,
                                       .clock = node->setup.clock,
                                       .log = node->setup.log,
                                       .signer = node->setup.signer,
                                       .engine = node->ledgers[0]->service.engine,
                                       .keys = node->keys,
                                       .lists = node->lists,
                                       .look_for_keys = look_for_keys,
                                       .context = node};
    return cairn_node_ca_new(&setup, &node->ca);
}

/* Their handlers are called when the node listens: then there are services. */
static cairn_err make_jobs(cairn_node *node)
{
    CAIRN_TRY(cairn_node_outbox_new(node->setup.config, &node->setup.clock, node->setup.signer,
                                    node->setup.vault, &node->outbox));
    const cairn_node_jobs_setup setup = {.directory = node->setup.directory,
                                         .features = node->setup.features,
                                         .store = node->setup.store,
                                         .clock = node->setup.clock,
                                         .log = node->setup.log,
                                         .context = &node->services,
                                         .transport = cairn_node_outbox_transport(node->outbox)};
    CAIRN_TRY(cairn_node_jobs_new(&setup, &node->jobs));
    cairn_callback_secrets_bind(cairn_node_outbox_secrets(node->outbox),
                                cairn_node_jobs_get(node->jobs));
    return CAIRN_OK;
}

static void make_services(cairn_node *node)
{
    node->services = (cairn_services){.clock = node->setup.clock,
                                      .log = node->setup.log,
                                      .config = node->setup.config,
                                      .directory = node->setup.directory,
                                      .signer = node->setup.signer,
                                      .vault = node->setup.vault,
                                      .jobs = cairn_node_jobs_get(node->jobs),
                                      .oauth = cairn_node_auth_oauth(node->auth),
                                      .node = node,
                                      .find_ledger = find_ledger,
                                      .find_ca = find_ca,
                                      .ca_act = ca_act,
                                      .ca_changed = ca_changed,
                                      .find_own = find_own,
                                      .submit = cairn_node_submit,
                                      .run = run};
}

static cairn_err make_auth(cairn_node *node)
{
    const cairn_node_auth_setup setup = {.directory = node->setup.directory,
                                         .config = node->setup.config,
                                         .clock = node->setup.clock,
                                         .log = node->setup.log,
                                         .signer = node->setup.signer,
                                         .engine = node->ledgers[0]->service.engine,
                                         .certificates = cairn_node_ca_directory(node->ca),
                                         .url = node->url};
    return cairn_node_auth_new(&setup, &node->auth);
}

static const char *delegate(void *context, const cairn_call *call, cairn_delegation *ret_delegation)
{
    cairn_node *node = context;
    return cairn_node_delegate(cairn_node_auth_accounts(node->auth), node->setup.signer,
                               cairn_node_find_any(node, call->params[0]), &node->setup.clock, call,
                               ret_delegation);
}

/* Hashes are shown with the proofs. */
static bool is_of_hashes(const cairn_call *call)
{
    static const char entries[] = "entries/";
    const cairn_bytes path = call->params[1];
    return call->route->handle == cairn_api_tile_get &&
           (path.size < sizeof entries - 1 || memcmp(path.data, entries, sizeof entries - 1) != 0);
}

/* Who reads entries by his role, and not as a member, is recorded; where that cannot be told, too.
 */
static bool is_watched(void *context, const cairn_call *call)
{
    cairn_reader reader;
    if (is_of_hashes(call))
        return false;
    cairn_err err = cairn_node_find_reader(context, &call->principal, call->params[0], &reader);
    return err == CAIRN_OK ? reader.by_role : err != CAIRN_ERR_NOT_FOUND;
}

static cairn_err make_router(cairn_node *node)
{
    cairn_route_table *tables = NULL;
    size_t count = 0;
    CAIRN_TRY(cairn_node_route_tables(node->setup.features, &tables, &count));
    cairn_router_options options = {.tables = tables,
                                    .table_count = count,
                                    .services = &node->services,
                                    .log = node->setup.log};
    cairn_node_auth_hook(node->auth, &options);
    options.delegate = delegate;
    options.delegate_context = node;
    options.watch = is_watched;
    options.watch_context = node;
    cairn_err err = cairn_router_new(&options, &node->router);
    free(tables);
    return err;
}

/* Nothing comes in before the node runs, and then there is a router. */
static void handle(void *context, cairn_http_exchange *exchange, const cairn_http_request *request)
{
    const cairn_node *node = context;
    cairn_router_handle(node->router, exchange, request);
}

static cairn_err make_group(cairn_node *node)
{
    const cairn_config *config = node->setup.config;
    cairn_http_server_options options = cairn_http_server_defaults();
    options.connection_count_max = (unsigned)cairn_config_u64(config, "node.connections");
    options.address_connection_count_max =
        (unsigned)cairn_config_u64(config, "node.connections_per_address");
    options.exchange_count_max = (unsigned)cairn_config_u64(config, "node.calls");
    options.drain_timeout_ms = (uint32_t)cairn_config_u64(config, "node.drain");
    return cairn_http_group_new(&node->setup.clock, node->setup.log, &options,
                                (unsigned)cairn_config_u64(config, "node.threads"), handle, node,
                                &node->group);
}

cairn_err cairn_node_new(const cairn_node_setup *setup, cairn_node **ret_node)
{
    CAIRN_CLEANUP(cairn_node_free_p) cairn_node *node = calloc(1, sizeof *node);
    if (node == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "node");
    node->setup = *setup;
    node->tls_lock = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
    CAIRN_TRY(read_public(node));
    CAIRN_TRY(
        cairn_work_new((unsigned)cairn_config_u64(setup->config, "node.readers"), &node->work));
    CAIRN_TRY(make_ledgers(node));
    CAIRN_TRY(make_jobs(node));
    CAIRN_TRY(make_ca(node));
    CAIRN_TRY(make_group(node));
    *ret_node = CAIRN_STEAL(node);
    return CAIRN_OK;
}

void cairn_node_free(cairn_node *node)
{
    if (node == NULL)
        return;
    if (node->tender != NULL)
        cairn_engine_unsubscribe(cairn_store_ledger(node->setup.store, 0), on_view, node);
    cairn_tender_free(node->tender);
    cairn_node_cosign_stop(node->cosign);
    cairn_http_group_free(node->group);
    cairn_router_free(node->router);
    cairn_node_jobs_free(node->jobs); /* before what its handlers use */
    cairn_node_auth_free(node->auth);
    cairn_node_ca_free(node->ca);
    cairn_lists_free(node->lists);
    cairn_tls_server_free(node->tls);
    cairn_node_outbox_free(node->outbox);
    cairn_work_free(node->work); /* before the ledgers, which its work uses */
    for (size_t i = 0; i < node->ledger_count; i++)
        cairn_node_ledger_free(node->ledgers[i]);
    free(node->ledgers);
    cairn_node_cosign_free(node->cosign);
    cairn_node_keys_free(node->keys);
    (void)pthread_mutex_destroy(&node->tls_lock);
    free(node);
}

/* --- running --- */

/* No handshake is made before the node runs, and then it knows its callers. */
static bool vouch(void *context, cairn_bytes certificate)
{
    const cairn_node *node = context;
    return cairn_node_auth_vouches(node->auth, certificate);
}

static cairn_node_tls_setup tls_setup(cairn_node *node)
{
    return (cairn_node_tls_setup){.directory = node->setup.directory,
                                  .config = node->setup.config,
                                  .signer = node->setup.signer,
                                  .clock = node->setup.clock,
                                  .vouch = vouch,
                                  .vouch_context = node};
}

/* New handshakes of the server `node->tls`, or a new one, use what files and CA say now. */
static cairn_err read_tls(cairn_node *node)
{
    CAIRN_CLEANUP(cairn_arena_done) cairn_arena arena;
    cairn_node_tls_setup setup = tls_setup(node);
    cairn_arena_init(&arena, 1 << 16);
    CAIRN_TRY(cairn_node_ca_chain(node->ca, &arena, &setup.own_cas));
    CAIRN_ASSERT(pthread_mutex_lock(&node->tls_lock) == 0);
    cairn_err err = node->tls == NULL ? cairn_node_tls_new(&setup, &node->tls)
                                      : cairn_node_tls_reload(&setup, node->tls);
    CAIRN_ASSERT(pthread_mutex_unlock(&node->tls_lock) == 0);
    return err;
}

/* A certificate of our own that nears its end makes room for another while the node runs. */
static void tend_tls(cairn_node *node)
{
    const cairn_node_tls_setup setup = tls_setup(node);
    if (node->tls == NULL || !cairn_node_tls_is_due(&setup))
        return;
    cairn_err err = read_tls(node);
    if (err == CAIRN_OK)
        cairn_log_write(node->setup.log, &events[EVENT_RENEWED], NULL, 0);
    else
        CAIRN_LOG(node->setup.log, &events[EVENT_NOT_RENEWED], cairn_log_err(err));
}

/* A key that was rotated is taken into use, and nobody has to say so. */
static void tend_keys(cairn_node *node)
{
    if (!cairn_node_keys_are_old(node->keys))
        return;
    cairn_err err = cairn_node_keys_refresh(node->keys, node->setup.supervisor != NULL);
    if (err != CAIRN_OK)
        CAIRN_LOG(node->setup.log, &events[EVENT_KEYS_NOT_READ], cairn_log_err(err));
}

static uint64_t tend(void *context)
{
    cairn_node *node = context;
    uint64_t next_ms = UINT64_MAX;
    tend_keys(node);
    cairn_node_auth_tend(node->auth);
    tend_tls(node);
    for (size_t i = 0; i < node->ledger_count; i++) {
        uint64_t feed_ms = cairn_feed_tend(node->ledgers[i]->feed);
        next_ms = feed_ms < next_ms ? feed_ms : next_ms;
    }
    uint64_t ca_ms = cairn_node_ca_tend(node->ca);
    return ca_ms < next_ms ? ca_ms : next_ms;
}

static bool is_loopback(const char *address)
{
    return strncmp(address, "127.", 4) == 0 || strcmp(address, "::1") == 0;
}

/* What an inherited socket is bound to. */
static cairn_err bound_to(int fd, char ret_address[46], uint16_t *ret_port)
{
    struct sockaddr_storage bound = {.ss_family = AF_UNSPEC};
    socklen_t size = sizeof bound;
    if (getsockname(fd, (struct sockaddr *)&bound, &size) != 0)
        return cairn_err_from_errno(errno, "node: inherited socket");
    cairn_address_format((const struct sockaddr *)&bound, ret_address, ret_port);
    if (ret_address[0] == '\0')
        return CAIRN_FAIL(CAIRN_ERR_CONFIG, "house", "node: the inherited socket is not TCP's");
    return CAIRN_OK;
}

static cairn_err take_address(cairn_node *node, int socket, uint16_t *ret_port)
{
    const cairn_config *config = node->setup.config;
    uint16_t port = (uint16_t)cairn_config_u64(config, "node.port");
    (void)snprintf(node->address, sizeof node->address, "%s",
                   cairn_config_text(config, "node.address"));
    if (socket >= 0)
        CAIRN_TRY(bound_to(socket, node->address, &port));
    if (cairn_config_bool(config, "node.plain") && !is_loopback(node->address))
        return CAIRN_FAIL(CAIRN_ERR_CONFIG, "house",
                          "cairn.yaml: node.plain is for a loopback address alone");
    *ret_port = port;
    return CAIRN_OK;
}

static cairn_err bind_address(cairn_node *node, int socket, uint16_t *ret_port)
{
    const cairn_config *config = node->setup.config;
    CAIRN_TRY(take_address(node, socket, ret_port));
    if (!cairn_config_bool(config, "node.plain"))
        CAIRN_TRY(read_tls(node));
    if (socket >= 0)
        return cairn_http_group_adopt(node->group, node->tls, socket);
    return cairn_http_group_listen(node->group, node->tls, node->address, *ret_port, ret_port);
}

/* A socket that takes calls for any address is called by the one that is configured. */
static void name_url(cairn_node *node, uint16_t port)
{
    const cairn_config *config = node->setup.config;
    bool any = strcmp(node->address, "0.0.0.0") == 0 || strcmp(node->address, "::") == 0;
    const char *address = any ? cairn_config_text(config, "node.address") : node->address;
    const char *url = cairn_config_text(config, "node.url");
    bool v6 = strchr(address, ':') != NULL;
    if (url[0] != '\0')
        (void)snprintf(node->url, sizeof node->url, "%s", url);
    else
        (void)snprintf(node->url, sizeof node->url, "%s://%s%s%s:%u",
                       node->tls == NULL ? "http" : "https", v6 ? "[" : "", address, v6 ? "]" : "",
                       port);
}

cairn_err cairn_node_listen(cairn_node *node, int socket)
{
    uint16_t port = 0;
    CAIRN_TRY(bind_address(node, socket, &port));
    name_url(node, port);
    CAIRN_TRY(make_auth(node));
    make_services(node);
    CAIRN_TRY(make_router(node));
    /* now their handlers have services */
    CAIRN_TRY(cairn_jobs_start(cairn_node_jobs_get(node->jobs)));
    CAIRN_TRY(cairn_node_cosign_start(node->cosign, node->ledgers[0]->heads[CAIRN_HEAD_COSIGNED]));
    CAIRN_TRY(cairn_tender_new(&node->setup.clock, tend, node, &node->tender));
    return cairn_engine_subscribe(cairn_store_ledger(node->setup.store, 0), on_view, node);
}

const char *cairn_node_url(const cairn_node *node)
{
    return node->url;
}

/* Verdicts come in until every transaction that was taken has one. */
static void settle(cairn_node *node)
{
    for (size_t i = 0; i < node->ledger_count; i++)
        cairn_node_ledger_settle(node->ledgers[i]);
}

cairn_err cairn_node_run(cairn_node *node)
{
    cairn_err err = cairn_http_group_run(node->group);
    settle(node);
    return err;
}

void cairn_node_stop(cairn_node *node)
{
    cairn_http_group_stop(node->group);
}

cairn_err cairn_node_reload(cairn_node *node)
{
    CAIRN_TRY(cairn_node_keys_reload(node->keys));
    cairn_node_ca_reload(node->ca);
    cairn_tender_poke(node->tender);
    return node->tls == NULL ? CAIRN_OK : read_tls(node);
}

bool cairn_node_moves(cairn_node *node)
{
    bool moves = cairn_http_group_lives(node->group);
    for (size_t i = 0; i < node->ledger_count; i++)
        moves = cairn_node_ledger_moves(node->ledgers[i]) && moves;
    return moves;
}

/* --- for the handlers --- */

cairn_node_ledger *cairn_node_find_any(cairn_node *node, cairn_bytes id)
{
    for (size_t i = 0; i < node->ledger_count; i++)
        if (cairn_bytes_equal(id, cairn_bytes_str(node->ledgers[i]->id_text)))
            return node->ledgers[i];
    return NULL;
}

bool cairn_node_is_public(const cairn_node *node, cairn_node_sight sight)
{
    return node->open[sight];
}

/* Whoever may see only some of the entries has no sight of them all. */
static cairn_err check_sight(cairn_node_ledger *ledger, const cairn_principal *caller,
                             cairn_node_sight sight)
{
    cairn_reader reader;
    if (sight == CAIRN_SIGHT_PROOFS)
        return cairn_reader_of_proofs(ledger, caller);
    CAIRN_TRY(cairn_reader_of(ledger, caller, &reader));
    return reader.all ? CAIRN_OK : CAIRN_ERR_NOT_FOUND;
}

cairn_err cairn_node_find(cairn_node *node, const cairn_principal *caller, cairn_bytes id,
                          cairn_node_sight sight, cairn_node_ledger **ret_ledger)
{
    cairn_node_ledger *ledger = cairn_node_find_any(node, id);
    cairn_err err = CAIRN_OK;
    if (ledger == NULL)
        err = CAIRN_ERR_NOT_FOUND;
    else if (!node->open[sight])
        err = check_sight(ledger, caller, sight);
    if (err == CAIRN_ERR_NOT_FOUND)
        return CAIRN_FAIL(err, "house", "ledger: is not here");
    if (err == CAIRN_OK)
        *ret_ledger = ledger;
    return err;
}

cairn_err cairn_node_find_reader(cairn_node *node, const cairn_principal *caller, cairn_bytes id,
                                 cairn_reader *ret_reader)
{
    cairn_node_ledger *ledger = cairn_node_find_any(node, id);
    if (ledger == NULL)
        return CAIRN_ERR_NOT_FOUND;
    if (!node->open[CAIRN_SIGHT_ENTRIES])
        return cairn_reader_of(ledger, caller, ret_reader);
    *ret_reader = cairn_reader_of_all(ledger);
    return CAIRN_OK;
}

size_t cairn_node_ledger_count(const cairn_node *node)
{
    return node->ledger_count;
}

cairn_node_ledger *cairn_node_ledger_at(cairn_node *node, size_t place)
{
    return node->ledgers[place];
}

cairn_store *cairn_node_store(cairn_node *node)
{
    return node->setup.store;
}

cairn_work *cairn_node_work(cairn_node *node)
{
    return node->work;
}

const cairn_features *cairn_node_features(const cairn_node *node)
{
    return node->setup.features;
}

const cairn_config *cairn_node_config(const cairn_node *node)
{
    return node->setup.config;
}

bool cairn_node_keyd_health(cairn_node *node, cairn_supervisor_health *ret_health)
{
    if (node->setup.supervisor == NULL)
        return false;
    cairn_supervisor_health_get(node->setup.supervisor, ret_health);
    return true;
}

cairn_node_cosign *cairn_node_cosigner(const cairn_node *node)
{
    return node->cosign;
}

cairn_follow *cairn_node_follower(const cairn_node *node)
{
    return node->setup.follow;
}

cairn_node_consortium *cairn_node_member(const cairn_node *node)
{
    return node->setup.consortium;
}

/* A member's engine makes four connections. */
static cairn_err member_ready(cairn_node_consortium *consortium)
{
    enum { ENGINE_CONNECTIONS = 4 };
    cairn_node_consortium_status status;
    cairn_node_consortium_get_status(consortium, &status);
    return status.connections >= ENGINE_CONNECTIONS
               ? CAIRN_OK
               : CAIRN_FAIL(CAIRN_ERR_UNAVAILABLE, "house", "node: its engine is not there");
}

/* A follower takes no transactions: it is of use while somebody brings it forward. */
static cairn_err follower_ready(cairn_follow *follow)
{
    cairn_follow_status status;
    cairn_follow_get_status(follow, &status);
    if (status.state == CAIRN_FOLLOW_CATCHING || status.state == CAIRN_FOLLOW_CURRENT)
        return CAIRN_OK;
    return CAIRN_FAIL(CAIRN_ERR_UNAVAILABLE, "house", "follower: %s: %s",
                      cairn_follow_state_name(status.state), status.trouble);
}

cairn_err cairn_node_ready(cairn_node *node)
{
    cairn_head_key key = {.public_key = NULL};
    cairn_supervisor_health health;
    if (cairn_node_keyd_health(node, &health) && !health.up)
        return CAIRN_FAIL(CAIRN_ERR_UNAVAILABLE, "house", "node: the key process is not there");
    CAIRN_TRY(cairn_store_writable(node->setup.store));
    if (node->setup.follow != NULL)
        return follower_ready(node->setup.follow);
    if (node->setup.consortium != NULL)
        CAIRN_TRY(member_ready(node->setup.consortium));
    cairn_err err = cairn_node_find_key(node, CAIRN_HEAD_RECEIPT, &key);
    cairn_key_free(key.public_key);
    return err == CAIRN_ERR_NOT_FOUND
               ? CAIRN_FAIL(CAIRN_ERR_UNAVAILABLE, "house", "node: no key signs receipts")
               : err;
}

cairn_jobs *cairn_node_jobs_of(cairn_node *node)
{
    return cairn_node_jobs_get(node->jobs);
}

cairn_callback_secrets *cairn_node_callback_secrets(cairn_node *node)
{
    return cairn_node_outbox_secrets(node->outbox);
}

uint64_t cairn_node_signatures(const cairn_node *node)
{
    return cairn_signer_count(node->setup.signer);
}

void cairn_node_http_counts(const cairn_node *node, cairn_http_counts *ret_counts)
{
    cairn_http_group_counts(node->group, ret_counts);
}
