/* The table, and the handlers that tell: find the CA, ask it, answer. None of them waits. Those
 * that change it are in ca_calls.c. */
#include "identity/ca/ca_routes.h"

#include <stdio.h>

#include "core/crypto/pem.h"
#include "identity/ca/ca.h"
#include "identity/ca/ca_calls.h"
#include "identity/identity.h"
#include "ledger/services.h"

enum { ORG, REST }; /* places of the parameters */

static void respond(cairn_call *call, const char *type, cairn_bytes body, uint64_t max_age_s)
{
    char age[64];
    (void)snprintf(age, sizeof age,
                   max_age_s > 0 ? "public, max-age=%llu, no-transform" : "no-store",
                   (unsigned long long)max_age_s);
    const cairn_http_field fields[] = {{"Cache-Control", age}};
    cairn_http_respond(
        call->exchange,
        &(cairn_http_response){
            .status = 200, .content_type = type, .fields = fields, .field_count = 1, .body = body});
}

/* --- OCSP --- */

/* Only an answer to GET may be kept: a cache knows it by its path (RFC 5019 section 6). */
static void answered(void *context, const cairn_ca_ocsp_answer *answer)
{
    cairn_call *call = context;
    bool keep = call->request->method != CAIRN_HTTP_POST;
    respond(call, "application/ocsp-response", answer->body, keep ? answer->max_age_s : 0);
}

/* The request in a path: standard base64, whose slashes are escaped (RFC 6960 appendix A.1). */
static cairn_err request_of_path(cairn_call *call, cairn_bytes *ret_request)
{
    void *memory = NULL;
    size_t size = 0;
    if (call->param_count <= REST)
        return CAIRN_FAIL(CAIRN_ERR_MISSING_FIELD, "RFC 6960 appendix A.1", "ocsp: no request");
    CAIRN_TRY(cairn_arena_alloc(call->arena, CAIRN_CA_OCSP_REQUEST_SIZE_MAX, &memory));
    CAIRN_TRY(
        cairn_base64_decode(call->params[REST], memory, CAIRN_CA_OCSP_REQUEST_SIZE_MAX, &size));
    *ret_request = cairn_bytes_of(memory, size);
    return CAIRN_OK;
}

static void ocsp_get(cairn_call *call)
{
    cairn_bytes request = {0};
    cairn_ca *ca = cairn_ca_call_find(call);
    if (ca == NULL)
        return;
    cairn_err err = request_of_path(call, &request);
    if (err == CAIRN_OK)
        cairn_ca_ocsp(ca, request, call->arena, answered, call);
    else if (err == CAIRN_ERR_NO_MEMORY)
        cairn_call_respond_err(call, err);
    else
        respond(call, "application/ocsp-response", cairn_ca_ocsp_refusal(CAIRN_CA_OCSP_MALFORMED),
                0);
}

static void ocsp_post(cairn_call *call)
{
    cairn_bytes type = {0};
    cairn_ca *ca = cairn_ca_call_find(call);
    if (ca == NULL)
        return;
    if (!cairn_http_header_find(call->request, "content-type", &type) ||
        !cairn_http_text_is(type, "application/ocsp-request"))
        cairn_http_respond_problem(call->exchange, 415, "MEDIA_TYPE",
                                   "ocsp: the body is application/ocsp-request");
    else
        cairn_ca_ocsp(ca, call->request->body, call->arena, answered, call);
}

/* --- lists --- */

/* "root", "root-2", …, or a decimal number without leading zeros. */
static bool read_partition(cairn_bytes text, uint32_t *ret_partition)
{
    uint64_t number = 0;
    if (cairn_ca_root_list_find(text, ret_partition))
        return true;
    if (text.size == 0 || text.size > 9 || (text.size > 1 && text.data[0] == '0'))
        return false;
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return false;
        number = 10 * number + (uint64_t)(text.data[i] - '0');
    }
    *ret_partition = (uint32_t)number;
    return true;
}

static void crl_get(cairn_call *call)
{
    enum { MAX_AGE_S = 300 };
    uint32_t partition = 0;
    cairn_bytes crl = {0};
    uint64_t next_s = 0;
    cairn_ca *ca = cairn_ca_call_find(call);
    if (ca == NULL)
        return;
    cairn_err err = read_partition(call->params[REST], &partition)
                        ? cairn_ca_crl(ca, partition, call->arena, &crl, &next_s)
                        : CAIRN_FAIL(CAIRN_ERR_NOT_FOUND, "house", "ca: no list of that partition");
    if (err != CAIRN_OK) {
        cairn_call_respond_err(call, err);
        return;
    }
    uint64_t now_s = cairn_clock_wall_ms(&call->services->clock) / 1000;
    uint64_t left = next_s > now_s ? next_s - now_s : 0;
    respond(call, "application/pkix-crl", crl, left < MAX_AGE_S ? left : MAX_AGE_S);
}

/* --- the chain --- */

cairn_err cairn_ca_chain_pem(cairn_ca *ca, cairn_arena *arena, cairn_bytes *ret_pem)
{
    cairn_bytes certificates[CAIRN_CA_ALL_MAX];
    size_t count = cairn_ca_all(ca, certificates);
    return cairn_pem_encode_list(arena, "CERTIFICATE", certificates, count, ret_pem);
}

static void chain_get(cairn_call *call)
{
    enum { MAX_AGE_S = 3600 };
    cairn_bytes pem = {0};
    cairn_ca *ca = cairn_ca_call_find(call);
    if (ca == NULL)
        return;
    cairn_err err = cairn_ca_chain_pem(ca, call->arena, &pem);
    if (err != CAIRN_OK)
        cairn_call_respond_err(call, err);
    else
        respond(call, "application/pem-certificate-chain", pem, MAX_AGE_S);
}

const cairn_route cairn_ca_routes[CAIRN_CA_ROUTE_COUNT] = {
    {CAIRN_HTTP_POST, "/ca/{org}/ocsp", "postOcsp", CAIRN_ROUTE_OPEN, NULL, 0,
     CAIRN_CA_OCSP_REQUEST_SIZE_MAX, ocsp_post},
    {CAIRN_HTTP_GET, "/ca/{org}/ocsp/{request}", "getOcsp", CAIRN_ROUTE_OPEN, NULL, 0, 0, ocsp_get},
    {CAIRN_HTTP_GET, "/ca/{org}/crl/{partition}", "getCertificateRevocationList", CAIRN_ROUTE_OPEN,
     NULL, 0, 0, crl_get},
    {CAIRN_HTTP_GET, "/ca/{org}/chain", "getCertificateChain", CAIRN_ROUTE_OPEN, NULL, 0, 0,
     chain_get},
    {CAIRN_HTTP_POST, "/v1/ca/{org}/certificates", "issueCertificate", CAIRN_ROUTE_PRIVILEGED,
     "ca.issue", 0, CAIRN_CA_CALL_SIZE_MAX, cairn_ca_call_issue},
    {CAIRN_HTTP_POST, "/v1/ca/{org}/renewals", "renewCertificate", CAIRN_ROUTE_PRIVILEGED,
     "ca.issue", 0, CAIRN_CA_CALL_SIZE_MAX, cairn_ca_call_renew},
    {CAIRN_HTTP_POST, "/v1/ca/{org}/revocations", "revokeCertificates", CAIRN_ROUTE_PRIVILEGED,
     "ca.revoke", 0, CAIRN_CA_CALL_SIZE_MAX, cairn_ca_call_revoke},
};
