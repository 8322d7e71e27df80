/* Every allocation of configuration and log fails once: an error, no crash and no leak of a
 * half-made object, and it works the next time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/config.h"
#include "core/log.h"
#include "core/net/http_reply.h"
#include "support/no_memory.h"

static const cairn_config_option rows[] = {
    {"store.map_size", CAIRN_UNIT_SIZE, 1 << 20, UINT64_C(1) << 40, "256GiB", "Address space."},
    {"store.name", CAIRN_UNIT_TEXT, 1, 40, "main", "Name."},
    {"http.timeout", CAIRN_UNIT_DURATION, 10, 60000, "5s", "Time."},
};
static const cairn_config_table table = {rows, 3};

static cairn_err parse_config(void)
{
    cairn_config *config = NULL;
    cairn_err err =
        cairn_config_parse(&table, 1, "cairn.yaml",
                           cairn_bytes_str("store:\n  name: a\nhttp:\n  timeout: 1s\n"), &config);
    assert_true((err == CAIRN_OK) == (config != NULL));
    cairn_config_free(config);
    return err;
}

static cairn_err load_config(void)
{
    cairn_config *config = NULL;
    cairn_err err = cairn_config_load(&table, 1, "/dev/null", &config);
    cairn_config_free(config);
    return err;
}

static cairn_err render_config(void)
{
    cairn_arena arena;
    cairn_arena_init(&arena, 65536);
    cairn_bytes text = {NULL, 0};
    static const cairn_config_setting setting = {"store.name", "b"};
    cairn_err err = cairn_config_render(&arena, &table, 1, &setting, 1, &text);
    cairn_arena_done(&arena);
    return err;
}

static cairn_err make_log(void)
{
    cairn_clock clock = cairn_clock_system();
    cairn_log *log = NULL;
    cairn_err err = cairn_log_open(&clock, "/dev/null", CAIRN_LOG_INFO, NULL, 0, &log);
    assert_true((err == CAIRN_OK) == (log != NULL));
    cairn_log_free(log);
    return err;
}

static cairn_err encode_reply(void)
{
    static const uint8_t body[100000];
    const cairn_http_response response = {.status = 200, .body = cairn_bytes_of(body, sizeof body)};
    const cairn_http_framing framing = {.wall_ms = 0};
    uint8_t *bytes = NULL;
    size_t size = 0;
    cairn_err err = cairn_http_reply_encode(&response, &framing, &bytes, &size);
    assert_true((err == CAIRN_OK) == (bytes != NULL));
    free(bytes);
    return err;
}

static unsigned open_files(void)
{
    unsigned count = 0;
    for (int fd = 0; fd < 64; fd++)
        count += fcntl(fd, F_GETFD) >= 0;
    return count;
}

static void test_each_allocation_fails_once(void **state)
{
    (void)state;
    if (!NO_MEMORY_WORKS) {
        print_message("allocation faults: not under a sanitizer\n");
        skip();
    }
    static cairn_err (*const calls[])(void) = {parse_config, load_config, render_config, make_log,
                                               encode_reply};
    unsigned before = open_files();
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
        unsigned at = 1;
        assert_int_equal(calls[i](), CAIRN_OK);
        for (bool fired = true; fired; at++) {
            no_memory_here = true;
            no_memory_arm(at);
            cairn_err err = calls[i]();
            fired = no_memory_disarm();
            no_memory_here = false;
            if (err != (fired ? CAIRN_ERR_NO_MEMORY : CAIRN_OK))
                fail_msg("call %zu, allocation %u: %s, %s", i, at, cairn_err_name(err),
                         cairn_err_detail());
        }
        assert_true(at > 2); /* at least one allocation was met */
        assert_int_equal(calls[i](), CAIRN_OK);
    }
    assert_int_equal(open_files(), before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_allocation_fails_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
