/* The socket: order, pieces of any size, answers that wait for nothing, and what ends a connection.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "ledger/consortium/abci_server.h"

typedef struct world {
    char directory[64];
    char path[96];
    cairn_abci_server *server;
    _Atomic size_t foreseen;
    _Atomic size_t handled;
} world;

/* Echoes; a Commit fails with half an answer written. */
static cairn_err handle(void *context, const cairn_abci_request *request, cairn_arena *arena,
                        cairn_wire_writer *out)
{
    world *w = context;
    (void)arena;
    w->handled++;
    cairn_abci_answer answer = cairn_abci_begin(out, request->kind);
    if (request->kind == CAIRN_ABCI_COMMIT)
        return CAIRN_FAIL(CAIRN_ERR_IO, "house", "test: commit");
    if (request->kind == CAIRN_ABCI_ECHO)
        cairn_wire_put_bytes(out, 1, request->echo.message);
    cairn_abci_end(&answer);
    return CAIRN_OK;
}

static void foresee(void *context, const cairn_abci_request *requests, size_t count)
{
    world *w = context;
    assert_non_null(requests);
    w->foreseen += count;
}

static void begin(world *w)
{
    *w = (world){.directory = "/tmp/cairn-abci-XXXXXX"};
    assert_non_null(mkdtemp(w->directory));
    (void)snprintf(w->path, sizeof w->path, "%s/app.sock", w->directory);
    const cairn_abci_handler handler = {.context = w, .handle = handle, .foresee = foresee};
    assert_int_equal(cairn_abci_server_start(w->path, &handler, NULL, &w->server), CAIRN_OK);
}

static void end(world *w)
{
    cairn_abci_server_stop(w->server);
    assert_int_not_equal(access(w->path, F_OK), 0);
    assert_int_equal(rmdir(w->directory), 0);
}

static int dial(const world *w)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    (void)snprintf(address.sun_path, sizeof address.sun_path, "%s", w->path);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

static void put(int fd, const void *data, size_t size)
{
    assert_int_equal(send(fd, data, size, MSG_NOSIGNAL), size);
}

/* Reads exactly `size` bytes; fewer at the end. */
static size_t get(int fd, uint8_t *data, size_t size)
{
    size_t got = 0;
    while (got < size) {
        ssize_t n = recv(fd, data + got, size - got, 0);
        if (n <= 0)
            break;
        got += (size_t)n;
    }
    return got;
}

static const uint8_t echo_a[] = {0x05, 0x0a, 0x03, 0x0a, 0x01, 'a'};
static const uint8_t answer_a[] = {0x05, 0x12, 0x03, 0x0a, 0x01, 'a'};
static const uint8_t flush[] = {0x02, 0x12, 0x00};
static const uint8_t flushed[] = {0x02, 0x1a, 0x00};
static const uint8_t commit[] = {0x02, 0x5a, 0x00};

static void expect(int fd, const uint8_t *want, size_t size)
{
    uint8_t got[256];
    assert_true(size <= sizeof got);
    assert_int_equal(get(fd, got, size), size);
    assert_memory_equal(got, want, size);
}

/* An exception, and then the end. */
static void expect_exception(int fd, const char *code)
{
    uint8_t got[1024];
    size_t size = get(fd, got, sizeof got);
    assert_true(size > 8);
    bool is_there = false;
    for (size_t i = 0; i + strlen(code) <= size; i++)
        is_there |= memcmp(got + i, code, strlen(code)) == 0;
    assert_true(is_there);
    assert_int_equal(get(fd, got, 1), 0);
}

/* Without a Flush behind it. */
static void test_answers_do_not_wait(void **state)
{
    (void)state;
    world w;
    begin(&w);
    int fd = dial(&w);
    put(fd, echo_a, sizeof echo_a);
    expect(fd, answer_a, sizeof answer_a);
    for (size_t i = 0; i < sizeof echo_a; i++) /* byte by byte */
        put(fd, echo_a + i, 1);
    put(fd, flush, sizeof flush);
    expect(fd, answer_a, sizeof answer_a);
    expect(fd, flushed, sizeof flushed);
    (void)close(fd);
    end(&w);
}

/* Many at once come back in order, on each connection its own. */
static void test_order(void **state)
{
    (void)state;
    enum { COUNT = 5000 };
    world w;
    begin(&w);
    int fds[4];
    for (int c = 0; c < 4; c++)
        fds[c] = dial(&w);
    for (int c = 0; c < 4; c++) {
        uint8_t *all = malloc(COUNT * 8);
        for (size_t i = 0; i < COUNT; i++) {
            const uint8_t one[] = {0x07,      0x0a, 0x05, 0x0a, 0x03, (uint8_t)c, (uint8_t)(i >> 8),
                                   (uint8_t)i};
            memcpy(all + i * 8, one, 8);
        }
        for (size_t done = 0; done < COUNT * 8; done += 8000) {
            put(fds[c], all + done, 8000);
            for (size_t i = done / 8; i < (done + 8000) / 8; i++) {
                const uint8_t want[] = {
                    0x07, 0x12, 0x05, 0x0a, 0x03, (uint8_t)c, (uint8_t)(i >> 8), (uint8_t)i};
                expect(fds[c], want, 8);
            }
        }
        free(all);
    }
    assert_true(w.foreseen > COUNT);
    assert_int_equal(cairn_abci_server_connections(w.server), 4);
    for (int c = 0; c < 4; c++)
        (void)close(fds[c]);
    end(&w);
}

