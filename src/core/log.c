/* One line is built in a buffer on the stack and written by one write(2), so lines of several
 * threads and processes do not mix. The rate limit is a token bucket kept as one number a row: the
 * time at which the bucket will be full again. */
#include "core/log.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { SUPPRESSED, LOST };
static const cairn_log_event log_rows[] = {
    /* Their rate is that of the lines that they count. */
    [SUPPRESSED] = {"log.suppressed", CAIRN_LOG_WARNING, 1, 1,
                    "Lines of another event exceeded its rate and were left out."},
    [LOST] = {"log.lost", CAIRN_LOG_ERROR, 1, 1, "Lines could not be written to the log."},
};
const cairn_log_table cairn_log_events = {log_rows, sizeof log_rows / sizeof log_rows[0]};

enum { BURST_MAX = 100000 }; /* keeps burst * interval within 64 bits */

/* Rate of one row; guarded by the logger's lock. */
typedef struct bucket {
    uint64_t full_at_ns;
    uint64_t suppressed_count;
} bucket;

typedef struct known_table {
    cairn_log_table table;
    bucket *buckets; /* one a row */
} known_table;

struct cairn_log {
    cairn_clock clock;
    int fd;
    bool owns_fd;
    cairn_log_level level;
    pthread_mutex_t lock; /* guards the buckets, lost_count and the order of lines */
    uint64_t lost_count;
    size_t table_count;
    known_table tables[CAIRN_LOG_TABLES_MAX + 1];
};

/* A line under construction; `full` once something did not fit. */
typedef struct line {
    char text[CAIRN_LOG_LINE_SIZE_MAX];
    size_t size;
    bool full;
} line;

enum { LINE_RESERVE = 2 }; /* the closing brace and the line feed */

static void put(line *l, const char *text, size_t size)
{
    if (l->full || size > sizeof l->text - LINE_RESERVE - l->size) {
        l->full = true;
        return;
    }
    memcpy(l->text + l->size, text, size);
    l->size += size;
}

static void put_str(line *l, const char *text)
{
    put(l, text, strlen(text));
}

/* Decodes one UTF-8 sequence (RFC 3629: shortest form, no surrogates) at `p`; returns its size, 0
 * if it is not valid. */
static size_t utf8_decode(const uint8_t *p, size_t size, uint32_t *ret_point)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t need = p[0] < 0x80 ? 1 : p[0] < 0xc2 ? 0 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
    if (need == 0 || need > size || p[0] > 0xf4)
        return 0;
    uint32_t point = need == 1 ? p[0] : p[0] & (0xffu >> (need + 1));
    for (size_t i = 1; i < need; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return 0;
        point = (point << 6) | (p[i] & 0x3fu);
    }
    if (point < least[need] || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff))
        return 0;
    *ret_point = point;
    return need;
}

/* One character as printable ASCII (RFC 8259 section 7). */
static void put_point(line *l, uint32_t point)
{
    char text[16];
    if (point == '"' || point == '\\')
        (void)snprintf(text, sizeof text, "\\%c", (char)point);
    else if (point >= 0x20 && point < 0x7f)
        (void)snprintf(text, sizeof text, "%c", (char)point);
    else if (point < 0x10000)
        (void)snprintf(text, sizeof text, "\\u%04x", (unsigned)point);
    else
        (void)snprintf(text, sizeof text, "\\u%04x\\u%04x",
                       (unsigned)(0xd800 + ((point - 0x10000) >> 10)),
                       (unsigned)(0xdc00 + ((point - 0x10000) & 0x3ff)));
    put_str(l, text);
}

static void put_text(line *l, cairn_bytes in)
{
    size_t size = in.size < CAIRN_LOG_TEXT_SIZE_MAX ? in.size : CAIRN_LOG_TEXT_SIZE_MAX;
    put_str(l, "\"");
    for (size_t i = 0; i < size;) {
        uint32_t point = 0xfffd;
        size_t step = utf8_decode(in.data + i, size - i, &point);
        put_point(l, point);
        i += step == 0 ? 1 : step;
    }
    put_str(l, size < in.size ? "...\"" : "\"");
}

