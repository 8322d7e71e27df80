/* A key of the directory's signer made known to the ledger. */
#ifndef CAIRN_COMMAND_HOME_KEY_H
#define CAIRN_COMMAND_HOME_KEY_H

#include "command/home.h"
#include "ledger/genesis.h"

/* Registers `key`, which the signer has as `name`, with the proof that it does. As
 * cairn_home_send. */
cairn_err cairn_home_register_key(cairn_home *home, const char *name, cairn_purpose purpose,
                                  const cairn_key *key, cairn_verdict *ret_verdict) CAIRN_MUST_USE;

/* Makes the keys of a new organisation (sign-1, cosign-1, note-1), and names them in a genesis. */
cairn_err cairn_home_first_keys(cairn_arena *arena, cairn_signer *signer,
                                cairn_genesis_member *member, cairn_hash *ret_org) CAIRN_MUST_USE;

/* Makes those of them known that cosign, unless the ledger knows them: an organisation is admitted
 * by its sign key alone. */
cairn_err cairn_home_register_cosigners(cairn_home *home) CAIRN_MUST_USE;

#endif
