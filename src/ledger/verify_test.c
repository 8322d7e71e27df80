/* The offline verifier: each rule of docs/formats/receipt.md (Check) and trust.md with its no. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cairn/verify.h"
#include "support/vouch.h"

static test_world world;

static int set_up(void **state)
{
    (void)state;
    test_world_init(&world);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    test_world_done(&world);
    return 0;
}

static cairn_arena scratch;
static cairn_receipt_verdict verdict;

/* Verifies with the trust that the world's draft is now. The verdict may be looked at until the
 * next call, but for its trust. */
static cairn_err verify_bytes(cairn_bytes file, uint64_t now_ms)
{
    cairn_arena_done(&scratch);
    cairn_arena_init(&scratch, CAIRN_VERIFY_ARENA_SIZE);
    cairn_trust trust = test_world_trust(&world);
    cairn_err err = cairn_verify_receipt(&scratch, file, &trust, now_ms, &verdict);
    cairn_trust_done(&trust);
    return err;
}

static cairn_err verify_all(const test_says *says, size_t count)
{
    cairn_bytes receipts[8];
    for (size_t i = 0; i < count; i++)
        receipts[i] = test_world_receipt(&world, says[i]);
    return verify_bytes(test_world_file(&world, receipts, count), TEST_NOW_MS);
}

#define VERIFY(...)                              \
    verify_all((const test_says[]){__VA_ARGS__}, \
               sizeof((const test_says[]){__VA_ARGS__}) / sizeof(test_says))

static void test_two_of_four_vouch(void **state)
{
    (void)state;
    assert_int_equal(VERIFY({.org = 0}, {.org = 1}), CAIRN_OK);
    const cairn_vouching *v = &verdict.vouching;
    assert_int_equal(v->finding_count, 2);
    assert_int_equal(v->vouching_count, 2);
    assert_int_equal(v->height, TEST_HEIGHT);
    assert_int_equal(v->time_ms, TEST_TIME_MS);
    assert_int_equal(v->size, TEST_LOG_SIZE);
    assert_int_equal(v->index, TEST_INDEX);
    assert_true(cairn_bytes_equal(v->vouching[0]->entry->member->name, cairn_bytes_str("Fleet A")));
    assert_int_equal(verdict.signer_standing, CAIRN_SIGNER_VERIFIED);
    assert_true(cairn_bytes_equal(verdict.signer->member->name, cairn_bytes_str("Fleet A")));
    assert_true(cairn_bytes_equal(verdict.tx.raw, world.tx));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_two_of_four_vouch, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
