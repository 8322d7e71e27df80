/* Temporary directories of tests: under TMPDIR, else in memory where there is room (the tests ask
 * for thousands of syncs, and none is about the disk), else under /tmp. Include after cmocka.h. */
#ifndef CAIRN_TESTS_SUPPORT_TREE_H
#define CAIRN_TESTS_SUPPORT_TREE_H

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/statvfs.h>
#include <unistd.h>

static inline const char *tree_base(void)
{
    const char *named = getenv("TMPDIR");
    struct statvfs status;
    if (named != NULL)
        return named;
    if (access("/dev/shm", W_OK) == 0 && statvfs("/dev/shm", &status) == 0 &&
        status.f_bavail * status.f_frsize > 256ul << 20)
        return "/dev/shm";
    return "/tmp";
}

/* Makes a new directory whose name holds `what`; its path is in `ret_path`. */
static inline void tree_make(char *ret_path, size_t size, const char *what)
{
    int length = snprintf(ret_path, size, "%s/cairn-%s-XXXXXX", tree_base(), what);
    assert_true(length > 0 && (size_t)length < size);
    assert_non_null(mkdtemp(ret_path));
}

static inline int tree_remove_one(const char *path, const struct stat *status, int type,
                                  struct FTW *walk)
{
    (void)status;
    (void)type;
    (void)walk;
    return remove(path);
}

/* Removes it with all that is in it. */
static inline void tree_remove(const char *path)
{
    assert_int_equal(nftw(path, tree_remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
}

#endif
