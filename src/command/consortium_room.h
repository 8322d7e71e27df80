/* What makes a directory a member of a consortium: the engine's home beside the ledger's, and the
 * part of it that other members need.
 *
 *   engine/                 home of the consensus engine, its keys among it; nobody else's to read
 *   consortium/member.json  who the member is, for whoever puts a chain together
 *   consortium/genesis.json the chain; consortium/peers: who is called, a line each
 *
 * The engine's key for votes lies in engine/ and nowhere else, so that no copy of the directory's
 * other parts can vote. Source: house (docs/features/consortium.md). */
#ifndef CAIRN_COMMAND_CONSORTIUM_ROOM_H
#define CAIRN_COMMAND_CONSORTIUM_ROOM_H

#include "cairn/key.h"
#include "command/verb.h"
#include "core/store/file.h"

enum { CAIRN_ENGINE_NODE_ID_SIZE = 40 };

/* The home of a new engine: fresh keys, our settings, no chain yet. EXISTS when there is one: keys
 * are never overwritten. */
cairn_err cairn_engine_home_make(const char *directory) CAIRN_MUST_USE;

/* The engine's key for votes, private. NOT_FOUND when the directory has no engine. Free it. */
cairn_err cairn_engine_validator(const char *directory, cairn_key **ret_key) CAIRN_MUST_USE;
/* What other engines call it by: 40 hex digits. */
cairn_err cairn_engine_node_id(const char *directory,
                               char ret_id[CAIRN_ENGINE_NODE_ID_SIZE + 1]) CAIRN_MUST_USE;

/* Another key for votes than the one that is in use; made at the first call. It is not in use
 * before cairn_engine_next_is_due. */
cairn_err cairn_engine_next_validator(const char *directory, cairn_key **ret_key) CAIRN_MUST_USE;
/* The ledger knows it: whoever runs the engine takes it in use. */
cairn_err cairn_engine_next_is_due(const char *directory) CAIRN_MUST_USE;

/* Does such a key wait? Then it takes the place of the one that was in use, while the engine does
 * not run. What was voted last stays, so it votes on later heights alone. */
bool cairn_engine_is_due(const char *directory);
cairn_err cairn_engine_take_due(const char *directory) CAIRN_MUST_USE;

/* The chain and its peers (lines), where node and engine look for them. EXISTS when there is
 * another chain already. */
cairn_err cairn_engine_set_chain(const char *directory, cairn_bytes genesis_json,
                                 cairn_bytes peers) CAIRN_MUST_USE;

#endif
