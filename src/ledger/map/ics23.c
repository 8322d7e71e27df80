/* The verifier of ICS-23 proofs: the root that a way leads to, and whether two ways are neighbours.
 */
#include "cairn/sha256.h"
#include "ledger/map/ics23_impl.h"

#define CLAUSE "ICS-23"

enum { HASH_SIZE = 32, VARINT_SIZE_MAX = 10 };

const cairn_ics23_spec cairn_ics23_smt = {
    .name = "smt", .depth_max = 256, .hashed_keys = true, .empty_child = true};
const cairn_ics23_spec cairn_ics23_tendermint = {
    .name = "tendermint", .depth_max = 128, .sized_fields = true};

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

static void compute_root(const cairn_ics23_spec *spec, const ics23_existence *exist,
                         cairn_hash *ret_root)
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

static cairn_err check_root(const cairn_ics23_spec *spec, const ics23_existence *exist,
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
    ics23_existence exist;
    CAIRN_TRY(cairn_ics23_read_existence(spec, proof, &exist));
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
static bool is_outermost(const cairn_ics23_spec *spec, const ics23_existence *exist, unsigned depth,
                         bool left)
{
    static const uint8_t empty[HASH_SIZE];
    for (unsigned i = 0; i < depth; i++) {
        const ics23_step *s = &exist->steps[i];
        bool is_empty = spec->empty_child && memcmp(s->sibling, empty, HASH_SIZE) == 0;
        if (s->sibling_is_left == left && !is_empty)
            return false;
    }
    return true;
}

static bool same_step(const ics23_step *a, const ics23_step *b)
{
    return a->sibling_is_left == b->sibling_is_left &&
           memcmp(a->sibling, b->sibling, HASH_SIZE) == 0;
}

/* The two ways share their steps near the root, part as left and right, and from there `left` keeps
 * to the right edge and `right` to the left one. */
static bool are_neighbours(const cairn_ics23_spec *spec, const ics23_existence *left,
                           const ics23_existence *right)
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

static cairn_err check_sides(const cairn_ics23_spec *spec, const ics23_absence *a,
                             const cairn_hash *root, cairn_bytes key)
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

static bool is_gap(const cairn_ics23_spec *spec, const ics23_absence *a, const cairn_hash *root)
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
    ics23_absence absent;
    CAIRN_TRY(cairn_ics23_read_absence(spec, proof, &absent));
    if (!names_key(spec, absent.key, key))
        return CAIRN_FAIL(CAIRN_ERR_BAD_PROOF, CLAUSE, "proof.key: another key");
    CAIRN_TRY(check_sides(spec, &absent, root, key));
    if (!is_gap(spec, &absent, root))
        return CAIRN_FAIL(CAIRN_ERR_BAD_PROOF, CLAUSE, "proof: keys may lie between its sides");
    return CAIRN_OK;
}
