/* What the three parts of the simulated disk share: the state in shared memory, the real libc
 * functions, and the model's steps, which disk_calls.c puts around the real calls.
 *
 * All of it runs under the one lock that sim_enter takes, except the counting of allocations. */
#ifndef CAIRN_SIM_DISK_STATE_H
#define CAIRN_SIM_DISK_STATE_H

#include <dirent.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "sim/disk.h"
#include "sim/prng.h"

enum {
    SIM_FILES_MAX = 1024,
    SIM_DIRS_MAX = 128,
    SIM_DIR_OPS_MAX = 4096,
    SIM_NAME_SIZE = 128,
    SIM_PATH_SIZE = 512,
    SIM_UNDO_MAX = 1 << 20, /* versions of sectors that are at risk at one time */
    SIM_GRAVE = -1,         /* "directory" of an unlinked file */
};

/* The old content of one sector, or the old size of the file (`sector` is SIM_SIZE). */
#define SIM_SIZE UINT64_MAX
typedef struct sim_undo {
    struct sim_undo *older, *newer; /* of the same file */
    uint64_t sector;
    uint64_t serial;
    uint64_t size;
    bool hole;   /* the sector lay past the end: zeros, `data` is not set */
    bool doomed; /* a sync failed: the kernel holds the page clean, only a new write saves it */
    uint8_t data[SIM_SECTOR_SIZE];
} sim_undo;

/* A regular file that was opened below the root. (dir, name) is one valid link to it. */
typedef struct sim_file {
    ino_t ino;
    int dir;
    char name[SIM_NAME_SIZE];
    sim_undo *oldest, *newest;
    size_t doomed_count;
} sim_file;

typedef struct sim_dir {
    ino_t ino;
    char path[SIM_PATH_SIZE]; /* absolute, follows renames */
} sim_dir;

typedef struct sim_place {
    int dir;
    char name[SIM_NAME_SIZE];
} sim_place;

typedef enum sim_dir_op_kind {
    SIM_DIR_CREATE,
    SIM_DIR_LINK,
    SIM_DIR_UNLINK,
    SIM_DIR_RENAME,
    SIM_DIR_MKDIR,
    SIM_DIR_RMDIR
} sim_dir_op_kind;

/* A directory operation that is not durable yet. `to` is used by RENAME alone. */
typedef struct sim_dir_op {
    sim_dir_op_kind kind;
    sim_place from, to;
    bool from_synced, to_synced;
    int grave;     /* number in the graveyard of the file that lost its name here, or -1 */
    ino_t dir_ino; /* MKDIR: the new directory */
    bool lost;     /* while power is being lost */
} sim_dir_op;

typedef struct sim_state {
    sim_rng rng;
    uint64_t serial;
    sim_file files[SIM_FILES_MAX];
    size_t file_count;
    sim_dir dirs[SIM_DIRS_MAX];
    size_t dir_count;
    sim_dir_op ops[SIM_DIR_OPS_MAX];
    size_t op_count;
    int grave_count;
    sim_undo *free_list;
    size_t undo_used;
    sim_undo *order[SIM_UNDO_MAX]; /* scratch for sorting */
    sim_undo undo[SIM_UNDO_MAX];
} sim_state;

/* The process's own part. */
extern sim_state *sim_disk;    /* shared mapping */
extern sim_life *sim_now;      /* the running life, NULL while the power is off */
extern char sim_root[];        /* canonical */
extern char sim_graveyard[];   /* canonical */
extern dev_t sim_device;       /* of the root's file system */
extern bool sim_space_limited; /* NO_SPACE has fired ... */
extern uint64_t sim_space_left;

/* The real functions behind ours. */
typedef struct sim_real_calls {
    int (*openat)(int, const char *, int, ...);
    ssize_t (*write)(int, const void *, size_t);
    ssize_t (*pwrite)(int, const void *, size_t, off_t);
    ssize_t (*writev)(int, const struct iovec *, int);
    ssize_t (*pwritev)(int, const struct iovec *, int, off_t);
    int (*ftruncate)(int, off_t);
    int (*fallocate)(int, int, off_t, off_t);
    int (*fsync)(int);
    int (*fdatasync)(int);
    int (*renameat2)(int, const char *, int, const char *, unsigned);
    int (*unlinkat)(int, const char *, int);
    int (*linkat)(int, const char *, int, const char *, int);
    int (*mkdirat)(int, const char *, mode_t);
    void *(*mmap)(void *, size_t, int, int, int, off_t);
    void *(*fopen)(const char *, const char *);
    int (*posix_fadvise)(int, off_t, off_t, int);
} sim_real_calls;
const sim_real_calls *sim_real(void);

/* Names. */
int sim_dir_index(ino_t ino, const char *path);
void sim_place_path(const sim_place *place, char out[SIM_PATH_SIZE * 2]);
void sim_file_path(const sim_file *file, char out[SIM_PATH_SIZE * 2]);
sim_file *sim_file_find(ino_t ino);
sim_file *sim_file_add(ino_t ino, const sim_place *place);
/* A descriptor of our own on the file, kept until the process ends: closing it would drop the POSIX
 * locks of the code under test. */
int sim_file_fd(sim_file *file);

/* Content: called before the real operation. */
void sim_will_write(sim_file *file, uint64_t size, uint64_t offset, uint64_t count);
void sim_will_resize(sim_file *file, uint64_t size, uint64_t new_size);
/* A power loss in the midst of the write whose undo begins at `serial`: some sectors arrive. */
void sim_tear(sim_file *file, uint64_t serial);
void sim_made_durable(sim_file *file);
void sim_range_made_durable(sim_file *file, uint64_t offset, uint64_t count, bool extended);
void sim_sync_failed(sim_file *file);
/* What a failed sync left in the page cache between the offsets is read from the disk again. */
void sim_evict(sim_file *file, uint64_t start, uint64_t end);
/* Of `count` bytes at `offset`, how many still find room; takes the room. */
uint64_t sim_take_space(sim_file *file, uint64_t offset, uint64_t count);

/* Directories: called after the real operation, but sim_bury before it. */
int sim_bury(const sim_place *place);
void sim_dir_op_add(const sim_dir_op *op);
void sim_dir_made_durable(ino_t ino);
void sim_all_dirs_made_durable(void);
void sim_dir_moved(const char *from, const char *to);

void sim_lose_power(void);
void sim_forget_all(void);
void sim_tree_remove(const char *path);
void sim_panic(const char *fmt, ...) __attribute__((noreturn, format(printf, 1, 2)));

#endif
