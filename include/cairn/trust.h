/* The trust file: whom a verifier believes about a ledger, and how many of them must agree. Public
 * keys alone. Bytes: docs/formats/trust.md. */
#ifndef CAIRN_TRUST_H
#define CAIRN_TRUST_H

#include "cairn/arena.h"
#include "cairn/bytes.h"
#include "cairn/key.h"
#include "cairn/light_client.h"

enum {
    CAIRN_TRUST_SIZE_MAX = 8 << 20, /* bytes, encoded */
    CAIRN_TRUST_MEMBERS_MAX = 128,
    CAIRN_TRUST_KEYS_MAX = 256, /* of one member */
    CAIRN_TRUST_NAME_SIZE_MAX = 64,
};

#define CAIRN_TRUST_OPEN UINT64_MAX /* `until` or `suspect` of a key that has none */

typedef enum cairn_trust_purpose {
    CAIRN_TRUST_SIGN = 1,   /* transactions; P-256 */
    CAIRN_TRUST_COSIGN = 3, /* receipts (P-256) or checkpoints (Ed25519) */
} cairn_trust_purpose;

typedef struct cairn_trust_key {
    cairn_trust_purpose purpose;
    cairn_bytes cose_key;
    uint64_t since;   /* first height at which it is good */
    uint64_t until;   /* first height at which it no longer is */
    uint64_t suspect; /* from this height on its owner does not vouch for it */
    cairn_hash kid;   /* set by decoding */
    cairn_key *key;   /* set by decoding, owned by the trust */
} cairn_trust_key;

typedef struct cairn_trust_member {
    cairn_hash org;
    cairn_bytes name; /* printable ASCII (docs/formats/block-entry.md, State records) */
    size_t key_count;
    cairn_trust_key *keys; /* in the order of their registration */
} cairn_trust_member;

/* A key and who holds it. */
typedef struct cairn_trust_entry {
    const cairn_trust_member *member;
    const cairn_trust_key *key;
} cairn_trust_entry;

typedef struct cairn_trust {
    cairn_hash ledger;
    cairn_bytes origin; /* "cairn/" and the ledger in hex */
    uint64_t threshold; /* k: distinct members that must vouch */
    uint64_t issued_ms;
    uint64_t expires_ms;
    size_t member_count;
    cairn_trust_member *members;      /* sorted by organisation */
    const cairn_light_anchor *anchor; /* where commit proofs start; NULL when there is none */
    size_t cosigner_count; /* members that hold, or held, a cosign key; set by decoding */
    size_t entry_count;
    const cairn_trust_entry *entries; /* sorted by kid; set by decoding */
} cairn_trust;

/* Strict decoding; structures lie in the arena, names and keys are views into `in`, and each key is
 * made ready for use, so that no bad one is found later. The result is to be given to
 * cairn_trust_done before the arena ends. TOO_LARGE; BAD_KEY; DUPLICATE_KEY when a member or a key
 * appears twice; NOT_CANONICAL when members are not sorted; BAD_VALUE also when the origin is not
 * the ledger's, fewer than k members hold a cosign key, it expires before it was issued, or the
 * heights of a key contradict each other; for an anchor what cairn_light_anchor_read gives; else
 * the codes of cbor.h. */
cairn_err cairn_trust_decode(cairn_arena *arena, cairn_bytes in,
                             cairn_trust *ret_trust) CAIRN_MUST_USE;

/* Frees the keys. Takes NULL and a zeroed trust. */
void cairn_trust_done(cairn_trust *trust);

/* Encoded in the arena, members sorted; `trust->members` may be in any order, and what decoding
 * sets is ignored, the origin too. Fails as decoding would. */
cairn_err cairn_trust_encode(cairn_arena *arena, const cairn_trust *trust,
                             cairn_bytes *ret_encoded) CAIRN_MUST_USE;

/* SHA-256 of the file, for comparing by telephone. */
void cairn_trust_fingerprint(cairn_bytes encoded, cairn_hash *ret_fingerprint);

/* The key with this id, or NULL. */
const cairn_trust_entry *cairn_trust_find(const cairn_trust *trust, const cairn_hash *kid);

/* Members that hold a cosign key which is good at that height: n of a verdict as of it. For those
 * of today: CAIRN_TRUST_OPEN - 1. */
size_t cairn_trust_cosigners_at(const cairn_trust *trust, uint64_t height);

/* since <= height < until. */
bool cairn_trust_key_good_at(const cairn_trust_key *key, uint64_t height);

/* Whether its owner no longer vouches for what it signed at `height`. */
bool cairn_trust_key_suspect_at(const cairn_trust_key *key, uint64_t height);

#endif
