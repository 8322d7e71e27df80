/* TO0, messages 20 to 23: the owner tells a rendezvous service where he is. Source: FDO 1.1 section
 * 5.2; docs/formats/fdo.md. */
#ifndef CAIRN_ONBOARD_TO0_H
#define CAIRN_ONBOARD_TO0_H

#include "onboard/wire/voucher.h"

/* 21, 31's and 33's relatives: [nonce]. */
cairn_err cairn_fdo_hello_ack_encode(cairn_arena *arena, const cairn_fdo_nonce *nonce,
                                     cairn_bytes *ret_body) CAIRN_MUST_USE;
cairn_err cairn_fdo_hello_ack_read(cairn_bytes body, cairn_fdo_nonce *ret_nonce) CAIRN_MUST_USE;

/* The content of 22's first part, which to1d's hash is over. */
cairn_err cairn_fdo_to0d_encode(cairn_arena *arena, cairn_bytes voucher, uint32_t wait_s,
                                const cairn_fdo_nonce *nonce, cairn_bytes *ret_to0d) CAIRN_MUST_USE;

typedef struct cairn_fdo_owner_sign {
    cairn_bytes to0d; /* inner encoding, as received */
    cairn_bytes voucher;
    uint32_t wait_s;
    cairn_fdo_nonce nonce;
    cairn_bytes to1d; /* a Sign1: cairn_fdo_to1d_read */
} cairn_fdo_owner_sign;
cairn_err cairn_fdo_owner_sign_encode(cairn_arena *arena, cairn_bytes to0d, cairn_bytes to1d,
                                      cairn_bytes *ret_body) CAIRN_MUST_USE;
cairn_err cairn_fdo_owner_sign_read(cairn_bytes body,
                                    cairn_fdo_owner_sign *ret_sign) CAIRN_MUST_USE;

/* 23. */
cairn_err cairn_fdo_accept_owner_encode(cairn_arena *arena, uint32_t wait_s,
                                        cairn_bytes *ret_body) CAIRN_MUST_USE;
cairn_err cairn_fdo_accept_owner_read(cairn_bytes body, uint32_t *ret_wait_s) CAIRN_MUST_USE;

#endif
