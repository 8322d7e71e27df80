/* Codec of evidence, and reader of tokens. */
#include "onboard/attest/attestation.h"

#include "cairn/sha256.h"
#include "onboard/profile/profile_fields.h"
#include "onboard/wire/body.h"

static const char clause[] = "docs/formats/attestation.md";
static const char eat_clause[] = "RFC 9711, 4";

enum {
    EAT_SIZE_MAX = 16384,
    TPM_PART_SIZE_MAX = 1024,
    DIGEST_FORMAT = 65000,
    DEBUG_MAX = 4,
    CLAIMS_MAX = 64,
};

/* --- evidence --- */

static cairn_err read_certificates(cairn_cbor_reader *r, cairn_attestation *attestation)
{
    CAIRN_TRY(cairn_cbor_read_array(r, "certificates", 0, CAIRN_ATTESTATION_CERTIFICATES_MAX,
                                    &attestation->certificate_count));
    for (size_t i = 0; i < attestation->certificate_count; i++)
        CAIRN_TRY(cairn_cbor_read_bytes(r, "certificates", 1,
                                        CAIRN_ATTESTATION_CERTIFICATE_SIZE_MAX,
                                        &attestation->certificates[i]));
    return CAIRN_OK;
}

static cairn_err read_pcrs(cairn_cbor_reader *r, cairn_attestation *attestation)
{
    size_t count = 0;
    uint64_t least = 0;
    CAIRN_TRY(cairn_cbor_read_array(r, "pcrs", 1, CAIRN_TPM_PCRS, &count));
    for (size_t i = 0; i < count; i++) {
        size_t pair = 0;
        uint64_t pcr = 0;
        CAIRN_TRY(cairn_cbor_read_array(r, "pcrs", 2, 2, &pair));
        CAIRN_TRY(cairn_cbor_read_uint(r, "pcrs", least, CAIRN_TPM_PCRS - 1, &pcr));
        CAIRN_TRY(cairn_cbor_read_hash(r, "pcrs", &attestation->pcrs[pcr]));
        attestation->selection |= UINT32_C(1) << pcr;
        least = pcr + 1;
    }
    return CAIRN_OK;
}

static cairn_err read_tpm(cairn_cbor_reader *r, cairn_attestation *attestation)
{
    CAIRN_TRY(cairn_cbor_read_bytes(r, "attest", 1, TPM_PART_SIZE_MAX, &attestation->attest));
    CAIRN_TRY(cairn_cbor_read_bytes(r, "signature", 1, TPM_PART_SIZE_MAX, &attestation->signature));
    CAIRN_TRY(read_pcrs(r, attestation));
    return cairn_cbor_read_bytes(r, "log", 0, CAIRN_TCG_LOG_SIZE_MAX, &attestation->log);
}

cairn_err cairn_attestation_decode(cairn_bytes encoded, cairn_attestation *ret_attestation)
{
    cairn_cbor_reader r;
    cairn_attestation attestation = {0};
    size_t count = 0;
    uint64_t kind = 0;
    if (encoded.size > CAIRN_ATTESTATION_SIZE_MAX)
        return CAIRN_FAIL(CAIRN_ERR_TOO_LARGE, clause, "evidence: %zu bytes", encoded.size);
    CAIRN_TRY(cairn_cbor_open(&r, encoded, CAIRN_CBOR_STRICT, "evidence", clause));
    CAIRN_TRY(cairn_cbor_read_array(&r, "evidence", 3, 6, &count));
    CAIRN_TRY(
        cairn_cbor_read_uint(&r, "kind", CAIRN_ATTESTATION_EAT, CAIRN_ATTESTATION_TPM, &kind));
    if (count != (kind == CAIRN_ATTESTATION_EAT ? 3U : 6U))
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, clause, "evidence: %zu items for kind %u", count,
                          (unsigned)kind);
    attestation.kind = (cairn_attestation_kind)kind;
    CAIRN_TRY(read_certificates(&r, &attestation));
    if (kind == CAIRN_ATTESTATION_EAT)
        CAIRN_TRY(cairn_cbor_read_bytes(&r, "eat", 1, EAT_SIZE_MAX, &attestation.eat));
    else
        CAIRN_TRY(read_tpm(&r, &attestation));
    CAIRN_TRY(cairn_cbor_end(&r));
    *ret_attestation = attestation;
    return CAIRN_OK;
}

static void put_tpm(cairn_cbor_writer *w, const cairn_attestation *attestation)
{
    cairn_cbor_put_bytes(w, attestation->attest);
    cairn_cbor_put_bytes(w, attestation->signature);
    cairn_cbor_put_array(w, (size_t)__builtin_popcount(attestation->selection));
    for (size_t pcr = 0; pcr < CAIRN_TPM_PCRS; pcr++) {
        if ((attestation->selection >> pcr & 1) == 0)
            continue;
        cairn_cbor_put_array(w, 2);
        cairn_cbor_put_uint(w, pcr);
        cairn_cbor_put_hash(w, &attestation->pcrs[pcr]);
    }
    cairn_cbor_put_bytes(w, attestation->log);
}

static void put_attestation(cairn_cbor_writer *w, const void *context)
{
    const cairn_attestation *attestation = context;
    bool eat = attestation->kind == CAIRN_ATTESTATION_EAT;
    cairn_cbor_put_array(w, eat ? 3 : 6);
    cairn_cbor_put_uint(w, attestation->kind);
    cairn_profile_put_anchors(w, attestation->certificates, attestation->certificate_count);
    if (eat)
        cairn_cbor_put_bytes(w, attestation->eat);
    else
        put_tpm(w, attestation);
}

