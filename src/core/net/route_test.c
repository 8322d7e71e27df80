/* The dispatcher: which row a path finds, who gets through, and what strangers see. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

#include "core/net/route.h"
#include "support/auth_server.h"
#include "support/log_schema.h"

enum { ROLE_OPERATOR = 1 << 0, ROLE_REGULATOR = 1 << 5 };

/* Writes what it was called with. */
static void echo(cairn_call *call)
{
    char text[1024];
    size_t size = (size_t)snprintf(text, sizeof text, "%s %s", call->route->operation,
                                   call->principal.subject);
    for (size_t i = 0; i < call->param_count; i++)
        size += (size_t)snprintf(text + size, sizeof text - size, " [%.*s]",
                                 (int)call->params[i].size, (const char *)call->params[i].data);
    cairn_call_respond_json(call, 200, "text/plain", cairn_bytes_of(text, size));
}

static void missing(cairn_call *call)
{
    cairn_call_respond_err(call, CAIRN_FAIL(CAIRN_ERR_NOT_FOUND, "house", "ledger %.*s: secret",
                                            (int)call->params[0].size,
                                            (const char *)call->params[0].data));
}

#define ROW(m, p, op, a, s, r, b, h)                                                      \
    {                                                                                     \
        .method = CAIRN_HTTP_##m, .pattern = p, .operation = op, .access = a, .scope = s, \
        .roles = r, .body_size_max = b, .handle = h                                       \
    }

#define ORG "abababababababababababababababababababababababababababababababab"
#define ZEROS "0000000000000000000000000000000000000000000000000000000000000000"

/* By which key the node would sign. */
static void echo_delegation(cairn_call *call)
{
    cairn_call_respond_json(call, 200, "text/plain", cairn_bytes_str(call->delegation.key));
}

static const cairn_route rows[] = {
    ROW(GET, "/", "root", CAIRN_ROUTE_PUBLIC, NULL, 0, 0, echo),
    ROW(GET, "/things", "list", CAIRN_ROUTE_CALLER, NULL, 0, 0, echo),
    ROW(POST, "/things", "add", CAIRN_ROUTE_CALLER, "things.write", 0, 16, echo),
    ROW(GET, "/things/{thing}", "get", CAIRN_ROUTE_CALLER, "things.read", 0, 0, echo),
    ROW(GET, "/watched", "watched", CAIRN_ROUTE_WATCHED, NULL, 0, 0, echo),
    ROW(POST, "/things/{thing}/sign", "sign", CAIRN_ROUTE_DELEGATED, "things.write", 0, 0,
        echo_delegation),
    ROW(GET, "/things/special", "special", CAIRN_ROUTE_CALLER, NULL, 0, 0, echo),
    ROW(DELETE, "/things/{thing}", "remove", CAIRN_ROUTE_PRIVILEGED, "things.write", ROLE_OPERATOR,
        0, echo),
    ROW(GET, "/things/{thing}/parts/{part}", "part", CAIRN_ROUTE_PUBLIC, NULL, 0, 0, echo),
    ROW(GET, "/tile/{path...}", "tile", CAIRN_ROUTE_OPEN, NULL, 0, 0, echo),
    ROW(GET, "/t/{tenant}/things/{thing}", "tenantThing", CAIRN_ROUTE_CALLER, NULL, 0, 0, echo),
    ROW(DELETE, "/o/{org}/things/{thing}", "removeOwn", CAIRN_ROUTE_PRIVILEGED, NULL, 0, 0, echo),
    ROW(GET, "/o/{org}/things/{thing}", "getAnybodys", CAIRN_ROUTE_CALLER, NULL, 0, 0, echo),
    ROW(GET, "/t/{tenant}/missing/{thing}", "tenantMissing", CAIRN_ROUTE_CALLER, NULL, 0, 0,
        missing),
};
static const cairn_route_table table = {rows, sizeof rows / sizeof rows[0]};

/* --- matching --- */

static cairn_router *router_of(const cairn_route *list, size_t count, cairn_err want)
{
    const cairn_route_table one = {list, count};
    const cairn_router_options options = {.tables = &one, .table_count = 1};
    cairn_router *router = NULL;
    cairn_err err = cairn_router_new(&options, &router);
    if (err != want)
        fail_msg("%s: %s", cairn_err_name(err), cairn_err_detail());
    return router;
}

