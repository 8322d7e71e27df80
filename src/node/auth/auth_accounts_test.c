/* Accounts, revoked tokens and token keys: what is kept, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "node/auth/auth_accounts.h"
#include "support/tree.h"

static char directory[96];
static cairn_accounts *accounts;
static cairn_arena arena;

static int setup(void **state)
{
    (void)state;
    tree_make(directory, sizeof directory, "accounts");
    cairn_arena_init(&arena, 1 << 20);
    assert_int_equal(cairn_accounts_open(directory, &accounts), CAIRN_OK);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    cairn_accounts_close(accounts);
    cairn_arena_done(&arena);
    tree_remove(directory);
    return 0;
}

static cairn_account pump(void)
{
    return (cairn_account){.kind = CAIRN_ACCOUNT_CLIENT,
                           .method = CAIRN_ACCOUNT_TLS,
                           .name = "pump",
                           .tenant = "red",
                           .has_organisation = true,
                           .organisation = {{7}},
                           .roles = UINT32_MAX,
                           .scopes = "a b",
                           .purpose = "repair",
                           .created_ms = 1,
                           .expires_ms = UINT64_MAX,
                           .certificate = {{9}}};
}

static void test_accounts_are_kept(void **state)
{
    (void)state;
    cairn_account a = pump(), found;
    assert_int_equal(cairn_accounts_add(accounts, &a), CAIRN_OK);
    assert_int_equal(cairn_accounts_add(accounts, &a), CAIRN_ERR_EXISTS);
    cairn_accounts_close(accounts);
    assert_int_equal(cairn_accounts_open(directory, &accounts), CAIRN_OK);
    assert_int_equal(cairn_accounts_find(accounts, &arena, CAIRN_ACCOUNT_CLIENT, "pump", &found),
                     CAIRN_OK);
    assert_string_equal(found.name, "pump");
    assert_string_equal(found.tenant, "red");
    assert_string_equal(found.scopes, "a b");
    assert_string_equal(found.purpose, "repair");
    assert_int_equal(found.roles, UINT32_MAX);
    assert_int_equal(found.organisation.b[0], 7);
    assert_int_equal(found.certificate.b[0], 9);
    assert_true(found.expires_ms == UINT64_MAX && found.created_ms == 1);
    assert_int_equal(cairn_accounts_find(accounts, &arena, CAIRN_ACCOUNT_USER, "pump", &found),
                     CAIRN_ERR_NOT_FOUND);
    (void)snprintf(a.scopes, sizeof a.scopes, "c");
    assert_int_equal(cairn_accounts_replace(accounts, &a), CAIRN_OK);
    assert_int_equal(cairn_accounts_find(accounts, &arena, CAIRN_ACCOUNT_CLIENT, "pump", &found),
                     CAIRN_OK);
    assert_string_equal(found.scopes, "c");
    assert_int_equal(cairn_accounts_remove(accounts, CAIRN_ACCOUNT_CLIENT, "pump"), CAIRN_OK);
    assert_int_equal(cairn_accounts_remove(accounts, CAIRN_ACCOUNT_CLIENT, "pump"),
                     CAIRN_ERR_NOT_FOUND);
    assert_int_equal(cairn_accounts_replace(accounts, &a), CAIRN_ERR_NOT_FOUND);
    assert_int_equal(cairn_accounts_find(accounts, &arena, CAIRN_ACCOUNT_CLIENT, "../x", &found),
                     CAIRN_ERR_NOT_FOUND);
}

static cairn_err list(void *context, const cairn_account *account)
{
    char *names = context;
    (void)snprintf(names + strlen(names), 64 - strlen(names), "%d%s ", (int)account->kind,
                   account->name);
    return strcmp(account->name, "stop") == 0 ? CAIRN_ERR_CANCELLED : CAIRN_OK;
}

static void test_accounts_are_listed_in_order(void **state)
{
    (void)state;
    static const char *const names[] = {"b", "a", "c"};
    char seen[64] = "";
    cairn_account a = pump();
    for (size_t i = 0; i < 3; i++) {
        (void)snprintf(a.name, sizeof a.name, "%s", names[i]);
        assert_int_equal(cairn_accounts_add(accounts, &a), CAIRN_OK);
    }
    assert_int_equal(cairn_accounts_each(accounts, list, seen), CAIRN_OK);
    assert_string_equal(seen, "1a 1b 1c ");
    (void)snprintf(a.name, sizeof a.name, "stop");
    assert_int_equal(cairn_accounts_add(accounts, &a), CAIRN_OK);
    seen[0] = '\0';
    assert_int_equal(cairn_accounts_each(accounts, list, seen), CAIRN_ERR_CANCELLED);
}

static void test_accounts_that_are_refused(void **state)
{
    (void)state;
    static const char *const scopes[] = {" a", "a ", "a  b", "a\"b", "a\\", "\xc3\xa9", "a\tb"};
    static const char *const names[] = {"", "a b", "a/b", "a:b", "\xc3\xa9", "a\n"};
    cairn_account a = pump();
    for (size_t i = 0; i < sizeof scopes / sizeof scopes[0]; i++) {
        (void)snprintf(a.scopes, sizeof a.scopes, "%s", scopes[i]);
        assert_int_equal(cairn_accounts_add(accounts, &a), CAIRN_ERR_BAD_VALUE);
    }
    a = pump();
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        (void)snprintf(a.name, sizeof a.name, "%s", names[i]);
        assert_int_equal(cairn_accounts_add(accounts, &a), CAIRN_ERR_BAD_VALUE);
    }
    a = pump();
    a.kind = CAIRN_ACCOUNT_USER; /* users have passwords */
    assert_int_equal(cairn_accounts_add(accounts, &a), CAIRN_ERR_BAD_VALUE);
    a = pump();
    a.method = CAIRN_ACCOUNT_SECRET;
    (void)snprintf(a.phc, sizeof a.phc, "plain");
    assert_int_equal(cairn_accounts_add(accounts, &a), CAIRN_ERR_BAD_VALUE);
    a.method = CAIRN_ACCOUNT_KEY;
    a.jwks = cairn_bytes_str("{\"keys\":[]}");
    assert_int_equal(cairn_accounts_add(accounts, &a), CAIRN_ERR_BAD_KEY);
    a.method = (cairn_account_method)9;
    assert_int_equal(cairn_accounts_add(accounts, &a), CAIRN_ERR_BAD_VALUE);
}

