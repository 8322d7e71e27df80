/* A small file, replaced whole at each change. */
#include "node/node_offences.h"

#include <stdio.h>

#include "ledger/log/lines.h"

enum { LINE_SIZE_MAX = 21, FILE_SIZE_MAX = CAIRN_OFFENCES_MAX * LINE_SIZE_MAX };

static const char clause[] = "docs/features/consortium.md, Validators";

static cairn_err take_lines(cairn_offences *offences, cairn_bytes text)
{
    cairn_bytes line;
    while (cairn_lines_take(&text, &line)) {
        uint64_t height = 0;
        if (offences->count == CAIRN_OFFENCES_MAX || !cairn_lines_decimal(line, &height))
            return CAIRN_FAIL(CAIRN_ERR_CORRUPT, clause, "%s: is no list of heights",
                              offences->path);
        offences->heights[offences->count++] = height;
    }
    return text.size == 0
               ? CAIRN_OK
               : CAIRN_FAIL(CAIRN_ERR_CORRUPT, clause, "%s: ends within a line", offences->path);
}

cairn_err cairn_offences_open(const char *directory, cairn_offences *ret_offences)
{
    CAIRN_CLEANUP(cairn_arena_done) cairn_arena arena;
    cairn_offences offences = {.count = 0};
    cairn_bytes text;
    cairn_arena_init(&arena, (size_t)4 * FILE_SIZE_MAX);
    CAIRN_TRY(cairn_path_join(directory, "consortium/offences", offences.path));
    cairn_err err = cairn_file_read(&arena, offences.path, FILE_SIZE_MAX, &text);
    if (err == CAIRN_OK)
        err = take_lines(&offences, text);
    if (err != CAIRN_OK && err != CAIRN_ERR_NOT_FOUND)
        return err;
    *ret_offences = offences;
    return CAIRN_OK;
}

static cairn_err write(const cairn_offences *offences)
{
    char text[FILE_SIZE_MAX + 1];
    size_t size = 0;
    for (size_t i = 0; i < offences->count; i++)
        size += (size_t)snprintf(text + size, sizeof text - size, "%llu\n",
                                 (unsigned long long)offences->heights[i]);
    return cairn_file_replace(offences->path, 0600, cairn_bytes_of(text, size), NULL);
}

static size_t find(const cairn_offences *offences, uint64_t height)
{
    size_t i = 0;
    while (i < offences->count && offences->heights[i] != height)
        i++;
    return i;
}

cairn_err cairn_offences_add(cairn_offences *offences, uint64_t height)
{
    if (find(offences, height) < offences->count)
        return CAIRN_OK;
    if (offences->count == CAIRN_OFFENCES_MAX)
        return CAIRN_FAIL(CAIRN_ERR_TOO_MANY, clause, "offences: %d wait", CAIRN_OFFENCES_MAX);
    offences->heights[offences->count++] = height;
    return write(offences);
}

cairn_err cairn_offences_remove(cairn_offences *offences, uint64_t height)
{
    size_t at = find(offences, height);
    if (at == offences->count)
        return CAIRN_OK;
    offences->count--;
    for (; at < offences->count; at++)
        offences->heights[at] = offences->heights[at + 1];
    return write(offences);
}
