/* The client against servers that behave, and a peer that does not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/net/http_client.h"
#include "support/http_raw.h"

/* A peer that takes one connection, reads one head and says `reply`. */
typedef struct peer {
    int listener;
    uint16_t port;
    pthread_t thread;
    const char *reply;
    bool stay;          /* keep the connection open until the client goes */
    _Atomic bool *told; /* set once `reply` was said; or NULL */
    char request[8192];
} peer;

static void *serve_one(void *context)
{
    peer *p = context;
    int fd = accept(p->listener, NULL, NULL);
    assert_true(fd >= 0);
    raw_set_wait(fd);
    (void)raw_receive(fd, p->request, sizeof p->request, p->reply == NULL ? NULL : "\r\n\r\n");
    if (p->reply != NULL)
        (void)send(fd, p->reply, strlen(p->reply), MSG_NOSIGNAL);
    if (p->told != NULL)
        atomic_store(p->told, true);
    char sink[4096];
    while (p->stay && recv(fd, sink, sizeof sink, 0) > 0)
        continue;
    (void)close(fd);
    return NULL;
}

static void peer_start(peer *p, const char *reply, bool stay)
{
    *p = (peer){.reply = reply, .stay = stay};
    p->listener = raw_listen(&p->port);
    assert_int_equal(pthread_create(&p->thread, NULL, serve_one, p), 0);
}

static void peer_start_telling(peer *p, const char *reply, _Atomic bool *told)
{
    *p = (peer){.reply = reply, .stay = true, .told = told};
    p->listener = raw_listen(&p->port);
    assert_int_equal(pthread_create(&p->thread, NULL, serve_one, p), 0);
}

static void peer_stop(peer *p)
{
    assert_int_equal(pthread_join(p->thread, NULL), 0);
    (void)close(p->listener);
}

static cairn_err ask(cairn_arena *arena, uint16_t port, cairn_http_call call,
                     cairn_http_reply *ret_reply)
{
    char url[64];
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%u/path?secret=1", (unsigned)port);
    call.url = url;
    if (call.timeout_ms == 0)
        call.timeout_ms = RAW_WAIT_MS;
    return cairn_http_client_call(arena, &call, ret_reply);
}

static void test_get(void **state)
{
    (void)state;
    cairn_arena arena;
    cairn_arena_init(&arena, 1 << 20);
    peer p;
    peer_start(&p, "HTTP/1.1 404 No\r\nContent-Type: text/x\r\nContent-Length: 4\r\n\r\nbody",
               false);
    static const char *const headers[] = {"Authorization: Bearer t"};
    cairn_http_reply reply;
    assert_int_equal(
        ask(&arena, p.port,
            (cairn_http_call){.body_size_max = 4, .headers = headers, .header_count = 1}, &reply),
        CAIRN_OK);
    peer_stop(&p);
    assert_int_equal(reply.status, 404);
    assert_string_equal(reply.content_type, "text/x");
    assert_true(cairn_bytes_equal(reply.body, cairn_bytes_str("body")));
    assert_int_equal(strncmp(p.request, "GET /path?secret=1 HTTP/1.1\r\n", 29), 0);
    assert_non_null(strstr(p.request, "\r\nAuthorization: Bearer t\r\n"));
    assert_null(strstr(p.request, "Content-Type"));
    cairn_arena_done(&arena);
}

static void test_post(void **state)
{
    (void)state;
    cairn_arena arena;
    cairn_arena_init(&arena, 1 << 20);
    peer p;
    peer_start(&p, "HTTP/1.1 204 No\r\n\r\n", false);
    cairn_http_reply reply;
    const cairn_http_call call = {.method = CAIRN_HTTP_CLIENT_POST,
                                  .content_type = "application/cose",
                                  .body = cairn_bytes_of("\x00\xff", 2)};
    assert_int_equal(ask(&arena, p.port, call, &reply), CAIRN_OK);
    peer_stop(&p);
    assert_int_equal(reply.status, 204);
    assert_string_equal(reply.content_type, "");
    assert_int_equal(reply.body.size, 0);
    assert_int_equal(strncmp(p.request, "POST ", 5), 0);
    assert_non_null(strstr(p.request, "\r\nContent-Type: application/cose\r\n"));
    assert_non_null(strstr(p.request, "\r\nContent-Length: 2\r\n"));
    assert_null(strstr(p.request, "Expect"));
    cairn_arena_done(&arena);
}

