/* One thread that sends what callers left, reads answers and completes calls. A caller whose
 * request finds the thread asleep sends it himself, which saves a wake-up; while the thread is
 * awake, requests gather and go out together. */
#include "core/crypto/key_link.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/crypto/secret.h"
#include "core/crypto/signer.h"

enum {
    IN_SIZE = CAIRN_KEY_REPLY_SIZE_MAX + 65536,
    OUT_SIZE_MIN = 65536,
    TICK_MS = 250, /* how exactly the time limit is kept */
};
static const uint64_t greeting_id = 0;

typedef struct call {
    uint64_t id; /* 0: the place is free */
    uint64_t due_ns;
    cairn_key_link_done_fn done;
    void *context;
    uint16_t next; /* free place after this one */
} call;

typedef struct buffer {
    uint8_t *data;
    size_t size;
    size_t room;
    size_t sent;
} buffer;

typedef enum link_state { LINK_DOWN, LINK_GREETING, LINK_UP } link_state;

/* `lock` guards all but `in`, which is the thread's. Only the thread closes `fd`. */
struct cairn_key_link {
    cairn_clock clock;
    uint64_t timeout_ns;
    void (*on_down)(void *context);
    void *context;
    pthread_t thread;
    int wake_fd;
    pthread_mutex_t lock;
    pthread_cond_t greeted; /* `state` has changed */
    int fd;
    link_state state;
    uint64_t greeting_due_ns;
    uint64_t next_look_ns; /* for calls that are late */
    bool cut;
    bool stopping;
    bool asleep;
    cairn_err attach_err; /* of the last attach */
    char attach_detail[CAIRN_KEY_DETAIL_SIZE_MAX + 1];
    cairn_key_greeting greeting;
    buffer out;
    uint64_t ids;
    size_t in_flight;
    uint16_t free_place; /* first of the list; CAIRN_KEY_LINK_CALLS_MAX: none */
    call calls[CAIRN_KEY_LINK_CALLS_MAX];
    size_t in_size;
    uint8_t in[IN_SIZE];
};

static cairn_err fail_down(void)
{
    return CAIRN_FAIL(CAIRN_ERR_UNAVAILABLE, "house", "key process: not connected");
}

static void wake(const cairn_key_link *link)
{
    const uint64_t one = 1;
    ssize_t ignored = write(link->wake_fd, &one, sizeof one);
    (void)ignored; /* a full counter wakes as well */
}

/* --- the table of calls; under the lock --- */

static void calls_init(cairn_key_link *link)
{
    for (uint16_t i = 0; i < CAIRN_KEY_LINK_CALLS_MAX; i++)
        link->calls[i] = (call){.next = (uint16_t)(i + 1)};
    link->free_place = 0;
}

/* The id's low bits are the place, so that an answer finds it. */
static call *call_add(cairn_key_link *link, cairn_key_link_done_fn done, void *context)
{
    uint16_t place = link->free_place;
    if (place == CAIRN_KEY_LINK_CALLS_MAX)
        return NULL;
    call *c = &link->calls[place];
    link->free_place = c->next;
    link->in_flight++;
    c->id = ++link->ids * CAIRN_KEY_LINK_CALLS_MAX + place;
    c->due_ns = cairn_clock_monotonic_ns(&link->clock) + link->timeout_ns;
    c->done = done;
    c->context = context;
    return c;
}

static void call_remove(cairn_key_link *link, call *c)
{
    c->id = 0;
    c->next = link->free_place;
    link->free_place = (uint16_t)(c - link->calls);
    link->in_flight--;
}

static bool call_take(cairn_key_link *link, uint64_t id, call *ret_call)
{
    call *c = &link->calls[id % CAIRN_KEY_LINK_CALLS_MAX];
    if (id == 0 || c->id != id)
        return false;
    *ret_call = *c;
    call_remove(link, c);
    return true;
}

