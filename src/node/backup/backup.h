/* A directory in one file, and back. The block log is the truth, so that its prefix up to some
 * block is a cut of the ledger at that block; what is derived from it is left out and made again.
 * The ledger is read first and the vault after it: whatever a block names is there. LMDB
 * environments are copied as of one transaction. So a backup may be made while a node runs.
 * Bytes: docs/formats/backup.md. Source: house. */
#ifndef CAIRN_NODE_BACKUP_H
#define CAIRN_NODE_BACKUP_H

#include "cairn/bytes.h"

enum {
    CAIRN_BACKUP_PATH_SIZE_MAX = 1024,
    CAIRN_BACKUP_CHUNK_SIZE_MAX = 1 << 20,
    CAIRN_BACKUP_PASSPHRASE_SIZE_MIN = 8, /* bytes */
    CAIRN_BACKUP_PASSPHRASE_SIZE_MAX = 1024,
};

typedef struct cairn_backup_facts {
    uint64_t file_count;
    uint64_t size; /* bytes of the backup */
    cairn_hash digest;
    bool has_keys;
} cairn_backup_facts;

/* Writes `directory` to `fd`. Private keys are left out, and those of the vault too, unless there
 * is a `passphrase` (empty: none), under which they are then encrypted. IO, NO_SPACE, CHANGED when
 * a file shrank meanwhile. */
cairn_err cairn_backup_write(const char *directory, cairn_bytes passphrase, int fd,
                             const char *name, cairn_backup_facts *ret_facts) CAIRN_MUST_USE;

/* Puts the directory back, which is there and empty; every file is checked by its hash and synced,
 * and cairn.yaml appears only when the whole backup has held: without it the directory is none.
 * With keys in the backup a passphrase restores them (BAD_MAC for the wrong one), without one they
 * are left out. BAD_VERSION, TRUNCATED, TRAILING, MISMATCH, BAD_VALUE for a path that leads
 * elsewhere. */
cairn_err cairn_backup_restore(int fd, const char *name, cairn_bytes passphrase,
                               const char *directory, cairn_backup_facts *ret_facts) CAIRN_MUST_USE;

#endif
