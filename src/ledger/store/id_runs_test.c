/* Ids in memory and in runs: all that was added is found, in whichever run it lies by then, runs
 * stay few, and damage is named. */
#include "support/ledger_fixture.h"

#include "ledger/store/id_runs.h"

static const char *const tables[] = {"id"};

typedef struct world {
    char *directory;
    cairn_kv *kv;
} world;

static void begin(world *w)
{
    w->directory = fixture_directory();
    assert_int_equal(cairn_kv_open(w->directory, tables, 1, 1 << 28, &w->kv), CAIRN_OK);
}

static void end(world *w)
{
    cairn_kv_close(w->kv);
    fixture_remove(w->directory);
}

/* The prefix of the n-th id: as a hash's. */
static uint64_t prefix_of(uint64_t n)
{
    cairn_hash hash;
    cairn_sha256_of(&n, sizeof n, &hash);
    return cairn_id_prefix(&hash);
}

static cairn_err add_run(world *w, uint32_t slot, const cairn_id_table *ids, uint64_t height)
{
    cairn_kv_txn *txn = NULL;
    assert_int_equal(cairn_kv_begin(w->kv, true, &txn), CAIRN_OK);
    cairn_err err = cairn_id_runs_add(txn, 0, slot, ids, height);
    if (err == CAIRN_OK)
        assert_int_equal(cairn_kv_commit(txn), CAIRN_OK);
    else
        cairn_kv_abort(txn);
    return err;
}

static cairn_err find(world *w, uint32_t slot, uint64_t prefix, cairn_id_candidates *ret_found)
{
    cairn_kv_txn *txn = NULL;
    *ret_found = (cairn_id_candidates){0};
    assert_int_equal(cairn_kv_begin(w->kv, false, &txn), CAIRN_OK);
    cairn_err err = cairn_id_runs_find(txn, 0, slot, prefix, ret_found);
    cairn_kv_abort(txn);
    return err;
}

static size_t run_count(world *w, uint32_t slot)
{
    size_t count = 0;
    cairn_kv_txn *txn = NULL;
    assert_int_equal(cairn_kv_begin(w->kv, false, &txn), CAIRN_OK);
    assert_int_equal(cairn_id_runs_count(txn, 0, slot, &count), CAIRN_OK);
    cairn_kv_abort(txn);
    return count;
}

/* Rows of a ledger that stand as they were written. */
static cairn_err check(world *w, uint32_t slot, uint64_t *ret_count)
{
    cairn_kv_txn *txn = NULL;
    assert_int_equal(cairn_kv_begin(w->kv, false, &txn), CAIRN_OK);
    cairn_err err = cairn_id_runs_check(txn, 0, slot, ret_count);
    cairn_kv_abort(txn);
    return err;
}

/* Adds the ids from `*next` on, at one height. */
static void add_ids(cairn_id_table *ids, uint64_t height, size_t count, uint64_t *next)
{
    assert_int_equal(cairn_id_table_reserve(ids, count), CAIRN_OK);
    for (size_t i = 0; i < count; i++)
        cairn_id_table_add(ids, prefix_of((*next)++), height, i);
}

static void test_memory_finds_all_that_was_added(void **state)
{
    (void)state;
    cairn_id_table ids = {0};
    cairn_id_candidates found = {0};
    uint64_t next = 0;
    cairn_id_table_find(&ids, prefix_of(0), &found);
    assert_int_equal(found.count, 0);
    for (uint64_t height = 1; height <= 100; height++)
        add_ids(&ids, height, (size_t)height, &next);
    assert_int_equal(ids.used, 5050);
    uint64_t n = 0;
    for (uint64_t height = 1; height <= 100; height++)
        for (uint64_t place = 0; place < height; place++) {
            found.count = 0;
            cairn_id_table_find(&ids, prefix_of(n++), &found);
            assert_int_equal(found.count, 1);
            assert_int_equal(found.where[0], height << 16 | place);
        }
    found.count = 0;
    cairn_id_table_find(&ids, prefix_of(n), &found);
    assert_int_equal(found.count, 0);
    cairn_id_row *rows = NULL;
    assert_int_equal(cairn_id_table_sorted(&ids, &rows), CAIRN_OK);
    for (size_t i = 1; i < ids.used; i++)
        assert_true(rows[i - 1].prefix < rows[i].prefix);
    free(rows);
    cairn_id_table_done(&ids);
}

