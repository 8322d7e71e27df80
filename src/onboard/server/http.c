/* The HTTP binding. */
#include "onboard/server/http.h"

#include <stdio.h>

#include "onboard/wire/fdo_error.h"

static const char prefix[] = "/fdo/101/msg/";
static const char media_type[] = "application/cbor";

enum { HANDLER_MEMORY = 1 << 20, RETRY_AFTER_S = 5 };

/* --- out --- */

/* A header's value with room for "Bearer " and the token. */
typedef struct reply_head {
    char type[4];
    char authorization[8 + CAIRN_FDO_TOKEN_TEXT_SIZE];
    char retry[4];
    size_t count;
    cairn_http_field fields[3];
} reply_head;

/* [X1353-R41] */
static void respond(cairn_http_exchange *exchange, cairn_fdo_type type, const char *token,
                    bool busy, cairn_bytes body)
{
    reply_head head = {.count = 1, .fields = {{"Message-Type", head.type}}};
    (void)snprintf(head.type, sizeof head.type, "%u", (unsigned)type);
    if (token[0] != '\0') {
        (void)snprintf(head.authorization, sizeof head.authorization, "Bearer %s", token);
        head.fields[head.count++] = (cairn_http_field){"Authorization", head.authorization};
    }
    if (busy) {
        (void)snprintf(head.retry, sizeof head.retry, "%d", RETRY_AFTER_S);
        head.fields[head.count++] = (cairn_http_field){"Retry-After", head.retry};
    }
    const cairn_http_response response = {.status =
                                              type == CAIRN_FDO_ERROR && body.size != 0 ? 500 : 200,
                                          .content_type = media_type,
                                          .fields = head.fields,
                                          .field_count = head.count,
                                          .body = body};
    cairn_http_respond(exchange, &response);
}

static void on_done(cairn_fdo_turn *turn)
{
    respond(turn->context, turn->reply_type, turn->reply_token, turn->busy, turn->reply);
}

/* What fails before there is a turn. */
static void refuse(cairn_http_exchange *exchange, uint8_t type, const char *text)
{
    const cairn_fdo_error error = {
        .code = CAIRN_FDO_MESSAGE_BODY_ERROR, .previous = type, .text = cairn_bytes_str(text)};
    cairn_bytes body = {0};
    if (cairn_fdo_error_encode(cairn_http_arena(exchange), &error, &body) == CAIRN_OK)
        respond(exchange, CAIRN_FDO_ERROR, "", false, body);
    else
        cairn_http_respond_err(exchange, CAIRN_ERR_NO_MEMORY);
}

/* --- in --- */

/* The type of a path of ours: 1 to 3 digits without a leading zero, at most 255. */
static bool type_of(cairn_bytes path, uint8_t *ret_type)
{
    unsigned type = 0;
    size_t at = sizeof prefix - 1;
    if (path.size <= at || path.size > at + 3 || memcmp(path.data, prefix, at) != 0 ||
        path.data[at] == '0')
        return false;
    for (; at < path.size; at++) {
        if (path.data[at] < '0' || path.data[at] > '9')
            return false;
        type = type * 10 + (path.data[at] - '0');
    }
    *ret_type = (uint8_t)type;
    return type <= UINT8_MAX;
}

/* Peers send the token back as they got it; some without the word before it. */
static cairn_bytes token_of(const cairn_http_request *request)
{
    static const char bearer[] = "Bearer ";
    cairn_bytes value = {0};
    if (!cairn_http_header_find(request, "Authorization", &value))
        return value;
    if (value.size > sizeof bearer - 1 && memcmp(value.data, bearer, sizeof bearer - 1) == 0)
        return cairn_bytes_of(value.data + sizeof bearer - 1, value.size - (sizeof bearer - 1));
    return value;
}

static const char *fault_of(const cairn_http_request *request)
{
    cairn_bytes type = {0};
    if (!cairn_http_header_find(request, "Content-Type", &type) ||
        !cairn_http_text_is(type, media_type))
        return "content type: not application/cbor";
    if (request->chunked)
        return "content length: absent";
    if (request->content_length > CAIRN_FDO_MESSAGE_SIZE_MAX)
        return "body: above 65,535 bytes";
    return NULL;
}

/* False when it has been answered. */
static bool check(cairn_http_exchange *exchange, const cairn_http_request *request,
                  uint8_t *ret_type)
{
    if (!type_of(request->path, ret_type)) {
        cairn_http_respond_problem(exchange, 404, "NOT_FOUND", "served is POST /fdo/101/msg/TYPE");
        return false;
    }
    if (request->method != CAIRN_HTTP_POST) {
        cairn_http_respond_problem(exchange, 405, "METHOD", "a message of FDO is posted");
        return false;
    }
    const char *fault = fault_of(request);
    if (fault != NULL)
        refuse(exchange, *ret_type, fault);
    return fault == NULL;
}

/* [X1353-R39] */
void cairn_fdo_http_admit(void *context, cairn_http_exchange *exchange,
                          const cairn_http_request *head, cairn_http_intake *intake)
{
    uint8_t type = 0;
    (void)context;
    (void)intake;
    (void)check(exchange, head, &type);
}

void cairn_fdo_http_handle(void *context, cairn_http_exchange *exchange,
                           const cairn_http_request *request)
{
    uint8_t type = 0;
    cairn_fdo_turn *turn = NULL;
    if (!check(exchange, request, &type))
        return;
    if (CAIRN_ARENA_NEW(cairn_http_arena(exchange), &turn) != CAIRN_OK) {
        cairn_http_respond_err(exchange, CAIRN_ERR_NO_MEMORY);
        return;
    }
    turn->arena = cairn_http_arena(exchange);
    turn->type = type;
    turn->token = token_of(request);
    turn->body = request->body;
    turn->done = on_done;
    turn->context = exchange;
    cairn_fdo_serve(context, turn);
}

cairn_http_server_options cairn_fdo_http_options(void)
{
    cairn_http_server_options options = cairn_http_server_defaults();
    options.body_size_max = CAIRN_FDO_MESSAGE_SIZE_MAX;
    options.handler_memory = HANDLER_MEMORY;
    options.admit = cairn_fdo_http_admit;
    return options;
}
