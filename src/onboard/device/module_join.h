/* What x.proof, x.mno and x.sp share: an object that comes in pieces, and what the ledger's word
 * has shown so far in this run. Bytes: docs/formats/device.md. */
#ifndef CAIRN_ONBOARD_MODULE_JOIN_H
#define CAIRN_ONBOARD_MODULE_JOIN_H

#include "cairn/network_profile.h"
#include "onboard/device/modules.h"
#include "onboard/ledger_word.h"

/* Pieces "data", then "end" with the size of all: one object under way. */
typedef struct module_object {
    uint8_t *data; /* owned */
    size_t size;
    size_t size_max;
    bool whole;
} module_object;

/* Takes a pair. UNKNOWN_FIELD for another name, TOO_LARGE, MISMATCH for a wrong size, BAD_VALUE for
 * what comes after the end. */
cairn_err cairn_info_object_take(module_object *object, const char *module, cairn_bytes name,
                                 cairn_bytes value) CAIRN_MUST_USE;
void cairn_info_object_drop(module_object *object);

typedef struct module_join {
    const cairn_fdo_client_modules_config *config;
    const cairn_fdo_client_run_facts *facts;
    unsigned users; /* modules that hold it */
    /* x.proof */
    bool proved;       /* in this run */
    bool has_contract; /* then the keys below are his operator's */
    size_t key_count;
    cairn_key *keys[CAIRN_LEDGER_WORD_RECORDS_MAX];
} module_join;

/* One for all three; each frees its hold. */
cairn_err cairn_info_join_new(const cairn_fdo_client_modules_config *config,
                              module_join **ret_join) CAIRN_MUST_USE;
void cairn_info_join_forget_keys(module_join *join);
void cairn_info_join_release(module_join *join);

cairn_err cairn_info_proof_open(module_join *join, module_slot *slot) CAIRN_MUST_USE;
cairn_err cairn_info_network_open(module_join *join, module_slot *slot) CAIRN_MUST_USE;
cairn_err cairn_info_service_open(module_join *join, module_slot *slot) CAIRN_MUST_USE;

/* Where what a configuration points at lies: the trust anchors' file, and the certificate and key
 * of that name. `files` points into the rest. */
typedef struct module_join_files {
    char anchors[CAIRN_PATH_SIZE_MAX];
    char certificate[CAIRN_PATH_SIZE_MAX];
    char key[CAIRN_PATH_SIZE_MAX];
    cairn_profile_files files;
} module_join_files;
cairn_err cairn_info_join_files(const module_join *join, const char *anchors_name,
                                const char *key_name, module_join_files *ret_files) CAIRN_MUST_USE;

/* DIRECTORY/NAME, and a file there: replaced whole. */
cairn_err cairn_info_join_path(const module_join *join, const char *name,
                               char ret_path[CAIRN_PATH_SIZE_MAX]) CAIRN_MUST_USE;
cairn_err cairn_info_join_write(const module_join *join, const char *name,
                                cairn_bytes data) CAIRN_MUST_USE;
/* The PEM texts of certificates, one after the other, into NAME. */
cairn_err cairn_info_join_write_anchors(const module_join *join, const char *name,
                                        const cairn_bytes *anchors, size_t count) CAIRN_MUST_USE;

#endif
