/* Issue, renew and revoke as calls: JSON in, the CA on its own thread, JSON out. */
#include "identity/ca/ca_calls.h"

#include <jansson.h>
#include <stdlib.h>

#include "core/crypto/jose.h"
#include "core/crypto/pem.h"
#include "core/net/address.h"
#include "identity/ca/ca_csr.h"
#include "ledger/services.h"

enum {
    CSR_TEXT_SIZE_MAX = 2 * CAIRN_CA_CSR_SIZE_MAX,
    NAME_TEXT_SIZE_MAX = CAIRN_CA_NAME_SIZE_MAX,
    DAYS_MAX = 3652,
    DEVICE_PAGE = 64,           /* certificates that are looked up at once */
    FACTS_SIZE_MAX = 256 << 10, /* of one certificate */
};
static const char object[] = "body";
static const char clause[] = "api/openapi.yaml";

/* A call on its way; in its arena. */
typedef struct asking {
    cairn_call *call;
    cairn_ca *ca;
    cairn_bytes csr; /* DER */
    const cairn_ca_profile_row *profile;
    cairn_ca_name names[CAIRN_CA_NAMES_MAX];
    cairn_ca_grant grant;
    bool early;
    uint8_t serial[CAIRN_CA_SERIAL_SIZE];
    cairn_ca_reason reason;
} asking;

/* --- bodies --- */

static cairn_err check_members(const json_t *json, const char *const *members, size_t count)
{
    const char *name = NULL;
    json_t *value = NULL;
    json_object_foreach((json_t *)(uintptr_t)json, name, value)
    {
        size_t i = 0;
        while (i < count && strcmp(name, members[i]) != 0)
            i++;
        if (i == count)
            return CAIRN_FAIL(CAIRN_ERR_UNKNOWN_FIELD, clause, "body: a member that is not known");
    }
    return CAIRN_OK;
}

/* Into the arena; empty when it is not there. Texts are shown to people: no control characters. */
static cairn_err read_text(const json_t *json, const char *name, size_t size_max,
                           cairn_arena *arena, cairn_bytes *ret_text)
{
    const char *text = NULL;
    CAIRN_TRY(cairn_json_text(json, object, name, size_max, &text));
    if (text == NULL)
        return CAIRN_OK;
    if (text[0] == '\0')
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, clause, "body.%s: is empty", name);
    return cairn_arena_copy(arena, cairn_bytes_str(text), ret_text);
}

static cairn_err need_text(const json_t *json, const char *name, size_t size_max,
                           cairn_arena *arena, cairn_bytes *ret_text)
{
    CAIRN_TRY(read_text(json, name, size_max, arena, ret_text));
    return ret_text->size > 0
               ? CAIRN_OK
               : CAIRN_FAIL(CAIRN_ERR_MISSING_FIELD, clause, "body.%s: is missing", name);
}

static cairn_err read_csr(const json_t *json, asking *a)
{
    cairn_bytes text = {0};
    CAIRN_TRY(need_text(json, "request", CSR_TEXT_SIZE_MAX, a->call->arena, &text));
    if (memmem(text.data, text.size, "-----BEGIN", 10) == NULL)
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, "RFC 7468 section 7", "body.request: is no PEM");
    return cairn_pem_decode(a->call->arena, "CERTIFICATE REQUEST", text, &a->csr);
}

static cairn_err read_flag(const json_t *json, const char *name, bool *ret_flag)
{
    const json_t *member = json_object_get(json, name);
    if (member != NULL && !json_is_boolean(member))
        return CAIRN_FAIL(CAIRN_ERR_WRONG_TYPE, clause, "body.%s: is no boolean", name);
    *ret_flag = json_is_true(member);
    return CAIRN_OK;
}

static cairn_err read_serial(cairn_bytes text, uint8_t ret_serial[CAIRN_CA_SERIAL_SIZE])
{
    if (text.size != 2 * CAIRN_CA_SERIAL_SIZE ||
        cairn_hex_decode((const char *)text.data, ret_serial, CAIRN_CA_SERIAL_SIZE) != CAIRN_OK)
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, clause,
                          "body.serial: is not 40 lower-case hexadecimal digits");
    return CAIRN_OK;
}

