/* Device initialisation, messages 10 to 13. Each pair encodes and reads a body; views into the
 * input. Source: FDO 1.1 section 5.1 (the content of 10 is not normative; go-fdo and the C client
 * agree on it); docs/formats/fdo.md. */
#ifndef CAIRN_ONBOARD_DI_H
#define CAIRN_ONBOARD_DI_H

#include "onboard/wire/voucher.h"

/* DeviceMfgInfo, 10. */
typedef struct cairn_fdo_app_start {
    int64_t key_type;     /* of the device's key: P256 or P384 */
    int64_t key_encoding; /* in which the device wants the manufacturer's */
    cairn_bytes serial;   /* UTF-8 */
    cairn_bytes model;    /* UTF-8: the voucher's device info */
    cairn_bytes csr;      /* PKCS#10, DER */
} cairn_fdo_app_start;
cairn_err cairn_fdo_app_start_encode(cairn_arena *arena, const cairn_fdo_app_start *start,
                                     cairn_bytes *ret_body) CAIRN_MUST_USE;
/* A body of [null], which tells nothing, is NOT_IMPLEMENTED. */
cairn_err cairn_fdo_app_start_read(cairn_bytes body, cairn_fdo_app_start *ret_start) CAIRN_MUST_USE;

/* 11: the header's bytes. */
cairn_err cairn_fdo_set_credentials_encode(cairn_arena *arena, cairn_bytes header,
                                           cairn_bytes *ret_body) CAIRN_MUST_USE;
cairn_err cairn_fdo_set_credentials_read(cairn_bytes body, cairn_bytes *ret_header) CAIRN_MUST_USE;

/* 12; `ret_encoded` is the HMac item as received. */
cairn_err cairn_fdo_set_hmac_encode(cairn_arena *arena, const cairn_fdo_hash *hmac,
                                    cairn_bytes *ret_body) CAIRN_MUST_USE;
cairn_err cairn_fdo_set_hmac_read(cairn_bytes body, cairn_fdo_hash *ret_hmac,
                                  cairn_bytes *ret_encoded) CAIRN_MUST_USE;

/* 13, and 20: an empty array. */
cairn_err cairn_fdo_empty_encode(cairn_arena *arena, cairn_bytes *ret_body) CAIRN_MUST_USE;
cairn_err cairn_fdo_empty_read(cairn_bytes body, const char *object) CAIRN_MUST_USE;

#endif
