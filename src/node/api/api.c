/* The table of the node's own routes, and what their handlers share. */
#include "node/api/api.h"

#include "core/limits.h"
#include "core/net/http_accept.h"
#include "ledger/log/witness_request.h"
#include "record/record.h"

/* --- routes --- */

enum { SUBSCRIPTION_SIZE_MAX = 8 << 10, ANCHOR_SIZE_MAX = 1 << 10 };

#define LEDGER "/v1/ledgers/{ledger}"
#define SCOPE "ledger.read"
/* WATCHED is what shows entries. */
#define GET(pattern, operation, access, handle)                                            \
    {                                                                                      \
        CAIRN_HTTP_GET, (pattern), (operation), CAIRN_ROUTE_##access, NULL, 0, 0, (handle) \
    }

static const cairn_route rows[] = {
    {CAIRN_HTTP_GET, "/healthz", "getHealth", CAIRN_ROUTE_OPEN, NULL, 0, 0, cairn_api_health},
    {CAIRN_HTTP_GET, "/readyz", "getReadiness", CAIRN_ROUTE_OPEN, NULL, 0, 0, cairn_api_readiness},
    GET("/metrics", "getMetrics", PUBLIC, cairn_api_metrics),
    GET("/v1/ledgers", "listLedgers", PUBLIC, cairn_api_ledgers_list),
    GET(LEDGER, "getLedger", PUBLIC, cairn_api_ledger_get),
    {CAIRN_HTTP_POST, LEDGER "/transactions", "submitTransaction", CAIRN_ROUTE_PUBLIC, NULL, 0,
     CAIRN_TX_SIZE_MAX, cairn_api_transaction_submit},
    {CAIRN_HTTP_POST, LEDGER "/anchors", "anchorOnBehalf", CAIRN_ROUTE_DELEGATED,
     CAIRN_ANCHOR_SCOPE, 0, ANCHOR_SIZE_MAX, cairn_api_anchor},
    GET(LEDGER "/transactions/{transaction}", "getTransaction", PUBLIC, cairn_api_transaction_get),
    GET(LEDGER "/state/{key}", "getState", PUBLIC, cairn_api_state_get), /* with %2F */
    GET(LEDGER "/state/{key...}", "getState", PUBLIC, cairn_api_state_get),
    GET(LEDGER "/entries", "listEntries", WATCHED, cairn_api_entries_list),
    GET(LEDGER "/records", "listRecords", WATCHED, cairn_api_records_list),
    GET(LEDGER "/events", "listEvents", WATCHED, cairn_api_events_list),
    GET(LEDGER "/checkpoint", "getCheckpoint", PUBLIC, cairn_api_checkpoint_get),
    {CAIRN_HTTP_POST, LEDGER "/add-checkpoint", "addCheckpoint", CAIRN_ROUTE_OPEN, NULL, 0,
     CAIRN_WITNESS_REQUEST_SIZE_MAX, cairn_api_checkpoint_add},
    GET(LEDGER "/cosignatures/{size}", "getCosignature", PUBLIC, cairn_api_cosignature_get),
    GET(LEDGER "/tile/{path...}", "getTile", WATCHED, cairn_api_tile_get),
    GET(LEDGER "/organisations", "listOrganisations", PUBLIC, cairn_api_organisations_list),
    GET(LEDGER "/organisations/{organisation}", "getOrganisation", PUBLIC,
        cairn_api_organisation_get),
    GET(LEDGER "/keys", "listKeys", PUBLIC, cairn_api_keys_list),
    GET(LEDGER "/keys/{key}", "getKey", PUBLIC, cairn_api_key_get),
    GET(LEDGER "/approvals", "listApprovals", PUBLIC, cairn_api_approvals_list),
    {CAIRN_HTTP_GET, LEDGER "/devices", "listDevices", CAIRN_ROUTE_CALLER, SCOPE, 0, 0,
     cairn_api_devices_list},
    {CAIRN_HTTP_GET, LEDGER "/devices/{device}/history", "getDeviceHistory", CAIRN_ROUTE_PRIVILEGED,
     SCOPE, 0, 0, cairn_api_device_history},
    GET(LEDGER "/blocks", "listBlocks", PUBLIC, cairn_api_blocks_list),
    GET(LEDGER "/blocks/{height}", "getBlock", WATCHED, cairn_api_block_get),
    {CAIRN_HTTP_GET, LEDGER "/subscriptions", "listSubscriptions", CAIRN_ROUTE_CALLER, SCOPE, 0, 0,
     cairn_api_subscriptions_list},
    {CAIRN_HTTP_POST, LEDGER "/subscriptions", "createSubscription", CAIRN_ROUTE_PRIVILEGED, SCOPE,
     0, SUBSCRIPTION_SIZE_MAX, cairn_api_subscription_create},
    {CAIRN_HTTP_GET, LEDGER "/subscriptions/{subscription}", "getSubscription", CAIRN_ROUTE_CALLER,
     SCOPE, 0, 0, cairn_api_subscription_get},
    {CAIRN_HTTP_DELETE, LEDGER "/subscriptions/{subscription}", "deleteSubscription",
     CAIRN_ROUTE_PRIVILEGED, SCOPE, 0, 0, cairn_api_subscription_delete},
    {CAIRN_HTTP_POST, LEDGER "/subscriptions/{subscription}/secret", "renewSubscriptionSecret",
     CAIRN_ROUTE_PRIVILEGED, SCOPE, 0, 0, cairn_api_subscription_renew},
};
const cairn_route_table cairn_api_routes = {rows, sizeof rows / sizeof rows[0]};

