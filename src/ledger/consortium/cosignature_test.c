/* Cosignatures: their bytes, what they bind, and whose count. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "feature_list.h"
#include "ledger/consortium/cosignature.h"
#include "ledger/store/store.h"
#include "support/ledger_fixture.h"

typedef struct world {
    ledger_fixture f;
    char *directory;
    cairn_store *store;
    cairn_engine *engine;
    cairn_arena arena;
    char origin[CAIRN_ORIGIN_SIZE + 1];
} world;

static cairn_err get_state(void *context, cairn_map_id map, cairn_bytes key, cairn_arena *arena,
                           cairn_bytes *ret_value)
{
    return cairn_engine_get_newest(context, map, key, arena, ret_value);
}

static cairn_state_source state_of(const world *w)
{
    return (cairn_state_source){.context = w->engine, .get = get_state};
}

static void grow(world *w, uint64_t number)
{
    cairn_verdict verdict;
    cairn_bytes tx = fixture_anchor(&w->f, number, FIXTURE_TIME_MS + 60000);
    assert_int_equal(cairn_engine_wait(w->engine, tx, &verdict), CAIRN_OK);
}

static int set_up(void **state)
{
    static cairn_clock_manual clock = {.wall_ms = FIXTURE_TIME_MS + 1000};
    cairn_store_options options;
    world *w = calloc(1, sizeof *w);
    assert_non_null(w);
    fixture_open(&w->f, 1);
    cairn_arena_init(&w->arena, 1 << 24);
    w->directory = fixture_directory();
    cairn_store_options_default(&options, &cairn_all_features);
    options.index_size_max = UINT64_C(1) << 30;
    options.clock = cairn_clock_of_manual(&clock);
    assert_int_equal(cairn_store_open(w->directory, &options, &w->store), CAIRN_OK);
    assert_int_equal(cairn_store_create(w->store, w->f.genesis, &w->engine), CAIRN_OK);
    cairn_ledger_origin(&w->f.ledger, w->origin);
    grow(w, 1);
    grow(w, 2);
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    world *w = *state;
    assert_int_equal(cairn_store_close(w->store), CAIRN_OK);
    fixture_remove(w->directory);
    cairn_arena_done(&w->arena);
    fixture_close(&w->f);
    free(w);
    return 0;
}

/* Signed by the member's own key, over the newest boundary. */
static cairn_cosignature sign(world *w)
{
    cairn_cosignature c;
    cairn_bytes message;
    uint8_t signature[CAIRN_SIGNATURE_SIZE_MAX];
    size_t size = 0;
    cairn_view *view = cairn_engine_view(w->engine);
    assert_int_equal(cairn_boundary_of(w->engine, &w->arena, view->log_size, &c.boundary),
                     CAIRN_OK);
    cairn_view_free(view);
    c.kid = *cairn_key_id(w->f.cosign);
    assert_int_equal(cairn_cosignature_message(&w->arena, w->origin, &c.boundary, &c.kid, &message),
                     CAIRN_OK);
    assert_int_equal(cairn_key_sign(w->f.cosign, message, signature, &size), CAIRN_OK);
    assert_int_equal(size, sizeof c.signature);
    memcpy(c.signature, signature, sizeof c.signature);
    return c;
}

/* Older boundaries are those that the views had; between them there is none. */
static void test_boundaries(void **state)
{
    world *w = *state;
    cairn_boundary b;
    for (uint64_t number = 3; number < 8; number++) {
        cairn_view *view = cairn_engine_view(w->engine);
        grow(w, number);
        assert_int_equal(cairn_boundary_of(w->engine, &w->arena, view->log_size, &b), CAIRN_OK);
        assert_int_equal(b.size, view->log_size);
        assert_int_equal(b.height, view->height);
        assert_int_equal(b.time_ms, view->time_ms);
        assert_true(cairn_hash_equal(&b.root, &view->log_root));
        /* the transaction that came then, before its block's entry */
        assert_int_equal(cairn_boundary_of(w->engine, &w->arena, view->log_size + 1, &b),
                         CAIRN_ERR_BAD_VALUE);
        assert_int_equal(cairn_boundary_of(w->engine, &w->arena, view->log_size + 3, &b),
                         CAIRN_ERR_UNAVAILABLE);
        cairn_view_free(view);
    }
    assert_int_equal(cairn_boundary_of(w->engine, &w->arena, 0, &b), CAIRN_ERR_BAD_VALUE);
    assert_int_equal(cairn_boundary_of(w->engine, &w->arena, 1, &b), CAIRN_ERR_BAD_VALUE);
    assert_int_equal(cairn_boundary_of(w->engine, &w->arena, UINT64_MAX, &b),
                     CAIRN_ERR_UNAVAILABLE);
}

/* It is the signature of a COSE receipt: one is made of it and verified. */
static void test_makes_a_receipt(void **state)
{
    world *w = *state;
    const cairn_cosignature c = sign(w);
    const cairn_hash *path = NULL;
    size_t count = 0;
    cairn_bytes entry, encoded;
    cairn_receipt receipt;
    cairn_hash root;
    cairn_view *view = cairn_engine_view(w->engine);
    assert_int_equal(cairn_engine_prove_entry(w->engine, view, 1, &w->arena, &entry, &path, &count),
                     CAIRN_OK);
    cairn_view_free(view);
    const cairn_receipt_head head = {.origin = cairn_bytes_str(w->origin),
                                     .kid = c.kid,
                                     .height = c.boundary.height,
                                     .time_ms = c.boundary.time_ms,
                                     .size = c.boundary.size};
    assert_int_equal(cairn_receipt_assemble(&w->arena, &head, 1, path, count,
                                            cairn_bytes_of(c.signature, sizeof c.signature),
                                            &encoded),
                     CAIRN_OK);
    assert_int_equal(cairn_receipt_decode(&w->arena, encoded, &receipt), CAIRN_OK);
    assert_int_equal(cairn_receipt_verify(&w->arena, &receipt, entry, w->f.cosign, &root),
                     CAIRN_OK);
    assert_true(cairn_hash_equal(&root, &c.boundary.root));
}

