/* The ledger's word to a device: records of one block, proved, and what follows from them. Bytes:
 * docs/formats/ledger-word.md. [X1353-R18] Any thread. */
#ifndef CAIRN_ONBOARD_LEDGER_WORD_H
#define CAIRN_ONBOARD_LEDGER_WORD_H

#include "cairn/verify.h"
#include "onboard/onboard.h"

enum {
    CAIRN_LEDGER_WORD_SIZE_MAX = 49152,
    CAIRN_LEDGER_WORD_RECORDS_MAX = 16,
    CAIRN_LEDGER_WORD_PART_SIZE_MAX = 8192, /* bytes of a value, and of its proof */
};

typedef struct cairn_ledger_word_record {
    cairn_bytes key;
    bool present;
    cairn_bytes value; /* empty when absent */
    cairn_bytes proof; /* ICS-23 */
} cairn_ledger_word_record;

/* Views into the encoded word; receipts are in the arena. */
typedef struct cairn_ledger_word {
    cairn_hash salt;
    size_t count;
    cairn_ledger_word_record records[CAIRN_LEDGER_WORD_RECORDS_MAX]; /* keys rise */
    cairn_proof_end end;
} cairn_ledger_word;

/* With the encoded receipts of the block entry, or none and word->end.commit_raw. The records are
 * put in order. In the arena. Fails when it would not decode again. */
cairn_err cairn_ledger_word_encode(cairn_arena *arena, cairn_ledger_word *word,
                                   const cairn_bytes *receipts, size_t count,
                                   cairn_bytes *ret_encoded) CAIRN_MUST_USE;
cairn_err cairn_ledger_word_decode(cairn_arena *arena, cairn_bytes encoded,
                                   cairn_ledger_word *ret_word) CAIRN_MUST_USE;

/* What the device knows by itself. */
typedef struct cairn_ledger_word_facts {
    cairn_fdo_guid guid;
    cairn_bytes owner_key;        /* encoded PublicKey that proved itself in this run */
    const cairn_fdo_nonce *setup; /* NonceTO2SetupDv: its anchor must be proved; NULL: not asked */
    uint64_t time_ms;             /* 0: no clock, and then `setup` is needed */
    uint64_t age_max_ms;          /* of the block, by that clock */
} cairn_ledger_word_facts;

typedef struct cairn_ledger_word_verdict {
    uint64_t height;
    uint64_t time_ms; /* of the block */
    cairn_device device;
    bool has_contract;
    cairn_contract contract;
} cairn_ledger_word_verdict;

/* All checks of the page. BAD_PROOF: a record is not proved, or one that is needed is not there;
 * what cairn_verify_proof_end gives; EXPIRED: the block is too old; EARLY: it is of the future;
 * ARGUMENT: no clock and no nonce; NOT_FOUND: the nonce is not anchored, or there is no such
 * device; TX_FORBIDDEN: another one owns it; what cairn_onboard_check gives. */
cairn_err cairn_ledger_word_verify(cairn_arena *arena, const cairn_ledger_word *word,
                                   const cairn_trust *trust, const cairn_ledger_word_facts *facts,
                                   cairn_ledger_word_verdict *ret_verdict) CAIRN_MUST_USE;

/* A sign key of the organisation, out of a word that was verified: BAD_PROOF when it is not in it,
 * NOT_FOUND, TX_FORBIDDEN (another's), TX_WRONG_PURPOSE, TX_REVOKED_SIGNER. */
cairn_err cairn_ledger_word_key(cairn_arena *arena, const cairn_ledger_word *word,
                                const cairn_hash *org, const cairn_hash *kid,
                                cairn_key **ret_key) CAIRN_MUST_USE;

/* The keys that a word about this device needs, for who makes one: reads the records at a view to
 * find them. `setup` as above. At most CAIRN_LEDGER_WORD_RECORDS_MAX: the operator's newest sign
 * keys when he has many. NOT_FOUND. */
cairn_err cairn_ledger_word_keys(cairn_arena *arena, const cairn_state_source *state,
                                 const cairn_hash *index, const cairn_fdo_nonce *setup,
                                 cairn_state_key ret_keys[CAIRN_LEDGER_WORD_RECORDS_MAX],
                                 size_t *ret_count) CAIRN_MUST_USE;

#endif
