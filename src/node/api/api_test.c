/* What the handlers read of a request: queries, numbers, words, hashes, header fields. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

#include "node/api/api.h"

typedef struct fixture {
    cairn_arena arena;
    cairn_http_request request;
    cairn_call call;
} fixture;

static int setup(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    cairn_arena_init(&f->arena, 1 << 20);
    f->call.arena = &f->arena;
    f->call.request = &f->request;
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    fixture *f = *state;
    cairn_arena_done(&f->arena);
    free(f);
    return 0;
}

/* --- queries --- */

enum { ROWS = 2 };

static cairn_err parse(fixture *f, const char *query, cairn_api_parameter rows[ROWS])
{
    rows[0] = (cairn_api_parameter){.name = "after"};
    rows[1] = (cairn_api_parameter){.name = "limit"};
    f->request.query = cairn_bytes_str(query);
    return cairn_api_query(&f->call, rows, ROWS);
}

static void expect_row(const cairn_api_parameter *row, const char *value)
{
    assert_int_equal(row->given, value != NULL);
    if (value != NULL && !cairn_bytes_equal(row->value, cairn_bytes_str(value)))
        fail_msg("%s is '%.*s', not '%s'", row->name, (int)row->value.size,
                 (const char *)row->value.data, value);
}

static void test_queries(void **state)
{
    fixture *f = *state;
    static const struct {
        const char *query, *after, *limit;
    } rows[] = {
        {"", NULL, NULL},
        {"after=1", "1", NULL},
        {"limit=2&after=1", "1", "2"},
        {"after=", "", NULL},
        {"after=a=b", "a=b", NULL},
        {"after=%31%2d%41", "1-A", NULL},
        {"%61fter=%c3%a4", "\xc3\xa4", NULL},
        {"after=a+b", "a+b", NULL}, /* '+' is itself: this is no form */
        {"after=1&", "1", NULL},
        {"after=%26limit%3D3", "&limit=3", NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        cairn_api_parameter read[ROWS];
        if (parse(f, rows[i].query, read) != CAIRN_OK)
            fail_msg("'%s': %s", rows[i].query, cairn_err_detail());
        expect_row(&read[0], rows[i].after);
        expect_row(&read[1], rows[i].limit);
    }
}

static void test_no_query(void **state)
{
    fixture *f = *state;
    f->request.query = (cairn_bytes){0};
    assert_int_equal(cairn_api_query(&f->call, NULL, 0), CAIRN_OK);
    assert_int_equal(parse(f, "after=%00", (cairn_api_parameter[ROWS]){{0}}), CAIRN_OK);
}

static void test_wrong_queries(void **state)
{
    fixture *f = *state;
    static const struct {
        const char *query;
        cairn_err err;
    } rows[] = {
        {"after", CAIRN_ERR_BAD_VALUE},
        {"&", CAIRN_ERR_BAD_VALUE},
        {"&after=1", CAIRN_ERR_BAD_VALUE},
        {"after=1&&limit=2", CAIRN_ERR_BAD_VALUE},
        {"after=1&limit", CAIRN_ERR_BAD_VALUE},
        {"after=1&after=1", CAIRN_ERR_DUPLICATE_KEY},
        {"after=1&%61fter=1", CAIRN_ERR_DUPLICATE_KEY},
        {"nobody=1", CAIRN_ERR_UNKNOWN_FIELD},
        {"After=1", CAIRN_ERR_UNKNOWN_FIELD},
        {"=1", CAIRN_ERR_UNKNOWN_FIELD},
        {"after%00=1", CAIRN_ERR_UNKNOWN_FIELD},
        {"afte=1", CAIRN_ERR_UNKNOWN_FIELD},
        {"after%20=1", CAIRN_ERR_UNKNOWN_FIELD},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        cairn_api_parameter read[ROWS];
        cairn_err err = parse(f, rows[i].query, read);
        if (err != rows[i].err)
            fail_msg("'%s': %s", rows[i].query, cairn_err_name(err));
    }
}

/* --- values --- */

static void test_digits(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "",    "00", "01", "-1",   "+1", " 1",   "1 ",
        "0x1", "1.", "1e", "\xb2", "6",  "9999", "12345678901234567"};
    static const struct {
        const char *text;
        uint64_t value;
    } right[] = {{"0", 0}, {"1", 1}, {"5", 5}};
    uint64_t value = 77;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_int_equal(cairn_api_digits(cairn_bytes_str(wrong[i]), "n", 0, 5, &value),
                         CAIRN_ERR_BAD_VALUE);
    assert_int_equal(cairn_api_digits((cairn_bytes){0}, "n", 0, 5, &value), CAIRN_ERR_BAD_VALUE);
    assert_int_equal(cairn_api_digits(cairn_bytes_str("0"), "n", 1, 5, &value),
                     CAIRN_ERR_BAD_VALUE);
    assert_int_equal(value, 77);
    for (size_t i = 0; i < sizeof right / sizeof right[0]; i++) {
        assert_int_equal(cairn_api_digits(cairn_bytes_str(right[i].text), "n", 0, 5, &value),
                         CAIRN_OK);
        assert_int_equal(value, right[i].value);
    }
    assert_int_equal(
        cairn_api_digits(cairn_bytes_str("9007199254740991"), "n", 0, CAIRN_API_NUMBER_MAX, &value),
        CAIRN_OK);
    assert_int_equal(value, CAIRN_API_NUMBER_MAX);
    assert_int_equal(
        cairn_api_digits(cairn_bytes_str("9007199254740992"), "n", 0, CAIRN_API_NUMBER_MAX, &value),
        CAIRN_ERR_BAD_VALUE);
}

