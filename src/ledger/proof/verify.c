/* The offline verifier. Each check in the order of docs/formats/receipt.md. */
#include "cairn/verify.h"

#include "cairn/cbor.h"
#include "ledger/proof/proof_end.h"

static const char clause[] = "docs/formats/receipt.md, Check";

const char *cairn_standing_text(cairn_standing standing)
{
    static const char *const texts[] = {
        [CAIRN_STANDING_VOUCHES] = "vouches",
        [CAIRN_STANDING_UNKNOWN_KEY] = "is signed by a key that the trust file does not list",
        [CAIRN_STANDING_OTHER_LEDGER] = "is for another ledger",
        [CAIRN_STANDING_OTHER_PURPOSE] = "is signed by a key that does not sign receipts",
        [CAIRN_STANDING_NOT_GOOD_THEN] = "is signed by a key that was not valid at that height",
        [CAIRN_STANDING_SUSPECT] = "is signed by a key that is suspect at that height",
    };
    size_t i = (size_t)standing;
    return i < sizeof texts / sizeof texts[0] ? texts[i] : "unknown";
}

static cairn_err check_expiry(const cairn_trust *trust, uint64_t now_ms)
{
    if (now_ms > trust->expires_ms)
        return CAIRN_FAIL(CAIRN_ERR_TRUST_EXPIRED, "docs/formats/trust.md",
                          "trust.expires: get a fresh trust file");
    return CAIRN_OK;
}

/* What one receipt counts for. A listed key that did not sign it ends everything. */
static cairn_err weigh(cairn_arena *arena, cairn_bytes log_entry, const cairn_trust *trust,
                       const cairn_receipt *receipt, cairn_finding *finding)
{
    const cairn_receipt_head *head = &receipt->head;
    const cairn_trust_entry *entry = cairn_trust_find(trust, &head->kid);
    *finding = (cairn_finding){.receipt = receipt, .entry = entry};
    if (entry == NULL) {
        finding->standing = CAIRN_STANDING_UNKNOWN_KEY;
        return CAIRN_OK;
    }
    if (entry->key->purpose != CAIRN_TRUST_COSIGN ||
        cairn_key_get_type(entry->key->key) != CAIRN_KEY_P256) {
        finding->standing = CAIRN_STANDING_OTHER_PURPOSE;
        return CAIRN_OK;
    }
    if (!cairn_bytes_equal(head->origin, trust->origin)) {
        finding->standing = CAIRN_STANDING_OTHER_LEDGER;
        return CAIRN_OK;
    }
    CAIRN_TRY(cairn_receipt_verify(arena, receipt, log_entry, entry->key->key, &finding->root));
    if (!cairn_trust_key_good_at(entry->key, head->height))
        finding->standing = CAIRN_STANDING_NOT_GOOD_THEN;
    else if (cairn_trust_key_suspect_at(entry->key, head->height))
        finding->standing = CAIRN_STANDING_SUSPECT;
    else
        finding->standing = CAIRN_STANDING_VOUCHES;
    return CAIRN_OK;
}

/* Logs of one size are one log, closed by one block entry; and an entry has one place. */
static cairn_err check_agreement(const cairn_finding *a, const cairn_finding *b)
{
    const cairn_receipt_head *x = &a->receipt->head;
    const cairn_receipt_head *y = &b->receipt->head;
    if (a->receipt->index != b->receipt->index)
        return CAIRN_FAIL(CAIRN_ERR_INCONSISTENT, clause, "receipts.index: they differ");
    if (x->size == y->size && (x->height != y->height || x->time_ms != y->time_ms ||
                               !cairn_hash_equal(&a->root, &b->root)))
        return CAIRN_FAIL(CAIRN_ERR_INCONSISTENT, clause,
                          "receipts: two different logs of %llu entries",
                          (unsigned long long)x->size);
    return CAIRN_OK;
}

