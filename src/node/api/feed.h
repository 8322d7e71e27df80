/* The change feed of one ledger as it happens: each open stream has its own place in the feed, and
 * is brought forward when a block is published or its client has read. Source: house (ARCHITECTURE,
 * Jobs); HTML Living Standard, section 9.2. */
#ifndef CAIRN_NODE_FEED_H
#define CAIRN_NODE_FEED_H

#include "core/clock.h"
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

/* All but the clock outlive the feed. */
typedef struct cairn_feed_setup {
    cairn_engine *engine;
    cairn_clock clock;
    cairn_work *work;
    _Atomic uint64_t *stream_count; /* how many streams are open */
    _Atomic uint64_t *event_count;  /* how many events were sent */
} cairn_feed_setup;

/* NO_MEMORY. */
cairn_err cairn_feed_new(const cairn_feed_setup *setup, cairn_feed **ret_feed) CAIRN_MUST_USE;
/* When all streams have ended. Takes NULL. */
void cairn_feed_free(cairn_feed *feed);
CAIRN_DEFINE_CLEANUP(cairn_feed, cairn_feed_free)

/* May the stream go on, and until when (wall clock) need nobody ask again? */
typedef void (*cairn_feed_answer_fn)(void *context, bool may, uint64_t until_ms);

/* Who may see a stream, and what of it. It is asked before the first event, when organisations or
 * keys of the ledger have changed and when the time has come: what comes later is not sent before
 * it has answered. */
typedef struct cairn_feed_guard {
    /* Calls `answer` once, now or later, from any thread. NULL: anybody may. */
    void (*ask)(void *context, cairn_feed_answer_fn answer, void *answer_context);
    /* May this event be shown? NULL: each. */
    cairn_err (*sees)(void *context, const cairn_job_event *event, bool *ret_sees);
    void *context; /* lives as long as the exchange */
} cairn_feed_guard;

/* Begins to stream to the exchange from behind `place`, and takes it over. On an error it is still
 * the caller's: BUSY beyond CAIRN_FEED_STREAMS_MAX, NO_MEMORY. */
cairn_err cairn_feed_open(cairn_feed *feed, cairn_http_exchange *exchange,
                          const cairn_feed_place *place,
                          const cairn_feed_guard *guard) CAIRN_MUST_USE;

/* Has the guards asked whose time has come; wall clock of the next one's. Any thread. */
uint64_t cairn_feed_tend(cairn_feed *feed);

#endif
