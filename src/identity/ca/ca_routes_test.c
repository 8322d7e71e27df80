/* The CA's routes through the dispatcher and a real server. What OpenSSL and Go make of the answers
 * is in tests/interop/ca.sh. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

#include "core/crypto/pem.h"
#include "identity/ca/ca_calls.h"
#include "identity/ca/ca_impl.h"
#include "identity/ca/ca_routes.h"
#include "ledger/services.h"
#include "support/auth_server.h"
#include "support/ca_fixture.h"

static ca_fixture f;
static cairn_services services;
static cairn_router *router;
static test_server server;
static char reply[TEST_REPLY_MAX];

#define ORG "abababababababababababababababababababababababababababababababab"
#define OTHER "cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd"

static cairn_err find_ca(void *node, cairn_bytes id, cairn_ca **ret_ca)
{
    if (!cairn_bytes_equal(id, cairn_bytes_str("abab")) &&
        !cairn_bytes_equal(id, cairn_bytes_str(ORG)))
        return CAIRN_FAIL(CAIRN_ERR_NOT_FOUND, "house", "a secret");
    *ret_ca = node;
    return CAIRN_OK;
}

/* --- callers: their name in the Authorization field says all --- */

static void authenticate(void *context, const cairn_auth_evidence *evidence,
                         cairn_auth_done_fn done, void *done_context)
{
    (void)context;
    cairn_bytes value = {0};
    cairn_auth_result result = {.verdict = CAIRN_AUTH_ABSENT};
    cairn_principal *p = &result.principal;
    if (cairn_http_header_find(evidence->request, "Authorization", &value)) {
        result.verdict = CAIRN_AUTH_FOUND;
        p->method = CAIRN_AUTH_BEARER;
        (void)snprintf(p->subject, sizeof p->subject, "%.*s", (int)value.size,
                       (const char *)value.data);
        p->has_organisation = strcmp(p->subject, "nobodys") != 0;
        memset(p->organisation.b, strcmp(p->subject, "other") == 0 ? 0xcd : 0xab, 32);
        if (strcmp(p->subject, "reader") != 0)
            (void)snprintf(p->scopes, sizeof p->scopes, "ledger.read ca.issue%s",
                           strcmp(p->subject, "issuer") == 0 ? "" : " ca.revoke");
    }
    done(done_context, &result);
}

static char audited[256];

static cairn_err audit(void *context, const cairn_audit_fact *fact, cairn_audit_done_fn done,
                       void *done_context)
{
    (void)context;
    (void)snprintf(audited, sizeof audited, "%s %s %s", fact->operation,
                   fact->granted ? "granted" : fact->reason, fact->principal->subject);
    done(done_context, CAIRN_OK);
    return CAIRN_OK;
}

/* --- the CA's thread --- */

typedef struct errand {
    void (*act)(void *context);
    void *context;
} errand;

static bool busy;
static unsigned changes;
static pthread_t errands[64];
static size_t errand_count;

static void *run_errand(void *memory)
{
    errand *e = memory;
    e->act(e->context);
    free(e);
    return NULL;
}

static cairn_err ca_act(void *node, void (*act)(void *context), void *context)
{
    (void)node;
    if (busy)
        return CAIRN_FAIL(CAIRN_ERR_BUSY, "house", "ca: too many wait");
    errand *e = malloc(sizeof *e);
    assert_non_null(e);
    *e = (errand){act, context};
    assert_true(errand_count < 64);
    assert_int_equal(pthread_create(&errands[errand_count++], NULL, run_errand, e), 0);
    return CAIRN_OK;
}

static void ca_changed(void *node)
{
    (void)node;
    (void)__atomic_add_fetch(&changes, 1, __ATOMIC_SEQ_CST);
}

static void join_errands(void)
{
    while (errand_count > 0)
        assert_int_equal(pthread_join(errands[--errand_count], NULL), 0);
}

static int set_up(void **state)
{
    (void)state;
    const cairn_route_table table = {cairn_ca_routes, CAIRN_CA_ROUTE_COUNT};
    const cairn_router_options options = {.tables = &table,
                                          .table_count = 1,
                                          .services = &services,
                                          .authenticator = {.authenticate = authenticate},
                                          .audit = audit};
    ca_fixture_init(&f, 0);
    assert_int_equal(ca_fixture_open(&f), CAIRN_OK);
    busy = false;
    changes = 0;
    services = (cairn_services){.clock = f.clock,
                                .node = f.ca,
                                .find_ca = find_ca,
                                .ca_act = ca_act,
                                .ca_changed = ca_changed};
    assert_int_equal(cairn_router_new(&options, &router), CAIRN_OK);
    test_server_start(&server, router);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    test_server_stop(&server);
    join_errands();
    cairn_router_free(router);
    ca_fixture_done(&f);
    return 0;
}

