/* Certificates for devices. */
#include "command/births.h"

#include <pthread.h>
#include <stdlib.h>

#include "identity/ca/ca_csr.h"

typedef struct order {
    struct order *next;
    cairn_fdo_issued_fn done;
    void *context;
    cairn_fdo_birth birth;
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

static cairn_err issue(cairn_births *b, const cairn_fdo_birth *birth, cairn_arena *arena,
                       cairn_ca_issued *ret_issued)
{
    CAIRN_CLEANUP(cairn_ca_csr_done) cairn_ca_csr csr = {0};
    CAIRN_TRY(cairn_ca_csr_decode(birth->csr, &csr));
    const cairn_ca_grant grant = {
        .common_name = csr.subject.common_name.size != 0 ? csr.subject.common_name : birth->serial,
        .device = birth->serial};
    return cairn_ca_issue(b->ca, CAIRN_CA_DEVICE_BOOTSTRAP, birth->csr, &grant, arena, ret_issued);
}

static void serve(cairn_births *b, order *o)
{
    cairn_arena arena;
    cairn_ca_issued issued;
    cairn_arena_init(&arena, 1 << 20);
    cairn_err err = issue(b, &o->birth, &arena, &issued);
    if (err == CAIRN_OK)
        o->done(o->context, CAIRN_OK, (const cairn_bytes[]){issued.certificate, issued.issuer}, 2);
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

/* What a birth points to lives as long as its run. */
void cairn_births_issue(void *context, const cairn_fdo_birth *birth, cairn_fdo_issued_fn done,
                        void *done_context)
{
    order *o = calloc(1, sizeof *o);
    if (o == NULL) {
        done(done_context, CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "certificate"), NULL, 0);
        return;
    }
    o->birth = *birth;
    o->done = done;
    o->context = done_context;
    if (append(context, o))
        return;
    free(o);
    done(done_context, CAIRN_FAIL(CAIRN_ERR_BUSY, "house", "as many devices as may be are waiting"),
         NULL, 0);
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
