/* The node's side of an import worker: feeds it, takes its frames, watches the clock. */
#include "node/process/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "node/process/worker_impl.h"

static const char clause[] = "house";

typedef struct run {
    cairn_spawner_child child;
    const cairn_worker_limits *limits;
    const cairn_worker_source *source;
    const cairn_worker_sink *sink;
    int64_t deadline_ms;
    bool fed;   /* nothing more to send */
    bool ended; /* the last frame is here */
    size_t output_size;
    size_t sent;
    size_t out_size;
    size_t in_size;
    uint8_t out[CAIRN_WORKER_DATA_SIZE_MAX];
    uint8_t in[2 * (CAIRN_WORKER_HEAD_SIZE + CAIRN_WORKER_DATA_SIZE_MAX)];
} run;

cairn_worker_limits cairn_worker_limits_default(void)
{
    return (cairn_worker_limits){
        .memory_mib = 256, .cpu_s = 10, .wall_ms = 30000, .output_size_max = 64u << 20};
}

/* A child's time is the machine's, also where the house's clock is a test's. */
static int64_t now_ms(void)
{
    struct timespec t = {0, 0};
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* --- frames --- */

static cairn_err decode_end(cairn_bytes body, cairn_worker_frame *ret_frame)
{
    uint32_t number = body.size >= 4 ? cairn_get_u32(body.data) : UINT32_MAX;
    if (number > INT32_MAX || !cairn_err_is_known(-(cairn_err)number) ||
        body.size - 4 > CAIRN_WORKER_ERROR_SIZE_MAX)
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, clause, "worker: last frame");
    ret_frame->err = -(cairn_err)number;
    ret_frame->body = cairn_bytes_of(body.data + 4, body.size - 4);
    return CAIRN_OK;
}

cairn_err cairn_worker_frame_decode(cairn_bytes in, cairn_worker_frame *ret_frame, size_t *ret_size)
{
    cairn_worker_frame frame = {.err = CAIRN_OK};
    *ret_size = 0;
    if (in.size < CAIRN_WORKER_HEAD_SIZE)
        return CAIRN_OK;
    frame.kind = in.data[0];
    size_t size = cairn_get_u32(in.data + 1);
    if ((frame.kind != CAIRN_WORKER_DATA && frame.kind != CAIRN_WORKER_END) || size == 0 ||
        size > CAIRN_WORKER_DATA_SIZE_MAX)
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, clause, "worker: frame");
    if (in.size - CAIRN_WORKER_HEAD_SIZE < size)
        return CAIRN_OK;
    frame.body = cairn_bytes_of(in.data + CAIRN_WORKER_HEAD_SIZE, size);
    if (frame.kind == CAIRN_WORKER_END)
        CAIRN_TRY(decode_end(frame.body, &frame));
    *ret_frame = frame;
    *ret_size = CAIRN_WORKER_HEAD_SIZE + size;
    return CAIRN_OK;
}

static cairn_err end_error(const cairn_worker_frame *frame)
{
    if (frame->err == CAIRN_OK)
        return CAIRN_OK;
    if (frame->err == CAIRN_ERR_NO_MEMORY) /* its limit, not the machine's */
        return CAIRN_FAIL(CAIRN_ERR_TOO_LARGE, clause, "worker: memory limit: %.*s",
                          (int)frame->body.size, (const char *)frame->body.data);
    return CAIRN_FAIL(frame->err, "worker", "%.*s", (int)frame->body.size,
                      (const char *)frame->body.data);
}

static cairn_err take_frame(run *r, const cairn_worker_frame *frame)
{
    if (r->ended)
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, clause, "worker: bytes after its last frame");
    if (frame->kind == CAIRN_WORKER_END) {
        r->ended = true;
        return end_error(frame);
    }
    r->output_size += frame->body.size;
    if (r->output_size > r->limits->output_size_max)
        return CAIRN_FAIL(CAIRN_ERR_TOO_LARGE, clause, "worker: output limit of %zu bytes",
                          r->limits->output_size_max);
    return r->sink->write(r->sink->context, frame->body);
}

static cairn_err take_frames(run *r)
{
    size_t used = 0;
    for (;;) {
        cairn_worker_frame frame = {0};
        size_t size = 0;
        CAIRN_TRY(cairn_worker_frame_decode(cairn_bytes_of(r->in + used, r->in_size - used), &frame,
                                            &size));
        if (size == 0)
            break;
        CAIRN_TRY(take_frame(r, &frame));
        used += size;
    }
    memmove(r->in, r->in + used, r->in_size - used);
    r->in_size -= used;
    return CAIRN_OK;
}

/* --- both ways --- */

/* Sends what the worker takes; one that reads no more has what it wants. */
static cairn_err feed(run *r)
{
    if (r->sent == r->out_size) {
        r->sent = 0;
        r->out_size = 0;
        CAIRN_TRY(r->source->read(r->source->context, r->out, sizeof r->out, &r->out_size));
        CAIRN_ASSERT(r->out_size <= sizeof r->out);
        if (r->out_size == 0) {
            r->fed = true;
            (void)shutdown(r->child.socket, SHUT_WR);
            return CAIRN_OK;
        }
    }
    ssize_t n =
        send(r->child.socket, r->out + r->sent, r->out_size - r->sent, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n > 0)
        r->sent += (size_t)n;
    else if (n < 0 && errno != EAGAIN && errno != EINTR)
        r->fed = true;
    return CAIRN_OK;
}

