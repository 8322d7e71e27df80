/* The status lists of a ledger directory, as the verbs use them. */
#ifndef CAIRN_COMMAND_STATUS_HOME_H
#define CAIRN_COMMAND_STATUS_HOME_H

#include "command/home.h"
#include "identity/status/status_check.h"
#include "identity/status/status_publish.h"

/* The command's `status/`; what the verbs change there is changed under its lock. */
cairn_err cairn_status_home_path(const cairn_command *command,
                                 char ret_path[CAIRN_PATH_SIZE_MAX]) CAIRN_MUST_USE;

/* A list by its name: NOT_FOUND says how to make one. */
cairn_err cairn_status_home_load(cairn_command *command, const char *name,
                                 cairn_status_record *ret_record) CAIRN_MUST_USE;

/* Loads a list under the lock, lets `change` change it, and saves it. */
cairn_err cairn_status_home_change(cairn_command *command, const char *name,
                                   cairn_err (*change)(cairn_status_record *record, void *context),
                                   void *context) CAIRN_MUST_USE;

/* Publishes a list of this directory's organisation, signed by the issue key named `key`, or by the
 * newest one of those that `key new` names (NULL); the CA has others. */
cairn_err cairn_status_home_publish(cairn_home *home, const char *name, const char *key,
                                    cairn_status_record *ret_record) CAIRN_MUST_USE;

/* "valid", "revoked", "suspended" or the number; what the value means depends on the list. */
const char *cairn_status_value_text(cairn_list_format format, cairn_bytes purpose, unsigned value,
                                    char ret_number[16]);
/* The other way. USAGE for a word that the list has no value for. */
cairn_err cairn_status_value_parse(const cairn_status_record *record, const char *text,
                                   unsigned *ret_value) CAIRN_MUST_USE;

#endif
