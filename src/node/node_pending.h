/* Transactions that came in here and are not decided, or were refused before any block: what their
 * status says while the ledger itself has no word of them. Bounded; the oldest give way. Source:
 * house. */
#ifndef CAIRN_NODE_PENDING_H
#define CAIRN_NODE_PENDING_H

#include "cairn/bytes.h"

typedef struct cairn_pending cairn_pending;

enum { CAIRN_PENDING_MAX = 1 << 17 }; /* ids kept, above what an engine's queue holds */

cairn_err cairn_pending_new(cairn_pending **ret_pending) CAIRN_MUST_USE;
/* Takes NULL. */
void cairn_pending_free(cairn_pending *pending);
CAIRN_DEFINE_CLEANUP(cairn_pending, cairn_pending_free)

/* The id waits for its verdict; false when it did so already. Any thread, as all here. */
bool cairn_pending_add(cairn_pending *pending, const cairn_hash *id);

/* Its verdict has come: OK or a refusal by a block forgets it, since the ledger knows; `code` of a
 * refusal before one is kept. */
void cairn_pending_refused(cairn_pending *pending, const cairn_hash *id, cairn_err code);
void cairn_pending_decided(cairn_pending *pending, const cairn_hash *id);

/* True when the id is known; `ret_code` is OK while it waits, else why it was refused. */
bool cairn_pending_find(cairn_pending *pending, const cairn_hash *id, cairn_err *ret_code);

uint64_t cairn_pending_count(cairn_pending *pending);

#endif