static void test_paths_find_their_rows(void **state)
{
    (void)state;
    static const struct {
        cairn_http_method method;
        const char *path;
        const char *operation; /* NULL: not found */
        const char *params[2];
    } cases[] = {
        {CAIRN_HTTP_GET, "/", "root", {NULL}},
        {CAIRN_HTTP_HEAD, "/", "root", {NULL}},
        {CAIRN_HTTP_GET, "/things", "list", {NULL}},
        {CAIRN_HTTP_POST, "/things", "add", {NULL}},
        {CAIRN_HTTP_GET, "/things/7", "get", {"7"}},
        {CAIRN_HTTP_GET, "/things/special", "special", {NULL}},
        {CAIRN_HTTP_GET, "/things/special/parts/a", "part", {"special", "a"}},
        {CAIRN_HTTP_GET, "/things/a%20b%2fc/parts/%C3%A9", "part", {"a b/c", "\xc3\xa9"}},
        {CAIRN_HTTP_GET, "/tile/0/x001/067", "tile", {"0/x001/067"}},
        {CAIRN_HTTP_GET,
         "/tile/a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p/q/r/s",
         "tile",
         {"a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p/q/r/s"}},
        {CAIRN_HTTP_GET, "/things/", NULL, {NULL}},
        {CAIRN_HTTP_GET, "//things", NULL, {NULL}},
        {CAIRN_HTTP_GET, "/things//parts/a", NULL, {NULL}},
        {CAIRN_HTTP_GET, "/thing", NULL, {NULL}},
        {CAIRN_HTTP_GET, "/Things", NULL, {NULL}},
        {CAIRN_HTTP_GET, "/%74hings", NULL, {NULL}},
        {CAIRN_HTTP_GET, "/things/7/parts", NULL, {NULL}},
        {CAIRN_HTTP_GET, "/tile/", NULL, {NULL}},
        {CAIRN_HTTP_GET, "/tile", NULL, {NULL}},
        {CAIRN_HTTP_GET, "*", NULL, {NULL}},
        {CAIRN_HTTP_GET, "", NULL, {NULL}},
        {CAIRN_HTTP_GET, "/a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p/q/r/s/t/u/v", NULL, {NULL}},
    };
    CAIRN_CLEANUP(cairn_arena_done) cairn_arena arena;
    CAIRN_CLEANUP(cairn_router_free_p)
    cairn_router *router = router_of(rows, table.count, CAIRN_OK);
    cairn_arena_init(&arena, 1 << 20);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cairn_route_match m;
        assert_int_equal(
            cairn_router_match(router, &arena, cases[i].method, cairn_bytes_str(cases[i].path), &m),
            CAIRN_OK);
        if ((m.route == NULL) != (cases[i].operation == NULL))
            fail_msg("%s", cases[i].path);
        if (m.route == NULL)
            continue;
        assert_string_equal(m.route->operation, cases[i].operation);
        assert_false(m.path_bad);
        for (size_t j = 0; j < 2; j++)
            assert_true(j >= m.param_count
                            ? cases[i].params[j] == NULL
                            : cairn_bytes_equal(m.params[j], cairn_bytes_str(cases[i].params[j])));
    }
}

static void test_parameters_are_decoded_strictly(void **state)
{
    (void)state;
    static const char *const paths[] = {
        "/things/%",      "/things/%4",        "/things/%zz", "/things/%00",    "/things/a%0ab",
        "/things/%7f",    "/things/..",        "/things/.",   "/things/%2e%2E", "/things/%ff",
        "/things/%c0%80", "/things/%ed%a0%80", "/tile/a%2fb", "/tile/a/../b",   "/tile/a//b",
        "/tile/a/%2e%2e", "/tile/a/"};
    CAIRN_CLEANUP(cairn_arena_done) cairn_arena arena;
    CAIRN_CLEANUP(cairn_router_free_p)
    cairn_router *router = router_of(rows, table.count, CAIRN_OK);
    cairn_arena_init(&arena, 1 << 20);
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        cairn_route_match m;
        assert_int_equal(
            cairn_router_match(router, &arena, CAIRN_HTTP_GET, cairn_bytes_str(paths[i]), &m),
            CAIRN_OK);
        if (m.route == NULL || !m.path_bad)
            fail_msg("%s", paths[i]);
    }
}

