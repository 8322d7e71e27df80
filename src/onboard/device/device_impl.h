/* What the files of the device share. */
#ifndef CAIRN_ONBOARD_DEVICE_IMPL_H
#define CAIRN_ONBOARD_DEVICE_IMPL_H

#include "onboard/device/credential.h"
#include "onboard/wire/to2.h"

/* What is known of the owner's side of TO2, in the order in which it becomes known. */
typedef struct device_to2 {
    cairn_fdo_nonce ov_nonce;    /* NonceTO2ProveOV: ours */
    cairn_fdo_nonce prove_nonce; /* NonceTO2ProveDv: the owner's */
    cairn_fdo_nonce setup_nonce; /* NonceTO2SetupDv: ours */
    cairn_bytes hello;           /* message 60 as sent */
    cairn_fdo_header header;     /* of the voucher; its bytes lie in the run's arena */
    cairn_fdo_key *owner;        /* who signed 61: the head's, once the chain is walked */
    cairn_fdo_head head;
    uint8_t entry_count;
    uint8_t entry_next;
    cairn_bytes peer_kex; /* xA */
    cairn_fdo_share *share;
    size_t sek_size;
    uint8_t sek[2][CAIRN_FDO_SEK_SIZE_MAX]; /* the other one when the shared x is ambiguous */
    bool ambiguous;
    bool reuse; /* the owner keeps the credential */
    cairn_fdo_guid next_guid;
    cairn_bytes next_rv_info;
    cairn_fdo_key *next_owner;
    uint16_t info_room; /* bytes of service info that the owner takes */
} device_to2;

enum { DEVICE_UNKNOWN_MAX = 4 }; /* modules that we do not have, between two answers */

/* Service info under way. */
typedef struct device_info_state {
    bool begun;
    bool idle;           /* neither side said anything in the last round */
    bool owner_has_more; /* 69 said so: we listen */
    size_t devmod_next;  /* pairs of devmod that are sent */
    uint32_t rounds;
    uint32_t active; /* modules that the owner has activated, a bit each */
    uint32_t answer; /* modules whose activation is to be answered */
    size_t unknown_count;
    char unknown[DEVICE_UNKNOWN_MAX][CAIRN_FDO_CLIENT_MODULE_NAME_MAX + 1];
    cairn_fdo_client_run_facts facts;
} device_info_state;

typedef struct device_step device_step;

struct cairn_fdo_client {
    const cairn_fdo_client_config *config;
    size_t message_size_max;
    uint16_t info_size_max;
    uint32_t rounds_max;
    cairn_alg alg;
    cairn_arena held;    /* the credential in force */
    cairn_arena run;     /* lives as long as the run */
    cairn_arena message; /* lives as long as one message */
    cairn_arena told;    /* what TO1 learnt */
    bool has_credential;
    cairn_fdo_client_credential credential;
    const device_step *step; /* NULL: nothing under way */
    bool made;               /* the step's message lies in `out` */
    cairn_bytes out;
    cairn_fdo_client_birth birth;
    cairn_fdo_nonce to1_nonce;
    cairn_bytes to1d;    /* 33 as received, in `told`; empty without TO1 */
    uint8_t last_answer; /* type of the last message that was taken; 0 before */
    device_to2 to2;
    device_info_state info;
    uint8_t failed_type; /* the message that was wrong; 0: nobody is to be told */
    cairn_fdo_code failed_code;
};

/* One exchange: what is sent, what must come back, and whether each travels in the channel. */
struct device_step {
    uint8_t type;
    uint8_t answer;
    bool is_first, seals, unseals;
    cairn_err (*make)(cairn_fdo_client *d, cairn_bytes *ret_body);
    /* `ret_next` NULL: the protocol is at its end. */
    cairn_err (*take)(cairn_fdo_client *d, cairn_bytes body, const device_step **ret_next);
};

extern const device_step cairn_fdo_client_step_app_start;
extern const device_step cairn_fdo_client_step_hello_rv;
extern const device_step cairn_fdo_client_step_hello_device;
extern const device_step cairn_fdo_client_step_service_info;
extern const device_step cairn_fdo_client_step_done;

/* Forgets what the run knew, secrets wiped. */
void cairn_fdo_client_to2_done(device_to2 *to2);

/* Puts the new credential in force, here and in the store. */
cairn_err cairn_fdo_client_adopt(cairn_fdo_client *d,
                                 const cairn_fdo_client_credential *credential) CAIRN_MUST_USE;

/* Signs with the birth key. */
cairn_err cairn_fdo_client_sign(cairn_fdo_client *d, const cairn_fdo_unsigned *u,
                                cairn_bytes *ret_message) CAIRN_MUST_USE;
/* HMac of a header by the device's secret. */
cairn_err cairn_fdo_client_hmac(cairn_fdo_client *d, int64_t alg, cairn_bytes header,
                                cairn_fdo_hash *ret_hmac) CAIRN_MUST_USE;
/* The hash for this device with an owner of that key: the weaker of both. */
int64_t cairn_fdo_client_hash_alg(const cairn_fdo_client *d, const cairn_fdo_key *owner);
cairn_err cairn_fdo_client_draw(cairn_fdo_nonce *ret_nonce) CAIRN_MUST_USE;

/* service info */
void cairn_fdo_client_info_begin(cairn_fdo_client *d);
cairn_err cairn_fdo_client_info_commit(cairn_fdo_client *d) CAIRN_MUST_USE;
void cairn_fdo_client_info_drop(cairn_fdo_client *d);
/* The i-th pair of devmod, or false past the last. */
cairn_err cairn_fdo_client_devmod(cairn_fdo_client *d, size_t i, cairn_arena *arena,
                                  cairn_fdo_client_info *ret_info, bool *ret_given) CAIRN_MUST_USE;

#endif
