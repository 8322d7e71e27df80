/* config: what the file may say, what it may not, and where the refusal points. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/config.h"

static const cairn_config_option store_rows[] = {
    {"store.map_size", CAIRN_UNIT_SIZE, 1 << 20, UINT64_C(1) << 40, "256GiB",
     "Address space of the index."},
    {"store.sync", CAIRN_UNIT_BOOL, 0, 1, "true", "Whether a block is synced."},
    {"http.timeout", CAIRN_UNIT_DURATION, 10, 60000, "5s", "How long a request may take."},
};
static const cairn_config_option more_rows[] = {
    {"http.connections", CAIRN_UNIT_COUNT, 1, 10000, "256", "Connections at once."},
    {"store.name", CAIRN_UNIT_TEXT, 1, 40, "main", "Name of the store."},
};
static const cairn_config_table tables[] = {{store_rows, 3}, {more_rows, 2}};

static cairn_err parse(const char *text, cairn_config **ret_config)
{
    return cairn_config_parse(tables, 2, "cairn.yaml", cairn_bytes_str(text), ret_config);
}

static void expect_initial(const cairn_config *config)
{
    assert_int_equal(cairn_config_u64(config, "store.map_size"), UINT64_C(256) << 30);
    assert_true(cairn_config_bool(config, "store.sync"));
    assert_int_equal(cairn_config_u64(config, "http.timeout"), 5000);
    assert_int_equal(cairn_config_u64(config, "http.connections"), 256);
    assert_string_equal(cairn_config_text(config, "store.name"), "main");
}

static void test_initial_values(void **state)
{
    (void)state;
    static const char *const texts[] = {"", "# nothing\n", "---\n", "{}\n"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        cairn_config *config = NULL;
        cairn_err err = parse(texts[i], &config);
        if (i == 2) { /* an explicit empty document is a scalar, not a mapping */
            assert_int_equal(err, CAIRN_ERR_CONFIG);
            continue;
        }
        assert_int_equal(err, CAIRN_OK);
        expect_initial(config);
        cairn_config_free(config);
    }
    cairn_config_free(NULL);
}

static void test_values_override(void **state)
{
    (void)state;
    cairn_config *config = NULL;
    assert_int_equal(parse("store:\n  map_size: 512MiB # of memory\n  sync: false\n"
                           "  name: 'a: \"b\"'\n"
                           "http: {timeout: 10ms, connections: 7}\n",
                           &config),
                     CAIRN_OK);
    assert_int_equal(cairn_config_u64(config, "store.map_size"), 512 << 20);
    assert_false(cairn_config_bool(config, "store.sync"));
    assert_string_equal(cairn_config_text(config, "store.name"), "a: \"b\"");
    assert_int_equal(cairn_config_u64(config, "http.timeout"), 10);
    assert_int_equal(cairn_config_u64(config, "http.connections"), 7);
    cairn_config_free(config);
}

typedef struct refusal {
    const char *text;
    const char *detail; /* what the detail holds */
} refusal;

static void test_refusals_name_key_and_line(void **state)
{
    (void)state;
    static const refusal vectors[] = {
        {"store:\n  mapsize: 1GiB\n", "cairn.yaml: near line 2: Unexpected key: mapsize"},
        {"sotre:\n  map_size: 1GiB\n", "Unexpected key: sotre"},
        {"store:\n  sync: true\n  sync: true\n", "Mapping field already seen: sync"},
        {"store:\n  sync: true\nstore:\n  map_size: 1GiB\n", "Mapping field already seen: store"},
        {"# first\n\nstore:\n  sync: true\n  map_size: 5k\n",
         "cairn.yaml:5: store.map_size: '5k' is not a size"},
        {"store:\n  map_size: 1KiB\n", "cairn.yaml:2: store.map_size: '1KiB' is outside 1MiB to "
                                       "1TiB"},
        {"store: {map_size: 2TiB}\n", "cairn.yaml: store.map_size: '2TiB' is outside"},
        {"store:\n  map_size: 1073741824\n", "cairn.yaml:2: store.map_size"},
        {"store:\n  map_size:\n", "cairn.yaml:2: store.map_size: '' is not"},
        {"store:\n  name: ''\n", "cairn.yaml:2: store.name: has 0 bytes, 1 to 40"},
        {"store:\n  name: \"a\\nb\"\n", "cairn.yaml:2: store.name: holds a control character"},
        {"store:\n  name: 12345678901234567890123456789012345678901\n", "store.name: has 41 bytes"},
        {"http:\n  timeout: 5\n", "cairn.yaml:2: http.timeout: '5' is not a duration"},
        {"http:\n  timeout: 9ms\n", "cairn.yaml:2: http.timeout: '9ms' is outside 10ms to 1min"},
        {"http:\n  connections: 10001\n", "http.connections: '10001' is outside 1 to 10000"},
        {"store:\n  sync: yes\n", "store.sync: 'yes' is not true or false"},
        {"http:\n  timeout: 5s\nstore:\n  timeout: 5s\n", "Unexpected key: timeout"},
        {"store: 5\n", "cairn.yaml"},
        {"store:\n", "cairn.yaml"},
        {"store:\n  map_size: [1GiB]\n", "cairn.yaml"},
        {"store:\n  map_size: {a: b}\n", "cairn.yaml"},
        {"store:\n  name: &a x\nhttp:\n  timeout: *a\n", "alias"},
        {"- store\n", "cairn.yaml"},
        {"store:\n  sync: true\n---\nstore:\n  sync: false\n", "documents"},
        {"store:\n  name: \"open\n", "libyaml"},
        {"store:\n\tsync: true\n", "libyaml"},
        {"store:\n  name: \xff\n", "cairn.yaml"},
    };
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
        cairn_config *config = NULL;
        assert_int_equal(parse(vectors[i].text, &config), CAIRN_ERR_CONFIG);
        assert_null(config);
        if (strstr(cairn_err_detail(), vectors[i].detail) == NULL)
            fail_msg("'%s' gave '%s'", vectors[i].text, cairn_err_detail());
    }
}