static cairn_err need_serial(const json_t *json, asking *a)
{
    cairn_bytes text = {0};
    CAIRN_TRY(need_text(json, "serial", 2 * CAIRN_CA_SERIAL_SIZE, a->call->arena, &text));
    return read_serial(text, a->serial);
}

/* --- what is asked of issuing --- */

static cairn_err read_days(const json_t *json, cairn_ca_grant *grant)
{
    const json_t *days = json_object_get(json, "days");
    json_int_t value = json_integer_value(days);
    if (days == NULL)
        return CAIRN_OK;
    if (!json_is_integer(days))
        return CAIRN_FAIL(CAIRN_ERR_WRONG_TYPE, clause, "body.days: is no integer");
    if (value < 1 || value > DAYS_MAX)
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, clause, "body.days: is not 1 to %d", DAYS_MAX);
    grant->validity_s = (uint32_t)value * 86400;
    return CAIRN_OK;
}

static cairn_err parse_address(const char *text, cairn_arena *arena, cairn_bytes *ret_value)
{
    cairn_network network;
    if (strchr(text, '/') != NULL || cairn_network_parse(text, &network) != CAIRN_OK)
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, clause, "body.ip: is no address");
    return cairn_arena_copy(arena, cairn_bytes_of(network.bytes, network.v6 ? 16 : 4), ret_value);
}

static cairn_err read_name(const json_t *item, cairn_ca_name_kind kind, asking *a)
{
    const char *text = json_string_value(item);
    cairn_ca_name *name = &a->names[a->grant.name_count];
    if (text == NULL)
        return CAIRN_FAIL(CAIRN_ERR_WRONG_TYPE, clause, "body: a name is no text");
    if (json_string_length(item) > NAME_TEXT_SIZE_MAX)
        return CAIRN_FAIL(CAIRN_ERR_TOO_LARGE, clause, "body: a name of more than %d bytes",
                          NAME_TEXT_SIZE_MAX);
    if (a->grant.name_count == CAIRN_CA_NAMES_MAX)
        return CAIRN_FAIL(CAIRN_ERR_TOO_MANY, clause, "body: more than %d names",
                          CAIRN_CA_NAMES_MAX);
    name->kind = kind;
    if (kind == CAIRN_CA_NAME_IP)
        CAIRN_TRY(parse_address(text, a->call->arena, &name->value));
    else
        CAIRN_TRY(cairn_arena_copy(a->call->arena, cairn_bytes_str(text), &name->value));
    a->grant.name_count++;
    return cairn_ca_name_check(name);
}

static cairn_err read_names(const json_t *json, asking *a)
{
    static const struct {
        const char *member;
        cairn_ca_name_kind kind;
    } rows[] = {{"dns", CAIRN_CA_NAME_DNS},
                {"ip", CAIRN_CA_NAME_IP},
                {"uri", CAIRN_CA_NAME_URI},
                {"email", CAIRN_CA_NAME_EMAIL}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const json_t *list = json_object_get(json, rows[i].member);
        if (list != NULL && !json_is_array(list))
            return CAIRN_FAIL(CAIRN_ERR_WRONG_TYPE, clause, "body.%s: is no list", rows[i].member);
        for (size_t j = 0; j < json_array_size(list); j++)
            CAIRN_TRY(read_name(json_array_get(list, j), rows[i].kind, a));
    }
    a->grant.names = a->names;
    return CAIRN_OK;
}

static cairn_err read_profile(const json_t *json, asking *a)
{
    cairn_bytes name = {0};
    CAIRN_TRY(need_text(json, "profile", 32, a->call->arena, &name));
    char text[33] = "";
    memcpy(text, name.data, name.size);
    a->profile = cairn_ca_profile_find(text);
    if (a->profile == NULL || !a->profile->from_csr)
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, clause,
                          "body.profile: tls-server, tls-client, device-bootstrap, "
                          "device-network or device-service");
    return CAIRN_OK;
}

