/* keyd, the key process: holds every private key, signs and unwraps, and does nothing else. It
 * opens its keys after it has shut itself in, answers one connection, and ends with it. Requests
 * and replies: docs/formats/keyd.md. Source: house (ARCHITECTURE, Processes). */
#ifndef CAIRN_NODE_KEYD_H
#define CAIRN_NODE_KEYD_H

#include "cairn/bytes.h"

/* What keyd opens. Texts are borrowed; NULL is "". */
typedef struct cairn_keyd_options {
    const char *keys_directory;  /* private keys as files; "": they lie in a token */
    const char *module;          /* PKCS#11 library */
    const char *token;           /* label */
    const char *pin_file;        /* read by keyd alone */
    const char *vault_directory; /* epoch keys as files; "": on the token, or without one nowhere */
} cairn_keyd_options;

enum { CAIRN_KEYD_ARGUMENTS = 6 }; /* argv[0] included */

/* The arguments that say so to the process; they point into the options. */
void cairn_keyd_arguments(const cairn_keyd_options *options,
                          const char *ret_argv[CAIRN_KEYD_ARGUMENTS + 1]);

/* The key process: serves descriptor 3. See node/process/process.h. */
int cairn_keyd_main(int argc, char **argv);

#endif
