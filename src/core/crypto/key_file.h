/* A private key in a PEM file that its owner alone may touch. Source: house (docs/formats/keys.md).
 */
#ifndef CAIRN_CORE_CRYPTO_KEY_FILE_H
#define CAIRN_CORE_CRYPTO_KEY_FILE_H

#include "cairn/key.h"

/* The key in `path`. PERMISSION when others may touch the file (mode 0600 or stricter), BAD_KEY
 * when it holds no private key; those of cairn_file_open. */
cairn_err cairn_key_file_read(const char *path, cairn_key **ret_key) CAIRN_MUST_USE;

/* Writes a new key, which was not there, whole or not at all; durable when it returns. After a
 * failure it is not there: a key that is seen, and gone with the next power cut, would be worse. */
cairn_err cairn_key_file_write(const char *path, const cairn_key *key) CAIRN_MUST_USE;

#endif
