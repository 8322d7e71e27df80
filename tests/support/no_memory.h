/* Allocation n fails: malloc, calloc and realloc of one test program, libraries included, count the
 * calls of the threads that asked for it. Include once, in the test's only source. Under a
 * sanitizer, which has its own malloc, NO_MEMORY_WORKS is 0 and the test skips. */
#ifndef CAIRN_TESTS_SUPPORT_NO_MEMORY_H
#define CAIRN_TESTS_SUPPORT_NO_MEMORY_H

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define NO_MEMORY_WORKS 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || \
    __has_feature(memory_sanitizer)
#define NO_MEMORY_WORKS 0
#endif
#endif
#ifndef NO_MEMORY_WORKS
#define NO_MEMORY_WORKS 1
#endif

static __thread bool no_memory_here; /* whether this thread's allocations count */
static atomic_uint no_memory_calls;  /* since it was set to 0 */
static atomic_uint no_memory_at;     /* the call to fail, counted from 1; 0 for none */
static bool no_memory_stays;         /* all calls after that one fail too */

#if NO_MEMORY_WORKS
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *memory, size_t size);

static bool no_memory_hits(void)
{
    if (!no_memory_here)
        return false;
    unsigned call = atomic_fetch_add(&no_memory_calls, 1) + 1;
    unsigned at = atomic_load(&no_memory_at);
    bool hit = call == at || (no_memory_stays && at != 0 && call > at);
    if (hit)
        errno = ENOMEM;
    return hit;
}

void *malloc(size_t size)
{
    return no_memory_hits() ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    return no_memory_hits() ? NULL : __libc_calloc(count, size);
}

void *realloc(void *memory, size_t size)
{
    return no_memory_hits() ? NULL : __libc_realloc(memory, size);
}
#endif

/* Call number `at` from now on fails. */
static inline void no_memory_arm(unsigned at)
{
    atomic_store(&no_memory_calls, 0);
    atomic_store(&no_memory_at, at);
}

/* Ends that; true when it has failed. */
static inline bool no_memory_disarm(void)
{
    bool fired = atomic_load(&no_memory_calls) >= atomic_load(&no_memory_at);
    atomic_store(&no_memory_at, 0);
    return fired;
}

#endif
