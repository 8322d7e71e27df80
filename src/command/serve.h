/* The node of a directory, as the verbs run it. Source: house (docs/features/node.md). */
#ifndef CAIRN_COMMAND_SERVE_H
#define CAIRN_COMMAND_SERVE_H

#include "command/verb.h"

/* Serves `directory` until SIGTERM or SIGINT, and follows when its cairn.yaml says so. The process
 * has one thread yet. */
cairn_err cairn_command_serve(cairn_command *command, const char *directory) CAIRN_MUST_USE;

#endif
