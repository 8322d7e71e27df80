/* What a proof says once it is read: shared by the reader and the verifier of ICS-23. An inner step
 * is kept as what it must be in a binary tree: one sibling and its side. Source: house. */
#ifndef CAIRN_LEDGER_ICS23_IMPL_H
#define CAIRN_LEDGER_ICS23_IMPL_H

#include "cairn/ics23.h"

typedef struct ics23_step {
    const uint8_t *sibling; /* 32 bytes, in the proof */
    bool sibling_is_left;
} ics23_step;

typedef struct ics23_existence {
    cairn_bytes key, value;
    unsigned depth;
    ics23_step steps[CAIRN_ICS23_DEPTH_MAX]; /* from the leaf to the root */
} ics23_existence;

typedef struct ics23_absence {
    cairn_bytes key; /* as the proof names it */
    bool has_left, has_right;
    ics23_existence left, right;
} ics23_absence;

/* Reads one CommitmentProof of the tree `spec`; what it says is not yet checked. Errors as
 * cairn_ics23_verify_exist, without BAD_PROOF. */
cairn_err cairn_ics23_read_existence(const cairn_ics23_spec *spec, cairn_bytes proof,
                                     ics23_existence *ret_exist) CAIRN_MUST_USE;
cairn_err cairn_ics23_read_absence(const cairn_ics23_spec *spec, cairn_bytes proof,
                                   ics23_absence *ret_absent) CAIRN_MUST_USE;

#endif
