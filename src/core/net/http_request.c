/* The head of a request, line by line. What two parsers could read in two ways is refused: that is
 * how requests are smuggled (RFC 9112 section 11.2). */
#include "core/net/http_request.h"

#include <strings.h>

static const cairn_http_refusal_row refusals[] = {
#define X(name, status, text, clause) \
    [CAIRN_HTTP_REFUSAL_##name] = {"HTTP_" #name, (status), (text), (clause)},
    CAIRN_HTTP_REFUSAL_LIST(X)
#undef X
};

const cairn_http_refusal_row *cairn_http_refusal_of(cairn_http_refusal refusal)
{
    CAIRN_ASSERT(refusal > CAIRN_HTTP_REFUSAL_NONE && refusal < CAIRN_HTTP_REFUSAL_COUNT);
    return &refusals[refusal];
}

static const char *const methods[CAIRN_HTTP_METHOD_COUNT] = {
    [CAIRN_HTTP_GET] = "GET",         [CAIRN_HTTP_HEAD] = "HEAD",   [CAIRN_HTTP_POST] = "POST",
    [CAIRN_HTTP_PUT] = "PUT",         [CAIRN_HTTP_PATCH] = "PATCH", [CAIRN_HTTP_DELETE] = "DELETE",
    [CAIRN_HTTP_OPTIONS] = "OPTIONS",
};

const char *cairn_http_method_name(cairn_http_method method)
{
    CAIRN_ASSERT(method < CAIRN_HTTP_METHOD_COUNT);
    return methods[method];
}

bool cairn_http_text_is(cairn_bytes text, const char *name)
{
    return text.size == strlen(name) && strncasecmp((const char *)text.data, name, text.size) == 0;
}

cairn_bytes cairn_http_trim(cairn_bytes text)
{
    while (text.size > 0 && (text.data[0] == ' ' || text.data[0] == '\t'))
        text = cairn_bytes_of(text.data + 1, text.size - 1);
    while (text.size > 0 && (text.data[text.size - 1] == ' ' || text.data[text.size - 1] == '\t'))
        text.size--;
    return text;
}

bool cairn_http_header_find(const cairn_http_request *request, const char *name,
                            cairn_bytes *ret_value)
{
    for (size_t i = 0; i < request->header_count; i++)
        if (cairn_http_text_is(request->headers[i].name, name)) {
            *ret_value = request->headers[i].value;
            return true;
        }
    return false;
}

static bool is_alnum(uint8_t c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

/* RFC 9110 section 5.6.2 */
static bool is_token(cairn_bytes text)
{
    for (size_t i = 0; i < text.size; i++)
        if (!is_alnum(text.data[i]) &&
            (text.data[i] == '\0' || strchr("!#$%&'*+-.^_`|~", text.data[i]) == NULL))
            return false;
    return text.size > 0;
}

static int hex_digit(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Letters, digits, well-formed percent-encodings other than %00, and the characters of `more`. */
static bool is_uri_text(cairn_bytes text, const char *more)
{
    for (size_t i = 0; i < text.size; i++) {
        uint8_t c = text.data[i];
        if (is_alnum(c) || (c != '\0' && strchr("-._~!$&'()*+,;=:@", c) != NULL) ||
            (c != '\0' && strchr(more, c) != NULL))
            continue;
        if (c != '%' || text.size - i < 3)
            return false;
        int high = hex_digit(text.data[i + 1]), low = hex_digit(text.data[i + 2]);
        if (high < 0 || low < 0 || high + low == 0)
            return false;
        i += 2;
    }
    return true;
}

/* Cuts `text` at the first `c`; false when there is none. */
static bool cut(cairn_bytes *text, uint8_t c, cairn_bytes *ret_before)
{
    const uint8_t *at = text->size == 0 ? NULL : memchr(text->data, c, text->size);
    if (at == NULL)
        return false;
    size_t size = (size_t)(at - text->data);
    *ret_before = cairn_bytes_of(text->data, size);
    *text = cairn_bytes_of(at + 1, text->size - size - 1);
    return true;
}

/* Cuts off one line with its CRLF, which is there. */
static cairn_bytes next_line(cairn_bytes *head)
{
    cairn_bytes line = {NULL, 0};
    CAIRN_ASSERT(cut(head, '\n', &line) && line.size > 0);
    line.size--;
    return line;
}

static cairn_http_refusal parse_version(cairn_bytes text, cairn_http_request *request)
{
    if (cairn_bytes_equal(text, cairn_bytes_str("HTTP/1.1")))
        return CAIRN_HTTP_REFUSAL_NONE;
    request->http_1_0 = cairn_bytes_equal(text, cairn_bytes_str("HTTP/1.0"));
    if (request->http_1_0)
        return CAIRN_HTTP_REFUSAL_NONE;
    bool other = text.size == 8 && memcmp(text.data, "HTTP/", 5) == 0 && text.data[6] == '.' &&
                 text.data[5] >= '0' && text.data[5] <= '9' && text.data[7] >= '0' &&
                 text.data[7] <= '9';
    return other ? CAIRN_HTTP_REFUSAL_VERSION : CAIRN_HTTP_REFUSAL_REQUEST_LINE;
}

static cairn_http_refusal parse_method(cairn_bytes text, cairn_http_request *request)
{
    if (!is_token(text))
        return CAIRN_HTTP_REFUSAL_REQUEST_LINE;
    for (unsigned i = 0; i < CAIRN_HTTP_METHOD_COUNT; i++)
        if (cairn_bytes_equal(text, cairn_bytes_str(methods[i]))) {
            request->method = (cairn_http_method)i;
            return CAIRN_HTTP_REFUSAL_NONE;
        }
    return CAIRN_HTTP_REFUSAL_METHOD;
}

/* Takes "http://authority" off an absolute target and leaves the authority in `host`, to be
 * compared with Host. */
static void take_authority(cairn_bytes *target, cairn_bytes *host)
{
    static const char *const schemes[] = {"http://", "https://"};
    for (size_t i = 0; i < 2; i++) {
        size_t size = strlen(schemes[i]);
        if (target->size <= size || strncasecmp((const char *)target->data, schemes[i], size) != 0)
            continue;
        size_t end = size;
        while (end < target->size && target->data[end] != '/' && target->data[end] != '?')
            end++;
        if (end == size)
            return;
        *host = cairn_bytes_of(target->data + size, end - size);
        *target = cairn_bytes_of(target->data + end, target->size - end);
        return;
    }
}

static cairn_http_refusal parse_target(cairn_bytes target, cairn_http_request *request)
{
    if (cairn_bytes_equal(target, cairn_bytes_str("*"))) {
        request->path = target;
        return request->method == CAIRN_HTTP_OPTIONS ? CAIRN_HTTP_REFUSAL_NONE
                                                     : CAIRN_HTTP_REFUSAL_TARGET;
    }
    take_authority(&target, &request->host);
    cairn_bytes path = {NULL, 0};
    if (cut(&target, '?', &path))
        request->query = target;
    else
        path = target;
    if (path.size == 0 && request->host.size > 0)
        path = cairn_bytes_str("/");
    if (path.size == 0 || path.data[0] != '/' || !is_uri_text(path, "/") ||
        !is_uri_text(request->query, "/?"))
        return CAIRN_HTTP_REFUSAL_TARGET;
    request->path = path;
    return CAIRN_HTTP_REFUSAL_NONE;
}

#define REFUSE_TRY(call)                            \
    do {                                            \
        cairn_http_refusal try_refusal = (call);    \
        if (try_refusal != CAIRN_HTTP_REFUSAL_NONE) \
            return try_refusal;                     \
    } while (0)

static cairn_http_refusal parse_request_line(cairn_bytes line, cairn_http_request *request)
{
    cairn_bytes method = {NULL, 0}, target = {NULL, 0};
    if (!cut(&line, ' ', &method) || !cut(&line, ' ', &target) || target.size == 0)
        return CAIRN_HTTP_REFUSAL_REQUEST_LINE;
    REFUSE_TRY(parse_version(line, request));
    REFUSE_TRY(parse_method(method, request));
    return parse_target(target, request);
}

static cairn_http_refusal parse_header_line(cairn_bytes line, cairn_http_header *header)
{
    cairn_bytes name = {NULL, 0};
    if (line.data[0] == ' ' || line.data[0] == '\t')
        return CAIRN_HTTP_REFUSAL_FOLDING;
    if (!cut(&line, ':', &name))
        return CAIRN_HTTP_REFUSAL_NO_COLON;
    if (name.size == 0)
        return CAIRN_HTTP_REFUSAL_NAME_EMPTY;
    if (name.data[name.size - 1] == ' ' || name.data[name.size - 1] == '\t')
        return CAIRN_HTTP_REFUSAL_SPACE_BEFORE_COLON;
    if (!is_token(name))
        return CAIRN_HTTP_REFUSAL_NAME_INVALID;
    *header = (cairn_http_header){.name = name, .value = cairn_http_trim(line)};
    return CAIRN_HTTP_REFUSAL_NONE;
}

/* What the framing depends on, as it is met. */
typedef struct framing {
    unsigned host_count, length_count, coding_count;
    bool close;
} framing;

static cairn_http_refusal take_length(cairn_bytes value, cairn_http_request *request)
{
    uint64_t length = 0;
    if (value.size == 0 || value.size > 19) /* 19 digits cannot overflow */
        return CAIRN_HTTP_REFUSAL_LENGTH_INVALID;
    for (size_t i = 0; i < value.size; i++) {
        if (value.data[i] < '0' || value.data[i] > '9')
            return CAIRN_HTTP_REFUSAL_LENGTH_INVALID;
        length = length * 10 + (uint64_t)(value.data[i] - '0');
    }
    request->content_length = length;
    return CAIRN_HTTP_REFUSAL_NONE;
}

static bool is_made_of(cairn_bytes text, const char *characters)
{
    for (size_t i = 0; i < text.size; i++)
        if (text.data[i] == '\0' || strchr(characters, text.data[i]) == NULL)
            return false;
    return true;
}

/* uri-host [ ":" port ], where a host is a name or an address in brackets (RFC 3986 section 3.2.2)
 */
static bool is_host(cairn_bytes value)
{
    cairn_bytes host = value, port = {NULL, 0};
    bool literal = value.size > 0 && value.data[0] == '[';
    if (literal && cut(&value, ']', &host)) {
        if (value.size > 0 && value.data[0] != ':')
            return false;
        port = value.size > 0 ? cairn_bytes_of(value.data + 1, value.size - 1) : port;
        host = cairn_bytes_of(host.data + 1, host.size - 1);
    } else if (cut(&value, ':', &host)) {
        port = value;
    }
    bool named = host.size > 0 && memchr(host.data, ':', host.size) == NULL &&
                 memchr(host.data, '@', host.size) == NULL && is_uri_text(host, "");
    bool numbered = literal && host.size > 0 && is_made_of(host, "0123456789abcdefABCDEF:.");
    return (literal ? numbered : named) && port.size <= 5 && is_made_of(port, "0123456789");
}

/* An absolute target has left its authority in `host` already. */
static cairn_http_refusal take_host(cairn_bytes value, cairn_http_request *request)
{
    if (!is_host(value))
        return CAIRN_HTTP_REFUSAL_HOST_INVALID;
    if (request->host.size > 0 &&
        (request->host.size != value.size ||
         strncasecmp((const char *)request->host.data, (const char *)value.data, value.size) != 0))
        return CAIRN_HTTP_REFUSAL_HOST_INVALID;
    request->host = value;
    return CAIRN_HTTP_REFUSAL_NONE;
}

static bool list_holds(cairn_bytes list, const char *token)
{
    cairn_bytes item = {NULL, 0};
    while (cut(&list, ',', &item))
        if (cairn_http_text_is(cairn_http_trim(item), token))
            return true;
    return cairn_http_text_is(cairn_http_trim(list), token);
}

static cairn_http_refusal take_framing(const cairn_http_header *header, framing *f,
                                       cairn_http_request *request)
{
    if (cairn_http_text_is(header->name, "Host"))
        return ++f->host_count > 1 ? CAIRN_HTTP_REFUSAL_HOST_REPEATED
                                   : take_host(header->value, request);
    if (cairn_http_text_is(header->name, "Content-Length"))
        return ++f->length_count > 1 ? CAIRN_HTTP_REFUSAL_LENGTH_REPEATED
                                     : take_length(header->value, request);
    if (cairn_http_text_is(header->name, "Transfer-Encoding")) {
        request->chunked = cairn_http_text_is(header->value, "chunked");
        return ++f->coding_count > 1 || !request->chunked ? CAIRN_HTTP_REFUSAL_CODING
                                                          : CAIRN_HTTP_REFUSAL_NONE;
    }
    if (cairn_http_text_is(header->name, "Connection"))
        f->close |= list_holds(header->value, "close");
    if (cairn_http_text_is(header->name, "Expect")) {
        request->expects_continue = !request->http_1_0;
        return cairn_http_text_is(header->value, "100-continue") ? CAIRN_HTTP_REFUSAL_NONE
                                                                 : CAIRN_HTTP_REFUSAL_EXPECTATION;
    }
    return CAIRN_HTTP_REFUSAL_NONE;
}

static cairn_http_refusal check_framing(const framing *f, cairn_http_request *request)
{
    if (f->host_count == 0 && !request->http_1_0)
        return CAIRN_HTTP_REFUSAL_HOST_MISSING;
    if (f->coding_count > 0 && f->length_count > 0)
        return CAIRN_HTTP_REFUSAL_LENGTH_AND_CODING;
    if (f->coding_count > 0 && request->http_1_0)
        return CAIRN_HTTP_REFUSAL_CODING_IN_1_0;
    request->keep_alive = !request->http_1_0 && !f->close;
    request->expects_continue &= request->chunked || request->content_length > 0;
    return CAIRN_HTTP_REFUSAL_NONE;
}

cairn_http_refusal cairn_http_head_parse(cairn_arena *arena, cairn_bytes head,
                                         cairn_http_request *ret_request)
{
    cairn_http_header list[CAIRN_HTTP_HEADERS_MAX];
    cairn_http_request request = {.method = CAIRN_HTTP_GET};
    framing f = {.close = false};
    REFUSE_TRY(parse_request_line(next_line(&head), &request));
    for (cairn_bytes line = next_line(&head); line.size > 0; line = next_line(&head)) {
        if (request.header_count == CAIRN_HTTP_HEADERS_MAX)
            return CAIRN_HTTP_REFUSAL_TOO_MANY_HEADERS;
        cairn_http_header *header = &list[request.header_count++];
        REFUSE_TRY(parse_header_line(line, header));
        REFUSE_TRY(take_framing(header, &f, &request));
    }
    REFUSE_TRY(check_framing(&f, &request));
    cairn_bytes copy = {NULL, 0};
    if (cairn_arena_copy(arena, cairn_bytes_of(list, request.header_count * sizeof list[0]),
                         &copy) != CAIRN_OK)
        return CAIRN_HTTP_REFUSAL_NO_MEMORY;
    request.headers = (const cairn_http_header *)(const void *)copy.data;
    *ret_request = request;
    return CAIRN_HTTP_REFUSAL_NONE;
}
