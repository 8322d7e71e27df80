/* Tiles and bundles: the layout of C2SP tlog-tiles, and Tessera's log of 15 entries. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cairn/note.h"
#include "ledger/log/tile.h"
#include "support/shared.h"

static void check_path(const char *path, cairn_tile want)
{
    char text[CAIRN_TILE_PATH_SIZE_MAX];
    cairn_tile got;
    cairn_tile_path(&want, text);
    assert_string_equal(text, path);
    assert_int_equal(cairn_tile_parse(cairn_bytes_str(path), &got), CAIRN_OK);
    assert_int_equal(got.kind, want.kind);
    assert_int_equal(got.level, want.level);
    assert_int_equal(got.index, want.index);
    assert_int_equal(got.width, want.width);
}

static void test_paths(void **state)
{
    (void)state;
    /* the specification's example */
    check_path("tile/3/x001/x234/067", (cairn_tile){CAIRN_TILE_HASHES, 3, 1234067, 256});
    check_path("tile/0/000", (cairn_tile){CAIRN_TILE_HASHES, 0, 0, 256});
    check_path("tile/0/273.p/112", (cairn_tile){CAIRN_TILE_HASHES, 0, 273, 112});
    check_path("tile/2/000.p/1", (cairn_tile){CAIRN_TILE_HASHES, 2, 0, 1});
    check_path("tile/entries/999.p/255", (cairn_tile){CAIRN_TILE_ENTRIES, 0, 999, 255});
    check_path("tile/entries/x001/000", (cairn_tile){CAIRN_TILE_ENTRIES, 0, 1000, 256});
    /* the last tile of the largest log */
    check_path("tile/0/x036/x028/x797/x018/x963/967.p/255",
               (cairn_tile){CAIRN_TILE_HASHES, 0, CAIRN_LOG_SIZE_MAX / 256, 255});
    check_path("tile/7/000.p/127", (cairn_tile){CAIRN_TILE_HASHES, 7, 0, 127});
}

static void test_paths_that_are_none(void **state)
{
    static const char *const bad[] = {
        "",
        "tile",
        "tile/",
        "/tile/0/000",
        "tile//000",
        "tile/0",
        "tile/0/",
        "tile/0/0",
        "tile/0/00",
        "tile/0/0000",
        "tile/00/000",
        "tile/8/000",
        "tile/63/000",
        "tile/0/x000/000",
        "tile/0/x001",
        "tile/0/001/000",
        "tile/0/x001/x000",
        "tile/0/x1/000",
        "tile/0/000/",
        "tile/0/000.p",
        "tile/0/000.p/",
        "tile/0/000.p/0",
        "tile/0/000.p/01",
        "tile/0/000.p/256",
        "tile/0/000.p/1 ",
        "tile/0/000.p/-1",
        "tile/7/001",
        "tile/0/x036/x028/x797/x018/x963/968",
        "tile/0/x999/x999/x999/x999/x999/999",
        "tile/0/x001/x036/x028/x797/x018/x963/968",
        "tile/entries",
        "tile/entries/0/000",
        "tile/entries000",
        "tile/data/000",
        "tile/0/../000",
    };
    cairn_tile tile;
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (cairn_tile_parse(cairn_bytes_str(bad[i]), &tile) != CAIRN_ERR_BAD_VALUE)
            fail_msg("%s was taken", bad[i]);
    assert_int_equal(cairn_tile_parse(cairn_bytes_of("tile/0/000\0", 11), &tile),
                     CAIRN_ERR_BAD_VALUE);
}

/* The specification's example: 70,000 entries, and the note on 256. */
static void test_widths(void **state)
{
    (void)state;
    assert_int_equal(cairn_tile_width(70000, 0, 0), 256);
    assert_int_equal(cairn_tile_width(70000, 0, 272), 256);
    assert_int_equal(cairn_tile_width(70000, 0, 273), 112);
    assert_int_equal(cairn_tile_width(70000, 0, 274), 0);
    assert_int_equal(cairn_tile_width(70000, 1, 0), 256);
    assert_int_equal(cairn_tile_width(70000, 1, 1), 17);
    assert_int_equal(cairn_tile_width(70000, 2, 0), 1);
    assert_int_equal(cairn_tile_width(70000, 3, 0), 0);
    assert_int_equal(cairn_tile_width(256, 0, 0), 256);
    assert_int_equal(cairn_tile_width(256, 0, 1), 0);
    assert_int_equal(cairn_tile_width(256, 1, 0), 1);
    assert_int_equal(cairn_tile_width(CAIRN_LOG_SIZE_MAX, 7, 0), 127);
    assert_int_equal(cairn_tile_width(70000, 0, UINT64_MAX), 0);
}

