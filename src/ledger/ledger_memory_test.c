/* Each allocation of a block fails once, while it is applied and while it is committed: the ledger
 * is as it was, no verdict is another for it, and the same block can be done afterwards. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/ledger_memory.h"
#include "support/no_memory.h"

#include "ledger/audit.h"

#define NOW (MEMORY_TIME_MS + 1000)

enum { TXS = 30 };

/* Accepted and refused ones of all features, over several buckets of the window. */
static void make_txs(memory_ledger *m, cairn_tx_input inputs[TXS])
{
    const cairn_hash org = memory_org(MEMORY_SIGN);
    cairn_bytes admit = memory_admit(&m->arena, &m->id, "Guest", false, 50);
    for (size_t i = 0; i < TXS; i++) {
        uint16_t type = CAIRN_TX_ANCHOR;
        cairn_bytes body = memory_anchor(&m->arena, i / 2);
        if (i == 5) {
            type = CAIRN_TX_KEY_ADD;
            body = memory_key_add(&m->arena, &m->id, &org, CAIRN_PURPOSE_TLS, memory_key(31));
        } else if (i == 7) {
            type = CAIRN_TX_APPROVAL_PROPOSE;
            body = memory_propose(&m->arena, CAIRN_TX_ORG_ADMIT, admit, NOW + 1);
        }
        cairn_bytes tx = memory_tx(m, memory_key(MEMORY_SIGN), type, body, NOW + 1 + i * 7001);
        assert_int_equal(cairn_tx_decode(tx, &inputs[i].tx), CAIRN_OK);
    }
}

/* OpenSSL does not always say what it lacked. */
static bool is_about_memory(cairn_err err)
{
    return err == CAIRN_ERR_NO_MEMORY || err == CAIRN_ERR_CRYPTO;
}

/* What a ledger shows of itself. */
typedef struct standing {
    const cairn_view *view;
    uint64_t ids, log_size;
} standing;

static standing stand(memory_ledger *m)
{
    cairn_view *view = cairn_ledger_view(m->ledger);
    const standing s = {view, cairn_ledger_window(m->ledger)->count,
                        cairn_ledger_frontier(m->ledger)->size};
    cairn_view_free(view);
    return s;
}

static void must_stand(memory_ledger *m, const standing *before)
{
    const standing now = stand(m);
    assert_ptr_equal(now.view, before->view);
    assert_int_equal(now.ids, before->ids);
    assert_int_equal(now.log_size, before->log_size);
}

static cairn_err apply(memory_ledger *m, const cairn_tx_input *inputs, cairn_arena *arena,
                       cairn_block *ret_block)
{
    return cairn_ledger_apply(m->ledger, &memory_bases, 1, NOW, inputs, TXS, arena, ret_block);
}

static void test_apply_and_commit(void **state)
{
    (void)state;
    if (!NO_MEMORY_WORKS)
        skip();
    memory_ledger m;
    static cairn_tx_input inputs[TXS];
    cairn_arena arena;
    cairn_block want, block;
    memory_begin(&m, 1, NULL);
    make_txs(&m, inputs);
    cairn_arena_init(&arena, 1 << 24);
    assert_int_equal(apply(&m, inputs, &arena, &want), CAIRN_OK);
    assert_int_equal(want.outcome.refused_count, 13);
    const standing before = stand(&m);
    bool fired = true;
    unsigned failures = 0;
    for (unsigned at = 1; fired; at++) {
        cairn_arena scratch;
        cairn_key_cache_free(m.keys); /* each time with no key at hand */
        cairn_arena_init(&scratch, 1 << 24);
        cairn_ledger_free(m.ledger);
        assert_int_equal(cairn_key_cache_new(4, &m.keys), CAIRN_OK);
        assert_int_equal(cairn_ledger_new(&cairn_all_features, m.keys, &m.ledger), CAIRN_OK);
        cairn_block first;
        assert_int_equal(cairn_ledger_begin(m.ledger, &memory_bases, m.genesis, &scratch, &first),
                         CAIRN_OK);
        assert_int_equal(cairn_ledger_commit(m.ledger, &first), CAIRN_OK);
        const standing fresh = stand(&m);
        no_memory_here = true;
        no_memory_arm(at);
        cairn_err err = apply(&m, inputs, &scratch, &block);
        bool applied = err == CAIRN_OK;
        if (applied)
            err = cairn_ledger_commit(m.ledger, &block);
        fired = no_memory_disarm();
        no_memory_here = false;
        if (err != CAIRN_OK) {
            assert_true(is_about_memory(err));
            must_stand(&m, &fresh);
            failures++;
            if (!applied)
                assert_int_equal(apply(&m, inputs, &scratch, &block), CAIRN_OK);
            assert_int_equal(cairn_ledger_commit(m.ledger, &block), CAIRN_OK);
        }
        assert_memory_equal(block.entry_bytes, want.entry_bytes, want.entry_size);
        assert_memory_equal(&block.log_root, &want.log_root, sizeof want.log_root);
        assert_int_equal(stand(&m).ids, TXS);
        cairn_arena_done(&scratch);
    }
    assert_true(failures > 20);
    assert_int_equal(before.ids, 0);
    cairn_block_discard(&want);
    cairn_arena_done(&arena);
    memory_end(&m);
}

static void test_genesis_and_audit(void **state)
{
    (void)state;
    if (!NO_MEMORY_WORKS)
        skip();
    memory_ledger m;
    cairn_bytes raw;
    cairn_block_record record;
    memory_begin(&m, 3, NULL);
    assert_int_equal(cairn_block_record_encode(&m.arena, 0, &m.block, &raw), CAIRN_OK);
    bool fired = true;
    for (unsigned at = 1; fired; at++) {
        cairn_arena arena;
        cairn_audit *audit = NULL;
        cairn_arena_init(&arena, 1 << 24);
        no_memory_here = true;
        no_memory_arm(at);
        cairn_err err = cairn_audit_new(&cairn_all_features, &audit);
        if (err == CAIRN_OK)
            err = cairn_block_record_decode(&arena, raw, &record);
        if (err == CAIRN_OK)
            err = cairn_audit_block(audit, &record);
        fired = no_memory_disarm();
        no_memory_here = false;
        assert_true(err == CAIRN_OK || is_about_memory(err));
        if (audit != NULL) { /* it goes on from where it stood */
            bool done = err == CAIRN_OK;
            assert_int_equal(cairn_block_record_decode(&arena, raw, &record), CAIRN_OK);
            assert_int_equal(cairn_audit_block(audit, &record),
                             done ? CAIRN_ERR_CORRUPT : CAIRN_OK);
            assert_int_equal(cairn_audit_block_count(audit), 1);
        }
        cairn_audit_free(audit);
        cairn_arena_done(&arena);
    }
    memory_end(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_apply_and_commit),
        cmocka_unit_test(test_genesis_and_audit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
