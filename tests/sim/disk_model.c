/* The model of the disk: what would be left of files and directories if the power went now. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim/disk_state.h"

void sim_panic(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    (void)fputs("sim: ", stderr);
    (void)vfprintf(stderr, fmt, args);
    (void)fputc('\n', stderr);
    va_end(args);
    _exit(SIM_EXIT_FAILED);
}

void sim_disk_unmodelled(const char *what, const char *path)
{
    sim_panic("%s is not part of the disk model: %s", what, path);
}

/* Names */

int sim_dir_index(ino_t ino, const char *path)
{
    for (size_t i = 0; i < sim_disk->dir_count; i++) {
        if (sim_disk->dirs[i].ino == ino)
            return (int)i;
    }
    if (sim_disk->dir_count == SIM_DIRS_MAX)
        sim_panic("more than %d directories", SIM_DIRS_MAX);
    sim_dir *dir = &sim_disk->dirs[sim_disk->dir_count];
    dir->ino = ino;
    if ((size_t)snprintf(dir->path, sizeof dir->path, "%s", path) >= sizeof dir->path)
        sim_panic("path is too long: %s", path);
    return (int)sim_disk->dir_count++;
}

void sim_place_path(const sim_place *place, char out[SIM_PATH_SIZE * 2])
{
    const char *dir = place->dir == SIM_GRAVE ? sim_graveyard : sim_disk->dirs[place->dir].path;
    (void)snprintf(out, (size_t)SIM_PATH_SIZE * 2, "%s/%s", dir, place->name);
}

void sim_file_path(const sim_file *file, char out[SIM_PATH_SIZE * 2])
{
    sim_place place = {.dir = file->dir};
    memcpy(place.name, file->name, sizeof place.name);
    sim_place_path(&place, out);
}

sim_file *sim_file_find(ino_t ino)
{
    for (size_t i = sim_disk->file_count; i-- > 0;) {
        if (sim_disk->files[i].ino == ino)
            return &sim_disk->files[i];
    }
    return NULL;
}

sim_file *sim_file_add(ino_t ino, const sim_place *place)
{
    if (sim_disk->file_count == SIM_FILES_MAX)
        sim_panic("more than %d files", SIM_FILES_MAX);
    sim_file *file = &sim_disk->files[sim_disk->file_count++];
    *file = (sim_file){.ino = ino, .dir = place->dir};
    memcpy(file->name, place->name, sizeof file->name);
    return file;
}

static int sim_own_fds[SIM_FILES_MAX]; /* descriptor + 1 */

int sim_file_fd(sim_file *file)
{
    int *slot = &sim_own_fds[file - sim_disk->files];
    if (*slot == 0) {
        char path[SIM_PATH_SIZE * 2];
        sim_file_path(file, path);
        int fd = sim_real()->openat(AT_FDCWD, path, O_RDWR | O_CLOEXEC);
        if (fd < 0)
            sim_panic("cannot open %s: %s", path, strerror(errno));
        *slot = fd + 1;
    }
    return *slot - 1;
}

/* The file of this inode is now reached by `place`. */
static void sim_file_moved(const sim_place *old, const sim_place *place)
{
    for (size_t i = 0; i < sim_disk->file_count; i++) {
        sim_file *file = &sim_disk->files[i];
        if (file->dir == old->dir && strcmp(file->name, old->name) == 0) {
            file->dir = place->dir;
            memcpy(file->name, place->name, sizeof file->name);
        }
    }
}

/* Content */

static sim_undo *undo_new(sim_file *file, uint64_t sector)
{
    sim_undo *undo = sim_disk->free_list;
    if (undo != NULL) {
        sim_disk->free_list = undo->newer;
    } else {
        if (sim_disk->undo_used == SIM_UNDO_MAX)
            sim_panic("more than %d sectors at risk", SIM_UNDO_MAX);
        undo = &sim_disk->undo[sim_disk->undo_used++];
    }
    undo->older = file->newest;
    undo->newer = NULL;
    undo->sector = sector;
    undo->serial = ++sim_disk->serial;
    undo->size = 0;
    undo->hole = false;
    undo->doomed = false;
    if (file->newest != NULL)
        file->newest->newer = undo;
    else
        file->oldest = undo;
    file->newest = undo;
    return undo;
}

