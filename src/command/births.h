/* Certificates for devices that are being made, from the organisation's certificate authority: it
 * waits for signer and disk, and so has a thread of its own. */
#ifndef CAIRN_COMMAND_BIRTHS_H
#define CAIRN_COMMAND_BIRTHS_H

#include "identity/ca/ca.h"
#include "onboard/server/modules.h"

typedef struct cairn_births cairn_births;

/* `ca` is borrowed until the stop. */
cairn_err cairn_births_start(cairn_ca *ca, cairn_births **ret_births) CAIRN_MUST_USE;
/* Nobody asks any more. Takes NULL. */
void cairn_births_stop(cairn_births *births);

/* For cairn_fdo_manufacturer; `context` is a cairn_births. The chain is the device's certificate of
 * the profile device-bootstrap, named by the serial number of the birth, and the issuing one. BUSY
 * when CAIRN_BIRTHS_MAX wait. */
enum { CAIRN_BIRTHS_MAX = 1024 };
void cairn_births_issue(void *context, const cairn_fdo_birth *birth, cairn_fdo_issued_fn done,
                        void *done_context);

/* For cairn_fdo_authority; `context` is a cairn_births. A certificate of the profile device-service
 * under the device's pseudonym with this owner; a request with another challenge than the run's is
 * refused. */
void cairn_births_enrol(void *context, const cairn_fdo_run *run, bool again, cairn_bytes csr,
                        const char *challenge, cairn_fdo_issued_fn done, void *done_context);

#endif