static cairn_err read_issue(const json_t *json, asking *a)
{
    static const char *const members[] = {"request", "profile", "name", "device", "days",
                                          "dns",     "ip",      "uri",  "email"};
    CAIRN_TRY(check_members(json, members, sizeof members / sizeof members[0]));
    CAIRN_TRY(read_csr(json, a));
    CAIRN_TRY(read_profile(json, a));
    CAIRN_TRY(
        read_text(json, "name", CAIRN_CA_TEXT_SIZE_MAX, a->call->arena, &a->grant.common_name));
    CAIRN_TRY(read_text(json, "device", CAIRN_CA_TEXT_SIZE_MAX, a->call->arena, &a->grant.device));
    CAIRN_TRY(read_days(json, &a->grant));
    return read_names(json, a);
}

static cairn_err read_renew(const json_t *json, asking *a)
{
    static const char *const members[] = {"request", "serial", "early"};
    CAIRN_TRY(check_members(json, members, sizeof members / sizeof members[0]));
    CAIRN_TRY(read_csr(json, a));
    CAIRN_TRY(need_serial(json, a));
    return read_flag(json, "early", &a->early);
}

/* A certificate, or all of a device: then the serial is not used. */
static cairn_err read_revoke(const json_t *json, asking *a)
{
    static const char *const members[] = {"serial", "device", "reason"};
    cairn_arena *arena = a->call->arena;
    cairn_bytes serial = {0};
    cairn_bytes reason = {0};
    char text[33] = "";
    CAIRN_TRY(check_members(json, members, sizeof members / sizeof members[0]));
    CAIRN_TRY(read_text(json, "serial", 2 * CAIRN_CA_SERIAL_SIZE, arena, &serial));
    CAIRN_TRY(read_text(json, "device", CAIRN_CA_TEXT_SIZE_MAX, arena, &a->grant.device));
    CAIRN_TRY(need_text(json, "reason", sizeof text - 1, arena, &reason));
    memcpy(text, reason.data, reason.size);
    CAIRN_TRY(cairn_ca_reason_find(text, &a->reason));
    if ((serial.size > 0) == (a->grant.device.size > 0))
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, clause, "body: either serial or device");
    return serial.size > 0 ? read_serial(serial, a->serial) : CAIRN_OK;
}

/* --- answers --- */

static json_t *hex_json(cairn_bytes bytes)
{
    char text[2 * CAIRN_CA_SERIAL_SIZE + 1];
    cairn_hex_encode(bytes, text);
    return json_string(text);
}

static json_t *time_json(uint64_t seconds)
{
    char text[CAIRN_CLOCK_TEXT_SIZE];
    cairn_clock_format(seconds * 1000, text);
    return json_string(text);
}

/* Gives up `json`, which may be NULL. */
static void respond(cairn_call *call, int status, json_t *json)
{
    char *text = json == NULL ? NULL : json_dumps(json, JSON_COMPACT);
    json_decref(json);
    if (text == NULL)
        cairn_call_respond_err(call, CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "ca: answer"));
    else
        cairn_call_respond_json(call, status, NULL, cairn_bytes_str(text));
    free(text);
}

static json_t *facts_json(const cairn_ca_facts *c)
{
    json_t *json = json_pack("{s:o, s:s, s:s%, s:o, s:o, s:s}", "serial",
                             hex_json(cairn_bytes_of(c->serial, sizeof c->serial)), "profile",
                             cairn_ca_profile_of(c->profile)->name, "name",
                             (const char *)c->common_name.data, c->common_name.size, "not_before",
                             time_json(c->not_before_s), "not_after", time_json(c->not_after_s),
                             "status", c->status == CAIRN_CA_STATUS_REVOKED ? "revoked" : "good");
    bool good = json != NULL;
    if (good && c->device.size > 0)
        good = json_object_set_new(json, "device",
                                   json_stringn((const char *)c->device.data, c->device.size)) == 0;
    if (good && c->status == CAIRN_CA_STATUS_REVOKED)
        good =
            json_object_set_new(json, "revoked", time_json(c->revoked_at_s)) == 0 &&
            json_object_set_new(json, "reason", json_string(cairn_ca_reason_name(c->reason))) == 0;
    if (good)
        return json;
    json_decref(json);
    return NULL;
}

