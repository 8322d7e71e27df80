/* An organisation's certificate authority: a root that signs one issuing CA, which signs the rest;
 * what it issued, what it revoked, and the signed answers about both.
 *
 * Private keys are behind a cairn_signer. Everything else is in one LMDB environment (the bytes:
 * docs/formats/ca.md). A certificate is durable before it is handed out, a revocation before it is
 * acknowledged; both with the signed status that the world asks for. Any thread; calls that change
 * something wait for each other, for the signer and for the disk: not from a network thread or a
 * completion of the signer. Those that answer do not wait. Source: RFC 5280, RFC 6960, RFC 5019;
 * house (docs/features/ca.md). */
#ifndef CAIRN_IDENTITY_CA_H
#define CAIRN_IDENTITY_CA_H

#include "core/clock.h"
#include "core/crypto/signer.h"
#include "core/limits.h"
#include "identity/ca/ca_ocsp.h"
#include "identity/ca/ca_profile.h"

typedef struct cairn_ca cairn_ca;

/* The URI in a tls-client certificate, with 64 lower-case hexadecimal digits behind it: the
 * organisation whose node this is. It has a host, since Go refuses a URI without one below a CA
 * with name constraints. */
#define CAIRN_CA_ORG_URI_PREFIX "cairn://org/"

/* What a commitment is about. */
typedef enum cairn_ca_act { CAIRN_CA_ISSUED = 1, CAIRN_CA_REVOKED = 2 } cairn_ca_act;

/* Puts a commitment on the ledger, or queues it durably; called again after a failure, and perhaps
 * after a success (at least once). The commitment says nothing to who has not the certificate's
 * salt (docs/formats/ca.md). Called by cairn_ca_maintain. */
typedef cairn_err (*cairn_ca_announce_fn)(void *context, cairn_ca_act act,
                                          const cairn_hash *commitment);

/* Whether certificates may be issued by this key now: an error is the answer to who asked for one.
 * Any thread. */
typedef cairn_err (*cairn_ca_may_issue_fn)(void *context, const cairn_key *issuing_key);

/* Texts and lists are copied. */
typedef struct cairn_ca_options {
    const char *directory; /* made if it is missing; the one above it must be there */
    cairn_hash organisation;
    /* O of every subject, 1 to 64 bytes of UTF-8. NULL: this, URL and constraints are those with
     * which the CA was made, and so is an organisation that is zero. */
    const char *organisation_name;
    const char *base_url; /* "http://ca.example/ca/HEX" without a last '/', at most 200 bytes */
    const char *root_key; /* names in the signer; made (P-256) when there are none */
    const char *issuing_key;
    const char *ocsp_key;
    const cairn_ca_name *permitted;  /* name constraints: cairn_ca_constraints */
    size_t permitted_count;          /* at most CAIRN_CA_CONSTRAINTS_MAX */
    uint32_t clock_skew_s;           /* certificates begin that long before now */
    uint32_t crl_validity_s;         /* half of it later, a list is signed again */
    uint32_t ocsp_validity_s;        /* likewise */
    uint32_t overlap_s;              /* how long a renewed certificate lives beside its successor */
    uint32_t partition_size;         /* certificates that share a revocation list */
    uint32_t demand_rate;            /* OCSP answers signed on demand per second; also the burst */
    size_t map_size;                 /* bytes of address space of the store */
    cairn_ca_announce_fn announce;   /* NULL: nobody wants to know */
    cairn_ca_may_issue_fn may_issue; /* NULL: nobody is asked */
    void *context;
} cairn_ca_options;

/* 5 min skew, lists for 2 days, OCSP for 4 days, 7 days overlap, 4,096 a partition, 200 on demand a
 * second, 4 GiB; keys "issue-root", "issue-ca", "issue-ocsp"; the rest is the caller's.
 */
cairn_ca_options cairn_ca_defaults(void);

/* Opens the CA in the directory, or makes one: keys, root, issuing certificate, responder, lists.
 * `clock` is copied, `signer` borrowed until the end. MISMATCH when the directory is of another
 * organisation or other keys; ARGUMENT for options out of range; without a name also NOT_FOUND:
 * there is no CA, or its keys are not in the signer; the errors of the signer and of cairn_kv_open.
 * Several processes may have it open: what one commits the others see. */
