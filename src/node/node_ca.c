/* The node's CA. */
#include "node/node_ca.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "cairn/transaction.h"
#include "core/store/file.h"
#include "identity/identity.h"

enum {
    VALIDITY_MS = 60000, /* of a transaction */
    TX_ARENA_LIMIT = 1 << 18,
};

static const cairn_log_event events[] = {
    {"ca.opened", CAIRN_LOG_INFO, 4, 60, "The certificate authority of this directory is open."},
    {"ca.failed", CAIRN_LOG_ERROR, 4, 60,
     "The certificate authority of this directory does not open: its answers are missing."},
    {"ca.not_kept", CAIRN_LOG_ERROR, 4, 60,
     "What is due at the certificate authority could not be done; it is tried again."},
};
enum { EVENT_OPENED, EVENT_FAILED, EVENT_NOT_KEPT };
const cairn_log_table cairn_node_ca_log_events = {events, sizeof events / sizeof events[0]};

struct cairn_node_ca {
    cairn_node_ca_setup setup;
    cairn_auth_directory keys;         /* of the ledger */
    _Atomic(cairn_ca_keeper *) keeper; /* NULL: not open; set once */
    atomic_bool broken;                /* it is there, and does not open */
    cairn_work *work;                  /* one thread */
};

/* --- what it says on the ledger --- */

static cairn_err get_state(void *context, cairn_map_id map, cairn_bytes key, cairn_arena *arena,
                           cairn_bytes *ret_value)
{
    return cairn_engine_get_newest(context, map, key, arena, ret_value);
}

static void begin_draft(const cairn_node_ca *ca, uint16_t type, cairn_bytes body,
                        const cairn_key *key, cairn_tx_draft *ret_draft)
{
    cairn_view *view = cairn_engine_view(ca->setup.engine);
    uint64_t now_ms = cairn_clock_wall_ms(&ca->setup.clock);
    if (now_ms < view->time_ms) /* the ledger's time goes on even where the clock went back */
        now_ms = view->time_ms;
    *ret_draft = (cairn_tx_draft){.ledger = view->ledger,
                                  .kid = *cairn_key_id(key),
                                  .type = type,
                                  .valid_until_ms = now_ms + VALIDITY_MS,
                                  .body = body};
    cairn_view_free(view);
}

static cairn_err submit_by(const cairn_node_ca *ca, const cairn_head_key *key, uint16_t type,
                           cairn_bytes body, cairn_arena *arena)
{
    cairn_tx_draft draft;
    uint8_t signature[CAIRN_SIGNATURE_SIZE_MAX];
    size_t size = 0;
    cairn_bytes message = {0};
    cairn_bytes tx = {0};
    cairn_verdict verdict;
    begin_draft(ca, type, body, key->public_key, &draft);
    CAIRN_TRY(cairn_tx_to_be_signed(arena, &draft, &message));
    CAIRN_TRY(cairn_signer_sign_wait_for(ca->setup.signer, CAIRN_SIGNER_FOR_SIGN, key->name,
                                         message, signature, &size));
    CAIRN_TRY(cairn_tx_assemble(arena, &draft, cairn_bytes_of(signature, size), &tx));
    return cairn_engine_wait(ca->setup.engine, tx, &verdict);
}

cairn_err cairn_node_ca_submit(const cairn_node_ca *ca, uint16_t type, cairn_bytes body)
{
    cairn_arena arena;
    cairn_head_key key = {.public_key = NULL};
    CAIRN_TRY(cairn_node_keys_find(ca->setup.keys, CAIRN_PURPOSE_SIGN, CAIRN_KEY_P256, &key));
    cairn_arena_init(&arena, TX_ARENA_LIMIT);
    cairn_err err = submit_by(ca, &key, type, body, &arena);
    cairn_arena_done(&arena);
    cairn_key_free(key.public_key);
    return err;
}

static cairn_err submit(void *context, uint16_t type, cairn_bytes body)
{
    return cairn_node_ca_submit(context, type, body);
}

/* --- open and close --- */

