/* The log: one JSON object a line, on standard error or in a file; schema in api/log-schema.json.
 *
 * An event is a row of a table that its module declares; the row says how loud it is and how often
 * it may be written. What exceeds the rate is counted, and one `log.suppressed` line tells how many
 * lines were left out. Strings are written as printable ASCII only: what a peer sent cannot break a
 * line, move a terminal's cursor or forge a field. There is no field type for secrets.
 * Source: house (STYLE, Logging). */
#ifndef CAIRN_CORE_LOG_H
#define CAIRN_CORE_LOG_H

#include "cairn/bytes.h"
#include "core/clock.h"

typedef enum cairn_log_level {
    CAIRN_LOG_ERROR,
    CAIRN_LOG_WARNING,
    CAIRN_LOG_INFO,
    CAIRN_LOG_DEBUG,
} cairn_log_level;

/* One kind of line. `name` is "area.event": lower-case letters, digits, dots and underscores. */
typedef struct cairn_log_event {
    const char *name;
    cairn_log_level level;
    uint32_t burst;      /* lines that may follow each other at once, 1 to 100,000 */
    uint32_t per_minute; /* lines a minute thereafter, at least 1 */
    const char *doc;     /* one sentence for the operator */
} cairn_log_event;

/* The rows of one module. Static storage; a row is named by its address. */
typedef struct cairn_log_table {
    const cairn_log_event *rows;
    size_t count;
} cairn_log_table;

enum {
    CAIRN_LOG_TABLES_MAX = 64,
    CAIRN_LOG_TEXT_SIZE_MAX = 512, /* bytes of one text field before escapes; the rest is cut */
    CAIRN_LOG_HEX_SIZE_MAX = 64,   /* bytes of one byte field; the rest is cut */
    CAIRN_LOG_LINE_SIZE_MAX = 8192 /* bytes of one line; fields that do not fit are left out */
};

typedef enum cairn_log_type {
    CAIRN_LOG_TYPE_TEXT,
    CAIRN_LOG_TYPE_HEX,
    CAIRN_LOG_TYPE_U64,
    CAIRN_LOG_TYPE_BOOL,
    CAIRN_LOG_TYPE_ERR,
} cairn_log_type;

/* Made by the macros below. `key`: lower-case letters, digits and underscores. */
typedef struct cairn_log_field {
    const char *key;
    cairn_log_type type;
    cairn_bytes bytes;
    uint64_t number;
    cairn_err err;
} cairn_log_field;

/* Text from anywhere; what is not UTF-8 becomes U+FFFD. */
static inline cairn_log_field cairn_log_text(const char *key, const char *text)
{
    return (cairn_log_field){
        .key = key, .type = CAIRN_LOG_TYPE_TEXT, .bytes = cairn_bytes_str(text)};
}

/* The same with a size. */
static inline cairn_log_field cairn_log_text_n(const char *key, cairn_bytes text)
{
    return (cairn_log_field){.key = key, .type = CAIRN_LOG_TYPE_TEXT, .bytes = text};
}

/* Bytes as lower-case hex. */
static inline cairn_log_field cairn_log_hex(const char *key, cairn_bytes bytes)
{
    return (cairn_log_field){.key = key, .type = CAIRN_LOG_TYPE_HEX, .bytes = bytes};
}

static inline cairn_log_field cairn_log_u64(const char *key, uint64_t number)
{
    return (cairn_log_field){.key = key, .type = CAIRN_LOG_TYPE_U64, .number = number};
}

static inline cairn_log_field cairn_log_bool(const char *key, bool value)
{
    return (cairn_log_field){.key = key, .type = CAIRN_LOG_TYPE_BOOL, .number = value};
}

/* `"error":"NAME"` and, when this thread has one, `"detail":"…"`. */
static inline cairn_log_field cairn_log_err(cairn_err err)
{
    return (cairn_log_field){.key = "error", .type = CAIRN_LOG_TYPE_ERR, .err = err};
}

typedef struct cairn_log cairn_log;

/* Events of the log itself: log.suppressed, log.lost. */
extern const cairn_log_table cairn_log_events;

/* A logger that writes to `fd` (borrowed, open for appending). Lines of a level above `level` are
 * left out. `tables` (at most CAIRN_LOG_TABLES_MAX, copied) holds the rows that it will meet;
 * `cairn_log_events` is added by itself. NO_MEMORY. Free with cairn_log_free. */
cairn_err cairn_log_new(const cairn_clock *clock, int fd, cairn_log_level level,
                        const cairn_log_table *tables, size_t table_count,
                        cairn_log **ret_log) CAIRN_MUST_USE;

/* The same into a file, created with mode 0640, appended to and closed with the logger. IO,
 * NO_SPACE or PERMISSION when it cannot be opened. */
cairn_err cairn_log_open(const cairn_clock *clock, const char *path, cairn_log_level level,
                         const cairn_log_table *tables, size_t table_count,
                         cairn_log **ret_log) CAIRN_MUST_USE;

/* Tells what was suppressed and frees. Takes NULL. */
void cairn_log_free(cairn_log *log);
CAIRN_DEFINE_CLEANUP(cairn_log, cairn_log_free)

/* Writes one line, or counts it when its rate is exceeded. `log` NULL is silent; `event` is a row
 * of a table that the logger was given. Cannot fail: a line that the file refuses is counted, and a
 * `log.lost` line follows when writing works again. Any thread; each line is one write. */
void cairn_log_write(cairn_log *log, const cairn_log_event *event, const cairn_log_field *fields,
                     size_t field_count);

/* cairn_log_write with its fields listed: CAIRN_LOG(log, &row, cairn_log_u64("size", 7)). */
#define CAIRN_LOG(log, event, ...)                                          \
    cairn_log_write((log), (event), (const cairn_log_field[]){__VA_ARGS__}, \
                    sizeof((const cairn_log_field[]){__VA_ARGS__}) / sizeof(cairn_log_field))

/* "error", "warning", "info" or "debug". */
const char *cairn_log_level_name(cairn_log_level level);

#endif
