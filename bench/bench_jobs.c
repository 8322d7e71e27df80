/* The jobs: a page of 100 out of 10^6 rows, first and with its token; events into a projection with
 * an index; a token alone; timers and messages through their handlers. The directory is TMPDIR or
 * the current one. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "core/jobs/jobs.h"
#include "core/jobs/page.h"
#include "core/jobs/page_token.h"
#include "core/limits.h"

enum {
    ROWS = 1000000,
    EVENTS_OF_BLOCK = 1000,
    PAGES = 5000,
    PAGE_ROWS = 100,
    TOKENS = 20000,
    MESSAGES = 5000,
    TIMERS = 5000,
};

static char directory[300];
static uint64_t blocks;

static double seconds(clockid_t which)
{
    struct timespec t;
    (void)clock_gettime(which, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void check(cairn_err err)
{
    if (err == CAIRN_OK)
        return;
    (void)fprintf(stderr, "bench_jobs: %s %s\n", cairn_err_name(err), cairn_err_detail());
    exit(1);
}

/* --- a log whose event number n is about object n, in no order --- */

static cairn_err read_log(void *context, uint64_t after, size_t block_max, cairn_job_visit visit,
                          void *visit_context, uint64_t *ret_height)
{
    (void)context;
    uint64_t until = blocks - after > block_max ? after + block_max : blocks;
    for (uint64_t height = after + 1; height <= until; height++) {
        for (uint32_t i = 0; i < EVENTS_OF_BLOCK; i++) {
            uint8_t key[32] = {0};
            uint64_t n = (height - 1) * EVENTS_OF_BLOCK + i;
            cairn_put_u64(key, n * UINT64_C(0x9e3779b97f4a7c15)); /* distinct, scattered */
            cairn_job_event event = {.height = height,
                                     .ordinal = i,
                                     .type = 1,
                                     .key = cairn_bytes_of(key, sizeof key),
                                     .index = n};
            CAIRN_TRY(visit(visit_context, &event));
        }
    }
    *ret_height = until;
    return CAIRN_OK;
}

/* A row of 200 bytes by its key, and one in an index by height. */
static cairn_err apply(cairn_projection_writer *writer, const cairn_job_event *event)
{
    uint8_t value[200] = {0};
    uint8_t index[40];
    cairn_put_u64(value, event->height);
    cairn_put_u64(index, event->index);
    memcpy(index + 8, event->key.data, 32);
    CAIRN_TRY(cairn_projection_put(writer, 0, event->key, cairn_bytes_of(value, sizeof value)));
    return cairn_projection_put(writer, 1, cairn_bytes_of(index, sizeof index), event->key);
}

static const cairn_projection projection = {
    .name = "bench.rows", .version = 1, .table_count = 2, .apply = apply};

static void fire(void *context, const cairn_timer *timer, cairn_timer_firing *firing)
{
    (void)context, (void)timer;
    cairn_timer_done(firing, CAIRN_OK);
}
static const cairn_timer_owner owner = {.name = "bench.owner", .fire = fire};

static void deliver(void *context, const cairn_outbox_row *row, cairn_outbox_delivery *delivery)
{
    (void)context, (void)row;
    cairn_outbox_done(delivery, &(cairn_outbox_result){.status = 200, .detail = ""});
}
static const cairn_outbox_transport transport = {.deliver = deliver};

static void settle(cairn_jobs *jobs)
{
    bool more = true;
    cairn_jobs_wake(jobs, 0);
    while (more)
        check(cairn_jobs_step(jobs, &more));
}

/* --- figures --- */