static void test_methods(void **state)
{
    (void)state;
    static const struct {
        cairn_http_client_method method;
        const char *line;
        bool body;
    } rows[] = {{CAIRN_HTTP_CLIENT_PUT, "PUT /path?secret=1 HTTP/1.1\r\n", true},
                {CAIRN_HTTP_CLIENT_PATCH, "PATCH /path?secret=1 HTTP/1.1\r\n", true},
                {CAIRN_HTTP_CLIENT_DELETE, "DELETE /path?secret=1 HTTP/1.1\r\n", false}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        cairn_arena arena;
        cairn_arena_init(&arena, 1 << 20);
        peer p;
        peer_start(&p, "HTTP/1.1 204 No\r\n\r\n", false);
        cairn_http_reply reply;
        cairn_http_call call = {.method = rows[i].method};
        if (rows[i].body) {
            call.body = cairn_bytes_str("{}");
            call.content_type = "application/json";
        }
        assert_int_equal(ask(&arena, p.port, call, &reply), CAIRN_OK);
        peer_stop(&p);
        assert_int_equal(reply.status, 204);
        assert_int_equal(strncmp(p.request, rows[i].line, strlen(rows[i].line)), 0);
        assert_int_equal(strstr(p.request, "\r\nContent-Length: 2\r\n") != NULL, rows[i].body);
        cairn_arena_done(&arena);
    }
}

static void test_reply_headers(void **state)
{
    (void)state;
    cairn_arena arena;
    cairn_arena_init(&arena, 1 << 20);
    peer p;
    peer_start(&p,
               "HTTP/1.1 429 No\r\nRetry-After: 17\r\nX-Two: a\r\nX-Two: b\r\n"
               "Content-Length: 0\r\n\r\n",
               false);
    cairn_http_reply reply;
    cairn_bytes value;
    assert_int_equal(ask(&arena, p.port, (cairn_http_call){.body_size_max = 1}, &reply), CAIRN_OK);
    peer_stop(&p);
    assert_int_equal(reply.header_count, 4);
    assert_true(cairn_http_reply_header(&reply, "retry-after", &value));
    assert_true(cairn_bytes_equal(value, cairn_bytes_str("17")));
    assert_true(cairn_http_reply_header(&reply, "X-TWO", &value));
    assert_true(cairn_bytes_equal(value, cairn_bytes_str("a")));
    assert_false(cairn_http_reply_header(&reply, "Date", &value));
    cairn_arena_done(&arena);
}

/* What a stranger names is not called inside our own house, however it is written. */
static void test_reach(void **state)
{
    (void)state;
    static const char *const urls[] = {"http://127.0.0.1:9/", "http://localhost:9/",
                                       "http://[::1]:9/",     "http://[::ffff:127.0.0.1]:9/",
                                       "http://0.0.0.0:9/",   "http://169.254.169.254/",
                                       "http://10.0.0.1/",    "http://2130706433:9/",
                                       "http://0x7f.1:9/",    "http://[64:ff9b::7f00:1]:9/",
                                       "http://[fe80::1]:9/"};
    cairn_arena arena;
    cairn_arena_init(&arena, 1 << 20);
    cairn_http_reply reply;
    for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
        const cairn_http_call call = {.url = urls[i],
                                      .timeout_ms = 1000,
                                      .body_size_max = 1,
                                      .reach = CAIRN_HTTP_CLIENT_PUBLIC};
        cairn_err err = cairn_http_client_call(&arena, &call, &reply);
        if (err != CAIRN_ERR_PERMISSION)
            fail_msg("%s: %s", urls[i], cairn_err_detail());
    }
    cairn_network allowed[2];
    assert_int_equal(cairn_network_parse("10.0.0.0/8", &allowed[0]), CAIRN_OK);
    assert_int_equal(cairn_network_parse("127.0.0.1", &allowed[1]), CAIRN_OK);
    peer p;
    peer_start(&p, "HTTP/1.1 204 No\r\n\r\n", false);
    const cairn_http_call call = {.body_size_max = 1,
                                  .reach = CAIRN_HTTP_CLIENT_PUBLIC,
                                  .allowed = allowed,
                                  .allowed_count = 2};
    assert_int_equal(ask(&arena, p.port, call, &reply), CAIRN_OK);
    peer_stop(&p);
    cairn_arena_done(&arena);
}