static void undo_drop(sim_file *file, sim_undo *undo)
{
    if (undo->older != NULL)
        undo->older->newer = undo->newer;
    else
        file->oldest = undo->newer;
    if (undo->newer != NULL)
        undo->newer->older = undo->older;
    else
        file->newest = undo->older;
    if (undo->doomed)
        file->doomed_count--;
    undo->newer = sim_disk->free_list;
    sim_disk->free_list = undo;
}

static void read_sector(sim_file *file, uint64_t size, sim_undo *undo)
{
    uint64_t start = undo->sector * SIM_SECTOR_SIZE;
    undo->hole = start >= size;
    if (undo->hole)
        return;
    ssize_t n = pread(sim_file_fd(file), undo->data, SIM_SECTOR_SIZE, (off_t)start);
    if (n < 0)
        sim_panic("cannot read %s: %s", file->name, strerror(errno));
    memset(undo->data + n, 0, SIM_SECTOR_SIZE - (size_t)n);
}

/* Puts the old content back, no further than the size of the file. */
static void write_back(sim_file *file, const sim_undo *undo, uint64_t size)
{
    static uint8_t other[SIM_SECTOR_SIZE];
    const uint8_t *data = undo->data;
    if (undo->hole) {
        memset(other, 0, sizeof other);
        if (sim_now != NULL && sim_now->stale)
            sim_rng_fill(&sim_disk->rng, other, sizeof other);
        data = other;
    }
    uint64_t at = undo->sector * SIM_SECTOR_SIZE;
    size_t count = size - at < SIM_SECTOR_SIZE ? (size_t)(size - at) : SIM_SECTOR_SIZE;
    if (sim_real()->pwrite(sim_file_fd(file), data, count, (off_t)at) != (ssize_t)count)
        sim_panic("cannot write %s: %s", file->name, strerror(errno));
}

static uint64_t size_of(sim_file *file)
{
    struct stat st;
    if (fstat(sim_file_fd(file), &st) != 0)
        sim_panic("cannot stat %s: %s", file->name, strerror(errno));
    return (uint64_t)st.st_size;
}

/* The kernel writes whole pages: touching one takes along what a failed sync left behind in it. */
static void redirty(sim_file *file, uint64_t offset, uint64_t count)
{
    if (file->doomed_count == 0)
        return;
    const uint64_t per_page = SIM_PAGE_SIZE / SIM_SECTOR_SIZE;
    uint64_t first = offset / SIM_PAGE_SIZE * per_page;
    uint64_t end = ((offset + count - 1) / SIM_PAGE_SIZE + 1) * per_page;
    for (sim_undo *undo = file->oldest; undo != NULL; undo = undo->newer) {
        if (undo->doomed && undo->sector >= first && undo->sector < end) {
            undo->doomed = false;
            file->doomed_count--;
        }
    }
}

static void keep_sectors(sim_file *file, uint64_t size, uint64_t offset, uint64_t count)
{
    uint64_t end = (offset + count + SIM_SECTOR_SIZE - 1) / SIM_SECTOR_SIZE;
    for (uint64_t sector = offset / SIM_SECTOR_SIZE; sector < end; sector++)
        read_sector(file, size, undo_new(file, sector));
}

void sim_will_write(sim_file *file, uint64_t size, uint64_t offset, uint64_t count)
{
    if (count == 0)
        return;
    redirty(file, offset, count);
    keep_sectors(file, size, offset, count);
    if (offset + count > size)
        undo_new(file, SIM_SIZE)->size = size;
}

void sim_will_resize(sim_file *file, uint64_t size, uint64_t new_size)
{
    if (new_size == size)
        return;
    if (new_size < size) {
        redirty(file, new_size, size - new_size);
        keep_sectors(file, size, new_size, size - new_size);
    }
    undo_new(file, SIM_SIZE)->size = size;
}

void sim_tear(sim_file *file, uint64_t serial)
{
    uint64_t size = size_of(file);
    for (sim_undo *undo = file->oldest; undo != NULL; undo = undo->newer) {
        if (undo->serial > serial && undo->sector != SIM_SIZE &&
            sim_rng_percent(&sim_disk->rng, 50))
            write_back(file, undo, size);
    }
}