static void test_bounds(void **state)
{
    (void)state;
    static char big[CAIRN_CONFIG_SIZE_MAX + 1];
    memset(big, '#', sizeof big);
    cairn_config *config = NULL;
    assert_int_equal(cairn_config_parse(tables, 2, "big", cairn_bytes_of(big, sizeof big), &config),
                     CAIRN_ERR_CONFIG);
    assert_int_equal(
        cairn_config_parse(tables, 2, "big", cairn_bytes_of(big, sizeof big - 1), &config),
        CAIRN_OK);
    cairn_config_free(config);
    config = NULL;
    assert_int_equal(cairn_config_parse(tables, 2, "nul", cairn_bytes_of("#\0", 2), &config),
                     CAIRN_ERR_CONFIG);
}

static void test_load(void **state)
{
    (void)state;
    cairn_config *config = NULL;
    assert_int_equal(cairn_config_load(tables, 2, "/nonexistent/cairn.yaml", &config),
                     CAIRN_ERR_NOT_FOUND);
    assert_int_equal(cairn_config_load(tables, 2, "/", &config), CAIRN_ERR_IO);
    char path[] = "/tmp/cairn-config-test-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    static const char text[] = "http:\n  timeout: 7s\n";
    assert_int_equal(write(fd, text, sizeof text - 1), sizeof text - 1);
    assert_int_equal(cairn_config_load(tables, 2, path, &config), CAIRN_OK);
    assert_int_equal(cairn_config_u64(config, "http.timeout"), 7000);
    cairn_config_free(config);
    (void)close(fd);
    (void)unlink(path);
}

static void test_rendered_file_is_read_back(void **state)
{
    (void)state;
    cairn_arena arena;
    cairn_arena_init(&arena, 65536);
    cairn_bytes text = {NULL, 0};
    cairn_config *config = NULL;
    assert_int_equal(cairn_config_render(&arena, tables, 2, NULL, 0, &text), CAIRN_OK);
    assert_int_equal(cairn_config_parse(tables, 2, "initial", text, &config), CAIRN_OK);
    expect_initial(config);
    cairn_config_free(config);
    config = NULL;

    static const cairn_config_setting settings[] = {{"store.name", "a \"b\" \\ #c: d"},
                                                    {"http.timeout", "9s"}};
    assert_int_equal(cairn_config_render(&arena, tables, 2, settings, 2, &text), CAIRN_OK);
    assert_int_equal(cairn_config_parse(tables, 2, "set", text, &config), CAIRN_OK);
    assert_string_equal(cairn_config_text(config, "store.name"), "a \"b\" \\ #c: d");
    assert_int_equal(cairn_config_u64(config, "http.timeout"), 9000);
    assert_int_equal(cairn_config_u64(config, "http.connections"), 256);
    cairn_config_free(config);

    static const cairn_config_setting unknown = {"store.nom", "x"};
    assert_int_equal(cairn_config_render(&arena, tables, 2, &unknown, 1, &text), CAIRN_ERR_CONFIG);
    static const cairn_config_setting outside = {"http.timeout", "1h"};
    assert_int_equal(cairn_config_render(&arena, tables, 2, &outside, 1, &text), CAIRN_ERR_CONFIG);
    assert_string_equal(cairn_err_detail(), "http.timeout: '1h' is outside 10ms to 1min");
    cairn_arena_done(&arena);
}

/* Uncommenting any line of the initial file must give a valid file. */
static void test_initial_file_is_valid_when_uncommented(void **state)
{
    (void)state;
    cairn_arena arena;
    cairn_arena_init(&arena, 65536);
    cairn_bytes text = {NULL, 0};
    assert_int_equal(cairn_config_render(&arena, tables, 2, NULL, 0, &text), CAIRN_OK);
    char live[8192];
    size_t size = 0;
    for (const char *p = (const char *)text.data, *end = p + text.size; p < end;) {
        size_t line = (size_t)((const char *)memchr(p, '\n', (size_t)(end - p)) - p) + 1;
        const char *mark = memchr(p, '#', line);
        bool option = mark != NULL && memchr(p, ':', line) != NULL && strncmp(p, "# Cairn", 7) != 0;
        size_t before = mark == NULL ? 0 : (size_t)(mark - p);
        if (option) {
            memcpy(live + size, p, before);
            memcpy(live + size + before, mark + 2, line - before - 2);
            size += line - 2;
        }
        p += line;
    }
    cairn_config *config = NULL;
    assert_int_equal(cairn_config_parse(tables, 2, "live", cairn_bytes_of(live, size), &config),
                     CAIRN_OK);
    expect_initial(config);
    cairn_config_free(config);
    cairn_arena_done(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_initial_values),
        cmocka_unit_test(test_values_override),
        cmocka_unit_test(test_refusals_name_key_and_line),
        cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_load),
        cmocka_unit_test(test_rendered_file_is_read_back),
        cmocka_unit_test(test_initial_file_is_valid_when_uncommented),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
