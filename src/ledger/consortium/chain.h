/* What a chain of the consortium begins with: the part of the engine's genesis.json that is ours.
 * Bytes: docs/formats/abci.md, Chain. */
#ifndef CAIRN_LEDGER_CONSORTIUM_CHAIN_H
#define CAIRN_LEDGER_CONSORTIUM_CHAIN_H

#include "cairn/arena.h"
#include "cairn/bytes.h"
#include "cairn/light_client.h"
#include "ledger/feature.h"

enum { CAIRN_CHAIN_FILE_SIZE_MAX = 16 << 20 };

/* `app_state`: the ledger, and where it stood when the chain began. */
typedef struct cairn_chain_start {
    cairn_bytes genesis; /* log entry 0 */
    uint64_t height;     /* of the ledger's last block */
    cairn_hash app_hash; /* after that block */
} cairn_chain_start;

typedef struct cairn_chain {
    char id[CAIRN_LIGHT_CHAIN_ID_SIZE_MAX + 1]; /* as the ledger and its height name it */
    uint64_t initial_height;                    /* start.height + 1 */
    cairn_chain_start start;
} cairn_chain;

/* Of a ledger that has this genesis and nothing else. The genesis is borrowed; the errors of
 * cairn_ledger_begin. */
cairn_err cairn_chain_start_new(cairn_arena *arena, const cairn_features *features,
                                cairn_bytes genesis, cairn_chain_start *ret_start) CAIRN_MUST_USE;

/* `app_state` from its JSON, strictly; views in the arena. BAD_VALUE, MISSING_FIELD, UNKNOWN_FIELD.
 */
cairn_err cairn_chain_start_decode(cairn_arena *arena, cairn_bytes json,
                                   cairn_chain_start *ret_start) CAIRN_MUST_USE;
/* One line of JSON in the arena. */
cairn_err cairn_chain_start_encode(cairn_arena *arena, const cairn_chain_start *start,
                                   cairn_bytes *ret_json) CAIRN_MUST_USE;

/* A whole genesis.json, as the engine writes it; what is the engine's own is not looked at. As
 * above, and BAD_VALUE when its initial_height is not the one after `start`, or its id not
 * cairn_light_chain_id's. */
cairn_err cairn_chain_decode(cairn_arena *arena, cairn_bytes json,
                             cairn_chain *ret_chain) CAIRN_MUST_USE;

#endif