void sim_made_durable(sim_file *file)
{
    for (sim_undo *undo = file->oldest, *next; undo != NULL; undo = next) {
        next = undo->newer;
        if (!undo->doomed)
            undo_drop(file, undo);
    }
}

void sim_range_made_durable(sim_file *file, uint64_t offset, uint64_t count, bool extended)
{
    uint64_t first = offset / SIM_SECTOR_SIZE;
    uint64_t last = (offset + count - 1) / SIM_SECTOR_SIZE;
    for (sim_undo *undo = file->oldest, *next; undo != NULL; undo = next) {
        next = undo->newer;
        bool size = undo->sector == SIM_SIZE;
        if (size ? extended : undo->sector >= first && undo->sector <= last)
            undo_drop(file, undo);
    }
}

static int compare_undo(const void *a, const void *b)
{
    const sim_undo *x = *(sim_undo *const *)a;
    const sim_undo *y = *(sim_undo *const *)b;
    if (x->sector != y->sector)
        return x->sector < y->sector ? -1 : 1;
    return x->serial < y->serial ? -1 : x->serial > y->serial;
}

/* All that is at risk of the file, by sector and age, in sim_disk->order. Returns the count. */
static size_t undo_sorted(sim_file *file)
{
    size_t count = 0;
    for (sim_undo *undo = file->oldest; undo != NULL; undo = undo->newer)
        sim_disk->order[count++] = undo;
    qsort(sim_disk->order, count, sizeof(sim_undo *), compare_undo);
    return count;
}

static size_t group_end(size_t start, size_t count)
{
    size_t end = start + 1;
    while (end < count && sim_disk->order[end]->sector == sim_disk->order[start]->sector)
        end++;
    return end;
}

/* Some sectors arrived before the error. The rest is doomed: it stays visible until the page is
 * evicted, which here happens at once or never. */
void sim_sync_failed(sim_file *file)
{
    bool evict = sim_rng_percent(&sim_disk->rng, 50);
    uint64_t size = size_of(file);
    size_t count = undo_sorted(file);
    for (size_t i = 0, end; i < count; i = end) {
        end = group_end(i, count);
        sim_undo *first = sim_disk->order[i];
        uint64_t start = first->sector * SIM_SECTOR_SIZE;
        if (first->sector == SIM_SIZE)
            continue;
        bool arrived = sim_rng_percent(&sim_disk->rng, 50);
        if (!arrived && evict && start < size)
            write_back(file, first, size);
        for (size_t k = i; k < end; k++) {
            if (arrived || evict) {
                undo_drop(file, sim_disk->order[k]);
            } else if (!sim_disk->order[k]->doomed) {
                sim_disk->order[k]->doomed = true;
                file->doomed_count++;
            }
        }
    }
}

void sim_evict(sim_file *file, uint64_t start, uint64_t end)
{
    if (file->doomed_count == 0)
        return;
    uint64_t size = size_of(file);
    size_t count = undo_sorted(file);
    for (size_t i = 0; i < count; i++) {
        sim_undo *undo = sim_disk->order[i];
        uint64_t at = undo->sector * SIM_SECTOR_SIZE;
        if (!undo->doomed || at < start || at >= end)
            continue;
        bool oldest = i == 0 || sim_disk->order[i - 1]->sector != undo->sector;
        if (oldest && at < size)
            write_back(file, undo, size);
        undo_drop(file, undo);
    }
}

uint64_t sim_take_space(sim_file *file, uint64_t offset, uint64_t count)
{
    if (!sim_space_limited)
        return count;
    int fd = sim_file_fd(file);
    uint64_t at = offset / SIM_PAGE_SIZE * SIM_PAGE_SIZE;
    for (; at < offset + count; at += SIM_PAGE_SIZE) {
        if (lseek(fd, (off_t)at, SEEK_DATA) == (off_t)at)
            continue;
        if (sim_space_left < SIM_PAGE_SIZE)
            return at > offset ? at - offset : 0;
        sim_space_left -= SIM_PAGE_SIZE;
    }
    return count;
}

/* Directories */