static void put_hex(line *l, cairn_bytes in)
{
    char text[2 * CAIRN_LOG_HEX_SIZE_MAX + 1];
    size_t size = in.size < CAIRN_LOG_HEX_SIZE_MAX ? in.size : CAIRN_LOG_HEX_SIZE_MAX;
    cairn_hex_encode(cairn_bytes_of(in.data, size), text);
    put_str(l, "\"");
    put_str(l, text);
    put_str(l, size < in.size ? "...\"" : "\"");
}

static void put_number(line *l, uint64_t number)
{
    char text[24];
    (void)snprintf(text, sizeof text, "%llu", (unsigned long long)number);
    put_str(l, text);
}

static void put_key(line *l, const char *key)
{
    put_str(l, ",\"");
    put_str(l, key);
    put_str(l, "\":");
}

static void put_err(line *l, cairn_err err)
{
    put_text(l, cairn_bytes_str(err == CAIRN_OK ? "OK" : cairn_err_name(err)));
    const char *detail = cairn_err_detail();
    if (err != CAIRN_OK && detail[0] != '\0') {
        put_key(l, "detail");
        put_text(l, cairn_bytes_str(detail));
    }
}

/* A field that does not fit leaves no trace, so that the line stays valid JSON. */
static void put_field(line *l, const cairn_log_field *field)
{
    size_t before = l->size;
    put_key(l, field->key);
    switch (field->type) {
    case CAIRN_LOG_TYPE_TEXT:
        put_text(l, field->bytes);
        break;
    case CAIRN_LOG_TYPE_HEX:
        put_hex(l, field->bytes);
        break;
    case CAIRN_LOG_TYPE_U64:
        put_number(l, field->number);
        break;
    case CAIRN_LOG_TYPE_BOOL:
        put_str(l, field->number != 0 ? "true" : "false");
        break;
    case CAIRN_LOG_TYPE_ERR:
        put_err(l, field->err);
        break;
    }
    if (l->full)
        l->size = before;
    l->full = false;
}

const char *cairn_log_level_name(cairn_log_level level)
{
    static const char *const names[] = {"error", "warning", "info", "debug"};
    CAIRN_ASSERT((size_t)level < sizeof names / sizeof names[0]);
    return names[level];
}

static void line_begin(const cairn_log *log, line *l, const cairn_log_event *event)
{
    char time[CAIRN_CLOCK_TEXT_SIZE];
    cairn_clock_format(cairn_clock_wall_ms(&log->clock), time);
    l->size = 0;
    l->full = false;
    put_str(l, "{\"time\":\"");
    put_str(l, time);
    put_str(l, "\",\"level\":\"");
    put_str(l, cairn_log_level_name(event->level));
    put_str(l, "\",\"event\":\"");
    put_str(l, event->name);
    put_str(l, "\"");
}

/* False when the file refuses. A line cut by a full disk stays cut: the reader sees broken JSON,
 * not a wrong fact. */