static void bench_events(cairn_jobs *jobs)
{
    double wall = seconds(CLOCK_MONOTONIC);
    double cpu = seconds(CLOCK_PROCESS_CPUTIME_ID);
    settle(jobs);
    wall = seconds(CLOCK_MONOTONIC) - wall;
    cpu = seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu;
    printf("events into 2 tables, synced each %d: %8.0f events/s, CPU %.2f us each\n",
           CAIRN_JOBS_BATCH_EVENTS_MAX, ROWS / wall, cpu / ROWS * 1e6);
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

static void bench_pages(cairn_jobs *jobs)
{
    static double times[PAGES];
    cairn_arena arena;
    cairn_page page = {0};
    cairn_hash caller = {{1}};
    cairn_hash filter = {{2}};
    char token[CAIRN_PAGE_TOKEN_SIZE_MAX];
    cairn_page_query query = {.projection = "bench.rows",
                              .query = &filter,
                              .caller = &caller,
                              .limit = PAGE_ROWS,
                              .life_ms = 3600000};
    cairn_arena_init(&arena, 16 << 20);
    double cpu = seconds(CLOCK_PROCESS_CPUTIME_ID);
    for (size_t i = 0; i < PAGES; i++) {
        double start = seconds(CLOCK_MONOTONIC);
        check(cairn_page_read(jobs, &arena, &query, &page));
        times[i] = seconds(CLOCK_MONOTONIC) - start;
        if (page.row_count != PAGE_ROWS || page.token.size == 0)
            check(CAIRN_FAIL(CAIRN_ERR_INTERNAL, "house", "page of %zu rows", page.row_count));
        memcpy(token, page.token.data, page.token.size);
        query.token = cairn_bytes_of(token, page.token.size);
        cairn_arena_reset(&arena);
    }
    cpu = seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu;
    qsort(times, PAGES, sizeof times[0], compare);
    printf("page of %d from %d rows: best %.1f us, median %.1f us, p99 %.1f us, CPU %.1f us\n",
           PAGE_ROWS, ROWS, times[0] * 1e6, times[PAGES / 2] * 1e6, times[PAGES * 99 / 100] * 1e6,
           cpu / PAGES * 1e6);
    cairn_arena_done(&arena);
}

static void bench_tokens(void)
{
    static const uint8_t key[PAGE_KEY_SIZE], nonce[PAGE_NONCE_SIZE];
    page_binding binding = {0};
    page_position position = {.size = 32};
    char token[CAIRN_PAGE_TOKEN_SIZE_MAX];
    size_t size = 0;
    double cpu = seconds(CLOCK_PROCESS_CPUTIME_ID);
    for (size_t i = 0; i < TOKENS; i++) {
        check(cairn_page_token_seal(1, key, nonce, &binding, &position, token, &size));
        check(cairn_page_token_open(cairn_bytes_of(token, size), key, &binding, &position));
    }
    cpu = seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu;
    printf("token sealed and opened: %.2f us\n", cpu / TOKENS * 1e6);
}

static cairn_err set_timers(void *context, cairn_jobs_txn *txn)
{
    (void)context;
    for (uint32_t i = 0; i < TIMERS; i++) {
        uint8_t id[4];
        cairn_put_u32(id, i);
        CAIRN_TRY(cairn_timer_set(txn, "bench.owner", cairn_bytes_of(id, 4), 1,
                                  cairn_bytes_str("payload")));
    }
    return CAIRN_OK;
}

static cairn_err put_messages(void *context, cairn_jobs_txn *txn)
{
    (void)context;
    static uint8_t body[512];
    for (uint32_t i = 0; i < MESSAGES; i++) {
        char destination[16], url[64];
        uint64_t id = 0;
        (void)snprintf(destination, sizeof destination, "d%u", i % 100);
        (void)snprintf(url, sizeof url, "https://%u.example/hook", i % 100);
        cairn_outbox_message message = {.tenant = "t",
                                        .destination = destination,
                                        .url = url,
                                        .content_type = "application/json",
                                        .body = cairn_bytes_of(body, sizeof body),
                                        .key = "",
                                        .expires_ms = UINT64_MAX};
        CAIRN_TRY(cairn_outbox_put(txn, &message, &id));
    }
    return CAIRN_OK;
}

static void bench_handlers(cairn_jobs *jobs, const char *what, unsigned count,
                           cairn_err (*fill)(void *context, cairn_jobs_txn *txn))
{
    double start = seconds(CLOCK_MONOTONIC);
    check(cairn_jobs_update(jobs, fill, NULL));
    double filled = seconds(CLOCK_MONOTONIC);
    settle(jobs);
    double end = seconds(CLOCK_MONOTONIC);
    printf("%s: put in one transaction %8.0f/s, handled %8.0f/s\n", what, count / (filled - start),
           count / (end - filled));
}

int main(void)
{
    static const cairn_projection *const projections[] = {&projection};
    static const cairn_timer_owner *const owners[] = {&owner};
    const char *base = getenv("TMPDIR");
    char path[340];
    cairn_jobs *jobs = NULL;
    cairn_hash id = {{1}};
    cairn_event_source source = {.read = read_log};
    cairn_jobs_options options = {.clock = cairn_clock_system(),
                                  .projections = projections,
                                  .projection_count = 1,
                                  .timer_owners = owners,
                                  .timer_owner_count = 1,
                                  .transport = &transport,
                                  .seed = 1};
    (void)snprintf(directory, sizeof directory, "%s/bench-jobs-XXXXXX", base != NULL ? base : ".");
    if (mkdtemp(directory) == NULL) {
        perror(directory);
        return 1;
    }
    blocks = ROWS / EVENTS_OF_BLOCK;
    check(cairn_jobs_open(directory, &options, &jobs));
    check(cairn_jobs_attach(jobs, 0, &id, &source));
    bench_events(jobs);
    bench_pages(jobs);
    bench_tokens();
    bench_handlers(jobs, "timers", TIMERS, set_timers);
    bench_handlers(jobs, "messages over 100 lanes", MESSAGES, put_messages);
    cairn_jobs_close(jobs);
    (void)snprintf(path, sizeof path, "%s/data.mdb", directory);
    (void)unlink(path);
    (void)snprintf(path, sizeof path, "%s/lock.mdb", directory);
    (void)unlink(path);
    return rmdir(directory) == 0 ? 0 : 1;
}
