/* Messages over real sockets: what is sent, that its signature verifies, where it may not go. The
 * vectors are those of RFC 9421 appendix B and of RFC 9530 appendix D. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <sys/stat.h>

#include "core/crypto/hmac.h"
#include "core/jobs/http_signature.h"
#include "core/jobs/outbox_http.h"
#include "core/limits.h"
#include "support/jobs_fixture.h"

/* --- vectors --- */

static const char b25_secret[] = /* RFC 9421 appendix B.1.5 */
    "uzvJfB4u3N0Jy4T7NZ75MDVcr8zSTInedJtkgcu46YW4XByzNJjxBdtjUkdJPBtbmHhIDi6pcl8jsasjlTMtDQ==";

static void test_rfc9421_b25(void **state)
{
    static const char want[] = "\"date\": Tue, 20 Apr 2021 02:07:55 GMT\n"
                               "\"@authority\": example.com\n"
                               "\"content-type\": application/json\n"
                               "\"@signature-params\": (\"date\" \"@authority\" \"content-type\")"
                               ";created=1618884473;keyid=\"test-shared-secret\"";
    const cairn_http_component components[] = {
        {"date", cairn_bytes_str("Tue, 20 Apr 2021 02:07:55 GMT")},
        {"@authority", cairn_bytes_str("example.com")},
        {"content-type", cairn_bytes_str("application/json")},
    };
    const cairn_http_signature_params params = {.created_s = 1618884473,
                                                .key_id = "test-shared-secret"};
    uint8_t secret[64];
    cairn_hash mac;
    size_t size = 0;
    cairn_arena arena;
    cairn_bytes base;
    const char *input = NULL;
    const char *line = NULL;
    (void)state;
    cairn_arena_init(&arena, 1 << 16);
    assert_int_equal(cairn_http_signature_base(&arena, components, 3, &params, &base, &input),
                     CAIRN_OK);
    assert_int_equal(base.size, strlen(want));
    assert_memory_equal(base.data, want, base.size);
    assert_int_equal(cairn_base64_decode(cairn_bytes_str(b25_secret), secret, sizeof secret, &size),
                     CAIRN_OK);
    assert_int_equal(cairn_hmac_sha256(cairn_bytes_of(secret, size), &base, 1, &mac), CAIRN_OK);
    assert_int_equal(
        cairn_http_signature_lines(&arena, "sig-b25", input, cairn_bytes_hash(&mac), &line, &input),
        CAIRN_OK);
    assert_string_equal(line, "Signature: sig-b25=:pxcQw6G3AjtMBQjwo8XzkZf/bws5LelbaMk5rGIGtE8=:");
    assert_string_equal(input, "Signature-Input: sig-b25=(\"date\" \"@authority\" \"content-type\")"
                               ";created=1618884473;keyid=\"test-shared-secret\"");
    cairn_arena_done(&arena);
}

static void test_what_breaks_a_line(void **state)
{
    const cairn_http_component good = {"x", cairn_bytes_str("v")};
    const cairn_http_component bad = {"x", cairn_bytes_str("v\nx: y")};
    cairn_http_signature_params params = {.created_s = 1, .key_id = "k"};
    cairn_arena arena;
    cairn_bytes base;
    const char *input = NULL;
    (void)state;
    cairn_arena_init(&arena, 1 << 16);
    assert_int_equal(cairn_http_signature_base(&arena, &good, 1, &params, &base, &input), CAIRN_OK);
    assert_int_equal(cairn_http_signature_base(&arena, &bad, 1, &params, &base, &input),
                     CAIRN_ERR_BAD_VALUE);
    params.key_id = "a\"b";
    assert_int_equal(cairn_http_signature_base(&arena, &good, 1, &params, &base, &input),
                     CAIRN_ERR_BAD_VALUE);
    cairn_arena_done(&arena);
}

static void test_content_digest(void **state)
{
    cairn_arena arena;
    const char *value = NULL;
    (void)state;
    cairn_arena_init(&arena, 1 << 16);
    assert_int_equal(
        cairn_http_content_digest(&arena, cairn_bytes_str("{\"hello\": \"world\"}"), &value),
        CAIRN_OK);
    assert_string_equal(value, "sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:");
    cairn_arena_done(&arena);
}

