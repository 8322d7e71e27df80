/* Streams and the one rule about them: a stream is brought forward by one thread of work at a time,
 * and ended by that same one. While its guard is asked the stream counts as under work. */
#include "node/api/feed.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "cairn/transaction.h"
#include "node/api/api_json.h"

enum { RETRY_MS = 1000, BATCH_SIZE = 16 << 10 };

typedef struct stream {
    struct cairn_feed *feed;
    cairn_http_exchange *exchange;
    struct stream *previous, *next;
    cairn_work_item item; /* queued while `running`, until it runs */
    /* Under the feed's lock. */
    bool running;      /* work has it */
    bool again;        /* something came meanwhile */
    bool ending;       /* the client has gone, may see no more, or the server stops */
    uint64_t until_ms; /* the guard's word holds until then */
    /* Of the work. */
    cairn_feed_place place;
    cairn_feed_guard guard;
    uint64_t registry_version; /* of which the guard's word was; 0: it was not asked yet */
    uint64_t asked_version;
} stream;

struct cairn_feed {
    cairn_feed_setup setup;
    pthread_mutex_t lock; /* guards all below, and what its streams say */
    stream *streams;
    size_t count;
};

/* --- places --- */

static bool take_number(cairn_bytes text, size_t digits_max, uint64_t max, uint64_t *ret_value)
{
    uint64_t value = 0;
    if (text.size == 0 || text.size > digits_max || (text.size > 1 && text.data[0] == '0'))
        return false; /* one place has one text */
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return false;
        value = value * 10 + (uint64_t)(text.data[i] - '0');
    }
    *ret_value = value;
    return value <= max;
}

cairn_err cairn_feed_place_parse(cairn_bytes text, cairn_feed_place *ret_place)
{
    const uint8_t *dash = text.size == 0 ? NULL : memchr(text.data, '-', text.size);
    uint64_t height = 0;
    uint64_t ordinal = 0;
    size_t size = dash == NULL ? 0 : (size_t)(dash - text.data);
    if (dash == NULL ||
        !take_number(cairn_bytes_of(text.data, size), 16, UINT64_C(1) << 53, &height) ||
        !take_number(cairn_bytes_of(dash + 1, text.size - size - 1), 10, UINT32_MAX, &ordinal))
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, "api/openapi.yaml", "cursor: is none of this feed");
    *ret_place = (cairn_feed_place){.height = height, .ordinal = (uint32_t)ordinal};
    return CAIRN_OK;
}

void cairn_feed_place_format(const cairn_feed_place *place, char ret_text[CAIRN_FEED_CURSOR_SIZE])
{
    (void)snprintf(ret_text, CAIRN_FEED_CURSOR_SIZE, "%llu-%u", (unsigned long long)place->height,
                   place->ordinal);
}

/* --- reading --- */

typedef struct reading {
    cairn_feed_place *place;
    cairn_job_visit visit;
    void *context;
} reading;

static cairn_err visit_behind(void *context, const cairn_job_event *event)
{
    const reading *r = context;
    if (event->height == r->place->height && event->ordinal <= r->place->ordinal)
        return CAIRN_OK;
    CAIRN_TRY(r->visit(r->context, event));
    *r->place = (cairn_feed_place){.height = event->height, .ordinal = event->ordinal};
    return CAIRN_OK;
}

cairn_err cairn_feed_read(cairn_engine *engine, cairn_feed_place *place, cairn_job_visit visit,
                          void *context, bool *ret_more)
{
    reading r = {.place = place, .visit = visit, .context = context};
    uint64_t after = place->height == 0 ? 0 : place->height - 1;
    uint64_t reached = after;
    CAIRN_TRY(
        cairn_engine_events(engine, after, CAIRN_FEED_BLOCKS_MAX, visit_behind, &r, &reached));
    if (reached > place->height) /* blocks without events are behind us too */
        *place = (cairn_feed_place){.height = reached, .ordinal = UINT32_MAX};
    CAIRN_CLEANUP(cairn_view_free_p) cairn_view *view = cairn_engine_view(engine);
    *ret_more = reached < view->height;
    return CAIRN_OK;
}

void cairn_feed_put(cairn_api_json *json, const char *key, const cairn_job_event *event)
{
    cairn_tx tx = {.type = 0}; /* what the ledger holds decodes; were it not so, its id is zeros */
    (void)!cairn_tx_decode(event->transaction, &tx);
    const cairn_feed_place place = {.height = event->height, .ordinal = event->ordinal};
    char cursor[CAIRN_FEED_CURSOR_SIZE];
    cairn_feed_place_format(&place, cursor);
    cairn_api_json_open(json, key);
    cairn_api_json_text(json, "cursor", cursor);
    cairn_api_json_number(json, "height", event->height);
    cairn_api_json_time(json, "time", event->time_ms);
    cairn_api_json_number(json, "type", event->type);
    cairn_api_json_hex(json, "key", event->key);
    cairn_api_json_number(json, "index", event->index);
    cairn_api_json_hash(json, "transaction", &tx.id);
    cairn_api_json_close(json);
}

