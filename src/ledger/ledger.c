/* A ledger's standing, and the step from block to block. */
#include "ledger/ledger.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

static const char clause[] = "docs/formats/block-entry.md";

static cairn_err scan_nothing(void *context, const cairn_hash *prefix, unsigned bits,
                              cairn_smt_visit visit, void *visit_context)
{
    (void)context;
    (void)prefix;
    (void)bits;
    (void)visit;
    (void)visit_context;
    return CAIRN_OK;
}

const cairn_ledger_bases cairn_ledger_no_bases = {
    .map = {{.scan = scan_nothing}, {.scan = scan_nothing}}};

struct cairn_ledger {
    const cairn_features *features;
    cairn_key_cache *keys;
    cairn_window window; /* the writer's; others read it under the lock */
    pthread_rwlock_t window_lock;
    cairn_log_frontier frontier;
    pthread_mutex_t view_lock; /* guards `view`, the pointer */
    cairn_view *view;          /* NULL before block 0; all else about the last block is in it */
};

static const cairn_rules no_rules; /* of a ledger of which nothing is remembered yet */

/* --- views --- */

void cairn_view_free(cairn_view *view)
{
    if (view == NULL || atomic_fetch_sub(&view->references, 1) != 1)
        return;
    for (size_t m = 0; m < CAIRN_MAP_COUNT; m++)
        cairn_smt_free(view->maps[m]);
    free(view);
}

cairn_view *cairn_ledger_view(cairn_ledger *ledger)
{
    pthread_mutex_lock(&ledger->view_lock);
    cairn_view *view = ledger->view;
    if (view != NULL)
        atomic_fetch_add(&view->references, 1);
    pthread_mutex_unlock(&ledger->view_lock);
    return view;
}

/* Makes `view` the current one; readers of the old one are told when the bases move on. */
static void publish(cairn_ledger *ledger, cairn_view *view)
{
    if (view->rules.registry_version == 0)
        view->rules.registry_version = cairn_key_cache_new_version(ledger->keys);
    pthread_mutex_lock(&ledger->view_lock);
    cairn_view *old = ledger->view;
    ledger->view = view;
    pthread_mutex_unlock(&ledger->view_lock);
    for (size_t m = 0; old != NULL && m < CAIRN_MAP_COUNT; m++)
        if (old->maps[m] != view->maps[m])
            cairn_smt_retire(old->maps[m]);
    cairn_view_free(old);
}

cairn_err cairn_view_get(const cairn_view *view, const cairn_ledger_bases *bases, cairn_map_id map,
                         cairn_bytes key, cairn_arena *arena, cairn_bytes *ret_value)
{
    return cairn_smt_get(view->maps[map], &bases->map[map], key, arena, ret_value);
}

static cairn_err get_from_view(void *context, cairn_map_id map, cairn_bytes key, cairn_arena *arena,
                               cairn_bytes *ret_value)
{
    const cairn_view_source *source = context;
    return cairn_view_get(source->view, source->bases, map, key, arena, ret_value);
}

cairn_state_source cairn_view_state(const cairn_view_source *source)
{
    return (cairn_state_source){.context = (void *)source, .get = get_from_view};
}

/* --- life --- */

cairn_err cairn_ledger_new(const cairn_features *features, cairn_key_cache *keys,
                           cairn_ledger **ret_ledger)
{
    cairn_ledger *ledger = calloc(1, sizeof *ledger);
    if (ledger == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "ledger");
    ledger->features = features;
    ledger->keys = keys;
    cairn_window_init(&ledger->window);
    pthread_rwlock_init(&ledger->window_lock, NULL);
    pthread_mutex_init(&ledger->view_lock, NULL);
    *ret_ledger = ledger;
    return CAIRN_OK;
}

void cairn_ledger_free(cairn_ledger *ledger)
{
    if (ledger == NULL)
        return;
    cairn_window_done(&ledger->window);
    pthread_rwlock_destroy(&ledger->window_lock);
    cairn_view_free(ledger->view);
    pthread_mutex_destroy(&ledger->view_lock);
    free(ledger);
}

const cairn_hash *cairn_ledger_get_id(const cairn_ledger *ledger)
{
    return &ledger->view->ledger;
}
uint64_t cairn_ledger_height(const cairn_ledger *ledger)
{
    return ledger->view->height;
}
uint64_t cairn_ledger_time_ms(const cairn_ledger *ledger)
{
    return ledger->view->time_ms;
}
const cairn_log_frontier *cairn_ledger_frontier(const cairn_ledger *ledger)
{
    return &ledger->frontier;
}
cairn_window *cairn_ledger_window(cairn_ledger *ledger)
{
    return &ledger->window;
}

