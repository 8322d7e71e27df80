/* Blocks that come from outside: a ledger of the store that consensus, or a log that is followed,
 * brings forward. Such a ledger is *driven*: it makes no block of its own, now and after every
 * restart. Bytes: docs/formats/block-record.md, Driven ledgers.
 *
 * `deliver` computes a block and changes nothing; `adopt` takes it into the log, the maps and the
 * view; `sync` makes durable what was adopted, and with threads that happens by itself. Between
 * adopt and sync a block is read like any other, but a crash takes it back: whoever drives the
 * ledger can deliver it again.
 *
 * One thread at a time drives a ledger; any thread reads it. */
#ifndef CAIRN_LEDGER_STORE_DELIVER_H
#define CAIRN_LEDGER_STORE_DELIVER_H

#include "ledger/store/store.h"

/* What takes a driven ledger's transactions. */
typedef struct cairn_store_driver {
    void *context;
    /* As cairn_engine_submit. */
    cairn_err (*submit)(void *context, cairn_bytes tx, cairn_verdict_fn done, void *done_context);
    /* Was it submitted here and not yet answered? */
    bool (*is_pending)(void *context, const cairn_hash *id);
} cairn_store_driver;

/* From now on the ledger is driven; durable when this returns. `driver` outlives every later call
 * of the engine; NULL: no transaction is taken here (READ_ONLY). BUSY while the ledger's own queue
 * is not empty; the errors of writing a file. Called again it changes the driver alone. */
cairn_err cairn_store_drive(cairn_engine *engine, const cairn_store_driver *driver) CAIRN_MUST_USE;

bool cairn_store_is_driven(cairn_engine *engine);

/* What a submitter would be told now, by the node's clock: checks 1 to 11 of
 * docs/formats/transaction.md, and whose transaction it is. Says so in `input->verified`. Any
 * thread. */
cairn_err cairn_store_check(cairn_engine *engine, cairn_tx_input *input, cairn_arena *arena,
                            cairn_hash *ret_org) CAIRN_MUST_USE;

/* Verifies the signatures that nobody has, on the store's threads too, and sets `verified` of those
 * that are right under a key that the ledger knows. Any thread. */
void cairn_store_verify(cairn_engine *engine, cairn_tx_input *inputs, size_t count);

/* A block that was computed and not yet adopted. */
typedef struct cairn_delivery cairn_delivery;

typedef struct cairn_delivery_tx {
    cairn_bytes raw;
    bool verified; /* as in cairn_tx_input: a caller that knows saves the work */
} cairn_delivery_tx;

typedef struct cairn_delivery_result {
    cairn_err code; /* CAIRN_OK: accepted */
    bool decoded;   /* `id` is known */
    bool consumed;  /* the block decided it for good */
    cairn_hash id;
    uint64_t index; /* log index when accepted */
} cairn_delivery_result;

/* Computes the block at `height`, above every delivered one, with a time not before the ledger's
 * (ARGUMENT). Every list of transactions gives a block: what does not decode is refused with the
 * code of decoding and what exceeds CAIRN_BLOCK_TX_COUNT_MAX or CAIRN_BLOCK_SIZE_MAX with TOO_MANY,
 * and neither leaves a trace. The transactions are copied; signatures that nobody verified are
 * verified on the store's threads. READ_ONLY, NO_MEMORY, and the errors of cairn_ledger_apply; the
 * ledger stays as it is in any case. At most one delivery of a ledger at a time. */
cairn_err cairn_store_deliver(cairn_engine *engine, uint64_t height, uint64_t time_ms,
                              const cairn_delivery_tx *txs, size_t count,
                              cairn_delivery **ret_delivery) CAIRN_MUST_USE;

/* One for each transaction of the call, in order. */
const cairn_delivery_result *cairn_delivery_results(const cairn_delivery *delivery,
                                                    size_t *ret_count);
/* Where the log stands after the block; as before it when that changes nothing. */
uint64_t cairn_delivery_log_size(const cairn_delivery *delivery);
const cairn_hash *cairn_delivery_log_root(const cairn_delivery *delivery);
/* The block itself. */
const cairn_block *cairn_delivery_block(const cairn_delivery *delivery);

/* What `key` will hold after the block: reads what it wrote over the ledger as it stands. As
 * cairn_state_get. */
cairn_err cairn_delivery_get(const cairn_delivery *delivery, cairn_map_id map, cairn_bytes key,
                             cairn_arena *arena, cairn_bytes *ret_value) CAIRN_MUST_USE;

/* Installs it and shows it. After a failure the store is read-only and the ledger must be opened
 * again. The delivery is done with either way, and still has to be freed. */
cairn_err cairn_store_adopt(cairn_delivery *delivery) CAIRN_MUST_USE;

/* Takes NULL, and one that was not adopted: then nothing happened. Before its store. */
void cairn_delivery_free(cairn_delivery *delivery);
CAIRN_DEFINE_CLEANUP(cairn_delivery, cairn_delivery_free)

/* Makes durable what was adopted, and lets the index follow when it is due. Does nothing when there
 * is nothing to do. Any thread. */
cairn_err cairn_store_sync(cairn_store *store) CAIRN_MUST_USE;

/* The last adopted height, of blocks that changed nothing too. After a restart it may be less, but
 * only by blocks that changed nothing or were not synced: delivering them again gives the same. */
uint64_t cairn_store_delivered_height(cairn_engine *engine);

/* Every block that changed anything up to here is in the block log, on disk; no restart comes back
 * below it. So whoever keeps the blocks may forget those up to this height. */
uint64_t cairn_store_durable_height(cairn_engine *engine);

#endif
