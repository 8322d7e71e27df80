/* Serving until a signal: what the verbs that serve by themselves share. */
#ifndef CAIRN_COMMAND_LISTEN_H
#define CAIRN_COMMAND_LISTEN_H

#include "cairn/arena.h"
#include "core/net/http_server.h"

enum { CAIRN_LISTEN_URL_SIZE = 128 };

/* "ADDRESS:PORT" or "[ADDRESS]:PORT", the address in the arena. USAGE. */
cairn_err cairn_listen_split(cairn_arena *arena, const char *text, const char **ret_address,
                             uint16_t *ret_port) CAIRN_MUST_USE;

/* "http://ADDRESS:PORT" or "https://…". */
void cairn_listen_url(bool tls, const char *address, uint16_t port,
                      char ret_url[CAIRN_LISTEN_URL_SIZE]);

/* cairn_http_server_run until SIGINT or SIGTERM. One at a time in a process. */
cairn_err cairn_listen_run(cairn_http_server *server) CAIRN_MUST_USE;

#endif
