/* The map from one ordered scan of its base. The builder keeps one open bucket and, above it, the
 * finished left siblings of the path that leads there. */
#include "ledger/map/smt_node.h"

typedef struct builder {
    smt_scratch scratch;
    smt_item open[SMT_SPLIT_KEY_COUNT]; /* content of the open bucket */
    size_t open_count;
    cairn_hash at; /* its prefix, `depth` bits */
    unsigned depth;
    smt_node *left[CAIRN_SMT_DEPTH_MAX]; /* left[i] when bit i of `at` is 1, else NULL */
    cairn_hash last;                     /* path of the last leaf */
    bool has_last;
} builder;

static cairn_err make_bucket(builder *b, const smt_item *items, size_t count, unsigned depth,
                             smt_node **ret_node)
{
    smt_sides root;
    CAIRN_TRY(cairn_smt_plan_run_if_large(&b->scratch.plan, NULL));
    CAIRN_TRY(cairn_smt_plan_items(&b->scratch.plan, items, count, depth, &root));
    return cairn_smt_bucket_new(&b->scratch.plan, NULL, 0, root.after, ret_node);
}

static void enter(builder *b, unsigned bit, smt_node *left)
{
    cairn_smt_bit_set(&b->at, b->depth, bit);
    b->left[b->depth++] = left;
}

/* Parent of `done`, which is a right child when its left sibling waits, else a left one whose right
 * sibling is empty. */
static cairn_err close_level(builder *b, smt_node *done, smt_node **ret_node)
{
    unsigned level = b->depth - 1;
    if (b->left[level] != NULL)
        return cairn_smt_join_take(&b->scratch.plan, CAIRN_STEAL(b->left[level]), done, ret_node);
    smt_node *empty = NULL;
    cairn_err err = make_bucket(b, NULL, 0, b->depth, &empty);
    if (err != CAIRN_OK) {
        cairn_smt_node_free(done);
        return err;
    }
    return cairn_smt_join_take(&b->scratch.plan, done, empty, ret_node);
}

/* Closes the open bucket and all above it that cannot hold `path`, and opens the one that can. */
static cairn_err move_to(builder *b, const cairn_hash *path)
{
    smt_node *done = NULL;
    CAIRN_TRY(make_bucket(b, b->open, b->open_count, b->depth, &done));
    b->open_count = 0;
    while (!cairn_smt_prefix_equal(&b->at, path, b->depth - 1)) {
        CAIRN_TRY(close_level(b, done, &done));
        b->depth--;
    }
    /* The paths rise, so the bucket just closed lies on the left and `path` on the right. */
    b->depth--;
    enter(b, 1, done);
    return CAIRN_OK;
}

static cairn_err split_open(builder *b, const cairn_hash *path)
{
    size_t part = cairn_smt_split(b->open, b->open_count, b->depth);
    if (smt_bit(path, b->depth) == 0) {
        enter(b, 0, NULL);
        return CAIRN_OK;
    }
    smt_node *left = NULL;
    CAIRN_TRY(make_bucket(b, b->open, part, b->depth + 1, &left));
    enter(b, 1, left);
    b->open_count -= part;
    memmove(b->open, b->open + part, b->open_count * sizeof b->open[0]);
    return CAIRN_OK;
}

static cairn_err check_leaf(const builder *b, const cairn_smt_leaf *leaf)
{
    const char *what = NULL;
    cairn_hash path;
    cairn_hash hash;
    cairn_smt_path_of(b->scratch.base, leaf->key, &path);
    cairn_smt_leaf_hash(&path, leaf->value, &hash);
    if (!cairn_hash_equal(&path, leaf->path))
        what = "has another path than its key";
    else if (!cairn_hash_equal(&hash, leaf->hash))
        what = "differs from its stored hash";
    else if (b->has_last && memcmp(b->last.b, path.b, 32) >= 0)
        what = "is out of order";
    if (what == NULL)
        return CAIRN_OK;
    char text[65];
    cairn_hex_encode(cairn_bytes_hash(leaf->path), text);
    return CAIRN_FAIL(CAIRN_ERR_CORRUPT, "house", "state map: record %s %s", text, what);
}

static cairn_err add_leaf(void *visit_ctx, const cairn_smt_leaf *leaf)
{
    builder *b = visit_ctx;
    CAIRN_TRY(check_leaf(b, leaf));
    b->last = *leaf->path;
    b->has_last = true;
    if (!cairn_smt_prefix_equal(&b->at, leaf->path, b->depth))
        CAIRN_TRY(move_to(b, leaf->path));
    while (b->open_count == SMT_SPLIT_KEY_COUNT)
        CAIRN_TRY(split_open(b, leaf->path));
    b->open[b->open_count++] =
        (smt_item){.path = leaf->path, .before = leaf->hash, .after = leaf->hash};
    return CAIRN_OK;
}

static cairn_err finish(builder *b, smt_node **ret_root)
{
    smt_node *done = NULL;
    CAIRN_TRY(make_bucket(b, b->open, b->open_count, b->depth, &done));
    for (; b->depth > 0; b->depth--)
        CAIRN_TRY(close_level(b, done, &done));
    cairn_err err = cairn_smt_plan_run(&b->scratch.plan, NULL);
    if (err != CAIRN_OK)
        cairn_smt_node_free(done);
    else
        *ret_root = done;
    return err;
}

static cairn_err build(builder *b, smt_node **ret_root)
{
    static const cairn_hash start;
    const cairn_smt_base *base = b->scratch.base;
    CAIRN_TRY(base->scan(base->ctx, &start, 0, add_leaf, b));
    return finish(b, ret_root);
}

cairn_err cairn_smt_load(const cairn_smt_base *base, cairn_smt **ret_version)
{
    smt_pool *pool = NULL;
    smt_node *root = NULL;
    CAIRN_TRY(cairn_smt_pool_new(&pool));
    builder b = {.scratch = {.base = base, .plan = {.pool = pool}}};
    cairn_err err = build(&b, &root);
    for (unsigned i = 0; i < CAIRN_SMT_DEPTH_MAX; i++)
        cairn_smt_node_free(b.left[i]);
    cairn_smt_scratch_done(&b.scratch);
    if (err == CAIRN_OK)
        err = cairn_smt_version_take(pool, root, ret_version);
    cairn_smt_pool_free(pool);
    return err;
}