/* --- queries --- */

static int hex_digit(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c - 'a' + 10;
}

/* The head's parser has seen to it that every '%' is followed by two digits. */
static cairn_err decode_percent(cairn_arena *arena, cairn_bytes text, cairn_bytes *ret_text)
{
    void *memory = NULL;
    size_t size = 0;
    if (text.size == 0 || memchr(text.data, '%', text.size) == NULL) {
        *ret_text = text;
        return CAIRN_OK;
    }
    CAIRN_TRY(cairn_arena_alloc(arena, text.size, &memory));
    uint8_t *out = memory;
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] != '%') {
            out[size++] = text.data[i];
            continue;
        }
        out[size++] = (uint8_t)(hex_digit(text.data[i + 1]) << 4 | hex_digit(text.data[i + 2]));
        i += 2;
    }
    *ret_text = cairn_bytes_of(out, size);
    return CAIRN_OK;
}

static cairn_err take_parameter(cairn_call *call, cairn_bytes text, cairn_api_parameter *parameters,
                                size_t count)
{
    const uint8_t *equals = text.size == 0 ? NULL : memchr(text.data, '=', text.size);
    if (equals == NULL)
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, "api/openapi.yaml", "query: parameter without '='");
    size_t size = (size_t)(equals - text.data);
    cairn_bytes name;
    CAIRN_TRY(decode_percent(call->arena, cairn_bytes_of(text.data, size), &name));
    for (size_t i = 0; i < count; i++) {
        cairn_api_parameter *row = &parameters[i];
        if (!cairn_bytes_equal(name, cairn_bytes_str(row->name)))
            continue;
        if (row->given)
            return CAIRN_FAIL(CAIRN_ERR_DUPLICATE_KEY, "api/openapi.yaml", "query.%s: is repeated",
                              row->name);
        row->given = true;
        return decode_percent(call->arena, cairn_bytes_of(equals + 1, text.size - size - 1),
                              &row->value);
    }
    return CAIRN_FAIL(CAIRN_ERR_UNKNOWN_FIELD, "api/openapi.yaml",
                      "query: the route has no parameter '%.*s'",
                      (int)(name.size > 64 ? 64 : name.size), (const char *)name.data);
}

cairn_err cairn_api_query(cairn_call *call, cairn_api_parameter *parameters, size_t count)
{
    cairn_bytes rest = call->request->query;
    while (rest.size > 0) {
        const uint8_t *end = memchr(rest.data, '&', rest.size);
        size_t size = end == NULL ? rest.size : (size_t)(end - rest.data);
        CAIRN_TRY(take_parameter(call, cairn_bytes_of(rest.data, size), parameters, count));
        size_t used = end == NULL ? size : size + 1;
        rest = cairn_bytes_of(rest.data + used, rest.size - used);
    }
    return CAIRN_OK;
}

cairn_err cairn_api_digits(cairn_bytes text, const char *field, uint64_t min, uint64_t max,
                           uint64_t *ret_value)
{
    uint64_t value = 0;
    bool good = text.size > 0 && text.size <= 16 && (text.data[0] != '0' || text.size == 1);
    for (size_t i = 0; good && i < text.size; i++) {
        good = text.data[i] >= '0' && text.data[i] <= '9';
        value = value * 10 + (uint64_t)(text.data[i] - '0');
    }
    if (!good || value < min || value > max)
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, "api/openapi.yaml", "%s: a number from %llu to %llu",
                          field, (unsigned long long)min, (unsigned long long)max);
    *ret_value = value;
    return CAIRN_OK;
}

cairn_err cairn_api_number(const cairn_api_parameter *row, uint64_t min, uint64_t max,
                           uint64_t *ret_value)
{
    return row->given ? cairn_api_digits(row->value, row->name, min, max, ret_value) : CAIRN_OK;
}

cairn_err cairn_api_choice(const cairn_api_parameter *row, const char *const *words, size_t count,
                           size_t *ret_place)
{
    if (!row->given)
        return CAIRN_OK;
    for (size_t i = 0; i < count; i++)
        if (cairn_bytes_equal(row->value, cairn_bytes_str(words[i]))) {
            *ret_place = i;
            return CAIRN_OK;
        }
    return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, "api/openapi.yaml", "query.%s: is none of its values",
                      row->name);
}

