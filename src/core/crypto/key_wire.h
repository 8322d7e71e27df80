/* What the node and the key process say to each other: frames, requests and replies, as bytes and
 * back. Every decoder is strict: a field out of its range or a byte too many is an error, and ends
 * the connection. Bytes: docs/formats/keyd.md. Source: house. */
#ifndef CAIRN_CORE_CRYPTO_KEY_WIRE_H
#define CAIRN_CORE_CRYPTO_KEY_WIRE_H

#include "cairn/key.h"
#include "core/limits.h"

enum {
    CAIRN_KEY_WIRE_VERSION = 1,
    CAIRN_KEY_FRAME_HEAD_SIZE = 4,     /* u32 size of what follows */
    CAIRN_KEY_REQUEST_HEAD_SIZE = 128, /* bytes that hold a frame head and all but the body */
    CAIRN_KEY_REQUEST_SIZE_MAX = CAIRN_KEY_REQUEST_HEAD_SIZE + CAIRN_SIGNER_MESSAGE_SIZE_MAX,
    CAIRN_KEY_REPLY_HEAD_SIZE = 16, /* frame head, id, code */
    CAIRN_KEY_PUBLIC_SIZE_MAX = 97, /* type and point */
    CAIRN_KEY_LIST_SIZE_MAX =
        CAIRN_SIGNER_KEYS_MAX * (2 + CAIRN_SIGNER_NAME_SIZE_MAX + CAIRN_KEY_PUBLIC_SIZE_MAX),
    CAIRN_KEY_REPLY_SIZE_MAX = CAIRN_KEY_REPLY_HEAD_SIZE + CAIRN_KEY_LIST_SIZE_MAX,
    CAIRN_KEY_DETAIL_SIZE_MAX = 511,
};

typedef enum cairn_key_op {
    CAIRN_KEY_OP_PING = 1,
    CAIRN_KEY_OP_LIST = 2,
    CAIRN_KEY_OP_SIGN = 3,
    CAIRN_KEY_OP_GENERATE = 4,
    CAIRN_KEY_OP_EPOCH_CREATE = 5,
    CAIRN_KEY_OP_EPOCH_EXISTS = 6,
    CAIRN_KEY_OP_EPOCH_WRAP = 7,
    CAIRN_KEY_OP_EPOCH_UNWRAP = 8,
    CAIRN_KEY_OP_EPOCH_DESTROY = 9,
    CAIRN_KEY_OP_REOPEN = 10, /* looks for keys again, then as LIST */
} cairn_key_op;

/* One request. Which fields it has depends on `op`; the others are zero. */
typedef struct cairn_key_request {
    uint64_t id; /* from 1: the reply has the same */
    cairn_key_op op;
    uint32_t purposes;                         /* SIGN: bits of CAIRN_SIGNER_FOR_* */
    char name[CAIRN_SIGNER_NAME_SIZE_MAX + 1]; /* SIGN, GENERATE */
    cairn_key_type type;                       /* GENERATE */
    cairn_hash vault;                          /* EPOCH_* */
    uint64_t epoch;                            /* EPOCH_*, from 1 */
    cairn_bytes body;                          /* SIGN: message; WRAP: 32 bytes; UNWRAP: 60 */
} cairn_key_request;

/* One reply. */
typedef struct cairn_key_reply {
    uint64_t id; /* 0: the greeting */
    cairn_err err;
    cairn_bytes body; /* of a failure: its detail, printable ASCII */
} cairn_key_reply;

/* What the key process says first. */
typedef struct cairn_key_greeting {
    bool memory_locked; /* its pages are never written to swap */
    bool filtered;      /* by seccomp */
    uint8_t landlock;   /* ABI in force, 0 for none */
} cairn_key_greeting;

/* One key of a list. */
typedef struct cairn_key_row {
    char name[CAIRN_SIGNER_NAME_SIZE_MAX + 1];
    cairn_key_type type;
    cairn_bytes point;
} cairn_key_row;

/* Size of the first frame of `in`, head included, or 0 when `in` ends before its end. TOO_LARGE
 * above `size_max`, head included; BAD_VALUE for an empty one. */
cairn_err cairn_key_frame_size(cairn_bytes in, size_t size_max, size_t *ret_size) CAIRN_MUST_USE;

/* The frame's head and the request up to its body, which the caller sends after it. */
size_t cairn_key_request_encode(const cairn_key_request *request,
                                uint8_t out[CAIRN_KEY_REQUEST_HEAD_SIZE]);
/* From a frame without its head; `body` points into it. TRUNCATED, TRAILING, BAD_VALUE. */
cairn_err cairn_key_request_decode(cairn_bytes in, cairn_key_request *ret_request) CAIRN_MUST_USE;

/* The frame's head, the id and the code; the caller sends the body after it. */
void cairn_key_reply_encode(const cairn_key_reply *reply, uint8_t out[CAIRN_KEY_REPLY_HEAD_SIZE]);
cairn_err cairn_key_reply_decode(cairn_bytes in, cairn_key_reply *ret_reply) CAIRN_MUST_USE;

enum { CAIRN_KEY_GREETING_SIZE = 3 };
void cairn_key_greeting_encode(const cairn_key_greeting *greeting,
                               uint8_t out[CAIRN_KEY_GREETING_SIZE]);
cairn_err cairn_key_greeting_decode(cairn_bytes in,
                                    cairn_key_greeting *ret_greeting) CAIRN_MUST_USE;

/* A public key as type and point; the size. BAD_VALUE, BAD_KEY. */
size_t cairn_key_public_encode(const cairn_key *key, uint8_t out[CAIRN_KEY_PUBLIC_SIZE_MAX]);
cairn_err cairn_key_public_decode(cairn_bytes in, cairn_key **ret_key) CAIRN_MUST_USE;

/* A row of a list: u8 size of the name, name, u8 size of the key, key. `out` has room for 2 +
 * CAIRN_SIGNER_NAME_SIZE_MAX + CAIRN_KEY_PUBLIC_SIZE_MAX bytes. */
size_t cairn_key_row_encode(const char *name, const cairn_key *key, uint8_t *out);
/* Takes the first row off `list`. TRUNCATED, BAD_VALUE. */
cairn_err cairn_key_row_decode(cairn_bytes *list, cairn_key_row *ret_row) CAIRN_MUST_USE;

#endif
