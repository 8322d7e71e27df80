/* clock and log: what a line looks like, what a peer cannot do to it, and the rate limit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/log.h"
#include "support/log_schema.h"

enum { PLAIN, CHATTY, QUIET };
static const cairn_log_event rows[] = {
    [PLAIN] = {"test.plain", CAIRN_LOG_INFO, 1000, 1000, "Any line."},
    [CHATTY] = {"test.chatty", CAIRN_LOG_WARNING, 3, 60, "At most one a second."},
    [QUIET] = {"test.quiet", CAIRN_LOG_DEBUG, 10, 10, "Below the level."},
};
static const cairn_log_table table = {rows, 3};

typedef struct fixture {
    cairn_clock_manual manual;
    cairn_clock clock;
    FILE *file;
    cairn_log *log;
} fixture;

static int setup(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    f->manual.wall_ms = 1767225600123u; /* date -u -d @1767225600: 2026-01-01T00:00:00Z */
    f->clock = cairn_clock_of_manual(&f->manual);
    f->file = tmpfile();
    assert_non_null(f->file);
    assert_int_equal(cairn_log_new(&f->clock, fileno(f->file), CAIRN_LOG_INFO, &table, 1, &f->log),
                     CAIRN_OK);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    fixture *f = *state;
    cairn_log_free(f->log);
    (void)fclose(f->file);
    free(f);
    return 0;
}

/* The next line as JSON, NULL at the end; the caller drops it. `ret_text` may be NULL. */
static json_t *next_line(fixture *f, char *ret_text)
{
    static char text[CAIRN_LOG_LINE_SIZE_MAX + 1];
    if (fgets(text, sizeof text, f->file) == NULL)
        return NULL;
    assert_int_equal(text[strlen(text) - 1], '\n');
    json_t *line = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(line);
    if (ret_text != NULL)
        strcpy(ret_text, text);
    return line;
}

static void rewind_all(fixture *f)
{
    assert_int_equal(fseek(f->file, 0, SEEK_SET), 0);
}

static void test_times_are_rfc_3339(void **state)
{
    (void)state;
    static const struct {
        uint64_t ms;
        const char *text;
    } vectors[] = {
        {0, "1970-01-01T00:00:00.000Z"},
        {951782400001u, "2000-02-29T00:00:00.001Z"},
        {253402300799999u, "9999-12-31T23:59:59.999Z"},
        {UINT64_MAX, "9999-12-31T23:59:59.999Z"},
    };
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
        char text[CAIRN_CLOCK_TEXT_SIZE];
        cairn_clock_format(vectors[i].ms, text);
        assert_string_equal(text, vectors[i].text);
    }
}

static void test_clocks(void **state)
{
    (void)state;
    cairn_clock system = cairn_clock_system();
    uint64_t before = cairn_clock_monotonic_ns(&system);
    assert_true(cairn_clock_monotonic_ns(&system) >= before);
    assert_true(cairn_clock_wall_ms(&system) > 1767225600000u);
    cairn_clock_manual manual = {.wall_ms = 5, .monotonic_ns = 7};
    cairn_clock clock = cairn_clock_of_manual(&manual);
    cairn_clock_manual_advance_ms(&manual, 2);
    assert_int_equal(cairn_clock_wall_ms(&clock), 7);
    assert_int_equal(cairn_clock_monotonic_ns(&clock), 2000007);
}

static void test_line_holds_every_type(void **state)
{
    fixture *f = *state;
    cairn_err err = CAIRN_FAIL(CAIRN_ERR_NO_SPACE, "house", "block: \"full\"");
    CAIRN_LOG(f->log, &rows[PLAIN], cairn_log_text("name", "a\"b\\c"),
              cairn_log_hex("id", cairn_bytes_of("\x00\xab", 2)), cairn_log_u64("size", INT64_MAX),
              cairn_log_bool("durable", true), cairn_log_err(err));
    rewind_all(f);
    char text[CAIRN_LOG_LINE_SIZE_MAX + 1];
    json_decref(next_line(f, text));
    assert_string_equal(text, "{\"time\":\"2026-01-01T00:00:00.123Z\",\"level\":\"info\","
                              "\"event\":\"test.plain\",\"name\":\"a\\\"b\\\\c\",\"id\":\"00ab\","
                              "\"size\":9223372036854775807,\"durable\":true,"
                              "\"error\":\"NO_SPACE\",\"detail\":\"block: \\\"full\\\"\"}\n");
}

