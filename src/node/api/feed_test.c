/* Places in the feed, and reading from them: whatever the pages, each event comes once and in
 * order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "node/api/feed.h"
#include "support/prng.h"

/* --- cursors --- */

static void test_cursors(void **state)
{
    (void)state;
    static const struct {
        uint64_t height;
        uint32_t ordinal;
        const char *text;
    } rows[] = {{0, 0, "0-0"},
                {1, 0, "1-0"},
                {7, 4294967295u, "7-4294967295"},
                {UINT64_C(1) << 53, 1, "9007199254740992-1"}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const cairn_feed_place place = {rows[i].height, rows[i].ordinal};
        cairn_feed_place read;
        char text[CAIRN_FEED_CURSOR_SIZE];
        cairn_feed_place_format(&place, text);
        assert_string_equal(text, rows[i].text);
        assert_int_equal(cairn_feed_place_parse(cairn_bytes_str(text), &read), CAIRN_OK);
        assert_int_equal(read.height, place.height);
        assert_int_equal(read.ordinal, place.ordinal);
    }
    const cairn_feed_place most = {UINT64_MAX, UINT32_MAX};
    char text[CAIRN_FEED_CURSOR_SIZE];
    cairn_feed_place_format(&most, text);
    assert_string_equal(text, "18446744073709551615-4294967295");
}

static void test_wrong_cursors(void **state)
{
    (void)state;
    static const char *const wrong[] = {"",
                                        "-",
                                        "1",
                                        "1-",
                                        "-1",
                                        "1-2-3",
                                        "1--2",
                                        "+1-2",
                                        "1-+2",
                                        " 1-2",
                                        "1-2 ",
                                        "0x1-2",
                                        "1-a",
                                        "a-1",
                                        "1_2",
                                        "1-2\n",
                                        "\xb9-2",
                                        "9007199254740993-0",
                                        "99999999999999999-0",
                                        "1-4294967296",
                                        "1-99999999999",
                                        "01-2",
                                        "00-0",
                                        "1-02"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        cairn_feed_place place = {77, 77};
        if (cairn_feed_place_parse(cairn_bytes_str(wrong[i]), &place) != CAIRN_ERR_BAD_VALUE)
            fail_msg("'%s' is taken", wrong[i]);
        assert_int_equal(place.height, 77);
    }
    cairn_feed_place place;
    assert_int_equal(cairn_feed_place_parse((cairn_bytes){0}, &place), CAIRN_ERR_BAD_VALUE);
    assert_int_equal(cairn_feed_place_parse(cairn_bytes_of("1-2\0", 4), &place),
                     CAIRN_ERR_BAD_VALUE);
}

/* --- an engine of events: block h has count[h] of them --- */

enum { BLOCKS_MAX = 700 };

typedef struct events_engine {
    cairn_engine engine; /* first */
    uint64_t height;
    uint8_t count[BLOCKS_MAX + 1];
} events_engine;

static cairn_view *view_of(cairn_engine *engine)
{
    const events_engine *e = (const events_engine *)(void *)engine;
    cairn_view *view = calloc(1, sizeof *view);
    assert_non_null(view);
    atomic_init(&view->references, 1);
    view->height = e->height;
    return view;
}

static cairn_err walk_events(cairn_engine *engine, uint64_t after_height, size_t block_max,
                             cairn_job_visit visit, void *context, uint64_t *ret_height)
{
    const events_engine *e = (const events_engine *)(void *)engine;
    uint64_t last = after_height;
    for (uint64_t h = after_height + 1; h <= e->height && h - after_height <= block_max; h++) {
        for (uint32_t i = 0; i < e->count[h]; i++) {
            const cairn_job_event event = {.height = h, .ordinal = i};
            CAIRN_TRY(visit(context, &event));
        }
        last = h;
    }
    *ret_height = last;
    return CAIRN_OK;
}

static const cairn_engine_ops ops = {.view = view_of, .events = walk_events};

typedef struct page {
    uint64_t taken, limit;
    uint64_t height; /* of the last one */
    uint32_t ordinal;
    bool any;
} page;

static cairn_err take(void *context, const cairn_job_event *event)
{
    page *p = context;
    if (p->taken == p->limit)
        return CAIRN_ERR_CANCELLED;
    if (p->any) /* in order, none twice */
        assert_true(event->height > p->height ||
                    (event->height == p->height && event->ordinal == p->ordinal + 1));
    p->any = true;
    p->height = event->height;
    p->ordinal = event->ordinal;
    p->taken++;
    return CAIRN_OK;
}

