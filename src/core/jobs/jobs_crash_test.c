/* The process ends at every write, sync, rename and unlink, before and after it, one after the
 * other; who opens the directory then finds tables that are what the log says, no event twice, and
 * loses no message and no timer. With lost writes as well: tests/sim/sim_jobs.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sys/mman.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "support/faults.h"
#include "support/jobs_fixture.h"

/* LMDB's calls that support/faults.h does not have. It was compiled without large file names, so
 * that its pwrite is another symbol than ours. */
#ifdef _FILE_OFFSET_BITS
ssize_t pwrite_of_lmdb(int fd, const void *data, size_t size, off_t offset) __asm__("pwrite");
ssize_t pwrite_of_lmdb(int fd, const void *data, size_t size, off_t offset)
{
    return fault_hits() ? -1 : fault_done(syscall(SYS_pwrite64, fd, data, size, offset));
}
#endif

ssize_t writev(int fd, const struct iovec *pieces, int count)
{
    return fault_hits() ? -1 : fault_done(syscall(SYS_writev, fd, pieces, count));
}

int fdatasync(int fd)
{
    return fault_hits() ? -1 : (int)fault_done(syscall(SYS_fdatasync, fd));
}

enum { BLOCKS = 5 };

static const cairn_projection objects = JOBS_OBJECTS_ROW(1);
static const cairn_projection counter = JOBS_COUNT_ROW(1);
static const cairn_hash ledger = {{0xaa}};
static const char *path_of_test;

/* What handlers were told, in memory that outlives the process: a file would be counted. */
static int seen_pipe[2];

static void tell(char what, cairn_bytes object)
{
    uint8_t line[2] = {(uint8_t)what, object.data[3]};
    (void)syscall(SYS_write, seen_pipe[1], line, sizeof line);
}

static cairn_err react(void *context, cairn_jobs_txn *txn, const cairn_job_event *event)
{
    uint64_t id = 0;
    (void)context;
    cairn_outbox_message message = {.tenant = "t",
                                    .destination = "d",
                                    .url = "https://a.example/",
                                    .content_type = "text/plain",
                                    .body = event->key,
                                    .key = "",
                                    .expires_ms = UINT64_MAX};
    CAIRN_TRY(cairn_outbox_put(txn, &message, &id));
    return cairn_timer_set(txn, "test.owner", event->key, 1, (cairn_bytes){0});
}
static const cairn_reaction reaction = {.name = "test.reaction", .apply = react};

/* A callback that is told of all: its messages are JSON, those of the reaction above are not. */
static cairn_err topics(cairn_arena *arena, const cairn_job_event *event, cairn_bytes *ret_topics,
                        size_t *ret_count)
{
    (void)arena;
    (void)event;
    ret_topics[0] = cairn_bytes_str("all");
    *ret_count = 1;
    return CAIRN_OK;
}

static cairn_err write_event(cairn_arena *arena, const cairn_hash *of, const cairn_job_event *event,
                             cairn_bytes *ret_json)
{
    char text[] = "{\"n\":0}";
    (void)of;
    text[5] = (char)('0' + event->key.data[3]);
    return cairn_arena_copy(arena, cairn_bytes_str(text), ret_json);
}
static const cairn_callback_kind kind = {.name = "test.callbacks",
                                         .content_type = "application/json",
                                         .topics = topics,
                                         .write = write_event};

static cairn_err tell_all(void *context, cairn_jobs_txn *txn, const cairn_job_event *event)
{
    (void)context;
    return cairn_callback_react(&kind, txn, event);
}
static const cairn_reaction telling = {.name = "test.callbacks", .apply = tell_all};

static const cairn_callback_place place = {
    .kind = "test.callbacks", .ledger = {{0xaa}}, .tenant = ""};

static cairn_err add_callback(void *context, cairn_jobs_txn *txn)
{
    uint8_t id[CAIRN_CALLBACK_ID_SIZE];
    const cairn_bytes topic = cairn_bytes_str("a");
    const cairn_callback like = {
        .sink = "https://b.example/", .topics = &topic, .topic_count = 1, .expires_ms = UINT64_MAX};
    (void)context;
    return cairn_callback_add(txn, &place, &like, id);
}

