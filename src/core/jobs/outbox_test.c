/* The outbox: order, limits, retries, dead letters; the peer is the test. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/limits.h"
#include "support/jobs_fixture.h"

enum { SENT_MAX = 4096 };

typedef struct fixture {
    char path[64];
    cairn_clock_manual time;
    cairn_outbox_transport transport;
    cairn_jobs_options options;
    cairn_jobs *jobs;
    uint64_t sent[SENT_MAX]; /* ids, in order */
    size_t count;
    cairn_outbox_result answer;
    bool later;
    cairn_outbox_delivery *open[CAIRN_OUTBOX_IN_FLIGHT_MAX];
    size_t open_count;
} fixture;

static void deliver(void *context, const cairn_outbox_row *row, cairn_outbox_delivery *delivery)
{
    fixture *f = context;
    assert_true(f->count < SENT_MAX);
    f->sent[f->count++] = row->id;
    assert_string_equal(row->message.content_type, "application/json");
    assert_string_equal(row->message.headers[0], "X-Test: 1");
    if (f->later)
        f->open[f->open_count++] = delivery;
    else
        cairn_outbox_done(delivery, &f->answer);
}

static int set_up(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    jobs_directory_make(f->path);
    f->time = (cairn_clock_manual){.wall_ms = 1700000000000, .monotonic_ns = 1};
    f->transport = (cairn_outbox_transport){.context = f, .deliver = deliver};
    f->answer = (cairn_outbox_result){.status = 204, .detail = ""};
    f->options = (cairn_jobs_options){.clock = cairn_clock_of_manual(&f->time),
                                      .transport = &f->transport,
                                      .map_size = 256 << 20,
                                      .seed = 1};
    assert_int_equal(cairn_jobs_open(f->path, &f->options, &f->jobs), CAIRN_OK);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    fixture *f = *state;
    cairn_jobs_close(f->jobs);
    jobs_directory_remove(f->path);
    free(f);
    return 0;
}

static const char *const headers[] = {"X-Test: 1"};

static cairn_outbox_message message_to(fixture *f, const char *tenant, const char *destination,
                                       const char *url)
{
    return (cairn_outbox_message){.tenant = tenant,
                                  .destination = destination,
                                  .url = url,
                                  .content_type = "application/json",
                                  .body = cairn_bytes_str("{}"),
                                  .headers = headers,
                                  .header_count = 1,
                                  .key = "",
                                  .expires_ms = f->time.wall_ms + 3600000};
}

typedef struct put {
    const cairn_outbox_message *message;
    uint64_t id;
} put;

static cairn_err do_put(void *context, cairn_jobs_txn *txn)
{
    put *p = context;
    return cairn_outbox_put(txn, p->message, &p->id);
}

static cairn_err try_put(fixture *f, const cairn_outbox_message *message, uint64_t *ret_id)
{
    put p = {.message = message};
    cairn_err err = cairn_jobs_update(f->jobs, do_put, &p);
    if (ret_id != NULL)
        *ret_id = p.id;
    return err;
}

static uint64_t put_to(fixture *f, const char *tenant, const char *destination)
{
    uint64_t id = 0;
    cairn_outbox_message message = message_to(f, tenant, destination, "https://a.example/hook");
    assert_int_equal(try_put(f, &message, &id), CAIRN_OK);
    return id;
}

static cairn_jobs_metrics metrics(fixture *f)
{
    cairn_jobs_metrics m;
    assert_int_equal(cairn_jobs_metrics_read(f->jobs, &m), CAIRN_OK);
    return m;
}

typedef struct seen {
    unsigned count;
    uint64_t ids[512];
    uint32_t attempts;
    int status;
    char reason[256];
} seen;

static cairn_err note(void *context, const cairn_outbox_row *row)
{
    seen *s = context;
    s->ids[s->count++ % 512] = row->id;
    s->attempts = row->attempts;
    s->status = row->status;
    (void)snprintf(s->reason, sizeof s->reason, "%s", row->reason);
    return CAIRN_OK;
}

static seen look(fixture *f, cairn_outbox_shelf shelf, const char *tenant)
{
    seen s = {0};
    assert_int_equal(cairn_outbox_each(f->jobs, shelf, tenant, 512, note, &s), CAIRN_OK);
    return s;
}

