/* OCSP answers: from stock, or signed on demand without anybody waiting. */
#include "identity/ca/ca_impl.h"

enum { MAX_AGE_S = 300 }; /* in caches of others: a revocation is to be seen soon */

/* A request on its way, in the caller's arena. */
typedef struct answering {
    cairn_ca *ca;
    cairn_arena *arena;
    cairn_ca_ocsp_fn done;
    void *context;
    const cairn_ca_ocsp_request *request;
    const ca_generation *generation; /* whose certificates are asked about */
    cairn_ca_ocsp_single singles[CAIRN_CA_OCSP_REQUESTS_MAX];
    cairn_bytes tbs;
    cairn_bytes ready; /* what can be said instead, or empty */
    uint64_t ready_age_s;
} answering;

static void say(const answering *a, cairn_bytes body, uint64_t max_age_s)
{
    const cairn_ca_ocsp_answer answer = {.body = body, .max_age_s = max_age_s};
    a->done(a->context, &answer);
}

static void refuse(const answering *a, cairn_ca_ocsp_error error)
{
    say(a, cairn_ca_ocsp_refusal(error), 0);
}

static cairn_ca_ocsp_error error_of(cairn_err err)
{
    return err == CAIRN_ERR_NO_MEMORY || err == CAIRN_ERR_BUSY ? CAIRN_CA_OCSP_TRY_LATER
                                                               : CAIRN_CA_OCSP_INTERNAL;
}

/* --- looking up --- */

/* Serials of ours are 20 octets; another size is nobody's. */
static cairn_err look_up(cairn_kv_txn *txn, cairn_bytes serial, cairn_arena *arena,
                         cairn_ca_record *ret_record)
{
    if (serial.size != CAIRN_CA_SERIAL_SIZE)
        return CAIRN_ERR_NOT_FOUND;
    return cairn_ca_load(txn, serial.data, arena, ret_record);
}

static void fill(cairn_ca_ocsp_single *single, const cairn_ca_cert_id *id,
                 const cairn_ca_record *record)
{
    *single = (cairn_ca_ocsp_single){
        .hash = id->hash, .serial = id->serial, .status = CAIRN_CA_STATUS_UNKNOWN};
    /* The root answers for the issuing CA by its list. */
    if (record == NULL || cairn_ca_is_root_list(record->partition))
        return;
    single->status = record->status;
    single->revoked_at_s = record->revoked_at_s;
    single->reason = record->reason;
}

/* Copies what answer_lock guards. */
static cairn_err responder_certificate(const answering *a, cairn_bytes *ret_copy)
{
    cairn_ca *ca = a->ca;
    CAIRN_ASSERT(pthread_mutex_lock(&ca->answer_lock) == 0);
    cairn_err err = cairn_arena_copy(a->arena, a->generation->responder.certificate, ret_copy);
    CAIRN_ASSERT(pthread_mutex_unlock(&ca->answer_lock) == 0);
    return err;
}

/* The answer in stock, when the record has one that is still fresh. */
static cairn_err take_ready(answering *a, const cairn_ca_record *record)
{
    uint64_t now = ca_now(a->ca);
    cairn_ca_ocsp_single *single = &a->singles[0];
    cairn_bytes tbs = {0};
    cairn_bytes certificate = {0};
    if (record->ocsp.epoch != a->ca->epoch || record->ocsp.next_update_s <= now)
        return CAIRN_OK;
    single->this_update_s = record->ocsp.this_update_s;
    single->next_update_s = record->ocsp.next_update_s;
    const cairn_ca_ocsp_data data = {.issuer = &a->generation->issuer,
                                     .responder = a->ca->responder_hash,
                                     .produced_at_s = record->ocsp.this_update_s};
    CAIRN_TRY(cairn_ca_ocsp_tbs(&data, single, 1, a->arena, &tbs));
    CAIRN_TRY(responder_certificate(a, &certificate));
    CAIRN_TRY(cairn_ca_ocsp_response(tbs, cairn_key_get_type(a->generation->responder.key),
                                     record->ocsp.signatures[single->hash], certificate, a->arena,
                                     &a->ready));
    uint64_t left = record->ocsp.next_update_s - now;
    a->ready_age_s = left < MAX_AGE_S ? left : MAX_AGE_S;
    return CAIRN_OK;
}

static cairn_err look_up_all(answering *a, cairn_kv_txn *txn)
{
    for (size_t i = 0; i < a->request->count; i++) {
        cairn_ca_record record;
        cairn_err err = look_up(txn, a->request->ids[i].serial, a->arena, &record);
        if (err == CAIRN_OK && ca_generation_of(a->ca, record.partition) != a->generation)
            err = CAIRN_ERR_NOT_FOUND; /* not by this issuer */
        if (err != CAIRN_OK && err != CAIRN_ERR_NOT_FOUND)
            return err;
        fill(&a->singles[i], &a->request->ids[i], err == CAIRN_OK ? &record : NULL);
        if (err == CAIRN_OK && a->request->count == 1)
            CAIRN_TRY(take_ready(a, &record));
    }
    return CAIRN_OK;
}

static cairn_err read_status(answering *a)
{
    cairn_kv_txn *txn = NULL;
    CAIRN_TRY(cairn_kv_begin(a->ca->kv, false, &txn));
    cairn_err err = look_up_all(a, txn);
    cairn_kv_abort(txn);
    return err;
}

/* --- on demand --- */