static cairn_err pem_json(cairn_arena *arena, const cairn_bytes *list, size_t count,
                          json_t **ret_json)
{
    cairn_bytes pem = {0};
    CAIRN_TRY(cairn_pem_encode_list(arena, "CERTIFICATE", list, count, &pem));
    *ret_json = json_stringn((const char *)pem.data, pem.size);
    return CAIRN_OK;
}

static cairn_err issued_json(const asking *a, const cairn_ca_issued *issued, json_t **ret_json)
{
    cairn_arena *arena = a->call->arena;
    cairn_ca_facts facts;
    json_t *texts[2] = {NULL, NULL};
    CAIRN_TRY(cairn_ca_find(a->ca, issued->serial, arena, &facts));
    CAIRN_TRY(pem_json(arena, &issued->certificate, 1, &texts[0]));
    cairn_err err = pem_json(arena, issued->issuers, CAIRN_CA_ISSUERS_MAX, &texts[1]);
    json_t *json = err == CAIRN_OK ? facts_json(&facts) : NULL;
    bool good = json_object_set_new(json, "certificate", texts[0]) == 0;
    good = json_object_set_new(json, "issuer", texts[1]) == 0 && good;
    if (!good) { /* both took what they were given */
        json_decref(json);
        return err != CAIRN_OK ? err : CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "ca: answer");
    }
    *ret_json = json;
    return CAIRN_OK;
}

static void answer_issued(const asking *a, cairn_err err, const cairn_ca_issued *issued)
{
    json_t *json = NULL;
    if (err == CAIRN_OK)
        err = issued_json(a, issued, &json);
    if (err != CAIRN_OK)
        cairn_call_respond_err(a->call, err);
    else
        respond(a->call, issued->again ? 200 : 201, json);
}

/* --- on the CA's thread; the answer is the last act: with it the call is gone --- */

static void changed(cairn_services *services)
{
    services->ca_changed(services->node);
}

/* The subject's name is what the caller says, or else the request: as with the verb. */
static cairn_err name_subject(asking *a)
{
    CAIRN_CLEANUP(cairn_ca_csr_done) cairn_ca_csr request = {0};
    if (a->grant.common_name.size > 0)
        return CAIRN_OK;
    CAIRN_TRY(cairn_ca_csr_decode(a->csr, &request));
    if (request.subject.common_name.size == 0)
        return CAIRN_FAIL(CAIRN_ERR_MISSING_FIELD, clause,
                          "body.name: is missing, and the request names no subject");
    return cairn_arena_copy(a->call->arena, request.subject.common_name, &a->grant.common_name);
}

static void act_issue(void *context)
{
    asking *a = context;
    cairn_services *services = a->call->services;
    cairn_ca_issued issued = {.again = false};
    cairn_err err = name_subject(a);
    if (err == CAIRN_OK)
        err =
            cairn_ca_issue(a->ca, a->profile->profile, a->csr, &a->grant, a->call->arena, &issued);
    if (err == CAIRN_OK)
        changed(services);
    answer_issued(a, err, &issued);
}

static void act_renew(void *context)
{
    const asking *a = context;
    cairn_services *services = a->call->services;
    cairn_ca_issued issued = {.again = false};
    cairn_err err = cairn_ca_renew(a->ca, a->serial, a->csr, a->early, a->call->arena, &issued);
    if (err == CAIRN_OK)
        changed(services);
    answer_issued(a, err, &issued);
}

/* Revokes one and tells of it; `later` is what kept it from being signed at once. */
static cairn_err revoke_one(const asking *a, const uint8_t *serial, json_t *list, cairn_err *later)
{
    CAIRN_CLEANUP(cairn_arena_done) cairn_arena arena; /* one's own: there may be thousands */
    cairn_ca_facts facts;
    cairn_arena_init(&arena, FACTS_SIZE_MAX);
    cairn_err err = cairn_ca_revoke(a->ca, serial, a->reason);
    if (err == CAIRN_ERR_NOT_FOUND || err == CAIRN_ERR_ARGUMENT)
        return err;
    CAIRN_TRY(cairn_ca_find(a->ca, serial, &arena, &facts));
    if (facts.status != CAIRN_CA_STATUS_REVOKED)
        return err;
    if (*later == CAIRN_OK)
        *later = err;
    return json_array_append_new(list, facts_json(&facts)) == 0
               ? CAIRN_OK
               : CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "ca: answer");
}

