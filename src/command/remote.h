/* The ledger of a directory that a node holds, through the node's API: an engine like any other, so
 * that a verb need not know who holds the directory. It believes the node as much as it would the
 * directory. Source: house (docs/features/node.md). */
#ifndef CAIRN_COMMAND_REMOTE_H
#define CAIRN_COMMAND_REMOTE_H

#include "ledger/engine.h"

typedef struct cairn_remote cairn_remote;

/* A ledger of the node at `url`, whose certificate `ca_file` vouches for ("": a CA that the system
 * knows); `ledger` is its id in hex, "" the node's first. UNREACHABLE, NOT_FOUND. */
cairn_err cairn_remote_open(const char *url, const char *ca_file, const char *ledger,
                            cairn_remote **ret_remote) CAIRN_MUST_USE;
/* The first ledger of the node that left its address in `directory`. NOT_FOUND when none did;
 * UNREACHABLE when it is not there any more. */
cairn_err cairn_remote_find(const char *directory, cairn_remote **ret_remote) CAIRN_MUST_USE;
/* Takes NULL. */
void cairn_remote_free(cairn_remote *remote);

/* Waits, gets, proves, reads tiles and such entries as it has met. The rest is LOCKED. One thread.
 */
cairn_engine *cairn_remote_engine(cairn_remote *remote);

/* The receipts that the node gives of log entry `index`, its own first, and the entry: of a
 * transaction that was submitted here, or of the block entry of the last proof of a value. In the
 * arena. NOT_FOUND for any other. */
cairn_err cairn_remote_receipts(cairn_remote *remote, cairn_arena *arena, uint64_t index,
                                cairn_bytes *ret_entry, const cairn_bytes **ret_receipts,
                                size_t *ret_count) CAIRN_MUST_USE;

/* What the validators say of a value, and of a transaction that was accepted, to whoever trusts the
 * chain's header of height `from`: a state proof with a commit proof, and a commit proof. In the
 * arena. NOT_IMPLEMENTED when no consortium runs the ledger. */
cairn_err cairn_remote_state_commit(cairn_remote *remote, cairn_arena *arena, cairn_map_id map,
                                    cairn_bytes key, uint64_t from,
                                    cairn_bytes *ret_state_proof) CAIRN_MUST_USE;
cairn_err cairn_remote_tx_commit(cairn_remote *remote, cairn_arena *arena, const cairn_hash *id,
                                 uint64_t from, cairn_bytes *ret_commit_proof) CAIRN_MUST_USE;

/* A page of a list of the node's directory ("organisations", "approvals", …), as JSON; `page` is
 * "" for the first. In the arena. */
cairn_err cairn_remote_list(cairn_remote *remote, cairn_arena *arena, const char *list,
                            const char *page, cairn_bytes *ret_json) CAIRN_MUST_USE;

#endif
