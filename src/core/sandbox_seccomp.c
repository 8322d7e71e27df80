/* The filters: per profile a list of system calls, compiled into a BPF program. What is not listed
 * kills the process. Calls that libraries try and can do without get an error instead of death.
 *
 * The lists name calls by the kernel's numbers of the machine that this is built for: x86-64 and
 * aarch64. Calls that only one of them has are in #ifdef groups. */
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/sandbox_impl.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif

#if defined(__x86_64__)
#define MACHINE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define MACHINE AUDIT_ARCH_AARCH64
#endif

#ifdef MACHINE

enum { PROGRAM_SIZE_MAX = 1024, X32_BIT = 0x40000000 };

/* Memory, descriptors that are open, time, the end. */
static const unsigned short base_calls[] = {
    __NR_read,
    __NR_write,
    __NR_readv,
    __NR_writev,
    __NR_close,
    __NR_brk,
    __NR_munmap,
    __NR_mremap,
    __NR_madvise,
    __NR_futex,
    __NR_exit,
    __NR_exit_group,
    __NR_rt_sigreturn,
    __NR_rt_sigprocmask,
    __NR_rt_sigaction,
    __NR_sigaltstack,
    __NR_clock_gettime,
    __NR_gettimeofday,
    __NR_getrandom,
    __NR_getpid,
    __NR_gettid,
    __NR_tgkill,
    __NR_sched_yield,
    __NR_clock_nanosleep,
    __NR_nanosleep,
    __NR_ppoll,
    __NR_restart_syscall,
    __NR_fstat,
    __NR_lseek,
    __NR_getrusage,
    __NR_clock_getres,
    __NR_sched_getaffinity,
#ifdef __NR_poll
    __NR_poll,
    __NR_time,
#endif
};

/* Threads; clone itself is looked into. */
static const unsigned short thread_calls[] = {
    __NR_set_robust_list, __NR_get_robust_list, __NR_set_tid_address, __NR_rseq,
    __NR_membarrier,      __NR_getcpu,          __NR_prctl,           __NR_getpriority,
};

/* Files; where they lie is Landlock's. */
static const unsigned short file_calls[] = {
    __NR_openat,     __NR_newfstatat, __NR_statx,      __NR_fcntl,
    __NR_flock,      __NR_fsync,      __NR_fdatasync,  __NR_pread64,
    __NR_pwrite64,   __NR_preadv,     __NR_pwritev,    __NR_ftruncate,
    __NR_fallocate,  __NR_getdents64, __NR_mkdirat,    __NR_unlinkat,
    __NR_renameat,   __NR_renameat2,  __NR_readlinkat, __NR_faccessat,
    __NR_faccessat2, __NR_fchmod,     __NR_fchmodat,   __NR_statfs,
    __NR_fstatfs,    __NR_getcwd,     __NR_umask,      __NR_getuid,
    __NR_geteuid,    __NR_getgid,     __NR_getegid,    __NR_fadvise64,
    __NR_dup,        __NR_dup3,       __NR_msync,      __NR_sync_file_range,
    __NR_uname,      __NR_sysinfo,    __NR_prlimit64,
#ifdef __NR_open
    __NR_open,       __NR_stat,       __NR_lstat,      __NR_access,
    __NR_mkdir,      __NR_rmdir,      __NR_unlink,     __NR_rename,
    __NR_readlink,   __NR_chmod,      __NR_getdents,   __NR_dup2,
#endif
};

/* Messages over descriptors that are open, and waiting for them. */
static const unsigned short message_calls[] = {
    __NR_recvfrom, __NR_sendto,   __NR_recvmsg, __NR_sendmsg,
    __NR_shutdown, __NR_eventfd2, __NR_pipe2,
#ifdef __NR_pipe
    __NR_pipe,
#endif
};

