/* The store on LMDB: rows that come back, in this process and the next, and what the disk shows. */
#include "onboard/server/store_kv.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "core/store/file.h"
#include "onboard/server/store_key.h"
#include "support/fdo_world.h"
#include "support/tree.h"

enum { MAP_SIZE = 64 << 20 };

typedef struct fixture {
    char directory[64];
    char path[96];
    cairn_secret key;
    cairn_fdo_store_kv *kv;
    cairn_fdo_store store;
    cairn_arena arena;
} fixture;

static void open_store(fixture *f)
{
    assert_int_equal(cairn_fdo_store_kv_open(f->path, MAP_SIZE, &f->key, &f->kv), CAIRN_OK);
    f->store = cairn_fdo_store_kv_ops(f->kv);
}

static int setup(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    tree_make(f->directory, sizeof f->directory, "fdo-store");
    (void)snprintf(f->path, sizeof f->path, "%s/devices", f->directory);
    assert_int_equal(cairn_secret_random(&f->key, 32), CAIRN_OK);
    cairn_arena_init(&f->arena, 1 << 20);
    open_store(f);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    fixture *f = *state;
    cairn_fdo_store_kv_close(f->kv);
    cairn_arena_done(&f->arena);
    tree_remove(f->directory);
    free(f);
    return 0;
}

static cairn_fdo_guid guid_of(uint8_t n)
{
    cairn_fdo_guid guid;
    memset(guid.b, n, sizeof guid.b);
    return guid;
}

static cairn_err put_one(fixture *f, cairn_fdo_table table, uint8_t n, const char *value)
{
    const cairn_fdo_row row = {.table = table, .guid = guid_of(n), .value = cairn_bytes_str(value)};
    return cairn_fdo_store_put_wait(&f->store, &row, 1);
}

static void expect(fixture *f, cairn_fdo_table table, uint8_t n, const char *want)
{
    cairn_fdo_guid guid = guid_of(n);
    cairn_bytes value = {0};
    cairn_err err = f->store.get(f->store.context, table, &guid, &f->arena, &value);
    assert_int_equal(err, want == NULL ? CAIRN_ERR_NOT_FOUND : CAIRN_OK);
    if (want != NULL)
        assert_true(cairn_bytes_equal(value, cairn_bytes_str(want)));
}

static void test_rows(void **state)
{
    fixture *f = *state;
    assert_int_equal(put_one(f, CAIRN_FDO_VOUCHERS, 1, "one"), CAIRN_OK);
    assert_int_equal(put_one(f, CAIRN_FDO_VOUCHERS, 1, "uno"), CAIRN_OK);
    assert_int_equal(put_one(f, CAIRN_FDO_BLOBS, 1, "blob"), CAIRN_OK);
    expect(f, CAIRN_FDO_VOUCHERS, 1, "uno");
    expect(f, CAIRN_FDO_BLOBS, 1, "blob"); /* tables do not mix */
    expect(f, CAIRN_FDO_VOUCHERS, 2, NULL);
    const cairn_fdo_row rows[] = {{CAIRN_FDO_VOUCHERS, guid_of(1), {NULL, 0}},
                                  {CAIRN_FDO_VOUCHERS, guid_of(2), {(const uint8_t *)"two", 3}},
                                  {CAIRN_FDO_BLOBS, guid_of(3), {NULL, 0}}};
    assert_int_equal(cairn_fdo_store_put_wait(&f->store, rows, 3), CAIRN_OK);
    cairn_fdo_store_kv_close(f->kv);
    open_store(f);
    expect(f, CAIRN_FDO_VOUCHERS, 1, NULL);
    expect(f, CAIRN_FDO_VOUCHERS, 2, "two");
    expect(f, CAIRN_FDO_BLOBS, 1, "blob");
}

static cairn_err count_row(void *context, const cairn_fdo_guid *guid, cairn_bytes value)
{
    unsigned *seen = context;
    assert_int_equal(value.size, 1);
    assert_int_equal(value.data[0], guid->b[0]);
    *seen |= 1u << guid->b[0];
    return CAIRN_OK;
}

