/* The verifier's checks, one function each, in one table. */
#include "onboard/attest/appraise.h"

#include <openssl/err.h>
#include <openssl/x509.h>

#include "cairn/sha256.h"
#include "onboard/wire/voucher.h"

static const char clause[] = "docs/formats/attestation.md";

enum { FOR_EAT = 1 << CAIRN_ATTESTATION_EAT, FOR_TPM = 1 << CAIRN_ATTESTATION_TPM };

/* An appraisal under way: what earlier checks have read for later ones. */
typedef struct appraisal {
    cairn_arena *arena;
    const cairn_attestation *evidence;
    const cairn_appraisal_facts *facts;
    cairn_eat_claims claims;
    cairn_tpm_quote quote;
    cairn_key *key; /* that attests; owned */
    cairn_attest_counts counts;
} appraisal;

/* --- reference values, key --- */

static cairn_err check_reference(appraisal *a)
{
    const cairn_reference_values *reference = a->facts->reference;
    if (a->facts->revoked)
        return CAIRN_FAIL(CAIRN_ERR_CLOSED, clause, "reference values: taken back");
    if (!cairn_bytes_equal(reference->model, a->facts->model))
        return CAIRN_FAIL(CAIRN_ERR_MISMATCH, clause, "reference values.model: another one's");
    if (reference->version < a->facts->version_before)
        return CAIRN_FAIL(
            CAIRN_ERR_TX_WRONG_VERSION, clause, "reference values.version: %llu after %llu",
            (unsigned long long)reference->version, (unsigned long long)a->facts->version_before);
    if (a->facts->time_ms < reference->not_before_ms)
        return CAIRN_FAIL(CAIRN_ERR_EARLY, clause, "reference values.not before");
    if (a->facts->time_ms > reference->not_after_ms)
        return CAIRN_FAIL(CAIRN_ERR_EXPIRED, clause, "reference values.not after");
    return CAIRN_OK;
}

/* A certificate names the device that its key is in, by the thumbprint of the device's own key:
 * else a device that is unwell would have a healthy one attest for it. */
static cairn_err check_owner(cairn_bytes certificate, const cairn_key *device)
{
    char want[2 * sizeof(cairn_hash) + 1], found[sizeof want + 1] = "";
    const uint8_t *at = certificate.data;
    X509 *x509 = d2i_X509(NULL, &at, (long)certificate.size);
    if (x509 != NULL)
        X509_NAME_get_text_by_NID(X509_get_subject_name(x509), NID_serialNumber, found,
                                  sizeof found);
    X509_free(x509);
    ERR_clear_error();
    cairn_hex_encode(cairn_bytes_hash(cairn_key_id(device)), want);
    if (strcmp(found, want) != 0)
        return CAIRN_FAIL(CAIRN_ERR_MISMATCH, clause,
                          "evidence.certificates: not of this device's attestation key");
    return CAIRN_OK;
}

static cairn_err check_key(appraisal *a)
{
    const cairn_attestation *evidence = a->evidence;
    if (evidence->certificate_count == 0) {
        a->key = cairn_key_ref(a->facts->device);
        return CAIRN_OK;
    }
    if (a->facts->root_count == 0)
        return CAIRN_FAIL(CAIRN_ERR_NOT_TRUSTED, clause,
                          "evidence.certificates: the manufacturer has no anchor");
    CAIRN_TRY(cairn_fdo_certificates_check(evidence->certificates, evidence->certificate_count,
                                           a->facts->roots, a->facts->root_count, &a->key));
    return check_owner(evidence->certificates[0], a->facts->device);
}

/* --- tokens --- */

static cairn_err check_eat_signature(appraisal *a)
{
    CAIRN_TRY(cairn_eat_claims_read(a->evidence->eat, &a->claims));
    return cairn_cose_sign1_verify(a->arena, &a->claims.message, a->key, (cairn_bytes){0},
                                   (cairn_bytes){0});
}

static cairn_err check_eat_freshness(appraisal *a)
{
    if (!cairn_bytes_equal(a->claims.nonce, cairn_bytes_hash(&a->facts->nonce)))
        return CAIRN_FAIL(CAIRN_ERR_MISMATCH, clause, "token.nonce: another run's");
    return CAIRN_OK;
}

static cairn_err check_eat_device(appraisal *a)
{
    uint8_t ueid[1 + CAIRN_FDO_GUID_SIZE] = {1};
    memcpy(ueid + 1, a->facts->guid.b, CAIRN_FDO_GUID_SIZE);
    if (!cairn_bytes_equal(a->claims.ueid, cairn_bytes_of(ueid, sizeof ueid)))
        return CAIRN_FAIL(CAIRN_ERR_MISMATCH, clause, "token.ueid: another device's");
    return CAIRN_OK;
}