static bool line_end(const cairn_log *log, line *l)
{
    memcpy(l->text + l->size, "}\n", LINE_RESERVE);
    l->size += LINE_RESERVE;
    for (size_t done = 0; done < l->size;) {
        ssize_t n = write(log->fd, l->text + done, l->size - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        done += (size_t)n;
    }
    return true;
}

/* Writes one line of the log itself. Call with the lock held. */
static bool write_own(cairn_log *log, const cairn_log_event *event, const char *of, uint64_t count)
{
    line l;
    line_begin(log, &l, event);
    if (of != NULL) {
        cairn_log_field field = cairn_log_text("of", of);
        put_field(&l, &field);
    }
    cairn_log_field field = cairn_log_u64("count", count);
    put_field(&l, &field);
    return line_end(log, &l);
}

static bucket *find_bucket(cairn_log *log, const cairn_log_event *event)
{
    for (size_t i = 0; i < log->table_count; i++) {
        const known_table *known = &log->tables[i];
        uintptr_t offset = (uintptr_t)event - (uintptr_t)known->table.rows;
        if (offset < known->table.count * sizeof *event)
            return &known->buckets[offset / sizeof *event];
    }
    return NULL;
}

/* Takes one token; false when the bucket is empty. */
static bool take(const cairn_log *log, const cairn_log_event *event, bucket *b)
{
    uint64_t now = cairn_clock_monotonic_ns(&log->clock);
    uint64_t interval_ns = 60000000000u / event->per_minute;
    uint64_t room_ns = (uint64_t)(event->burst - 1) * interval_ns;
    uint64_t full_at = b->full_at_ns > now ? b->full_at_ns : now;
    if (full_at - now > room_ns) {
        b->suppressed_count++;
        return false;
    }
    b->full_at_ns = full_at + interval_ns;
    return true;
}

/* Tells what was left out before the next line goes through. */
static void tell_debts(cairn_log *log, const cairn_log_event *event, bucket *b)
{
    if (log->lost_count != 0 && write_own(log, &log_rows[LOST], NULL, log->lost_count))
        log->lost_count = 0;
    if (b->suppressed_count != 0 &&
        write_own(log, &log_rows[SUPPRESSED], event->name, b->suppressed_count))
        b->suppressed_count = 0;
}

void cairn_log_write(cairn_log *log, const cairn_log_event *event, const cairn_log_field *fields,
                     size_t field_count)
{
    if (log == NULL || event->level > log->level)
        return;
    bucket *b = find_bucket(log, event);
    CAIRN_ASSERT(b != NULL);
    int saved_errno = errno;
    CAIRN_ASSERT(pthread_mutex_lock(&log->lock) == 0);
    if (take(log, event, b)) {
        tell_debts(log, event, b);
        line l;
        line_begin(log, &l, event);
        for (size_t i = 0; i < field_count; i++)
            put_field(&l, &fields[i]);
        if (!line_end(log, &l))
            log->lost_count++;
    }
    CAIRN_ASSERT(pthread_mutex_unlock(&log->lock) == 0);
    errno = saved_errno;
}

static cairn_err add_table(cairn_log *log, const cairn_log_table *table)
{
    for (size_t i = 0; i < table->count; i++)
        CAIRN_ASSERT(table->rows[i].burst >= 1 && table->rows[i].burst <= BURST_MAX &&
                     table->rows[i].per_minute >= 1);
    bucket *buckets = calloc(table->count == 0 ? 1 : table->count, sizeof *buckets);
    if (buckets == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "log: table of %zu events", table->count);
    log->tables[log->table_count++] = (known_table){.table = *table, .buckets = buckets};
    return CAIRN_OK;
}

cairn_err cairn_log_new(const cairn_clock *clock, int fd, cairn_log_level level,
                        const cairn_log_table *tables, size_t table_count, cairn_log **ret_log)
{
    CAIRN_ASSERT(table_count <= CAIRN_LOG_TABLES_MAX);
    CAIRN_CLEANUP(cairn_log_free_p) cairn_log *log = calloc(1, sizeof *log);
    if (log == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "log: a logger");
    log->clock = *clock;
    log->fd = fd;
    log->level = level;
    CAIRN_ASSERT(pthread_mutex_init(&log->lock, NULL) == 0);
    CAIRN_TRY(add_table(log, &cairn_log_events));
    for (size_t i = 0; i < table_count; i++)
        CAIRN_TRY(add_table(log, &tables[i]));
    *ret_log = CAIRN_STEAL(log);
    return CAIRN_OK;
}

cairn_err cairn_log_open(const cairn_clock *clock, const char *path, cairn_log_level level,
                         const cairn_log_table *tables, size_t table_count, cairn_log **ret_log)
{
    int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
    if (fd < 0)
        return cairn_err_from_errno(errno, "log: open");
    cairn_err err = cairn_log_new(clock, fd, level, tables, table_count, ret_log);
    if (err != CAIRN_OK)
        (void)close(fd);
    else
        (*ret_log)->owns_fd = true;
    return err;
}

static void tell_all_debts(cairn_log *log)
{
    for (size_t i = 0; i < log->table_count; i++)
        for (size_t row = 0; row < log->tables[i].table.count; row++)
            tell_debts(log, &log->tables[i].table.rows[row], &log->tables[i].buckets[row]);
}

void cairn_log_free(cairn_log *log)
{
    if (log == NULL)
        return;
    tell_all_debts(log);
    for (size_t i = 0; i < log->table_count; i++)
        free(log->tables[i].buckets);
    CAIRN_ASSERT(pthread_mutex_destroy(&log->lock) == 0);
    if (log->owns_fd)
        (void)close(log->fd);
    free(log);
}
