/* The transaction: what an organisation says to a ledger. Bytes: docs/formats/transaction.md.
 *
 * A decoded transaction is a set of views into the input. Decoding makes every check that needs
 * neither state nor key; who may say what is for the ledger. */
#ifndef CAIRN_TRANSACTION_H
#define CAIRN_TRANSACTION_H

#include "cairn/arena.h"
#include "cairn/bytes.h"
#include "cairn/key.h"

enum {
    CAIRN_TX_SIGNATURE_SIZE = 64,
    CAIRN_TX_FIRST_BYTE = 0xd2, /* tells a transaction from the log's other entries */
    CAIRN_TX_PROTECTED_SIZE = 38,
    CAIRN_TX_FEATURE_TYPES = 256, /* type numbers of one feature; the ledger itself has the first */
};

#define CAIRN_TIME_MAX_MS ((UINT64_C(1) << 53) - 1)

/* Type number = feature number × 256 + act; acts from 16 on need an approval. */
typedef enum cairn_tx_type {
    CAIRN_TX_APPROVAL_PROPOSE = 1,
    CAIRN_TX_APPROVAL_APPROVE = 2,
    CAIRN_TX_APPROVAL_WITHDRAW = 3,
    CAIRN_TX_PARAMS_SET = 16,
    CAIRN_TX_POLICY_SET = 17,
    CAIRN_TX_KEY_ADD = 257,
    CAIRN_TX_KEY_REVOKE = 258,
    CAIRN_TX_KEY_ROTATE = 259,
    CAIRN_TX_SUBJECT_REGISTER = 260,
    CAIRN_TX_SUBJECT_STATUS = 261,
    CAIRN_TX_SUBJECT_ROTATE = 262,
    CAIRN_TX_SUBJECT_OFFER = 263,
    CAIRN_TX_SUBJECT_ACCEPT = 264,
    CAIRN_TX_GRANT_SET = 265,
    CAIRN_TX_GRANT_REVOKE = 266,
    CAIRN_TX_LIST_ANCHOR = 267,
    CAIRN_TX_VALIDATOR_EVIDENCE = 268,
    CAIRN_TX_ORG_ADMIT = 272,
    CAIRN_TX_ORG_STATUS = 273,
    CAIRN_TX_ORG_ROLES = 274,
    CAIRN_TX_VALIDATOR_SET = 275,
    CAIRN_TX_DEVICE_REGISTER = 513,
    CAIRN_TX_DEVICE_TRANSFER = 514,
    CAIRN_TX_DEVICE_CLAIM = 515,
    CAIRN_TX_DEVICE_ANNOUNCE = 516,
    CAIRN_TX_DEVICE_EVENT = 517,
    CAIRN_TX_DEVICE_ONBOARDED = 518,
    CAIRN_TX_DEVICE_RENEW = 519,
    CAIRN_TX_CONTRACT_PROPOSE = 520,
    CAIRN_TX_CONTRACT_ACCEPT = 521,
    CAIRN_TX_CONTRACT_END = 522,
    CAIRN_TX_DEVICE_BAR = 528,
    CAIRN_TX_ANCHOR = 769,
} cairn_tx_type;

typedef struct cairn_tx {
    cairn_bytes raw;           /* all of it: the log entry */
    cairn_bytes protected_raw; /* content of the protected header */
    cairn_hash kid;            /* thumbprint of the signing key */
    cairn_bytes payload;       /* the signed payload */
    cairn_hash ledger;
    uint16_t type;
    uint64_t valid_until_ms;
    cairn_bytes body; /* one encoded CBOR map */
    cairn_bytes signature;
    cairn_hash id; /* SHA-256 of the Sig_structure */
} cairn_tx;

/* What is to be said, before it is signed. */
typedef struct cairn_tx_draft {
    cairn_hash ledger;
    cairn_hash kid;
    uint16_t type;
    uint64_t valid_until_ms;
    cairn_bytes body; /* one encoded CBOR map in deterministic encoding */
} cairn_tx_draft;

/* Strict decoding. TOO_LARGE above 65,535 bytes; BAD_ALGORITHM; else the codes of cbor.h, each
 * naming the field. The body is only known to be one deterministic map. Does not allocate. */
cairn_err cairn_tx_decode(cairn_bytes in, cairn_tx *ret_tx) CAIRN_MUST_USE;

/* The bytes to sign for a draft, in the arena: for an asynchronous signer. */
cairn_err cairn_tx_to_be_signed(cairn_arena *arena, const cairn_tx_draft *draft,
                                cairn_bytes *ret_message) CAIRN_MUST_USE;

/* The finished transaction: draft and its signature (64 bytes, low s). In the arena. */
cairn_err cairn_tx_assemble(cairn_arena *arena, const cairn_tx_draft *draft, cairn_bytes signature,
                            cairn_bytes *ret_tx) CAIRN_MUST_USE;

/* Both at once with a private key at hand. */
cairn_err cairn_tx_sign(cairn_arena *arena, const cairn_tx_draft *draft, const cairn_key *key,
                        cairn_bytes *ret_tx) CAIRN_MUST_USE;

/* HIGH_S or BAD_SIGNATURE, else the signature is `key`'s. The arena is for scratch. */
cairn_err cairn_tx_verify(cairn_arena *arena, const cairn_tx *tx,
                          const cairn_key *key) CAIRN_MUST_USE;

#endif
