/* OCSP answers of a CA: from stock with the request decoded and the response encoded, and on demand
 * with a nonce; issuing and revoking, each durable. Beside them OpenSSL's own signing of a basic
 * response, which is what answering without a stock costs. Best and median of the rounds. */
#include <openssl/err.h>
#include <openssl/ocsp.h>
#include <pthread.h>
#include <time.h>

#include "support/ca_fixture.h"

enum {
    ROUNDS = 9,
    OPERATIONS = 2000,
    ISSUED = 2000,
    LATENCIES = ROUNDS * OPERATIONS,
};

static ca_fixture f;
static cairn_ca_issued issued[ISSUED];
static uint8_t requests[ISSUED][256];
static size_t request_sizes[ISSUED];
static double latencies[LATENCIES];

static void must(bool ok, const char *what)
{
    if (ok)
        return;
    (void)fprintf(stderr, "bench_ca: %s: %s\n", what, cairn_err_detail());
    exit(1);
}

static double now_us(clockid_t clock)
{
    struct timespec t;
    must(clock_gettime(clock, &t) == 0, "clock");
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

/* --- preparation --- */

static void make_request(size_t i)
{
    cairn_bytes issuing = {0};
    cairn_bytes root = {0};
    cairn_ca_chain(f.ca, &issuing, &root);
    const unsigned char *at = issuing.data;
    X509 *issuer = d2i_X509(NULL, &at, (long)issuing.size);
    at = issued[i].certificate.data;
    X509 *cert = d2i_X509(NULL, &at, (long)issued[i].certificate.size);
    OCSP_REQUEST *request = OCSP_REQUEST_new();
    must(OCSP_request_add0_id(request, OCSP_cert_to_id(NULL, cert, issuer)) != NULL, "request");
    unsigned char *out = requests[i];
    int size = i2d_OCSP_REQUEST(request, NULL);
    must(size > 0 && (size_t)size <= sizeof requests[i], "request");
    request_sizes[i] = (size_t)i2d_OCSP_REQUEST(request, &out);
    OCSP_REQUEST_free(request);
    X509_free(cert);
    X509_free(issuer);
}

static void issue_all(void)
{
    double wall = 0;
    for (size_t i = 0; i < ISSUED; i++) {
        const cairn_ca_grant grant = ca_grant_of(CAIRN_CA_DEVICE_SERVICE);
        cairn_bytes csr = ca_csr(&f.arena, &(ca_csr_wish){.type = "P-256"});
        double start = now_us(CLOCK_MONOTONIC);
        must(cairn_ca_issue(f.ca, CAIRN_CA_DEVICE_SERVICE, csr, &grant, &f.arena, &issued[i]) ==
                 CAIRN_OK,
             "issue");
        wall += now_us(CLOCK_MONOTONIC) - start;
        make_request(i);
    }
    printf("issue, durable           %8.1f us wall each (%d, one at a time, on this disk)\n",
           wall / ISSUED, ISSUED);
}

/* --- from stock --- */

static size_t answered_bytes;

static void count(void *context, const cairn_ca_ocsp_answer *answer)
{
    (void)context;
    must(answer->max_age_s > 0, "an answer that was not in stock");
    answered_bytes = answer->body.size;
}

static void bench_stock(void)
{
    double cpu[ROUNDS];
    cairn_arena arena;
    cairn_arena_init(&arena, 1 << 20);
    for (size_t round = 0; round < ROUNDS; round++) {
        double start = now_us(CLOCK_THREAD_CPUTIME_ID);
        for (size_t i = 0; i < OPERATIONS; i++) {
            double one = now_us(CLOCK_MONOTONIC);
            size_t which = (i * 7919) % ISSUED;
            cairn_arena_reset(&arena);
            cairn_ca_ocsp(f.ca, cairn_bytes_of(requests[which], request_sizes[which]), &arena,
                          count, NULL);
            latencies[round * OPERATIONS + i] = now_us(CLOCK_MONOTONIC) - one;
        }
        cpu[round] = (now_us(CLOCK_THREAD_CPUTIME_ID) - start) / OPERATIONS;
    }
    cairn_arena_done(&arena);
    qsort(cpu, ROUNDS, sizeof cpu[0], by_value);
    qsort(latencies, LATENCIES, sizeof latencies[0], by_value);
    printf(
        "OCSP from stock          %8.2f us CPU best, %.2f median; p50 %.2f, p99 %.2f us wall; %zu "
        "bytes\n",
        cpu[0], cpu[ROUNDS / 2], latencies[LATENCIES / 2], latencies[LATENCIES * 99 / 100],
        answered_bytes);
}

/* --- the baseline: OpenSSL signs each answer --- */

static void bench_openssl(void)
{
    double cpu[ROUNDS];
    EVP_PKEY *key = ca_key("P-256");
    X509 *cert = X509_new();
    must(cert != NULL && X509_set_pubkey(cert, key) == 1, "certificate");
    for (size_t round = 0; round < ROUNDS; round++) {
        double start = now_us(CLOCK_THREAD_CPUTIME_ID);
        for (size_t i = 0; i < OPERATIONS; i++) {
            const unsigned char *at = requests[i % ISSUED];
            OCSP_REQUEST *request = d2i_OCSP_REQUEST(NULL, &at, (long)request_sizes[i % ISSUED]);
            OCSP_BASICRESP *basic = OCSP_BASICRESP_new();
            ASN1_TIME *now = X509_gmtime_adj(NULL, 0);
            ASN1_TIME *next = X509_gmtime_adj(NULL, 86400);
            OCSP_CERTID *id = OCSP_onereq_get0_id(OCSP_request_onereq_get0(request, 0));
            must(OCSP_basic_add1_status(basic, id, V_OCSP_CERTSTATUS_GOOD, 0, NULL, now, next) !=
                         NULL &&
                     OCSP_basic_sign(basic, cert, key, EVP_sha256(), NULL,
                                     OCSP_RESPID_KEY | OCSP_NOCERTS) == 1,
                 "OpenSSL");
            OCSP_RESPONSE *response = OCSP_response_create(OCSP_RESPONSE_STATUS_SUCCESSFUL, basic);
            unsigned char *der = NULL;
            must(i2d_OCSP_RESPONSE(response, &der) > 0, "OpenSSL");
            OPENSSL_free(der);
            OCSP_RESPONSE_free(response);
            OCSP_BASICRESP_free(basic);
            OCSP_REQUEST_free(request);
            ASN1_TIME_free(now);
            ASN1_TIME_free(next);
        }
        cpu[round] = (now_us(CLOCK_THREAD_CPUTIME_ID) - start) / OPERATIONS;
    }
    qsort(cpu, ROUNDS, sizeof cpu[0], by_value);
    printf("OpenSSL signs each       %8.2f us CPU best, %.2f median (no status looked up)\n",
           cpu[0], cpu[ROUNDS / 2]);
    X509_free(cert);
    EVP_PKEY_free(key);
}

/* --- revoking --- */

static void bench_revoke(void)
{
    enum { REVOKED = 500 };
    double start = now_us(CLOCK_MONOTONIC);
    for (size_t i = 0; i < REVOKED; i++)
        must(cairn_ca_revoke(f.ca, issued[i].serial, CAIRN_CA_CESSATION) == CAIRN_OK, "revoke");
    printf("revoke, durable and told %8.1f us wall each (%d; the list grows to as many)\n",
           (now_us(CLOCK_MONOTONIC) - start) / REVOKED, REVOKED);
}

int main(void)
{
    ca_fixture_init(&f, 0);
    cairn_arena_done(&f.arena);
    cairn_arena_init(&f.arena, 512 << 20);
    must(ca_fixture_open(&f) == CAIRN_OK, "open");
    issue_all();
    bench_stock();
    bench_openssl();
    bench_revoke();
    ca_fixture_done(&f);
    return 0;
}
