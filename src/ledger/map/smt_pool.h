/* Memory of one map's nodes: units of one cache line, since reaching a node costs one miss and
 * little else. The writer takes units without a lock; any thread gives them back. Blocks go when
 * the last version does. Source: house; figures in docs/performance.md. */
#ifndef CAIRN_LEDGER_SMT_POOL_H
#define CAIRN_LEDGER_SMT_POOL_H

#include "cairn/bytes.h"

enum { SMT_UNIT_SIZE = 64 };

typedef struct smt_pool smt_pool;

/* One reference. NO_MEMORY. */
cairn_err cairn_smt_pool_new(smt_pool **ret_pool) CAIRN_MUST_USE;
smt_pool *cairn_smt_pool_hold(smt_pool *pool);
/* The last reference frees all; by then every unit was given back. Takes NULL; any thread. */
void cairn_smt_pool_free(smt_pool *pool);

/* A unit aligned to its size, not cleared. The writer alone. NO_MEMORY. */
cairn_err cairn_smt_pool_take(smt_pool *pool, void **ret_unit) CAIRN_MUST_USE;
/* Back to the pool that it came from; any thread. */
void cairn_smt_pool_give(void *unit);

#endif
