/* What brings a ledger forward, whichever it is: one interface over the embedded engine, the
 * consortium and the follower. Submit and wait; read and prove through a view.
 *
 * Any thread. A verdict is delivered exactly once for each transaction that `submit` took, on a
 * thread of the engine; it must not block, and may submit again. */
#ifndef CAIRN_LEDGER_ENGINE_H
#define CAIRN_LEDGER_ENGINE_H

#include "cairn/refusal.h"
#include "core/jobs/event.h"
#include "ledger/ledger.h"

typedef struct cairn_verdict {
    cairn_err code; /* CAIRN_OK: accepted and durable */
    cairn_hash id;
    uint64_t height; /* of the block that accepted it, or finally refused it; 0 when refused before
                        one */
    uint64_t index;  /* log index when accepted */
} cairn_verdict;

typedef void (*cairn_verdict_fn)(void *context, const cairn_verdict *verdict);

typedef enum cairn_tx_standing {
    CAIRN_TX_UNKNOWN, /* expired, if the caller knows that its valid_until has passed */
    CAIRN_TX_PENDING, /* submitted, not yet decided */
    CAIRN_TX_ACCEPTED,
    CAIRN_TX_REFUSED, /* finally, by a block: provable */
} cairn_tx_standing;

/* What became of a transaction; beyond `standing` only for one that a block decided. */
typedef struct cairn_tx_status {
    cairn_tx_standing standing;
    cairn_err code; /* why it was refused */
    uint64_t height;
    uint64_t time_ms; /* of the block */
    uint64_t index;   /* log index when accepted */
} cairn_tx_status;

/* Told that a new view was published. */
typedef void (*cairn_view_fn)(void *context);

typedef struct cairn_engine cairn_engine;

typedef struct cairn_engine_ops {
    cairn_err (*submit)(cairn_engine *engine, cairn_bytes tx, cairn_verdict_fn done, void *context);
    cairn_err (*wait)(cairn_engine *engine, cairn_bytes tx, cairn_verdict *ret_verdict);
    cairn_view *(*view)(cairn_engine *engine);
    cairn_err (*get)(cairn_engine *engine, const cairn_view *view, cairn_map_id map,
                     cairn_bytes key, cairn_arena *arena, cairn_bytes *ret_value);
    cairn_err (*prove)(cairn_engine *engine, const cairn_view *view, cairn_map_id map,
                       cairn_bytes key, cairn_arena *arena, cairn_smt_proof *ret_proof);
    cairn_err (*entry)(cairn_engine *engine, uint64_t index, cairn_arena *arena,
                       cairn_bytes *ret_entry);
    cairn_err (*read_tile)(void *engine, unsigned level, uint64_t tile, size_t count,
                           cairn_hash *ret_hashes);
    cairn_err (*events)(cairn_engine *engine, uint64_t after_height, size_t block_max,
                        cairn_job_visit visit, void *context, uint64_t *ret_height);
    cairn_err (*subscribe)(cairn_engine *engine, cairn_view_fn fn, void *context);
    void (*unsubscribe)(cairn_engine *engine, cairn_view_fn fn, void *context);
    cairn_err (*status)(cairn_engine *engine, const cairn_hash *id, cairn_tx_status *ret_status);
    bool (*has_decided)(cairn_engine *engine, uint64_t valid_until_ms, const cairn_hash *id);
    cairn_err (*prove_refusal)(cairn_engine *engine, const cairn_hash *id, cairn_arena *arena,
                               cairn_refusal_proof *ret_proof);
} cairn_engine_ops;

/* First member of every engine. */
struct cairn_engine {
    const cairn_engine_ops *ops;
};

/* Takes a transaction (copied). An error means that it was refused here and now and `done` will not
 * be called: the codes of decoding, BUSY when the queue is full, READ_ONLY after a failure of the
 * store. */
static inline CAIRN_MUST_USE cairn_err cairn_engine_submit(cairn_engine *engine, cairn_bytes tx,
                                                           cairn_verdict_fn done, void *context)
{
    return engine->ops->submit(engine, tx, done, context);
}

/* Submits and waits for the verdict, whose code is also returned. Not from a verdict. */
static inline CAIRN_MUST_USE cairn_err cairn_engine_wait(cairn_engine *engine, cairn_bytes tx,
                                                         cairn_verdict *ret_verdict)
{
    return engine->ops->wait(engine, tx, ret_verdict);
}

/* The newest view, a reference. Never NULL. */
static inline cairn_view *cairn_engine_view(cairn_engine *engine)
{
    return engine->ops->view(engine);
}

/* Value and proof as of `view`: as cairn_smt_get and cairn_smt_prove. VIEW_EXPIRED when the view is
 * no longer the newest and the store has moved on: take a new one. */
