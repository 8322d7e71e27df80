/* Identity: organisations with roles and keys, subjects as pairwise pseudonyms, grants of service
 * keys, anchors of status lists. Bytes: docs/formats/identity.md; what it is for:
 * docs/features/identity.md. */
#ifndef CAIRN_IDENTITY_H
#define CAIRN_IDENTITY_H

#include "core/clock.h"
#include "core/crypto/signer.h"
#include "ledger/feature.h"
#include "ledger/registry.h"
#include "ledger/roles.h"
#include "ledger/schema.h"

extern const cairn_feature cairn_identity_feature;
/* The issuing CA's routes (identity/ca/ca_routes.h): a descriptor of their own, no transactions. */
extern const cairn_feature cairn_identity_ca_feature;
/* The route of status lists (identity/status/status_routes.h), in the same way. */
extern const cairn_feature cairn_identity_status_feature;

/* --- limits --- */

enum {
    CAIRN_SUBJECTS_PER_TX_MAX = 1024,
    CAIRN_SUBJECTS_MOVED_PER_TX_MAX = 512, /* two pseudonyms a row */
    CAIRN_GRANT_SCOPES_MAX = 16,
    CAIRN_GRANT_SCOPE_SIZE_MAX = 64,
};
#define CAIRN_GRANT_LIFETIME_MAX_MS (UINT64_C(400) * 86400000)
#define CAIRN_LIST_LIFETIME_MAX_MS (UINT64_C(400) * 86400000)

/* --- events: type and the key that names the object --- */

enum {
    CAIRN_EVENT_ORGANISATION = 256 + 1, /* its id */
    CAIRN_EVENT_KEY = 256 + 2,          /* kid */
    CAIRN_EVENT_SUBJECTS = 256 + 3,     /* no key: those that the transaction names */
    CAIRN_EVENT_GRANT = 256 + 4,        /* pseudonym ‖ kid */
    CAIRN_EVENT_LIST = 256 + 5,         /* organisation ‖ list */
};

/* --- bodies of organisations' transactions, in the arena: for those who submit them --- */

cairn_err cairn_key_add_body(cairn_arena *arena, cairn_bytes cose_key, cairn_purpose purpose,
                             cairn_bytes proof, cairn_bytes *ret_body) CAIRN_MUST_USE;
/* `suspect_since` is CAIRN_HEIGHT_OPEN for a plain retirement. */
cairn_err cairn_key_revoke_body(cairn_arena *arena, const cairn_hash *kid, uint64_t suspect_since,
                                cairn_bytes *ret_body) CAIRN_MUST_USE;
/* The new key takes the old one's purpose, for which the proof is made. `until` is the first height
 * at which the old one is no longer valid; CAIRN_HEIGHT_OPEN: at the next one. */
cairn_err cairn_key_rotate_body(cairn_arena *arena, const cairn_hash *old_kid, cairn_bytes cose_key,
                                cairn_bytes proof, uint64_t until,
                                cairn_bytes *ret_body) CAIRN_MUST_USE;
cairn_err cairn_org_admit_body(cairn_arena *arena, cairn_bytes name, bool member,
                               cairn_bytes cose_key, cairn_bytes proof, uint32_t roles,
                               cairn_bytes *ret_body) CAIRN_MUST_USE;
cairn_err cairn_org_status_body(cairn_arena *arena, const cairn_hash *org, cairn_org_status status,
                                uint64_t expected_version, cairn_bytes *ret_body) CAIRN_MUST_USE;
cairn_err cairn_org_roles_body(cairn_arena *arena, const cairn_hash *org, uint32_t roles,
                               uint64_t expected_version, cairn_bytes *ret_body) CAIRN_MUST_USE;

/* --- subjects --- */

typedef enum cairn_subject_kind {
    CAIRN_SUBJECT_PERSON = 1,
    CAIRN_SUBJECT_DEVICE = 2,
} cairn_subject_kind;

typedef enum cairn_subject_status {
    CAIRN_SUBJECT_ACTIVE = 1,
    CAIRN_SUBJECT_SUSPENDED = 2,
    CAIRN_SUBJECT_REVOKED = 3,  /* final */
    CAIRN_SUBJECT_REPLACED = 4, /* final: lives on under another pseudonym */
} cairn_subject_status;

