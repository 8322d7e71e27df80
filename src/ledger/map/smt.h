/* The state map: an authenticated, ordered-by-path map whose root anybody can recompute.
 *
 * Hashing (docs/formats/state.md) is that of ICS-23's SmtSpec, so that stock verifiers accept its
 * proofs; the root depends on the content alone, never on its history. A *version* is immutable:
 * one writer derives the next one by path copying, and any number of readers keep the version that
 * they hold. In memory there is a binary trie whose leaves are buckets of a few dozen keys; keys
 * and values lie in a *base* (LMDB for the engine), overlaid by the records that changed since the
 * base was last written. Whatever is read from the base is checked against the trie, so that
 * damaged or newer content is never served.
 *
 * Order for readers: take the version first, then open the base's snapshot. The writer retires a
 * version before the base moves past it.
 * Threads: update, clean, load and retire belong to the one writer; all else may run anywhere.
 * Source: house; hashing: ICS-23 SmtSpec. */
#ifndef CAIRN_LEDGER_SMT_H
#define CAIRN_LEDGER_SMT_H

#include "cairn/arena.h"
#include "cairn/bytes.h"

typedef struct cairn_smt cairn_smt;

/* One key as it lies in the base or in a delta. */
typedef struct cairn_smt_leaf {
    const cairn_hash *path;
    const cairn_hash *hash; /* leaf hash; NULL when the key was removed */
    cairn_bytes key;
    cairn_bytes value;
} cairn_smt_leaf;

typedef cairn_err (*cairn_smt_visit)(void *visit_ctx, const cairn_smt_leaf *leaf);

/* Where keys and values lie. One snapshot for the duration of a call; one thread at a time. */
typedef struct cairn_smt_base {
    void *ctx;
    /* Visits, in path order, the leaves whose path begins with the first `bits` bits of `prefix`.
     * Their views stay valid until the call into the map that caused the scan returns. An error of
     * `visit` ends the scan and is returned as it is. */
    cairn_err (*scan)(void *ctx, const cairn_hash *prefix, unsigned bits, cairn_smt_visit visit,
                      void *visit_ctx);
    /* Path of a key; NULL for SHA-256. Tests craft colliding paths with it. */
    void (*path)(cairn_bytes key, cairn_hash *ret_path);
} cairn_smt_base;

typedef struct cairn_smt_change {
    cairn_bytes key;   /* 1 to 256 bytes */
    cairn_bytes value; /* 1 to 65,535 bytes; ignored when removing */
    bool remove;
    cairn_hash path; /* set by cairn_smt_sort */
} cairn_smt_change;

/* A version without keys; its root is 32 zero bytes. NO_MEMORY. */
cairn_err cairn_smt_new(cairn_smt **ret_version) CAIRN_MUST_USE;

/* One more reference on `version`, which is returned; any thread. */
cairn_smt *cairn_smt_hold(cairn_smt *version);

/* Gives a reference back; the last one frees what no other version shares. Takes NULL; any thread.
 */
void cairn_smt_free(cairn_smt *version);
CAIRN_DEFINE_CLEANUP(cairn_smt, cairn_smt_free)

const cairn_hash *cairn_smt_root(const cairn_smt *version);

/* Keys in `version`. */
uint64_t cairn_smt_count(const cairn_smt *version);

/* Records that changed since the base was last written, tombstones included. */
uint64_t cairn_smt_dirty_count(const cairn_smt *version);

/* Says that a newer version exists and the base may move past this one: a mismatch is then
 * VIEW_EXPIRED instead of CORRUPT. The writer, before it writes the base. */
void cairn_smt_retire(cairn_smt *version);

/* Leaf hash of a key's path and value: SHA-256(0x00 ‖ path ‖ SHA-256(value)). */
void cairn_smt_leaf_hash(const cairn_hash *path, cairn_bytes value, cairn_hash *ret_hash);

/* Fills the paths of `changes` and orders them by path. ARGUMENT when a key or value has a wrong
 * size or a key occurs twice. */
cairn_err cairn_smt_sort(const cairn_smt_base *base, cairn_smt_change *changes,
                         size_t count) CAIRN_MUST_USE;

/* The version that follows `old` by `changes` (sorted by cairn_smt_sort), written at `height`.
 * Removing what is absent and writing what is there change nothing. On failure `old` is whole and
 * nothing is leaked. Errors: CORRUPT (the base disagrees with `old`), NO_MEMORY, TOO_MANY (2^32
 * keys), and those of the base. The caller owns the result. */
cairn_err cairn_smt_update(const cairn_smt *old, const cairn_smt_base *base,
                           const cairn_smt_change *changes, size_t count, uint64_t height,
                           cairn_smt **ret_version) CAIRN_MUST_USE;

/* Value of `key`, checked against the root and copied to `arena`. NOT_FOUND without a detail when
 * absent; CORRUPT, or VIEW_EXPIRED when the version is retired; NO_MEMORY; those of the base. */
cairn_err cairn_smt_get(const cairn_smt *version, const cairn_smt_base *base, cairn_bytes key,
                        cairn_arena *arena, cairn_bytes *ret_value) CAIRN_MUST_USE;

typedef struct cairn_smt_proof {
    bool exists;
    cairn_bytes value; /* empty when absent */
    cairn_bytes ics23; /* encoded CommitmentProof of existence or absence */
} cairn_smt_proof;

/* Proof that `key` has its value or is absent, in `arena`. Errors as cairn_smt_get, but absence is
 * a proof. Source: ICS-23; size bound: docs/formats/state.md. */
cairn_err cairn_smt_prove(const cairn_smt *version, const cairn_smt_base *base, cairn_bytes key,
                          cairn_arena *arena, cairn_smt_proof *ret_proof) CAIRN_MUST_USE;

/* Visits in path order the records written above height `since`: the sorted batch of a checkpoint.
 * A removed key has hash NULL and no value. An error of `visit` ends the walk and is returned. */
cairn_err cairn_smt_each_dirty(const cairn_smt *version, uint64_t since, cairn_smt_visit visit,
                               void *visit_ctx) CAIRN_MUST_USE;

/* The same content as `old` without the records that the base holds durably (height <=
 * durable_height), in the slice of the key space whose paths begin with the `bits` high bits of
 * `slice`: called once for each of the 2^bits slices, it spreads the work of forgetting. bits is 0
 * to 16. NO_MEMORY; `old` is whole then. The caller owns the result. */
cairn_err cairn_smt_clean(const cairn_smt *old, uint64_t durable_height, uint32_t slice,
                          unsigned bits, cairn_smt **ret_version) CAIRN_MUST_USE;

/* Rebuilds the map by one scan of `base`, recomputing every path and leaf hash. CORRUPT names the
 * first record whose stored hash, path or order is wrong; the caller compares the root. */
cairn_err cairn_smt_load(const cairn_smt_base *base, cairn_smt **ret_version) CAIRN_MUST_USE;

#endif
