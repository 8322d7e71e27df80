/* What members of a ledger tell each other about its roots: a member's signature over the root that
 * it computed, as its receipts carry it, and who may give one. Bytes: docs/formats/cosignature.md.
 * Any thread. */
#ifndef CAIRN_LEDGER_CONSORTIUM_COSIGNATURE_H
#define CAIRN_LEDGER_CONSORTIUM_COSIGNATURE_H

#include "cairn/note.h"
#include "cairn/receipt.h"
#include "ledger/engine.h"
#include "ledger/registry.h"

enum {
    CAIRN_COSIGNATURE_SIGNATURE_SIZE = 64,
    CAIRN_COSIGNATURE_SIZE_MAX = 1 + 20 + 3 * 9 + 2 * 34 + 66, /* bytes, encoded */
    CAIRN_MEMBER_NOTE_NAME_SIZE = CAIRN_RECEIPT_ORIGIN_SIZE_MAX + 1 + 64,
};

/* A log of `size` entries, and the block entry that closes it. */
typedef struct cairn_boundary {
    uint64_t size;
    uint64_t height;
    uint64_t time_ms;
    cairn_hash root;
} cairn_boundary;

typedef struct cairn_cosignature {
    cairn_boundary boundary;
    cairn_hash kid;
    uint8_t signature[CAIRN_COSIGNATURE_SIGNATURE_SIZE];
} cairn_cosignature;

/* Strict decoding: the codes of cbor.h. */
cairn_err cairn_cosignature_decode(cairn_bytes in,
                                   cairn_cosignature *ret_cosignature) CAIRN_MUST_USE;
/* In `out`; returns its size. Never fails for what decodes again. */
size_t cairn_cosignature_encode(const cairn_cosignature *cosignature,
                                uint8_t out[CAIRN_COSIGNATURE_SIZE_MAX]);

/* What the key `kid` signs for receipts of a log with this boundary. In the arena. */
cairn_err cairn_cosignature_message(cairn_arena *arena, const char *origin,
                                    const cairn_boundary *boundary, const cairn_hash *kid,
                                    cairn_bytes *ret_message) CAIRN_MUST_USE;

/* BAD_ALGORITHM when the key is not for ES256, BAD_SIGNATURE. */
cairn_err cairn_cosignature_verify(cairn_arena *arena, const char *origin,
                                   const cairn_cosignature *cosignature,
                                   const cairn_key *key) CAIRN_MUST_USE;

/* What the engine itself has at that size. UNAVAILABLE when it has not got there yet, BAD_VALUE
 * when no block ends there, CORRUPT when tiles are missing. The arena is for scratch. */
cairn_err cairn_boundary_of(cairn_engine *engine, cairn_arena *arena, uint64_t size,
                            cairn_boundary *ret_boundary) CAIRN_MUST_USE;

/* --- who --- */

/* The owner of the cosign key `kid`, and a reference to it: an active member whose key has no end
 * and is not suspect; else NOT_TRUSTED. The errors of reading the state. */
cairn_err cairn_member_cosigner(const cairn_state_source *state, const cairn_hash *kid,
                                cairn_hash *ret_org, cairn_key **ret_key) CAIRN_MUST_USE;

/* Calls `fn` for each such Ed25519 key, borrowed, until it returns an error, which is then
 * returned. */
typedef cairn_err (*cairn_member_note_key_fn)(void *context, const cairn_hash *org, cairn_key *key);
cairn_err cairn_member_each_note_key(const cairn_state_source *state, cairn_member_note_key_fn fn,
                                     void *context) CAIRN_MUST_USE;

/* The name in a member's cosignature lines: the origin, '/', its id in hex. */
void cairn_member_note_name(const char *origin, const cairn_hash *org,
                            char ret_name[CAIRN_MEMBER_NOTE_NAME_SIZE + 1]);

#endif
