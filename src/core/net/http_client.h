/* One HTTP exchange as a client, over libcurl: bounded in time and size, http and https only, no
 * redirects, no proxy and no credentials from the environment, so that a call goes where it was
 * sent and nowhere else. Source: house (ARCHITECTURE, Dependencies). */
#ifndef CAIRN_CORE_NET_HTTP_CLIENT_H
#define CAIRN_CORE_NET_HTTP_CLIENT_H

#include "cairn/arena.h"
#include "core/net/address.h"
#include "core/net/http_request.h"
#include "core/net/tls.h"

enum {
    CAIRN_HTTP_URL_SIZE_MAX = 2048,     /* bytes */
    CAIRN_HTTP_CLIENT_HEADERS_MAX = 16, /* request headers of one call */
    CAIRN_HTTP_CLIENT_REPLY_HEADERS_MAX =
        128, /* header fields of a reply; further ones are not kept */
    CAIRN_HTTP_CLIENT_DROPPED_MAX = 1 << 20, /* bytes of a body that nobody wants to have read */
};

typedef enum cairn_http_client_method {
    CAIRN_HTTP_CLIENT_GET,
    CAIRN_HTTP_CLIENT_POST,
    CAIRN_HTTP_CLIENT_PUT,
    CAIRN_HTTP_CLIENT_PATCH,
    CAIRN_HTTP_CLIENT_DELETE,
} cairn_http_client_method;

/* Which addresses a call may go to, once the name is resolved. */
typedef enum cairn_http_client_reach {
    CAIRN_HTTP_CLIENT_ANYWHERE, /* the URL is ours */
    CAIRN_HTTP_CLIENT_PUBLIC,   /* the URL is a stranger's: cairn_address_is_public, or allowed */
} cairn_http_client_reach;

/* Connections that outlive a call, for the next one to the same server: without a name to look up
 * or a handshake. One call at a time. */
typedef struct cairn_http_kept cairn_http_kept;

/* What to ask. All pointers are borrowed for the call. */
typedef struct cairn_http_call {
    cairn_http_client_method method;
    const char *url;            /* http:// or https://, without user name, printable ASCII */
    const char *content_type;   /* of the body; NULL without one */
    cairn_bytes body;           /* of a POST, PUT or PATCH */
    const char *const *headers; /* "Name: value" lines without control characters, or NULL */
    size_t header_count;
    uint32_t timeout_ms;  /* for all of it, at least 1 */
    size_t body_size_max; /* bytes of the reply's body */
    bool drop_body;       /* the reply's body is not kept; it is read to its end, or cut off beyond
                             CAIRN_HTTP_CLIENT_DROPPED_MAX, which is no failure */
    const char *ca_file;  /* PEM of the only roots trusted for https; NULL trusts the system's */
    const cairn_hash *spki_pin; /* SHA-256 of the only SubjectPublicKeyInfo that https accepts, in
                                   addition to the roots; NULL: no pin */
    bool pin_alone; /* the pinned key is all that is asked for: no roots, names or dates */
    const cairn_tls_identity *identity; /* shown to a server that asks; NULL: none */
    const _Atomic bool *cancelled; /* once it is true the call ends, within a second or so; NULL */
    cairn_http_client_reach reach;
    const cairn_network *allowed; /* beside the public addresses */
    size_t allowed_count;
    cairn_http_kept
        *kept; /* NULL: a connection of its own. All calls that share one have the same
                  trust, identity and reach, which are judged when a connection begins */
} cairn_http_call;

typedef struct cairn_http_reply {
    int status;               /* 100 to 599, of the one response; 3xx is not followed */
    const char *content_type; /* as sent, "" when it is missing */
    cairn_bytes body;
    const cairn_http_header *headers; /* as sent, in order */
    size_t header_count;
} cairn_http_reply;

/* Who a URL is asked of: "https://host:443", the scheme and the host in lower case, the host as
 * libcurl reads it, the port always there. Without a dot at the host's end: the root's name is the
 * same host. ARGUMENT for a URL that a call would refuse; NO_MEMORY. */
cairn_err cairn_http_client_origin(const char *url,
                                   char ret_origin[CAIRN_HTTP_URL_SIZE_MAX + 1]) CAIRN_MUST_USE;

/* The caller frees it, after its last call. NO_MEMORY. */
cairn_err cairn_http_kept_new(cairn_http_kept **ret_kept) CAIRN_MUST_USE;
void cairn_http_kept_free(cairn_http_kept *kept);
CAIRN_DEFINE_CLEANUP(cairn_http_kept, cairn_http_kept_free)

/* Performs the call; a reply of any status is success, and lives in the arena.
 * UNREACHABLE with the reason when there was no complete reply in time, PERMISSION when `reach`
 * forbids every address of the host, ARGUMENT for a URL or a header that is not allowed, TOO_LARGE
 * for a body beyond `body_size_max`, CANCELLED, NO_MEMORY; those of cairn_tls_server_new for the
 * identity. A kept connection that the server has
 * closed meanwhile is opened anew. Blocks; any thread. The process ignores SIGPIPE: TLS writes may
 * raise it. */
cairn_err cairn_http_client_call(cairn_arena *arena, const cairn_http_call *call,
                                 cairn_http_reply *ret_reply) CAIRN_MUST_USE;

/* Value of a header field of a reply by name, without case; the first one. */
bool cairn_http_reply_header(const cairn_http_reply *reply, const char *name,
                             cairn_bytes *ret_value);

#endif
