/* The light client of a CometBFT chain: is this header one that the chain's validators committed,
 * by an earlier header that is trusted? And the proof that a log entry follows from such a header.
 *
 * Nothing here reads a network or a clock. Decoded structures are views into the input and memory
 * of the arena; beyond it only OpenSSL allocates, for one key at a time. Signatures are verified by
 * OpenSSL, stricter than the ZIP-215 rules of the engine. Any thread. Sources: CometBFT v0.38.25
 * (types/, light/); bytes and order of the checks: docs/formats/commit-proof.md. */
#ifndef CAIRN_LIGHT_CLIENT_H
#define CAIRN_LIGHT_CLIENT_H

#include "cairn/arena.h"
#include "cairn/bytes.h"
#include "cairn/cbor.h"

enum {
    CAIRN_LIGHT_CHAIN_ID_SIZE_MAX = 50,
    CAIRN_LIGHT_APP_HASH_SIZE_MAX = 64,
    CAIRN_LIGHT_ADDRESS_SIZE = 20,
    CAIRN_LIGHT_SIGN_BYTES_MAX = 192,
    CAIRN_LIGHT_VALIDATORS_MAX = 256,
    CAIRN_LIGHT_BLOCKS_MAX = 64,
    CAIRN_LIGHT_CLOCK_DRIFT_MS = 10000, /* how far ahead of our clock a header may be */
    CAIRN_LIGHT_BLOCK_PROTOCOL = 11,    /* of CometBFT 0.38 to 0.40 */
    CAIRN_COMMIT_PROOF_SIZE_MAX = 512 << 10,
};

#define CAIRN_LIGHT_POWER_MAX ((uint64_t)INT64_MAX / 8)   /* of a whole set */
#define CAIRN_LIGHT_SECONDS_MIN INT64_C(-62135596800)     /* year 1 */
#define CAIRN_LIGHT_SECONDS_MAX INT64_C(253402300799)     /* end of the year 9999 */
#define CAIRN_LIGHT_PERIOD_MAX_MS UINT64_C(3155760000000) /* 100 years */

/* Since 1970, UTC. */
typedef struct cairn_light_time {
    int64_t seconds;
    uint32_t nanoseconds; /* below 10^9 */
} cairn_light_time;

/* The parts in which a block is gossiped. */
typedef struct cairn_light_parts {
    uint32_t count;
    cairn_bytes hash; /* 32 bytes or none */
} cairn_light_parts;

/* All fields of a header, in the order in which they are hashed. Hashes have 32 bytes or none. */
typedef struct cairn_light_header {
    uint64_t block_version;
    uint64_t app_version;
    cairn_bytes chain_id; /* 1 to 50 bytes */
    uint64_t height;      /* 1 to INT64_MAX */
    cairn_light_time time;
    cairn_bytes last_block_hash;
    cairn_light_parts last_block_parts;
    cairn_bytes last_commit_hash;
    cairn_bytes data_hash;
    cairn_bytes validators_hash; /* never empty */
    cairn_bytes next_validators_hash;
    cairn_bytes consensus_hash;
    cairn_bytes app_hash; /* 0 to 64 bytes: after the block before this one */
    cairn_bytes last_results_hash;
    cairn_bytes evidence_hash;
    cairn_bytes proposer_address; /* 20 bytes */
} cairn_light_header;

typedef struct cairn_light_validator {
    const uint8_t *public_key; /* Ed25519, 32 bytes */
    uint64_t power;
} cairn_light_validator;

/* In the order in which they are hashed and vote. */
typedef struct cairn_light_set {
    size_t count;
    const cairn_light_validator *validators;
} cairn_light_set;

/* A precommit for the block. */
typedef struct cairn_light_vote {
    const uint8_t *signature; /* 64 bytes; NULL when this validator did not vote for the block */
    cairn_light_time time;
} cairn_light_vote;

/* Commits to the header that it comes with. */
typedef struct cairn_light_commit {
    uint32_t round;
    cairn_light_parts parts;
    size_t vote_count;
    const cairn_light_vote *votes; /* one for each validator of the header's set */
} cairn_light_commit;

/* What is trusted, or becomes so: a header, and its validators. */
typedef struct cairn_light_state {
    cairn_light_header header;
    cairn_light_set validators;
} cairn_light_state;

typedef struct cairn_light_block {
    cairn_light_state state;
    cairn_light_commit commit;
} cairn_light_block;

typedef struct cairn_light_rules {
    uint64_t trusting_period_ms; /* how long after its time a trusted header vouches for others */
    uint64_t clock_drift_ms;
    cairn_light_time now;
} cairn_light_rules;

/* A trust file's header: what a commit proof starts from. Its validators are those of its
 * validators_hash. */
typedef struct cairn_light_anchor {
    cairn_light_state state;
    uint64_t trusting_period_ms;
} cairn_light_anchor;

/* Negative, zero or positive as `a` is before, at or after `b`. */
int cairn_light_time_compare(cairn_light_time a, cairn_light_time b);
cairn_light_time cairn_light_time_of_ms(uint64_t wall_ms);
/* Milliseconds since 1970, rounded down; 0 for times before. */
uint64_t cairn_light_time_to_ms(cairn_light_time time);

/* The id of the chain that goes on with a ledger after its block of `height`
 * (docs/formats/identity.md, Validators), and whether an id is one of that ledger's chains. */
