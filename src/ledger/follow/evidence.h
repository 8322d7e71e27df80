/* Evidence that a source, or whoever signs for it, has shown two truths. It is kept in a directory
 * of its own, in texts and in the bytes that were shown, so that a third party can judge. As long
 * as any is there the ledger is not followed, unless it speaks against fewer members than it takes.
 * Source: docs/features/follow.md. */
#ifndef CAIRN_LEDGER_FOLLOW_EVIDENCE_H
#define CAIRN_LEDGER_FOLLOW_EVIDENCE_H

#include "core/store/file.h"
#include "ledger/follow/head.h"

typedef struct cairn_follow_evidence {
    const char *kind; /* "fork" or "block" */
    cairn_hash ledger;
    const char *source;
    uint64_t found_ms;
    const cairn_follow_head *held; /* may lack a note */
    const cairn_follow_head *shown;
    const cairn_follow_proof *proof; /* of a fork */
    cairn_bytes record;              /* of a block: what the log commits to; else empty */
    const char *detail;              /* of a block: what differs; else NULL */
    bool of_few;                     /* it stops nobody from following */
} cairn_follow_evidence;

/* Writes it below `directory`; what is there already is not written again. `ret_name` is its folder
 * there. The errors of writing. */
enum { CAIRN_FOLLOW_EVIDENCE_NAME_SIZE = sizeof "evidence-" + 16 };
cairn_err cairn_follow_evidence_keep(const char *directory, const cairn_follow_evidence *evidence,
                                     char ret_name[CAIRN_FOLLOW_EVIDENCE_NAME_SIZE]) CAIRN_MUST_USE;

/* Is there any that stops? `ret_name` is one of them. NOT_FOUND without a detail; the errors of
 * reading. */
cairn_err cairn_follow_evidence_find(const char *directory,
                                     char ret_name[CAIRN_FOLLOW_EVIDENCE_NAME_SIZE]) CAIRN_MUST_USE;

#endif
