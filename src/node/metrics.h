/* The node's figures as OpenMetrics text. Source: OpenMetrics 1.0. */
#ifndef CAIRN_NODE_METRICS_H
#define CAIRN_NODE_METRICS_H

#include "core/text.h"
#include "node/node.h"

#define CAIRN_METRICS_TYPE "application/openmetrics-text; version=1.0.0; charset=utf-8"

/* All of it, with "# EOF"; counts when `text` has no memory. */
void cairn_metrics_print(cairn_text *text, cairn_node *node);

#endif
