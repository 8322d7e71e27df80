/* ICS-23 commitment proofs: that a key has a value under a root, or that it is absent.
 *
 * One strict reader of the protobuf encoding and one verifier, driven by a table of what a tree
 * looks like. Stricter than the reference code where that costs honest proofs nothing: fields in
 * order, shortest varints, nothing unknown, exact prefixes, one proof in a message. A batch is
 * refused; the compressed form is taken for one absence, whose two ways share most of their steps.
 * Allocates nothing, uses up to 25 kB of stack; any thread.
 * Source: ICS-23 (github.com/cosmos/ics23, proofs.proto); docs/formats/state.md. */
#ifndef CAIRN_ICS23_H
#define CAIRN_ICS23_H

#include "cairn/bytes.h"

enum {
    CAIRN_ICS23_DEPTH_MAX = 256,      /* inner nodes from a leaf to the root */
    CAIRN_ICS23_SIZE_MAX = 256 << 10, /* bytes of an encoded proof */
};

/* A binary tree over SHA-256: leaf = H(0x00 ‖ key ‖ H(value)), node = H(0x01 ‖ left ‖ right). */
typedef struct cairn_ics23_spec {
    const char *name;
    unsigned depth_max;
    bool hashed_keys;  /* the leaf holds SHA-256(key), and keys are ordered by it */
    bool sized_fields; /* key and H(value) are each preceded by their size, a varint */
    bool empty_child;  /* 32 zero bytes stand for an empty subtree */
} cairn_ics23_spec;

/* The state map: SmtSpec of ics23 v0.11. A map without keys, whose root is 32 zero bytes, has
 * proofs of absence without neighbours; ICS-23 itself has no form for that. */
extern const cairn_ics23_spec cairn_ics23_smt;
/* The simple Merkle tree of Tendermint and CometBFT: TendermintSpec. */
extern const cairn_ics23_spec cairn_ics23_tendermint;

/* Does `proof` show that `key` has `value` under `root`? Key and value are not empty. Errors:
 * BAD_PROOF when it does not; TRUNCATED, TRAILING, NOT_CANONICAL, MISSING_FIELD, UNKNOWN_FIELD,
 * WRONG_TYPE (another kind of proof), BAD_VALUE (not of this tree), TOO_MANY, TOO_LARGE. */
cairn_err cairn_ics23_verify_exist(const cairn_ics23_spec *spec, const cairn_hash *root,
                                   cairn_bytes key, cairn_bytes value,
                                   cairn_bytes proof) CAIRN_MUST_USE;

/* Does `proof` show that `key` is absent under `root`? Errors as above. */
cairn_err cairn_ics23_verify_absent(const cairn_ics23_spec *spec, const cairn_hash *root,
                                    cairn_bytes key, cairn_bytes proof) CAIRN_MUST_USE;

#endif