static void test_number_and_choice(void **state)
{
    (void)state;
    static const char *const words[] = {"none", "commit"};
    cairn_api_parameter row = {.name = "x"};
    uint64_t value = 7;
    size_t place = 7;
    assert_int_equal(cairn_api_number(&row, 0, 5, &value), CAIRN_OK);
    assert_int_equal(cairn_api_choice(&row, words, 2, &place), CAIRN_OK);
    assert_int_equal(value, 7); /* not given: as it was */
    assert_int_equal(place, 7);
    row = (cairn_api_parameter){.name = "x", .given = true, .value = cairn_bytes_str("commit")};
    assert_int_equal(cairn_api_number(&row, 0, 5, &value), CAIRN_ERR_BAD_VALUE);
    assert_int_equal(cairn_api_choice(&row, words, 2, &place), CAIRN_OK);
    assert_int_equal(place, 1);
    row.value = cairn_bytes_str("commits");
    assert_int_equal(cairn_api_choice(&row, words, 2, &place), CAIRN_ERR_BAD_VALUE);
    row.value = (cairn_bytes){0};
    assert_int_equal(cairn_api_choice(&row, words, 2, &place), CAIRN_ERR_BAD_VALUE);
}

static void test_hashes(void **state)
{
    (void)state;
    char text[66];
    cairn_hash hash = {{0}};
    memset(text, 'a', 65);
    assert_int_equal(cairn_api_hash(cairn_bytes_of(text, 64), "id", &hash), CAIRN_OK);
    assert_int_equal(hash.b[31], 0xaa);
    assert_int_equal(cairn_api_hash(cairn_bytes_of(text, 63), "id", &hash), CAIRN_ERR_BAD_VALUE);
    assert_int_equal(cairn_api_hash(cairn_bytes_of(text, 65), "id", &hash), CAIRN_ERR_BAD_VALUE);
    assert_int_equal(cairn_api_hash((cairn_bytes){0}, "id", &hash), CAIRN_ERR_BAD_VALUE);
    static const char wrong[] = {'A', 'F', 'g', ' ', '\0', '/', ':', '`', '\x80'};
    for (size_t at = 0; at < 64; at += 63)
        for (size_t i = 0; i < sizeof wrong; i++) {
            text[at] = wrong[i];
            assert_int_equal(cairn_api_hash(cairn_bytes_of(text, 64), "id", &hash),
                             CAIRN_ERR_BAD_VALUE);
            text[at] = 'a';
        }
}

/* --- header fields --- */

static bool accepts(fixture *f, const char *first, const char *second)
{
    const cairn_http_header headers[] = {
        {cairn_bytes_str("Host"), cairn_bytes_str("text/event-stream")},
        {cairn_bytes_str("accept"), cairn_bytes_str(first)},
        {cairn_bytes_str("ACCEPT"), cairn_bytes_str(second)}};
    f->request.headers = headers;
    f->request.header_count = 3;
    bool found = cairn_api_accepts(&f->call, "text/event-stream");
    f->request.header_count = 0;
    return found;
}

static void test_accept(void **state)
{
    fixture *f = *state;
    assert_true(accepts(f, "text/event-stream", ""));
    assert_true(accepts(f, "", "application/json,\ttext/event-stream;q=0.5 , */*"));
    assert_true(accepts(f, "Text/Event-Stream ;x=y", ""));
    assert_false(accepts(f, "*/*", "text/*")); /* by name alone */
    assert_false(accepts(f, "text/event-streams, text/event", ",;,"));
    assert_false(accepts(f, "application/json;text/event-stream", ""));
    assert_false(cairn_api_accepts(&f->call, "text/event-stream"));
}

static void test_content_type(void **state)
{
    fixture *f = *state;
    static const struct {
        const char *value;
        cairn_err err;
    } rows[] = {{"application/cose", CAIRN_OK},
                {"Application/COSE; x=y", CAIRN_OK},
                {" application/cose ;", CAIRN_OK},
                {"application/cosex", CAIRN_ERR_MEDIA_TYPE},
                {"application/cose, text/plain", CAIRN_ERR_MEDIA_TYPE},
                {"", CAIRN_ERR_MEDIA_TYPE}};
    assert_int_equal(cairn_api_content_type(&f->call, "application/cose"), CAIRN_ERR_MEDIA_TYPE);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const cairn_http_header header = {cairn_bytes_str("content-type"),
                                          cairn_bytes_str(rows[i].value)};
        f->request.headers = &header;
        f->request.header_count = 1;
        assert_int_equal(cairn_api_content_type(&f->call, "application/cose"), rows[i].err);
        f->request.header_count = 0;
    }
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(test_queries),
        T(test_no_query),
        T(test_wrong_queries),
        T(test_accept),
        T(test_content_type),
        cmocka_unit_test(test_digits),
        cmocka_unit_test(test_number_and_choice),
        cmocka_unit_test(test_hashes),
    };
#undef T
    return cmocka_run_group_tests(tests, NULL, NULL);
}