static void test_tables_that_are_refused(void **state)
{
    (void)state;
#define PAIR(m1, p1, m2, p2)                                       \
    {                                                              \
        ROW(m1, p1, "a", CAIRN_ROUTE_PUBLIC, NULL, 0, 0, echo),    \
            ROW(m2, p2, "b", CAIRN_ROUTE_PUBLIC, NULL, 0, 0, echo) \
    }
    static const cairn_route refused[][2] = {
        PAIR(GET, "/a", GET, "/a"),
        PAIR(GET, "/a/{x}", GET, "/a/{y}"),
        PAIR(GET, "/a/{x}/c", GET, "/{y}/b/c"),
        PAIR(GET, "/a/{x}/c", POST, "/{y}/b/c"),
        PAIR(GET, "/a/{x...}", GET, "/{y}/b"),
        PAIR(GET, "/a/{x...}", GET, "/a/{y...}"),
        PAIR(GET, "/a", GET, "b"),
        PAIR(GET, "/a", GET, "/b/"),
        PAIR(GET, "/a", GET, "/b//c"),
        PAIR(GET, "/a", GET, "/b/{}"),
        PAIR(GET, "/a", GET, "/b/x{y}"),
        PAIR(GET, "/a", GET, "/b/{y...}/c"),
        PAIR(GET, "/a", GET, "/b/%41"),
        PAIR(GET, "/a", GET, "/b/.."),
        PAIR(GET, "/a", HEAD, "/b"),
        PAIR(GET, "/a", GET, "/{1}/{2}/{3}/{4}/{5}/{6}/{7}"),
        PAIR(GET, "/a", GET, "/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17"),
        {ROW(GET, "/a", "a", CAIRN_ROUTE_PUBLIC, NULL, 0, 0, echo),
         ROW(GET, "/b", "b", CAIRN_ROUTE_PUBLIC, NULL, 0, 0, NULL)},
        {ROW(GET, "/a", "a", CAIRN_ROUTE_PUBLIC, NULL, 0, 0, echo),
         ROW(GET, "/b", NULL, CAIRN_ROUTE_PUBLIC, NULL, 0, 0, echo)},
    };
    static const cairn_route taken[][2] = {
        PAIR(GET, "/a/{x}", POST, "/a/{y}"),     PAIR(GET, "/a/{x}", GET, "/a/b"),
        PAIR(GET, "/a/{x}/c", GET, "/a/b/c"),    PAIR(GET, "/a/{x}/c", GET, "/a/{x}/d"),
        PAIR(GET, "/a/{x...}", GET, "/a/b"),     PAIR(GET, "/{x...}", GET, "/"),
        PAIR(GET, "/{x}/b", GET, "/{x}/{y...}"),
    };
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++)
        (void)router_of(refused[i], 2, CAIRN_ERR_CONFIG);
    for (size_t i = 0; i < sizeof taken / sizeof taken[0]; i++)
        cairn_router_free(router_of(taken[i], 2, CAIRN_OK));
}

static void test_the_detail_names_both_rows(void **state)
{
    (void)state;
    static const cairn_route pair[] = PAIR(GET, "/a/{x}/c", GET, "/{y}/b/c");
    (void)router_of(pair, 2, CAIRN_ERR_CONFIG);
    assert_string_equal(cairn_err_detail(), "routes GET /a/{x}/c and GET /{y}/b/c: ambiguous");
}

/* --- a running dispatcher --- */

typedef struct fixture {
    cairn_router *router;
    test_server server;
    pthread_mutex_t lock; /* guards what the hooks count */
    unsigned audited, granted;
    char reason[256];
    bool audit_fails, audit_is_full, rate_is_used_up;
} fixture;

