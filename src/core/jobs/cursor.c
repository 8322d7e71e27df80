/* Order of positions. */
#include "core/jobs/cursor.h"

int cairn_cursor_compare(const cairn_cursor *a, const cairn_cursor *b)
{
    if (a->height != b->height)
        return a->height < b->height ? -1 : 1;
    return (a->ordinal > b->ordinal) - (a->ordinal < b->ordinal);
}

cairn_cursor cairn_cursor_before(const cairn_job_event *event)
{
    CAIRN_ASSERT(event->height > 0);
    return (cairn_cursor){.height = event->height - 1, .ordinal = event->ordinal};
}

cairn_cursor cairn_cursor_after(const cairn_job_event *event)
{
    CAIRN_ASSERT(event->height > 0 && event->ordinal < UINT32_MAX);
    return (cairn_cursor){.height = event->height - 1, .ordinal = event->ordinal + 1};
}