static void test_peer_bytes_stay_printable(void **state)
{
    fixture *f = *state;
    static const struct {
        const char *in, *out;
    } vectors[] = {
        {"\x1b[31m\r\n\t\x7f", "\\u001b[31m\\u000d\\u000a\\u0009\\u007f"},
        {"\xc3\xa9\xe2\x82\xac", "\\u00e9\\u20ac"},
        {"\xf0\x9f\x98\x80", "\\ud83d\\ude00"},
        {"\xe2\x80\xae", "\\u202e"},                          /* a bidi override */
        {"\xc0\xaf", "\\ufffd\\ufffd"},                       /* overlong slash */
        {"\xe0\x80\xaf", "\\ufffd\\ufffd\\ufffd"},            /* overlong in three */
        {"\xed\xa0\x80", "\\ufffd\\ufffd\\ufffd"},            /* surrogate */
        {"\xf4\x90\x80\x80", "\\ufffd\\ufffd\\ufffd\\ufffd"}, /* past U+10FFFF */
        {"\xf5", "\\ufffd"},
        {"a\xe2\x82", "a\\ufffd\\ufffd"}, /* ends within a character */
    };
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++)
        CAIRN_LOG(f->log, &rows[PLAIN], cairn_log_text("peer", vectors[i].in));
    rewind_all(f);
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
        char text[CAIRN_LOG_LINE_SIZE_MAX + 1], expected[256];
        json_decref(next_line(f, text));
        (void)snprintf(expected, sizeof expected, "\"peer\":\"%s\"}\n", vectors[i].out);
        assert_non_null(strstr(text, expected));
        for (const char *p = text; p[1] != '\0'; p++)
            assert_in_range((unsigned char)*p, 0x20, 0x7e);
    }
}

static void test_long_fields_are_cut_and_long_lines_stay_json(void **state)
{
    fixture *f = *state;
    static uint8_t big[2000];
    memset(big, 0x01, sizeof big);
    cairn_bytes view = cairn_bytes_of(big, sizeof big);
    CAIRN_LOG(f->log, &rows[PLAIN], cairn_log_hex("h", view), cairn_log_text_n("a", view),
              cairn_log_text_n("b", view), cairn_log_text_n("c", view), cairn_log_u64("last", 1));
    rewind_all(f);
    json_t *line = next_line(f, NULL);
    assert_int_equal(strlen(json_string_value(json_object_get(line, "h"))), 64 * 2 + 3);
    assert_int_equal(json_string_length(json_object_get(line, "a")), 512 + 3);
    assert_non_null(json_object_get(line, "b"));
    assert_null(json_object_get(line, "c")); /* 3 * 512 * 6 bytes exceed a line */
    assert_non_null(json_object_get(line, "last"));
    json_decref(line);
}

static void test_levels_and_null(void **state)
{
    fixture *f = *state;
    CAIRN_LOG(f->log, &rows[QUIET], cairn_log_u64("n", 1));
    CAIRN_LOG(NULL, &rows[PLAIN], cairn_log_u64("n", 1));
    cairn_log_write(f->log, &rows[PLAIN], NULL, 0);
    rewind_all(f);
    json_t *line = next_line(f, NULL);
    assert_string_equal(json_string_value(json_object_get(line, "event")), "test.plain");
    json_decref(line);
    assert_null(next_line(f, NULL));
}

static void expect_event(fixture *f, const char *event, json_int_t count)
{
    json_t *line = next_line(f, NULL);
    assert_non_null(line);
    assert_string_equal(json_string_value(json_object_get(line, "event")), event);
    if (count != 0)
        assert_int_equal(json_integer_value(json_object_get(line, "count")), count);
    json_decref(line);
}

