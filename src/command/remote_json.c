/* Each answer is parsed, read and freed in one call. */
#include "command/remote_json.h"

#include <jansson.h>
#include <stdio.h>
#include <time.h>

#include "core/clock.h"

static const char clause[] = "api/openapi.yaml";

static void free_json(json_t **json)
{
    json_decref(*json);
}

/* NULL unless it is an object. */
static json_t *parse(cairn_bytes body)
{
    json_t *json = json_loadb((const char *)body.data, body.size, JSON_REJECT_DUPLICATES, NULL);
    if (json_is_object(json))
        return json;
    json_decref(json);
    return NULL;
}

static cairn_err no_json(void)
{
    return CAIRN_FAIL(CAIRN_ERR_UNREACHABLE, clause, "node: answer is no JSON object");
}

/* --- fields --- */

static cairn_err no_field(const char *name)
{
    return CAIRN_FAIL(CAIRN_ERR_UNREACHABLE, clause, "node: answer has no %s", name);
}

static cairn_err take_number(const json_t *object, const char *name, uint64_t *ret_number)
{
    const json_t *value = json_object_get(object, name);
    if (!json_is_integer(value) || json_integer_value(value) < 0)
        return no_field(name);
    *ret_number = (uint64_t)json_integer_value(value);
    return CAIRN_OK;
}

static cairn_err take_hash(const json_t *object, const char *name, cairn_hash *ret_hash)
{
    const char *text = json_string_value(json_object_get(object, name));
    cairn_hash hash;
    if (text == NULL || cairn_hex_decode(text, hash.b, sizeof hash.b) != CAIRN_OK)
        return no_field(name);
    *ret_hash = hash;
    return CAIRN_OK;
}

/* "2026-11-24T12:00:00.123Z", and only as we would write it. */
static cairn_err take_time(const json_t *object, const char *name, uint64_t *ret_ms)
{
    const char *text = json_string_value(json_object_get(object, name));
    char again[CAIRN_CLOCK_TEXT_SIZE];
    struct tm tm = {0};
    unsigned ms = 0;
    const char *rest = text == NULL ? NULL : strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
    time_t seconds = rest == NULL || sscanf(rest, ".%3uZ", &ms) != 1 ? -1 : timegm(&tm);
    if (seconds < 0)
        return no_field(name);
    uint64_t wall_ms = (uint64_t)seconds * 1000 + ms;
    cairn_clock_format(wall_ms, again);
    if (strcmp(again, text) != 0)
        return no_field(name);
    *ret_ms = wall_ms;
    return CAIRN_OK;
}

/* --- answers --- */

static cairn_err code_of(const char *name)
{
    static const struct {
        const char *name;
        cairn_err err;
    } codes[] = {
#define X(code, number, text, http, exit_code) {#code, CAIRN_ERR_##code},
        CAIRN_ERR_LIST(X)
#undef X
    };
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++)
        if (strcmp(codes[i].name, name) == 0)
            return codes[i].err;
    return CAIRN_ERR_UNREACHABLE;
}

cairn_err cairn_remote_json_problem(cairn_bytes body)
{
    CAIRN_CLEANUP(free_json) json_t *problem = parse(body);
    const char *code = json_string_value(json_object_get(problem, "code"));
    const char *detail = json_string_value(json_object_get(problem, "detail"));
    cairn_err err = code == NULL ? CAIRN_ERR_UNREACHABLE : code_of(code);
    (void)cairn_err_set(err, "house", "%s",
                        detail != NULL ? detail
                        : code != NULL ? "the node says so"
                                       : "no node");
    return err;
}

static cairn_err take_ledger(const json_t *ledger, cairn_view *ret_view)
{
    cairn_view view = {.height = 0};
    CAIRN_TRY(take_hash(ledger, "id", &view.ledger));
    CAIRN_TRY(take_number(ledger, "height", &view.height));
    CAIRN_TRY(take_time(ledger, "time", &view.time_ms));
    CAIRN_TRY(take_number(ledger, "log_size", &view.log_size));
    CAIRN_TRY(take_hash(ledger, "log_root", &view.log_root));
    CAIRN_TRY(take_hash(ledger, "state_root", &view.last.state_root));
    CAIRN_TRY(take_hash(ledger, "config_root", &view.last.config_root));
    view.last.height = view.height;
    view.last.time_ms = view.time_ms;
    *ret_view = view;
    return CAIRN_OK;
}

cairn_err cairn_remote_json_ledger(cairn_bytes body, cairn_view *ret_view)
{
    CAIRN_CLEANUP(free_json) json_t *ledger = parse(body);
    return ledger == NULL ? no_json() : take_ledger(ledger, ret_view);
}

