/* Heights whose blocks hold evidence that the ledger is to be told of. They lie in
 * consortium/offences, a line each, so that a member that ends in between tells it when it is back.
 * Not safe for several threads. Source: house (docs/features/consortium.md, Validators). */
#ifndef CAIRN_NODE_OFFENCES_H
#define CAIRN_NODE_OFFENCES_H

#include "core/store/file.h"

enum { CAIRN_OFFENCES_MAX = 64 }; /* other members tell of the rest */

typedef struct cairn_offences {
    char path[CAIRN_PATH_SIZE_MAX];
    size_t count;
    uint64_t heights[CAIRN_OFFENCES_MAX]; /* as they came */
} cairn_offences;

/* Those that wait in `directory`; CORRUPT when the file is none of ours. */
cairn_err cairn_offences_open(const char *directory, cairn_offences *ret_offences) CAIRN_MUST_USE;

/* Both hold in memory whatever the disk says; nothing happens to what is there, or is not. Adding
 * to CAIRN_OFFENCES_MAX is TOO_MANY. */
cairn_err cairn_offences_add(cairn_offences *offences, uint64_t height) CAIRN_MUST_USE;
cairn_err cairn_offences_remove(cairn_offences *offences, uint64_t height) CAIRN_MUST_USE;

#endif
