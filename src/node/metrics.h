/* The node's figures as OpenMetrics text. Source: OpenMetrics 1.0. */
#ifndef CAIRN_NODE_METRICS_H
#define CAIRN_NODE_METRICS_H

#include "core/text.h"
#include "node/node.h"

#define CAIRN_METRICS_TYPE "application/openmetrics-text; version=1.0.0; charset=utf-8"

#define CAIRN_METRICS_SCOPE "metrics.read"
#define CAIRN_METRICS_ALL_SCOPE "metrics.all" /* of ledgers that are not for the caller, too */

/* All that `caller` may see, with "# EOF"; counts when `text` has no memory. Of a ledger that is
 * not for him there is no figure, but with the wider scope. */
void cairn_metrics_print(cairn_text *text, cairn_node *node, const cairn_principal *caller);

#endif
