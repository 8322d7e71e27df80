/* The application's side of the socket: the engine dials four connections (query, snapshot,
 * mempool, consensus) and expects the answers of each in the order of its requests.
 *
 * A thread for each connection. What lies in the buffer is answered before anything is written, and
 * then everything is: the engine does not flush behind each request, and an answer that waited for
 * its Flush would wait 20 ms. */
#ifndef CAIRN_LEDGER_CONSORTIUM_ABCI_SERVER_H
#define CAIRN_LEDGER_CONSORTIUM_ABCI_SERVER_H

#include "core/log.h"
#include "ledger/consortium/abci.h"

enum {
    CAIRN_ABCI_CONNECTIONS_MAX = 16, /* an engine that starts anew may overlap with its old ones */
    CAIRN_ABCI_BATCH_MAX = 64,       /* requests decoded ahead */
};

typedef struct cairn_abci_handler {
    void *context;
    /* Writes one answer. An error becomes an exception, on which the engine ends itself, and the
     * end of the connection. On the connection's thread. */
    cairn_err (*handle)(void *context, const cairn_abci_request *request, cairn_arena *arena,
                        cairn_wire_writer *out);
    /* May be NULL: told of requests that lie ready, before the first of them is handled. */
    void (*foresee)(void *context, const cairn_abci_request *requests, size_t count);
} cairn_abci_handler;

typedef struct cairn_abci_server cairn_abci_server;

/* Rows for the logger. */
extern const cairn_log_table cairn_abci_server_events;

/* Listens on the Unix socket `path`, which is made with mode 0600; one that nobody listens on is
 * replaced. `log` may be NULL. ADDRESS_IN_USE, TOO_LARGE for the path, IO, NO_MEMORY. */
cairn_err cairn_abci_server_start(const char *path, const cairn_abci_handler *handler,
                                  cairn_log *log, cairn_abci_server **ret_server) CAIRN_MUST_USE;

/* Ends the connections once their request at hand is answered, joins the threads, removes the
 * socket. Takes NULL. */
void cairn_abci_server_stop(cairn_abci_server *server);

/* How many engines' connections are open. Any thread. */
size_t cairn_abci_server_connections(cairn_abci_server *server);

#endif