const char *cairn_subject_kind_name(uint64_t kind);
const char *cairn_subject_status_name(uint64_t status);

/* What the ledger says of a pseudonym, and nothing more. */
typedef struct cairn_subject {
    cairn_hash org;        /* its controller */
    uint64_t kind;         /* cairn_subject_kind */
    uint64_t status;       /* cairn_subject_status */
    uint64_t version;      /* 1, 2, … */
    uint64_t since;        /* height of its registration */
    uint64_t changed;      /* height of its last change */
    cairn_hash offered_to; /* who may take it over; zeros: nobody */
} cairn_subject;

/* A row of a batch; what a transaction does not use of it is ignored. */
typedef struct cairn_subject_row {
    cairn_hash pseudonym;
    uint64_t kind;
    uint64_t version; /* expected */
    uint64_t status;  /* to be set */
} cairn_subject_row;

/* NOT_FOUND without a detail when there is none. */
cairn_err cairn_subject_get(const cairn_state_source *state, cairn_arena *arena,
                            const cairn_hash *pseudonym, cairn_subject *ret_subject) CAIRN_MUST_USE;

/* The record from its bytes. */
cairn_err cairn_subject_decode(cairn_arena *arena, cairn_bytes in,
                               cairn_subject *ret_subject) CAIRN_MUST_USE;

/* Bodies in the arena. Rows and pseudonyms may come in any order: they are sorted in place, since
 * the order must tell nothing. */
cairn_err cairn_subject_register_body(cairn_arena *arena, cairn_subject_row *rows, size_t count,
                                      cairn_bytes *ret_body) CAIRN_MUST_USE;
cairn_err cairn_subject_status_body(cairn_arena *arena, cairn_subject_row *rows, size_t count,
                                    cairn_bytes *ret_body) CAIRN_MUST_USE;
/* Offers devices to another organisation; to its own takes the offer back. */
cairn_err cairn_subject_offer_body(cairn_arena *arena, cairn_subject_row *rows, size_t count,
                                   const cairn_hash *to, cairn_bytes *ret_body) CAIRN_MUST_USE;
/* For subject.rotate and subject.accept: `fresh` holds as many new pseudonyms as there are rows.
 * Which became which is nobody's to know. */
cairn_err cairn_subject_replace_body(cairn_arena *arena, cairn_subject_row *rows, size_t count,
                                     cairn_hash *fresh, cairn_bytes *ret_body) CAIRN_MUST_USE;

/* --- pseudonyms: made off the ledger, by the controller alone --- */

enum { CAIRN_PSEUDONYM_KEY_SIZE = 32 };

/* HMAC-SHA-256 under the organisation's pseudonym key over the ledger, the counterpart or context
 * that it is for, a rotation number and the subject's own identifier. Without the key nobody can
 * tell, not even by trying all identifiers, whose it is, nor that two of different contexts are one
 * subject's. BAD_VALUE for an empty or overlong (256 bytes) context or identifier.
 * Source: RFC 2104; inputs are length-prefixed (docs/formats/identity.md). */
cairn_err cairn_pseudonym_derive(const uint8_t key[CAIRN_PSEUDONYM_KEY_SIZE],
                                 const cairn_hash *ledger, cairn_bytes context, uint32_t rotation,
                                 cairn_bytes identifier, cairn_hash *ret_pseudonym) CAIRN_MUST_USE;

/* The pseudonym key of one ledger from an organisation's master secret (at least 32 bytes; lives in
 * the vault or the key process): HKDF-SHA-256 (RFC 5869) with the organisation and the ledger in
 * `info`. The result is the caller's to wipe. */
cairn_err cairn_pseudonym_key_derive(cairn_bytes master, const cairn_hash *org,
                                     const cairn_hash *ledger,
                                     uint8_t ret_key[CAIRN_PSEUDONYM_KEY_SIZE]) CAIRN_MUST_USE;

/* --- grants: a service key signs on a subject's behalf --- */

typedef struct cairn_grant {
    cairn_hash org;
    cairn_schema_list scopes; /* of cairn_bytes, sorted */
    uint64_t expires_ms;
    uint64_t version;
    uint64_t since; /* height at which this version was set */
    bool revoked;
} cairn_grant;

