/* The console at /console: files that lie in the program, and nothing else. */
#ifndef CAIRN_NODE_CONSOLE_H
#define CAIRN_NODE_CONSOLE_H

#include "core/net/route.h"

extern const cairn_route_table cairn_console_routes;

#endif
