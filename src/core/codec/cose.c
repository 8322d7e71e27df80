/* COSE messages as bytes: decoding into views, the structures that are signed, encoding. */
#include "cairn/cose.h"

#include "core/limits.h"

static const char clause[] = "RFC 9052 section 3";
static const char object[] = "cose";

enum { LABEL_ALG = 1, LABEL_CRIT = 2, LABEL_KID = 4, LABEL_IV = 5 };

/* A header label: an integer or a text. */
typedef struct label {
    bool is_text;
    int64_t number;
    cairn_bytes text;
} label;

/* The labels of both maps, to find those that stand twice. */
typedef struct label_set {
    size_t count;
    label labels[2 * CAIRN_COSE_HEADERS_MAX];
} label_set;

static bool label_equal(const label *a, const label *b)
{
    return a->is_text == b->is_text &&
           (a->is_text ? cairn_bytes_equal(a->text, b->text) : a->number == b->number);
}

static bool label_is(const label *l, int64_t number)
{
    return !l->is_text && l->number == number;
}

static bool label_known(const label_set *set, const label *wanted)
{
    for (size_t i = 0; i < set->count; i++)
        if (label_equal(&set->labels[i], wanted))
            return true;
    return false;
}

static cairn_err read_label(cairn_cbor_reader *reader, label *ret_label)
{
    label l = {.is_text = cairn_cbor_peek(reader) == CAIRN_CBOR_TEXT};
    if (l.is_text)
        CAIRN_TRY(cairn_cbor_read_text(reader, "label", 0, SIZE_MAX, &l.text));
    else
        CAIRN_TRY(cairn_cbor_read_int(reader, "label", INT64_MIN, INT64_MAX, &l.number));
    *ret_label = l;
    return CAIRN_OK;
}

static cairn_err read_alg(cairn_cbor_reader *reader, bool is_protected, cairn_cose_headers *headers)
{
    int64_t alg = 0;
    if (cairn_cbor_peek(reader) == CAIRN_CBOR_TEXT)
        return CAIRN_FAIL(CAIRN_ERR_BAD_ALGORITHM, clause, "cose.alg: a name, not a number");
    CAIRN_TRY(cairn_cbor_read_int(reader, "alg", INT64_MIN, INT64_MAX, &alg));
    headers->has_alg = true;
    headers->alg = alg;
    headers->alg_is_protected = is_protected;
    return CAIRN_OK;
}

/* Remembers where `crit` stands: its labels are looked up when all are known. */
static cairn_err read_crit(cairn_cbor_reader *reader, bool is_protected, cairn_bytes *ret_crit)
{
    if (!is_protected)
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, "RFC 9052 section 3.1", "cose.crit: unprotected");
    return cairn_cbor_read_any(reader, "crit", ret_crit);
}

static cairn_err read_header(cairn_cbor_reader *reader, const label *l, bool is_protected,
                             cairn_cose_headers *headers, cairn_bytes *crit)
{
    cairn_bytes skipped = {0};
    if (label_is(l, LABEL_ALG))
        return read_alg(reader, is_protected, headers);
    if (label_is(l, LABEL_CRIT))
        return read_crit(reader, is_protected, crit);
    if (label_is(l, LABEL_KID))
        return cairn_cbor_read_bytes(reader, "kid", 0, SIZE_MAX, &headers->kid);
    if (label_is(l, LABEL_IV))
        return cairn_cbor_read_bytes(reader, "iv", 0, SIZE_MAX, &headers->iv);
    return cairn_cbor_read_any(reader, "header", &skipped);
}

/* One header map. `set` holds the labels of the maps before it and gets those of this one. */
static cairn_err read_headers(cairn_cbor_reader *reader, bool is_protected, label_set *set,
                              cairn_cose_headers *headers, cairn_bytes *crit)
{
    cairn_cbor_map map = {0};
    CAIRN_TRY(cairn_cbor_read_map(reader, is_protected ? "protected" : "unprotected", &map));
    if (map.left > CAIRN_COSE_HEADERS_MAX)
        return CAIRN_FAIL(CAIRN_ERR_TOO_MANY, "house", "cose: %zu headers", map.left);
    for (; map.left > 0; map.left--) {
        label l = {0};
        CAIRN_TRY(read_label(reader, &l));
        if (label_known(set, &l))
            return CAIRN_FAIL(CAIRN_ERR_DUPLICATE_KEY, clause, "cose: label in both header maps");
        CAIRN_TRY(read_header(reader, &l, is_protected, headers, crit));
        set->labels[set->count++] = l;
    }
    return CAIRN_OK;
}

