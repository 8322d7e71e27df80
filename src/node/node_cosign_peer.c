/* What the node asks of others: rounds of one question each, a thread for each peer, and a ticker
 * that shows them a checkpoint now and then. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "ledger/log/lines.h"
#include "ledger/log/witness_request.h"
#include "node/node_cosign_impl.h"

enum {
    ARENA_SIZE_MAX = 2 << 20,
    REPLY_SIZE_MAX = 64 << 10,
    TRIES = 3,        /* until a peer and we speak of the same old size */
    FAILURES_MAX = 3, /* beyond them the pause grows no more */
};
#define PAUSE_MIN_NS UINT64_C(10000000)  /* before a peer that lags is asked again */
#define BACK_OFF_NS UINT64_C(1000000000) /* after the first failure, then doubled */
#define FRESH_NS UINT64_C(1000000000)    /* a head that lacks signatures is shown so long */

static uint64_t now_ns(void)
{
    const cairn_clock clock = cairn_clock_system();
    return cairn_clock_monotonic_ns(&clock);
}

static struct timespec time_of(uint64_t ns)
{
    return (struct timespec){.tv_sec = (time_t)(ns / 1000000000),
                             .tv_nsec = (long)(ns % 1000000000)};
}

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

static bool is_note(const round *r)
{
    return r->note.size > 0;
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
    bool whole = is_note(r) ? add_lines(r, head) : add_others(r, head);
    if (!whole || r->count < cosign->peer_count)
        head->fresh_until_ns = now_ns() + FRESH_NS;
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
    r->deadline_ns = now_ns() + cosign->wait_ns;
    return r;
}

/* Under the lock. What a peer that is not awaited has not begun gives way. */
static void give(peer *p, round *r)
{
    task *t = &p->tasks[is_note(r) ? CAIRN_HEAD_NOTE : CAIRN_HEAD_RECEIPT];
    if (p->down && now_ns() < p->next_ns)
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

/* --- asking --- */

typedef enum outcome {
    OUTCOME_TAKEN,
    OUTCOME_NOTHING, /* it is ahead, or refuses: but it is there */
    OUTCOME_FAILED,  /* nothing in time: it is away, or lags */
} outcome;

/* One question to one peer. */
typedef struct question {
    cairn_node_cosign *cosign;
    peer *peer;
    const round *round;
    cairn_arena arena;
    cairn_hash org; /* what came, and whose it is */
    cairn_head_other other;
    cairn_bytes line;
} question;

static void tell(const question *q, unsigned event, cairn_err err)
{
    CAIRN_LOG(q->cosign->setup.log, &cairn_node_cosign_events[event],
              cairn_log_text("peer", q->peer->url), cairn_log_u64("size", q->round->boundary.size),
              cairn_log_err(err));
}

static outcome refused(const question *q, cairn_err err)
{
    tell(q, COSIGN_REFUSED, err);
    return OUTCOME_NOTHING;
}

static uint64_t left_ms(const question *q)
{
    uint64_t now = now_ns();
    return now >= q->round->deadline_ns ? 0 : (q->round->deadline_ns - now) / 1000000;
}

static cairn_err call(question *q, const cairn_http_call *like, const char *path,
                      cairn_http_reply *ret_reply)
{
    char url[CAIRN_HTTP_URL_SIZE_MAX];
    const char *ca = cairn_config_text(q->cosign->setup.config, "cosign.ca");
    cairn_http_call c = *like;
    uint64_t left = left_ms(q);
    if (left == 0)
        return CAIRN_FAIL(CAIRN_ERR_UNREACHABLE, "house", "peer: no answer in time");
    if ((size_t)snprintf(url, sizeof url, "%s/v1/ledgers/%s/%s", q->peer->url, q->cosign->ledger,
                         path) >= sizeof url)
        return CAIRN_FAIL(CAIRN_ERR_ARGUMENT, "house", "peer: URL is too long");
    c.url = url;
    c.timeout_ms = (uint32_t)left;
    c.body_size_max = REPLY_SIZE_MAX;
    c.ca_file = ca[0] == '\0' ? NULL : ca;
    c.spki_pin = q->peer->is_pinned ? &q->peer->pin : NULL;
    c.pin_alone = q->peer->is_pinned;
    c.cancelled = &q->cosign->stopping;
    return cairn_http_client_call(&q->arena, &c, ret_reply);
}

/* Asks until the peer is as far as we are; its answer is any but "not yet". UNREACHABLE. */
static cairn_err call_patiently(question *q, const cairn_http_call *like, const char *path,
                                cairn_http_reply *ret_reply)
{
    uint64_t pause_ns = PAUSE_MIN_NS;
    for (;;) {
        CAIRN_TRY(call(q, like, path, ret_reply));
        if (ret_reply->status != 503 || left_ms(q) <= pause_ns / 1000000)
            return CAIRN_OK;
        const struct timespec pause = time_of(pause_ns);
        (void)clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL);
        pause_ns *= 2;
    }
}