/* --- streams --- */

/* Events on their way out together: one write for many, not one each. */
typedef struct batch {
    stream *stream;
    cairn_feed_place read;   /* behind the last event that was read */
    cairn_feed_place inside; /* at the last event in `text` */
    uint64_t count;
    size_t size;
    uint8_t text[BATCH_SIZE];
} batch;

static cairn_err send_batch(batch *b)
{
    stream *s = b->stream;
    if (b->size == 0)
        return CAIRN_OK;
    CAIRN_TRY(cairn_http_write(s->exchange, cairn_bytes_of(b->text, b->size)));
    atomic_fetch_add(s->feed->setup.event_count, b->count);
    s->place = b->inside;
    b->size = 0;
    b->count = 0;
    return CAIRN_OK;
}

static cairn_err add_text(batch *b, const cairn_sse_event *event)
{
    size_t size = 0;
    CAIRN_TRY(cairn_sse_format(event, b->text + b->size, BATCH_SIZE - b->size, &size));
    if (size > BATCH_SIZE - b->size) {
        CAIRN_TRY(send_batch(b));
        CAIRN_TRY(cairn_sse_format(event, b->text, BATCH_SIZE, &size));
        CAIRN_ASSERT(size <= BATCH_SIZE); /* a key has CAIRN_EVENT_KEY_SIZE_MAX bytes */
    }
    b->size += size;
    b->count++;
    return CAIRN_OK;
}

static cairn_err add_event(void *context, const cairn_job_event *event)
{
    batch *b = context;
    const cairn_feed_place place = {.height = event->height, .ordinal = event->ordinal};
    char cursor[CAIRN_FEED_CURSOR_SIZE];
    cairn_api_json json = {0};
    cairn_bytes data;
    const cairn_feed_guard *guard = &b->stream->guard;
    bool sees = guard->sees == NULL;
    if (!sees)
        CAIRN_TRY(guard->sees(guard->context, event, &sees));
    if (!sees)
        return CAIRN_OK;
    cairn_feed_place_format(&place, cursor);
    cairn_feed_put(&json, NULL, event);
    cairn_err err = cairn_api_json_end(&json, &data);
    const cairn_sse_event sent = {
        .id = cairn_bytes_str(cursor), .name = cairn_bytes_str("event"), .data = data};
    if (err == CAIRN_OK)
        err = add_text(b, &sent);
    if (err == CAIRN_OK)
        b->inside = place;
    cairn_api_json_done(&json);
    return err;
}

/* Sends what there is. An error other than BUSY, after which the client tells that it has read, is
 * the end of the stream. */
static cairn_err bring_forward(stream *s)
{
    batch b = {.stream = s, .read = s->place};
    bool more = true;
    while (more) {
        cairn_err err = cairn_feed_read(s->feed->setup.engine, &b.read, add_event, &b, &more);
        if (err == CAIRN_OK)
            err = send_batch(&b);
        if (err == CAIRN_ERR_BUSY)
            return CAIRN_OK; /* `place` is behind what was sent */
        CAIRN_TRY(err);
        s->place = b.read;
    }
    return CAIRN_OK;
}

static void unlink_stream(stream *s)
{
    cairn_feed *feed = s->feed;
    if (s->previous != NULL)
        s->previous->next = s->next;
    else
        feed->streams = s->next;
    if (s->next != NULL)
        s->next->previous = s->previous;
    feed->count--;
}

static void end_stream(stream *s)
{
    cairn_feed *feed = s->feed;
    atomic_fetch_sub(feed->setup.stream_count, 1);
    cairn_http_end(s->exchange); /* without the lock: an event of the stream may wait for it */
    free(s);
}

/* The guard has answered: the work goes on. */
static void on_answer(void *context, bool may, uint64_t until_ms)
{
    stream *s = context;
    cairn_feed *feed = s->feed;
    pthread_mutex_lock(&feed->lock);
    s->ending |= !may;
    s->until_ms = until_ms;
    s->registry_version = s->asked_version;
    pthread_mutex_unlock(&feed->lock);
    cairn_work_add(feed->setup.work, &s->item);
}

/* Does the guard's word not hold any more? */
static bool must_ask(stream *s)
{
    cairn_feed *feed = s->feed;
    if (s->guard.ask == NULL)
        return false;
    CAIRN_CLEANUP(cairn_view_free_p) cairn_view *view = cairn_engine_view(feed->setup.engine);
    s->asked_version = view->rules.registry_version;
    return s->registry_version == 0 || s->registry_version != s->asked_version ||
           cairn_clock_wall_ms(&feed->setup.clock) >= s->until_ms;
}

