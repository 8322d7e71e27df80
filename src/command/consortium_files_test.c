/* member.json and chain.json: what is written is read again, and what is altered is refused by
 * name. */
#include "support/ledger_fixture.h"

#include <string.h>

#include "command/consortium_files.h"
#include "feature_list.h"

#define PEER "0123456789abcdef0123456789abcdef01234567@192.0.2.7:26656"
#define NODE "https://192.0.2.7:8443"

typedef struct world {
    cairn_arena arena;
    cairn_member_part part;
    cairn_bytes member; /* the files */
    cairn_bytes chain;
} world;

static void begin(world *w)
{
    uint8_t scalar[32] = {0x33};
    CAIRN_CLEANUP(cairn_key_free_p) cairn_key *votes = NULL;
    CAIRN_CLEANUP(cairn_key_free_p) cairn_key *sign = fixture_key(10);
    cairn_chain_start start;
    cairn_chain_validator validator = {.name = "Maker", .power = 1};
    *w = (world){.part = {.peer = PEER, .node = NODE}};
    cairn_arena_init(&w->arena, 64 << 20);
    assert_int_equal(cairn_key_from_private(CAIRN_KEY_ED25519, cairn_bytes_of(scalar, 32), &votes),
                     CAIRN_OK);
    cairn_genesis_member *member = &w->part.member;
    member->name = cairn_bytes_str("Maker");
    member->key_count = 2;
    member->keys[0] = (cairn_genesis_key){CAIRN_PURPOSE_SIGN, fixture_cose(&w->arena, sign)};
    member->keys[1] = (cairn_genesis_key){CAIRN_PURPOSE_VALIDATOR, fixture_cose(&w->arena, votes)};
    memcpy(validator.key, cairn_key_public(votes).data, sizeof validator.key);
    assert_int_equal(cairn_member_part_encode(&w->arena, &w->part, &w->member), CAIRN_OK);
    assert_int_equal(cairn_chain_start_new(&w->arena, &cairn_all_features,
                                           fixture_genesis(&w->arena, 1, 1, NULL), &start),
                     CAIRN_OK);
    assert_int_equal(
        cairn_chain_file(&w->arena, &start, FIXTURE_TIME_MS, &validator, 1, &w->part, 1, &w->chain),
        CAIRN_OK);
}

/* The file with one text in the place of another, which is there. */
static cairn_bytes changed(world *w, cairn_bytes file, const char *from, const char *to)
{
    void *memory = NULL;
    assert_int_equal(cairn_arena_alloc(&w->arena, file.size + strlen(to) + 1, &memory), CAIRN_OK);
    const uint8_t *at = memmem(file.data, file.size, from, strlen(from));
    if (at == NULL)
        fail_msg("there is no %s", from);
    size_t before = (size_t)(at - file.data);
    size_t after = file.size - before - strlen(from);
    int size = snprintf(memory, file.size + strlen(to) + 1, "%.*s%s%.*s", (int)before,
                        (const char *)file.data, to, (int)after, (const char *)at + strlen(from));
    return cairn_bytes_of(memory, (size_t)size);
}

static void test_a_part_is_read_as_it_was_written(void **state)
{
    (void)state;
    world w;
    static cairn_member_part read;
    begin(&w);
    assert_int_equal(cairn_member_part_decode(&w.arena, w.member, &read), CAIRN_OK);
    assert_true(cairn_bytes_equal(read.member.name, w.part.member.name));
    assert_string_equal(read.peer, PEER);
    assert_string_equal(read.node, NODE);
    assert_int_equal(read.member.key_count, 2);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(read.member.keys[i].purpose, w.part.member.keys[i].purpose);
        assert_true(
            cairn_bytes_equal(read.member.keys[i].cose_key, w.part.member.keys[i].cose_key));
    }
    cairn_arena_done(&w.arena);
}