cairn_err cairn_grant_set_body(cairn_arena *arena, const cairn_hash *subject, const cairn_hash *kid,
                               const cairn_bytes *scopes, size_t scope_count, uint64_t expires_ms,
                               uint64_t expected_version, cairn_bytes *ret_body) CAIRN_MUST_USE;
cairn_err cairn_grant_revoke_body(cairn_arena *arena, const cairn_hash *subject,
                                  const cairn_hash *kid, uint64_t expected_version,
                                  cairn_bytes *ret_body) CAIRN_MUST_USE;

/* NOT_FOUND without a detail when there is none. */
cairn_err cairn_grant_get(const cairn_state_source *state, cairn_arena *arena,
                          const cairn_hash *subject, const cairn_hash *kid,
                          cairn_grant *ret_grant) CAIRN_MUST_USE;

/* The record from its bytes; scopes are views of them. */
cairn_err cairn_grant_decode(cairn_arena *arena, cairn_bytes in,
                             cairn_grant *ret_grant) CAIRN_MUST_USE;

/* Whether the key may sign for the subject with this scope now: NOT_FOUND without a grant, CLOSED
 * when it or the key was revoked or the subject is not active, EXPIRED, TX_FORBIDDEN without the
 * scope. `height` is the next block's, `now_ms` its time. */
cairn_err cairn_grant_check(const cairn_state_source *state, cairn_arena *arena,
                            const cairn_hash *subject, const cairn_hash *kid, cairn_bytes scope,
                            uint64_t height, uint64_t now_ms) CAIRN_MUST_USE;

/* --- anchors of status lists --- */

typedef enum cairn_list_format {
    CAIRN_LIST_BITSTRING = 1, /* W3C Bitstring Status List v1.0 */
    CAIRN_LIST_TOKEN = 2,     /* IETF Token Status List */
    CAIRN_LIST_CRL = 3,       /* RFC 5280 */
} cairn_list_format;

typedef struct cairn_list_anchor {
    uint64_t format;
    cairn_hash hash; /* SHA-256 of the list as it is served */
    uint64_t version;
    uint64_t expires_ms;
    uint64_t height;
} cairn_list_anchor;

/* What a list is called on the ledger: SHA-256 of the URI that it is served under. */
void cairn_list_id(cairn_bytes uri, cairn_hash *ret_list);

/* `version` is the anchored one plus 1, from 1 on. */
cairn_err cairn_list_anchor_body(cairn_arena *arena, const cairn_hash *list,
                                 cairn_list_format format, const cairn_hash *hash, uint64_t version,
                                 uint64_t expires_ms, cairn_bytes *ret_body) CAIRN_MUST_USE;

/* NOT_FOUND without a detail when there is none. */
cairn_err cairn_list_anchor_get(const cairn_state_source *state, cairn_arena *arena,
                                const cairn_hash *org, const cairn_hash *list,
                                cairn_list_anchor *ret_anchor) CAIRN_MUST_USE;

/* The record from its bytes. */
cairn_err cairn_list_record_decode(cairn_arena *arena, cairn_bytes in,
                                   cairn_list_anchor *ret_anchor) CAIRN_MUST_USE;

/* Whether `served` is the anchored list and still current: MISMATCH, EXPIRED. [X1353-R51] */
cairn_err cairn_list_anchor_check(const cairn_list_anchor *anchor, cairn_bytes served,
                                  uint64_t now_ms) CAIRN_MUST_USE;

/* --- the certificate authority of an organisation, as those keep it who run it (identity/ca/ca.h)
 * ---
 */

/* The ledger on which a CA says what it did. `submit` signs, submits and waits; it returns the
 * verdict's code. All of it outlives the keeper. */
typedef struct cairn_ca_ledger {
    cairn_state_source state; /* the newest; without `get`: the ledger cannot be read here, and
                                 nobody is asked whether the CA may issue */
    void *context;
    cairn_err (*submit)(void *context, uint16_t type, cairn_bytes body);
} cairn_ca_ledger;

typedef struct cairn_ca_keeper_setup {
    const char *directory;   /* of the CA */
    cairn_hash organisation; /* zero: whichever it is */
    cairn_clock clock;
    cairn_signer *signer;
    cairn_ca_ledger ledger;
} cairn_ca_keeper_setup;

typedef struct cairn_ca_keeper cairn_ca_keeper;

