/* The verifier of ICS-23 proofs. An inner step is kept as what it must be in a binary tree: one
 * sibling and its side. */
#include "cairn/ics23.h"

#include "cairn/sha256.h"

#define CLAUSE "ICS-23"

const cairn_ics23_spec cairn_ics23_smt = {
    .name = "smt", .depth_max = 256, .hashed_keys = true, .empty_child = true};
const cairn_ics23_spec cairn_ics23_tendermint = {
    .name = "tendermint", .depth_max = 128, .sized_fields = true};

enum {
    HASH_OP_SHA256 = 1,
    LENGTH_OP_VAR_PROTO = 1,
    WIRE_VARINT = 0,
    WIRE_BYTES = 2,
    HASH_SIZE = 32,
    VARINT_SIZE_MAX = 10,
};

/* Field numbers of proofs.proto. */
enum { PROOF_EXIST = 1, PROOF_NONEXIST = 2 };
enum { EXIST_KEY = 1, EXIST_VALUE = 2, EXIST_LEAF = 3, EXIST_PATH = 4 };
enum { NONEXIST_KEY = 1, NONEXIST_LEFT = 2, NONEXIST_RIGHT = 3 };
enum { LEAF_HASH = 1, LEAF_PREHASH_KEY = 2, LEAF_PREHASH_VALUE = 3, LEAF_LENGTH = 4 };
enum { LEAF_PREFIX = 5, INNER_HASH = 1, INNER_PREFIX = 2, INNER_SUFFIX = 3 };

typedef struct step {
    const uint8_t *sibling; /* 32 bytes */
    bool sibling_is_left;
} step;

typedef struct existence {
    cairn_bytes key, value;
    unsigned depth;
    step steps[CAIRN_ICS23_DEPTH_MAX]; /* from the leaf to the root */
} existence;

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

static cairn_err read_step(cairn_bytes in, step *ret_step)
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
    *ret_step =
        (step){.sibling = is_left ? prefix.data + 1 : suffix.data, .sibling_is_left = is_left};
    return CAIRN_OK;
}

static cairn_err read_existence(const cairn_ics23_spec *spec, cairn_bytes in, existence *ret_exist)
{
    reader r = reader_of(in);
    cairn_bytes part;
    CAIRN_TRY(read_filled(&r, EXIST_KEY, "key", &ret_exist->key));
    CAIRN_TRY(read_filled(&r, EXIST_VALUE, "value", &ret_exist->value));
    CAIRN_TRY(read_bytes(&r, EXIST_LEAF, "leaf", &part));
    CAIRN_TRY(read_leaf(spec, part));
    ret_exist->depth = 0;
    while (next_is(&r, EXIST_PATH, WIRE_BYTES)) {
        CAIRN_TRY(read_bytes(&r, EXIST_PATH, "path", &part));
        if (ret_exist->depth == spec->depth_max)
            return CAIRN_FAIL(CAIRN_ERR_TOO_MANY, CLAUSE, "proof.path: above %u steps",
                              spec->depth_max);
        CAIRN_TRY(read_step(part, &ret_exist->steps[ret_exist->depth++]));
    }
    return expect_end(&r, "exist");
}

/* The content of a CommitmentProof that must be of the kind `field`. */
static cairn_err read_proof(cairn_bytes in, unsigned field, cairn_bytes *ret_content)
{
    if (in.size > CAIRN_ICS23_SIZE_MAX)
        return CAIRN_FAIL(CAIRN_ERR_TOO_LARGE, CLAUSE, "proof: %zu bytes", in.size);
    reader r = reader_of(in);
    if (r.next != r.end && !next_is(&r, field, WIRE_BYTES))
        return CAIRN_FAIL(CAIRN_ERR_WRONG_TYPE, CLAUSE, "proof: another kind (tag %u)", *r.next);
    CAIRN_TRY(read_bytes(&r, field, "kind", ret_content));
    return expect_end(&r, "kind");
}

