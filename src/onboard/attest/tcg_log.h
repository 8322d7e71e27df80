/* The event log of a measured boot: what was extended into which PCR. Source: TCG PC Client
 * Platform Firmware Profile 1.05, sections 10.2.1, 10.2.2, 10.4.5.1; docs/formats/attestation.md.
 */
#ifndef CAIRN_ONBOARD_TCG_LOG_H
#define CAIRN_ONBOARD_TCG_LOG_H

#include "onboard/attest/tpm_quote.h"

enum {
    CAIRN_TCG_LOG_SIZE_MAX = 24576,
    CAIRN_TCG_ALGORITHMS_MAX = 8,
    CAIRN_TCG_EVENTS_MAX = 1024,
};

typedef struct cairn_tcg_event {
    uint32_t pcr;
    uint32_t type;
    cairn_hash digest; /* of the SHA-256 bank */
    cairn_bytes data;
} cairn_tcg_event;

/* Called for each event that is extended, in order; an error ends the reading and is handed on. */
typedef cairn_err (*cairn_tcg_event_fn)(void *context, const cairn_tcg_event *event);

/* Reads a whole log, header first, and replays it: ret_pcrs[n] is what PCR n holds after it, having
 * begun as the header says (zeros; locality of startup in PCR 0). `fn` may be NULL. BAD_VERSION
 * when it is no crypto-agile log, BAD_ALGORITHM when it has no SHA-256 bank or an event lacks a
 * digest of one of its banks, BAD_VALUE for a PCR beyond 23, TOO_MANY, TOO_LARGE, TRUNCATED. */
cairn_err cairn_tcg_log_replay(cairn_bytes log, cairn_tcg_event_fn fn, void *context,
                               cairn_hash ret_pcrs[CAIRN_TPM_PCRS]) CAIRN_MUST_USE;

#endif
