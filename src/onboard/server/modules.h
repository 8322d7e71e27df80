/* The owner's side of FIDO's service-info modules. Each call puts one into a run's queue; from the
 * plan alone (service.h). What is pointed to is borrowed until the run has ended. A device without
 * the module does without, unless it is required. Source: FIDO FDO service info modules;
 * docs/features/onboard-serve.md. */
#ifndef CAIRN_ONBOARD_SERVER_MODULES_H
#define CAIRN_ONBOARD_SERVER_MODULES_H

#include "onboard/server/module.h"

enum { CAIRN_FDO_SHA384_SIZE = 48 };

/* fdo.download: a file for the device. */
typedef struct cairn_fdo_download {
    const char *name; /* under which the device keeps it, at most 128 bytes */
    cairn_bytes content;
    uint8_t sha384[CAIRN_FDO_SHA384_SIZE];
} cairn_fdo_download;
cairn_err cairn_fdo_run_download(cairn_fdo_run *run, const cairn_fdo_download *download,
                                 bool required) CAIRN_MUST_USE;

/* fdo.upload: a file from the device. `take` gets the whole of it, with a hash that held; its error
 * ends the run. */
typedef struct cairn_fdo_upload {
    const char *name;
    size_t size_max; /* bytes, at most CAIRN_FDO_UPLOAD_SIZE_MAX */
    cairn_err (*take)(void *context, cairn_fdo_run *run, const char *name, cairn_bytes content);
    void *context;
} cairn_fdo_upload;
enum { CAIRN_FDO_UPLOAD_SIZE_MAX = 64 << 20 };
cairn_err cairn_fdo_run_upload(cairn_fdo_run *run, const cairn_fdo_upload *upload,
                               bool required) CAIRN_MUST_USE;

/* fdo.wget: a file that the device fetches for itself. */
typedef struct cairn_fdo_wget {
    const char *name;
    const char *url;
    const uint8_t *sha384; /* NULL: any content */
} cairn_fdo_wget;
cairn_err cairn_fdo_run_wget(cairn_fdo_run *run, const cairn_fdo_wget *wget,
                             bool required) CAIRN_MUST_USE;

/* fdo.command: a program that the device runs. No plan of ours has it unless somebody asks for it.
 */
typedef struct cairn_fdo_command {
    const char *command;
    const char *const *arguments;
    size_t argument_count; /* at most 64 */
    bool may_fail;         /* another exit code than 0 does not end the run */
    /* What it wrote, at most CAIRN_FDO_COMMAND_OUTPUT_MAX bytes of each. May be NULL: then nobody
     * asks for it. */
    void (*done)(void *context, cairn_fdo_run *run, int64_t exit_code, cairn_bytes out,
                 cairn_bytes err);
    void *context;
} cairn_fdo_command;
enum { CAIRN_FDO_COMMAND_OUTPUT_MAX = 1 << 16, CAIRN_FDO_COMMAND_ARGUMENTS_MAX = 64 };
cairn_err cairn_fdo_run_command(cairn_fdo_run *run, const cairn_fdo_command *command,
                                bool required) CAIRN_MUST_USE;

/* fdo.csr: certificates by one authority. */
typedef struct cairn_fdo_authority {
    const cairn_bytes *certificates; /* DER, the one that issues first */
    size_t certificate_count;        /* at least 1 */
    /* A certificate for the request; `challenge` is what binds it to this run
     * (docs/formats/fdo.md). `done` is called once, from any thread, with the certificate alone.
     * TX_FORBIDDEN: refused; BUSY: later; else the request is called malformed. */
    void (*issue)(void *context, const cairn_fdo_run *run, bool again, cairn_bytes csr,
                  const char *challenge, cairn_fdo_issued_fn done, void *done_context);
    void *context;
} cairn_fdo_authority;
enum { CAIRN_FDO_CHALLENGE_SIZE = 45 }; /* with its NUL */
cairn_err cairn_fdo_run_csr(cairn_fdo_run *run, const cairn_fdo_authority *authority,
                            bool required) CAIRN_MUST_USE;
/* The challenge of a run. */
void cairn_fdo_run_challenge(const cairn_fdo_run *run, char ret_text[CAIRN_FDO_CHALLENGE_SIZE]);

#endif
