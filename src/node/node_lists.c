/* A table of parsed lists, and a few threads that fetch. */
#include "node/node_lists.h"

#include <openssl/err.h>
#include <openssl/x509.h>
#include <pthread.h>
#include <stdlib.h>

#include "cairn/sha256.h"
#include "core/crypto/key_impl.h"
#include "core/net/http_client.h"
#include "identity/identity.h"
#include "node/node_work.h"

enum { FETCHERS = 4, STATE_ARENA_LIMIT = 1 << 16 };

static const cairn_log_event events[] = {
    {"lists.not_fetched", CAIRN_LOG_WARNING, 4, 60,
     "A revocation list of another organisation could not be had: its callers wait."},
};
const cairn_log_table cairn_lists_log_events = {events, 1};

/* A list by its organisation and name; without `crl` it is still to come. */
typedef struct entry {
    bool used;
    bool fetching; /* stays in its place */
    cairn_hash organisation;
    cairn_hash name;
    cairn_hash hash; /* of `crl`'s bytes */
    X509_CRL *crl;
    uint64_t asked;      /* when, by `clock_hand` */
    uint64_t pause_ends; /* ms, monotonic: no fetch before */
} entry;

struct cairn_lists {
    cairn_lists_setup setup;
    cairn_work *work;
    pthread_mutex_t lock; /* guards what follows */
    entry entries[CAIRN_LISTS_MAX];
    uint64_t clock_hand;
};

/* One fetch; owns itself. */
typedef struct fetch {
    cairn_lists *lists;
    entry *place;
    cairn_hash wanted; /* what the ledger anchors */
    cairn_key *issuer;
    char url[CAIRN_LIST_URL_SIZE_MAX + 1];
} fetch;

/* --- fetching --- */

/* Signed by the CA whose certificates it is about. */
static cairn_err parse(cairn_bytes der, const cairn_key *issuer, X509_CRL **ret_crl)
{
    const uint8_t *at = der.data;
    X509_CRL *crl = d2i_X509_CRL(NULL, &at, (long)der.size);
    if (crl != NULL && at == der.data + der.size && X509_CRL_verify(crl, issuer->pkey) == 1) {
        *ret_crl = crl;
        return CAIRN_OK;
    }
    X509_CRL_free(crl);
    ERR_clear_error();
    return CAIRN_FAIL(CAIRN_ERR_BAD_SIGNATURE, "RFC 5280 section 6.3.3", "list: is not its CA's");
}

static cairn_err get(const fetch *f, cairn_arena *arena, cairn_bytes *ret_der)
{
    const cairn_lists_setup *setup = &f->lists->setup;
    const cairn_http_call call = {.method = CAIRN_HTTP_CLIENT_GET,
                                  .url = f->url,
                                  .timeout_ms = CAIRN_LIST_TIMEOUT_MS,
                                  .body_size_max = CAIRN_LIST_SIZE_MAX,
                                  .ca_file = setup->ca_file,
                                  .reach = CAIRN_HTTP_CLIENT_PUBLIC,
                                  .allowed = setup->allowed,
                                  .allowed_count = setup->allowed_count};
    cairn_http_reply reply;
    cairn_hash hash;
    CAIRN_TRY(cairn_http_client_call(arena, &call, &reply));
    if (reply.status != 200)
        return CAIRN_FAIL(CAIRN_ERR_UNREACHABLE, "house", "list: status %d", reply.status);
    cairn_sha256_of(reply.body.data, reply.body.size, &hash);
    if (!cairn_hash_equal(&hash, &f->wanted))
        return CAIRN_FAIL(CAIRN_ERR_MISMATCH, "docs/formats/identity.md",
                          "list: is not the one that is anchored");
    *ret_der = reply.body;
    return CAIRN_OK;
}

static void put(const fetch *f, X509_CRL *crl)
{
    cairn_lists *lists = f->lists;
    CAIRN_ASSERT(pthread_mutex_lock(&lists->lock) == 0);
    entry *e = f->place;
    if (crl != NULL) {
        X509_CRL_free(e->crl);
        e->crl = crl;
        e->hash = f->wanted;
    } else {
        e->pause_ends =
            cairn_clock_monotonic_ns(&lists->setup.clock) / 1000000 + CAIRN_LIST_PAUSE_MS;
    }
    e->fetching = false;
    CAIRN_ASSERT(pthread_mutex_unlock(&lists->lock) == 0);
}

static void run_fetch(void *context)
{
    fetch *f = context;
    cairn_arena arena;
    cairn_bytes der = {0};
    X509_CRL *crl = NULL;
    cairn_arena_init(&arena, 2 * CAIRN_LIST_SIZE_MAX);
    cairn_err err = get(f, &arena, &der);
    if (err == CAIRN_OK)
        err = parse(der, f->issuer, &crl);
    if (err != CAIRN_OK)
        CAIRN_LOG(f->lists->setup.log, &events[0],
                  cairn_log_hex("organisation", cairn_bytes_hash(&f->place->organisation)),
                  cairn_log_err(err));
    put(f, crl);
    cairn_arena_done(&arena);
    cairn_key_free(f->issuer);
    free(f);
}