static void test_parts_that_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *from, *to, *named;
    } rows[] = {
        {"member/1", "member/2", "member.format"},
        {"\"format\"", "\"more\": 1, \"format\"", "member.format"},
        {"\"format\"", "\"peer\": \"x\", \"format\"", "member.format"}, /* twice */
        {"\"organisation\": \"Maker\"", "\"organisation\": \"\"", "member.organisation"},
        {"\"organisation\": \"Maker\"", "\"organisation\": 7", "member.organisation"},
        {"@192", "192", "member.peer"},
        {"01234567@", "@", "member.peer"},
        {"@192.0.2.7:26656", "@192.0.2.7", "member.peer"},
        {":26656", ":26656,x@y:1", "member.peer"},
        {":26656", ":26656\\n", "member.peer"},
        {"https://192", "ftp://192", "member.node"},
        {"\"node\": \"https://192.0.2.7:8443\"", "\"node\": null", "member.node"},
        {"\"purpose\": \"sign\"", "\"purpose\": \"sing\"", "member.keys"},
        {"\"purpose\": \"sign\"", "\"purpose\": \"sign\", \"x\": 1", "member.keys"},
        {"\"purpose\": \"sign\"", "\"purpose\": \"validator\"", "member.keys"},
        {"\"purpose\": \"validator\"", "\"purpose\": \"sign\"", "member.keys"},
        {"\n}", "\n} x", "member.format"},
    };
    world w;
    static cairn_member_part read;
    begin(&w);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        cairn_bytes file = changed(&w, w.member, rows[i].from, rows[i].to);
        assert_int_equal(cairn_member_part_decode(&w.arena, file, &read), CAIRN_ERR_BAD_VALUE);
        if (strstr(cairn_err_detail(), rows[i].named) == NULL)
            fail_msg("%s -> %s: %s", rows[i].from, rows[i].to, cairn_err_detail());
    }
    for (size_t size = 0; size < w.member.size; size++)
        assert_int_not_equal(
            cairn_member_part_decode(&w.arena, cairn_bytes_of(w.member.data, size), &read),
            CAIRN_OK);
    cairn_arena_done(&w.arena);
}

static void test_a_chain_is_read_as_it_was_written(void **state)
{
    (void)state;
    world w;
    cairn_chain_members read;
    begin(&w);
    assert_int_equal(cairn_chain_file_decode(&w.arena, w.chain, &read), CAIRN_OK);
    assert_int_equal(read.chain.initial_height, 1);
    assert_int_equal(read.peer_count, 1);
    assert_string_equal(read.peers[0], PEER);
    assert_int_equal(read.node_count, 1);
    assert_string_equal(read.nodes[0], NODE);
    cairn_chain chain;
    assert_int_equal(cairn_chain_decode(&w.arena, read.genesis, &chain), CAIRN_OK);
    assert_string_equal(chain.id, read.chain.id);
    cairn_arena_done(&w.arena);
}

static void test_chains_that_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *from, *to;
    } rows[] = {
        {"chain/1", "chain/2"},
        {"\"format\"", "\"more\": 1, \"format\""},
        {"\"genesis\": {", "\"genesis\": [], \"x\": {"},
        {"\"initial_height\": \"1\"", "\"initial_height\": \"2\""},
        {"\"" PEER "\"", "7"},
        {"\"" PEER "\"", "\"x@y:1\""},
        {"\"" PEER "\"", "\"" PEER " \""},
        {"\"" NODE "\"", "{}"},
        {"\"" NODE "\"", "\"gopher://x\""},
        {"[\n    \"" PEER "\"\n  ]", "{}"},
        {"[\n    \"" NODE "\"\n  ]", "null"},
    };
    world w;
    cairn_chain_members read;
    begin(&w);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        cairn_bytes file = changed(&w, w.chain, rows[i].from, rows[i].to);
        if (cairn_chain_file_decode(&w.arena, file, &read) == CAIRN_OK)
            fail_msg("%s -> %s is taken", rows[i].from, rows[i].to);
    }
    for (size_t size = 0; size < w.chain.size; size++)
        assert_int_not_equal(
            cairn_chain_file_decode(&w.arena, cairn_bytes_of(w.chain.data, size), &read), CAIRN_OK);
    cairn_arena_done(&w.arena);
}

/* More than any consortium has. */
static void test_lists_have_a_bound(void **state)
{
    (void)state;
    world w;
    cairn_chain_members read;
    char many[(CAIRN_CHAIN_MEMBERS_MAX + 1) * (sizeof PEER + 4)];
    begin(&w);
    for (size_t more = 0; more < 2; more++) {
        size_t size = 0;
        for (size_t i = 0; i < CAIRN_CHAIN_MEMBERS_MAX + more; i++)
            size += (size_t)snprintf(many + size, sizeof many - size, "%s\"" PEER "\"",
                                     i == 0 ? "" : ",");
        cairn_bytes file = changed(&w, w.chain, "\"" PEER "\"", many);
        assert_int_equal(cairn_chain_file_decode(&w.arena, file, &read),
                         more == 0 ? CAIRN_OK : CAIRN_ERR_BAD_VALUE);
    }
    cairn_arena_done(&w.arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_part_is_read_as_it_was_written),
        cmocka_unit_test(test_parts_that_are_refused),
        cmocka_unit_test(test_a_chain_is_read_as_it_was_written),
        cmocka_unit_test(test_chains_that_are_refused),
        cmocka_unit_test(test_lists_have_a_bound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
