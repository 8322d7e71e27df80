/* The bytes of certificates and revocation lists: what is signed, and the frame around it.
 *
 * The private key is elsewhere, so each object is made in two steps: its to-be-signed part here,
 * and after the signer's answer the outer sequence. What comes out is read back by OpenSSL and its
 * signature verified before it is given to anybody. Source: RFC 5280, RFC 5758, RFC 8410. */
#ifndef CAIRN_IDENTITY_CA_X509_H
#define CAIRN_IDENTITY_CA_X509_H

#include "cairn/key.h"
#include "identity/ca/ca_der.h"
#include "identity/ca/ca_profile.h"

enum {
    CAIRN_CA_KEY_ID_SIZE = 20,     /* bytes of a subject key identifier (RFC 7093 method 1) */
    CAIRN_CA_CERT_SIZE_MAX = 8192, /* bytes of a certificate of ours */
    CAIRN_CA_SPKI_SIZE_MAX = 120,  /* bytes of a SubjectPublicKeyInfo of our key types */
    CAIRN_CA_CONSTRAINTS_MAX = 32, /* permitted names of one CA */
};

/* A distinguished name of ours: O, then OU, CN and serialNumber, those that are not empty. */
typedef struct cairn_ca_subject {
    cairn_bytes organisation;
    cairn_bytes unit;
    cairn_bytes common_name;
    cairn_bytes serial_number;
} cairn_ca_subject;

/* What an issuing CA may name. A host stands for all
 * hosts below it; an address has its mask behind it (8 or 32 bytes); an e-mail constraint is the
 * host behind the '@'. URIs are not constrained. A kind that is not listed is forbidden. */
typedef struct cairn_ca_constraints {
    const cairn_ca_name *permitted;
    size_t count;
} cairn_ca_constraints;

typedef struct cairn_ca_cert_spec {
    const cairn_ca_profile_row *row;
    const uint8_t *serial; /* CAIRN_CA_SERIAL_SIZE bytes */
    cairn_bytes issuer;    /* Name */
    cairn_bytes subject;   /* Name */
    const cairn_key *key;
    const cairn_key *issuer_key;
    uint64_t not_before_s; /* since 1970 */
    uint64_t not_after_s;
    const cairn_ca_name *names;
    size_t name_count;
    const cairn_ca_constraints *constraints; /* for the profile that is constrained */
    const char *crl_url;                     /* NULL: none */
    const char *ocsp_url;                    /* NULL: none */
} cairn_ca_cert_spec;

/* Name of a subject; each attribute at most CAIRN_CA_TEXT_SIZE_MAX bytes. TOO_LARGE, BAD_TEXT. */
cairn_err cairn_ca_subject_encode(const cairn_ca_subject *subject, cairn_arena *arena,
                                  cairn_bytes *ret_name) CAIRN_MUST_USE;

/* TBSCertificate. TOO_LARGE. */
cairn_err cairn_ca_cert_tbs(const cairn_ca_cert_spec *spec, cairn_arena *arena,
                            cairn_bytes *ret_tbs) CAIRN_MUST_USE;

typedef struct cairn_ca_crl_spec {
    cairn_bytes issuer;
    const cairn_key *issuer_key;
    uint64_t number;
    uint64_t this_update_s;
    uint64_t next_update_s;
    const char
        *url; /* issuing distribution point: what the list covers; NULL: all of the issuer's */
} cairn_ca_crl_spec;

typedef struct cairn_ca_crl_entry {
    uint8_t serial[CAIRN_CA_SERIAL_SIZE];
    uint64_t revoked_at_s;
    uint8_t reason; /* CRLReason; 0 is left out (RFC 5280 section 5.3.1) */
} cairn_ca_crl_entry;

/* TBSCertList. TOO_LARGE. */
cairn_err cairn_ca_crl_tbs(const cairn_ca_crl_spec *spec, const cairn_ca_crl_entry *entries,
                           size_t count, cairn_arena *arena, cairn_bytes *ret_tbs) CAIRN_MUST_USE;

/* SEQUENCE of `tbs`, the algorithm of `type`, the signature (as the signer gives it) and `after`,
 * which may be empty. */
cairn_err cairn_ca_seal(cairn_bytes tbs, cairn_key_type type, cairn_bytes signature,
                        cairn_bytes after, cairn_arena *arena,
                        cairn_bytes *ret_sealed) CAIRN_MUST_USE;
/* Most bytes that a seal adds to what it encloses. */
enum { CAIRN_CA_SEAL_SIZE_MAX = 160 };

/* OpenSSL reads `der` as a certificate or a revocation list, finds one object and nothing else, and
 * its signature verifies under `issuer`. CRYPTO when it does not: then the fault is ours or the
 * token's. */
cairn_err cairn_ca_cert_check(cairn_bytes der, const cairn_key *issuer) CAIRN_MUST_USE;
cairn_err cairn_ca_crl_check(cairn_bytes der, const cairn_key *issuer) CAIRN_MUST_USE;

/* The one SubjectPublicKeyInfo of a key, and back: BAD_ALGORITHM for another algorithm, BAD_KEY for
 * a point that is none. */
void cairn_ca_put_spki(cairn_der_writer *writer, const cairn_key *key);
cairn_err cairn_ca_spki_decode(cairn_bytes spki, cairn_key **ret_key) CAIRN_MUST_USE;

/* AlgorithmIdentifier of the signatures of a key type (whole). */
cairn_bytes cairn_ca_signature_algorithm(cairn_key_type type);

/* The leftmost 160 bits of SHA-256 over the public key's bits (RFC 7093 section 2 method 1). */
void cairn_ca_key_id(const cairn_key *key, uint8_t ret_id[CAIRN_CA_KEY_ID_SIZE]);

/* Whether a CA under these constraints may name `name`. */
bool cairn_ca_name_permitted(const cairn_ca_constraints *constraints, const cairn_ca_name *name);

#endif