/* Under the lock. One fetch at a time for an organisation: a slow one holds up itself alone. */
static void begin_fetch(cairn_lists *lists, entry *e, const cairn_auth_issued *certificate,
                        const cairn_hash *wanted)
{
    uint64_t now_ms = cairn_clock_monotonic_ns(&lists->setup.clock) / 1000000;
    if (e->fetching || now_ms < e->pause_ends)
        return;
    for (size_t i = 0; i < CAIRN_LISTS_MAX; i++)
        if (lists->entries[i].fetching &&
            cairn_hash_equal(&lists->entries[i].organisation, &e->organisation))
            return;
    fetch *f = calloc(1, sizeof *f);
    if (f == NULL)
        return;
    *f = (fetch){.lists = lists,
                 .place = e,
                 .wanted = *wanted,
                 .issuer = cairn_key_ref((cairn_key *)(uintptr_t)certificate->issuer)};
    memcpy(f->url, certificate->list_url.data, certificate->list_url.size);
    e->fetching = cairn_work_push(lists->work, run_fetch, f) == CAIRN_OK;
    if (e->fetching)
        return;
    cairn_key_free(f->issuer);
    free(f);
}

/* --- asking --- */

/* Under the lock: the list's place, or the one that was asked for longest ago; NULL when all are
 * being fetched. */
static entry *find_place(cairn_lists *lists, const cairn_hash *organisation, const cairn_hash *name)
{
    entry *oldest = NULL;
    for (size_t i = 0; i < CAIRN_LISTS_MAX; i++) {
        entry *e = &lists->entries[i];
        if (e->used && cairn_hash_equal(&e->organisation, organisation) &&
            cairn_hash_equal(&e->name, name))
            return e;
        if (!e->fetching && (oldest == NULL || e->asked < oldest->asked))
            oldest = e;
    }
    if (oldest == NULL)
        return NULL;
    X509_CRL_free(oldest->crl);
    *oldest = (entry){.used = true, .organisation = *organisation, .name = *name};
    return oldest;
}

static bool is_listed(X509_CRL *crl, cairn_bytes serial)
{
    X509_REVOKED *found = NULL;
    ASN1_INTEGER *number = ASN1_INTEGER_new();
    bool listed = number == NULL || ASN1_STRING_set(number, serial.data, (int)serial.size) != 1 ||
                  X509_CRL_get0_by_serial(crl, &found, number) != 0;
    ASN1_INTEGER_free(number);
    return listed;
}

static cairn_err look_up(cairn_lists *lists, const cairn_auth_issued *certificate,
                         const cairn_hash *name, const cairn_hash *wanted, bool *ret_revoked)
{
    cairn_err err = CAIRN_ERR_UNAVAILABLE;
    CAIRN_ASSERT(pthread_mutex_lock(&lists->lock) == 0);
    entry *e = find_place(lists, &certificate->organisation, name);
    if (e != NULL) {
        e->asked = ++lists->clock_hand;
        if (e->crl != NULL && cairn_hash_equal(&e->hash, wanted)) {
            *ret_revoked = is_listed(e->crl, certificate->serial);
            err = CAIRN_OK;
        } else {
            begin_fetch(lists, e, certificate, wanted);
        }
    }
    CAIRN_ASSERT(pthread_mutex_unlock(&lists->lock) == 0);
    return err;
}

static cairn_err find_anchor(const cairn_lists *lists, const cairn_auth_issued *certificate,
                             cairn_hash *ret_name, cairn_hash *ret_hash)
{
    CAIRN_CLEANUP(cairn_arena_done) cairn_arena arena;
    cairn_list_anchor anchor;
    const cairn_bytes url = certificate->list_url;
    cairn_arena_init(&arena, STATE_ARENA_LIMIT);
    if (url.size == 0 || url.size > CAIRN_LIST_URL_SIZE_MAX ||
        memchr(url.data, '\0', url.size) != NULL)
        return CAIRN_ERR_NOT_FOUND;
    cairn_list_id(url, ret_name);
    CAIRN_TRY(cairn_list_anchor_get(&lists->setup.state, &arena, &certificate->organisation,
                                    ret_name, &anchor));
    if (anchor.format != CAIRN_LIST_CRL)
        return CAIRN_ERR_NOT_FOUND;
    if (anchor.expires_ms <= cairn_clock_wall_ms(&lists->setup.clock))
        return CAIRN_FAIL(CAIRN_ERR_UNAVAILABLE, "RFC 5280 section 6.3.3", "list: has ended");
    *ret_hash = anchor.hash;
    return CAIRN_OK;
}

cairn_err cairn_lists_check(cairn_lists *lists, const cairn_auth_issued *certificate,
                            bool *ret_revoked)
{
    cairn_hash name;
    cairn_hash wanted;
    CAIRN_TRY(find_anchor(lists, certificate, &name, &wanted));
    return look_up(lists, certificate, &name, &wanted, ret_revoked);
}

/* --- the whole --- */

cairn_err cairn_lists_new(const cairn_lists_setup *setup, cairn_lists **ret_lists)
{
    CAIRN_CLEANUP(cairn_lists_free_p) cairn_lists *lists = calloc(1, sizeof *lists);
    if (lists == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "node: lists");
    lists->setup = *setup;
    lists->lock = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
    CAIRN_TRY(cairn_work_new(FETCHERS, &lists->work));
    *ret_lists = CAIRN_STEAL(lists);
    return CAIRN_OK;
}

void cairn_lists_free(cairn_lists *lists)
{
    if (lists == NULL)
        return;
    cairn_work_free(lists->work);
    for (size_t i = 0; i < CAIRN_LISTS_MAX; i++)
        X509_CRL_free(lists->entries[i].crl);
    (void)pthread_mutex_destroy(&lists->lock);
    free(lists);
}