static cairn_err status_error(const cairn_http_reply *reply)
{
    return CAIRN_FAIL(CAIRN_ERR_UNAVAILABLE, "docs/formats/cosignature.md", "peer: answers %d",
                      reply->status);
}

/* --- for receipts --- */

static bool same_boundary(const cairn_boundary *a, const cairn_boundary *b)
{
    return a->size == b->size && a->height == b->height && a->time_ms == b->time_ms &&
           cairn_hash_equal(&a->root, &b->root);
}

/* The member's good signature over what it says, be that ours or not. */
static cairn_err read_cosignature(question *q, cairn_bytes body, cairn_cosignature *ret_cosignature)
{
    const cairn_state_source state = cairn_node_cosign_state(q->cosign);
    CAIRN_CLEANUP(cairn_key_free_p) cairn_key *key = NULL;
    CAIRN_TRY(cairn_cosignature_decode(body, ret_cosignature));
    if (ret_cosignature->boundary.size != q->round->boundary.size)
        return CAIRN_FAIL(CAIRN_ERR_MISMATCH, "docs/formats/cosignature.md",
                          "cosignature.size: is another");
    CAIRN_TRY(cairn_member_cosigner(&state, &ret_cosignature->kid, &q->org, &key));
    return cairn_cosignature_verify(&q->arena, q->cosign->origin, ret_cosignature, key);
}

static outcome take_cosignature(question *q, cairn_bytes body)
{
    cairn_cosignature c;
    cairn_err err = read_cosignature(q, body, &c);
    if (err != CAIRN_OK)
        return refused(q, err);
    if (!same_boundary(&c.boundary, &q->round->boundary)) {
        cairn_node_cosign_convict(q->cosign, &q->round->boundary, &c.boundary, body, q->peer->url);
        return OUTCOME_NOTHING;
    }
    q->other.kid = c.kid;
    memcpy(q->other.signature, c.signature, sizeof c.signature);
    q->other.signature_size = sizeof c.signature;
    return OUTCOME_TAKEN;
}

static outcome ask_cosignature(question *q)
{
    const cairn_http_call like = {.method = CAIRN_HTTP_CLIENT_GET};
    char path[48];
    cairn_http_reply reply;
    (void)snprintf(path, sizeof path, "cosignatures/%llu",
                   (unsigned long long)q->round->boundary.size);
    if (call_patiently(q, &like, path, &reply) != CAIRN_OK)
        return OUTCOME_FAILED;
    if (reply.status == 503)
        return OUTCOME_FAILED;
    return reply.status == 200 ? take_cosignature(q, reply.body) : refused(q, status_error(&reply));
}

/* --- for checkpoints --- */

/* The members whose line may be in an answer. */
typedef struct search {
    question *question;
    const cairn_note *note; /* ours, and the answer's lines */
    cairn_err err;          /* CAIRN_OK: found */
} search;

/* The line of this key as it stands in the note. */
static cairn_err keep_line(question *q, const cairn_note *note, const cairn_vkey *vkey)
{
    for (size_t i = 0; i < note->signature_count; i++) {
        const cairn_note_signature *s = &note->signatures[i];
        if (memcmp(s->id, vkey->id, sizeof s->id) == 0 &&
            cairn_bytes_equal(s->name, cairn_bytes_str(vkey->name)))
            return cairn_lines_format(&q->arena, &q->line, "\xe2\x80\x94 %.*s %.*s\n",
                                      (int)s->name.size, (const char *)s->name.data,
                                      (int)s->base64.size, (const char *)s->base64.data);
    }
    return CAIRN_ERR_NOT_TRUSTED;
}

static cairn_err try_key(void *context, const cairn_hash *org, cairn_key *key)
{
    search *s = context;
    char name[CAIRN_MEMBER_NOTE_NAME_SIZE + 1];
    cairn_vkey vkey;
    if (s->err == CAIRN_OK)
        return CAIRN_OK;
    cairn_member_note_name(s->question->cosign->origin, org, name);
    CAIRN_TRY(cairn_vkey_init(cairn_bytes_str(name), CAIRN_NOTE_COSIGNATURE, key, &vkey));
    if (cairn_note_verify(s->note, &vkey, NULL) == CAIRN_OK) {
        s->err = keep_line(s->question, s->note, &vkey);
        s->question->org = *org;
    }
    cairn_vkey_done(&vkey);
    return CAIRN_OK;
}

