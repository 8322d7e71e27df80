/* A simulated disk below libc.
 *
 * The test executable exports functions with libc's names (open, pwrite, fsync, rename, malloc and
 * so on; disk_calls.c and disk_alloc.c), so that the code under test, LMDB and OpenSSL all call
 * them. Files under the *root*, a directory on a tmpfs, are then on a disk that can lose power: the
 * real file shows what the page cache shows, and a journal keeps what the disk would still hold.
 * Everything that is not yet durable may be lost at a crash, each part on its own:
 *
 * - content, by 512-byte sectors: a sector comes back as it was at its last sync, as it was between
 *   two of the writes since, or as it is;
 * - the size of a file, likewise, independent of its content;
 * - directory entries: create, link, unlink, rename, mkdir and rmdir are atomic and durable only
 *   once each directory that they touch was fsynced. This is what POSIX promises and stricter than
 *   ext4, where fsync of a new file makes its name durable too and directory operations persist in
 *   their order (`ext4` chooses that): code that passes here does not depend on a file system.
 *
 * Deterministic: one seed decides. State lies in shared memory, so that what a killed process left
 * in the page cache is still at risk in the next one. Threads: calls are serialised by one lock,
 * but only single-threaded code replays. Source: house; fsync errors as in Linux since 4.13 (the
 * error is reported once, the pages are marked clean, the data never reach the disk). */
#ifndef CAIRN_SIM_DISK_H
#define CAIRN_SIM_DISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    SIM_SECTOR_SIZE = 512, /* bytes that are written whole or not at all */
    SIM_PAGE_SIZE = 4096,  /* bytes in which the page cache is dirty and space is allocated */
    SIM_FAULTS_MAX = 4,    /* faults in one life of the process */
};

typedef enum sim_fault_kind {
    SIM_FAULT_CRASH,       /* power is lost at operation `at` */
    SIM_FAULT_KILL,        /* the process dies at operation `at`; the page cache stays */
    SIM_FAULT_NO_SPACE,    /* from operation `at` on, `amount` bytes are left on the disk */
    SIM_FAULT_SYNC_ERROR,  /* the first sync from operation `at` on fails with EIO */
    SIM_FAULT_WRITE_ERROR, /* the first write from operation `at` on fails with EIO */
    SIM_FAULT_SHORT_WRITE, /* the first write from `at` on is cut at a sector border, if it has one
                            */
    SIM_FAULT_NO_MEMORY,   /* allocations `at` to `at + amount - 1` fail */
    SIM_FAULT_KINDS
} sim_fault_kind;

/* When a crash comes, seen from the operation that it meets. */
typedef enum sim_when { SIM_BEFORE, SIM_TORN, SIM_AFTER } sim_when;

typedef struct sim_fault {
    sim_fault_kind kind;
    sim_when when;   /* CRASH and KILL alone */
    uint64_t at;     /* counted from 1 in each life: operations, or allocations for NO_MEMORY */
    uint64_t amount; /* NO_SPACE: bytes; NO_MEMORY: allocations */
    bool fired;
} sim_fault;

/* One life of the process: from power on to its end. */
typedef struct sim_life {
    uint64_t seed; /* of the disk's own decisions */
    sim_fault faults[SIM_FAULTS_MAX];
    size_t fault_count;
    unsigned keep_percent; /* chance that a part not yet durable survives a loss of power */
    bool ext4;             /* the weaker model, see above */
    bool stale;            /* lost new sectors show old bytes of other files instead of zeros */
    bool trace;            /* print each operation to stderr */
    uint64_t ops;          /* result: operations and allocations counted */
    uint64_t allocs;
} sim_life;

/* Exit codes of a process whose life a fault ended. */
enum { SIM_EXIT_CRASH = 81, SIM_EXIT_KILL = 82, SIM_EXIT_FAILED = 83 };

/* Once per worker, before any fork: maps the shared state and names the base directory, in which
 * the disk is `disk/` (the root) and unlinked files wait in `grave/`. */
void sim_disk_setup(const char *base);

/* An empty disk, everything durable. */
void sim_disk_format(void);

/* Removes the base directory. */
void sim_disk_remove(void);

/* Absolute path of the root. */
const char *sim_disk_root(void);

/* Begins a life in this process: from here on calls are counted, tracked and made to fail. `life`
 * lies in shared memory, since the counts are read by the parent. */
void sim_disk_power_on(sim_life *life);

/* Ends the life of this process without a fault having ended it: as a loss of power, or as a plain
 * exit which leaves the page cache. Neither runs exit handlers. */
void sim_disk_power_off(bool lose_power, int exit_code) __attribute__((noreturn));

/* Stops (true) and resumes the counting and failing of allocations in this process, for the checks
 * of a workload. Nests. */
void sim_disk_hold_memory(bool hold);

/* True if any fault of the kinds in `mask` (bits 1 << kind) has fired in this life; false before
 * one begins. */
bool sim_disk_fired(unsigned mask);

/* There is room on the disk again, after NO_SPACE. */
void sim_disk_give_space(void);

/* True from NO_SPACE until there is room again. */
bool sim_disk_lacks_space(void);

/* Inverts one bit of a file at rest, path relative to the root. False if there is no such byte. */
bool sim_disk_flip(const char *path, uint64_t offset, unsigned bit);

/* Size of a file at rest, path relative to the root; 0 if there is none. */
uint64_t sim_disk_file_size(const char *path);

/* Prints the message and ends the process: the layer met something that it does not model. */
void sim_disk_unmodelled(const char *what, const char *path) __attribute__((noreturn));

#endif
