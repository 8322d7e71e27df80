/* TO2 under way, as the owner keeps it between two messages. */
#ifndef CAIRN_ONBOARD_RUN_H
#define CAIRN_ONBOARD_RUN_H

#include "onboard/server/module.h"
#include "onboard/server/turn.h"

/* A value of ours that did not fit into one message. */
typedef struct cairn_fdo_rest {
    char key[CAIRN_FDO_INFO_KEY_MAX + 1];
    uint8_t *value; /* NULL: none */
    size_t size;
    size_t sent;
} cairn_fdo_rest;

typedef struct cairn_fdo_queued {
    const cairn_fdo_module_type *type;
    void *state;
    bool required;
} cairn_fdo_queued;

struct cairn_fdo_run {
    cairn_arena arena; /* of the voucher and what else lives as long as the run */
    cairn_fdo_guid guid;
    cairn_fdo_guid after;
    cairn_hash new_salt; /* of its index as `after` */
    cairn_fdo_holding holding;
    cairn_fdo_voucher voucher;
    const char *owner_name; /* of holding.owner_key */
    cairn_fdo_key *owner;   /* the head */
    cairn_key *device;
    cairn_fdo_nonce prove_nonce;
    cairn_fdo_nonce setup_nonce;
    cairn_fdo_share *share;
    cairn_fdo_cipher cipher;
    size_t sek_size;
    uint8_t sek[CAIRN_FDO_SEK_SIZE_MAX];
    cairn_bytes hmac; /* the device's new one */

    /* service info */
    uint16_t room; /* bytes of a list that the device takes */
    uint32_t rounds;
    bool devmod_done;
    size_t names_size;
    char names[CAIRN_FDO_NAMES_SIZE_MAX]; /* each with its NUL */
    cairn_fdo_facts facts;
    size_t module_count;
    size_t module_now;
    cairn_fdo_queued modules[CAIRN_FDO_MODULES_MAX];
    bool more;                            /* the device goes on speaking */
    char key[CAIRN_FDO_INFO_KEY_MAX + 1]; /* whose value is not whole yet */
    uint8_t *value;
    size_t value_size;
    cairn_fdo_rest rest;
    cairn_fdo_turn *turn; /* that is held */
    unsigned holds;       /* atomic */
    cairn_err held_err;   /* atomic: the first that a release brought */
};

/* Message 68, as far as it is not decrypted here. */
cairn_err cairn_fdo_run_take(cairn_fdo_run *run, cairn_fdo_turn *turn,
                             const cairn_fdo_info_list *list) CAIRN_MUST_USE;
/* The answer, 69. */
cairn_err cairn_fdo_run_give(cairn_fdo_run *run, cairn_fdo_turn *turn,
                             cairn_fdo_info_list *ret_list) CAIRN_MUST_USE;
/* Frees modules and values. */
void cairn_fdo_run_info_done(cairn_fdo_run *run);

/* What the device says of itself (devmod). */
cairn_err cairn_fdo_devmod_take(cairn_fdo_run *run, cairn_bytes name,
                                cairn_bytes item) CAIRN_MUST_USE;

/* Called once all holds are released. */
void cairn_fdo_run_released(cairn_fdo_run *run);

#endif
