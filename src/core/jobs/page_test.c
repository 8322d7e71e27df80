/* Pages: a naive model under random writes, and a token that is good for one walk of one caller. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/jobs/page_token.h"
#include "support/jobs_fixture.h"

static const cairn_projection objects_1 = JOBS_OBJECTS_ROW(1);
static const cairn_projection objects_2 = JOBS_OBJECTS_ROW(2);
static const cairn_hash ledger_a = {{0xaa}};
static const cairn_hash ledger_b = {{0xbb}};
static const cairn_hash alice = {{1}};
static const cairn_hash mallory = {{2}};
static const cairn_hash no_filter = {{3}};
static const cairn_hash a_filter = {{4}};

typedef struct fixture {
    char path[64];
    jobs_log log;
    cairn_clock_manual time;
    const cairn_projection *projections[1];
    cairn_jobs_options options;
    cairn_jobs *jobs;
    cairn_arena arena;
    cairn_page_query query;
} fixture;

static void open_jobs(fixture *f)
{
    cairn_event_source source = jobs_log_source(&f->log);
    assert_int_equal(cairn_jobs_open(f->path, &f->options, &f->jobs), CAIRN_OK);
    assert_int_equal(cairn_jobs_attach(f->jobs, 0, &ledger_a, &source), CAIRN_OK);
    assert_int_equal(cairn_jobs_attach(f->jobs, 1, &ledger_b, &source), CAIRN_OK);
}

static int set_up(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    jobs_directory_make(f->path);
    jobs_log_init(&f->log);
    f->time = (cairn_clock_manual){.wall_ms = 1700000000000, .monotonic_ns = 1};
    f->projections[0] = &objects_1;
    f->options = (cairn_jobs_options){.clock = cairn_clock_of_manual(&f->time),
                                      .projections = f->projections,
                                      .projection_count = 1,
                                      .map_size = 64 << 20,
                                      .seed = 1};
    cairn_arena_init(&f->arena, 16 << 20);
    f->query = (cairn_page_query){.projection = "test.objects",
                                  .query = &no_filter,
                                  .caller = &alice,
                                  .limit = 7,
                                  .life_ms = 60000};
    open_jobs(f);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    fixture *f = *state;
    cairn_jobs_close(f->jobs);
    cairn_arena_done(&f->arena);
    jobs_log_done(&f->log);
    jobs_directory_remove(f->path);
    free(f);
    return 0;
}

static void add_objects(fixture *f, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        jobs_log_one(&f->log, JOBS_SET, i);
    jobs_settle(f->jobs, 2);
}

/* The first page's token, with objects behind it. */
static cairn_bytes first_token(fixture *f)
{
    cairn_page page;
    assert_int_equal(cairn_page_read(f->jobs, &f->arena, &f->query, &page), CAIRN_OK);
    assert_true(page.token.size > 0 && page.token.size <= CAIRN_PAGE_TOKEN_SIZE_MAX);
    return page.token;
}

static void expect_refusal(fixture *f)
{
    cairn_page page;
    assert_int_equal(cairn_page_read(f->jobs, &f->arena, &f->query, &page), CAIRN_ERR_PAGE_TOKEN);
    assert_string_equal(cairn_err_detail(), "page token: not valid here and now "
                                            "(docs/formats/page-token.md)");
}

static void test_walk_in_order(void **state)
{
    fixture *f = *state;
    cairn_page page;
    add_objects(f, 30);
    for (uint32_t seen = 0; seen < 30;) {
        assert_int_equal(cairn_page_read(f->jobs, &f->arena, &f->query, &page), CAIRN_OK);
        assert_int_equal(page.row_count, seen + 7 <= 30 ? 7 : 2);
        assert_int_equal(page.version, 1);
        assert_int_equal(page.position.height, 30);
        for (size_t i = 0; i < page.row_count; i++)
            assert_int_equal(cairn_get_u32(page.rows[i].key.data), seen++);
        assert_int_equal(page.token.size == 0, seen == 30);
        f->query.token = page.token;
    }
    /* A full page behind which nothing follows has no token either. */
    f->query.token = (cairn_bytes){0};
    f->query.limit = 30;
    assert_int_equal(cairn_page_read(f->jobs, &f->arena, &f->query, &page), CAIRN_OK);
    assert_int_equal(page.row_count, 30);
    assert_int_equal(page.token.size, 0);
}