static void test_redirect_is_an_answer(void **state)
{
    (void)state;
    cairn_arena arena;
    cairn_arena_init(&arena, 1 << 20);
    peer p;
    peer_start(&p,
               "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n",
               false);
    cairn_http_reply reply;
    assert_int_equal(ask(&arena, p.port, (cairn_http_call){.body_size_max = 1}, &reply), CAIRN_OK);
    assert_int_equal(reply.status, 302);
    peer_stop(&p);
    cairn_arena_done(&arena);
}

static void test_body_limit(void **state)
{
    (void)state;
    static const char *const replies[] = {
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabcde",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\n\r\nabcde",
    };
    for (size_t i = 0; i < 3; i++)
        for (size_t limit = 4; limit <= 5; limit++) {
            cairn_arena arena;
            cairn_arena_init(&arena, 1 << 20);
            peer p;
            peer_start(&p, replies[i], false);
            cairn_http_reply reply;
            cairn_err err = ask(&arena, p.port, (cairn_http_call){.body_size_max = limit}, &reply);
            assert_int_equal(err, limit == 4 ? CAIRN_ERR_TOO_LARGE : CAIRN_OK);
            if (err == CAIRN_OK)
                assert_true(cairn_bytes_equal(reply.body, cairn_bytes_str("abcde")));
            peer_stop(&p);
            cairn_arena_done(&arena);
        }
}

/* What is not wanted is not read for ever, and its answer is one. */
static void test_dropped_body_is_cut(void **state)
{
    (void)state;
    enum { SIZE = 8 * CAIRN_HTTP_CLIENT_DROPPED_MAX };
    char *text = malloc((size_t)SIZE + 64);
    assert_non_null(text);
    int head =
        sprintf(text, "HTTP/1.1 503 X\r\nRetry-After: 7\r\nContent-Length: %d\r\n\r\n", 2 * SIZE);
    memset(text + head, 'x', SIZE); /* and then it is silent */
    text[head + SIZE] = '\0';
    cairn_arena arena;
    cairn_arena_init(&arena, 1 << 20);
    peer p;
    peer_start(&p, text, false);
    cairn_http_reply reply;
    cairn_bytes value;
    assert_int_equal(ask(&arena, p.port, (cairn_http_call){.drop_body = true}, &reply), CAIRN_OK);
    assert_int_equal(reply.status, 503);
    assert_int_equal(reply.body.size, 0);
    assert_true(cairn_http_reply_header(&reply, "Retry-After", &value));
    peer_stop(&p);
    cairn_arena_done(&arena);
    free(text);
}

