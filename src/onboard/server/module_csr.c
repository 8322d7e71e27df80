/* fdo.csr: an authority's certificates first, then one for the device's own key. */
#include <openssl/pkcs7.h>
#include <openssl/x509.h>
#include <stdlib.h>

#include "cairn/sha256.h"
#include "core/crypto/openssl.h"
#include "onboard/server/module_help.h"

static const char module[] = "fdo.csr";

enum {
    CSR_SIZE_MAX = 8192,
    FORMAT_CERTS_ONLY = 281, /* CoAP content formats (RFC 9148) */
    FORMAT_PKIX_CERT = 287,
    ROUNDS_MAX = 16, /* in which a device asks for nothing, before it is taken to be done */
    ANSWER_SIZE_MAX = 1 << 16,
};

/* Numbers of fdo.csr:error. */
enum { BAD_REQUEST = 1, UNAUTHORIZED = 2, NOT_SUPPORTED = 3, RATE_EXCEEDED = 4, BAD_FORMAT = 5 };

typedef struct csr {
    const cairn_fdo_authority *authority;
    cairn_fdo_run *run;
    bool begun;
    bool done;
    unsigned silent;                /* rounds */
    bool has_answered;              /* an enrolment: silence is then the end */
    bool is_text;                   /* the answer that waits is a text: base64 */
    const char *name;               /* of the answer that waits; NULL: none */
    unsigned error;                 /* that it is, or 0 */
    cairn_fdo_module_buffer answer; /* DER */
    uint8_t request[CSR_SIZE_MAX];
    char challenge[CAIRN_FDO_CHALLENGE_SIZE];
} csr;

void cairn_fdo_run_challenge(const cairn_fdo_run *run, char ret_text[CAIRN_FDO_CHALLENGE_SIZE])
{
    const cairn_bytes parts[] = {
        cairn_bytes_str("cairn/csr/1"),
        cairn_bytes_of(cairn_fdo_run_prove_nonce(run)->b, CAIRN_FDO_NONCE_SIZE),
        cairn_bytes_of(cairn_fdo_run_setup_nonce(run)->b, CAIRN_FDO_NONCE_SIZE)};
    cairn_hash hash;
    cairn_sha256_parts(parts, 3, &hash);
    cairn_base64_encode(cairn_bytes_hash(&hash), ret_text);
}

/* --- answers --- */

static void answer_error(csr *c, unsigned error)
{
    c->name = "error";
    c->error = error;
}

/* Specified are texts; whoever sends bytes is answered in bytes. */
static cairn_err answer_der(csr *c, const char *name, cairn_bytes der)
{
    c->answer.size = 0;
    CAIRN_TRY(cairn_fdo_module_append(&c->answer, der, ANSWER_SIZE_MAX, module));
    c->name = name;
    c->error = 0;
    return CAIRN_OK;
}

static bool add_certificate(PKCS7 *p7, cairn_bytes der)
{
    const uint8_t *at = der.data;
    X509 *certificate = d2i_X509(NULL, &at, (long)der.size);
    bool added = certificate != NULL && PKCS7_add_certificate(p7, certificate) == 1;
    X509_free(certificate);
    return added;
}

/* SignedData without signers (RFC 5652, RFC 7030 section 4.1.3). */
static cairn_err answer_certs_only(csr *c)
{
    const cairn_fdo_authority *a = c->authority;
    uint8_t *der = NULL;
    PKCS7 *p7 = PKCS7_new();
    bool made = p7 != NULL && PKCS7_set_type(p7, NID_pkcs7_signed) == 1 &&
                PKCS7_content_new(p7, NID_pkcs7_data) == 1 && PKCS7_set_detached(p7, 1) == 1;
    for (size_t i = 0; made && i < a->certificate_count; i++)
        made = add_certificate(p7, a->certificates[i]);
    int size = made ? i2d_PKCS7(p7, &der) : -1;
    PKCS7_free(p7);
    cairn_err err = size > 0 ? answer_der(c, "cacerts-res", cairn_bytes_of(der, (size_t)size))
                             : cairn_openssl_fail("certificates of an authority");
    OPENSSL_free(der);
    return err;
}

static cairn_err take_cacerts(csr *c, cairn_cbor_reader *reader)
{
    uint64_t format = 0;
    CAIRN_TRY(cairn_cbor_read_uint(reader, "cacerts-req", 0, UINT64_MAX, &format));
    c->is_text = format == FORMAT_CERTS_ONLY;
    if (format == FORMAT_CERTS_ONLY)
        return answer_certs_only(c);
    if (format == FORMAT_PKIX_CERT)
        return answer_der(c, "cacerts-res", c->authority->certificates[0]);
    answer_error(c, BAD_FORMAT);
    return CAIRN_OK;
}

/* --- requests --- */

