/* Life of the application, where it stands, and how a chain begins. */
#include "ledger/consortium/application.h"

#include <stdlib.h>
#include <string.h>

#include "ledger/consortium/application_impl.h"

static const char clause[] = "docs/formats/abci.md";
static const char codespace[] = "cairn";

static const cairn_log_event rows[] = {
    {"consortium.begun", CAIRN_LOG_INFO, 2, 2, "The chain begins from its genesis."},
    {"consortium.misbehavior", CAIRN_LOG_WARNING, 16, 60,
     "A block brought evidence that a validator signed two blocks of one height."},
    {"consortium.joining", CAIRN_LOG_INFO, 16, 60, "A snapshot is taken that other members offer."},
    {"consortium.joined", CAIRN_LOG_INFO, 2, 2, "The ledger stands at the end of the snapshot."},
    {"consortium.snapshot_refused", CAIRN_LOG_WARNING, 16, 60,
     "A snapshot, or a chunk of one, is not what the chain signed."},
};
enum { EVENT_BEGUN, EVENT_MISBEHAVIOR, EVENT_JOINING, EVENT_JOINED, EVENT_SNAPSHOT_REFUSED };
const cairn_log_table cairn_application_events = {.rows = rows,
                                                  .count = sizeof rows / sizeof rows[0]};

/* --- where it stands --- */

static void app_hash_now(cairn_engine *engine, cairn_hash *ret_app_hash)
{
    CAIRN_CLEANUP(cairn_view_free_p) cairn_view *view = cairn_engine_view(engine);
    cairn_app_hash(view->log_size, &view->log_root, ret_app_hash);
}

/* 0 when the chain has no block yet, though the ledger may. */
static uint64_t chain_height(const cairn_application *app)
{
    uint64_t delivered = cairn_store_delivered_height(app->options.engine);
    return delivered >= app->options.chain->initial_height ? delivered : 0;
}

uint64_t cairn_application_next_height(const cairn_application *app)
{
    uint64_t height = chain_height(app);
    return height == 0 ? app->options.chain->initial_height : height + 1;
}

static cairn_err read_value(cairn_engine *engine, const cairn_delivery *delivery, cairn_map_id map,
                            const char *key, cairn_arena *arena, cairn_bytes *ret_value)
{
    cairn_bytes name = cairn_bytes_str(key);
    return delivery != NULL ? cairn_delivery_get(delivery, map, name, arena, ret_value)
                            : cairn_engine_get_newest(engine, map, name, arena, ret_value);
}

cairn_err cairn_application_read_params(cairn_engine *engine, const cairn_delivery *delivery,
                                        cairn_arena *arena, cairn_params *ret_params)
{
    cairn_bytes value;
    CAIRN_TRY(read_value(engine, delivery, CAIRN_MAP_CONFIG, "params", arena, &value));
    return cairn_params_decode(value, ret_params);
}

cairn_err cairn_application_read_validators(cairn_engine *engine, const cairn_delivery *delivery,
                                            cairn_arena *arena, cairn_validator_list *ret_list)
{
    cairn_bytes value;
    cairn_err err = read_value(engine, delivery, CAIRN_MAP_STATE, "validators", arena, &value);
    ret_list->count = 0;
    if (err == CAIRN_ERR_NOT_FOUND)
        return CAIRN_OK;
    CAIRN_TRY(err);
    return cairn_validators_decode(value, ret_list);
}

/* No change that is told here may be lost by a crash: everything is synced first. Of the blocks
 * without one a restart may ask again; the engine keeps those. */
static cairn_err put_info(cairn_application *app, cairn_arena *arena, cairn_wire_writer *out)
{
    cairn_hash app_hash;
    cairn_params params;
    CAIRN_TRY(cairn_application_read_params(app->options.engine, NULL, arena, &params));
    CAIRN_TRY(cairn_store_sync(app->options.store));
    uint64_t height = chain_height(app);
    app_hash_now(app->options.engine, &app_hash);
    cairn_abci_answer answer = cairn_abci_begin(out, CAIRN_ABCI_INFO);
    cairn_wire_put_text(out, 1, "cairn");
    cairn_wire_put_text(out, 2, app->options.version);
    cairn_wire_put_uint(out, 3,
                        cairn_params_version_at(&params, cairn_application_next_height(app)));
    cairn_wire_put_uint(out, 4, height);
    if (height != 0)
        cairn_wire_put_bytes(out, 5, cairn_bytes_hash(&app_hash));
    cairn_abci_end(&answer);
    return CAIRN_OK;
}

