/* A node that follows: what cairn.yaml says of whom, read before the node shuts itself in, and the
 * thread that keeps following. Source: house (docs/features/follow.md). */
#ifndef CAIRN_NODE_FOLLOW_H
#define CAIRN_NODE_FOLLOW_H

#include "core/config.h"
#include "ledger/follow/follow.h"

/* Rows for the logger. */
extern const cairn_log_table cairn_node_follow_log_events;

/* Does cairn.yaml name somebody to follow, and no engine: who became a member follows no more. */
bool cairn_node_follows(const cairn_config *config);

typedef struct cairn_node_follow cairn_node_follow;

/* Reads what follow.* names and makes `directory`/follow; the configuration outlives it. CONFIG for
 * settings that do not go together, or that do not say which ledger; the errors of reading. */
cairn_err cairn_node_follow_new(const char *directory, const cairn_config *config,
                                cairn_node_follow **ret_follow) CAIRN_MUST_USE;
/* When its thread has ended. Takes NULL. */
void cairn_node_follow_free(cairn_node_follow *follow);
CAIRN_DEFINE_CLEANUP(cairn_node_follow, cairn_node_follow_free)

/* Takes its ledger in the store, which outlives it, as the log (may be NULL). As cairn_follow_new.
 */
cairn_err cairn_node_follow_open(cairn_node_follow *follow, cairn_store *store,
                                 cairn_log *log) CAIRN_MUST_USE;
/* The follower; NULL before it is open. Borrowed. */
cairn_follow *cairn_node_follow_get(const cairn_node_follow *follow);

/* Rounds on a thread of its own, until it is stopped or one fails for good. Once. */
cairn_err cairn_node_follow_start(cairn_node_follow *follow) CAIRN_MUST_USE;
/* Ends it, and waits; also when it was not started. */
void cairn_node_follow_stop(cairn_node_follow *follow);

#endif
