/* Threads that post messages. */
#include "core/jobs/outbox_http.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "core/crypto/hmac.h"
#include "core/jobs/http_signature.h"
#include "core/limits.h"

enum {
    QUEUE_SIZE = CAIRN_OUTBOX_IN_FLIGHT_MAX, /* the jobs have no more under way */
    ARENA_SIZE_MAX = 4 << 20,
    ADDED_HEADERS_MAX = 4,
};

_Static_assert(CAIRN_OUTBOX_HEADERS_MAX + ADDED_HEADERS_MAX <= CAIRN_HTTP_CLIENT_HEADERS_MAX,
               "all headers fit one call");

typedef struct job {
    const cairn_outbox_row *row;
    cairn_outbox_delivery *delivery;
} job;

struct cairn_outbox_http {
    cairn_outbox_http_options options;
    cairn_outbox_transport transport;
    pthread_mutex_t lock; /* guards what follows but the threads */
    pthread_cond_t changed;
    job queue[QUEUE_SIZE]; /* a ring */
    size_t first, count;
    bool stopping;
    pthread_t threads[CAIRN_OUTBOX_IN_FLIGHT_MAX];
    unsigned thread_count;
};

/* A call being put together. */
typedef struct draft {
    const cairn_outbox_http *http;
    const cairn_outbox_row *row;
    cairn_arena arena;
    const char *headers[CAIRN_HTTP_CLIENT_HEADERS_MAX];
    size_t header_count;
    const char *digest;
} draft;

static cairn_err join(cairn_arena *arena, const char *name, const char *value,
                      const char **ret_line)
{
    void *out = NULL;
    size_t size = strlen(name) + strlen(value) + 3;
    CAIRN_TRY(cairn_arena_alloc(arena, size, &out));
    (void)snprintf(out, size, "%s: %s", name, value);
    *ret_line = out;
    return CAIRN_OK;
}

static cairn_err add_own_headers(draft *d)
{
    char id[40];
    (void)snprintf(id, sizeof id, "\"cairn-%llu\"", (unsigned long long)d->row->id);
    CAIRN_TRY(cairn_http_content_digest(&d->arena, d->row->message.body, &d->digest));
    CAIRN_TRY(join(&d->arena, "Content-Digest", d->digest, &d->headers[d->header_count++]));
    return join(&d->arena, "Idempotency-Key", id, &d->headers[d->header_count++]);
}

/* --- signatures --- */

static cairn_err make_base(draft *d, const char *key_id, const char *alg, cairn_bytes *ret_base,
                           const char **ret_input)
{
    const cairn_outbox_message *m = &d->row->message;
    const cairn_http_component components[] = {
        {"@method", cairn_bytes_str("POST")},
        {"@target-uri", cairn_bytes_str(m->url)},
        {"content-digest", cairn_bytes_str(d->digest)},
        {"content-type", cairn_bytes_str(m->content_type)},
    };
    const cairn_http_signature_params params = {
        .created_s = cairn_clock_wall_ms(&d->http->options.clock) / 1000,
        .key_id = key_id,
        .alg = alg};
    return cairn_http_signature_base(&d->arena, components,
                                     sizeof components / sizeof components[0], &params, ret_base,
                                     ret_input);
}

static cairn_err add_signature(draft *d, const char *input, cairn_bytes signature)
{
    const char **lines = &d->headers[d->header_count];
    CAIRN_TRY(
        cairn_http_signature_lines(&d->arena, "cairn", input, signature, &lines[0], &lines[1]));
    d->header_count += 2;
    return CAIRN_OK;
}

