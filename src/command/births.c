/* Certificates for devices. */
#include "command/births.h"

#include <pthread.h>
#include <stdlib.h>

#include "cairn/sha256.h"
#include "identity/ca/ca_csr.h"

enum { NAME_SIZE = 65 }; /* with its NUL: the longest name of a subject */

typedef struct order {
    struct order *next;
    cairn_ca_profile profile;
    cairn_bytes csr;
    char name[NAME_SIZE];
    char challenge[CAIRN_FDO_CHALLENGE_SIZE]; /* empty: none is asked for */
    cairn_fdo_issued_fn done;
    void *context;
} order;

struct cairn_births {
    cairn_ca *ca;
    pthread_t thread;
    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t wake;
    bool stopping;
    size_t count;
    order *first, **last;
};

/* A request for another run is worth nothing in this one. [X1353-R32] */
static cairn_err check_challenge(const order *o)
{
    CAIRN_CLEANUP(cairn_ca_csr_done) cairn_ca_csr csr = {0};
    if (o->challenge[0] == '\0')
        return CAIRN_OK;
    CAIRN_TRY(cairn_ca_csr_decode(o->csr, &csr));
    if (csr.challenge.size != 0 && !cairn_bytes_equal(csr.challenge, cairn_bytes_str(o->challenge)))
        return CAIRN_FAIL(CAIRN_ERR_TX_FORBIDDEN, "RFC 7030 section 3.5",
                          "request.challengePassword: not of this run");
    return CAIRN_OK;
}

static cairn_err issue(cairn_births *b, const order *o, cairn_arena *arena,
                       cairn_ca_issued *ret_issued)
{
    const cairn_ca_grant grant = {.common_name = cairn_bytes_str(o->name),
                                  .device = cairn_bytes_str(o->name),
                                  .any_subject = true};
    CAIRN_TRY(check_challenge(o));
    return cairn_ca_issue(b->ca, o->profile, o->csr, &grant, arena, ret_issued);
}

static void serve(cairn_births *b, order *o)
{
    cairn_arena arena;
    cairn_ca_issued issued;
    cairn_arena_init(&arena, 1 << 20);
    cairn_err err = issue(b, o, &arena, &issued);
    if (err == CAIRN_OK)
        o->done(o->context, CAIRN_OK, (const cairn_bytes[]){issued.certificate, issued.issuers[0]},
                2);
    else
        o->done(o->context, err, NULL, 0);
    cairn_arena_done(&arena);
    free(o);
}

static void *run(void *context)
{
    cairn_births *b = context;
    (void)pthread_mutex_lock(&b->lock);
    while (!b->stopping || b->first != NULL) {
        order *o = b->first;
        if (o == NULL) {
            (void)pthread_cond_wait(&b->wake, &b->lock);
            continue;
        }
        b->first = o->next;
        if (b->first == NULL)
            b->last = &b->first;
        b->count--;
        (void)pthread_mutex_unlock(&b->lock);
        serve(b, o);
        (void)pthread_mutex_lock(&b->lock);
    }
    (void)pthread_mutex_unlock(&b->lock);
    return NULL;
}

static bool append(cairn_births *b, order *o)
{
    (void)pthread_mutex_lock(&b->lock);
    bool room = b->count < CAIRN_BIRTHS_MAX;
    if (room) {
        *b->last = o;
        b->last = &o->next;
        b->count++;
        (void)pthread_cond_signal(&b->wake);
    }
    (void)pthread_mutex_unlock(&b->lock);
    return room;
}

/* What `wish` points to lives as long as its run. */
static void queue(cairn_births *b, const order *wish)
{
    order *o = malloc(sizeof *o);
    if (o == NULL) {
        wish->done(wish->context, CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "certificate"), NULL, 0);
        return;
    }
    *o = *wish;
    if (append(b, o))
        return;
    free(o);
    wish->done(wish->context,
               CAIRN_FAIL(CAIRN_ERR_BUSY, "house", "as many devices as may be are waiting"), NULL,
               0);
}

/* A device that tells no serial number is called by its request: another time the same. */
static void name_by_request(cairn_bytes csr, char ret_name[NAME_SIZE])
{
    cairn_hash hash;
    cairn_sha256_of(csr.data, csr.size, &hash);
    cairn_hex_encode(cairn_bytes_hash(&hash), ret_name);
}

void cairn_births_issue(void *context, const cairn_fdo_birth *birth, cairn_fdo_issued_fn done,
                        void *done_context)
{
    order wish = {.profile = CAIRN_CA_DEVICE_BOOTSTRAP,
                  .csr = birth->csr,
                  .done = done,
                  .context = done_context};
    if (birth->serial.size >= sizeof wish.name) {
        done(done_context,
             CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, "house", "app_start.serial: more than 64 bytes"), NULL,
             0);
        return;
    }
    if (birth->serial.size > 0)
        memcpy(wish.name, birth->serial.data, birth->serial.size);
    else
        name_by_request(birth->csr, wish.name);
    queue(context, &wish);
}

void cairn_births_enrol(void *context, const cairn_fdo_run *run, bool again, cairn_bytes csr,
                        const char *challenge, cairn_fdo_issued_fn done, void *done_context)
{
    order wish = {
        .profile = CAIRN_CA_DEVICE_SERVICE, .csr = csr, .done = done, .context = done_context};
    (void)again; /* a key that is known is certified once more as well */
    cairn_hex_encode(cairn_bytes_hash(cairn_fdo_run_pseudonym(run)), wish.name);
    memcpy(wish.challenge, challenge, sizeof wish.challenge);
    queue(context, &wish);
}

cairn_err cairn_births_start(cairn_ca *ca, cairn_births **ret_births)
{
    cairn_births *b = calloc(1, sizeof *b);
    if (b == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "births");
    b->ca = ca;
    b->last = &b->first;
    (void)pthread_mutex_init(&b->lock, NULL);
    (void)pthread_cond_init(&b->wake, NULL);
    if (pthread_create(&b->thread, NULL, run, b) != 0) {
        free(b);
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "thread of the births");
    }
    *ret_births = b;
    return CAIRN_OK;
}

void cairn_births_stop(cairn_births *b)
{
    if (b == NULL)
        return;
    (void)pthread_mutex_lock(&b->lock);
    b->stopping = true;
    (void)pthread_cond_signal(&b->wake);
    (void)pthread_mutex_unlock(&b->lock);
    (void)pthread_join(b->thread, NULL);
    (void)pthread_mutex_destroy(&b->lock);
    (void)pthread_cond_destroy(&b->wake);
    free(b);
}