static cairn_err check_eat_boot_count(appraisal *a)
{
    if (!a->claims.has_boot_count)
        return CAIRN_OK; /* optional in a token, and once told never less */
    if (a->claims.boot_count < a->counts.boot_count)
        return CAIRN_FAIL(CAIRN_ERR_TX_WRONG_VERSION, clause, "token.bootcount: %llu after %llu",
                          (unsigned long long)a->claims.boot_count,
                          (unsigned long long)a->counts.boot_count);
    a->counts.boot_count = a->claims.boot_count;
    return CAIRN_OK;
}

static cairn_err check_eat_debug(appraisal *a)
{
    uint8_t least = a->facts->reference->debug_min;
    if (least > 0 && (!a->claims.has_debug || a->claims.debug < least))
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, clause, "token.dbgstat: %u, not %u or more",
                          a->claims.debug, least);
    return CAIRN_OK;
}

static cairn_err check_eat_measurements(appraisal *a)
{
    const cairn_reference_values *reference = a->facts->reference;
    if (a->claims.digest_count == 0)
        return CAIRN_FAIL(CAIRN_ERR_MISSING_FIELD, clause, "token.measurements: none");
    for (size_t i = 0; i < a->claims.digest_count; i++) {
        const cairn_hash *digest = &a->claims.digests[i];
        if (cairn_reference_set_has(&reference->bad, digest) ||
            !cairn_reference_set_has(&reference->good, digest))
            return CAIRN_FAIL(CAIRN_ERR_MISMATCH, clause, "token.measurements: %zu is not good", i);
    }
    return CAIRN_OK;
}

/* --- quotes --- */

static cairn_err check_quote_form(appraisal *a)
{
    return cairn_tpm_quote_read(a->evidence->attest, &a->quote);
}

static cairn_err check_quote_signature(appraisal *a)
{
    uint8_t signature[64];
    CAIRN_TRY(cairn_tpm_signature_read(a->evidence->signature, signature));
    if (cairn_key_alg(a->key) != CAIRN_ALG_ES256)
        return CAIRN_FAIL(CAIRN_ERR_BAD_ALGORITHM, clause, "signature: the key is not P-256");
    return cairn_key_verify(a->key, a->evidence->attest,
                            cairn_bytes_of(signature, sizeof signature));
}

static cairn_err check_quote_freshness(appraisal *a)
{
    if (!cairn_bytes_equal(a->quote.extra_data, cairn_bytes_hash(&a->facts->nonce)))
        return CAIRN_FAIL(CAIRN_ERR_MISMATCH, clause, "quote.extraData: another run's nonce");
    return CAIRN_OK;
}

/* Exactly the PCRs that are demanded: neither fewer nor others. */
static cairn_err check_quote_selection(appraisal *a)
{
    uint32_t wanted = a->facts->reference->selection;
    if (wanted == 0)
        return CAIRN_FAIL(CAIRN_ERR_MISSING_FIELD, clause,
                          "reference values.pcrs: none for this model");
    if (a->quote.selection != wanted || a->evidence->selection != wanted)
        return CAIRN_FAIL(CAIRN_ERR_MISMATCH, clause,
                          "quote.selection: %06x quoted, %06x shown, "
                          "%06x demanded",
                          a->quote.selection, a->evidence->selection, wanted);
    return CAIRN_OK;
}

static cairn_err check_quote_digest(appraisal *a)
{
    cairn_bytes parts[CAIRN_TPM_PCRS];
    cairn_hash digest;
    size_t count = 0;
    for (size_t pcr = 0; pcr < CAIRN_TPM_PCRS; pcr++) {
        if (a->evidence->selection >> pcr & 1)
            parts[count++] = cairn_bytes_hash(&a->evidence->pcrs[pcr]);
    }
    cairn_sha256_parts(parts, count, &digest);
    if (!cairn_bytes_equal(a->quote.digest, cairn_bytes_hash(&digest)))
        return CAIRN_FAIL(CAIRN_ERR_MISMATCH, clause, "quote.pcrDigest: not that of the PCRs");
    return CAIRN_OK;
}

/* A reset sets the restarts back to zero. */
static cairn_err check_quote_counts(appraisal *a)
{
    const cairn_tpm_quote *quote = &a->quote;
    if (quote->reset_count < a->counts.reset_count ||
        (quote->reset_count == a->counts.reset_count &&
         quote->restart_count < a->counts.restart_count))
        return CAIRN_FAIL(CAIRN_ERR_TX_WRONG_VERSION, clause,
                          "quote.resetCount: %u and %u restarts after %u and %u",
                          quote->reset_count, quote->restart_count, a->counts.reset_count,
                          a->counts.restart_count);
    a->counts.reset_count = quote->reset_count;
    a->counts.restart_count = quote->restart_count;
    return CAIRN_OK;
}

