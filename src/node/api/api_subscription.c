/* Subscriptions to a ledger's events, of the caller's organisation. Whatever is another's is not
 * there. */
#include <jansson.h>

#include "core/crypto/jwk.h"
#include "core/jobs/callback_secret.h"
#include "node/api/api.h"
#include "node/node_subscriptions.h"

enum {
    LIFE_S = 30 * 86400,
    LIFE_S_MIN = 60,
    LIFE_S_MAX = 366 * 86400,
};

/* A call about subscriptions, and what is known of it. */
typedef struct work {
    cairn_call *call;
    cairn_node_ledger *ledger;
    cairn_callback_place place;
    cairn_callback like; /* of one that is to be made */
    uint8_t id[CAIRN_CALLBACK_ID_SIZE];
    uint32_t secret; /* that the call has made; 0: none */
} work;

/* --- who calls --- */

static cairn_err not_here(void)
{
    return CAIRN_FAIL(CAIRN_ERR_NOT_FOUND, "house", "subscription: is not here");
}

static cairn_err check_active(cairn_node_ledger *ledger, const cairn_hash *org)
{
    cairn_reader reader;
    cairn_err err = cairn_reader_of_org(ledger, org, &reader);
    return err == CAIRN_ERR_NOT_FOUND ? not_here() : err;
}

/* Subscriptions are for active organisations of the ledger; for others there are none. */
static cairn_err begin(work *w)
{
    const cairn_principal *caller = &w->call->principal;
    cairn_reader reader;
    CAIRN_TRY(cairn_api_reader(w->call, &reader));
    w->ledger = reader.ledger;
    if (!caller->has_organisation)
        return not_here();
    CAIRN_TRY(check_active(w->ledger, &caller->organisation));
    w->place = (cairn_callback_place){.kind = cairn_subscription_kind.name,
                                      .ledger = w->ledger->service.id,
                                      .owner = caller->organisation,
                                      .tenant = caller->tenant};
    return CAIRN_OK;
}

static cairn_err begin_one(work *w)
{
    char digits[2 * CAIRN_CALLBACK_ID_SIZE + 1] = "";
    cairn_bytes text = w->call->params[1];
    CAIRN_TRY(begin(w));
    CAIRN_TRY(cairn_api_query(w->call, NULL, 0));
    if (text.size != sizeof digits - 1)
        return not_here();
    memcpy(digits, text.data, text.size);
    if (strspn(digits, "0123456789abcdef") != text.size)
        return not_here();
    return cairn_hex_decode(digits, w->id, sizeof w->id);
}

/* --- what is said of one --- */

static void put_filter(cairn_api_json *json, cairn_bytes topic)
{
    cairn_api_json_open(json, NULL);
    if (topic.size >= 2 && cairn_get_u16(topic.data) != 0)
        cairn_api_json_number(json, "type", cairn_get_u16(topic.data));
    if (topic.size > 2)
        cairn_api_json_hex(json, "key_prefix", cairn_bytes_of(topic.data + 2, topic.size - 2));
    cairn_api_json_close(json);
}

static void put_members(cairn_api_json *json, const cairn_callback *c)
{
    char key_id[CAIRN_CALLBACK_SECRET_NAME_SIZE];
    cairn_callback_secret_name(c->id, c->secret, key_id);
    cairn_api_json_hex(json, "id", cairn_bytes_of(c->id, sizeof c->id));
    cairn_api_json_text(json, "sink", c->sink);
    cairn_api_json_open_list(json, "filters");
    for (size_t i = 0; i < c->topic_count; i++)
        put_filter(json, c->topics[i]);
    cairn_api_json_close_list(json);
    cairn_api_json_time(json, "created", c->created_ms);
    cairn_api_json_time(json, "expires", c->expires_ms);
    cairn_api_json_text(json, "key_id", key_id);
    cairn_api_json_number(json, "told", c->told);
    cairn_api_json_text(json, "state", c->behind ? "behind" : "active");
}

