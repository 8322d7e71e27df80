/* Acts that need an approval, as a member sets them going. Source: docs/formats/transaction.md
 * (Approvals). */
#ifndef CAIRN_COMMAND_PROPOSAL_H
#define CAIRN_COMMAND_PROPOSAL_H

#include "command/home.h"

/* Proposes the act and tells how far it has come. Where this one's vote was enough, it is done now,
 * and the code of an act that failed is returned. */
cairn_err cairn_proposal_send(cairn_home *home, uint16_t act_type, cairn_bytes act_body,
                              json_t *facts) CAIRN_MUST_USE;

/* What the ledger says of an approval. */
cairn_err cairn_proposal_facts(cairn_home *home, const cairn_hash *id,
                               json_t *facts) CAIRN_MUST_USE;

#endif