static cairn_err stop_at_once(void *context, const cairn_fdo_guid *guid, cairn_bytes value)
{
    (void)guid;
    (void)value;
    ++*(unsigned *)context;
    return CAIRN_ERR_CANCELLED;
}

static void test_each(void **state)
{
    fixture *f = *state;
    unsigned seen = 0;
    for (uint8_t i = 1; i < 20; i++)
        assert_int_equal(put_one(f, CAIRN_FDO_VOUCHERS, i, (const char[]){(char)i, '\0'}),
                         CAIRN_OK);
    assert_int_equal(f->store.each(f->store.context, CAIRN_FDO_VOUCHERS, count_row, &seen),
                     CAIRN_OK);
    assert_int_equal(seen, 0xffffe);
    seen = 0;
    assert_int_equal(f->store.each(f->store.context, CAIRN_FDO_VOUCHERS, stop_at_once, &seen),
                     CAIRN_ERR_CANCELLED);
    assert_int_equal(seen, 1);
    assert_int_equal(f->store.each(f->store.context, CAIRN_FDO_BLOBS, count_row, &seen), CAIRN_OK);
}

/* Who has another key finds no row, and can open none. */
static void test_other_key(void **state)
{
    fixture *f = *state;
    unsigned seen = 0;
    assert_int_equal(put_one(f, CAIRN_FDO_VOUCHERS, 1, "\x01"), CAIRN_OK);
    cairn_fdo_store_kv_close(f->kv);
    f->key.data[0] ^= 1;
    open_store(f);
    expect(f, CAIRN_FDO_VOUCHERS, 1, NULL);
    assert_int_equal(f->store.each(f->store.context, CAIRN_FDO_VOUCHERS, count_row, &seen),
                     CAIRN_ERR_CORRUPT);
}

/* [X1353-R25] Neither GUID nor content is on the disk. */
static void test_disk(void **state)
{
    fixture *f = *state;
    char path[128];
    cairn_bytes data = {0};
    cairn_arena arena;
    static const char secret[] = "a voucher that nobody shall read";
    assert_int_equal(put_one(f, CAIRN_FDO_VOUCHERS, 0xc7, secret), CAIRN_OK);
    cairn_arena_init(&arena, MAP_SIZE);
    (void)snprintf(path, sizeof path, "%s/data.mdb", f->path);
    assert_int_equal(cairn_file_read(&arena, path, MAP_SIZE, &data), CAIRN_OK);
    cairn_fdo_guid guid = guid_of(0xc7);
    assert_null(memmem(data.data, data.size, secret, 16));
    assert_null(memmem(data.data, data.size, guid.b, 8));
    cairn_arena_done(&arena);
}

/* The key is the vault's: it is there again the next time, and gone once its subject is erased. */
static void test_key(void **state)
{
    fixture *f = *state;
    char keys[128];
    char vault_path[128];
    char address[128];
    cairn_vault_holder *holder = NULL;
    cairn_vault *vault = NULL;
    cairn_secret first = {0};
    cairn_secret second = {0};
    (void)snprintf(keys, sizeof keys, "%s/keys", f->directory);
    (void)snprintf(vault_path, sizeof vault_path, "%s/vault", f->directory);
    (void)snprintf(address, sizeof address, "%s/store-key", f->directory);
    assert_int_equal(cairn_vault_holder_open_files(keys, &holder), CAIRN_OK);
    assert_int_equal(cairn_vault_open(vault_path, holder, &vault), CAIRN_OK);
    assert_int_equal(cairn_fdo_store_key(vault, address, &first), CAIRN_OK);
    assert_int_equal(cairn_fdo_store_key(vault, address, &second), CAIRN_OK);
    assert_true(cairn_secret_equal(cairn_secret_view(&first), cairn_secret_view(&second)));
    cairn_hash subject = cairn_fdo_store_subject();
    assert_int_equal(cairn_vault_erase(vault, &subject), CAIRN_OK);
    assert_int_equal(cairn_fdo_store_key(vault, address, &second), CAIRN_ERR_ERASED);
    assert_int_equal(cairn_file_replace(address, 0600, cairn_bytes_str("no address"), NULL),
                     CAIRN_OK);
    assert_int_equal(cairn_fdo_store_key(vault, address, &second), CAIRN_ERR_CORRUPT);
    cairn_vault_close(vault);
    cairn_vault_holder_free(holder);
}

