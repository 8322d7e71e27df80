/* The state map against a naive recursive model: versions, checkpoints moved under them, slices of
 * forgetting, deep collisions, damage. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>

#include "cairn/ics23.h"
#include "support/smt_model.h"

enum { VERSIONS = 8, CHANGES_MAX = 600 };

/* Paths that share all bits but the last ten, so that buckets lie near depth 256. */
static void deep_path(cairn_bytes key, cairn_hash *ret_path)
{
    uint32_t number = cairn_get_u32(key.data);
    memset(ret_path->b, 0x55, 32);
    cairn_put_u16(ret_path->b + 30, (uint16_t)(number / 7 * 37));
}

/* Half of the keys share 250 bits, the others spread over the first byte. */
static void mixed_path(cairn_bytes key, cairn_hash *ret_path)
{
    cairn_sha256_of(key.data, key.size, ret_path);
    if (cairn_get_u32(key.data) % 2 == 0)
        deep_path(key, ret_path);
}

typedef struct world {
    model m;
    cairn_smt *version[VERSIONS]; /* newest first; NULL where none */
    model_map map[VERSIONS];
    uint64_t height;
    uint64_t durable;
    uint64_t cleaned; /* the base may have moved past versions below this height */
    uint64_t version_height[VERSIONS];
} world;

static void push_version(world *w, cairn_smt *next, const model_map *map)
{
    cairn_smt_free(w->version[VERSIONS - 1]);
    for (size_t i = VERSIONS - 1; i > 0; i--) {
        w->version[i] = w->version[i - 1];
        w->map[i] = w->map[i - 1];
        w->version_height[i] = w->version_height[i - 1];
    }
    if (w->version[1] != NULL)
        cairn_smt_retire(w->version[1]);
    w->version[0] = next;
    w->map[0] = *map;
    w->version_height[0] = w->height;
}

static void assert_root(const world *w, size_t i)
{
    cairn_hash want;
    size_t keys = 0;
    model_root(&w->m, &w->map[i], &want);
    for (size_t k = 0; k < w->m.count; k++)
        keys += w->map[i].value[k] != 0;
    assert_memory_equal(cairn_smt_root(w->version[i])->b, want.b, 32);
    assert_int_equal(cairn_smt_count(w->version[i]), keys);
}

static void do_update(world *w, size_t count)
{
    static cairn_smt_change changes[CHANGES_MAX];
    static uint8_t values[CHANGES_MAX][16];
    model_map map = w->map[0];
    size_t used = 0;
    /* Mostly removals now and then, so that buckets merge as well. */
    uint32_t remove_of_ten = model_random(&w->m, 4) == 0 ? 9 : 3;
    for (size_t k = 0; k < w->m.count && used < count; k++) {
        if (model_random(&w->m, (uint32_t)(w->m.count / count) + 1) != 0)
            continue;
        bool removing = model_random(&w->m, 10) < remove_of_ten;
        uint32_t value = 1 + model_random(&w->m, 1000);
        map.value[k] = removing ? 0 : value;
        changes[used] = (cairn_smt_change){.key = model_name(&w->m, k), .remove = removing};
        if (!removing)
            changes[used].value = model_value(value, values[used]);
        used++;
    }
    cairn_smt *next = NULL;
    assert_int_equal(cairn_smt_sort(&w->m.base, changes, used), CAIRN_OK);
    w->height++;
    assert_int_equal(cairn_smt_update(w->version[0], &w->m.base, changes, used, w->height, &next),
                     CAIRN_OK);
    push_version(w, next, &map);
    assert_root(w, 0);
}

