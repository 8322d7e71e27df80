/* The certificate authority of a ledger directory, as the verbs use it. Beside a node too: the CA's
 * environment is shared, and what is committed holds in every process; what is to be said on the
 * ledger then is the node's to say. Source: house (docs/features/ca.md). */
#ifndef CAIRN_COMMAND_CA_ROOM_H
#define CAIRN_COMMAND_CA_ROOM_H

#include "command/home.h"
#include "identity/ca/ca.h"
#include "identity/identity.h"

typedef struct cairn_ca_room {
    cairn_command *command;
    cairn_home home; /* zeros unless the ledger is ours to write on, here or through a node */
    cairn_config *config;
    cairn_signer *signer; /* the home's or its own */
    cairn_ca_keeper *keeper;
    cairn_ca *ca;
    bool keeps; /* nobody else keeps the CA: what is due is done at the end */
} cairn_ca_room;

typedef enum cairn_ca_use {
    CAIRN_CA_ROOM_READ,
    CAIRN_CA_ROOM_WRITE, /* and what follows from it is said on the ledger */
} cairn_ca_use;

/* What the CA's verbs are: open, act, keep, close, print the facts. NOT_FOUND says how to make a
 * CA. */
typedef cairn_err (*cairn_ca_room_act)(cairn_ca_room *room, const cairn_arguments *arguments,
                                       json_t *facts);
cairn_err cairn_ca_room_run(cairn_command *command, const cairn_arguments *arguments,
                            cairn_ca_use use, cairn_ca_room_act act) CAIRN_MUST_USE;

/* The key of that name at the signer, registered on the ledger with the purpose issue: each is made
 * when it is not there, as after an earlier try that was cut short. */
cairn_err cairn_ca_room_key(cairn_home *home, const char *name, json_t *facts) CAIRN_MUST_USE;

/* Submits on the ledger of a home: for cairn_ca_ledger, whose context the home then is. */
cairn_err cairn_ca_room_submit(void *home, uint16_t type, cairn_bytes body) CAIRN_MUST_USE;

/* A serial as OpenSSL and others print it: 40 hexadecimal digits in either case. USAGE. */
cairn_err cairn_ca_room_serial(const char *text,
                               uint8_t ret_serial[CAIRN_CA_SERIAL_SIZE]) CAIRN_MUST_USE;

/* What is known of a certificate, without the subject's key. */
void cairn_ca_room_facts(const cairn_ca_facts *c, json_t *facts);

#endif
