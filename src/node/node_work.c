/* A bounded ring of work, a list of items beside it, and the threads that empty both. */
#include "node/node_work.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

typedef struct piece {
    void (*act)(void *context);
    void *context;
} piece;

struct cairn_work {
    pthread_mutex_t lock; /* guards all below but the threads */
    pthread_cond_t wake;
    piece queue[CAIRN_WORK_QUEUE_MAX];
    size_t first;
    size_t count;
    cairn_work_item *items, *last_item;
    bool item_was_last; /* what was taken last was one */
    bool stopping;
    pthread_t threads[CAIRN_WORK_THREADS_MAX]; /* the owner's */
    size_t thread_count;
};

static piece take_item(cairn_work *work)
{
    const cairn_work_item *item = work->items;
    work->items = item->next;
    return (piece){.act = item->act, .context = item->context};
}

static piece take_pushed(cairn_work *work)
{
    piece p = work->queue[work->first];
    work->first = (work->first + 1) % CAIRN_WORK_QUEUE_MAX;
    work->count--;
    return p;
}

/* The next piece, of ring and list in turn; false at the end. */
static bool take(cairn_work *work, piece *ret_piece)
{
    pthread_mutex_lock(&work->lock);
    while (work->count == 0 && work->items == NULL && !work->stopping)
        pthread_cond_wait(&work->wake, &work->lock);
    bool any = work->count > 0 || work->items != NULL;
    if (any) {
        work->item_was_last = work->items != NULL && (work->count == 0 || !work->item_was_last);
        *ret_piece = work->item_was_last ? take_item(work) : take_pushed(work);
    }
    pthread_mutex_unlock(&work->lock);
    return any;
}

static void *run(void *context)
{
    piece p;
    while (take(context, &p))
        p.act(p.context);
    return NULL;
}

cairn_err cairn_work_new(unsigned threads, cairn_work **ret_work)
{
    CAIRN_ASSERT(threads >= 1 && threads <= CAIRN_WORK_THREADS_MAX);
    CAIRN_CLEANUP(cairn_work_free_p) cairn_work *work = calloc(1, sizeof *work);
    if (work == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "node: work");
    pthread_mutex_init(&work->lock, NULL);
    pthread_cond_init(&work->wake, NULL);
    while (work->thread_count < threads) {
        int failed = pthread_create(&work->threads[work->thread_count], NULL, run, work);
        if (failed != 0)
            return cairn_err_from_errno(failed, "node: thread");
        work->thread_count++;
    }
    *ret_work = CAIRN_STEAL(work);
    return CAIRN_OK;
}

void cairn_work_free(cairn_work *work)
{
    if (work == NULL)
        return;
    pthread_mutex_lock(&work->lock);
    work->stopping = true;
    pthread_cond_broadcast(&work->wake);
    pthread_mutex_unlock(&work->lock);
    for (size_t i = 0; i < work->thread_count; i++)
        CAIRN_ASSERT(pthread_join(work->threads[i], NULL) == 0);
    pthread_cond_destroy(&work->wake);
    pthread_mutex_destroy(&work->lock);
    free(work);
}

cairn_err cairn_work_push(cairn_work *work, void (*act)(void *context), void *context)
{
    pthread_mutex_lock(&work->lock);
    bool full = work->count == CAIRN_WORK_QUEUE_MAX;
    if (!full) {
        work->queue[(work->first + work->count) % CAIRN_WORK_QUEUE_MAX] =
            (piece){.act = act, .context = context};
        work->count++;
        pthread_cond_signal(&work->wake);
    }
    pthread_mutex_unlock(&work->lock);
    return full ? CAIRN_FAIL(CAIRN_ERR_BUSY, "house", "node: too many calls wait already")
                : CAIRN_OK;
}

void cairn_work_add(cairn_work *work, cairn_work_item *item)
{
    item->next = NULL;
    pthread_mutex_lock(&work->lock);
    if (work->items == NULL)
        work->items = item;
    else
        work->last_item->next = item;
    work->last_item = item;
    pthread_cond_signal(&work->wake);
    pthread_mutex_unlock(&work->lock);
}
