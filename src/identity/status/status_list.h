/* Status lists: one small number for each credential, compressed, in two wrappings.
 *
 * Sources: W3C Bitstring Status List v1.0 (GZIP, the first entry at the most significant bit, at
 * least 16 KiB, multibase base64url) and IETF Token Status List (draft-ietf-oauth-status-list:
 * ZLIB, the first entry at the least significant bits). A list is anchored on the ledger by the
 * SHA-256 of the bytes that are served (identity.h, cairn_list_anchor_check). */
#ifndef CAIRN_IDENTITY_STATUS_LIST_H
#define CAIRN_IDENTITY_STATUS_LIST_H

#include "cairn/arena.h"
#include "cairn/bytes.h"
#include "cairn/key.h"
#include "core/crypto/jwk.h"

enum {
    CAIRN_STATUS_LIST_SIZE_MAX = 1 << 24,   /* bytes of entries: 2^27 of one bit */
    CAIRN_STATUS_PACKED_SIZE_MAX = 1 << 23, /* bytes of a compressed list that is looked at */
    CAIRN_STATUS_TOKEN_SIZE_MAX = CAIRN_STATUS_PACKED_SIZE_MAX + 4096,
    CAIRN_STATUS_BITSTRING_SIZE_MIN = 16384, /* bytes; fewer entries would tell who is asked for */
    CAIRN_STATUS_JWT_SIZE_MAX = CAIRN_STATUS_PACKED_SIZE_MAX * 2, /* base64url of base64url */
    CAIRN_STATUS_URI_SIZE_MAX = 512,
    CAIRN_STATUS_SKEW_MS = 60 * 1000, /* clocks may differ by so much */
    CAIRN_STATUS_TEXT_SIZE_MAX = 64,  /* a purpose, a DID is bounded by its own limit */
};

typedef enum cairn_status_value {
    CAIRN_STATUS_VALID = 0,
    CAIRN_STATUS_INVALID = 1,   /* revoked, for good */
    CAIRN_STATUS_SUSPENDED = 2, /* needs two bits or more */
} cairn_status_value;

typedef enum cairn_status_order {
    CAIRN_STATUS_TOKEN_ORDER,     /* entry 0 at the least significant bits of byte 0 */
    CAIRN_STATUS_BITSTRING_ORDER, /* entry 0 at the most significant bits of byte 0 */
} cairn_status_order;

/* A list in the open. Its bytes lie in an arena, or are a view when it is only read. */
typedef struct cairn_status_list {
    cairn_status_order order;
    unsigned bits; /* of an entry: 1, 2, 4 or 8 */
    uint8_t *data;
    size_t size; /* bytes */
} cairn_status_list;

/* `count` entries, all VALID, in the arena; rounded up to whole bytes, and to 16 KiB for a
 * bitstring. BAD_VALUE for other bits, TOO_LARGE. */
cairn_err cairn_status_list_new(cairn_arena *arena, cairn_status_order order, unsigned bits,
                                size_t count, cairn_status_list *ret_list) CAIRN_MUST_USE;

size_t cairn_status_list_count(const cairn_status_list *list);

/* NOT_FOUND beyond the list: nothing is then known of that credential, and it is to be refused.
 * BAD_VALUE for a value that does not fit. */
cairn_err cairn_status_list_get(const cairn_status_list *list, uint64_t index,
                                unsigned *ret_value) CAIRN_MUST_USE;
cairn_err cairn_status_list_set(cairn_status_list *list, uint64_t index,
                                unsigned value) CAIRN_MUST_USE;

/* The entries compressed, in the arena: ZLIB or GZIP, as the order asks. The same list gives the
 * same bytes on every machine with this library. */
cairn_err cairn_status_list_pack(cairn_arena *arena, const cairn_status_list *list,
                                 cairn_bytes *ret_packed) CAIRN_MUST_USE;

/* The other way, strict: one stream with the right check sum and nothing behind it, at most
 * CAIRN_STATUS_LIST_SIZE_MAX bytes whatever it claims. TOO_LARGE for more, TRUNCATED, TRAILING,
 * BAD_VALUE; NO_MEMORY when the arena is smaller. A bitstring is at least 16 KiB. */
cairn_err cairn_status_list_unpack(cairn_arena *arena, cairn_status_order order, unsigned bits,
                                   cairn_bytes packed, cairn_status_list *ret_list) CAIRN_MUST_USE;

/* --- Token Status List as CWT --- */

typedef struct cairn_status_token {
    cairn_bytes uri;  /* sub: where it is served */
    uint64_t issued;  /* iat, seconds */
    uint64_t expires; /* exp, seconds; 0: absent */
    uint64_t ttl;     /* seconds; 0: absent */
    cairn_bytes kid;  /* of the signing key, in a JWT printable ASCII; empty: absent */
    unsigned bits;
    cairn_bytes packed;
} cairn_status_token;

/* The StatusList map {"bits": …, "lst": …}. In the arena. */
cairn_err cairn_status_list_cbor(cairn_arena *arena, unsigned bits, cairn_bytes packed,
                                 cairn_bytes *ret_cbor) CAIRN_MUST_USE;

/* What has to be signed for a token (its Sig_structure), and the tagged COSE_Sign1 with the
 * signature: for a signer that answers later. `alg` is a COSE algorithm. In the arena. */
cairn_err cairn_status_token_to_be_signed(cairn_arena *arena, const cairn_status_token *token,
                                          cairn_alg alg, cairn_bytes *ret_message) CAIRN_MUST_USE;
