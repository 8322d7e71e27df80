/* The node's own certificate: kept while it is what it should be, and made anew when not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/store/file.h"
#include "node/node.h"
#include "node/node_tls.h"
#include "support/tree.h"

#define DAY_MS UINT64_C(86400000)

typedef struct world {
    char directory[64];
    cairn_clock_manual manual;
    cairn_config *config;
    cairn_node_tls_setup setup;
    cairn_arena arena;
} world;

static world w;

static void configure(const char *text)
{
    cairn_config_free(w.config);
    w.config = NULL;
    assert_int_equal(
        cairn_config_parse(&cairn_node_options, 1, "cairn.yaml", cairn_bytes_str(text), &w.config),
        CAIRN_OK);
    w.setup.config = w.config;
}

static int set_up(void **state)
{
    (void)state;
    w = (world){.directory = "/tmp/cairn-tls-XXXXXX",
                .manual = {.wall_ms = UINT64_C(1800000000000)}};
    assert_non_null(mkdtemp(w.directory));
    w.setup =
        (cairn_node_tls_setup){.directory = w.directory, .clock = cairn_clock_of_manual(&w.manual)};
    assert_int_equal(cairn_signer_open_files(w.directory, &w.setup.signer), CAIRN_OK);
    cairn_arena_init(&w.arena, 1 << 20);
    configure("");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    cairn_signer_free(w.setup.signer);
    cairn_config_free(w.config);
    cairn_arena_done(&w.arena);
    tree_remove(w.directory);
    return 0;
}

static cairn_bytes kept(void)
{
    char path[CAIRN_PATH_SIZE_MAX];
    cairn_bytes pem = {0};
    assert_int_equal(cairn_path_join(w.directory, "tls/node.pem", path), CAIRN_OK);
    assert_int_equal(cairn_file_read(&w.arena, path, 1 << 16, &pem), CAIRN_OK);
    return pem;
}

/* Opens, or reads again: what is kept then. */
static cairn_bytes open_tls(void)
{
    CAIRN_CLEANUP(cairn_tls_server_free_p) cairn_tls_server *tls = NULL;
    assert_int_equal(cairn_node_tls_new(&w.setup, &tls), CAIRN_OK);
    assert_false(cairn_node_tls_is_due(&w.setup));
    return kept();
}

static void test_kept_until_a_month_before_its_end(void **state)
{
    (void)state;
    const cairn_bytes first = open_tls();
    w.manual.wall_ms += (397 - 31) * DAY_MS;
    assert_false(cairn_node_tls_is_due(&w.setup));
    assert_true(cairn_bytes_equal(open_tls(), first));
    w.manual.wall_ms += 2 * DAY_MS;
    assert_true(cairn_node_tls_is_due(&w.setup));
    assert_true(cairn_bytes_equal(kept(), first)); /* to be asked changes nothing */
    assert_false(cairn_bytes_equal(open_tls(), first));
}

static void test_made_anew_for_other_names(void **state)
{
    (void)state;
    static const char *const names[] = {"node: {address: \"10.0.0.7\"}",
                                        "node: {url: \"https://a.example.test:8443\"}",
                                        "node: {url: \"https://b.example.test:8443\"}", ""};
    cairn_bytes before = open_tls();
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        configure(names[i]);
        assert_true(cairn_node_tls_is_due(&w.setup));
        const cairn_bytes after = open_tls();
        assert_false(cairn_bytes_equal(before, after));
        before = after;
    }
    configure("node: {url: \"https://127.0.0.1:9\", port: \"9\"}"); /* names stay */
    (void)open_tls();
}

/* Somebody else's certificate is his to renew. */
static void test_a_configured_one_is_never_due(void **state)
{
    (void)state;
    (void)open_tls();
    w.manual.wall_ms += 500 * DAY_MS;
    assert_true(cairn_node_tls_is_due(&w.setup));
    configure("node: {certificate: \"/nowhere.pem\"}");
    assert_false(cairn_node_tls_is_due(&w.setup));
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {T(test_kept_until_a_month_before_its_end),
                                       T(test_made_anew_for_other_names),
                                       T(test_a_configured_one_is_never_due)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
