/* Import workers with parsers that do what they should, and parsers that do not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <unistd.h>

#include "node/process/process.h"
#include "node/process/spawner_impl.h"
#include "node/process/worker_impl.h"

static cairn_spawner *spawner;

/* --- parsers; they run in the worker --- */

static cairn_err echo(cairn_worker_io *io)
{
    uint8_t data[1000];
    size_t size = 0;
    do {
        CAIRN_TRY(cairn_worker_read(io, data, sizeof data, &size));
        CAIRN_TRY(cairn_worker_write(io, cairn_bytes_of(data, size)));
    } while (size > 0);
    return CAIRN_OK;
}

static cairn_err first_only(cairn_worker_io *io)
{
    uint8_t data = 0;
    size_t size = 0;
    CAIRN_TRY(cairn_worker_read(io, &data, 1, &size));
    return cairn_worker_write(io, cairn_bytes_of(&data, size));
}

static cairn_err refuse(cairn_worker_io *io)
{
    CAIRN_TRY(cairn_worker_write(io, cairn_bytes_str("half of it")));
    return CAIRN_FAIL(CAIRN_ERR_BAD_TEXT, "some clause", "file.line 7: \x1b[31mred");
}

static cairn_err crash(cairn_worker_io *io)
{
    (void)io;
    (void)raise(SIGSEGV);
    return CAIRN_OK;
}

static cairn_err spin(cairn_worker_io *io)
{
    (void)io;
    for (volatile unsigned i = 0;; i = i + 1) {
    }
    return CAIRN_OK;
}

/* Closes its only way out, so that nobody hears when it ends. */
static cairn_err play_dead(cairn_worker_io *io)
{
    (void)close(CAIRN_WORKER_FD);
    return spin(io);
}

static cairn_err sleep_on(cairn_worker_io *io)
{
    (void)io;
    for (;;)
        (void)sleep(1000);
    return CAIRN_OK;
}

static cairn_err allocate(cairn_worker_io *io)
{
    (void)io;
    for (;;) {
        void *memory = malloc(1 << 20);
        if (memory == NULL)
            return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "parser: a megabyte more");
        memset(memory, 1, 1 << 20);
    }
}

static cairn_err flood(cairn_worker_io *io)
{
    static const uint8_t zeros[65536];
    for (;;)
        CAIRN_TRY(cairn_worker_write(io, cairn_bytes_of(zeros, sizeof zeros)));
}

static cairn_err open_file(cairn_worker_io *io)
{
    int fd = open("/etc/passwd", O_RDONLY | O_CLOEXEC);
    return cairn_worker_write(io, cairn_bytes_str(fd >= 0 ? "opened" : "refused"));
}

static cairn_err make_socket(cairn_worker_io *io)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    return cairn_worker_write(io, cairn_bytes_str(fd >= 0 ? "made" : "refused"));
}

static cairn_err run_program(cairn_worker_io *io)
{
    char *const arguments[] = {(char *)(uintptr_t) "true", NULL};
    (void)execv("/bin/true", arguments);
    return cairn_worker_write(io, cairn_bytes_str("refused"));
}

static cairn_err trace_parent(cairn_worker_io *io)
{
    bool attached = ptrace(PTRACE_ATTACH, getppid(), NULL, NULL) == 0;
    return cairn_worker_write(io, cairn_bytes_str(attached ? "attached" : "refused"));
}

