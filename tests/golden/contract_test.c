/* The contract of every transaction in src/features.c: a rule in api/cddl, a page, vectors of both
 * kinds that get the verdicts written beside them, and a schema that is closed. `contract ROOT`,
 * where ROOT holds the sources. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/hex.h"
#include "support/ledger_memory.h"

#define VECTOR_TIME_MS (MEMORY_TIME_MS + 1000)

static const char *root;

/* A file below ROOT with a NUL at its end, or NULL. */
static char *read_text(const char *folder, const char *name, const char *extension)
{
    char path[4096];
    (void)snprintf(path, sizeof path, "%s/%s%s%s", root, folder, name, extension);
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return NULL;
    char *text = NULL;
    size_t room = 0;
    if (getdelim(&text, &room, '\0', file) < 0)
        fail_msg("%s: empty", path);
    (void)fclose(file);
    return text;
}

/* --- vectors --- */

typedef struct vector_line {
    cairn_err code;
    char label[64];
    cairn_bytes raw; /* in the ledger's arena */
} vector_line;

static cairn_err code_named(const char *name)
{
    static const struct {
        const char *name;
        cairn_err code;
    } codes[] = {
#define X(name, number, text, http, exit_code) {#name, number},
        CAIRN_ERR_LIST(X)
#undef X
    };
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++)
        if (strcmp(codes[i].name, name) == 0)
            return codes[i].code;
    return CAIRN_OK; /* "OK", "genesis" */
}

/* Takes the next line off; false at the end. */
static bool next_line(char **text, cairn_arena *arena, vector_line *ret_line)
{
    char *code = strsep(text, " ");
    if (code == NULL || *text == NULL)
        return false;
    char *label = strsep(text, " ");
    char *hex = strsep(text, "\n");
    assert_non_null(hex);
    TEST_HEX(raw, hex);
    ret_line->code = code_named(code);
    (void)snprintf(ret_line->label, sizeof ret_line->label, "%s", label);
    assert_int_equal(cairn_arena_copy(arena, test_view(&raw), &ret_line->raw), CAIRN_OK);
    return true;
}

/* What a line's transaction comes to, and what it is about: an act's file tells of the act. */
static cairn_err judge(memory_ledger *m, const vector_line *line, bool of_act, uint16_t *ret_type,
                       cairn_bytes *ret_body)
{
    cairn_tx tx;
    cairn_approval approval;
    *ret_type = 0;
    *ret_body = (cairn_bytes){0};
    cairn_err err = memory_send(m, VECTOR_TIME_MS, line->raw);
    if (cairn_tx_decode(line->raw, &tx) != CAIRN_OK)
        return err;
    *ret_type = tx.type;
    *ret_body = tx.body;
    if (err != CAIRN_OK || !of_act || tx.type != CAIRN_TX_APPROVAL_PROPOSE)
        return err;
    assert_int_equal(memory_approval(m, &tx.id, &approval), CAIRN_OK);
    *ret_type = approval.act_type;
    *ret_body = approval.act_body;
    return approval.code;
}

/* --- a closed schema --- */

typedef struct item {
    cairn_bytes key;
    cairn_bytes value;
} item;

enum { ITEMS_MAX = 8 };

static size_t split_map(cairn_bytes map, item items[ITEMS_MAX])
{
    size_t count = map.data[0] & 0x1f, at = 1, size = 0;
    assert_in_range(map.data[0], 0xa0, 0xa0 + ITEMS_MAX);
    for (size_t i = 0; i < 2 * count; i++, at += size) {
        cairn_bytes rest = cairn_bytes_of(map.data + at, map.size - at);
        assert_int_equal(cairn_cbor_item_size(rest, CAIRN_CBOR_STRICT, "item", &size), CAIRN_OK);
        *(i % 2 == 0 ? &items[i / 2].key : &items[i / 2].value) = cairn_bytes_of(rest.data, size);
    }
    assert_int_equal(at, map.size);
    return count;
}

static cairn_err decode_items(cairn_arena *arena, const cairn_tx_row *row, const item *items,
                              size_t count)
{
    static uint8_t out[CAIRN_TX_SIZE_MAX];
    cairn_cbor_writer w;
    cairn_bytes body;
    cairn_cbor_reader r;
    void *act = NULL;
    cairn_cbor_writer_init(&w, out, sizeof out);
    cairn_cbor_put_map(&w, count);
    for (size_t i = 0; i < count; i++) {
        cairn_cbor_put_raw(&w, items[i].key);
        cairn_cbor_put_raw(&w, items[i].value);
    }
    assert_int_equal(cairn_cbor_writer_end(&w, &body), CAIRN_OK);
    CAIRN_TRY(cairn_cbor_open(&r, body, CAIRN_CBOR_STRICT, row->name, row->clause));
    CAIRN_TRY(row->decode(arena, &r, &act));
    return cairn_cbor_end(&r);
}