/* Every bit is part of its form, or signed, or names the key. */
static void test_every_bit(void **state)
{
    world *w = *state;
    const cairn_cosignature c = sign(w);
    cairn_cosignature read;
    uint8_t bytes[CAIRN_COSIGNATURE_SIZE_MAX];
    size_t size = cairn_cosignature_encode(&c, bytes);
    assert_int_equal(cairn_cosignature_decode(cairn_bytes_of(bytes, size), &read), CAIRN_OK);
    assert_memory_equal(&read, &c, sizeof c);
    assert_int_equal(cairn_cosignature_verify(&w->arena, w->origin, &read, w->f.cosign), CAIRN_OK);
    for (size_t bit = 0; bit < 8 * size; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        cairn_err err = cairn_cosignature_decode(cairn_bytes_of(bytes, size), &read);
        if (err == CAIRN_OK)
            assert_int_equal(cairn_cosignature_verify(&w->arena, w->origin, &read, w->f.cosign),
                             CAIRN_ERR_BAD_SIGNATURE);
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    for (size_t cut = 0; cut < size; cut++)
        assert_int_not_equal(cairn_cosignature_decode(cairn_bytes_of(bytes, cut), &read), CAIRN_OK);
    assert_int_equal(cairn_cosignature_verify(&w->arena, "cairn/other", &c, w->f.cosign),
                     CAIRN_ERR_BAD_SIGNATURE);
}

static void test_bytes(void **state)
{
    (void)state;
    cairn_cosignature c = {.boundary = {.size = UINT64_C(1) << 62,
                                        .height = (uint64_t)INT64_MAX,
                                        .time_ms = CAIRN_TIME_MAX_MS}};
    cairn_cosignature read;
    uint8_t bytes[CAIRN_COSIGNATURE_SIZE_MAX];
    size_t size = cairn_cosignature_encode(&c, bytes);
    assert_int_equal(size, CAIRN_COSIGNATURE_SIZE_MAX); /* as the format's page says: 182 */
    assert_int_equal(size, 182);
    assert_int_equal(cairn_cosignature_decode(cairn_bytes_of(bytes, size), &read), CAIRN_OK);
    c.boundary.size = 0;
    size = cairn_cosignature_encode(&c, bytes);
    assert_int_equal(cairn_cosignature_decode(cairn_bytes_of(bytes, size), &read),
                     CAIRN_ERR_BAD_VALUE);
}

static void test_who(void **state)
{
    world *w = *state;
    const cairn_state_source source = state_of(w);
    cairn_key *key = NULL;
    cairn_hash org;
    assert_int_equal(cairn_member_cosigner(&source, cairn_key_id(w->f.cosign), &org, &key),
                     CAIRN_OK);
    assert_true(cairn_hash_equal(&org, &w->f.org));
    cairn_key_free(key);
    /* a member's, but for transactions; and one that nobody knows */
    assert_int_equal(cairn_member_cosigner(&source, cairn_key_id(w->f.key), &org, &key),
                     CAIRN_ERR_NOT_TRUSTED);
    cairn_key *stranger = fixture_key(99);
    assert_int_equal(cairn_member_cosigner(&source, cairn_key_id(stranger), &org, &key),
                     CAIRN_ERR_NOT_TRUSTED);
    cairn_key_free(stranger);
}

/* The state as if the organisation were suspended. */
static cairn_err get_suspended(void *context, cairn_map_id map, cairn_bytes key, cairn_arena *arena,
                               cairn_bytes *ret_value)
{
    const cairn_state_source *source = context;
    cairn_org_record org;
    uint8_t out[CAIRN_ORG_RECORD_SIZE_MAX];
    CAIRN_TRY(source->get(source->context, map, key, arena, ret_value));
    if (key.size < 4 || memcmp(key.data, "org/", 4) != 0)
        return CAIRN_OK;
    CAIRN_TRY(cairn_org_record_decode(*ret_value, &org));
    org.status = CAIRN_ORG_SUSPENDED;
    return cairn_arena_copy(arena, cairn_bytes_of(out, cairn_org_record_encode(&org, out)),
                            ret_value);
}

static cairn_err count_key(void *context, const cairn_hash *org, cairn_key *key)
{
    (void)org;
    (void)key;
    ++*(size_t *)context;
    return CAIRN_OK;
}

/* Its keys have no end, and it counts no more: neither in receipts nor in checkpoints. */
static void test_who_is_suspended(void **state)
{
    world *w = *state;
    cairn_state_source source = state_of(w);
    const cairn_state_source suspended = {.context = &source, .get = get_suspended};
    cairn_key *key = NULL;
    cairn_hash org;
    size_t count = 0;
    assert_int_equal(cairn_member_cosigner(&suspended, cairn_key_id(w->f.cosign), &org, &key),
                     CAIRN_ERR_NOT_TRUSTED);
    assert_int_equal(cairn_member_each_note_key(&suspended, count_key, &count), CAIRN_OK);
    assert_int_equal(count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_boundaries, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_makes_a_receipt, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_every_bit, set_up, tear_down),
        cmocka_unit_test(test_bytes),
        cmocka_unit_test_setup_teardown(test_who, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_who_is_suspended, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
