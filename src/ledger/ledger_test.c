/* The ledger from block to block: the chain of block entries, what the roots cover, refusals that
 * can be proved, geneses that are none, and that a block which is only computed changes nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/ledger_memory.h"

#define NOW (MEMORY_TIME_MS + 1000)

static cairn_bytes anchor_tx(memory_ledger *m, uint64_t number, uint64_t valid_until_ms)
{
    return memory_tx(m, memory_key(MEMORY_SIGN), CAIRN_TX_ANCHOR, memory_anchor(&m->arena, number),
                     valid_until_ms);
}

/* --- the log, from its entries alone --- */

typedef struct entries {
    cairn_hash leaves[256];
    size_t count;
} entries;

static void add_entry(entries *log, cairn_bytes entry)
{
    assert_true(log->count < 256);
    cairn_merkle_leaf(entry, &log->leaves[log->count++]);
}

static void add_block(entries *log, const memory_ledger *m)
{
    const cairn_block *b = &m->block;
    cairn_block_entry decoded;
    cairn_bytes entry = cairn_bytes_of(b->entry_bytes, b->entry_size);
    for (size_t i = 0; i < b->outcome.count; i++)
        if (b->outcome.results[i].code == CAIRN_OK) {
            assert_int_equal(b->outcome.results[i].index, log->count);
            add_entry(log, b->inputs[i].tx.raw);
        }
    assert_int_equal(cairn_block_entry_decode(entry, &decoded), CAIRN_OK);
    assert_int_equal(decoded.first + decoded.count, log->count);
    assert_int_equal(entry.data[0], CAIRN_BLOCK_ENTRY_FIRST_BYTE);
    add_entry(log, entry);
}

static void test_block_entries_chain(void **state)
{
    (void)state;
    static entries log;
    memory_ledger m;
    uint64_t height = 0, time_ms = MEMORY_TIME_MS, next = 2;
    memory_begin(&m, 1, NULL);
    assert_int_equal(m.block.entry.first, 1);
    assert_int_equal(m.block.entry.count, 0);
    log.count = 0;
    add_entry(&log, m.genesis);
    add_entry(&log, cairn_bytes_of(m.block.entry_bytes, m.block.entry_size));
    for (uint64_t block = 1; block < 12; block++) {
        cairn_bytes txs[8];
        size_t count = block % 5; /* some are empty, and some repeat an anchor */
        for (size_t i = 0; i < count; i++)
            txs[i] = anchor_tx(&m, block * 2 + i, NOW + block * 1000 + i);
        (void)memory_block(&m, NOW + block * 10, txs, count);
        assert_int_equal(m.block.changed, count != 0);
        if (count == 0)
            continue;
        const cairn_block_entry *e = &m.block.entry;
        assert_true(e->height > height && e->time_ms >= time_ms);
        assert_int_equal(e->first, next);
        height = e->height;
        time_ms = e->time_ms;
        next = e->first + e->count + 1;
        add_block(&log, &m);
        cairn_hash root;
        cairn_merkle_root(log.leaves, log.count, &root);
        cairn_view *view = cairn_ledger_view(m.ledger);
        assert_int_equal(view->log_size, log.count);
        assert_memory_equal(&view->log_root, &root, sizeof root);
        assert_memory_equal(&view->last, e, sizeof *e);
        assert_memory_equal(cairn_smt_root(view->maps[CAIRN_MAP_STATE]), &e->state_root, 32);
        assert_memory_equal(cairn_smt_root(view->maps[CAIRN_MAP_CONFIG]), &e->config_root, 32);
        cairn_view_free(view);
    }
    memory_end(&m);
}

/* An empty block, and one of refusals without a trace, leave app_hash as it is. */
static void test_an_empty_block_changes_nothing(void **state)
{
    (void)state;
    memory_ledger m;
    memory_begin(&m, 1, NULL);
    cairn_view *before = cairn_ledger_view(m.ledger);
    const cairn_bytes expired = anchor_tx(&m, 1, NOW);
    (void)memory_block(&m, NOW, NULL, 0);
    (void)memory_block(&m, NOW, &expired, 1);
    cairn_view *after = cairn_ledger_view(m.ledger);
    assert_ptr_equal(before, after);
    cairn_view_free(before);
    cairn_view_free(after);
    memory_end(&m);
}

