/* The volumes of a trail: directories named by their first row, each a block log. */
#ifndef CAIRN_NODE_AUDIT_VOLUME_H
#define CAIRN_NODE_AUDIT_VOLUME_H

#include "core/store/block_log.h"
#include "core/store/file.h"
#include "node/auth/audit.h"

/* First rows of the volumes, rising. */
typedef struct cairn_audit_volumes {
    size_t count;
    uint64_t first[CAIRN_AUDIT_VOLUMES_MAX + 1];
} cairn_audit_volumes;

/* Those that are there. NOT_FOUND without the directory. */
cairn_err cairn_audit_volumes_list(const char *directory,
                                   cairn_audit_volumes *ret_volumes) CAIRN_MUST_USE;

/* Path of a volume. */
cairn_err cairn_audit_volume_path(const char *directory, uint64_t first,
                                  char ret_path[CAIRN_PATH_SIZE_MAX]) CAIRN_MUST_USE;

/* Takes the oldest volume away, in one step as far as readers can tell. */
cairn_err cairn_audit_volume_remove(const char *directory, uint64_t first) CAIRN_MUST_USE;

/* Finishes removals that were interrupted. */
cairn_err cairn_audit_volumes_tidy(const char *directory) CAIRN_MUST_USE;

/* How far a walk has come; the first row of the oldest volume says what came before. */
typedef struct cairn_audit_walk {
    bool has_begun;
    cairn_audit_head head;
    uint64_t from; /* rows below are checked, not shown */
    const cairn_audit_head *known;
    bool known_seen;
    cairn_err (*visit)(void *context, const cairn_audit_row *row);
    void *context;
} cairn_audit_walk;

/* Walks the rows of an open volume that begins with row `first`. */
cairn_err cairn_audit_walk_volume(cairn_audit_walk *walk, cairn_block_log *log,
                                  uint64_t first) CAIRN_MUST_USE;

#endif
