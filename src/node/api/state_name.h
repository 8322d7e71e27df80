/* State keys as people write them: a prefix, then raw bytes in hex, or text where the key is text.
 * Source: house (docs/formats/block-entry.md, State records). */
#ifndef CAIRN_NODE_STATE_NAME_H
#define CAIRN_NODE_STATE_NAME_H

#include "ledger/state.h"

enum {
    CAIRN_STATE_NAME_SIZE = 8 + 2 * 256
}; /* bytes of a name by cairn_state_name_raw, with NUL */

/* "org/<64 hex digits>", "policy/<name>", "members" and so on; any key at all as "raw/<hex>" or, of
 * the configuration, "config/<hex>". BAD_VALUE says which forms there are. */
cairn_err cairn_state_name_parse(cairn_bytes text, cairn_map_id *ret_map,
                                 cairn_state_key *ret_key) CAIRN_MUST_USE;

/* The raw form of a key. */
void cairn_state_name_raw(cairn_map_id map, cairn_bytes key, char ret_name[CAIRN_STATE_NAME_SIZE]);

#endif
