/* Reader of the crypto-agile event log; little-endian, unlike the TPM's own structures. */
#include "onboard/attest/tcg_log.h"

#include "cairn/sha256.h"

static const char clause[] = "TCG PC Client Platform Firmware Profile 1.05, 10.2";
static const char signature[16] = "Spec ID Event03";
static const char startup_locality[16] = "StartupLocality";

enum {
    EV_NO_ACTION = 3, /* told, not extended */
    ALG_SHA256 = 0x000B,
    DIGEST_SIZE_MAX = 64,
    SHA1_SIZE = 20,
    VENDOR_SIZE_MAX = 255,
    LOCALITY_SIZE = sizeof startup_locality + 1,
};

typedef struct algorithm {
    uint16_t id;
    uint16_t size;
} algorithm;

typedef struct log_reader {
    const uint8_t *next;
    size_t left;
    size_t algorithm_count;
    algorithm algorithms[CAIRN_TCG_ALGORITHMS_MAX];
} log_reader;

static cairn_err take(log_reader *r, const char *field, size_t size, const uint8_t **ret_data)
{
    if (r->left < size)
        return CAIRN_FAIL(CAIRN_ERR_TRUNCATED, clause, "event log.%s: %zu bytes, %zu are left",
                          field, size, r->left);
    *ret_data = r->next;
    r->next += size;
    r->left -= size;
    return CAIRN_OK;
}

static cairn_err take_number(log_reader *r, const char *field, size_t size, uint32_t *ret_value)
{
    const uint8_t *data = NULL;
    uint32_t value = 0;
    CAIRN_TRY(take(r, field, size, &data));
    for (size_t i = size; i > 0; i--)
        value = value << 8 | data[i - 1];
    *ret_value = value;
    return CAIRN_OK;
}

/* TCG_EfiSpecIDEvent, inside the first event: which banks the others have digests of. */
static cairn_err read_banks(log_reader *r, cairn_bytes data)
{
    log_reader inner = {.next = data.data, .left = data.size};
    const uint8_t *text = NULL, *vendor = NULL;
    uint32_t skipped = 0, count = 0, vendor_size = 0;
    CAIRN_TRY(take(&inner, "signature", sizeof signature, &text));
    if (memcmp(text, signature, sizeof signature) != 0)
        return CAIRN_FAIL(CAIRN_ERR_BAD_VERSION, clause, "event log: no crypto-agile log");
    CAIRN_TRY(take_number(&inner, "platformClass", 4, &skipped));
    CAIRN_TRY(
        take_number(&inner, "version", 4, &skipped)); /* minor, major, errata, size of a word */
    CAIRN_TRY(take_number(&inner, "numberOfAlgorithms", 4, &count));
    if (count == 0 || count > CAIRN_TCG_ALGORITHMS_MAX)
        return CAIRN_FAIL(CAIRN_ERR_TOO_MANY, clause, "event log: %u algorithms", count);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t id = 0, size = 0;
        CAIRN_TRY(take_number(&inner, "algorithm", 2, &id));
        CAIRN_TRY(take_number(&inner, "digestSize", 2, &size));
        if (size == 0 || size > DIGEST_SIZE_MAX || (id == ALG_SHA256 && size != sizeof(cairn_hash)))
            return CAIRN_FAIL(CAIRN_ERR_BAD_ALGORITHM, clause,
                              "event log: digests of %u bytes for algorithm %04x", size, id);
        r->algorithms[i] = (algorithm){.id = (uint16_t)id, .size = (uint16_t)size};
    }
    r->algorithm_count = count;
    CAIRN_TRY(take_number(&inner, "vendorInfoSize", 1, &vendor_size));
    CAIRN_TRY(take(&inner, "vendorInfo", vendor_size, &vendor));
    if (inner.left != 0)
        return CAIRN_FAIL(CAIRN_ERR_TRAILING, clause, "event log: bytes after its header");
    return CAIRN_OK;
}

static cairn_err read_header(log_reader *r)
{
    const uint8_t *digest = NULL, *data = NULL;
    uint32_t pcr = 0, type = 0, size = 0;
    CAIRN_TRY(take_number(r, "pcr", 4, &pcr));
    CAIRN_TRY(take_number(r, "type", 4, &type));
    CAIRN_TRY(take(r, "digest", SHA1_SIZE, &digest));
    CAIRN_TRY(take_number(r, "size", 4, &size));
    CAIRN_TRY(take(r, "event", size, &data));
    if (pcr != 0 || type != EV_NO_ACTION)
        return CAIRN_FAIL(CAIRN_ERR_BAD_VERSION, clause, "event log: no header event");
    return read_banks(r, cairn_bytes_of(data, size));
}

