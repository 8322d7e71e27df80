/* The offline verifier: does what somebody kept hold, by a trust file alone? No network, no ledger,
 * no clock but the caller's, no threads.
 *
 * A verdict is filled in as far as the checks came, also when the answer is no, so that it can be
 * printed; it is an answer only when CAIRN_OK was returned. It points into the input, the arena and
 * the trust. The detail of a no: cairn_err_detail(). Bytes and order of the checks:
 * docs/formats/receipt.md. */
#ifndef CAIRN_VERIFY_H
#define CAIRN_VERIFY_H

#include "cairn/light_client.h"
#include "cairn/receipt.h"
#include "cairn/refusal.h"
#include "cairn/state_proof.h"
#include "cairn/trust.h"

enum {
    CAIRN_VERIFY_ARENA_SIZE = 768 << 10, /* bytes that suffice for any input; few KiB are usual */
};

/* What a receipt counts for. */
typedef enum cairn_standing {
    CAIRN_STANDING_VOUCHES,
    CAIRN_STANDING_UNKNOWN_KEY,   /* kid is not in the trust file; nothing more was looked at */
    CAIRN_STANDING_OTHER_LEDGER,  /* issued for another origin */
    CAIRN_STANDING_OTHER_PURPOSE, /* the key is not one that signs receipts */
    CAIRN_STANDING_NOT_GOOD_THEN, /* height is outside the key's interval */
    CAIRN_STANDING_SUSPECT,       /* at this height the owner no longer vouches for its key */
} cairn_standing;

typedef struct cairn_finding {
    const cairn_receipt *receipt;
    const cairn_trust_entry *entry; /* who holds the key; NULL when unknown */
    cairn_standing standing;
    cairn_hash root; /* of the log of that size; only when the signature was checked */
} cairn_finding;

/* What the members say about one log entry; or the validators of a consortium, by a commit proof,
 * to whom the trust's anchor leads. */
typedef struct cairn_vouching {
    const cairn_trust *trust; /* ledger, origin, threshold (k) */
    size_t finding_count;
    const cairn_finding *findings;                          /* one per receipt, in their order */
    size_t vouching_count;                                  /* distinct members */
    const cairn_finding *vouching[CAIRN_TRUST_MEMBERS_MAX]; /* each with its lowest height, lowest
                                                             * first */
    const cairn_commit_proof *commit; /* NULL when receipts vouch; then none of the above is set but
                                       * trust */
    cairn_commit_verdict committed;   /* only when the commit proof holds */
    /* Below: only when the threshold is reached, or the commit proof holds. The log of which k
     * members say that the entry is in it: the k-th of `vouching`; or that of the committed header,
     * which is the log as of the height before. The entry is not younger than this. */
    uint64_t height;
    uint64_t time_ms;
    uint64_t size;
    uint64_t index; /* of the entry in the log */
} cairn_vouching;

typedef enum cairn_signer_standing {
    CAIRN_SIGNER_UNKNOWN,  /* not in the trust file: the ledger alone vouches for the signer */
    CAIRN_SIGNER_VERIFIED, /* the signature is that of `signer` */
} cairn_signer_standing;

typedef struct cairn_receipt_verdict {
    cairn_vouching vouching;
    cairn_manifest manifest; /* to be compared with the file: cairn_manifest_check_file */
    cairn_hash commitment;
    cairn_tx tx;    /* tx.kid is the signer's key, tx.id the transaction */
    bool on_behalf; /* of a subject of the signer's, who granted its key that: */
    cairn_hash subject;
    cairn_signer_standing signer_standing;
    const cairn_trust_entry *signer; /* NULL when unknown */
} cairn_receipt_verdict;

/* Checks everything but the file itself. `now_ms` is the verifier's time. Errors, first failing
 * check first: those of decoding; TRUST_EXPIRED; MISMATCH (the transaction does not anchor this
 * manifest); TX_WRONG_LEDGER; for a commit proof NOT_TRUSTED (the trust has no anchor) and what
 * cairn_commit_proof_verify gives; for receipts BAD_PROOF, BAD_SIGNATURE (of any listed key);
 * INCONSISTENT (members say different things of one log, or of the entry's place in it); DISPUTED,
 * NOT_TRUSTED (fewer than k vouch); then, when the trust file knows the signer, TX_WRONG_PURPOSE,
 * HIGH_S, BAD_SIGNATURE, NOT_TRUSTED (its key came later) and DISPUTED (its key is suspect). */
cairn_err cairn_verify_receipt(cairn_arena *arena, cairn_bytes receipt_file,
                               const cairn_trust *trust, uint64_t now_ms,
                               cairn_receipt_verdict *verdict) CAIRN_MUST_USE;

typedef struct cairn_state_verdict {
    cairn_vouching vouching;
    cairn_state_proof proof; /* proof.block_entry holds the height and time that it speaks of */
} cairn_state_verdict;

/* Same for a state proof: decoding; TRUST_EXPIRED; what cairn_state_proof_check gives; then the
 * receipts or the commit proof of the block entry as above; BAD_PROOF also when what vouches has
 * another index or is older than the block. */
cairn_err cairn_verify_state_proof(cairn_arena *arena, cairn_bytes state_proof,
                                   const cairn_trust *trust, uint64_t now_ms,
                                   cairn_state_verdict *verdict) CAIRN_MUST_USE;

typedef struct cairn_refusal_verdict {
    cairn_vouching vouching;
    cairn_refusal_proof proof; /* proof.block_entry holds the height and time of the refusal */
} cairn_refusal_verdict;

/* Same for a refusal proof; BAD_PROOF also when the refusal is not in the block's results. The
 * ledger vouches that it decided so; what the transaction said is not in the proof but for its id.
 */
cairn_err cairn_verify_refusal(cairn_arena *arena, cairn_bytes refusal_proof,
                               const cairn_trust *trust, uint64_t now_ms,
                               cairn_refusal_verdict *verdict) CAIRN_MUST_USE;

/* Same for the end of a proof alone: does the ledger have this block entry? For who checks several
 * records against one. Decoded: TRUST_EXPIRED, then the receipts or the commit proof as above. */
cairn_err cairn_verify_proof_end(cairn_arena *arena, const cairn_proof_end *end,
                                 const cairn_trust *trust, uint64_t now_ms,
                                 cairn_vouching *vouching) CAIRN_MUST_USE;

/* Static word for a verdict in print, such as "vouches". */
const char *cairn_standing_text(cairn_standing standing);

#endif