static void must_give(const cairn_tx_row *row, const char *what, size_t field, cairn_err got,
                      cairn_err want)
{
    if (got != want)
        fail_msg("%s: %s %zu: %s instead of %s", row->name, what, field, cairn_err_name(got),
                 cairn_err_name(want));
}

static bool is_optional(const cairn_tx_row *row, const item *field)
{
    return (row->type == CAIRN_TX_KEY_REVOKE && field->key.data[0] == 2) ||
           (row->type == CAIRN_TX_KEY_ROTATE && field->key.data[0] == 4) ||
           (row->type == CAIRN_TX_DEVICE_REGISTER && field->key.data[0] == 6) ||
           (row->type == CAIRN_TX_DEVICE_CLAIM && field->key.data[0] == 6) ||
           (row->type == CAIRN_TX_DEVICE_RENEW && field->key.data[0] >= 6) ||
           (row->type == CAIRN_TX_ANCHOR && field->key.data[0] == 2);
}

/* Each field missing, of a wrong type, and one too many at either end. */
static void check_closed(cairn_arena *arena, const cairn_tx_row *row, cairn_bytes body)
{
    static const uint8_t null[] = {0xf6}, zero[] = {0x00}, last[] = {0x18, 0x63};
    item items[ITEMS_MAX + 1], other[ITEMS_MAX + 1];
    size_t count = split_map(body, items);
    assert_int_equal(decode_items(arena, row, items, count), CAIRN_OK);
    for (size_t i = 0; i < count; i++) {
        memcpy(other, items, sizeof items);
        other[i].value = cairn_bytes_of(null, 1);
        must_give(row, "null as item", i, decode_items(arena, row, other, count),
                  CAIRN_ERR_WRONG_TYPE);
        memcpy(other, items, sizeof items);
        memmove(&other[i], &other[i + 1], (count - i - 1) * sizeof *other);
        must_give(row, "without item", i, decode_items(arena, row, other, count - 1),
                  is_optional(row, &items[i]) ? CAIRN_OK : CAIRN_ERR_MISSING_FIELD);
    }
    items[count] = (item){cairn_bytes_of(last, 2), cairn_bytes_of(zero, 1)};
    must_give(row, "with one more item", count, decode_items(arena, row, items, count + 1),
              CAIRN_ERR_UNKNOWN_FIELD);
    memmove(&items[1], items, count * sizeof *items);
    items[0] = (item){cairn_bytes_of(zero, 1), cairn_bytes_of(zero, 1)};
    must_give(row, "with a first item", count, decode_items(arena, row, items, count + 1),
              CAIRN_ERR_UNKNOWN_FIELD);
}

/* --- each row --- */

static void check_rule(const cairn_feature *feature, const cairn_tx_row *row)
{
    char rule[128];
    char *cddl = read_text("api/cddl/", feature->name, ".cddl");
    if (cddl == NULL)
        fail_msg("api/cddl/%s.cddl: not there", feature->name);
    (void)snprintf(rule, sizeof rule, "\n%s = ", row->name);
    if (strstr(cddl, rule) == NULL)
        fail_msg("api/cddl/%s.cddl: no rule %s", feature->name, row->name);
    free(cddl);
    cddl = read_text("api/cddl/", "ledger", ".cddl");
    assert_non_null(cddl); /* and the ledger's choice of bodies has it */
    if (strstr(cddl, row->name) == NULL)
        fail_msg("api/cddl/ledger.cddl: no %s", row->name);
    free(cddl);
}

static void check_page(const cairn_tx_row *row)
{
    char *page = read_text("", row->clause, "");
    if (page == NULL || strstr(page, row->name) == NULL)
        fail_msg("%s: %s is not there", row->name, row->clause);
    free(page);
}

