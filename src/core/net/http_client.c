/* One easy handle a call. libcurl's defaults that reach further than asked are switched off. */
#include "core/net/http_client.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <strings.h>
#include <sys/socket.h>

#include "core/crypto/openssl.h"
#include "core/net/tls_impl.h"

typedef struct receiver {
    cairn_arena *arena;
    uint8_t *data;
    size_t size, room, size_max, dropped;
    bool drop;
    bool cut; /* what is dropped went on for too long */
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

static void free_url(CURLU **url)
{
    curl_url_cleanup(*url);
}

static void free_text(char **text)
{
    curl_free(*text);
}

static cairn_err url_failed(CURLUcode rc)
{
    if (rc == CURLUE_OUT_OF_MEMORY)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "url: parts");
    return CAIRN_FAIL(CAIRN_ERR_ARGUMENT, "RFC 3986", "url: %s", curl_url_strerror(rc));
}

static void lower(char *text)
{
    for (; *text != '\0'; text++)
        if (*text >= 'A' && *text <= 'Z')
            *text = (char)(*text + ('a' - 'A'));
}

cairn_err cairn_http_client_origin(const char *url, char ret_origin[CAIRN_HTTP_URL_SIZE_MAX + 1])
{
    CAIRN_CLEANUP(free_url) CURLU *parts = NULL;
    CAIRN_CLEANUP(free_text) char *scheme = NULL;
    CAIRN_CLEANUP(free_text) char *host = NULL;
    CAIRN_CLEANUP(free_text) char *port = NULL;
    CAIRN_TRY(check_url(url));
    parts = curl_url();
    if (parts == NULL)
        return url_failed(CURLUE_OUT_OF_MEMORY);
    CURLUcode rc = curl_url_set(parts, CURLUPART_URL, url, 0);
    if (rc == CURLUE_OK)
        rc = curl_url_get(parts, CURLUPART_SCHEME, &scheme, 0);
    if (rc == CURLUE_OK)
        rc = curl_url_get(parts, CURLUPART_HOST, &host, CURLU_URLDECODE);
    if (rc == CURLUE_OK)
        rc = curl_url_get(parts, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT);
    if (rc != CURLUE_OK)
        return url_failed(rc);
    size_t size = strlen(host);
    if (size > 1 && host[size - 1] == '.')
        size--;
    (void)snprintf(ret_origin, CAIRN_HTTP_URL_SIZE_MAX + 1, "%s://%.*s:%s", scheme, (int)size, host,
                   port);
    lower(ret_origin);
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
    if (r->drop) {
        r->dropped += size;
        r->cut = r->dropped > CAIRN_HTTP_CLIENT_DROPPED_MAX;
        return r->cut ? 0 : size;
    }
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

/* Where the call may go, and whether it was kept from going somewhere. */
typedef struct gate {
    const cairn_http_call *call;
    bool shut;   /* an address was refused */
    bool opened; /* another one was not */
} gate;

static bool may_reach(const cairn_http_call *call, const struct sockaddr *address)
{
    if (call->reach == CAIRN_HTTP_CLIENT_ANYWHERE || cairn_address_is_public(address))
        return true;
    for (size_t i = 0; i < call->allowed_count; i++)
        if (cairn_network_holds(&call->allowed[i], address))
            return true;
    return false;
}

/* libcurl asks for a socket for each address that it is about to connect to, after the name was
 * resolved: no second resolution can slip in between. */
static curl_socket_t open_socket(void *context, curlsocktype purpose, struct curl_sockaddr *address)
{
    gate *g = context;
    (void)purpose;
    if (!may_reach(g->call, &address->addr)) {
        g->shut = true;
        return CURL_SOCKET_BAD;
    }
    g->opened = true;
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

/* libcurl asks about once a second; anything but zero ends the call. */
static int look_up(void *context, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
    const cairn_http_call *call = context;
    (void)a;
    (void)b;
    (void)c;
    (void)d;
    return atomic_load(call->cancelled) ? 1 : 0;
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

/* So that a wrong identity is told as what it is, and not as a failed handshake. */
static cairn_err check_identity(const cairn_http_call *call)
{
    if (call->identity == NULL)
        return CAIRN_OK;
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    if (ctx == NULL)
        return cairn_openssl_fail("tls: context");
    cairn_err err = cairn_tls_use_identity(ctx, call->identity);
    SSL_CTX_free(ctx);
    return err;
}

/* libcurl hands its SSL_CTX over before the handshake; `context` is the identity. */
static CURLcode show_identity(CURL *handle, void *ctx, void *context)
{
    (void)handle;
    return cairn_tls_use_identity(ctx, context) == CAIRN_OK ? CURLE_OK : CURLE_SSL_CERTPROBLEM;
}

static CURLcode set_trust(CURL *handle, const cairn_http_call *call)
{
    CURLcode code = CURLE_OK;
    SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    if (call->ca_file != NULL) {
        SET(CURLOPT_CAINFO, call->ca_file);
        SET(CURLOPT_CAPATH, NULL);
    }
    if (call->spki_pin != NULL) {
        char pin[64] = "sha256//";
        cairn_base64_encode(cairn_bytes_hash(call->spki_pin), pin + strlen(pin));
        SET(CURLOPT_PINNEDPUBLICKEY, pin); /* copied */
        if (call->pin_alone) {
            SET(CURLOPT_SSL_VERIFYPEER, 0L);
            SET(CURLOPT_SSL_VERIFYHOST, 0L);
        }
    }
    if (call->identity != NULL) {
        SET(CURLOPT_SSL_CTX_FUNCTION, show_identity);
        SET(CURLOPT_SSL_CTX_DATA, call->identity);
    }
    return code;
}

static CURLcode set_method(CURL *handle, const cairn_http_call *call)
{
    static const char *const names[] = {
        [CAIRN_HTTP_CLIENT_GET] = "GET",       [CAIRN_HTTP_CLIENT_POST] = "POST",
        [CAIRN_HTTP_CLIENT_PUT] = "PUT",       [CAIRN_HTTP_CLIENT_PATCH] = "PATCH",
        [CAIRN_HTTP_CLIENT_DELETE] = "DELETE",
    };
    CURLcode code = CURLE_OK;
    if (call->method != CAIRN_HTTP_CLIENT_GET && call->method != CAIRN_HTTP_CLIENT_DELETE) {
        SET(CURLOPT_POST, 1L);
        SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)call->body.size);
        SET(CURLOPT_POSTFIELDS, call->body.size == 0 ? "" : (const char *)call->body.data);
    }
    SET(CURLOPT_CUSTOMREQUEST, names[call->method]);
    return code;
}

static CURLcode set_options(CURL *handle, const struct curl_slist *headers, receiver *r, gate *g,
                            char *reason)
{
    CURLcode code = CURLE_OK;
    SET(CURLOPT_ERRORBUFFER, reason);
    SET(CURLOPT_URL, g->call->url);
    SET(CURLOPT_PROTOCOLS_STR, "http,https");
    SET(CURLOPT_FOLLOWLOCATION, 0L);
    SET(CURLOPT_PROXY, "");
    SET(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_TIMEOUT_MS, (long)g->call->timeout_ms);
    SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    SET(CURLOPT_HTTP09_ALLOWED, 0L);
    SET(CURLOPT_HTTPHEADER, headers);
    SET(CURLOPT_WRITEFUNCTION, receive);
    SET(CURLOPT_WRITEDATA, r);
    SET(CURLOPT_OPENSOCKETFUNCTION, open_socket);
    SET(CURLOPT_OPENSOCKETDATA, g);
    if (g->call->cancelled != NULL) {
        SET(CURLOPT_NOPROGRESS, 0L);
        SET(CURLOPT_XFERINFOFUNCTION, look_up);
        SET(CURLOPT_XFERINFODATA, g->call);
    }
    if (code == CURLE_OK)
        code = set_trust(handle, g->call);
    return code == CURLE_OK ? set_method(handle, g->call) : code;
}

static cairn_err copy_text(cairn_arena *arena, const char *text, cairn_bytes *ret_copy)
{
    cairn_bytes copy;
    CAIRN_TRY(cairn_arena_copy(arena, cairn_bytes_of(text, strlen(text) + 1), &copy));
    *ret_copy = cairn_bytes_of(copy.data, copy.size - 1);
    return CAIRN_OK;
}

static cairn_err read_headers(CURL *handle, cairn_arena *arena, cairn_http_reply *reply)
{
    void *memory = NULL;
    CAIRN_TRY(cairn_arena_array(arena, CAIRN_HTTP_CLIENT_REPLY_HEADERS_MAX,
                                sizeof(cairn_http_header), &memory));
    cairn_http_header *list = memory;
    struct curl_header *h = NULL;
    while (reply->header_count < CAIRN_HTTP_CLIENT_REPLY_HEADERS_MAX &&
           (h = curl_easy_nextheader(handle, CURLH_HEADER, -1, h)) != NULL) {
        cairn_http_header *header = &list[reply->header_count++];
        CAIRN_TRY(copy_text(arena, h->name, &header->name));
        CAIRN_TRY(copy_text(arena, h->value, &header->value));
    }
    reply->headers = list;
    return CAIRN_OK;
}

bool cairn_http_reply_header(const cairn_http_reply *reply, const char *name,
                             cairn_bytes *ret_value)
{
    for (size_t i = 0; i < reply->header_count; i++)
        if (cairn_http_text_is(reply->headers[i].name, name)) {
            *ret_value = reply->headers[i].value;
            return true;
        }
    return false;
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
    cairn_http_reply reply = {.status = (int)status,
                              .content_type = (const char *)copy.data,
                              .body = cairn_bytes_of(r->data, r->size)};
    CAIRN_TRY(read_headers(handle, r->arena, &reply));
    *ret_reply = reply;
    return CAIRN_OK;
}

static cairn_err explain(const gate *g, CURLcode code, const char *reason)
{
    int size = (int)strcspn(g->call->url, "?"); /* a query may hold a secret */
    if (code == CURLE_ABORTED_BY_CALLBACK)
        return CAIRN_FAIL(CAIRN_ERR_CANCELLED, "house", "%.*s: was given up", size, g->call->url);
    if (code == CURLE_OUT_OF_MEMORY)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "http: out of memory");
    if (g->shut && !g->opened && code == CURLE_COULDNT_CONNECT)
        return CAIRN_FAIL(CAIRN_ERR_PERMISSION, "house",
                          "%.*s: the host has no address that may be called", size, g->call->url);
    return CAIRN_FAIL(CAIRN_ERR_UNREACHABLE, "house", "%.*s: %s", size, g->call->url,
                      reason[0] != '\0' ? reason : curl_easy_strerror(code));
}