static cairn_err check_quote_safe(appraisal *a)
{
    if (!a->quote.safe)
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, clause,
                          "quote.safe: 0, its clock may have gone back");
    return CAIRN_OK;
}

static cairn_err check_quote_firmware(appraisal *a)
{
    if (a->quote.firmware_version < a->facts->reference->firmware_min)
        return CAIRN_FAIL(CAIRN_ERR_TX_WRONG_VERSION, clause, "quote.firmwareVersion: %llx",
                          (unsigned long long)a->quote.firmware_version);
    return CAIRN_OK;
}

static cairn_err refuse_bad(void *context, const cairn_tcg_event *event)
{
    const appraisal *a = context;
    if (cairn_reference_set_has(&a->facts->reference->bad, &event->digest))
        return CAIRN_FAIL(CAIRN_ERR_MISMATCH, clause, "event log: a bad event in PCR %u, type %x",
                          event->pcr, event->type);
    return CAIRN_OK;
}

static cairn_err check_log(appraisal *a)
{
    const cairn_reference_values *reference = a->facts->reference;
    cairn_hash pcrs[CAIRN_TPM_PCRS];
    if (a->evidence->log.size == 0 && !reference->needs_log)
        return CAIRN_OK;
    CAIRN_TRY(cairn_tcg_log_replay(a->evidence->log, refuse_bad, a, pcrs));
    for (size_t pcr = 0; pcr < CAIRN_TPM_PCRS; pcr++) {
        if ((a->evidence->selection >> pcr & 1) &&
            !cairn_hash_equal(&pcrs[pcr], &a->evidence->pcrs[pcr]))
            return CAIRN_FAIL(CAIRN_ERR_MISMATCH, clause, "event log: does not lead to PCR %zu",
                              pcr);
    }
    return CAIRN_OK;
}

static cairn_err check_quote_pcrs(appraisal *a)
{
    const cairn_reference_values *reference = a->facts->reference;
    for (size_t pcr = 0; pcr < CAIRN_TPM_PCRS; pcr++) {
        const cairn_hash *value = &a->evidence->pcrs[pcr];
        if ((reference->selection >> pcr & 1) &&
            (cairn_reference_set_has(&reference->bad, value) ||
             !cairn_reference_set_has(&reference->pcrs[pcr], value)))
            return CAIRN_FAIL(CAIRN_ERR_MISMATCH, clause, "evidence.pcrs: PCR %zu is not good",
                              pcr);
    }
    return CAIRN_OK;
}

/* --- all of them --- */

/* [X1353-R15] A quote cannot tell whether debugging is off: there it is an event, and a bad one. */
static const struct {
    const char *name;
    unsigned kinds;
    cairn_err (*check)(appraisal *a);
} checks[] = {
    {"reference", FOR_EAT | FOR_TPM, check_reference},
    {"key", FOR_EAT | FOR_TPM, check_key},
    {"form", FOR_TPM, check_quote_form},
    {"signature", FOR_EAT, check_eat_signature},
    {"signature", FOR_TPM, check_quote_signature},
    {"freshness", FOR_EAT, check_eat_freshness},
    {"freshness", FOR_TPM, check_quote_freshness},
    {"device", FOR_EAT, check_eat_device},
    {"selection", FOR_TPM, check_quote_selection},
    {"digest", FOR_TPM, check_quote_digest},
    {"counts", FOR_EAT, check_eat_boot_count},
    {"counts", FOR_TPM, check_quote_counts},
    {"safe", FOR_TPM, check_quote_safe},
    {"firmware", FOR_TPM, check_quote_firmware},
    {"log", FOR_TPM, check_log},
    {"values", FOR_TPM, check_quote_pcrs},
    {"values", FOR_EAT, check_eat_measurements},
    {"debug", FOR_EAT, check_eat_debug},
};

void cairn_appraise(cairn_arena *arena, const cairn_attestation *attestation,
                    const cairn_appraisal_facts *facts, cairn_appraisal *ret_appraisal)
{
    appraisal a = {
        .arena = arena, .evidence = attestation, .facts = facts, .counts = facts->counts};
    cairn_appraisal result = {.err = CAIRN_OK, .counts = facts->counts};
    for (size_t i = 0; i < sizeof checks / sizeof checks[0] && result.err == CAIRN_OK; i++) {
        if ((checks[i].kinds >> attestation->kind & 1) == 0)
            continue;
        result.err = checks[i].check(&a);
        if (result.err != CAIRN_OK)
            result.check = checks[i].name;
    }
    if (result.err == CAIRN_OK)
        result.counts = a.counts;
    cairn_key_free(a.key);
    *ret_appraisal = result;
}
