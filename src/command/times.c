/* RFC 3339, the UTC part of it. */
#include "command/times.h"

#include <stdio.h>
#include <time.h>

#include "core/clock.h"

cairn_err cairn_time_option(const char *text, uint64_t *ret_wall_ms)
{
    if (text == NULL) {
        cairn_clock clock = cairn_clock_system();
        *ret_wall_ms = cairn_clock_wall_ms(&clock);
        return CAIRN_OK;
    }
    struct tm t = {0};
    const char *rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &t);
    unsigned ms = 0;
    if (rest != NULL && *rest == '.') {
        int used = 0;
        rest = sscanf(rest, ".%3u%n", &ms, &used) == 1 && used == 4 ? rest + used : NULL;
    }
    time_t seconds = rest != NULL && strcmp(rest, "Z") == 0 ? timegm(&t) : -1;
    if (seconds < 0)
        return CAIRN_FAIL(CAIRN_ERR_USAGE, "RFC 3339",
                          "'%s' is no time such as 2026-11-24T12:00:00Z", text);
    *ret_wall_ms = (uint64_t)seconds * 1000 + ms;
    return CAIRN_OK;
}