static cairn_err open_keeper(cairn_node_ca *ca, const char *path, cairn_ca_keeper **ret_keeper)
{
    const cairn_ca_keeper_setup setup = {
        .directory = path,
        .organisation = cairn_node_keys_org(ca->setup.keys),
        .clock = ca->setup.clock,
        .signer = ca->setup.signer,
        .ledger = {.state = {.context = ca->setup.engine, .get = get_state},
                   .context = ca,
                   .submit = submit}};
    return cairn_ca_keeper_open(&setup, ret_keeper);
}

void cairn_node_ca_reload(cairn_node_ca *ca)
{
    char path[CAIRN_PATH_SIZE_MAX];
    char data[CAIRN_PATH_SIZE_MAX];
    cairn_ca_keeper *keeper = NULL;
    if (atomic_load(&ca->keeper) != NULL)
        return;
    cairn_err err = cairn_path_join(ca->setup.directory, "ca", path);
    if (err == CAIRN_OK)
        err = cairn_path_join(path, "data.mdb", data);
    if (err == CAIRN_OK && access(data, F_OK) != 0)
        return;
    if (err == CAIRN_OK)
        err = open_keeper(ca, path, &keeper);
    atomic_store(&ca->keeper, keeper);
    atomic_store(&ca->broken, err != CAIRN_OK);
    const cairn_hash own = cairn_node_keys_org(ca->setup.keys);
    if (err == CAIRN_OK)
        CAIRN_LOG(ca->setup.log, &events[EVENT_OPENED],
                  cairn_log_hex("organisation", cairn_bytes_hash(&own)));
    else
        CAIRN_LOG(ca->setup.log, &events[EVENT_FAILED], cairn_log_err(err));
}

cairn_err cairn_node_ca_new(const cairn_node_ca_setup *setup, cairn_node_ca **ret_ca)
{
    CAIRN_CLEANUP(cairn_node_ca_free_p) cairn_node_ca *ca = calloc(1, sizeof *ca);
    if (ca == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "node: ca");
    ca->setup = *setup;
    ca->keys = cairn_auth_directory_of(setup->engine);
    atomic_init(&ca->keeper, NULL);
    atomic_init(&ca->broken, false);
    CAIRN_TRY(cairn_work_new(1, &ca->work));
    cairn_node_ca_reload(ca);
    *ret_ca = CAIRN_STEAL(ca);
    return CAIRN_OK;
}

void cairn_node_ca_free(cairn_node_ca *ca)
{
    if (ca == NULL)
        return;
    cairn_work_free(ca->work); /* before the CA, which its work uses */
    cairn_ca_keeper_close(atomic_load(&ca->keeper));
    free(ca);
}

static cairn_err tend(cairn_node_ca *ca, cairn_ca_keeper *keeper, uint64_t *ret_next_ms)
{
    cairn_err err = cairn_ca_keeper_tend(keeper, ret_next_ms);
    if (err != CAIRN_ERR_UNAVAILABLE || ca->setup.look_for_keys == NULL)
        return err;
    CAIRN_TRY(ca->setup.look_for_keys(ca->setup.context));
    return cairn_ca_keeper_tend(keeper, ret_next_ms);
}

uint64_t cairn_node_ca_tend(cairn_node_ca *ca)
{
    cairn_ca_keeper *keeper = atomic_load(&ca->keeper);
    uint64_t next_ms = UINT64_MAX;
    cairn_err err = keeper == NULL ? CAIRN_OK : tend(ca, keeper, &next_ms);
    if (err != CAIRN_OK)
        CAIRN_LOG(ca->setup.log, &events[EVENT_NOT_KEPT], cairn_log_err(err));
    return next_ms;
}

cairn_err cairn_node_ca_act(cairn_node_ca *ca, void (*act)(void *context), void *context)
{
    return cairn_work_push(ca->work, act, context);
}

/* --- for the handlers --- */

cairn_err cairn_node_ca_find(const cairn_node_ca *ca, cairn_bytes id, cairn_ca **ret_ca)
{
    const cairn_hash org = cairn_node_keys_org(ca->setup.keys);
    char own[2 * sizeof(cairn_hash) + 1];
    cairn_ca_keeper *keeper = atomic_load(&ca->keeper);
    cairn_hex_encode(cairn_bytes_hash(&org), own);
    if (!cairn_bytes_equal(id, cairn_bytes_str(own)) ||
        (keeper == NULL && !atomic_load(&ca->broken)))
        return CAIRN_FAIL(CAIRN_ERR_NOT_FOUND, "house", "ca: is not here");
    if (keeper == NULL)
        return CAIRN_FAIL(CAIRN_ERR_UNAVAILABLE, "house", "ca: does not open");
    *ret_ca = cairn_ca_keeper_ca(keeper);
    return CAIRN_OK;
}

