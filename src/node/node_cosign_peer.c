/* Rounds of one question to each peer, a thread for each, and a ticker that shows them a checkpoint
 * now and then. */
#include <stdlib.h>

#include "node/node_cosign_impl.h"

enum {
    ARENA_SIZE_MAX = 2 << 20,
    FAILURES_MAX = 3, /* beyond them the pause grows no more */
};
#define BACK_OFF_NS UINT64_C(1000000000) /* after the first failure, then doubled */
#define FRESH_NS UINT64_C(1000000000)    /* a head that lacks signatures is shown so long */

/* --- rounds, under the lock --- */

static void release(round *r)
{
    if (--r->references > 0)
        return;
    for (size_t i = 0; i < r->count; i++)
        free(r->lines[i]);
    free((void *)(uintptr_t)r->note.data);
    free(r);
}

/* True when the caller is to hand it over, without the lock. */
static bool close_round(round *r)
{
    bool first = !r->closed && r->awaited == 0;
    r->closed = r->closed || first;
    return first;
}

/* --- handing over --- */

static bool add_lines(const round *r, cairn_head *head)
{
    size_t size = head->note.size;
    for (size_t i = 0; i < r->count; i++)
        size += strlen(r->lines[i]);
    uint8_t *note = malloc(size);
    if (note == NULL)
        return false;
    memcpy(note, head->note.data, head->note.size);
    size = head->note.size;
    for (size_t i = 0; i < r->count; i++) {
        memcpy(note + size, r->lines[i], strlen(r->lines[i]));
        size += strlen(r->lines[i]);
    }
    free((void *)(uintptr_t)head->note.data);
    head->note = cairn_bytes_of(note, size);
    return true;
}

static bool add_others(const round *r, cairn_head *head)
{
    head->others = calloc(r->count + 1, sizeof *head->others);
    if (head->others == NULL)
        return false;
    memcpy(head->others, r->others, r->count * sizeof *head->others);
    head->other_count = r->count;
    return true;
}

/* The head goes back with what came; of a closed round nothing changes any more. The last act:
 * whoever waited for it may free the cosigner. */
static void hand_over(cairn_node_cosign *cosign, round *r)
{
    cairn_head *head = CAIRN_STEAL(r->head);
    cairn_heads *heads = r->heads;
    bool whole = cosign_is_note(r) ? add_lines(r, head) : add_others(r, head);
    if (!whole || r->count < cosign->peer_count)
        head->fresh_until_ns = cosign_now_ns() + FRESH_NS;
    pthread_mutex_lock(&cosign->lock);
    release(r);
    pthread_mutex_unlock(&cosign->lock);
    cairn_heads_gathered(heads, head);
}

/* --- a new round --- */

static round *new_round(const cairn_node_cosign *cosign, cairn_heads *heads, cairn_head *head)
{
    round *r = calloc(1, sizeof *r);
    uint8_t *note = head->note.size == 0 ? NULL : malloc(head->note.size);
    if (r == NULL || (head->note.size > 0 && note == NULL)) {
        free(r);
        free(note);
        return NULL;
    }
    if (note != NULL) {
        memcpy(note, head->note.data, head->note.size);
        r->note = cairn_bytes_of(note, head->note.size);
    }
    r->references = 1;
    r->heads = heads;
    r->head = head;
    r->boundary = (cairn_boundary){.size = head->view->log_size,
                                   .height = head->view->height,
                                   .time_ms = head->view->time_ms,
                                   .root = head->view->log_root};
    r->deadline_ns = cosign_now_ns() + cosign->wait_ns;
    return r;
}

/* Under the lock. What a peer that is not awaited has not begun gives way. */
static void give(peer *p, round *r)
{
    task *t = &p->tasks[cosign_is_note(r) ? CAIRN_HEAD_NOTE : CAIRN_HEAD_RECEIPT];
    if (p->down && cosign_now_ns() < p->next_ns)
        return;
    if (t->round != NULL) {
        CAIRN_ASSERT(!t->awaited);
        release(t->round);
    }
    *t = (task){.round = r, .awaited = !p->down};
    r->references++;
    r->awaited += t->awaited;
}