static void test_delivered_in_order_and_gone(void **state)
{
    fixture *f = *state;
    uint64_t ids[20];
    for (size_t i = 0; i < 20; i++)
        ids[i] = put_to(f, "t", "d");
    assert_int_equal(metrics(f).outbox_waiting, 20);
    jobs_settle(f->jobs, 0);
    assert_int_equal(f->count, 20);
    assert_memory_equal(f->sent, ids, sizeof ids);
    cairn_jobs_metrics m = metrics(f);
    assert_int_equal(m.outbox_waiting, 0);
    assert_int_equal(m.outbox_waiting_bytes, 0);
    assert_int_equal(m.outbox_delivered, 20);
    assert_int_equal(m.in_flight, 0);
}

static void test_failure_delays_its_lane_only(void **state)
{
    fixture *f = *state;
    f->answer.status = 503;
    uint64_t first = put_to(f, "t", "down");
    uint64_t second = put_to(f, "t", "down");
    jobs_settle(f->jobs, 0);
    assert_int_equal(f->count, 1);
    seen s = look(f, CAIRN_OUTBOX_WAITING, "t");
    assert_int_equal(s.count, 2);
    assert_int_equal(s.ids[0], first);
    f->answer.status = 200;
    uint64_t other = put_to(f, "t", "up");
    jobs_settle(f->jobs, 0);
    assert_int_equal(f->count, 2);
    assert_int_equal(f->sent[1], other);
    for (unsigned i = 0; i < 20 && f->count < 4; i++) {
        cairn_clock_manual_advance_ms(&f->time, 100);
        jobs_settle(f->jobs, 0);
    }
    assert_int_equal(f->count, 4);
    assert_int_equal(f->sent[2], first);
    assert_int_equal(f->sent[3], second);
}

static void test_waits_double_with_full_jitter(void **state)
{
    fixture *f = *state;
    f->answer = (cairn_outbox_result){.err = CAIRN_ERR_UNREACHABLE, .detail = "no route"};
    (void)put_to(f, "t", "d");
    jobs_settle(f->jobs, 0);
    for (unsigned attempt = 1; attempt < 12; attempt++) {
        uint64_t bound = UINT64_C(1000) << (attempt - 1);
        uint64_t waited = 0;
        assert_int_equal(f->count, attempt);
        while (f->count == attempt) {
            cairn_clock_manual_advance_ms(&f->time, 250);
            waited += 250;
            jobs_settle(f->jobs, 0);
        }
        assert_true(waited <= (bound < 900000 ? bound : 900000) + 250);
    }
    seen s = look(f, CAIRN_OUTBOX_WAITING, NULL);
    assert_int_equal(s.attempts, 12);
    assert_string_equal(s.reason, "UNREACHABLE: no route");
}

static void test_retry_after(void **state)
{
    fixture *f = *state;
    f->answer = (cairn_outbox_result){.status = 429, .retry_after_ms = 120000, .detail = ""};
    (void)put_to(f, "t", "d");
    jobs_settle(f->jobs, 0);
    cairn_clock_manual_advance_ms(&f->time, 119999);
    jobs_settle(f->jobs, 0);
    assert_int_equal(f->count, 1);
    cairn_clock_manual_advance_ms(&f->time, 1);
    jobs_settle(f->jobs, 0);
    assert_int_equal(f->count, 2);
    /* Not for longer than the house waits. */
    f->answer.retry_after_ms = UINT64_MAX;
    cairn_clock_manual_advance_ms(&f->time, 120000);
    jobs_settle(f->jobs, 0);
    assert_int_equal(f->count, 3);
    f->answer = (cairn_outbox_result){.status = 200, .detail = ""};
    cairn_clock_manual_advance_ms(&f->time, CAIRN_OUTBOX_RETRY_MS_MAX);
    jobs_settle(f->jobs, 0);
    assert_int_equal(metrics(f).outbox_dead, 1); /* it expired while it waited */
}

static void test_refused_is_dead_at_once(void **state)
{
    static const cairn_outbox_result refusals[] = {
        {.status = 400, .detail = ""},
        {.status = 410, .detail = ""},
        {.status = 302, .detail = ""},
        {.err = CAIRN_ERR_PERMISSION, .detail = "10.0.0.1 is private"},
        {.err = CAIRN_ERR_ARGUMENT, .detail = "url"},
    };
    fixture *f = *state;
    for (size_t i = 0; i < 5; i++) {
        f->answer = refusals[i];
        (void)put_to(f, "t", "d");
        jobs_settle(f->jobs, 0);
        assert_int_equal(metrics(f).outbox_dead, i + 1);
        assert_int_equal(metrics(f).outbox_waiting, 0);
    }
    assert_int_equal(f->count, 5);
    assert_string_equal(look(f, CAIRN_OUTBOX_DEAD, "t").reason, "ARGUMENT: url");
    assert_int_equal(look(f, CAIRN_OUTBOX_DEAD, "u").count, 0);
}