/* The only time that the secret is told. */
static cairn_err put_secret(const work *w, cairn_api_json *json, const cairn_callback *c)
{
    CAIRN_CLEANUP(cairn_secret_wipe) cairn_secret secret = {0};
    char name[CAIRN_CALLBACK_SECRET_NAME_SIZE];
    char owner[65];
    char text[2 * CAIRN_SECRET_SIZE_MAX];
    cairn_callback_secret_name(c->id, c->secret, name);
    cairn_hex_encode(cairn_bytes_hash(&w->place.owner), owner);
    CAIRN_TRY(cairn_callback_secrets_find(cairn_node_callback_secrets(cairn_api_node(w->call)),
                                          owner, name, &secret));
    cairn_base64url_encode(cairn_secret_view(&secret), text);
    cairn_api_json_text(json, "secret", text);
    cairn_wipe(text, sizeof text);
    return CAIRN_OK;
}

static void answer(work *w, int status, bool with_secret, cairn_err err)
{
    static const cairn_http_field fields[] = {{"Cache-Control", "no-store"}};
    cairn_api_json json = {0};
    cairn_callback c = {.sink = ""};
    if (err == CAIRN_OK)
        err = cairn_callback_get(w->call->services->jobs, w->call->arena, &w->place, w->id, &c);
    /* Each is told, to the call that made it: messages of the time between are signed by it. */
    if (w->secret != 0)
        c.secret = w->secret;
    cairn_api_json_open(&json, NULL);
    if (err == CAIRN_OK)
        put_members(&json, &c);
    if (err == CAIRN_OK && with_secret)
        err = put_secret(w, &json, &c);
    cairn_api_json_close(&json);
    if (err == CAIRN_OK) {
        cairn_api_answer_json(w->call, status, fields, 1, &json);
        return;
    }
    cairn_api_json_done(&json);
    cairn_api_refuse(w->call, err);
}

/* --- a new one --- */

static cairn_err bad(const char *what)
{
    return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, "api/openapi.yaml", "subscription.%s", what);
}

static cairn_err known_members(const json_t *object, const char *const *names, size_t count)
{
    const char *key = NULL;
    json_t *value = NULL;
    json_object_foreach((json_t *)(uintptr_t)object, key, value)
    {
        bool known = false;
        for (size_t i = 0; i < count; i++)
            known = known || strcmp(key, names[i]) == 0;
        if (!known)
            return CAIRN_FAIL(CAIRN_ERR_UNKNOWN_FIELD, "api/openapi.yaml",
                              "subscription: has a member that is not known");
    }
    return CAIRN_OK;
}

static cairn_err read_prefix(const json_t *member, uint8_t *out, size_t *ret_size)
{
    const char *text = json_string_value(member);
    size_t size = text == NULL ? 0 : strlen(text);
    if (member == NULL)
        return CAIRN_OK;
    if (text == NULL || size != json_string_length(member) || size % 2 != 0 ||
        size / 2 > CAIRN_SUBSCRIPTION_PREFIX_SIZE_MAX || strspn(text, "0123456789abcdef") != size)
        return bad("filters.key_prefix: up to 64 bytes in lower-case hexadecimal digits");
    *ret_size = size / 2;
    return cairn_hex_decode(text, out, size / 2);
}

static cairn_err read_filter(cairn_arena *arena, const json_t *filter, cairn_bytes *ret_topic)
{
    static const char *const names[] = {"type", "key_prefix"};
    uint8_t topic[CAIRN_CALLBACK_TOPIC_SIZE_MAX] = {0};
    const json_t *type = json_object_get(filter, "type");
    size_t size = 0;
    if (!json_is_object(filter))
        return bad("filters: objects");
    CAIRN_TRY(known_members(filter, names, 2));
    if (type != NULL && (!json_is_integer(type) || json_integer_value(type) < 1 ||
                         json_integer_value(type) > UINT16_MAX))
        return bad("filters.type: a number from 1 to 65535");
    if (type != NULL)
        cairn_put_u16(topic, (uint16_t)json_integer_value(type));
    CAIRN_TRY(read_prefix(json_object_get(filter, "key_prefix"), topic + 2, &size));
    return cairn_arena_copy(arena, cairn_bytes_of(topic, 2 + size), ret_topic);
}

