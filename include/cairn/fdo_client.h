/* The device's side of FIDO Device Onboard 1.1: it is initialised by its manufacturer (DI), asks a
 * rendezvous service where its owner is (TO1), and is taken over by him (TO2).
 *
 * Two layers. `cairn_fdo_client` is a machine without input or output: it says what to send and
 * takes the answers, so that any transport, any event loop and any test drives it.
 * `cairn_fdo_client_run` drives it over a link, following the rendezvous directives. Keys,
 * credentials and modules are behind small tables of functions.
 *
 * Memory is bounded by `cairn_fdo_client_limits`; nothing but OpenSSL allocates beyond. One thread
 * at a time. Source: FDO 1.1; docs/formats/fdo.md, docs/formats/device.md. */
#ifndef CAIRN_FDO_CLIENT_H
#define CAIRN_FDO_CLIENT_H

#include "cairn/fdo.h"
#include "cairn/key.h"

enum {
    CAIRN_FDO_CLIENT_TOKEN_SIZE = 1024,           /* bytes of a session's token with its NUL */
    CAIRN_FDO_CLIENT_URL_SIZE = 320,              /* bytes of a service's address with its NUL */
    CAIRN_FDO_CLIENT_MODULES_MAX = 16,            /* beside devmod */
    CAIRN_FDO_CLIENT_MODULE_NAME_MAX = 32,        /* bytes */
    CAIRN_FDO_CLIENT_CREDENTIAL_SIZE_MAX = 6144,  /* bytes of one that is stored */
    CAIRN_FDO_CLIENT_MAC_SIZE_MAX = 48,           /* bytes */
    CAIRN_FDO_CLIENT_MESSAGE_SIZE_DEFAULT = 8192, /* bytes of a message, either way */
    CAIRN_FDO_CLIENT_MESSAGE_SIZE_MIN = 2048,
    CAIRN_FDO_CLIENT_ROUNDS_DEFAULT = 100000, /* of service info in one run */
};

/* --- what a device rests on --- */

/* Where the keys are: a file, a TPM, a token. No function gives a private key (X1353-R01). A name
 * is 1 to 64 of A-Z a-z 0-9 . _ -; "device" is the birth key. */
typedef struct cairn_fdo_client_keys {
    void *context;
    /* A new key; EXISTS when the name is taken. Durable when it returns. */
    cairn_err (*generate)(void *context, const char *name, cairn_key_type type,
                          cairn_key **ret_public);
    /* NOT_FOUND. */
    cairn_err (*public_key)(void *context, const char *name, cairn_key **ret_public);
    /* As cairn_key_sign. */
    cairn_err (*sign)(void *context, const char *name, cairn_bytes message,
                      uint8_t ret_signature[CAIRN_SIGNATURE_SIZE_MAX], size_t *ret_size);
    /* With the device's secret, which never changes and is made at the first call: HMAC-SHA-256 (5,
     * 32 bytes) or HMAC-SHA-384 (6, 48 bytes). */
    cairn_err (*mac)(void *context, int64_t alg, cairn_bytes message,
                     uint8_t ret_mac[CAIRN_FDO_CLIENT_MAC_SIZE_MAX]);
    /* Removes a key; one that is not there is success. */
    cairn_err (*remove)(void *context, const char *name);
} cairn_fdo_client_keys;

/* Two slots for credentials and a flag that names the one in force. */
typedef enum cairn_fdo_client_part {
    CAIRN_FDO_CLIENT_SLOT_0,
    CAIRN_FDO_CLIENT_SLOT_1,
    CAIRN_FDO_CLIENT_FLAG,
} cairn_fdo_client_part;

typedef struct cairn_fdo_client_store {
    void *context;
    /* NOT_FOUND. */
    cairn_err (*read)(void *context, cairn_fdo_client_part part, cairn_arena *arena,
                      cairn_bytes *ret_data);
    /* Durable when it returns. A power cut may leave a slot in any state, since it is not in force
     * yet; the flag is then the old or the new one. */
    cairn_err (*write)(void *context, cairn_fdo_client_part part, cairn_bytes data);
} cairn_fdo_client_store;

/* A pair of service info: "module:name" without the module, and one CBOR item. */
typedef struct cairn_fdo_client_info {
    cairn_bytes name;
    cairn_bytes value;
} cairn_fdo_client_info;