static void test_prefix_and_index(void **state)
{
    fixture *f = *state;
    static const uint8_t prefix[] = {0, 0, 0, 0, 0, 0, 0};
    cairn_page page;
    add_objects(f, 10);
    f->query.table = 1;
    f->query.limit = 1000;
    f->query.prefix = cairn_bytes_of(prefix, sizeof prefix);
    assert_int_equal(cairn_page_read(f->jobs, &f->arena, &f->query, &page), CAIRN_OK);
    assert_int_equal(page.row_count, 10);
    static const uint8_t exact[] = {0, 0, 0, 0, 0, 0, 0, 4};
    f->query.prefix = cairn_bytes_of(exact, sizeof exact);
    assert_int_equal(cairn_page_read(f->jobs, &f->arena, &f->query, &page), CAIRN_OK);
    assert_int_equal(page.row_count, 1);
    assert_int_equal(cairn_get_u32(page.rows[0].key.data + 8), 3);
    f->query.table = 9; /* none that it has */
    assert_int_equal(cairn_page_read(f->jobs, &f->arena, &f->query, &page), CAIRN_OK);
    assert_int_equal(page.row_count, 0);
}

static bool is_odd(void *context, cairn_bytes key, cairn_bytes value)
{
    (void)context, (void)value;
    return key.data[3] % 2 == 1;
}

static void test_filter(void **state)
{
    fixture *f = *state;
    cairn_page page;
    add_objects(f, 20);
    f->query.accept = is_odd;
    f->query.limit = 9;
    assert_int_equal(cairn_page_read(f->jobs, &f->arena, &f->query, &page), CAIRN_OK);
    assert_int_equal(page.row_count, 9);
    assert_int_equal(page.rows[8].key.data[3], 17);
    f->query.token = page.token;
    assert_int_equal(cairn_page_read(f->jobs, &f->arena, &f->query, &page), CAIRN_OK);
    assert_int_equal(page.row_count, 1);
    assert_int_equal(page.token.size, 0);
}

static bool is_none(void *context, cairn_bytes key, cairn_bytes value)
{
    (void)context, (void)key, (void)value;
    return false;
}

/* A filter that takes nothing gives an empty page with a token, after so many rows. */
static void test_scan_is_bounded(void **state)
{
    fixture *f = *state;
    static jobs_log_event events[CAIRN_PAGE_SCAN_MAX + 5];
    size_t count = sizeof events / sizeof events[0];
    cairn_page page;
    for (size_t i = 0; i < count; i++)
        events[i] = (jobs_log_event){.type = JOBS_SET, .object = (uint32_t)i};
    jobs_log_block(&f->log, events, count);
    jobs_settle(f->jobs, 2);
    f->query.accept = is_none;
    assert_int_equal(cairn_page_read(f->jobs, &f->arena, &f->query, &page), CAIRN_OK);
    assert_int_equal(page.row_count, 0);
    assert_true(page.token.size > 0);
    f->query.token = page.token;
    f->query.accept = NULL;
    f->query.limit = 1000;
    assert_int_equal(cairn_page_read(f->jobs, &f->arena, &f->query, &page), CAIRN_OK);
    assert_int_equal(page.row_count, 5);
    assert_int_equal(cairn_get_u32(page.rows[0].key.data), CAIRN_PAGE_SCAN_MAX);
    assert_int_equal(page.token.size, 0);
}

static void test_arguments(void **state)
{
    fixture *f = *state;
    cairn_page page;
    jobs_settle(f->jobs, 2);
    f->query.limit = 0;
    assert_int_equal(cairn_page_read(f->jobs, &f->arena, &f->query, &page), CAIRN_ERR_ARGUMENT);
    f->query.limit = 1001;
    assert_int_equal(cairn_page_read(f->jobs, &f->arena, &f->query, &page), CAIRN_ERR_ARGUMENT);
    f->query.limit = 1000;
    f->query.life_ms = CAIRN_PAGE_LIFE_MS_MAX + 1;
    assert_int_equal(cairn_page_read(f->jobs, &f->arena, &f->query, &page), CAIRN_ERR_ARGUMENT);
    f->query.life_ms = CAIRN_PAGE_LIFE_MS_MAX;
    assert_int_equal(cairn_page_read(f->jobs, &f->arena, &f->query, &page), CAIRN_OK);
    f->query.projection = "test.none";
    assert_int_equal(cairn_page_read(f->jobs, &f->arena, &f->query, &page), CAIRN_ERR_NOT_FOUND);
}