/* Looks once in a while: the table is long. */
static bool call_is_late(cairn_key_link *link)
{
    uint64_t now = cairn_clock_monotonic_ns(&link->clock);
    if (now < link->next_look_ns)
        return false;
    link->next_look_ns = now + TICK_MS * UINT64_C(1000000);
    if (link->state == LINK_GREETING)
        return now >= link->greeting_due_ns;
    for (size_t i = 0; link->in_flight > 0 && i < CAIRN_KEY_LINK_CALLS_MAX; i++)
        if (link->calls[i].id != 0 && now >= link->calls[i].due_ns)
            return true;
    return false;
}

/* --- sending; under the lock --- */

static cairn_err buffer_reserve(buffer *b, size_t more)
{
    size_t room = b->room < OUT_SIZE_MIN ? OUT_SIZE_MIN : b->room;
    if (b->sent > 0 && b->size + more > b->room) {
        memmove(b->data, b->data + b->sent, b->size - b->sent);
        cairn_wipe(b->data + b->size - b->sent, b->sent);
        b->size -= b->sent;
        b->sent = 0;
    }
    while (room < b->size + more)
        room *= 2;
    if (room == b->room)
        return CAIRN_OK;
    uint8_t *data = malloc(room); /* realloc would leave a copy behind */
    if (data == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "key process: request");
    if (b->size != 0) {
        memcpy(data, b->data, b->size);
        cairn_wipe(b->data, b->size);
    }
    free(b->data);
    b->data = data;
    b->room = room;
    return CAIRN_OK;
}

static void buffer_add(buffer *b, cairn_bytes bytes)
{
    if (bytes.size != 0)
        memcpy(b->data + b->size, bytes.data, bytes.size);
    b->size += bytes.size;
}

/* What was sent may have been a key: it does not stay. */
static void buffer_clear(buffer *b)
{
    cairn_wipe(b->data, b->size);
    b->size = 0;
    b->sent = 0;
}

