/* The vault's keyring: subjects, their keys, and the tombstones of the erased; in memory and as a
 * file. Private to the vault. Source: docs/formats/vault.md. */
#ifndef CAIRN_CORE_STORE_VAULT_KEYRING_H
#define CAIRN_CORE_STORE_VAULT_KEYRING_H

#include "cairn/arena.h"
#include "core/limits.h"
#include "core/store/vault_holder.h"

typedef struct cairn_vault_entry {
    cairn_hash subject;
    uint8_t key[CAIRN_VAULT_KEY_SIZE]; /* zeros when erased */
    bool erased;
    bool fresh; /* added, and not yet written */
} cairn_vault_entry;

typedef struct cairn_vault_keyring {
    cairn_vault_epoch epoch;
    cairn_vault_entry *entries; /* ascending by subject; kept out of core dumps */
    size_t count;
    size_t capacity;
} cairn_vault_keyring;

/* Wipes and frees. */
void cairn_vault_keyring_done(cairn_vault_keyring *keyring);

/* The subject's entry, or NULL. */
cairn_vault_entry *cairn_vault_keyring_find(const cairn_vault_keyring *keyring,
                                            const cairn_hash *subject);

/* Gives a fresh key to each of the subjects that is not there, and marks it fresh. After a failure
 * (TOO_MANY, NO_MEMORY, CRYPTO) none is added. */
cairn_err cairn_vault_keyring_add(cairn_vault_keyring *keyring, const cairn_hash *subjects,
                                  size_t count) CAIRN_MUST_USE;
/* Keeps the fresh ones as they are, or takes them out again without a trace. */
void cairn_vault_keyring_settle(cairn_vault_keyring *keyring, bool keep);

/* Encodes the table, secrets included, into memory that the caller wipes: `ret_out` has room for
 * cairn_vault_table_size bytes. */
size_t cairn_vault_table_size(const cairn_vault_keyring *keyring);
cairn_err cairn_vault_table_encode(const cairn_vault_keyring *keyring, uint8_t *ret_out,
                                   size_t size) CAIRN_MUST_USE;
/* Fills an empty keyring. The errors of cairn/cbor.h; NOT_CANONICAL for a wrong order; TOO_MANY. */
cairn_err cairn_vault_table_decode(cairn_bytes table, cairn_vault_keyring *keyring) CAIRN_MUST_USE;

/* The file's outer parts, views into `file`. */
typedef struct cairn_vault_keyring_file {
    cairn_vault_epoch epoch;
    cairn_bytes wrapped; /* CAIRN_VAULT_WRAPPED_SIZE bytes */
    cairn_bytes table;   /* COSE_Encrypt0 */
} cairn_vault_keyring_file;
cairn_err cairn_vault_keyring_parse(cairn_bytes file,
                                    cairn_vault_keyring_file *ret_file) CAIRN_MUST_USE;

/* Reads the file at `path` into an empty keyring. NOT_FOUND when there is none; CORRUPT when the
 * holder lacks its epoch's key; BAD_MAC and the errors of the parsers. */
cairn_err cairn_vault_keyring_load(const char *path, cairn_vault_holder *holder,
                                   cairn_vault_keyring *keyring) CAIRN_MUST_USE;

/* Writes it, in one step, under the epoch key that it names. After a failure either the old file or
 * the new one is there. */
cairn_err cairn_vault_keyring_save(const char *path, cairn_vault_holder *holder,
                                   const cairn_vault_keyring *keyring) CAIRN_MUST_USE;

#endif
