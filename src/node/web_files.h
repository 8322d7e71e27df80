/* The console, as it lies in the program: what web/ is bundled to. */
#ifndef CAIRN_NODE_WEB_FILES_H
#define CAIRN_NODE_WEB_FILES_H

#include "core/net/http_static.h"

extern const cairn_http_files cairn_web_files;

#endif
