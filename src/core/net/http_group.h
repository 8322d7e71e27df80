/* N servers on N threads behind the same addresses: the kernel spreads connections over them.
 * Source: house (ARCHITECTURE, Threads). */
#ifndef CAIRN_CORE_NET_HTTP_GROUP_H
#define CAIRN_CORE_NET_HTTP_GROUP_H

#include "core/net/http_server.h"

enum { CAIRN_HTTP_GROUP_MAX = 64 }; /* loops */

typedef struct cairn_http_group cairn_http_group;

/* `loop_count` (1 to 64) servers with the same options, handler and context; limits on connections
 * and exchanges are divided among them. Arguments and errors as of cairn_http_server_new. */
cairn_err cairn_http_group_new(const cairn_clock *clock, cairn_log *log,
                               const cairn_http_server_options *options, unsigned loop_count,
                               cairn_http_handler_fn handler, void *context,
                               cairn_http_group **ret_group) CAIRN_MUST_USE;

/* Frees a group that does not run. Takes NULL. */
void cairn_http_group_free(cairn_http_group *group);
CAIRN_DEFINE_CLEANUP(cairn_http_group, cairn_http_group_free)

/* Every loop listens on the address; `tls` NULL: plain. As cairn_http_server_listen_tls. */
cairn_err cairn_http_group_listen(cairn_http_group *group, cairn_tls_server *tls,
                                  const char *address, uint16_t port,
                                  uint16_t *ret_port) CAIRN_MUST_USE;

/* Every loop takes connections from one inherited listening socket, which stays the caller's. */
cairn_err cairn_http_group_adopt(cairn_http_group *group, cairn_tls_server *tls,
                                 int fd) CAIRN_MUST_USE;

/* Serves on its own threads, one a loop, until cairn_http_group_stop or until a loop fails; returns
 * when all have drained: the first error, or zero. Once a group. IO when a thread cannot be made or
 * a loop fails. */
cairn_err cairn_http_group_run(cairn_http_group *group) CAIRN_MUST_USE;

/* Any thread, also a signal handler; returns at once. */
void cairn_http_group_stop(cairn_http_group *group);

/* Asks each loop for a sign of life, and says whether all have given the one that they were asked
 * for by the call before; true at the first. While the group runs; one thread. */
bool cairn_http_group_lives(cairn_http_group *group);

/* Sums over the loops. */
void cairn_http_group_counts(const cairn_http_group *group, cairn_http_counts *ret_counts);

#endif