static void hash_field(cairn_sha256 *ctx, const cairn_ics23_spec *spec, cairn_bytes field)
{
    uint8_t size[VARINT_SIZE_MAX];
    size_t count = 0;
    for (size_t left = field.size; spec->sized_fields; left >>= 7) {
        size[count++] = (uint8_t)(left >= 0x80 ? left | 0x80 : left);
        if (left < 0x80)
            break;
    }
    cairn_sha256_update(ctx, size, count);
    cairn_sha256_update(ctx, field.data, field.size);
}

static void compute_root(const cairn_ics23_spec *spec, const existence *exist, cairn_hash *ret_root)
{
    static const uint8_t leaf_prefix = 0;
    cairn_hash key;
    cairn_hash value;
    cairn_hash node;
    cairn_sha256 ctx;
    cairn_sha256_of(exist->key.data, exist->key.size, &key);
    cairn_sha256_of(exist->value.data, exist->value.size, &value);
    cairn_sha256_init(&ctx);
    cairn_sha256_update(&ctx, &leaf_prefix, 1);
    hash_field(&ctx, spec, spec->hashed_keys ? cairn_bytes_hash(&key) : exist->key);
    hash_field(&ctx, spec, cairn_bytes_hash(&value));
    cairn_sha256_final(&ctx, &node);
    for (unsigned i = 0; i < exist->depth; i++) {
        cairn_hash sibling;
        memcpy(sibling.b, exist->steps[i].sibling, HASH_SIZE);
        if (exist->steps[i].sibling_is_left)
            cairn_sha256_node(&sibling, &node, &node);
        else
            cairn_sha256_node(&node, &sibling, &node);
    }
    *ret_root = node;
}

static cairn_err check_root(const cairn_ics23_spec *spec, const existence *exist,
                            const cairn_hash *root)
{
    cairn_hash computed;
    compute_root(spec, exist, &computed);
    if (cairn_hash_equal(&computed, root))
        return CAIRN_OK;
    return CAIRN_FAIL(CAIRN_ERR_BAD_PROOF, CLAUSE, "proof: leads to another root");
}

cairn_err cairn_ics23_verify_exist(const cairn_ics23_spec *spec, const cairn_hash *root,
                                   cairn_bytes key, cairn_bytes value, cairn_bytes proof)
{
    cairn_bytes content;
    existence exist;
    CAIRN_TRY(read_proof(proof, PROOF_EXIST, &content));
    CAIRN_TRY(read_existence(spec, content, &exist));
    if (!cairn_bytes_equal(exist.key, key))
        return CAIRN_FAIL(CAIRN_ERR_BAD_PROOF, CLAUSE, "proof.key: another key");
    if (!cairn_bytes_equal(exist.value, value))
        return CAIRN_FAIL(CAIRN_ERR_BAD_PROOF, CLAUSE, "proof.value: another value");
    return check_root(spec, &exist, root);
}

static int compare_keys(const cairn_ics23_spec *spec, cairn_bytes a, cairn_bytes b)
{
    if (!spec->hashed_keys)
        return cairn_bytes_compare(a, b);
    cairn_hash left;
    cairn_hash right;
    cairn_sha256_of(a.data, a.size, &left);
    cairn_sha256_of(b.data, b.size, &right);
    return memcmp(left.b, right.b, HASH_SIZE);
}

/* Nothing lies outward of the first `depth` steps, on the left side or on the right one. */
static bool is_outermost(const cairn_ics23_spec *spec, const existence *exist, unsigned depth,
                         bool left)
{
    static const uint8_t empty[HASH_SIZE];
    for (unsigned i = 0; i < depth; i++) {
        const step *s = &exist->steps[i];
        bool is_empty = spec->empty_child && memcmp(s->sibling, empty, HASH_SIZE) == 0;
        if (s->sibling_is_left == left && !is_empty)
            return false;
    }
    return true;
}

static bool same_step(const step *a, const step *b)
{
    return a->sibling_is_left == b->sibling_is_left &&
           memcmp(a->sibling, b->sibling, HASH_SIZE) == 0;
}

/* The two ways share their steps near the root, part as left and right, and from there `left` keeps
 * to the right edge and `right` to the left one. */