/* Sends what the socket takes; false when it is broken. */
static bool flush(cairn_key_link *link)
{
    buffer *out = &link->out;
    while (out->sent < out->size) {
        ssize_t n = send(link->fd, out->data + out->sent, out->size - out->sent,
                         MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno == EAGAIN || errno == EWOULDBLOCK;
        out->sent += (size_t)n;
    }
    buffer_clear(out);
    return true;
}

static cairn_err queue_request(cairn_key_link *link, const cairn_key_request *request,
                               cairn_key_link_done_fn done, void *context)
{
    if (link->state != LINK_UP || link->cut)
        return fail_down();
    if (link->out.size - link->out.sent + request->body.size > CAIRN_KEY_LINK_SIZE_MAX)
        return CAIRN_FAIL(CAIRN_ERR_BUSY, "house", "key process: too much waits to be sent");
    CAIRN_TRY(buffer_reserve(&link->out, CAIRN_KEY_REQUEST_HEAD_SIZE + request->body.size));
    const call *c = call_add(link, done, context);
    if (c == NULL)
        return CAIRN_FAIL(CAIRN_ERR_BUSY, "house", "key process: %d requests wait",
                          CAIRN_KEY_LINK_CALLS_MAX);
    cairn_key_request numbered = *request;
    uint8_t head[CAIRN_KEY_REQUEST_HEAD_SIZE];
    numbered.id = c->id;
    buffer_add(&link->out, cairn_bytes_of(head, cairn_key_request_encode(&numbered, head)));
    buffer_add(&link->out, request->body);
    if (link->asleep && (!flush(link) || link->out.size != 0))
        wake(link); /* what is broken is the thread's to find out */
    return CAIRN_OK;
}

cairn_err cairn_key_link_call(cairn_key_link *link, const cairn_key_request *request,
                              cairn_key_link_done_fn done, void *context)
{
    (void)pthread_mutex_lock(&link->lock);
    cairn_err err = queue_request(link, request, done, context);
    (void)pthread_mutex_unlock(&link->lock);
    return err;
}

/* --- the end of a connection; on the thread --- */

/* Calls of the broken connection, one after another: a completion may call the link. */
static void fail_calls(cairn_key_link *link)
{
    for (size_t i = 0; i < CAIRN_KEY_LINK_CALLS_MAX; i++) {
        (void)pthread_mutex_lock(&link->lock);
        call c = link->calls[i];
        if (c.id != 0)
            call_remove(link, &link->calls[i]);
        (void)pthread_mutex_unlock(&link->lock);
        if (c.id == 0)
            continue;
        cairn_err err =
            CAIRN_FAIL(CAIRN_ERR_UNAVAILABLE, "house", "key process: ended before it answered");
        c.done(c.context, err, cairn_bytes_of(NULL, 0));
    }
}

/* Under the lock: the attach that waits learns how it went. */
static void end_greeting(cairn_key_link *link, link_state state, cairn_err err)
{
    link->state = state;
    link->attach_err = err;
    (void)snprintf(link->attach_detail, sizeof link->attach_detail, "%s",
                   err == CAIRN_OK ? "" : cairn_err_detail());
    (void)pthread_cond_broadcast(&link->greeted);
}

/* Whoever attaches next does so after the calls of this connection have ended. */
static void break_connection(cairn_key_link *link, cairn_err why)
{
    (void)pthread_mutex_lock(&link->lock);
    bool was_up = link->state == LINK_UP;
    int fd = link->fd;
    link->cut = true; /* no more calls */
    buffer_clear(&link->out);
    (void)pthread_mutex_unlock(&link->lock);
    fail_calls(link);
    (void)close(fd);
    (void)pthread_mutex_lock(&link->lock);
    link->fd = -1;
    link->cut = false;
    end_greeting(link, LINK_DOWN, why);
    (void)pthread_mutex_unlock(&link->lock);
    cairn_wipe(link->in, link->in_size);
    link->in_size = 0;
    if (was_up && link->on_down != NULL)
        link->on_down(link->context);
}

/* --- answers; on the thread --- */

static cairn_err copy_failure(const cairn_key_reply *reply)
{
    return CAIRN_FAIL(reply->err, "keyd", "%.*s", (int)reply->body.size,
                      (const char *)reply->body.data);
}

static cairn_err take_greeting(cairn_key_link *link, const cairn_key_reply *reply)
{
    cairn_key_greeting greeting = {0};
    if (reply->err != CAIRN_OK)
        return copy_failure(reply);
    CAIRN_TRY(cairn_key_greeting_decode(reply->body, &greeting));
    (void)pthread_mutex_lock(&link->lock);
    link->greeting = greeting;
    end_greeting(link, LINK_UP, CAIRN_OK);
    (void)pthread_mutex_unlock(&link->lock);
    return CAIRN_OK;
}

static cairn_err take_reply(cairn_key_link *link, cairn_bytes frame)
{
    cairn_key_reply reply;
    call c;
    CAIRN_TRY(cairn_key_reply_decode(frame, &reply));
    (void)pthread_mutex_lock(&link->lock);
    bool greeting = link->state == LINK_GREETING;
    bool found = !greeting && call_take(link, reply.id, &c);
    (void)pthread_mutex_unlock(&link->lock);
    if (greeting && reply.id == greeting_id)
        return take_greeting(link, &reply);
    if (!found)
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, "docs/formats/keyd.md",
                          "key process: answer to nothing");
    cairn_err err = reply.err == CAIRN_OK ? CAIRN_OK : copy_failure(&reply);
    c.done(c.context, err, err == CAIRN_OK ? reply.body : cairn_bytes_of(NULL, 0));
    return CAIRN_OK;
}

static cairn_err take_replies(cairn_key_link *link)
{
    size_t used = 0;
    for (;;) {
        size_t size = 0;
        cairn_bytes rest = cairn_bytes_of(link->in + used, link->in_size - used);
        CAIRN_TRY(cairn_key_frame_size(rest, CAIRN_KEY_REPLY_SIZE_MAX, &size));
        if (size == 0)
            break;
        CAIRN_TRY(take_reply(link, cairn_bytes_of(rest.data + CAIRN_KEY_FRAME_HEAD_SIZE,
                                                  size - CAIRN_KEY_FRAME_HEAD_SIZE)));
        used += size;
    }
    size_t rest = link->in_size - used;
    memmove(link->in, link->in + used, rest);
    cairn_wipe(link->in + rest, used);
    link->in_size = rest;
    return CAIRN_OK;
}

