/* The strict reader of ICS-23 proofs: one encoding for each proof. Absence between two neighbours
 * may come compressed, its steps in one table that both ways share. */
#include "ledger/map/ics23_impl.h"

#define CLAUSE "ICS-23"

enum {
    HASH_OP_SHA256 = 1,
    LENGTH_OP_VAR_PROTO = 1,
    WIRE_VARINT = 0,
    WIRE_BYTES = 2,
    HASH_SIZE = 32,
    VARINT_SIZE_MAX = 10,
    TABLE_COUNT_MAX = 2 * CAIRN_ICS23_DEPTH_MAX,
};

/* Field numbers of proofs.proto; compressed messages have those of the plain ones. */
enum { PROOF_EXIST = 1, PROOF_NONEXIST = 2, PROOF_COMPRESSED = 4 };
enum { EXIST_KEY = 1, EXIST_VALUE = 2, EXIST_LEAF = 3, EXIST_PATH = 4 };
enum { NONEXIST_KEY = 1, NONEXIST_LEFT = 2, NONEXIST_RIGHT = 3 };
enum { LEAF_HASH = 1, LEAF_PREHASH_KEY = 2, LEAF_PREHASH_VALUE = 3, LEAF_LENGTH = 4 };
enum { LEAF_PREFIX = 5, INNER_HASH = 1, INNER_PREFIX = 2, INNER_SUFFIX = 3 };
enum { BATCH_ENTRIES = 1, BATCH_LOOKUP_INNERS = 2, ENTRY_NONEXIST = 2 };

typedef struct reader {
    const uint8_t *next;
    const uint8_t *end;
} reader;

static reader reader_of(cairn_bytes in)
{
    return (reader){.next = in.data, .end = in.size == 0 ? in.data : in.data + in.size};
}

static cairn_err read_varint(reader *r, const char *what, uint64_t *ret_value)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < VARINT_SIZE_MAX; i++) {
        if (r->next == r->end)
            return CAIRN_FAIL(CAIRN_ERR_TRUNCATED, CLAUSE, "proof.%s: varint", what);
        uint8_t byte = *r->next++;
        if (i == VARINT_SIZE_MAX - 1 && byte > 1)
            break;
        value |= (uint64_t)(byte & 0x7f) << (7 * i);
        if (byte >= 0x80)
            continue;
        if (byte == 0 && i > 0)
            break;
        *ret_value = value;
        return CAIRN_OK;
    }
    return CAIRN_FAIL(CAIRN_ERR_NOT_CANONICAL, CLAUSE, "proof.%s: varint", what);
}

/* Every tag that we accept is one byte. */
static bool next_is(const reader *r, unsigned field, unsigned wire)
{
    return r->next != r->end && *r->next == (field << 3 | wire);
}

static cairn_err take_tag(reader *r, unsigned field, unsigned wire, const char *what)
{
    if (r->next == r->end)
        return CAIRN_FAIL(CAIRN_ERR_MISSING_FIELD, CLAUSE, "proof.%s: absent", what);
    if (!next_is(r, field, wire))
        return CAIRN_FAIL(CAIRN_ERR_UNKNOWN_FIELD, CLAUSE, "proof.%s: tag %u comes instead", what,
                          *r->next);
    r->next++;
    return CAIRN_OK;
}

static cairn_err read_bytes(reader *r, unsigned field, const char *what, cairn_bytes *ret_value)
{
    uint64_t size = 0;
    CAIRN_TRY(take_tag(r, field, WIRE_BYTES, what));
    CAIRN_TRY(read_varint(r, what, &size));
    if (size > (size_t)(r->end - r->next))
        return CAIRN_FAIL(CAIRN_ERR_TRUNCATED, CLAUSE, "proof.%s: ends too early", what);
    *ret_value = cairn_bytes_of(r->next, (size_t)size);
    r->next += size;
    return CAIRN_OK;
}

/* A field that proto3 leaves out when it is empty. */
static cairn_err read_filled(reader *r, unsigned field, const char *what, cairn_bytes *ret_value)
{
    CAIRN_TRY(read_bytes(r, field, what, ret_value));
    if (ret_value->size == 0)
        return CAIRN_FAIL(CAIRN_ERR_NOT_CANONICAL, CLAUSE, "proof.%s: empty", what);
    return CAIRN_OK;
}

/* An enumeration that must be `want`; zero is left out. */
static cairn_err expect_enum(reader *r, unsigned field, const char *what, uint64_t want)
{
    uint64_t value = 0;
    if (next_is(r, field, WIRE_VARINT)) {
        r->next++;
        CAIRN_TRY(read_varint(r, what, &value));
        if (value == 0)
            return CAIRN_FAIL(CAIRN_ERR_NOT_CANONICAL, CLAUSE, "proof.%s: zero", what);
    }
    if (value != want)
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, CLAUSE, "proof.%s: not of this tree", what);
    return CAIRN_OK;
}

