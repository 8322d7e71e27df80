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
    uint64_t count;
    uint64_t limit;
} page;

static cairn_err put_event(void *context, const cairn_job_event *event)
{
    page *p = context;
    if (p->count == p->limit)
        return CAIRN_ERR_CANCELLED; /* the page ends */
    p->count++;
    cairn_feed_put(&p->json, NULL, event);
    return CAIRN_OK;
}

/* Reads on while blocks without events go by, but not for ever. */
static cairn_err read_page(cairn_engine *engine, cairn_feed_place *place, page *p)
{
    bool more = true;
    cairn_err err = CAIRN_OK;
    for (int rounds = 0; err == CAIRN_OK && more && rounds < 16; rounds++)
        err = cairn_feed_read(engine, place, put_event, p, &more);
    return err == CAIRN_ERR_CANCELLED ? CAIRN_OK : err;
}

static void answer_page(cairn_call *call, cairn_node_ledger *ledger, cairn_feed_place place,
                        uint64_t limit)
{
    page p = {.limit = limit};
    char next[CAIRN_FEED_CURSOR_SIZE];
    cairn_api_json_open(&p.json, NULL);
    cairn_api_json_open_list(&p.json, "events");
    cairn_err err = read_page(ledger->service.engine, &place, &p);
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

static cairn_err events_query(cairn_call *call, cairn_node_ledger **ret_ledger, bool *given,
                              cairn_feed_place *place, uint64_t *limit)
{
    cairn_api_parameter query[] = {{.name = "after"}, {.name = "limit"}};
    CAIRN_TRY(cairn_api_ledger(call, CAIRN_SIGHT_ENTRIES, ret_ledger));
    CAIRN_TRY(cairn_api_query(call, query, 2));
    CAIRN_TRY(cairn_api_number(&query[1], 1, CAIRN_API_LIMIT_MAX, limit));
    return read_place(call, &query[0], given, place);
}

static void list_events(void *context)
{
    cairn_call *call = context;
    cairn_node_ledger *ledger = NULL;
    cairn_feed_place place = {0};
    bool given = false;
    uint64_t limit = CAIRN_API_LIMIT;
    cairn_err err = events_query(call, &ledger, &given, &place, &limit);
    if (err == CAIRN_OK)
        answer_page(call, ledger, place, limit);
    else
        cairn_api_refuse(call, err);
}

static void stream_events(cairn_call *call)
{
    cairn_node_ledger *ledger = NULL;
    cairn_feed_place place = {0};
    bool given = false;
    uint64_t limit = 0;
    cairn_err err = events_query(call, &ledger, &given, &place, &limit);
    if (err == CAIRN_OK && !given) { /* from now on */
        CAIRN_CLEANUP(cairn_view_free_p)
        cairn_view *view = cairn_engine_view(ledger->service.engine);
        place = (cairn_feed_place){.height = view->height, .ordinal = UINT32_MAX};
    }
    if (err == CAIRN_OK)
        err = cairn_feed_open(ledger->feed, call->exchange, &place);
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
