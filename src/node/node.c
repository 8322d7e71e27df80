/* The node put together: ledgers, routes, servers. */
#include "node/node.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "core/net/address.h"
#include "node/api/api.h"
#include "node/console.h"
#include "node/node_auth.h"
#include "node/node_ca.h"
#include "node/node_jobs.h"
#include "node/node_keys.h"
#include "node/node_lists.h"
#include "node/node_outbox.h"
#include "node/node_tender.h"
#include "node/node_tls.h"

static const cairn_log_event events[] = {
    {"node.certificate_renewed", CAIRN_LOG_INFO, 4, 60,
     "The node's own certificate was near its end: new handshakes show another."},
    {"node.certificate_not_renewed", CAIRN_LOG_ERROR, 4, 60,
     "The node's own certificate is near its end and could not be made anew; it is tried again."},
};
enum { EVENT_RENEWED, EVENT_NOT_RENEWED };
const cairn_log_table cairn_node_log_events = {events, sizeof events / sizeof events[0]};

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
    size_t ledger_count;
    cairn_node_ledger **ledgers;
    cairn_router *router;
    cairn_http_group *group;
    cairn_tender *tender;
    bool open[2]; /* by sight: what anybody may see */
};

/* --- what it is made of --- */

cairn_err cairn_node_find_key(cairn_node *node, cairn_head_kind kind, cairn_head_key *ret_key)
{
    return cairn_node_keys_find(node->keys, CAIRN_PURPOSE_COSIGN,
                                kind == CAIRN_HEAD_NOTE ? CAIRN_KEY_ED25519 : CAIRN_KEY_P256,
                                ret_key);
}

static cairn_err find_key(void *context, cairn_head_kind kind, cairn_head_key *ret_key)
{
    return cairn_node_find_key(context, kind, ret_key);
}

static cairn_err make_ledgers(cairn_node *node)
{
    cairn_store *store = node->setup.store;
    size_t count = cairn_store_ledger_count(store);
    if (count == 0)
        return CAIRN_FAIL(CAIRN_ERR_NOT_FOUND, "house", "node: the store has no ledger");
    CAIRN_TRY(cairn_node_keys_new(node->setup.signer, cairn_store_ledger(store, 0), &node->keys));
    node->ledgers = calloc(count, sizeof(cairn_node_ledger *));
    if (node->ledgers == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "node: ledgers");
    for (size_t i = 0; i < count; i++) {
        const cairn_node_ledger_setup setup = {.engine = cairn_store_ledger(store, i),
                                               .slot = (uint32_t)i,
                                               .signer = node->setup.signer,
                                               .work = node->work,
                                               .find_key = find_key,
                                               .context = node};
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
    cairn_node_ledger *ledger = cairn_node_find(context, caller, id, CAIRN_SIGHT_PROOFS);
    if (ledger == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NOT_FOUND, "house", "ledger: is not here");
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

static void ca_changed(void *context)
{
    const cairn_node *node = context;
    cairn_tender_poke(node->tender);
}

static cairn_err find_own(void *context, cairn_service_ledger *ret_ledger, cairn_hash *ret_org)
{
    const cairn_node *node = context;
    *ret_ledger = node->ledgers[0]->service;
    *ret_org = *cairn_node_keys_org(node->keys);
    return CAIRN_OK;
}

}

static cairn_err get_state(void *context, cairn_map_id map, cairn_bytes key, cairn_arena *arena,
                           cairn_bytes *ret_value)
{
    return cairn_engine_get_newest(context, map, key, arena, ret_value);
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