/* --- the beginning --- */

static cairn_err mismatch(const char *what)
{
    return CAIRN_FAIL(CAIRN_ERR_MISMATCH, clause, "chain.%s: is not that of this member", what);
}

/* Are they the ledger's, each with its power? Neither list has one twice. */
static cairn_err check_validators(const cairn_wire_list *given, const cairn_validator_list *ours)
{
    const cairn_abci_validator *validators = given->items;
    bool same = given->count == ours->count;
    for (size_t i = 0; same && i < ours->count; i++) {
        const cairn_validator *row = &ours->rows[i];
        size_t at = 0;
        while (at < given->count && !cairn_bytes_equal(validators[at].ed25519,
                                                       cairn_bytes_of(row->key, sizeof row->key)))
            at++;
        same = at < given->count && validators[at].power == (int64_t)row->power;
    }
    return same ? CAIRN_OK : mismatch("validators");
}

/* A proposal that no frame takes would end every member's engine. */
static cairn_err check_params(const cairn_abci_params *params)
{
    if (params->block.max_bytes < 0 || params->block.max_bytes > CAIRN_ABCI_BLOCK_SIZE_MAX)
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, clause, "chain.params: blocks of over %d bytes",
                          CAIRN_ABCI_BLOCK_SIZE_MAX);
    if (params->abci.vote_extensions_height != 0)
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, clause, "chain.params: wants vote extensions");
    return CAIRN_OK;
}

/* Does the genesis that the engine was given begin the chain that this member was given? */
static cairn_err check_beginning(const cairn_application *app, const cairn_abci_request *request,
                                 cairn_arena *arena)
{
    const cairn_chain *chain = app->options.chain;
    cairn_chain_start start;
    uint64_t time_ms = 0;
    CAIRN_TRY(cairn_chain_start_decode(arena, request->init_chain.app_state, &start));
    if (!cairn_bytes_equal(request->init_chain.chain_id, cairn_bytes_str(chain->id)))
        return mismatch("id");
    if (request->init_chain.initial_height != (int64_t)chain->initial_height)
        return mismatch("initial_height");
    if (!cairn_bytes_equal(start.genesis, chain->start.genesis) ||
        start.height != chain->start.height ||
        !cairn_hash_equal(&start.app_hash, &chain->start.app_hash))
        return mismatch("app_state");
    cairn_validator_list *validators = NULL;
    CAIRN_TRY(CAIRN_ARENA_NEW(arena, &validators));
    CAIRN_TRY(cairn_application_read_validators(app->options.engine, NULL, arena, validators));
    CAIRN_TRY(check_validators(&request->init_chain.validators, validators));
    CAIRN_CLEANUP(cairn_view_free_p) cairn_view *view = cairn_engine_view(app->options.engine);
    if (view->height < start.height)
        return mismatch("start"); /* its past comes by state sync alone */
    CAIRN_TRY(cairn_abci_time_ms(&request->init_chain.time, &time_ms));
    if (time_ms < view->time_ms) /* the first block has it */
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, clause,
                          "chain.genesis_time: before the ledger's last block");
    return check_params(&request->init_chain.params);
}

/* Asked again after a crash before the first block was on disk. */
static cairn_err begin_chain(cairn_application *app, const cairn_abci_request *request,
                             cairn_arena *arena, cairn_wire_writer *out)
{
    if (chain_height(app) != 0)
        return CAIRN_FAIL(CAIRN_ERR_EXISTS, clause, "chain: has begun, at height %llu",
                          (unsigned long long)chain_height(app));
    CAIRN_TRY(check_beginning(app, request, arena));
    CAIRN_LOG(app->options.log, &rows[EVENT_BEGUN],
              cairn_log_u64("initial_height", app->options.chain->initial_height));
    cairn_abci_answer answer = cairn_abci_begin(out, CAIRN_ABCI_INIT_CHAIN);
    cairn_wire_put_bytes(out, 3, cairn_bytes_hash(&app->options.chain->start.app_hash));
    cairn_abci_end(&answer);
    return CAIRN_OK;
}