static void test_attempts_are_bounded(void **state)
{
    fixture *f = *state;
    cairn_outbox_message message = message_to(f, "t", "d", "https://a.example/");
    message.expires_ms = UINT64_MAX;
    assert_int_equal(try_put(f, &message, NULL), CAIRN_OK);
    f->answer.status = 500;
    for (unsigned i = 0; i < CAIRN_OUTBOX_ATTEMPTS_MAX + 5; i++) {
        jobs_settle(f->jobs, 0);
        cairn_clock_manual_advance_ms(&f->time, CAIRN_OUTBOX_RETRY_MS_MAX);
    }
    assert_int_equal(f->count, CAIRN_OUTBOX_ATTEMPTS_MAX);
    seen s = look(f, CAIRN_OUTBOX_DEAD, "t");
    assert_int_equal(s.count, 1);
    assert_int_equal(s.status, 500);
    assert_string_equal(s.reason, "answered 500");
}

static void test_expiry(void **state)
{
    fixture *f = *state;
    f->answer.status = 500;
    for (unsigned i = 0; i < 3; i++)
        (void)put_to(f, "t", "d");
    jobs_settle(f->jobs, 0);
    size_t tried = f->count;
    cairn_clock_manual_advance_ms(&f->time, 3600000);
    jobs_settle(f->jobs, 0);
    assert_int_equal(f->count, tried);
    assert_int_equal(metrics(f).outbox_dead, 3);
    assert_int_equal(metrics(f).outbox_died, 3);
    cairn_outbox_message message = message_to(f, "t", "d", "https://a.example/");
    message.expires_ms = f->time.wall_ms;
    assert_int_equal(try_put(f, &message, NULL), CAIRN_ERR_EXPIRED);
}

static void test_clock_that_goes_back(void **state)
{
    fixture *f = *state;
    f->answer.status = 503;
    (void)put_to(f, "t", "d");
    jobs_settle(f->jobs, 0);
    f->time.wall_ms -= UINT64_C(365) * 86400000;
    f->answer.status = 200;
    jobs_settle(f->jobs, 0);
    assert_int_equal(f->count, 2);
}

static void test_concurrency(void **state)
{
    fixture *f = *state;
    char name[32], url[64];
    f->later = true;
    for (unsigned i = 0; i < 10; i++) { /* one origin */
        (void)snprintf(name, sizeof name, "d%u", i);
        (void)put_to(f, "t", name);
        (void)put_to(f, "t", name);
    }
    jobs_settle(f->jobs, 0);
    assert_int_equal(f->open_count, CAIRN_OUTBOX_ORIGIN_MAX);
    for (unsigned i = 0; i < 200; i++) { /* many origins: the total is bounded */
        (void)snprintf(name, sizeof name, "e%u", i);
        (void)snprintf(url, sizeof url, "https://%u.example:8443/x?y=//z", i);
        cairn_outbox_message message = message_to(f, name, name, url);
        assert_int_equal(try_put(f, &message, NULL), CAIRN_OK);
    }
    jobs_settle(f->jobs, 0);
    assert_int_equal(f->open_count, CAIRN_OUTBOX_IN_FLIGHT_MAX);
    f->later = false;
    for (size_t i = 0; i < f->open_count; i++)
        cairn_outbox_done(f->open[i], &f->answer);
    jobs_settle(f->jobs, 0);
    assert_int_equal(f->count, 220);
    assert_int_equal(metrics(f).outbox_waiting, 0);
}

/* A tenant whose peers do not answer, however many there are, holds a few calls, and the others
 * theirs. */
