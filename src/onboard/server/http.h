/* FDO over HTTP: POST /fdo/101/msg/{type}. Every failure is 500 with message 255: the one answer
 * that peers read. Source: FDO 1.1 section 4.3; docs/formats/fdo.md. */
#ifndef CAIRN_ONBOARD_HTTP_H
#define CAIRN_ONBOARD_HTTP_H

#include "core/net/http_server.h"
#include "onboard/server/service.h"

/* For a server of FDO alone: `context` is the service. What is no message of FDO is 404 or 405. */
void cairn_fdo_http_handle(void *context, cairn_http_exchange *exchange,
                           const cairn_http_request *request);
/* Refuses what is too large, or has no length, before any of it is read. */
void cairn_fdo_http_admit(void *context, cairn_http_exchange *exchange,
                          const cairn_http_request *head, cairn_http_intake *intake);

/* Options of a server whose handler this is. */
cairn_http_server_options cairn_fdo_http_options(void);

#endif
