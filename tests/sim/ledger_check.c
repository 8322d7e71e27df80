/* A ledger of the store against the model, by all that can be read of it. */
#include "sim/ledger_check.h"

#include <inttypes.h>
#include <string.h>

#include "cairn/transaction.h"

enum { ARENA_SIZE_MAX = 64 << 20 };

void sim_check_excused(const sim_ctx *ctx, cairn_err err, const char *what)
{
    bool damaged = ctx->flip != NULL && err == CAIRN_ERR_CORRUPT;
    SIM_CHECK(damaged || sim_disk_fired(SIM_FAULTS_SOFT), "%s without a fault: %s %s", what,
              cairn_err_name(err), cairn_err_detail());
    SIM_CHECK(damaged || err != CAIRN_ERR_CORRUPT, "%s: a fault is taken for damage: %s", what,
              cairn_err_detail());
}

/* How a reading may fail: never when all is well. */
static bool read_failed(const sim_ctx *ctx, cairn_err err, const char *what, uint64_t n)
{
    static const unsigned disk_errors =
        SIM_FAULT(SYNC_ERROR) | SIM_FAULT(WRITE_ERROR) | SIM_FAULT(SHORT_WRITE);
    if (err == CAIRN_OK)
        return false;
    bool refused = ctx->flip != NULL && err == CAIRN_ERR_CORRUPT;
    /* LMDB that failed to write its meta page cannot be read until it is opened again. */
    bool lost = err == CAIRN_ERR_IO && sim_disk_fired(disk_errors);
    SIM_CHECK(refused || lost, "%s %" PRIu64 ": %s %s", what, n, cairn_err_name(err),
              cairn_err_detail());
    return true;
}

static cairn_bytes expected_entry(const model_ledger *m, const sim_pool *p, size_t i)
{
    unsigned what = m->what[i];
    if (what == MODEL_IS_GENESIS)
        return cairn_bytes_of(p->genesis.raw, p->genesis.size);
    if ((what & MODEL_IS_BLOCK) == 0)
        return cairn_bytes_of(p->txs[what].raw, p->txs[what].size);
    const model_block *block = &m->blocks[what & ~(unsigned)MODEL_IS_BLOCK];
    return cairn_bytes_of(block->entry, block->entry_size);
}

/* An accepted transaction is found by its id alone. */
static void check_status(const sim_ctx *ctx, cairn_engine *engine, const model_ledger *m, size_t i,
                         cairn_bytes entry)
{
    cairn_tx tx;
    cairn_tx_status status;
    if ((m->what[i] & MODEL_IS_BLOCK) != 0 || m->what[i] == MODEL_IS_GENESIS ||
        cairn_tx_decode(entry, &tx) != CAIRN_OK)
        return;
    cairn_err err = cairn_engine_status(engine, &tx.id, &status);
    if (read_failed(ctx, err, "status of entry", i))
        return;
    SIM_CHECK(status.standing == CAIRN_TX_ACCEPTED && status.index == i,
              "entry %zu is said to be %d at %" PRIu64, i, (int)status.standing, status.index);
}

typedef struct events_seen {
    const model_ledger *m;
    const sim_pool *p;
    uint64_t next_index; /* least log index that the next event may have */
    uint64_t anchors;
} events_seen;

static cairn_err check_event(void *context, const cairn_job_event *event)
{
    events_seen *seen = context;
    SIM_CHECK(event->index >= seen->next_index && event->index < seen->m->entry_count,
              "event of entry %" PRIu64 " comes after entry %" PRIu64, event->index,
              seen->next_index);
    SIM_CHECK(cairn_bytes_equal(event->transaction,
                                expected_entry(seen->m, seen->p, (size_t)event->index)),
              "event of entry %" PRIu64 " shows another transaction", event->index);
    seen->next_index = event->index;
    seen->anchors += event->type == CAIRN_TX_ANCHOR;
    return CAIRN_OK;
}

/* The events of all blocks; an anchor has one. */
static void check_events(const sim_ctx *ctx, cairn_engine *engine, const model_ledger *m,
                         const sim_pool *p)
{
    events_seen seen = {.m = m, .p = p};
    uint64_t height = 0, anchors = 0;
    cairn_err err = cairn_engine_events(engine, 0, SIZE_MAX, check_event, &seen, &height);
    if (read_failed(ctx, err, "events", 0))
        return;
    for (size_t i = 0; i < m->entry_count; i++) {
        cairn_tx tx;
        if ((m->what[i] & MODEL_IS_BLOCK) == 0 && m->what[i] != MODEL_IS_GENESIS &&
            cairn_tx_decode(expected_entry(m, p, i), &tx) == CAIRN_OK)
            anchors += tx.type == CAIRN_TX_ANCHOR;
    }
    SIM_CHECK(seen.anchors == anchors, "%" PRIu64 " events of %" PRIu64 " anchors", seen.anchors,
              anchors);
}

