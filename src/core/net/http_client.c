/* One easy handle a call. libcurl's defaults that reach further than asked are switched off. */
#include "core/net/http_client.h"

#include <curl/curl.h>
#include <pthread.h>
#include <strings.h>

typedef struct receiver {
    cairn_arena *arena;
    uint8_t *data;
    size_t size, room, size_max;
    cairn_err err;
} receiver;

static void curl_free_handle(CURL **handle)
{
    curl_easy_cleanup(*handle);
}

static void curl_free_list(struct curl_slist **list)
{
    curl_slist_free_all(*list);
}

static bool printable(const char *text)
{
    for (const char *p = text; *p != '\0'; p++)
        if (*p < 0x20 || *p > 0x7e)
            return false;
    return true;
}

/* A user name in the URL would be sent as a password that nobody sees in the configuration. */
static cairn_err check_url(const char *url)
{
    size_t scheme = strncasecmp(url, "http://", 7) == 0    ? 7
                    : strncasecmp(url, "https://", 8) == 0 ? 8
                                                           : 0;
    if (scheme == 0)
        return CAIRN_FAIL(CAIRN_ERR_ARGUMENT, "house", "url: neither http nor https");
    if (strlen(url) > CAIRN_HTTP_URL_SIZE_MAX)
        return CAIRN_FAIL(CAIRN_ERR_ARGUMENT, "house", "url: longer than %d bytes",
                          CAIRN_HTTP_URL_SIZE_MAX);
    size_t authority = strcspn(url + scheme, "/?#");
    if (!printable(url) || strchr(url, ' ') != NULL)
        return CAIRN_FAIL(CAIRN_ERR_ARGUMENT, "RFC 3986 section 2", "url: unescaped character");
    if (authority == 0 || memchr(url + scheme, '@', authority) != NULL)
        return CAIRN_FAIL(CAIRN_ERR_ARGUMENT, "house", "url: no host, or a user name");
    return CAIRN_OK;
}

/* Doubles the room in the arena; what it leaves behind is at most as much again. */
static cairn_err receiver_grow(receiver *r, size_t need)
{
    size_t room = r->room == 0 ? 4096 : r->room;
    while (room < need)
        room *= 2;
    if (room > r->size_max)
        room = r->size_max;
    void *memory = NULL;
    CAIRN_TRY(cairn_arena_alloc(r->arena, room, &memory));
    if (r->size > 0)
        memcpy(memory, r->data, r->size);
    r->data = memory;
    r->room = room;
    return CAIRN_OK;
}

/* Anything but `size` back makes libcurl give up. */
static size_t receive(char *data, size_t one, size_t size, void *context)
{
    (void)one;
    receiver *r = context;
    if (size > r->size_max - r->size)
        r->err = CAIRN_FAIL(CAIRN_ERR_TOO_LARGE, "house", "reply: body of more than %zu bytes",
                            r->size_max);
    else if (size > r->room - r->size)
        r->err = receiver_grow(r, r->size + size);
    if (r->err != CAIRN_OK)
        return 0;
    if (size > 0)
        memcpy(r->data + r->size, data, size);
    r->size += size;
    return size;
}

static cairn_err append(struct curl_slist **list, const char *line)
{
    if (!printable(line))
        return CAIRN_FAIL(CAIRN_ERR_ARGUMENT, "RFC 9110 section 5.5", "header: control character");
    struct curl_slist *longer = curl_slist_append(*list, line);
    if (longer == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "http: headers");
    *list = longer;
    return CAIRN_OK;
}

static cairn_err make_headers(const cairn_http_call *call, cairn_arena *arena,
                              struct curl_slist **list)
{
    if (call->header_count > CAIRN_HTTP_CLIENT_HEADERS_MAX)
        return CAIRN_FAIL(CAIRN_ERR_ARGUMENT, "house", "headers: more than %d",
                          CAIRN_HTTP_CLIENT_HEADERS_MAX);
    for (size_t i = 0; i < call->header_count; i++)
        CAIRN_TRY(append(list, call->headers[i]));
    CAIRN_TRY(append(list, "Expect:"));
    const char *type = call->content_type != NULL ? call->content_type : "";
    static const char name[] = "Content-Type: ";
    void *memory = NULL;
    CAIRN_TRY(cairn_arena_alloc(arena, sizeof name + strlen(type), &memory));
    memcpy(memory, name, sizeof name - 1);
    memcpy((char *)memory + sizeof name - 1, type, strlen(type) + 1);
    return append(list, memory);
}

