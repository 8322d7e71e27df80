/* Fields and lines of text/event-stream. */
#include "core/net/http_sse.h"

#include <stdio.h>
#include <stdlib.h>

static const char heartbeat[] = ":\n\n";

void cairn_sse_begin(cairn_http_exchange *exchange, uint32_t heartbeat_ms, uint32_t retry_ms,
                     cairn_http_stream_fn on_event, void *context)
{
    static const cairn_http_field fields[] = {{"Cache-Control", "no-store"},
                                              {"X-Content-Type-Options", "nosniff"},
                                              {"X-Accel-Buffering", "no"}};
    const cairn_http_response head = {.status = 200,
                                      .content_type = "text/event-stream",
                                      .fields = fields,
                                      .field_count = sizeof fields / sizeof fields[0]};
    const cairn_http_stream stream = {.length = CAIRN_HTTP_LENGTH_UNKNOWN,
                                      .on_event = on_event,
                                      .context = context,
                                      .idle_ms = heartbeat_ms,
                                      .idle = cairn_bytes_str(heartbeat)};
    cairn_http_respond_begin(exchange, &head, &stream);
    if (retry_ms == 0)
        return;
    char text[32];
    int size = snprintf(text, sizeof text, "retry: %u\n\n", (unsigned)retry_ms);
    /* Lost without memory or client: the next write tells. */
    (void)!cairn_http_write(exchange, cairn_bytes_of(text, (size_t)size));
}

static bool is_one_line(cairn_bytes text)
{
    for (size_t i = 0; i < text.size; i++)
        if (text.data[i] == '\r' || text.data[i] == '\n' || text.data[i] == '\0')
            return false;
    return true;
}

static cairn_err check(const cairn_sse_event *event)
{
    if (event->id.size > CAIRN_SSE_ID_SIZE_MAX || !is_one_line(event->id))
        return CAIRN_FAIL(CAIRN_ERR_ARGUMENT, "HTML section 9.2.6", "event.id");
    if (event->name.size > CAIRN_SSE_NAME_SIZE_MAX || !is_one_line(event->name))
        return CAIRN_FAIL(CAIRN_ERR_ARGUMENT, "HTML section 9.2.6", "event.name");
    if (event->data.size > CAIRN_SSE_DATA_SIZE_MAX)
        return CAIRN_FAIL(CAIRN_ERR_TOO_LARGE, "house", "event.data: more than %d bytes",
                          CAIRN_SSE_DATA_SIZE_MAX);
    return CAIRN_OK;
}

/* Counts without memory, as cairn_text does. */
typedef struct writer {
    uint8_t *data;
    size_t size;
} writer;

static void put(writer *w, cairn_bytes text)
{
    if (w->data != NULL && text.size > 0)
        memcpy(w->data + w->size, text.data, text.size);
    w->size += text.size;
}

static void put_field(writer *w, const char *name, cairn_bytes value)
{
    put(w, cairn_bytes_str(name));
    put(w, value);
    put(w, cairn_bytes_str("\n"));
}

/* Cuts off one line; CR, LF and CRLF all end one. */
static cairn_bytes next_line(cairn_bytes *text)
{
    size_t size = 0;
    while (size < text->size && text->data[size] != '\r' && text->data[size] != '\n')
        size++;
    cairn_bytes line = cairn_bytes_of(text->data, size);
    size_t step = size;
    if (step < text->size)
        step += text->size - step > 1 && memcmp(text->data + step, "\r\n", 2) == 0 ? 2 : 1;
    *text = cairn_bytes_of(text->data + step, text->size - step);
    return line;
}

static bool ends_line(cairn_bytes text)
{
    return text.size > 0 && (text.data[text.size - 1] == '\n' || text.data[text.size - 1] == '\r');
}

static void write_event(writer *w, const cairn_sse_event *event)
{
    if (event->id.data != NULL)
        put_field(w, "id: ", event->id);
    if (event->name.data != NULL)
        put_field(w, "event: ", event->name);
    cairn_bytes rest = event->data;
    while (rest.size > 0)
        put_field(w, "data: ", next_line(&rest));
    /* An empty text, and the line after a last line end, are lines of their own. */
    if (event->data.data != NULL && (event->data.size == 0 || ends_line(event->data)))
        put_field(w, "data: ", cairn_bytes_of(NULL, 0));
    put(w, cairn_bytes_str("\n"));
}

cairn_err cairn_sse_format(const cairn_sse_event *event, uint8_t *out, size_t room,
                           size_t *ret_size)
{
    CAIRN_TRY(check(event));
    writer text = {.data = NULL};
    write_event(&text, event);
    size_t size = text.size;
    if (size <= room) {
        text = (writer){.data = out};
        write_event(&text, event);
    }
    *ret_size = size;
    return CAIRN_OK;
}

cairn_err cairn_sse_send(cairn_http_exchange *exchange, const cairn_sse_event *event)
{
    size_t size = 0;
    CAIRN_TRY(cairn_sse_format(event, NULL, 0, &size));
    uint8_t *text = malloc(size);
    if (text == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "event");
    cairn_err err = cairn_sse_format(event, text, size, &size);
    if (err == CAIRN_OK)
        err = cairn_http_write(exchange, cairn_bytes_of(text, size));
    free(text);
    return err;
}

bool cairn_sse_last_event_id(const cairn_http_request *request, cairn_bytes *ret_id)
{
    cairn_bytes id;
    if (!cairn_http_header_find(request, "Last-Event-ID", &id) || id.size == 0 ||
        id.size > CAIRN_SSE_ID_SIZE_MAX)
        return false;
    *ret_id = id;
    return true;
}