cairn_err cairn_ca_open(const cairn_ca_options *options, const cairn_clock *clock,
                        cairn_signer *signer, cairn_ca **ret_ca) CAIRN_MUST_USE;

/* Waits for OCSP answers that are under way. Takes NULL. */
void cairn_ca_close(cairn_ca *ca);
CAIRN_DEFINE_CLEANUP(cairn_ca, cairn_ca_close)

/* --- issuing --- */

/* What the caller may have: decided by who asks the CA, from the caller's principal. */
typedef struct cairn_ca_grant {
    cairn_bytes common_name; /* 1 to 64 bytes of UTF-8 */
    cairn_bytes device;      /* serialNumber of a device profile, else empty */
    const cairn_ca_name *names;
    size_t name_count;
    uint32_t validity_s; /* 0: the profile's */
    bool any_subject;    /* whatever the request says of it: who sends it does not know its name */
} cairn_ca_grant;

enum {
    CAIRN_CA_ROOTS_MAX = 4, /* in the life of a CA */
    CAIRN_CA_ISSUERS_MAX = 2 * CAIRN_CA_ROOTS_MAX - 1,
};

/* Views into the caller's arena. */
typedef struct cairn_ca_issued {
    uint8_t serial[CAIRN_CA_SERIAL_SIZE];
    cairn_bytes certificate; /* DER */
    uint64_t not_before_s;
    uint64_t not_after_s;
    /* The certificate of the CA that signed it, and what leads from there to earlier roots: for the
     * holder to send, in this order. Empty behind the last. They live as long as the CA. */
    cairn_bytes issuers[CAIRN_CA_ISSUERS_MAX];
    bool again; /* it was there: nothing was issued */
} cairn_ca_issued;

/* Issues a certificate for the key of `csr`. Names: those of the request, each of which must be
 * granted, or all granted ones when the request has none. Subject: the organisation and the
 * granted name; what the request says of it must be the same, unless any subject may stand there. A
 * tls-client is named by its organisation alone. A key belongs to one subject: EXISTS for one that
 * was certified for another, or that was compromised. Not longer than the issuing certificate.
 * Asked again with the same request and grant (an answer was lost), it gives the same certificate;
 * CLOSED once that has ended or was revoked: proof of possession is good once. TX_FORBIDDEN: a
 * name, subject or profile that the caller may not have; ARGUMENT: a grant that does not fit the
 * profile; the errors of cairn_ca_csr_decode, the signer, the store. */
cairn_err cairn_ca_issue(cairn_ca *ca, cairn_ca_profile profile, cairn_bytes csr,
                         const cairn_ca_grant *grant, cairn_arena *arena,
                         cairn_ca_issued *ret_issued) CAIRN_MUST_USE;

/* Successor of a certificate, with its names and profile; `csr` proves the same key or a new one.
 * The old one lives on for the overlap and is then revoked as superseded. Asked again with the
 * same key (an answer was lost), it gives the same successor. NOT_FOUND; CLOSED: revoked; EXPIRED:
 * ended; EARLY: renewal is not open yet (`early` waives that); EXISTS: renewed with another key; as
 * cairn_ca_issue. */
cairn_err cairn_ca_renew(cairn_ca *ca, const uint8_t serial[CAIRN_CA_SERIAL_SIZE], cairn_bytes csr,
                         bool early, cairn_arena *arena,
                         cairn_ca_issued *ret_issued) CAIRN_MUST_USE;

/* --- knowing --- */

/* Views into the caller's arena. */
typedef struct cairn_ca_facts {
    uint8_t serial[CAIRN_CA_SERIAL_SIZE];
    cairn_ca_profile profile;
    cairn_hash kid; /* thumbprint of the subject's key */
    uint32_t partition;
    uint64_t not_before_s;
    uint64_t not_after_s;
    cairn_bytes common_name;
    cairn_bytes device;
    cairn_ca_status status;
    uint64_t revoked_at_s;
    uint8_t reason;
    bool renewed; /* it has a successor */
} cairn_ca_facts;