/* Puts a finding among those that vouch: one for each member, the lowest height first. */
static void add_vouching(cairn_vouching *v, const cairn_finding *finding)
{
    uint64_t height = finding->receipt->head.height;
    size_t at = 0;
    while (at < v->vouching_count && v->vouching[at]->entry->member != finding->entry->member)
        at++;
    if (at == v->vouching_count)
        v->vouching_count++;
    else if (v->vouching[at]->receipt->head.height <= height)
        return;
    for (; at > 0 && v->vouching[at - 1]->receipt->head.height > height; at--)
        v->vouching[at] = v->vouching[at - 1];
    v->vouching[at] = finding;
}

static cairn_err count_vouching(cairn_vouching *v, bool *ret_suspect)
{
    *ret_suspect = false;
    for (size_t i = 0; i < v->finding_count; i++) {
        const cairn_finding *finding = &v->findings[i];
        *ret_suspect = *ret_suspect || finding->standing == CAIRN_STANDING_SUSPECT;
        if (finding->standing != CAIRN_STANDING_VOUCHES)
            continue;
        for (size_t k = 0; k < i; k++)
            if (v->findings[k].standing == CAIRN_STANDING_VOUCHES)
                CAIRN_TRY(check_agreement(&v->findings[k], finding));
        add_vouching(v, finding);
    }
    return CAIRN_OK;
}

static cairn_err check_threshold(cairn_vouching *v, bool any_suspect)
{
    size_t threshold = (size_t)v->trust->threshold;
    if (v->vouching_count < threshold)
        return CAIRN_FAIL(any_suspect ? CAIRN_ERR_DISPUTED : CAIRN_ERR_NOT_TRUSTED, clause,
                          "receipts: %zu members vouch where %zu must%s", v->vouching_count,
                          threshold, any_suspect ? ", another's key is suspect" : "");
    const cairn_receipt *decisive = v->vouching[threshold - 1]->receipt;
    v->height = decisive->head.height;
    v->time_ms = decisive->head.time_ms;
    v->size = decisive->head.size;
    v->index = decisive->index;
    return CAIRN_OK;
}

/* Does the consortium's chain hold a log with `log_entry` in it? A header's app_hash is that of the
 * block before. */
static cairn_err check_commit(cairn_bytes log_entry, const cairn_commit_proof *commit,
                              uint64_t now_ms, cairn_vouching *v)
{
    v->commit = commit;
    if (v->trust->anchor == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NOT_TRUSTED, "docs/formats/trust.md",
                          "trust.anchor: none, and the proof is the validators' alone");
    if (!cairn_light_chain_is_of(v->trust->anchor->state.header.chain_id, &v->trust->ledger))
        return CAIRN_FAIL(CAIRN_ERR_MISMATCH, "docs/formats/commit-proof.md, Check",
                          "trust.anchor: is a header of another ledger's chain");
    CAIRN_TRY(cairn_commit_proof_verify(commit, log_entry, v->trust->anchor,
                                        cairn_light_time_of_ms(now_ms), &v->committed));
    v->height = v->committed.header->height - 1;
    v->time_ms = cairn_light_time_to_ms(v->committed.header->time);
    v->size = commit->size;
    v->index = commit->index;
    return CAIRN_OK;
}

/* Do enough members say that `log_entry` is in the ledger's log? */
static cairn_err check_receipts(cairn_arena *arena, cairn_bytes log_entry,
                                const cairn_receipt *receipts, size_t count, cairn_vouching *v)
{
    void *memory = NULL;
    cairn_finding *findings;
    bool any_suspect = false;
    CAIRN_TRY(cairn_arena_array(arena, count, sizeof *findings, &memory));
    findings = memory;
    v->findings = findings;
    for (size_t i = 0; i < count; i++) {
        CAIRN_TRY(weigh(arena, log_entry, v->trust, &receipts[i], &findings[i]));
        v->finding_count = i + 1;
    }
    CAIRN_TRY(count_vouching(v, &any_suspect));
    return check_threshold(v, any_suspect);
}