static void test_bundles(void **state)
{
    static uint8_t buffer[70000];
    static uint8_t large[CAIRN_BUNDLE_ENTRY_SIZE_MAX + 1];
    cairn_bytes entries[CAIRN_TILE_WIDTH];
    size_t size = 0;
    (void)state;
    assert_int_equal(cairn_bundle_append(buffer, 9, &size, cairn_bytes_str("one")), CAIRN_OK);
    assert_int_equal(cairn_bundle_append(buffer, 9, &size, cairn_bytes_str("")), CAIRN_OK);
    assert_int_equal(cairn_bundle_append(buffer, 9, &size, cairn_bytes_str("x")),
                     CAIRN_ERR_TOO_LARGE);
    assert_int_equal(size, 7);
    assert_memory_equal(buffer, "\0\3one\0\0", 7);
    assert_int_equal(cairn_bundle_decode(cairn_bytes_of(buffer, size), 2, entries), CAIRN_OK);
    assert_true(cairn_bytes_equal(entries[0], cairn_bytes_str("one")));
    assert_int_equal(entries[1].size, 0);
    assert_int_equal(cairn_bundle_decode(cairn_bytes_of(buffer, size), 1, entries),
                     CAIRN_ERR_TRAILING);
    assert_int_equal(cairn_bundle_decode(cairn_bytes_of(buffer, size), 3, entries),
                     CAIRN_ERR_TRUNCATED);
    assert_int_equal(cairn_bundle_decode(cairn_bytes_of(buffer, size - 1), 2, entries),
                     CAIRN_ERR_TRUNCATED);
    assert_int_equal(cairn_bundle_decode(cairn_bytes_of(buffer, 4), 1, entries),
                     CAIRN_ERR_TRUNCATED);
    size = 0;
    assert_int_equal(
        cairn_bundle_append(buffer, sizeof buffer, &size, cairn_bytes_of(large, sizeof large)),
        CAIRN_ERR_TOO_LARGE);
    assert_int_equal(
        cairn_bundle_append(buffer, sizeof buffer, &size, cairn_bytes_of(large, sizeof large - 1)),
        CAIRN_OK);
    assert_int_equal(cairn_bundle_decode(cairn_bytes_of(buffer, size), 1, entries), CAIRN_OK);
    assert_int_equal(entries[0].size, 65535);
}

static void test_hash_tiles(void **state)
{
    uint8_t file[96] = {[32] = 7};
    cairn_hash hashes[CAIRN_TILE_WIDTH];
    (void)state;
    assert_int_equal(cairn_tile_hashes(cairn_bytes_of(file, 64), 2, hashes), CAIRN_OK);
    assert_int_equal(hashes[1].b[0], 7);
    assert_int_equal(cairn_tile_hashes(cairn_bytes_of(file, 64), 1, hashes), CAIRN_ERR_MISMATCH);
    assert_int_equal(cairn_tile_hashes(cairn_bytes_of(file, 95), 3, hashes), CAIRN_ERR_MISMATCH);
}

/* Tessera's log, read through its files. */

typedef struct test_log {
    char path[4096];
} test_log;

static cairn_bytes read_named(const test_log *log, const char *name)
{
    char path[4200];
    (void)snprintf(path, sizeof path, "%s/%s", log->path, name);
    return test_read_file(path);
}

static cairn_err read_tile(void *context, unsigned level, uint64_t tile_index, size_t count,
                           cairn_hash *ret_hashes)
{
    char path[CAIRN_TILE_PATH_SIZE_MAX];
    cairn_tile tile = {CAIRN_TILE_HASHES, level, tile_index, (unsigned)count};
    cairn_tile_path(&tile, path);
    CAIRN_CLEANUP(test_file_free) cairn_bytes file = read_named(context, path);
    assert_non_null(file.data);
    return cairn_tile_hashes(file, tile.width, ret_hashes);
}