static void test_a_tenant_has_its_share(void **state)
{
    fixture *f = *state;
    char name[32], url[64];
    f->later = true;
    for (unsigned i = 0; i < 100; i++) {
        (void)snprintf(name, sizeof name, "d%u", i);
        (void)snprintf(url, sizeof url, "https://%u.example/", i);
        cairn_outbox_message message = message_to(f, "silent", name, url);
        assert_int_equal(try_put(f, &message, NULL), CAIRN_OK);
    }
    jobs_settle(f->jobs, 0);
    assert_int_equal(f->open_count, CAIRN_OUTBOX_TENANT_MAX);
    uint64_t id = put_to(f, "other", "d");
    jobs_settle(f->jobs, 0);
    assert_int_equal(f->open_count, CAIRN_OUTBOX_TENANT_MAX + 1);
    assert_int_equal(f->sent[f->count - 1], id);
    f->later = false;
    for (size_t i = 0; i < f->open_count; i++)
        cairn_outbox_done(f->open[i], &f->answer);
    jobs_settle(f->jobs, 0);
    assert_int_equal(f->count, 101);
}

/* However it is written, it is one peer, and is called as often at a time as one. */
static void test_one_origin_in_many_spellings(void **state)
{
    fixture *f = *state;
    static const char *const urls[] = {
        "https://a.example/hook",     "https://A.Example/other",      "https://a.example:443/hook",
        "https://a.example?x=/",      "https://a.example#https://b/", "https://a.example.:443",
        "https://a.example:0443/a:1", "https://%61.example/",
    };
    static const char *const others[] = {"https://a.example:8443/", "http://a.example/",
                                         "https://b.example/", "https://[2001:db8::1]/"};
    char name[32];
    f->later = true;
    for (size_t i = 0; i < 12; i++) {
        (void)snprintf(name, sizeof name, "d%zu", i);
        cairn_outbox_message message = message_to(f, "t", name, i < 8 ? urls[i] : others[i - 8]);
        assert_int_equal(try_put(f, &message, NULL), CAIRN_OK);
        jobs_settle(f->jobs, 0);
    }
    assert_int_equal(f->open_count, CAIRN_OUTBOX_ORIGIN_MAX + 4);
    for (size_t i = 0; i < f->open_count; i++)
        cairn_outbox_done(f->open[i], &f->answer);
}

/* Thousands of lanes to one slow peer do not hide a lane to another. */
static void test_many_that_wait_hide_nobody(void **state)
{
    fixture *f = *state;
    char name[32];
    f->later = true;
    for (unsigned i = 0; i < 2500; i++) {
        (void)snprintf(name, sizeof name, "d%u", i);
        (void)put_to(f, "t", name);
    }
    jobs_settle(f->jobs, 0);
    assert_int_equal(f->open_count, CAIRN_OUTBOX_ORIGIN_MAX);
    cairn_outbox_message message = message_to(f, "t", "other", "https://b.example/");
    uint64_t id = 0;
    assert_int_equal(try_put(f, &message, &id), CAIRN_OK);
    jobs_settle(f->jobs, 0);
    assert_int_equal(f->open_count, CAIRN_OUTBOX_ORIGIN_MAX + 1);
    assert_int_equal(f->sent[f->count - 1], id);
    f->later = false;
    for (size_t i = 0; i < f->open_count; i++)
        cairn_outbox_done(f->open[i], &f->answer);
    jobs_settle(f->jobs, 0);
    assert_int_equal(f->count, 2501);
}

typedef struct act {
    const char *tenant;
    const char *destination;
    uint64_t id;
    uint64_t expires_ms;
} act;

static cairn_err do_cancel(void *context, cairn_jobs_txn *txn)
{
    const act *a = context;
    return cairn_outbox_cancel(txn, a->tenant, a->destination);
}

static cairn_err do_revive(void *context, cairn_jobs_txn *txn)
{
    const act *a = context;
    return cairn_outbox_revive(txn, a->tenant, a->id, a->expires_ms);
}

static cairn_err do_forget(void *context, cairn_jobs_txn *txn)
{
    const act *a = context;
    return cairn_outbox_forget(txn, a->tenant, a->id);
}

static void test_cancel_while_under_way(void **state)
{
    fixture *f = *state;
    act a = {.tenant = "t", .destination = "d"};
    f->later = true;
    (void)put_to(f, "t", "d");
    (void)put_to(f, "t", "d");
    jobs_settle(f->jobs, 0);
    assert_int_equal(cairn_jobs_update(f->jobs, do_cancel, &a), CAIRN_OK);
    assert_int_equal(metrics(f).outbox_waiting, 0);
    uint64_t id = put_to(f, "t", "d"); /* waits for the one under way */
    jobs_settle(f->jobs, 0);
    assert_int_equal(f->count, 1);
    f->later = false;
    cairn_outbox_done(f->open[0], &f->answer);
    jobs_settle(f->jobs, 0);
    assert_int_equal(f->count, 2);
    assert_int_equal(f->sent[1], id);
    assert_int_equal(cairn_jobs_update(f->jobs, do_cancel, &a), CAIRN_OK);
}

