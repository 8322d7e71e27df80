/* The owner's word at the rendezvous services: TO0, messages 20 to 23, for every voucher of ours,
 * and again before a service forgets it. Source: FDO 1.1 section 5.3; house. */
#ifndef CAIRN_ONBOARD_ANNOUNCE_H
#define CAIRN_ONBOARD_ANNOUNCE_H

#include "core/clock.h"
#include "core/crypto/signer.h"
#include "onboard/server/store.h"
#include "onboard/wire/rendezvous.h"

/* Brings one message to a rendezvous service and its answer back. Blocks. `url` is the service's
 * base; `ret_token` of the answer is empty when there is none. UNREACHABLE. */
typedef cairn_err (*cairn_fdo_post_fn)(void *context, cairn_arena *arena, const char *url,
                                       uint8_t type, cairn_bytes token, cairn_bytes body,
                                       uint8_t *ret_type, cairn_bytes *ret_token,
                                       cairn_bytes *ret_body);
/* Over HTTP and HTTPS; `context` is the path of the roots trusted for https (PEM), or NULL for the
 * system's. */
cairn_err cairn_fdo_post_http(void *context, cairn_arena *arena, const char *url, uint8_t type,
                              cairn_bytes token, cairn_bytes body, uint8_t *ret_type,
                              cairn_bytes *ret_token, cairn_bytes *ret_body) CAIRN_MUST_USE;

typedef struct cairn_fdo_announce_options {
    cairn_clock clock;
    cairn_fdo_store store;
    cairn_signer *signer;               /* borrowed */
    const cairn_fdo_address *addresses; /* where our devices find us; borrowed */
    size_t address_count;
    uint32_t wait_s; /* how long a service shall keep it */
    cairn_fdo_post_fn post;
    void *post_context;
} cairn_fdo_announce_options;

/* Speaks for one voucher at the first service of its list that listens; how long that keeps it.
 * NOT_FOUND: no voucher of ours; UNREACHABLE: nobody listens; PERMISSION: a service refuses it. */
cairn_err cairn_fdo_announce_one(const cairn_fdo_announce_options *options,
                                 const cairn_fdo_guid *guid, uint32_t *ret_wait_s) CAIRN_MUST_USE;

typedef struct cairn_fdo_announcer cairn_fdo_announcer;

/* Begins with what the store holds, on a thread of its own, which every hour also removes what has
 * ended (cairn_fdo_store_sweep). */
cairn_err cairn_fdo_announcer_start(const cairn_fdo_announce_options *options,
                                    cairn_fdo_announcer **ret_announcer) CAIRN_MUST_USE;
/* A voucher that came later. Any thread; does not wait. */
void cairn_fdo_announcer_add(cairn_fdo_announcer *announcer, const cairn_fdo_guid *guid);
/* Ends after the word that is under way. Takes NULL. */
void cairn_fdo_announcer_stop(cairn_fdo_announcer *announcer);

#endif