static void fire(void *context, const cairn_timer *timer, cairn_timer_firing *firing)
{
    (void)context;
    tell('t', timer->id);
    cairn_timer_done(firing, CAIRN_OK);
}
static const cairn_timer_owner owner = {.name = "test.owner", .fire = fire};

static void deliver(void *context, const cairn_outbox_row *row, cairn_outbox_delivery *delivery)
{
    (void)context;
    const uint8_t *body = row->message.body.data;
    uint8_t object[4] = {0, 0, 0, body[0] == '{' ? (uint8_t)(body[5] - '0') : body[3]};
    tell(body[0] == '{' ? 'c' : 'm', cairn_bytes_of(object, sizeof object));
    cairn_outbox_done(delivery, &(cairn_outbox_result){.status = 200, .detail = ""});
}

static cairn_err open_jobs(jobs_log *log, cairn_clock_manual *time, cairn_jobs **ret_jobs)
{
    static const cairn_projection *const projections[] = {&objects, &counter};
    static const cairn_reaction *const reactions[] = {&reaction, &telling};
    static const cairn_callback_kind *const kinds[] = {&kind};
    static const cairn_timer_owner *const owners[] = {&owner};
    static const cairn_outbox_transport transport = {.deliver = deliver};
    cairn_jobs *jobs = NULL;
    cairn_jobs_options options = {.clock = cairn_clock_of_manual(time),
                                  .projections = projections,
                                  .projection_count = 2,
                                  .reactions = reactions,
                                  .reaction_count = 2,
                                  .callback_kinds = kinds,
                                  .callback_kind_count = 1,
                                  .timer_owners = owners,
                                  .timer_owner_count = 1,
                                  .transport = &transport,
                                  .map_size = 16 << 20,
                                  .seed = 1};
    cairn_event_source source = jobs_log_source(log);
    CAIRN_TRY(cairn_jobs_open(path_of_test, &options, &jobs));
    cairn_err err = cairn_jobs_attach(jobs, 0, &ledger, &source);
    if (err != CAIRN_OK) {
        cairn_jobs_close(jobs);
        return err;
    }
    *ret_jobs = jobs;
    return CAIRN_OK;
}

static cairn_err settle(cairn_jobs *jobs)
{
    bool more = true;
    cairn_jobs_wake(jobs, 0);
    while (more)
        CAIRN_TRY(cairn_jobs_step(jobs, &more));
    return CAIRN_OK;
}

/* Block n sets object n; a rebuild comes in the middle. */
static cairn_err run(jobs_log *log, cairn_jobs *jobs)
{
    log->height = 0;
    cairn_callback_expect(jobs);
    CAIRN_TRY(cairn_jobs_update(jobs, add_callback, NULL));
    for (uint32_t i = 0; i < BLOCKS; i++) {
        log->height = i + 1;
        if (i == BLOCKS / 2)
            CAIRN_TRY(cairn_jobs_rebuild(jobs, "test.objects"));
        CAIRN_TRY(settle(jobs));
    }
    return CAIRN_OK;
}

static void make_log(jobs_log *log)
{
    jobs_log_init(log);
    for (uint32_t i = 0; i < BLOCKS; i++)
        jobs_log_one(log, JOBS_SET, i);
}

static void child(unsigned at, int errnum, bool after)
{
    jobs_log log;
    cairn_clock_manual time = {.wall_ms = 1700000000000, .monotonic_ns = 1};
    cairn_jobs *jobs = NULL;
    make_log(&log);
    fault_calls = 0;
    fault_errno = errnum;
    fault_after = after;
    fault_at = at;
    if (open_jobs(&log, &time, &jobs) == CAIRN_OK) {
        (void)run(&log, jobs);
        cairn_jobs_close(jobs);
    }
    _exit(fault_calls < at ? 0 : FAULT_EXIT);
}

static void note_seen(unsigned messages[BLOCKS], unsigned timers[BLOCKS], unsigned told[BLOCKS])
{
    uint8_t line[2];
    (void)close(seen_pipe[1]);
    while (read(seen_pipe[0], line, sizeof line) == sizeof line) {
        assert_true(line[1] < BLOCKS);
        (line[0] == 'm' ? messages : line[0] == 'c' ? told : timers)[line[1]]++;
    }
    (void)close(seen_pipe[0]);
}