static void test_records(void **state)
{
    fixture *f = *state;
    cairn_fdo_holding holding = {.voucher = cairn_bytes_str("v"),
                                 .owner_key = cairn_bytes_str("owner-1"),
                                 .device_key = cairn_bytes_str("k"),
                                 .salt = {{1}},
                                 .pseudonym = {{2}}};
    cairn_fdo_holding back = {0};
    cairn_bytes value = {0};
    for (int i = 0; i < 2; i++) {
        assert_int_equal(cairn_fdo_holding_encode(&f->arena, &holding, &value), CAIRN_OK);
        assert_int_equal(cairn_fdo_holding_read(value, &back), CAIRN_OK);
        assert_int_equal(back.has_successor, holding.has_successor);
        assert_int_equal(back.until_ms, holding.until_ms);
        assert_true(cairn_hash_equal(&back.pseudonym, &holding.pseudonym));
        for (size_t size = 0; size < value.size; size++)
            assert_int_equal(cairn_fdo_holding_read(cairn_bytes_of(value.data, size), &back),
                             CAIRN_ERR_CORRUPT);
        holding.has_successor = true;
        holding.successor = guid_of(9);
        holding.until_ms = UINT64_MAX;
    }
    const cairn_fdo_blob blob = {
        .to1d = cairn_bytes_str("t"), .device_key = cairn_bytes_str("k"), .until_ms = 7};
    cairn_fdo_blob again = {0};
    assert_int_equal(cairn_fdo_blob_encode(&f->arena, &blob, &value), CAIRN_OK);
    assert_int_equal(cairn_fdo_blob_read(value, &again), CAIRN_OK);
    assert_int_equal(again.until_ms, 7);
    for (size_t size = 0; size < value.size; size++)
        assert_int_equal(cairn_fdo_blob_read(cairn_bytes_of(value.data, size), &again),
                         CAIRN_ERR_CORRUPT);
}

static void put_holding(fixture *f, uint8_t n, bool has_successor, uint64_t until_ms)
{
    const cairn_fdo_holding holding = {.voucher = cairn_bytes_str("v"),
                                       .device_key = cairn_bytes_str("k"),
                                       .has_successor = has_successor,
                                       .successor = guid_of(0xaa),
                                       .until_ms = until_ms};
    cairn_fdo_row row = {.table = CAIRN_FDO_VOUCHERS, .guid = guid_of(n)};
    assert_int_equal(cairn_fdo_holding_encode(&f->arena, &holding, &row.value), CAIRN_OK);
    assert_int_equal(cairn_fdo_store_put_wait(&f->store, &row, 1), CAIRN_OK);
}

static bool is_held(fixture *f, cairn_fdo_table table, uint8_t n)
{
    cairn_fdo_guid guid = guid_of(n);
    cairn_bytes value = {0};
    return f->store.get(f->store.context, table, &guid, &f->arena, &value) == CAIRN_OK;
}

