/* One thread a server; what they share is the table of addresses. */
#include "core/net/http_group.h"

#include <pthread.h>
#include <stdlib.h>

#include "core/net/http_internal.h"

typedef struct group_loop {
    cairn_http_group *group;
    cairn_http_server *server;
    pthread_t thread;
    bool started;
    cairn_err err; /* written by its thread, read after it was joined */
} group_loop;

struct cairn_http_group {
    cairn_http_addresses *addresses;
    unsigned loop_count;
    group_loop loops[CAIRN_HTTP_GROUP_MAX];
};

static unsigned share(unsigned total, unsigned count)
{
    return (total + count - 1) / count;
}

static cairn_err make_loops(cairn_http_group *group, const cairn_clock *clock, cairn_log *log,
                            const cairn_http_server_options *options, cairn_http_handler_fn handler,
                            void *context)
{
    cairn_http_server_options own = *options;
    own.share_port = true;
    own.connection_count_max = share(options->connection_count_max, group->loop_count);
    own.exchange_count_max = share(options->exchange_count_max, group->loop_count);
    own.address_connection_count_max = 0;
    if (options->address_connection_count_max > 0)
        CAIRN_TRY(cairn_http_addresses_new(options->connection_count_max + group->loop_count,
                                           options->address_connection_count_max,
                                           &group->addresses));
    for (unsigned i = 0; i < group->loop_count; i++) {
        group_loop *loop = &group->loops[i];
        loop->group = group;
        CAIRN_TRY(cairn_http_server_new(clock, log, &own, handler, context, &loop->server));
        loop->server->addresses = group->addresses;
    }
    return CAIRN_OK;
}

cairn_err cairn_http_group_new(const cairn_clock *clock, cairn_log *log,
                               const cairn_http_server_options *options, unsigned loop_count,
                               cairn_http_handler_fn handler, void *context,
                               cairn_http_group **ret_group)
{
    if (loop_count < 1 || loop_count > CAIRN_HTTP_GROUP_MAX)
        return CAIRN_FAIL(CAIRN_ERR_ARGUMENT, "house", "http: %u loops, not 1 to %d", loop_count,
                          CAIRN_HTTP_GROUP_MAX);
    CAIRN_CLEANUP(cairn_http_group_free_p) cairn_http_group *group = calloc(1, sizeof *group);
    if (group == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "http: group");
    group->loop_count = loop_count;
    CAIRN_TRY(make_loops(group, clock, log, options, handler, context));
    *ret_group = CAIRN_STEAL(group);
    return CAIRN_OK;
}

void cairn_http_group_free(cairn_http_group *group)
{
    if (group == NULL)
        return;
    for (unsigned i = 0; i < group->loop_count; i++)
        cairn_http_server_free(group->loops[i].server);
    cairn_http_addresses_free(group->addresses);
    free(group);
}

cairn_err cairn_http_group_listen(cairn_http_group *group, cairn_tls_server *tls,
                                  const char *address, uint16_t port, uint16_t *ret_port)
{
    CAIRN_TRY(cairn_http_check_free(address, port));
    for (unsigned i = 0; i < group->loop_count; i++)
        CAIRN_TRY(cairn_http_server_listen_tls(group->loops[i].server, tls, address, port, &port));
    *ret_port = port;
    return CAIRN_OK;
}

cairn_err cairn_http_group_adopt(cairn_http_group *group, cairn_tls_server *tls, int fd)
{
    for (unsigned i = 0; i < group->loop_count; i++)
        CAIRN_TRY(cairn_http_server_adopt(group->loops[i].server, tls, fd));
    return CAIRN_OK;
}

/* A loop that fails takes the others with it: nobody would serve the clients that the kernel goes
 * on to give it, and the process is to be started anew. */
static void *run_loop(void *context)
{
    group_loop *loop = context;
    loop->err = cairn_http_server_run(loop->server);
    if (loop->err != CAIRN_OK) {
        CAIRN_LOG(loop->server->log, &cairn_http_log_events.rows[CAIRN_HTTP_EVENT_LOOP_FAILED],
                  cairn_log_err(loop->err));
        cairn_http_group_stop(loop->group);
    }
    return NULL;
}

cairn_err cairn_http_group_run(cairn_http_group *group)
{
    cairn_err err = CAIRN_OK;
    for (unsigned i = 0; i < group->loop_count && err == CAIRN_OK; i++) {
        group_loop *loop = &group->loops[i];
        int failed = pthread_create(&loop->thread, NULL, run_loop, loop);
        loop->started = failed == 0;
        if (failed != 0)
            err = cairn_err_from_errno(failed, "http: thread of a loop");
    }
    if (err != CAIRN_OK)
        cairn_http_group_stop(group);
    for (unsigned i = 0; i < group->loop_count; i++) {
        group_loop *loop = &group->loops[i];
        if (!loop->started)
            continue;
        CAIRN_ASSERT(pthread_join(loop->thread, NULL) == 0);
        loop->started = false;
        if (loop->err != CAIRN_OK && err == CAIRN_OK)
            err = loop->err;
    }
    return err;
}

void cairn_http_group_stop(cairn_http_group *group)
{
    for (unsigned i = 0; i < group->loop_count; i++)
        cairn_http_server_stop(group->loops[i].server);
}

bool cairn_http_group_lives(cairn_http_group *group)
{
    bool lives = true;
    for (unsigned i = 0; i < group->loop_count; i++) {
        cairn_http_server *server = group->loops[i].server;
        lives = !atomic_exchange(&server->asked, true) && lives;
        cairn_http_server_wake(server);
    }
    return lives;
}

void cairn_http_group_counts(const cairn_http_group *group, cairn_http_counts *ret_counts)
{
    cairn_http_counts sum = {.connections = 0};
    for (unsigned i = 0; i < group->loop_count; i++) {
        cairn_http_counts one;
        cairn_http_server_counts(group->loops[i].server, &one);
        sum.connections += one.connections;
        sum.exchanges += one.exchanges;
        sum.accepted += one.accepted;
        sum.requests += one.requests;
        sum.refused += one.refused;
        sum.half_sent += one.half_sent;
        sum.overloaded += one.overloaded;
        sum.handshakes += one.handshakes;
        sum.handshakes_failed += one.handshakes_failed;
    }
    *ret_counts = sum;
}
