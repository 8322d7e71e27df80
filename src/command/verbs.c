/* The verb table, in the order of the help. */
#include "command/verbs.h"

const cairn_verb *const cairn_verbs[] = {
    &cairn_verb_init,          &cairn_verb_anchor,           &cairn_verb_verify,
    &cairn_verb_trust_export,  &cairn_verb_trust_show,       &cairn_verb_key_new,
    &cairn_verb_key_show,      &cairn_verb_key_revoke,       &cairn_verb_org_show,
    &cairn_verb_org_list,      &cairn_verb_org_request,      &cairn_verb_org_admit,
    &cairn_verb_org_suspend,   &cairn_verb_org_resume,       &cairn_verb_org_remove,
    &cairn_verb_org_roles,     &cairn_verb_org_rotate,       &cairn_verb_approval_list,
    &cairn_verb_approval_show, &cairn_verb_approval_approve, &cairn_verb_approval_withdraw,
    &cairn_verb_state_get,     &cairn_verb_log_check,        &cairn_verb_log_export,
    &cairn_verb_checkpoint,    &cairn_verb_witness,          &cairn_verb_node,
    &cairn_verb_grant_add,     &cairn_verb_grant_list,       &cairn_verb_grant_revoke,
    &cairn_verb_job_list,      &cairn_verb_job_rebuild,      &cairn_verb_job_resume,
    &cairn_verb_backup,        &cairn_verb_restore,          &cairn_verb_help,
    &cairn_verb_man,           &cairn_verb_completion,       &cairn_verb_version,
};
const size_t cairn_verb_count = sizeof cairn_verbs / sizeof cairn_verbs[0];
