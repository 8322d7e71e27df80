/* File helpers: short and interrupted calls, replacement in one step, locks, what is no file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core/store/file.h"
#include "support/tree.h"

static char directory[64];

static int set_up(void **state)
{
    (void)state;
    tree_make(directory, sizeof directory, "file");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    tree_remove(directory);
    return 0;
}

static const char *in_directory(const char *name)
{
    static char path[CAIRN_PATH_SIZE_MAX];
    assert_int_equal(cairn_path_join(directory, name, path), CAIRN_OK);
    return path;
}

static void assert_content(const char *path, const char *want)
{
    cairn_arena arena;
    cairn_arena_init(&arena, 1 << 20);
    cairn_bytes got = {0};
    assert_int_equal(cairn_file_read(&arena, path, 1 << 16, &got), CAIRN_OK);
    assert_true(cairn_bytes_equal(got, cairn_bytes_str(want)));
    cairn_arena_done(&arena);
}

static cairn_err count_name(void *context, const char *name)
{
    (void)name;
    ++*(size_t *)context;
    return CAIRN_OK;
}

static void test_replace_is_whole_and_keeps_the_old_on_failure(void **state)
{
    (void)state;
    const char *path = in_directory("note");
    bool renamed = false;
    assert_int_equal(cairn_file_replace(path, 0600, cairn_bytes_str("one"), &renamed), CAIRN_OK);
    assert_true(renamed);
    assert_int_equal(cairn_file_replace(path, 0600, cairn_bytes_str("two"), NULL), CAIRN_OK);
    assert_content(path, "two");

    struct rlimit old;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    struct rlimit tiny = {.rlim_cur = 8, .rlim_max = old.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &tiny), 0);
    (void)signal(SIGXFSZ, SIG_IGN);
    cairn_err err =
        cairn_file_replace(path, 0600, cairn_bytes_str("longer than eight bytes"), &renamed);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    assert_int_equal(err, CAIRN_ERR_NO_SPACE);
    assert_false(renamed);
    assert_content(path, "two");
    size_t names = 0;
    assert_int_equal(cairn_dir_each(directory, count_name, &names), CAIRN_OK);
    assert_int_equal(names, 1);
}

/* What somebody put where the new file might be is neither written to nor followed. */
static void test_the_name_before_is_not_foretold(void **state)
{
    (void)state;
    char a[CAIRN_PATH_SIZE_MAX], b[CAIRN_PATH_SIZE_MAX], path[CAIRN_PATH_SIZE_MAX];
    int first = -1, second = -1;
    bool renamed = false;
    memcpy(path, in_directory("note"), sizeof path);
    assert_int_equal(symlink("/etc/passwd", in_directory("note.tmp")), 0);
    assert_int_equal(cairn_file_beside(path, 0600, a, &first), CAIRN_OK);
    assert_int_equal(cairn_file_beside(path, 0600, b, &second), CAIRN_OK);
    assert_string_not_equal(a, b);
    assert_int_equal(cairn_file_write(first, a, cairn_bytes_str("taken as room")), CAIRN_OK);
    assert_int_equal(cairn_file_take_place(first, a, path, cairn_bytes_str("one"), &renamed),
                     CAIRN_OK);
    assert_true(renamed);
    assert_content(path, "one");
    assert_int_equal(
        cairn_file_take_place(second, b, in_directory("no/note"), cairn_bytes_str("two"), &renamed),
        CAIRN_ERR_NOT_FOUND);
    assert_false(renamed);
    assert_int_not_equal(access(a, F_OK), 0);
    assert_int_not_equal(access(b, F_OK), 0);
    cairn_file_close(first);
    cairn_file_close(second);
    assert_int_equal(cairn_file_beside("name-without-slash", 0600, a, &first), CAIRN_OK);
    assert_int_equal(a[0], '.');
    assert_int_equal(cairn_file_remove(a), CAIRN_OK);
    cairn_file_close(first);
}

static void test_leftovers_are_swept(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        time_t age_s;
        bool stays;
    } files[] = {
        {".0123456789abcdef.tmp", CAIRN_FILE_LEFT_AFTER_S + 60, false},
        {".fedcba9876543210.tmp", 60, true}, /* somebody may be writing it */
        {".0123456789abcdeg.tmp", 100000, true},
        {".0123456789abcdef.tmpx", 100000, true},
        {"x0123456789abcdef.tmp", 100000, true},
        {"owner.pem", 100000, true},
    };
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        const char *path = in_directory(files[i].name);
        const struct timespec times[2] = {{.tv_sec = time(NULL) - files[i].age_s},
                                          {.tv_sec = time(NULL) - files[i].age_s}};
        assert_int_equal(cairn_file_replace(path, 0600, cairn_bytes_str("x"), NULL), CAIRN_OK);
        assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
    }
    assert_int_equal(mkdir(in_directory(".00000000000000aa.tmp"), 0700), 0);
    assert_int_equal(cairn_file_sweep(directory), CAIRN_OK);
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
        assert_int_equal(access(in_directory(files[i].name), F_OK) == 0, files[i].stays);
    assert_int_equal(cairn_file_sweep(in_directory("none")), CAIRN_ERR_NOT_FOUND);
}