/* What a module may know of the run that it serves. */
typedef struct cairn_fdo_client_run_facts {
    cairn_fdo_nonce prove_nonce; /* NonceTO2ProveDv */
    cairn_fdo_nonce setup_nonce; /* NonceTO2SetupDv */
    cairn_fdo_guid guid;         /* by which the device came */
    cairn_fdo_guid next_guid;    /* by which it leaves */
    cairn_bytes owner_key;       /* encoded PublicKey that proved itself */
} cairn_fdo_client_run_facts;

/* A service-info module. Functions but `take` may be NULL. An error ends the run. */
typedef struct cairn_fdo_client_module {
    const char *name;
    void *context;
    /* Service info begins; `facts` lives until it ends. */
    void (*begin)(void *context, const cairn_fdo_client_run_facts *facts);
    /* The owner has switched it on, once more perhaps. */
    void (*activate)(void *context);
    /* A pair from the owner; views for the length of the call. */
    cairn_err (*take)(void *context, cairn_bytes name, cairn_bytes value);
    /* The next pair for the owner, whose value has at most `room` bytes, in the arena; false when
     * there is none now. */
    cairn_err (*give)(void *context, cairn_arena *arena, size_t room,
                      cairn_fdo_client_info *ret_info, bool *ret_given);
    /* 71 was verified: what was put aside takes its place. It may be called again for the same,
     * since the credential changes after it. */
    cairn_err (*commit)(void *context);
    /* The run ends, well or not: what is half done is given up. */
    void (*drop)(void *context);
    /* Nothing that came from an owner may be left (X1353-R10). */
    cairn_err (*forget)(void *context);
} cairn_fdo_client_module;

/* What devmod tells the owner; texts of at most 64 bytes, NULL for none where it says so. */
typedef struct cairn_fdo_client_traits {
    const char *os, *arch, *version, *model;
    const char *serial;    /* NULL */
    const char *separator; /* of lists of files */
} cairn_fdo_client_traits;

typedef struct cairn_fdo_client_config {
    cairn_fdo_client_keys keys;
    cairn_fdo_client_store store;
    cairn_fdo_client_traits traits;
    const cairn_fdo_client_module *const *modules;
    size_t module_count;
    size_t message_size_max; /* 0: CAIRN_FDO_CLIENT_MESSAGE_SIZE_DEFAULT */
    uint16_t info_size_max;  /* of service info from the owner; 0: 1,300 */
    uint32_t rounds_max;     /* 0: CAIRN_FDO_CLIENT_ROUNDS_DEFAULT */
    bool may_reuse;          /* an owner may keep the credential as it is */
} cairn_fdo_client_config;

/* Keys and credentials in files of a directory that is made if need be (docs/formats/device.md);
 * one process at a time (LOCKED). The functions' context is the object itself. PERMISSION when
 * others may read a secret. */
typedef struct cairn_fdo_client_files cairn_fdo_client_files;
cairn_err cairn_fdo_client_files_open(const char *directory,
                                      cairn_fdo_client_files **ret_files) CAIRN_MUST_USE;
void cairn_fdo_client_files_free(cairn_fdo_client_files *files);
CAIRN_DEFINE_CLEANUP(cairn_fdo_client_files, cairn_fdo_client_files_free)
cairn_fdo_client_keys cairn_fdo_client_files_keys(cairn_fdo_client_files *files);
cairn_fdo_client_store cairn_fdo_client_files_store(cairn_fdo_client_files *files);

/* Keys in a PKCS#11 token, named by their labels; the secret of the HMac is its object
 * "fdo-secret". Nothing that is secret can leave it. As core/crypto/pkcs11.h: NOT_FOUND, CONFIG,
 * TOKEN, NO_MEMORY. */
typedef struct cairn_fdo_client_token cairn_fdo_client_token;
cairn_err cairn_fdo_client_token_open(const char *module, const char *token, const char *pin,
                                      cairn_fdo_client_token **ret_token) CAIRN_MUST_USE;
void cairn_fdo_client_token_free(cairn_fdo_client_token *token);
CAIRN_DEFINE_CLEANUP(cairn_fdo_client_token, cairn_fdo_client_token_free)
cairn_fdo_client_keys cairn_fdo_client_token_keys(cairn_fdo_client_token *token);

/* --- the machine --- */

typedef struct cairn_fdo_client cairn_fdo_client;

