/* What a node may say, and what it may not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "command/remote_json.h"

#define HASH(digit) #digit "000000000000000000000000000000000000000000000000000000000000000"
#define ROW(id, more)                                                                           \
    "{\"id\":\"" HASH(id) "\",\"height\":7,\"time\":\"2023-11-14T22:13:20.123Z\","              \
                          "\"log_size\":9,\"log_root\":\"" HASH(2) "\",\"state_root\":\"" HASH( \
                              3) "\","                                                          \
                                 "\"config_root\":\"" HASH(4) "\"" more "}"

static void test_ledger(void **state)
{
    (void)state;
    cairn_view view = {.height = 0};
    assert_int_equal(
        cairn_remote_json_ledger(cairn_bytes_str(ROW(1, ",\"newer\":[{\"x\":null}]")), &view),
        CAIRN_OK);
    assert_int_equal(view.ledger.b[0], 0x10);
    assert_int_equal(view.height, 7);
    assert_int_equal(view.last.height, 7);
    assert_int_equal(view.time_ms, UINT64_C(1700000000123));
    assert_int_equal(view.log_size, 9);
    assert_int_equal(view.log_root.b[0], 0x20);
    assert_int_equal(view.last.state_root.b[0], 0x30);
    assert_int_equal(view.last.config_root.b[0], 0x40);
}

/* ROW(1) with one text in the place of another. */
static cairn_err read_changed(const char *from, const char *to, cairn_view *ret_view)
{
    static const char row[] = ROW(1, "");
    char text[1024];
    const char *at = strstr(row, from);
    assert_non_null(at);
    (void)snprintf(text, sizeof text, "%.*s%s%s", (int)(at - row), row, to, at + strlen(from));
    return cairn_remote_json_ledger(cairn_bytes_str(text), ret_view);
}

static void test_wrong_ledgers(void **state)
{
    (void)state;
    static const struct {
        const char *from, *to;
    } rows[] = {
        {"\"height\":7,", ""},
        {":7", ":-7"},
        {":7", ":7.0"},
        {":7", ":\"7\""},
        {":7", ":99999999999999999999"},
        {"\"height\":7", "\"height\":7,\"height\":7"},
        {"\"time\"", "\"tim\""},
        {".123Z", "Z"},
        {".123Z", ".1234Z"},
        {".123Z", ".12Z"},
        {".123Z", ".123"},
        {".123Z", ".123z"},
        {".123Z", ".123Z "},
        {".123Z", ".-12Z"},
        {"2023-11-14", "2023-02-30"},
        {"2023-11-14", "23-11-14"},
        {"2023-11-14", " 2023-11-14"},
        {"2023-11-14", "1969-11-14"},
        {"T22", " 22"},
        {"22:13:20", "24:13:20"},
        {HASH(2), "00"},
        {HASH(2), HASH(g)},
        {HASH(2), HASH(2) "00"},
        {"{", "["},
        {"{", "{,"},
        {"}", ""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        cairn_view view = {.height = 77};
        if (read_changed(rows[i].from, rows[i].to, &view) != CAIRN_ERR_UNREACHABLE)
            fail_msg("%s in the place of %s is taken", rows[i].to, rows[i].from);
        assert_int_equal(view.height, 77);
    }
    cairn_view view;
    static const char *const none[] = {"", "null", "[]", "\"x\"", "{}", "<html>", "{}{}"};
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++)
        assert_int_equal(cairn_remote_json_ledger(cairn_bytes_str(none[i]), &view),
                         CAIRN_ERR_UNREACHABLE);
    assert_int_equal(cairn_remote_json_ledger((cairn_bytes){0}, &view), CAIRN_ERR_UNREACHABLE);
}

/* Deeper than anybody has a use for: refused, not followed. */
static void test_deep(void **state)
{
    (void)state;
    enum { DEPTH = 200000 };
    char *text = malloc(DEPTH);
    cairn_view view;
    assert_non_null(text);
    memset(text, '[', DEPTH);
    assert_int_equal(cairn_remote_json_ledger(cairn_bytes_of(text, DEPTH), &view),
                     CAIRN_ERR_UNREACHABLE);
    free(text);
}

static cairn_err choose(const char *text, const char *id, unsigned *ret_first)
{
    cairn_view view;
    CAIRN_TRY(cairn_remote_json_ledgers(cairn_bytes_str(text), id, &view));
    *ret_first = view.ledger.b[0] >> 4;
    return CAIRN_OK;
}

