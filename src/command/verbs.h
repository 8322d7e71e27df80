/* The verbs, each in a file of its own. */
#ifndef CAIRN_COMMAND_VERBS_H
#define CAIRN_COMMAND_VERBS_H

#include "command/verb.h"

extern const cairn_verb cairn_verb_init;
extern const cairn_verb cairn_verb_key_new;
extern const cairn_verb cairn_verb_key_show;
extern const cairn_verb cairn_verb_key_revoke;
extern const cairn_verb cairn_verb_org_show;
extern const cairn_verb cairn_verb_anchor;
extern const cairn_verb cairn_verb_verify;
extern const cairn_verb cairn_verb_trust_export;
extern const cairn_verb cairn_verb_trust_show;
extern const cairn_verb cairn_verb_log_check;
extern const cairn_verb cairn_verb_log_export;
extern const cairn_verb cairn_verb_state_get;
extern const cairn_verb cairn_verb_checkpoint;
extern const cairn_verb cairn_verb_witness;
extern const cairn_verb cairn_verb_node;
extern const cairn_verb cairn_verb_help;
extern const cairn_verb cairn_verb_man;
extern const cairn_verb cairn_verb_completion;
extern const cairn_verb cairn_verb_version;

#endif
