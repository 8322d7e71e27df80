/* What takes a client's transaction on a consortium's ledger: it is handed to the member's own
 * engine over JSON-RPC, and answered when a block with it was committed here.
 *
 * What CheckTx says comes from our own application, not over the wire. A transaction that was not
 * decided in time is *undecided*, never refused: it may still come into a block, and the same bytes
 * may be sent again. Once a block's time is past its end it can come into none, and is expired for
 * good. Any thread. Source: house (docs/features/consortium.md). */
#ifndef CAIRN_LEDGER_CONSORTIUM_RELAY_H
#define CAIRN_LEDGER_CONSORTIUM_RELAY_H

#include "ledger/consortium/application.h"

enum {
    CAIRN_RELAY_WAITING_MAX = 65536, /* transactions under way */
    CAIRN_RELAY_THREADS = 2,
    CAIRN_RELAY_TIMEOUT_MS = 10000,
    CAIRN_RELAY_BATCH_MAX = 10, /* transactions of one call: max_request_batch_size of the engine */
};

typedef struct cairn_relay cairn_relay;

typedef struct cairn_relay_options {
    cairn_engine *engine; /* the chain's ledger; outlives the relay */
    const char *url;      /* of the engine's JSON-RPC, http or https */
    cairn_clock clock;
    uint32_t timeout_ms; /* until a transaction is called undecided; 0: CAIRN_RELAY_TIMEOUT_MS */
    size_t waiting_max;  /* 0: CAIRN_RELAY_WAITING_MAX */
} cairn_relay_options;

/* Starts its threads. ARGUMENT for the URL, NO_MEMORY. */
cairn_err cairn_relay_new(const cairn_relay_options *options,
                          cairn_relay **ret_relay) CAIRN_MUST_USE;
/* Answers what waits with CANCELLED. After nobody submits any more. Takes NULL. */
void cairn_relay_free(cairn_relay *relay);
CAIRN_DEFINE_CLEANUP(cairn_relay, cairn_relay_free)

/* For cairn_store_drive. Lives as long as the relay. */
const cairn_store_driver *cairn_relay_driver(const cairn_relay *relay);

/* For the application, which tells it what it did. */
cairn_application_watch cairn_relay_watch(cairn_relay *relay);

#endif
