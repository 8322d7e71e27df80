/* What a chain begins with, out of the engine's genesis.json. */
#include "support/ledger_fixture.h"

#include <string.h>

#include "feature_list.h"
#include "ledger/consortium/chain.h"
#include "support/abci_ask.h"

typedef struct world {
    cairn_arena arena;
    cairn_chain_start start;
    cairn_bytes json;
} world;

static void begin(world *w, uint64_t height)
{
    *w = (world){.start = {.height = height, .app_hash = {{0xab, [31] = 0xcd}}}};
    cairn_arena_init(&w->arena, 64 << 20);
    w->start.genesis = fixture_genesis(&w->arena, 3, 1, NULL);
    assert_int_equal(cairn_chain_start_encode(&w->arena, &w->start, &w->json), CAIRN_OK);
}

static void test_start_round_trip(void **state)
{
    (void)state;
    world w;
    cairn_chain_start read;
    begin(&w, 41);
    assert_int_equal(cairn_chain_start_decode(&w.arena, w.json, &read), CAIRN_OK);
    assert_true(cairn_bytes_equal(read.genesis, w.start.genesis));
    assert_int_equal(read.height, 41);
    assert_memory_equal(read.app_hash.b, w.start.app_hash.b, 32);
    cairn_arena_done(&w.arena);
}

/* As a store would have it that was made with that genesis. */
static void test_start_of_a_new_ledger(void **state)
{
    (void)state;
    world w;
    cairn_chain_start start;
    cairn_store_options options;
    cairn_store *store = NULL;
    cairn_engine *engine = NULL;
    begin(&w, 0);
    assert_int_equal(cairn_chain_start_new(&w.arena, &cairn_all_features, w.start.genesis, &start),
                     CAIRN_OK);
    char *directory = fixture_directory();
    cairn_store_options_default(&options, &cairn_all_features);
    options.index_size_max = UINT64_C(1) << 30;
    assert_int_equal(cairn_store_open(directory, &options, &store), CAIRN_OK);
    assert_int_equal(cairn_store_create(store, w.start.genesis, &engine), CAIRN_OK);
    cairn_hash theirs = abci_app_hash_of(engine);
    assert_true(cairn_hash_equal(&start.app_hash, &theirs));
    assert_int_equal(start.height, 0);
    assert_true(cairn_bytes_equal(start.genesis, w.start.genesis));
    assert_int_not_equal(cairn_chain_start_new(&w.arena, &cairn_all_features,
                                               cairn_bytes_of(w.start.genesis.data, 20), &start),
                         CAIRN_OK);
    assert_int_equal(cairn_store_close(store), CAIRN_OK);
    fixture_remove(directory);
    cairn_arena_done(&w.arena);
}

static cairn_err decode_start(world *w, const char *text)
{
    cairn_chain_start read;
    return cairn_chain_start_decode(&w->arena, cairn_bytes_str(text), &read);
}

static void test_start_that_is_refused(void **state)
{
    (void)state;
    world w;
    char text[65536];
    begin(&w, 0);
    assert_int_equal(decode_start(&w, ""), CAIRN_ERR_BAD_VALUE);
    assert_int_equal(decode_start(&w, "{}"), CAIRN_ERR_MISSING_FIELD);
    assert_int_equal(decode_start(&w, "{\"genesis\":1}"), CAIRN_ERR_WRONG_TYPE);
    (void)snprintf(text, sizeof text, "%.*s,\"more\":1}", (int)w.json.size - 1,
                   (const char *)w.json.data);
    assert_int_equal(decode_start(&w, text), CAIRN_ERR_UNKNOWN_FIELD);
    (void)snprintf(text, sizeof text, "%.*s,\"height\":0}", (int)w.json.size - 1,
                   (const char *)w.json.data);
    assert_int_equal(decode_start(&w, text), CAIRN_ERR_BAD_VALUE); /* twice */
    (void)snprintf(text, sizeof text, "%.*s", (int)w.json.size, (const char *)w.json.data);
    char *height = strstr(text, "\"height\":0");
    assert_non_null(height);
    memcpy(height, "\"height\":x", 10);
    assert_int_equal(decode_start(&w, text), CAIRN_ERR_BAD_VALUE);
    (void)snprintf(text, sizeof text, "%.*s", (int)w.json.size, (const char *)w.json.data);
    text[strlen("{\"genesis\":\"") + 3] ^= 1; /* another genesis, or none */
    assert_int_not_equal(decode_start(&w, text), CAIRN_OK);
    cairn_arena_done(&w.arena);
}

/* A genesis.json with these two, as the engine writes it. */
static cairn_err decode(world *w, const char *id, const char *height, cairn_chain *ret_chain)
{
    static char text[65536];
    (void)snprintf(text, sizeof text,
                   "{\"genesis_time\":\"2026-11-24T15:27:53Z\",\"chain_id\":\"%s\","
                   "\"initial_height\":\"%s\",\"consensus_params\":{},\"validators\":[],"
                   "\"app_hash\":\"\",\"app_state\":%.*s}",
                   id, height, (int)w->json.size, (const char *)w->json.data);
    return cairn_chain_decode(&w->arena, cairn_bytes_str(text), ret_chain);
}

static void test_whole_file(void **state)
{
    (void)state;
    world w;
    cairn_chain chain;
    cairn_hash ledger;
    char id[CAIRN_LIGHT_CHAIN_ID_SIZE_MAX + 1], other[sizeof id + 1];
    begin(&w, 41);
    cairn_ledger_id(w.start.genesis, &ledger);
    cairn_light_chain_id(&ledger, 41, id);
    assert_int_equal(decode(&w, id, "42", &chain), CAIRN_OK);
    assert_string_equal(chain.id, id);
    assert_int_equal(chain.initial_height, 42);
    assert_int_equal(decode(&w, id, "41", &chain), CAIRN_ERR_BAD_VALUE);
    assert_int_equal(decode(&w, id, "", &chain), CAIRN_ERR_BAD_VALUE);
    assert_int_equal(decode(&w, id, "4x", &chain), CAIRN_ERR_BAD_VALUE);
    assert_int_equal(decode(&w, id, "99999999999999999999", &chain), CAIRN_ERR_BAD_VALUE);
    cairn_light_chain_id(&ledger, 40, other); /* of the same ledger, from another height */
    assert_int_equal(decode(&w, other, "42", &chain), CAIRN_ERR_BAD_VALUE);
    (void)snprintf(other, sizeof other, "%s0", id);
    assert_int_equal(decode(&w, other, "42", &chain), CAIRN_ERR_BAD_VALUE);
    assert_int_equal(decode(&w, "", "42", &chain), CAIRN_ERR_BAD_VALUE);
    cairn_arena_done(&w.arena);
    begin(&w, 0);
    cairn_light_chain_id(&ledger, 0, id);
    assert_int_equal(decode(&w, id, "0", &chain), CAIRN_OK); /* the engine's word for 1 */
    assert_int_equal(chain.initial_height, 1);
    cairn_arena_done(&w.arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_start_round_trip),
        cmocka_unit_test(test_start_of_a_new_ledger),
        cmocka_unit_test(test_start_that_is_refused),
        cmocka_unit_test(test_whole_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