void cairn_light_chain_id(const cairn_hash *ledger, uint64_t height,
                          char ret_id[CAIRN_LIGHT_CHAIN_ID_SIZE_MAX + 1]);
bool cairn_light_chain_is_of(cairn_bytes chain_id, const cairn_hash *ledger);

/* The hash by which a header is known: RFC 6962 tree over its 14 fields. */
void cairn_light_header_hash(const cairn_light_header *header, cairn_hash *ret_hash);

/* The hash that headers name a set by. */
void cairn_light_set_hash(const cairn_light_set *set, cairn_hash *ret_hash);

/* BAD_VALUE unless there is a validator, every power is 1 to POWER_MAX, and their sum too; TOO_MANY
 * above VALIDATORS_MAX; DUPLICATE_KEY. */
cairn_err cairn_light_set_check(const cairn_light_set *set, uint64_t *ret_total) CAIRN_MUST_USE;

/* What a validator of the chain signed who voted at `time` for the header with `hash`. Returns the
 * size. */
size_t cairn_light_sign_bytes(const cairn_light_header *header, const cairn_hash *hash,
                              const cairn_light_commit *commit, cairn_light_time time,
                              uint8_t ret_bytes[CAIRN_LIGHT_SIGN_BYTES_MAX]);

/* Whether `block` follows from `trusted`, adjacent or skipping, by the rules. The trusted set may
 * be that of the trusted header's validators_hash or of its next_validators_hash (ARGUMENT when it
 * is neither). Errors in the order of the checks: what check_period gives; BAD_PROOF (another
 * chain, not higher, not later, another set, another number of votes); EARLY (from the future);
 * what set_check gives; BAD_PROOF (adjacent, and not the next validators); NOT_TRUSTED (skipping,
 * and not more than a third of the trusted power voted for it: a block between may help); BAD_PROOF
 * (not more than two thirds voted for it); BAD_KEY, BAD_SIGNATURE of a vote that was needed. */
cairn_err cairn_light_verify(const cairn_light_state *trusted, const cairn_light_rules *rules,
                             const cairn_light_block *block, cairn_hash *ret_hash) CAIRN_MUST_USE;

/* TRUST_EXPIRED when the trusting period of `trusted` is over, EARLY when it is from the future. */
cairn_err cairn_light_check_period(const cairn_light_state *trusted,
                                   const cairn_light_rules *rules) CAIRN_MUST_USE;

/* A block, and header and validators as two items, are the next of the reader; arrays go to the
 * arena. BAD_VALUE and the codes of cbor.h. Whether set and votes are the header's is not checked.
 */
cairn_err cairn_light_block_read(cairn_arena *arena, cairn_cbor_reader *reader,
                                 cairn_light_block *ret_block) CAIRN_MUST_USE;
void cairn_light_block_put(cairn_cbor_writer *writer, const cairn_light_block *block);
cairn_err cairn_light_state_read(cairn_arena *arena, cairn_cbor_reader *reader,
                                 cairn_light_state *ret_state) CAIRN_MUST_USE;
void cairn_light_state_put(cairn_cbor_writer *writer, const cairn_light_state *state);

/* The anchor as one item. Also what set_check gives, and BAD_PROOF when the set is not that of the
 * header's validators_hash. */
cairn_err cairn_light_anchor_read(cairn_arena *arena, cairn_cbor_reader *reader,
                                  cairn_light_anchor *ret_anchor) CAIRN_MUST_USE;
void cairn_light_anchor_put(cairn_cbor_writer *writer, const cairn_light_anchor *anchor);

/* A log entry's place, and the light blocks from an anchor to the header that holds its log. */
typedef struct cairn_commit_proof {
    uint64_t size;          /* entries of the log */
    uint64_t index;         /* of the entry, below size */
    const cairn_hash *path; /* from the leaf up */
    size_t path_count;
    size_t block_count;
    const cairn_light_block *blocks;
} cairn_commit_proof;

/* What a commit proof says when it holds. */
typedef struct cairn_commit_verdict {
    const cairn_light_header *header; /* in the proof, or the anchor's: its log holds the entry */
    cairn_hash header_hash;
    size_t validator_count; /* of that header */
} cairn_commit_verdict;

/* Strict decoding of all levels; everything but bytes is in the arena. TOO_LARGE; BAD_VALUE; else
 * the codes of cbor.h. */
cairn_err cairn_commit_proof_decode(cairn_arena *arena, cairn_bytes in,
                                    cairn_commit_proof *ret_proof) CAIRN_MUST_USE;

/* Encoded in the arena. Fails when it would not decode again. */
cairn_err cairn_commit_proof_encode(cairn_arena *arena, const cairn_commit_proof *proof,
                                    cairn_bytes *ret_encoded) CAIRN_MUST_USE;

/* Whether `entry` (the bytes of a log entry) is in the log that the anchor's chain committed. The
 * errors of cairn_light_verify; BAD_PROOF when the path has another length than index and size ask
 * for, or leads to another app_hash than the last header's. */
cairn_err cairn_commit_proof_verify(const cairn_commit_proof *proof, cairn_bytes entry,
                                    const cairn_light_anchor *anchor, cairn_light_time now,
                                    cairn_commit_verdict *ret_verdict) CAIRN_MUST_USE;

#endif