static void test_what_ends_a_connection(void **state)
{
    (void)state;
    static const struct {
        size_t size;
        uint8_t bytes[12];
        const char *code;
    } cases[] = {
        {2, {0x01, 0xff}, "TRUNCATED"},
        {1, {0x00}, "UNKNOWN_FIELD"},
        {5, {0x81, 0x80, 0x80, 0x10, 0x0a}, "TOO_LARGE"}, /* 32 MiB + 1 */
        {10, {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f}, "BAD_VALUE"},
        {3, {0x02, 0x22, 0x00}, "UNKNOWN_FIELD"},
    };
    world w;
    begin(&w);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int fd = dial(&w);
        put(fd, echo_a, sizeof echo_a);
        put(fd, cases[i].bytes, cases[i].size);
        expect(fd, answer_a, sizeof answer_a); /* what came before is answered */
        expect_exception(fd, cases[i].code);
        (void)close(fd);
    }
    int fd = dial(&w);
    put(fd, echo_a, sizeof echo_a);
    put(fd, commit, sizeof commit);
    expect(fd, answer_a, sizeof answer_a);
    expect_exception(fd, "IO: test: commit"); /* nothing of the half answer */
    (void)close(fd);
    end(&w);
}

static void test_socket_file(void **state)
{
    (void)state;
    world w;
    struct stat status;
    cairn_abci_server *second = NULL;
    begin(&w);
    const cairn_abci_handler handler = {.context = &w, .handle = handle};
    assert_int_equal(stat(w.path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    assert_int_equal(cairn_abci_server_start(w.path, &handler, NULL, &second),
                     CAIRN_ERR_ADDRESS_IN_USE);
    char stale[96];
    (void)snprintf(stale, sizeof stale, "%s/stale", w.directory);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    (void)snprintf(address.sun_path, sizeof address.sun_path, "%s", stale);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    (void)close(fd); /* its owner crashed */
    assert_int_equal(cairn_abci_server_start(stale, &handler, NULL, &second), CAIRN_OK);
    cairn_abci_server_stop(second);
    FILE *file = fopen(stale, "w");
    assert_non_null(file);
    (void)fclose(file);
    assert_int_equal(cairn_abci_server_start(stale, &handler, NULL, &second),
                     CAIRN_ERR_ADDRESS_IN_USE);
    (void)unlink(stale);
    end(&w);
}

/* A connection beyond the bound is closed, and a place that was left is taken again. */
static void test_connections_are_bounded(void **state)
{
    (void)state;
    world w;
    int fds[CAIRN_ABCI_CONNECTIONS_MAX];
    uint8_t byte;
    begin(&w);
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < CAIRN_ABCI_CONNECTIONS_MAX; i++) {
            fds[i] = dial(&w);
            put(fds[i], echo_a, sizeof echo_a);
            expect(fds[i], answer_a, sizeof answer_a);
        }
        int more = dial(&w);
        assert_int_equal(get(more, &byte, 1), 0);
        (void)close(more);
        for (int i = 0; i < CAIRN_ABCI_CONNECTIONS_MAX; i++) {
            (void)shutdown(fds[i], SHUT_WR);
            assert_int_equal(get(fds[i], &byte, 1), 0);
            (void)close(fds[i]);
        }
        while (cairn_abci_server_connections(w.server) != 0)
            (void)usleep(1000);
    }
    end(&w);
}

/* An engine that was paused reads nothing: the server ends all the same. */
static void test_stop_waits_for_no_reader(void **state)
{
    (void)state;
    enum { SIZE = 4 << 20 }; /* more than a socket holds */
    world w;
    cairn_bytes frame;
    cairn_wire_writer out;
    uint8_t *message = calloc(1, SIZE);
    begin(&w);
    cairn_wire_writer_init(&out, 2 * SIZE);
    size_t outer = cairn_wire_open_frame(&out);
    size_t inner = cairn_wire_open(&out, CAIRN_ABCI_ECHO);
    cairn_wire_put_bytes(&out, 1, cairn_bytes_of(message, SIZE));
    cairn_wire_close(&out, inner);
    cairn_wire_close(&out, outer);
    assert_int_equal(cairn_wire_writer_end(&out, &frame), CAIRN_OK);
    int fd = dial(&w);
    put(fd, frame.data, frame.size);
    while (w.handled == 0)
        (void)usleep(1000);
    end(&w);
    (void)close(fd);
    cairn_wire_writer_done(&out);
    free(message);
}

/* Without a descriptor left a connection waits in the queue, and the listener goes on. An accept()
 * that waits has its descriptor already, so of two connections one may be taken. */
static void test_no_descriptor_left(void **state)
{
    (void)state;
    world w;
    struct rlimit limit;
    begin(&w);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    (void)snprintf(address.sun_path, sizeof address.sun_path, "%s", w.path);
    const int fds[2] = {socket(AF_UNIX, SOCK_STREAM, 0), socket(AF_UNIX, SOCK_STREAM, 0)};
    int next = fcntl(fds[1], F_DUPFD, 0);
    assert_true(next >= 0);
    (void)close(next);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    const struct rlimit none = {.rlim_cur = (rlim_t)next, .rlim_max = limit.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(connect(fds[i], (struct sockaddr *)&address, sizeof address), 0);
    (void)usleep(50000); /* it is not taken now */
    assert_true(cairn_abci_server_connections(w.server) < 2);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    for (size_t i = 0; i < 2; i++) {
        put(fds[i], echo_a, sizeof echo_a);
        expect(fds[i], answer_a, sizeof answer_a);
        (void)close(fds[i]);
    }
    end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answers_do_not_wait),
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_what_ends_a_connection),
        cmocka_unit_test(test_socket_file),
        cmocka_unit_test(test_connections_are_bounded),
        cmocka_unit_test(test_stop_waits_for_no_reader),
        cmocka_unit_test(test_no_descriptor_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
