/* State keys as people write them: a prefix, then raw bytes in hex, or text where the key is text.
 * Source: house (docs/formats/block-entry.md, State records). */
#ifndef CAIRN_NODE_STATE_NAME_H
#define CAIRN_NODE_STATE_NAME_H

#include "ledger/state.h"

/* "org/<64 hex digits>", "policy/<name>", "members" and so on. BAD_VALUE says which forms there
 * are. */
cairn_err cairn_state_name_parse(cairn_bytes text, cairn_map_id *ret_map,
                                 cairn_state_key *ret_key) CAIRN_MUST_USE;

#endif
