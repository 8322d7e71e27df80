/* What a node answers in JSON, read strictly as far as it is used: other members are not looked at,
 * so that a newer node may tell more. All fail as UNREACHABLE, which names the field: who answers
 * so is no node of ours. Source: api/openapi.yaml. */
#ifndef CAIRN_COMMAND_REMOTE_JSON_H
#define CAIRN_COMMAND_REMOTE_JSON_H

#include "cairn/receipt.h"
#include "ledger/engine.h"

enum { CAIRN_REMOTE_PAGE_SIZE_MAX = 1024 }; /* bytes of a page's token with its NUL */

/* The error that a problem document tells, with its detail. Never OK. */
cairn_err cairn_remote_json_problem(cairn_bytes body) CAIRN_MUST_USE;

/* `Ledger`: fills what a view has of it (not its references). */
cairn_err cairn_remote_json_ledger(cairn_bytes body, cairn_view *ret_view) CAIRN_MUST_USE;

/* The one of a list whose id in hex is `id`, the first for "". NOT_FOUND when it is not in the
 * list; LOCKED when none was asked for and the list is empty. */
cairn_err cairn_remote_json_ledgers(cairn_bytes body, const char *id,
                                    cairn_view *ret_view) CAIRN_MUST_USE;

/* The answer to a submission that waited for its block. */
cairn_err cairn_remote_json_verdict(cairn_bytes body, cairn_verdict *ret_verdict) CAIRN_MUST_USE;

/* The value of `State`, in the arena. */
cairn_err cairn_remote_json_value(cairn_arena *arena, cairn_bytes body,
                                  cairn_bytes *ret_value) CAIRN_MUST_USE;

/* The commit proof of a transaction's status, in the arena. */
cairn_err cairn_remote_json_commit(cairn_arena *arena, cairn_bytes body,
                                   cairn_bytes *ret_commit) CAIRN_MUST_USE;

/* The receipts of a transaction's status, the node's own first, in the arena: at most
 * CAIRN_RECEIPT_COUNT_MAX. */
cairn_err cairn_remote_json_receipts(cairn_arena *arena, cairn_bytes body,
                                     const cairn_bytes **ret_receipts,
                                     size_t *ret_count) CAIRN_MUST_USE;

/* Visits the ids of a page of the list `name`; `ret_next` is the token of the next page, "" behind
 * the last. An error of `visit` ends the walk. */
cairn_err cairn_remote_json_page(cairn_bytes body, const char *name,
                                 cairn_err (*visit)(void *context, const cairn_hash *id),
                                 void *context,
                                 char ret_next[CAIRN_REMOTE_PAGE_SIZE_MAX]) CAIRN_MUST_USE;

#endif