static void check_all(jobs_log *log, cairn_jobs *jobs)
{
    cairn_projection_view *view = NULL;
    cairn_bytes count;
    cairn_jobs_metrics m;
    assert_int_equal(cairn_projection_view_open(jobs, "test.objects", 0, &view), CAIRN_OK);
    assert_int_equal(cairn_projection_view_position(view).height, BLOCKS);
    assert_null(jobs_objects_wrong(log, view));
    cairn_projection_view_close(view);
    assert_int_equal(cairn_projection_view_open(jobs, "test.count", 0, &view), CAIRN_OK);
    assert_int_equal(cairn_projection_view_get(view, 0, cairn_bytes_str("count"), &count),
                     CAIRN_OK);
    assert_int_equal(cairn_get_u64(count.data), BLOCKS);
    cairn_projection_view_close(view);
    assert_int_equal(cairn_jobs_metrics_read(jobs, &m), CAIRN_OK);
    assert_int_equal(m.outbox_waiting + m.outbox_dead + m.parked + m.building, 0);
    assert_int_equal(m.timers, m.callbacks); /* for their end */
}

/* True when the callback is there; then it has one message for each block. */
static bool check_callback(cairn_jobs *jobs)
{
    cairn_arena arena;
    cairn_hash caller = {{1}};
    cairn_callback *rows = NULL;
    size_t count = 0;
    cairn_bytes token;
    cairn_arena_init(&arena, 1 << 20);
    assert_int_equal(cairn_callback_page(jobs, &arena, &place, &caller, (cairn_bytes){0}, 10, &rows,
                                         &count, &token),
                     CAIRN_OK);
    assert_true(count <= 1);
    if (count == 1)
        assert_int_equal(rows[0].told, BLOCKS);
    cairn_arena_done(&arena);
    return count == 1;
}

