/* What a list that somebody served says of one credential, and whether it may be believed: signed
 * by a key that the ledger knows, current, and the one that the ledger anchors. The state may be an
 * engine's or a few proofs. Source: Token Status List section 8.3, Bitstring Status List section
 * 3.2; docs/formats/identity.md. */
#ifndef CAIRN_IDENTITY_STATUS_CHECK_H
#define CAIRN_IDENTITY_STATUS_CHECK_H

#include "identity/status/status_form.h"
#include "identity/status/status_list.h"

typedef struct cairn_status_question {
    const cairn_state_source *state;
    const cairn_hash *ledger; /* that the state is of */
    const cairn_hash *org;    /* whose list it must be; NULL: anybody's */
    cairn_bytes uri;          /* where it must be served; empty: where it says */
    uint64_t index;
    uint64_t now_ms;
} cairn_status_question;

/* Filled as far as the check comes, also when it fails. Views lie in the arena or the input. */
typedef struct cairn_status_answer {
    cairn_status_form form; /* 0: not yet known */
    cairn_bytes uri;
    cairn_bytes purpose; /* of a bitstring */
    uint64_t issued_ms, expires_ms;
    bool has_org, is_signed, is_anchored, has_value;
    cairn_hash org, kid;
    cairn_hash list; /* its name on the ledger */
    cairn_list_anchor anchor;
    unsigned bits, value;
} cairn_status_answer;

/* The errors of decoding; then, first failing check first: BAD_VALUE for a key id that is no name
 * of ours; TX_WRONG_LEDGER; MISMATCH (of another organisation, or list); EXPIRED;
 * TX_UNKNOWN_SIGNER, TX_WRONG_PURPOSE, BAD_ALGORITHM, BAD_SIGNATURE; TX_SUSPENDED_SIGNER when the
 * organisation is not active; NOT_TRUSTED when no list of
 * that name is anchored, or by a time at which the key was not valid; MISMATCH and EXPIRED of its
 * anchor [X1353-R51]; DISPUTED when the key is suspect; NOT_FOUND for an index beyond the list. */
cairn_err cairn_status_check(cairn_arena *arena, cairn_bytes served,
                             const cairn_status_question *question,
                             cairn_status_answer *ret_answer) CAIRN_MUST_USE;

#endif