/* Gives the file at `place` another link in the graveyard; its number. */
int sim_bury(const sim_place *place)
{
    char path[SIM_PATH_SIZE * 2], grave[SIM_PATH_SIZE * 2];
    sim_place to = {.dir = SIM_GRAVE};
    int number = sim_disk->grave_count++;
    (void)snprintf(to.name, sizeof to.name, "%d", number);
    sim_place_path(place, path);
    sim_place_path(&to, grave);
    if (sim_real()->linkat(AT_FDCWD, path, AT_FDCWD, grave, 0) != 0)
        sim_panic("cannot keep %s: %s", path, strerror(errno));
    sim_file_moved(place, &to);
    return number;
}

static void raise_grave(int number, const sim_place *place)
{
    char path[SIM_PATH_SIZE * 2], grave[SIM_PATH_SIZE * 2];
    sim_place from = {.dir = SIM_GRAVE};
    (void)snprintf(from.name, sizeof from.name, "%d", number);
    sim_place_path(&from, grave);
    sim_place_path(place, path);
    if (sim_real()->linkat(AT_FDCWD, grave, AT_FDCWD, path, 0) != 0)
        sim_panic("cannot bring back %s: %s", path, strerror(errno));
    sim_file_moved(&from, place);
}

void sim_dir_op_add(const sim_dir_op *op)
{
    if (sim_disk->op_count == SIM_DIR_OPS_MAX)
        sim_panic("more than %d directory operations at risk", SIM_DIR_OPS_MAX);
    sim_disk->ops[sim_disk->op_count++] = *op;
    if (op->kind == SIM_DIR_RENAME)
        sim_file_moved(&op->from, &op->to);
}

void sim_dir_moved(const char *from, const char *to)
{
    size_t size = strlen(from);
    for (size_t i = 0; i < sim_disk->dir_count; i++) {
        char *path = sim_disk->dirs[i].path;
        if (strncmp(path, from, size) != 0 || (path[size] != '/' && path[size] != '\0'))
            continue;
        char moved[SIM_PATH_SIZE * 2];
        (void)snprintf(moved, sizeof moved, "%s%s", to, path + size);
        if (strlen(moved) >= SIM_PATH_SIZE)
            sim_panic("path is too long: %s", moved);
        memcpy(path, moved, strlen(moved) + 1);
    }
}

static bool op_durable(const sim_dir_op *op)
{
    return op->from_synced && (op->kind != SIM_DIR_RENAME || op->to_synced);
}

void sim_dir_made_durable(ino_t ino)
{
    size_t kept = 0;
    for (size_t i = 0; i < sim_disk->op_count; i++) {
        sim_dir_op *op = &sim_disk->ops[i];
        op->from_synced |= sim_disk->dirs[op->from.dir].ino == ino;
        if (op->kind == SIM_DIR_RENAME)
            op->to_synced |= sim_disk->dirs[op->to.dir].ino == ino;
        if (!op_durable(op))
            sim_disk->ops[kept++] = *op;
    }
    sim_disk->op_count = kept;
}

void sim_all_dirs_made_durable(void)
{
    sim_disk->op_count = 0;
}

static bool same_place(const sim_place *a, const sim_place *b)
{
    return a->dir == b->dir && strcmp(a->name, b->name) == 0;
}

static bool touches(const sim_dir_op *op, const sim_place *place)
{
    return same_place(&op->from, place) ||
           (op->kind == SIM_DIR_RENAME && same_place(&op->to, place));
}

/* A later operation cannot be on the disk without an earlier one on the same entry, nor without the
 * directory that it is in. */
static bool needs(const sim_dir_op *later, const sim_dir_op *earlier)
{
    if (touches(later, &earlier->from))
        return true;
    if (earlier->kind == SIM_DIR_RENAME && touches(later, &earlier->to))
        return true;
    if (earlier->kind != SIM_DIR_MKDIR)
        return false;
    return sim_disk->dirs[later->from.dir].ino == earlier->dir_ino ||
           (later->kind == SIM_DIR_RENAME && sim_disk->dirs[later->to.dir].ino == earlier->dir_ino);
}

