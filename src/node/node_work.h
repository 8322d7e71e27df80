/* A few threads for what a network thread must not do itself: calls that read many blocks. Source:
 * house (ARCHITECTURE, Threads). */
#ifndef CAIRN_NODE_WORK_H
#define CAIRN_NODE_WORK_H

#include "cairn/err.h"

typedef struct cairn_work cairn_work;

enum {
    CAIRN_WORK_THREADS_MAX = 64,
    CAIRN_WORK_QUEUE_MAX = 1024, /* pieces of work that wait */
};

/* Starts `threads` (1 to 64). NO_MEMORY, IO when the system gives no thread. */
cairn_err cairn_work_new(unsigned threads, cairn_work **ret_work) CAIRN_MUST_USE;

/* Does what is queued, then ends the threads. Nothing is pushed meanwhile. Takes NULL. */
void cairn_work_free(cairn_work *work);
CAIRN_DEFINE_CLEANUP(cairn_work, cairn_work_free)

/* Runs `act` once on one of the threads. BUSY when the queue is full: then it will not run. Any
 * thread. */
cairn_err cairn_work_push(cairn_work *work, void (*act)(void *context),
                          void *context) CAIRN_MUST_USE;

/* Work whose place in the queue is its owner's: so it is never refused. */
typedef struct cairn_work_item {
    void (*act)(void *context);
    void *context;
    struct cairn_work_item *next; /* the queue's */
} cairn_work_item;

/* Runs the item's `act` once; from when that begins the item may be added again, or freed, and not
 * before. Takes turns with what was pushed. Any thread. */
void cairn_work_add(cairn_work *work, cairn_work_item *item);

#endif