static void test_runs_merge_and_lose_nothing(void **state)
{
    (void)state;
    enum { RUNS = 600 };
    world w;
    uint64_t next = 0;
    size_t most = 0;
    static uint32_t height_of[100000];
    begin(&w);
    for (uint64_t height = 1; height <= RUNS; height++) {
        cairn_id_table ids = {0};
        uint64_t first = next;
        add_ids(&ids, height, height % 97 == 0 ? 3000 : (size_t)(height % 7), &next);
        for (uint64_t n = first; n < next; n++)
            height_of[n] = (uint32_t)height;
        assert_int_equal(add_run(&w, 5, &ids, height), CAIRN_OK);
        if (run_count(&w, 5) > most)
            most = run_count(&w, 5);
        cairn_id_table_done(&ids);
    }
    assert_true(most >= 8 && most < 40);
    uint64_t rows = 0;
    assert_int_equal(check(&w, 5, &rows), CAIRN_OK);
    assert_int_equal(rows, next);
    assert_int_equal(check(&w, 4, &rows), CAIRN_OK);
    assert_int_equal(rows, 0);
    for (uint64_t n = 0; n < next; n++) {
        cairn_id_candidates found;
        assert_int_equal(find(&w, 5, prefix_of(n), &found), CAIRN_OK);
        assert_int_equal(found.count, 1);
        assert_int_equal(found.where[0] >> 16, height_of[n]);
        if (n % 50 == 0) {
            assert_int_equal(find(&w, 4, prefix_of(n), &found), CAIRN_OK); /* another ledger's */
            assert_int_equal(found.count, 0);
            assert_int_equal(find(&w, 5, prefix_of(n) + 1, &found), CAIRN_OK);
            assert_int_equal(found.count, 0);
        }
    }
    end(&w);
}

/* Somebody who searched for them: ids that begin alike, across the ends of chunks and runs. */
static void test_ids_that_begin_alike(void **state)
{
    (void)state;
    world w;
    begin(&w);
    for (uint64_t height = 1; height <= 3; height++) {
        cairn_id_table ids = {0};
        assert_int_equal(cairn_id_table_reserve(&ids, 300), CAIRN_OK);
        for (uint64_t i = 0; i < 253; i++)
            cairn_id_table_add(&ids, i, height, i);
        for (uint64_t i = 253; i < 256; i++) /* the last row of a chunk and the next ones */
            cairn_id_table_add(&ids, 1000, height, i);
        cairn_id_table_add(&ids, 1001, height, 256);
        assert_int_equal(add_run(&w, 0, &ids, height), CAIRN_OK);
        cairn_id_table_done(&ids);
    }
    cairn_id_candidates found;
    assert_int_equal(find(&w, 0, 1000, &found), CAIRN_OK);
    assert_int_equal(found.count, 9);
    for (size_t i = 0; i < 9; i++) /* the newest run first */
        assert_int_equal(found.where[i], (uint64_t)(3 - i / 3) << 16 | (253 + i % 3));
    assert_int_equal(find(&w, 0, 1001, &found), CAIRN_OK);
    assert_int_equal(found.count, 3);
    assert_int_equal(find(&w, 0, 999, &found), CAIRN_OK);
    assert_int_equal(found.count, 0);
    assert_int_equal(find(&w, 0, UINT64_MAX, &found), CAIRN_OK);
    assert_int_equal(found.count, 0);
    end(&w);
}

