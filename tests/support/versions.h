/* Builds of two application versions, for tests alone: one type whose act changes with version 2,
 * and one that comes with it. */
#ifndef CAIRN_TESTS_SUPPORT_VERSIONS_H
#define CAIRN_TESTS_SUPPORT_VERSIONS_H

#include "cairn/cbor.h"
#include "feature_list.h"
#include "ledger/apply.h"

enum { TEST_TX_CHANGED = 1000, TEST_TX_LATER = 1001, TEST_FEATURES_MAX = 16 };

/* Bodies are those of an anchor: {1: hash}. */
static cairn_err test_decode(cairn_arena *arena, cairn_cbor_reader *r, void **ret_act)
{
    cairn_cbor_map map;
    cairn_hash *hash = NULL;
    CAIRN_TRY(CAIRN_ARENA_NEW(arena, &hash));
    CAIRN_TRY(cairn_cbor_read_map(r, "body", &map));
    CAIRN_TRY(cairn_cbor_key(r, &map, 1, "hash"));
    CAIRN_TRY(cairn_cbor_read_hash(r, "hash", hash));
    CAIRN_TRY(cairn_cbor_end_map(r, &map));
    *ret_act = hash;
    return CAIRN_OK;
}

/* `test/` and the hash holds {1: organisation, 2: height}, from version 2 on with 3: 2. */
static cairn_err test_write(cairn_apply *apply, const cairn_hash *hash, bool second)
{
    uint8_t out[64];
    cairn_state_key key;
    cairn_cbor_writer w;
    cairn_bytes value;
    cairn_cbor_writer_init(&w, out, sizeof out);
    cairn_cbor_put_map(&w, second ? 3 : 2);
    cairn_cbor_put_int(&w, 1);
    cairn_cbor_put_hash(&w, cairn_apply_org(apply));
    cairn_cbor_put_int(&w, 2);
    cairn_cbor_put_uint(&w, cairn_apply_height(apply));
    if (second) {
        cairn_cbor_put_int(&w, 3);
        cairn_cbor_put_uint(&w, 2);
    }
    CAIRN_TRY(cairn_cbor_writer_end(&w, &value));
    cairn_state_key_make(&key, "test/", cairn_bytes_hash(hash));
    return cairn_apply_put(apply, CAIRN_MAP_STATE, &key, value.data, value.size);
}

static cairn_err test_apply_1(cairn_apply *apply, const void *act)
{
    return test_write(apply, act, false);
}

static cairn_err test_apply_2(cairn_apply *apply, const void *act)
{
    return test_write(apply, act, true);
}

static const cairn_tx_row test_rows_1[] = {
    {TEST_TX_CHANGED, "test.changed", 1, 0, false, test_decode, test_apply_1, "house"},
};
static const cairn_tx_row test_rows_2[] = {
    {TEST_TX_CHANGED, "test.changed", 1, 2, false, test_decode, test_apply_1, "house"},
    {TEST_TX_CHANGED, "test.changed", 2, 0, false, test_decode, test_apply_2, "house"},
    {TEST_TX_LATER, "test.later", 2, 0, false, test_decode, test_apply_2, "house"},
};
static const cairn_feature test_feature_1 = {
    .name = "test", .transactions = test_rows_1, .transaction_count = 1};
static const cairn_feature test_feature_2 = {
    .name = "test", .transactions = test_rows_2, .transaction_count = 3};

/* The tables of a build that knows so many versions, 1 or 2: ours, and those above. */
static inline const cairn_features *test_features(uint64_t version)
{
    static const cairn_feature *lists[2][TEST_FEATURES_MAX];
    static cairn_features tables[2];
    cairn_features *table = &tables[version - 1];
    const cairn_feature **list = lists[version - 1];
    CAIRN_ASSERT(cairn_all_features.count < TEST_FEATURES_MAX);
    for (size_t i = 0; i < cairn_all_features.count; i++)
        list[i] = cairn_all_features.list[i];
    list[cairn_all_features.count] = version == 1 ? &test_feature_1 : &test_feature_2;
    *table = (cairn_features){
        .list = list, .count = cairn_all_features.count + 1, .app_version = version};
    return table;
}

#endif
