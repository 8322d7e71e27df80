/* Which process of the node this one is. The node, its spawner, its key process and its import
 * workers are one program, run anew for each: none shares memory, layout or open files with
 * another.
 *
 *   node ──── spawner (before the node shuts itself in) ──┬── keyd
 *                                                         └── worker …
 *
 * Only the spawner can start processes, and it starts no others than these. Source: house
 * (ARCHITECTURE, Processes). */
#ifndef CAIRN_NODE_PROCESS_H
#define CAIRN_NODE_PROCESS_H

#include "node/process/worker.h"

/* First in main: true when this process was started as one of the helpers; it has done its work,
 * and main returns `*ret_exit`. `parsers` is what workers can run. */
bool cairn_process_main(int argc, char **argv, const cairn_worker_parser *parsers,
                        size_t parser_count, int *ret_exit);

#endif
