/* The genesis: first entry of a log, from which the ledger's id and its first state follow.
 * Bytes: docs/formats/block-entry.md. */
#ifndef CAIRN_LEDGER_GENESIS_H
#define CAIRN_LEDGER_GENESIS_H

#include "cairn/key.h"
#include "ledger/delta.h"
#include "ledger/params.h"
#include "ledger/registry.h"

enum {
    CAIRN_GENESIS_FIRST_BYTE = 0x87,
    CAIRN_GENESIS_SIZE_MAX = 65535,
    CAIRN_ORIGIN_SIZE = 6 + 64, /* "cairn/" and 64 hex digits, without the NUL */
};

typedef struct cairn_genesis_key {
    cairn_purpose purpose;
    cairn_bytes cose_key;
} cairn_genesis_key;

typedef struct cairn_genesis_member {
    cairn_bytes name;
    size_t key_count;
    cairn_genesis_key keys[CAIRN_ORG_KEYS_MAX];
} cairn_genesis_member;

typedef struct cairn_genesis {
    cairn_bytes name; /* of the ledger */
    uint64_t created_ms;
    uint8_t nonce[16];
    cairn_params params;
    size_t member_count;
    cairn_genesis_member *members;
} cairn_genesis;

/* Into the arena; views stay in `in`. Besides the schema: names, that each member's first key is
 * for signing, and that the ledger can live by the parameters (cairn_params_check). */
cairn_err cairn_genesis_decode(cairn_arena *arena, cairn_bytes in,
                               cairn_genesis *ret_genesis) CAIRN_MUST_USE;
cairn_err cairn_genesis_encode(cairn_arena *arena, const cairn_genesis *genesis,
                               cairn_bytes *ret_encoded) CAIRN_MUST_USE;

/* SHA-256("cairn/ledger/1\0" ‖ genesis bytes). */
void cairn_ledger_id(cairn_bytes genesis, cairn_hash *ret_ledger);

/* "cairn/" and the id in hex, with a NUL. */
void cairn_ledger_origin(const cairn_hash *ledger, char ret_origin[CAIRN_ORIGIN_SIZE + 1]);

/* Writes the first state and configuration. BAD_KEY when a key is none, or a signing key not P-256;
 * EXISTS when one appears twice. */
cairn_err cairn_genesis_apply(const cairn_genesis *genesis, cairn_delta *delta) CAIRN_MUST_USE;

#endif