static void do_checkpoint(world *w)
{
    size_t i = model_random(&w->m, VERSIONS);
    if (w->version[i] == NULL || w->version_height[i] <= w->durable)
        i = 0;
    if (w->version_height[i] <= w->durable)
        return;
    assert_int_equal(cairn_smt_each_dirty(w->version[i], w->durable, model_store, &w->m), CAIRN_OK);
    w->durable = w->version_height[i];
    /* What the base holds is that version. */
    cairn_smt *loaded = NULL;
    assert_int_equal(cairn_smt_load(&w->m.base, &loaded), CAIRN_OK);
    assert_memory_equal(cairn_smt_root(loaded)->b, cairn_smt_root(w->version[i])->b, 32);
    assert_int_equal(cairn_smt_count(loaded), cairn_smt_count(w->version[i]));
    cairn_smt_free(loaded);
}

static void do_clean(world *w)
{
    uint64_t dirty = cairn_smt_dirty_count(w->version[0]);
    unsigned bits = model_random(&w->m, 4);
    model_map map = w->map[0];
    for (uint32_t slice = 0; slice < 1u << bits; slice++) {
        cairn_smt *next = NULL;
        assert_int_equal(cairn_smt_clean(w->version[0], w->durable, slice, bits, &next), CAIRN_OK);
        push_version(w, next, &map);
        assert_root(w, 0);
        assert_true(cairn_smt_dirty_count(next) <= dirty);
    }
    if (w->durable == w->height)
        assert_int_equal(cairn_smt_dirty_count(w->version[0]), 0);
}

static void check_value(const world *w, size_t i, size_t k)
{
    cairn_arena arena;
    cairn_arena_init(&arena, 1 << 20);
    cairn_bytes value = {0};
    cairn_err err = cairn_smt_get(w->version[i], &w->m.base, model_name(&w->m, k), &arena, &value);
    if (i > 0 && w->version_height[i] < w->durable && err == CAIRN_ERR_VIEW_EXPIRED) {
        cairn_arena_done(&arena);
        return;
    }
    uint8_t want[16];
    if (w->map[i].value[k] == 0) {
        assert_int_equal(err, CAIRN_ERR_NOT_FOUND);
    } else {
        assert_int_equal(err, CAIRN_OK);
        assert_true(cairn_bytes_equal(value, model_value(w->map[i].value[k], want)));
    }
    cairn_arena_done(&arena);
}

static void check_proof(const world *w, size_t k)
{
    cairn_arena arena;
    cairn_arena_init(&arena, 1 << 20);
    cairn_smt_proof proof = {0};
    cairn_bytes key = model_name(&w->m, k);
    const cairn_hash *root = cairn_smt_root(w->version[0]);
    assert_int_equal(cairn_smt_prove(w->version[0], &w->m.base, key, &arena, &proof), CAIRN_OK);
    assert_int_equal(proof.exists, w->map[0].value[k] != 0);
    if (w->m.base.path != NULL) {
        cairn_arena_done(&arena); /* a stranger hashes keys, so crafted paths prove nothing */
        return;
    }
    uint8_t value[16];
    if (proof.exists) {
        cairn_bytes want = model_value(w->map[0].value[k], value);
        assert_true(cairn_bytes_equal(proof.value, want));
        assert_int_equal(cairn_ics23_verify_exist(&cairn_ics23_smt, root, key, want, proof.ics23),
                         CAIRN_OK);
        assert_int_not_equal(cairn_ics23_verify_absent(&cairn_ics23_smt, root, key, proof.ics23),
                             CAIRN_OK);
    } else {
        assert_int_equal(cairn_ics23_verify_absent(&cairn_ics23_smt, root, key, proof.ics23),
                         CAIRN_OK);
    }
    cairn_arena_done(&arena);
}

static void run_world(size_t keys, model_path path, uint64_t seed, size_t steps)
{
    world *w = calloc(1, sizeof *w);
    assert_non_null(w);
    model_init(&w->m, keys, path, seed);
    assert_int_equal(cairn_smt_new(&w->version[0]), CAIRN_OK);
    for (size_t step = 0; step < steps; step++) {
        uint32_t what = model_random(&w->m, 10);
        if (what < 6)
            do_update(w, model_random(&w->m, 4) == 0 ? CHANGES_MAX : 1 + step % 40);
        else if (what < 8)
            do_checkpoint(w);
        else
            do_clean(w);
        for (size_t i = 0; i < VERSIONS && w->version[i] != NULL; i++)
            check_value(w, i, model_random(&w->m, (uint32_t)keys));
        check_proof(w, model_random(&w->m, (uint32_t)keys));
    }
    for (size_t i = 0; i < VERSIONS; i++)
        cairn_smt_free(w->version[i]);
    free(w);
}

