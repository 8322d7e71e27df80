/* A witness: cosigns a log's checkpoint only when it extends the one that it cosigned last.
 *
 * cairn_witness_judge is the pure rule. cairn_witness keeps the last heads in a directory and makes
 * a new one durable before anybody can cosign it. Source: C2SP tlog-witness, tlog-cosignature;
 * docs/formats/log.md. */
#ifndef CAIRN_LEDGER_WITNESS_H
#define CAIRN_LEDGER_WITNESS_H

#include "ledger/log/witness_request.h"

enum {
    CAIRN_WITNESS_LOGS_MAX = 4096, /* logs that one witness follows */
};

/* A log that the witness follows. `keys` are those that its operator trusts for this origin. */
typedef struct cairn_witness_log {
    cairn_bytes origin;
    const cairn_vkey *keys;
    size_t key_count;
} cairn_witness_log;

/* The last checkpoint that was cosigned; a size of 0 with the empty root when there is none. */
typedef struct cairn_witness_head {
    uint64_t size;
    cairn_hash root;
} cairn_witness_head;

typedef enum cairn_witness_status { /* HTTP status codes of the answer */
                                    CAIRN_WITNESS_COSIGN = 200,
                                    CAIRN_WITNESS_BAD_REQUEST = 400,
                                    CAIRN_WITNESS_NO_SIGNATURE = 403,
                                    CAIRN_WITNESS_UNKNOWN_LOG = 404,
                                    CAIRN_WITNESS_CONFLICT = 409,
                                    CAIRN_WITNESS_BAD_PROOF = 422,
} cairn_witness_status;

/* Whether `request` may be cosigned, when `head` is the last one of that log. `log` is NULL for an
 * origin that the witness does not follow, else that origin's. On COSIGN the new head is the
 * request's checkpoint, and what is cosigned is request->note.text; cairn_err_detail says why not
 * otherwise. Also refused with NO_SIGNATURE: a signature of a trusted key that does not verify,
 * even beside a good one. An error (NO_MEMORY, CRYPTO) means that nothing was decided. */
cairn_err cairn_witness_judge(const cairn_witness_log *log, const cairn_witness_head *head,
                              const cairn_witness_request *request,
                              cairn_witness_status *ret_status) CAIRN_MUST_USE;

/* The heads of one witness, in the file `heads` of a directory that one process holds. Any thread:
 * a lock inside makes judging and recording one step. */
typedef struct cairn_witness cairn_witness;

/* Opens the directory, which exists, and writes its heads anew, so that what was read is on the
 * disk. NOT_FOUND without heads unless `create`; LOCKED when another process or object holds the
 * directory; CORRUPT when the file is not as it was written; errors of core/store/file.h. A witness
 * whose directory is put back to an older state forgets what it cosigned: nothing here can tell. */
cairn_err cairn_witness_open(const char *directory, bool create,
                             cairn_witness **ret_witness) CAIRN_MUST_USE;
void cairn_witness_free(cairn_witness *witness);
CAIRN_DEFINE_CLEANUP(cairn_witness, cairn_witness_free)

/* Last head of `origin`. */
void cairn_witness_head_of(cairn_witness *witness, cairn_bytes origin,
                           cairn_witness_head *ret_head);

/* Judges, and on COSIGN makes the new head durable before it returns. ret_head is the head
 * afterwards: on CONFLICT its size is the body of the answer. An error means that nothing may be
 * cosigned; after one while recording the witness is READ_ONLY until it is opened again,
 * since nobody knows what the disk holds. TOO_MANY beyond LOGS_MAX logs. */
cairn_err cairn_witness_submit(cairn_witness *witness, const cairn_witness_log *log,
                               const cairn_witness_request *request,
                               cairn_witness_status *ret_status,
                               cairn_witness_head *ret_head) CAIRN_MUST_USE;

#endif