static bool are_neighbours(const cairn_ics23_spec *spec, const existence *left,
                           const existence *right)
{
    unsigned l = left->depth;
    unsigned r = right->depth;
    while (l > 0 && r > 0 && same_step(&left->steps[l - 1], &right->steps[r - 1])) {
        l--;
        r--;
    }
    if (l == 0 || r == 0)
        return false;
    if (left->steps[l - 1].sibling_is_left || !right->steps[r - 1].sibling_is_left)
        return false;
    return is_outermost(spec, left, l - 1, false) && is_outermost(spec, right, r - 1, true);
}

typedef struct absence {
    cairn_bytes key; /* as the proof names it */
    bool has_left, has_right;
    existence left, right;
} absence;

static cairn_err read_absence(const cairn_ics23_spec *spec, cairn_bytes in, absence *ret_absent)
{
    reader r = reader_of(in);
    cairn_bytes part;
    CAIRN_TRY(read_filled(&r, NONEXIST_KEY, "key", &ret_absent->key));
    ret_absent->has_left = next_is(&r, NONEXIST_LEFT, WIRE_BYTES);
    if (ret_absent->has_left) {
        CAIRN_TRY(read_bytes(&r, NONEXIST_LEFT, "left", &part));
        CAIRN_TRY(read_existence(spec, part, &ret_absent->left));
    }
    ret_absent->has_right = next_is(&r, NONEXIST_RIGHT, WIRE_BYTES);
    if (ret_absent->has_right) {
        CAIRN_TRY(read_bytes(&r, NONEXIST_RIGHT, "right", &part));
        CAIRN_TRY(read_existence(spec, part, &ret_absent->right));
    }
    return expect_end(&r, "nonexist");
}

static cairn_err check_sides(const cairn_ics23_spec *spec, const absence *a, const cairn_hash *root,
                             cairn_bytes key)
{
    if (a->has_left) {
        CAIRN_TRY(check_root(spec, &a->left, root));
        if (compare_keys(spec, a->left.key, key) >= 0)
            return CAIRN_FAIL(CAIRN_ERR_BAD_PROOF, CLAUSE, "proof.left: not left of the key");
    }
    if (a->has_right) {
        CAIRN_TRY(check_root(spec, &a->right, root));
        if (compare_keys(spec, key, a->right.key) >= 0)
            return CAIRN_FAIL(CAIRN_ERR_BAD_PROOF, CLAUSE, "proof.right: not right of the key");
    }
    return CAIRN_OK;
}

static bool is_gap(const cairn_ics23_spec *spec, const absence *a, const cairn_hash *root)
{
    static const cairn_hash empty;
    if (a->has_left && a->has_right)
        return are_neighbours(spec, &a->left, &a->right);
    if (a->has_left)
        return is_outermost(spec, &a->left, a->left.depth, false);
    if (a->has_right)
        return is_outermost(spec, &a->right, a->right.depth, true);
    /* Nobody knows a tree with keys whose root is zero. */
    return spec->empty_child && cairn_hash_equal(root, &empty);
}

/* Some provers of hashed trees name the absent key by its hash; stock verifiers do not look. */
static bool names_key(const cairn_ics23_spec *spec, cairn_bytes name, cairn_bytes key)
{
    cairn_hash hash;
    if (cairn_bytes_equal(name, key))
        return true;
    cairn_sha256_of(key.data, key.size, &hash);
    return spec->hashed_keys && cairn_bytes_equal(name, cairn_bytes_hash(&hash));
}

cairn_err cairn_ics23_verify_absent(const cairn_ics23_spec *spec, const cairn_hash *root,
                                    cairn_bytes key, cairn_bytes proof)
{
    cairn_bytes content;
    absence absent;
    CAIRN_TRY(read_proof(proof, PROOF_NONEXIST, &content));
    CAIRN_TRY(read_absence(spec, content, &absent));
    if (!names_key(spec, absent.key, key))
        return CAIRN_FAIL(CAIRN_ERR_BAD_PROOF, CLAUSE, "proof.key: another key");
    CAIRN_TRY(check_sides(spec, &absent, root, key));
    if (!is_gap(spec, &absent, root))
        return CAIRN_FAIL(CAIRN_ERR_BAD_PROOF, CLAUSE, "proof: keys may lie between its sides");
    return CAIRN_OK;
}
