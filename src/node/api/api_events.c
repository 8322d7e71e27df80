/* The change feed: pages by cursor, or a stream. */
#include "node/api/api.h"
#include "node/api/feed.h"

/* Where the caller stands: Last-Event-ID before `after`. */
static cairn_err read_place(const cairn_call *call, const cairn_api_parameter *after, bool *given,
                            cairn_feed_place *place)
{
    cairn_bytes text = after->value;
    *given = cairn_sse_last_event_id(call->request, &text) || after->given;
    return *given ? cairn_feed_place_parse(text, place) : CAIRN_OK;
}

/* --- a page --- */

typedef struct page {
    cairn_api_json json;
    const cairn_reader *reader;
    uint64_t count;
    uint64_t limit;
    cairn_feed_place last; /* the last event in it */
    bool hides;            /* the last event that was read is not in it */
} page;

static cairn_err put_event(void *context, const cairn_job_event *event)
{
    page *p = context;
    bool sees = false;
    CAIRN_TRY(cairn_reader_sees(p->reader, event->transaction, &sees));
    p->hides = !sees;
    if (!sees)
        return CAIRN_OK;
    if (p->count == p->limit)
        return CAIRN_ERR_CANCELLED; /* the page ends */
    p->count++;
    p->last = (cairn_feed_place){.height = event->height, .ordinal = event->ordinal};
    cairn_feed_put(&p->json, NULL, event);
    return CAIRN_OK;
}

/* Reads on while blocks without events go by, but not for ever. The next page begins behind the
 * last event that is shown, or behind whole blocks: a place tells nothing of events that are not.
 */
static cairn_err read_page(cairn_engine *engine, cairn_feed_place *place, page *p)
{
    bool more = true;
    cairn_err err = CAIRN_OK;
    for (int rounds = 0; err == CAIRN_OK && more && rounds < 16; rounds++)
        err = cairn_feed_read(engine, place, put_event, p, &more);
    if (err == CAIRN_ERR_CANCELLED)
        *place = p->last;
    else if (p->hides) /* its block was read to the end */
        place->ordinal = UINT32_MAX;
    return err == CAIRN_ERR_CANCELLED ? CAIRN_OK : err;
}

static void answer_page(cairn_call *call, const cairn_reader *reader, cairn_feed_place place,
                        uint64_t limit)
{
    page p = {.reader = reader, .limit = limit};
    char next[CAIRN_FEED_CURSOR_SIZE];
    cairn_api_json_open(&p.json, NULL);
    cairn_api_json_open_list(&p.json, "events");
    cairn_err err = read_page(reader->ledger->service.engine, &place, &p);
    cairn_feed_place_format(&place, next);
    cairn_api_json_close_list(&p.json);
    cairn_api_json_text(&p.json, "next", next);
    cairn_api_json_close(&p.json);
    if (err == CAIRN_OK) {
        cairn_api_answer_json(call, 200, NULL, 0, &p.json);
        return;
    }
    cairn_api_json_done(&p.json);
    cairn_api_refuse(call, err);
}

/* --- both --- */

static cairn_err events_query(cairn_call *call, cairn_reader *ret_reader, bool *given,
                              cairn_feed_place *place, uint64_t *limit)
{
    cairn_api_parameter query[] = {{.name = "after"}, {.name = "limit"}};
    CAIRN_TRY(cairn_api_reader(call, ret_reader));
    CAIRN_TRY(cairn_api_query(call, query, 2));
    CAIRN_TRY(cairn_api_number(&query[1], 1, CAIRN_API_LIMIT_MAX, limit));
    return read_place(call, &query[0], given, place);
}

static void list_events(void *context)
{
    cairn_call *call = context;
    cairn_reader reader;
    cairn_feed_place place = {0};
    bool given = false;
    uint64_t limit = CAIRN_API_LIMIT;
    cairn_err err = events_query(call, &reader, &given, &place, &limit);
    if (err == CAIRN_OK)
        answer_page(call, &reader, place, limit);
    else
        cairn_api_refuse(call, err);
}

