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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_timer_vector),
        cmocka_unit_test(test_consumer_comes_back),
        cmocka_unit_test(test_wrong_rows_name_their_field),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
