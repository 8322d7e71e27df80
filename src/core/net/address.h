/* What kind of place a network address is, so that a call which a stranger asked for does not reach
 * into our own house. Source: IANA special-purpose address registries (RFC 6890, RFC 8190), RFC
 * 6052 (NAT64), RFC 3056 (6to4), RFC 4380 (Teredo). */
#ifndef CAIRN_CORE_NET_ADDRESS_H
#define CAIRN_CORE_NET_ADDRESS_H

#include <sys/socket.h>

#include "cairn/bytes.h"

/* A block of addresses. IPv4 is held as its own family. */
typedef struct cairn_network {
    bool v6;
    uint8_t bytes[16]; /* 4 or 16 in network order */
    unsigned prefix;   /* bits */
} cairn_network;

/* "10.0.0.0/8", "fd00::/8", or one address. BAD_VALUE for anything else, also for bits beyond the
 * prefix. */
cairn_err cairn_network_parse(const char *text, cairn_network *ret_network) CAIRN_MUST_USE;

/* True when `address` (AF_INET or AF_INET6) lies in it. */
bool cairn_network_holds(const cairn_network *network, const struct sockaddr *address);

/* True when the address is one that the whole Internet can route to: not private, loopback,
 * link-local, shared, unspecified, multicast, broadcast, documentation or reserved, and not an IPv6
 * form (mapped, compatible, NAT64, 6to4, Teredo) through which such an IPv4 address is reached. An
 * address of another family is not. */
bool cairn_address_is_public(const struct sockaddr *address);

/* The numeric text of an address without its port; "" for another family. `ret_port` may be NULL.
 */
void cairn_address_format(const struct sockaddr *address, char ret_text[46], uint16_t *ret_port);

#endif