/* Opens a CA that was made (cairn_ca_open without a name). NOT_FOUND when there is none; as
 * cairn_ca_open. */
cairn_err cairn_ca_keeper_open(const cairn_ca_keeper_setup *setup,
                               cairn_ca_keeper **ret_keeper) CAIRN_MUST_USE;
/* Waits for OCSP answers that are under way. Takes NULL. */
void cairn_ca_keeper_close(cairn_ca_keeper *keeper);
CAIRN_DEFINE_CLEANUP(cairn_ca_keeper, cairn_ca_keeper_close)

/* Borrowed. */
struct cairn_ca *cairn_ca_keeper_ca(cairn_ca_keeper *keeper);

/* Does what is due: cairn_ca_maintain, with a record.anchor for each commitment, then an
 * identity.list.anchor for each revocation list that the ledger does not have as it is served.
 * Waits for signer, disk and ledger. The first failure, after everything else was tried. Tells
 * when to call again: wall clock. One thread. */
cairn_err cairn_ca_keeper_tend(cairn_ca_keeper *keeper, uint64_t *ret_next_ms) CAIRN_MUST_USE;

/* PEM of the issuing certificate, then of the root, then of earlier issuing ones that have not
 * ended. */
cairn_err cairn_ca_chain_pem(struct cairn_ca *ca, cairn_arena *arena,
                             cairn_bytes *ret_pem) CAIRN_MUST_USE;

/* The issuing CA's key, or an earlier one of it, a new reference, whose subject key identifier is
 * `key_id`; the newest if that is empty. Any
 * thread. NOT_FOUND. */
cairn_err cairn_ca_issuer_key(struct cairn_ca *ca, cairn_bytes key_id,
                              cairn_key **ret_key) CAIRN_MUST_USE;
/* The key of an organisation that the ledger knows with the purpose issue and whose subject key
 * identifier (RFC 7093 method 1) this is, a new reference; whether it is still valid is not asked.
 * For CAs that are elsewhere. NOT_FOUND. */
cairn_err cairn_ca_registered_key(const cairn_state_source *state, const cairn_hash *org,
                                  cairn_bytes key_id, cairn_key **ret_key) CAIRN_MUST_USE;
/* Whether a certificate with this serial (content of the INTEGER) is refused: it was revoked, or
 * this CA never issued it. Any thread; does not wait. */
cairn_err cairn_ca_is_refused(struct cairn_ca *ca, cairn_bytes serial,
                              bool *ret_refused) CAIRN_MUST_USE;

/* --- validators --- */

/* By approval: who holds the key takes part in consensus with that power, instead of any earlier
 * key of his; 0: no longer. */
cairn_err cairn_validator_set_body(cairn_arena *arena, const cairn_hash *kid, uint64_t power,
                                   cairn_bytes *ret_body) CAIRN_MUST_USE;

/* One of two votes that cannot both be honest. */
typedef struct cairn_evidence_vote {
    cairn_bytes block; /* hash of the header, 32 bytes; empty for no block */
    uint64_t part_count;
    cairn_bytes parts_hash; /* 32 bytes, or empty with `block` */
    uint64_t seconds;       /* when it was signed */
    uint64_t nanoseconds;
    cairn_bytes signature; /* 64 bytes */
} cairn_evidence_vote;

typedef struct cairn_evidence {
    cairn_hash kid; /* of the validator's key */
    cairn_bytes chain_id;
    uint64_t type; /* 1 prevote, 2 precommit */
    uint64_t height;
    uint64_t round;
    cairn_evidence_vote votes[2];
} cairn_evidence;

cairn_err cairn_validator_evidence_body(cairn_arena *arena, const cairn_evidence *evidence,
                                        cairn_bytes *ret_body) CAIRN_MUST_USE;

/* The same from what the engine shows: finds whose key it is, among the keys that members have or
 * had. Views of `votes` and `chain_id`. NOT_FOUND for a key of nobody's; BAD_VALUE for a time
 * before 1970. */
struct cairn_double_vote; /* ledger/consortium/double_vote.h */
cairn_err cairn_validator_evidence_of(const cairn_state_source *state, cairn_arena *arena,
                                      const struct cairn_double_vote *votes, cairn_bytes chain_id,
                                      cairn_evidence *ret_evidence) CAIRN_MUST_USE;

#endif