static void test_ledgers(void **state)
{
    (void)state;
    static const char two[] = "{\"ledgers\":[" ROW(1, "") "," ROW(5, "") "]}";
    unsigned first = 0;
    assert_int_equal(choose(two, "", &first), CAIRN_OK);
    assert_int_equal(first, 1);
    assert_int_equal(choose(two, HASH(5), &first), CAIRN_OK);
    assert_int_equal(first, 5);
    /* One that was asked for and is not there is none: never another in its place. */
    assert_int_equal(choose(two, HASH(6), &first), CAIRN_ERR_NOT_FOUND);
    assert_int_equal(choose("{\"ledgers\":[]}", HASH(6), &first), CAIRN_ERR_NOT_FOUND);
    assert_int_equal(choose("{\"ledgers\":[]}", "", &first), CAIRN_ERR_LOCKED);
    assert_int_equal(choose("{\"ledgers\":{}}", "", &first), CAIRN_ERR_UNREACHABLE);
    assert_int_equal(choose("{\"ledgers\":[7]}", "", &first), CAIRN_ERR_UNREACHABLE);
    assert_int_equal(choose("{}", "", &first), CAIRN_ERR_UNREACHABLE);
    assert_int_equal(choose("", "", &first), CAIRN_ERR_UNREACHABLE);
}

static void test_verdict(void **state)
{
    (void)state;
    cairn_verdict verdict;
    assert_int_equal(cairn_remote_json_verdict(
                         cairn_bytes_str("{\"transaction\":\"" HASH(1) "\",\"status\":\"accepted\","
                                                                       "\"height\":3,\"index\":4}"),
                         &verdict),
                     CAIRN_OK);
    assert_int_equal(verdict.code, CAIRN_OK);
    assert_int_equal(verdict.height, 3);
    assert_int_equal(verdict.index, 4);
    assert_int_equal(
        cairn_remote_json_verdict(
            cairn_bytes_str("{\"transaction\":\"" HASH(1) "\",\"status\":\"pending\"}"), &verdict),
        CAIRN_ERR_UNREACHABLE);
    assert_int_equal(cairn_remote_json_verdict(cairn_bytes_str("x"), &verdict),
                     CAIRN_ERR_UNREACHABLE);
}

static void test_value(void **state)
{
    (void)state;
    cairn_arena arena;
    cairn_bytes value = {0};
    cairn_arena_init(&arena, 4096);
    assert_int_equal(
        cairn_remote_json_value(&arena, cairn_bytes_str("{\"value\":\"00ff\"}"), &value), CAIRN_OK);
    assert_true(cairn_bytes_equal(value, cairn_bytes_of("\x00\xff", 2)));
    static const char *const wrong[] = {"{}",
                                        "{\"value\":\"\"}",
                                        "{\"value\":\"0\"}",
                                        "{\"value\":\"000\"}",
                                        "{\"value\":\"0g\"}",
                                        "{\"value\":7}",
                                        "{\"value\":\"00\\u0000\"}",
                                        "[]"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_int_equal(cairn_remote_json_value(&arena, cairn_bytes_str(wrong[i]), &value),
                         CAIRN_ERR_UNREACHABLE);
    cairn_arena_done(&arena);
}

static void test_receipts(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "{}",
        "{\"receipt\":7}",
        "{\"receipt\":\"\"}",
        "{\"receipt\":\"YQ\"}", /* without its padding */
        "{\"receipt\":\"YQ==\",\"receipts\":[]}",
        "{\"receipt\":\"YQ==\",\"receipts\":\"YQ==\"}",
        "{\"receipt\":\"YQ==\",\"receipts\":[\"YQ==\",null]}",
        "[]",
    };
    static const char one[] = "{\"receipt\":\"YQ==\"}";
    static const char two[] = "{\"receipt\":\"YQ==\",\"receipts\":[\"YQ==\",\"YmM=\"]}";
    const cairn_bytes *list = NULL;
    size_t count = 0;
    cairn_arena arena;
    cairn_arena_init(&arena, 1 << 16);
    assert_int_equal(cairn_remote_json_receipts(&arena, cairn_bytes_str(one), &list, &count),
                     CAIRN_OK);
    assert_int_equal(count, 1);
    assert_true(cairn_bytes_equal(list[0], cairn_bytes_str("a")));
    assert_int_equal(cairn_remote_json_receipts(&arena, cairn_bytes_str(two), &list, &count),
                     CAIRN_OK);
    assert_int_equal(count, 2);
    assert_true(cairn_bytes_equal(list[1], cairn_bytes_str("bc")));
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_int_equal(
            cairn_remote_json_receipts(&arena, cairn_bytes_str(wrong[i]), &list, &count),
            CAIRN_ERR_UNREACHABLE);
    cairn_arena_done(&arena);
}

