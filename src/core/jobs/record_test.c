/* Stored rows: they come back as they went, and a row that is not ours is CORRUPT with its field.
 * The bytes of the vectors were written by hand from docs/formats/jobs.md. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/jobs/record.h"

static void test_timer_vector(void **state)
{
    static const uint8_t bytes[] = {0x85, 0x19, 0x03, 0xe8, 0x07, 0x02,
                                    0x19, 0x03, 0xe9, 0x41, 'p'};
    jobs_timer_record record;
    uint8_t out[JOBS_TIMER_RECORD_MAX];
    (void)state;
    assert_int_equal(cairn_jobs_get_timer(cairn_bytes_of(bytes, sizeof bytes), &record), CAIRN_OK);
    assert_int_equal(record.due_ms, 1000);
    assert_int_equal(record.revision, 7);
    assert_int_equal(record.attempts, 2);
    assert_int_equal(record.next_ms, 1001);
    assert_int_equal(cairn_jobs_put_timer(&record, out), sizeof bytes);
    assert_memory_equal(out, bytes, sizeof bytes);
}

static void test_consumer_comes_back(void **state)
{
    jobs_consumer_record record = {
        .ledger = {{9}},
        .builds = {{.present = true, .generation = 3, .version = 1, .position = {5, 6}},
                   {.present = true,
                    .generation = UINT32_MAX,
                    .version = 2,
                    .position = {UINT64_MAX, UINT32_MAX},
                    .parked = CAIRN_ERR_TOO_MANY}}};
    jobs_consumer_record again;
    uint8_t out[JOBS_CONSUMER_RECORD_MAX];
    (void)state;
    memset(record.builds[1].reason, 'r', JOBS_REASON_SIZE_MAX); /* as long as it gets */
    size_t size = cairn_jobs_put_consumer(&record, out);
    assert_int_equal(cairn_jobs_get_consumer(cairn_bytes_of(out, size), &again), CAIRN_OK);
    assert_int_equal(again.builds[0].position.ordinal, 6);
    assert_int_equal(again.builds[1].position.height, UINT64_MAX);
    assert_int_equal(again.builds[1].parked, CAIRN_ERR_TOO_MANY);
    assert_string_equal(again.builds[1].reason, record.builds[1].reason);
    for (size_t cut = 0; cut < size; cut++)
        assert_int_equal(cairn_jobs_get_consumer(cairn_bytes_of(out, cut), &again),
                         CAIRN_ERR_CORRUPT);
    out[size] = 0;
    assert_int_equal(cairn_jobs_get_consumer(cairn_bytes_of(out, size + 1), &again),
                     CAIRN_ERR_CORRUPT);
    out[1 + 2] ^= 1; /* in its magic */
    assert_int_equal(cairn_jobs_get_consumer(cairn_bytes_of(out, size), &again), CAIRN_ERR_CORRUPT);
}

static void test_wrong_rows_name_their_field(void **state)
{
    static const uint8_t wide[] = {0x85, 0x18, 0x05, 0x07, 0x02, 0x01, 0x40}; /* not shortest */
    static const uint8_t empty_lane[] = {0x88, 0x40, 0x41, 'd', 0x00, 0xf4, 0x01, 0x00, 0x00, 0x40};
    static const uint8_t four[] = {0x84, 0x01, 0x02, 0x03, 0x04};
    jobs_timer_record timer;
    jobs_lane_record lane;
    jobs_tenant_record tenant;
    (void)state;
    assert_int_equal(cairn_jobs_get_timer(cairn_bytes_of(wide, sizeof wide), &timer),
                     CAIRN_ERR_CORRUPT);
    assert_non_null(strstr(cairn_err_detail(), "timer"));
    assert_int_equal(cairn_jobs_get_lane(cairn_bytes_of(empty_lane, sizeof empty_lane), &lane),
                     CAIRN_ERR_CORRUPT);
    assert_non_null(strstr(cairn_err_detail(), "lane.count"));
    assert_int_equal(cairn_jobs_get_tenant(cairn_bytes_of(four, sizeof four), &tenant),
                     CAIRN_ERR_CORRUPT);
    assert_non_null(strstr(cairn_err_detail(), "tenant"));
}

static void test_callback_comes_back(void **state)
{
    static const uint8_t row[] = {0x89, 0x41, 't',  0x45, 'h',  't',  't',  'p',
                                  's',  0x82, 0x40, 0x42, 0x01, 0x02, 0x18, 0x20,
                                  0x18, 0x40, 0x02, 0x03, 0x82, 0x04, 0x05, 0xf5};
    uint8_t none[sizeof row - 4];
    jobs_callback_record record;
    cairn_bytes again;
    cairn_arena arena;
    (void)state;
    cairn_arena_init(&arena, 1 << 16);
    assert_int_equal(cairn_jobs_get_callback(cairn_bytes_of(row, sizeof row), &record), CAIRN_OK);
    assert_int_equal(record.topic_count, 2);
    assert_int_equal(record.topics[1].size, 2);
    assert_int_equal(record.created_ms, 32);
    assert_int_equal(record.expires_ms, 64);
    assert_int_equal(record.secret, 2);
    assert_int_equal(record.told, 3);
    assert_int_equal(record.since.height, 4);
    assert_int_equal(record.since.ordinal, 5);
    assert_true(record.behind);
    assert_int_equal(cairn_jobs_put_callback(&arena, &record, &again), CAIRN_OK);
    assert_true(cairn_bytes_equal(again, cairn_bytes_of(row, sizeof row)));
    memcpy(none, row, 9); /* and no topics */
    none[9] = 0x80;
    memcpy(none + 10, row + 14, sizeof row - 14);
    assert_int_equal(cairn_jobs_get_callback(cairn_bytes_of(none, sizeof none), &record),
                     CAIRN_ERR_CORRUPT);
    assert_non_null(strstr(cairn_err_detail(), "callback.topics"));
    cairn_arena_done(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_timer_vector),
        cmocka_unit_test(test_consumer_comes_back),
        cmocka_unit_test(test_callback_comes_back),
        cmocka_unit_test(test_wrong_rows_name_their_field),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