static void test_rate_is_limited_for_each_event(void **state)
{
    fixture *f = *state;
    for (unsigned i = 0; i < 10; i++)
        cairn_log_write(f->log, &rows[CHATTY], NULL, 0);
    cairn_log_write(f->log, &rows[PLAIN], NULL, 0);
    cairn_clock_manual_advance_ms(&f->manual, 999);
    cairn_log_write(f->log, &rows[CHATTY], NULL, 0);
    cairn_clock_manual_advance_ms(&f->manual, 1);
    cairn_log_write(f->log, &rows[CHATTY], NULL, 0);
    cairn_log_write(f->log, &rows[CHATTY], NULL, 0);
    cairn_log_free(f->log);
    f->log = NULL;
    rewind_all(f);
    for (unsigned i = 0; i < 3; i++)
        expect_event(f, "test.chatty", 0);
    expect_event(f, "test.plain", 0);
    expect_event(f, "log.suppressed", 8);
    expect_event(f, "test.chatty", 0);
    expect_event(f, "log.suppressed", 1); /* told when the logger ends */
    assert_null(next_line(f, NULL));
}

static void test_idle_time_does_not_exceed_the_burst(void **state)
{
    fixture *f = *state;
    cairn_clock_manual_advance_ms(&f->manual, 3600000);
    for (unsigned i = 0; i < 10; i++)
        cairn_log_write(f->log, &rows[CHATTY], NULL, 0);
    rewind_all(f);
    for (unsigned i = 0; i < 3; i++)
        expect_event(f, "test.chatty", 0);
    assert_null(next_line(f, NULL));
}

static void test_lost_lines_are_told(void **state)
{
    fixture *f = *state;
    int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
    int kept = dup(fileno(f->file));
    assert_true(full >= 0 && kept >= 0);
    assert_true(dup2(full, fileno(f->file)) >= 0);
    cairn_log_write(f->log, &rows[PLAIN], NULL, 0);
    cairn_log_write(f->log, &rows[PLAIN], NULL, 0);
    assert_true(dup2(kept, fileno(f->file)) >= 0);
    cairn_log_write(f->log, &rows[PLAIN], NULL, 0);
    rewind_all(f);
    expect_event(f, "log.lost", 2);
    expect_event(f, "test.plain", 0);
    (void)close(full);
    (void)close(kept);
}

static void test_open_appends_and_names_its_failure(void **state)
{
    fixture *f = *state;
    char path[] = "/tmp/cairn-log-test-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    for (unsigned i = 0; i < 2; i++) {
        cairn_log *log = NULL;
        assert_int_equal(cairn_log_open(&f->clock, path, CAIRN_LOG_INFO, &table, 1, &log),
                         CAIRN_OK);
        cairn_log_write(log, &rows[PLAIN], NULL, 0);
        cairn_log_free(log);
    }
    FILE *file = fdopen(fd, "r");
    assert_non_null(file);
    FILE *own = f->file;
    f->file = file;
    expect_event(f, "test.plain", 0);
    expect_event(f, "test.plain", 0);
    f->file = own;
    (void)fclose(file);
    (void)unlink(path);
    cairn_log *log = NULL;
    assert_int_equal(cairn_log_open(&f->clock, "/nonexistent/log", CAIRN_LOG_INFO, &table, 1, &log),
                     CAIRN_ERR_IO);
    assert_null(log);
    cairn_log_free(NULL);
}

static void test_schema_lists_our_events(void **state)
{
    (void)state;
    log_schema_check(&cairn_log_events);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_times_are_rfc_3339),
        cmocka_unit_test(test_clocks),
        cmocka_unit_test_setup_teardown(test_line_holds_every_type, setup, teardown),
        cmocka_unit_test_setup_teardown(test_peer_bytes_stay_printable, setup, teardown),
        cmocka_unit_test_setup_teardown(test_long_fields_are_cut_and_long_lines_stay_json, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_levels_and_null, setup, teardown),
        cmocka_unit_test_setup_teardown(test_rate_is_limited_for_each_event, setup, teardown),
        cmocka_unit_test_setup_teardown(test_idle_time_does_not_exceed_the_burst, setup, teardown),
        cmocka_unit_test_setup_teardown(test_lost_lines_are_told, setup, teardown),
        cmocka_unit_test_setup_teardown(test_open_appends_and_names_its_failure, setup, teardown),
        cmocka_unit_test(test_schema_lists_our_events),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
