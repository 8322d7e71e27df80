/* An audit: the whole ledger computed again from its blocks, in memory, with every signature
 * verified, by somebody who believes nothing but the genesis. One thread. */
#ifndef CAIRN_LEDGER_AUDIT_H
#define CAIRN_LEDGER_AUDIT_H

#include "ledger/engine.h"
#include "ledger/log/tail.h"
#include "ledger/store/block_record.h"

typedef struct cairn_audit cairn_audit;

/* `features` outlives the audit. */
cairn_err cairn_audit_new(const cairn_features *features, cairn_audit **ret_audit) CAIRN_MUST_USE;
void cairn_audit_free(cairn_audit *audit);
CAIRN_DEFINE_CLEANUP(cairn_audit, cairn_audit_free)

/* The next block, the genesis first. CORRUPT names the height and what differs. */
cairn_err cairn_audit_block(cairn_audit *audit, const cairn_block_record *record) CAIRN_MUST_USE;

/* Compares the outcome with what an engine serves: its view, and every hash tile. CORRUPT names the
 * first difference. */
cairn_err cairn_audit_compare(cairn_audit *audit, cairn_engine *engine,
                              const cairn_view *view) CAIRN_MUST_USE;

/* Blocks and accepted transactions so far. */
uint64_t cairn_audit_block_count(const cairn_audit *audit);
uint64_t cairn_audit_tx_count(const cairn_audit *audit);

#endif
