/* Where a follower gets a ledger from: checkpoints, tiles of hashes and block records, none of
 * which is believed. Behind it lies a member's node, or a test that lies. Source: house. */
#ifndef CAIRN_LEDGER_FOLLOW_SOURCE_H
#define CAIRN_LEDGER_FOLLOW_SOURCE_H

#include <stdatomic.h>

#include "cairn/note.h"
#include "core/net/tls.h"
#include "core/store/block_log.h"
#include "ledger/log/tile.h"

enum {
    /* An answer of records: one of the largest block, or several smaller ones. */
    CAIRN_SOURCE_RECORDS_SIZE_MAX = CAIRN_BLOCK_LOG_PAYLOAD_SIZE_MAX + 16,
    CAIRN_SOURCE_ARENA_SIZE_MAX = 64 << 20, /* for one answer */
};

/* UNREACHABLE when there is no answer, or one that says no; TOO_LARGE, CANCELLED, NO_MEMORY. What
 * is returned lies in the arena. One thread at a time. */
typedef struct cairn_source {
    void *context;
    const char *name; /* for people: its URL */
    /* The signed note; `wait`: with other members' signatures, which the source gathers first. */
    cairn_err (*checkpoint)(void *context, cairn_arena *arena, bool wait, cairn_bytes *ret_note);
    /* The bytes of a hash tile, of any size. */
    cairn_err (*tile)(void *context, cairn_arena *arena, const cairn_tile *tile,
                      cairn_bytes *ret_file);
    /* Block records from `height` on: a CBOR sequence of byte strings. */
    cairn_err (*records)(void *context, cairn_arena *arena, uint64_t height,
                         cairn_bytes *ret_sequence);
} cairn_source;

/* Its tiles as proofs are made of them; what is read lies in the arena, and MISMATCH is a tile of
 * another size. */
typedef struct cairn_source_tiles {
    const cairn_source *source;
    cairn_arena *arena;
} cairn_source_tiles;
cairn_merkle_source cairn_source_merkle(cairn_source_tiles *tiles);

/* --- a node --- */

enum { CAIRN_SOURCE_URL_SIZE_MAX = 512 };

/* What it takes to call a member's node; borrowed for the source's life. */
typedef struct cairn_source_node {
    const char *url;                    /* without a path: https://host:port */
    cairn_hash ledger;                  /* which of its ledgers */
    const char *ca_file;                /* as in cairn_http_call */
    const char *token_file;             /* holds an access token, read for each call; or NULL */
    const cairn_tls_identity *identity; /* or NULL */
    uint32_t timeout_ms;                /* of one call */
    const _Atomic bool *cancelled;      /* or NULL */
} cairn_source_node;

cairn_source cairn_source_of_node(cairn_source_node *node);

#endif
