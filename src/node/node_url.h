/* DIR/node.url says where the node of a ledger directory listens; empty or absent: nowhere. It is
 * opened before the node shuts itself in, and written when it answers. Source: house. */
#ifndef CAIRN_NODE_URL_H
#define CAIRN_NODE_URL_H

#include "cairn/bytes.h"

/* Leaves what it says. The descriptor is the caller's. */
cairn_err cairn_node_url_open(const char *directory, int *ret_fd) CAIRN_MUST_USE;
/* NULL: nowhere. */
cairn_err cairn_node_url_write(int fd, const char *url) CAIRN_MUST_USE;

#endif