static cairn_err count_id(void *context, const cairn_hash *id)
{
    unsigned *sum = context;
    *sum = *sum * 16 + (id->b[0] >> 4);
    return id->b[0] == 0x90 ? CAIRN_ERR_CANCELLED : CAIRN_OK;
}

static cairn_err read_page(const char *text, unsigned *ret_sum,
                           char ret_next[CAIRN_REMOTE_PAGE_SIZE_MAX])
{
    *ret_sum = 0;
    return cairn_remote_json_page(cairn_bytes_str(text), "approvals", count_id, ret_sum, ret_next);
}

static void test_pages(void **state)
{
    (void)state;
    unsigned sum;
    char next[CAIRN_REMOTE_PAGE_SIZE_MAX] = "as it was";
    static const char two[] =
        "{\"approvals\":[{\"id\":\"" HASH(1) "\"},{\"id\":\"" HASH(2) "\"}],\"next\":\"token\"}";
    assert_int_equal(read_page(two, &sum, next), CAIRN_OK);
    assert_int_equal(sum, 0x12);
    assert_string_equal(next, "token");
    assert_int_equal(read_page("{\"approvals\":[]}", &sum, next), CAIRN_OK);
    assert_string_equal(next, "");
    assert_int_equal(read_page("{\"approvals\":[{\"id\":\"" HASH(9) "\"}]}", &sum, next),
                     CAIRN_ERR_CANCELLED);
    static const char *const wrong[] = {"{}",
                                        "{\"organisations\":[]}",
                                        "{\"approvals\":[7]}",
                                        "{\"approvals\":[{\"id\":\"1\"}]}",
                                        "{\"approvals\":[],\"next\":7}",
                                        "{\"approvals\":[],\"next\":null}",
                                        "{\"approvals\":[],\"next\":\"\"}",
                                        ""};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_int_equal(read_page(wrong[i], &sum, next), CAIRN_ERR_UNREACHABLE);
    char text[2 * CAIRN_REMOTE_PAGE_SIZE_MAX];
    (void)snprintf(text, sizeof text, "{\"approvals\":[],\"next\":\"%0*d\"}",
                   CAIRN_REMOTE_PAGE_SIZE_MAX - 1, 1);
    assert_int_equal(read_page(text, &sum, next), CAIRN_OK);
    (void)snprintf(text, sizeof text, "{\"approvals\":[],\"next\":\"%0*d\"}",
                   CAIRN_REMOTE_PAGE_SIZE_MAX, 1);
    assert_int_equal(read_page(text, &sum, next),
                     CAIRN_ERR_UNREACHABLE); /* cut, it would be another */
}

static void test_problems(void **state)
{
    (void)state;
    assert_int_equal(
        cairn_remote_json_problem(cairn_bytes_str("{\"code\":\"TX_EXPIRED\",\"detail\":\"late\"}")),
        CAIRN_ERR_TX_EXPIRED);
    assert_non_null(strstr(cairn_err_detail(), "late"));
    static const char *const unknown[] = {"{\"code\":\"OK\"}", "{\"code\":\"NO_SUCH\"}",
                                          "{\"code\":7}",      "{}",
                                          "<html>502</html>",  ""};
    for (size_t i = 0; i < sizeof unknown / sizeof unknown[0]; i++)
        assert_int_equal(cairn_remote_json_problem(cairn_bytes_str(unknown[i])),
                         CAIRN_ERR_UNREACHABLE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ledger),   cmocka_unit_test(test_wrong_ledgers),
        cmocka_unit_test(test_deep),     cmocka_unit_test(test_ledgers),
        cmocka_unit_test(test_verdict),  cmocka_unit_test(test_value),
        cmocka_unit_test(test_receipts), cmocka_unit_test(test_pages),
        cmocka_unit_test(test_problems),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