static void check_entries(const sim_ctx *ctx, cairn_engine *engine, const cairn_view *view,
                          const model_ledger *m, const sim_pool *p)
{
    cairn_arena arena;
    model_hash root = model_log_root(m, m->entry_count);
    cairn_arena_init(&arena, ARENA_SIZE_MAX);
    for (size_t i = 0; i < m->entry_count; i++) {
        cairn_bytes entry;
        const cairn_hash *path = NULL;
        size_t count = 0;
        cairn_arena_reset(&arena);
        cairn_err err = cairn_engine_prove_entry(engine, view, i, &arena, &entry, &path, &count);
        if (read_failed(ctx, err, "entry", i))
            continue;
        SIM_CHECK(cairn_bytes_equal(entry, expected_entry(m, p, i)), "entry %zu is another one", i);
        SIM_CHECK(model_path_leads_to(&m->leaves[i], i, m->entry_count,
                                      (const model_hash *)(const void *)path, count, &root),
                  "the path of entry %zu does not lead to the root", i);
        check_status(ctx, engine, m, i, entry);
    }
    cairn_arena_done(&arena);
    check_events(ctx, engine, m, p);
}

static void check_record(const sim_ctx *ctx, cairn_engine *engine, const cairn_view *view,
                         const model_ledger *m, const sim_pool *p, size_t i, cairn_arena *arena)
{
    uint8_t key[MODEL_KEY_SIZE_MAX], expected[MODEL_VALUE_SIZE_MAX];
    size_t key_size;
    size_t size = model_record_of(m, &p->txs[i], m->accepted_height[i], key, &key_size, expected);
    cairn_bytes name = cairn_bytes_of(key, key_size), value;
    cairn_err err = cairn_engine_get(engine, view, CAIRN_MAP_STATE, name, arena, &value);
    if (read_failed(ctx, err, "record", i))
        return;
    SIM_CHECK(cairn_bytes_equal(value, cairn_bytes_of(expected, size)),
              "record %zu has another value", i);
    cairn_smt_proof proof;
    err = cairn_engine_prove(engine, view, CAIRN_MAP_STATE, name, arena, &proof);
    if (read_failed(ctx, err, "proof of record", i))
        return;
    SIM_CHECK(proof.exists && cairn_bytes_equal(proof.value, value), "proof of record %zu", i);
}

void sim_check_view(const cairn_view *view, const model_ledger *m)
{
    const model_block *last = &m->blocks[m->block_count - 1];
    uint8_t entry[CAIRN_BLOCK_ENTRY_SIZE_MAX];
    size_t size = cairn_block_entry_encode(&view->last, entry);
    model_hash root = model_log_root(m, m->entry_count);
    SIM_CHECK(memcmp(m->id.b, view->ledger.b, 32) == 0, "the ledger has another id");
    SIM_CHECK(view->log_size == m->entry_count, "%" PRIu64 " entries, the model has %zu",
              view->log_size, m->entry_count);
    SIM_CHECK(view->height == last->height && view->time_ms == last->time_ms,
              "height %" PRIu64 " where the model has %" PRIu64, view->height, last->height);
    SIM_CHECK(cairn_bytes_equal(cairn_bytes_of(entry, size),
                                cairn_bytes_of(last->entry, last->entry_size)),
              "the block entry of height %" PRIu64 " is another one", view->height);
    SIM_CHECK(memcmp(root.b, view->log_root.b, 32) == 0, "the log has another root");
}

/* The ledger that the engine shows is the model's. */
void sim_check_ledger(const sim_ctx *ctx, cairn_engine *engine, const model_ledger *m,
                      const sim_pool *p)
{
    cairn_arena arena;
    cairn_view *view = cairn_engine_view(engine);
    sim_check_view(view, m);
    check_entries(ctx, engine, view, m, p);
    cairn_arena_init(&arena, ARENA_SIZE_MAX);
    for (size_t i = 0; i < MODEL_POOL; i++) {
        cairn_arena_reset(&arena);
        if (m->fate[i] == MODEL_ACCEPTED)
            check_record(ctx, engine, view, m, p, i, &arena);
    }
    cairn_arena_done(&arena);
    cairn_view_free(view);
}
