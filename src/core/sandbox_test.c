/* Each profile: what it forbids ends the process or fails, what it allows works. Each act is tried
 * in a child of its own, because a sandbox cannot be left. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/sandbox.h"
#include "support/tree.h"

enum { PROFILE_COUNT = 4, DONE = 0, REFUSED = 1, NOT_ENTERED = 2 };

static char root[256];
static char inside[300]; /* a directory that may be written */
static char inside_file[400];
static char outside_file[300];

static int set_up(void **state)
{
    (void)state;
    tree_make(root, sizeof root, "sandbox");
    (void)snprintf(inside, sizeof inside, "%s/inside", root);
    (void)snprintf(inside_file, sizeof inside_file, "%s/file", inside);
    (void)snprintf(outside_file, sizeof outside_file, "%s/outside", root);
    if (mkdir(inside, 0700) != 0)
        return -1;
    const char *const files[] = {inside_file, outside_file};
    for (size_t i = 0; i < 2; i++) {
        int fd = open(files[i], O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
        if (fd < 0)
            return -1;
        (void)close(fd);
    }
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    tree_remove(root);
    return 0;
}

/* --- acts: true when it was done --- */

static bool opens(const char *path, int flags)
{
    int fd = open(path, flags | O_CLOEXEC, 0600);
    return fd >= 0 && close(fd) == 0;
}

static bool open_outside(void)
{
    return opens(outside_file, O_RDONLY);
}

static bool open_passwd(void)
{
    return opens("/etc/passwd", O_RDONLY);
}

static bool read_inside(void)
{
    return opens(inside_file, O_RDONLY);
}

static bool write_inside(void)
{
    return opens(inside_file, O_WRONLY | O_TRUNC);
}

static bool replace_inside(void)
{
    char fresh[420];
    (void)snprintf(fresh, sizeof fresh, "%s.tmp", inside_file);
    return opens(fresh, O_CREAT | O_WRONLY | O_EXCL) && rename(fresh, inside_file) == 0 &&
           opens(inside, O_RDONLY | O_DIRECTORY);
}

static bool move_out(void)
{
    char away[300];
    (void)snprintf(away, sizeof away, "%s/away", root);
    return rename(inside_file, away) == 0;
}

static bool make_unix_socket(void)
{
    return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0) >= 0;
}

static bool make_tcp_socket(void)
{
    return socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0) >= 0;
}

static bool make_packet_socket(void)
{
    return socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0) >= 0 || errno == EPERM;
}

static bool listen_tcp(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    return fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof address) == 0 &&
           listen(fd, 1) == 0;
}

static bool execute(void)
{
    char *const arguments[] = {(char *)(uintptr_t) "true", NULL};
    (void)execv("/bin/true", arguments);
    return false; /* had it worked, the exit code would be 0 */
}

static bool fork_process(void)
{
    pid_t child = fork();
    if (child == 0)
        _exit(0);
    return child > 0;
}

static bool trace_parent(void)
{
    return ptrace(PTRACE_ATTACH, getppid(), NULL, NULL) == 0;
}

static bool mount_something(void)
{
    return syscall(SYS_unshare, 0) == 0;
}

static bool load_bpf(void)
{
    return syscall(SYS_bpf, 0, NULL, 0) == 0;
}

static bool make_code(void)
{
    return mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1,
                0) != MAP_FAILED;
}

static bool allocate(void)
{
    for (size_t size = 16; size <= 8u << 20; size *= 4) {
        char *memory = malloc(size);
        if (memory == NULL)
            return false;
        memset(memory, 1, size);
        free(memory);
    }
    return true;
}

static void *thread_body(void *memory)
{
    void *block = malloc(100000);
    free(block);
    return memory;
}

static bool run_thread(void)
{
    pthread_t thread;
    void *result = NULL;
    return pthread_create(&thread, NULL, thread_body, root) == 0 &&
           pthread_join(thread, &result) == 0 && result == root;
}

/* --- trying --- */

static int try_in_child(cairn_sandbox_profile profile, bool (*act)(void))
{
    const struct rlimit no_core = {0, 0};
    const cairn_sandbox_path paths[] = {{inside, true}, {"/nonexistent/path", true}};
    cairn_sandbox_report report;
    (void)setrlimit(RLIMIT_CORE, &no_core);
    size_t path_count = profile == CAIRN_SANDBOX_WORKER ? 0 : 2;
    if (cairn_sandbox_enter(profile, paths, path_count, &report) != CAIRN_OK || !report.filtered)
        return NOT_ENTERED;
    return act() ? DONE : REFUSED;
}

