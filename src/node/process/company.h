/* Programs that are run together, each started again when it ends: for members of a consortium,
 * node and engine as one unit. One thread, which owns it all; the children end with it.
 *
 * A program may lean on another one, which comes first, goes last and takes it along when it ends;
 * and on a file, without which it is not started. Source: house (ARCHITECTURE, Processes). */
#ifndef CAIRN_NODE_COMPANY_H
#define CAIRN_NODE_COMPANY_H

#include <sys/types.h>

#include "cairn/err.h"
#include "core/log.h"

enum {
    CAIRN_COMPANY_MAX = 64, /* programs */
    CAIRN_COMPANY_RESTART_MIN_MS = 200,
    CAIRN_COMPANY_RESTART_MAX_MS = 10000,
    CAIRN_COMPANY_STEADY_MS = 30000, /* who ran so long begins with the shortest pause again */
    CAIRN_COMPANY_END_MS = 20000,    /* between the two signals that end it */
};

typedef struct cairn_company_program {
    const char *name;        /* for the log */
    const char *const *argv; /* its first is looked for in PATH when it has no slash */
    const char *log_path;    /* where both its streams are appended; NULL: our error stream */
    int leans_on;            /* number of another one, before it in the list; -1: none */
    const char *file;        /* that must be there before it starts; NULL */
    /* Called about once a second while it runs: true ends it, so that it starts anew; and before
     * each start. NULL. */
    bool (*is_stale)(void *context, bool starting);
    void *context;
} cairn_company_program;

/* Events: company.started, company.ended. */
extern const cairn_log_table cairn_company_log_events;

/* Runs them until SIGINT or SIGTERM, which the caller has blocked together with SIGCHLD and SIGHUP;
 * SIGHUP goes on to those that lean on nobody. OK when all have ended; TOO_MANY. */
cairn_err cairn_company_run(const cairn_company_program *programs, size_t count,
                            cairn_log *log) CAIRN_MUST_USE;

#endif