/* The transaction must be record.anchor, `{1: commitment, ? 2: subject}`. */
static cairn_err check_anchor(cairn_receipt_verdict *verdict)
{
    const cairn_tx *tx = &verdict->tx;
    cairn_cbor_reader r;
    cairn_cbor_map map;
    cairn_hash anchored;
    if (tx->type != CAIRN_TX_ANCHOR)
        return CAIRN_FAIL(CAIRN_ERR_MISMATCH, clause, "transaction.type: %u anchors nothing",
                          tx->type);
    CAIRN_TRY(cairn_cbor_open(&r, tx->body, CAIRN_CBOR_STRICT, "transaction.body", clause));
    CAIRN_TRY(cairn_cbor_read_map(&r, "body", &map));
    CAIRN_TRY(cairn_cbor_key(&r, &map, 1, "commitment"));
    CAIRN_TRY(cairn_cbor_read_hash(&r, "commitment", &anchored));
    CAIRN_TRY(cairn_cbor_optional_key(&r, &map, 2, &verdict->on_behalf));
    if (verdict->on_behalf)
        CAIRN_TRY(cairn_cbor_read_hash(&r, "subject", &verdict->subject));
    CAIRN_TRY(cairn_cbor_end_map(&r, &map));
    if (!cairn_hash_equal(&anchored, &verdict->commitment))
        return CAIRN_FAIL(CAIRN_ERR_MISMATCH, clause,
                          "transaction.commitment: not that of the manifest");
    return CAIRN_OK;
}

/* The transaction is not younger than verdict->vouching.height: its key must have been registered
 * by then, and is disputed if it was suspect by then. The ledger checked the rest. */
static cairn_err check_signer(cairn_arena *arena, cairn_receipt_verdict *verdict)
{
    const cairn_vouching *v = &verdict->vouching;
    const cairn_trust_entry *signer = cairn_trust_find(v->trust, &verdict->tx.kid);
    verdict->signer = signer;
    if (signer == NULL)
        return CAIRN_OK;
    if (signer->key->purpose != CAIRN_TRUST_SIGN)
        return CAIRN_FAIL(CAIRN_ERR_TX_WRONG_PURPOSE, clause, "transaction.kid: not for signing");
    CAIRN_TRY(cairn_tx_verify(arena, &verdict->tx, signer->key->key));
    if (signer->key->since > v->height)
        return CAIRN_FAIL(CAIRN_ERR_NOT_TRUSTED, clause,
                          "transaction.kid: registered after the transaction");
    if (cairn_trust_key_suspect_at(signer->key, v->height))
        return CAIRN_FAIL(CAIRN_ERR_DISPUTED, clause,
                          "transaction.kid: the signer's key is suspect at height %llu",
                          (unsigned long long)v->height);
    verdict->signer_standing = CAIRN_SIGNER_VERIFIED;
    return CAIRN_OK;
}

/* The transaction, with the receipts that come in it or the commit proof beside it. */
static cairn_err decode_file(cairn_arena *arena, const cairn_receipt_file *file,
                             cairn_statement *statement, const cairn_commit_proof **ret_commit)
{
    cairn_commit_proof *commit = NULL;
    *ret_commit = NULL;
    if (file->commit.size == 0)
        return cairn_statement_decode(arena, file->statement, statement);
    *statement = (cairn_statement){0};
    CAIRN_TRY(cairn_tx_decode(file->statement, &statement->tx));
    CAIRN_TRY(CAIRN_ARENA_NEW(arena, &commit));
    CAIRN_TRY(cairn_commit_proof_decode(arena, file->commit, commit));
    *ret_commit = commit;
    return CAIRN_OK;
}