static cairn_err sign_es256(draft *d)
{
    CAIRN_CLEANUP(cairn_key_free_p) cairn_key *key = NULL;
    const char *name = d->row->message.key;
    char key_id[2 * sizeof(cairn_hash) + 1];
    uint8_t signature[CAIRN_SIGNATURE_SIZE_MAX];
    const char *input = NULL;
    cairn_bytes base;
    size_t size = 0;
    if (d->http->options.signer == NULL)
        return CAIRN_FAIL(CAIRN_ERR_TOKEN, "house", "outbox: there is no signer");
    CAIRN_TRY(cairn_signer_public(d->http->options.signer, name, &key));
    if (cairn_key_alg(key) != CAIRN_ALG_ES256)
        return CAIRN_FAIL(CAIRN_ERR_ARGUMENT, "RFC 9421 section 3.3.4",
                          "outbox.key: is not of P-256");
    cairn_hex_encode(cairn_bytes_hash(cairn_key_id(key)), key_id);
    CAIRN_TRY(make_base(d, key_id, "ecdsa-p256-sha256", &base, &input));
    CAIRN_TRY(cairn_signer_sign_wait_for(d->http->options.signer,
                                         CAIRN_SIGNER_FOR_SIGN | CAIRN_SIGNER_FOR_NONE, name, base,
                                         signature, &size));
    return add_signature(d, input, cairn_bytes_of(signature, size));
}

static cairn_err sign_hmac(draft *d)
{
    const cairn_outbox_http_options *options = &d->http->options;
    const cairn_outbox_message *m = &d->row->message;
    CAIRN_CLEANUP(cairn_secret_wipe) cairn_secret secret = {0};
    cairn_hash mac;
    const char *input = NULL;
    cairn_bytes base;
    if (options->find_secret == NULL)
        return CAIRN_FAIL(CAIRN_ERR_TOKEN, "house", "outbox: no secrets are known");
    CAIRN_TRY(options->find_secret(options->secret_context, m->tenant, m->key, &secret));
    CAIRN_TRY(make_base(d, m->key, "hmac-sha256", &base, &input));
    CAIRN_TRY(cairn_hmac_sha256(cairn_secret_view(&secret), &base, 1, &mac));
    return add_signature(d, input, cairn_bytes_hash(&mac));
}

static cairn_err sign(draft *d)
{
    switch (d->row->message.signature) {
    case CAIRN_OUTBOX_ES256:
        return sign_es256(d);
    case CAIRN_OUTBOX_HMAC_SHA256:
        return sign_hmac(d);
    case CAIRN_OUTBOX_UNSIGNED:
    case CAIRN_OUTBOX_SIGNATURES:
        break;
    }
    return CAIRN_OK;
}

/* --- calls --- */

uint64_t cairn_outbox_retry_after(cairn_bytes value, uint64_t now_ms)
{
    char text[40];
    struct tm date = {0};
    if (value.size < 1 || value.size >= sizeof text)
        return 0;
    (void)snprintf(text, sizeof text, "%.*s", (int)value.size, (const char *)value.data);
    if (strspn(text, "0123456789") == strlen(text))
        return strlen(text) > 9 ? CAIRN_OUTBOX_RETRY_MS_MAX : strtoull(text, NULL, 10) * 1000;
    const char *end = strptime(text, "%a, %d %b %Y %H:%M:%S GMT", &date);
    if (end == NULL || *end != '\0')
        return 0;
    int64_t at_s = timegm(&date);
    return at_s > 0 && (uint64_t)at_s * 1000 > now_ms ? (uint64_t)at_s * 1000 - now_ms : 0;
}

static cairn_err post(draft *d, cairn_outbox_result *result)
{
    const cairn_outbox_message *m = &d->row->message;
    cairn_http_reply reply;
    cairn_bytes retry_after;
    for (size_t i = 0; i < m->header_count; i++)
        d->headers[d->header_count++] = m->headers[i];
    CAIRN_TRY(add_own_headers(d));
    CAIRN_TRY(sign(d));
    cairn_http_call call = {.method = CAIRN_HTTP_CLIENT_POST,
                            .url = m->url,
                            .content_type = m->content_type,
                            .body = m->body,
                            .headers = d->headers,
                            .header_count = d->header_count,
                            .timeout_ms = d->http->options.timeout_ms,
                            .drop_body = true,
                            .ca_file = d->http->options.ca_file,
                            .reach = CAIRN_HTTP_CLIENT_PUBLIC,
                            .allowed = d->http->options.allowed,
                            .allowed_count = d->http->options.allowed_count};
    CAIRN_TRY(cairn_http_client_call(&d->arena, &call, &reply));
    result->status = reply.status;
    if (cairn_http_reply_header(&reply, "Retry-After", &retry_after))
        result->retry_after_ms =
            cairn_outbox_retry_after(retry_after, cairn_clock_wall_ms(&d->http->options.clock));
    return CAIRN_OK;
}

