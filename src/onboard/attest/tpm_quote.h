/* What a TPM 2.0 says when it quotes: TPMS_ATTEST and TPMT_SIGNATURE. Source: TCG TPM 2.0 Library,
 * part 2, sections 10.12.8, 10.12.12, 11.3.4; docs/formats/attestation.md. */
#ifndef CAIRN_ONBOARD_TPM_QUOTE_H
#define CAIRN_ONBOARD_TPM_QUOTE_H

#include "cairn/bytes.h"

enum { CAIRN_TPM_PCRS = 24 };

typedef struct cairn_tpm_quote {
    cairn_bytes extra_data;
    uint64_t clock_ms;
    uint32_t reset_count;
    uint32_t restart_count;
    bool safe;
    uint64_t firmware_version;
    uint32_t selection; /* bit n: PCR n of the SHA-256 bank, the only one */
    cairn_bytes digest; /* 32 bytes: SHA-256 over the selected PCRs, rising */
} cairn_tpm_quote;

/* Views of `in`. BAD_VERSION for another magic, WRONG_TYPE when it attests something else,
 * BAD_ALGORITHM for another bank than SHA-256 or a second one, TRUNCATED, TRAILING, TOO_LARGE for a
 * size beyond what the TPM's structures have. */
cairn_err cairn_tpm_quote_read(cairn_bytes in, cairn_tpm_quote *ret_quote) CAIRN_MUST_USE;

/* r ‖ s, 64 bytes, of an ECDSA signature with SHA-256; BAD_ALGORITHM for another scheme, BAD_VALUE
 * for numbers that are too long. */
cairn_err cairn_tpm_signature_read(cairn_bytes in, uint8_t ret_signature[64]) CAIRN_MUST_USE;

#endif
