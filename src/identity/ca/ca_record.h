/* What the CA's store keeps of a certificate, and under which keys. Bytes: docs/formats/ca.md. */
#ifndef CAIRN_IDENTITY_CA_RECORD_H
#define CAIRN_IDENTITY_CA_RECORD_H

#include "cairn/key.h"
#include "identity/ca/ca_ocsp.h"

/* Signatures over the ResponseData that the record determines. */
typedef struct cairn_ca_ocsp_ready {
    uint64_t epoch; /* of the responder's key; 0: there are none */
    uint64_t this_update_s;
    uint64_t next_update_s;
    cairn_bytes signatures[CAIRN_CA_OCSP_HASH_COUNT];
} cairn_ca_ocsp_ready;

typedef struct cairn_ca_record {
    cairn_ca_profile profile;
    uint32_t partition;
    uint64_t not_before_s;
    uint64_t not_after_s;
    cairn_hash kid;
    cairn_hash salt;
    cairn_bytes common_name;
    cairn_bytes device; /* may be empty */
    cairn_ca_name names[CAIRN_CA_NAMES_MAX];
    size_t name_count;
    cairn_ca_status status;
    uint64_t revoked_at_s; /* 0 unless revoked */
    uint8_t reason;
    cairn_bytes successor; /* serial, or empty */
    cairn_ca_ocsp_ready ocsp;
} cairn_ca_record;

/* Into the arena. */
cairn_err cairn_ca_record_encode(const cairn_ca_record *record, cairn_arena *arena,
                                 cairn_bytes *ret_bytes) CAIRN_MUST_USE;
/* Views into `bytes`. CORRUPT: we wrote it. */
cairn_err cairn_ca_record_decode(cairn_bytes bytes, cairn_ca_record *ret_record) CAIRN_MUST_USE;

#endif