static void do_job(const cairn_outbox_http *http, const job *j)
{
    draft d = {.http = http, .row = j->row};
    cairn_outbox_result result = {0};
    cairn_err_clear();
    cairn_arena_init(&d.arena, ARENA_SIZE_MAX);
    result.err = cairn_outbox_is_wanted(j->delivery)
                     ? post(&d, &result)
                     : CAIRN_FAIL(CAIRN_ERR_CANCELLED, "house", "outbox: it was cancelled");
    result.detail = result.err == CAIRN_OK ? "" : cairn_err_detail();
    cairn_outbox_done(j->delivery, &result);
    cairn_arena_done(&d.arena);
}

static void *work(void *context)
{
    cairn_outbox_http *http = context;
    (void)pthread_mutex_lock(&http->lock);
    for (;;) {
        while (http->count == 0 && !http->stopping)
            (void)pthread_cond_wait(&http->changed, &http->lock);
        if (http->count == 0)
            break;
        job j = http->queue[http->first];
        http->first = (http->first + 1) % QUEUE_SIZE;
        http->count--;
        (void)pthread_mutex_unlock(&http->lock);
        do_job(http, &j);
        (void)pthread_mutex_lock(&http->lock);
    }
    (void)pthread_mutex_unlock(&http->lock);
    return NULL;
}

static void deliver(void *context, const cairn_outbox_row *row, cairn_outbox_delivery *delivery)
{
    cairn_outbox_http *http = context;
    (void)pthread_mutex_lock(&http->lock);
    CAIRN_ASSERT(http->count < QUEUE_SIZE);
    http->queue[(http->first + http->count++) % QUEUE_SIZE] =
        (job){.row = row, .delivery = delivery};
    (void)pthread_cond_signal(&http->changed);
    (void)pthread_mutex_unlock(&http->lock);
}

/* --- life --- */

static cairn_err start(cairn_outbox_http *http)
{
    while (http->thread_count < http->options.thread_count) {
        int rc = pthread_create(&http->threads[http->thread_count], NULL, work, http);
        if (rc != 0)
            return cairn_err_from_errno(rc, "outbox: thread");
        http->thread_count++;
    }
    return CAIRN_OK;
}

cairn_err cairn_outbox_http_new(const cairn_outbox_http_options *options,
                                cairn_outbox_http **ret_http)
{
    if (options->thread_count < 1 || options->thread_count > CAIRN_OUTBOX_IN_FLIGHT_MAX)
        return CAIRN_FAIL(CAIRN_ERR_ARGUMENT, "house", "outbox: %u threads", options->thread_count);
    cairn_outbox_http *http = calloc(1, sizeof *http);
    if (http == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "outbox: transport");
    http->options = *options;
    http->transport = (cairn_outbox_transport){.context = http, .deliver = deliver};
    int rc = pthread_mutex_init(&http->lock, NULL);
    if (rc != 0) {
        free(http);
        return cairn_err_from_errno(rc, "outbox: lock");
    }
    rc = pthread_cond_init(&http->changed, NULL);
    if (rc != 0) {
        (void)pthread_mutex_destroy(&http->lock);
        free(http);
        return cairn_err_from_errno(rc, "outbox: condition");
    }
    cairn_err err = start(http);
    if (err != CAIRN_OK) {
        cairn_outbox_http_free(http);
        return err;
    }
    *ret_http = http;
    return CAIRN_OK;
}

void cairn_outbox_http_free(cairn_outbox_http *http)
{
    if (http == NULL)
        return;
    (void)pthread_mutex_lock(&http->lock);
    http->stopping = true;
    (void)pthread_cond_broadcast(&http->changed);
    (void)pthread_mutex_unlock(&http->lock);
    for (unsigned i = 0; i < http->thread_count; i++)
        (void)pthread_join(http->threads[i], NULL);
    (void)pthread_cond_destroy(&http->changed);
    (void)pthread_mutex_destroy(&http->lock);
    free(http);
}

const cairn_outbox_transport *cairn_outbox_http_transport(const cairn_outbox_http *http)
{
    return &http->transport;
}
