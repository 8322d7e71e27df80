/* The credential that a device holds, and the two slots that it is kept in. A new one is written
 * beside the one in force, read again, and only then does the flag change. Bytes:
 * docs/formats/device.md. */
#ifndef CAIRN_ONBOARD_CREDENTIAL_H
#define CAIRN_ONBOARD_CREDENTIAL_H

#include "cairn/fdo_client.h"
#include "onboard/wire/rendezvous.h"

typedef struct cairn_fdo_client_credential {
    bool onboarded; /* an owner has it */
    cairn_fdo_guid guid;
    cairn_bytes device_info;
    cairn_bytes rv_info;       /* encoded, as received */
    cairn_fdo_hash owner_hash; /* of the PublicKey that the voucher's chain must begin with */
} cairn_fdo_client_credential;

/* Both take views and give views. CORRUPT for what was not written whole. */
cairn_err cairn_fdo_client_credential_encode(cairn_arena *arena,
                                             const cairn_fdo_client_credential *credential,
                                             cairn_bytes *ret_encoded) CAIRN_MUST_USE;
cairn_err
cairn_fdo_client_credential_read(cairn_bytes encoded,
                                 cairn_fdo_client_credential *ret_credential) CAIRN_MUST_USE;

/* The one in force, in the arena. NOT_FOUND before the first; CORRUPT. */
cairn_err
cairn_fdo_client_credential_load(const cairn_fdo_client_store *store, cairn_arena *arena,
                                 cairn_fdo_client_credential *ret_credential) CAIRN_MUST_USE;

/* Puts `credential` in force, durably or not at all. */
cairn_err
cairn_fdo_client_credential_commit(const cairn_fdo_client_store *store, cairn_arena *arena,
                                   const cairn_fdo_client_credential *credential) CAIRN_MUST_USE;

#endif