/* Any subset that respects `needs`; with ext4, a prefix. */
static void choose_lost_ops(void)
{
    for (size_t i = 0; i < sim_disk->op_count; i++) {
        sim_dir_op *op = &sim_disk->ops[i];
        op->lost = !sim_rng_percent(&sim_disk->rng, sim_now->keep_percent);
        for (size_t k = 0; k < i && !op->lost; k++)
            op->lost = sim_disk->ops[k].lost && (sim_now->ext4 || needs(op, &sim_disk->ops[k]));
    }
}

static void undo_rename(const sim_dir_op *op)
{
    char from[SIM_PATH_SIZE * 2], to[SIM_PATH_SIZE * 2];
    sim_place_path(&op->from, from);
    sim_place_path(&op->to, to);
    if (sim_real()->renameat2(AT_FDCWD, to, AT_FDCWD, from, 0) != 0)
        sim_panic("cannot undo the rename to %s: %s", to, strerror(errno));
    sim_file_moved(&op->to, &op->from);
    sim_dir_moved(to, from);
    if (op->grave >= 0)
        raise_grave(op->grave, &op->to);
}

static void undo_dir_op(const sim_dir_op *op)
{
    char path[SIM_PATH_SIZE * 2];
    sim_place_path(&op->from, path);
    switch (op->kind) {
    case SIM_DIR_CREATE:
    case SIM_DIR_LINK:
        if (sim_real()->unlinkat(AT_FDCWD, path, 0) != 0)
            sim_panic("cannot undo the creation of %s: %s", path, strerror(errno));
        break;
    case SIM_DIR_UNLINK:
        raise_grave(op->grave, &op->from);
        break;
    case SIM_DIR_RENAME:
        undo_rename(op);
        break;
    case SIM_DIR_MKDIR:
        sim_tree_remove(path);
        break;
    case SIM_DIR_RMDIR:
        if (sim_real()->mkdirat(AT_FDCWD, path, 0755) != 0)
            sim_panic("cannot undo the removal of %s: %s", path, strerror(errno));
        break;
    }
}

/* Loss of power */

/* Which of `count` versions a part comes back in; `count` is the newest one. */
static size_t choose_version(size_t count)
{
    if (sim_rng_percent(&sim_disk->rng, sim_now->keep_percent))
        return count;
    if (sim_rng_percent(&sim_disk->rng, 50))
        return 0;
    return (size_t)sim_rng_below(&sim_disk->rng, count);
}

/* The sizes sort last, but decide how much of the sectors is there. */
static uint64_t choose_size(size_t count, uint64_t size)
{
    size_t start = count;
    while (start > 0 && sim_disk->order[start - 1]->sector == SIM_SIZE)
        start--;
    size_t chosen = choose_version(count - start);
    return chosen == count - start ? size : sim_disk->order[start + chosen]->size;
}

static void lose_content(sim_file *file)
{
    size_t count = undo_sorted(file);
    uint64_t size = choose_size(count, size_of(file));
    for (size_t i = 0, end; i < count && sim_disk->order[i]->sector != SIM_SIZE; i = end) {
        end = group_end(i, count);
        size_t chosen = choose_version(end - i);
        uint64_t start = sim_disk->order[i]->sector * SIM_SECTOR_SIZE;
        if (chosen == end - i || start >= size)
            continue;
        write_back(file, sim_disk->order[i + chosen], size);
    }
    if (sim_real()->ftruncate(sim_file_fd(file), (off_t)size) != 0)
        sim_panic("cannot resize %s: %s", file->name, strerror(errno));
}

void sim_lose_power(void)
{
    for (size_t i = 0; i < sim_disk->file_count; i++) {
        if (sim_disk->files[i].oldest != NULL)
            lose_content(&sim_disk->files[i]);
    }
    choose_lost_ops();
    for (size_t i = sim_disk->op_count; i-- > 0;) {
        if (sim_disk->ops[i].lost)
            undo_dir_op(&sim_disk->ops[i]);
    }
    sim_forget_all();
}

void sim_forget_all(void)
{
    sim_disk->file_count = 0;
    sim_disk->dir_count = 0;
    sim_disk->op_count = 0;
    sim_disk->free_list = NULL;
    sim_disk->undo_used = 0;
    /* Graves keep their numbers: the files are still there until the next format. */
}