static void test_retry_after_field(void **state)
{
    /* 1445412480 is Wed, 21 Oct 2015 07:28:00 GMT, the example of RFC 9110's section on dates. */
    static const struct {
        const char *text;
        uint64_t want;
    } cases[] = {
        {"120", 120000},
        {"0", 0},
        {"", 0},
        {"-1", 0},
        {"1.5", 0},
        {"soon", 0},
        {"99999999999999999999", CAIRN_OUTBOX_RETRY_MS_MAX},
        {"Wed, 21 Oct 2015 07:28:00 GMT", 60000},
        {"Wed, 21 Oct 2015 07:26:00 GMT", 0},
        {"Wed, 21 Oct 2015 07:28:00 GMT and more", 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(
            cairn_outbox_retry_after(cairn_bytes_str(cases[i].text), UINT64_C(1445412420000)),
            cases[i].want);
}

/* --- a peer that answers as it is told --- */

typedef struct peer {
    int listener;
    uint16_t port;
    const char *answers[4];
    unsigned answer_count;
    char requests[4][4096];
    unsigned count;
    pthread_t thread;
} peer;

static void serve_one(peer *p, int fd)
{
    char *in = p->requests[p->count];
    size_t size = 0;
    while (size < sizeof p->requests[0] - 1) {
        ssize_t n = read(fd, in + size, sizeof p->requests[0] - 1 - size);
        if (n <= 0)
            break;
        size += (size_t)n;
        in[size] = '\0';
        const char *body = strstr(in, "\r\n\r\n");
        if (body != NULL && strlen(body + 4) >= 9)
            break;
    }
    const char *answer = p->answers[p->count++];
    assert_int_equal(write(fd, answer, strlen(answer)), strlen(answer));
    (void)close(fd);
}

static void *serve(void *context)
{
    peer *p = context;
    while (p->count < p->answer_count) {
        int fd = accept(p->listener, NULL, NULL);
        if (fd < 0)
            return NULL;
        serve_one(p, fd);
    }
    return NULL;
}

static void peer_start(peer *p)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t size = sizeof address;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    p->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(p->listener >= 0);
    assert_int_equal(bind(p->listener, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(p->listener, 8), 0);
    assert_int_equal(getsockname(p->listener, (struct sockaddr *)&address, &size), 0);
    p->port = ntohs(address.sin_port);
    assert_int_equal(pthread_create(&p->thread, NULL, serve, p), 0);
}

static void peer_stop(peer *p)
{
    (void)shutdown(p->listener, SHUT_RDWR);
    assert_int_equal(pthread_join(p->thread, NULL), 0);
    (void)close(p->listener);
}

/* --- the jobs in front of it --- */

typedef struct fixture {
    char path[64];
    char keys[64];
    cairn_signer *signer;
    cairn_outbox_http *http;
    cairn_network loopback;
    cairn_jobs *jobs;
} fixture;

static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER; /* who holds it holds up signatures */

static cairn_err find_secret(void *context, const char *tenant, const char *name,
                             cairn_secret *ret_secret)
{
    (void)context;
    (void)pthread_mutex_lock(&gate);
    (void)pthread_mutex_unlock(&gate);
    assert_string_equal(tenant, "t");
    assert_string_equal(name, "shared");
    return cairn_secret_set(ret_secret, cairn_bytes_str("0123456789abcdef"));
}

static void open_all(fixture *f, bool allow_loopback)
{
    cairn_outbox_http_options options = {.clock = cairn_clock_system(),
                                         .thread_count = 2,
                                         .timeout_ms = 5000,
                                         .allowed = &f->loopback,
                                         .allowed_count = allow_loopback ? 1 : 0,
                                         .signer = f->signer,
                                         .find_secret = find_secret};
    assert_int_equal(cairn_outbox_http_new(&options, &f->http), CAIRN_OK);
    cairn_jobs_options jobs = {.clock = cairn_clock_system(),
                               .transport = cairn_outbox_http_transport(f->http),
                               .map_size = 64 << 20,
                               .seed = 1};
    assert_int_equal(cairn_jobs_open(f->path, &jobs, &f->jobs), CAIRN_OK);
    assert_int_equal(cairn_jobs_start(f->jobs), CAIRN_OK);
}

static int set_up(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    cairn_key *key = NULL;
    assert_non_null(f);
    jobs_directory_make(f->path);
    jobs_directory_make(f->keys);
    assert_int_equal(cairn_network_parse("127.0.0.0/8", &f->loopback), CAIRN_OK);
    assert_int_equal(cairn_signer_open_files(f->keys, &f->signer), CAIRN_OK);
    assert_int_equal(cairn_signer_generate(f->signer, "hook", CAIRN_KEY_P256, &key), CAIRN_OK);
    cairn_key_free(key);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    fixture *f = *state;
    char name[96];
    cairn_jobs_close(f->jobs);
    cairn_outbox_http_free(f->http);
    cairn_signer_free(f->signer);
    (void)snprintf(name, sizeof name, "%s/hook.pem", f->keys);
    (void)unlink(name);
    (void)rmdir(f->keys);
    jobs_directory_remove(f->path);
    free(f);
    return 0;
}

typedef struct put {
    cairn_outbox_message message;
    char url[64];
} put;

static cairn_err do_put(void *context, cairn_jobs_txn *txn)
{
    const put *p = context;
    uint64_t id = 0;
    return cairn_outbox_put(txn, &p->message, &id);
}

static void post(fixture *f, const peer *p, cairn_outbox_signature signature, const char *key)
{
    put m = {.message = {.tenant = "t",
                         .destination = "d",
                         .content_type = "application/json",
                         .body = cairn_bytes_str("{\"a\": 17}"),
                         .signature = signature,
                         .key = key,
                         .expires_ms = UINT64_MAX}};
    (void)snprintf(m.url, sizeof m.url, "http://127.0.0.1:%u/hook?x=1", p->port);
    m.message.url = m.url;
    assert_int_equal(cairn_jobs_update(f->jobs, do_put, &m), CAIRN_OK);
    assert_int_equal(cairn_jobs_drain(f->jobs, 20000), CAIRN_OK);
}

static cairn_jobs_metrics metrics(fixture *f)
{
    cairn_jobs_metrics m;
    assert_int_equal(cairn_jobs_metrics_read(f->jobs, &m), CAIRN_OK);
    return m;
}

/* Value of a header field of a request, as a copy in `out`. */
static void field(const char *request, const char *name, char *out, size_t room)
{
    const char *at = strcasestr(request, name);
    if (at == NULL)
        fail_msg("no %s in %s", name, request);
    at += strlen(name) + 1;
    (void)snprintf(out, room, "%.*s", (int)strcspn(at, "\r"), at);
}

static cairn_err do_cancel(void *context, cairn_jobs_txn *txn)
{
    return cairn_outbox_cancel(txn, "t", context);
}

/* Two threads are held up in front of a third message, which is cancelled: it is not sent. */
static void test_cancelled_before_its_turn(void **state)
{
    fixture *f = *state;
    static char *const lanes[] = {"d1", "d2", "d3"};
    peer p = {.answers = {"HTTP/1.1 204 No Content\r\n\r\n", "HTTP/1.1 204 No Content\r\n\r\n",
                          "HTTP/1.1 204 No Content\r\n\r\n"},
              .answer_count = 3};
    put m = {.message = {.tenant = "t",
                         .content_type = "application/json",
                         .body = cairn_bytes_str("{\"a\": 17}"),
                         .signature = CAIRN_OUTBOX_HMAC_SHA256,
                         .key = "shared",
                         .expires_ms = UINT64_MAX}};
    peer_start(&p);
    open_all(f, true);
    (void)snprintf(m.url, sizeof m.url, "http://127.0.0.1:%u/hook", p.port);
    m.message.url = m.url;
    (void)pthread_mutex_lock(&gate);
    for (size_t i = 0; i < 3; i++) {
        m.message.destination = lanes[i];
        assert_int_equal(cairn_jobs_update(f->jobs, do_put, &m), CAIRN_OK);
        while (metrics(f).in_flight < i + 1)
            (void)usleep(1000);
    }
    assert_int_equal(cairn_jobs_update(f->jobs, do_cancel, lanes[2]), CAIRN_OK);
    (void)pthread_mutex_unlock(&gate);
    assert_int_equal(cairn_jobs_drain(f->jobs, 20000), CAIRN_OK);
    assert_int_equal(p.count, 2);
    assert_int_equal(metrics(f).outbox_waiting + metrics(f).outbox_dead, 0);
    peer_stop(&p);
}

static void test_signed_by_es256(void **state)
{
    fixture *f = *state;
    peer p = {.answers = {"HTTP/1.1 204 No Content\r\n\r\n"}, .answer_count = 1};
    char input[512], signature[256], digest[128], base[1024];
    uint8_t raw[64];
    size_t size = 0;
    cairn_key *key = NULL;
    peer_start(&p);
    open_all(f, true);
    post(f, &p, CAIRN_OUTBOX_ES256, "hook");
    peer_stop(&p);
    assert_int_equal(p.count, 1);
    assert_int_equal(metrics(f).outbox_delivered, 1);
    assert_int_equal(strncmp(p.requests[0], "POST /hook?x=1 HTTP/1.1\r\n", 25), 0);
    assert_non_null(strstr(p.requests[0], "Idempotency-Key: \"cairn-1\"\r\n"));
    field(p.requests[0], "\nSignature-Input:", input, sizeof input);
    field(p.requests[0], "\nSignature:", signature, sizeof signature);
    field(p.requests[0], "\nContent-Digest:", digest, sizeof digest);
    assert_int_equal(strncmp(input, "cairn=", 6), 0);
    (void)snprintf(base, sizeof base,
                   "\"@method\": POST\n\"@target-uri\": http://127.0.0.1:%u/hook?x=1\n"
                   "\"content-digest\": %s\n\"content-type\": application/json\n"
                   "\"@signature-params\": %s",
                   p.port, digest, input + 6);
    assert_int_equal(strncmp(signature, "cairn=:", 7), 0);
    signature[strlen(signature) - 1] = '\0';
    assert_int_equal(cairn_base64_decode(cairn_bytes_str(signature + 7), raw, sizeof raw, &size),
                     CAIRN_OK);
    assert_int_equal(cairn_signer_public(f->signer, "hook", &key), CAIRN_OK);
    assert_int_equal(cairn_key_verify(key, cairn_bytes_str(base), cairn_bytes_of(raw, size)),
                     CAIRN_OK);
    cairn_key_free(key);
}

static void test_signed_by_hmac_and_tried_again(void **state)
{
    fixture *f = *state;
    peer p = {.answers = {"HTTP/1.1 503 No\r\nRetry-After: 0\r\nContent-Length: 0\r\n\r\n",
                          "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"},
              .answer_count = 2};
    peer_start(&p);
    open_all(f, true);
    post(f, &p, CAIRN_OUTBOX_HMAC_SHA256, "shared");
    for (unsigned i = 0; i < 100 && metrics(f).outbox_delivered == 0; i++)
        (void)usleep(50000);
    peer_stop(&p);
    assert_int_equal(p.count, 2);
    assert_int_equal(metrics(f).outbox_failed, 1);
    assert_non_null(strstr(p.requests[1], ";keyid=\"shared\";alg=\"hmac-sha256\""));
}

/* Who has taken the message may say what he likes about it. */
static void test_a_long_answer_is_an_answer(void **state)
{
    fixture *f = *state;
    static char answer[300000];
    int head = snprintf(answer, sizeof answer, "HTTP/1.1 200 OK\r\nContent-Length: 250000\r\n\r\n");
    memset(answer + head, 'x', 250000);
    peer p = {.answers = {answer}, .answer_count = 1};
    peer_start(&p);
    open_all(f, true);
    post(f, &p, CAIRN_OUTBOX_UNSIGNED, "");
    peer_stop(&p);
    assert_int_equal(metrics(f).outbox_delivered, 1);
    assert_int_equal(metrics(f).outbox_failed, 0);
}

static void test_redirect_is_not_followed(void **state)
{
    fixture *f = *state;
    peer p = {.answers = {"HTTP/1.1 307 There\r\nLocation: http://127.0.0.1/\r\n"
                          "Content-Length: 0\r\n\r\n"},
              .answer_count = 1};
    peer_start(&p);
    open_all(f, true);
    post(f, &p, CAIRN_OUTBOX_UNSIGNED, "");
    peer_stop(&p);
    assert_int_equal(metrics(f).outbox_dead, 1);
}

static void test_private_address_is_not_called(void **state)
{
    fixture *f = *state;
    peer p = {.answers = {"HTTP/1.1 200 OK\r\n\r\n"}, .answer_count = 1};
    peer_start(&p);
    open_all(f, false);
    post(f, &p, CAIRN_OUTBOX_UNSIGNED, "");
    peer_stop(&p);
    assert_int_equal(p.count, 0);
    assert_int_equal(metrics(f).outbox_dead, 1);
}

static void test_key_that_is_missing(void **state)
{
    fixture *f = *state;
    peer p = {.answers = {"HTTP/1.1 200 OK\r\n\r\n"}, .answer_count = 1};
    peer_start(&p);
    open_all(f, true);
    post(f, &p, CAIRN_OUTBOX_ES256, "none");
    peer_stop(&p);
    assert_int_equal(p.count, 0);
    assert_int_equal(metrics(f).outbox_waiting, 1);
    cairn_outbox_http_options wrong = {.thread_count = 0};
    cairn_outbox_http *http = NULL;
    assert_int_equal(cairn_outbox_http_new(&wrong, &http), CAIRN_ERR_ARGUMENT);
}

#define WITH_PEER(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rfc9421_b25),
        cmocka_unit_test(test_what_breaks_a_line),
        cmocka_unit_test(test_content_digest),
        cmocka_unit_test(test_retry_after_field),
        WITH_PEER(test_cancelled_before_its_turn),
        WITH_PEER(test_signed_by_es256),
        WITH_PEER(test_signed_by_hmac_and_tried_again),
        WITH_PEER(test_a_long_answer_is_an_answer),
        WITH_PEER(test_private_address_is_not_called),
        WITH_PEER(test_redirect_is_not_followed),
        WITH_PEER(test_private_address_is_not_called),
        WITH_PEER(test_key_that_is_missing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
