/* Volumes of an audit trail, and the walk that checks their chain. */
#include "node/auth/audit_volume.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { NAME_SIZE = 16 };
static const char gone[] = "gone-";

cairn_err cairn_audit_volume_path(const char *directory, uint64_t first,
                                  char ret_path[CAIRN_PATH_SIZE_MAX])
{
    char name[NAME_SIZE + 1];
    (void)snprintf(name, sizeof name, "%016" PRIx64, first);
    return cairn_path_join(directory, name, ret_path);
}

static cairn_err note_volume(void *context, const char *name)
{
    cairn_audit_volumes *volumes = context;
    uint8_t first[8];
    if (strlen(name) != NAME_SIZE || strspn(name, "0123456789abcdef") != NAME_SIZE)
        return CAIRN_OK;
    if (volumes->count == sizeof volumes->first / sizeof volumes->first[0])
        return CAIRN_FAIL(CAIRN_ERR_TOO_MANY, "house", "audit: more than %d volumes",
                          CAIRN_AUDIT_VOLUMES_MAX);
    CAIRN_TRY(cairn_hex_decode(name, first, sizeof first));
    volumes->first[volumes->count++] = cairn_get_u64(first);
    return CAIRN_OK;
}

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a;
    uint64_t y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

cairn_err cairn_audit_volumes_list(const char *directory, cairn_audit_volumes *ret_volumes)
{
    ret_volumes->count = 0;
    CAIRN_TRY(cairn_dir_each(directory, note_volume, ret_volumes));
    qsort(ret_volumes->first, ret_volumes->count, sizeof ret_volumes->first[0], compare);
    return CAIRN_OK;
}

static cairn_err remove_file(void *context, const char *name)
{
    char path[CAIRN_PATH_SIZE_MAX];
    CAIRN_TRY(cairn_path_join(context, name, path));
    return cairn_file_remove(path);
}

static cairn_err remove_directory(char *path)
{
    CAIRN_TRY(cairn_dir_each(path, remove_file, path));
    if (rmdir(path) != 0)
        return cairn_err_from_errno(errno, path);
    return CAIRN_OK;
}

static cairn_err finish_removal(void *context, const char *name)
{
    char path[CAIRN_PATH_SIZE_MAX];
    if (strncmp(name, gone, sizeof gone - 1) != 0)
        return CAIRN_OK;
    CAIRN_TRY(cairn_path_join(context, name, path));
    return remove_directory(path);
}

cairn_err cairn_audit_volumes_tidy(const char *directory)
{
    return cairn_dir_each(directory, finish_removal, (void *)(uintptr_t)directory);
}

cairn_err cairn_audit_volume_remove(const char *directory, uint64_t first)
{
    char from[CAIRN_PATH_SIZE_MAX], to[CAIRN_PATH_SIZE_MAX], name[NAME_SIZE + sizeof gone];
    (void)snprintf(name, sizeof name, "%s%016" PRIx64, gone, first);
    CAIRN_TRY(cairn_audit_volume_path(directory, first, from));
    CAIRN_TRY(cairn_path_join(directory, name, to));
    CAIRN_TRY(cairn_file_rename(from, to));
    CAIRN_TRY(cairn_dir_sync(directory));
    return remove_directory(to);
}

static cairn_err fail_row(uint64_t number, const char *what)
{
    return CAIRN_FAIL(CAIRN_ERR_CORRUPT, "docs/formats/audit.md", "audit row %" PRIu64 ": %s",
                      number, what);
}

static cairn_err check_known(cairn_audit_walk *walk)
{
    if (walk->known == NULL || walk->head.count != walk->known->count)
        return CAIRN_OK;
    walk->known_seen = true;
    if (!cairn_hash_equal(&walk->head.hash, &walk->known->hash))
        return CAIRN_FAIL(CAIRN_ERR_MISMATCH, "docs/formats/audit.md",
                          "audit row %" PRIu64 ": not the one that was known",
                          walk->known->count - 1);
    return CAIRN_OK;
}

static cairn_err walk_row(cairn_audit_walk *walk, cairn_bytes bytes, uint64_t number)
{
    cairn_audit_row row;
    if (cairn_audit_row_decode(bytes, &row) != CAIRN_OK)
        return fail_row(number, "not an audit row");
    if (row.number != number || (walk->has_begun && number != walk->head.count))
        return fail_row(number, "out of its place");
    if (walk->has_begun && !cairn_hash_equal(&row.previous, &walk->head.hash))
        return fail_row(number, "does not follow the one before");
    walk->has_begun = true;
    walk->head.count = number + 1;
    cairn_audit_row_hash(bytes, &walk->head.hash);
    CAIRN_TRY(check_known(walk));
    return walk->visit != NULL && number >= walk->from ? walk->visit(walk->context, &row)
                                                       : CAIRN_OK;
}

cairn_err cairn_audit_walk_volume(cairn_audit_walk *walk, cairn_block_log *log, uint64_t first)
{
    CAIRN_CLEANUP(cairn_block_log_cursor_close_p) cairn_block_log_cursor *cursor = NULL;
    uint64_t number = 0;
    cairn_bytes bytes = {0};
    if (walk->has_begun && walk->head.count != first)
        return fail_row(walk->head.count, "missing between two volumes");
    if (first == 0)
        walk->has_begun = true; /* before the first row there is nothing */
    CAIRN_TRY(cairn_block_log_cursor_open(log, 0, &cursor));
    cairn_err err = cairn_block_log_cursor_next(cursor, &number, &bytes);
    for (; err == CAIRN_OK; err = cairn_block_log_cursor_next(cursor, &number, &bytes))
        CAIRN_TRY(walk_row(walk, bytes, first + number));
    return err == CAIRN_ERR_NOT_FOUND ? CAIRN_OK : err;
}
