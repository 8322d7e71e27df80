/* Is an LMDB data file whole enough for liblmdb? Its pages carry no checksum, and liblmdb follows
 * what they say: a flipped bit in a page number, a size or the list of free pages ends in SIGBUS or
 * in overwritten data. So the structure is checked before the file is opened: every page that can
 * be reached lies in the file, is of the right kind, is reached once, and is not free; every node
 * lies in its page. What keys and values say is not looked at.
 *
 * Source: the file format of liblmdb 0.9.24 (mdb.c), 64-bit, little-endian as on the machine. */
#ifndef CAIRN_CORE_STORE_KV_CHECK_H
#define CAIRN_CORE_STORE_KV_CHECK_H

#include "cairn/bytes.h"

/* `fd` is open for reading and nobody writes the file meanwhile; `name` names it in a failure.
 * CORRUPT says which page and what is wrong with it; IO, NO_MEMORY. */
cairn_err cairn_kv_check(int fd, const char *name) CAIRN_MUST_USE;

#endif
