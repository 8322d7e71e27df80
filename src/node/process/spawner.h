/* The spawner: a small process, started before the node shuts itself in, that alone can start
 * others. So the node can neither run a program nor read a key file, and keyd can yet be started
 * again. It starts keyd as it was told at its own start, and workers by the name of their parser.
 *
 * A child lives as long as the caller holds its `report` descriptor: closed, the child is killed.
 * The spawner ends with the node, and its children with it. Source: house. */
#ifndef CAIRN_NODE_SPAWNER_H
#define CAIRN_NODE_SPAWNER_H

#include "node/process/keyd.h"

typedef struct cairn_spawner cairn_spawner;

typedef enum cairn_spawner_role {
    CAIRN_SPAWNER_KEYD,
    CAIRN_SPAWNER_WORKER,
} cairn_spawner_role;

/* A child that was started. */
typedef struct cairn_spawner_child {
    int pid;
    int report; /* readable when the child has ended: cairn_spawner_status */
    int socket; /* the other end of its descriptor 3 */
} cairn_spawner_child;

/* Starts the spawner by running this program again (/proc/self/exe). The calling thread must live
 * as long as the spawner: a child is told of the end of the thread that made it. `keyd` may be
 * NULL. IO, NO_MEMORY. */
cairn_err cairn_spawner_start(const cairn_keyd_options *keyd,
                              cairn_spawner **ret_spawner) CAIRN_MUST_USE;

/* Ends the spawner, kills its children, waits for it. Takes NULL. */
void cairn_spawner_free(cairn_spawner *spawner);
CAIRN_DEFINE_CLEANUP(cairn_spawner, cairn_spawner_free)

/* True when the spawner is no more: nothing can be started again. It cannot be replaced either, for
 * the node runs no program. Any thread; SIGCHLD tells when to ask. */
bool cairn_spawner_has_ended(const cairn_spawner *spawner);

/* Starts a child. `arguments` (up to 4, each up to 64 bytes) are a worker's; keyd has none. Close
 * both descriptors. UNAVAILABLE when the spawner has ended or cannot fork, and while 64 of its
 * children live. Any thread. */
cairn_err cairn_spawner_run(cairn_spawner *spawner, cairn_spawner_role role,
                            const char *const *arguments, size_t argument_count,
                            cairn_spawner_child *ret_child) CAIRN_MUST_USE;

/* How the child ended, as waitpid tells it; blocks until it has. UNAVAILABLE when the spawner has
 * ended. */
cairn_err cairn_spawner_status(const cairn_spawner_child *child, int *ret_status) CAIRN_MUST_USE;

/* Closes both descriptors, which ends the child if it lives. Takes one that is zeroed to -1. */
void cairn_spawner_child_close(cairn_spawner_child *child);

/* The spawner process: see node/process/process.h. */
int cairn_spawner_main(int argc, char **argv);

#endif