/* The subject is the Authorization field's text; a few of them are special. */
static cairn_auth_result judge(const cairn_auth_evidence *evidence)
{
    cairn_bytes value = {0};
    cairn_auth_result result = {.verdict = CAIRN_AUTH_ABSENT};
    if (!cairn_http_header_find(evidence->request, "Authorization", &value))
        return result;
    cairn_principal *p = &result.principal;
    result.verdict = CAIRN_AUTH_FOUND;
    p->method = CAIRN_AUTH_BEARER;
    (void)snprintf(p->subject, sizeof p->subject, "%.*s", (int)value.size,
                   (const char *)value.data);
    (void)snprintf(p->tenant, sizeof p->tenant, "red");
    if (strcmp(p->subject, "bad") == 0) {
        result.verdict = CAIRN_AUTH_REFUSED;
        result.reason = "test_bad";
    } else if (strcmp(p->subject, "away") == 0) {
        result.verdict = CAIRN_AUTH_UNAVAILABLE;
        result.reason = "test_away";
    } else if (strcmp(p->subject, "writer") == 0) {
        (void)snprintf(p->scopes, sizeof p->scopes, "things.read things.write");
    } else if (strcmp(p->subject, "operator") == 0) {
        (void)snprintf(p->scopes, sizeof p->scopes, "things.write");
        p->roles = ROLE_OPERATOR | ROLE_REGULATOR;
    } else if (strcmp(p->subject, "member") == 0) {
        p->has_organisation = true;
        memset(p->organisation.b, 0xab, sizeof p->organisation.b);
    }
    return result;
}

typedef struct later {
    cairn_auth_result result;
    cairn_auth_done_fn done;
    void *context;
} later;

static void *answer_later(void *memory)
{
    later *l = memory;
    l->done(l->context, &l->result);
    free(l);
    return NULL;
}

/* Every other time from another thread. */
static void authenticate(void *context, const cairn_auth_evidence *evidence,
                         cairn_auth_done_fn done, void *done_context)
{
    static unsigned turn;
    pthread_t thread;
    (void)context;
    if (turn++ % 2 == 0) {
        cairn_auth_result result = judge(evidence);
        done(done_context, &result);
        return;
    }
    later *l = malloc(sizeof *l);
    assert_non_null(l);
    *l = (later){judge(evidence), done, done_context};
    assert_int_equal(pthread_create(&thread, NULL, answer_later, l), 0);
    assert_int_equal(pthread_detach(thread), 0);
}

static cairn_err audit(void *context, const cairn_audit_fact *fact, cairn_audit_done_fn done,
                       void *done_context)
{
    fixture *f = context;
    if (f->audit_is_full)
        return CAIRN_FAIL(CAIRN_ERR_BUSY, "house", "full");
    (void)pthread_mutex_lock(&f->lock);
    f->audited++;
    f->granted += fact->granted;
    (void)snprintf(f->reason, sizeof f->reason, "%s %s %s", fact->operation, fact->reason,
                   fact->principal->subject);
    (void)pthread_mutex_unlock(&f->lock);
    done(done_context, f->audit_fails ? CAIRN_FAIL(CAIRN_ERR_NO_SPACE, "house", "x") : CAIRN_OK);
    return CAIRN_OK;
}

/* The router asks once he has the scope. */
static const char *delegate(void *context, const cairn_call *call, cairn_delegation *ret_delegation)
{
    const char *who = call->principal.subject;
    (void)context;
    if (strcmp(who, "writer") == 0 && cairn_bytes_equal(call->params[0], cairn_bytes_str("8")))
        return CAIRN_ROUTE_UNDECIDED;
    if (strcmp(who, "writer") != 0)
        return "test_no_delegation";
    (void)snprintf(ret_delegation->key, sizeof ret_delegation->key, "sign-2");
    return NULL;
}

static bool watch(void *context, const cairn_call *call)
{
    (void)context;
    return strcmp(call->principal.subject, "operator") == 0;
}

static cairn_err admit(void *context, const cairn_http_exchange *exchange,
                       const cairn_principal *principal, uint64_t *ret_wait_ms)
{
    fixture *f = context;
    (void)exchange;
    (void)principal;
    if (!f->rate_is_used_up)
        return CAIRN_OK;
    *ret_wait_ms = 2500;
    return CAIRN_FAIL(CAIRN_ERR_BUSY, "house", "too often");
}