static cairn_err make_file(cairn_worker_io *io)
{
    int fd = open("/tmp/of-a-worker", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    return cairn_worker_write(io, cairn_bytes_str(fd >= 0 ? "made" : "refused"));
}

static cairn_err signal_parent(cairn_worker_io *io)
{
    bool sent = kill(getppid(), SIGCONT) == 0;
    return cairn_worker_write(io, cairn_bytes_str(sent ? "sent" : "refused"));
}

/* Speaks the protocol by itself, and wrongly. */
static cairn_err lie(cairn_worker_io *io)
{
    static const uint8_t frame[] = {9, 0, 0, 0, 1, 0};
    ssize_t ignored = write(CAIRN_WORKER_FD, frame, sizeof frame);
    (void)ignored;
    return sleep_on(io);
}

static cairn_err environment(cairn_worker_io *io)
{
    int open_fds = 0;
    for (int fd = CAIRN_WORKER_FD + 1; fd < 1000; fd++)
        open_fds += write(fd, "", 0) == 0;
    return cairn_worker_write(io, cairn_bytes_str(open_fds == 0 ? "clean" : "open descriptors"));
}

static const cairn_worker_parser parsers[] = {
    {"echo", echo},
    {"first_only", first_only},
    {"refuse", refuse},
    {"crash", crash},
    {"spin", spin},
    {"play_dead", play_dead},
    {"sleep", sleep_on},
    {"allocate", allocate},
    {"flood", flood},
    {"open_file", open_file},
    {"make_socket", make_socket},
    {"run_program", run_program},
    {"trace_parent", trace_parent},
    {"make_file", make_file},
    {"signal_parent", signal_parent},
    {"lie", lie},
    {"environment", environment},
};
enum { PARSER_COUNT = sizeof parsers / sizeof parsers[0] };

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif

/* --- tests --- */

static int set_up(void **state)
{
    (void)state;
    return cairn_spawner_start(NULL, &spawner) != CAIRN_OK;
}

static int tear_down(void **state)
{
    (void)state;
    cairn_spawner_free(spawner);
    return 0;
}

static cairn_worker_limits quick(void)
{
    cairn_worker_limits limits = cairn_worker_limits_default();
    limits.cpu_s = 5;
    limits.wall_ms = 20000;
    return limits;
}

static cairn_err run_text(const char *name, const cairn_worker_limits *limits, const char *input,
                          char ret_text[64])
{
    cairn_arena arena;
    cairn_bytes output = {0};
    cairn_arena_init(&arena, 1 << 20);
    cairn_err err =
        cairn_worker_run_bytes(spawner, name, limits, cairn_bytes_str(input), &arena, &output);
    (void)snprintf(ret_text, 64, "%.*s", (int)output.size,
                   output.size == 0 ? "" : (const char *)output.data);
    cairn_arena_done(&arena);
    return err;
}

static void test_echo(void **state)
{
    (void)state;
    const cairn_worker_limits limits = quick();
    char text[64];
    assert_int_equal(run_text("echo", &limits, "", text), CAIRN_OK);
    assert_string_equal(text, "");
    assert_int_equal(run_text("echo", &limits, "some bytes", text), CAIRN_OK);
    assert_string_equal(text, "some bytes");
    assert_int_equal(run_text("first_only", &limits, "some bytes", text), CAIRN_OK);
    assert_string_equal(text, "s");
    assert_int_equal(run_text("environment", &limits, "", text), CAIRN_OK);
    assert_string_equal(text, "clean");
}

static void test_large_input_streams(void **state)
{
    (void)state;
    enum { SIZE = 20 << 20 };
    const cairn_worker_limits limits = quick();
    cairn_arena arena;
    cairn_bytes output = {0};
    uint8_t *input = malloc(SIZE);
    assert_non_null(input);
    for (size_t i = 0; i < SIZE; i++)
        input[i] = (uint8_t)(i * 31 >> 7);
    cairn_arena_init(&arena, 256u << 20);
    assert_int_equal(cairn_worker_run_bytes(spawner, "echo", &limits, cairn_bytes_of(input, SIZE),
                                            &arena, &output),
                     CAIRN_OK);
    assert_true(cairn_bytes_equal(output, cairn_bytes_of(input, SIZE)));
    assert_int_equal(cairn_worker_run_bytes(spawner, "first_only", &limits,
                                            cairn_bytes_of(input, SIZE), &arena, &output),
                     CAIRN_OK);
    assert_int_equal(output.size, 1);
    cairn_arena_done(&arena);
    free(input);
}

static void test_failures(void **state)
{
    (void)state;
    cairn_worker_limits short_time = quick();
    cairn_worker_limits little_cpu = quick();
    cairn_worker_limits little_output = quick();
    short_time.wall_ms = 300;
    little_cpu.cpu_s = 1;
    little_output.output_size_max = 100000;
    const struct {
        const char *name;
        const cairn_worker_limits *limits;
        cairn_err err;
        const char *detail;
    } rows[] = {
        {"unknown", &short_time, CAIRN_ERR_NOT_FOUND, "no parser unknown"},
        {"refuse", &little_cpu, CAIRN_ERR_BAD_TEXT, "file.line 7: ?[31mred"},
        {"crash", &little_cpu, CAIRN_ERR_BAD_VALUE, "worker: ended"},
        {"spin", &little_cpu, CAIRN_ERR_TOO_LARGE, "CPU limit of 1 s"},
        {"spin", &short_time, CAIRN_ERR_TOO_LARGE, "time limit of 300 ms"},
        {"sleep", &short_time, CAIRN_ERR_TOO_LARGE, "time limit of 300 ms"},
        {"play_dead", &short_time, CAIRN_ERR_TOO_LARGE, "time limit of 300 ms"},
        {"flood", &little_output, CAIRN_ERR_TOO_LARGE, "output limit of 100000 bytes"},
        {"lie", &little_cpu, CAIRN_ERR_BAD_VALUE, "worker: frame"},
    };
    char text[64];
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const char *input = i % 2 == 0 ? "" : "input that nobody reads";
        cairn_err err = run_text(rows[i].name, rows[i].limits, input, text);
        if (err != rows[i].err || strstr(cairn_err_detail(), rows[i].detail) == NULL)
            fail_msg("%s: %s: %s", rows[i].name, cairn_err_name(err), cairn_err_detail());
        assert_string_equal(text, "");
    }
}

