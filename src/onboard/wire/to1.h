/* TO1, messages 30 to 33: the device learns where its owner is. Source: FDO 1.1 section 5.3;
 * docs/formats/fdo.md. */
#ifndef CAIRN_ONBOARD_TO1_H
#define CAIRN_ONBOARD_TO1_H

#include "onboard/wire/to0.h"

/* SigInfo: [algorithm, h'']. The algorithm of the device's signatures: ES256 or ES384; EPID (90,
 * 91) and the rest are BAD_ALGORITHM. */

/* 30. */
cairn_err cairn_fdo_hello_rv_encode(cairn_arena *arena, const cairn_fdo_guid *guid, cairn_alg alg,
                                    cairn_bytes *ret_body) CAIRN_MUST_USE;
cairn_err cairn_fdo_hello_rv_read(cairn_bytes body, cairn_fdo_guid *ret_guid,
                                  cairn_alg *ret_alg) CAIRN_MUST_USE;
/* 31. */
cairn_err cairn_fdo_hello_rv_ack_encode(cairn_arena *arena, const cairn_fdo_nonce *nonce,
                                        cairn_alg alg, cairn_bytes *ret_body) CAIRN_MUST_USE;
cairn_err cairn_fdo_hello_rv_ack_read(cairn_bytes body, cairn_fdo_nonce *ret_nonce,
                                      cairn_alg *ret_alg) CAIRN_MUST_USE;

/* The token by which a device proves itself, in 32 and 64: EAT claims 10 and 256, and in 64 the FDO
 * claim with the key exchange parameter and the setup nonce in the unprotected header. Claims in
 * any order; others are passed over. */
typedef struct cairn_fdo_eat {
    cairn_fdo_nonce nonce;
    cairn_fdo_guid guid; /* UEID: 01 ‖ GUID, else BAD_VALUE */
    bool has_kex;
    cairn_bytes kex; /* xB */
    bool has_setup;
    cairn_fdo_nonce setup; /* NonceTO2SetupDv */
    cairn_cose_message message;
} cairn_fdo_eat;
cairn_err cairn_fdo_eat_read(cairn_bytes body, cairn_fdo_eat *ret_eat) CAIRN_MUST_USE;
/* For the device's key to sign: 32 without `kex` and `setup` (empty, NULL). */
cairn_err cairn_fdo_eat_begin(cairn_arena *arena, cairn_alg alg, const cairn_fdo_nonce *nonce,
                              const cairn_fdo_guid *guid, cairn_bytes kex,
                              const cairn_fdo_nonce *setup,
                              cairn_fdo_unsigned *ret_unsigned) CAIRN_MUST_USE;

/* 33 is a to1d: cairn_fdo_to1d_read. */

#endif
