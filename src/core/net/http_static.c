/* The table's rows, and the headers that go with them. */
#include "core/net/http_static.h"

#include <stdlib.h>

#include "core/net/http_accept.h"

/* Scripts, styles and everything else from this host alone; no frame, no form, no plugin. */
#define POLICY                                                                                 \
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src " \
    "'self'; connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; "   \
    "frame-ancestors 'none'"

static int compare(const void *key, const void *row)
{
    const cairn_bytes *path = key;
    const cairn_http_file *file = row;
    return cairn_bytes_compare(*path, cairn_bytes_str(file->path));
}

const cairn_http_file *cairn_http_files_find(const cairn_http_files *files, cairn_bytes path)
{
    return bsearch(&path, files->rows, files->count, sizeof files->rows[0], compare);
}

/* `*`, or a list that holds the tag. A tag holds no comma of ours, so the list is cut at commas. By
 * weak comparison what is marked weak is the same tag, by strong comparison it is another. */
static bool holds_tag(cairn_bytes list, const char *etag, bool weakly)
{
    cairn_bytes tag = cairn_bytes_str(etag);
    while (list.size > 0) {
        cairn_bytes item = cairn_http_cut(&list, ',');
        if (weakly && item.size > 2 && memcmp(item.data, "W/", 2) == 0)
            item = cairn_bytes_of(item.data + 2, item.size - 2);
        if (cairn_bytes_equal(item, tag) || cairn_bytes_equal(item, cairn_bytes_str("*")))
            return true;
    }
    return false;
}

typedef struct condition {
    bool given;
    bool holds;
} condition;

/* All fields of that name are one list. */
static condition read_condition(const cairn_http_request *request, const char *field,
                                const char *etag, bool weakly)
{
    condition c = {.given = false};
    for (size_t i = 0; i < request->header_count; i++)
        if (cairn_http_text_is(request->headers[i].name, field)) {
            c.given = true;
            c.holds = c.holds || holds_tag(request->headers[i].value, etag, weakly);
        }
    return c;
}

int cairn_http_tag_status(const cairn_http_request *request, const char *etag)
{
    const condition match = read_condition(request, "If-Match", etag, false);
    if (match.given && !match.holds)
        return 412;
    return read_condition(request, "If-None-Match", etag, true).holds ? 304 : 200;
}

static void respond_wrong_method(cairn_http_exchange *exchange)
{
    static const cairn_http_field allow = {"Allow", "GET, HEAD"};
    char problem[CAIRN_HTTP_PROBLEM_SIZE_MAX];
    cairn_http_problem_write(405, "METHOD_NOT_ALLOWED", "a file is read by GET or HEAD", problem);
    const cairn_http_response response = {.status = 405,
                                          .content_type = CAIRN_HTTP_PROBLEM_TYPE,
                                          .fields = &allow,
                                          .field_count = 1,
                                          .body = cairn_bytes_str(problem)};
    cairn_http_respond(exchange, &response);
}

void cairn_http_respond_file(cairn_http_exchange *exchange, const cairn_http_request *request,
                             const cairn_http_file *file)
{
    if (request->method != CAIRN_HTTP_GET && request->method != CAIRN_HTTP_HEAD) {
        respond_wrong_method(exchange);
        return;
    }
    const cairn_http_field fields[] = {
        {"ETag", file->etag},
        {"Cache-Control", file->immutable ? "public, max-age=31536000, immutable" : "no-cache"},
        {"Content-Security-Policy", POLICY},
        {"X-Content-Type-Options", "nosniff"},
        {"Referrer-Policy", "no-referrer"},
        {"Cross-Origin-Opener-Policy", "same-origin"},
        {"Cross-Origin-Resource-Policy", "same-origin"},
        {"Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()"},
    };
    int status = cairn_http_tag_status(request, file->etag);
    const cairn_http_response response = {.status = status,
                                          .content_type = status == 200 ? file->type : NULL,
                                          .fields = fields,
                                          .field_count = sizeof fields / sizeof fields[0],
                                          .body = status == 200 ? file->bytes
                                                                : cairn_bytes_of(NULL, 0)};
    cairn_http_respond(exchange, &response);
}
