/* Heads of a log: a view with this node's signature over it. Every receipt of a log of that size
 * shares one signature, so a thousand receipts of a block cost one private operation; who wants a
 * head waits until one covers what he asks about. Source: house (ARCHITECTURE, Views). */
#ifndef CAIRN_NODE_HEAD_H
#define CAIRN_NODE_HEAD_H

#include "core/crypto/signer.h"
#include "ledger/engine.h"

typedef enum cairn_head_kind {
    CAIRN_HEAD_RECEIPT,  /* ES256 over the receipt's head (RFC 9942) */
    CAIRN_HEAD_NOTE,     /* Ed25519 over the checkpoint (C2SP) */
    CAIRN_HEAD_COSIGNED, /* the same, behind which other members' lines are */
    CAIRN_HEAD_KIND_COUNT,
} cairn_head_kind;

/* What the receipts of one head share while many of them are made. */
typedef struct cairn_head_paths cairn_head_paths;

/* Another member's signature over the same log. */
typedef struct cairn_head_other {
    cairn_hash kid;
    uint8_t signature[CAIRN_SIGNATURE_SIZE_MAX];
    size_t signature_size;
} cairn_head_other;

/* Immutable, counted, any thread. */
typedef struct cairn_head {
    _Atomic unsigned references;
    cairn_view *view;
    cairn_hash kid;
    uint8_t signature[CAIRN_SIGNATURE_SIZE_MAX];
    size_t signature_size;
    cairn_bytes note;         /* the whole checkpoint, but of kind RECEIPT; owned */
    size_t other_count;       /* of kind RECEIPT; in the note they are lines */
    cairn_head_other *others; /* owned */
    uint64_t fresh_until_ns;  /* CLOCK_MONOTONIC: then somebody may be found who lacks here */
    cairn_head_paths *paths;  /* has a lock of its own */
} cairn_head;

void cairn_head_free(cairn_head *head);
CAIRN_DEFINE_CLEANUP(cairn_head, cairn_head_free)

typedef struct cairn_heads cairn_heads;

/* The key that signs now, by its name at the signer. */
typedef struct cairn_head_key {
    char name[CAIRN_SIGNER_NAME_SIZE_MAX + 1];
    cairn_key *public_key; /* owned */
} cairn_head_key;

typedef struct cairn_heads_setup {
    cairn_head_kind kind;
    cairn_engine *engine;
    cairn_signer *signer; /* borrowed, as the engine */
    const char *origin;   /* borrowed */
    /* Finds the key: a name and a new reference. NOT_FOUND when there is none for this kind. Any
     * thread. */
    cairn_err (*find_key)(void *context, cairn_head_kind kind, cairn_head_key *ret_key);
    void *context;
    /* Asks others for their signatures before anybody is given the head, which is not shared yet:
     * sets `others` or grows `note`, and `fresh_until_ns`; then cairn_heads_gathered, on any
     * thread, now or later. Must not block. NULL: there are no others. */
    void (*gather)(void *context, cairn_heads *heads, cairn_head *head);
    void *gather_context;
} cairn_heads_setup;

/* No signature is made before somebody wants one. NO_MEMORY. */
cairn_err cairn_heads_new(const cairn_heads_setup *setup, cairn_heads **ret_heads) CAIRN_MUST_USE;

/* Nobody waits any more. Takes NULL. */
void cairn_heads_free(cairn_heads *heads);
CAIRN_DEFINE_CLEANUP(cairn_heads, cairn_heads_free)

/* `head` is NULL unless `err` is zero; borrowed for the call. */
typedef void (*cairn_head_fn)(void *context, cairn_err err, const cairn_head *head);

/* Calls `done` once with a head of at least `log_size` entries, or with what prevents it: at once,
 * on this thread, when there is a fresh one; else on the signer's thread, where it must not wait.
 */
void cairn_heads_want(cairn_heads *heads, uint64_t log_size, cairn_head_fn done, void *context);

/* The newest head when it is one of at least `log_size` entries, a reference; else NULL. */
cairn_head *cairn_heads_peek(cairn_heads *heads, uint64_t log_size);

/* The end of `gather`: takes `head` back. */
void cairn_heads_gathered(cairn_heads *heads, cairn_head *head);

/* COSE receipts of `entry`, which is entry `index` of the head's log: this node's, then those of
 * the other members that the head has. The path is checked against the head before it is handed
 * out: CORRUPT when what is stored does not lead there. In the arena. */
typedef struct cairn_receipts {
    size_t count; /* at least 1 */
    const cairn_bytes *list;
} cairn_receipts;
cairn_err cairn_head_receipts(const cairn_head *head, cairn_engine *engine, const char *origin,
                              uint64_t index, cairn_bytes entry, cairn_arena *arena,
                              cairn_receipts *ret_receipts) CAIRN_MUST_USE;

#endif
