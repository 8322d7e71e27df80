/* Stored rows of the jobs. The first byte chooses the row; what is taken must be the one encoding
 * of what it says. */
#include "fuzz/fuzz.h"

#include "core/jobs/record.h"

static void same(cairn_bytes in, const uint8_t *again, size_t size)
{
    CAIRN_ASSERT(cairn_bytes_equal(in, cairn_bytes_of(again, size)));
}

static void fuzz_consumer(cairn_bytes in)
{
    jobs_consumer_record record;
    uint8_t out[JOBS_CONSUMER_RECORD_MAX];
    if (cairn_jobs_get_consumer(in, &record) == CAIRN_OK)
        same(in, out, cairn_jobs_put_consumer(&record, out));
}

static void fuzz_counts(cairn_bytes in)
{
    jobs_counts counts;
    uint8_t out[JOBS_COUNTS_RECORD_MAX];
    if (cairn_jobs_get_counts(in, &counts) == CAIRN_OK)
        same(in, out, cairn_jobs_put_counts(&counts, out));
}

static void fuzz_timer(cairn_bytes in)
{
    jobs_timer_record record;
    uint8_t out[JOBS_TIMER_RECORD_MAX];
    if (cairn_jobs_get_timer(in, &record) == CAIRN_OK)
        same(in, out, cairn_jobs_put_timer(&record, out));
}

static void fuzz_lane(cairn_bytes in)
{
    jobs_lane_record record;
    uint8_t out[JOBS_LANE_RECORD_MAX];
    if (cairn_jobs_get_lane(in, &record) == CAIRN_OK)
        same(in, out, cairn_jobs_put_lane(&record, out));
}

static void fuzz_tenant(cairn_bytes in)
{
    jobs_tenant_record record;
    uint8_t out[JOBS_TENANT_RECORD_MAX];
    if (cairn_jobs_get_tenant(in, &record) == CAIRN_OK)
        same(in, out, cairn_jobs_put_tenant(&record, out));
}

static void fuzz_key(cairn_bytes in)
{
    jobs_key_record record;
    uint8_t out[JOBS_KEY_RECORD_MAX];
    if (cairn_jobs_get_key(in, &record) == CAIRN_OK)
        same(in, out, cairn_jobs_put_key(&record, out));
}

static void fuzz_message(cairn_bytes in)
{
    jobs_message_record record;
    cairn_bytes again;
    cairn_arena arena;
    cairn_arena_init(&arena, 8 << 20);
    if (cairn_jobs_get_message(in, &record) == CAIRN_OK) {
        CAIRN_ASSERT(cairn_jobs_put_message(&arena, &record, &again) == CAIRN_OK);
        same(in, again.data, again.size);
    }
    cairn_arena_done(&arena);
}

static void fuzz_dead(cairn_bytes in)
{
    jobs_dead_record record;
    cairn_bytes again;
    cairn_arena arena;
    cairn_arena_init(&arena, 8 << 20);
    if (cairn_jobs_get_dead(in, &record) == CAIRN_OK) {
        CAIRN_ASSERT(cairn_jobs_put_dead(&arena, &record, &again) == CAIRN_OK);
        same(in, again.data, again.size);
    }
    cairn_arena_done(&arena);
}

static void fuzz_callback(cairn_bytes in)
{
    jobs_callback_record record;
    cairn_bytes again;
    cairn_arena arena;
    cairn_arena_init(&arena, 8 << 20);
    if (cairn_jobs_get_callback(in, &record) == CAIRN_OK) {
        CAIRN_ASSERT(cairn_jobs_put_callback(&arena, &record, &again) == CAIRN_OK);
        same(in, again.data, again.size);
    }
    cairn_arena_done(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const rows[])(cairn_bytes) = {fuzz_consumer, fuzz_counts, fuzz_timer,
                                                fuzz_lane,     fuzz_tenant, fuzz_key,
                                                fuzz_message,  fuzz_dead,   fuzz_callback};
    if (size < 1 || data[0] >= sizeof rows / sizeof rows[0])
        return 0;
    rows[data[0]](cairn_bytes_of(data + 1, size - 1));
    return 0;
}