static void test_damage_is_named(void **state)
{
    (void)state;
    world w;
    cairn_id_table ids = {0};
    cairn_id_candidates found;
    uint64_t next = 0;
    begin(&w);
    add_ids(&ids, 1, 300, &next);
    assert_int_equal(add_run(&w, 0, &ids, 9), CAIRN_OK);
    assert_int_equal(add_run(&w, 0, &ids, 9), CAIRN_ERR_CORRUPT); /* not above the last one */
    cairn_kv_txn *txn = NULL;
    cairn_kv_cursor *cursor = NULL;
    cairn_bytes key, value;
    uint8_t key_copy[64], changed[4096];
    assert_int_equal(cairn_kv_begin(w.kv, true, &txn), CAIRN_OK);
    assert_int_equal(cairn_kv_cursor_open(txn, 0, &cursor), CAIRN_OK);
    assert_int_equal(cairn_kv_cursor_seek(cursor, (cairn_bytes){0}, &key, &value), CAIRN_OK);
    assert_int_equal(key.size, 4); /* the directory; then the first chunk */
    assert_int_equal(cairn_kv_cursor_next(cursor, &key, &value), CAIRN_OK);
    assert_int_equal(value.size, 4 + 254 * 16);
    memcpy(key_copy, key.data, key.size);
    memcpy(changed, value.data, value.size);
    changed[value.size - 1] ^= 1;
    key.data = key_copy;
    cairn_kv_cursor_close(cursor);
    assert_int_equal(cairn_kv_put(txn, 0, key, cairn_bytes_of(changed, value.size)), CAIRN_OK);
    assert_int_equal(cairn_kv_commit(txn), CAIRN_OK);
    assert_int_equal(find(&w, 0, 0, &found), CAIRN_ERR_CORRUPT);
    assert_non_null(strstr(cairn_err_detail(), "index.id"));
    cairn_id_table_done(&ids);
    end(&w);
}

/* What a search would miss without a word: a chunk that is gone, one under another key, a directory
 * that is gone. */
static void test_what_is_lacking_is_found(void **state)
{
    (void)state;
    for (int damage = 0; damage < 3; damage++) {
        world w;
        cairn_id_table ids = {0};
        uint64_t next = 0;
        uint64_t rows = 0;
        cairn_kv_txn *txn = NULL;
        cairn_kv_cursor *cursor = NULL;
        cairn_bytes key, value;
        uint8_t key_copy[64], copy[4096];
        begin(&w);
        add_ids(&ids, 1, 300, &next);
        assert_int_equal(add_run(&w, 0, &ids, 9), CAIRN_OK);
        assert_int_equal(cairn_kv_begin(w.kv, true, &txn), CAIRN_OK);
        assert_int_equal(cairn_kv_cursor_open(txn, 0, &cursor), CAIRN_OK);
        assert_int_equal(cairn_kv_cursor_seek(cursor, (cairn_bytes){0}, &key, &value), CAIRN_OK);
        if (damage < 2)
            assert_int_equal(cairn_kv_cursor_next(cursor, &key, &value), CAIRN_OK);
        memcpy(key_copy, key.data, key.size);
        memcpy(copy, value.data, value.size);
        cairn_bytes old = cairn_bytes_of(key_copy, key.size);
        cairn_bytes content = cairn_bytes_of(copy, value.size);
        cairn_kv_cursor_close(cursor);
        assert_int_equal(cairn_kv_delete(txn, 0, old), CAIRN_OK);
        key_copy[old.size - 1] ^= 1;
        if (damage == 1)
            assert_int_equal(cairn_kv_put(txn, 0, old, content), CAIRN_OK);
        assert_int_equal(cairn_kv_commit(txn), CAIRN_OK);
        cairn_err err = check(&w, 0, &rows);
        if (damage < 2)
            assert_int_equal(err, CAIRN_ERR_CORRUPT);
        else
            assert_int_equal(rows, 0); /* the index's own record says 300 */
        cairn_id_table_done(&ids);
        end(&w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_memory_finds_all_that_was_added),
        cmocka_unit_test(test_runs_merge_and_lose_nothing),
        cmocka_unit_test(test_ids_that_begin_alike),
        cmocka_unit_test(test_damage_is_named),
        cmocka_unit_test(test_what_is_lacking_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