static void test_random_histories(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 6; seed++) {
        run_world(700, NULL, seed, 120);
        run_world(40, NULL, seed, 150);
    }
    run_world(2500, NULL, 77, 60);
}

static void test_random_histories_with_colliding_paths(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 4; seed++) {
        run_world(600, deep_path, seed, 80);
        run_world(600, mixed_path, seed, 80);
    }
}

static cairn_err nothing(void *ctx, const cairn_hash *prefix, unsigned bits, cairn_smt_visit visit,
                         void *visit_ctx)
{
    (void)ctx, (void)prefix, (void)bits, (void)visit, (void)visit_ctx;
    return CAIRN_OK;
}

/* Roots computed by a few lines of Python (hashlib) from the rule in docs/formats/state.md. */
static void test_known_roots(void **state)
{
    (void)state;
    static const struct {
        size_t count;
        const char *root;
    } known[] = {
        {0, "0000000000000000000000000000000000000000000000000000000000000000"},
        {1, "c3ddc4126377de0671c82aa65054a575bfb8d09e1799616c0583172fb88e7855"},
        {3, "425f91c8419bdc177d61a2553df8dc71fac309cbd1c54014a50b41b62467da65"},
        {100, "71ede163c2b787b578bb9098a7fe1a58c65dd47818111c9cf3b3f25e9d21fc06"},
    };
    const cairn_smt_base base = {.scan = nothing};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        cairn_smt_change changes[100];
        char text[100][2][16];
        for (size_t k = 0; k < known[i].count; k++) {
            (void)snprintf(text[k][0], 16, "key-%zu", k);
            (void)snprintf(text[k][1], 16, "value-%zu", k);
            changes[k] = (cairn_smt_change){.key = cairn_bytes_str(text[k][0]),
                                            .value = cairn_bytes_str(text[k][1])};
        }
        CAIRN_CLEANUP(cairn_smt_free_p) cairn_smt *empty = NULL;
        CAIRN_CLEANUP(cairn_smt_free_p) cairn_smt *full = NULL;
        assert_int_equal(cairn_smt_new(&empty), CAIRN_OK);
        assert_int_equal(cairn_smt_sort(&base, changes, known[i].count), CAIRN_OK);
        assert_int_equal(cairn_smt_update(empty, &base, changes, known[i].count, 1, &full),
                         CAIRN_OK);
        char hex[65];
        cairn_hex_encode(cairn_bytes_hash(cairn_smt_root(full)), hex);
        assert_string_equal(hex, known[i].root);
    }
}