static void test_revive_and_forget(void **state)
{
    fixture *f = *state;
    f->answer.status = 404;
    uint64_t first = put_to(f, "t", "d");
    uint64_t second = put_to(f, "t", "d");
    jobs_settle(f->jobs, 0);
    assert_int_equal(metrics(f).outbox_dead, 2);
    f->answer.status = 200;
    act a = {.tenant = "u", .id = first, .expires_ms = f->time.wall_ms + 1000};
    assert_int_equal(cairn_jobs_update(f->jobs, do_revive, &a), CAIRN_ERR_NOT_FOUND);
    a.tenant = "t";
    assert_int_equal(cairn_jobs_update(f->jobs, do_revive, &a), CAIRN_OK);
    assert_int_equal(cairn_jobs_update(f->jobs, do_revive, &a), CAIRN_ERR_NOT_FOUND);
    jobs_settle(f->jobs, 0);
    assert_int_equal(f->count, 3);
    a.id = second;
    assert_int_equal(cairn_jobs_update(f->jobs, do_forget, &a), CAIRN_OK);
    assert_int_equal(cairn_jobs_update(f->jobs, do_forget, &a), CAIRN_OK);
    assert_int_equal(metrics(f).outbox_dead, 0);
    assert_int_equal(metrics(f).outbox_delivered, 1);
}

static void test_bounds_of_a_tenant(void **state)
{
    fixture *f = *state;
    f->options.transport = NULL;
    cairn_jobs_close(CAIRN_STEAL(f->jobs));
    assert_int_equal(cairn_jobs_open(f->path, &f->options, &f->jobs), CAIRN_OK);
    static uint8_t body[CAIRN_OUTBOX_BODY_SIZE_MAX + 1];
    cairn_outbox_message message = message_to(f, "t", "d", "https://a.example/");
    message.body = cairn_bytes_of(body, sizeof body);
    assert_int_equal(try_put(f, &message, NULL), CAIRN_ERR_TOO_LARGE);
    message.body.size--;
    unsigned count = 0;
    cairn_err err;
    while ((err = try_put(f, &message, NULL)) == CAIRN_OK)
        count++;
    assert_int_equal(err, CAIRN_ERR_BUSY);
    assert_int_equal(count, CAIRN_OUTBOX_TENANT_SIZE_MAX / CAIRN_OUTBOX_BODY_SIZE_MAX - 1);
    message.tenant = "u";
    assert_int_equal(try_put(f, &message, NULL), CAIRN_OK); /* another one is not touched */
    jobs_settle(f->jobs, 0);
    assert_int_equal(metrics(f).outbox_waiting, count + 1);
}

static cairn_err put_too_many(void *context, cairn_jobs_txn *txn)
{
    put *p = context;
    for (unsigned i = 0; i < CAIRN_OUTBOX_TENANT_ROWS_MAX; i++)
        CAIRN_TRY(cairn_outbox_put(txn, p->message, &p->id));
    assert_int_equal(cairn_outbox_put(txn, p->message, &p->id), CAIRN_ERR_BUSY);
    return CAIRN_OK;
}

static void test_messages_of_a_tenant_are_bounded(void **state)
{
    fixture *f = *state;
    cairn_outbox_message message = message_to(f, "t", "d", "https://a.example/");
    put p = {.message = &message};
    act a = {.tenant = "t", .destination = "d"};
    assert_int_equal(cairn_jobs_update(f->jobs, put_too_many, &p), CAIRN_OK);
    assert_int_equal(metrics(f).outbox_waiting, CAIRN_OUTBOX_TENANT_ROWS_MAX);
    assert_int_equal(cairn_jobs_update(f->jobs, do_cancel, &a), CAIRN_OK);
    assert_int_equal(metrics(f).outbox_waiting + metrics(f).outbox_waiting_bytes, 0);
}

