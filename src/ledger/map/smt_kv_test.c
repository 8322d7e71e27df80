/* The state map over LMDB: several maps in one table, large values, damaged records. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cairn/ics23.h"
#include "ledger/map/smt_kv.h"
#include "support/tree.h"

enum { TABLE, KEYS = 200 };

static const char *const tables[] = {"state"};

typedef struct fixture {
    char path[256];
    cairn_kv *kv;
    uint8_t big[65535];
} fixture;

/* One snapshot of one map. */
typedef struct snapshot {
    cairn_kv_txn *txn;
    cairn_smt_kv map;
    cairn_smt_base base;
} snapshot;

static int set_up(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    tree_make(f->path, sizeof f->path, "smt-kv");
    assert_int_equal(cairn_kv_open(f->path, tables, 1, (size_t)1 << 28, &f->kv), CAIRN_OK);
    memset(f->big, 'b', sizeof f->big);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    fixture *f = *state;
    cairn_kv_close(f->kv);
    tree_remove(f->path);
    free(f);
    return 0;
}

static void open_snapshot(const fixture *f, uint32_t slot, snapshot *s)
{
    assert_int_equal(cairn_kv_begin(f->kv, false, &s->txn), CAIRN_OK);
    assert_int_equal(cairn_smt_kv_init(&s->map, s->txn, TABLE, slot), CAIRN_OK);
    s->base = cairn_smt_kv_base(&s->map);
}

static void close_snapshot(snapshot *s)
{
    cairn_smt_kv_done(&s->map);
    cairn_kv_abort(s->txn);
}

typedef struct checkpoint {
    cairn_kv_txn *txn;
    uint32_t slot;
} checkpoint;

static cairn_err store_leaf(void *ctx, const cairn_smt_leaf *leaf)
{
    checkpoint *c = ctx;
    return cairn_smt_kv_put(c->txn, TABLE, c->slot, leaf);
}

static void store(const fixture *f, uint32_t slot, const cairn_smt *version)
{
    checkpoint c = {.slot = slot};
    assert_int_equal(cairn_kv_begin(f->kv, true, &c.txn), CAIRN_OK);
    assert_int_equal(cairn_smt_each_dirty(version, 0, store_leaf, &c), CAIRN_OK);
    assert_int_equal(cairn_kv_commit(c.txn), CAIRN_OK);
}

/* Applies KEYS changes on top of `old`; every tenth value has 65,535 bytes. */
static cairn_smt *apply(fixture *f, uint32_t slot, const cairn_smt *old, bool remove)
{
    static cairn_smt_change changes[KEYS];
    static char keys[KEYS][24];
    size_t count = 0;
    for (uint32_t k = 0; k < KEYS; k += remove ? 3 : 1) {
        (void)snprintf(keys[k], sizeof keys[k], "%u/%u", slot, k);
        changes[count++] = (cairn_smt_change){
            .key = cairn_bytes_str(keys[k]),
            .value = cairn_bytes_of(f->big, k % 10 == 0 ? sizeof f->big : k % 900 + 1),
            .remove = remove};
    }
    snapshot s;
    open_snapshot(f, slot, &s);
    cairn_smt *next = NULL;
    assert_int_equal(cairn_smt_sort(&s.base, changes, count), CAIRN_OK);
    assert_int_equal(cairn_smt_update(old, &s.base, changes, count, 1, &next), CAIRN_OK);
    close_snapshot(&s);
    return next;
}

static void assert_loads_as(const fixture *f, uint32_t slot, const cairn_smt *want)
{
    snapshot s;
    open_snapshot(f, slot, &s);
    CAIRN_CLEANUP(cairn_smt_free_p) cairn_smt *loaded = NULL;
    assert_int_equal(cairn_smt_load(&s.base, &loaded), CAIRN_OK);
    assert_memory_equal(cairn_smt_root(loaded)->b, cairn_smt_root(want)->b, 32);
    assert_int_equal(cairn_smt_count(loaded), cairn_smt_count(want));
    close_snapshot(&s);
}

