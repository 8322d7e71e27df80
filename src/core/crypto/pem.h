/* Textual encoding of binary objects (RFC 7468): certificates, lists and requests as files have
 * them. */
#ifndef CAIRN_CORE_CRYPTO_PEM_H
#define CAIRN_CORE_CRYPTO_PEM_H

#include "cairn/arena.h"
#include "cairn/bytes.h"

/* One object with its label ("CERTIFICATE"). In the arena. */
cairn_err cairn_pem_encode(cairn_arena *arena, const char *label, cairn_bytes der,
                           cairn_bytes *ret_text) CAIRN_MUST_USE;

/* Several, one behind the other; empty ones are left out. */
cairn_err cairn_pem_encode_list(cairn_arena *arena, const char *label, const cairn_bytes *list,
                                size_t count, cairn_bytes *ret_text) CAIRN_MUST_USE;

/* The one object of that label, or `in` itself when it has no PEM in it: then it is DER. BAD_VALUE
 * for another label, a second object, or no base64. In the arena. */
cairn_err cairn_pem_decode(cairn_arena *arena, const char *label, cairn_bytes in,
                           cairn_bytes *ret_der) CAIRN_MUST_USE;

/* For OpenSSL's readers, whose default asks for a password at the terminal: there is none. */
int cairn_pem_no_password(char *text, int size, int writing, void *context);

/* BAD_KEY when something in `pem` is encrypted (RFC 5958, RFC 1421): nobody is there to be asked
 * for the password. `what` names the text. */
cairn_err cairn_pem_check_clear(cairn_bytes pem, const char *what) CAIRN_MUST_USE;

#endif