static void test_bounds(void **state)
{
    (void)state;
    static uint8_t big[65536];
    const cairn_smt_base base = {.scan = nothing};
    cairn_smt_change change = {.key = cairn_bytes_of(big, 256),
                               .value = cairn_bytes_of(big, 65535)};
    assert_int_equal(cairn_smt_sort(&base, &change, 1), CAIRN_OK);
    CAIRN_CLEANUP(cairn_smt_free_p) cairn_smt *empty = NULL;
    CAIRN_CLEANUP(cairn_smt_free_p) cairn_smt *full = NULL;
    assert_int_equal(cairn_smt_new(&empty), CAIRN_OK);
    assert_int_equal(cairn_smt_update(empty, &base, &change, 1, 1, &full), CAIRN_OK);
    cairn_arena arena;
    cairn_arena_init(&arena, 1 << 20);
    cairn_bytes value = {0};
    assert_int_equal(cairn_smt_get(full, &base, change.key, &arena, &value), CAIRN_OK);
    assert_true(cairn_bytes_equal(value, change.value));
    cairn_smt_proof proof = {0};
    assert_int_equal(cairn_smt_prove(full, &base, cairn_bytes_of(big, 0), &arena, &proof),
                     CAIRN_ERR_ARGUMENT);
    assert_int_equal(cairn_smt_prove(full, &base, cairn_bytes_of(big, 257), &arena, &proof),
                     CAIRN_ERR_ARGUMENT);
    cairn_arena_done(&arena);
    const cairn_smt_change bad[] = {
        {.key = cairn_bytes_of(big, 257), .value = cairn_bytes_of(big, 1)},
        {.key = cairn_bytes_of(big, 0), .value = cairn_bytes_of(big, 1)},
        {.key = cairn_bytes_of(big, 1), .value = cairn_bytes_of(big, 65536)},
        {.key = cairn_bytes_of(big, 1), .value = cairn_bytes_of(big, 0)},
    };
    for (size_t i = 0; i < 4; i++) {
        change = bad[i];
        assert_int_equal(cairn_smt_sort(&base, &change, 1), CAIRN_ERR_ARGUMENT);
    }
    cairn_smt_change twice[2] = {{.key = cairn_bytes_of(big, 1), .value = cairn_bytes_of(big, 1)},
                                 {.key = cairn_bytes_of(big, 1), .remove = true}};
    assert_int_equal(cairn_smt_sort(&base, twice, 2), CAIRN_ERR_ARGUMENT);
    cairn_smt *next = NULL;
    assert_int_equal(cairn_smt_update(full, &base, twice, 2, 2, &next), CAIRN_ERR_ARGUMENT);
    assert_null(next);
}

/* A model whose base holds every key, and the clean version over it. */
static cairn_smt *stored_world(model *m, size_t keys)
{
    model_init(m, keys, NULL, 5);
    static uint8_t values[MODEL_KEYS_MAX][16];
    static cairn_smt_change changes[MODEL_KEYS_MAX];
    CAIRN_CLEANUP(cairn_smt_free_p) cairn_smt *empty = NULL;
    CAIRN_CLEANUP(cairn_smt_free_p) cairn_smt *full = NULL;
    cairn_smt *clean = NULL;
    for (size_t k = 0; k < keys; k++)
        changes[k] = (cairn_smt_change){.key = model_name(m, k),
                                        .value = model_value((uint32_t)k + 1, values[k])};
    assert_int_equal(cairn_smt_new(&empty), CAIRN_OK);
    assert_int_equal(cairn_smt_sort(&m->base, changes, keys), CAIRN_OK);
    assert_int_equal(cairn_smt_update(empty, &m->base, changes, keys, 1, &full), CAIRN_OK);
    assert_int_equal(cairn_smt_each_dirty(full, 0, model_store, m), CAIRN_OK);
    assert_int_equal(cairn_smt_clean(full, 1, 0, 0, &clean), CAIRN_OK);
    return clean;
}

static cairn_err get_one(const cairn_smt *version, const model *m, size_t k)
{
    cairn_arena arena;
    cairn_arena_init(&arena, 1 << 16);
    cairn_bytes value = {0};
    cairn_err err = cairn_smt_get(version, &m->base, model_name(m, k), &arena, &value);
    cairn_arena_done(&arena);
    return err;
}

static cairn_err set_one(const cairn_smt *version, const model *m, size_t k)
{
    cairn_smt_change change = {.key = model_name(m, k), .value = cairn_bytes_str("new")};
    cairn_smt *next = NULL;
    cairn_err err = cairn_smt_sort(&m->base, &change, 1);
    if (err == CAIRN_OK)
        err = cairn_smt_update(version, &m->base, &change, 1, 9, &next);
    cairn_smt_free(next);
    return err;
}

