/* Each allocation of a block about devices fails once: the block fails as a whole, or its verdicts
 * are those that every other validator gives. One that took its lack of memory for a bad signature
 * or a bad key would have a ledger of its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/no_memory.h"
#include "support/onboard_world.h"

enum { TXS = 4 };

/* OpenSSL does not always say what it lacked. */
static bool is_about_memory(cairn_err err)
{
    return err == CAIRN_ERR_NO_MEMORY || err == CAIRN_ERR_CRYPTO;
}

static cairn_err apply(memory_ledger *m, const cairn_tx_input *inputs, cairn_arena *arena,
                       cairn_block *ret_block)
{
    return cairn_ledger_apply(m->ledger, &memory_bases, m->height + 1, WORLD_NOW, inputs, TXS,
                              arena, ret_block);
}

static void must_match(const cairn_block *block, const cairn_block *want, unsigned at)
{
    for (size_t i = 0; i < TXS; i++)
        if (block->outcome.results[i].code != want->outcome.results[i].code)
            fail_msg("allocation %u: transaction %zu: %s", at, i,
                     cairn_err_name(block->outcome.results[i].code));
    assert_memory_equal(block->entry_bytes, want->entry_bytes, want->entry_size);
}

/* A registration, a sale, a sale by another's key, and a claim. */
static void make_txs(memory_ledger *m, world_device devices[3], cairn_tx_input inputs[TXS])
{
    for (uint8_t i = 0; i < 3; i++) {
        devices[i] = world_make(m, i, 0, WORLD_MAKER_KEY);
        if (i == 0)
            continue;
        assert_int_equal(
            world_say(m, WORLD_MAKER, CAIRN_TX_DEVICE_REGISTER, world_register(m, &devices[i])),
            CAIRN_OK);
        devices[i].version = 1;
    }
    assert_int_equal(world_say(m, WORLD_MAKER, CAIRN_TX_DEVICE_TRANSFER,
                               world_transfer(m, &devices[2], WORLD_MAKER, WORLD_OWNER_KEY)),
                     CAIRN_OK);
    devices[2].version = 2;
    const cairn_bytes entry = world_sell(m, &devices[1], WORLD_OWNER_KEY);
    uint8_t forged[CAIRN_DEVICE_ENTRY_SIZE_MAX];
    memcpy(forged, entry.data, entry.size);
    forged[entry.size - 1] ^= 1;
    const cairn_bytes txs[TXS] = {
        world_tx(m, WORLD_MAKER, CAIRN_TX_DEVICE_REGISTER, world_register(m, &devices[0])),
        world_tx(m, WORLD_MAKER, CAIRN_TX_DEVICE_TRANSFER,
                 world_transfer_of(m, &devices[1], WORLD_MAKER, WORLD_MAKER_KEY,
                                   cairn_bytes_of(forged, entry.size))),
        world_tx(m, WORLD_MAKER, CAIRN_TX_DEVICE_TRANSFER,
                 world_transfer_of(m, &devices[1], WORLD_MAKER, WORLD_MAKER_KEY, entry)),
        world_tx(m, WORLD_OWNER, CAIRN_TX_DEVICE_CLAIM,
                 world_claim(m, &devices[2], WORLD_OWNER, NULL)),
    };
    for (size_t i = 0; i < TXS; i++) {
        inputs[i] = (cairn_tx_input){.verified = true};
        assert_int_equal(cairn_tx_decode(txs[i], &inputs[i].tx), CAIRN_OK);
    }
}

static void test_every_allocation(void **state)
{
    (void)state;
    if (!NO_MEMORY_WORKS)
        skip();
    static const cairn_err codes[TXS] = {CAIRN_OK, CAIRN_ERR_BAD_SIGNATURE, CAIRN_OK, CAIRN_OK};
    memory_ledger m;
    world_device devices[3];
    cairn_tx_input inputs[TXS];
    cairn_arena arena;
    cairn_block want, block;
    bool fired = true;
    unsigned failures = 0;
    world_begin(&m);
    make_txs(&m, devices, inputs);
    cairn_arena_init(&arena, 1 << 24);
    assert_int_equal(apply(&m, inputs, &arena, &want), CAIRN_OK);
    for (size_t i = 0; i < TXS; i++)
        assert_int_equal(want.outcome.results[i].code, codes[i]);
    for (unsigned at = 1; fired; at++) {
        cairn_arena scratch;
        cairn_arena_init(&scratch, 1 << 24);
        no_memory_here = true;
        no_memory_arm(at);
        cairn_err err = apply(&m, inputs, &scratch, &block);
        fired = no_memory_disarm();
        no_memory_here = false;
        if (err == CAIRN_OK) {
            must_match(&block, &want, at);
            cairn_block_discard(&block);
        } else {
            assert_true(is_about_memory(err));
            failures++;
        }
        cairn_arena_done(&scratch);
    }
    assert_true(failures > 20);
    cairn_block_discard(&want);
    cairn_arena_done(&arena);
    for (size_t i = 0; i < 3; i++)
        world_done(&devices[i]);
    memory_end(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
