/* The Online Certificate Status Protocol: requests read, responses made.
 *
 * Nothing here signs or looks anything up; ca_status.c does. Source: RFC 6960, RFC 5019 (the
 * lightweight profile), RFC 9654 (nonce). */
#ifndef CAIRN_IDENTITY_CA_OCSP_H
#define CAIRN_IDENTITY_CA_OCSP_H

#include "identity/ca/ca_x509.h"

enum {
    CAIRN_CA_OCSP_REQUEST_SIZE_MAX = 4096, /* bytes */
    CAIRN_CA_OCSP_REQUESTS_MAX = 8,        /* certificates in one request */
    CAIRN_CA_OCSP_NONCE_SIZE_MAX = 128,    /* bytes (RFC 9654 section 2.1) */
    CAIRN_CA_OCSP_KEY_HASH_SIZE = 20,      /* bytes: SHA-1, as ResponderID wants it */
};

/* Hash algorithms of a CertID. */
typedef enum cairn_ca_ocsp_hash {
    CAIRN_CA_OCSP_SHA1, /* RFC 5019 section 2.1.1 asks for it; it protects nothing here */
    CAIRN_CA_OCSP_SHA256,
    CAIRN_CA_OCSP_HASH_COUNT,
} cairn_ca_ocsp_hash;

/* An issuer as CertIDs name it. */
typedef struct cairn_ca_ocsp_issuer {
    uint8_t name[CAIRN_CA_OCSP_HASH_COUNT][32]; /* 20 bytes of SHA-1, 32 of SHA-256 */
    uint8_t key[CAIRN_CA_OCSP_HASH_COUNT][32];
} cairn_ca_ocsp_issuer;

/* Names the issuer whose subject is `name` (DER). CRYPTO. */
cairn_err cairn_ca_ocsp_issuer_make(cairn_bytes name, const cairn_key *key,
                                    cairn_ca_ocsp_issuer *ret_issuer) CAIRN_MUST_USE;

typedef struct cairn_ca_cert_id {
    cairn_ca_ocsp_hash hash;
    cairn_bytes issuer_name;
    cairn_bytes issuer_key;
    cairn_bytes serial; /* content of the INTEGER */
} cairn_ca_cert_id;

/* Whether the certificate is of this issuer. */
bool cairn_ca_cert_id_is_of(const cairn_ca_cert_id *id, const cairn_ca_ocsp_issuer *issuer);

/* Views into the request. */
typedef struct cairn_ca_ocsp_request {
    cairn_ca_cert_id ids[CAIRN_CA_OCSP_REQUESTS_MAX];
    size_t count;
    cairn_bytes nonce; /* 1 to 128 bytes, or empty: none */
} cairn_ca_ocsp_request;

/* Strict. A requestor's name and signature are passed over (RFC 6960 section 4.1.2: we ask for
 * none). TOO_LARGE, TOO_MANY, BAD_ALGORITHM (a CertID of another hash), DUPLICATE_KEY,
 * UNKNOWN_FIELD (a critical extension that is no nonce), BAD_VALUE and the reader's errors: each is
 * answered malformedRequest. */
cairn_err cairn_ca_ocsp_request_decode(cairn_bytes der,
                                       cairn_ca_ocsp_request *ret_request) CAIRN_MUST_USE;

typedef enum cairn_ca_status {
    CAIRN_CA_STATUS_GOOD = 1,
    CAIRN_CA_STATUS_REVOKED = 2,
    CAIRN_CA_STATUS_UNKNOWN = 3, /* never stored: no such serial */
} cairn_ca_status;

typedef struct cairn_ca_ocsp_single {
    cairn_ca_ocsp_hash hash;
    cairn_bytes serial;
    cairn_ca_status status;
    uint64_t revoked_at_s;
    uint8_t reason; /* CRLReason; 0 is left out */
    uint64_t this_update_s;
    uint64_t next_update_s;
} cairn_ca_ocsp_single;

typedef struct cairn_ca_ocsp_data {
    const cairn_ca_ocsp_issuer *issuer;
    const uint8_t *responder; /* CAIRN_CA_OCSP_KEY_HASH_SIZE bytes */
    uint64_t produced_at_s;
    cairn_bytes nonce;
} cairn_ca_ocsp_data;

/* ResponseData: a function of its arguments, so that a stored signature over it stays valid.
 * TOO_LARGE. */
cairn_err cairn_ca_ocsp_tbs(const cairn_ca_ocsp_data *data, const cairn_ca_ocsp_single *singles,
                            size_t count, cairn_arena *arena, cairn_bytes *ret_tbs) CAIRN_MUST_USE;

/* A successful OCSPResponse with the responder's certificate in it. */
cairn_err cairn_ca_ocsp_response(cairn_bytes tbs, cairn_key_type type, cairn_bytes signature,
                                 cairn_bytes certificate, cairn_arena *arena,
                                 cairn_bytes *ret_response) CAIRN_MUST_USE;

/* OCSPResponseStatus of the answers that carry nothing. */
typedef enum cairn_ca_ocsp_error {
    CAIRN_CA_OCSP_MALFORMED = 1,
    CAIRN_CA_OCSP_INTERNAL = 2,
    CAIRN_CA_OCSP_TRY_LATER = 3,
    CAIRN_CA_OCSP_UNAUTHORIZED = 6,
} cairn_ca_ocsp_error;

/* Static bytes. */
cairn_bytes cairn_ca_ocsp_refusal(cairn_ca_ocsp_error error);

#endif
