/* What is remembered of tokens, and for how long. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "node/auth/auth_tokens.h"

enum { NOW = 1000000 };

static cairn_tokens *tokens;

static int setup(void **state)
{
    (void)state;
    return cairn_tokens_new(&tokens) == CAIRN_OK ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    cairn_tokens_free(tokens);
    return 0;
}

static cairn_hash hash_of(uint32_t place, uint8_t tail)
{
    cairn_hash hash = {{0}};
    cairn_put_u32(hash.b, place);
    hash.b[31] = tail;
    return hash;
}

static void remember(const cairn_hash *hash, const char *subject)
{
    cairn_token_facts facts = {.keys = 7, .checked_ms = NOW, .until_ms = NOW + 100};
    (void)snprintf(facts.principal.subject, sizeof facts.principal.subject, "%s", subject);
    cairn_tokens_remember(tokens, hash, &facts);
}

static void test_as_long_as_it_holds(void **state)
{
    const cairn_hash one = hash_of(1, 1);
    const cairn_hash nobody = {{0}};
    cairn_token_facts facts;
    (void)state;
    assert_false(cairn_tokens_recall(tokens, &one, NOW, &facts));
    assert_false(cairn_tokens_recall(tokens, &nobody, NOW, &facts));
    assert_false(cairn_tokens_recall(tokens, &nobody, 0, &facts));
    remember(&one, "ann");
    assert_true(cairn_tokens_recall(tokens, &one, NOW, &facts));
    assert_string_equal(facts.principal.subject, "ann");
    assert_int_equal(facts.keys, 7);
    assert_true(cairn_tokens_recall(tokens, &one, NOW + 99, &facts));
    assert_false(cairn_tokens_recall(tokens, &one, NOW + 100, &facts));
    assert_false(cairn_tokens_recall(tokens, &one, NOW - 1, &facts)); /* the clock went back */
}

/* Two that share a place are never taken for each other, and there are no more places. */
static void test_bounded(void **state)
{
    const cairn_hash one = hash_of(1, 1);
    const cairn_hash two = hash_of(1 + CAIRN_TOKENS_MAX, 1);
    const cairn_hash like_one = hash_of(1, 2);
    cairn_token_facts facts;
    (void)state;
    remember(&one, "ann");
    assert_false(cairn_tokens_recall(tokens, &like_one, NOW, &facts));
    remember(&two, "bob");
    assert_false(cairn_tokens_recall(tokens, &one, NOW, &facts));
    assert_true(cairn_tokens_recall(tokens, &two, NOW, &facts));
    assert_string_equal(facts.principal.subject, "bob");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_as_long_as_it_holds, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bounded, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