static void test_app_hash(void **state)
{
    (void)state;
    cairn_hash root, got, want;
    uint8_t message[16 + 8 + 32] = "cairn/app-hash/1";
    memset(root.b, 7, sizeof root.b);
    message[16 + 7] = 5;
    memcpy(message + 24, root.b, 32);
    cairn_sha256_of(message, sizeof message, &want);
    cairn_app_hash(5, &root, &got);
    assert_memory_equal(&got, &want, sizeof want);
}

/* --- refusals --- */

/* Five refusals among accepted ones; each is proved by (id, code) and a path to results_root. The
 * path is RFC 6962's, built here from the leaves. */
static void test_a_refusal_is_provable(void **state)
{
    (void)state;
    memory_ledger m;
    memory_begin(&m, 1, NULL);
    cairn_bytes txs[9];
    for (size_t i = 0; i < 9; i++)
        txs[i] = anchor_tx(&m, i < 4 ? i : 0, NOW + 1 + i);
    txs[8] = memory_tx(&m, memory_key(MEMORY_SIGN), CAIRN_TX_PARAMS_SET, cairn_bytes_of("\xa0", 1),
                       NOW + 1); /* no trace: its schema is broken */
    const cairn_outcome *o = memory_block(&m, NOW, txs, 9);
    assert_int_equal(o->accepted_count, 4);
    assert_int_equal(o->refused_count, 4);
    assert_memory_equal(&o->results_root, &m.block.entry.results_root, 32);
    cairn_hash leaves[4], left, right, root;
    for (size_t i = 0; i < 4; i++) {
        uint8_t leaf[CAIRN_RESULT_LEAF_SIZE] = {0};
        const cairn_hash id = memory_id(txs[4 + i]);
        memcpy(leaf, id.b, 32);
        cairn_put_u32(leaf + 32, 420); /* EXISTS */
        cairn_merkle_leaf(cairn_bytes_of(leaf, sizeof leaf), &leaves[i]);
    }
    cairn_sha256_node(&leaves[0], &leaves[1], &left);
    cairn_sha256_node(&leaves[2], &leaves[3], &right);
    cairn_sha256_node(&left, &right, &root);
    assert_memory_equal(&root, &o->results_root, sizeof root);
    const cairn_hash path[] = {leaves[3], left};
    assert_int_equal(
        cairn_merkle_verify_inclusion(&leaves[2], 2, 4, path, 2, &m.block.entry.results_root),
        CAIRN_OK);
    uint8_t other[CAIRN_RESULT_LEAF_SIZE]; /* another code does not fold to the root */
    const cairn_hash id = memory_id(txs[6]);
    cairn_hash leaf;
    cairn_result_leaf(&id, CAIRN_ERR_CLOSED, other);
    cairn_merkle_leaf(cairn_bytes_of(other, sizeof other), &leaf);
    assert_int_equal(
        cairn_merkle_verify_inclusion(&leaf, 2, 4, path, 2, &m.block.entry.results_root),
        CAIRN_ERR_BAD_PROOF);
    memory_end(&m);
}

/* --- computing is not changing --- */

static void apply(memory_ledger *m, cairn_arena *arena, const cairn_bytes *txs, size_t count,
                  bool verified, cairn_block *ret_block)
{
    void *memory = NULL;
    assert_int_equal(cairn_arena_array(arena, count, sizeof(cairn_tx_input), &memory), CAIRN_OK);
    cairn_tx_input *inputs = memory;
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(cairn_tx_decode(txs[i], &inputs[i].tx), CAIRN_OK);
        inputs[i].verified = verified;
    }
    assert_int_equal(
        cairn_ledger_apply(m->ledger, &memory_bases, 1, NOW, inputs, count, arena, ret_block),
        CAIRN_OK);
}

