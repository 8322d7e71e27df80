/* The change feed of one ledger as it happens: each open stream has its own place in the feed, and
 * is brought forward when a block is published or its client has read. Source: house (ARCHITECTURE,
 * Jobs); HTML Living Standard, section 9.2. */
#ifndef CAIRN_NODE_FEED_H
#define CAIRN_NODE_FEED_H

#include "core/net/http_sse.h"
#include "ledger/engine.h"
#include "node/api/api_json.h"
#include "node/node_work.h"

enum {
    CAIRN_FEED_STREAMS_MAX = 10000, /* of one ledger */
    CAIRN_FEED_CURSOR_SIZE = 32,    /* bytes of a cursor's text with its NUL */
    CAIRN_FEED_BLOCKS_MAX = 256,    /* looked at in one go */
};

/* The last event that was seen: number `ordinal` of block `height`. */
typedef struct cairn_feed_place {
    uint64_t height;
    uint32_t ordinal;
} cairn_feed_place;

/* "HEIGHT-ORDINAL". BAD_VALUE for anything else. */
cairn_err cairn_feed_place_parse(cairn_bytes text, cairn_feed_place *ret_place) CAIRN_MUST_USE;
void cairn_feed_place_format(const cairn_feed_place *place, char ret_text[CAIRN_FEED_CURSOR_SIZE]);

/* Visits the events behind `place`, of at most CAIRN_FEED_BLOCKS_MAX blocks, and moves it behind
 * what was visited and taken. `ret_more` says whether there may be others. An error of `visit` ends
 * the walk: the event that it refused is the next one. */
cairn_err cairn_feed_read(cairn_engine *engine, cairn_feed_place *place, cairn_job_visit visit,
                          void *context, bool *ret_more) CAIRN_MUST_USE;

/* The JSON of one event, the same in pages, streams and callbacks: see `Event` in
 * api/openapi.yaml. */
void cairn_feed_put(cairn_api_json *json, const char *key, const cairn_job_event *event);

typedef struct cairn_feed cairn_feed;

/* `engine`, `work` and the counters outlive it: the one is how many streams are open, the other how
 * many events were sent. NO_MEMORY. */
cairn_err cairn_feed_new(cairn_engine *engine, cairn_work *work, _Atomic uint64_t *stream_count,
                         _Atomic uint64_t *event_count, cairn_feed **ret_feed) CAIRN_MUST_USE;
/* When all streams have ended. Takes NULL. */
void cairn_feed_free(cairn_feed *feed);
CAIRN_DEFINE_CLEANUP(cairn_feed, cairn_feed_free)

/* Begins to stream to the exchange from behind `place`, and takes it over. On an error it is still
 * the caller's: BUSY beyond CAIRN_FEED_STREAMS_MAX, NO_MEMORY. */
cairn_err cairn_feed_open(cairn_feed *feed, cairn_http_exchange *exchange,
                          const cairn_feed_place *place) CAIRN_MUST_USE;

#endif
