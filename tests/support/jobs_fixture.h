/* A log of events in memory, and two projections over it whose rows anybody can say: for the tests
 * of the jobs. An event of type 1 sets the object that its key names to the event's block, one of
 * type 2 removes it; type 3 is nobody's. */
#ifndef CAIRN_TESTS_SUPPORT_JOBS_FIXTURE_H
#define CAIRN_TESTS_SUPPORT_JOBS_FIXTURE_H

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/jobs/jobs.h"
#include "core/jobs/page.h"

/* A directory for one environment. */
static inline void jobs_directory_make(char path[64])
{
    const char *base = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp"; /* syncs cost nothing */
    (void)snprintf(path, 64, "%s/cairn-jobs-XXXXXX", base);
    CAIRN_ASSERT(mkdtemp(path) != NULL);
}

static inline void jobs_directory_remove(const char *path)
{
    static const char *const names[] = {"data.mdb", "lock.mdb"};
    char name[96];
    for (size_t i = 0; i < 2; i++) {
        (void)snprintf(name, sizeof name, "%s/%s", path, names[i]);
        (void)unlink(name);
    }
    (void)rmdir(path);
}

/* Steps until nothing is left that need not wait; what is new of ledgers 0 to `ledgers` - 1 is
 * seen.
 */
static inline void jobs_settle(cairn_jobs *jobs, uint32_t ledgers)
{
    bool more = true;
    for (uint32_t i = 0; i < ledgers; i++)
        cairn_jobs_wake(jobs, i);
    for (unsigned i = 0; more; i++) {
        cairn_err err = cairn_jobs_step(jobs, &more);
        CAIRN_ASSERT(err == CAIRN_OK && i < 100000);
    }
}

enum { JOBS_SET = 1, JOBS_REMOVE = 2, JOBS_OTHER = 3, JOBS_OBJECTS = 64 };

typedef struct jobs_log_event {
    uint64_t height;
    uint32_t ordinal;
    uint16_t type;
    uint32_t object;
} jobs_log_event;

typedef struct jobs_log {
    pthread_mutex_t lock;
    jobs_log_event *events;
    size_t count, room;
    uint64_t height;
    cairn_err failure; /* what the next reads return */
} jobs_log;

static inline void jobs_log_init(jobs_log *log)
{
    *log = (jobs_log){0};
    (void)pthread_mutex_init(&log->lock, NULL);
}

static inline void jobs_log_done(jobs_log *log)
{
    free(log->events);
    (void)pthread_mutex_destroy(&log->lock);
}

/* Adds a block with `count` events, or none. */
static inline void jobs_log_block(jobs_log *log, const jobs_log_event *events, size_t count)
{
    (void)pthread_mutex_lock(&log->lock);
    if (log->count + count > log->room) {
        log->room = 2 * (log->count + count);
        log->events = realloc(log->events, log->room * sizeof *log->events);
        CAIRN_ASSERT(log->events != NULL);
    }
    log->height++;
    for (size_t i = 0; i < count; i++) {
        log->events[log->count] = events[i];
        log->events[log->count].height = log->height;
        log->events[log->count++].ordinal = (uint32_t)i;
    }
    (void)pthread_mutex_unlock(&log->lock);
}

static inline void jobs_log_one(jobs_log *log, uint16_t type, uint32_t object)
{
    jobs_log_event event = {.type = type, .object = object};
    jobs_log_block(log, &event, 1);
}

static inline cairn_err jobs_log_visit(const jobs_log_event *event, cairn_job_visit visit,
                                       void *context)
{
    uint8_t key[4];
    cairn_put_u32(key, event->object);
    cairn_job_event out = {.height = event->height,
                           .ordinal = event->ordinal,
                           .time_ms = 1000 * event->height,
                           .type = event->type,
                           .key = cairn_bytes_of(key, sizeof key),
                           .transaction = cairn_bytes_str("transaction")};
    return visit(context, &out);
}

static inline cairn_err jobs_log_walk(const jobs_log *log, uint64_t after, uint64_t until,
                                      cairn_job_visit visit, void *context)
{
    size_t low = 0;
    size_t high = log->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (log->events[middle].height <= after)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < log->count && log->events[low].height <= until; low++)
        CAIRN_TRY(jobs_log_visit(&log->events[low], visit, context));
    return CAIRN_OK;
}

static inline cairn_err jobs_log_read(void *context, uint64_t after_height, size_t block_max,
                                      cairn_job_visit visit, void *visit_context,
                                      uint64_t *ret_height)
{
    jobs_log *log = context;
    (void)pthread_mutex_lock(&log->lock);
    uint64_t until = log->height;
    if (until > after_height && until - after_height > block_max)
        until = after_height + block_max;
    cairn_err err = log->failure != CAIRN_OK
                        ? CAIRN_FAIL(log->failure, "house", "log: made to fail")
                        : jobs_log_walk(log, after_height, until, visit, visit_context);
    if (err == CAIRN_OK)
        *ret_height = until;
    (void)pthread_mutex_unlock(&log->lock);
    return err;
}