static inline CAIRN_MUST_USE cairn_err cairn_engine_get(cairn_engine *engine,
                                                        const cairn_view *view, cairn_map_id map,
                                                        cairn_bytes key, cairn_arena *arena,
                                                        cairn_bytes *ret_value)
{
    return engine->ops->get(engine, view, map, key, arena, ret_value);
}
static inline CAIRN_MUST_USE cairn_err cairn_engine_prove(cairn_engine *engine,
                                                          const cairn_view *view, cairn_map_id map,
                                                          cairn_bytes key, cairn_arena *arena,
                                                          cairn_smt_proof *ret_proof)
{
    return engine->ops->prove(engine, view, map, key, arena, ret_proof);
}

/* Log entry `index`, in the arena. NOT_FOUND beyond the log. */
static inline CAIRN_MUST_USE cairn_err cairn_engine_entry(cairn_engine *engine, uint64_t index,
                                                          cairn_arena *arena,
                                                          cairn_bytes *ret_entry)
{
    return engine->ops->entry(engine, index, arena, ret_entry);
}

/* Hash tiles of the log, up to the newest view's size. */
static inline cairn_merkle_source cairn_engine_source(cairn_engine *engine)
{
    return (cairn_merkle_source){.read_tile = engine->ops->read_tile, .context = engine};
}

/* Visits, in order, the events of at most `block_max` blocks above `after_height`, up to the newest
 * view's height, and says which height it came to: `after_height` when there is nothing new. The
 * newest blocks come from memory, older ones by one walk through the block log. An error of `visit`
 * ends the walk and is returned; CORRUPT when blocks are missing. */
static inline CAIRN_MUST_USE cairn_err cairn_engine_events(cairn_engine *engine,
                                                           uint64_t after_height, size_t block_max,
                                                           cairn_job_visit visit, void *context,
                                                           uint64_t *ret_height)
{
    return engine->ops->events(engine, after_height, block_max, visit, context, ret_height);
}

/* The same as the jobs want it. Lives as long as the engine. */
cairn_event_source cairn_engine_event_source(cairn_engine *engine);

/* From now on `fn` is called after each new view, or once after several, on a thread of the engine.
 * It must not block and neither subscribe nor unsubscribe: it wakes somebody up. NO_MEMORY. */
static inline CAIRN_MUST_USE cairn_err cairn_engine_subscribe(cairn_engine *engine,
                                                              cairn_view_fn fn, void *context)
{
    return engine->ops->subscribe(engine, fn, context);
}

/* On return `fn` is not running with this context and is not called again. Nothing happens when it
 * was not subscribed. */
static inline void cairn_engine_unsubscribe(cairn_engine *engine, cairn_view_fn fn, void *context)
{
    engine->ops->unsubscribe(engine, fn, context);
}

/* Where the transaction with this id stands, however long ago it was decided. What was refused
 * before a block left no trace and is unknown. CORRUPT when the index names a wrong place. */
static inline CAIRN_MUST_USE cairn_err cairn_engine_status(cairn_engine *engine,
                                                           const cairn_hash *id,
                                                           cairn_tx_status *ret_status)
{
    return engine->ops->status(engine, id, ret_status);
}

/* Does the ledger still hold this id, valid until then, as decided? Any thread. */
static inline bool cairn_engine_has_decided(cairn_engine *engine, uint64_t valid_until_ms,
                                            const cairn_hash *id)
{
    return engine->ops->has_decided(engine, valid_until_ms, id);
}

/* The proof, without receipts, that a block of `view` finally refused the transaction, checked
 * before it is handed out. In the arena. Its receipts are those of the log entry
 * block_entry.first + block_entry.count. NOT_FOUND when it was not refused in that view; CORRUPT
 * when what is stored does not lead to the block entry. */
cairn_err cairn_engine_prove_refusal(cairn_engine *engine, const cairn_view *view,
                                     const cairn_hash *id, cairn_arena *arena,
                                     cairn_refusal_proof *ret_proof) CAIRN_MUST_USE;

/* Entry `index` and its inclusion path in the log of the view, checked against the view's root
 * before it is handed out: CORRUPT when what is stored does not lead there. In the arena. */
cairn_err cairn_engine_prove_entry(cairn_engine *engine, const cairn_view *view, uint64_t index,
                                   cairn_arena *arena, cairn_bytes *ret_entry,
                                   const cairn_hash **ret_path, size_t *ret_count) CAIRN_MUST_USE;

/* A value of the newest view, whichever that is by the time of reading. */
cairn_err cairn_engine_get_newest(cairn_engine *engine, cairn_map_id map, cairn_bytes key,
                                  cairn_arena *arena, cairn_bytes *ret_value) CAIRN_MUST_USE;

#endif
