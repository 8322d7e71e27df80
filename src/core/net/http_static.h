/* Files that are part of the program: a table of bytes served with an entity tag and the headers
 * that keep a browser from running anything else. Source: RFC 9110 sections 8.8.3 and 13; CSP
 * Level 3; house. */
#ifndef CAIRN_CORE_NET_HTTP_STATIC_H
#define CAIRN_CORE_NET_HTTP_STATIC_H

#include "core/net/http_exchange.h"

typedef struct cairn_http_file {
    const char *path; /* below the mount, "app.js"; "" is the index */
    const char *type; /* "text/html; charset=utf-8" */
    cairn_bytes bytes;
    const char *etag; /* with its quotes: "\"abc\"" */
    bool immutable;   /* the path changes with the content: cached for a year; else revalidated */
} cairn_http_file;

typedef struct cairn_http_files {
    const cairn_http_file *rows; /* in the bytewise order of their paths */
    size_t count;
} cairn_http_files;

/* The file at `path` (without the mount and without a leading '/', percent-decoded); NULL when
 * there is none. */
const cairn_http_file *cairn_http_files_find(const cairn_http_files *files, cairn_bytes path);

/* What a GET or HEAD of what has `etag` (with its quotes) is answered: 412 when If-Match is there
 * and does not name it by strong comparison, 304 when If-None-Match names it by weak comparison
 * (`*` names any), else 200. RFC 9110 sections 13.1.1, 13.1.2 and 13.2.2. */
int cairn_http_tag_status(const cairn_http_request *request, const char *etag);

/* Answers a GET or HEAD with `file`: the status of its tag, and with 200 the bytes. Other methods
 * get 405 with Allow. Gives up the exchange. */
void cairn_http_respond_file(cairn_http_exchange *exchange, const cairn_http_request *request,
                             const cairn_http_file *file);

#endif
