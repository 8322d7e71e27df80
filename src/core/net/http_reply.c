/* Serialises a response; refuses what would let a header value become a second response. */
#include "core/net/http_reply.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "core/text.h"

enum { DETAIL_SIZE_MAX = 512, LINE_SIZE_MAX = 160, HEAD_SIZE_USUAL = 1024 };

typedef struct reason_row {
    int status;
    const char *reason;
} reason_row;

const char *cairn_http_reason(int status)
{
    static const reason_row rows[] = {
        {200, "OK"},
        {201, "Created"},
        {202, "Accepted"},
        {204, "No Content"},
        {206, "Partial Content"},
        {301, "Moved Permanently"},
        {303, "See Other"},
        {304, "Not Modified"},
        {307, "Temporary Redirect"},
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {406, "Not Acceptable"},
        {408, "Request Timeout"},
        {409, "Conflict"},
        {410, "Gone"},
        {412, "Precondition Failed"},
        {413, "Content Too Large"},
        {414, "URI Too Long"},
        {415, "Unsupported Media Type"},
        {416, "Range Not Satisfiable"},
        {417, "Expectation Failed"},
        {422, "Unprocessable Content"},
        {429, "Too Many Requests"},
        {431, "Request Header Fields Too Large"},
        {500, "Internal Server Error"},
        {501, "Not Implemented"},
        {502, "Bad Gateway"},
        {503, "Service Unavailable"},
        {504, "Gateway Timeout"},
        {505, "HTTP Version Not Supported"},
        {507, "Insufficient Storage"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (rows[i].status == status)
            return rows[i].reason;
    return "";
}

/* IMF-fixdate (RFC 9110 section 5.6.7), whatever the locale. */
static void format_date(uint64_t wall_ms, char ret_text[LINE_SIZE_MAX])
{
    static const char *const days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    time_t seconds = (time_t)(wall_ms / 1000u);
    struct tm utc;
    CAIRN_ASSERT(gmtime_r(&seconds, &utc) != NULL);
    (void)snprintf(ret_text, LINE_SIZE_MAX, "%s, %02d %s %04d %02d:%02d:%02d GMT",
                   days[utc.tm_wday], utc.tm_mday, months[utc.tm_mon], utc.tm_year + 1900,
                   utc.tm_hour, utc.tm_min, utc.tm_sec);
}

static bool is_field_name(const char *text)
{
    for (const char *p = text; *p != '\0'; p++)
        if (*p <= 0x20 || *p > 0x7e || strchr("()<>@,;:\\\"/[]?={}", *p) != NULL)
            return false;
    return *text != '\0';
}

static bool is_field_value(const char *text)
{
    for (const char *p = text; *p != '\0'; p++)
        if (*p < 0x20 || *p > 0x7e)
            return false;
    return true;
}

static cairn_err check_fields(const cairn_http_response *response)
{
    if (response->content_type != NULL && !is_field_value(response->content_type))
        return CAIRN_FAIL(CAIRN_ERR_ARGUMENT, "RFC 9110 section 5.5", "response.content_type");
    for (size_t i = 0; i < response->field_count; i++)
        if (!is_field_name(response->fields[i].name) || !is_field_value(response->fields[i].value))
            return CAIRN_FAIL(CAIRN_ERR_ARGUMENT, "RFC 9110 section 5.5", "response.%s: value",
                              response->fields[i].name);
    return CAIRN_OK;
}

static void print_head(cairn_text *out, const cairn_http_response *response,
                       const cairn_http_framing *framing)
{
    char date[LINE_SIZE_MAX];
    format_date(framing->wall_ms, date);
    cairn_text_printf(out, "HTTP/1.1 %d %s\r\nDate: %s\r\n", response->status,
                      cairn_http_reason(response->status), date);
    if (response->content_type != NULL)
        cairn_text_printf(out, "Content-Type: %s\r\n", response->content_type);
    for (size_t i = 0; i < response->field_count; i++)
        cairn_text_printf(out, "%s: %s\r\n", response->fields[i].name, response->fields[i].value);
    if (framing->extent == CAIRN_HTTP_EXTENT_CHUNKED)
        cairn_text_printf(out, "Transfer-Encoding: chunked\r\n");
    else if (framing->extent == CAIRN_HTTP_EXTENT_LENGTH)
        cairn_text_printf(out, "Content-Length: %" PRIu64 "\r\n", framing->length);
    else if (framing->extent == CAIRN_HTTP_EXTENT_BODY && response->status != 204 &&
             response->status != 304)
        cairn_text_printf(out, "Content-Length: %zu\r\n", response->body.size);
    if (framing->close)
        cairn_text_printf(out, "Connection: close\r\n");
    cairn_text_printf(out, "\r\n");
}

cairn_err cairn_http_reply_encode(const cairn_http_response *response,
                                  const cairn_http_framing *framing, uint8_t **ret_bytes,
                                  size_t *ret_size)
{
    CAIRN_ASSERT(response->status >= 200 && response->status <= 599);
    CAIRN_ASSERT((response->status != 204 && response->status != 304) || response->body.size == 0);
    CAIRN_TRY(check_fields(response));
    char line[HEAD_SIZE_USUAL];
    cairn_text head = {line, sizeof line, 0};
    print_head(&head, response, framing);
    size_t body_size = framing->head_only ? 0 : response->body.size;
    uint8_t *bytes = malloc(framing->reserve + head.size + 1 + body_size);
    if (bytes == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "http: response of %zu bytes",
                          response->body.size);
    uint8_t *at = bytes + framing->reserve;
    if (cairn_text_whole(&head)) {
        memcpy(at, line, head.size);
    } else {
        cairn_text again = {(char *)at, head.size + 1, 0};
        print_head(&again, response, framing);
    }
    if (body_size > 0)
        memcpy(at + head.size, response->body.data, body_size);
    *ret_bytes = bytes;
    *ret_size = head.size + body_size;
    return CAIRN_OK;
}

/* At most DETAIL_SIZE_MAX bytes, each at most two when written. */
static void escape(const char *text, char ret_text[2 * DETAIL_SIZE_MAX + 1])
{
    char *out = ret_text;
    for (size_t i = 0; i < DETAIL_SIZE_MAX && text[i] != '\0'; i++) {
        char c = text[i];
        if (c == '"' || c == '\\')
            *out++ = '\\';
        *out++ = c < 0x20 || c > 0x7e ? '?' : c;
    }
    *out = '\0';
}

void cairn_http_problem_write(int status, const char *code, const char *detail,
                              char ret_text[CAIRN_HTTP_PROBLEM_SIZE_MAX])
{
    char escaped[2 * DETAIL_SIZE_MAX + 1];
    int size = snprintf(ret_text, CAIRN_HTTP_PROBLEM_SIZE_MAX,
                        "{\"type\":\"about:blank\",\"title\":\"%s\",\"status\":%d,\"code\":\"%s\"",
                        cairn_http_reason(status), status, code);
    CAIRN_ASSERT(size > 0 && size < CAIRN_HTTP_PROBLEM_SIZE_MAX / 4);
    size_t used = (size_t)size;
    if (detail != NULL && detail[0] != '\0') {
        escape(detail, escaped);
        used += (size_t)snprintf(ret_text + used, CAIRN_HTTP_PROBLEM_SIZE_MAX - used,
                                 ",\"detail\":\"%s\"", escaped);
    }
    memcpy(ret_text + used, "}", 2);
}
