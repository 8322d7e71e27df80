/* What the signer asks of the thing that holds the keys: a directory of files, or a token. */
#ifndef CAIRN_CORE_CRYPTO_SIGNER_IMPL_H
#define CAIRN_CORE_CRYPTO_SIGNER_IMPL_H

#include "core/crypto/signer.h"
#include "core/limits.h"

typedef struct cairn_signer_key {
    char name[CAIRN_SIGNER_NAME_SIZE_MAX + 1];
    cairn_key *public_key;
    void *private_part; /* the backend's */
} cairn_signer_key;

/* All calls but `submit` are made on the signer's one thread. `state` is the backend's own. */
typedef struct cairn_signer_backend {
    /* Gets ready and hands each key that is there to cairn_signer_add. */
    cairn_err (*open)(void *state, cairn_signer *signer);
    /* Makes a key and keeps it durably; the name is valid and not known to the signer. EXISTS when
     * it is taken nevertheless. */
    cairn_err (*generate)(void *state, const char *name, cairn_key_type type,
                          cairn_key **ret_public, void **ret_private);
    cairn_err (*sign)(void *state, const cairn_signer_key *key, cairn_bytes message,
                      uint8_t ret_signature[CAIRN_SIGNATURE_SIZE_MAX], size_t *ret_size);
    /* NULL, or in place of `sign` and of the signer's queue: any thread; sends the message on its
     * way, and sees to it that `done` is called once unless this fails. `close` waits for those. */
    cairn_err (*submit)(void *state, const cairn_signer_key *key, unsigned purposes,
                        cairn_bytes message, cairn_signer_done_fn done, void *context);
    /* Frees the private part of a key. Takes NULL. */
    void (*drop)(void *private_part);
    /* Ends what open began, also when it failed half-way, and frees the state. */
    void (*close)(void *state);
} cairn_signer_backend;

/* Starts the thread and waits until the backend is open. Takes `state`, also on failure. */
cairn_err cairn_signer_start_take(const cairn_signer_backend *backend, void *state,
                                  cairn_signer **ret_signer) CAIRN_MUST_USE;

/* The backend's own, for functions that know which one it is. */
void *cairn_signer_state(cairn_signer *signer, const cairn_signer_backend *backend);

/* Adds a key under a new name; on success takes the reference and the private part. EXISTS,
 * TOO_MANY, ARGUMENT for a name that is not valid. */
cairn_err cairn_signer_add_take(cairn_signer *signer, const char *name, cairn_key *public_key,
                                void *private_part) CAIRN_MUST_USE;

/* 1 to 64 of A-Z a-z 0-9 . _ -, the first neither '.' nor '-': also a safe file name. */
bool cairn_signer_name_valid(const char *name);

#endif
