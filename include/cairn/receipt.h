/* Receipts: a member's signature over the log's root with the path from an entry to it (RFC 9942),
 * the statement that carries them (RFC 9943), and the file that somebody keeps.
 *
 * Decoding makes every check that needs no key; what was decoded is views into the input and, where
 * said, memory of the arena. Who is to be believed: cairn/trust.h and cairn/verify.h. Bytes:
 * docs/formats/receipt.md. */
#ifndef CAIRN_RECEIPT_H
#define CAIRN_RECEIPT_H

#include "cairn/arena.h"
#include "cairn/bytes.h"
#include "cairn/key.h"
#include "cairn/light_client.h"
#include "cairn/manifest.h"
#include "cairn/merkle.h"
#include "cairn/transaction.h"

enum {
    CAIRN_RECEIPT_ORIGIN_SIZE_MAX = 70, /* "cairn/" and 64 hex digits */
    CAIRN_RECEIPT_PROTECTED_SIZE_MAX = 160,
    CAIRN_RECEIPT_SIZE_MAX = 2440,
    CAIRN_RECEIPT_COUNT_MAX = 128, /* receipts of one statement */
    CAIRN_STATEMENT_SIZE_MAX = 65535 + 8 + CAIRN_RECEIPT_COUNT_MAX * (CAIRN_RECEIPT_SIZE_MAX + 3),
    CAIRN_RECEIPT_FILE_SIZE_MAX =
        32 + CAIRN_MANIFEST_SIZE_MAX + CAIRN_STATEMENT_SIZE_MAX + CAIRN_COMMIT_PROOF_SIZE_MAX,
};

/* What a member signs: the same for all entries of a log of that size. */
typedef struct cairn_receipt_head {
    cairn_bytes origin; /* the ledger's, 1 to 70 bytes of UTF-8 */
    cairn_hash kid;     /* of the signing key */
    uint64_t height;    /* of the block entry that closes the log of that size */
    uint64_t time_ms;   /* of that block entry */
    uint64_t size;      /* entries of the log */
} cairn_receipt_head;

typedef struct cairn_receipt {
    cairn_receipt_head head;
    cairn_bytes protected_raw; /* content of the protected header: what was signed */
    uint64_t index;            /* of the entry, below head.size */
    const cairn_hash *path;    /* from the leaf up, in the arena */
    size_t path_count;
    cairn_bytes signature; /* 64 bytes */
} cairn_receipt;

/* Strict decoding; the path goes to the arena. TOO_LARGE; BAD_ALGORITHM; BAD_VALUE also when index
 * or size of the proof do not fit the signed size; else the codes of cbor.h. */
cairn_err cairn_receipt_decode(cairn_arena *arena, cairn_bytes in,
                               cairn_receipt *ret_receipt) CAIRN_MUST_USE;

/* The bytes to sign for a log of head->size entries and `root`, in the arena: for an asynchronous
 * signer. BAD_VALUE when the head is outside its ranges. */
cairn_err cairn_receipt_to_be_signed(cairn_arena *arena, const cairn_receipt_head *head,
                                     const cairn_hash *root,
                                     cairn_bytes *ret_message) CAIRN_MUST_USE;

/* The finished receipt of the entry at `index`, whose path has `path_count` hashes, with the
 * signature (64 bytes) over the head. In the arena. */
cairn_err cairn_receipt_assemble(cairn_arena *arena, const cairn_receipt_head *head, uint64_t index,
                                 const cairn_hash *path, size_t path_count, cairn_bytes signature,
                                 cairn_bytes *ret_receipt) CAIRN_MUST_USE;

/* Folds the path from `entry` (the bytes of a log entry) and checks `key`'s signature over the
 * root. BAD_PROOF when the path has not the length that index and size ask for; BAD_ALGORITHM when
 * the key is not for ES256; BAD_SIGNATURE. The arena is for scratch. */
cairn_err cairn_receipt_verify(cairn_arena *arena, const cairn_receipt *receipt, cairn_bytes entry,
                               const cairn_key *key, cairn_hash *ret_root) CAIRN_MUST_USE;

/* A transaction with its receipts, taken apart. All of it lies in the arena or in the input. */
typedef struct cairn_statement {
    cairn_tx tx; /* tx.raw is the log entry, byte for byte */
    size_t receipt_count;
    const cairn_receipt *receipts;
} cairn_statement;

/* Strict decoding of all levels. */
cairn_err cairn_statement_decode(cairn_arena *arena, cairn_bytes in,
                                 cairn_statement *ret_statement) CAIRN_MUST_USE;

/* The transaction `tx` with `count` (1 to 128) encoded receipts, in the arena. Fails when either
 * would not decode again. */
cairn_err cairn_statement_encode(cairn_arena *arena, cairn_bytes tx, const cairn_bytes *receipts,
                                 size_t count, cairn_bytes *ret_statement) CAIRN_MUST_USE;

/* FILE.receipt: the encoded parts, as views. Only the outer array is checked. */
typedef struct cairn_receipt_file {
    cairn_bytes manifest;
    cairn_bytes statement; /* with its receipts; with a commit proof the bare transaction */
    cairn_bytes commit;    /* commit proof of the transaction; empty when there is none */
} cairn_receipt_file;

cairn_err cairn_receipt_file_decode(cairn_bytes in, cairn_receipt_file *ret_file) CAIRN_MUST_USE;
cairn_err cairn_receipt_file_encode(cairn_arena *arena, const cairn_receipt_file *file,
                                    cairn_bytes *ret_encoded) CAIRN_MUST_USE;

#endif