static void test_revoked_tokens(void **state)
{
    (void)state;
    bool revoked = true;
    cairn_bytes id = cairn_bytes_str("j1");
    assert_int_equal(cairn_accounts_is_revoked(accounts, id, &revoked), CAIRN_OK);
    assert_false(revoked);
    assert_int_equal(cairn_accounts_revoke_token(accounts, id, 1000, 500), CAIRN_OK);
    assert_int_equal(cairn_accounts_revoke_token(accounts, id, 1000, 500), CAIRN_OK);
    assert_int_equal(cairn_accounts_is_revoked(accounts, id, &revoked), CAIRN_OK);
    assert_true(revoked);
    /* Long after it has expired, another revocation makes room. */
    assert_int_equal(cairn_accounts_revoke_token(accounts, cairn_bytes_str("j2"), 999999, 900000),
                     CAIRN_OK);
    assert_int_equal(cairn_accounts_is_revoked(accounts, id, &revoked), CAIRN_OK);
    assert_false(revoked);
}

static void test_delegations(void **state)
{
    (void)state;
    cairn_delegation d = {.subject = {{7}}, .key = "sign-2"};
    cairn_delegation found;
    assert_int_equal(cairn_accounts_find_delegation(accounts, "shop", &found), CAIRN_ERR_NOT_FOUND);
    assert_int_equal(cairn_accounts_find_delegation(accounts, "", &found), CAIRN_ERR_NOT_FOUND);
    assert_int_equal(cairn_accounts_remove_delegation(accounts, "shop"), CAIRN_ERR_NOT_FOUND);
    assert_int_equal(cairn_accounts_put_delegation(accounts, "shop", &d), CAIRN_OK);
    assert_int_equal(cairn_accounts_find_delegation(accounts, "shop", &found), CAIRN_OK);
    assert_string_equal(found.key, "sign-2");
    assert_true(cairn_hash_equal(&found.subject, &d.subject));
    assert_int_equal(cairn_accounts_find_delegation(accounts, "user:shop", &found),
                     CAIRN_ERR_NOT_FOUND);
    memset(d.key, 'k', sizeof d.key - 1);
    assert_int_equal(cairn_accounts_put_delegation(accounts, "shop", &d), CAIRN_OK);
    assert_int_equal(cairn_accounts_find_delegation(accounts, "shop", &found), CAIRN_OK);
    assert_string_equal(found.key, d.key);
    assert_int_equal(cairn_accounts_remove_delegation(accounts, "shop"), CAIRN_OK);
    assert_int_equal(cairn_accounts_find_delegation(accounts, "shop", &found), CAIRN_ERR_NOT_FOUND);
}

