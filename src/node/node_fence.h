/* The node shuts itself in: from then on it starts no process, runs no program, and sees of the
 * file system what it needs. The keys of its own ledger directory are not among it. Source: house
 * (ARCHITECTURE, Processes; docs/features/service.md). */
#ifndef CAIRN_NODE_FENCE_H
#define CAIRN_NODE_FENCE_H

#include "core/config.h"
#include "core/sandbox.h"

/* Makes the folders of `directory` that a first start would make, and enters CAIRN_SANDBOX_NODE
 * with them, the files that `config` and issuers.json name, and what the system's libraries read. A
 * file outside of the directory is opened together with the folder that it lies in, so that another
 * one may take its place, unless the keys or the PIN file (signer.pin_file) lie there, too. While
 * there is one thread. CONFIG for a directory that lies, or whose keys or PIN lie, where every node
 * reads; errors of cairn_sandbox_enter. */
cairn_err cairn_node_fence(const char *directory, const cairn_config *config,
                           cairn_sandbox_report *ret_report) CAIRN_MUST_USE;

#endif