static cairn_err read_lines(question *q, cairn_bytes lines)
{
    const cairn_state_source state = cairn_node_cosign_state(q->cosign);
    const cairn_bytes parts[] = {q->round->note, lines};
    search s = {.question = q, .err = CAIRN_ERR_NOT_TRUSTED};
    cairn_note *note = NULL;
    cairn_bytes joined;
    CAIRN_TRY(CAIRN_ARENA_NEW(&q->arena, &note));
    CAIRN_TRY(cairn_lines_concat(&q->arena, parts, 2, &joined));
    CAIRN_TRY(cairn_note_parse(joined, note));
    s.note = note;
    CAIRN_TRY(cairn_member_each_note_key(&state, try_key, &s));
    return s.err == CAIRN_OK ? CAIRN_OK
                             : CAIRN_FAIL(CAIRN_ERR_NOT_TRUSTED, "docs/formats/cosignature.md",
                                          "answer: no member's cosignature of this checkpoint");
}

static cairn_err make_request(question *q, cairn_bytes *ret_body)
{
    const cairn_merkle_source source = cairn_engine_source(q->cosign->setup.engine);
    cairn_hash proof[CAIRN_MERKLE_PROOF_MAX];
    size_t count = 0;
    CAIRN_TRY(cairn_merkle_prove_consistency(&source, q->peer->old_size, q->round->boundary.size,
                                             proof, &count));
    return cairn_witness_request_format(&q->arena, q->peer->old_size, proof, count, q->round->note,
                                        ret_body);
}

/* It has another root: what it signs itself at that size tells which. */
static outcome ask_what_it_has(question *q, const cairn_http_reply *reply)
{
    (void)refused(q, CAIRN_FAIL(CAIRN_ERR_INCONSISTENT, "C2SP tlog-witness",
                                "peer: answers %d to our checkpoint", reply->status));
    (void)ask_cosignature(q);
    return OUTCOME_NOTHING;
}

static bool tells_size(const cairn_http_reply *reply, uint64_t *ret_size)
{
    return reply->status == 409 && strcmp(reply->content_type, "text/x.tlog.size") == 0 &&
           cairn_witness_size_parse(reply->body, ret_size) == CAIRN_OK;
}

static outcome ask_cosigned(question *q)
{
    uint64_t size = q->round->boundary.size;
    for (int i = 0; i < TRIES; i++) {
        cairn_http_call like = {.method = CAIRN_HTTP_CLIENT_POST,
                                .content_type = "text/plain; charset=utf-8"};
        cairn_http_reply reply;
        uint64_t told = 0;
        cairn_err err = make_request(q, &like.body);
        if (err != CAIRN_OK)
            return refused(q, err);
        if (call_patiently(q, &like, "add-checkpoint", &reply) != CAIRN_OK)
            return OUTCOME_FAILED;
        if (tells_size(&reply, &told)) {
            if (told > size)
                return OUTCOME_NOTHING; /* it has cosigned more meanwhile, or says so */
            q->peer->old_size = told;
            continue;
        }
        if (reply.status == 409 || reply.status == 422)
            return ask_what_it_has(q, &reply);
        if (reply.status != 200)
            return reply.status == 503 ? OUTCOME_FAILED : refused(q, status_error(&reply));
        q->peer->old_size = size;
        err = read_lines(q, reply.body);
        return err == CAIRN_OK ? OUTCOME_TAKEN : refused(q, err);
    }
    return OUTCOME_NOTHING;
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
    if (is_note(r)) {
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
    p->next_ns = now_ns() + (BACK_OFF_NS << p->failures);
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
    outcome o = is_note(t.round) ? ask_cosigned(&q) : ask_cosignature(&q);
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
    uint64_t due_ns = now_ns();
    pthread_mutex_lock(&cosign->lock);
    while (!atomic_load(&cosign->stopping)) {
        const struct timespec due = time_of(due_ns);
        if (now_ns() < due_ns) {
            (void)pthread_cond_timedwait(&cosign->wake, &cosign->lock, &due);
            continue;
        }
        show(cosign);
        due_ns = now_ns() + cosign->interval_ns;
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