static int get(const char *target)
{
    return test_request(&server, "GET", target, "", "", reply);
}

static void test_chain(void **state)
{
    (void)state;
    assert_int_equal(get("/ca/abab/chain"), 200);
    assert_non_null(strstr(reply, "Content-Type: application/pem-certificate-chain\r\n"));
    const char *first = strstr(reply, "-----BEGIN CERTIFICATE-----\n");
    assert_ptr_equal(first, test_body(reply));
    assert_non_null(strstr(first + 1, "-----END CERTIFICATE-----\n-----BEGIN CERTIFICATE-----\n"));
    for (const char *line = first; *line != '\0'; line = strchr(line, '\n') + 1)
        assert_true(strchr(line, '\n') - line <= 64);
}

static void test_lists(void **state)
{
    (void)state;
    static const char *const found[] = {"/ca/abab/crl/root", "/ca/abab/crl/0"};
    static const char *const missing[] = {
        "/ca/abab/crl/1",  "/ca/abab/crl/00",         "/ca/abab/crl/-1",
        "/ca/abab/crl/0x", "/ca/abab/crl/4294967295", "/ca/cdcd/crl/0",
    };
    static char first[TEST_REPLY_MAX];
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(get(found[i]), 200);
        assert_non_null(strstr(reply, "Content-Type: application/pkix-crl\r\n"));
        assert_non_null(strstr(reply, "Cache-Control: public, max-age=300, no-transform\r\n"));
    }
    for (size_t i = 0; i < sizeof missing / sizeof missing[0]; i++) {
        assert_int_equal(get(missing[i]), 404);
        if (i == 0)
            memcpy(first, reply, sizeof first);
        assert_string_equal(reply, first); /* whether the CA or the list is missing */
    }
}

static void test_status(void **state)
{
    (void)state;
    const char *type = "Content-Type: application/ocsp-request\r\n";
    assert_int_equal(get("/ca/abab/ocsp/bm90"), 200);
    assert_non_null(strstr(reply, "Content-Type: application/ocsp-response\r\n"));
    assert_non_null(strstr(reply, "Cache-Control: no-store\r\n"));
    assert_memory_equal(test_body(reply), "\x30\x03\x0a\x01\x01", 5);
    assert_int_equal(get("/ca/abab/ocsp/%2B%2F"), 200); /* no base64 */
    assert_memory_equal(test_body(reply), "\x30\x03\x0a\x01\x01", 5);
    assert_int_equal(test_request(&server, "POST", "/ca/abab/ocsp", type, "not", reply), 200);
    assert_memory_equal(test_body(reply), "\x30\x03\x0a\x01\x01", 5);
    assert_int_equal(test_request(&server, "POST", "/ca/abab/ocsp", "", "not", reply), 415);
    assert_int_equal(test_request(&server, "POST", "/ca/cdcd/ocsp", type, "not", reply), 404);
    assert_null(strstr(reply, "secret"));
}

static void test_a_node_without_authorities(void **state)
{
    (void)state;
    services.find_ca = NULL;
    assert_int_equal(get("/ca/abab/chain"), 404);
}

/* --- what changes the CA --- */

static const char issue_path[] = "/v1/ca/" ORG "/certificates";
static const char renew_path[] = "/v1/ca/" ORG "/renewals";
static const char revoke_path[] = "/v1/ca/" ORG "/revocations";

static int post_as(const char *who, const char *target, const char *body)
{
    char fields[160];
    (void)snprintf(fields, sizeof fields, "%s%s%sContent-Type: application/json\r\n",
                   who == NULL ? "" : "Authorization: ", who == NULL ? "" : who,
                   who == NULL ? "" : "\r\n");
    return test_request(&server, "POST", target, fields, body, reply);
}

static int post(const char *target, const char *body)
{
    return post_as("all", target, body);
}

/* The request as a JSON string: PEM whose line ends are escaped. */
static const char *pem_json(cairn_bytes csr)
{
    static char text[8192];
    cairn_bytes pem = {0};
    char *at = text;
    assert_int_equal(cairn_pem_encode(&f.arena, "CERTIFICATE REQUEST", csr, &pem), CAIRN_OK);
    assert_true(2 * pem.size < sizeof text);
    for (size_t i = 0; i < pem.size; i++) {
        if (pem.data[i] == '\n')
            *at++ = '\\';
        *at++ = pem.data[i] == '\n' ? 'n' : (char)pem.data[i];
    }
    *at = '\0';
    return text;
}

