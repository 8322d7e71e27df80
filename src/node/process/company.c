/* A table of programs, looked at whenever a signal comes or a while has passed. */
#include "node/process/company.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static const cairn_log_event rows[] = {
    {"company.started", CAIRN_LOG_INFO, 64, 60, "A program of the unit was started."},
    {"company.ended", CAIRN_LOG_WARNING, 64, 60, "A program of the unit ended."},
};
enum { EVENT_STARTED, EVENT_ENDED };
const cairn_log_table cairn_company_log_events = {rows, sizeof rows / sizeof rows[0]};

enum { LOOK_MS = 200, TICK_MS = 1000 };

typedef struct running {
    const cairn_company_program *program;
    pid_t pid; /* 0: does not run */
    uint64_t started_ms;
    uint64_t due_ms; /* not started before that */
    uint64_t pause_ms;
    uint64_t end_ms; /* it was told to end, and is killed then; 0: not told */
} running;

typedef struct company {
    size_t count;
    running list[CAIRN_COMPANY_MAX];
    cairn_log *log;
    cairn_clock clock;
    bool ending;
} company;

static uint64_t now_ms(const company *c)
{
    return cairn_clock_monotonic_ns(&c->clock) / 1000000;
}

/* --- one program --- */

static bool redirect(const char *log_path)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    int out = log_path == NULL
                  ? STDERR_FILENO
                  : open(log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0640);
    return null >= 0 && out >= 0 && dup2(null, STDIN_FILENO) >= 0 &&
           dup2(out, STDOUT_FILENO) >= 0 && dup2(out, STDERR_FILENO) >= 0;
}

/* The child: ends with us, hears the signals that we hold back. */
static void become(const cairn_company_program *program, pid_t parent)
{
    sigset_t none;
    (void)prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0);
    if (getppid() != parent)
        _exit(127);      /* it ended before that took hold */
    (void)setpgid(0, 0); /* the terminal's Ctrl-C is for us, who tell them in their order */
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    (void)signal(SIGPIPE, SIG_DFL);
    if (redirect(program->log_path))
        (void)execvp(program->argv[0], (char *const *)(uintptr_t)program->argv);
    _exit(127);
}

static void start(company *c, running *r)
{
    const pid_t self = getpid();
    if (r->program->is_stale != NULL)
        (void)r->program->is_stale(r->program->context, true);
    pid_t pid = fork();
    if (pid == 0)
        become(r->program, self);
    if (pid < 0) {
        r->due_ms = now_ms(c) + r->pause_ms;
        return;
    }
    r->pid = pid;
    r->started_ms = now_ms(c);
    r->end_ms = 0;
    CAIRN_LOG(c->log, &rows[EVENT_STARTED], cairn_log_text("program", r->program->name),
              cairn_log_u64("pid", (uint64_t)pid));
}

static void tell(company *c, running *r)
{
    if (r->pid == 0 || r->end_ms != 0)
        return;
    r->end_ms = now_ms(c) + CAIRN_COMPANY_END_MS;
    (void)kill(r->pid, SIGTERM);
}

static void note_end(company *c, running *r, int status)
{
    uint64_t now = now_ms(c);
    if (!c->ending)
        CAIRN_LOG(c->log, &rows[EVENT_ENDED], cairn_log_text("program", r->program->name),
                  cairn_log_u64("status", (uint64_t)(unsigned)status));
    if (now - r->started_ms >= CAIRN_COMPANY_STEADY_MS || r->end_ms != 0)
        r->pause_ms = CAIRN_COMPANY_RESTART_MIN_MS;
    r->due_ms = now + r->pause_ms;
    r->pause_ms = r->pause_ms * 2 > CAIRN_COMPANY_RESTART_MAX_MS ? CAIRN_COMPANY_RESTART_MAX_MS
                                                                 : r->pause_ms * 2;
    r->pid = 0;
}

/* --- all of them --- */

static running *support(company *c, const running *r)
{
    return r->program->leans_on < 0 ? NULL : &c->list[r->program->leans_on];
}

static void reap(company *c)
{
    int status = 0;
    for (;;) {
        pid_t pid = waitpid(-1, &status, WNOHANG);
        if (pid <= 0)
            return;
        for (size_t i = 0; i < c->count; i++)
            if (c->list[i].pid == pid)
                note_end(c, &c->list[i], status);
    }
}

/* May it run, as far as others go? */
static bool is_supported(company *c, const running *r)
{
    const running *other = support(c, r);
    return (other == NULL || other->pid != 0) &&
           (r->program->file == NULL || access(r->program->file, F_OK) == 0);
}

static void look_at(company *c, running *r, uint64_t now)
{
    const running *other = support(c, r);
    if (r->pid == 0) {
        if (!c->ending && now >= r->due_ms && is_supported(c, r))
            start(c, r);
        return;
    }
    /* It goes when what it leans on has gone; and that goes first, for it still answers what it
     * took. */
    if (other != NULL ? other->pid == 0 || other->started_ms > r->started_ms : c->ending)
        tell(c, r);
    if (r->end_ms != 0 && now >= r->end_ms)
        (void)kill(r->pid, SIGKILL);
}

static bool any_runs(const company *c)
{
    for (size_t i = 0; i < c->count; i++)
        if (c->list[i].pid != 0)
            return true;
    return false;
}

static void look_for_stale(company *c)
{
    for (size_t i = 0; i < c->count; i++) {
        running *r = &c->list[i];
        if (r->pid != 0 && r->program->is_stale != NULL &&
            r->program->is_stale(r->program->context, false))
            tell(c, r);
    }
}

static void pass_on(company *c, int number)
{
    for (size_t i = 0; i < c->count; i++)
        if (c->list[i].pid != 0 && support(c, &c->list[i]) == NULL)
            (void)kill(c->list[i].pid, number);
}

/* A signal, or 0 after a while. */
static int wait_for_signal(void)
{
    const struct timespec wait = {.tv_nsec = LOOK_MS * 1000000};
    sigset_t set;
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGINT);
    (void)sigaddset(&set, SIGTERM);
    (void)sigaddset(&set, SIGHUP);
    (void)sigaddset(&set, SIGCHLD);
    int number = sigtimedwait(&set, NULL, &wait);
    return number < 0 ? 0 : number;
}

static void look_around(company *c)
{
    reap(c);
    uint64_t now = now_ms(c);
    for (size_t i = 0; i < c->count; i++)
        look_at(c, &c->list[i], now);
}

cairn_err cairn_company_run(const cairn_company_program *programs, size_t count, cairn_log *log)
{
    company c = {.count = count, .log = log, .clock = cairn_clock_system()};
    uint64_t look_ms = 0;
    if (count > CAIRN_COMPANY_MAX)
        return CAIRN_FAIL(CAIRN_ERR_TOO_MANY, "house", "company: at most %d programs",
                          CAIRN_COMPANY_MAX);
    for (size_t i = 0; i < count; i++)
        c.list[i] = (running){.program = &programs[i], .pause_ms = CAIRN_COMPANY_RESTART_MIN_MS};
    while (!c.ending || any_runs(&c)) {
        look_around(&c);
        int number = wait_for_signal();
        if (number == SIGINT || number == SIGTERM)
            c.ending = true;
        if (number == SIGHUP)
            pass_on(&c, SIGHUP);
        if (c.ending || now_ms(&c) < look_ms)
            continue;
        look_ms = now_ms(&c) + TICK_MS;
        look_for_stale(&c);
    }
    return CAIRN_OK;
}