/* Without filters: every event. */
static cairn_err read_filters(work *w, const json_t *filters)
{
    cairn_bytes *topics = NULL;
    size_t count = filters == NULL ? 1 : json_array_size(filters);
    if ((filters != NULL && !json_is_array(filters)) || count < 1 ||
        count > CAIRN_CALLBACK_TOPICS_MAX)
        return bad("filters: a list of 1 to 16");
    CAIRN_TRY(cairn_arena_array(w->call->arena, count, sizeof *topics, (void **)&topics));
    if (filters == NULL)
        CAIRN_TRY(cairn_arena_copy(w->call->arena, cairn_bytes_of("\0\0", 2), &topics[0]));
    for (size_t i = 0; filters != NULL && i < count; i++)
        CAIRN_TRY(read_filter(w->call->arena, json_array_get(filters, i), &topics[i]));
    w->like.topics = topics;
    w->like.topic_count = count;
    return CAIRN_OK;
}

static cairn_err read_sink(work *w, const json_t *sink)
{
    cairn_bytes text;
    const char *url = json_string_value(sink);
    if (url == NULL || strlen(url) != json_string_length(sink))
        return bad("sink: an https:// URL");
    CAIRN_TRY(cairn_arena_copy(w->call->arena, cairn_bytes_of(url, strlen(url) + 1), &text));
    w->like.sink = (const char *)text.data;
    return CAIRN_OK;
}

static cairn_err read_body(work *w, const json_t *body)
{
    static const char *const names[] = {"sink", "filters", "life_s"};
    const json_t *life = json_object_get(body, "life_s");
    if (!json_is_object(body))
        return bad("body: an object");
    CAIRN_TRY(known_members(body, names, 3));
    if (life != NULL && (!json_is_integer(life) || json_integer_value(life) < LIFE_S_MIN ||
                         json_integer_value(life) > LIFE_S_MAX))
        return bad("life_s: a number from 60 to 31622400");
    uint64_t life_s = life == NULL ? LIFE_S : (uint64_t)json_integer_value(life);
    w->like.expires_ms = cairn_clock_wall_ms(&w->call->services->clock) + life_s * 1000;
    CAIRN_TRY(read_sink(w, json_object_get(body, "sink")));
    return read_filters(w, json_object_get(body, "filters"));
}

static cairn_err read_call(work *w)
{
    json_error_t problem;
    const cairn_bytes body = w->call->request->body;
    CAIRN_TRY(begin(w));
    CAIRN_TRY(cairn_api_query(w->call, NULL, 0));
    CAIRN_TRY(cairn_api_content_type(w->call, "application/json"));
    json_t *json = json_loadb((const char *)body.data, body.size, JSON_REJECT_DUPLICATES, &problem);
    cairn_err err = json == NULL ? bad("body: is no JSON") : read_body(w, json);
    json_decref(json);
    return err;
}

/* In the transaction that adds it: whoever is ended by an event later than this view finds it. */
static cairn_err add(void *context, cairn_jobs_txn *txn)
{
    work *w = context;
    CAIRN_CLEANUP(cairn_view_free_p)
    cairn_view *view = cairn_engine_view(w->ledger->service.engine);
    CAIRN_TRY(check_active(w->ledger, &w->place.owner));
    w->like.since = (cairn_cursor){.height = view->height};
    return cairn_callback_add(txn, &w->place, &w->like, w->id);
}

/* The secret is derived before anything is added: without a vault there are no subscriptions. */
static cairn_err check_secrets(const work *w)
{
    CAIRN_CLEANUP(cairn_secret_wipe) cairn_secret secret = {0};
    return cairn_callback_secrets_find(cairn_node_callback_secrets(cairn_api_node(w->call)), "", "",
                                       &secret);
}

