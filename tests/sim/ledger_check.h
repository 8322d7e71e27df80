/* Compares a ledger of the store with the naive model, and says which failures a fault excuses. */
#ifndef CAIRN_SIM_LEDGER_CHECK_H
#define CAIRN_SIM_LEDGER_CHECK_H

#include "ledger/engine.h"
#include "sim/ledger_pool.h"
#include "sim/runner.h"

/* Fails the trial unless a fault of this life, or the bit inverted before it, explains `err`. */
void sim_check_excused(const sim_ctx *ctx, cairn_err err, const char *what);

/* Roots, size and last block entry. */
void sim_check_view(const cairn_view *view, const model_ledger *m);

/* The newest view: every entry with its path, every event, the value and proof of every record. */
void sim_check_ledger(const sim_ctx *ctx, cairn_engine *engine, const model_ledger *m,
                      const sim_pool *p);

#endif