/* Each label of `crit` must be one that the house understands and stand in the protected map, whose
 * labels are `set`. */
static cairn_err check_crit(cairn_bytes crit, const label_set *set)
{
    cairn_cbor_reader reader;
    size_t count = 0;
    CAIRN_TRY(cairn_cbor_open(&reader, crit, CAIRN_CBOR_FOREIGN, object, "RFC 9052 section 3.1"));
    CAIRN_TRY(cairn_cbor_read_array(&reader, "crit", 1, CAIRN_COSE_HEADERS_MAX, &count));
    for (size_t i = 0; i < count; i++) {
        label l = {0};
        CAIRN_TRY(read_label(&reader, &l));
        if (l.is_text || l.number < LABEL_ALG || l.number > LABEL_IV)
            return CAIRN_FAIL(CAIRN_ERR_UNKNOWN_FIELD, "RFC 9052 section 3.1",
                              "cose.crit: label that is not understood");
        if (!label_known(set, &l))
            return CAIRN_FAIL(CAIRN_ERR_MISSING_FIELD, "RFC 9052 section 3.1",
                              "cose.crit: label %lld is not protected", (long long)l.number);
    }
    return CAIRN_OK;
}

/* The content of the protected bstr. An encoded empty map means the same as no bytes; in the strict
 * profile there is but one form, in the foreign one both become the empty one, which is signed
 * (RFC 9052 section 4.4). */
static cairn_err read_protected(cairn_cbor_profile profile, label_set *set,
                                cairn_cose_headers *headers)
{
    cairn_cbor_reader reader;
    cairn_bytes crit = {0};
    if (headers->protected_raw.size == 0)
        return CAIRN_OK;
    CAIRN_TRY(cairn_cbor_open(&reader, headers->protected_raw, profile, object, clause));
    CAIRN_TRY(read_headers(&reader, true, set, headers, &crit));
    if (set->count == 0 && profile == CAIRN_CBOR_STRICT)
        return CAIRN_FAIL(CAIRN_ERR_NOT_CANONICAL, clause, "cose.protected: an encoded empty map");
    if (set->count == 0)
        headers->protected_raw.size = 0;
    return crit.size == 0 ? CAIRN_OK : check_crit(crit, set);
}

static cairn_err read_unprotected(cairn_cbor_reader *reader, label_set *set,
                                  cairn_cose_headers *headers)
{
    cairn_bytes crit = {0}; /* refused there, so it stays empty */
    const uint8_t *start = reader->next;
    CAIRN_TRY(read_headers(reader, false, set, headers, &crit));
    headers->unprotected_raw = cairn_bytes_of(start, (size_t)(reader->next - start));
    return CAIRN_OK;
}

static cairn_err read_payload(cairn_cbor_reader *reader, cairn_cose_message *message)
{
    message->detached = cairn_cbor_peek(reader) == CAIRN_CBOR_NULL;
    if (message->detached)
        return cairn_cbor_read_null(reader, "payload");
    return cairn_cbor_read_bytes(reader, "payload", 0, SIZE_MAX, &message->payload);
}

