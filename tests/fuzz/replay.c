/* Runs a fuzz target without libFuzzer, so that each corpus is replayed in the normal build and
 * under the sanitizers: every seed as it is, then its prefixes and its one-bit changes, evenly
 * thinned to at most VARIATIONS_MAX a seed. Each input lies at the end of a heap block of its own
 * size, so that a read past it is found. */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "fuzz/fuzz.h"

enum { VARIATIONS_MAX = 2048, SEED_SIZE_MAX = 1 << 20 };

static size_t seed_count;
static size_t run_count;

static void die(const char *what)
{
    fprintf(stderr, "%s: %s\n", what, strerror(errno));
    exit(1);
}

/* Runs `data[0..size)` with bit number `bit` turned over, or as it is when `bit` lies behind it. */
static void run(const uint8_t *data, size_t size, size_t bit)
{
    uint8_t *copy = malloc(size > 0 ? size : 1);
    if (copy == NULL)
        die("malloc");
    if (size > 0)
        memcpy(copy, data, size);
    if (bit / 8 < size)
        copy[bit / 8] ^= (uint8_t)(1u << (bit % 8));
    (void)LLVMFuzzerTestOneInput(copy, size);
    free(copy);
    run_count++;
}

static void replay_seed(const uint8_t *data, size_t size)
{
    seed_count++;
    run(data, size, SIZE_MAX);
    size_t step = 1 + size * 9 / VARIATIONS_MAX;
    for (size_t i = 0; i < size * 9; i += step) {
        if (i < size)
            run(data, i, SIZE_MAX);
        else
            run(data, size, i - size);
    }
}

static void replay_file(const char *path)
{
    static uint8_t data[SEED_SIZE_MAX];
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        die(path);
    size_t size = fread(data, 1, sizeof data, file);
    if (ferror(file))
        die(path);
    (void)fclose(file);
    replay_seed(data, size);
}

static int is_visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static void replay_folder(const char *path)
{
    struct dirent **names = NULL;
    int count = scandir(path, &names, is_visible, alphasort);
    if (count < 0)
        die(path);
    for (int i = 0; i < count; i++) {
        char file[PATH_MAX];
        (void)snprintf(file, sizeof file, "%s/%s", path, names[i]->d_name);
        replay_file(file);
        free(names[i]);
    }
    free(names);
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        struct stat st;
        if (stat(argv[i], &st) != 0)
            die(argv[i]);
        if (S_ISDIR(st.st_mode))
            replay_folder(argv[i]);
        else
            replay_file(argv[i]);
    }
    printf("%zu seeds, %zu runs\n", seed_count, run_count);
    return seed_count > 0 ? 0 : 1; /* an empty corpus tests nothing */
}