/* --- a block --- */

/* New versions of both maps from the block's changes. The maps count heights from 1, so that
 * "nothing is indexed yet" is 0. */
static cairn_err update_maps(cairn_smt *const old[CAIRN_MAP_COUNT], const cairn_ledger_bases *bases,
                             uint64_t height, cairn_arena *arena, cairn_block *block)
{
    for (cairn_map_id m = 0; m < CAIRN_MAP_COUNT; m++) {
        const cairn_change **sorted = NULL;
        size_t count = 0;
        void *memory = NULL;
        CAIRN_TRY(cairn_delta_sorted(&block->outcome.delta, m, &sorted, &count));
        CAIRN_TRY(cairn_arena_array(arena, count, sizeof(cairn_smt_change), &memory));
        cairn_smt_change *changes = memory;
        for (size_t i = 0; i < count; i++)
            changes[i] = (cairn_smt_change){.key = sorted[i]->key,
                                            .value = sorted[i]->value,
                                            .remove = sorted[i]->deleted,
                                            .path = sorted[i]->path};
        if (count == 0)
            block->maps[m] = cairn_smt_hold(old[m]);
        else
            CAIRN_TRY(cairn_smt_update(old[m], &bases->map[m], changes, count, height + 1,
                                       &block->maps[m]));
    }
    return CAIRN_OK;
}

static void append_leaf(cairn_block *block, cairn_bytes entry)
{
    cairn_hash *leaf = &block->leaf_hashes[block->leaf_count++];
    cairn_merkle_leaf(entry, leaf);
    (void)cairn_log_frontier_append(&block->frontier, leaf, NULL);
}

/* Block entry, leaf hashes, log root. */
static cairn_err close_block(cairn_arena *arena, cairn_block *block)
{
    void *memory = NULL;
    CAIRN_TRY(
        cairn_arena_array(arena, block->outcome.accepted_count + 2, sizeof(cairn_hash), &memory));
    block->leaf_hashes = memory;
    if (block->genesis.size != 0)
        append_leaf(block, block->genesis);
    block->entry = (cairn_block_entry){
        .height = block->outcome.height,
        .time_ms = block->outcome.time_ms,
        .first = block->frontier.size,
        .count = block->outcome.accepted_count,
        .state_root = *cairn_smt_root(block->maps[CAIRN_MAP_STATE]),
        .config_root = *cairn_smt_root(block->maps[CAIRN_MAP_CONFIG]),
        .results_root = block->outcome.results_root,
    };
    for (size_t i = 0; i < block->outcome.count; i++)
        if (block->outcome.results[i].code == CAIRN_OK)
            append_leaf(block, block->inputs[i].tx.raw);
    block->entry_size = cairn_block_entry_encode(&block->entry, block->entry_bytes);
    append_leaf(block, cairn_bytes_of(block->entry_bytes, block->entry_size));
    cairn_log_frontier_root(&block->frontier, &block->log_root);
    block->changed = true;
    return CAIRN_OK;
}

static cairn_err begin(const cairn_features *features, const cairn_ledger_bases *bases,
                       cairn_bytes genesis_bytes, cairn_arena *arena,
                       cairn_smt *const empty[CAIRN_MAP_COUNT], cairn_block *block)
{
    cairn_genesis genesis;
    CAIRN_TRY(cairn_genesis_decode(arena, genesis_bytes, &genesis));
    CAIRN_TRY(cairn_features_know(features, genesis.params.app_version));
    block->genesis = genesis_bytes;
    block->outcome.time_ms = genesis.created_ms;
    block->outcome.results_root = cairn_merkle_empty_root;
    block->outcome.rules = no_rules;
    cairn_delta_init(&block->outcome.delta, arena);
    CAIRN_TRY(cairn_genesis_apply(&genesis, &block->outcome.delta));
    CAIRN_TRY(update_maps(empty, bases, 0, arena, block));
    return close_block(arena, block);
}

