/* What the service-info modules share: files of the owner's, and how a value is written. */
#ifndef CAIRN_ONBOARD_MODULES_H
#define CAIRN_ONBOARD_MODULES_H

#include <openssl/evp.h>

#include "cairn/fdo_client.h"
#include "core/store/file.h"
#include "onboard/wire/body.h"

enum {
    MODULE_FILE_NAME_MAX = 128,
    MODULE_CHUNK_SIZE = 1014, /* bytes of a file in one pair, as FIDO's modules have it */
    MODULE_SHA384_SIZE = 48,
    MODULE_URL_SIZE_MAX = 2048,
    MODULES_MAX = 8,
};

/* A file that is being put into the owner's directory: under a name that nobody knows, until it is
 * whole. */
typedef struct module_file {
    int fd; /* -1: none */
    uint64_t size;
    EVP_MD_CTX *hash;
    char temporary[CAIRN_PATH_SIZE_MAX];
    char path[CAIRN_PATH_SIZE_MAX];
} module_file;

/* The last part of a path that the owner gave, if it is a name that may be used: BAD_VALUE for
 * none, hidden ones, control characters, or more than 128 bytes. */
cairn_err cairn_info_file_name(cairn_bytes text,
                               char ret_name[MODULE_FILE_NAME_MAX + 1]) CAIRN_MUST_USE;

cairn_err cairn_info_file_begin(module_file *file, const char *directory,
                                const char *name) CAIRN_MUST_USE;
cairn_err cairn_info_file_add(module_file *file, cairn_bytes data) CAIRN_MUST_USE;
/* The hash of what was written, or MISMATCH when `sha384` is not empty and another; then in place.
 */
cairn_err cairn_info_file_end(module_file *file, cairn_bytes sha384) CAIRN_MUST_USE;
/* Gives up what is under way. */
void cairn_info_file_drop(module_file *file);

/* SHA-384 contexts. NO_MEMORY, CRYPTO. */
cairn_err cairn_info_hash_new(EVP_MD_CTX **ret_hash) CAIRN_MUST_USE;
cairn_err cairn_info_hash_end(EVP_MD_CTX *hash,
                              uint8_t ret_digest[MODULE_SHA384_SIZE]) CAIRN_MUST_USE;

/* Opens a reader at a pair's value. */
cairn_err cairn_info_open(cairn_cbor_reader *reader, cairn_bytes value,
                          const char *module) CAIRN_MUST_USE;
cairn_err cairn_info_unknown(const char *module, cairn_bytes name) CAIRN_MUST_USE;
static inline bool cairn_info_is(cairn_bytes name, const char *wanted)
{
    return cairn_bytes_equal(name, cairn_bytes_str(wanted));
}

/* One value in the arena. */
cairn_err cairn_info_int(cairn_arena *arena, int64_t number, cairn_bytes *ret_value) CAIRN_MUST_USE;
cairn_err cairn_info_bytes(cairn_arena *arena, cairn_bytes bytes,
                           cairn_bytes *ret_value) CAIRN_MUST_USE;
cairn_err cairn_info_text(cairn_arena *arena, const char *text,
                          cairn_bytes *ret_value) CAIRN_MUST_USE;

/* Each fills in the module's table and makes its state, which `free_state` takes. */
typedef struct module_slot {
    cairn_fdo_client_module module;
    void (*free_state)(void *state);
} module_slot;

/* Modules that know of each other: adds them to `slots`, of which `count` are taken. After a
 * failure those that were added stay. */
struct cairn_fdo_client_joining {
    cairn_err (*add)(const cairn_fdo_client_modules_config *config, module_slot *slots,
                     size_t *count);
};

cairn_err cairn_info_download_open(const cairn_fdo_client_modules_config *config,
                                   module_slot *slot) CAIRN_MUST_USE;
cairn_err cairn_info_upload_open(const cairn_fdo_client_modules_config *config,
                                 module_slot *slot) CAIRN_MUST_USE;
cairn_err cairn_info_wget_open(const cairn_fdo_client_modules_config *config,
                               module_slot *slot) CAIRN_MUST_USE;
cairn_err cairn_info_command_open(const cairn_fdo_client_modules_config *config,
                                  module_slot *slot) CAIRN_MUST_USE;
cairn_err cairn_info_csr_open(const cairn_fdo_client_modules_config *config,
                              module_slot *slot) CAIRN_MUST_USE;

uint64_t cairn_info_size_max(const cairn_fdo_client_modules_config *config);

#endif
