/* One thread that starts keyd, waits for its end, and starts it again. */
#include "node/process/supervisor.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/wait.h>
#include <unistd.h>

/* `lock` guards `health`; `child` and `delay_ms` are the thread's, before it the starter's. */
struct cairn_supervisor {
    cairn_supervisor_options options;
    cairn_spawner *spawner;
    cairn_key_link *link;
    cairn_signer *signer;
    cairn_vault_holder *holder;
    cairn_spawner_child child;
    uint32_t delay_ms;
    uint64_t up_since_ns;
    int wake_fd; /* the link is down, or the supervisor stops */
    int stop_fd;
    bool has_thread;
    pthread_t thread;
    pthread_mutex_t lock;
    cairn_supervisor_health health;
};

static const cairn_log_event rows[] = {
    {"keyd.started", CAIRN_LOG_INFO, 10, 10, "The key process is up."},
    {"keyd.ended", CAIRN_LOG_ERROR, 10, 10, "The key process ended; it is started again."},
    {"keyd.failed", CAIRN_LOG_ERROR, 10, 10, "The key process could not be started."},
};
const cairn_log_table cairn_supervisor_log_events = {rows, sizeof rows / sizeof rows[0]};
enum { ROW_STARTED, ROW_ENDED, ROW_FAILED };

cairn_supervisor_options cairn_supervisor_defaults(void)
{
    return (cairn_supervisor_options){.clock = cairn_clock_system(),
                                      .restart_delay_min_ms = 50,
                                      .restart_delay_max_ms = 5000,
                                      .answer_timeout_ms = 10000};
}

static void wake(int fd)
{
    const uint64_t one = 1;
    ssize_t ignored = write(fd, &one, sizeof one);
    (void)ignored;
}

static void on_down(void *context)
{
    wake(((const cairn_supervisor *)context)->wake_fd);
}

/* --- one life of keyd --- */

static void note_start(cairn_supervisor *s, const cairn_key_greeting *greeting)
{
    (void)pthread_mutex_lock(&s->lock);
    s->health.up = true;
    s->health.keyd_pid = s->child.pid;
    s->health.starts++;
    s->health.fences = *greeting;
    (void)pthread_mutex_unlock(&s->lock);
    s->up_since_ns = cairn_clock_monotonic_ns(&s->options.clock);
    CAIRN_LOG(s->options.log, &rows[ROW_STARTED], cairn_log_u64("pid", (uint64_t)s->child.pid),
              cairn_log_bool("memory_locked", greeting->memory_locked),
              cairn_log_bool("seccomp", greeting->filtered),
              cairn_log_u64("landlock", greeting->landlock));
}

static void note_end(cairn_supervisor *s)
{
    (void)pthread_mutex_lock(&s->lock);
    s->health.up = false;
    s->health.ends++;
    (void)pthread_mutex_unlock(&s->lock);
}

static cairn_err connect_keyd(cairn_supervisor *s)
{
    cairn_key_greeting greeting = {0};
    CAIRN_TRY(cairn_spawner_run(s->spawner, CAIRN_SPAWNER_KEYD, NULL, 0, &s->child));
    int fd = s->child.socket;
    s->child.socket = -1;
    CAIRN_TRY(cairn_key_link_attach_take(s->link, fd, &greeting));
    if (s->signer == NULL)
        CAIRN_TRY(cairn_signer_open_remote(s->link, &s->signer));
    else
        CAIRN_TRY(cairn_signer_remote_refresh(s->signer));
    note_start(s, &greeting);
    return CAIRN_OK;
}

static void log_end(const cairn_supervisor *s, int status)
{
    bool killed = WIFSIGNALED(status);
    CAIRN_LOG(s->options.log, &rows[ROW_ENDED], cairn_log_u64("pid", (uint64_t)s->child.pid),
              cairn_log_u64(killed ? "signal" : "exit_code",
                            (uint64_t)(killed ? WTERMSIG(status) : WEXITSTATUS(status))));
}

/* Ends what is left of it: the link's calls, then the process. */
static void end_keyd(cairn_supervisor *s, bool was_up)
{
    struct pollfd ended = {.fd = s->child.report, .events = POLLIN};
    int status = 0;
    cairn_key_link_cut(s->link);
    /* One that ends by itself tells how; one that hangs is killed by closing the report. */
    if (s->child.report >= 0 && poll(&ended, 1, was_up ? 100 : 0) == 1 &&
        cairn_spawner_status(&s->child, &status) == CAIRN_OK && was_up)
        log_end(s, status);
    cairn_spawner_child_close(&s->child);
    note_end(s);
}

/* --- the thread --- */

static void forget_wake(const cairn_supervisor *s)
{
    uint64_t count = 0;
    ssize_t ignored = read(s->wake_fd, &count, sizeof count);
    (void)ignored;
}

static void ignore_answer(void *context, cairn_err err, cairn_bytes body)
{
    (void)context;
    (void)err;
    (void)body;
}

/* Waits until keyd or its link has ended; false when the supervisor stops. Asks now and then, so
 * that a keyd that hangs is found out by the link. */
