/* Memory ends at the n-th allocation of the process, for every n until none fails: a proof is then
 * verified, or there was not enough memory; it is never a no. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/light_seeds.h"
#include "support/no_memory.h"

static seed_chain seeds;
static cairn_bytes proof_bytes;

static int set_up(void **state)
{
    (void)state;
    seed_chain_init(&seeds);
    const cairn_light_block block = seed_target(&seeds, 20, seeds.four);
    proof_bytes = seed_proof(&seeds, &block, 1);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    test_chain_done(&seeds.chain);
    return 0;
}

static cairn_err verify_proof(cairn_arena *arena)
{
    cairn_commit_proof proof;
    cairn_commit_verdict verdict;
    CAIRN_TRY(cairn_commit_proof_decode(arena, proof_bytes, &proof));
    return cairn_commit_proof_verify(&proof, seed_entry(), &seeds.anchor, test_chain_rules(100).now,
                                     &verdict);
}

static void test_verify(void **state)
{
    (void)state;
    unsigned faults = 0;
    if (!NO_MEMORY_WORKS)
        skip();
    for (unsigned at = 1;; at++) {
        static uint8_t storage[4096] __attribute__((aligned(16)));
        cairn_arena arena;
        cairn_arena_init_fixed(&arena, storage, sizeof storage);
        no_memory_here = true;
        no_memory_arm(at);
        cairn_err err = verify_proof(&arena);
        bool failed = no_memory_disarm();
        no_memory_here = false;
        if (err != CAIRN_OK && err != CAIRN_ERR_NO_MEMORY && err != CAIRN_ERR_CRYPTO)
            fail_msg("allocation %u: %s: %s", at, cairn_err_name(err), cairn_err_detail());
        if (!failed) {
            assert_int_equal(err, CAIRN_OK);
            break;
        }
        faults++;
    }
    assert_true(faults > 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_verify),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
