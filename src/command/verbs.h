/* The verbs, each in a file of its own. */
#ifndef CAIRN_COMMAND_VERBS_H
#define CAIRN_COMMAND_VERBS_H

#include "command/verb.h"

extern const cairn_verb cairn_verb_init;
extern const cairn_verb cairn_verb_key_new;
extern const cairn_verb cairn_verb_key_show;
extern const cairn_verb cairn_verb_key_revoke;
extern const cairn_verb cairn_verb_org_show;
extern const cairn_verb cairn_verb_org_list;
extern const cairn_verb cairn_verb_org_request;
extern const cairn_verb cairn_verb_org_admit;
extern const cairn_verb cairn_verb_org_suspend;
extern const cairn_verb cairn_verb_org_resume;
extern const cairn_verb cairn_verb_org_remove;
extern const cairn_verb cairn_verb_org_roles;
extern const cairn_verb cairn_verb_org_rotate;
extern const cairn_verb cairn_verb_approval_list;
extern const cairn_verb cairn_verb_approval_show;
extern const cairn_verb cairn_verb_approval_approve;
extern const cairn_verb cairn_verb_approval_withdraw;
extern const cairn_verb cairn_verb_anchor;
extern const cairn_verb cairn_verb_verify;
extern const cairn_verb cairn_verb_trust_export;
extern const cairn_verb cairn_verb_trust_show;
extern const cairn_verb cairn_verb_trust_anchor;
extern const cairn_verb cairn_verb_log_check;
extern const cairn_verb cairn_verb_log_export;
extern const cairn_verb cairn_verb_state_get;
extern const cairn_verb cairn_verb_checkpoint;
extern const cairn_verb cairn_verb_witness;
extern const cairn_verb cairn_verb_onboard_serve;
extern const cairn_verb cairn_verb_node;
extern const cairn_verb cairn_verb_follow;
extern const cairn_verb cairn_verb_consortium_prepare;
extern const cairn_verb cairn_verb_consortium_new;
extern const cairn_verb cairn_verb_consortium_begin;
extern const cairn_verb cairn_verb_consortium_meet;
extern const cairn_verb cairn_verb_consortium_run;
extern const cairn_verb cairn_verb_consortium_status;
extern const cairn_verb cairn_verb_consortium_join;
extern const cairn_verb cairn_verb_consortium_leave;
extern const cairn_verb cairn_verb_consortium_rotate;
extern const cairn_verb cairn_verb_consortium_power;
extern const cairn_verb cairn_verb_consortium_upgrade;
extern const cairn_verb cairn_verb_grant_add;
extern const cairn_verb cairn_verb_grant_delegate;
extern const cairn_verb cairn_verb_grant_list;
extern const cairn_verb cairn_verb_grant_revoke;
extern const cairn_verb cairn_verb_ca_init;
extern const cairn_verb cairn_verb_ca_issue;
extern const cairn_verb cairn_verb_ca_renew;
extern const cairn_verb cairn_verb_ca_revoke;
extern const cairn_verb cairn_verb_ca_list;
extern const cairn_verb cairn_verb_ca_due;
extern const cairn_verb cairn_verb_ca_show;
extern const cairn_verb cairn_verb_ca_crl;
extern const cairn_verb cairn_verb_ca_chain;
extern const cairn_verb cairn_verb_ca_rollover;
extern const cairn_verb cairn_verb_device_make;
extern const cairn_verb cairn_verb_device_run;
extern const cairn_verb cairn_verb_device_reset;
extern const cairn_verb cairn_verb_status_new;
extern const cairn_verb cairn_verb_status_take;
extern const cairn_verb cairn_verb_status_set;
extern const cairn_verb cairn_verb_status_show;
extern const cairn_verb cairn_verb_status_publish;
extern const cairn_verb cairn_verb_status_check;
extern const cairn_verb cairn_verb_job_list;
extern const cairn_verb cairn_verb_job_rebuild;
extern const cairn_verb cairn_verb_job_resume;
extern const cairn_verb cairn_verb_job_timers;
extern const cairn_verb cairn_verb_job_messages;
extern const cairn_verb cairn_verb_job_retry;
extern const cairn_verb cairn_verb_job_drop;
extern const cairn_verb cairn_verb_backup;
extern const cairn_verb cairn_verb_restore;
extern const cairn_verb cairn_verb_help;
extern const cairn_verb cairn_verb_man;
extern const cairn_verb cairn_verb_completion;
extern const cairn_verb cairn_verb_version;

#endif
