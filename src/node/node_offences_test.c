/* Heights of evidence outlive their member. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "node/node_offences.h"
#include "support/tree.h"

static char directory[128];
static char path[256];

static int set_up(void **state)
{
    char consortium[192];
    (void)state;
    tree_make(directory, sizeof directory, "offences");
    (void)snprintf(consortium, sizeof consortium, "%s/consortium", directory);
    (void)snprintf(path, sizeof path, "%s/offences", consortium);
    return mkdir(consortium, 0700);
}

static int tear_down(void **state)
{
    (void)state;
    tree_remove(directory);
    return 0;
}

static void test_they_outlive_their_member(void **state)
{
    (void)state;
    cairn_offences offences;
    cairn_offences again;
    assert_int_equal(cairn_offences_open(directory, &offences), CAIRN_OK);
    assert_int_equal(offences.count, 0);
    assert_int_equal(cairn_offences_add(&offences, 7), CAIRN_OK);
    assert_int_equal(cairn_offences_add(&offences, UINT64_MAX), CAIRN_OK);
    assert_int_equal(cairn_offences_add(&offences, 9), CAIRN_OK);
    assert_int_equal(cairn_offences_add(&offences, 7), CAIRN_OK); /* the engine says it again */
    assert_int_equal(cairn_offences_open(directory, &again), CAIRN_OK);
    assert_int_equal(again.count, 3);
    assert_int_equal(again.heights[0], 7);
    assert_true(again.heights[1] == UINT64_MAX);
    assert_int_equal(cairn_offences_remove(&again, 7), CAIRN_OK);
    assert_int_equal(cairn_offences_remove(&again, 7), CAIRN_OK);
    assert_int_equal(cairn_offences_open(directory, &offences), CAIRN_OK);
    assert_int_equal(offences.count, 2);
    assert_int_equal(offences.heights[1], 9);
    assert_int_equal(cairn_offences_remove(&offences, 9), CAIRN_OK);
    assert_int_equal(cairn_offences_remove(&offences, UINT64_MAX), CAIRN_OK);
    assert_int_equal(cairn_offences_open(directory, &again), CAIRN_OK);
    assert_int_equal(again.count, 0);
}

static void test_no_more_than_there_is_room_for(void **state)
{
    (void)state;
    cairn_offences offences;
    assert_int_equal(cairn_offences_open(directory, &offences), CAIRN_OK);
    for (uint64_t i = 0; i < CAIRN_OFFENCES_MAX; i++)
        assert_int_equal(cairn_offences_add(&offences, UINT64_MAX - i), CAIRN_OK);
    assert_int_equal(cairn_offences_add(&offences, 1), CAIRN_ERR_TOO_MANY);
    assert_int_equal(cairn_offences_open(directory, &offences), CAIRN_OK);
    assert_int_equal(offences.count, CAIRN_OFFENCES_MAX);
    assert_true(offences.heights[0] == UINT64_MAX);
}

static void test_a_disk_that_fails(void **state)
{
    (void)state;
    cairn_offences offences;
    assert_int_equal(cairn_offences_open(directory, &offences), CAIRN_OK);
    assert_int_equal(mkdir(path, 0700), 0); /* nothing replaces a directory */
    assert_int_not_equal(cairn_offences_add(&offences, 7), CAIRN_OK);
    assert_int_equal(offences.count, 1); /* it is told all the same */
    assert_int_equal(rmdir(path), 0);
}

static void test_another_file(void **state)
{
    (void)state;
    static const char *const bad[] = {"7", "07\n", "x\n", "-1\n", "\n", "18446744073709551616\n"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        cairn_offences offences = {.count = 99};
        FILE *file = fopen(path, "w");
        assert_non_null(file);
        (void)fputs(bad[i], file);
        assert_int_equal(fclose(file), 0);
        assert_int_equal(cairn_offences_open(directory, &offences), CAIRN_ERR_CORRUPT);
        assert_int_equal(offences.count, 99);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_they_outlive_their_member, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_no_more_than_there_is_room_for, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_disk_that_fails, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_another_file, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
