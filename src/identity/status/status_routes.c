/* One handler: the form that the caller takes, of the version that the ledger anchors. It reads two
 * pages of a small file, which the system has in memory. */
#include "identity/status/status_routes.h"

#include <stdio.h>

#include "core/net/http_static.h"
#include "identity/status/status_store.h"
#include "ledger/services.h"

enum { ORG, LIST }; /* places of the parameters */

/* What is found on the way. */
typedef struct lookup {
    cairn_call *call;
    cairn_status_record head;
    int fd;
    cairn_status_form form;
    cairn_bytes bytes;
    const cairn_status_issue *issue;
} lookup;

static cairn_err not_here(void)
{
    return CAIRN_FAIL(CAIRN_ERR_NOT_FOUND, "house", "status list: is not here");
}

static cairn_err open_list(lookup *l)
{
    char directory[CAIRN_PATH_SIZE_MAX];
    char digits[65];
    const cairn_services *services = l->call->services;
    cairn_bytes org = l->call->params[ORG];
    cairn_bytes name = l->call->params[LIST];
    if (services->directory == NULL || cairn_status_name_check(name) != CAIRN_OK)
        return not_here();
    CAIRN_TRY(cairn_path_join(services->directory, "status", directory));
    CAIRN_TRY(cairn_status_store_open(l->call->arena, directory, name, &l->head, &l->fd));
    cairn_hex_encode(cairn_bytes_hash(&l->head.org), digits);
    return cairn_bytes_equal(org, cairn_bytes_str(digits)) ? CAIRN_OK : not_here();
}

/* The ledger that the list is anchored on: the node's own organisation's, or one that the caller
 * sees. */
static cairn_err find_engine(const lookup *l, cairn_engine **ret_engine)
{
    const cairn_services *services = l->call->services;
    cairn_service_ledger ledger;
    cairn_hash org;
    char digits[65];
    if (services->find_own != NULL &&
        services->find_own(services->node, &ledger, &org) == CAIRN_OK &&
        cairn_hash_equal(&ledger.id, &l->head.ledger)) {
        *ret_engine = ledger.engine;
        return CAIRN_OK;
    }
    cairn_hex_encode(cairn_bytes_hash(&l->head.ledger), digits);
    CAIRN_TRY(services->find_ledger(services->node, &l->call->principal, cairn_bytes_str(digits),
                                    &ledger));
    *ret_engine = ledger.engine;
    return CAIRN_OK;
}

static cairn_err get_state(void *context, cairn_map_id map, cairn_bytes key, cairn_arena *arena,
                           cairn_bytes *ret_value)
{
    return cairn_engine_get_newest(context, map, key, arena, ret_value);
}

static const cairn_status_issue *find_issue(const cairn_schema_list *list, cairn_status_form form,
                                            const cairn_hash *hash)
{
    for (size_t i = 0; i < list->count; i++) {
        const cairn_status_issue *issue = &cairn_status_issues(list)[i];
        if (issue->form == form && cairn_hash_equal(&issue->hash, hash))
            return issue;
    }
    return NULL;
}

/* The issue whose hash is anchored. The ledger knowing one that is not here means that the
 * directory is older than it: what is here was withdrawn. [X1353-R51] */
static cairn_err choose_issue(lookup *l)
{
    cairn_engine *engine = NULL;
    cairn_list_anchor anchor;
    cairn_hash list;
    CAIRN_TRY(find_engine(l, &engine));
    const cairn_state_source state = {.context = engine, .get = get_state};
    cairn_status_form_list_id(l->form, l->head.uri, &list);
    CAIRN_TRY(cairn_list_anchor_get(&state, l->call->arena, &l->head.org, &list, &anchor));
    l->issue = find_issue(&l->head.current, l->form, &anchor.hash);
    if (l->issue == NULL)
        l->issue = find_issue(&l->head.pending, l->form, &anchor.hash);
    if (l->issue == NULL)
        return CAIRN_FAIL(CAIRN_ERR_UNAVAILABLE, "house",
                          "status list: the ledger anchors a newer one than is here");
    return cairn_status_store_issue(l->call->arena, l->fd, &l->head, l->issue, &l->bytes);
}

/* --- the answer --- */

/* As long as a list may be cached, and not beyond its end. */
static uint64_t max_age(const lookup *l)
{
    uint64_t now_ms = cairn_clock_wall_ms(&l->call->services->clock);
    uint64_t left = l->issue->expires_ms > now_ms ? (l->issue->expires_ms - now_ms) / 1000 : 0;
    return left < l->head.ttl_s ? left : l->head.ttl_s;
}

static void respond(const lookup *l)
{
    char tag[67];
    char age[64];
    cairn_call *call = l->call;
    tag[0] = '"';
    cairn_hex_encode(cairn_bytes_hash(&l->issue->hash), tag + 1);
    (void)memcpy(tag + 65, "\"", 2);
    (void)snprintf(age, sizeof age, "public, max-age=%llu, no-transform",
                   (unsigned long long)max_age(l));
    const cairn_http_field fields[] = {{"ETag", tag},
                                       {"Cache-Control", age},
                                       {"Vary", "Accept"},
                                       {"Access-Control-Allow-Origin", "*"},
                                       {"X-Content-Type-Options", "nosniff"}};
    int status = cairn_http_tag_status(call->request, tag);
    cairn_http_respond(call->exchange,
                       &(cairn_http_response){
                           .status = status,
                           .content_type = status == 200 ? cairn_status_form_type(l->form) : NULL,
                           .fields = fields,
                           .field_count = sizeof fields / sizeof fields[0],
                           .body = status == 200 ? l->bytes : (cairn_bytes){0}});
}

/* A list as it was at a time (Token Status List section 8.4) is on the ledger by its hash alone. */
static bool asks_for_a_time(const cairn_http_request *request)
{
    static const char name[] = "time=";
    for (size_t i = 0; i + sizeof name - 1 <= request->query.size; i++)
        if ((i == 0 || request->query.data[i - 1] == '&') &&
            memcmp(request->query.data + i, name, sizeof name - 1) == 0)
            return true;
    return false;
}

static void get_list(cairn_call *call)
{
    lookup l = {.call = call, .fd = -1};
    cairn_bytes accept = {0};
    cairn_err err = CAIRN_OK;
    if (asks_for_a_time(call->request))
        err = CAIRN_FAIL(CAIRN_ERR_NOT_IMPLEMENTED, "house",
                         "status list: only the newest is served");
    if (err == CAIRN_OK)
        err = open_list(&l);
    (void)cairn_http_header_find(call->request, "Accept", &accept);
    if (err == CAIRN_OK &&
        cairn_status_form_accept((cairn_list_format)l.head.format, accept, &l.form) != CAIRN_OK)
        err = CAIRN_FAIL(CAIRN_ERR_NOT_ACCEPTABLE, "house", "status list: has another form");
    if (err == CAIRN_OK)
        err = choose_issue(&l);
    cairn_file_close(l.fd);
    if (err != CAIRN_OK)
        cairn_call_respond_err(call, err);
    else
        respond(&l);
}

const cairn_route cairn_status_routes[CAIRN_STATUS_ROUTE_COUNT] = {
    {CAIRN_HTTP_GET, "/status/{org}/{list}", "getStatusList", CAIRN_ROUTE_PUBLIC, NULL, 0, 0,
     get_list},
};