/* --- requests --- */

void cairn_application_put_result(cairn_wire_writer *out, cairn_err code, uint32_t log_number,
                                  uint32_t codespace_number)
{
    cairn_wire_put_uint(out, 1, (uint64_t)-code);
    if (code == CAIRN_OK)
        return;
    cairn_wire_put_text(out, log_number, cairn_err_name(code));
    cairn_wire_put_text(out, codespace_number, codespace);
}

static cairn_err handle_block(cairn_application *app, const cairn_abci_request *request,
                              cairn_arena *arena, cairn_wire_writer *out)
{
    switch (request->kind) {
    case CAIRN_ABCI_INFO:
        return put_info(app, arena, out);
    case CAIRN_ABCI_INIT_CHAIN:
        return begin_chain(app, request, arena, out);
    case CAIRN_ABCI_PREPARE:
        return cairn_application_prepare(app, &request->block, arena, out);
    case CAIRN_ABCI_PROCESS:
        return cairn_application_process(app, &request->block, arena, out);
    case CAIRN_ABCI_FINALIZE:
        return cairn_application_finalize(app, &request->block, arena, out);
    case CAIRN_ABCI_COMMIT:
        return cairn_application_commit(app, out);
    case CAIRN_ABCI_OFFER_SNAPSHOT:
        return cairn_application_offer(app, request, out);
    case CAIRN_ABCI_APPLY_CHUNK:
        return cairn_application_apply_chunk(app, request, out);
    default:
        return CAIRN_FAIL(CAIRN_ERR_INTERNAL, "house", "request: kind %d", request->kind);
    }
}

/* An answer with nothing in it, or one number: VerifyVoteExtension is rejected with 2. */
static cairn_err put_plain(cairn_wire_writer *out, cairn_abci_kind kind, uint64_t result)
{
    cairn_abci_answer answer = cairn_abci_begin(out, kind);
    cairn_wire_put_uint(out, 1, result);
    cairn_abci_end(&answer);
    return CAIRN_OK;
}

static cairn_err put_echo(const cairn_abci_request *request, cairn_wire_writer *out)
{
    cairn_abci_answer answer = cairn_abci_begin(out, CAIRN_ABCI_ECHO);
    cairn_wire_put_bytes(out, 1, request->echo.message);
    cairn_abci_end(&answer);
    return CAIRN_OK;
}

static cairn_err handle(void *context, const cairn_abci_request *request, cairn_arena *arena,
                        cairn_wire_writer *out)
{
    enum { EXTENSION_REJECT = 2 };
    cairn_application *app = context;
    switch (request->kind) {
    case CAIRN_ABCI_ECHO:
        return put_echo(request, out);
    case CAIRN_ABCI_CHECK_TX:
        return cairn_application_check(app, request, arena, out);
    case CAIRN_ABCI_QUERY:
        return cairn_application_query(app, request, arena, out);
    case CAIRN_ABCI_LIST_SNAPSHOTS:
        return cairn_application_list_snapshots(app, out);
    case CAIRN_ABCI_LOAD_CHUNK:
        return cairn_application_load_chunk(app, request, out);
    case CAIRN_ABCI_VERIFY_EXTENSION:
        return put_plain(out, request->kind, EXTENSION_REJECT);
    case CAIRN_ABCI_FLUSH:
    case CAIRN_ABCI_EXTEND_VOTE:
        return put_plain(out, request->kind, 0);
    default:
        break;
    }
    pthread_mutex_lock(&app->block_lock);
    cairn_err err = handle_block(app, request, arena, out);
    pthread_mutex_unlock(&app->block_lock);
    return err;
}

cairn_abci_handler cairn_application_handler(cairn_application *app)
{
    return (cairn_abci_handler){
        .context = app, .handle = handle, .foresee = cairn_application_foresee};
}

/* --- life --- */