/* The end of a worker that said no last word. */
static cairn_err explain(const run *r)
{
    struct pollfd report = {.fd = r->child.report, .events = POLLIN};
    int64_t left = r->deadline_ms - now_ms();
    int status = 0;
    if (poll(&report, 1, left > 0 ? (int)left : 0) != 1)
        return CAIRN_FAIL(CAIRN_ERR_TOO_LARGE, clause, "worker: time limit of %u ms",
                          r->limits->wall_ms);
    CAIRN_TRY(cairn_spawner_status(&r->child, &status));
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGXCPU)
        return CAIRN_FAIL(CAIRN_ERR_TOO_LARGE, clause, "worker: CPU limit of %u s",
                          r->limits->cpu_s);
    if (WIFSIGNALED(status))
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, clause, "worker: ended by SIG%s",
                          sigabbrev_np(WTERMSIG(status)));
    return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, clause, "worker: ended with exit code %d",
                      WEXITSTATUS(status));
}

static cairn_err receive(run *r, bool *ret_closed)
{
    ssize_t n = recv(r->child.socket, r->in + r->in_size, sizeof r->in - r->in_size, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return CAIRN_OK;
    *ret_closed = n <= 0;
    if (n > 0)
        r->in_size += (size_t)n;
    return take_frames(r);
}

static cairn_err pump(run *r)
{
    bool closed = false;
    while (!r->ended && !closed) {
        struct pollfd fd = {.fd = r->child.socket, .events = POLLIN};
        int64_t left = r->deadline_ms - now_ms();
        if (!r->fed)
            fd.events |= POLLOUT;
        if (left <= 0 || poll(&fd, 1, (int)left) == 0)
            return CAIRN_FAIL(CAIRN_ERR_TOO_LARGE, clause, "worker: time limit of %u ms",
                              r->limits->wall_ms);
        if ((fd.revents & (POLLIN | POLLHUP | POLLERR)) != 0)
            CAIRN_TRY(receive(r, &closed));
        if (!r->ended && !r->fed && (fd.revents & POLLOUT) != 0)
            CAIRN_TRY(feed(r));
    }
    return r->ended ? CAIRN_OK : explain(r);
}

cairn_err cairn_worker_run(cairn_spawner *spawner, const char *name,
                           const cairn_worker_limits *limits, const cairn_worker_source *source,
                           const cairn_worker_sink *sink)
{
    char memory[16];
    char cpu[16];
    const char *const arguments[] = {name, memory, cpu};
    CAIRN_ASSERT(strlen(name) <= 64);
    (void)snprintf(memory, sizeof memory, "%u", limits->memory_mib);
    (void)snprintf(cpu, sizeof cpu, "%u", limits->cpu_s);
    run *r = calloc(1, sizeof *r);
    if (r == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, clause, "worker: %zu bytes", sizeof *r);
    r->limits = limits;
    r->source = source;
    r->sink = sink;
    r->deadline_ms = now_ms() + limits->wall_ms;
    cairn_err err = cairn_spawner_run(spawner, CAIRN_SPAWNER_WORKER, arguments, 3, &r->child);
    if (err == CAIRN_OK) {
        err = pump(r);
        cairn_spawner_child_close(&r->child);
    }
    free(r);
    return err;
}

/* --- over memory --- */

typedef struct memory_io {
    cairn_bytes input;
    cairn_arena *arena;
    uint8_t *data;
    size_t size;
    size_t room;
} memory_io;

static cairn_err read_memory(void *context, uint8_t *data, size_t size, size_t *ret_size)
{
    memory_io *m = context;
    if (size > m->input.size)
        size = m->input.size;
    if (size != 0)
        memcpy(data, m->input.data, size);
    m->input = cairn_bytes_of(m->input.data + size, m->input.size - size);
    *ret_size = size;
    return CAIRN_OK;
}

static cairn_err write_memory(void *context, cairn_bytes data)
{
    memory_io *m = context;
    if (data.size > m->room - m->size) {
        size_t room = m->room * 2 + data.size;
        void *more = NULL;
        CAIRN_TRY(cairn_arena_alloc(m->arena, room, &more));
        if (m->size != 0)
            memcpy(more, m->data, m->size);
        m->data = more;
        m->room = room;
    }
    memcpy(m->data + m->size, data.data, data.size);
    m->size += data.size;
    return CAIRN_OK;
}

cairn_err cairn_worker_run_bytes(cairn_spawner *spawner, const char *name,
                                 const cairn_worker_limits *limits, cairn_bytes input,
                                 cairn_arena *arena, cairn_bytes *ret_output)
{
    memory_io m = {.input = input, .arena = arena};
    const cairn_worker_source source = {.read = read_memory, .context = &m};
    const cairn_worker_sink sink = {.write = write_memory, .context = &m};
    CAIRN_TRY(cairn_worker_run(spawner, name, limits, &source, &sink));
    *ret_output = cairn_bytes_of(m.data, m.size);
    return CAIRN_OK;
}