static cairn_err expect_end(const reader *r, const char *what)
{
    if (r->next == r->end)
        return CAIRN_OK;
    return CAIRN_FAIL(CAIRN_ERR_TRAILING, CLAUSE, "proof.%s: tag %u follows", what, *r->next);
}

static cairn_err read_leaf(const cairn_ics23_spec *spec, cairn_bytes in)
{
    reader r = reader_of(in);
    cairn_bytes prefix;
    CAIRN_TRY(expect_enum(&r, LEAF_HASH, "leaf.hash", HASH_OP_SHA256));
    CAIRN_TRY(expect_enum(&r, LEAF_PREHASH_KEY, "leaf.prehash_key",
                          spec->hashed_keys ? HASH_OP_SHA256 : 0));
    CAIRN_TRY(expect_enum(&r, LEAF_PREHASH_VALUE, "leaf.prehash_value", HASH_OP_SHA256));
    CAIRN_TRY(
        expect_enum(&r, LEAF_LENGTH, "leaf.length", spec->sized_fields ? LENGTH_OP_VAR_PROTO : 0));
    CAIRN_TRY(read_filled(&r, LEAF_PREFIX, "leaf.prefix", &prefix));
    /* Exactly: a longer prefix could swallow the start of a key. */
    if (prefix.size != 1 || prefix.data[0] != 0)
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, CLAUSE, "proof.leaf.prefix: not of this tree");
    return expect_end(&r, "leaf");
}

static cairn_err read_step(cairn_bytes in, ics23_step *ret_step)
{
    reader r = reader_of(in);
    cairn_bytes prefix;
    cairn_bytes suffix = {0};
    CAIRN_TRY(expect_enum(&r, INNER_HASH, "path.hash", HASH_OP_SHA256));
    CAIRN_TRY(read_filled(&r, INNER_PREFIX, "path.prefix", &prefix));
    if (next_is(&r, INNER_SUFFIX, WIRE_BYTES))
        CAIRN_TRY(read_filled(&r, INNER_SUFFIX, "path.suffix", &suffix));
    CAIRN_TRY(expect_end(&r, "path"));
    bool is_left = prefix.size == 1 + HASH_SIZE && suffix.size == 0;
    bool is_right = prefix.size == 1 && suffix.size == HASH_SIZE;
    if (prefix.data[0] != 1 || !(is_left || is_right))
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, CLAUSE, "proof.path: not of this tree");
    *ret_step = (ics23_step){.sibling = is_left ? prefix.data + 1 : suffix.data,
                             .sibling_is_left = is_left};
    return CAIRN_OK;
}

/* Steps that a compressed proof shares. Both ways name them by number, and whichever comes first
 * names a new one takes the next: so the table has one order and nothing unused. */
typedef struct table {
    ics23_step steps[TABLE_COUNT_MAX];
    unsigned count;
    unsigned used;
} table;

static cairn_err too_deep(const cairn_ics23_spec *spec)
{
    return CAIRN_FAIL(CAIRN_ERR_TOO_MANY, CLAUSE, "proof.path: above %u steps", spec->depth_max);
}

static cairn_err read_path(const cairn_ics23_spec *spec, reader *r, ics23_existence *exist)
{
    cairn_bytes part;
    while (next_is(r, EXIST_PATH, WIRE_BYTES)) {
        CAIRN_TRY(read_bytes(r, EXIST_PATH, "path", &part));
        if (exist->depth == spec->depth_max)
            return too_deep(spec);
        CAIRN_TRY(read_step(part, &exist->steps[exist->depth++]));
    }
    return CAIRN_OK;
}

static cairn_err read_numbers(const cairn_ics23_spec *spec, reader *r, table *shared,
                              ics23_existence *exist)
{
    cairn_bytes packed;
    CAIRN_TRY(read_filled(r, EXIST_PATH, "path", &packed));
    reader numbers = reader_of(packed);
    while (numbers.next != numbers.end) {
        uint64_t number = 0;
        CAIRN_TRY(read_varint(&numbers, "path", &number));
        if (exist->depth == spec->depth_max)
            return too_deep(spec);
        if (number > shared->used || number >= shared->count)
            return CAIRN_FAIL(CAIRN_ERR_NOT_CANONICAL, CLAUSE, "proof.path: step %u of the table",
                              (unsigned)number);
        shared->used += number == shared->used;
        exist->steps[exist->depth++] = shared->steps[number];
    }
    return CAIRN_OK;
}

/* `shared` is NULL for a plain proof. */
static cairn_err read_way(const cairn_ics23_spec *spec, cairn_bytes in, table *shared,
                          ics23_existence *ret_exist)
{
    reader r = reader_of(in);
    cairn_bytes leaf;
    CAIRN_TRY(read_filled(&r, EXIST_KEY, "key", &ret_exist->key));
    CAIRN_TRY(read_filled(&r, EXIST_VALUE, "value", &ret_exist->value));
    CAIRN_TRY(read_bytes(&r, EXIST_LEAF, "leaf", &leaf));
    CAIRN_TRY(read_leaf(spec, leaf));
    ret_exist->depth = 0;
    CAIRN_TRY(shared == NULL ? read_path(spec, &r, ret_exist)
                             : read_numbers(spec, &r, shared, ret_exist));
    return expect_end(&r, "exist");
}