/* NOT_FOUND. Never waits. */
cairn_err cairn_ca_find(cairn_ca *ca, const uint8_t serial[CAIRN_CA_SERIAL_SIZE],
                        cairn_arena *arena, cairn_ca_facts *ret_facts) CAIRN_MUST_USE;
cairn_err cairn_ca_certificate(cairn_ca *ca, const uint8_t serial[CAIRN_CA_SERIAL_SIZE],
                               cairn_arena *arena, cairn_bytes *ret_der) CAIRN_MUST_USE;

/* Must not change the CA. */
typedef cairn_err (*cairn_ca_facts_fn)(void *context, const cairn_ca_facts *facts);

/* Calls `fn` for each certificate that ends within `within_s` from now and is neither revoked, nor
 * ended, nor renewed, the earliest first, until it fails. */
cairn_err cairn_ca_due(cairn_ca *ca, uint64_t within_s, cairn_ca_facts_fn fn,
                       void *context) CAIRN_MUST_USE;
/* The same for everything that was ever issued. */
cairn_err cairn_ca_each(cairn_ca *ca, cairn_ca_facts_fn fn, void *context) CAIRN_MUST_USE;

/* Serials of the certificates that name this device, the first `max` of them behind `after` (NULL:
 * from the first one), rising; none is success. */
cairn_err cairn_ca_of_device(cairn_ca *ca, cairn_bytes device, const uint8_t *after, size_t max,
                             uint8_t (*ret_serials)[CAIRN_CA_SERIAL_SIZE],
                             size_t *ret_count) CAIRN_MUST_USE;

/* --- revoking --- */

/* X(code, number, text): CRLReason (RFC 5280 section 5.3.1) of those that are final. */
#define CAIRN_CA_REASON_LIST(X)                     \
    X(UNSPECIFIED, 0, "unspecified")                \
    X(KEY_COMPROMISE, 1, "keyCompromise")           \
    X(AFFILIATION_CHANGED, 3, "affiliationChanged") \
    X(SUPERSEDED, 4, "superseded")                  \
    X(CESSATION, 5, "cessationOfOperation")         \
    X(PRIVILEGE_WITHDRAWN, 9, "privilegeWithdrawn")

typedef enum cairn_ca_reason {
#define X(code, number, text) CAIRN_CA_##code = (number),
    CAIRN_CA_REASON_LIST(X)
#undef X
} cairn_ca_reason;

/* The text of a number, "unknown" for one that is not above; and back: BAD_VALUE. */
const char *cairn_ca_reason_name(uint8_t reason);
cairn_err cairn_ca_reason_find(const char *name, cairn_ca_reason *ret_reason) CAIRN_MUST_USE;

/* Revokes for good, and signs list and OCSP answers anew. Success says all of that is durable. When
 * the signer fails, the revocation is durable all the same, no answer says "good" any more, and
 * cairn_ca_maintain signs later: the error is the signer's. Revoking again is success; only a key
 * compromise replaces an earlier reason. NOT_FOUND; ARGUMENT for a reason that is not above, or a
 * CA's own certificate. */
cairn_err cairn_ca_revoke(cairn_ca *ca, const uint8_t serial[CAIRN_CA_SERIAL_SIZE],
                          cairn_ca_reason reason) CAIRN_MUST_USE;

/* --- rollover --- */

/* From here on another key of the signer's issues, under a certificate of the same root; what the
 * one before has issued holds, and its lists and OCSP answers are signed until it has ended.
 * Another process that has the CA open follows with its next change, or maintenance. NOT_FOUND: the
 * signer has no such key; EXISTS: it is in use here already; EXPIRED: the root has ended; TOO_MANY:
 * 16 keys in the life of a CA. */
cairn_err cairn_ca_rollover(cairn_ca *ca, const char *key_name) CAIRN_MUST_USE;
/* What the next key would be called: "issue-ca-2". */
void cairn_ca_next_key(const cairn_ca *ca, char ret_name[CAIRN_SIGNER_NAME_SIZE_MAX + 1]);

/* From here on another root stands above all: a key of the signer's, certified by itself and by the
 * root before it. It certifies the issuing keys that have not ended, and so do the roots before it,
 * as long as they live: what was issued, and what is, leads to the old ones and to the new one.
 * Errors as above, but for 4 roots in the life of a CA. */
