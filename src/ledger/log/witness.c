/* The rule by which a witness cosigns. */
#include "ledger/log/witness.h"

#define CLAUSE "C2SP tlog-witness add-checkpoint"

static cairn_witness_status refuse(cairn_witness_status status, cairn_err code, const char *why)
{
    (void)CAIRN_FAIL(code, CLAUSE, "request.%s", why);
    return status;
}

/* At least one trusted key signed, and none of them badly: else NOT_TRUSTED or BAD_SIGNATURE. */
static cairn_err verify(const cairn_witness_log *log, const cairn_note *note)
{
    bool found = false;
    for (size_t i = 0; i < log->key_count; i++) {
        cairn_err err = cairn_note_verify(note, &log->keys[i], NULL);
        if (err != CAIRN_OK && err != CAIRN_ERR_NOT_TRUSTED)
            return err;
        found = found || err == CAIRN_OK;
    }
    if (!found)
        return CAIRN_FAIL(CAIRN_ERR_NOT_TRUSTED, CLAUSE, "request.checkpoint: no trusted key");
    return CAIRN_OK;
}

/* The proof from the last head, which has the old size and, if it has the same size, the same
 * root. */
static cairn_err verify_growth(const cairn_witness_head *head, const cairn_witness_request *request)
{
    const cairn_checkpoint *new = &request->checkpoint;
    if (head->size > 0)
        return cairn_merkle_verify_consistency(head->size, &head->root, new->size, &new->root,
                                               request->proof, request->proof_count);
    if (request->proof_count > 0)
        return CAIRN_FAIL(CAIRN_ERR_BAD_PROOF, CLAUSE, "request.proof: from size 0 it is empty");
    if (new->size == 0 && !cairn_hash_equal(&new->root, &cairn_merkle_empty_root))
        return CAIRN_FAIL(CAIRN_ERR_BAD_PROOF, CLAUSE, "request.root: is not that of no entries");
    return CAIRN_OK;
}

/* What is left when the signature is good. */
static cairn_witness_status judge_growth(const cairn_witness_head *head,
                                         const cairn_witness_request *request)
{
    const cairn_checkpoint *new = &request->checkpoint;
    if (request->old_size > new->size)
        return refuse(CAIRN_WITNESS_BAD_REQUEST, CAIRN_ERR_BAD_VALUE, "old: is above the new size");
    if (request->old_size != head->size)
        return refuse(CAIRN_WITNESS_CONFLICT, CAIRN_ERR_INCONSISTENT, "old: is not the last size");
    if (head->size > 0 && new->size == head->size && !cairn_hash_equal(&new->root, &head->root))
        return refuse(CAIRN_WITNESS_CONFLICT, CAIRN_ERR_INCONSISTENT,
                      "root: differs from the last one of that size");
    if (verify_growth(head, request) != CAIRN_OK)
        return CAIRN_WITNESS_BAD_PROOF;
    return CAIRN_WITNESS_COSIGN;
}

cairn_err cairn_witness_judge(const cairn_witness_log *log, const cairn_witness_head *head,
                              const cairn_witness_request *request,
                              cairn_witness_status *ret_status)
{
    if (log == NULL || !cairn_bytes_equal(log->origin, request->checkpoint.origin)) {
        *ret_status =
            refuse(CAIRN_WITNESS_UNKNOWN_LOG, CAIRN_ERR_NOT_FOUND, "origin: is not followed");
        return CAIRN_OK;
    }
    cairn_err err = verify(log, &request->note);
    if (err == CAIRN_OK)
        *ret_status = judge_growth(head, request);
    else if (err == CAIRN_ERR_NOT_TRUSTED || err == CAIRN_ERR_BAD_SIGNATURE)
        *ret_status = CAIRN_WITNESS_NO_SIGNATURE;
    else
        return err;
    return CAIRN_OK;
}
