/* Reader of TPM structures: big-endian, each size before its bytes. */
#include "onboard/attest/tpm_quote.h"

static const char clause[] = "TPM 2.0 Library, part 2, 10.12.12";

static const uint32_t quote_magic = 0xFF544347; /* TPM_GENERATED_VALUE */

enum {
    TYPE_QUOTE = 0x8018, /* TPM_ST_ATTEST_QUOTE */
    ALG_SHA256 = 0x000B,
    ALG_ECDSA = 0x0018,
    NAME_SIZE_MAX = 68,  /* an algorithm and a SHA-512 */
    DATA_SIZE_MAX = 66,  /* TPM2B_DATA: a TPMT_HA */
    SELECT_SIZE_MAX = 4, /* bytes of a PCR bitmap: 32 PCRs */
    NUMBER_SIZE = 32,    /* of P-256 */
};

typedef struct reader {
    const uint8_t *next;
    size_t left;
    const char *object;
} reader;

static cairn_err take(reader *r, const char *field, size_t size, const uint8_t **ret_data)
{
    if (r->left < size)
        return CAIRN_FAIL(CAIRN_ERR_TRUNCATED, clause, "%s.%s: %zu bytes, %zu are left", r->object,
                          field, size, r->left);
    *ret_data = r->next;
    r->next += size;
    r->left -= size;
    return CAIRN_OK;
}

/* An unsigned integer of 1, 2, 4 or 8 bytes. */
static cairn_err take_number(reader *r, const char *field, size_t size, uint64_t *ret_value)
{
    const uint8_t *data = NULL;
    uint64_t value = 0;
    CAIRN_TRY(take(r, field, size, &data));
    for (size_t i = 0; i < size; i++)
        value = value << 8 | data[i];
    *ret_value = value;
    return CAIRN_OK;
}

/* TPM2B: a size of two bytes, and its bytes. */
static cairn_err take_sized(reader *r, const char *field, size_t size_max, cairn_bytes *ret_bytes)
{
    uint64_t size = 0;
    const uint8_t *data = NULL;
    CAIRN_TRY(take_number(r, field, 2, &size));
    if (size > size_max)
        return CAIRN_FAIL(CAIRN_ERR_TOO_LARGE, clause, "%s.%s: %llu bytes", r->object, field,
                          (unsigned long long)size);
    CAIRN_TRY(take(r, field, (size_t)size, &data));
    *ret_bytes = cairn_bytes_of(data, (size_t)size);
    return CAIRN_OK;
}

static cairn_err at_end(const reader *r)
{
    if (r->left != 0)
        return CAIRN_FAIL(CAIRN_ERR_TRAILING, clause, "%s: %zu bytes too many", r->object, r->left);
    return CAIRN_OK;
}

/* [X1353-R15] magic and type. */
static cairn_err take_frame(reader *r, cairn_tpm_quote *quote)
{
    uint64_t magic = 0, type = 0;
    cairn_bytes signer;
    CAIRN_TRY(take_number(r, "magic", 4, &magic));
    if (magic != quote_magic)
        return CAIRN_FAIL(CAIRN_ERR_BAD_VERSION, clause, "quote.magic: %08llx",
                          (unsigned long long)magic);
    CAIRN_TRY(take_number(r, "type", 2, &type));
    if (type != TYPE_QUOTE)
        return CAIRN_FAIL(CAIRN_ERR_WRONG_TYPE, clause, "quote.type: %04llx",
                          (unsigned long long)type);
    CAIRN_TRY(take_sized(r, "qualifiedSigner", NAME_SIZE_MAX, &signer));
    return take_sized(r, "extraData", DATA_SIZE_MAX, &quote->extra_data);
}

static cairn_err take_clock(reader *r, cairn_tpm_quote *quote)
{
    uint64_t reset = 0, restart = 0, safe = 0;
    CAIRN_TRY(take_number(r, "clock", 8, &quote->clock_ms));
    CAIRN_TRY(take_number(r, "resetCount", 4, &reset));
    CAIRN_TRY(take_number(r, "restartCount", 4, &restart));
    CAIRN_TRY(take_number(r, "safe", 1, &safe));
    if (safe > 1)
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, clause, "quote.safe: %u", (unsigned)safe);
    quote->reset_count = (uint32_t)reset;
    quote->restart_count = (uint32_t)restart;
    quote->safe = safe == 1;
    return take_number(r, "firmwareVersion", 8, &quote->firmware_version);
}