cairn_err cairn_verify_receipt(cairn_arena *arena, cairn_bytes receipt_file,
                               const cairn_trust *trust, uint64_t now_ms,
                               cairn_receipt_verdict *verdict)
{
    cairn_receipt_file file;
    cairn_statement statement;
    const cairn_commit_proof *commit = NULL;
    memset(verdict, 0, sizeof *verdict);
    verdict->vouching.trust = trust;
    CAIRN_TRY(cairn_receipt_file_decode(receipt_file, &file));
    CAIRN_TRY(cairn_manifest_decode(file.manifest, &verdict->manifest));
    CAIRN_TRY(decode_file(arena, &file, &statement, &commit));
    verdict->tx = statement.tx;
    cairn_manifest_commitment(file.manifest, &verdict->commitment);
    CAIRN_TRY(check_expiry(trust, now_ms));
    CAIRN_TRY(check_anchor(verdict));
    if (!cairn_hash_equal(&statement.tx.ledger, &trust->ledger))
        return CAIRN_FAIL(CAIRN_ERR_TX_WRONG_LEDGER, clause,
                          "transaction.ledger: not the trust file's");
    CAIRN_TRY(commit != NULL ? check_commit(statement.tx.raw, commit, now_ms, &verdict->vouching)
                             : check_receipts(arena, statement.tx.raw, statement.receipts,
                                              statement.receipt_count, &verdict->vouching));
    return check_signer(arena, verdict);
}

/* The entry names its place and its height; nobody who vouches for it says otherwise. */
static cairn_err check_place(const cairn_block_entry *entry, uint64_t index, uint64_t height,
                             uint64_t time_ms)
{
    if (index != entry->first + entry->count)
        return CAIRN_FAIL(CAIRN_ERR_BAD_PROOF, clause, "proof.index: not the block entry's");
    if (height < entry->height || time_ms < entry->time_ms)
        return CAIRN_FAIL(CAIRN_ERR_BAD_PROOF, clause, "proof: older than the block entry");
    return CAIRN_OK;
}

/* A block entry, by whatever vouches for it. */
static cairn_err check_entry(cairn_arena *arena, const cairn_proof_end *end, uint64_t now_ms,
                             cairn_vouching *v)
{
    if (end->commit != NULL) {
        CAIRN_TRY(check_commit(end->block_entry_raw, end->commit, now_ms, v));
        return check_place(&end->block_entry, v->index, v->height, v->time_ms);
    }
    CAIRN_TRY(check_receipts(arena, end->block_entry_raw, end->receipts, end->receipt_count, v));
    for (size_t i = 0; i < v->vouching_count; i++) {
        const cairn_receipt *receipt = v->vouching[i]->receipt;
        CAIRN_TRY(check_place(&end->block_entry, receipt->index, receipt->head.height,
                              receipt->head.time_ms));
    }
    return CAIRN_OK;
}

cairn_err cairn_verify_proof_end(cairn_arena *arena, const cairn_proof_end *end,
                                 const cairn_trust *trust, uint64_t now_ms,
                                 cairn_vouching *vouching)
{
    memset(vouching, 0, sizeof *vouching);
    vouching->trust = trust;
    CAIRN_TRY(check_expiry(trust, now_ms));
    return check_entry(arena, end, now_ms, vouching);
}

cairn_err cairn_verify_state_proof(cairn_arena *arena, cairn_bytes state_proof,
                                   const cairn_trust *trust, uint64_t now_ms,
                                   cairn_state_verdict *verdict)
{
    cairn_state_proof *proof = &verdict->proof;
    memset(verdict, 0, sizeof *verdict);
    verdict->vouching.trust = trust;
    CAIRN_TRY(cairn_state_proof_decode(arena, state_proof, proof));
    CAIRN_TRY(check_expiry(trust, now_ms));
    CAIRN_TRY(cairn_state_proof_check(proof));
    return check_entry(arena, &proof->end, now_ms, &verdict->vouching);
}

cairn_err cairn_verify_refusal(cairn_arena *arena, cairn_bytes refusal_proof,
                               const cairn_trust *trust, uint64_t now_ms,
                               cairn_refusal_verdict *verdict)
{
    cairn_refusal_proof *proof = &verdict->proof;
    memset(verdict, 0, sizeof *verdict);
    verdict->vouching.trust = trust;
    CAIRN_TRY(cairn_refusal_proof_decode(arena, refusal_proof, proof));
    CAIRN_TRY(check_expiry(trust, now_ms));
    CAIRN_TRY(cairn_refusal_proof_check(proof));
    return check_entry(arena, &proof->end, now_ms, &verdict->vouching);
}