static const char *body_of(cairn_bytes csr, const char *rest)
{
    static char text[16384];
    (void)snprintf(text, sizeof text, "{\"request\":\"%s\"%s}", pem_json(csr), rest);
    return text;
}

static cairn_bytes client_csr(void)
{
    return ca_csr(&f.arena, &(ca_csr_wish){.type = "P-256", .common_name = "client-1"});
}

static const char *member(const char *name, char out[128])
{
    char key[64];
    (void)snprintf(key, sizeof key, "\"%s\":\"", name);
    const char *at = strstr(test_body(reply), key);
    assert_non_null(at);
    at += strlen(key);
    (void)snprintf(out, 128, "%.*s", (int)(strchr(at, '"') - at), at);
    return out;
}

static bool has_code(const char *code)
{
    char text[64];
    (void)snprintf(text, sizeof text, "\"code\":\"%s\"", code);
    return strstr(reply, text) != NULL;
}

static void test_who_may(void **state)
{
    (void)state;
    static const struct {
        const char *who, *target;
        int status;
        const char *row;
    } cases[] = {
        {NULL, issue_path, 401, "issueCertificate no_credentials "},
        {"reader", issue_path, 403, "issueCertificate scope_missing reader"},
        {"issuer", revoke_path, 403, "revokeCertificates scope_missing issuer"},
        {"other", issue_path, 404, "issueCertificate other_organisation other"},
        {"other", renew_path, 404, "renewCertificate other_organisation other"},
        {"other", revoke_path, 404, "revokeCertificates other_organisation other"},
        {"nobodys", issue_path, 404, "issueCertificate other_organisation nobodys"},
        {"all", "/v1/ca/" OTHER "/certificates", 404, "issueCertificate other_organisation all"},
        {"all", "/v1/ca/abab/certificates", 404, "issueCertificate other_organisation all"},
        {"other", "/v1/ca/" OTHER "/certificates", 404, "issueCertificate granted other"},
        {"issuer", issue_path, 400, "issueCertificate granted issuer"},
    };
    static char first[TEST_REPLY_MAX];
    assert_int_equal(post("/v1/ca/" ORG "/nothing", "{}"), 404);
    memcpy(first, reply, sizeof first);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(post_as(cases[i].who, cases[i].target, "{}"), cases[i].status);
        assert_string_equal(audited, cases[i].row);
        if (cases[i].status == 404)
            assert_string_equal(reply, first); /* nobody learns what is there */
    }
    assert_int_equal(errand_count, 0);
}

/* The same bytes again are an answer that was lost; another request is another certificate. */
static void test_issue(void **state)
{
    (void)state;
    const cairn_bytes csr = client_csr();
    char serial[128];
    char again[128];
    assert_int_equal(post(issue_path, body_of(csr, ",\"profile\":\"tls-client\",\"days\":7")), 201);
    (void)member("serial", serial);
    assert_non_null(strstr(member("certificate", again), "-----BEGIN CERTIFICATE-----"));
    assert_non_null(strstr(member("issuer", again), "-----BEGIN CERTIFICATE-----"));
    assert_string_equal(member("name", again), "client-1");
    assert_string_equal(member("status", again), "good");
    assert_int_equal(post(issue_path, body_of(csr, ",\"profile\":\"tls-client\",\"days\":7")), 200);
    assert_string_equal(member("serial", again), serial);
    assert_int_equal(post(issue_path, body_of(csr, ",\"profile\":\"tls-client\",\"days\":8")), 201);
    assert_string_not_equal(member("serial", again), serial);
    assert_int_equal(
        post(issue_path,
             body_of(client_csr(), ",\"profile\":\"tls-server\",\"name\":\"client-1\","
                                   "\"dns\":[\"node.example.com\"],\"ip\":[\"10.1.2.3\"]")),
        201);
    join_errands();
    assert_int_equal(changes, 4);
}

