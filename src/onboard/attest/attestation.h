/* What a device shows: the value of x.attest:evidence. Views into the input. Source: RFC 9711
 * (EAT), TCG TPM 2.0 Library; docs/formats/attestation.md. */
#ifndef CAIRN_ONBOARD_ATTESTATION_H
#define CAIRN_ONBOARD_ATTESTATION_H

#include "cairn/cose.h"
#include "cairn/fdo.h"
#include "onboard/attest/tcg_log.h"

enum {
    CAIRN_ATTESTATION_SIZE_MAX = 32768,
    CAIRN_ATTESTATION_CERTIFICATES_MAX = 4,
    CAIRN_ATTESTATION_CERTIFICATE_SIZE_MAX = 2048,
    CAIRN_ATTESTATION_DIGESTS_MAX = 64, /* measurements of a token */
};

typedef enum cairn_attestation_kind {
    CAIRN_ATTESTATION_EAT = 1,
    CAIRN_ATTESTATION_TPM = 2,
} cairn_attestation_kind;

typedef struct cairn_attestation {
    cairn_attestation_kind kind;
    size_t certificate_count; /* 0: the device's own key attests */
    cairn_bytes certificates[CAIRN_ATTESTATION_CERTIFICATES_MAX];
    cairn_bytes eat;               /* EAT */
    cairn_bytes attest, signature; /* TPM */
    uint32_t selection;            /* TPM: bit n: pcrs[n] is there */
    cairn_hash pcrs[CAIRN_TPM_PCRS];
    cairn_bytes log; /* may be empty */
} cairn_attestation;

cairn_err cairn_attestation_encode(cairn_arena *arena, const cairn_attestation *attestation,
                                   cairn_bytes *ret_encoded) CAIRN_MUST_USE;
cairn_err cairn_attestation_decode(cairn_bytes encoded,
                                   cairn_attestation *ret_attestation) CAIRN_MUST_USE;

/* [X1353-R14] The nonce of a run: `checkpoint` is the hash of the signed note that it rests on, or
 * NULL where there is none. */
void cairn_attestation_nonce(const cairn_fdo_nonce *prove, const cairn_fdo_nonce *setup,
                             const cairn_hash *checkpoint, cairn_hash *ret_nonce);

/* The claims of a token that count here; the rest is passed over. */
typedef struct cairn_eat_claims {
    cairn_bytes nonce; /* one alone */
    cairn_bytes ueid;
    bool has_debug;
    uint8_t debug; /* dbgstat */
    bool has_boot_count;
    uint64_t boot_count;
    size_t digest_count;
    cairn_hash digests[CAIRN_ATTESTATION_DIGESTS_MAX];
    cairn_cose_message message;
} cairn_eat_claims;

/* WRONG_TYPE, BAD_VALUE, TOO_MANY for a claim that is not as RFC 9711 has it; the signature is not
 * looked at. */
cairn_err cairn_eat_claims_read(cairn_bytes token, cairn_eat_claims *ret_claims) CAIRN_MUST_USE;

#endif
