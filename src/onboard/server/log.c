/* The servers' lines in the log. */
#include "onboard/server/log.h"

enum { DONE, FAILED, ROW_COUNT };

static const cairn_log_event rows[ROW_COUNT] = {
    [DONE] = {"onboard.done", CAIRN_LOG_INFO, 1000, 6000,
              "A run of FIDO Device Onboard came to its end; `type` is its last message."},
    [FAILED] =
        {"onboard.failed", CAIRN_LOG_WARNING, 1000, 600,
         "A message of FIDO Device Onboard was refused, or a peer gave up; `code` is that of "
         "message 255, `correlation` its correlation id."},
};

const cairn_log_table cairn_fdo_log_events = {rows, ROW_COUNT};

uint64_t cairn_fdo_log_event(cairn_log *log, const cairn_clock *clock, const cairn_fdo_event *event)
{
    static uint64_t last; /* atomic: never the same twice in a process */
    uint64_t before = __atomic_load_n(&last, __ATOMIC_RELAXED);
    uint64_t id = 0;
    do {
        uint64_t now = cairn_clock_wall_ms(clock) << 10;
        id = now > before ? now : before + 1;
    } while (
        !__atomic_compare_exchange_n(&last, &before, id, true, __ATOMIC_RELAXED, __ATOMIC_RELAXED));
    if (event->code == 0)
        CAIRN_LOG(log, &rows[DONE], cairn_log_u64("type", event->type),
                  cairn_log_u64("correlation", id));
    else
        CAIRN_LOG(log, &rows[FAILED], cairn_log_u64("type", event->type),
                  cairn_log_u64("code", event->code), cairn_log_u64("correlation", id),
                  cairn_log_err(event->err));
    return id;
}