cairn_err cairn_status_token_assemble(cairn_arena *arena, const cairn_status_token *token,
                                      cairn_alg alg, cairn_bytes signature,
                                      cairn_bytes *ret_token) CAIRN_MUST_USE;

/* Reads a token of anybody's: type, claims and list, not its signature. Views of the input. The
 * errors of cbor.h and cose.h; BAD_VALUE for a type that is not application/statuslist+cwt. */
cairn_err cairn_status_token_decode(cairn_bytes in, cairn_status_token *ret_token) CAIRN_MUST_USE;

/* Asks for `uri` and the time: MISMATCH for another list's, EXPIRED. */
cairn_err cairn_status_token_check(const cairn_status_token *token, cairn_bytes uri,
                                   uint64_t now_s) CAIRN_MUST_USE;

/* Decodes, verifies under `key`, and checks: also BAD_SIGNATURE, BAD_ALGORITHM. */
cairn_err cairn_status_token_verify(cairn_arena *arena, cairn_bytes in, const cairn_key *key,
                                    cairn_bytes uri, uint64_t now_s,
                                    cairn_status_token *ret_token) CAIRN_MUST_USE;

/* --- Bitstring Status List as a credential --- */

typedef struct cairn_status_credential {
    cairn_bytes id;      /* URI that it is served under */
    cairn_bytes issuer;  /* a DID */
    cairn_bytes purpose; /* "revocation", "suspension", "message", "refresh" */
    uint64_t valid_from_ms;
    uint64_t valid_until_ms; /* 0: absent */
    uint64_t ttl_ms;         /* 0: absent */
    unsigned bits;           /* statusSize */
} cairn_status_credential;

/* The unsigned credential as JSON, its members in a fixed order: what is anchored, or signed as a
 * JWT payload. In the arena. BAD_TEXT when a text is not UTF-8. */
cairn_err cairn_status_credential_encode(cairn_arena *arena,
                                         const cairn_status_credential *credential,
                                         const cairn_status_list *list,
                                         cairn_bytes *ret_json) CAIRN_MUST_USE;

/* Reads one and unpacks its list; texts and list lie in the arena. BAD_VALUE for what breaks the
 * data model, MISSING_FIELD. */
cairn_err cairn_status_credential_decode(cairn_arena *arena, cairn_bytes json,
                                         cairn_status_credential *ret_credential,
                                         cairn_status_list *ret_list) CAIRN_MUST_USE;

/* Asks for `uri` and the time: MISMATCH for another list's; EXPIRED, also before validFrom. */
cairn_err cairn_status_credential_check(const cairn_status_credential *credential, cairn_bytes uri,
                                        uint64_t now_ms) CAIRN_MUST_USE;

/* --- both as JSON Web Tokens (status_jwt.c) ---
 *
 * The token list with the type statuslist+jwt, the credential as VC-JOSE-COSE has it: the JSON as
 * it is under the type vc+jwt. What is to be signed goes to the signer, and with the signature to
 * cairn_jws_assemble. */

cairn_err cairn_status_jwt_to_be_signed(cairn_arena *arena, const cairn_status_token *token,
                                        cairn_jose_alg alg,
                                        cairn_bytes *ret_message) CAIRN_MUST_USE;

/* Reads a token of anybody's: type, claims and list, not its signature; texts lie in the arena. The
 * errors of jose.h; MISSING_FIELD; BAD_VALUE for a type that is not statuslist+jwt, and for claims
 * outside their range. */
cairn_err cairn_status_jwt_decode(cairn_arena *arena, cairn_bytes in,
                                  cairn_status_token *ret_token) CAIRN_MUST_USE;

/* Decodes, verifies under `key`, and asks for `uri` and the time: as cairn_status_token_verify. */
cairn_err cairn_status_jwt_verify(cairn_arena *arena, cairn_bytes in, const cairn_jwk *key,
                                  cairn_bytes uri, uint64_t now_s,
                                  cairn_status_token *ret_token) CAIRN_MUST_USE;

/* `json` is what cairn_status_credential_encode made; `kid` printable ASCII. */
cairn_err cairn_status_credential_jwt_to_be_signed(cairn_arena *arena, cairn_bytes json,
                                                   cairn_jose_alg alg, const char *kid,
                                                   cairn_bytes *ret_message) CAIRN_MUST_USE;

/* Takes one apart; the credential in it is for cairn_status_credential_decode. BAD_VALUE for a type
 * that is not vc+jwt. */
cairn_err cairn_status_credential_jwt_decode(cairn_arena *arena, cairn_bytes in, char *ret_kid,
                                             size_t kid_room, cairn_bytes *ret_json) CAIRN_MUST_USE;

/* Decodes, verifies under `key`, reads the credential and checks it. */
cairn_err cairn_status_credential_jwt_verify(cairn_arena *arena, cairn_bytes in,
                                             const cairn_jwk *key, cairn_bytes uri, uint64_t now_ms,
                                             cairn_status_credential *ret_credential,
                                             cairn_status_list *ret_list) CAIRN_MUST_USE;

/* The entries that a token's list unpacks to. */
static inline CAIRN_MUST_USE cairn_err cairn_status_token_unpack(cairn_arena *arena,
                                                                 const cairn_status_token *token,
                                                                 cairn_status_list *ret_list)
{
    return cairn_status_list_unpack(arena, CAIRN_STATUS_TOKEN_ORDER, token->bits, token->packed,
                                    ret_list);
}

#endif