/* --- who may go on to see a stream --- */

enum {
    ASK_AGAIN_MS = 60000, /* a certificate may have been revoked by its CA */
    ASK_SOON_MS = 1000,   /* a token that has expired is taken for a while yet */
};

/* In the call's arena. */
typedef struct watch {
    cairn_call *call;
    cairn_reader reader; /* what he saw when he came */
    cairn_feed_answer_fn answer;
    void *answer_context;
} watch;

/* When the caller is to be asked for again. */
static uint64_t next_time(const cairn_principal *caller, uint64_t now_ms)
{
    if (caller->expires_ms > now_ms + ASK_AGAIN_MS)
        return now_ms + ASK_AGAIN_MS;
    return caller->expires_ms > now_ms + ASK_SOON_MS ? caller->expires_ms : now_ms + ASK_SOON_MS;
}

/* Who sees more by now, or less, comes again. */
static bool sees_the_same(const watch *w, const cairn_principal *caller)
{
    cairn_reader reader;
    return cairn_node_find_reader(cairn_api_node(w->call), caller, w->call->params[0], &reader) ==
               CAIRN_OK &&
           reader.all == w->reader.all && reader.by_role == w->reader.by_role;
}

static cairn_err sees_event(void *context, const cairn_job_event *event, bool *ret_sees)
{
    const watch *w = context;
    return cairn_reader_sees(&w->reader, event->transaction, ret_sees);
}

static void on_caller(void *context, const cairn_auth_result *result)
{
    const watch *w = context;
    const cairn_call *call = w->call;
    const cairn_principal *caller = &result->principal;
    uint64_t now_ms = cairn_clock_wall_ms(&call->services->clock);
    cairn_hash before, after;
    cairn_principal_digest(&call->principal, &before);
    cairn_principal_digest(caller, &after);
    bool may = result->verdict == CAIRN_AUTH_FOUND && cairn_hash_equal(&before, &after) &&
               sees_the_same(w, caller);
    w->answer(w->answer_context, may, next_time(caller, now_ms));
}

static void ask_who_calls(void *context, cairn_feed_answer_fn answer, void *answer_context)
{
    watch *w = context;
    w->answer = answer;
    w->answer_context = answer_context;
    cairn_call_authenticate(w->call, on_caller, w);
}

static cairn_err make_guard(cairn_call *call, const cairn_reader *reader,
                            cairn_feed_guard *ret_guard)
{
    watch *w = NULL;
    *ret_guard = (cairn_feed_guard){.ask = NULL};
    if (cairn_node_is_public(cairn_api_node(call), CAIRN_SIGHT_ENTRIES))
        return CAIRN_OK;
    CAIRN_TRY(CAIRN_ARENA_NEW(call->arena, &w));
    w->call = call;
    w->reader = *reader;
    *ret_guard = (cairn_feed_guard){
        .ask = ask_who_calls, .sees = reader->all ? NULL : sees_event, .context = w};
    return CAIRN_OK;
}

static void stream_events(cairn_call *call)
{
    cairn_feed_guard guard;
    cairn_reader reader;
    cairn_feed_place place = {0};
    bool given = false;
    uint64_t limit = 0;
    cairn_err err = events_query(call, &reader, &given, &place, &limit);
    if (err == CAIRN_OK && !given) { /* from now on */
        CAIRN_CLEANUP(cairn_view_free_p)
        cairn_view *view = cairn_engine_view(reader.ledger->service.engine);
        place = (cairn_feed_place){.height = view->height, .ordinal = UINT32_MAX};
    }
    if (err == CAIRN_OK)
        err = make_guard(call, &reader, &guard);
    if (err == CAIRN_OK)
        err = cairn_feed_open(reader.ledger->feed, call->exchange, &place, &guard);
    if (err != CAIRN_OK)
        cairn_api_refuse(call, err);
}

void cairn_api_events_list(cairn_call *call)
{
    if (cairn_api_accepts(call, "text/event-stream"))
        stream_events(call);
    else
        cairn_api_defer(call, list_events);
}
