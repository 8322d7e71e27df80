/* What the fields of a request list, and which of our media types an Accept takes. Source: RFC 9110
 * sections 5.6.1, 12.4.2 and 12.5.1. Any thread. */
#ifndef CAIRN_CORE_NET_HTTP_ACCEPT_H
#define CAIRN_CORE_NET_HTTP_ACCEPT_H

#include "core/net/http_request.h"

enum { CAIRN_HTTP_QUALITY_MAX = 1000 };

/* What stands before the first `mark`, without blanks around it, or all of it; it is taken off
 * `rest` with the mark. */
cairn_bytes cairn_http_cut(cairn_bytes *rest, char mark);

/* `q` among the parameters of one range ("q=0.5;v=1"), in thousandths; 1000 when there is none, 0
 * for what is no quality. */
unsigned cairn_http_quality(cairn_bytes parameters);

/* The quality of one type, in thousandths: that of the narrowest range of the field value `accept`
 * that it is in; 0: not taken. */
unsigned cairn_http_accepted(cairn_bytes accept, const char *type);

#endif