static void test_issue_refusals(void **state)
{
    (void)state;
#define CLIENT ",\"profile\":\"tls-client\""
    static const struct {
        const char *rest;
        int status;
        const char *code;
    } cases[] = {
        {"", 400, "MISSING_FIELD"},
        {",\"profile\":\"root\"", 400, "BAD_VALUE"},
        {",\"profile\":\"issuing\"", 400, "BAD_VALUE"},
        {",\"profile\":\"ocsp-responder\"", 400, "BAD_VALUE"},
        {",\"profile\":7", 400, "WRONG_TYPE"},
        {CLIENT ",\"ca\":true", 400, "UNKNOWN_FIELD"},
        {CLIENT CLIENT, 400, "DUPLICATE_KEY"},
        {CLIENT ",\"days\":0", 400, "BAD_VALUE"},
        {CLIENT ",\"days\":91", 400, "ARGUMENT"},
        {CLIENT ",\"days\":9223372036854775807", 400, "BAD_VALUE"},
        {CLIENT ",\"days\":\"7\"", 400, "WRONG_TYPE"},
        {CLIENT ",\"name\":\"another\"", 403, "TX_FORBIDDEN"},
        {CLIENT ",\"name\":\"\"", 400, "BAD_VALUE"},
        {CLIENT ",\"device\":\"D-1\"", 400, "ARGUMENT"},
        {CLIENT ",\"dns\":\"a.example.com\"", 400, "WRONG_TYPE"},
        {CLIENT ",\"dns\":[7]", 400, "WRONG_TYPE"},
        {CLIENT ",\"dns\":[\"*.example.com\"]", 400, "BAD_VALUE"},
        {CLIENT ",\"ip\":[\"10.0.0.0/8\"]", 400, "BAD_VALUE"},
        {",\"profile\":\"tls-server\"", 400, "ARGUMENT"},
        {",\"profile\":\"tls-server\",\"dns\":[\"a.example.org\"]", 403, "TX_FORBIDDEN"},
        {",\"profile\":\"tls-server\",\"uri\":[\"cairn://org/" OTHER "\"]", 403, "TX_FORBIDDEN"},
        {CLIENT ",\"uri\":[\"u:1\",\"u:2\",\"u:3\",\"u:4\",\"u:5\",\"u:6\",\"u:7\",\"u:8\",\"u:9\","
                "\"u:10\","
                "\"u:11\",\"u:12\",\"u:13\",\"u:14\",\"u:15\",\"u:16\",\"u:17\"]",
         400, "TOO_MANY"},
    };
    const cairn_bytes csr = client_csr();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int status = post(issue_path, body_of(csr, cases[i].rest));
        if (status != cases[i].status || !has_code(cases[i].code))
            fail_msg("%s: %s", cases[i].rest, reply);
    }
    join_errands();
    assert_int_equal(changes, 0);
}

static void test_bad_requests(void **state)
{
    (void)state;
    static char big[CAIRN_CA_CALL_SIZE_MAX + 64];
    const cairn_ca_profile_row *row = cairn_ca_profile_of(CAIRN_CA_TLS_CLIENT);
    assert_non_null(row);
    cairn_bytes csr = client_csr();
    uint8_t *last = (uint8_t *)(uintptr_t)(csr.data + csr.size - 1);
    *last ^= 1;
    assert_int_equal(post(issue_path, body_of(csr, CLIENT)), 400); /* of another key's hand */
    assert_true(has_code("BAD_SIGNATURE") || has_code("NOT_CANONICAL"));
    *last ^= 1;
    assert_int_equal(post(issue_path, body_of(ca_csr(&f.arena, &(ca_csr_wish){.type = "RSA"}),
                                              CLIENT ",\"name\":\"x\"")),
                     400);
    assert_true(has_code("BAD_ALGORITHM"));
    assert_int_equal(post(issue_path, "{\"request\":\"0\",\"profile\":\"tls-client\"}"), 400);
    assert_int_equal(post(issue_path, "[]"), 400);
    assert_int_equal(post(issue_path, "{"), 400);
    assert_int_equal(post(issue_path, ""), 400);
    assert_int_equal(post(issue_path, "[[[[[[[[[[[[[[[[[[[[[["), 400);
    memset(big, ' ', sizeof big - 1);
    assert_int_equal(post(issue_path, big), 413);
    assert_int_equal(
        test_request(&server, "POST", issue_path, "Authorization: all\r\n", "{}", reply), 415);
    assert_int_equal(
        post(issue_path, body_of(ca_csr(&f.arena, &(ca_csr_wish){.type = "P-256"}), CLIENT)),
        400); /* names no subject */
    assert_true(has_code("MISSING_FIELD"));
}

static void revoke_body(char out[256], const char *serial, const char *reason)
{
    (void)snprintf(out, 256, "{\"serial\":\"%s\",\"reason\":\"%s\"}", serial, reason);
}

