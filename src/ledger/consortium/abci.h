/* The consensus engine's requests and our answers: ABCI 2.0 as CometBFT 0.38 speaks it over a
 * socket. Bytes and numbers: docs/formats/abci.md.
 *
 * A request is decoded into views of its frame; lists lie in the arena. An answer is written as one
 * whole frame, its length in front. */
#ifndef CAIRN_LEDGER_CONSORTIUM_ABCI_H
#define CAIRN_LEDGER_CONSORTIUM_ABCI_H

#include "ledger/consortium/wire.h"

enum {
    CAIRN_ABCI_FRAME_SIZE_MAX = 32 << 20, /* bytes of one request or answer */
    CAIRN_ABCI_BLOCK_SIZE_MAX = 24 << 20, /* of the engine's blocks: each fits into a frame */
    CAIRN_ABCI_ADDRESS_SIZE = 20,
};

/* Numbers of the requests; that of an answer is one more. */
typedef enum cairn_abci_kind {
    CAIRN_ABCI_ECHO = 1,
    CAIRN_ABCI_FLUSH = 2,
    CAIRN_ABCI_INFO = 3,
    CAIRN_ABCI_INIT_CHAIN = 5,
    CAIRN_ABCI_QUERY = 6,
    CAIRN_ABCI_CHECK_TX = 8,
    CAIRN_ABCI_COMMIT = 11,
    CAIRN_ABCI_LIST_SNAPSHOTS = 12,
    CAIRN_ABCI_OFFER_SNAPSHOT = 13,
    CAIRN_ABCI_LOAD_CHUNK = 14,
    CAIRN_ABCI_APPLY_CHUNK = 15,
    CAIRN_ABCI_PREPARE = 16,
    CAIRN_ABCI_PROCESS = 17,
    CAIRN_ABCI_EXTEND_VOTE = 18,
    CAIRN_ABCI_VERIFY_EXTENSION = 19,
    CAIRN_ABCI_FINALIZE = 20,
    CAIRN_ABCI_KIND_LAST = CAIRN_ABCI_FINALIZE,
} cairn_abci_kind;

typedef struct cairn_abci_time {
    int64_t seconds;
    int64_t nanos;
} cairn_abci_time;

typedef struct cairn_abci_validator {
    cairn_bytes ed25519; /* public key, 32 bytes; empty for a key of another kind */
    int64_t power;
} cairn_abci_validator;

typedef struct cairn_abci_vote {
    struct {
        cairn_bytes address;
        int64_t power;
    } validator;
    int64_t block_id_flag; /* 2: signed */
} cairn_abci_vote;

typedef struct cairn_abci_misbehavior {
    int64_t type; /* 1 duplicate vote, 2 attack on light clients */
    struct {
        cairn_bytes address;
        int64_t power;
    } validator;
    int64_t height;
    cairn_abci_time time;
    int64_t total_power;
} cairn_abci_misbehavior;

typedef struct cairn_abci_snapshot {
    uint64_t height;
    uint64_t format;
    uint64_t chunks;
    cairn_bytes hash;
    cairn_bytes metadata;
} cairn_abci_snapshot;

typedef struct cairn_abci_params {
    struct {
        int64_t max_bytes;
        int64_t max_gas;
    } block;
    struct {
        uint64_t app;
    } version;
    struct {
        int64_t vote_extensions_height;
    } abci;
} cairn_abci_params;

/* Prepare, Process and Finalize. */
typedef struct cairn_abci_block {
    int64_t max_tx_bytes; /* Prepare */
    cairn_wire_list txs;  /* cairn_bytes */
    struct {
        int64_t round;
        cairn_wire_list votes; /* cairn_abci_vote; not of Prepare */
    } last_commit;
    cairn_wire_list misbehavior; /* cairn_abci_misbehavior */
    cairn_bytes hash;            /* not of Prepare */
    int64_t height;
    cairn_abci_time time;
    cairn_bytes next_validators_hash;
    cairn_bytes proposer;
} cairn_abci_block;

typedef struct cairn_abci_request {
    cairn_abci_kind kind;
    union {
        struct {
            cairn_bytes message;
        } echo;
        struct {
            cairn_bytes version;
            uint64_t block_version;
            uint64_t p2p_version;
            cairn_bytes abci_version;
        } info;
        struct {
            cairn_abci_time time;
            cairn_bytes chain_id;
            cairn_abci_params params;
            cairn_wire_list validators; /* cairn_abci_validator */
            cairn_bytes app_state;
            int64_t initial_height;
        } init_chain;
        struct {
            cairn_bytes data;
            cairn_bytes path;
            int64_t height;
            bool prove;
        } query;
        struct {
            cairn_bytes tx;
            int64_t type; /* 0 new, 1 checked again */
        } check_tx;
        struct {
            cairn_abci_snapshot snapshot;
            cairn_bytes app_hash;
        } offer;
        struct {
            uint64_t height;
            uint64_t format;
            uint64_t chunk;
        } load_chunk;
        struct {
            uint64_t index;
            cairn_bytes chunk;
            cairn_bytes sender;
        } apply_chunk;
        cairn_abci_block block; /* Prepare, Process, Finalize */
    };
} cairn_abci_request;

/* One request without its length. UNKNOWN_FIELD for a number that is none of ours, and the errors
 * of cairn_wire_read. */
cairn_err cairn_abci_read(cairn_arena *arena, cairn_bytes message,
                          cairn_abci_request *ret_request) CAIRN_MUST_USE;

/* Milliseconds since 1970, rounded down. BAD_VALUE before that, beyond CAIRN_TIME_MAX_MS, and for
 * nanoseconds outside of a second. */
cairn_err cairn_abci_time_ms(const cairn_abci_time *time, uint64_t *ret_ms) CAIRN_MUST_USE;

/* An answer of this kind: fields are written between begin and end. */
typedef struct cairn_abci_answer {
    cairn_wire_writer *writer;
    size_t frame;
    size_t message;
} cairn_abci_answer;
cairn_abci_answer cairn_abci_begin(cairn_wire_writer *writer, cairn_abci_kind kind);
void cairn_abci_end(const cairn_abci_answer *answer);

/* In place of any answer: the engine ends itself on it. */
void cairn_abci_put_exception(cairn_wire_writer *writer, const char *text);

/* A validator's new power, 0 to remove it, as field `number`. */
void cairn_abci_put_validator(cairn_wire_writer *writer, uint32_t number, cairn_bytes ed25519,
                              int64_t power);
/* `height` of the application's version, as field `number` of consensus parameters. */
void cairn_abci_put_app_version(cairn_wire_writer *writer, uint32_t number, uint64_t version);

#endif