cairn_err cairn_ledger_begin(const cairn_ledger *ledger, const cairn_ledger_bases *bases,
                             cairn_bytes genesis, cairn_arena *arena, cairn_block *ret_block)
{
    if (ledger->view != NULL)
        return CAIRN_FAIL(CAIRN_ERR_EXISTS, "house", "ledger: has begun already");
    CAIRN_CLEANUP(cairn_smt_free_p) cairn_smt *state = NULL;
    CAIRN_CLEANUP(cairn_smt_free_p) cairn_smt *config = NULL;
    CAIRN_TRY(cairn_smt_new(&state));
    CAIRN_TRY(cairn_smt_new(&config));
    cairn_smt *const empty[CAIRN_MAP_COUNT] = {state, config};
    cairn_block block = {0};
    cairn_err err = begin(ledger->features, bases, genesis, arena, empty, &block);
    if (err != CAIRN_OK)
        cairn_block_discard(&block);
    else
        *ret_block = block;
    return err;
}

cairn_err cairn_ledger_apply(const cairn_ledger *ledger, const cairn_ledger_bases *bases,
                             uint64_t height, uint64_t time_ms, const cairn_tx_input *inputs,
                             size_t count, cairn_arena *arena, cairn_block *ret_block)
{
    const cairn_view *view = ledger->view;
    CAIRN_ASSERT(view != NULL);
    if (height <= view->height)
        return CAIRN_FAIL(CAIRN_ERR_ARGUMENT, clause, "block.height: %llu after %llu",
                          (unsigned long long)height, (unsigned long long)view->height);
    const cairn_view_source source = {.view = view, .bases = bases};
    const cairn_apply_base base = {
        .ledger = view->ledger,
        .features = ledger->features,
        .keys = ledger->keys,
        .rules = view->rules,
        .state = cairn_view_state(&source),
        .window = &ledger->window,
        .last_time_ms = view->time_ms,
        .log_size = view->log_size,
    };
    cairn_block block = {.inputs = inputs, .frontier = ledger->frontier};
    CAIRN_TRY(cairn_apply_block(&base, height, time_ms, inputs, count, arena, &block.outcome));
    if (block.outcome.accepted_count + block.outcome.refused_count != 0) {
        cairn_err err = update_maps(view->maps, bases, height, arena, &block);
        if (err == CAIRN_OK)
            err = close_block(arena, &block);
        if (err != CAIRN_OK) {
            cairn_block_discard(&block);
            return err;
        }
    }
    *ret_block = block;
    return CAIRN_OK;
}

void cairn_block_discard(cairn_block *block)
{
    for (size_t m = 0; m < CAIRN_MAP_COUNT; m++) {
        cairn_smt_free(block->maps[m]);
        block->maps[m] = NULL;
    }
}

/* Room for the ids that the block consumed. */
static cairn_err reserve_ids(cairn_ledger *ledger, const cairn_block *block)
{
    cairn_err err = CAIRN_OK;
    for (size_t i = 0; err == CAIRN_OK && i < block->outcome.count; i++)
        if (block->outcome.results[i].consumed)
            err = cairn_window_reserve(&ledger->window, block->inputs[i].tx.valid_until_ms);
    if (err != CAIRN_OK)
        cairn_window_unreserve(&ledger->window);
    return err;
}

/* Cannot fail: room was reserved, and apply saw to it that no id is held yet. */
static void remember_ids(cairn_ledger *ledger, const cairn_block *block)
{
    cairn_window_expire(&ledger->window, block->outcome.time_ms);
    for (size_t i = 0; i < block->outcome.count; i++) {
        const cairn_tx *tx = &block->inputs[i].tx;
        if (block->outcome.results[i].consumed)
            CAIRN_ASSERT(cairn_window_add(&ledger->window, tx->valid_until_ms, &tx->id,
                                          block->outcome.height) == CAIRN_OK);
    }
}

/* A view whose maps belong to it. */
static cairn_err make_view(const cairn_hash *id, const cairn_block_entry *entry, uint64_t log_size,
                           const cairn_hash *log_root, const cairn_rules *rules,
                           cairn_smt *const maps[CAIRN_MAP_COUNT], cairn_view **ret_view)
{
    cairn_view *view = calloc(1, sizeof *view);
    if (view == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "view");
    view->references = 1;
    view->ledger = *id;
    view->height = entry->height;
    view->time_ms = entry->time_ms;
    view->log_size = log_size;
    view->log_root = *log_root;
    view->last = *entry;
    view->rules = *rules;
    for (size_t m = 0; m < CAIRN_MAP_COUNT; m++)
        view->maps[m] = maps[m];
    *ret_view = view;
    return CAIRN_OK;
}