typedef struct seen {
    unsigned count;
    uint64_t sum; /* of first bytes */
} seen;

static cairn_err see(void *context, const cairn_hash *digest, uint64_t until_ms)
{
    seen *s = context;
    assert_true(until_ms >= 1000);
    s->count++;
    s->sum += digest->b[0];
    return CAIRN_OK;
}

static seen assertions_at(uint64_t now_ms)
{
    seen s = {.count = 0};
    assert_int_equal(cairn_accounts_each_assertion(accounts, now_ms, see, &s), CAIRN_OK);
    return s;
}

static void test_assertions(void **state)
{
    (void)state;
    cairn_hash digest = {{0}};
    for (uint8_t i = 0; i < 100; i++) {
        digest.b[0] = i;
        assert_int_equal(cairn_accounts_put_assertion(accounts, &digest, 1000u + i, 500), CAIRN_OK);
        assert_int_equal(cairn_accounts_put_assertion(accounts, &digest, 1000u + i, 500), CAIRN_OK);
    }
    assert_int_equal(assertions_at(0).count, 100);
    assert_int_equal(assertions_at(1098).count, 2);
    assert_int_equal(assertions_at(1098).sum, 98 + 99);
    assert_int_equal(assertions_at(1100).count, 0);
    /* Each one that comes makes room of those that have ended, and of no other. */
    for (uint8_t i = 0; i < 30; i++) {
        digest.b[0] = i;
        assert_int_equal(cairn_accounts_put_assertion(accounts, &digest, 5000, 1098), CAIRN_OK);
    }
    assert_int_equal(assertions_at(0).count, 32);
}

static void test_token_keys(void **state)
{
    (void)state;
    cairn_token_key keys[CAIRN_TOKEN_KEYS_MAX] = {{"token-1", 1, 2, 3}, {"token-2", 4, 5, 6}};
    cairn_token_key found[CAIRN_TOKEN_KEYS_MAX];
    size_t count = 9;
    assert_int_equal(cairn_accounts_token_keys(accounts, found, &count), CAIRN_OK);
    assert_int_equal(count, 0);
    assert_int_equal(cairn_accounts_put_token_keys(accounts, keys, 2), CAIRN_OK);
    assert_int_equal(cairn_accounts_token_keys(accounts, found, &count), CAIRN_OK);
    assert_int_equal(count, 2);
    assert_string_equal(found[1].name, "token-2");
    assert_true(found[1].created_ms == 4 && found[1].signs_ms == 5 && found[1].retires_ms == 6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_accounts_are_kept, setup, teardown),
        cmocka_unit_test_setup_teardown(test_accounts_are_listed_in_order, setup, teardown),
        cmocka_unit_test_setup_teardown(test_accounts_that_are_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_revoked_tokens, setup, teardown),
        cmocka_unit_test_setup_teardown(test_delegations, setup, teardown),
        cmocka_unit_test_setup_teardown(test_assertions, setup, teardown),
        cmocka_unit_test_setup_teardown(test_token_keys, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