static void swap_records(model *m, size_t a, size_t b)
{
    model_key key = m->keys[a];
    cairn_hash leaf = m->stored_leaf[a];
    size_t size = m->stored_size[a];
    uint8_t value[16];
    memcpy(value, m->stored_value[a], 16);
    m->keys[a] = m->keys[b];
    m->stored_leaf[a] = m->stored_leaf[b];
    m->stored_size[a] = m->stored_size[b];
    memcpy(m->stored_value[a], m->stored_value[b], 16);
    m->keys[b] = key;
    m->stored_leaf[b] = leaf;
    m->stored_size[b] = size;
    memcpy(m->stored_value[b], value, 16);
}

static void test_damage_in_the_base_is_never_served(void **state)
{
    (void)state;
    model *m = calloc(1, sizeof *m);
    assert_non_null(m);
    CAIRN_CLEANUP(cairn_smt_free_p) cairn_smt *version = stored_world(m, 300);
    cairn_smt *loaded = NULL;
    assert_int_equal(get_one(version, m, 100), CAIRN_OK);
    /* a bit of a leaf hash */
    m->stored_leaf[100].b[7] ^= 1;
    assert_int_equal(get_one(version, m, 100), CAIRN_ERR_CORRUPT);
    assert_int_equal(set_one(version, m, 100), CAIRN_ERR_CORRUPT);
    assert_int_equal(cairn_smt_load(&m->base, &loaded), CAIRN_ERR_CORRUPT);
    char hex[65];
    cairn_hex_encode(cairn_bytes_hash(&m->keys[100].path), hex);
    assert_non_null(strstr(cairn_err_detail(), hex));
    m->stored_leaf[100].b[7] ^= 1;
    /* a bit of a value, of a key, of a path */
    m->stored_value[100][0] ^= 4;
    assert_int_equal(get_one(version, m, 100), CAIRN_ERR_CORRUPT);
    assert_int_equal(cairn_smt_load(&m->base, &loaded), CAIRN_ERR_CORRUPT);
    m->stored_value[100][0] ^= 4;
    m->keys[100].path.b[31] ^= 1;
    assert_int_equal(get_one(version, m, 100), CAIRN_ERR_CORRUPT);
    assert_int_equal(cairn_smt_load(&m->base, &loaded), CAIRN_ERR_CORRUPT);
    m->keys[100].path.b[31] ^= 1;
    /* a record that is gone, one too many, and two in the wrong order */
    size_t size = m->stored_size[100];
    m->stored_size[100] = 0;
    assert_int_equal(get_one(version, m, 101), CAIRN_ERR_CORRUPT);
    m->stored_size[100] = size;
    assert_int_equal(get_one(version, m, 100), CAIRN_OK);
    swap_records(m, 7, 8);
    assert_int_equal(cairn_smt_load(&m->base, &loaded), CAIRN_ERR_CORRUPT);
    assert_non_null(strstr(cairn_err_detail(), "out of order"));
    assert_int_equal(get_one(version, m, 7), CAIRN_ERR_CORRUPT);
    assert_null(loaded);
    free(m);
}

static void test_a_moved_base_expires_a_retired_version(void **state)
{
    (void)state;
    model *m = calloc(1, sizeof *m);
    assert_non_null(m);
    CAIRN_CLEANUP(cairn_smt_free_p) cairn_smt *old = stored_world(m, 300);
    cairn_smt_change change = {.key = model_name(m, 50), .remove = true};
    CAIRN_CLEANUP(cairn_smt_free_p) cairn_smt *next = NULL;
    assert_int_equal(cairn_smt_sort(&m->base, &change, 1), CAIRN_OK);
    assert_int_equal(cairn_smt_update(old, &m->base, &change, 1, 2, &next), CAIRN_OK);
    assert_int_equal(get_one(old, m, 50), CAIRN_OK);
    assert_int_equal(get_one(next, m, 50), CAIRN_ERR_NOT_FOUND);
    assert_int_equal(cairn_smt_each_dirty(next, 1, model_store, m), CAIRN_OK);
    assert_int_equal(get_one(old, m, 50), CAIRN_ERR_CORRUPT);
    cairn_smt_retire(old);
    assert_int_equal(get_one(old, m, 50), CAIRN_ERR_VIEW_EXPIRED);
    assert_int_equal(get_one(old, m, 250), CAIRN_OK);
    assert_int_equal(get_one(next, m, 50), CAIRN_ERR_NOT_FOUND);
    free(m);
}

