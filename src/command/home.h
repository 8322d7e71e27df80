/* A ledger directory as the verbs use it: configuration, keys and store of one organisation.
 *
 *   cairn.yaml   configuration, written last by init: a directory without it is none
 *   keys/        private keys, unless they lie in a token
 *   store/       block log and index
 *   witness/     heads and key of `cairn witness`
 */
#ifndef CAIRN_COMMAND_HOME_H
#define CAIRN_COMMAND_HOME_H

#include "command/facts.h"
#include "command/remote.h"
#include "core/config.h"
#include "core/crypto/signer.h"
#include "ledger/registry.h"
#include "ledger/store/store.h"

/* A key of the organisation that this directory can use. */
typedef struct cairn_home_key {
    char *name; /* the signer's */
    cairn_hash kid;
    cairn_key *public_key;
    cairn_key_record record; /* its cose_key is not kept */
} cairn_home_key;

typedef struct cairn_home {
    cairn_command *command;
    cairn_clock clock;
    cairn_config *config;
    cairn_signer *signer;
    cairn_store *store;   /* NULL while a node holds the directory: */
    cairn_remote *remote; /* then its engine is this one's */
    cairn_engine *engine;
    cairn_hash ledger;
    char origin[CAIRN_ORIGIN_SIZE + 1];
    cairn_hash org;
    size_t key_count;
    cairn_home_key *keys; /* in the order of their registration */
} cairn_home;

/* The tables of all options that cairn.yaml may hold. */
enum { CAIRN_HOME_TABLE_COUNT = 3 };
void cairn_home_tables(cairn_config_table ret_tables[CAIRN_HOME_TABLE_COUNT]);

/* The configuration of a ledger directory: USAGE with a hint when it is none. */
cairn_err cairn_home_config(const char *directory, cairn_config **ret_config) CAIRN_MUST_USE;

/* Opens its store; `options` as the configuration says, but for what is set. */
cairn_err cairn_home_store(const char *directory, const cairn_config *config,
                           const cairn_store_options *options,
                           cairn_store **ret_store) CAIRN_MUST_USE;

/* What of a directory is needed. */
typedef enum cairn_home_use {
    CAIRN_HOME_READ,  /* nothing is written; beside other readers */
    CAIRN_HOME_WRITE, /* alone */
    CAIRN_HOME_JOIN,  /* as READ; the organisation need not be on the ledger yet */
} cairn_home_use;

/* Opens the command's directory: USAGE with a hint when it is none. Where a node holds it, its
 * ledger is reached through the node. */
cairn_err cairn_home_open(cairn_command *command, cairn_home_use use,
                          cairn_home *ret_home) CAIRN_MUST_USE;

/* Closes what is open; the error is that of the store's last writing. Takes a zeroed home. */
cairn_err cairn_home_close(cairn_home *home) CAIRN_MUST_USE;

/* LOCKED when a node holds the directory: for verbs that need the store itself. */
cairn_err cairn_home_needs_store(const cairn_home *home) CAIRN_MUST_USE;

/* What most verbs are: open, act, close, print the facts. */
typedef cairn_err (*cairn_home_act)(cairn_home *home, const cairn_arguments *arguments,
                                    json_t *facts);
cairn_err cairn_home_run(cairn_command *command, const cairn_arguments *arguments,
                         cairn_home_use use, cairn_home_act act) CAIRN_MUST_USE;

/* The signer that `config` describes, for the directory. */
cairn_err cairn_home_signer(const char *directory, const cairn_config *config,
                            cairn_signer **ret_signer) CAIRN_MUST_USE;
/* In a token, keys are made and taken back by that mark: see cairn_signer_open_pkcs11_marked. */
cairn_err cairn_home_signer_marked(const char *directory, const cairn_config *config,
                                   const uint8_t *mark, cairn_signer **ret_signer) CAIRN_MUST_USE;

/* The newest key for a purpose that is valid now; NOT_FOUND says how to make one. */
cairn_err cairn_home_key_for(const cairn_home *home, cairn_purpose purpose, cairn_key_type type,
                             const cairn_home_key **ret_key) CAIRN_MUST_USE;

/* Signs and submits a transaction of this organisation, and waits for its verdict. */
cairn_err cairn_home_send(cairn_home *home, uint16_t type, cairn_bytes body,
                          cairn_verdict *ret_verdict) CAIRN_MUST_USE;

/* COSE receipts of log entry `index` as of `view`: by the newest cosign key; where a node holds the
 * ledger, those that it gives, of each member that signed. At most CAIRN_RECEIPT_COUNT_MAX. */
typedef struct cairn_home_receipts {
    cairn_bytes entry;
    size_t count;
    const cairn_bytes *list;
} cairn_home_receipts;
cairn_err cairn_home_receipts_of(cairn_home *home, const cairn_view *view, uint64_t index,
                                 cairn_home_receipts *ret_receipts) CAIRN_MUST_USE;

/* The checkpoint of `view` as a signed note, by the newest Ed25519 cosign key. */
cairn_err cairn_home_checkpoint(cairn_home *home, const cairn_view *view,
                                cairn_bytes *ret_note) CAIRN_MUST_USE;

/* Text form of the log's note key. */
cairn_err cairn_home_vkey(const cairn_home *home, cairn_bytes *ret_vkey) CAIRN_MUST_USE;

/* The state of the newest view as a source for the registry. */
cairn_state_source cairn_home_state(cairn_home *home);

#endif
