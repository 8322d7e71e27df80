/* The three servers of FIDO Device Onboard behind one door: a message in, its answer out, now or
 * later. Which roles are played is the caller's choice; none of them knows a network.
 *
 * Any thread may serve a message; each answer comes once, on that thread or on one of the signer's,
 * the store's or the issuer's. Source: FDO 1.1 sections 5.1 to 5.6; docs/features/onboard.md. */
#ifndef CAIRN_ONBOARD_SERVICE_H
#define CAIRN_ONBOARD_SERVICE_H

#include "core/crypto/signer.h"
#include "onboard/server/session.h"
#include "onboard/server/store.h"
#include "onboard/wire/voucher.h"

/* A key of ours that owns devices. */
typedef struct cairn_fdo_party {
    const char *name; /* at the signer; its purpose is owner */
    cairn_fdo_key *key;
} cairn_fdo_party;

enum { CAIRN_FDO_PARTIES_MAX = 16 };

/* --- the roles --- */

/* A certificate for a device that is being made. `done` is called once, with the certificate and
 * those above it, from any thread; the views live during the call. */
typedef struct cairn_fdo_birth {
    cairn_bytes serial; /* UTF-8 */
    cairn_bytes csr;    /* PKCS#10 */
} cairn_fdo_birth;
typedef void (*cairn_fdo_issued_fn)(void *context, cairn_err err, const cairn_bytes *chain,
                                    size_t count);

typedef struct cairn_fdo_manufacturer {
    const cairn_fdo_party *keys; /* that of the device's key type is taken */
    size_t key_count;
    const cairn_fdo_rv_info *rv_info; /* where the devices will look for their owners */
    /* The owners to which vouchers are signed over at once, of the same key types; NULL: they stay
     * with the manufacturer. */
    const cairn_fdo_party *buyers; /* a name that is not NULL says that the key is ours */
    size_t buyer_count;
    void (*issue)(void *context, const cairn_fdo_birth *birth, cairn_fdo_issued_fn done,
                  void *done_context); /* what a birth points to lives until then */
    /* A voucher was made, and is durable. Any thread; must not wait. May be NULL. */
    void (*made)(void *context, const cairn_fdo_guid *guid);
    void *context;
} cairn_fdo_manufacturer;

typedef struct cairn_fdo_rendezvous {
    uint32_t wait_max_s;      /* longest that a blob is kept */
    const cairn_bytes *roots; /* DER of CAs whose devices are taken; none: any */
    size_t root_count;
    /* Whether the head of this voucher is the ledger's; an error refuses it. May be NULL. */
    cairn_err (*check)(void *context, const cairn_fdo_voucher *voucher, const cairn_fdo_head *head);
    void *context;
} cairn_fdo_rendezvous;

struct cairn_fdo_run; /* module.h */

typedef struct cairn_fdo_owner {
    const cairn_fdo_rv_info *rv_info; /* what devices get; NULL: what they have */
    uint32_t grace_s; /* a device that was onboarded may come with its old GUID that long */
    /* The modules of a run, in order: see module.h. May be NULL: devmod alone. */
    cairn_err (*plan)(void *context, struct cairn_fdo_run *run);
    /* Whether this device may be onboarded now: an error refuses it. May be NULL. */
    cairn_err (*check)(void *context, const cairn_fdo_guid *guid, const cairn_fdo_holding *holding);
    /* Onboarded, and durable. Any thread; must not wait. May be NULL. */
    void (*onboarded)(void *context, const cairn_fdo_guid *before, const cairn_fdo_guid *after);
    void *context;
} cairn_fdo_owner;

/* --- what happened --- */

typedef struct cairn_fdo_event {
    cairn_fdo_type type;        /* the message that ended or failed it */
    cairn_fdo_code code;        /* 0: it succeeded */
    cairn_err err;              /* and why it did not */
    const cairn_fdo_guid *guid; /* NULL where none is known yet */
} cairn_fdo_event;
/* Told of each run that ends and each message that fails; its answer is the correlation id of
 * message 255. Any thread; must not wait. */
typedef uint64_t (*cairn_fdo_audit_fn)(void *context, const cairn_fdo_event *event);

/* --- the service --- */

typedef struct cairn_fdo_service_options {
    cairn_clock clock;
    cairn_signer *signer; /* borrowed, as all that follows */
    cairn_fdo_store store;
    size_t session_count_max;
    uint32_t session_lifetime_ms;
    const cairn_fdo_manufacturer *manufacturer; /* NULL: the role is not played */
    const cairn_fdo_rendezvous *rendezvous;
    const cairn_fdo_owner *owner;
    cairn_fdo_audit_fn audit; /* NULL: numbers that rise */
    void *audit_context;
} cairn_fdo_service_options;

typedef struct cairn_fdo_service cairn_fdo_service;

cairn_err cairn_fdo_service_new(const cairn_fdo_service_options *options,
                                cairn_fdo_service **ret_service) CAIRN_MUST_USE;
/* Every turn is answered. Takes NULL. */
void cairn_fdo_service_free(cairn_fdo_service *service);
CAIRN_DEFINE_CLEANUP(cairn_fdo_service, cairn_fdo_service_free)

/* Runs that are under way. */
size_t cairn_fdo_service_count(cairn_fdo_service *service);

typedef struct cairn_fdo_turn cairn_fdo_turn;
typedef void (*cairn_fdo_turn_fn)(cairn_fdo_turn *turn);

/* One message and its answer, in the caller's storage until `done`. */
struct cairn_fdo_turn {
    /* the caller's */
    cairn_arena *arena;
    uint8_t type;
    cairn_bytes token; /* without "Bearer "; empty: none */
    cairn_bytes body;
    cairn_fdo_turn_fn done; /* once, any thread */
    void *context;
    /* the answer */
    cairn_fdo_type reply_type; /* CAIRN_FDO_ERROR: `reply` is a message 255 */
    cairn_bytes reply;         /* in the arena; empty after a peer's own error */
    char reply_token[CAIRN_FDO_TOKEN_TEXT_SIZE + 1]; /* empty when the run has ended */
    bool busy;                                       /* try again later */
    /* the service's own: turn.h */
    cairn_fdo_service *service;
    cairn_fdo_session *session;
    cairn_fdo_code code;
    bool has_guid;
    cairn_fdo_guid guid;
    uint8_t expect[CAIRN_FDO_EXPECT_MAX];
    cairn_fdo_unsigned unsigned_message;
    cairn_bytes signed_message;
    cairn_fdo_turn_fn then;
};

void cairn_fdo_serve(cairn_fdo_service *service, cairn_fdo_turn *turn);

#endif