static int setup(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    assert_int_equal(pthread_mutex_init(&f->lock, NULL), 0);
    const cairn_router_options options = {.tables = &table,
                                          .table_count = 1,
                                          .authenticator = {f, authenticate},
                                          .admit = admit,
                                          .admit_context = f,
                                          .delegate = delegate,
                                          .watch = watch,
                                          .audit = audit,
                                          .audit_context = f};
    assert_int_equal(cairn_router_new(&options, &f->router), CAIRN_OK);
    test_server_start(&f->server, f->router);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    fixture *f = *state;
    test_server_stop(&f->server);
    cairn_router_free(f->router);
    (void)pthread_mutex_destroy(&f->lock);
    free(f);
    return 0;
}

static char reply[TEST_REPLY_MAX], other[TEST_REPLY_MAX];

static int ask(fixture *f, const char *method, const char *target, const char *who)
{
    char field[128] = "";
    if (who != NULL)
        (void)snprintf(field, sizeof field, "Authorization: %s\r\n", who);
    return test_request(&f->server, method, target, field, "", reply);
}

static void test_who_gets_through(void **state)
{
    fixture *f = *state;
    static const struct {
        const char *method, *target, *who;
        int status;
        const char *body; /* NULL: a problem */
    } cases[] = {
        {"GET", "/", NULL, 200, "root "},
        {"GET", "/", "ann", 200, "root ann"},
        {"GET", "/", "bad", 401, NULL}, /* anybody may, but not under a false name */
        {"GET", "/", "away", 503, NULL},
        {"GET", "/tile/a/b", "bad", 200, "tile  [a/b]"},
        {"GET", "/things", NULL, 401, NULL},
        {"GET", "/things", "bad", 401, NULL},
        {"GET", "/things", "away", 503, NULL},
        {"GET", "/things", "ann", 200, "list ann"},
        {"GET", "/things/7", "ann", 403, NULL},
        {"GET", "/things/7", "writer", 200, "get writer [7]"},
        {"DELETE", "/things/7", NULL, 401, NULL},
        {"DELETE", "/things/7", "ann", 403, NULL},
        {"DELETE", "/things/7", "writer", 403, NULL},
        {"DELETE", "/things/7", "operator", 200, "remove operator [7]"},
        {"POST", "/things", "writer", 200, "add writer"},
        {"GET", "/things/%00", "writer", 400, NULL},
        {"PUT", "/things", "writer", 405, NULL},
        {"GET", "/nothing", "writer", 404, NULL},
        {"GET", "/nothing", NULL, 404, NULL},
        {"GET", "/t/red/things/1", "ann", 200, "tenantThing ann [red] [1]"},
        {"GET", "/t/blue/things/1", "ann", 404, NULL},
        {"DELETE", "/o/" ORG "/things/1", "member", 200, "removeOwn member [" ORG "] [1]"},
        {"DELETE", "/o/" ZEROS "/things/1", "member", 404, NULL},
        {"DELETE", "/o/" ZEROS "/things/1", "ann", 404, NULL}, /* has no organisation */
        {"DELETE", "/o/ab/things/1", "member", 404, NULL},
        {"GET", "/o/" ZEROS "/things/1", "ann", 200, "getAnybodys ann [" ZEROS "] [1]"},
    };
    for (int round = 0; round < 2; round++)
        for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
            int status = ask(f, cases[i].method, cases[i].target, cases[i].who);
            if (status != cases[i].status)
                fail_msg("%s %s %s: %s", cases[i].method, cases[i].target,
                         cases[i].who == NULL ? "-" : cases[i].who, reply);
            if (cases[i].body != NULL)
                assert_string_equal(test_body(reply), cases[i].body);
            else
                assert_non_null(strstr(reply, CAIRN_HTTP_PROBLEM_TYPE));
        }
}