/* However many there are. */
static cairn_err revoke_device(const asking *a, json_t *list, cairn_err *later)
{
    uint8_t serials[DEVICE_PAGE][CAIRN_CA_SERIAL_SIZE];
    uint8_t last[CAIRN_CA_SERIAL_SIZE];
    const uint8_t *after = NULL;
    size_t count = 0;
    do {
        CAIRN_TRY(cairn_ca_of_device(a->ca, a->grant.device, after, DEVICE_PAGE, serials, &count));
        for (size_t i = 0; i < count; i++)
            CAIRN_TRY(revoke_one(a, serials[i], list, later));
        if (count > 0)
            memcpy(last, serials[count - 1], sizeof last);
        after = last;
    } while (count == DEVICE_PAGE);
    return json_array_size(list) > 0
               ? CAIRN_OK
               : CAIRN_FAIL(CAIRN_ERR_NOT_FOUND, "house", "ca: no certificate names that device");
}

static cairn_err revoke_all(const asking *a, json_t *list, cairn_err *later)
{
    return a->grant.device.size > 0 ? revoke_device(a, list, later)
                                    : revoke_one(a, a->serial, list, later);
}

/* 202 says that it holds, and that lists and answers which say so are signed when the signer is
 * back. */
static void act_revoke(void *context)
{
    const asking *a = context;
    cairn_call *call = a->call;
    cairn_services *services = call->services;
    cairn_err later = CAIRN_OK;
    json_t *list = json_array();
    cairn_err err = revoke_all(a, list, &later);
    if (json_array_size(list) > 0)
        changed(services);
    if (err == CAIRN_OK) {
        respond(call, later == CAIRN_OK ? 200 : 202, json_pack("{s:o}", "certificates", list));
    } else {
        json_decref(list);
        cairn_call_respond_err(call, err);
    }
}

/* --- on the network's thread --- */

cairn_ca *cairn_ca_call_find(cairn_call *call)
{
    cairn_ca *ca = NULL;
    cairn_err err = CAIRN_ERR_NOT_FOUND;
    if (call->services->find_ca != NULL)
        err = call->services->find_ca(call->services->node, call->params[0], &ca);
    if (err != CAIRN_OK) {
        cairn_call_respond_err(call, err);
        return NULL;
    }
    return ca;
}

static cairn_err decode(const cairn_http_request *request,
                        cairn_err (*read)(const json_t *json, asking *a), asking *a)
{
    CAIRN_CLEANUP(cairn_json_drop_p) json_t *json = NULL;
    cairn_bytes type = {0};
    if (!cairn_http_header_find(request, "content-type", &type) ||
        !cairn_http_text_is(type, "application/json"))
        return CAIRN_FAIL(CAIRN_ERR_MEDIA_TYPE, clause, "the body is application/json");
    CAIRN_TRY(cairn_json_object(request->body, CAIRN_CA_CALL_SIZE_MAX, object, &json));
    return read(json, a);
}

static void take(cairn_call *call, cairn_err (*read)(const json_t *json, asking *a),
                 void (*act)(void *context))
{
    asking *a = NULL;
    cairn_ca *ca = cairn_ca_call_find(call);
    if (ca == NULL)
        return;
    cairn_err err = CAIRN_ARENA_NEW(call->arena, &a);
    if (err == CAIRN_OK) {
        a->call = call;
        a->ca = ca;
        err = decode(call->request, read, a);
    }
    if (err == CAIRN_OK)
        err = call->services->ca_act(call->services->node, act, a);
    if (err != CAIRN_OK)
        cairn_call_respond_err(call, err);
}

void cairn_ca_call_issue(cairn_call *call)
{
    take(call, read_issue, act_issue);
}

void cairn_ca_call_renew(cairn_call *call)
{
    take(call, read_renew, act_renew);
}

void cairn_ca_call_revoke(cairn_call *call)
{
    take(call, read_revoke, act_revoke);
}