static void test_memory_limit(void **state)
{
    (void)state;
#ifdef SANITIZED
    print_message("a sanitizer's allocator ends the process in its own way\n");
    skip();
#else
    cairn_worker_limits limits = quick();
    char text[64];
    limits.memory_mib = 32;
    assert_int_equal(run_text("allocate", &limits, "", text), CAIRN_ERR_TOO_LARGE);
    assert_non_null(strstr(cairn_err_detail(), "memory limit"));
#endif
}

/* Ended by the filter, or refused. */
static void test_sandbox(void **state)
{
    (void)state;
    static const char *const names[] = {"open_file",   "make_file",    "make_socket",
                                        "run_program", "trace_parent", "signal_parent"};
    const cairn_worker_limits limits = quick();
    char text[64];
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        cairn_err err = run_text(names[i], &limits, "", text);
        bool ended = err == CAIRN_ERR_BAD_VALUE && strstr(cairn_err_detail(), "SIGSYS") != NULL;
        if (!ended && (err != CAIRN_OK || strcmp(text, "refused") != 0))
            fail_msg("%s: %s: %s", names[i], cairn_err_name(err), text);
    }
}

static cairn_err fail_source(void *context, uint8_t *data, size_t size, size_t *ret_size)
{
    (void)context;
    (void)data;
    (void)size;
    (void)ret_size;
    return CAIRN_ERR_MISMATCH;
}

static cairn_err no_source(void *context, uint8_t *data, size_t size, size_t *ret_size)
{
    (void)context;
    (void)data;
    (void)size;
    *ret_size = 0;
    return CAIRN_OK;
}

static cairn_err fail_sink(void *context, cairn_bytes data)
{
    (void)context;
    (void)data;
    return CAIRN_ERR_NO_SPACE;
}

static void test_source_and_sink_may_fail(void **state)
{
    (void)state;
    const cairn_worker_limits limits = quick();
    const cairn_worker_source bad = {.read = fail_source};
    const cairn_worker_source none = {.read = no_source};
    const cairn_worker_sink sink = {.write = fail_sink};
    assert_int_equal(cairn_worker_run(spawner, "echo", &limits, &bad, &sink), CAIRN_ERR_MISMATCH);
    assert_int_equal(cairn_worker_run(spawner, "flood", &limits, &none, &sink), CAIRN_ERR_NO_SPACE);
}

