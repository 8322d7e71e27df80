/* TO2, messages 60 to 71, in clear: 65 and what follows travels in the channel (exchange.h).
 * Source: FDO 1.1 section 5.5; docs/formats/fdo.md. */
#ifndef CAIRN_ONBOARD_TO2_H
#define CAIRN_ONBOARD_TO2_H

#include "onboard/wire/exchange.h"
#include "onboard/wire/to1.h"

/* 60. */
typedef struct cairn_fdo_hello_device {
    uint16_t max_message; /* bytes that the device takes */
    cairn_fdo_guid guid;
    cairn_fdo_nonce nonce; /* NonceTO2ProveOV */
    cairn_fdo_kex kex;
    cairn_fdo_cipher cipher;
    cairn_alg alg;
} cairn_fdo_hello_device;
cairn_err cairn_fdo_hello_device_encode(cairn_arena *arena, const cairn_fdo_hello_device *hello,
                                        cairn_bytes *ret_body) CAIRN_MUST_USE;
/* BAD_ALGORITHM for suites that are not served. */
cairn_err cairn_fdo_hello_device_read(cairn_bytes body,
                                      cairn_fdo_hello_device *ret_hello) CAIRN_MUST_USE;

/* 61. */
typedef struct cairn_fdo_prove_header {
    cairn_bytes header; /* of the voucher: cairn_fdo_header_read */
    uint8_t entry_count;
    cairn_fdo_hash hmac;
    cairn_bytes hmac_encoded;
    cairn_fdo_nonce nonce; /* NonceTO2ProveOV */
    cairn_alg alg;         /* eBSigInfo */
    cairn_bytes kex;       /* xA */
    cairn_fdo_hash hello_hash;
    uint16_t max_message;        /* bytes that the owner takes */
    cairn_fdo_nonce prove_nonce; /* NonceTO2ProveDv, of the unprotected header */
    cairn_fdo_key *owner;        /* owned: cairn_fdo_prove_header_done */
    cairn_cose_message message;
} cairn_fdo_prove_header;
cairn_err cairn_fdo_prove_header_read(cairn_bytes body,
                                      cairn_fdo_prove_header *ret_prove) CAIRN_MUST_USE;
void cairn_fdo_prove_header_done(cairn_fdo_prove_header *prove);
/* `message` is not looked at; `alg` the owner key's own is taken from `owner`. */
cairn_err cairn_fdo_prove_header_begin(cairn_arena *arena, const cairn_fdo_prove_header *prove,
                                       cairn_fdo_unsigned *ret_unsigned) CAIRN_MUST_USE;

/* 62, 63. */
cairn_err cairn_fdo_get_entry_encode(cairn_arena *arena, uint8_t index,
                                     cairn_bytes *ret_body) CAIRN_MUST_USE;
/* Any integer is read, so that a wrong one can be told from a broken body. */
cairn_err cairn_fdo_get_entry_read(cairn_bytes body, int64_t *ret_index) CAIRN_MUST_USE;
cairn_err cairn_fdo_next_entry_encode(cairn_arena *arena, uint8_t index, cairn_bytes entry,
                                      cairn_bytes *ret_body) CAIRN_MUST_USE;
cairn_err cairn_fdo_next_entry_read(cairn_bytes body, int64_t *ret_index,
                                    cairn_bytes *ret_entry) CAIRN_MUST_USE;

/* 64 is an EAT: to1.h. */

/* 65. */
typedef struct cairn_fdo_setup {
    cairn_fdo_rv_info rv_info;
    cairn_fdo_guid guid;   /* the new one */
    cairn_fdo_nonce nonce; /* NonceTO2SetupDv */
    cairn_fdo_key *owner;  /* Owner2Key; owned: cairn_fdo_setup_done */
    cairn_cose_message message;
} cairn_fdo_setup;
cairn_err cairn_fdo_setup_read(cairn_bytes body, cairn_fdo_setup *ret_setup) CAIRN_MUST_USE;
void cairn_fdo_setup_done(cairn_fdo_setup *setup);
cairn_err cairn_fdo_setup_begin(cairn_arena *arena, const cairn_fdo_setup *setup, cairn_alg alg,
                                cairn_fdo_unsigned *ret_unsigned) CAIRN_MUST_USE;

/* 66: a replacement HMac, or none (null: the credential is kept); 0 for a size of null. */
cairn_err cairn_fdo_device_ready_encode(cairn_arena *arena, const cairn_fdo_hash *hmac,
                                        uint16_t max_owner_info,
                                        cairn_bytes *ret_body) CAIRN_MUST_USE;
cairn_err cairn_fdo_device_ready_read(cairn_bytes body, bool *ret_has_hmac,
                                      cairn_fdo_hash *ret_hmac, cairn_bytes *ret_hmac_encoded,
                                      uint16_t *ret_max_owner_info) CAIRN_MUST_USE;
/* 67. */
cairn_err cairn_fdo_owner_ready_encode(cairn_arena *arena, uint16_t max_device_info,
                                       cairn_bytes *ret_body) CAIRN_MUST_USE;
cairn_err cairn_fdo_owner_ready_read(cairn_bytes body,
                                     uint16_t *ret_max_device_info) CAIRN_MUST_USE;

/* 68, 69: flags and pairs of service info. */
typedef struct cairn_fdo_info {
    cairn_bytes key;   /* "module:name", UTF-8 */
    cairn_bytes value; /* content of the bstr: one CBOR item */
} cairn_fdo_info;

enum { CAIRN_FDO_INFO_MAX = 128, CAIRN_FDO_INFO_KEY_MAX = 128 };

typedef struct cairn_fdo_info_list {
    bool more;
    bool done; /* 69 only */
    size_t count;
    cairn_fdo_info *pairs; /* in the arena */
} cairn_fdo_info_list;
cairn_err cairn_fdo_device_info_encode(cairn_arena *arena, const cairn_fdo_info_list *list,
                                       cairn_bytes *ret_body) CAIRN_MUST_USE;
cairn_err cairn_fdo_device_info_read(cairn_arena *arena, cairn_bytes body,
                                     cairn_fdo_info_list *ret_list) CAIRN_MUST_USE;
cairn_err cairn_fdo_owner_info_encode(cairn_arena *arena, const cairn_fdo_info_list *list,
                                      cairn_bytes *ret_body) CAIRN_MUST_USE;
cairn_err cairn_fdo_owner_info_read(cairn_arena *arena, cairn_bytes body,
                                    cairn_fdo_info_list *ret_list) CAIRN_MUST_USE;
/* Bytes that one pair takes in the list, and that a list takes around them: for the peer's limit.
 */
size_t cairn_fdo_info_size(const cairn_fdo_info *info);
enum { CAIRN_FDO_INFO_OVERHEAD = 8 };

/* 70 and 71: [nonce], as 21. */

#endif
