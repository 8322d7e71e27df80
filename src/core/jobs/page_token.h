/* The bytes of a page token: docs/formats/page-token.md. Private to jobs. */
#ifndef CAIRN_CORE_JOBS_PAGE_TOKEN_H
#define CAIRN_CORE_JOBS_PAGE_TOKEN_H

#include "core/jobs/page.h"
#include "core/limits.h"

enum { PAGE_NONCE_SIZE = 12, PAGE_KEY_SIZE = 32 };

/* What is sealed in. */
typedef struct page_position {
    uint64_t expires_ms;
    size_t size; /* 1 to CAIRN_PROJECTION_KEY_SIZE_MAX */
    uint8_t key[CAIRN_PROJECTION_KEY_SIZE_MAX];
} page_position;

/* What it is bound to, besides the key that seals it. */
typedef struct page_binding {
    cairn_hash caller;
    cairn_hash walk; /* of projection, version, ledger, table, prefix and query */
} page_binding;

/* Writes the token, `*ret_size` characters without a NUL. CRYPTO, NO_MEMORY. */
cairn_err cairn_page_token_seal(uint32_t key_id, const uint8_t key[PAGE_KEY_SIZE],
                                const uint8_t nonce[PAGE_NONCE_SIZE], const page_binding *binding,
                                const page_position *position,
                                char ret_token[CAIRN_PAGE_TOKEN_SIZE_MAX],
                                size_t *ret_size) CAIRN_MUST_USE;

/* The key id that a token names. PAGE_TOKEN unless it has the form of one. */
cairn_err cairn_page_token_key_id(cairn_bytes token, uint32_t *ret_key_id) CAIRN_MUST_USE;

/* Opens it. PAGE_TOKEN for whatever is wrong; the time is not looked at. */
cairn_err cairn_page_token_open(cairn_bytes token, const uint8_t key[PAGE_KEY_SIZE],
                                const page_binding *binding,
                                page_position *ret_position) CAIRN_MUST_USE;

/* The same with the jobs' keys and clock: what a walk brings back, and where it goes on. */
cairn_err cairn_jobs_token_open(cairn_jobs *jobs, const page_binding *binding, cairn_bytes token,
                                page_position *ret_position) CAIRN_MUST_USE;
cairn_err cairn_jobs_token_seal(cairn_jobs *jobs, cairn_arena *arena, const page_binding *binding,
                                uint32_t life_ms, page_position position,
                                cairn_bytes *ret_token) CAIRN_MUST_USE;

/* The one error. */
cairn_err cairn_page_token_refuse(void) CAIRN_MUST_USE;

#endif
