/* Genesis and transactions for a simulated ledger, signed before any fault and the same in all
 * processes. What the model must know of each stands beside it. */
#ifndef CAIRN_SIM_LEDGER_POOL_H
#define CAIRN_SIM_LEDGER_POOL_H

#include "core/log.h"
#include "sim/ledger_model.h"

typedef struct sim_pool {
    model_genesis genesis;
    model_tx txs[MODEL_POOL];
} sim_pool;

/* Milliseconds: when a simulated ledger begins. */
#define SIM_POOL_TIME_MS UINT64_C(1700000000000)

/* From one day to the next. */
#define SIM_POOL_DAY_MS (UINT64_C(25) * 3600 * 1000)
enum { SIM_POOL_DAYS = 14, SIM_POOL_UPGRADE_HEIGHT = 9 };

typedef enum sim_pool_kind {
    SIM_POOL_FOR_ONE,     /* one member; what a submitter may send */
    SIM_POOL_FOR_MANY,    /* four members; and what only a hostile proposer puts into a block */
    SIM_POOL_FOR_UPGRADE, /* as for many, and what version 2 knows: it judges from a height on */
    SIM_POOL_FOR_DAYS, /* four members; valid for some minutes of one day, SIM_POOL_DAYS in turn */
} sim_pool_kind;

/* The pool with this number. Ends the process when it cannot be made. */
void sim_pool_make(sim_pool *pool, sim_pool_kind kind, unsigned number);

#endif