static void test_applying_twice_gives_the_same(void **state)
{
    (void)state;
    enum { COUNT = 60 };
    memory_ledger m;
    cairn_bytes txs[COUNT];
    cairn_arena arena;
    cairn_block first, second;
    memory_begin(&m, 2, NULL);
    cairn_arena_init(&arena, 1 << 24);
    for (size_t i = 0; i < COUNT; i++)
        txs[i] = anchor_tx(&m, i % 50, NOW + 1 + i);
    apply(&m, &arena, txs, COUNT, false, &first);
    assert_int_equal(cairn_ledger_height(m.ledger), 0);
    assert_int_equal(cairn_ledger_window(m.ledger)->count, 0);
    apply(&m, &arena, txs, COUNT, true, &second); /* signatures that a worker has verified */
    assert_memory_equal(first.entry_bytes, second.entry_bytes, sizeof first.entry_bytes);
    assert_memory_equal(&first.log_root, &second.log_root, sizeof first.log_root);
    for (size_t i = 0; i < COUNT; i++)
        assert_int_equal(first.outcome.results[i].code, second.outcome.results[i].code);
    cairn_block_discard(&first);
    assert_int_equal(cairn_ledger_commit(m.ledger, &second), CAIRN_OK);
    assert_int_equal(cairn_ledger_height(m.ledger), 1);
    assert_int_equal(cairn_ledger_window(m.ledger)->count, COUNT);
    cairn_arena_done(&arena);
    memory_end(&m);
}

static void test_heights_rise_and_times_do_not_fall(void **state)
{
    (void)state;
    memory_ledger m;
    cairn_block block;
    memory_begin(&m, 1, NULL);
    assert_int_equal(memory_send(&m, NOW, anchor_tx(&m, 1, NOW + 1)), CAIRN_OK);
    assert_int_equal(cairn_ledger_apply(m.ledger, &memory_bases, 1, NOW, NULL, 0, &m.arena, &block),
                     CAIRN_ERR_ARGUMENT);
    assert_int_equal(
        cairn_ledger_apply(m.ledger, &memory_bases, 2, NOW - 1, NULL, 0, &m.arena, &block),
        CAIRN_ERR_ARGUMENT);
    assert_int_equal(cairn_ledger_apply(m.ledger, &memory_bases, 9, NOW, NULL, 0, &m.arena, &block),
                     CAIRN_OK);
    assert_int_equal(cairn_ledger_begin(m.ledger, &memory_bases, m.genesis, &m.arena, &block),
                     CAIRN_ERR_EXISTS);
    memory_end(&m);
}

/* What a submitter is told before a block: all checks but those of the window. */
static void test_check_before_a_block(void **state)
{
    (void)state;
    memory_ledger m;
    cairn_tx_input input = {0};
    memory_begin(&m, 1, NULL);
    cairn_bytes tx = anchor_tx(&m, 1, NOW + 1);
    assert_int_equal(cairn_tx_decode(tx, &input.tx), CAIRN_OK);
    cairn_view *view = cairn_ledger_view(m.ledger);
    for (uint64_t now = NOW; now < NOW + 2; now++)
        assert_int_equal(
            cairn_ledger_check(m.ledger, view, &memory_bases, 1, now, &input, &m.arena),
            now == NOW ? CAIRN_OK : CAIRN_ERR_TX_EXPIRED);
    assert_int_equal(memory_send(&m, NOW, tx), CAIRN_OK);
    assert_int_equal(cairn_ledger_check(m.ledger, view, &memory_bases, 1, NOW, &input, &m.arena),
                     CAIRN_OK);
    cairn_bytes value; /* the old view still shows the old state */
    cairn_state_key key;
    cairn_hash commitment;
    cairn_sha256_of("\0\0\0\0\0\0\0\1", 8, &commitment);
    cairn_state_key_make(&key, "anchor/", cairn_bytes_hash(&commitment));
    assert_int_equal(cairn_view_get(view, &memory_bases, CAIRN_MAP_STATE,
                                    cairn_state_key_view(&key), &m.arena, &value),
                     CAIRN_ERR_NOT_FOUND);
    assert_int_equal(
        memory_get(&m, CAIRN_MAP_STATE, "anchor/", cairn_bytes_hash(&commitment), &value),
        CAIRN_OK);
    cairn_view_free(view);
    memory_end(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_block_entries_chain),
        cmocka_unit_test(test_an_empty_block_changes_nothing),
        cmocka_unit_test(test_app_hash),
        cmocka_unit_test(test_a_refusal_is_provable),
        cmocka_unit_test(test_applying_twice_gives_the_same),
        cmocka_unit_test(test_heights_rise_and_times_do_not_fall),
        cmocka_unit_test(test_check_before_a_block),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