static void gather(void *context, cairn_heads *heads, cairn_head *head)
{
    cairn_node_cosign *cosign = context;
    round *r = new_round(cosign, heads, head);
    if (r == NULL) {
        cairn_heads_gathered(heads, head);
        return;
    }
    pthread_mutex_lock(&cosign->lock);
    for (size_t i = 0; !atomic_load(&cosign->stopping) && i < cosign->thread_count; i++)
        give(&cosign->peers[i], r);
    bool closed = close_round(r);
    pthread_cond_broadcast(&cosign->wake);
    if (!closed)
        release(r); /* its tasks have it */
    pthread_mutex_unlock(&cosign->lock);
    if (closed)
        hand_over(cosign, r);
}

cairn_gather_fn cairn_node_cosign_gather(const cairn_node_cosign *cosign)
{
    return cosign->peer_count == 0 ? NULL : gather;
}

/* --- a peer's thread --- */

/* Under the lock: an organisation has one signature in a head. */
static bool is_new(const question *q, const round *r)
{
    const cairn_node_cosign_setup *setup = &q->cosign->setup;
    const cairn_hash own = setup->find_org(setup->context);
    bool fresh = !r->closed && !cairn_hash_equal(&q->org, &own);
    for (size_t i = 0; i < r->count && fresh; i++)
        fresh = !cairn_hash_equal(&r->orgs[i], &q->org);
    return fresh;
}

static void take(const question *q, round *r)
{
    if (!is_new(q, r))
        return;
    if (cosign_is_note(r)) {
        r->lines[r->count] = strndup((const char *)q->line.data, q->line.size);
        if (r->lines[r->count] == NULL)
            return;
    } else {
        r->others[r->count] = q->other;
    }
    r->orgs[r->count++] = q->org;
    q->cosign->counts.taken++;
}

/* Under the lock: how the peer is, after an outcome; true when that is news. */
static bool note_health(peer *p, outcome o)
{
    bool was_down = p->down;
    p->down = o == OUTCOME_FAILED;
    if (!p->down) {
        p->failures = 0;
        return was_down;
    }
    p->next_ns = cosign_now_ns() + (BACK_OFF_NS << p->failures);
    p->failures += p->failures < FAILURES_MAX;
    return !was_down;
}

static void tell_health(const peer *p, bool down)
{
    CAIRN_LOG(p->cosign->setup.log,
              &cairn_node_cosign_events[down ? COSIGN_UNREACHABLE : COSIGN_BACK],
              cairn_log_text("peer", p->url));
}

static void answer(peer *p, task t)
{
    cairn_node_cosign *cosign = p->cosign;
    question q = {.cosign = cosign, .peer = p, .round = t.round};
    cairn_arena_init(&q.arena, ARENA_SIZE_MAX);
    outcome o = cairn_node_cosign_ask(&q);
    pthread_mutex_lock(&cosign->lock);
    bool news = note_health(p, o);
    if (o == OUTCOME_TAKEN)
        take(&q, t.round);
    t.round->awaited -= t.awaited;
    bool closed = close_round(t.round);
    if (!closed)
        release(t.round);
    pthread_mutex_unlock(&cosign->lock);
    cairn_arena_done(&q.arena);
    if (news && !atomic_load(&cosign->stopping))
        tell_health(p, o == OUTCOME_FAILED);
    if (closed)
        hand_over(cosign, t.round);
}