typedef enum cairn_fdo_client_state {
    CAIRN_FDO_CLIENT_BLANK,     /* not initialised */
    CAIRN_FDO_CLIENT_READY,     /* waits for an owner */
    CAIRN_FDO_CLIENT_ONBOARDED, /* has one; the credential serves a resale */
} cairn_fdo_client_state;

typedef enum cairn_fdo_client_protocol {
    CAIRN_FDO_CLIENT_DI,
    CAIRN_FDO_CLIENT_TO1,
    CAIRN_FDO_CLIENT_TO2,        /* after TO1, whose word about the owner is checked */
    CAIRN_FDO_CLIENT_TO2_DIRECT, /* without: the rendezvous was bypassed */
} cairn_fdo_client_protocol;

/* `config` and what it points to is borrowed until free. Reads the credential in force. ARGUMENT
 * for limits out of range, CORRUPT, NO_MEMORY, those of the store and the keys. */
cairn_err cairn_fdo_client_open(const cairn_fdo_client_config *config,
                                cairn_fdo_client **ret_device) CAIRN_MUST_USE;
void cairn_fdo_client_free(cairn_fdo_client *device);
CAIRN_DEFINE_CLEANUP(cairn_fdo_client, cairn_fdo_client_free)

cairn_fdo_client_state cairn_fdo_client_get_state(const cairn_fdo_client *device);
/* Of the credential in force; a view until the next change. Zeros, and nothing, while BLANK. */
const cairn_fdo_guid *cairn_fdo_client_guid(const cairn_fdo_client *device);
cairn_bytes cairn_fdo_client_rv_info(const cairn_fdo_client *device);

/* Whom the device says that it is, at DI. */
typedef struct cairn_fdo_client_birth {
    cairn_key_type key_type; /* of a birth key that is still to be made */
    cairn_bytes serial, model;
} cairn_fdo_client_birth;

/* Begins a protocol, giving up what was under way. `birth` is for DI alone, which needs a BLANK
 * device (EXISTS), the others one that is not (NOT_FOUND). What TO1 learnt is kept until the next
 * TO1 or the end of TO2: several addresses may be tried with it. */
cairn_err cairn_fdo_client_begin(cairn_fdo_client *device, cairn_fdo_client_protocol protocol,
                                 const cairn_fdo_client_birth *birth) CAIRN_MUST_USE;

typedef struct cairn_fdo_client_message {
    uint8_t type;
    cairn_bytes body; /* a view until the next call */
    bool is_first;    /* goes without a token */
    bool is_idle;     /* neither side had anything to say in the last round: wait a moment */
} cairn_fdo_client_message;

/* The message to be sent; the same one until its answer is taken. CLOSED when nothing is under way;
 * after another error the run is at its end, as with cairn_fdo_client_take. */
cairn_err cairn_fdo_client_next(cairn_fdo_client *device,
                                cairn_fdo_client_message *ret_message) CAIRN_MUST_USE;

/* Takes the answer. `ret_done` tells that the protocol has ended well; at the end of DI and TO2 the
 * new credential is in force. After an error nothing is under way, and the credential is the old
 * one; cairn_fdo_client_failure has what the peer is to be told. A peer's own message 255 is
 * REFUSED. */
cairn_err cairn_fdo_client_take(cairn_fdo_client *device, uint8_t type, cairn_bytes body,
                                bool *ret_done) CAIRN_MUST_USE;

/* Message 255 for the peer of the protocol that has just failed; false when there is none to be
 * told. */
bool cairn_fdo_client_failure(cairn_fdo_client *device, cairn_fdo_client_message *ret_message);

/* Where TO1 said that the owner is; the i-th of them, or false. `ret_url` is
 * "http://host:port" or another scheme: https, coap, coaps, coap+tcp. */
bool cairn_fdo_client_owner_url(const cairn_fdo_client *device, size_t i,
                                char ret_url[CAIRN_FDO_CLIENT_URL_SIZE]);

/* Modules forget what owners gave, and the credential in force waits for an owner again: for a
 * resale (X1353-R10). */
cairn_err cairn_fdo_client_reset(cairn_fdo_client *device) CAIRN_MUST_USE;

/* --- modules on files: FIDO's, and what the ledger says of who takes the device over --- */

/* For x.proof, x.mno and x.sp (docs/formats/device.md): the network and the service are joined by
 * what the ledger and the operator said, and not by the owner's word alone. */