/* A failed import leaves nothing behind that would hinder the next ones. */
static void test_many_after_each_other(void **state)
{
    (void)state;
    const cairn_worker_limits limits = quick();
    char text[64];
    for (size_t i = 0; i < 100; i++) {
        assert_int_equal(run_text("crash", &limits, "x", text), CAIRN_ERR_BAD_VALUE);
        assert_int_equal(run_text("first_only", &limits, "x", text), CAIRN_OK);
    }
}

static void test_children_bound(void **state)
{
    (void)state;
    static const char *const arguments[] = {"sleep", "64", "5"};
    cairn_spawner_child children[CAIRN_SPAWNER_CHILDREN_MAX];
    cairn_spawner_child more;
    const cairn_worker_limits limits = quick();
    char text[64];
    for (size_t i = 0; i < CAIRN_SPAWNER_CHILDREN_MAX; i++)
        assert_int_equal(
            cairn_spawner_run(spawner, CAIRN_SPAWNER_WORKER, arguments, 3, &children[i]), CAIRN_OK);
    assert_int_equal(cairn_spawner_run(spawner, CAIRN_SPAWNER_WORKER, arguments, 3, &more),
                     CAIRN_ERR_UNAVAILABLE);
    for (size_t i = 0; i < CAIRN_SPAWNER_CHILDREN_MAX; i++)
        cairn_spawner_child_close(&children[i]);
    cairn_err err = CAIRN_ERR_UNAVAILABLE; /* until the first of them is reaped */
    for (size_t i = 0; i < 1000 && err == CAIRN_ERR_UNAVAILABLE; i++) {
        (void)usleep(5000);
        err = run_text("echo", &limits, "again", text);
    }
    assert_int_equal(err, CAIRN_OK);
    assert_string_equal(text, "again");
}

static void test_frames(void **state)
{
    (void)state;
    static const struct {
        uint8_t bytes[16];
        size_t size;
        cairn_err err;
        size_t wanted;
    } rows[] = {
        {{1, 0, 0, 0, 1, 7}, 6, CAIRN_OK, 6},
        {{1, 0, 0, 0, 2, 7}, 6, CAIRN_OK, 0},
        {{1, 0, 0, 0}, 4, CAIRN_OK, 0},
        {{1, 0, 0, 0, 0}, 5, CAIRN_ERR_BAD_VALUE, 0},
        {{1, 0, 1, 0, 1}, 5, CAIRN_ERR_BAD_VALUE, 0},
        {{0, 0, 0, 0, 1, 7}, 6, CAIRN_ERR_BAD_VALUE, 0},
        {{3, 0, 0, 0, 1, 7}, 6, CAIRN_ERR_BAD_VALUE, 0},
        {{2, 0, 0, 0, 4, 0, 0, 0, 0}, 9, CAIRN_OK, 9},
        {{2, 0, 0, 0, 3, 0, 0, 0}, 8, CAIRN_ERR_BAD_VALUE, 0},
        {{2, 0, 0, 0, 4, 0, 0, 0, 1}, 9, CAIRN_ERR_BAD_VALUE, 0},
        {{2, 0, 0, 0, 4, 0xff, 0xff, 0xff, 0xff}, 9, CAIRN_ERR_BAD_VALUE, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        cairn_worker_frame frame;
        size_t size = 99;
        assert_int_equal(
            cairn_worker_frame_decode(cairn_bytes_of(rows[i].bytes, rows[i].size), &frame, &size),
            rows[i].err);
        assert_int_equal(size, rows[i].wanted);
    }
}

int main(int argc, char **argv)
{
    int exit_code = 0;
    if (cairn_process_main(argc, argv, parsers, PARSER_COUNT, &exit_code))
        return exit_code;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_echo),
        cmocka_unit_test(test_large_input_streams),
        cmocka_unit_test(test_failures),
        cmocka_unit_test(test_memory_limit),
        cmocka_unit_test(test_sandbox),
        cmocka_unit_test(test_source_and_sink_may_fail),
        cmocka_unit_test(test_many_after_each_other),
        cmocka_unit_test(test_children_bound),
        cmocka_unit_test(test_frames),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