cairn_err cairn_remote_json_ledgers(cairn_bytes body, const char *id, cairn_view *ret_view)
{
    CAIRN_CLEANUP(free_json) json_t *answer = parse(body);
    const json_t *ledgers = json_object_get(answer, "ledgers");
    if (!json_is_array(ledgers))
        return answer == NULL ? no_json() : no_field("ledgers");
    for (size_t i = 0; i < json_array_size(ledgers); i++) {
        const json_t *row = json_array_get(ledgers, i);
        const char *text = json_string_value(json_object_get(row, "id"));
        if (id[0] == '\0' || (text != NULL && strcmp(text, id) == 0))
            return take_ledger(row, ret_view);
    }
    if (id[0] != '\0')
        return CAIRN_FAIL(CAIRN_ERR_NOT_FOUND, "house", "the node shows no ledger %s", id);
    return CAIRN_FAIL(CAIRN_ERR_LOCKED, "house",
                      "the node that holds this directory shows no ledger without credentials: "
                      "stop it first");
}

cairn_err cairn_remote_json_verdict(cairn_bytes body, cairn_verdict *ret_verdict)
{
    CAIRN_CLEANUP(free_json) json_t *status = parse(body);
    cairn_verdict verdict = {.code = CAIRN_OK};
    if (status == NULL)
        return no_json();
    CAIRN_TRY(take_hash(status, "transaction", &verdict.id));
    CAIRN_TRY(take_number(status, "height", &verdict.height));
    CAIRN_TRY(take_number(status, "index", &verdict.index));
    *ret_verdict = verdict;
    return CAIRN_OK;
}

cairn_err cairn_remote_json_value(cairn_arena *arena, cairn_bytes body, cairn_bytes *ret_value)
{
    CAIRN_CLEANUP(free_json) json_t *answer = parse(body);
    const char *text = json_string_value(json_object_get(answer, "value"));
    size_t size = text == NULL ? 0 : strlen(text) / 2;
    void *value = NULL;
    if (answer == NULL)
        return no_json();
    if (size == 0)
        return no_field("value");
    CAIRN_TRY(cairn_arena_alloc(arena, size, &value));
    if (cairn_hex_decode(text, value, size) != CAIRN_OK)
        return no_field("value");
    *ret_value = cairn_bytes_of(value, size);
    return CAIRN_OK;
}

static cairn_err take_base64(cairn_arena *arena, const json_t *value, const char *name,
                             cairn_bytes *ret_bytes)
{
    const char *text = json_string_value(value);
    void *memory = NULL;
    size_t size = 0;
    if (text == NULL || text[0] == '\0')
        return no_field(name);
    CAIRN_TRY(cairn_arena_alloc(arena, strlen(text), &memory));
    if (cairn_base64_decode(cairn_bytes_str(text), memory, strlen(text), &size) != CAIRN_OK)
        return no_field(name);
    *ret_bytes = cairn_bytes_of(memory, size);
    return CAIRN_OK;
}

cairn_err cairn_remote_json_receipts(cairn_arena *arena, cairn_bytes body,
                                     const cairn_bytes **ret_receipts, size_t *ret_count)
{
    CAIRN_CLEANUP(free_json) json_t *answer = parse(body);
    const json_t *list = json_object_get(answer, "receipts");
    size_t count = list == NULL ? 1 : json_array_size(list);
    void *memory = NULL;
    if (answer == NULL)
        return no_json();
    if (count == 0 || count > CAIRN_RECEIPT_COUNT_MAX)
        return no_field("receipts");
    CAIRN_TRY(cairn_arena_array(arena, count, sizeof(cairn_bytes), &memory));
    cairn_bytes *receipts = memory;
    if (list == NULL)
        CAIRN_TRY(take_base64(arena, json_object_get(answer, "receipt"), "receipt", receipts));
    for (size_t i = 0; list != NULL && i < count; i++)
        CAIRN_TRY(take_base64(arena, json_array_get(list, i), "receipts", &receipts[i]));
    *ret_receipts = receipts;
    *ret_count = count;
    return CAIRN_OK;
}

cairn_err cairn_remote_json_commit(cairn_arena *arena, cairn_bytes body, cairn_bytes *ret_commit)
{
    CAIRN_CLEANUP(free_json) json_t *answer = parse(body);
    return answer == NULL
               ? no_json()
               : take_base64(arena, json_object_get(answer, "commit"), "commit", ret_commit);
}

cairn_err cairn_remote_json_page(cairn_bytes body, const char *name,
                                 cairn_err (*visit)(void *context, const cairn_hash *id),
                                 void *context, char ret_next[CAIRN_REMOTE_PAGE_SIZE_MAX])
{
    CAIRN_CLEANUP(free_json) json_t *answer = parse(body);
    const json_t *rows = json_object_get(answer, name);
    const json_t *next = json_object_get(answer, "next");
    if (!json_is_array(rows))
        return answer == NULL ? no_json() : no_field(name);
    if (next != NULL &&
        (json_string_length(next) == 0 || json_string_length(next) >= CAIRN_REMOTE_PAGE_SIZE_MAX))
        return no_field("next");
    for (size_t i = 0; i < json_array_size(rows); i++) {
        cairn_hash id;
        CAIRN_TRY(take_hash(json_array_get(rows, i), "id", &id));
        CAIRN_TRY(visit(context, &id));
    }
    (void)snprintf(ret_next, CAIRN_REMOTE_PAGE_SIZE_MAX, "%s",
                   next == NULL ? "" : json_string_value(next));
    return CAIRN_OK;
}