static void test_token_is_for_one_walk(void **state)
{
    fixture *f = *state;
    cairn_page page;
    add_objects(f, 20);
    f->query.token = first_token(f);
    const cairn_page_query good = f->query;
    f->query.caller = &mallory;
    expect_refusal(f);
    f->query = good;
    f->query.query = &a_filter;
    expect_refusal(f);
    f->query = good;
    f->query.slot = 1;
    expect_refusal(f);
    f->query = good;
    f->query.table = 1;
    expect_refusal(f);
    f->query = good;
    f->query.prefix = cairn_bytes_of("", 1);
    expect_refusal(f);
    f->query = good;
    f->query.limit = 3; /* the size of a page is the caller's to change */
    assert_int_equal(cairn_page_read(f->jobs, &f->arena, &f->query, &page), CAIRN_OK);
    f->query = good;
    cairn_clock_manual_advance_ms(&f->time, 59999);
    assert_int_equal(cairn_page_read(f->jobs, &f->arena, &f->query, &page), CAIRN_OK);
    cairn_clock_manual_advance_ms(&f->time, 1);
    expect_refusal(f);
}

static void test_token_that_was_touched(void **state)
{
    fixture *f = *state;
    char text[CAIRN_PAGE_TOKEN_SIZE_MAX + 8];
    add_objects(f, 20);
    cairn_bytes token = first_token(f);
    for (size_t i = 0; i < token.size; i++) {
        memcpy(text, token.data, token.size);
        text[i] = text[i] == 'A' ? 'B' : 'A';
        f->query.token = cairn_bytes_of(text, token.size);
        expect_refusal(f);
    }
    for (size_t size = 1; size < token.size; size++) {
        f->query.token = cairn_bytes_of(token.data, size);
        expect_refusal(f);
    }
    static const char *const foreign[] = {"x", "====", "AQAAAAdA", "../../etc", "\x80\xff"};
    for (size_t i = 0; i < sizeof foreign / sizeof foreign[0]; i++) {
        f->query.token = cairn_bytes_str(foreign[i]);
        expect_refusal(f);
    }
    memset(text, 'A', sizeof text);
    f->query.token = cairn_bytes_of(text, CAIRN_PAGE_TOKEN_SIZE_MAX + 1);
    expect_refusal(f);
}

static void test_token_of_a_version(void **state)
{
    fixture *f = *state;
    add_objects(f, 20);
    f->query.token = first_token(f);
    cairn_jobs_close(CAIRN_STEAL(f->jobs));
    cairn_page page;
    open_jobs(f); /* the keys are kept */
    jobs_settle(f->jobs, 2);
    assert_int_equal(cairn_page_read(f->jobs, &f->arena, &f->query, &page), CAIRN_OK);
    assert_int_equal(cairn_jobs_rebuild(f->jobs, "test.objects"), CAIRN_OK);
    jobs_settle(f->jobs, 2);
    jobs_settle(f->jobs, 2); /* the same rows by the same version: the walk goes on */
    assert_int_equal(cairn_page_read(f->jobs, &f->arena, &f->query, &page), CAIRN_OK);
    cairn_jobs_close(CAIRN_STEAL(f->jobs));
    f->projections[0] = &objects_2;
    open_jobs(f);
    jobs_settle(f->jobs, 2);
    expect_refusal(f);
}

static void test_rotation(void **state)
{
    fixture *f = *state;
    cairn_page page;
    add_objects(f, 20);
    f->query.life_ms = CAIRN_PAGE_LIFE_MS_MAX;
    f->query.token = first_token(f);
    assert_int_equal(cairn_page_rotate(f->jobs), CAIRN_OK);
    assert_int_equal(cairn_page_read(f->jobs, &f->arena, &f->query, &page), CAIRN_OK);
    uint32_t old_id = 0;
    uint32_t new_id = 0;
    assert_int_equal(cairn_page_token_key_id(f->query.token, &old_id), CAIRN_OK);
    assert_int_equal(cairn_page_token_key_id(page.token, &new_id), CAIRN_OK);
    assert_int_equal(new_id, old_id + 1);
    /* The step makes one a day, and a key is gone when no token of it can live. */
    for (unsigned day = 0; day < 3; day++) {
        cairn_clock_manual_advance_ms(&f->time, CAIRN_PAGE_LIFE_MS_MAX + 1);
        jobs_settle(f->jobs, 2);
    }
    f->time.wall_ms -= 3 * (uint64_t)CAIRN_PAGE_LIFE_MS_MAX + 3;
    expect_refusal(f);
    for (unsigned i = 0; i < 100; i++)
        assert_int_equal(cairn_page_rotate(f->jobs), CAIRN_OK);
    f->query.token = (cairn_bytes){0};
    f->query.token = first_token(f);
    assert_int_equal(cairn_page_read(f->jobs, &f->arena, &f->query, &page), CAIRN_OK);
}

