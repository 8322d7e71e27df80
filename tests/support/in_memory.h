/* What this process still has in memory that it could write: for secrets that were to be wiped.
 * Include after cmocka.h. */
#ifndef CAIRN_TESTS_SUPPORT_IN_MEMORY_H
#define CAIRN_TESTS_SUPPORT_IN_MEMORY_H

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* A sanitizer's shadow is larger than all that we have. */
#define IN_MEMORY_MAPPING_MAX (UINT64_C(64) << 20)

/* `text` lies in read-only data: a literal. */
__attribute__((no_sanitize("address"))) static inline bool in_memory(const char *text)
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
            found = memmem((const void *)begin, end - begin, text, strlen(text)) != NULL;
    }
    (void)fclose(maps);
    return found;
}

#endif