/* A server. */
static const unsigned short network_calls[] = {
    __NR_bind,
    __NR_listen,
    __NR_accept,
    __NR_accept4,
    __NR_connect,
    __NR_getsockname,
    __NR_getpeername,
    __NR_setsockopt,
    __NR_getsockopt,
    __NR_socketpair,
    __NR_sendmmsg,
    __NR_recvmmsg,
    __NR_sendfile,
    __NR_splice,
    __NR_tee,
    __NR_epoll_create1,
    __NR_epoll_ctl,
    __NR_epoll_pwait,
    __NR_timerfd_create,
    __NR_timerfd_settime,
    __NR_timerfd_gettime,
    __NR_signalfd4,
    __NR_ioctl,
    __NR_pselect6,
    __NR_mlock,
    __NR_munlock,
    __NR_mincore,
    __NR_memfd_create,
    __NR_linkat,
    __NR_symlinkat,
    __NR_utimensat,
    __NR_fchown,
    __NR_rt_sigtimedwait,
    __NR_rt_sigpending,
    __NR_rt_sigsuspend,
    __NR_times,
    __NR_setitimer,
    __NR_getitimer,
    __NR_sched_setaffinity,
    __NR_sched_getparam,
    __NR_sched_getscheduler,
    __NR_getppid,
    __NR_copy_file_range,
    __NR_getgroups,
    __NR_getsid,
    __NR_getpgid,
    __NR_close_range,
    __NR_wait4,
    __NR_waitid,
    __NR_inotify_init1,
    __NR_inotify_add_watch,
    __NR_inotify_rm_watch,
    __NR_epoll_pwait2,
#ifdef __NR_epoll_wait
    __NR_epoll_wait,
    __NR_epoll_create,
    __NR_select,
    __NR_alarm,
    __NR_signalfd,
    __NR_eventfd,
    __NR_link,
    __NR_symlink,
    __NR_pause,
    __NR_arch_prctl,
    __NR_getpgrp,
#endif
};

/* What the module of a token may need beside. */
static const unsigned short token_calls[] = {
    __NR_socket,      __NR_connect,     __NR_getsockopt, __NR_setsockopt, __NR_getsockname,
    __NR_getpeername, __NR_ioctl,       __NR_mlock,      __NR_munlock,    __NR_epoll_create1,
    __NR_epoll_ctl,   __NR_epoll_pwait, __NR_sendmmsg,   __NR_recvmmsg,   __NR_pselect6,
    __NR_linkat,      __NR_utimensat,   __NR_getppid,    __NR_fchown,
#ifdef __NR_epoll_wait
    __NR_epoll_wait,  __NR_select,      __NR_link,       __NR_arch_prctl,
#endif
};

/* A token's library, and the node's (name service), bring code that is loaded late. */
static const unsigned short code_calls[] = {__NR_mmap, __NR_mprotect, __NR_pkey_mprotect};

/* Tried by libraries, which go on without. */
static const unsigned short soft_calls[] = {
    __NR_clone3,
    __NR_io_uring_setup,
    __NR_sched_setscheduler,
    __NR_setpriority,
};

#ifdef SANITIZED
/* The runtime's own, when it starts a thread or reports. */
static const unsigned short sanitizer_calls[] = {
    __NR_openat,  __NR_prctl,        __NR_mprotect, __NR_readlinkat, __NR_prlimit64,
    __NR_mincore, __NR_newfstatat,   __NR_uname,    __NR_sysinfo,    __NR_ioctl,
    __NR_pipe2,   __NR_memfd_create,
#ifdef __NR_open
    __NR_open,    __NR_readlink,     __NR_stat,     __NR_pipe,       __NR_arch_prctl,
#endif
};
#endif

typedef struct program {
    struct sock_filter code[PROGRAM_SIZE_MAX];
    unsigned short size;
} program;

static const uint32_t number_at = offsetof(struct seccomp_data, nr);
static const uint32_t arch_at = offsetof(struct seccomp_data, arch);

/* The low half of an argument, on a little-endian machine. */
static uint32_t argument_at(unsigned n)
{
    return (uint32_t)(offsetof(struct seccomp_data, args) + n * sizeof(uint64_t));
}

static void emit(program *p, unsigned short code, uint32_t k, uint8_t yes, uint8_t no)
{
    CAIRN_ASSERT(p->size < PROGRAM_SIZE_MAX);
    p->code[p->size++] = (struct sock_filter){.code = code, .jt = yes, .jf = no, .k = k};
}

static void emit_return(program *p, uint32_t action)
{
    emit(p, BPF_RET | BPF_K, action, 0, 0);
}

static void emit_load(program *p, uint32_t at)
{
    emit(p, BPF_LD | BPF_W | BPF_ABS, at, 0, 0);
}

/* If the number is `call`: `action`. */
static void emit_call(program *p, unsigned call, uint32_t action)
{
    emit(p, BPF_JMP | BPF_JEQ | BPF_K, call, 0, 1);
    emit_return(p, action);
}

static void emit_calls(program *p, const unsigned short *calls, size_t count, uint32_t action)
{
    for (size_t i = 0; i < count; i++)
        emit_call(p, calls[i], action);
}
#define EMIT(p, calls, action) emit_calls((p), (calls), sizeof(calls) / sizeof(calls)[0], (action))