/* Made by Python's cryptography 48.0.0 from docs/formats/page-token.md. */
static void test_token_vector(void **state)
{
    static const char want[] = "AQAAAAdAQUJDREVGR0hJSkviua-"
                               "o6dIIw83PeFTxAXAvVvZiaIU1DyN3R07llxPt25gI86zeud9UIfQLb5EN39rLcaox"
                               "M8fiCYEa1AQn6ijAd2_tNlORYq3toxuiwDsCkw";
    uint8_t key[32], nonce[12];
    page_binding binding;
    page_position position = {.expires_ms = 1700000600000, .size = 11};
    page_position opened;
    char token[CAIRN_PAGE_TOKEN_SIZE_MAX];
    size_t size = 0;
    (void)state;
    for (uint8_t i = 0; i < 32; i++)
        key[i] = i;
    for (uint8_t i = 0; i < 12; i++)
        nonce[i] = (uint8_t)(0x40 + i);
    memset(binding.caller.b, 0xca, 32);
    memset(binding.walk.b, 0x3a, 32);
    memcpy(position.key, "object/0042", 11);
    assert_int_equal(cairn_page_token_seal(7, key, nonce, &binding, &position, token, &size),
                     CAIRN_OK);
    assert_int_equal(size, strlen(want));
    assert_memory_equal(token, want, size);
    assert_int_equal(cairn_page_token_open(cairn_bytes_str(want), key, &binding, &opened),
                     CAIRN_OK);
    assert_int_equal(opened.expires_ms, position.expires_ms);
    assert_int_equal(opened.size, 11);
    assert_memory_equal(opened.key, "object/0042", 11);
}

/* --- walks while the rows change --- */

static uint32_t next_random(uint32_t *state)
{
    *state = *state * 1664525 + 1013904223;
    return *state >> 8;
}

typedef struct model {
    bool always[JOBS_OBJECTS]; /* there since the walk began */
    unsigned seen[JOBS_OBJECTS];
} model;

static void change_some(fixture *f, model *m, uint32_t *random)
{
    unsigned count = next_random(random) % 6;
    for (unsigned i = 0; i < count; i++) {
        uint32_t object = next_random(random) % JOBS_OBJECTS;
        bool remove = next_random(random) % 2 == 0;
        jobs_log_one(&f->log, remove ? JOBS_REMOVE : JOBS_SET, object);
        if (remove)
            m->always[object] = false;
    }
    if (next_random(random) % 8 == 0)
        assert_int_equal(cairn_jobs_rebuild(f->jobs, "test.objects"), CAIRN_OK);
    jobs_settle(f->jobs, 2);
}

static void walk_once(fixture *f, uint32_t *random)
{
    model m = {0};
    cairn_page page = {0};
    for (uint32_t object = 0; object < JOBS_OBJECTS; object++)
        m.always[object] = jobs_log_expect(&f->log, f->log.height, object) != 0;
    f->query.token = (cairn_bytes){0};
    do {
        f->query.limit = 1 + next_random(random) % 12;
        assert_int_equal(cairn_page_read(f->jobs, &f->arena, &f->query, &page), CAIRN_OK);
        for (size_t i = 0; i < page.row_count; i++)
            m.seen[cairn_get_u32(page.rows[i].key.data)]++;
        f->query.token = page.token;
        change_some(f, &m, random);
    } while (page.token.size > 0);
    for (uint32_t object = 0; object < JOBS_OBJECTS; object++) {
        assert_true(m.seen[object] <= 1);
        assert_true(!m.always[object] || m.seen[object] == 1);
    }
    cairn_arena_reset(&f->arena);
}

static void test_nothing_lost_or_repeated(void **state)
{
    fixture *f = *state;
    uint32_t random = 11;
    add_objects(f, JOBS_OBJECTS);
    for (unsigned i = 0; i < 40; i++)
        walk_once(f, &random);
}

#define WITH_JOBS(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_JOBS(test_walk_in_order),
        WITH_JOBS(test_prefix_and_index),
        WITH_JOBS(test_filter),
        WITH_JOBS(test_scan_is_bounded),
        WITH_JOBS(test_arguments),
        WITH_JOBS(test_token_is_for_one_walk),
        WITH_JOBS(test_token_that_was_touched),
        WITH_JOBS(test_token_of_a_version),
        WITH_JOBS(test_rotation),
        cmocka_unit_test(test_token_vector),
        WITH_JOBS(test_nothing_lost_or_repeated),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