/* The next task, receipts first; false at the end. */
static bool next_task(peer *p, task *ret_task)
{
    cairn_node_cosign *cosign = p->cosign;
    task *found = NULL;
    pthread_mutex_lock(&cosign->lock);
    for (;;) {
        for (size_t kind = 0; kind < CAIRN_HEAD_KIND_COUNT && found == NULL; kind++)
            if (p->tasks[kind].round != NULL)
                found = &p->tasks[kind];
        if (found != NULL || atomic_load(&cosign->stopping))
            break;
        (void)pthread_cond_wait(&cosign->wake, &cosign->lock);
    }
    if (found != NULL) {
        *ret_task = *found;
        *found = (task){0};
    }
    pthread_mutex_unlock(&cosign->lock);
    return found != NULL;
}

static void *run_peer(void *context)
{
    task t;
    while (next_task(context, &t))
        answer(context, t);
    return NULL;
}

/* --- the ticker --- */

static void on_shown(void *context, cairn_err err, const cairn_head *head)
{
    cairn_node_cosign *cosign = context;
    pthread_mutex_lock(&cosign->lock);
    if (err == CAIRN_OK)
        cosign->shown_size = head->fresh_until_ns == UINT64_MAX ? head->view->log_size : 0;
    cosign->showing = false;
    pthread_cond_broadcast(&cosign->wake);
    pthread_mutex_unlock(&cosign->lock);
}

/* Whoever signs another root than ours is found out although nobody asks for a checkpoint here. */
static void show(cairn_node_cosign *cosign)
{
    CAIRN_CLEANUP(cairn_view_free_p) cairn_view *view = cairn_engine_view(cosign->setup.engine);
    if (view->log_size == cosign->shown_size)
        return;
    cosign->showing = true;
    pthread_mutex_unlock(&cosign->lock);
    cairn_heads_want(cosign->notes, view->log_size, on_shown, cosign);
    pthread_mutex_lock(&cosign->lock);
    while (cosign->showing)
        (void)pthread_cond_wait(&cosign->wake, &cosign->lock);
}

static void *run_ticker(void *context)
{
    cairn_node_cosign *cosign = context;
    uint64_t due_ns = cosign_now_ns();
    pthread_mutex_lock(&cosign->lock);
    while (!atomic_load(&cosign->stopping)) {
        const struct timespec due = cosign_time_of(due_ns);
        if (cosign_now_ns() < due_ns) {
            (void)pthread_cond_timedwait(&cosign->wake, &cosign->lock, &due);
            continue;
        }
        show(cosign);
        due_ns = cosign_now_ns() + cosign->interval_ns;
    }
    pthread_mutex_unlock(&cosign->lock);
    return NULL;
}

/* --- life --- */

cairn_err cairn_node_cosign_run(cairn_node_cosign *cosign)
{
    int failed = 0;
    pthread_mutex_lock(&cosign->lock);
    while (failed == 0 && cosign->thread_count < cosign->peer_count) {
        peer *p = &cosign->peers[cosign->thread_count];
        failed = pthread_create(&p->thread, NULL, run_peer, p);
        cosign->thread_count += failed == 0;
    }
    pthread_mutex_unlock(&cosign->lock);
    if (failed == 0)
        failed = pthread_create(&cosign->ticker, NULL, run_ticker, cosign);
    if (failed != 0)
        return cairn_err_from_errno(failed, "node: cosigner's thread");
    cosign->ticks = true;
    return CAIRN_OK;
}

void cairn_node_cosign_stop(cairn_node_cosign *cosign)
{
    if (cosign == NULL)
        return;
    pthread_mutex_lock(&cosign->lock);
    atomic_store(&cosign->stopping, true);
    pthread_cond_broadcast(&cosign->wake);
    pthread_mutex_unlock(&cosign->lock);
    if (cosign->ticks)
        CAIRN_ASSERT(pthread_join(cosign->ticker, NULL) == 0);
    cosign->ticks = false;
    /* nobody is given a task any more, and each ends when it has done what it has */
    for (size_t i = 0; i < cosign->thread_count; i++)
        CAIRN_ASSERT(pthread_join(cosign->peers[i].thread, NULL) == 0);
    cosign->thread_count = 0;
}
