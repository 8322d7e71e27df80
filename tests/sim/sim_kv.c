/* Crashes and faults under the key-value store, LMDB included. Transaction n of a trial is a
 * function of (trial, n), and the store counts its transactions in itself; so after any crash the
 * count that is found says what every pair must be. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/store/kv.h"
#include "sim/runner.h"

enum {
    TABLES = 3, /* the last one holds the count */
    KEYS = 48,  /* of each of the others */
    VALUE_SIZE_MAX = 6000,
    CHANGES_MAX = 24, /* in one transaction */
    STEPS = 8,
    MAP_SIZE = 64 << 20,
};

static const char *const tables[TABLES] = {"first", "second", "count"};

typedef struct facts {
    uint64_t acknowledged; /* transactions that must be there */
    uint64_t issued;       /* ... that may be there */
} facts;

/* Transaction that last wrote each pair, plus one; 0: the pair is absent. */
typedef uint64_t model[TABLES - 1][KEYS];

typedef struct change {
    unsigned table, key;
    bool remove;
} change;

static size_t make_key(unsigned key, uint8_t out[64])
{
    return (size_t)snprintf((char *)out, 64, "%u-%.*s", key * 7919 % 1000, (int)(key % 40),
                            "----------------------------------------");
}

static size_t make_value(uint64_t trial_seed, uint64_t txn, const change *c,
                         uint8_t out[VALUE_SIZE_MAX])
{
    sim_rng rng = sim_rng_derive(trial_seed ^ (c->key * 31 + c->table), txn);
    size_t bound = sim_rng_percent(&rng, 10) ? VALUE_SIZE_MAX : 300;
    size_t size = (size_t)sim_rng_below(&rng, bound);
    sim_rng_fill(&rng, out, size);
    return size;
}

static unsigned make_changes(uint64_t trial_seed, uint64_t txn, change out[CHANGES_MAX])
{
    sim_rng rng = sim_rng_derive(trial_seed, txn);
    unsigned count = 1 + (unsigned)sim_rng_below(&rng, CHANGES_MAX);
    for (unsigned i = 0; i < count; i++) {
        out[i].table = (unsigned)sim_rng_below(&rng, TABLES - 1);
        out[i].key = (unsigned)sim_rng_below(&rng, KEYS);
        out[i].remove = sim_rng_percent(&rng, 25);
    }
    return count;
}

static void replay(uint64_t trial_seed, uint64_t count, model m)
{
    change changes[CHANGES_MAX];
    memset(m, 0, sizeof(model));
    for (uint64_t txn = 0; txn < count; txn++) {
        unsigned n = make_changes(trial_seed, txn, changes);
        for (unsigned i = 0; i < n; i++)
            m[changes[i].table][changes[i].key] = changes[i].remove ? 0 : txn + 1;
    }
}

static cairn_err read_count(cairn_kv_txn *txn, uint64_t *ret_count)
{
    cairn_bytes value;
    cairn_err err = cairn_kv_get(txn, TABLES - 1, cairn_bytes_str("count"), &value);
    if (err == CAIRN_ERR_NOT_FOUND)
        *ret_count = 0;
    else if (err == CAIRN_OK && value.size == 8)
        *ret_count = cairn_get_u64(value.data);
    else
        return err == CAIRN_OK ? CAIRN_ERR_CORRUPT : err;
    return CAIRN_OK;
}

static void check_pair(const sim_ctx *ctx, cairn_kv_txn *txn, const change *c, uint64_t written)
{
    uint8_t key[64], expected[VALUE_SIZE_MAX];
    cairn_bytes value;
    size_t key_size = make_key(c->key, key);
    cairn_err err = cairn_kv_get(txn, c->table, cairn_bytes_of(key, key_size), &value);
    if (written == 0) {
        SIM_CHECK(err == CAIRN_ERR_NOT_FOUND, "removed pair %u of %s: %s", c->key, tables[c->table],
                  cairn_err_name(err));
        return;
    }
    SIM_CHECK(err == CAIRN_OK, "pair %u of %s: %s %s", c->key, tables[c->table],
              cairn_err_name(err), cairn_err_detail());
    size_t size = make_value(ctx->trial_seed, written - 1, c, expected);
    SIM_CHECK(cairn_bytes_equal(value, cairn_bytes_of(expected, size)),
              "pair %u of %s has another value than transaction %llu gave it", c->key,
              tables[c->table], (unsigned long long)written - 1);
}

static size_t count_pairs(cairn_kv_txn *txn, unsigned table)
{
    cairn_kv_cursor *cursor;
    cairn_bytes key, value;
    size_t count = 0;
    SIM_CHECK(cairn_kv_cursor_open(txn, table, &cursor) == CAIRN_OK, "cursor");
    cairn_err err = cairn_kv_cursor_seek(cursor, cairn_bytes_of(NULL, 0), &key, &value);
    for (; err == CAIRN_OK; err = cairn_kv_cursor_next(cursor, &key, &value))
        count++;
    SIM_CHECK(err == CAIRN_ERR_NOT_FOUND, "walk: %s %s", cairn_err_name(err), cairn_err_detail());
    cairn_kv_cursor_close(cursor);
    return count;
}