static void on_issued(void *context, cairn_err err, const cairn_bytes *chain, size_t count)
{
    csr *c = context;
    cairn_err own = CAIRN_OK;
    (void)count;
    if (err == CAIRN_OK)
        own = answer_der(c, c->name, chain[0]);
    else if (err == CAIRN_ERR_TX_FORBIDDEN || err == CAIRN_ERR_EXISTS)
        answer_error(c, UNAUTHORIZED);
    else if (err == CAIRN_ERR_BUSY || err == CAIRN_ERR_RATE)
        answer_error(c, RATE_EXCEEDED);
    else if (cairn_err_http(err) < 500)
        answer_error(c, BAD_REQUEST);
    else
        own = err;
    cairn_fdo_run_release(c->run, own);
}

/* DER, or its base64 as a text. False when it is neither. */
static bool read_request(csr *c, cairn_cbor_reader *reader, size_t *ret_size)
{
    cairn_bytes in = {0};
    c->is_text = cairn_cbor_peek(reader) == CAIRN_CBOR_TEXT;
    if (c->is_text)
        return cairn_cbor_read_text(reader, "request", 0, SIZE_MAX, &in) == CAIRN_OK &&
               cairn_base64_decode(in, c->request, sizeof c->request, ret_size) == CAIRN_OK;
    if (cairn_cbor_read_bytes(reader, "request", 0, sizeof c->request, &in) != CAIRN_OK)
        return false;
    memcpy(c->request, in.data, in.size);
    *ret_size = in.size;
    return true;
}

/* [X1353-R32] */
static cairn_err take_request(csr *c, cairn_cbor_reader *reader, bool again)
{
    size_t size = 0;
    c->has_answered = true;
    if (!read_request(c, reader, &size)) {
        answer_error(c, BAD_REQUEST);
        return CAIRN_OK;
    }
    c->name = again ? "simplereenroll-res" : "simpleenroll-res";
    cairn_fdo_run_challenge(c->run, c->challenge);
    cairn_fdo_run_hold(c->run);
    c->authority->issue(c->authority->context, c->run, again, cairn_bytes_of(c->request, size),
                        c->challenge, on_issued, c);
    return CAIRN_OK;
}

static cairn_err take_active(csr *c, cairn_cbor_reader *reader)
{
    bool active = false;
    CAIRN_TRY(cairn_cbor_read_bool(reader, "active", &active));
    c->done = !active;
    return CAIRN_OK;
}

static cairn_err take(void *state, cairn_fdo_run *run, cairn_bytes name, cairn_bytes item)
{
    csr *c = state;
    cairn_cbor_reader reader;
    c->run = run;
    c->silent = 0;
    CAIRN_TRY(cairn_fdo_module_open(&reader, item, module));
    if (cairn_fdo_module_is(name, "active"))
        return take_active(c, &reader);
    if (c->name != NULL) /* one request after the other: its answer has one place */
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, "house", "%s: two requests at once", module);
    if (cairn_fdo_module_is(name, "cacerts-req"))
        return take_cacerts(c, &reader);
    if (cairn_fdo_module_is(name, "simpleenroll-req"))
        return take_request(c, &reader, false);
    if (cairn_fdo_module_is(name, "simplereenroll-req"))
        return take_request(c, &reader, true);
    if (!cairn_fdo_module_is(name, "csrattrs-req") &&
        !cairn_fdo_module_is(name, "serverkeygen-req"))
        return cairn_fdo_module_unknown(name, module);
    answer_error(c, NOT_SUPPORTED);
    return CAIRN_OK;
}

/* --- out --- */

static cairn_err give_answer(csr *c, cairn_fdo_giver *giver)
{
    void *text = NULL;
    const char *name = CAIRN_STEAL(c->name);
    if (c->error != 0)
        return cairn_fdo_give_uint(giver, name, c->error);
    if (!c->is_text)
        return cairn_fdo_give_bytes(giver, name, cairn_bytes_of(c->answer.data, c->answer.size));
    CAIRN_TRY(cairn_arena_alloc(giver->arena, cairn_base64_size(c->answer.size) + 1, &text));
    cairn_base64_encode(cairn_bytes_of(c->answer.data, c->answer.size), text);
    return cairn_fdo_give_text(giver, name, text);
}

static cairn_err give(void *state, cairn_fdo_run *run, cairn_fdo_giver *giver, bool *ret_done)
{
    csr *c = state;
    (void)run;
    *ret_done = false;
    if (!c->begun) {
        c->begun = true;
        return cairn_fdo_give_bool(giver, "active", true);
    }
    if (c->name != NULL)
        return give_answer(c, giver);
    *ret_done = c->done || ++c->silent > (c->has_answered ? 0u : ROUNDS_MAX);
    return CAIRN_OK;
}

static void free_state(void *state)
{
    csr *c = state;
    free(c->answer.data);
    free(c);
}

static const cairn_fdo_module_type type = {module, take, give, free_state, true};

cairn_err cairn_fdo_run_csr(cairn_fdo_run *run, const cairn_fdo_authority *authority, bool required)
{
    void *state = NULL;
    CAIRN_TRY(cairn_fdo_module_new(sizeof(csr), &state));
    ((csr *)state)->authority = authority;
    return cairn_fdo_run_add(run, &type, state, required);
}