/* One life with a fault, one without. False when the fault was not reached. */
static bool try_at(unsigned at, int errnum, bool after)
{
    unsigned messages[BLOCKS] = {0};
    unsigned timers[BLOCKS] = {0};
    unsigned told[BLOCKS] = {0};
    char path[64];
    int status = 0;
    jobs_log log;
    cairn_clock_manual time = {.wall_ms = 1700000100000, .monotonic_ns = 1};
    cairn_jobs *jobs = NULL;
    jobs_directory_make(path);
    path_of_test = path;
    assert_int_equal(pipe(seen_pipe), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        child(at, errnum, after);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_true(WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == FAULT_EXIT);
    make_log(&log);
    assert_int_equal(open_jobs(&log, &time, &jobs), CAIRN_OK);
    assert_int_equal(settle(jobs), CAIRN_OK);
    check_all(&log, jobs);
    bool calls = check_callback(jobs);
    cairn_jobs_close(jobs);
    note_seen(messages, timers, told);
    for (unsigned i = 0; i < BLOCKS; i++)
        assert_true(messages[i] >= 1 && timers[i] >= 1 && (told[i] >= 1) == calls);
    assert_true(calls || WEXITSTATUS(status) == FAULT_EXIT);
    jobs_log_done(&log);
    jobs_directory_remove(path);
    return WEXITSTATUS(status) == FAULT_EXIT;
}

static void test_end_before_each_call(void **state)
{
    (void)state;
    unsigned at = 1;
    while (try_at(at, 0, false))
        at++;
    assert_true(at > 50); /* there are that many, or nothing was tried */
}

static void test_end_after_each_call(void **state)
{
    (void)state;
    for (unsigned at = 1; try_at(at, 0, true); at++)
        ;
}

static void test_failure_of_each_call(void **state)
{
    (void)state;
    for (unsigned at = 1; try_at(at, EIO, false); at++)
        ;
    for (unsigned at = 1; try_at(at, ENOSPC, false); at += 3)
        ;
}

/* --- what is told --- */

static void refuse(void *context, const cairn_outbox_row *row, cairn_outbox_delivery *delivery)
{
    (void)context;
    (void)row;
    cairn_outbox_done(delivery, &(cairn_outbox_result){.status = 410, .detail = ""});
}

static cairn_err put_one(void *context, cairn_jobs_txn *txn)
{
    const cairn_clock_manual *time = context;
    uint64_t id = 0;
    const cairn_outbox_message message = {.tenant = "t",
                                          .destination = "d",
                                          .url = "https://a.example/",
                                          .content_type = "text/plain",
                                          .key = "",
                                          .expires_ms = time->wall_ms + 1000};
    return cairn_outbox_put(txn, &message, &id);
}

/* Jobs with a peer that refuses (`answers`) or none, and a log in a file without a name. */
static cairn_jobs *open_told(const char *path, cairn_clock_manual *time, bool answers, int *ret_fd,
                             cairn_log **ret_log)
{
    static const cairn_outbox_transport transport = {.deliver = refuse};
    static const cairn_projection *const projections[] = {&objects};
    cairn_clock clock = cairn_clock_of_manual(time);
    cairn_jobs *jobs = NULL;
    *ret_fd = memfd_create("log", 0);
    assert_true(*ret_fd >= 0);
    assert_int_equal(
        cairn_log_new(&clock, *ret_fd, CAIRN_LOG_INFO, &cairn_jobs_log_events, 1, ret_log),
        CAIRN_OK);
    cairn_jobs_options options = {.clock = clock,
                                  .log = *ret_log,
                                  .projections = projections,
                                  .projection_count = 1,
                                  .transport = answers ? &transport : NULL,
                                  .map_size = 16 << 20,
                                  .seed = 1};
    assert_int_equal(cairn_jobs_open(path, &options, &jobs), CAIRN_OK);
    return jobs;
}

static bool is_told(int fd, const char *event)
{
    char text[4096] = "";
    assert_true(pread(fd, text, sizeof text - 1, 0) >= 0);
    return strstr(text, event) != NULL;
}

typedef enum untold { REFUSED, EXPIRED, ORDERED } untold;

/* The commit fails: the store has none of it, and nobody says otherwise. */
static void check_untold(untold what, const char *event, bool fails)
{
    char path[64];
    int fd = -1;
    bool more = false;
    cairn_log *log = NULL;
    cairn_jobs_metrics m;
    cairn_clock_manual time = {.wall_ms = 1700000000000, .monotonic_ns = 1};
    jobs_directory_make(path);
    cairn_jobs *jobs = open_told(path, &time, what == REFUSED, &fd, &log);
    if (what == ORDERED)
        assert_int_equal(cairn_jobs_rebuild(jobs, "test.objects"), CAIRN_OK);
    else
        assert_int_equal(cairn_jobs_update(jobs, put_one, &time), CAIRN_OK);
    if (what == REFUSED)
        assert_int_equal(cairn_jobs_step(jobs, &more), CAIRN_OK); /* it is sent and refused */
    if (what == EXPIRED)
        cairn_clock_manual_advance_ms(&time, 5000);
    fault_calls = 0;
    fault_errno = EIO;
    fault_at = fails ? 1 : 0;
    cairn_err err = cairn_jobs_step(jobs, &more);
    fault_at = 0;
    assert_int_equal(err != CAIRN_OK, fails);
    assert_int_equal(cairn_jobs_metrics_read(jobs, &m), CAIRN_OK);
    assert_int_equal(m.outbox_died, !fails && what != ORDERED);
    assert_int_equal(m.outbox_dead, !fails && what != ORDERED);
    assert_int_equal(is_told(fd, event), !fails);
    cairn_jobs_close(jobs);
    cairn_log_free(log);
    (void)close(fd);
    jobs_directory_remove(path);
}

static void test_nothing_is_told_before_it_is_durable(void **state)
{
    (void)state;
    for (int fails = 0; fails < 2; fails++) {
        check_untold(REFUSED, "jobs.outbox_died", fails == 1);
        check_untold(EXPIRED, "jobs.outbox_died", fails == 1);
        check_untold(ORDERED, "jobs.ordered", fails == 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_end_before_each_call),
        cmocka_unit_test(test_end_after_each_call),
        cmocka_unit_test(test_failure_of_each_call),
        cmocka_unit_test(test_nothing_is_told_before_it_is_durable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