static uint16_t size_of(const log_reader *r, uint32_t id)
{
    for (size_t i = 0; i < r->algorithm_count; i++) {
        if (r->algorithms[i].id == id)
            return r->algorithms[i].size;
    }
    return 0;
}

/* TPML_DIGEST_VALUES: one digest of each bank, in any order, the SHA-256 one is kept. */
static cairn_err read_digests(log_reader *r, cairn_hash *ret_digest)
{
    uint32_t count = 0;
    bool found = false;
    CAIRN_TRY(take_number(r, "digests", 4, &count));
    if (count != r->algorithm_count)
        return CAIRN_FAIL(CAIRN_ERR_BAD_ALGORITHM, clause,
                          "event log: an event with %u digests, not %zu", count,
                          r->algorithm_count);
    for (uint32_t i = 0; i < count; i++) {
        const uint8_t *digest = NULL;
        uint32_t id = 0;
        CAIRN_TRY(take_number(r, "digests", 2, &id));
        uint16_t size = size_of(r, id);
        if (size == 0 || (id == ALG_SHA256 && found))
            return CAIRN_FAIL(CAIRN_ERR_BAD_ALGORITHM, clause, "event log: algorithm %04x %s", id,
                              size == 0 ? "is none of its banks'" : "twice");
        CAIRN_TRY(take(r, "digests", size, &digest));
        if (id != ALG_SHA256)
            continue;
        found = true;
        memcpy(ret_digest->b, digest, sizeof ret_digest->b);
    }
    if (!found)
        return CAIRN_FAIL(CAIRN_ERR_BAD_ALGORITHM, clause, "event log: no SHA-256 digests");
    return CAIRN_OK;
}

static cairn_err read_event(log_reader *r, cairn_tcg_event *ret_event)
{
    const uint8_t *data = NULL;
    uint32_t size = 0;
    CAIRN_TRY(take_number(r, "pcr", 4, &ret_event->pcr));
    CAIRN_TRY(take_number(r, "type", 4, &ret_event->type));
    if (ret_event->pcr >= CAIRN_TPM_PCRS && ret_event->type != EV_NO_ACTION)
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, clause, "event log.pcr: %u", ret_event->pcr);
    CAIRN_TRY(read_digests(r, &ret_event->digest));
    CAIRN_TRY(take_number(r, "size", 4, &size));
    CAIRN_TRY(take(r, "event", size, &data));
    ret_event->data = cairn_bytes_of(data, size);
    return CAIRN_OK;
}

/* PCR 0 begins with the locality from which the firmware started the TPM, where the log tells it.
 */
static void start_at_locality(const cairn_tcg_event *event, cairn_hash *pcr)
{
    if (event->pcr == 0 && event->data.size == LOCALITY_SIZE &&
        memcmp(event->data.data, startup_locality, sizeof startup_locality) == 0)
        pcr->b[sizeof pcr->b - 1] = event->data.data[sizeof startup_locality];
}

static void extend(cairn_hash *pcr, const cairn_hash *digest)
{
    cairn_bytes parts[] = {cairn_bytes_hash(pcr), cairn_bytes_hash(digest)};
    cairn_hash next;
    cairn_sha256_parts(parts, 2, &next);
    *pcr = next;
}

/* [X1353-R15] */
cairn_err cairn_tcg_log_replay(cairn_bytes log, cairn_tcg_event_fn fn, void *context,
                               cairn_hash ret_pcrs[CAIRN_TPM_PCRS])
{
    log_reader r = {.next = log.data, .left = log.size};
    cairn_hash pcrs[CAIRN_TPM_PCRS] = {0};
    bool extended = false; /* PCR 0 was */
    if (log.size > CAIRN_TCG_LOG_SIZE_MAX)
        return CAIRN_FAIL(CAIRN_ERR_TOO_LARGE, clause, "event log: %zu bytes", log.size);
    CAIRN_TRY(read_header(&r));
    for (size_t count = 0; r.left > 0; count++) {
        cairn_tcg_event event = {0};
        if (count == CAIRN_TCG_EVENTS_MAX)
            return CAIRN_FAIL(CAIRN_ERR_TOO_MANY, clause, "event log: more than %d events",
                              CAIRN_TCG_EVENTS_MAX);
        CAIRN_TRY(read_event(&r, &event));
        if (event.type == EV_NO_ACTION) {
            if (!extended)
                start_at_locality(&event, &pcrs[0]);
            continue;
        }
        extended = extended || event.pcr == 0;
        extend(&pcrs[event.pcr], &event.digest);
        if (fn != NULL)
            CAIRN_TRY(fn(context, &event));
    }
    memcpy(ret_pcrs, pcrs, sizeof pcrs);
    return CAIRN_OK;
}