static void test_vector_writes_of_many_pieces(void **state)
{
    (void)state;
    enum { PIECES = 3000 }; /* more than IOV_MAX */
    struct iovec *pieces = calloc(PIECES, sizeof *pieces);
    assert_non_null(pieces);
    uint8_t letters[26];
    for (size_t i = 0; i < sizeof letters; i++)
        letters[i] = (uint8_t)('a' + i);
    size_t size = 0;
    for (size_t i = 0; i < PIECES; i++) {
        pieces[i] = (struct iovec){letters, i % 27}; /* empty ones too */
        size += i % 27;
    }
    const char *path = in_directory("pieces");
    int fd = -1;
    assert_int_equal(cairn_file_open(path, O_RDWR | O_CREAT, 0600, &fd), CAIRN_OK);
    assert_int_equal(cairn_file_writev_at(fd, path, 5, pieces, PIECES), CAIRN_OK);
    uint64_t got = 0;
    assert_int_equal(cairn_file_size(fd, path, &got), CAIRN_OK);
    assert_int_equal(got, size + 5);
    uint8_t *back = malloc(size);
    size_t read = 0;
    assert_int_equal(cairn_file_read_at(fd, path, 5, back, size, &read), CAIRN_OK);
    assert_int_equal(read, size);
    for (size_t i = 0, at = 0; i < PIECES; at += i % 27, i++)
        assert_memory_equal(back + at, letters, i % 27);
    free(back);
    free(pieces);
    cairn_file_close(fd);
}

static void test_only_regular_files_are_opened(void **state)
{
    (void)state;
    int fd = -1;
    assert_int_equal(cairn_file_open(in_directory("none"), O_RDONLY, 0, &fd), CAIRN_ERR_NOT_FOUND);
    assert_int_equal(mkfifo(in_directory("fifo"), 0600), 0);
    assert_int_equal(cairn_file_open(in_directory("fifo"), O_RDONLY, 0, &fd), CAIRN_ERR_IO);
    assert_int_equal(symlink("/etc/passwd", in_directory("link")), 0);
    assert_int_equal(cairn_file_open(in_directory("link"), O_RDONLY, 0, &fd), CAIRN_ERR_IO);
    assert_int_equal(cairn_file_open(directory, O_RDONLY, 0, &fd), CAIRN_ERR_IO);
    assert_int_equal(cairn_file_open(in_directory("made"), O_WRONLY | O_CREAT | O_EXCL, 0600, &fd),
                     CAIRN_OK);
    cairn_file_close(fd);
    assert_int_equal(cairn_file_open(in_directory("made"), O_WRONLY | O_CREAT | O_EXCL, 0600, &fd),
                     CAIRN_ERR_EXISTS);
}

static void test_read_has_a_bound(void **state)
{
    (void)state;
    const char *path = in_directory("bound");
    assert_int_equal(cairn_file_replace(path, 0600, cairn_bytes_str("12345"), NULL), CAIRN_OK);
    cairn_arena arena;
    cairn_arena_init(&arena, 1 << 16);
    cairn_bytes data = {0};
    assert_int_equal(cairn_file_read(&arena, path, 4, &data), CAIRN_ERR_TOO_LARGE);
    assert_int_equal(cairn_file_read(&arena, path, 5, &data), CAIRN_OK);
    cairn_arena_done(&arena);
}

static void test_locks_exclude_each_other(void **state)
{
    (void)state;
    int first = -1;
    int second = -1;
    assert_int_equal(cairn_dir_lock(directory, true, &first), CAIRN_OK);
    assert_int_equal(cairn_dir_lock(directory, true, &second), CAIRN_ERR_LOCKED);
    assert_int_equal(cairn_dir_lock(directory, false, &second), CAIRN_ERR_LOCKED);
    cairn_file_close(first);
    assert_int_equal(cairn_dir_lock(directory, false, &first), CAIRN_OK);
    assert_int_equal(cairn_dir_lock(directory, false, &second), CAIRN_OK);
    cairn_file_close(first);
    cairn_file_close(second);
}

static void test_directories(void **state)
{
    (void)state;
    assert_int_equal(cairn_dir_make(in_directory("sub"), 0700), CAIRN_OK);
    assert_int_equal(cairn_dir_make(in_directory("sub"), 0700), CAIRN_OK);
    assert_int_equal(cairn_dir_make(in_directory("no/sub"), 0700), CAIRN_ERR_NOT_FOUND);
    assert_int_equal(cairn_file_replace(in_directory("file"), 0600, cairn_bytes_str(""), NULL),
                     CAIRN_OK);
    assert_int_equal(cairn_dir_make(in_directory("file"), 0700), CAIRN_ERR_EXISTS);
    assert_int_equal(cairn_file_remove(in_directory("file")), CAIRN_OK);
    assert_int_equal(cairn_file_remove(in_directory("file")), CAIRN_OK);
    assert_int_equal(cairn_dir_sync_parent("name-without-slash"), CAIRN_OK);
    assert_int_equal(cairn_dir_sync_parent("/name-under-root"), CAIRN_OK);
    char path[CAIRN_PATH_SIZE_MAX];
    char longer[CAIRN_PATH_SIZE_MAX];
    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    assert_int_equal(cairn_path_join("a", longer, path), CAIRN_ERR_TOO_LARGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_replace_is_whole_and_keeps_the_old_on_failure, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_the_name_before_is_not_foretold, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_leftovers_are_swept, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_vector_writes_of_many_pieces, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_only_regular_files_are_opened, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_read_has_a_bound, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_locks_exclude_each_other, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_directories, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