static pthread_once_t curl_once = PTHREAD_ONCE_INIT; /* libcurl's tables, set up once a process */
static CURLcode curl_ready = CURLE_FAILED_INIT;      /* written within curl_once only */

static void curl_start(void)
{
    curl_ready = curl_global_init(CURL_GLOBAL_DEFAULT);
}

static cairn_err new_handle(CURL **ret_handle)
{
    CAIRN_ASSERT(pthread_once(&curl_once, curl_start) == 0);
    CURL *handle = curl_ready == CURLE_OK ? curl_easy_init() : NULL;
    if (handle == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "http: libcurl cannot start");
    *ret_handle = handle;
    return CAIRN_OK;
}

/* Between calls the handle has its open connections and nothing else of a call. */
struct cairn_http_kept {
    CURL *handle;
};

cairn_err cairn_http_kept_new(cairn_http_kept **ret_kept)
{
    cairn_http_kept *kept = calloc(1, sizeof *kept);
    if (kept == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "http: kept connections");
    cairn_err err = new_handle(&kept->handle);
    if (err == CAIRN_OK)
        *ret_kept = kept;
    else
        free(kept);
    return err;
}

void cairn_http_kept_free(cairn_http_kept *kept)
{
    if (kept == NULL)
        return;
    curl_easy_cleanup(kept->handle);
    free(kept);
}