/* A call whose argument `n` must have one of these bits set, or none of them. */
static void emit_bits(program *p, unsigned call, unsigned n, uint32_t bits, bool wanted)
{
    emit(p, BPF_JMP | BPF_JEQ | BPF_K, call, 0, 4);
    emit_load(p, argument_at(n));
    emit(p, BPF_JMP | BPF_JSET | BPF_K, bits, wanted ? 1 : 0, wanted ? 0 : 1);
    emit_return(p, SECCOMP_RET_KILL_PROCESS);
    emit_return(p, SECCOMP_RET_ALLOW);
}

/* A call whose argument `n` must be one of these. */
static void emit_values(program *p, unsigned call, unsigned n, const uint32_t *values, size_t count)
{
    emit(p, BPF_JMP | BPF_JEQ | BPF_K, call, 0, (uint8_t)(2 + 2 * count));
    emit_load(p, argument_at(n));
    for (size_t i = 0; i < count; i++)
        emit_call(p, values[i], SECCOMP_RET_ALLOW);
    emit_return(p, SECCOMP_RET_KILL_PROCESS);
}

static void emit_head(program *p)
{
    emit_load(p, arch_at);
    emit(p, BPF_JMP | BPF_JEQ | BPF_K, MACHINE, 1, 0);
    emit_return(p, SECCOMP_RET_KILL_PROCESS);
    emit_load(p, number_at);
#ifdef __x86_64__
    emit(p, BPF_JMP | BPF_JGE | BPF_K, X32_BIT, 0, 1);
    emit_return(p, SECCOMP_RET_KILL_PROCESS);
#endif
}

/* Data never becomes code. */
static void emit_no_code(program *p)
{
    emit_bits(p, __NR_mmap, 2, PROT_EXEC, false);
    emit_bits(p, __NR_mprotect, 2, PROT_EXEC, false);
}

static void emit_keyd(program *p)
{
    emit_bits(p, __NR_clone, 0, CLONE_THREAD, true);
    EMIT(p, thread_calls, SECCOMP_RET_ALLOW);
    EMIT(p, file_calls, SECCOMP_RET_ALLOW);
    EMIT(p, message_calls, SECCOMP_RET_ALLOW);
}

static void emit_node(program *p)
{
    static const uint32_t families[] = {AF_UNIX, AF_INET, AF_INET6, AF_NETLINK};
    emit_keyd(p);
    EMIT(p, code_calls, SECCOMP_RET_ALLOW);
    EMIT(p, network_calls, SECCOMP_RET_ALLOW);
    emit_values(p, __NR_socket, 0, families, sizeof families / sizeof families[0]);
}

static void emit_profile(program *p, cairn_sandbox_profile profile)
{
    emit_head(p);
    EMIT(p, base_calls, SECCOMP_RET_ALLOW);
    EMIT(p, soft_calls, SECCOMP_RET_ERRNO | ENOSYS);
#ifdef SANITIZED
    EMIT(p, sanitizer_calls, SECCOMP_RET_ALLOW);
#endif
    switch (profile) {
    case CAIRN_SANDBOX_KEYD:
        emit_keyd(p);
        emit_no_code(p);
        break;
    case CAIRN_SANDBOX_KEYD_TOKEN:
        emit_keyd(p);
        EMIT(p, code_calls, SECCOMP_RET_ALLOW);
        EMIT(p, token_calls, SECCOMP_RET_ALLOW);
        break;
    case CAIRN_SANDBOX_WORKER:
        emit_no_code(p);
        break;
    case CAIRN_SANDBOX_NODE:
        emit_node(p);
        break;
    }
    emit_return(p, SECCOMP_RET_KILL_PROCESS);
}

cairn_err cairn_seccomp_enter(cairn_sandbox_profile profile, bool *ret_filtered)
{
    program p = {.size = 0};
    emit_profile(&p, profile);
    struct sock_fprog filter = {.len = p.size, .filter = p.code};
    if (syscall(__NR_seccomp, SECCOMP_SET_MODE_FILTER, 0, &filter) != 0)
        return cairn_err_from_errno(errno, "sandbox: seccomp");
    *ret_filtered = true;
    return CAIRN_OK;
}

#else /* no list for this machine */

cairn_err cairn_seccomp_enter(cairn_sandbox_profile profile, bool *ret_filtered)
{
    (void)profile;
    *ret_filtered = false;
    return CAIRN_OK;
}

#endif