static cairn_err check_ledger(const cairn_application_options *options)
{
    cairn_hash id;
    cairn_hash app_hash;
    const cairn_chain_start *start = &options->chain->start;
    CAIRN_CLEANUP(cairn_view_free_p) cairn_view *view = cairn_engine_view(options->engine);
    cairn_ledger_id(start->genesis, &id);
    if (!cairn_hash_equal(&id, &view->ledger))
        return mismatch("ledger");
    if (!cairn_store_is_driven(options->engine))
        return CAIRN_FAIL(CAIRN_ERR_ARGUMENT, "house", "ledger: is not driven");
    if (view->height != start->height)
        return CAIRN_OK;
    cairn_app_hash(view->log_size, &view->log_root, &app_hash);
    return cairn_hash_equal(&app_hash, &start->app_hash) ? CAIRN_OK : mismatch("start");
}

cairn_err cairn_application_new(const cairn_application_options *options,
                                cairn_application **ret_application)
{
    CAIRN_TRY(check_ledger(options));
    CAIRN_CLEANUP(cairn_application_free_p) cairn_application *app = calloc(1, sizeof *app);
    if (app == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "application");
    app->options = *options;
    pthread_mutex_init(&app->pool_lock, NULL);
    pthread_mutex_init(&app->block_lock, NULL);
    size_t count_max =
        options->pool_count_max == 0 ? CAIRN_APPLICATION_POOL_MAX : options->pool_count_max;
    size_t chunk_size = options->snapshot_chunk_size == 0 ? (size_t)CAIRN_SNAPSHOT_CHUNK_SIZE
                                                          : options->snapshot_chunk_size;
    CAIRN_TRY(cairn_pool_init(&app->pool, count_max, POOL_SIZE_MAX));
    CAIRN_TRY(cairn_verified_new(VERIFIED_COUNT, &app->verified));
    if (options->snapshot_blocks != 0)
        CAIRN_TRY(cairn_snapshots_new(options->engine, options->chain->initial_height,
                                      options->snapshot_blocks, chunk_size, &app->snapshots));
    CAIRN_CLEANUP(cairn_view_free_p) cairn_view *view = cairn_engine_view(options->engine);
    app->changed[0] = view->height >= options->chain->initial_height ? view->height : 0;
    app->status.height = chain_height(app);
    app->status.time_ms = view->time_ms;
    *ret_application = CAIRN_STEAL(app);
    return CAIRN_OK;
}

void cairn_application_free(cairn_application *app)
{
    if (app == NULL)
        return;
    cairn_delivery_free(app->delivery);
    cairn_verified_free(app->verified);
    cairn_snapshots_free(app->snapshots);
    cairn_arena_done(&app->joining_arena);
    cairn_pool_done(&app->pool);
    pthread_mutex_destroy(&app->block_lock);
    pthread_mutex_destroy(&app->pool_lock);
    free(app);
}

void cairn_application_get_status(cairn_application *app, cairn_application_status *ret_status)
{
    pthread_mutex_lock(&app->block_lock);
    *ret_status = app->status;
    pthread_mutex_unlock(&app->block_lock);
    pthread_mutex_lock(&app->pool_lock);
    ret_status->pool_count = app->pool.count;
    ret_status->pool_size = app->pool.size;
    pthread_mutex_unlock(&app->pool_lock);
}

void cairn_application_log_misbehavior(const cairn_application *app,
                                       const cairn_abci_misbehavior *misbehavior)
{
    CAIRN_LOG(app->options.log, &rows[EVENT_MISBEHAVIOR],
              cairn_log_hex("validator", misbehavior->validator.address),
              cairn_log_u64("height", (uint64_t)misbehavior->height));
}

void cairn_application_log_joining(const cairn_application *app)
{
    CAIRN_LOG(app->options.log, &rows[EVENT_JOINING],
              cairn_log_u64("height", app->snapshot.entry.height),
              cairn_log_u64("entries", app->snapshot.size),
              cairn_log_u64("chunks", app->snapshot.chunk_count));
}

void cairn_application_log_joined(const cairn_application *app)
{
    CAIRN_LOG(app->options.log, &rows[EVENT_JOINED],
              cairn_log_u64("height", app->snapshot.entry.height));
}

void cairn_application_log_refused(const cairn_application *app, cairn_err err, const char *what,
                                   uint64_t number)
{
    CAIRN_LOG(app->options.log, &rows[EVENT_SNAPSHOT_REFUSED], cairn_log_text("what", what),
              cairn_log_u64("number", number), cairn_log_err(err));
}