static bool open_log(test_log *ret_log)
{
    char path[4096];
    if (!test_shared_path("ledger/tlog-tiles/checkpoint", path))
        return false;
    *strrchr(path, '/') = '\0';
    strcpy(ret_log->path, path);
    return true;
}

static void check_bundle(const test_log *log, unsigned size, const cairn_hash *root)
{
    char path[CAIRN_TILE_PATH_SIZE_MAX];
    cairn_bytes entries[CAIRN_TILE_WIDTH];
    cairn_hash leaves[CAIRN_TILE_WIDTH], hashes[CAIRN_TILE_WIDTH], got;
    cairn_tile tile = {CAIRN_TILE_ENTRIES, 0, 0, size};
    static uint8_t again[65536];
    size_t again_size = 0;
    cairn_tile_path(&tile, path);
    CAIRN_CLEANUP(test_file_free) cairn_bytes bundle = read_named(log, path);
    assert_non_null(bundle.data);
    assert_int_equal(cairn_bundle_decode(bundle, size, entries), CAIRN_OK);
    assert_int_equal(read_tile((void *)(uintptr_t)log, 0, 0, size, hashes), CAIRN_OK);
    for (unsigned i = 0; i < size; i++) {
        cairn_merkle_leaf(entries[i], &leaves[i]);
        assert_memory_equal(&leaves[i], &hashes[i], sizeof hashes[i]);
        assert_int_equal(cairn_bundle_append(again, sizeof again, &again_size, entries[i]),
                         CAIRN_OK);
    }
    assert_true(cairn_bytes_equal(cairn_bytes_of(again, again_size), bundle));
    cairn_merkle_root(leaves, size, &got);
    assert_memory_equal(&got, root, sizeof got);
}

static void check_history(cairn_merkle_source *source, const cairn_hash *roots, unsigned size)
{
    cairn_hash proof[CAIRN_MERKLE_PROOF_MAX], leaves[CAIRN_TILE_WIDTH];
    size_t count = 0;
    if (size > 0)
        assert_int_equal(source->read_tile(source->context, 0, 0, size, leaves), CAIRN_OK);
    for (unsigned i = 0; i < size; i++) {
        assert_int_equal(cairn_merkle_prove_inclusion(source, i, size, proof, &count), CAIRN_OK);
        assert_int_equal(
            cairn_merkle_verify_inclusion(&leaves[i], i, size, proof, count, &roots[size]),
            CAIRN_OK);
        assert_int_equal(cairn_merkle_prove_consistency(source, i + 1, size, proof, &count),
                         CAIRN_OK);
        assert_int_equal(
            cairn_merkle_verify_consistency(i + 1, &roots[i + 1], size, &roots[size], proof, count),
            CAIRN_OK);
    }
}

static void test_every_size_of_the_vector_log(void **state)
{
    test_log log;
    cairn_hash roots[16];
    cairn_vkey vkey;
    (void)state;
    if (!open_log(&log))
        skip();
    cairn_merkle_source source = {read_tile, &log};
    cairn_bytes text = cairn_bytes_str(
        "example.com/log/testdata+33d7b496+AeHTu4Q3hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx");
    assert_int_equal(cairn_vkey_parse(text, &vkey), CAIRN_OK);
    for (unsigned size = 0; size <= 15; size++) {
        char name[32];
        cairn_checkpoint checkpoint;
        (void)snprintf(name, sizeof name, "checkpoint.%u", size);
        CAIRN_CLEANUP(test_file_free) cairn_bytes note = read_named(&log, name);
        assert_non_null(note.data);
        assert_int_equal(cairn_checkpoint_open(note, cairn_bytes_str("example.com/log/testdata"),
                                               &vkey, NULL, &checkpoint),
                         CAIRN_OK);
        assert_int_equal(checkpoint.size, size);
        assert_int_equal(cairn_merkle_source_root(&source, size, &roots[size]), CAIRN_OK);
        assert_memory_equal(&roots[size], &checkpoint.root, sizeof roots[0]);
        if (size > 0)
            check_bundle(&log, size, &checkpoint.root);
        check_history(&source, roots, size);
    }
    cairn_vkey_done(&vkey);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_paths),      cmocka_unit_test(test_paths_that_are_none),
        cmocka_unit_test(test_widths),     cmocka_unit_test(test_bundles),
        cmocka_unit_test(test_hash_tiles), cmocka_unit_test(test_every_size_of_the_vector_log),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
