/* The outbox's calls over HTTP: a few threads, each with one call at a time. Messages go to public
 * addresses only, as resolved and connected to, and to networks that the operator allowed;
 * redirects are not followed. Source: house (ARCHITECTURE, Jobs); RFC 9110, 9421, 9530. */
#ifndef CAIRN_CORE_JOBS_OUTBOX_HTTP_H
#define CAIRN_CORE_JOBS_OUTBOX_HTTP_H

#include "core/clock.h"
#include "core/crypto/secret.h"
#include "core/crypto/signer.h"
#include "core/jobs/outbox.h"
#include "core/net/http_client.h"

typedef struct cairn_outbox_http cairn_outbox_http;

typedef struct cairn_outbox_http_options {
    cairn_clock clock;
    unsigned thread_count;        /* 1 to CAIRN_OUTBOX_IN_FLIGHT_MAX */
    uint32_t timeout_ms;          /* of one call */
    const char *ca_file;          /* as cairn_http_call; kept */
    const cairn_network *allowed; /* beside the public addresses; kept */
    size_t allowed_count;
    cairn_signer *signer; /* for ES256; NULL: such messages fail and are tried again */
    /* The secret that `name` stands for; NULL: none are known. Any thread. */
    cairn_err (*find_secret)(void *context, const char *tenant, const char *name,
                             cairn_secret *ret_secret);
    void *secret_context;
} cairn_outbox_http_options;

/* Starts the threads. ARGUMENT for a count out of range, NO_MEMORY. */
cairn_err cairn_outbox_http_new(const cairn_outbox_http_options *options,
                                cairn_outbox_http **ret_http) CAIRN_MUST_USE;
/* After the jobs that use it were closed. Takes NULL. */
void cairn_outbox_http_free(cairn_outbox_http *http);
CAIRN_DEFINE_CLEANUP(cairn_outbox_http, cairn_outbox_http_free)

/* Lives as long as `http`. */
const cairn_outbox_transport *cairn_outbox_http_transport(const cairn_outbox_http *http);

/* Milliseconds that a Retry-After field asks for: seconds, or a date (IMF-fixdate) after `now_ms`.
 * 0 for anything else. RFC 9110 section 10.2.3. */
uint64_t cairn_outbox_retry_after(cairn_bytes value, uint64_t now_ms);

#endif