/* Whatever the reason, a stranger reads the same bytes. */
static void test_answers_are_byte_equal(void **state)
{
    fixture *f = *state;
    assert_int_equal(ask(f, "GET", "/things", NULL), 401);
    assert_non_null(strstr(reply, "WWW-Authenticate: Bearer realm=\"cairn\"\r\n"));
    memcpy(other, reply, sizeof other);
    assert_int_equal(ask(f, "GET", "/things/special", "bad"), 401);
    assert_string_equal(reply, other);
    assert_int_equal(ask(f, "DELETE", "/things/8", "bad"), 401);
    assert_string_equal(reply, other);
    /* Unknown path, another tenant's object, another tenant's missing one, one's own missing one.
     */
    assert_int_equal(ask(f, "GET", "/nothing", "ann"), 404);
    memcpy(other, reply, sizeof other);
    static const char *const absent[] = {"/t/blue/things/1", "/t/blue/missing/1",
                                         "/t/red/missing/1", "/t/green/things/zzz"};
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(ask(f, "GET", absent[i], "ann"), 404);
        assert_string_equal(reply, other);
    }
}

static void test_head_and_allow(void **state)
{
    fixture *f = *state;
    assert_int_equal(ask(f, "HEAD", "/things", "ann"), 200);
    assert_string_equal(test_body(reply), "");
    assert_non_null(strstr(reply, "Content-Length: 8\r\n"));
    assert_int_equal(ask(f, "PATCH", "/things", NULL), 405);
    assert_non_null(strstr(reply, "Allow: GET, HEAD, POST\r\n"));
    assert_int_equal(ask(f, "POST", "/tile/a", NULL), 405);
    assert_non_null(strstr(reply, "Allow: GET, HEAD\r\n"));
}

static void test_body_limits(void **state)
{
    fixture *f = *state;
    static const char field[] = "Authorization: writer\r\n";
    assert_int_equal(test_request(&f->server, "POST", "/things", field, "0123456789abcdef", reply),
                     200);
    assert_int_equal(test_request(&f->server, "POST", "/things", field, "0123456789abcdef0", reply),
                     413);
    assert_int_equal(test_request(&f->server, "GET", "/things", field, "x", reply), 413);
}

