/* How many connections each address has open: IPv4 whole, IPv6 by its /64. Source: house. */
#ifndef CAIRN_CORE_NET_HTTP_ADDRESSES_H
#define CAIRN_CORE_NET_HTTP_ADDRESSES_H

#include "cairn/bytes.h"

typedef struct cairn_http_addresses cairn_http_addresses;

/* `address_max` addresses at once, `each_max` connections of one. NO_MEMORY. Any thread. */
cairn_err cairn_http_addresses_new(size_t address_max, unsigned each_max,
                                   cairn_http_addresses **ret_addresses) CAIRN_MUST_USE;
/* Takes NULL. */
void cairn_http_addresses_free(cairn_http_addresses *addresses);

/* Counts one more; false when the address has as many as it may, or the table is full. */
bool cairn_http_addresses_enter(cairn_http_addresses *addresses,
                                const char *address) CAIRN_MUST_USE;

/* Counts one less; it was entered. */
void cairn_http_addresses_leave(cairn_http_addresses *addresses, const char *address);

#endif
