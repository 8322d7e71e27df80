/* What is due now and then, on a thread of its own: it may wait for the signer, the disk and the
 * ledger, and nobody waits for it. Source: house. */
#ifndef CAIRN_NODE_TENDER_H
#define CAIRN_NODE_TENDER_H

#include "cairn/err.h"
#include "core/clock.h"

typedef struct cairn_tender cairn_tender;

enum { CAIRN_TENDER_PAUSE_MS = 10000 }; /* longest pause between two rounds */

/* Does what is due; wall clock at which it wants to be called again, at the latest. */
typedef uint64_t (*cairn_tender_fn)(void *context);

/* Starts the thread with a first round. NO_MEMORY, IO when the system gives no thread. */
cairn_err cairn_tender_new(const cairn_clock *clock, cairn_tender_fn act, void *context,
                           cairn_tender **ret_tender) CAIRN_MUST_USE;

/* Another round soon: something is due now. Any thread. */
void cairn_tender_poke(cairn_tender *tender);

/* Waits for the round that is under way, or was asked for. Takes NULL. */
void cairn_tender_free(cairn_tender *tender);
CAIRN_DEFINE_CLEANUP(cairn_tender, cairn_tender_free)

#endif
