/* Pages over the rows of a projection: read on behind where the last page ended, by an opaque token
 * that the caller brings back. The server remembers nothing of a walk.
 *
 * A walk goes through the keys in order. A row that is there during the whole walk comes exactly
 * once, whatever is written meanwhile; one that comes or goes meanwhile comes at most once.
 * The token is encrypted and authenticated; it is good for one caller, one query on one projection,
 * and a time. Anything else is PAGE_TOKEN, and no more is said.
 * Source: house (docs/formats/page-token.md). */
#ifndef CAIRN_CORE_JOBS_PAGE_H
#define CAIRN_CORE_JOBS_PAGE_H

#include "core/jobs/projection.h"
#include "core/net/principal.h"

enum {
    CAIRN_PAGE_LIMIT_MAX = 1000,       /* rows of one page */
    CAIRN_PAGE_LIFE_MS_MAX = 86400000, /* of a token: a day */
    CAIRN_PAGE_SCAN_MAX = 20000,       /* rows looked at for one page */
    CAIRN_PAGE_TOKEN_SIZE_MAX = 800,   /* characters */
};

/* Which rows, for whom. Borrowed for the call. */
typedef struct cairn_page_query {
    const char *projection;
    uint32_t slot;
    unsigned table;
    cairn_bytes prefix;       /* of the keys; empty: all */
    const cairn_hash *query;  /* digest of what else the caller asked (filters): binds the token */
    const cairn_hash *caller; /* cairn_principal_digest */
    cairn_bytes token;        /* of the page before; empty: from the start */
    size_t limit;             /* 1 to CAIRN_PAGE_LIMIT_MAX, else ARGUMENT */
    uint32_t life_ms;         /* of the token that comes back, 1 to CAIRN_PAGE_LIFE_MS_MAX */
    /* Leaves out rows, when it is not NULL: a page may then be shorter than `limit` though more
     * follow, since at most CAIRN_PAGE_SCAN_MAX rows are looked at. Must not call back. */
    bool (*accept)(void *context, cairn_bytes key, cairn_bytes value);
    void *accept_context;
} cairn_page_query;

typedef struct cairn_page_row {
    cairn_bytes key;
    cairn_bytes value;
} cairn_page_row;

/* All of it in the arena. */
typedef struct cairn_page {
    const cairn_page_row *rows;
    size_t row_count;
    uint32_t version;      /* of the projection that wrote the rows */
    cairn_cursor position; /* how far the projection had come */
    cairn_bytes token;     /* of the next page; empty when nothing follows */
} cairn_page;

/* One page. PAGE_TOKEN; ARGUMENT; NOT_FOUND and BUSY as cairn_projection_view_open. Any thread. */
cairn_err cairn_page_read(cairn_jobs *jobs, cairn_arena *arena, const cairn_page_query *query,
                          cairn_page *ret_page) CAIRN_MUST_USE;

/* Makes a new key for tokens now; the ones before it go on opening what they sealed for
 * CAIRN_PAGE_LIFE_MS_MAX. The jobs do this by themselves once a day. */
cairn_err cairn_page_rotate(cairn_jobs *jobs) CAIRN_MUST_USE;

#endif
