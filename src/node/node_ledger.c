/* One ledger of the node. */
#include "node/node_ledger.h"

#include <stdlib.h>

static cairn_err make_heads(cairn_node_ledger *ledger, const cairn_node_ledger_setup *setup)
{
    cairn_heads_setup heads = {.engine = setup->engine,
                               .signer = setup->signer,
                               .origin = ledger->origin,
                               .find_key = setup->find_key,
                               .context = setup->context,
                               .gather_context = setup->gather_context};
    for (unsigned kind = 0; kind < CAIRN_HEAD_KIND_COUNT; kind++) {
        heads.kind = (cairn_head_kind)kind;
        /* Whoever follows this ledger signs only what he has read, a plain checkpoint first. */
        heads.gather = kind == CAIRN_HEAD_NOTE ? NULL : setup->gather;
        CAIRN_TRY(cairn_heads_new(&heads, &ledger->heads[kind]));
    }
    return CAIRN_OK;
}

cairn_err cairn_node_ledger_new(const cairn_node_ledger_setup *setup,
                                cairn_node_ledger **ret_ledger)
{
    CAIRN_CLEANUP(cairn_node_ledger_free_p)
    cairn_node_ledger *ledger = calloc(1, sizeof *ledger);
    if (ledger == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "node: ledger");
    ledger->ended_seen = UINT64_MAX;
    pthread_mutex_init(&ledger->lock, NULL);
    pthread_cond_init(&ledger->settled, NULL);
    CAIRN_CLEANUP(cairn_view_free_p) cairn_view *view = cairn_engine_view(setup->engine);
    ledger->service = (cairn_service_ledger){
        .engine = setup->engine, .slot = setup->slot, .id = view->ledger, .origin = ledger->origin};
    cairn_ledger_origin(&view->ledger, ledger->origin);
    cairn_hex_encode(cairn_bytes_hash(&view->ledger), ledger->id_text);
    CAIRN_TRY(make_heads(ledger, setup));
    CAIRN_TRY(cairn_pending_new(&ledger->pending));
    const cairn_feed_setup feed = {.engine = setup->engine,
                                   .clock = setup->clock,
                                   .work = setup->work,
                                   .stream_count = &ledger->counts.feeds,
                                   .event_count = &ledger->counts.events};
    CAIRN_TRY(cairn_feed_new(&feed, &ledger->feed));
    *ret_ledger = CAIRN_STEAL(ledger);
    return CAIRN_OK;
}

void cairn_node_ledger_free(cairn_node_ledger *ledger)
{
    if (ledger == NULL)
        return;
    cairn_feed_free(ledger->feed);
    for (unsigned kind = 0; kind < CAIRN_HEAD_KIND_COUNT; kind++)
        cairn_heads_free(ledger->heads[kind]);
    cairn_pending_free(ledger->pending);
    pthread_cond_destroy(&ledger->settled);
    pthread_mutex_destroy(&ledger->lock);
    free(ledger);
}

void cairn_node_ledger_begin(cairn_node_ledger *ledger)
{
    pthread_mutex_lock(&ledger->lock);
    ledger->under_way++;
    pthread_mutex_unlock(&ledger->lock);
}

void cairn_node_ledger_end(cairn_node_ledger *ledger)
{
    pthread_mutex_lock(&ledger->lock);
    ledger->ended++;
    if (--ledger->under_way == 0)
        pthread_cond_broadcast(&ledger->settled);
    pthread_mutex_unlock(&ledger->lock);
}

void cairn_node_ledger_settle(cairn_node_ledger *ledger)
{
    pthread_mutex_lock(&ledger->lock);
    while (ledger->under_way > 0)
        pthread_cond_wait(&ledger->settled, &ledger->lock);
    pthread_mutex_unlock(&ledger->lock);
}

bool cairn_node_ledger_moves(cairn_node_ledger *ledger)
{
    pthread_mutex_lock(&ledger->lock);
    bool moves = ledger->under_way == 0 || ledger->ended != ledger->ended_seen;
    ledger->ended_seen = ledger->under_way == 0 ? UINT64_MAX : ledger->ended;
    pthread_mutex_unlock(&ledger->lock);
    return moves;
}

static cairn_err get_state(void *context, cairn_map_id map, cairn_bytes key, cairn_arena *arena,
                           cairn_bytes *ret_value)
{
    return cairn_engine_get_newest(context, map, key, arena, ret_value);
}

cairn_state_source cairn_node_ledger_state(cairn_node_ledger *ledger)
{
    return (cairn_state_source){.context = ledger->service.engine, .get = get_state};
}