/* [X1353-R26] What ties an old GUID to a new one ends with the old one's grace. */
static void test_sweep(void **state)
{
    fixture *f = *state;
    size_t count = 0;
    for (uint8_t i = 0; i < 10; i++)
        put_holding(f, i, true, 100);
    put_holding(f, 10, true, 101);
    put_holding(f, 11, false, 0);
    for (uint8_t i = 0; i < 2; i++) {
        const cairn_fdo_blob blob = {
            .to1d = cairn_bytes_str("t"), .device_key = cairn_bytes_str("k"), .until_ms = 100 + i};
        cairn_fdo_row row = {.table = CAIRN_FDO_BLOBS, .guid = guid_of(i)};
        assert_int_equal(cairn_fdo_blob_encode(&f->arena, &blob, &row.value), CAIRN_OK);
        assert_int_equal(cairn_fdo_store_put_wait(&f->store, &row, 1), CAIRN_OK);
    }
    assert_int_equal(cairn_fdo_store_sweep(&f->store, 100, &count), CAIRN_OK);
    assert_int_equal(count, 11);
    assert_false(is_held(f, CAIRN_FDO_VOUCHERS, 0) || is_held(f, CAIRN_FDO_VOUCHERS, 9));
    assert_true(is_held(f, CAIRN_FDO_VOUCHERS, 10) && is_held(f, CAIRN_FDO_VOUCHERS, 11));
    assert_false(is_held(f, CAIRN_FDO_BLOBS, 0));
    assert_true(is_held(f, CAIRN_FDO_BLOBS, 1));
    assert_int_equal(cairn_fdo_store_sweep(&f->store, 100, &count), CAIRN_OK);
    assert_int_equal(count, 0);
}

/* --- the announcer, on this store --- */

typedef struct heard {
    _Atomic unsigned asked;
} heard;

static cairn_err post_counted(void *context, cairn_arena *arena, const char *url, uint8_t type,
                              cairn_bytes token, cairn_bytes body, uint8_t *ret_type,
                              cairn_bytes *ret_token, cairn_bytes *ret_body)
{
    static const uint8_t nonce[18] = {0x81, 0x50};
    static const uint8_t wait[] = {0x81, 0x19, 0x0e, 0x10};
    heard *h = context;
    (void)arena;
    (void)url;
    (void)token;
    (void)body;
    h->asked++;
    *ret_type = type == 20 ? 21 : 23;
    *ret_token = cairn_bytes_str("t");
    *ret_body =
        type == 20 ? cairn_bytes_of(nonce, sizeof nonce) : cairn_bytes_of(wait, sizeof wait);
    return CAIRN_OK;
}

static void wait_until(const heard *h, unsigned asked)
{
    for (int i = 0; h->asked < asked && i < 20000; i++)
        (void)usleep(1000);
    assert_int_equal(h->asked, asked);
}

/* What is held at the start is announced, and what comes later; a failure is tried again in its
 * time, what was heard before it is forgotten. */
static void test_announcer(void **state)
{
    (void)state;
    fdo_world w;
    fdo_device d;
    heard h = {0};
    cairn_fdo_announcer *announcer = NULL;
    fdo_world_init(&w);
    fdo_device_init(&d, &w, CAIRN_KEY_P256);
    assert_int_equal(fdo_device_di(&d), 0);
    const cairn_fdo_announce_options options = {.clock = w.options.clock,
                                                .store = w.options.store,
                                                .signer = w.signer,
                                                .addresses = &w.address,
                                                .address_count = 1,
                                                .wait_s = 3600,
                                                .post = post_counted,
                                                .post_context = &h};
    assert_int_equal(cairn_fdo_announcer_start(&options, &announcer), CAIRN_OK);
    wait_until(&h, 2);
    cairn_fdo_guid nobody = guid_of(1);
    cairn_fdo_announcer_add(announcer, &nobody); /* not held: nobody is asked */
    cairn_fdo_announcer_add(announcer, &d.guid);
    wait_until(&h, 4);
    cairn_fdo_announcer_stop(announcer);
    fdo_device_done(&d);
    fdo_world_done(&w);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest all[] = {
        TEST(test_rows), TEST(test_each),    TEST(test_other_key), TEST(test_disk),
        TEST(test_key),  TEST(test_records), TEST(test_sweep),     cmocka_unit_test(test_announcer),
    };
    return cmocka_run_group_tests(all, NULL, NULL);
}