cairn_err cairn_attestation_encode(cairn_arena *arena, const cairn_attestation *attestation,
                                   cairn_bytes *ret_encoded)
{
    cairn_bytes encoded;
    cairn_attestation again;
    if (attestation->certificate_count > CAIRN_ATTESTATION_CERTIFICATES_MAX)
        return CAIRN_FAIL(CAIRN_ERR_TOO_MANY, clause, "evidence.certificates: %zu",
                          attestation->certificate_count);
    CAIRN_TRY(cairn_fdo_encode(arena, put_attestation, attestation, &encoded));
    CAIRN_TRY(cairn_attestation_decode(encoded, &again));
    *ret_encoded = encoded;
    return CAIRN_OK;
}

void cairn_attestation_nonce(const cairn_fdo_nonce *prove, const cairn_fdo_nonce *setup,
                             const cairn_hash *checkpoint, cairn_hash *ret_nonce)
{
    static const cairn_hash none;
    cairn_bytes parts[] = {cairn_bytes_str("attest"), cairn_bytes_of(prove->b, sizeof prove->b),
                           cairn_bytes_of(setup->b, sizeof setup->b),
                           cairn_bytes_hash(checkpoint != NULL ? checkpoint : &none)};
    cairn_sha256_parts(parts, sizeof parts / sizeof parts[0], ret_nonce);
}

/* --- tokens --- */

static cairn_err read_debug(cairn_cbor_reader *r, cairn_eat_claims *claims)
{
    uint64_t debug = 0;
    CAIRN_TRY(cairn_cbor_read_uint(r, "dbgstat", 0, DEBUG_MAX, &debug));
    claims->has_debug = true;
    claims->debug = (uint8_t)debug;
    return CAIRN_OK;
}

static cairn_err read_nonce(cairn_cbor_reader *r, cairn_eat_claims *claims)
{
    return cairn_cbor_read_bytes(r, "nonce", 8, 64, &claims->nonce);
}

static cairn_err read_ueid(cairn_cbor_reader *r, cairn_eat_claims *claims)
{
    return cairn_cbor_read_bytes(r, "ueid", 7, 33, &claims->ueid);
}

static cairn_err read_boot_count(cairn_cbor_reader *r, cairn_eat_claims *claims)
{
    claims->has_boot_count = true;
    return cairn_cbor_read_uint(r, "bootcount", 0, UINT64_MAX, &claims->boot_count);
}

/* Measurements of other formats are passed over. */
static cairn_err read_measurements(cairn_cbor_reader *r, cairn_eat_claims *claims)
{
    size_t count = 0;
    CAIRN_TRY(cairn_cbor_read_array(r, "measurements", 1, CAIRN_ATTESTATION_DIGESTS_MAX, &count));
    for (size_t i = 0; i < count; i++) {
        size_t pair = 0;
        uint64_t format = 0;
        cairn_bytes value;
        CAIRN_TRY(cairn_cbor_read_array(r, "measurements", 2, 2, &pair));
        CAIRN_TRY(cairn_cbor_read_uint(r, "measurements", 0, UINT16_MAX, &format));
        if (format == DIGEST_FORMAT)
            CAIRN_TRY(
                cairn_cbor_read_hash(r, "measurements", &claims->digests[claims->digest_count++]));
        else
            CAIRN_TRY(cairn_cbor_read_any(r, "measurements", &value));
    }
    return CAIRN_OK;
}

static const struct {
    int64_t label;
    cairn_err (*read)(cairn_cbor_reader *r, cairn_eat_claims *claims);
} claim_rows[] = {
    {10, read_nonce},       {256, read_ueid},         {263, read_debug},
    {267, read_boot_count}, {273, read_measurements},
};

/* One claim: its label, and its value by its row. Labels that are text are private ones. */
static cairn_err read_claim(cairn_cbor_reader *r, cairn_eat_claims *claims)
{
    cairn_bytes skipped;
    int64_t label = 0;
    cairn_cbor_type type = cairn_cbor_peek(r);
    if (type == CAIRN_CBOR_UINT || type == CAIRN_CBOR_NINT)
        CAIRN_TRY(cairn_cbor_read_int(r, "claim", INT64_MIN, INT64_MAX, &label));
    else
        CAIRN_TRY(cairn_cbor_read_any(r, "claim", &skipped));
    for (size_t i = 0; i < sizeof claim_rows / sizeof claim_rows[0]; i++) {
        if (claim_rows[i].label == label)
            return claim_rows[i].read(r, claims);
    }
    return cairn_cbor_read_any(r, "claim", &skipped);
}

cairn_err cairn_eat_claims_read(cairn_bytes token, cairn_eat_claims *ret_claims)
{
    cairn_cbor_reader r;
    cairn_cbor_map map;
    cairn_eat_claims claims = {0};
    CAIRN_TRY(cairn_cose_decode(token, CAIRN_COSE_TAG_SIGN1, CAIRN_CBOR_FOREIGN, &claims.message));
    if (claims.message.detached)
        return CAIRN_FAIL(CAIRN_ERR_MISSING_FIELD, eat_clause, "token: no payload");
    CAIRN_TRY(cairn_cbor_open(&r, claims.message.payload, CAIRN_CBOR_FOREIGN, "token", eat_clause));
    CAIRN_TRY(cairn_cbor_read_map(&r, "claims", &map));
    if (map.left > CLAIMS_MAX)
        return CAIRN_FAIL(CAIRN_ERR_TOO_MANY, eat_clause, "token: %zu claims", map.left);
    for (size_t i = 0; i < map.left; i++)
        CAIRN_TRY(read_claim(&r, &claims));
    CAIRN_TRY(cairn_cbor_end(&r));
    *ret_claims = claims;
    return CAIRN_OK;
}