cairn_err cairn_api_hash(cairn_bytes text, const char *field, cairn_hash *ret_hash)
{
    char digits[65];
    bool good = text.size == 64;
    for (size_t i = 0; good && i < text.size; i++)
        good = text.data[i] < 'A' || text.data[i] > 'F';
    if (good) {
        memcpy(digits, text.data, 64);
        digits[64] = '\0';
        good = strlen(digits) == 64 &&
               cairn_hex_decode(digits, ret_hash->b, sizeof ret_hash->b) == CAIRN_OK;
    }
    return good ? CAIRN_OK
                : CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, "api/openapi.yaml",
                             "%s: 64 lower-case hexadecimal digits", field);
}

/* --- header fields --- */

/* By name: whoever takes anything gets what is made without being asked for. */
static bool names_type(cairn_bytes accept, const char *type)
{
    while (accept.size > 0) {
        cairn_bytes item = cairn_http_cut(&accept, ',');
        if (cairn_http_text_is(cairn_http_cut(&item, ';'), type))
            return cairn_http_quality(item) > 0;
    }
    return false;
}

bool cairn_api_accepts(const cairn_call *call, const char *type)
{
    const cairn_http_request *request = call->request;
    for (size_t i = 0; i < request->header_count; i++) {
        if (cairn_http_text_is(request->headers[i].name, "Accept") &&
            names_type(request->headers[i].value, type))
            return true;
    }
    return false;
}

cairn_err cairn_api_content_type(const cairn_call *call, const char *type)
{
    cairn_bytes value = {NULL, 0};
    if (cairn_http_header_find(call->request, "Content-Type", &value) &&
        cairn_http_text_is(cairn_http_cut(&value, ';'), type))
        return CAIRN_OK;
    return CAIRN_FAIL(CAIRN_ERR_MEDIA_TYPE, "api/openapi.yaml", "Content-Type: %s", type);
}

/* --- ledgers --- */

cairn_node *cairn_api_node(const cairn_call *call)
{
    return call->services->node;
}

cairn_err cairn_api_ledger(cairn_call *call, cairn_node_sight sight, cairn_node_ledger **ret_ledger)
{
    return cairn_node_find(cairn_api_node(call), &call->principal, call->params[0], sight,
                           ret_ledger);
}

cairn_err cairn_api_reader(cairn_call *call, cairn_reader *ret_reader)
{
    cairn_err err =
        cairn_node_find_reader(cairn_api_node(call), &call->principal, call->params[0], ret_reader);
    return err == CAIRN_ERR_NOT_FOUND ? CAIRN_FAIL(err, "house", "ledger: is not here") : err;
}

/* --- answers --- */

void cairn_api_refuse(cairn_call *call, cairn_err err)
{
    cairn_call_respond_err(call, err);
}

void cairn_api_answer(cairn_call *call, int status, const char *type,
                      const cairn_http_field *fields, size_t field_count, cairn_bytes body)
{
    const cairn_http_response response = {.status = status,
                                          .content_type = type,
                                          .fields = fields,
                                          .field_count = field_count,
                                          .body = body};
    cairn_http_respond(call->exchange, &response);
}

void cairn_api_answer_json(cairn_call *call, int status, const cairn_http_field *fields,
                           size_t field_count, cairn_api_json *json)
{
    cairn_bytes text;
    cairn_err err = cairn_api_json_end(json, &text);
    if (err == CAIRN_OK)
        cairn_api_answer(call, status, "application/json", fields, field_count, text);
    else
        cairn_api_refuse(call, err);
    cairn_api_json_done(json);
}

void cairn_api_answer_cose(cairn_call *call, const cairn_node_ledger *ledger,
                           const cairn_http_field *fields, size_t field_count, cairn_bytes entry,
                           const cairn_receipts *receipts)
{
    cairn_node *node = cairn_api_node(call);
    bool gathers = ledger == cairn_node_ledger_at(node, 0) &&
                   cairn_node_cosign_gather(cairn_node_cosigner(node)) != NULL;
    cairn_bytes body = receipts->list[0];
    cairn_err err = CAIRN_OK;
    if (gathers)
        err = cairn_statement_encode(call->arena, entry, receipts->list, receipts->count, &body);
    if (err == CAIRN_OK)
        cairn_api_answer(call, 200, "application/cose", fields, field_count, body);
    else
        cairn_api_refuse(call, err);
}

void cairn_api_put_receipts(cairn_api_json *json, const cairn_receipts *receipts)
{
    cairn_api_json_base64(json, "receipt", receipts->list[0]);
    if (receipts->count == 1)
        return;
    cairn_api_json_open_list(json, "receipts");
    for (size_t i = 0; i < receipts->count; i++)
        cairn_api_json_base64(json, NULL, receipts->list[i]);
    cairn_api_json_close_list(json);
}

void cairn_api_defer(cairn_call *call, void (*act)(void *call))
{
    cairn_err err = cairn_work_push(cairn_node_work(cairn_api_node(call)), act, call);
    if (err != CAIRN_OK)
        cairn_api_refuse(call, err);
}
