/* The form in which the onboarding's own objects are signed: a tagged COSE_Sign1 with the protected
 * header {1: -7, 4: kid} and an empty unprotected one, ES256 with the low s. The payload is strict
 * CBOR of the object's own. Source: docs/formats/network-profile.md. Any thread. */
#ifndef CAIRN_ONBOARD_SIGNED_OBJECT_H
#define CAIRN_ONBOARD_SIGNED_OBJECT_H

#include "cairn/cose.h"

/* The bytes to sign under the P-256 key `kid`, for a signer that may be elsewhere. */
cairn_err cairn_signed_object_begin(cairn_arena *arena, const cairn_hash *kid, cairn_bytes payload,
                                    cairn_bytes *ret_to_sign) CAIRN_MUST_USE;
/* The message, with the signature (64 bytes) over those. */
cairn_err cairn_signed_object_end(cairn_arena *arena, const cairn_hash *kid, cairn_bytes payload,
                                  cairn_bytes signature, cairn_bytes *ret_message) CAIRN_MUST_USE;

/* The payload of a message of at most `size_max` bytes that this key has signed, a view. `object`
 * names it in refusals: TOO_LARGE; NOT_TRUSTED for a kid that is another's; BAD_VALUE and
 * UNKNOWN_FIELD for other headers; BAD_SIGNATURE, HIGH_S; as cairn_cose_decode. */
cairn_err cairn_signed_object_open(cairn_arena *arena, cairn_bytes message, size_t size_max,
                                   const cairn_key *key, const char *object,
                                   cairn_bytes *ret_payload) CAIRN_MUST_USE;

#endif