cairn_err cairn_ledger_commit(cairn_ledger *ledger, cairn_block *block)
{
    CAIRN_ASSERT(block->changed);
    cairn_hash id;
    cairn_view *view = NULL;
    if (ledger->view != NULL)
        id = ledger->view->ledger;
    else
        cairn_ledger_id(block->genesis, &id);
    CAIRN_TRY(make_view(&id, &block->entry, block->frontier.size, &block->log_root,
                        &block->outcome.rules, block->maps, &view));
    pthread_rwlock_wrlock(&ledger->window_lock);
    cairn_err err = reserve_ids(ledger, block);
    if (err == CAIRN_OK)
        remember_ids(ledger, block);
    pthread_rwlock_unlock(&ledger->window_lock);
    if (err != CAIRN_OK) {
        free(view); /* its maps are the block's still */
        return err;
    }
    memset(block->maps, 0, sizeof block->maps);
    ledger->frontier = block->frontier;
    publish(ledger, view);
    return CAIRN_OK;
}

cairn_err cairn_ledger_check(const cairn_ledger *ledger, const cairn_view *view,
                             const cairn_ledger_bases *bases, uint64_t height, uint64_t now_ms,
                             const cairn_tx_input *input, cairn_arena *arena)
{
    static const cairn_window no_ids = {0};
    const cairn_view_source source = {.view = view, .bases = bases};
    const cairn_apply_base base = {
        .ledger = view->ledger,
        .features = ledger->features,
        .keys = ledger->keys,
        .rules = view->rules,
        .state = cairn_view_state(&source),
        .window = &no_ids,
        .last_time_ms = view->time_ms,
        .log_size = view->log_size,
    };
    return cairn_apply_check(&base, height, now_ms, input, arena);
}

bool cairn_ledger_has_decided(cairn_ledger *ledger, uint64_t valid_until_ms, const cairn_hash *id)
{
    pthread_rwlock_rdlock(&ledger->window_lock);
    bool has = cairn_window_has(&ledger->window, valid_until_ms, id);
    pthread_rwlock_unlock(&ledger->window_lock);
    return has;
}

uint64_t cairn_ledger_dirty_count(const cairn_ledger *ledger)
{
    uint64_t count = 0;
    for (size_t m = 0; ledger->view != NULL && m < CAIRN_MAP_COUNT; m++)
        count += cairn_smt_dirty_count(ledger->view->maps[m]);
    return count;
}

cairn_err cairn_ledger_restore(cairn_ledger *ledger, cairn_ledger_point *point)
{
    const cairn_block_entry *entry = &point->entry;
    cairn_hash root;
    cairn_view *view = NULL;
    if (!cairn_hash_equal(cairn_smt_root(point->maps_take[CAIRN_MAP_STATE]), &entry->state_root))
        return CAIRN_FAIL(CAIRN_ERR_CORRUPT, clause,
                          "ledger.state_root: stored records give another root");
    if (!cairn_hash_equal(cairn_smt_root(point->maps_take[CAIRN_MAP_CONFIG]), &entry->config_root))
        return CAIRN_FAIL(CAIRN_ERR_CORRUPT, clause,
                          "ledger.config_root: stored records give another root");
    cairn_log_frontier_root(&point->frontier, &root);
    CAIRN_TRY(make_view(&point->id, entry, point->frontier.size, &root, &no_rules, point->maps_take,
                        &view));
    memset(point->maps_take, 0, sizeof point->maps_take);
    ledger->frontier = point->frontier;
    publish(ledger, view);
    return CAIRN_OK;
}

cairn_err cairn_ledger_clean(cairn_ledger *ledger, uint64_t durable_height, uint32_t slice,
                             unsigned bits)
{
    const cairn_view *now = ledger->view;
    cairn_smt *maps[CAIRN_MAP_COUNT] = {NULL};
    cairn_view *view = NULL;
    cairn_err err = CAIRN_OK;
    for (size_t m = 0; err == CAIRN_OK && m < CAIRN_MAP_COUNT; m++)
        err = cairn_smt_clean(now->maps[m], durable_height + 1, slice, bits, &maps[m]);
    if (err == CAIRN_OK)
        err = make_view(&now->ledger, &now->last, now->log_size, &now->log_root, &now->rules, maps,
                        &view);
    if (err != CAIRN_OK) {
        for (size_t m = 0; m < CAIRN_MAP_COUNT; m++)
            cairn_smt_free(maps[m]);
        return err;
    }
    publish(ledger, view);
    return CAIRN_OK;
}