cairn_err cairn_node_ca_chain(const cairn_node_ca *ca, cairn_arena *arena, cairn_bytes *ret_pem)
{
    cairn_ca_keeper *keeper = atomic_load(&ca->keeper);
    *ret_pem = (cairn_bytes){0};
    return keeper == NULL ? CAIRN_OK
                          : cairn_ca_chain_pem(cairn_ca_keeper_ca(keeper), arena, ret_pem);
}

/* --- callers by certificate --- */

static cairn_err tls_key(void *context, const cairn_hash *kid, cairn_auth_party *ret_party)
{
    const cairn_node_ca *ca = context;
    return ca->keys.tls_key(ca->keys.context, kid, ret_party);
}

static cairn_err own_ca(const cairn_node_ca *ca, const cairn_hash *organisation, cairn_ca **ret_ca)
{
    char id[2 * sizeof(cairn_hash) + 1];
    cairn_hex_encode(cairn_bytes_hash(organisation), id);
    return cairn_node_ca_find(ca, cairn_bytes_str(id), ret_ca);
}

/* Of the CA that is here, or, of one that is elsewhere, a key that the ledger knows. */
static cairn_err find_key(const cairn_node_ca *node_ca, const cairn_hash *organisation,
                          cairn_bytes key_id, cairn_key **ret_key)
{
    const cairn_state_source state = {.context = node_ca->setup.engine, .get = get_state};
    cairn_ca *ca = NULL;
    cairn_err err = own_ca(node_ca, organisation, &ca);
    if (err == CAIRN_ERR_NOT_FOUND)
        return cairn_ca_registered_key(&state, organisation, key_id, ret_key);
    CAIRN_TRY(err);
    return cairn_ca_issuer_key(ca, key_id, ret_key);
}

/* The organisation that the certificate names is the one whose key it is, or it is nobody's: no CA
 * vouches for another organisation. */
static cairn_err issuer(void *context, const cairn_hash *organisation, cairn_bytes key_id,
                        cairn_auth_party *ret_party, cairn_key **ret_key)
{
    const cairn_node_ca *node_ca = context;
    CAIRN_CLEANUP(cairn_key_free_p) cairn_key *key = NULL;
    cairn_auth_party party;
    CAIRN_TRY(find_key(node_ca, organisation, key_id, &key));
    CAIRN_TRY(cairn_auth_key_party(node_ca->setup.engine, cairn_key_id(key), CAIRN_PURPOSE_ISSUE,
                                   &party));
    if (!cairn_hash_equal(&party.organisation, organisation))
        return CAIRN_ERR_NOT_FOUND;
    *ret_party = party;
    *ret_key = CAIRN_STEAL(key);
    return CAIRN_OK;
}

static cairn_err revoked(void *context, const cairn_auth_issued *certificate, bool *ret_revoked)
{
    const cairn_node_ca *node_ca = context;
    cairn_ca *ca = NULL;
    cairn_err err = own_ca(node_ca, &certificate->organisation, &ca);
    if (err == CAIRN_ERR_NOT_FOUND)
        return cairn_lists_check(node_ca->setup.lists, certificate, ret_revoked);
    CAIRN_TRY(err);
    return cairn_ca_is_refused(ca, certificate->serial, ret_revoked);
}

static cairn_err party(void *context, const cairn_hash *organisation, cairn_auth_party *ret_party)
{
    const cairn_node_ca *ca = context;
    return cairn_auth_party_of(ca->setup.engine, organisation, ret_party);
}

cairn_auth_directory cairn_node_ca_directory(cairn_node_ca *ca)
{
    return (cairn_auth_directory){
        .context = ca, .tls_key = tls_key, .issuer = issuer, .revoked = revoked, .party = party};
}
