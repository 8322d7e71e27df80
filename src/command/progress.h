/* A progress bar on a terminal, for what takes over a second. Elsewhere, with --quiet or --json:
 * silence. */
#ifndef CAIRN_COMMAND_PROGRESS_H
#define CAIRN_COMMAND_PROGRESS_H

#include "command/verb.h"

typedef struct cairn_progress {
    FILE *out; /* NULL: silent */
    const char *what;
    uint64_t started_ns;
    uint64_t drawn_ns; /* 0: nothing is on the screen */
    bool in_bytes;
} cairn_progress;

/* `what` names the work, such as a file; it is borrowed. */
void cairn_progress_begin(cairn_progress *progress, const cairn_command *command, const char *what,
                          bool in_bytes);

/* Draws now and then; the form that cairn_manifest_work wants. Always true: nothing is cancelled.
 */
bool cairn_progress_update(void *progress, uint64_t done, uint64_t total);

/* Wipes the bar. */
void cairn_progress_end(cairn_progress *progress);

#endif
