/* What `cairn onboard` opens of a directory: signer, certificate authority, the store of the
 * devices and the keys that own them.
 *
 *   onboard/vault/       the key of the store
 *   onboard/vault-keys/  and what holds it; not to be backed up together
 *   onboard/devices/     vouchers and rendezvous blobs, sealed
 */
#ifndef CAIRN_COMMAND_ONBOARD_ROOM_H
#define CAIRN_COMMAND_ONBOARD_ROOM_H

#include "command/births.h"
#include "command/home.h"
#include "identity/identity.h"
#include "onboard/server/store_key.h"
#include "onboard/server/store_kv.h"

typedef struct cairn_onboard_room {
    cairn_command *command;
    cairn_config *config;
    cairn_signer *signer;
    cairn_ca_keeper *keeper; /* NULL without a certificate authority */
    cairn_fdo_store_kv *store;
    size_t maker_count;
    cairn_fdo_party makers[2]; /* P-256 and P-384 */
    size_t owner_count;
    cairn_fdo_party owners[2];
} cairn_onboard_room;

/* With the certificate authority where `needs_ca`: USAGE says how to make one when it is not there.
 * Keys that are missing are made. */
cairn_err cairn_onboard_room_open(cairn_command *command, bool needs_ca,
                                  cairn_onboard_room *ret_room) CAIRN_MUST_USE;
/* Takes one that is half open. */
void cairn_onboard_room_close(cairn_onboard_room *room);

/* The name at the signer of a key of ours that owns devices; empty for any other. */
const char *cairn_onboard_key_name(const cairn_onboard_room *room, const cairn_fdo_key *key);

/* "http://HOST:PORT" or "https://…" as a directive for devices and owners, and as an address of an
 * owner; the host lives in the arena. USAGE. */
cairn_err cairn_onboard_url(cairn_arena *arena, const char *url, cairn_fdo_directive *ret_directive,
                            cairn_fdo_address *ret_address) CAIRN_MUST_USE;

#endif
