/* Secrets that callbacks are signed with. None is kept: each is derived from one root key and its
 * name, and the root is an object of the vault, so that neither a disk nor a backup without the
 * vault's epoch key tells any. Source: house (docs/formats/jobs.md). */
#ifndef CAIRN_CORE_JOBS_CALLBACK_SECRET_H
#define CAIRN_CORE_JOBS_CALLBACK_SECRET_H

#include "core/crypto/secret.h"
#include "core/store/vault.h"

typedef struct cairn_jobs cairn_jobs;
typedef struct cairn_callback_secrets cairn_callback_secrets;

/* `vault` (NULL: every secret is UNAVAILABLE) outlives it. NO_MEMORY. */
cairn_err cairn_callback_secrets_new(cairn_vault *vault,
                                     cairn_callback_secrets **ret_secrets) CAIRN_MUST_USE;
/* Wipes the root. Takes NULL. */
void cairn_callback_secrets_free(cairn_callback_secrets *secrets);
CAIRN_DEFINE_CLEANUP(cairn_callback_secrets, cairn_callback_secrets_free)

/* The jobs know where the root lies; until this is called secrets are UNAVAILABLE. NULL takes it
 * back. */
void cairn_callback_secrets_bind(cairn_callback_secrets *secrets, cairn_jobs *jobs);

/* 32 bytes: HMAC-SHA-256 under the root of "cairn/callback-secret/1" ‖ 0x00 ‖ tenant ‖ 0x00 ‖ name.
 * Reads the root when it is first asked, and makes one when there never was. `secrets` is a
 * cairn_callback_secrets, as cairn_outbox_http_options wants it. UNAVAILABLE; errors of the vault.
 * Any thread but inside a transaction of the jobs. */
cairn_err cairn_callback_secrets_find(void *secrets, const char *tenant, const char *name,
                                      cairn_secret *ret_secret) CAIRN_MUST_USE;

#endif