/* One piece of work: until nothing has come meanwhile. */
static void run_stream(void *context)
{
    stream *s = context;
    cairn_feed *feed = s->feed;
    for (;;) {
        pthread_mutex_lock(&feed->lock);
        bool ending = s->ending;
        s->again = false;
        pthread_mutex_unlock(&feed->lock);
        if (!ending && must_ask(s)) {
            s->guard.ask(s->guard.context, on_answer, s); /* and `s` is not ours from here on */
            return;
        }
        if (!ending && bring_forward(s) != CAIRN_OK)
            ending = true;
        pthread_mutex_lock(&feed->lock);
        bool again = s->again || s->ending;
        if (ending)
            unlink_stream(s);
        else
            s->running = again;
        pthread_mutex_unlock(&feed->lock);
        if (ending) {
            end_stream(s);
            return;
        }
        if (!again)
            return;
    }
}

/* Under the lock. */
static void kick(stream *s)
{
    s->again = true;
    if (s->running)
        return;
    s->running = true;
    cairn_work_add(s->feed->setup.work, &s->item);
}

/* A thread of the engine. */
static void on_view(void *context)
{
    cairn_feed *feed = context;
    pthread_mutex_lock(&feed->lock);
    for (stream *s = feed->streams; s != NULL; s = s->next)
        kick(s);
    pthread_mutex_unlock(&feed->lock);
}

/* The server's thread. */
static void on_stream(void *context, cairn_http_exchange *exchange, cairn_http_stream_event event)
{
    (void)exchange;
    stream *s = context;
    cairn_feed *feed = s->feed;
    pthread_mutex_lock(&feed->lock);
    if (event != CAIRN_HTTP_STREAM_WRITABLE)
        s->ending = true;
    kick(s);
    pthread_mutex_unlock(&feed->lock);
}

cairn_err cairn_feed_open(cairn_feed *feed, cairn_http_exchange *exchange,
                          const cairn_feed_place *place, const cairn_feed_guard *guard)
{
    stream *s = calloc(1, sizeof *s);
    if (s == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "feed: stream");
    *s = (stream){
        .feed = feed, .exchange = exchange, .running = true, .place = *place, .guard = *guard};
    s->item = (cairn_work_item){.act = run_stream, .context = s};
    pthread_mutex_lock(&feed->lock);
    bool full = feed->count == CAIRN_FEED_STREAMS_MAX;
    if (!full) {
        s->next = feed->streams;
        if (s->next != NULL)
            s->next->previous = s;
        feed->streams = s;
        feed->count++;
    }
    pthread_mutex_unlock(&feed->lock);
    if (full) {
        free(s);
        return CAIRN_FAIL(CAIRN_ERR_BUSY, "house", "feed: too many streams are open");
    }
    atomic_fetch_add(feed->setup.stream_count, 1);
    cairn_sse_begin(exchange, CAIRN_SSE_HEARTBEAT_MS, RETRY_MS, on_stream, s);
    pthread_mutex_lock(&feed->lock);
    s->running = false; /* nobody has touched it so far */
    kick(s);
    pthread_mutex_unlock(&feed->lock);
    return CAIRN_OK;
}

uint64_t cairn_feed_tend(cairn_feed *feed)
{
    uint64_t now_ms = cairn_clock_wall_ms(&feed->setup.clock);
    uint64_t next_ms = UINT64_MAX;
    pthread_mutex_lock(&feed->lock);
    for (stream *s = feed->streams; s != NULL; s = s->next) {
        if (s->guard.ask == NULL)
            continue;
        if (s->until_ms <= now_ms)
            kick(s);
        else if (s->until_ms < next_ms)
            next_ms = s->until_ms;
    }
    pthread_mutex_unlock(&feed->lock);
    return next_ms;
}

/* --- life --- */

cairn_err cairn_feed_new(const cairn_feed_setup *setup, cairn_feed **ret_feed)
{
    cairn_feed *feed = calloc(1, sizeof *feed);
    if (feed == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "feed");
    feed->setup = *setup;
    pthread_mutex_init(&feed->lock, NULL);
    cairn_err err = cairn_engine_subscribe(setup->engine, on_view, feed);
    if (err != CAIRN_OK) {
        pthread_mutex_destroy(&feed->lock);
        free(feed);
        return err;
    }
    *ret_feed = feed;
    return CAIRN_OK;
}

void cairn_feed_free(cairn_feed *feed)
{
    if (feed == NULL)
        return;
    cairn_engine_unsubscribe(feed->setup.engine, on_view, feed);
    CAIRN_ASSERT(feed->streams == NULL);
    pthread_mutex_destroy(&feed->lock);
    free(feed);
}
