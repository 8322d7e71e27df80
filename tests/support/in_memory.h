/* What this process still has in memory that it could write: for secrets that were to be wiped.
 * Include after cmocka.h. */
#ifndef CAIRN_TESTS_SUPPORT_IN_MEMORY_H
#define CAIRN_TESTS_SUPPORT_IN_MEMORY_H

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* A sanitizer's shadow is larger than all that we have. */
#define IN_MEMORY_MAPPING_MAX (UINT64_C(64) << 20)

/* Byte by byte, and not by the library: it would look between variables, which sanitizers forbid.
 */
__attribute__((no_sanitize("address", "undefined", "thread"))) static inline bool
in_mapping(const volatile char *begin, const volatile char *end, const char *text)
{
    for (size_t size = strlen(text); (size_t)(end - begin) >= size; begin++) {
        size_t i = 0;
        while (i < size && begin[i] == text[i])
            i++;
        if (i == size)
            return true;
    }
    return false;
}

/* `text` lies in read-only data: a literal. */
static inline bool in_memory(const char *text)
{
    char line[512];
    bool found = false;
    FILE *maps = fopen("/proc/self/maps", "r");
    assert_non_null(maps);
    while (!found && fgets(line, sizeof line, maps) != NULL) {
        uintptr_t begin = 0, end = 0;
        char access[5] = "";
        assert_int_equal(sscanf(line, "%" SCNxPTR "-%" SCNxPTR " %4s", &begin, &end, access), 3);
        if (strncmp(access, "rw", 2) == 0 && end - begin <= IN_MEMORY_MAPPING_MAX)
            found = in_mapping((const volatile char *)begin, (const volatile char *)end, text);
    }
    (void)fclose(maps);
    return found;
}

#endif
