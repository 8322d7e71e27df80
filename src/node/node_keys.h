/* The keys of this node's organisation that the signer has and the ledger knows, in the order of
 * their registration: the newest valid one for a purpose is the one that is used. Source: house. */
#ifndef CAIRN_NODE_KEYS_H
#define CAIRN_NODE_KEYS_H

#include "core/crypto/signer.h"
#include "ledger/registry.h"
#include "node/node_head.h"

typedef struct cairn_node_keys cairn_node_keys;

/* Reads the signer's keys and looks each up, but those whose name does not say their purpose, in
 * `engine`'s newest state; both outlive it. NOT_FOUND when the ledger knows none of them, unless
 * there may be `none`: then the organisation is all zeros. */
cairn_err cairn_node_keys_new(cairn_signer *signer, cairn_engine *engine, bool none,
                              cairn_node_keys **ret_keys) CAIRN_MUST_USE;
/* Takes NULL. */
void cairn_node_keys_free(cairn_node_keys *keys);
CAIRN_DEFINE_CLEANUP(cairn_node_keys, cairn_node_keys_free)

/* Looks again: a key was made or registered. An error leaves what was. Any thread. */
cairn_err cairn_node_keys_reload(cairn_node_keys *keys) CAIRN_MUST_USE;

/* Has the ledger changed keys or organisations since it was looked? Any thread. */
bool cairn_node_keys_are_old(cairn_node_keys *keys);

/* Makes the key process look for keys, if the signer is a `remote` one, then looks again: what a
 * rotation made is in use behind it. An error leaves what was; after UNAVAILABLE the keys are still
 * old. Not from a completion of the signer. */
cairn_err cairn_node_keys_refresh(cairn_node_keys *keys, bool remote) CAIRN_MUST_USE;

/* The newest key of that purpose and type that is valid now. NOT_FOUND; UNAVAILABLE while there is
 * none and the keys are old. Any thread. */
cairn_err cairn_node_keys_find(cairn_node_keys *keys, cairn_purpose purpose, cairn_key_type type,
                               cairn_head_key *ret_key) CAIRN_MUST_USE;

/* The organisation: the one that a key was found of first; all zeros until then. Any thread. */
cairn_hash cairn_node_keys_org(cairn_node_keys *keys);

#endif
