/* Files of the folder of shared test data, named by CAIRN_SHARED, which need not be there. */
#ifndef CAIRN_TESTS_SUPPORT_SHARED_H
#define CAIRN_TESTS_SUPPORT_SHARED_H

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cairn/bytes.h"

/* Writes CAIRN_SHARED/data/`name` to `ret_path`; false, having said why, when it is not there. */
static inline bool test_shared_path(const char *name, char ret_path[4096])
{
    const char *shared = getenv("CAIRN_SHARED");
    int n = snprintf(ret_path, 4096, "%s/data/%s", shared != NULL ? shared : "", name);
    if (shared == NULL || n < 0 || n >= 4096) {
        printf("skipped: CAIRN_SHARED does not name a folder of test data\n");
        return false;
    }
    FILE *file = fopen(ret_path, "rb");
    if (file == NULL) {
        printf("skipped: %s is not there\n", ret_path);
        return false;
    }
    (void)fclose(file);
    return true;
}

/* The whole file in heap memory of exactly its size; data is NULL when it cannot be read. */
static inline cairn_bytes test_read_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    uint8_t *data = NULL;
    long size = -1;
    if (file != NULL && fseek(file, 0, SEEK_END) == 0)
        size = ftell(file);
    if (size >= 0 && fseek(file, 0, SEEK_SET) == 0)
        data = malloc(size > 0 ? (size_t)size : 1);
    if (data != NULL && fread(data, 1, (size_t)size, file) != (size_t)size) {
        free(data);
        data = NULL;
    }
    if (file != NULL)
        (void)fclose(file);
    return cairn_bytes_of(data, data != NULL ? (size_t)size : 0);
}

static inline void test_file_free(cairn_bytes *file)
{
    free((void *)(uintptr_t)file->data);
}

/* Calls `fn` for each regular file under `path`, in name order; returns how many. */
static inline size_t test_each_file(const char *path, void (*fn)(void *context, const char *path),
                                    void *context)
{
    struct dirent **entries = NULL;
    size_t count = 0;
    int n = scandir(path, &entries, NULL, alphasort);
    for (int i = 0; i < n; i++) {
        char child[4096];
        int length = snprintf(child, sizeof child, "%s/%s", path, entries[i]->d_name);
        if (entries[i]->d_name[0] != '.' && length > 0 && (size_t)length < sizeof child) {
            if (entries[i]->d_type == DT_DIR) {
                count += test_each_file(child, fn, context);
            } else {
                fn(context, child);
                count++;
            }
        }
        free(entries[i]);
    }
    free(entries);
    return count;
}

#endif