/* The content of a CommitmentProof that must be of the kind `field`. */
static cairn_err read_proof(cairn_bytes in, unsigned field, cairn_bytes *ret_content)
{
    reader r = reader_of(in);
    if (r.next != r.end && !next_is(&r, field, WIRE_BYTES))
        return CAIRN_FAIL(CAIRN_ERR_WRONG_TYPE, CLAUSE, "proof: another kind (tag %u)", *r.next);
    CAIRN_TRY(read_bytes(&r, field, "kind", ret_content));
    return expect_end(&r, "kind");
}

static cairn_err check_size(cairn_bytes proof)
{
    if (proof.size <= CAIRN_ICS23_SIZE_MAX)
        return CAIRN_OK;
    return CAIRN_FAIL(CAIRN_ERR_TOO_LARGE, CLAUSE, "proof: %zu bytes", proof.size);
}

cairn_err cairn_ics23_read_existence(const cairn_ics23_spec *spec, cairn_bytes proof,
                                     ics23_existence *ret_exist)
{
    cairn_bytes content;
    CAIRN_TRY(check_size(proof));
    CAIRN_TRY(read_proof(proof, PROOF_EXIST, &content));
    return read_way(spec, content, NULL, ret_exist);
}

static cairn_err read_gap(const cairn_ics23_spec *spec, cairn_bytes in, table *shared,
                          ics23_absence *ret_absent)
{
    reader r = reader_of(in);
    cairn_bytes part;
    CAIRN_TRY(read_filled(&r, NONEXIST_KEY, "key", &ret_absent->key));
    ret_absent->has_left = next_is(&r, NONEXIST_LEFT, WIRE_BYTES);
    if (ret_absent->has_left) {
        CAIRN_TRY(read_bytes(&r, NONEXIST_LEFT, "left", &part));
        CAIRN_TRY(read_way(spec, part, shared, &ret_absent->left));
    }
    ret_absent->has_right = next_is(&r, NONEXIST_RIGHT, WIRE_BYTES);
    if (ret_absent->has_right) {
        CAIRN_TRY(read_bytes(&r, NONEXIST_RIGHT, "right", &part));
        CAIRN_TRY(read_way(spec, part, shared, &ret_absent->right));
    }
    return expect_end(&r, "nonexist");
}

static cairn_err read_table(reader *r, table *ret_table)
{
    cairn_bytes part;
    ret_table->count = 0;
    ret_table->used = 0;
    while (next_is(r, BATCH_LOOKUP_INNERS, WIRE_BYTES)) {
        CAIRN_TRY(read_bytes(r, BATCH_LOOKUP_INNERS, "table", &part));
        if (ret_table->count == TABLE_COUNT_MAX)
            return CAIRN_FAIL(CAIRN_ERR_TOO_MANY, CLAUSE, "proof.table: above %u steps",
                              (unsigned)TABLE_COUNT_MAX);
        CAIRN_TRY(read_step(part, &ret_table->steps[ret_table->count++]));
    }
    return expect_end(r, "table");
}

/* CompressedBatchProof of one absence. */
static cairn_err read_compressed(const cairn_ics23_spec *spec, cairn_bytes in,
                                 ics23_absence *ret_absent)
{
    reader r = reader_of(in);
    table shared;
    cairn_bytes entry;
    cairn_bytes content;
    CAIRN_TRY(read_bytes(&r, BATCH_ENTRIES, "entry", &entry));
    CAIRN_TRY(read_table(&r, &shared));
    CAIRN_TRY(read_proof(entry, ENTRY_NONEXIST, &content));
    CAIRN_TRY(read_gap(spec, content, &shared, ret_absent));
    if (shared.used != shared.count)
        return CAIRN_FAIL(CAIRN_ERR_NOT_CANONICAL, CLAUSE, "proof.table: step %u is not used",
                          shared.used);
    return CAIRN_OK;
}

cairn_err cairn_ics23_read_absence(const cairn_ics23_spec *spec, cairn_bytes proof,
                                   ics23_absence *ret_absent)
{
    reader r = reader_of(proof);
    cairn_bytes content;
    CAIRN_TRY(check_size(proof));
    if (next_is(&r, PROOF_COMPRESSED, WIRE_BYTES)) {
        CAIRN_TRY(read_proof(proof, PROOF_COMPRESSED, &content));
        return read_compressed(spec, content, ret_absent);
    }
    CAIRN_TRY(read_proof(proof, PROOF_NONEXIST, &content));
    return read_gap(spec, content, NULL, ret_absent);
}
