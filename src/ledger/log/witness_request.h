/* The body of add-checkpoint, by which a log asks a witness for its cosignature, and the answers.
 * Source: C2SP tlog-witness; docs/formats/log.md. */
#ifndef CAIRN_LEDGER_WITNESS_REQUEST_H
#define CAIRN_LEDGER_WITNESS_REQUEST_H

#include "cairn/merkle.h"
#include "cairn/note.h"

enum {
    CAIRN_WITNESS_PROOF_MAX = 63, /* hashes of a consistency proof in a request */
    /* bytes of a body: old line, proof lines, empty line, signed note */
    CAIRN_WITNESS_REQUEST_SIZE_MAX = 25 + CAIRN_WITNESS_PROOF_MAX * 45 + 1 + CAIRN_NOTE_SIZE_MAX,
};

typedef struct cairn_witness_request {
    uint64_t old_size; /* of the checkpoint that the witness cosigned last, as the log believes */
    size_t proof_count;
    cairn_hash proof[CAIRN_WITNESS_PROOF_MAX];
    cairn_bytes signed_note;
    cairn_note note;             /* signed_note, parsed; nothing is verified */
    cairn_checkpoint checkpoint; /* note.text, parsed */
} cairn_witness_request;

/* Parses a body, of which the request keeps views. TOO_LARGE, TOO_MANY proof lines, TRUNCATED
 * without an empty line, BAD_VALUE for an old line or a proof line that is none, and what
 * cairn_note_parse and cairn_checkpoint_parse refuse. All of it is "400 Bad Request". */
cairn_err cairn_witness_request_parse(cairn_bytes body,
                                      cairn_witness_request *ret_request) CAIRN_MUST_USE;

/* Body for a signed note and the proof (`count` hashes, else TOO_MANY) from old_size to it. */
cairn_err cairn_witness_request_format(cairn_arena *arena, uint64_t old_size,
                                       const cairn_hash *proof, size_t count,
                                       cairn_bytes signed_note,
                                       cairn_bytes *ret_body) CAIRN_MUST_USE;

/* Body of the answer 409: the size that the witness knows, and a newline. BAD_VALUE for anything
 * else. */
cairn_err cairn_witness_size_parse(cairn_bytes body, uint64_t *ret_size) CAIRN_MUST_USE;
cairn_err cairn_witness_size_format(cairn_arena *arena, uint64_t size,
                                    cairn_bytes *ret_body) CAIRN_MUST_USE;

#endif
