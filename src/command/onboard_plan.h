/* What `cairn onboard serve` does with each device: the modules that its options name, in the order
 * certificates, files for it, files that it fetches, files from it. */
#ifndef CAIRN_COMMAND_ONBOARD_PLAN_H
#define CAIRN_COMMAND_ONBOARD_PLAN_H

#include "command/births.h"
#include "command/verb.h"
#include "core/store/file.h"

typedef struct cairn_onboard_plan {
    size_t download_count;
    cairn_fdo_download *downloads;
    size_t wget_count;
    cairn_fdo_wget *wgets;
    size_t upload_count;
    cairn_fdo_upload *uploads;
    char upload_directory[CAIRN_PATH_SIZE_MAX];
    bool enrols;
    cairn_bytes certificates[2]; /* of the authority: issuing, root */
    cairn_fdo_authority authority;
} cairn_onboard_plan;

/* Reads --download NAME=FILE, --wget NAME=URL, --upload NAME and --csr; all of it lives in the
 * command's arena. USAGE; the errors of reading a file. */
cairn_err cairn_onboard_plan_read(cairn_command *command, const cairn_arguments *arguments,
                                  cairn_onboard_plan *plan) CAIRN_MUST_USE;

/* Certificates come from this authority from here on. */
void cairn_onboard_plan_enrol(cairn_onboard_plan *plan, cairn_ca *ca, cairn_births *births);

/* For cairn_fdo_owner; `context` is the plan. */
cairn_err cairn_onboard_plan_run(void *context, cairn_fdo_run *run) CAIRN_MUST_USE;

#endif