/* Every pair is what the transactions that are there made it, and there is none besides. */
static uint64_t check_pairs(const sim_ctx *ctx, cairn_kv_txn *txn)
{
    facts *f = ctx->facts;
    uint64_t count;
    model m;
    SIM_CHECK(read_count(txn, &count) == CAIRN_OK, "the count cannot be read");
    SIM_CHECK(count >= f->acknowledged, "%llu transactions of %llu acknowledged",
              (unsigned long long)count, (unsigned long long)f->acknowledged);
    SIM_CHECK(count <= f->issued, "more transactions than were issued");
    replay(ctx->trial_seed, count, m);
    for (unsigned table = 0; table < TABLES - 1; table++) {
        size_t present = 0;
        for (unsigned key = 0; key < KEYS; key++) {
            check_pair(ctx, txn, &(change){.table = table, .key = key}, m[table][key]);
            present += m[table][key] != 0;
        }
        SIM_CHECK(count_pairs(txn, table) == present, "foreign pairs in %s", tables[table]);
    }
    return count;
}

static uint64_t check_all(const sim_ctx *ctx, cairn_kv *kv)
{
    cairn_kv_txn *txn;
    sim_disk_hold_memory(true);
    cairn_err err = cairn_kv_begin(kv, false, &txn);
    SIM_CHECK(err == CAIRN_OK, "begin: %s %s", cairn_err_name(err), cairn_err_detail());
    uint64_t count = check_pairs(ctx, txn);
    cairn_kv_abort(txn);
    sim_disk_hold_memory(false);
    return count;
}

/* After an error the store may refuse to be read, but must not show anything wrong. */
static void check_after_error(const sim_ctx *ctx, cairn_kv *kv)
{
    cairn_kv_txn *txn;
    sim_disk_hold_memory(true);
    cairn_err err = cairn_kv_begin(kv, false, &txn);
    if (err == CAIRN_OK) {
        (void)check_pairs(ctx, txn);
        cairn_kv_abort(txn);
    } else {
        SIM_CHECK(err == CAIRN_ERR_IO, "begin: %s %s", cairn_err_name(err), cairn_err_detail());
    }
    sim_disk_hold_memory(false);
}

static cairn_err apply_change(const sim_ctx *ctx, cairn_kv_txn *txn, uint64_t n, const change *c)
{
    uint8_t key[64], value[VALUE_SIZE_MAX];
    size_t key_size = make_key(c->key, key);
    if (c->remove)
        return cairn_kv_delete(txn, c->table, cairn_bytes_of(key, key_size));
    size_t size = make_value(ctx->trial_seed, n, c, value);
    return cairn_kv_put(txn, c->table, cairn_bytes_of(key, key_size), cairn_bytes_of(value, size));
}

static cairn_err apply_all(const sim_ctx *ctx, cairn_kv_txn *txn, uint64_t n)
{
    change changes[CHANGES_MAX];
    uint8_t count[8];
    unsigned changed = make_changes(ctx->trial_seed, n, changes);
    for (unsigned i = 0; i < changed; i++)
        CAIRN_TRY(apply_change(ctx, txn, n, &changes[i]));
    cairn_put_u64(count, n + 1);
    return cairn_kv_put(txn, TABLES - 1, cairn_bytes_str("count"), cairn_bytes_of(count, 8));
}

static cairn_err run_txn(const sim_ctx *ctx, cairn_kv *kv, uint64_t n, bool abort_it)
{
    facts *f = ctx->facts;
    cairn_kv_txn *txn;
    CAIRN_TRY(cairn_kv_begin(kv, true, &txn));
    cairn_err err = apply_all(ctx, txn, n);
    if (err != CAIRN_OK || abort_it) {
        cairn_kv_abort(txn);
        return err;
    }
    f->issued = n + 1;
    CAIRN_TRY(cairn_kv_commit(txn));
    f->acknowledged = n + 1;
    return CAIRN_OK;
}

static void check_excused(cairn_err err, const char *what)
{
    SIM_CHECK(sim_disk_fired(SIM_FAULTS_SOFT), "%s without a fault: %s %s", what,
              cairn_err_name(err), cairn_err_detail());
}

/* Runs transactions until one of them fails and the store then takes no more. */
static void run_steps(sim_ctx *ctx, cairn_kv *kv, uint64_t count)
{
    for (unsigned i = 0; i < STEPS; i++) {
        facts *f = ctx->facts;
        bool abort_it = sim_rng_percent(&ctx->rng, 10);
        cairn_err err = run_txn(ctx, kv, count, abort_it);
        if (err != CAIRN_OK) {
            check_excused(err, "a transaction failed");
            check_after_error(ctx, kv);
        }
        if (f->acknowledged > count)
            count++;
    }
}

static void live(sim_ctx *ctx)
{
    facts *f = ctx->facts;
    char path[256];
    cairn_kv *kv = NULL;
    (void)snprintf(path, sizeof path, "%s/index", sim_disk_root());
    cairn_err err = cairn_kv_open(path, tables, TABLES, MAP_SIZE, &kv);
    if (err != CAIRN_OK) {
        check_excused(err, "open failed");
        err = cairn_kv_open(path, tables, TABLES, MAP_SIZE, &kv);
        if (err != CAIRN_OK) {
            check_excused(err, "second open failed");
            return;
        }
    }
    uint64_t count = check_all(ctx, kv);
    f->acknowledged = count;
    run_steps(ctx, kv, count);
    if (sim_rng_percent(&ctx->rng, 50))
        cairn_kv_close(kv);
}

int main(int argc, char **argv)
{
    const sim_workload workload = {.name = "sim_kv",
                                   .faults = SIM_FAULTS_ALL,
                                   .stale_percent = 12,
                                   .facts_size = sizeof(facts),
                                   .live = live};
    return sim_main(argc, argv, &workload);
}