static void test_large_body(void **state)
{
    (void)state;
    enum { SIZE = 300000 };
    char *text = malloc(SIZE + 64);
    assert_non_null(text);
    int head = sprintf(text, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", SIZE);
    memset(text + head, 'x', SIZE);
    text[head + SIZE] = '\0';
    cairn_arena arena;
    cairn_arena_init(&arena, 2 << 20);
    peer p;
    peer_start(&p, text, false);
    cairn_http_reply reply;
    assert_int_equal(ask(&arena, p.port, (cairn_http_call){.body_size_max = SIZE}, &reply),
                     CAIRN_OK);
    assert_int_equal(reply.body.size, SIZE);
    assert_memory_equal(reply.body.data, text + head, SIZE);
    peer_stop(&p);
    cairn_arena_done(&arena);
    free(text);
}

static void test_peers_that_fail(void **state)
{
    (void)state;
    static const char *const replies[] = {
        "",                                                 /* closes at once */
        "220 mail.example ESMTP\r\n",                       /* another protocol */
        "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc", /* ends early */
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
    };
    for (size_t i = 0; i < sizeof replies / sizeof replies[0]; i++) {
        cairn_arena arena;
        cairn_arena_init(&arena, 1 << 20);
        peer p;
        peer_start(&p, replies[i], false);
        cairn_http_reply reply;
        assert_int_equal(ask(&arena, p.port, (cairn_http_call){.body_size_max = 100}, &reply),
                         CAIRN_ERR_UNREACHABLE);
        assert_non_null(strstr(cairn_err_detail(), "http://127.0.0.1:"));
        assert_null(strstr(cairn_err_detail(), "secret"));
        peer_stop(&p);
        cairn_arena_done(&arena);
    }
}

static void test_timeout(void **state)
{
    (void)state;
    cairn_arena arena;
    cairn_arena_init(&arena, 1 << 20);
    peer p;
    peer_start(&p, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc", true);
    cairn_http_reply reply;
    const cairn_http_call call = {.body_size_max = 100, .timeout_ms = 100};
    assert_int_equal(ask(&arena, p.port, call, &reply), CAIRN_ERR_UNREACHABLE);
    assert_non_null(strstr(cairn_err_detail(), "timed out"));
    peer_stop(&p);
    cairn_arena_done(&arena);
}

/* A peer that says nothing more does not hold up who wants to leave. */
static void test_given_up(void **state)
{
    (void)state;
    static _Atomic bool cancelled;
    cairn_arena arena;
    cairn_arena_init(&arena, 1 << 20);
    peer p;
    peer_start_telling(&p, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc", &cancelled);
    cairn_http_reply reply;
    const cairn_http_call call = {.body_size_max = 100, .cancelled = &cancelled};
    assert_int_equal(ask(&arena, p.port, call, &reply), CAIRN_ERR_CANCELLED);
    peer_stop(&p);
    cairn_arena_done(&arena);
}

static void test_nobody_listens(void **state)
{
    (void)state;
    cairn_arena arena;
    cairn_arena_init(&arena, 1 << 20);
    uint16_t port = 0;
    (void)close(raw_listen(&port));
    cairn_http_reply reply;
    assert_int_equal(ask(&arena, port, (cairn_http_call){.body_size_max = 1}, &reply),
                     CAIRN_ERR_UNREACHABLE);
    cairn_arena_done(&arena);
}

/* Variables that would send the call, or a password, elsewhere have no effect. */
static void test_environment_is_ignored(void **state)
{
    (void)state;
    assert_int_equal(setenv("http_proxy", "http://127.0.0.1:1", 1), 0);
    assert_int_equal(setenv("ALL_PROXY", "http://127.0.0.1:1", 1), 0);
    cairn_arena arena;
    cairn_arena_init(&arena, 1 << 20);
    peer p;
    peer_start(&p, "HTTP/1.1 204 No\r\n\r\n", false);
    cairn_http_reply reply;
    assert_int_equal(ask(&arena, p.port, (cairn_http_call){.body_size_max = 1}, &reply), CAIRN_OK);
    peer_stop(&p);
    cairn_arena_done(&arena);
    (void)unsetenv("http_proxy");
    (void)unsetenv("ALL_PROXY");
}

/* Takes a connection after the other, says so many replies on each, and closes it. */
typedef struct keeper {
    int listener;
    uint16_t port;
    pthread_t thread;
    unsigned connections, replies;
} keeper;

static void *serve_kept(void *context)
{
    static const char reply[] = "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n1";
    const keeper *k = context;
    for (unsigned i = 0; i < k->connections; i++) {
        char request[8192];
        int fd = accept(k->listener, NULL, NULL);
        assert_true(fd >= 0);
        raw_set_wait(fd);
        for (unsigned n = 0; n < k->replies; n++) {
            (void)raw_receive(fd, request, sizeof request, "\r\n\r\n");
            assert_non_null(strstr(request, "GET /path"));
            assert_int_equal(strstr(request, "Authorization") != NULL, n % 2);
            assert_int_equal(send(fd, reply, sizeof reply - 1, MSG_NOSIGNAL), sizeof reply - 1);
        }
        (void)close(fd);
    }
    return NULL;
}

/* Four calls come over two connections, the second opened because the server had closed the first;
 * what belonged to one call, such as its header, is not in the next. */
static void test_kept_connections(void **state)
{
    (void)state;
    keeper k = {.connections = 2, .replies = 2};
    static const char *const headers[] = {"Authorization: Bearer t"};
    cairn_http_kept *kept = NULL;
    k.listener = raw_listen(&k.port);
    assert_int_equal(pthread_create(&k.thread, NULL, serve_kept, &k), 0);
    assert_int_equal(cairn_http_kept_new(&kept), CAIRN_OK);
    for (unsigned i = 0; i < 4; i++) {
        cairn_arena arena;
        cairn_http_reply reply;
        cairn_arena_init(&arena, 1 << 20);
        const cairn_http_call call = {
            .body_size_max = 1, .kept = kept, .headers = headers, .header_count = i % 2};
        assert_int_equal(ask(&arena, k.port, call, &reply), CAIRN_OK);
        assert_int_equal(reply.status, 200);
        assert_int_equal(reply.body.size, 1);
        cairn_arena_done(&arena);
    }
    assert_int_equal(pthread_join(k.thread, NULL), 0);
    cairn_http_kept_free(kept);
    cairn_http_kept_free(NULL);
    (void)close(k.listener);
}

/* A call that fails leaves nothing behind that the next one would find. */
static void test_kept_after_a_failure(void **state)
{
    (void)state;
    cairn_arena arena;
    cairn_http_reply reply;
    cairn_http_kept *kept = NULL;
    peer p;
    cairn_arena_init(&arena, 1 << 20);
    assert_int_equal(cairn_http_kept_new(&kept), CAIRN_OK);
    peer_start(&p, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n22", true);
    assert_int_equal(
        ask(&arena, p.port, (cairn_http_call){.body_size_max = 1, .kept = kept}, &reply),
        CAIRN_ERR_TOO_LARGE);
    peer_stop(&p);
    peer_start(&p, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n1", true);
    assert_int_equal(
        ask(&arena, p.port, (cairn_http_call){.body_size_max = 1, .kept = kept}, &reply), CAIRN_OK);
    cairn_http_kept_free(kept);
    peer_stop(&p);
    cairn_arena_done(&arena);
}

static void test_calls_that_are_refused(void **state)
{
    (void)state;
    static char longer[CAIRN_HTTP_URL_SIZE_MAX + 2] = "http://a/";
    memset(longer + strlen(longer), 'x', sizeof longer - 1 - strlen(longer));
    const char *const urls[] = {
        "",
        "ftp://a/",
        "file:///etc/passwd",
        "//a/",
        "http://",
        "http:///a",
        longer,
        "http://user:pw@a/",
        "http://a@b/",
        "http://a/ b",
        "http://a/\r\nX: y",
        "http://a/\xc3\xa9",
        "gopher://a/",
        "http://?@",
    };
    cairn_arena arena;
    cairn_arena_init(&arena, 1 << 20);
    cairn_http_reply reply;
    for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
        const cairn_http_call call = {.url = urls[i], .timeout_ms = 1000, .body_size_max = 1};
        assert_int_equal(cairn_http_client_call(&arena, &call, &reply), CAIRN_ERR_ARGUMENT);
    }
    const char *const header = "X: a\r\nY: b";
    const cairn_http_call call = {
        .url = "http://127.0.0.1:1/", .timeout_ms = 1000, .headers = &header, .header_count = 1};
    assert_int_equal(cairn_http_client_call(&arena, &call, &reply), CAIRN_ERR_ARGUMENT);
    const cairn_http_call many = {.url = "http://127.0.0.1:1/",
                                  .timeout_ms = 1000,
                                  .headers = &header,
                                  .header_count = CAIRN_HTTP_CLIENT_HEADERS_MAX + 1};
    assert_int_equal(cairn_http_client_call(&arena, &many, &reply), CAIRN_ERR_ARGUMENT);
    cairn_arena_done(&arena);
}

/* The openssl command serves TLS: a stranger's implementation, in another process. */
typedef struct tls_peer {
    char directory[32];
    FILE *output;
    unsigned port;
} tls_peer;

static void run_in(const tls_peer *t, const char *command)
{
    char line[1024];
    (void)snprintf(line, sizeof line, "cd %s && (%s) >log 2>&1", t->directory, command);
    if (system(line) != 0)
        fail_msg("%s", line);
}

/* Makes a certificate for `address` and one for nobody, and serves the first. False without the
 * openssl command. */
static bool tls_start(tls_peer *t, const char *address)
{
    if (system("openssl version >/dev/null 2>&1") != 0)
        return false;
    strcpy(t->directory, "/tmp/cairn-tls-test-XXXXXX");
    assert_non_null(mkdtemp(t->directory));
    char command[512];
    static const char *const names[] = {"own", "other"};
    for (size_t i = 0; i < 2; i++) {
        (void)snprintf(command, sizeof command,
                       "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes "
                       "-keyout %s.key -out %s.pem -days 2 -subj /CN=t "
                       "-addext subjectAltName=IP:%s",
                       names[i], names[i], address);
        run_in(t, command);
    }
    /* It ends with the last of three connections. */
    (void)snprintf(command, sizeof command,
                   "cd %s && exec openssl s_server -accept 127.0.0.1:0 -cert own.pem -key own.key "
                   "-www -naccept 3 2>&1",
                   t->directory);
    t->output = popen(command, "r");
    assert_non_null(t->output);
    char line[256];
    do
        assert_non_null(fgets(line, sizeof line, t->output));
    while (sscanf(line, "ACCEPT 127.0.0.1:%u", &t->port) != 1);
    return true;
}

static void tls_stop(tls_peer *t)
{
    (void)pclose(t->output);
    char command[64];
    (void)snprintf(command, sizeof command, "rm -r %s", t->directory);
    assert_int_equal(system(command), 0);
}

/* Asks with the roots in file `ca` of the peer's directory, NULL for those of the system. */
static cairn_err tls_ask(const tls_peer *t, const char *ca)
{
    char url[64], path[64];
    (void)snprintf(url, sizeof url, "https://127.0.0.1:%u/", t->port);
    (void)snprintf(path, sizeof path, "%s/%s", t->directory, ca == NULL ? "" : ca);
    cairn_arena arena;
    cairn_arena_init(&arena, 1 << 20);
    const cairn_http_call call = {.url = url,
                                  .timeout_ms = RAW_WAIT_MS,
                                  .body_size_max = 100000,
                                  .ca_file = ca == NULL ? NULL : path};
    cairn_http_reply reply;
    cairn_err err = cairn_http_client_call(&arena, &call, &reply);
    if (err == CAIRN_OK)
        assert_int_equal(reply.status, 200);
    cairn_arena_done(&arena);
    return err;
}

static void test_pinned_roots_are_the_only_ones(void **state)
{
    (void)state;
    tls_peer t;
    if (!tls_start(&t, "127.0.0.1")) {
        print_message("the openssl command is not installed\n");
        skip();
    }
    assert_int_equal(tls_ask(&t, "own.pem"), CAIRN_OK);
    assert_int_equal(tls_ask(&t, "other.pem"), CAIRN_ERR_UNREACHABLE);
    assert_int_equal(tls_ask(&t, NULL), CAIRN_ERR_UNREACHABLE);
    assert_non_null(strstr(cairn_err_detail(), "certificate"));
    tls_stop(&t);
}

static void test_certificate_is_for_this_host(void **state)
{
    (void)state;
    tls_peer t;
    if (!tls_start(&t, "127.0.0.2")) {
        print_message("the openssl command is not installed\n");
        skip();
    }
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(tls_ask(&t, "own.pem"), CAIRN_ERR_UNREACHABLE);
    tls_stop(&t);
}

int main(void)
{
    (void)signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_get),
        cmocka_unit_test(test_post),
        cmocka_unit_test(test_methods),
        cmocka_unit_test(test_reply_headers),
        cmocka_unit_test(test_reach),
        cmocka_unit_test(test_redirect_is_an_answer),
        cmocka_unit_test(test_body_limit),
        cmocka_unit_test(test_dropped_body_is_cut),
        cmocka_unit_test(test_large_body),
        cmocka_unit_test(test_peers_that_fail),
        cmocka_unit_test(test_timeout),
        cmocka_unit_test(test_given_up),
        cmocka_unit_test(test_nobody_listens),
        cmocka_unit_test(test_environment_is_ignored),
        cmocka_unit_test(test_kept_connections),
        cmocka_unit_test(test_kept_after_a_failure),
        cmocka_unit_test(test_calls_that_are_refused),
        cmocka_unit_test(test_pinned_roots_are_the_only_ones),
        cmocka_unit_test(test_certificate_is_for_this_host),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