/* Keys that come and go between two checkpoints leave tombstones; no bucket may collect them. */
static void test_churn_stays_cheap(void **state)
{
    (void)state;
    model *m = calloc(1, sizeof *m);
    assert_non_null(m);
    model_init(m, 4000, NULL, 5);
    cairn_smt *version = NULL;
    assert_int_equal(cairn_smt_new(&version), CAIRN_OK);
    for (size_t k = 0; k < m->count * 2; k++) {
        cairn_smt_change change = {
            .key = model_name(m, k / 2), .value = cairn_bytes_str("v"), .remove = k % 2 == 1};
        cairn_smt *next = NULL;
        assert_int_equal(cairn_smt_sort(&m->base, &change, 1), CAIRN_OK);
        assert_int_equal(cairn_smt_update(version, &m->base, &change, 1, k + 1, &next), CAIRN_OK);
        cairn_smt_free(version);
        version = next;
    }
    static const uint8_t zero[32];
    assert_int_equal(cairn_smt_count(version), 0);
    assert_memory_equal(cairn_smt_root(version)->b, zero, 32);
    assert_int_equal(cairn_smt_dirty_count(version), m->count);
    cairn_smt *clean = NULL;
    assert_int_equal(cairn_smt_clean(version, m->count * 2, 0, 0, &clean), CAIRN_OK);
    assert_int_equal(cairn_smt_dirty_count(clean), 0);
    cairn_smt_free(clean);
    cairn_smt_free(version);
    free(m);
}

typedef struct reading {
    cairn_smt *version;
    const model *m;
} reading;

static void *read_and_drop(void *arg)
{
    reading *r = arg;
    model *own = malloc(sizeof *own);
    if (own == NULL)
        return r;
    *own = *r->m;
    own->base.ctx = own;
    bool good = true;
    for (size_t k = 0; k < 200 && good; k++)
        good = get_one(r->version, own, k) == CAIRN_OK;
    free(own);
    cairn_smt_free(r->version);
    return good ? NULL : r;
}

static void test_readers_share_versions_with_the_writer(void **state)
{
    (void)state;
    model *m = calloc(1, sizeof *m);
    assert_non_null(m);
    cairn_smt *version = stored_world(m, 300);
    model *before = malloc(sizeof *before);
    assert_non_null(before);
    *before = *m;
    reading readings[4];
    pthread_t threads[4];
    for (size_t i = 0; i < 4; i++) {
        readings[i] = (reading){.version = cairn_smt_hold(version), .m = before};
        assert_int_equal(pthread_create(&threads[i], NULL, read_and_drop, &readings[i]), 0);
    }
    for (uint64_t height = 2; height < 100; height++) {
        cairn_smt_change change = {.key = model_name(m, height), .value = cairn_bytes_str("x")};
        cairn_smt *next = NULL;
        assert_int_equal(cairn_smt_sort(&m->base, &change, 1), CAIRN_OK);
        assert_int_equal(cairn_smt_update(version, &m->base, &change, 1, height, &next), CAIRN_OK);
        cairn_smt_retire(version);
        cairn_smt_free(version);
        version = next;
    }
    for (size_t i = 0; i < 4; i++) {
        void *failed = NULL;
        assert_int_equal(pthread_join(threads[i], &failed), 0);
        assert_null(failed);
    }
    cairn_smt_free(version);
    free(before);
    free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_roots),
        cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_random_histories),
        cmocka_unit_test(test_random_histories_with_colliding_paths),
        cmocka_unit_test(test_damage_in_the_base_is_never_served),
        cmocka_unit_test(test_a_moved_base_expires_a_retired_version),
        cmocka_unit_test(test_churn_stays_cheap),
        cmocka_unit_test(test_readers_share_versions_with_the_writer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