cairn_err cairn_ca_rollover_root(cairn_ca *ca, const char *key_name) CAIRN_MUST_USE;
/* "issue-root-2". */
void cairn_ca_next_root_key(const cairn_ca *ca, char ret_name[CAIRN_SIGNER_NAME_SIZE_MAX + 1]);

/* --- answering --- */

/* The partition number of the first root's list, which covers the issuing certificates that it has
 * given; those of later ones are below it. */
#define CAIRN_CA_PARTITION_ROOT UINT32_MAX

static inline bool cairn_ca_is_root_list(uint32_t partition)
{
    return partition > CAIRN_CA_PARTITION_ROOT - CAIRN_CA_ROOTS_MAX;
}

/* "root", "root-2", …; false for anything else. */
bool cairn_ca_root_list_find(cairn_bytes text, uint32_t *ret_partition);

/* A revocation list, DER. NOT_FOUND. Never waits. */
cairn_err cairn_ca_crl(cairn_ca *ca, uint32_t partition, cairn_arena *arena, cairn_bytes *ret_crl,
                       uint64_t *ret_next_update_s) CAIRN_MUST_USE;

/* Issuing certificate, then the newest root, DER; they live as long as the CA. */
void cairn_ca_chain(cairn_ca *ca, cairn_bytes *ret_issuing, cairn_bytes *ret_root);

enum { CAIRN_CA_ALL_MAX = 2 * CAIRN_CA_ROOTS_MAX - 1 + 16 * CAIRN_CA_ROOTS_MAX };
/* All of the CA's certificates that have not ended: the issuing one; what leads from there to
 * earlier roots by way of the newest, in front of that root, since OpenSSL takes the first issuer
 * that fits; earlier issuing keys, the newest first; earlier roots, each with what it gave to
 * issuing keys. How many there are. They live as long as the CA. */
size_t cairn_ca_all(cairn_ca *ca, cairn_bytes ret_certificates[CAIRN_CA_ALL_MAX]);

typedef struct cairn_ca_ocsp_answer {
    cairn_bytes body;   /* an OCSPResponse, in the arena or static */
    uint64_t max_age_s; /* how long anybody may keep it; 0: not at all */
} cairn_ca_ocsp_answer;

/* Called once. */
typedef void (*cairn_ca_ocsp_fn)(void *context, const cairn_ca_ocsp_answer *answer);

/* Answers a request, which never fails: what is wrong with it is in the answer. Signed answers are
 * ready for what was issued; a nonce, a serial that nobody knows or several certificates are signed
 * on demand, as long as the rate allows, else answered without the nonce (RFC 5019 section 4) or
 * with tryLater. `done` runs before this returns, or later on the signer's thread; until then
 * `request` and `arena` must live and be left alone. */
void cairn_ca_ocsp(cairn_ca *ca, cairn_bytes request, cairn_arena *arena, cairn_ca_ocsp_fn done,
                   void *context);

/* --- keeping --- */

/* Does what time asks for: signs lists and OCSP answers again before they end, renews the
 * certificates of the responder and of the issuing CA (for the same keys: what it issued holds),
 * revokes what was superseded, announces commitments; at most `count_max` certificates, and as many
 * announcements, which wait for the listener without holding up anybody. Tells when to call again:
 * wall clock, at most an hour ahead. What fails keeps nothing else from being done; the first
 * failure is returned. */
cairn_err cairn_ca_maintain(cairn_ca *ca, size_t count_max, uint64_t *ret_next_ms) CAIRN_MUST_USE;

/* The commitment of an act on a certificate: SHA-256 over a tag, its salt, the hash of its DER and,
 * for a revocation, time and reason. What a party who was given the salt computes. */
void cairn_ca_commitment(cairn_ca_act act, const cairn_hash *salt, cairn_bytes certificate,
                         uint64_t revoked_at_s, uint8_t reason, cairn_hash *ret_commitment);
/* The salt of a certificate. NOT_FOUND. */
cairn_err cairn_ca_salt(cairn_ca *ca, const uint8_t serial[CAIRN_CA_SERIAL_SIZE],
                        cairn_hash *ret_salt) CAIRN_MUST_USE;

#endif
