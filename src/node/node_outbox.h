/* The outbox's calls as cairn.yaml wants them. Source: house (docs/features/jobs.md). */
#ifndef CAIRN_NODE_OUTBOX_H
#define CAIRN_NODE_OUTBOX_H

#include "core/config.h"
#include "core/jobs/callback_secret.h"
#include "core/jobs/outbox_http.h"

typedef struct cairn_node_outbox cairn_node_outbox;

/* Rows of cairn.yaml that it reads. */
extern const cairn_config_table cairn_node_outbox_options;

/* Starts the threads; configuration, signer and vault (or NULL) outlive it. CONFIG for networks
 * that are none. */
cairn_err cairn_node_outbox_new(const cairn_config *config, const cairn_clock *clock,
                                cairn_signer *signer, cairn_vault *vault,
                                cairn_node_outbox **ret_outbox) CAIRN_MUST_USE;
/* After the jobs that use it were closed. Takes NULL. */
void cairn_node_outbox_free(cairn_node_outbox *outbox);
CAIRN_DEFINE_CLEANUP(cairn_node_outbox, cairn_node_outbox_free)

/* The secrets that callbacks are signed with; to be bound to the jobs. Borrowed. */
cairn_callback_secrets *cairn_node_outbox_secrets(const cairn_node_outbox *outbox);

/* Networks beside the public addresses that may be called. Borrowed. */
const cairn_network *cairn_node_outbox_allowed(const cairn_node_outbox *outbox, size_t *ret_count);

/* Borrowed. */
const cairn_outbox_transport *cairn_node_outbox_transport(const cairn_node_outbox *outbox);

#endif
