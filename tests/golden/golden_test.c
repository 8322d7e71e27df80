/* Replays the log of each released application version through the audit, and compares every root:
 * `golden DIRECTORY`, where DIRECTORY holds v1. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/ledger_memory.h"

#include "ledger/audit.h"

enum { LEAVES_MAX = 4096 };

static const char *directory;

static uint8_t *read_file(const char *name, size_t *ret_size)
{
    char path[4096];
    (void)snprintf(path, sizeof path, "%s/%s", directory, name);
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        fail_msg("%s: not there", path);
    assert_int_equal(fseek(file, 0, SEEK_END), 0);
    long size = ftell(file);
    assert_true(size > 0);
    rewind(file);
    uint8_t *data = malloc((size_t)size + 1);
    assert_non_null(data);
    assert_int_equal(fread(data, 1, (size_t)size, file), size);
    data[size] = 0;
    (void)fclose(file);
    *ret_size = (size_t)size;
    return data;
}

/* The log's leaf hashes so far, from the records alone. */
typedef struct leaves {
    cairn_hash hash[LEAVES_MAX];
    size_t count;
} leaves;

static void add_leaves(leaves *l, const cairn_block_record *record)
{
    cairn_bytes entry;
    for (uint64_t i = 0; cairn_block_record_log_entry(record, i, &entry) == CAIRN_OK; i++) {
        assert_true(l->count < LEAVES_MAX);
        cairn_merkle_leaf(entry, &l->hash[l->count++]);
    }
}

static void check_root(const char *what, uint64_t height, const char *want, const cairn_hash *got)
{
    char text[65];
    cairn_hex_encode(cairn_bytes_hash(got), text);
    if (strcmp(text, want) != 0)
        fail_msg("height %llu: %s root is %s instead of %s", (unsigned long long)height, what, text,
                 want);
}

/* Compares a block with its line; returns the next line. */
static char *check_line(char *line, const leaves *l, const cairn_block_entry *entry)
{
    unsigned long long height = 0, size = 0;
    char log[65], state[65], config[65], results[65];
    int used = 0;
    cairn_hash root;
    assert_int_equal(sscanf(line, "%llu %llu %64s %64s %64s %64s%n", &height, &size, log, state,
                            config, results, &used),
                     6);
    assert_int_equal(height, entry->height);
    assert_int_equal(size, l->count);
    cairn_merkle_root(l->hash, l->count, &root);
    check_root("log", entry->height, log, &root);
    check_root("state", entry->height, state, &entry->state_root);
    check_root("config", entry->height, config, &entry->config_root);
    check_root("results", entry->height, results, &entry->results_root);
    assert_int_equal(line[used], '\n');
    return line + used + 1;
}

static void replay(const char *records_name, const char *roots_name, uint64_t *ret_blocks)
{
    static leaves l;
    size_t size = 0, roots_size = 0;
    uint8_t *records = read_file(records_name, &size);
    uint8_t *roots = read_file(roots_name, &roots_size);
    char *line = (char *)roots;
    cairn_audit *audit = NULL;
    cairn_arena arena;
    l.count = 0;
    cairn_arena_init(&arena, 1 << 24);
    assert_int_equal(cairn_audit_new(&cairn_all_features, &audit), CAIRN_OK);
    for (size_t at = 0, one = 0; at < size; at += one) {
        cairn_block_record record;
        cairn_bytes rest = cairn_bytes_of(records + at, size - at);
        assert_int_equal(cairn_cbor_item_size(rest, CAIRN_CBOR_STRICT, "record", &one), CAIRN_OK);
        cairn_arena_reset(&arena);
        assert_int_equal(
            cairn_block_record_decode(&arena, cairn_bytes_of(records + at, one), &record),
            CAIRN_OK);
        if (cairn_audit_block(audit, &record) != CAIRN_OK)
            fail_msg("%s", cairn_err_detail());
        add_leaves(&l, &record);
        line = check_line(line, &l, &record.entry);
    }
    assert_ptr_equal(line, (char *)roots + roots_size);
    *ret_blocks = cairn_audit_block_count(audit);
    cairn_audit_free(audit);
    cairn_arena_done(&arena);
    free(records);
    free(roots);
}

static void test_version_1(void **state)
{
    (void)state;
    uint64_t blocks = 0;
    replay("v1/records.cbor", "v1/roots.txt", &blocks);
    assert_int_equal(blocks, 46); /* the scenario is all there */
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_version_1),
    };
    if (argc != 2) {
        fputs("usage: golden DIRECTORY\n", stderr);
        return 2;
    }
    directory = argv[1];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
