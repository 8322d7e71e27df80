/* The verifier: evidence against reference values. Source: RFC 9334; docs/formats/attestation.md.
 * Any thread. */
#ifndef CAIRN_ONBOARD_APPRAISE_H
#define CAIRN_ONBOARD_APPRAISE_H

#include "onboard/attest/attestation.h"
#include "onboard/attest/reference_values.h"

/* What of a device is remembered from one appraisal to the next. Zeros at first. */
typedef struct cairn_attest_counts {
    uint32_t reset_count;
    uint32_t restart_count;
    uint64_t boot_count;
} cairn_attest_counts;

/* What the verifier knows of the run. Borrowed. */
typedef struct cairn_appraisal_facts {
    uint64_t time_ms;
    cairn_fdo_guid guid;      /* by which the device came */
    cairn_hash nonce;         /* cairn_attestation_nonce */
    cairn_bytes model;        /* the voucher's device info */
    cairn_key *device;        /* of the voucher's chain */
    const cairn_bytes *roots; /* DER: anchors of the manufacturer's attestation keys; may be none */
    size_t root_count;
    const cairn_reference_values *reference; /* opened by the manufacturer's key */
    uint64_t version_before; /* newest version of them that was seen for this model */
    bool revoked;            /* the manufacturer took them back */
    cairn_attest_counts counts;
} cairn_appraisal_facts;

typedef struct cairn_appraisal {
    cairn_err err;              /* of the first check that failed, or OK */
    const char *check;          /* its name: static text; NULL when all hold */
    cairn_attest_counts counts; /* to be remembered; as before when a check failed */
} cairn_appraisal;

/* Makes all checks of the evidence's kind, in the order of the page, until one fails; that detail
 * is cairn_err_detail. The arena's memory is for the length of the call. */
void cairn_appraise(cairn_arena *arena, const cairn_attestation *attestation,
                    const cairn_appraisal_facts *facts, cairn_appraisal *ret_appraisal);

/* --- the result that others read --- */

typedef enum cairn_ear_status {
    CAIRN_EAR_AFFIRMING = 2,
    CAIRN_EAR_CONTRAINDICATED = 96,
} cairn_ear_status;

enum { CAIRN_EAR_SIZE_MAX = 1024, CAIRN_EAR_LIFE_MAX_S = 7 * 24 * 3600 };

typedef struct cairn_ear {
    uint64_t issued_s; /* since 1970 */
    uint64_t expires_s;
    cairn_hash nonce;
    cairn_ear_status status;
    cairn_hash policy; /* SHA-256 of the signed reference values */
} cairn_ear;

/* The payload, for cairn_signed_object_begin with the verifier's key. BAD_VALUE for a life that is
 * too long. */
cairn_err cairn_ear_encode(cairn_arena *arena, const cairn_ear *ear,
                           cairn_bytes *ret_payload) CAIRN_MUST_USE;
/* A result that this verifier has signed and that has not ended: EXPIRED after `expires_s`, EARLY
 * before `issued_s`; else as cairn_signed_object_open. */
cairn_err cairn_ear_open(cairn_arena *arena, cairn_bytes message, const cairn_key *verifier,
                         uint64_t now_s, cairn_ear *ret_ear) CAIRN_MUST_USE;

#endif
