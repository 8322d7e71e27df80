/* The vault: payloads off the ledger, encrypted under a key per subject, addressed by the SHA-256
 * of their ciphertext. Erasing a subject makes its objects undecipherable, in copies too.
 *
 * Any thread may call; a stream belongs to one thread at a time and is freed before its vault.
 * Bytes, guarantees and their limits: docs/formats/vault.md. Source: house. */
#ifndef CAIRN_CORE_STORE_VAULT_H
#define CAIRN_CORE_STORE_VAULT_H

#include "core/store/vault_holder.h"

typedef struct cairn_vault cairn_vault;
typedef struct cairn_vault_put cairn_vault_put;
typedef struct cairn_vault_get cairn_vault_get;

/* Opens the vault in `directory`, or makes one where there is none, and completes an erasure that a
 * crash interrupted. `holder` is borrowed until close. LOCKED when another process holds it;
 * CORRUPT when the keyring is missing or its epoch key is not held; BAD_MAC when it was changed;
 * IO, NO_SPACE, PERMISSION, TOKEN, CRYPTO, NO_MEMORY. */
cairn_err cairn_vault_open(const char *directory, cairn_vault_holder *holder,
                           cairn_vault **ret_vault) CAIRN_MUST_USE;
/* Wipes the keys. Takes NULL. */
void cairn_vault_close(cairn_vault *vault);
CAIRN_DEFINE_CLEANUP(cairn_vault, cairn_vault_close)

/* Gives each of `count` subjects a key, in one writing of the keyring; one that has a key keeps it.
 * All or none. ERASED when one was erased: a pseudonym is not used again; TOO_MANY beyond
 * CAIRN_VAULT_SUBJECTS_MAX. */
cairn_err cairn_vault_add(cairn_vault *vault, const cairn_hash *subjects,
                          size_t count) CAIRN_MUST_USE;

/* Success when the subject has a key; else ERASED or NOT_FOUND. */
cairn_err cairn_vault_check(cairn_vault *vault, const cairn_hash *subject) CAIRN_MUST_USE;

/* Erases a subject. On success nothing on any medium decrypts its objects any more, as far as the
 * holder can promise. Erasing again succeeds; NOT_FOUND for one that never was. After any other
 * error the erasure may or may not have happened: call again until it succeeds. */
cairn_err cairn_vault_erase(cairn_vault *vault, const cairn_hash *subject) CAIRN_MUST_USE;

/* Begins an object of a subject, who gets a key if new. ERASED. End with cairn_vault_put_free. */
cairn_err cairn_vault_put_begin(cairn_vault *vault, const cairn_hash *subject,
                                cairn_vault_put **ret_put) CAIRN_MUST_USE;
/* More of the plaintext, any size. TOO_LARGE beyond 1 TiB. After a failure the stream is of no more
 * use. */
cairn_err cairn_vault_put_write(cairn_vault_put *put, cairn_bytes data) CAIRN_MUST_USE;
/* Makes the object durable and tells its address. ERASED when the subject was erased meanwhile. */
cairn_err cairn_vault_put_end(cairn_vault_put *put, cairn_hash *ret_address) CAIRN_MUST_USE;
/* Frees the stream; without a successful end there is no object. Takes NULL. */
void cairn_vault_put_free(cairn_vault_put *put);
CAIRN_DEFINE_CLEANUP(cairn_vault_put, cairn_vault_put_free)

/* Opens an object for reading. NOT_FOUND for an unknown subject or address; ERASED; BAD_VERSION,
 * TRUNCATED. End with cairn_vault_get_free. */
cairn_err cairn_vault_get_open(cairn_vault *vault, const cairn_hash *subject,
                               const cairn_hash *address, cairn_vault_get **ret_get) CAIRN_MUST_USE;
/* The next up to 64 KiB of plaintext, valid until the next call; empty at the end. A chunk is
 * verified before it is handed out, the last one only together with the address: who has not
 * reached the end must not act on what he got. BAD_MAC, MISMATCH (another object lies at this
 * address), TRUNCATED, NOT_CANONICAL; ERASED when the subject was erased meanwhile. */
cairn_err cairn_vault_get_next(cairn_vault_get *get, cairn_bytes *ret_chunk) CAIRN_MUST_USE;
/* Takes NULL. */
void cairn_vault_get_free(cairn_vault_get *get);
CAIRN_DEFINE_CLEANUP(cairn_vault_get, cairn_vault_get_free)

/* Checks that the object at `address` is the one, without any key. NOT_FOUND, MISMATCH. */
cairn_err cairn_vault_verify(cairn_vault *vault, const cairn_hash *address) CAIRN_MUST_USE;

/* Removes the object's bytes; success when it is not there. */
cairn_err cairn_vault_remove(cairn_vault *vault, const cairn_hash *address) CAIRN_MUST_USE;

#endif
