/* The life of the simulated disk: set up, formatted, powered on and off, damaged at rest. */
#include "sim/disk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "sim/disk_state.h"

sim_state *sim_disk;
sim_life *sim_now;
char sim_root[SIM_PATH_SIZE];
char sim_graveyard[SIM_PATH_SIZE];
dev_t sim_device;
bool sim_space_limited;
uint64_t sim_space_left;

static char base_path[SIM_PATH_SIZE - 8];

static void make_dir(const char *path)
{
    if (sim_real()->mkdirat(AT_FDCWD, path, 0700) != 0 && errno != EEXIST)
        sim_panic("cannot make %s: %s", path, strerror(errno));
}

void sim_disk_setup(const char *base)
{
    struct stat st;
    make_dir(base);
    char *canonical = realpath(base, NULL);
    if (canonical == NULL || strlen(canonical) >= sizeof base_path)
        sim_panic("cannot use %s", base);
    (void)snprintf(base_path, sizeof base_path, "%s", canonical);
    free(canonical);
    (void)snprintf(sim_root, sizeof sim_root, "%s/disk", base_path);
    (void)snprintf(sim_graveyard, sizeof sim_graveyard, "%s/grave", base_path);
    if (stat(base_path, &st) != 0)
        sim_panic("cannot stat %s", base_path);
    sim_device = st.st_dev;
    void *memory = sim_real()->mmap(NULL, sizeof(sim_state), PROT_READ | PROT_WRITE,
                                    MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED)
        sim_panic("cannot map the disk's state");
    sim_disk = memory;
}

const char *sim_disk_root(void)
{
    return sim_root;
}

/* Empties a directory; a missing one is empty. */
static void empty_dir(const char *path)
{
    DIR *dir = opendir(path);
    if (dir == NULL)
        return;
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        if (sim_real()->unlinkat(dirfd(dir), entry->d_name, 0) == 0)
            continue;
        char inner[SIM_PATH_SIZE * 2];
        (void)snprintf(inner, sizeof inner, "%s/%s", path, entry->d_name);
        sim_tree_remove(inner);
    }
    (void)closedir(dir);
}

void sim_tree_remove(const char *path)
{
    empty_dir(path);
    (void)sim_real()->unlinkat(AT_FDCWD, path, AT_REMOVEDIR);
}

void sim_disk_format(void)
{
    make_dir(sim_root);
    make_dir(sim_graveyard);
    empty_dir(sim_root);
    empty_dir(sim_graveyard);
    sim_forget_all();
    sim_disk->grave_count = 0;
    sim_disk->serial = 0;
}

void sim_disk_remove(void)
{
    sim_tree_remove(base_path);
}

void sim_disk_power_on(sim_life *life)
{
    life->ops = 0;
    life->allocs = 0;
    sim_disk->rng = sim_rng_derive(life->seed, 1);
    sim_space_limited = false;
    sim_now = life;
}

void sim_disk_give_space(void)
{
    sim_space_limited = false;
}

bool sim_disk_lacks_space(void)
{
    return sim_space_limited;
}

void sim_disk_power_off(bool lose_power, int exit_code)
{
    sim_disk_hold_memory(true);
    if (lose_power)
        sim_lose_power();
    _exit(exit_code);
}

bool sim_disk_fired(unsigned mask)
{
    for (size_t i = 0; sim_now != NULL && i < sim_now->fault_count; i++) {
        if (sim_now->faults[i].fired && (mask & (1U << sim_now->faults[i].kind)) != 0)
            return true;
    }
    return false;
}

static int open_at_rest(const char *path, int flags)
{
    char full[SIM_PATH_SIZE * 2];
    (void)snprintf(full, sizeof full, "%s/%s", sim_root, path);
    return sim_real()->openat(AT_FDCWD, full, flags | O_CLOEXEC);
}

bool sim_disk_flip(const char *path, uint64_t offset, unsigned bit)
{
    uint8_t byte;
    int fd = open_at_rest(path, O_RDWR);
    if (fd < 0)
        return false;
    bool ok = pread(fd, &byte, 1, (off_t)offset) == 1;
    if (ok) {
        byte ^= (uint8_t)(1U << (bit & 7));
        ok = sim_real()->pwrite(fd, &byte, 1, (off_t)offset) == 1;
    }
    (void)close(fd);
    return ok;
}

uint64_t sim_disk_file_size(const char *path)
{
    struct stat st;
    int fd = open_at_rest(path, O_RDONLY);
    if (fd < 0)
        return 0;
    bool ok = fstat(fd, &st) == 0;
    (void)close(fd);
    return ok ? (uint64_t)st.st_size : 0;
}
