/* What is remembered of a caller, and when it is asked again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "node/node_callers.h"

/* --- an engine that has a height, an authenticator that counts --- */

static cairn_engine_ops ops;
static cairn_engine engine = {&ops};
static uint64_t height;

static cairn_view *view_of(cairn_engine *e)
{
    (void)e;
    cairn_view *view = calloc(1, sizeof *view);
    assert_non_null(view);
    atomic_init(&view->references, 1);
    view->height = height;
    return view;
}

typedef struct asked {
    unsigned count;
    cairn_auth_result result;
    bool hold; /* keep the last one until answer_held */
    cairn_auth_done_fn done;
    void *done_context;
} asked;

static void count_and_answer(void *context, const cairn_auth_evidence *evidence,
                             cairn_auth_done_fn done, void *done_context)
{
    asked *a = context;
    (void)evidence;
    a->count++;
    a->done = done;
    a->done_context = done_context;
    if (!a->hold)
        done(done_context, &a->result);
}

typedef struct answer {
    unsigned count;
    cairn_auth_result result;
} answer;

static void keep(void *context, const cairn_auth_result *result)
{
    answer *a = context;
    a->count++;
    a->result = *result;
}

typedef struct fixture {
    cairn_clock_manual manual;
    asked inner;
    cairn_callers *callers;
} fixture;

static int setup(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    f->manual.wall_ms = 1700000000000;
    f->inner.result =
        (cairn_auth_result){.verdict = CAIRN_AUTH_FOUND,
                            .principal = {.method = CAIRN_AUTH_MTLS, .expires_ms = UINT64_MAX}};
    height = 7;
    ops.view = view_of;
    const cairn_clock clock = cairn_clock_of_manual(&f->manual);
    const cairn_authenticator inner = {&f->inner, count_and_answer};
    assert_int_equal(cairn_callers_new(&clock, &engine, &inner, &f->callers), CAIRN_OK);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    fixture *f = *state;
    cairn_callers_free(f->callers);
    free(f);
    return 0;
}

static answer ask_with(fixture *f, const char *certificate, const cairn_http_header *headers,
                       size_t header_count)
{
    const cairn_http_request request = {.headers = headers, .header_count = header_count};
    const cairn_auth_evidence evidence = {&request, cairn_bytes_str(certificate)};
    const cairn_authenticator authenticator = cairn_callers_authenticator(f->callers);
    answer a = {.count = 0};
    authenticator.authenticate(authenticator.context, &evidence, keep, &a);
    return a;
}

/* Asks with that certificate alone; how often was the inner one asked? */
static unsigned ask(fixture *f, const char *certificate)
{
    unsigned before = f->inner.count;
    const answer a = ask_with(f, certificate, NULL, 0);
    assert_int_equal(a.count, 1);
    assert_int_equal(a.result.verdict, f->inner.result.verdict);
    return f->inner.count - before;
}

/* --- tests --- */

static void test_remembers_until_the_next_block(void **state)
{
    fixture *f = *state;
    assert_int_equal(ask(f, "one"), 1);
    assert_int_equal(ask(f, "one"), 0);
    assert_int_equal(ask(f, "two"), 1);
    height++;
    assert_int_equal(ask(f, "one"), 1);
    assert_int_equal(ask(f, "one"), 0);
}

static void test_remembers_for_a_second(void **state)
{
    fixture *f = *state;
    assert_int_equal(ask(f, "one"), 1);
    cairn_clock_manual_advance_ms(&f->manual, CAIRN_CALLERS_LIFE_MS - 1);
    assert_int_equal(ask(f, "one"), 0);
    cairn_clock_manual_advance_ms(&f->manual, 1);
    assert_int_equal(ask(f, "one"), 1);
    f->manual.wall_ms -= 86400000; /* a clock that goes back does not lengthen it */
    assert_int_equal(ask(f, "one"), 1);
}

static void test_what_is_not_remembered(void **state)
{
    fixture *f = *state;
    const cairn_http_header header = {cairn_bytes_str("authorization"),
                                      cairn_bytes_str("Bearer x")};
    assert_int_equal(ask(f, ""), 1);
    assert_int_equal(ask(f, ""), 1);
    assert_int_equal(ask(f, "one"), 1); /* now it is remembered: */
    assert_int_equal(ask_with(f, "one", &header, 1).count, 1);
    assert_int_equal(f->inner.count, 4); /* and yet a token is looked at */
    f->inner.result = (cairn_auth_result){.verdict = CAIRN_AUTH_REFUSED, .reason = "no"};
    assert_int_equal(ask(f, "three"), 1);
    assert_int_equal(ask(f, "three"), 1);
    f->inner.result.verdict = CAIRN_AUTH_UNAVAILABLE;
    assert_int_equal(ask(f, "four"), 1);
    assert_int_equal(ask(f, "four"), 1);
    f->inner.result =
        (cairn_auth_result){.verdict = CAIRN_AUTH_FOUND,
                            .principal = {.method = CAIRN_AUTH_BEARER, .expires_ms = UINT64_MAX}};
    assert_int_equal(ask(f, "five"), 1); /* bound to a certificate, but not by it */
    assert_int_equal(ask(f, "five"), 1);
    f->inner.result.principal.method = CAIRN_AUTH_MTLS;
    f->inner.result.principal.expires_ms = f->manual.wall_ms + 86400000;
    assert_int_equal(ask(f, "six"), 1); /* a CA has issued it, and may revoke it any time */
    assert_int_equal(ask(f, "six"), 1);
}

/* A check that began before a block and ends after it is of the view in which it began. */
static void test_slow_check(void **state)
{
    fixture *f = *state;
    f->inner.hold = true;
    answer a = {.count = 0};
    const cairn_http_request request = {.header_count = 0};
    const cairn_auth_evidence evidence = {&request, cairn_bytes_str("one")};
    const cairn_authenticator authenticator = cairn_callers_authenticator(f->callers);
    authenticator.authenticate(authenticator.context, &evidence, keep, &a);
    assert_int_equal(a.count, 0);
    height++;
    f->inner.done(f->inner.done_context, &f->inner.result);
    assert_int_equal(a.count, 1);
    f->inner.hold = false;
    assert_int_equal(ask(f, "one"), 1);
}

/* More certificates than places: each is answered as itself. */
static void test_many(void **state)
{
    fixture *f = *state;
    for (unsigned round = 0; round < 2; round++)
        for (unsigned i = 0; i < 2 * CAIRN_CALLERS_MAX; i++) {
            char name[16];
            (void)snprintf(name, sizeof name, "%u", i);
            (void)snprintf(f->inner.result.principal.subject,
                           sizeof f->inner.result.principal.subject, "key:%u", i);
            const answer a = ask_with(f, name, NULL, 0);
            assert_string_equal(a.result.principal.subject, f->inner.result.principal.subject);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_remembers_until_the_next_block, setup, teardown),
        cmocka_unit_test_setup_teardown(test_remembers_for_a_second, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_is_not_remembered, setup, teardown),
        cmocka_unit_test_setup_teardown(test_slow_check, setup, teardown),
        cmocka_unit_test_setup_teardown(test_many, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
