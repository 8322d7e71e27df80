/* The two fences, each in its file. Private. */
#ifndef CAIRN_CORE_SANDBOX_IMPL_H
#define CAIRN_CORE_SANDBOX_IMPL_H

#include "core/sandbox.h"

/* Restricts this thread; `*ret_abi` is 0 where the kernel has no Landlock. */
cairn_err cairn_landlock_enter(cairn_sandbox_profile profile, const cairn_sandbox_path *paths,
                               size_t path_count, unsigned *ret_abi) CAIRN_MUST_USE;

/* Installs the filter of the profile; `*ret_filtered` is false on a machine that it does not know.
 */
cairn_err cairn_seccomp_enter(cairn_sandbox_profile profile, bool *ret_filtered) CAIRN_MUST_USE;

#endif