/* A bucket of `demand_rate` tokens that fills in a second. */
static bool take_token(cairn_ca *ca)
{
    double rate = ca->options.demand_rate;
    CAIRN_ASSERT(pthread_mutex_lock(&ca->answer_lock) == 0);
    uint64_t now_ns =
        cairn_clock_monotonic_ns(&ca->clock); /* under the lock: it does not go back */
    ca->tokens += (double)(now_ns - ca->tokens_ns) * rate / 1e9;
    ca->tokens_ns = now_ns;
    if (ca->tokens > rate)
        ca->tokens = rate;
    bool taken = ca->tokens >= 1;
    if (taken) {
        ca->tokens -= 1;
        ca->pending++;
    }
    CAIRN_ASSERT(pthread_mutex_unlock(&ca->answer_lock) == 0);
    return taken;
}

static void give_back(cairn_ca *ca)
{
    CAIRN_ASSERT(pthread_mutex_lock(&ca->answer_lock) == 0);
    ca->pending--;
    CAIRN_ASSERT(pthread_cond_broadcast(&ca->answered) == 0);
    CAIRN_ASSERT(pthread_mutex_unlock(&ca->answer_lock) == 0);
}

static void say_ready(const answering *a, cairn_ca_ocsp_error otherwise)
{
    if (a->ready.size > 0)
        say(a, a->ready, a->ready_age_s);
    else
        refuse(a, otherwise);
}

/* On the signer's thread. */
static void signed_on_demand(void *context, cairn_err err, cairn_bytes signature)
{
    answering *a = context;
    cairn_ca *ca = a->ca; /* `a` may be gone after the answer */
    cairn_bytes body = {0};
    cairn_bytes certificate = {0};
    if (err == CAIRN_OK)
        err = responder_certificate(a, &certificate);
    if (err == CAIRN_OK)
        err = cairn_ca_ocsp_response(a->tbs, cairn_key_get_type(a->generation->responder.key),
                                     signature, certificate, a->arena, &body);
    if (err == CAIRN_OK)
        say(a, body, 0);
    else
        say_ready(a, CAIRN_CA_OCSP_TRY_LATER);
    give_back(ca);
}

static cairn_err sign_on_demand(answering *a)
{
    cairn_ca *ca = a->ca;
    uint64_t now = ca_now(ca);
    const cairn_ca_ocsp_data data = {.issuer = &a->generation->issuer,
                                     .responder = ca->responder_hash,
                                     .produced_at_s = now,
                                     .nonce = a->request->nonce};
    for (size_t i = 0; i < a->request->count; i++) {
        a->singles[i].this_update_s = now;
        a->singles[i].next_update_s = now + ca->options.ocsp_validity_s;
    }
    CAIRN_TRY(cairn_ca_ocsp_tbs(&data, a->singles, a->request->count, a->arena, &a->tbs));
    return cairn_signer_sign_for(ca->signer, CAIRN_SIGNER_FOR_ISSUE,
                                 a->generation->responder.key_name, a->tbs, signed_on_demand, a);
}

/* --- the way through --- */

static cairn_err begin(cairn_ca *ca, cairn_arena *arena, cairn_ca_ocsp_fn done, void *context,
                       answering **ret_answering, cairn_ca_ocsp_request **ret_request)
{
    answering *a = NULL;
    CAIRN_TRY(CAIRN_ARENA_NEW(arena, &a));
    CAIRN_TRY(CAIRN_ARENA_NEW(arena, ret_request));
    a->ca = ca;
    a->arena = arena;
    a->done = done;
    a->context = context;
    a->request = *ret_request;
    *ret_answering = a;
    return CAIRN_OK;
}

/* The one generation whose certificates the request is about; NULL: none, or of several, for which
 * no one responder may speak (RFC 6960 section 4.2.2.2). */
static const ca_generation *find_generation(const cairn_ca *ca,
                                            const cairn_ca_ocsp_request *request)
{
    for (size_t i = 0; i < ca_generation_count(ca); i++) {
        size_t same = 0;
        while (same < request->count &&
               cairn_ca_cert_id_is_of(&request->ids[same], &ca->generations[i].issuer))
            same++;
        if (same == request->count)
            return &ca->generations[i];
    }
    return NULL;
}

static void answer(answering *a)
{
    cairn_err err = read_status(a);
    if (err != CAIRN_OK) {
        refuse(a, error_of(err));
        return;
    }
    bool demand = a->ready.size == 0 || a->request->nonce.size > 0;
    if (!demand || !take_token(a->ca)) {
        say_ready(a, CAIRN_CA_OCSP_TRY_LATER);
        return;
    }
    cairn_ca *ca = a->ca; /* `a` may be gone with the answer */
    err = sign_on_demand(a);
    if (err != CAIRN_OK) {
        say_ready(a, error_of(err));
        give_back(ca);
    }
}

void cairn_ca_ocsp(cairn_ca *ca, cairn_bytes request, cairn_arena *arena, cairn_ca_ocsp_fn done,
                   void *context)
{
    cairn_ca_ocsp_request *parsed = NULL;
    answering *a = NULL;
    const answering only_done = {.done = done, .context = context};
    if (begin(ca, arena, done, context, &a, &parsed) != CAIRN_OK)
        refuse(&only_done, CAIRN_CA_OCSP_TRY_LATER);
    else if (cairn_ca_ocsp_request_decode(request, parsed) != CAIRN_OK)
        refuse(a, CAIRN_CA_OCSP_MALFORMED);
    else if ((a->generation = find_generation(ca, parsed)) == NULL)
        refuse(a, CAIRN_CA_OCSP_UNAUTHORIZED); /* RFC 6960 section 2.3 */
    else
        answer(a);
}