static cairn_err take_selection(reader *r, cairn_tpm_quote *quote)
{
    uint64_t count = 0, alg = 0, size = 0;
    const uint8_t *bits = NULL;
    CAIRN_TRY(take_number(r, "selection", 4, &count));
    if (count != 1)
        return CAIRN_FAIL(CAIRN_ERR_BAD_ALGORITHM, clause, "quote.selection: %llu banks",
                          (unsigned long long)count);
    CAIRN_TRY(take_number(r, "selection", 2, &alg));
    if (alg != ALG_SHA256)
        return CAIRN_FAIL(CAIRN_ERR_BAD_ALGORITHM, clause, "quote.selection: bank %04llx",
                          (unsigned long long)alg);
    CAIRN_TRY(take_number(r, "selection", 1, &size));
    if (size > SELECT_SIZE_MAX)
        return CAIRN_FAIL(CAIRN_ERR_TOO_LARGE, clause, "quote.selection: %u bytes", (unsigned)size);
    CAIRN_TRY(take(r, "selection", (size_t)size, &bits));
    for (size_t i = 0; i < size; i++)
        quote->selection |= (uint32_t)bits[i] << (8 * i);
    return CAIRN_OK;
}

cairn_err cairn_tpm_quote_read(cairn_bytes in, cairn_tpm_quote *ret_quote)
{
    reader r = {.next = in.data, .left = in.size, .object = "quote"};
    cairn_tpm_quote quote = {0};
    CAIRN_TRY(take_frame(&r, &quote));
    CAIRN_TRY(take_clock(&r, &quote));
    CAIRN_TRY(take_selection(&r, &quote));
    CAIRN_TRY(take_sized(&r, "pcrDigest", sizeof(cairn_hash), &quote.digest));
    if (quote.digest.size != sizeof(cairn_hash))
        return CAIRN_FAIL(CAIRN_ERR_BAD_ALGORITHM, clause, "quote.pcrDigest: %zu bytes",
                          quote.digest.size);
    CAIRN_TRY(at_end(&r));
    *ret_quote = quote;
    return CAIRN_OK;
}

/* A TPM may leave out leading zeros, or not. */
static cairn_err take_coordinate(reader *r, const char *field, uint8_t ret_number[NUMBER_SIZE])
{
    cairn_bytes number;
    CAIRN_TRY(take_sized(r, field, NUMBER_SIZE, &number));
    memset(ret_number, 0, NUMBER_SIZE);
    if (number.size > 0)
        memcpy(ret_number + NUMBER_SIZE - number.size, number.data, number.size);
    return CAIRN_OK;
}

cairn_err cairn_tpm_signature_read(cairn_bytes in, uint8_t ret_signature[64])
{
    reader r = {.next = in.data, .left = in.size, .object = "signature"};
    uint64_t scheme = 0, hash = 0;
    uint8_t signature[2 * NUMBER_SIZE];
    CAIRN_TRY(take_number(&r, "sigAlg", 2, &scheme));
    CAIRN_TRY(take_number(&r, "hash", 2, &hash));
    if (scheme != ALG_ECDSA || hash != ALG_SHA256)
        return CAIRN_FAIL(CAIRN_ERR_BAD_ALGORITHM, "TPM 2.0 Library, part 2, 11.3.4",
                          "signature: scheme %04llx with hash %04llx", (unsigned long long)scheme,
                          (unsigned long long)hash);
    CAIRN_TRY(take_coordinate(&r, "r", signature));
    CAIRN_TRY(take_coordinate(&r, "s", signature + NUMBER_SIZE));
    CAIRN_TRY(at_end(&r));
    memcpy(ret_signature, signature, sizeof signature);
    return CAIRN_OK;
}