static bool watch(cairn_supervisor *s)
{
    const cairn_key_request ping = {.op = CAIRN_KEY_OP_PING};
    for (;;) {
        struct pollfd fds[] = {{.fd = s->stop_fd, .events = POLLIN},
                               {.fd = s->wake_fd, .events = POLLIN},
                               {.fd = s->child.report, .events = POLLIN}};
        int n = poll(fds, 3, (int)(s->options.answer_timeout_ms / 2));
        if (n == 0 &&
            cairn_key_link_call(s->link, &ping, ignore_answer, NULL) == CAIRN_ERR_UNAVAILABLE)
            return true;
        if ((fds[0].revents & POLLIN) != 0)
            return false;
        forget_wake(s); /* before the link is asked: what it says later wakes us again */
        if (n > 0 && (fds[2].revents != 0 || !cairn_key_link_is_up(s->link)))
            return true;
    }
}

/* Waits before the next start; false when the supervisor stops. The wait doubles until a keyd has
 * lived longer than the longest wait. */
static bool back_off(cairn_supervisor *s)
{
    uint64_t lived_ns = cairn_clock_monotonic_ns(&s->options.clock) - s->up_since_ns;
    uint32_t delay_max_ms = s->options.restart_delay_max_ms;
    if (lived_ns > (uint64_t)delay_max_ms * 1000000)
        s->delay_ms = s->options.restart_delay_min_ms;
    struct pollfd stop = {.fd = s->stop_fd, .events = POLLIN};
    if (poll(&stop, 1, (int)s->delay_ms) > 0)
        return false;
    s->delay_ms = s->delay_ms > delay_max_ms / 2 ? delay_max_ms : s->delay_ms * 2;
    return true;
}

static void *supervise(void *memory)
{
    cairn_supervisor *s = memory;
    bool up = true;
    for (;;) {
        if (up && !watch(s))
            break;
        end_keyd(s, up);
        if (!back_off(s))
            break;
        cairn_err err = connect_keyd(s);
        up = err == CAIRN_OK;
        if (!up)
            CAIRN_LOG(s->options.log, &rows[ROW_FAILED], cairn_log_err(err));
    }
    return NULL;
}

/* --- life --- */

static cairn_err start(cairn_supervisor *s)
{
    s->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    s->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (s->wake_fd < 0 || s->stop_fd < 0)
        return cairn_err_from_errno(errno, "supervisor: eventfd");
    CAIRN_TRY(
        cairn_key_link_new(&s->options.clock, s->options.answer_timeout_ms, on_down, s, &s->link));
    CAIRN_TRY(connect_keyd(s));
    CAIRN_TRY(cairn_vault_holder_open_remote(s->link, &s->holder));
    int errnum = pthread_create(&s->thread, NULL, supervise, s);
    if (errnum != 0)
        return cairn_err_from_errno(errnum, "supervisor: pthread_create");
    s->has_thread = true;
    return CAIRN_OK;
}

cairn_err cairn_supervisor_start(cairn_spawner *spawner, const cairn_supervisor_options *options,
                                 cairn_supervisor **ret_supervisor)
{
    CAIRN_CLEANUP(cairn_supervisor_free_p) cairn_supervisor *s = calloc(1, sizeof *s);
    if (s == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "supervisor");
    s->options = *options;
    s->spawner = spawner;
    s->delay_ms = options->restart_delay_min_ms;
    s->child = (cairn_spawner_child){.report = -1, .socket = -1};
    s->wake_fd = -1;
    s->stop_fd = -1;
    (void)pthread_mutex_init(&s->lock, NULL);
    CAIRN_TRY(start(s));
    *ret_supervisor = CAIRN_STEAL(s);
    return CAIRN_OK;
}

void cairn_supervisor_free(cairn_supervisor *supervisor)
{
    if (supervisor == NULL)
        return;
    if (supervisor->has_thread) {
        wake(supervisor->stop_fd);
        (void)pthread_join(supervisor->thread, NULL);
    }
    cairn_signer_free(supervisor->signer);
    cairn_vault_holder_free(supervisor->holder);
    cairn_key_link_free(supervisor->link);
    cairn_spawner_child_close(&supervisor->child);
    if (supervisor->wake_fd >= 0)
        (void)close(supervisor->wake_fd);
    if (supervisor->stop_fd >= 0)
        (void)close(supervisor->stop_fd);
    (void)pthread_mutex_destroy(&supervisor->lock);
    free(supervisor);
}

cairn_signer *cairn_supervisor_signer(cairn_supervisor *supervisor)
{
    return supervisor->signer;
}

cairn_vault_holder *cairn_supervisor_holder(cairn_supervisor *supervisor)
{
    return supervisor->holder;
}

void cairn_supervisor_health_get(cairn_supervisor *supervisor, cairn_supervisor_health *ret_health)
{
    (void)pthread_mutex_lock(&supervisor->lock);
    *ret_health = supervisor->health;
    (void)pthread_mutex_unlock(&supervisor->lock);
}
