/* Names of state keys, both ways. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "node/api/state_name.h"

#define HEX32 "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"

static void expect_key(const char *name, cairn_map_id map, const char *prefix, cairn_bytes suffix)
{
    cairn_map_id found = CAIRN_MAP_COUNT;
    cairn_state_key key;
    cairn_state_key wanted;
    cairn_state_key_make(&wanted, prefix, suffix);
    assert_int_equal(cairn_state_name_parse(cairn_bytes_str(name), &found, &key), CAIRN_OK);
    assert_int_equal(found, map);
    assert_true(cairn_bytes_equal(cairn_state_key_view(&key), cairn_state_key_view(&wanted)));
}

static void expect_none(cairn_bytes name)
{
    cairn_map_id map = CAIRN_MAP_COUNT;
    cairn_state_key key = {.size = 77};
    if (cairn_state_name_parse(name, &map, &key) != CAIRN_ERR_BAD_VALUE)
        fail_msg("'%.*s' is taken", (int)name.size, (const char *)name.data);
    assert_int_equal(map, CAIRN_MAP_COUNT);
    assert_int_equal(key.size, 77);
}

static void test_forms(void **state)
{
    (void)state;
    uint8_t raw[32];
    for (uint8_t i = 0; i < 32; i++)
        raw[i] = i;
    const cairn_bytes id = cairn_bytes_of(raw, sizeof raw);
    expect_key("org/" HEX32, CAIRN_MAP_STATE, "org/", id);
    expect_key("key/" HEX32, CAIRN_MAP_STATE, "key/", id);
    expect_key("approval/" HEX32, CAIRN_MAP_STATE, "approval/", id);
    expect_key("anchor/" HEX32, CAIRN_MAP_STATE, "anchor/", id);
    expect_key("members", CAIRN_MAP_STATE, "members", (cairn_bytes){0});
    expect_key("params", CAIRN_MAP_CONFIG, "params", (cairn_bytes){0});
    expect_key("policy/entry", CAIRN_MAP_CONFIG, "policy/", cairn_bytes_str("entry"));
    uint8_t pair[64], edition[40] = {0};
    memcpy(pair, raw, 32);
    memcpy(pair + 32, raw, 32);
    memcpy(edition, raw, 32);
    edition[38] = 1;
    edition[39] = 2;
    expect_key("subject/" HEX32, CAIRN_MAP_STATE, "subject/", id);
    expect_key("grant/" HEX32 "/" HEX32, CAIRN_MAP_STATE, "grant/", cairn_bytes_of(pair, 64));
    expect_key("list/" HEX32 "/" HEX32, CAIRN_MAP_STATE, "list/", cairn_bytes_of(pair, 64));
    expect_key("edition/" HEX32 "/258", CAIRN_MAP_STATE, "edition/", cairn_bytes_of(edition, 40));
    expect_key("name/Acme Motors", CAIRN_MAP_STATE, "name/", cairn_bytes_str("acme motors"));
    expect_key("raw/6f72672f00", CAIRN_MAP_STATE, "org/", cairn_bytes_of("", 1));
    expect_key("config/ff", CAIRN_MAP_CONFIG, "\xff", (cairn_bytes){0});
}

static void test_refusals(void **state)
{
    (void)state;
    static const char *const names[] = {"",
                                        "/",
                                        "org",
                                        "org/",
                                        "org/" HEX32 "00",
                                        "org/00",
                                        "members/",
                                        "members/x",
                                        "memberss",
                                        "params/",
                                        "policy",
                                        "policy/",
                                        "raw",
                                        "raw/",
                                        "raw/0",
                                        "raw/0g",
                                        "config/",
                                        "config/000",
                                        "nothing",
                                        "nothing/00",
                                        "ORG/",
                                        "/org/" HEX32,
                                        "org//" HEX32,
                                        " members",
                                        "members ",
                                        "Members",
                                        "raw/ 0",
                                        "subject/",
                                        "grant/" HEX32,
                                        "grant/" HEX32 "/",
                                        "grant/" HEX32 HEX32,
                                        "grant/" HEX32 "/" HEX32 "/",
                                        "list/" HEX32 "/00",
                                        "edition/" HEX32,
                                        "edition/" HEX32 "/",
                                        "edition/" HEX32 "/01",
                                        "edition/" HEX32 "/-1",
                                        "edition/" HEX32 "1",
                                        "name/",
                                        "name"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        expect_none(cairn_bytes_str(names[i]));
    expect_none((cairn_bytes){0});
    expect_none(cairn_bytes_of("members\0", 8)); /* views may hold NULs, digits may not */
    expect_none(cairn_bytes_of("raw/00\0", 7));
    expect_none(cairn_bytes_of("raw/0\0", 6));
    expect_none(cairn_bytes_of("org/" HEX32 "\0", 69));
    expect_none(cairn_bytes_of("org/\0" HEX32, 68));
}

/* A policy's name is bounded far below a key's size; a raw key has exactly that. */
static void test_bounds(void **state)
{
    (void)state;
    char name[CAIRN_STATE_NAME_SIZE + 8] = "policy/";
    memset(name + 7, 'p', 128);
    expect_key(name, CAIRN_MAP_CONFIG, "policy/", cairn_bytes_of(name + 7, 128));
    name[7 + 128] = 'p';
    expect_none(cairn_bytes_of(name, 7 + 129));
    memcpy(name, "raw/", 4);
    memset(name + 4, '0', 2 * 256 + 2);
    expect_none(cairn_bytes_of(name, 4 + 2 * 256 + 2));
    cairn_map_id map;
    cairn_state_key key;
    assert_int_equal(cairn_state_name_parse(cairn_bytes_of(name, 4 + 2 * 256), &map, &key),
                     CAIRN_OK);
    assert_int_equal(key.size, 256);
}

/* Any key of either map comes back from its raw name. */
static void test_raw_round_trip(void **state)
{
    (void)state;
    uint8_t raw[256];
    char name[CAIRN_STATE_NAME_SIZE];
    for (size_t i = 0; i < sizeof raw; i++)
        raw[i] = (uint8_t)(i * 7);
    for (unsigned map = 0; map < CAIRN_MAP_COUNT; map++)
        for (size_t size = 1; size <= sizeof raw; size++) {
            cairn_map_id found;
            cairn_state_key key;
            const cairn_bytes wanted = cairn_bytes_of(raw + sizeof raw - size, size);
            cairn_state_name_raw((cairn_map_id)map, wanted, name);
            assert_int_equal(cairn_state_name_parse(cairn_bytes_str(name), &found, &key), CAIRN_OK);
            assert_int_equal(found, map);
            assert_true(cairn_bytes_equal(cairn_state_key_view(&key), wanted));
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forms),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_raw_round_trip),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
