/* A thread, and a condition that ends its pauses. */
#include "node/node_tender.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

enum { PAUSE_MIN_MS = 10 }; /* a round that always wants another does not take a whole core */

struct cairn_tender {
    cairn_clock clock;
    cairn_tender_fn act;
    void *context;
    pthread_t thread;
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t wake;
    bool poked;
    bool stopping;
};

static uint64_t pause_until(const cairn_tender *tender, uint64_t next_ms)
{
    uint64_t now_ms = cairn_clock_wall_ms(&tender->clock);
    uint64_t left_ms = next_ms > now_ms ? next_ms - now_ms : 0;
    if (left_ms < PAUSE_MIN_MS)
        return PAUSE_MIN_MS;
    return left_ms < CAIRN_TENDER_PAUSE_MS ? left_ms : CAIRN_TENDER_PAUSE_MS;
}

/* False when the tender is to end: then a round that was asked for has been done. */
static bool pause_for(cairn_tender *tender, uint64_t pause_ms)
{
    struct timespec until;
    int waited = 0;
    CAIRN_ASSERT(clock_gettime(CLOCK_MONOTONIC, &until) == 0);
    until.tv_sec += (time_t)(pause_ms / 1000);
    until.tv_nsec += (long)(pause_ms % 1000) * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    CAIRN_ASSERT(pthread_mutex_lock(&tender->lock) == 0);
    while (waited == 0 && !tender->poked && !tender->stopping)
        waited = pthread_cond_timedwait(&tender->wake, &tender->lock, &until);
    bool go_on = tender->poked || !tender->stopping;
    tender->poked = false;
    CAIRN_ASSERT(pthread_mutex_unlock(&tender->lock) == 0);
    return go_on;
}

static void *run(void *context)
{
    cairn_tender *tender = context;
    uint64_t pause_ms = 0;
    while (pause_for(tender, pause_ms))
        pause_ms = pause_until(tender, tender->act(tender->context));
    return NULL;
}

cairn_err cairn_tender_new(const cairn_clock *clock, cairn_tender_fn act, void *context,
                           cairn_tender **ret_tender)
{
    cairn_tender *tender = calloc(1, sizeof *tender);
    pthread_condattr_t attributes;
    if (tender == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "node: tender");
    tender->clock = *clock;
    tender->act = act;
    tender->context = context;
    tender->lock = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
    CAIRN_ASSERT(pthread_condattr_init(&attributes) == 0);
    CAIRN_ASSERT(pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) == 0);
    CAIRN_ASSERT(pthread_cond_init(&tender->wake, &attributes) == 0);
    (void)pthread_condattr_destroy(&attributes);
    int failed = pthread_create(&tender->thread, NULL, run, tender);
    if (failed != 0) {
        (void)pthread_cond_destroy(&tender->wake);
        free(tender);
        return cairn_err_from_errno(failed, "node: thread");
    }
    *ret_tender = tender;
    return CAIRN_OK;
}

void cairn_tender_poke(cairn_tender *tender)
{
    CAIRN_ASSERT(pthread_mutex_lock(&tender->lock) == 0);
    tender->poked = true;
    CAIRN_ASSERT(pthread_cond_signal(&tender->wake) == 0);
    CAIRN_ASSERT(pthread_mutex_unlock(&tender->lock) == 0);
}

void cairn_tender_free(cairn_tender *tender)
{
    if (tender == NULL)
        return;
    CAIRN_ASSERT(pthread_mutex_lock(&tender->lock) == 0);
    tender->stopping = true;
    CAIRN_ASSERT(pthread_cond_signal(&tender->wake) == 0);
    CAIRN_ASSERT(pthread_mutex_unlock(&tender->lock) == 0);
    CAIRN_ASSERT(pthread_join(tender->thread, NULL) == 0);
    (void)pthread_cond_destroy(&tender->wake);
    (void)pthread_mutex_destroy(&tender->lock);
    free(tender);
}