static void test_maps_share_a_table(void **state)
{
    fixture *f = *state;
    static const uint32_t slots[] = {0, 7, 255, 256, UINT32_MAX};
    CAIRN_CLEANUP(cairn_smt_free_p) cairn_smt *empty = NULL;
    assert_int_equal(cairn_smt_new(&empty), CAIRN_OK);
    for (size_t i = 0; i < 5; i++) {
        CAIRN_CLEANUP(cairn_smt_free_p) cairn_smt *full = apply(f, slots[i], empty, false);
        store(f, slots[i], full);
        assert_loads_as(f, slots[i], full);
    }
    for (size_t i = 0; i < 5; i++) {
        snapshot s;
        open_snapshot(f, slots[i], &s);
        CAIRN_CLEANUP(cairn_smt_free_p) cairn_smt *loaded = NULL;
        assert_int_equal(cairn_smt_load(&s.base, &loaded), CAIRN_OK);
        assert_int_equal(cairn_smt_count(loaded), KEYS);
        close_snapshot(&s);
        CAIRN_CLEANUP(cairn_smt_free_p) cairn_smt *less = apply(f, slots[i], loaded, true);
        assert_int_equal(cairn_smt_count(less), KEYS - (KEYS + 2) / 3);
        store(f, slots[i], less);
        assert_loads_as(f, slots[i], less);
    }
    assert_loads_as(f, 8, empty);
}

static void test_proof_of_a_large_value(void **state)
{
    fixture *f = *state;
    CAIRN_CLEANUP(cairn_smt_free_p) cairn_smt *empty = NULL;
    assert_int_equal(cairn_smt_new(&empty), CAIRN_OK);
    CAIRN_CLEANUP(cairn_smt_free_p) cairn_smt *full = apply(f, 1, empty, false);
    store(f, 1, full);
    snapshot s;
    open_snapshot(f, 1, &s);
    CAIRN_CLEANUP(cairn_smt_free_p) cairn_smt *loaded = NULL;
    assert_int_equal(cairn_smt_load(&s.base, &loaded), CAIRN_OK);
    cairn_arena arena;
    cairn_arena_init(&arena, 1 << 20);
    cairn_smt_proof proof = {0};
    cairn_bytes key = cairn_bytes_str("1/10");
    assert_int_equal(cairn_smt_prove(loaded, &s.base, key, &arena, &proof), CAIRN_OK);
    assert_true(cairn_bytes_equal(proof.value, cairn_bytes_of(f->big, sizeof f->big)));
    assert_int_equal(cairn_ics23_verify_exist(&cairn_ics23_smt, cairn_smt_root(full), key,
                                              proof.value, proof.ics23),
                     CAIRN_OK);
    cairn_arena_done(&arena);
    close_snapshot(&s);
}

static void put_raw(const fixture *f, cairn_bytes key, cairn_bytes value)
{
    cairn_kv_txn *txn = NULL;
    assert_int_equal(cairn_kv_begin(f->kv, true, &txn), CAIRN_OK);
    assert_int_equal(cairn_kv_put(txn, TABLE, key, value), CAIRN_OK);
    assert_int_equal(cairn_kv_commit(txn), CAIRN_OK);
}

static void test_malformed_records_are_named(void **state)
{
    fixture *f = *state;
    /* slot 3; a key that ends early; records shorter than their head, key or bound say */
    static const struct {
        size_t key_size, value_size;
        uint16_t said;
    } cases[] = {{20, 40, 1}, {37, 40, 1}, {36, 33, 0}, {36, 0, 0}, {36, 40, 7}, {36, 400, 257}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint8_t key[40] = {0, 0, 0, 3, 0xab};
        uint8_t value[400] = {0};
        cairn_put_u16(value + 32, cases[i].said);
        put_raw(f, cairn_bytes_of(key, cases[i].key_size),
                cairn_bytes_of(value, cases[i].value_size));
        snapshot s;
        open_snapshot(f, 3, &s);
        cairn_smt *loaded = NULL;
        assert_int_equal(cairn_smt_load(&s.base, &loaded), CAIRN_ERR_CORRUPT);
        assert_null(loaded);
        close_snapshot(&s);
        cairn_kv_txn *txn = NULL;
        assert_int_equal(cairn_kv_begin(f->kv, true, &txn), CAIRN_OK);
        assert_int_equal(cairn_kv_delete(txn, TABLE, cairn_bytes_of(key, cases[i].key_size)),
                         CAIRN_OK);
        assert_int_equal(cairn_kv_commit(txn), CAIRN_OK);
    }
}

#define WITH_KV(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_KV(test_maps_share_a_table),
        WITH_KV(test_proof_of_a_large_value),
        WITH_KV(test_malformed_records_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
