/* Where a device looks for its owner (RendezvousInfo), and where the owner says he is (to1d).
 * Source: FDO 1.1 sections 3.7, 5.3, 5.4; docs/formats/fdo.md. */
#ifndef CAIRN_ONBOARD_RENDEZVOUS_H
#define CAIRN_ONBOARD_RENDEZVOUS_H

#include "onboard/wire/fdo_key.h"

enum {
    CAIRN_FDO_DIRECTIVES_MAX = 16,
    CAIRN_FDO_VARIABLES_MAX = 16, /* of one directive */
    CAIRN_FDO_ADDRESSES_MAX = 16, /* of a to1d */
    CAIRN_FDO_DNS_SIZE_MAX = 253,
};

/* Protocols of RV variable 12. They are not the transports of a to1d. */
typedef enum cairn_fdo_rv_protocol {
    CAIRN_FDO_RV_REST = 0,
    CAIRN_FDO_RV_HTTP = 1,
    CAIRN_FDO_RV_HTTPS = 2,
    CAIRN_FDO_RV_TCP = 3,
    CAIRN_FDO_RV_TLS = 4,
    CAIRN_FDO_RV_COAP_TCP = 5,
    CAIRN_FDO_RV_COAP_UDP = 6,
} cairn_fdo_rv_protocol;

typedef struct cairn_fdo_directive {
    bool device_only, owner_only, bypass, user_input;
    cairn_bytes ip; /* 4 or 16 bytes, or empty */
    cairn_bytes dns;
    bool has_protocol;
    cairn_fdo_rv_protocol protocol;
    uint16_t device_port, owner_port; /* 0: not given */
    bool has_medium;
    uint8_t medium;
    uint32_t delay_s;
    bool has_server_cert_hash;
    cairn_fdo_hash server_cert_hash;
    bool has_external; /* variable 15: not followed by us, never refused */
} cairn_fdo_directive;

typedef struct cairn_fdo_rv_info {
    size_t count;
    cairn_fdo_directive directives[CAIRN_FDO_DIRECTIVES_MAX];
    cairn_bytes encoded; /* as received; empty for one that is being made */
} cairn_fdo_rv_info;

/* Views into the input; unknown variables are passed over, as the specification asks. */
cairn_err cairn_fdo_rv_info_read(cairn_cbor_reader *reader, const char *field,
                                 cairn_fdo_rv_info *ret_info) CAIRN_MUST_USE;
void cairn_fdo_rv_info_put(cairn_cbor_writer *writer, const cairn_fdo_rv_info *info);

/* Transports of a to1d. */
typedef enum cairn_fdo_transport {
    CAIRN_FDO_TCP = 1,
    CAIRN_FDO_TLS = 2,
    CAIRN_FDO_HTTP = 3,
    CAIRN_FDO_COAP = 4,
    CAIRN_FDO_HTTPS = 5,
    CAIRN_FDO_COAPS = 6,
} cairn_fdo_transport;

typedef struct cairn_fdo_address {
    cairn_bytes ip; /* 4 or 16 bytes, or empty */
    cairn_bytes dns;
    uint16_t port;
    cairn_fdo_transport transport;
} cairn_fdo_address;

typedef struct cairn_fdo_to1d {
    size_t count; /* at least one */
    cairn_fdo_address addresses[CAIRN_FDO_ADDRESSES_MAX];
    cairn_fdo_hash to0d_hash;
    cairn_cose_message message; /* for cairn_fdo_key_verify */
    cairn_bytes encoded;        /* the whole Sign1 as received */
} cairn_fdo_to1d;

/* Views into the input. The signature is the caller's to check, once it knows the owner's key. */
cairn_err cairn_fdo_to1d_read(cairn_bytes in, cairn_fdo_to1d *ret_to1d) CAIRN_MUST_USE;
/* The payload, for cairn_fdo_sign_begin. */
cairn_err cairn_fdo_to1d_payload(cairn_arena *arena, const cairn_fdo_address *addresses,
                                 size_t count, const cairn_fdo_hash *to0d_hash,
                                 cairn_bytes *ret_payload) CAIRN_MUST_USE;

#endif