static void check_vectors(const cairn_tx_row *row)
{
    char *text = read_text("tests/golden/vectors/", row->name, ".txt");
    char *next = text;
    vector_line line;
    memory_ledger m = {0};
    size_t positive = 0, negative = 0;
    if (text == NULL)
        fail_msg("tests/golden/vectors/%s.txt: not there", row->name);
    cairn_arena_init(&m.arena, 1 << 24);
    assert_true(next_line(&next, &m.arena, &line));
    memory_open(&m, &cairn_all_features, line.raw);
    while (next_line(&next, &m.arena, &line)) {
        uint16_t type = 0;
        cairn_bytes body;
        cairn_err err = judge(&m, &line, row->by_approval, &type, &body);
        if (err != line.code)
            fail_msg("%s: %s: %s instead of %s", row->name, line.label, cairn_err_name(err),
                     cairn_err_name(line.code));
        if (type != row->type)
            continue;
        *(err == CAIRN_OK ? &positive : &negative) += 1;
        if (err == CAIRN_OK)
            check_closed(&m.arena, row, body);
    }
    if (positive == 0 || negative == 0)
        fail_msg("%s: %zu positive and %zu negative vectors", row->name, positive, negative);
    memory_end(&m);
    free(text);
}

static void test_every_transaction(void **state)
{
    (void)state;
    for (size_t f = 0; f < cairn_all_features.count; f++) {
        const cairn_feature *feature = cairn_all_features.list[f];
        for (size_t i = 0; i < feature->transaction_count; i++) {
            check_rule(feature, &feature->transactions[i]);
            check_page(&feature->transactions[i]);
            check_vectors(&feature->transactions[i]);
        }
    }
}

/* Rows of one type follow each other without overlap, acts are what the number says. */
static void test_rows_are_in_order(void **state)
{
    (void)state;
    const cairn_tx_row *last = NULL;
    for (size_t f = 0; f < cairn_all_features.count; f++) {
        const cairn_feature *feature = cairn_all_features.list[f];
        for (size_t i = 0; i < feature->transaction_count; i++) {
            const cairn_tx_row *row = &feature->transactions[i];
            assert_int_equal(row->by_approval, row->type % CAIRN_TX_FEATURE_TYPES >= 16);
            assert_true(row->since >= 1 && row->since <= cairn_all_features.app_version);
            assert_true(row->until == 0 || row->until > row->since);
            if (last != NULL && last->type == row->type)
                assert_true(last->until != 0 && last->until <= row->since);
            else
                assert_true(last == NULL || last->type < row->type);
            last = row;
        }
    }
}

/* --- the checks before a row --- */

static void test_every_check(void **state)
{
    (void)state;
    static const cairn_err codes[] = {
        CAIRN_ERR_TOO_LARGE,         CAIRN_ERR_TRUNCATED,           CAIRN_ERR_BAD_VALUE,
        CAIRN_ERR_BAD_ALGORITHM,     CAIRN_ERR_TX_WRONG_LEDGER,     CAIRN_ERR_TX_UNKNOWN_TYPE,
        CAIRN_ERR_TX_EXPIRED,        CAIRN_ERR_TX_TOO_FAR_AHEAD,    CAIRN_ERR_HIGH_S,
        CAIRN_ERR_TX_UNKNOWN_SIGNER, CAIRN_ERR_TX_WRONG_PURPOSE,    CAIRN_ERR_TX_REVOKED_SIGNER,
        CAIRN_ERR_BAD_SIGNATURE,     CAIRN_ERR_TX_SUSPENDED_SIGNER, CAIRN_ERR_TX_REPLAYED,
        CAIRN_ERR_TX_NEEDS_APPROVAL,
    };
    enum { COUNT = sizeof codes / sizeof codes[0] };
    bool seen[COUNT] = {false};
    char *text = read_text("tests/golden/vectors/", "checks", ".txt");
    char *next = text;
    vector_line line;
    memory_ledger m = {0};
    assert_non_null(text);
    cairn_arena_init(&m.arena, 1 << 24);
    assert_true(next_line(&next, &m.arena, &line));
    memory_open(&m, &cairn_all_features, line.raw);
    while (next_line(&next, &m.arena, &line)) {
        cairn_err err = memory_send(&m, VECTOR_TIME_MS, line.raw);
        if (err != line.code)
            fail_msg("%s: %s instead of %s", line.label, cairn_err_name(err),
                     cairn_err_name(line.code));
        for (size_t i = 0; i < COUNT; i++)
            seen[i] |= err == codes[i];
    }
    for (size_t i = 0; i < COUNT; i++)
        if (!seen[i])
            fail_msg("no vector gives %s", cairn_err_name(codes[i]));
    memory_end(&m);
    free(text);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_transaction),
        cmocka_unit_test(test_rows_are_in_order),
        cmocka_unit_test(test_every_check),
    };
    if (argc != 2) {
        fputs("usage: contract ROOT\n", stderr);
        return 2;
    }
    root = argv[1];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
