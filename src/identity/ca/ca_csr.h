/* Certificate signing requests: PKCS#10 (RFC 2986), strict and bounded, with proof of possession.
 *
 * A request proves that its sender holds the key, and says what he would like. What he gets is
 * decided by the profile and by what the caller may have; see ca.h. Source: RFC 2986, RFC 2985
 * section 5.4; house (what is refused: docs/formats/ca.md). */
#ifndef CAIRN_IDENTITY_CA_CSR_H
#define CAIRN_IDENTITY_CA_CSR_H

#include "cairn/key.h"
#include "identity/ca/ca_profile.h"
#include "identity/ca/ca_x509.h"

enum {
    CAIRN_CA_CSR_SIZE_MAX = 8192,     /* bytes */
    CAIRN_CA_CSR_ATTRIBUTES_MAX = 16, /* also extensions asked for, attributes of the subject */
};

/* Views into the request, but for `key`, which cairn_ca_csr_done frees. */
typedef struct cairn_ca_csr {
    cairn_key *key;
    cairn_ca_subject subject; /* of unit nothing is read: it is the profile's */
    cairn_ca_name names[CAIRN_CA_NAMES_MAX];
    size_t name_count;
    cairn_bytes challenge; /* challengePassword (RFC 7030 section 3.5), or empty */
} cairn_ca_csr;

/* Decodes and verifies. BAD_ALGORITHM for another key than P-256, P-384 and Ed25519 or another
 * signature than its own (ECDSA with SHA-256, with SHA-384, Ed25519); BAD_KEY, BAD_SIGNATURE;
 * TOO_LARGE, TOO_MANY; DUPLICATE_KEY for what is asked twice; BAD_VALUE, UNKNOWN_FIELD (a kind of
 * name or subject attribute that no profile has) and the reader's errors. */
cairn_err cairn_ca_csr_decode(cairn_bytes der, cairn_ca_csr *ret_csr) CAIRN_MUST_USE;

/* Takes NULL and one that was never decoded. */
void cairn_ca_csr_done(cairn_ca_csr *csr);

#endif
