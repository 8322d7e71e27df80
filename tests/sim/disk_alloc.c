/* malloc and its family, which fail on command. Under sanitizers, which need their own, they are
 * left alone and NO_MEMORY faults never fire. */
#include <errno.h>
#include <execinfo.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "sim/disk_state.h"

_Thread_local unsigned sim_inside; /* depth of calls into the layer */

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(memory_sanitizer) || \
    __has_feature(thread_sanitizer)
#define SIM_KEEP_MALLOC
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SIM_KEEP_MALLOC
#endif

void sim_disk_hold_memory(bool hold)
{
    if (hold)
        sim_inside++;
    else
        sim_inside--;
}

#ifndef SIM_KEEP_MALLOC
/* glibc's own entry points, which malloc(3) promises not to interpose. */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *old, size_t size);
void *__libc_memalign(size_t alignment, size_t size);

/* In a replay: who is refused memory. */
static void show_caller(uint64_t n)
{
    void *frames[24];
    sim_inside++;
    (void)dprintf(STDERR_FILENO, "    allocation %llu fails:\n", (unsigned long long)n);
    backtrace_symbols_fd(frames, backtrace(frames, 24), STDERR_FILENO);
    sim_inside--;
}

static bool fails(void)
{
    if (sim_now == NULL || sim_inside > 0)
        return false;
    uint64_t n = __atomic_add_fetch(&sim_now->allocs, 1, __ATOMIC_RELAXED);
    for (size_t i = 0; i < sim_now->fault_count; i++) {
        sim_fault *fault = &sim_now->faults[i];
        if (fault->kind != SIM_FAULT_NO_MEMORY || n < fault->at || n - fault->at >= fault->amount)
            continue;
        fault->fired = true;
        if (sim_now->trace)
            show_caller(n);
        errno = ENOMEM;
        return true;
    }
    return false;
}

void *malloc(size_t size)
{
    return fails() ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    return fails() ? NULL : __libc_calloc(count, size);
}

void *realloc(void *old, size_t size)
{
    return fails() ? NULL : __libc_realloc(old, size);
}

void *memalign(size_t alignment, size_t size)
{
    return fails() ? NULL : __libc_memalign(alignment, size);
}

void *aligned_alloc(size_t alignment, size_t size)
{
    return memalign(alignment, size);
}

int posix_memalign(void **ret, size_t alignment, size_t size)
{
    if (alignment < sizeof(void *) || (alignment & (alignment - 1)) != 0)
        return EINVAL;
    void *memory = memalign(alignment, size);
    if (memory == NULL)
        return ENOMEM;
    *ret = memory;
    return 0;
}
#endif