static void create(void *context)
{
    work w = {.call = context};
    cairn_err err = read_call(&w);
    if (err == CAIRN_OK)
        err = check_secrets(&w);
    if (err == CAIRN_OK)
        cairn_callback_expect(w.call->services->jobs);
    if (err == CAIRN_OK)
        err = cairn_jobs_update(w.call->services->jobs, add, &w);
    if (err == CAIRN_ERR_ARGUMENT)
        err = bad("sink: an https:// URL without user name and fragment");
    answer(&w, 201, true, err);
}

void cairn_api_subscription_create(cairn_call *call)
{
    cairn_api_defer(call, create);
}

/* --- those that there are --- */

static void get_one(void *context)
{
    work w = {.call = context};
    answer(&w, 200, false, begin_one(&w));
}

void cairn_api_subscription_get(cairn_call *call)
{
    cairn_api_defer(call, get_one);
}

static cairn_err put_list(work *w, cairn_bytes token, uint64_t limit, cairn_api_json *json)
{
    cairn_hash caller;
    cairn_callback *rows = NULL;
    size_t count = 0;
    cairn_bytes next = {0};
    cairn_principal_digest(&w->call->principal, &caller);
    CAIRN_TRY(cairn_callback_page(w->call->services->jobs, w->call->arena, &w->place, &caller,
                                  token, limit, &rows, &count, &next));
    cairn_api_json_open(json, NULL);
    cairn_api_json_open_list(json, "subscriptions");
    for (size_t i = 0; i < count; i++) {
        cairn_api_json_open(json, NULL);
        put_members(json, &rows[i]);
        cairn_api_json_close(json);
    }
    cairn_api_json_close_list(json);
    if (next.size > 0)
        cairn_api_json_view(json, "next", next);
    cairn_api_json_close(json);
    return CAIRN_OK;
}

static cairn_err list_all(work *w, cairn_api_json *json)
{
    cairn_api_parameter query[] = {{.name = "page"}, {.name = "limit"}};
    uint64_t limit = CAIRN_API_LIMIT;
    CAIRN_TRY(begin(w));
    CAIRN_TRY(cairn_api_query(w->call, query, 2));
    CAIRN_TRY(cairn_api_number(&query[1], 1, CAIRN_API_LIMIT_MAX, &limit));
    if (query[0].given && query[0].value.size == 0)
        return CAIRN_FAIL(CAIRN_ERR_PAGE_TOKEN, "api/openapi.yaml", "query.page: is empty");
    return put_list(w, query[0].value, limit, json);
}

static void list(void *context)
{
    work w = {.call = context};
    cairn_api_json json = {0};
    cairn_err err = list_all(&w, &json);
    if (err == CAIRN_OK) {
        cairn_api_answer_json(w.call, 200, NULL, 0, &json);
        return;
    }
    cairn_api_json_done(&json);
    cairn_api_refuse(w.call, err);
}

void cairn_api_subscriptions_list(cairn_call *call)
{
    cairn_api_defer(call, list);
}

/* --- changes --- */

static cairn_err renew(void *context, cairn_jobs_txn *txn)
{
    work *w = context;
    return cairn_callback_renew(txn, &w->place, w->id, &w->secret);
}

static void renew_secret(void *context)
{
    work w = {.call = context};
    cairn_err err = begin_one(&w);
    if (err == CAIRN_OK)
        err = check_secrets(&w);
    if (err == CAIRN_OK)
        err = cairn_jobs_update(w.call->services->jobs, renew, &w);
    answer(&w, 200, true, err);
}

void cairn_api_subscription_renew(cairn_call *call)
{
    cairn_api_defer(call, renew_secret);
}

static cairn_err drop(void *context, cairn_jobs_txn *txn)
{
    const work *w = context;
    return cairn_callback_remove(txn, &w->place, w->id);
}

static void delete (void *context)
{
    work w = {.call = context};
    cairn_err err = begin_one(&w);
    if (err == CAIRN_OK)
        err = cairn_jobs_update(w.call->services->jobs, drop, &w);
    if (err == CAIRN_OK)
        cairn_api_answer(w.call, 204, NULL, NULL, 0, (cairn_bytes){0});
    else
        cairn_api_refuse(w.call, err);
}

void cairn_api_subscription_delete(cairn_call *call)
{
    cairn_api_defer(call, delete);
}
