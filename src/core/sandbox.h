/* What a process may still ask of the kernel, once it has said what it is for.
 *
 * Two fences, each of which holds alone: Landlock closes the file system and TCP but for named
 * paths; a seccomp filter lists the system calls of a profile, and any other one ends the process
 * with SIGSYS. Neither can be taken off again, and both go on to threads and children. Where the
 * kernel has no Landlock (before 5.13, or not switched on) the filter holds alone, and the report
 * says so. Source: landlock(7), seccomp(2); house. */
#ifndef CAIRN_CORE_SANDBOX_H
#define CAIRN_CORE_SANDBOX_H

#include "cairn/bytes.h"

typedef enum cairn_sandbox_profile {
    /* Threads, descriptors that are open, files under the paths; no socket, process or program. */
    CAIRN_SANDBOX_KEYD,
    /* The same, and what the module of a token may need: sockets, shared memory, loading code.
     * Landlock forbids only to run programs: where a module has its files is not known. */
    CAIRN_SANDBOX_KEYD_TOKEN,
    /* Memory and descriptors that are open; it cannot even try to open a file. */
    CAIRN_SANDBOX_WORKER,
    /* Threads, sockets, files under the paths, also TCP; no process or program. */
    CAIRN_SANDBOX_NODE,
} cairn_sandbox_profile;

/* A file, or a directory with all that is in it. One that is not there is left out. */
typedef struct cairn_sandbox_path {
    const char *path;
    bool writable;
} cairn_sandbox_path;

typedef struct cairn_sandbox_report {
    unsigned landlock_abi; /* in force; 0: the kernel has none, paths are not fenced */
    bool filtered;         /* false: built for a machine whose calls the filter does not know */
} cairn_sandbox_report;

/* Enters a profile, for good. While the process has one thread: Landlock holds for the calling one
 * and those that it starts. Sets no_new_privs. INTERNAL when the kernel refuses what it has. */
cairn_err cairn_sandbox_enter(cairn_sandbox_profile profile, const cairn_sandbox_path *paths,
                              size_t path_count, cairn_sandbox_report *ret_report) CAIRN_MUST_USE;

/* No core dumps, not traceable by others of the same user, and no descriptor from `first_fd` on but
 * those that are opened later. */
cairn_err cairn_sandbox_harden(int first_fd) CAIRN_MUST_USE;

/* Locks present and future memory, where the limits of the process allow it without making later
 * allocations fail; false where not. */
bool cairn_sandbox_lock_memory(void);

#endif