typedef struct cairn_fdo_client_joining cairn_fdo_client_joining;
extern const cairn_fdo_client_joining cairn_fdo_client_joins;
typedef struct cairn_fdo_client_join {
    /* &cairn_fdo_client_joins: who does not name it does not link the ledger's verifier. */
    const cairn_fdo_client_joining *modules;
    cairn_bytes trust; /* a trust file, given at the factory (cairn/trust.h) */
    bool required;     /* without the ledger's word no owner is taken */
    /* Wall clock, or NULL: none, and the owner must have the run's nonce put on the ledger. */
    uint64_t (*time_ms)(void *context);
    void *time_context;
    uint64_t age_max_ms;     /* of what the ledger said, by that clock */
    const char *network_key; /* of key_names: whose certificate the profile is for */
    const char *service_key;
} cairn_fdo_client_join;

/* Everything of an owner goes into one directory. What is NULL or false is not offered. */
typedef struct cairn_fdo_client_modules_config {
    const char *directory;   /* made when it is needed: fdo.download, fdo.wget and fdo.csr */
    uint64_t file_size_max;  /* bytes of a file; 0: 64 MiB */
    const char *upload_from; /* fdo.upload: the directory whose files may be asked for */
    bool command;            /* fdo.command: the owner may run programs as this process */
    /* fdo.wget: writes what `url` holds to `fd`, at most `size_max` bytes. */
    cairn_err (*fetch)(void *context, const char *url, int fd, uint64_t size_max);
    void *fetch_context;
    /* fdo.csr: names of keys, one for each time that the owner switches it on; the key `NAME` gets
     * NAME.crt.pem and NAME.ca.pem. */
    const cairn_fdo_client_keys *keys;
    const char *const *key_names;
    size_t key_name_count;
    cairn_key_type key_type;
    const cairn_fdo_client_join *join; /* x.proof, x.mno, x.sp; NULL: not offered */
} cairn_fdo_client_modules_config;

typedef struct cairn_fdo_client_modules cairn_fdo_client_modules;
/* `config` and what it points to is borrowed until free. NO_MEMORY. */
cairn_err cairn_fdo_client_modules_open(const cairn_fdo_client_modules_config *config,
                                        cairn_fdo_client_modules **ret_modules) CAIRN_MUST_USE;
void cairn_fdo_client_modules_free(cairn_fdo_client_modules *modules);
CAIRN_DEFINE_CLEANUP(cairn_fdo_client_modules, cairn_fdo_client_modules_free)
/* For cairn_fdo_client_config. */
const cairn_fdo_client_module *const *
cairn_fdo_client_modules_list(const cairn_fdo_client_modules *modules, size_t *ret_count);

/* --- driving it --- */

typedef struct cairn_fdo_client_link {
    void *context;
    /* Sends one message to `url`/fdo/101/msg/{type} and waits for the answer. `token` is what the
     * peer gave before, "" for none; it is replaced when the answer has one. The answer is written
     * to `buffer`. UNREACHABLE, TOO_LARGE, NOT_IMPLEMENTED for a scheme that it does not speak. */
    cairn_err (*post)(void *context, const char *url, const cairn_fdo_client_message *message,
                      char token[CAIRN_FDO_CLIENT_TOKEN_SIZE], uint8_t *buffer, size_t buffer_size,
                      uint8_t *ret_type, size_t *ret_size);
} cairn_fdo_client_link;

typedef struct cairn_fdo_client_world {
    void *context;
    void (*sleep_ms)(void *context, uint64_t ms);
    uint32_t (*random)(void *context); /* for the jitter of delays */
    /* May be NULL: tells what happens, for people. */
    void (*note)(void *context, const char *what, const char *url, cairn_err err);
} cairn_fdo_client_world;

/* DI at the manufacturer's `url`. */
cairn_err cairn_fdo_client_initialise(cairn_fdo_client *device, const cairn_fdo_client_link *link,
                                      const cairn_fdo_client_world *world, const char *url,
                                      const cairn_fdo_client_birth *birth) CAIRN_MUST_USE;

/* Follows the rendezvous directives in order, each address in turn, with the delays that they ask
 * for, give or take a quarter; begins again after the last one, `attempts` times in all (0: for
 * ever). Returns the last failure. */
cairn_err cairn_fdo_client_run(cairn_fdo_client *device, const cairn_fdo_client_link *link,
                               const cairn_fdo_client_world *world,
                               unsigned attempts) CAIRN_MUST_USE;

#endif