static void test_dead_letters_are_bounded(void **state)
{
    fixture *f = *state;
    f->answer.status = 404;
    (void)put_to(f, "u", "d");
    for (unsigned i = 0; i < CAIRN_OUTBOX_DEAD_MAX + 10; i++)
        (void)put_to(f, "t", "d");
    jobs_settle(f->jobs, 0);
    seen s = look(f, CAIRN_OUTBOX_DEAD, "t");
    assert_int_equal(s.count, CAIRN_OUTBOX_DEAD_MAX);
    assert_int_equal(s.ids[0], f->sent[11]); /* the oldest gave way */
    assert_int_equal(look(f, CAIRN_OUTBOX_DEAD, "u").count, 1);
    assert_int_equal(metrics(f).outbox_dead, CAIRN_OUTBOX_DEAD_MAX + 1);
}

static void test_arguments(void **state)
{
    fixture *f = *state;
    static const char *const urls[] = {"", "ftp://a", "https://a b", "https://a\r\nX: y", "a"};
    static const char *const lines[] = {
        "X",          ": v",
        "A b: c",     "X: a\r\nY: b",
        "X(y): a",    "X\x7fy: a",
        "X\xe9: a",   "\"X\": a",
        "X/y: a",     "Content-Digest: sha-256=:AA==:",
        "host: a",    "sIGNATURE-iNPUT: cairn=()",
        "Signature:", "Idempotency-Key: 1",
        "TE: gzip",   "Content-Length: 1",
    };
    cairn_outbox_message good = message_to(f, "t", "d", "https://a.example/");
    cairn_outbox_message m = good;
    for (size_t i = 0; i < 5; i++) {
        m.url = urls[i];
        assert_int_equal(try_put(f, &m, NULL), CAIRN_ERR_ARGUMENT);
    }
    m = good;
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        m.headers = &lines[i];
        assert_int_equal(try_put(f, &m, NULL), CAIRN_ERR_ARGUMENT);
    }
    m = good;
    m.header_count = CAIRN_OUTBOX_HEADERS_MAX + 1;
    assert_int_equal(try_put(f, &m, NULL), CAIRN_ERR_ARGUMENT);
    m = good;
    m.destination = "";
    assert_int_equal(try_put(f, &m, NULL), CAIRN_ERR_ARGUMENT);
    m = good;
    m.content_type = "";
    assert_int_equal(try_put(f, &m, NULL), CAIRN_ERR_ARGUMENT);
    m = good;
    m.signature = CAIRN_OUTBOX_ES256;
    assert_int_equal(try_put(f, &m, NULL), CAIRN_ERR_ARGUMENT);
    m.key = "k";
    m.signature = CAIRN_OUTBOX_UNSIGNED;
    assert_int_equal(try_put(f, &m, NULL), CAIRN_ERR_ARGUMENT);
    assert_int_equal(metrics(f).outbox_waiting, 0);
}

static void test_close_keeps_what_was_answered(void **state)
{
    fixture *f = *state;
    f->later = true;
    (void)put_to(f, "t", "d");
    uint64_t second = put_to(f, "t", "d");
    jobs_settle(f->jobs, 0);
    cairn_outbox_done(f->open[0], &f->answer);
    cairn_jobs_close(CAIRN_STEAL(f->jobs));
    f->later = false;
    assert_int_equal(cairn_jobs_open(f->path, &f->options, &f->jobs), CAIRN_OK);
    jobs_settle(f->jobs, 0);
    assert_int_equal(f->count, 2);
    assert_int_equal(f->sent[1], second);
}

#define WITH_JOBS(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_JOBS(test_delivered_in_order_and_gone),
        WITH_JOBS(test_failure_delays_its_lane_only),
        WITH_JOBS(test_waits_double_with_full_jitter),
        WITH_JOBS(test_retry_after),
        WITH_JOBS(test_refused_is_dead_at_once),
        WITH_JOBS(test_attempts_are_bounded),
        WITH_JOBS(test_expiry),
        WITH_JOBS(test_clock_that_goes_back),
        WITH_JOBS(test_concurrency),
        WITH_JOBS(test_a_tenant_has_its_share),
        WITH_JOBS(test_one_origin_in_many_spellings),
        WITH_JOBS(test_many_that_wait_hide_nobody),
        WITH_JOBS(test_cancel_while_under_way),
        WITH_JOBS(test_revive_and_forget),
        WITH_JOBS(test_bounds_of_a_tenant),
        WITH_JOBS(test_messages_of_a_tenant_are_bounded),
        WITH_JOBS(test_dead_letters_are_bounded),
        WITH_JOBS(test_arguments),
        WITH_JOBS(test_close_keeps_what_was_answered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
