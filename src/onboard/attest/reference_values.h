/* What a manufacturer says its devices of a model are like when they are well. Decoded values are
 * views into the payload and arrays in the arena. Source: RFC 9334 section 4.2 (Reference Value
 * Provider); docs/formats/attestation.md. */
#ifndef CAIRN_ONBOARD_REFERENCE_VALUES_H
#define CAIRN_ONBOARD_REFERENCE_VALUES_H

#include "cairn/cbor.h"
#include "cairn/key.h"
#include "onboard/attest/tpm_quote.h"

enum {
    CAIRN_REFERENCE_VALUES_SIZE_MAX = 16384,
    CAIRN_REFERENCE_PCR_VALUES_MAX = 16,
    CAIRN_REFERENCE_DIGESTS_MAX = 64,
    CAIRN_REFERENCE_MODEL_SIZE_MAX = 64,
};

/* Values of 32 bytes, one after the other as they are needed. */
typedef struct cairn_reference_set {
    size_t count;
    const cairn_hash *values;
} cairn_reference_set;

bool cairn_reference_set_has(const cairn_reference_set *set, const cairn_hash *value);

typedef struct cairn_reference_values {
    cairn_bytes model; /* UTF-8 */
    uint64_t version;
    uint64_t not_before_ms, not_after_ms;
    uint32_t selection; /* bit n: PCR n is quoted, with one of pcrs[n] */
    cairn_reference_set pcrs[CAIRN_TPM_PCRS];
    cairn_reference_set good;
    uint64_t firmware_min;
    uint8_t debug_min; /* least dbgstat of RFC 9711 */
    bool needs_log;
    cairn_reference_set bad;
} cairn_reference_values;

/* The payload, for cairn_signed_object_begin; checked as in reading. TOO_MANY, BAD_VALUE. */
cairn_err cairn_reference_values_encode(cairn_arena *arena, const cairn_reference_values *values,
                                        cairn_bytes *ret_payload) CAIRN_MUST_USE;
/* Of a message that the manufacturer's key has signed: as cairn_signed_object_open, and as cbor.h
 * with the field named. */
cairn_err cairn_reference_values_open(cairn_arena *arena, cairn_bytes message,
                                      const cairn_key *manufacturer,
                                      cairn_reference_values *ret_values) CAIRN_MUST_USE;

#endif
