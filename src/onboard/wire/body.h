/* What the messages share: how a body is opened and made, nonces, GUIDs, SigInfo. Source: FDO 1.1
 * sections 3.2 and 3.3; docs/formats/fdo.md. */
#ifndef CAIRN_ONBOARD_BODY_H
#define CAIRN_ONBOARD_BODY_H

#include "cairn/arena.h"
#include "cairn/cose.h"
#include "cairn/fdo.h"

/* Writes `object`, the same each time it is called. */
typedef void (*cairn_fdo_put_fn)(cairn_cbor_writer *writer, const void *object);

/* What `put` writes, in the arena. NO_MEMORY. */
cairn_err cairn_fdo_encode(cairn_arena *arena, cairn_fdo_put_fn put, const void *object,
                           cairn_bytes *ret_encoded) CAIRN_MUST_USE;

/* Opens a peer's item, an array of `count` items. TOO_LARGE beyond 65,535 bytes; as cbor.h. */
cairn_err cairn_fdo_body_open(cairn_cbor_reader *reader, cairn_bytes body, size_t count,
                              const char *object, const char *clause) CAIRN_MUST_USE;

/* Opens a peer's Sign1 that carries its payload (MISSING_FIELD). TOO_LARGE; as cose.h. */
cairn_err cairn_fdo_message_open(cairn_bytes body, const char *object, const char *clause,
                                 cairn_cose_message *ret_message) CAIRN_MUST_USE;

/* Looks for an integer label in one encoded map of any order and opens a reader at its value. */
cairn_err cairn_fdo_label_find(cairn_bytes map, int64_t label, const char *object,
                               const char *clause, cairn_cbor_reader *ret_value,
                               bool *ret_present) CAIRN_MUST_USE;
/* The same for one that must be there: MISSING_FIELD, naming `field`. */
cairn_err cairn_fdo_label_need(cairn_bytes map, int64_t label, const char *field,
                               const char *object, const char *clause,
                               cairn_cbor_reader *ret_value) CAIRN_MUST_USE;

cairn_err cairn_fdo_nonce_read(cairn_cbor_reader *reader, const char *field,
                               cairn_fdo_nonce *ret_nonce) CAIRN_MUST_USE;
void cairn_fdo_nonce_put(cairn_cbor_writer *writer, const cairn_fdo_nonce *nonce);
cairn_err cairn_fdo_guid_read(cairn_cbor_reader *reader, const char *field,
                              cairn_fdo_guid *ret_guid) CAIRN_MUST_USE;
void cairn_fdo_guid_put(cairn_cbor_writer *writer, const cairn_fdo_guid *guid);

/* SigInfo: ES256 or ES384, else BAD_ALGORITHM (EPID is 90 and 91); its information is empty. */
cairn_err cairn_fdo_sig_info_read(cairn_cbor_reader *reader, const char *field,
                                  cairn_alg *ret_alg) CAIRN_MUST_USE;
void cairn_fdo_sig_info_put(cairn_cbor_writer *writer, cairn_alg alg);

#endif