static uint64_t events_of(const events_engine *e)
{
    uint64_t count = 0;
    for (uint64_t h = 1; h <= e->height; h++)
        count += e->count[h];
    return count;
}

/* Reads from the start in pages of random size, each from the cursor's text, while blocks come: all
 * events, once. */
static void read_all(uint64_t seed)
{
    events_engine e = {.engine = {&ops}};
    sim_rng rng = sim_rng_derive(seed, 1);
    cairn_feed_place place = {0, 0};
    page p = {.limit = 0};
    uint64_t total = 0;
    for (unsigned round = 0; round < 4000; round++) {
        if (e.height < BLOCKS_MAX && sim_rng_percent(&rng, 60))
            e.count[++e.height] = sim_rng_percent(&rng, 50) ? 0 : (uint8_t)sim_rng_below(&rng, 4);
        char text[CAIRN_FEED_CURSOR_SIZE];
        bool more = false;
        p.taken = 0;
        p.limit = sim_rng_below(&rng, 5);
        cairn_err err = cairn_feed_read(&e.engine, &place, take, &p, &more);
        assert_true(err == CAIRN_OK || err == CAIRN_ERR_CANCELLED);
        total += p.taken;
        cairn_feed_place_format(&place, text);
        assert_int_equal(cairn_feed_place_parse(cairn_bytes_str(text), &place), CAIRN_OK);
    }
    p.limit = UINT64_MAX;
    p.taken = 0;
    for (bool more = true; more;)
        assert_int_equal(cairn_feed_read(&e.engine, &place, take, &p, &more), CAIRN_OK);
    assert_int_equal(total + p.taken, events_of(&e));
}

static void test_pages(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 20; seed++)
        read_all(seed);
}

/* A long stretch without events is walked in pieces, and is behind the place afterwards. */
static void test_empty_blocks(void **state)
{
    (void)state;
    events_engine e = {.engine = {&ops}, .height = BLOCKS_MAX};
    cairn_feed_place place = {0, 0};
    page p = {.limit = 10};
    bool more = false;
    e.count[BLOCKS_MAX] = 1;
    assert_int_equal(cairn_feed_read(&e.engine, &place, take, &p, &more), CAIRN_OK);
    assert_true(more);
    assert_int_equal(place.height, CAIRN_FEED_BLOCKS_MAX);
    for (unsigned i = 0; more && i < 10; i++)
        assert_int_equal(cairn_feed_read(&e.engine, &place, take, &p, &more), CAIRN_OK);
    assert_false(more);
    assert_int_equal(p.taken, 1);
    assert_int_equal(place.height, BLOCKS_MAX);
}

/* A cursor ahead of the ledger, as of one that was put back from a backup, waits there. */
static void test_place_ahead(void **state)
{
    (void)state;
    events_engine e = {.engine = {&ops}, .height = 3, .count = {0, 1, 1, 1}};
    cairn_feed_place place = {9, 2};
    page p = {.limit = 10};
    bool more = true;
    assert_int_equal(cairn_feed_read(&e.engine, &place, take, &p, &more), CAIRN_OK);
    assert_false(more);
    assert_int_equal(p.taken, 0);
    assert_int_equal(place.height, 9);
    assert_int_equal(place.ordinal, 2);
}

static void test_json(void **state)
{
    (void)state;
    cairn_api_json json = {0};
    cairn_bytes text;
    const cairn_job_event event = {.height = 4,
                                   .ordinal = 2,
                                   .time_ms = 1700000000000,
                                   .type = 258,
                                   .key = cairn_bytes_str("\x01\xff"),
                                   .index = 9};
    cairn_feed_put(&json, NULL, &event);
    assert_int_equal(cairn_api_json_end(&json, &text), CAIRN_OK);
    json_t *read = json_loadb((const char *)text.data, text.size, JSON_REJECT_DUPLICATES, NULL);
    assert_string_equal(json_string_value(json_object_get(read, "cursor")), "4-2");
    assert_string_equal(json_string_value(json_object_get(read, "key")), "01ff");
    assert_int_equal(json_integer_value(json_object_get(read, "type")), 258);
    assert_int_equal(json_integer_value(json_object_get(read, "index")), 9);
    assert_int_equal(json_string_length(json_object_get(read, "transaction")), 64);
    json_decref(read);
    cairn_api_json_done(&json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cursors),     cmocka_unit_test(test_wrong_cursors),
        cmocka_unit_test(test_pages),       cmocka_unit_test(test_empty_blocks),
        cmocka_unit_test(test_place_ahead), cmocka_unit_test(test_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
