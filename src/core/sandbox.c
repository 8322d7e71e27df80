/* A process shuts itself in. */
#include "core/sandbox.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "core/sandbox_impl.h"

cairn_err cairn_sandbox_enter(cairn_sandbox_profile profile, const cairn_sandbox_path *paths,
                              size_t path_count, cairn_sandbox_report *ret_report)
{
    cairn_sandbox_report report = {0};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return cairn_err_from_errno(errno, "sandbox: no_new_privs");
    CAIRN_TRY(cairn_landlock_enter(profile, paths, path_count, &report.landlock_abi));
    CAIRN_TRY(cairn_seccomp_enter(profile, &report.filtered));
    *ret_report = report;
    return CAIRN_OK;
}

cairn_err cairn_sandbox_harden(int first_fd)
{
    const struct rlimit none = {0, 0};
    if (setrlimit(RLIMIT_CORE, &none) != 0)
        return cairn_err_from_errno(errno, "sandbox: core limit");
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
        return cairn_err_from_errno(errno, "sandbox: dumpable");
    if (close_range((unsigned)first_fd, ~0u, 0) != 0)
        return cairn_err_from_errno(errno, "sandbox: close_range");
    return CAIRN_OK;
}

/* With a limit, and without the right to pass it, locking what is to come makes malloc fail one
 * day: then nothing is locked. */
bool cairn_sandbox_lock_memory(void)
{
    struct rlimit limit = {0, 0};
    if (getrlimit(RLIMIT_MEMLOCK, &limit) != 0)
        return false;
    if (limit.rlim_cur != RLIM_INFINITY && geteuid() != 0)
        return false;
    return mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) == 0;
}
