/* Subscriptions: an organisation of a ledger has the node call it about the ledger's events. A
 * callback kind of the jobs, and its reaction. Source: house (docs/features/subscriptions.md);
 * CloudEvents 1.0, JSON format. */
#ifndef CAIRN_NODE_SUBSCRIPTIONS_H
#define CAIRN_NODE_SUBSCRIPTIONS_H

#include "core/jobs/jobs.h"

/* Bytes of a topic: u16 type, 0 for any, and the first bytes of the key. */
enum { CAIRN_SUBSCRIPTION_PREFIX_SIZE_MAX = CAIRN_CALLBACK_TOPIC_SIZE_MAX - 2 };

extern const cairn_callback_kind cairn_subscription_kind;
/* Handed the node's cairn_services. */
extern const cairn_reaction cairn_subscription_reaction;

#endif