static inline cairn_event_source jobs_log_source(jobs_log *log)
{
    return (cairn_event_source){.context = log, .read = jobs_log_read};
}

/* Rows of the projection: table 0 object -> u64 height of its last SET; table 1, the index, height
 * ‖ object -> nothing. */
static inline cairn_err jobs_objects_apply(cairn_projection_writer *writer,
                                           const cairn_job_event *event)
{
    uint8_t height[8], index[12];
    cairn_bytes old;
    cairn_err err = cairn_projection_get(writer, 0, event->key, &old);
    if (err == CAIRN_OK) {
        memcpy(index, old.data, 8);
        memcpy(index + 8, event->key.data, 4);
        CAIRN_TRY(cairn_projection_delete(writer, 1, cairn_bytes_of(index, sizeof index)));
        CAIRN_TRY(cairn_projection_delete(writer, 0, event->key));
    } else if (err != CAIRN_ERR_NOT_FOUND) {
        return err;
    }
    if (event->type == JOBS_REMOVE)
        return CAIRN_OK;
    cairn_put_u64(height, event->height);
    memcpy(index, height, 8);
    memcpy(index + 8, event->key.data, 4);
    CAIRN_TRY(cairn_projection_put(writer, 0, event->key, cairn_bytes_of(height, sizeof height)));
    return cairn_projection_put(writer, 1, cairn_bytes_of(index, sizeof index),
                                cairn_bytes_of("", 0));
}

/* A count that shows how often each event was taken: exactly once, or it is wrong. */
static inline cairn_err jobs_count_apply(cairn_projection_writer *writer,
                                         const cairn_job_event *event)
{
    uint8_t count[8] = {0};
    cairn_bytes old;
    (void)event;
    cairn_err err = cairn_projection_get(writer, 0, cairn_bytes_str("count"), &old);
    if (err == CAIRN_OK)
        memcpy(count, old.data, 8);
    else if (err != CAIRN_ERR_NOT_FOUND)
        return err;
    cairn_put_u64(count, cairn_get_u64(count) + 1);
    return cairn_projection_put(writer, 0, cairn_bytes_str("count"),
                                cairn_bytes_of(count, sizeof count));
}

static const uint16_t jobs_object_types[] = {JOBS_SET, JOBS_REMOVE};

#define JOBS_OBJECTS_ROW(number)                                                                   \
    {                                                                                              \
        .name = "test.objects", .version = (number), .table_count = 2, .types = jobs_object_types, \
        .type_count = 2, .apply = jobs_objects_apply                                               \
    }
#define JOBS_COUNT_ROW(number)                                                                 \
    {                                                                                          \
        .name = "test.count", .version = (number), .table_count = 1, .apply = jobs_count_apply \
    }

/* What the log says of an object up to a height: the height of its last SET, 0 if it is not there.
 */
static inline uint64_t jobs_log_expect(const jobs_log *log, uint64_t until, uint32_t object)
{
    uint64_t height = 0;
    for (size_t i = 0; i < log->count && log->events[i].height <= until; i++) {
        if (log->events[i].object != object || log->events[i].type == JOBS_OTHER)
            continue;
        height = log->events[i].type == JOBS_SET ? log->events[i].height : 0;
    }
    return height;
}

/* NULL when the rows of the view are what the log says up to the view's position, else what is
 * wrong. The position must be the end of a block. */
static inline const char *jobs_objects_wrong(const jobs_log *log, cairn_projection_view *view)
{
    cairn_cursor at = cairn_projection_view_position(view);
    cairn_bytes key, value, none = {0};
    uint8_t last[16];
    size_t last_size = 0, rows = 0, indices = 0, want = 0;
    if (at.ordinal != 0)
        return "position is inside a block";
    for (uint32_t object = 0; object < JOBS_OBJECTS; object++) {
        uint8_t name[4];
        uint64_t expected = jobs_log_expect(log, at.height, object);
        cairn_put_u32(name, object);
        cairn_err err = cairn_projection_view_get(view, 0, cairn_bytes_of(name, 4), &value);
        if ((err == CAIRN_OK) != (expected != 0))
            return "an object is there, or not, against the log";
        if (err == CAIRN_OK && (value.size != 8 || cairn_get_u64(value.data) != expected))
            return "an object has another height than the log says";
        want += expected != 0;
    }
    for (unsigned table = 0; table < 2; table++) {
        last_size = 0;
        while (cairn_projection_view_next(view, table, none, cairn_bytes_of(last, last_size), &key,
                                          &value) == CAIRN_OK) {
            if (key.size > sizeof last)
                return "a foreign row";
            memcpy(last, key.data, key.size);
            last_size = key.size;
            *(table == 0 ? &rows : &indices) += 1;
        }
    }
    return rows == want && indices == want ? NULL : "rows or indices are more or fewer";
}

#endif
