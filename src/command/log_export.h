/* The static form of a log: what a web server hands out (C2SP tlog-tiles). */
#ifndef CAIRN_COMMAND_LOG_EXPORT_H
#define CAIRN_COMMAND_LOG_EXPORT_H

#include "ledger/store/store.h"

/* Writes hash tiles and entry bundles of the log of `view` under `directory` (made if missing),
 * full tiles and the last partial ones. `progress` may be NULL. Files that are there are written
 * anew. */
cairn_err cairn_log_export(cairn_store *store, size_t slot, const cairn_view *view,
                           const char *directory,
                           bool (*progress)(void *context, uint64_t done, uint64_t total),
                           void *context) CAIRN_MUST_USE;

#endif