static void test_privileged_calls_are_audited(void **state)
{
    fixture *f = *state;
    static const struct {
        const char *who;
        int status;
        bool granted;
        const char *row;
    } cases[] = {
        {NULL, 401, false, "remove no_credentials "},
        {"bad", 401, false, "remove test_bad "},
        {"ann", 403, false, "remove scope_missing ann"},
        {"writer", 403, false, "remove role_missing writer"},
        {"operator", 200, true, "remove  operator"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        f->audited = f->granted = 0;
        assert_int_equal(ask(f, "DELETE", "/things/7", cases[i].who), cases[i].status);
        assert_int_equal(f->audited, 1);
        assert_int_equal(f->granted, cases[i].granted);
        assert_string_equal(f->reason, cases[i].row);
    }
    f->audited = 0;
    assert_int_equal(ask(f, "GET", "/things", "ann"), 200);
    assert_int_equal(f->audited, 0);
}

static void test_delegated_calls(void **state)
{
    fixture *f = *state;
    static const struct {
        const char *path, *who;
        int status;
        const char *row; /* NULL: none, since nothing was decided */
    } cases[] = {
        {"/things/7/sign", NULL, 401, "sign no_credentials "},
        {"/things/7/sign", "bad", 401, "sign test_bad "},
        {"/things/7/sign", "ann", 403, "sign scope_missing ann"},
        {"/things/7/sign", "operator", 404, "sign test_no_delegation operator"},
        {"/things/7/sign", "writer", 200, "sign  writer"},
        {"/things/8/sign", "writer", 503, NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        f->audited = f->granted = 0;
        assert_int_equal(ask(f, "POST", cases[i].path, cases[i].who), cases[i].status);
        assert_int_equal(f->audited, cases[i].row != NULL);
        assert_int_equal(f->granted, cases[i].status == 200);
        if (cases[i].row != NULL)
            assert_string_equal(f->reason, cases[i].row);
        if (cases[i].status == 200)
            assert_non_null(strstr(reply, "sign-2"));
        if (cases[i].status == 404) {
            assert_null(strstr(reply, "delegation"));
            assert_non_null(strstr(reply, "NOT_FOUND"));
        }
    }
    f->audit_fails = true;
    assert_int_equal(ask(f, "POST", "/things/7/sign", "writer"), 503);
}

/* Open to all; those whom the hook points at are recorded, or not served. */
static void test_watched_calls(void **state)
{
    fixture *f = *state;
    assert_int_equal(ask(f, "GET", "/watched", NULL), 200);
    assert_int_equal(ask(f, "GET", "/watched", "ann"), 200);
    assert_int_equal(ask(f, "GET", "/watched", "bad"), 401);
    assert_int_equal(f->audited, 0);
    assert_int_equal(ask(f, "GET", "/watched", "operator"), 200);
    assert_int_equal(f->audited, 1);
    assert_int_equal(f->granted, 1);
    assert_string_equal(f->reason, "watched  operator");
    f->audit_fails = true;
    assert_int_equal(ask(f, "GET", "/watched", "ann"), 200);
    assert_int_equal(ask(f, "GET", "/watched", "operator"), 503);
}

/* What cannot be recorded is not done, and a refusal that cannot be is not told apart. */
static void test_no_record_no_call(void **state)
{
    fixture *f = *state;
    f->audit_fails = true;
    assert_int_equal(ask(f, "DELETE", "/things/7", "operator"), 503);
    assert_non_null(strstr(reply, "Retry-After: "));
    assert_int_equal(ask(f, "DELETE", "/things/7", "ann"), 503);
    f->audit_fails = false;
    f->audit_is_full = true;
    assert_int_equal(ask(f, "DELETE", "/things/7", "operator"), 503);
}

static void test_rate(void **state)
{
    fixture *f = *state;
    f->rate_is_used_up = true;
    assert_int_equal(ask(f, "GET", "/things", "ann"), 429);
    assert_non_null(strstr(reply, "Retry-After: 3\r\n"));
    assert_int_equal(ask(f, "DELETE", "/things/7", "bad"), 429);
    assert_int_equal(ask(f, "GET", "/tile/a", NULL), 429);
    assert_int_equal(f->audited, 0); /* a flood of refusals fills no disk */
}

static void test_principal(void **state)
{
    (void)state;
    cairn_principal p = {.subject = "ab", .tenant = "c", .scopes = "a.read  bc d"};
    cairn_principal q = {.subject = "b", .tenant = "ca"};
    cairn_hash first, second;
    assert_true(cairn_principal_has_scope(&p, "a.read"));
    assert_true(cairn_principal_has_scope(&p, "d"));
    assert_false(cairn_principal_has_scope(&p, "a.rea"));
    assert_false(cairn_principal_has_scope(&p, "a.read  bc"));
    assert_false(cairn_principal_has_scope(&p, "c"));
    assert_false(cairn_principal_has_scope(&p, ""));
    assert_false(cairn_principal_has_scope(&q, "a"));
    cairn_principal_digest(&p, &first);
    cairn_principal_digest(&q, &second);
    assert_false(cairn_hash_equal(&first, &second));
    q = p;
    q.has_organisation = true;
    cairn_principal_digest(&q, &second);
    assert_false(cairn_hash_equal(&first, &second));
    q = p;
    q.method = CAIRN_AUTH_BASIC;
    q.scopes[0] = '\0';
    cairn_principal_digest(&q, &second);
    assert_true(cairn_hash_equal(&first, &second));
}

static void test_log_schema(void **state)
{
    (void)state;
    log_schema_check(&cairn_route_log_events);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_paths_find_their_rows),
        cmocka_unit_test(test_parameters_are_decoded_strictly),
        cmocka_unit_test(test_tables_that_are_refused),
        cmocka_unit_test(test_the_detail_names_both_rows),
        cmocka_unit_test_setup_teardown(test_who_gets_through, setup, teardown),
        cmocka_unit_test_setup_teardown(test_answers_are_byte_equal, setup, teardown),
        cmocka_unit_test_setup_teardown(test_head_and_allow, setup, teardown),
        cmocka_unit_test_setup_teardown(test_body_limits, setup, teardown),
        cmocka_unit_test_setup_teardown(test_privileged_calls_are_audited, setup, teardown),
        cmocka_unit_test_setup_teardown(test_delegated_calls, setup, teardown),
        cmocka_unit_test_setup_teardown(test_watched_calls, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_record_no_call, setup, teardown),
        cmocka_unit_test_setup_teardown(test_rate, setup, teardown),
        cmocka_unit_test(test_principal),
        cmocka_unit_test(test_log_schema),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
