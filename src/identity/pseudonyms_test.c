/* Pseudonyms against values that Python's hmac and hashlib computed from the format page. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "identity/identity.h"
#include "support/hex.h"

static cairn_hash of(const uint8_t key[32], uint8_t ledger, const char *context, uint32_t rotation,
                     const char *identifier)
{
    cairn_hash ledger_id, pseudonym;
    memset(&ledger_id, ledger, sizeof ledger_id);
    assert_int_equal(cairn_pseudonym_derive(key, &ledger_id, cairn_bytes_str(context), rotation,
                                            cairn_bytes_str(identifier), &pseudonym),
                     CAIRN_OK);
    return pseudonym;
}

static void test_values(void **state)
{
    (void)state;
    TEST_HEX(want_key, "07ca2f60daeb2e829874051c384b6746346bdeac23590750af428a39457d58d9");
    TEST_HEX(want, "7ed985a95998700d99aed7ff984a311536a54595d638028b2eecd22501bba4fc");
    uint8_t master[32], key[CAIRN_PSEUDONYM_KEY_SIZE];
    cairn_hash org, ledger;
    for (uint8_t i = 0; i < 32; i++)
        master[i] = i;
    memset(&org, 0x11, sizeof org);
    memset(&ledger, 0x22, sizeof ledger);
    assert_int_equal(cairn_pseudonym_key_derive(cairn_bytes_of(master, 32), &org, &ledger, key),
                     CAIRN_OK);
    assert_memory_equal(key, want_key.data, 32);
    const cairn_hash got = of(key, 0x22, "contract 7", 3, "WVWZZZ1KZAW000001");
    assert_memory_equal(got.b, want.data, 32);
    assert_int_equal(cairn_pseudonym_key_derive(cairn_bytes_of(master, 31), &org, &ledger, key),
                     CAIRN_ERR_BAD_KEY);
}

/* [X1410-R04] One party in two agreements shows two identifiers. [X1454-R07] Those that two
 * applications get cannot be joined. */
static void test_whatever_differs_gives_another_one(void **state)
{
    (void)state;
    const uint8_t one[32] = {1}, two[32] = {2};
    const cairn_hash all[] = {
        of(one, 1, "a", 0, "x"),  of(two, 1, "a", 0, "x"),  of(one, 2, "a", 0, "x"),
        of(one, 1, "b", 0, "x"),  of(one, 1, "a", 1, "x"),  of(one, 1, "a", 0, "y"),
        of(one, 1, "ab", 0, "c"), of(one, 1, "a", 0, "bc"),
    };
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        for (size_t j = 0; j < i; j++)
            assert_false(cairn_hash_equal(&all[i], &all[j]));
    const cairn_hash again = of(one, 1, "a", 0, "x");
    assert_true(cairn_hash_equal(&again, &all[0]));
}

static void test_sizes(void **state)
{
    (void)state;
    const uint8_t key[32] = {1}, text[257] = {1};
    const cairn_hash ledger = {{1}};
    cairn_hash pseudonym;
    static const struct {
        size_t context, identifier;
        cairn_err code;
    } cases[] = {
        {1, 1, CAIRN_OK},
        {256, 256, CAIRN_OK},
        {0, 1, CAIRN_ERR_BAD_VALUE},
        {1, 0, CAIRN_ERR_BAD_VALUE},
        {257, 1, CAIRN_ERR_BAD_VALUE},
        {1, 257, CAIRN_ERR_BAD_VALUE},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(
            cairn_pseudonym_derive(key, &ledger, cairn_bytes_of(text, cases[i].context), 0,
                                   cairn_bytes_of(text, cases[i].identifier), &pseudonym),
            cases[i].code);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_whatever_differs_gives_another_one),
        cmocka_unit_test(test_sizes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
