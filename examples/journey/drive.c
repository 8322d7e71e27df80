/* cairn-drive: writes one drive of the model as a candump log to standard output. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "drive_log.h"
#include "driver.h"

static int usage(void)
{
    (void)fprintf(stderr,
                  "usage: cairn-drive [--seconds N] [--seed N] [--start UNIXTIME] > FILE\n"
                  "Writes a drive of N seconds (%d to %d, default 60) that ends in a crash.\n",
                  DRIVER_SECONDS_MIN, DRIVER_SECONDS_MAX);
    return 2;
}

static bool parse_number(const char *text, uint64_t max, uint64_t *ret_number)
{
    char *end = NULL;
    if (text[0] < '0' || text[0] > '9')
        return false;
    errno = 0;
    unsigned long long number = strtoull(text, &end, 10);
    if (errno != 0 || *end != '\0' || number > max)
        return false;
    *ret_number = number;
    return true;
}

int main(int argc, char **argv)
{
    drive_options options = drive_options_default();
    for (int i = 1; i < argc; i += 2) {
        uint64_t number = 0;
        if (i + 1 == argc || !parse_number(argv[i + 1], UINT64_C(1) << 40, &number))
            return usage();
        if (strcmp(argv[i], "--seed") == 0)
            options.seed = number;
        else if (strcmp(argv[i], "--start") == 0)
            options.start_unix = number;
        else if (strcmp(argv[i], "--seconds") == 0 && number >= DRIVER_SECONDS_MIN &&
                 number <= DRIVER_SECONDS_MAX)
            options.seconds = (unsigned)number;
        else
            return usage();
    }
    if (drive_write(stdout, &options))
        return 0;
    (void)fprintf(stderr, "cairn-drive: %s\n", strerror(errno));
    return 4;
}