/* DONE, REFUSED or, when the filter ended it, SIGSYS. */
static int outcome(cairn_sandbox_profile profile, bool (*act)(void))
{
    int status = 0;
    (void)fflush(NULL);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0)
        _exit(try_in_child(profile, act));
    assert_int_equal(waitpid(child, &status, 0), child);
    if (WIFSIGNALED(status))
        return WTERMSIG(status);
    return WEXITSTATUS(status);
}

static bool has_landlock(void)
{
    return syscall(444, NULL, 0, 1) > 0; /* landlock_create_ruleset, version */
}

static const char *const profile_names[] = {"keyd", "keyd with a token", "worker", "node"};

/* d: done; r: refused or ended; l: refused where there is Landlock; n: done only by root, not
 * asked. In the order keyd, token, worker, node. */
typedef struct row {
    const char *name;
    bool (*act)(void);
    const char *wanted;
} row;

static void test_profiles(void **state)
{
    (void)state;
    static const row rows[] = {
        {"allocate", allocate, "dddd"},
        {"run a thread", run_thread, "ddrd"},
        {"read a file inside", read_inside, "ddrd"},
        {"write a file inside", write_inside, "ddrd"},
        {"replace a file inside", replace_inside, "ddrd"},
        {"open a file outside", open_outside, "ldrl"},
        {"open /etc/passwd", open_passwd, "ldrl"},
        {"move a file out", move_out, "ldrl"},
        {"make a UNIX socket", make_unix_socket, "rdrd"},
        {"make a TCP socket", make_tcp_socket, "rdrd"},
        {"make a packet socket", make_packet_socket, "rdrr"},
        {"listen on TCP", listen_tcp, "rrrd"},
        {"execute a program", execute, "rrrr"},
        {"fork", fork_process, "rrrr"},
        {"trace the parent", trace_parent, "rrrr"},
        {"enter namespaces", mount_something, "rrrr"},
        {"load BPF", load_bpf, "rrrr"},
        {"make code of data", make_code, "rdrd"},
    };
    bool landlock = has_landlock();
    if (!landlock)
        print_message("this kernel has no Landlock: files outside are not fenced\n");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        for (size_t p = 0; p < PROFILE_COUNT; p++) {
            int got = outcome((cairn_sandbox_profile)p, rows[i].act);
            char wanted = rows[i].wanted[p];
            bool must_work = wanted == 'd' || (wanted == 'l' && !landlock);
            if ((got == DONE) != must_work || got == NOT_ENTERED ||
                (got != DONE && got != REFUSED && got != SIGSYS))
                fail_msg("%s, %s: %d", profile_names[p], rows[i].name, got);
        }
    }
}

/* What the filter forbids does not just fail. */
static void test_violation_kills(void **state)
{
    (void)state;
    for (size_t p = 0; p < PROFILE_COUNT; p++) {
        assert_int_equal(outcome((cairn_sandbox_profile)p, execute), SIGSYS);
        assert_int_equal(outcome((cairn_sandbox_profile)p, trace_parent), SIGSYS);
        assert_int_equal(outcome((cairn_sandbox_profile)p, fork_process), SIGSYS);
    }
    assert_int_equal(outcome(CAIRN_SANDBOX_KEYD, make_unix_socket), SIGSYS);
    assert_int_equal(outcome(CAIRN_SANDBOX_WORKER, make_unix_socket), SIGSYS);
    assert_int_equal(outcome(CAIRN_SANDBOX_NODE, make_packet_socket), SIGSYS);
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif

static void test_worker_cannot_try_to_open(void **state)
{
    (void)state;
#ifdef SANITIZED
    print_message("a sanitizer's runtime opens files itself, so that its filter lets it try\n");
    skip();
#else
    assert_int_equal(outcome(CAIRN_SANDBOX_WORKER, open_passwd), SIGSYS);
#endif
}

static void harden_and_tell(int write_fd)
{
    struct rlimit core = {1, 1};
    int other = open("/dev/null", O_RDONLY | O_CLOEXEC);
    bool good = cairn_sandbox_harden(other) == CAIRN_OK && getrlimit(RLIMIT_CORE, &core) == 0 &&
                core.rlim_max == 0 && prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 0 &&
                fcntl(other, F_GETFD) < 0 && fcntl(write_fd, F_GETFD) >= 0;
    _exit(good ? 0 : 1);
}

static void test_harden(void **state)
{
    (void)state;
    int status = 0;
    pid_t child = fork();
    if (child == 0)
        harden_and_tell(2);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_profiles, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_violation_kills, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_worker_cannot_try_to_open, set_up, tear_down),
        cmocka_unit_test(test_harden),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