static void test_renew_and_revoke(void **state)
{
    (void)state;
    const cairn_bytes csr = client_csr();
    char serial[128];
    char rest[256];
    char body[256];
    char text[128];
    assert_int_equal(post(issue_path, body_of(csr, CLIENT)), 201);
    (void)member("serial", serial);
    (void)snprintf(rest, sizeof rest, ",\"serial\":\"%s\"", serial);
    assert_int_equal(post(renew_path, body_of(csr, rest)), 409);
    assert_true(has_code("EARLY"));
    (void)snprintf(rest, sizeof rest, ",\"serial\":\"%s\",\"early\":true", serial);
    assert_int_equal(post(renew_path, body_of(csr, rest)), 201);
    assert_string_not_equal(member("serial", text), serial);
    assert_int_equal(post(renew_path, body_of(csr, rest)), 200);
    revoke_body(body, serial, "certificateHold");
    assert_int_equal(post(revoke_path, body), 400);
    revoke_body(body, serial, "superseded");
    assert_int_equal(post(revoke_path, body), 200);
    assert_string_equal(member("reason", text), "superseded");
    assert_int_equal(post(revoke_path, body), 200);                /* again is no error */
    assert_int_equal(post(issue_path, body_of(csr, CLIENT)), 409); /* nor is it issued again */
    assert_true(has_code("CLOSED"));
    revoke_body(body, "4000000000000000000000000000000000000000", "superseded");
    assert_int_equal(post(revoke_path, body), 404);
    assert_int_equal(post(revoke_path, "{\"reason\":\"superseded\"}"), 400);
    assert_int_equal(post(revoke_path, "{\"device\":\"D-1\",\"reason\":\"superseded\"}"), 404);
    cairn_hex_encode(cairn_bytes_of(f.ca->generations[0].issuing.serial, CAIRN_CA_SERIAL_SIZE),
                     text);
    revoke_body(body, text, "superseded"); /* the CA's own */
    assert_int_equal(post(revoke_path, body), 400);
}

/* Nothing is issued without the signer; what is revoked is, and is told when it is back. */
static void test_signer_away(void **state)
{
    (void)state;
    const cairn_bytes csr = client_csr();
    char serial[128];
    char body[256];
    uint64_t next_ms = 0;
    ca_signer_fails = true;
    assert_int_equal(post(issue_path, body_of(csr, CLIENT)), 503);
    ca_signer_fails = false;
    assert_int_equal(post(issue_path, body_of(csr, CLIENT)), 201);
    (void)member("serial", serial);
    revoke_body(body, serial, "cessationOfOperation");
    ca_signer_fails = true;
    assert_int_equal(post(revoke_path, body), 202);
    ca_signer_fails = false;
    assert_int_equal(cairn_ca_maintain(f.ca, 100, &next_ms), CAIRN_OK);
    assert_int_equal(post(revoke_path, body), 200);
}

static void test_too_many_wait(void **state)
{
    (void)state;
    busy = true;
    assert_int_equal(post(issue_path, body_of(client_csr(), CLIENT)), 503);
    assert_true(has_code("BUSY"));
}

static void test_revoke_a_device(void **state)
{
    (void)state;
    static const char device[] =
        ",\"profile\":\"device-service\",\"name\":\"dev\",\"device\":\"D-7\"";
    for (int i = 0; i < 2; i++)
        assert_int_equal(
            post(issue_path, body_of(ca_csr(&f.arena, &(ca_csr_wish){.type = "P-384"}), device)),
            201);
    assert_int_equal(post(revoke_path, "{\"device\":\"D-7\",\"reason\":\"unspecified\"}"), 200);
    const char *first = strstr(reply, "\"status\":\"revoked\"");
    assert_non_null(first);
    assert_non_null(strstr(first + 1, "\"status\":\"revoked\""));
}

/* All of them, however many there are. */
static void test_revoke_a_device_with_many(void **state)
{
    (void)state;
    enum { MANY = 70 };
    size_t count = 0;
    cairn_ca_issued issued;
    for (int i = 0; i < MANY; i++)
        assert_int_equal(ca_issue_one(&f, CAIRN_CA_DEVICE_SERVICE, &issued), CAIRN_OK);
    assert_int_equal(post(revoke_path, "{\"device\":\"d-17\",\"reason\":\"unspecified\"}"), 200);
    for (const char *at = reply; (at = strstr(at, "\"status\":\"revoked\"")) != NULL; at++)
        count++;
    assert_int_equal(count, MANY);
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {T(test_chain),
                                       T(test_lists),
                                       T(test_status),
                                       T(test_a_node_without_authorities),
                                       T(test_who_may),
                                       T(test_issue),
                                       T(test_issue_refusals),
                                       T(test_bad_requests),
                                       T(test_renew_and_revoke),
                                       T(test_signer_away),
                                       T(test_too_many_wait),
                                       T(test_revoke_a_device),
                                       T(test_revoke_a_device_with_many)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