static cairn_err perform(CURL *handle, cairn_arena *arena, const cairn_http_call *call,
                         cairn_http_reply *ret_reply)
{
    CAIRN_CLEANUP(curl_free_list) struct curl_slist *headers = NULL;
    CAIRN_TRY(make_headers(call, arena, &headers));
    receiver r = {.arena = arena, .size_max = call->body_size_max, .drop = call->drop_body};
    gate g = {.call = call};
    char reason[CURL_ERROR_SIZE] = "";
    CURLcode code = set_options(handle, headers, &r, &g, reason);
    if (code == CURLE_OK)
        code = curl_easy_perform(handle);
    if (r.err != CAIRN_OK)
        return r.err;
    if (code != CURLE_OK && !r.cut)
        return explain(&g, code, reason);
    return read_reply(handle, &r, ret_reply);
}

cairn_err cairn_http_client_call(cairn_arena *arena, const cairn_http_call *call,
                                 cairn_http_reply *ret_reply)
{
    CAIRN_CLEANUP(curl_free_handle) CURL *own = NULL;
    CAIRN_ASSERT(call->timeout_ms > 0);
    CAIRN_TRY(check_url(call->url));
    CAIRN_TRY(check_identity(call));
    if (call->kept == NULL) {
        CAIRN_TRY(new_handle(&own));
        return perform(own, arena, call, ret_reply);
    }
    cairn_err err = perform(call->kept->handle, arena, call, ret_reply);
    curl_easy_reset(call->kept->handle);
    return err;
}