/* Sets one option; the first failure sticks. */
#define SET(option, value)                                      \
    do {                                                        \
        if (code == CURLE_OK)                                   \
            code = curl_easy_setopt(handle, (option), (value)); \
    } while (0)

static CURLcode set_options(CURL *handle, const cairn_http_call *call,
                            const struct curl_slist *headers, receiver *r, char *reason)
{
    CURLcode code = CURLE_OK;
    SET(CURLOPT_ERRORBUFFER, reason);
    SET(CURLOPT_URL, call->url);
    SET(CURLOPT_PROTOCOLS_STR, "http,https");
    SET(CURLOPT_FOLLOWLOCATION, 0L);
    SET(CURLOPT_PROXY, "");
    SET(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_TIMEOUT_MS, (long)call->timeout_ms);
    SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    SET(CURLOPT_HTTP09_ALLOWED, 0L);
    SET(CURLOPT_HTTPHEADER, headers);
    SET(CURLOPT_WRITEFUNCTION, receive);
    SET(CURLOPT_WRITEDATA, r);
    SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    if (call->ca_file != NULL) {
        SET(CURLOPT_CAINFO, call->ca_file);
        SET(CURLOPT_CAPATH, NULL);
    }
    if (call->method == CAIRN_HTTP_CLIENT_POST) {
        SET(CURLOPT_POST, 1L);
        SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)call->body.size);
        SET(CURLOPT_POSTFIELDS, call->body.size == 0 ? "" : (const char *)call->body.data);
    }
    return code;
}

static cairn_err read_reply(CURL *handle, const receiver *r, cairn_http_reply *ret_reply)
{
    long status = 0;
    const char *type = NULL;
    if (curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &status) != CURLE_OK ||
        curl_easy_getinfo(handle, CURLINFO_CONTENT_TYPE, &type) != CURLE_OK || status < 100 ||
        status > 599)
        return CAIRN_FAIL(CAIRN_ERR_UNREACHABLE, "RFC 9110 section 15", "reply: status %ld",
                          status);
    cairn_bytes copy = cairn_bytes_str("");
    if (type == NULL)
        type = "";
    CAIRN_TRY(cairn_arena_copy(r->arena, cairn_bytes_of(type, strlen(type) + 1), &copy));
    *ret_reply = (cairn_http_reply){.status = (int)status,
                                    .content_type = (const char *)copy.data,
                                    .body = cairn_bytes_of(r->data, r->size)};
    return CAIRN_OK;
}

static pthread_once_t curl_once = PTHREAD_ONCE_INIT; /* libcurl's tables, set up once a process */
static CURLcode curl_ready = CURLE_FAILED_INIT;      /* written within curl_once only */

static void curl_start(void)
{
    curl_ready = curl_global_init(CURL_GLOBAL_DEFAULT);
}

cairn_err cairn_http_client_call(cairn_arena *arena, const cairn_http_call *call,
                                 cairn_http_reply *ret_reply)
{
    CAIRN_ASSERT(call->timeout_ms > 0);
    CAIRN_TRY(check_url(call->url));
    CAIRN_ASSERT(pthread_once(&curl_once, curl_start) == 0);
    CAIRN_CLEANUP(curl_free_handle) CURL *handle = NULL;
    CAIRN_CLEANUP(curl_free_list) struct curl_slist *headers = NULL;
    if (curl_ready == CURLE_OK)
        handle = curl_easy_init();
    if (handle == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "http: libcurl cannot start");
    CAIRN_TRY(make_headers(call, arena, &headers));
    receiver r = {.arena = arena, .size_max = call->body_size_max};
    char reason[CURL_ERROR_SIZE] = "";
    CURLcode code = set_options(handle, call, headers, &r, reason);
    if (code == CURLE_OK)
        code = curl_easy_perform(handle);
    if (r.err != CAIRN_OK)
        return r.err;
    if (code == CURLE_OUT_OF_MEMORY)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "http: out of memory");
    if (code != CURLE_OK)
        return CAIRN_FAIL(CAIRN_ERR_UNREACHABLE, "house", "%.*s: %s", (int)strcspn(call->url, "?"),
                          call->url, /* a query may hold a secret */
                          reason[0] != '\0' ? reason : curl_easy_strerror(code));
    return read_reply(handle, &r, ret_reply);
}