cairn_err cairn_cose_decode(cairn_bytes in, uint64_t tag, cairn_cbor_profile profile,
                            cairn_cose_message *ret_message)
{
    cairn_cbor_reader reader;
    cairn_cose_message message = {0};
    label_set set;
    size_t parts = tag == CAIRN_COSE_TAG_ENCRYPT0 ? 3 : 4;
    size_t count = 0;
    set.count = 0;
    CAIRN_TRY(cairn_cbor_open(&reader, in, profile, object, clause));
    message.tagged = cairn_cbor_peek(&reader) == CAIRN_CBOR_TAG;
    if (message.tagged || profile == CAIRN_CBOR_STRICT)
        CAIRN_TRY(cairn_cbor_read_tag(&reader, "tag", tag));
    CAIRN_TRY(cairn_cbor_read_array(&reader, "message", parts, parts, &count));
    CAIRN_TRY(
        cairn_cbor_read_bytes(&reader, "protected", 0, SIZE_MAX, &message.headers.protected_raw));
    CAIRN_TRY(read_protected(profile, &set, &message.headers));
    CAIRN_TRY(read_unprotected(&reader, &set, &message.headers));
    CAIRN_TRY(read_payload(&reader, &message));
    if (parts == 4)
        CAIRN_TRY(cairn_cbor_read_bytes(&reader, "signature", 0, SIZE_MAX, &message.tag));
    CAIRN_TRY(cairn_cbor_end(&reader));
    *ret_message = message;
    return CAIRN_OK;
}

static void put_structure(cairn_cbor_writer *writer, uint64_t tag, cairn_bytes protected_raw,
                          cairn_bytes external_aad, cairn_bytes payload)
{
    const char *context = tag == CAIRN_COSE_TAG_SIGN1  ? "Signature1"
                          : tag == CAIRN_COSE_TAG_MAC0 ? "MAC0"
                                                       : "Encrypt0";
    cairn_cbor_put_array(writer, tag == CAIRN_COSE_TAG_ENCRYPT0 ? 3 : 4);
    cairn_cbor_put_text(writer, context);
    cairn_cbor_put_bytes(writer, protected_raw);
    cairn_cbor_put_bytes(writer, external_aad);
    if (tag != CAIRN_COSE_TAG_ENCRYPT0)
        cairn_cbor_put_bytes(writer, payload);
}

cairn_err cairn_cose_structure(cairn_arena *arena, uint64_t tag, cairn_bytes protected_raw,
                               cairn_bytes external_aad, cairn_bytes payload,
                               cairn_bytes *ret_structure)
{
    cairn_cbor_writer writer;
    void *memory = NULL;
    cairn_cbor_writer_init(&writer, NULL, 0);
    put_structure(&writer, tag, protected_raw, external_aad, payload);
    size_t size = writer.size;
    CAIRN_TRY(cairn_arena_alloc(arena, size, &memory));
    cairn_cbor_writer_init(&writer, memory, size);
    put_structure(&writer, tag, protected_raw, external_aad, payload);
    return cairn_cbor_writer_end(&writer, ret_structure);
}

static void put_message(cairn_cbor_writer *writer, uint64_t tag, const cairn_cose_message *message)
{
    cairn_cbor_put_tag(writer, tag);
    cairn_cbor_put_array(writer, tag == CAIRN_COSE_TAG_ENCRYPT0 ? 3 : 4);
    cairn_cbor_put_bytes(writer, message->headers.protected_raw);
    cairn_cbor_put_raw(writer, message->headers.unprotected_raw);
    if (message->detached)
        cairn_cbor_put_null(writer);
    else
        cairn_cbor_put_bytes(writer, message->payload);
    if (tag != CAIRN_COSE_TAG_ENCRYPT0)
        cairn_cbor_put_bytes(writer, message->tag);
}

cairn_err cairn_cose_encode(cairn_arena *arena, uint64_t tag, cairn_bytes protected_raw,
                            cairn_bytes unprotected_raw, bool detached, cairn_bytes payload,
                            cairn_bytes tag_or_signature, cairn_bytes *ret_message)
{
    const cairn_cose_message message = {
        .headers = {.protected_raw = protected_raw, .unprotected_raw = unprotected_raw},
        .detached = detached,
        .payload = payload,
        .tag = tag_or_signature,
    };
    cairn_cbor_writer writer;
    void *memory = NULL;
    cairn_cbor_writer_init(&writer, NULL, 0);
    put_message(&writer, tag, &message);
    size_t size = writer.size;
    CAIRN_TRY(cairn_arena_alloc(arena, size, &memory));
    cairn_cbor_writer_init(&writer, memory, size);
    put_message(&writer, tag, &message);
    return cairn_cbor_writer_end(&writer, ret_message);
}
