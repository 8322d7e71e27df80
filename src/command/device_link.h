/* A device's link over HTTP (FDO 1.1 section 4.3), on the house's client. */
#ifndef CAIRN_COMMAND_DEVICE_LINK_H
#define CAIRN_COMMAND_DEVICE_LINK_H

#include "cairn/fdo_client.h"

typedef struct cairn_device_http {
    const char *ca_file; /* PEM of the roots for https; NULL: the system's */
    uint32_t timeout_ms; /* of one exchange */
} cairn_device_http;

/* For fdo.wget: what `url` holds, with the same roots. `context` is a cairn_device_http. */
cairn_err cairn_device_http_fetch(void *context, const char *url, int fd,
                                  uint64_t size_max) CAIRN_MUST_USE;

/* `http` is borrowed as long as the link is used. */
cairn_fdo_client_link cairn_device_http_link(cairn_device_http *http);

#endif
