/* A table of certificates by their hash; a new one takes the place of whatever lies there. */
#include "node/node_callers.h"

#include <pthread.h>
#include <stdlib.h>

#include "cairn/sha256.h"

typedef struct remembered {
    cairn_hash certificate;
    uint64_t height;   /* of the view by which it was checked */
    uint64_t until_ms; /* wall clock; 0: nothing is here */
    cairn_principal principal;
} remembered;

struct cairn_callers {
    cairn_clock clock;
    cairn_engine *engine;
    cairn_authenticator inner;
    pthread_mutex_t lock; /* guards `table` */
    remembered table[CAIRN_CALLERS_MAX];
};

/* A check that is under way. */
typedef struct checking {
    cairn_callers *callers;
    cairn_hash certificate;
    uint64_t height;
    cairn_auth_done_fn done;
    void *done_context;
} checking;

static uint64_t height_of(cairn_engine *engine)
{
    CAIRN_CLEANUP(cairn_view_free_p) cairn_view *view = cairn_engine_view(engine);
    return view->height;
}

static remembered *place_of(cairn_callers *callers, const cairn_hash *certificate)
{
    return &callers->table[cairn_get_u32(certificate->b) % CAIRN_CALLERS_MAX];
}

static bool recall(cairn_callers *callers, const cairn_hash *certificate, uint64_t height,
                   cairn_principal *ret_principal)
{
    uint64_t now_ms = cairn_clock_wall_ms(&callers->clock);
    pthread_mutex_lock(&callers->lock);
    const remembered *r = place_of(callers, certificate);
    bool found = r->height == height && now_ms < r->until_ms &&
                 r->until_ms <= now_ms + CAIRN_CALLERS_LIFE_MS &&
                 cairn_hash_equal(&r->certificate, certificate);
    if (found)
        *ret_principal = r->principal;
    pthread_mutex_unlock(&callers->lock);
    return found;
}

static void remember(const checking *c, const cairn_principal *principal)
{
    cairn_callers *callers = c->callers;
    uint64_t now_ms = cairn_clock_wall_ms(&callers->clock);
    pthread_mutex_lock(&callers->lock);
    *place_of(callers, &c->certificate) = (remembered){.certificate = c->certificate,
                                                       .height = c->height,
                                                       .until_ms = now_ms + CAIRN_CALLERS_LIFE_MS,
                                                       .principal = *principal};
    pthread_mutex_unlock(&callers->lock);
}

static void on_checked(void *context, const cairn_auth_result *result)
{
    checking *c = context;
    if (result->verdict == CAIRN_AUTH_FOUND && result->principal.method == CAIRN_AUTH_MTLS &&
        result->principal.expires_ms == UINT64_MAX)
        remember(c, &result->principal);
    c->done(c->done_context, result);
    free(c);
}

static void check(cairn_callers *callers, const cairn_auth_evidence *evidence,
                  const cairn_hash *certificate, uint64_t height, cairn_auth_done_fn done,
                  void *done_context)
{
    checking *c = malloc(sizeof *c);
    if (c == NULL) { /* it is checked all the same */
        callers->inner.authenticate(callers->inner.context, evidence, done, done_context);
        return;
    }
    *c = (checking){.callers = callers,
                    .certificate = *certificate,
                    .height = height,
                    .done = done,
                    .done_context = done_context};
    callers->inner.authenticate(callers->inner.context, evidence, on_checked, c);
}

/* Whoever brings an Authorization field is known by that. */
static void authenticate(void *context, const cairn_auth_evidence *evidence,
                         cairn_auth_done_fn done, void *done_context)
{
    cairn_callers *callers = context;
    cairn_bytes field;
    cairn_hash certificate;
    cairn_auth_result result = {.verdict = CAIRN_AUTH_FOUND};
    if (evidence->certificate.size == 0 ||
        cairn_http_header_find(evidence->request, "Authorization", &field)) {
        callers->inner.authenticate(callers->inner.context, evidence, done, done_context);
        return;
    }
    cairn_sha256_parts(&evidence->certificate, 1, &certificate);
    uint64_t height = height_of(callers->engine);
    if (recall(callers, &certificate, height, &result.principal))
        done(done_context, &result);
    else
        check(callers, evidence, &certificate, height, done, done_context);
}

cairn_err cairn_callers_new(const cairn_clock *clock, cairn_engine *engine,
                            const cairn_authenticator *inner, cairn_callers **ret_callers)
{
    cairn_callers *callers = calloc(1, sizeof *callers); /* pages are used when they are touched */
    if (callers == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "node: callers");
    callers->clock = *clock;
    callers->engine = engine;
    callers->inner = *inner;
    pthread_mutex_init(&callers->lock, NULL);
    *ret_callers = callers;
    return CAIRN_OK;
}

void cairn_callers_free(cairn_callers *callers)
{
    if (callers == NULL)
        return;
    pthread_mutex_destroy(&callers->lock);
    free(callers);
}

cairn_authenticator cairn_callers_authenticator(cairn_callers *callers)
{
    return (cairn_authenticator){.context = callers, .authenticate = authenticate};
}
