/* When to speak for which voucher. */
#include "onboard/server/announce.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

enum {
    RETRY_MS = 10000,
    RENEW_PERCENT = 80, /* of the time that a service keeps a word */
    WAIT_S = 1,         /* between looks at what is due */
    SWEEP_MS = 3600000, /* between removals of what has ended */
};

typedef struct word {
    struct word *next;
    cairn_fdo_guid guid;
    uint64_t due_ms;
} word;

typedef struct words {
    word *first, **last;
} words;

/* In each list the first is due first: new ones at once, failed ones a fixed time later, heard ones
 * shortly before they are forgotten. */
enum { NEW, FAILED, HEARD, LIST_COUNT };

struct cairn_fdo_announcer {
    cairn_fdo_announce_options options;
    pthread_t thread;
    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t wake;
    bool stopping;
    uint64_t swept_ms;
    words lists[LIST_COUNT];
};

static void append(words *list, word *w)
{
    w->next = NULL;
    *list->last = w;
    list->last = &w->next;
}

static word *take(words *list)
{
    word *w = list->first;
    list->first = w->next;
    if (list->first == NULL)
        list->last = &list->first;
    return w;
}

/* Under the lock. */
static word *take_due(cairn_fdo_announcer *a)
{
    uint64_t now = cairn_clock_wall_ms(&a->options.clock);
    for (size_t i = 0; i < LIST_COUNT; i++)
        if (a->lists[i].first != NULL && a->lists[i].first->due_ms <= now)
            return take(&a->lists[i]);
    return NULL;
}

/* One that is not ours any more is forgotten. */
static void speak_for(cairn_fdo_announcer *a, word *w)
{
    uint32_t wait_s = 0;
    cairn_err err = cairn_fdo_announce_one(&a->options, &w->guid, &wait_s);
    uint64_t now = cairn_clock_wall_ms(&a->options.clock);
    if (err == CAIRN_ERR_NOT_FOUND) {
        free(w);
        return;
    }
    w->due_ms = now + (err == CAIRN_OK ? (uint64_t)wait_s * 10 * RENEW_PERCENT : RETRY_MS);
    (void)pthread_mutex_lock(&a->lock);
    append(&a->lists[err == CAIRN_OK ? HEARD : FAILED], w);
    (void)pthread_mutex_unlock(&a->lock);
}

/* True when it was time; the lock is given up meanwhile. What fails is tried again in its time. */
static bool sweep_if_due(cairn_fdo_announcer *a)
{
    uint64_t now = cairn_clock_wall_ms(&a->options.clock);
    size_t count = 0;
    if (a->swept_ms != 0 && now - a->swept_ms < SWEEP_MS)
        return false;
    a->swept_ms = now;
    (void)pthread_mutex_unlock(&a->lock);
    (void)!cairn_fdo_store_sweep(&a->options.store, now, &count);
    (void)pthread_mutex_lock(&a->lock);
    return true;
}

static void wait_a_while(cairn_fdo_announcer *a)
{
    struct timespec until;
    (void)clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += WAIT_S;
    (void)pthread_cond_timedwait(&a->wake, &a->lock, &until);
}

static void *run(void *context)
{
    cairn_fdo_announcer *a = context;
    (void)pthread_mutex_lock(&a->lock);
    while (!a->stopping) {
        word *w = take_due(a);
        if (w == NULL) {
            if (!sweep_if_due(a))
                wait_a_while(a);
            continue;
        }
        (void)pthread_mutex_unlock(&a->lock);
        speak_for(a, w);
        (void)pthread_mutex_lock(&a->lock);
    }
    (void)pthread_mutex_unlock(&a->lock);
    return NULL;
}

void cairn_fdo_announcer_add(cairn_fdo_announcer *a, const cairn_fdo_guid *guid)
{
    word *w = calloc(1, sizeof *w);
    if (w == NULL)
        return; /* it is found again at the next start */
    w->guid = *guid;
    (void)pthread_mutex_lock(&a->lock);
    append(&a->lists[NEW], w);
    (void)pthread_cond_signal(&a->wake);
    (void)pthread_mutex_unlock(&a->lock);
}

static cairn_err add_held(void *context, const cairn_fdo_guid *guid, cairn_bytes value)
{
    cairn_fdo_holding holding = {0};
    CAIRN_TRY(cairn_fdo_holding_read(value, &holding));
    if (holding.owner_key.size != 0)
        cairn_fdo_announcer_add(context, guid);
    return CAIRN_OK;
}

static void destroy(cairn_fdo_announcer *a)
{
    for (size_t i = 0; i < LIST_COUNT; i++)
        while (a->lists[i].first != NULL)
            free(take(&a->lists[i]));
    (void)pthread_mutex_destroy(&a->lock);
    (void)pthread_cond_destroy(&a->wake);
    free(a);
}

cairn_err cairn_fdo_announcer_start(const cairn_fdo_announce_options *options,
                                    cairn_fdo_announcer **ret_announcer)
{
    const cairn_fdo_store *store = &options->store;
    cairn_fdo_announcer *a = calloc(1, sizeof *a);
    if (a == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "announcer");
    a->options = *options;
    (void)pthread_mutex_init(&a->lock, NULL);
    (void)pthread_cond_init(&a->wake, NULL);
    for (size_t i = 0; i < LIST_COUNT; i++)
        a->lists[i].last = &a->lists[i].first;
    cairn_err err = store->each(store->context, CAIRN_FDO_VOUCHERS, add_held, a);
    if (err == CAIRN_OK && pthread_create(&a->thread, NULL, run, a) != 0)
        err = CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "thread of the announcer");
    if (err != CAIRN_OK) {
        destroy(a);
        return err;
    }
    *ret_announcer = a;
    return CAIRN_OK;
}

void cairn_fdo_announcer_stop(cairn_fdo_announcer *a)
{
    if (a == NULL)
        return;
    (void)pthread_mutex_lock(&a->lock);
    a->stopping = true;
    (void)pthread_cond_signal(&a->wake);
    (void)pthread_mutex_unlock(&a->lock);
    (void)pthread_join(a->thread, NULL);
    destroy(a);
}