static cairn_err receive(cairn_key_link *link)
{
    ssize_t n =
        recv(link->fd, link->in + link->in_size, sizeof link->in - link->in_size, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
        return CAIRN_OK;
    if (n <= 0)
        return CAIRN_FAIL(CAIRN_ERR_UNAVAILABLE, "house", "key process: ended");
    link->in_size += (size_t)n;
    return take_replies(link);
}

/* --- the thread --- */

/* Sends, and tells what to wait for; false when the link stops. A broken one is in `*ret_err`. */
static bool prepare(cairn_key_link *link, struct pollfd fds[2], cairn_err *ret_err)
{
    (void)pthread_mutex_lock(&link->lock);
    cairn_err err = CAIRN_OK;
    if (link->fd >= 0 && (link->cut || !flush(link) || call_is_late(link)))
        err = CAIRN_FAIL(CAIRN_ERR_UNAVAILABLE, "house", "key process: %s",
                         link->cut ? "given up" : "does not answer");
    fds[0] = (struct pollfd){.fd = link->wake_fd, .events = POLLIN};
    fds[1] = (struct pollfd){.fd = link->fd, .events = POLLIN};
    if (link->out.size > 0)
        fds[1].events |= POLLOUT;
    link->asleep = err == CAIRN_OK;
    bool go_on = !link->stopping;
    (void)pthread_mutex_unlock(&link->lock);
    *ret_err = err;
    return go_on;
}

static void wait_for_work(cairn_key_link *link, struct pollfd fds[2])
{
    uint64_t count = 0;
    (void)poll(fds, 2, fds[1].fd >= 0 ? TICK_MS : -1);
    (void)pthread_mutex_lock(&link->lock);
    link->asleep = false;
    (void)pthread_mutex_unlock(&link->lock);
    if ((fds[0].revents & POLLIN) != 0) {
        ssize_t ignored = read(link->wake_fd, &count, sizeof count);
        (void)ignored;
    }
}

static void *serve(void *memory)
{
    cairn_key_link *link = memory;
    struct pollfd fds[2];
    cairn_err err = CAIRN_OK;
    while (prepare(link, fds, &err)) {
        if (err == CAIRN_OK) {
            wait_for_work(link, fds);
            if ((fds[1].revents & (POLLIN | POLLHUP | POLLERR)) != 0)
                err = receive(link);
        }
        if (err != CAIRN_OK)
            break_connection(link, err);
    }
    if (link->fd >= 0)
        break_connection(link, fail_down());
    return NULL;
}

/* --- life --- */

cairn_err cairn_key_link_new(const cairn_clock *clock, uint32_t timeout_ms,
                             void (*on_down)(void *context), void *context,
                             cairn_key_link **ret_link)
{
    cairn_key_link *link = calloc(1, sizeof *link);
    if (link == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "key process: link");
    link->clock = *clock;
    link->timeout_ns = (uint64_t)timeout_ms * 1000000;
    link->on_down = on_down;
    link->context = context;
    link->fd = -1;
    calls_init(link);
    (void)pthread_mutex_init(&link->lock, NULL);
    (void)pthread_cond_init(&link->greeted, NULL);
    link->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    int errnum = link->wake_fd < 0 ? errno : pthread_create(&link->thread, NULL, serve, link);
    if (errnum != 0) {
        if (link->wake_fd >= 0)
            (void)close(link->wake_fd);
        free(link);
        return cairn_err_from_errno(errnum, "key process: link");
    }
    *ret_link = link;
    return CAIRN_OK;
}

void cairn_key_link_free(cairn_key_link *link)
{
    if (link == NULL)
        return;
    (void)pthread_mutex_lock(&link->lock);
    link->stopping = true;
    (void)pthread_mutex_unlock(&link->lock);
    wake(link);
    (void)pthread_join(link->thread, NULL);
    (void)close(link->wake_fd);
    (void)pthread_mutex_destroy(&link->lock);
    (void)pthread_cond_destroy(&link->greeted);
    free(link->out.data);
    free(link);
}

cairn_err cairn_key_link_attach_take(cairn_key_link *link, int fd, cairn_key_greeting *ret_greeting)
{
    CAIRN_ASSERT(!pthread_equal(link->thread, pthread_self()));
    (void)pthread_mutex_lock(&link->lock);
    if (link->fd >= 0) {
        (void)pthread_mutex_unlock(&link->lock);
        (void)close(fd);
        return CAIRN_FAIL(CAIRN_ERR_EXISTS, "house", "key process: already connected");
    }
    link->fd = fd;
    link->state = LINK_GREETING;
    link->greeting_due_ns = cairn_clock_monotonic_ns(&link->clock) + link->timeout_ns;
    wake(link);
    while (link->state == LINK_GREETING)
        (void)pthread_cond_wait(&link->greeted, &link->lock);
    cairn_err err = link->attach_err;
    cairn_key_greeting greeting = link->greeting;
    if (err != CAIRN_OK)
        err = CAIRN_FAIL(err, "house", "%s", link->attach_detail);
    (void)pthread_mutex_unlock(&link->lock);
    CAIRN_TRY(err);
    *ret_greeting = greeting;
    return CAIRN_OK;
}

void cairn_key_link_cut(cairn_key_link *link)
{
    CAIRN_ASSERT(!pthread_equal(link->thread, pthread_self()));
    (void)pthread_mutex_lock(&link->lock);
    if (link->fd >= 0)
        link->cut = true;
    wake(link);
    while (link->fd >= 0)
        (void)pthread_cond_wait(&link->greeted, &link->lock);
    (void)pthread_mutex_unlock(&link->lock);
}

bool cairn_key_link_is_up(cairn_key_link *link)
{
    (void)pthread_mutex_lock(&link->lock);
    bool up = link->state == LINK_UP && !link->cut;
    (void)pthread_mutex_unlock(&link->lock);
    return up;
}

/* --- calls that wait --- */

typedef struct waiting {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool ready;
    cairn_err err;
    uint8_t *body;
    size_t size_max;
    size_t size;
    char detail[CAIRN_KEY_DETAIL_SIZE_MAX + 1];
} waiting;

static void finish_waiting(void *context, cairn_err err, cairn_bytes body)
{
    waiting *w = context;
    if (err == CAIRN_OK && body.size > w->size_max)
        err = CAIRN_FAIL(CAIRN_ERR_TOO_LARGE, "docs/formats/keyd.md", "key process: answer");
    (void)pthread_mutex_lock(&w->lock);
    if (err != CAIRN_OK) {
        (void)snprintf(w->detail, sizeof w->detail, "%s", cairn_err_detail());
    } else if (body.size != 0) {
        memcpy(w->body, body.data, body.size);
        w->size = body.size;
    }
    w->err = err;
    w->ready = true;
    (void)pthread_cond_signal(&w->changed);
    (void)pthread_mutex_unlock(&w->lock);
}

cairn_err cairn_key_link_call_wait(cairn_key_link *link, const cairn_key_request *request,
                                   uint8_t *body, size_t size_max, size_t *ret_size)
{
    CAIRN_ASSERT(!pthread_equal(link->thread, pthread_self()));
    waiting w = {.lock = PTHREAD_MUTEX_INITIALIZER,
                 .changed = PTHREAD_COND_INITIALIZER,
                 .body = body,
                 .size_max = size_max};
    CAIRN_TRY(cairn_key_link_call(link, request, finish_waiting, &w));
    (void)pthread_mutex_lock(&w.lock);
    while (!w.ready)
        (void)pthread_cond_wait(&w.changed, &w.lock);
    (void)pthread_mutex_unlock(&w.lock);
    (void)pthread_mutex_destroy(&w.lock);
    (void)pthread_cond_destroy(&w.changed);
    if (w.err != CAIRN_OK)
        return CAIRN_FAIL(w.err, "house", "%s", w.detail);
    *ret_size = w.size;
    return CAIRN_OK;
}
