/* One line, drawn ten times a second at most, after the first second. */
#include "command/progress.h"

#include <unistd.h>

#include "command/text.h"
#include "core/clock.h"

enum { BAR_WIDTH = 30, WHAT_SIZE_MAX = 40, FIRST_NS = 1000000000, EVERY_NS = 100000000 };

static uint64_t now_ns(void)
{
    cairn_clock clock = cairn_clock_system();
    return cairn_clock_monotonic_ns(&clock);
}

void cairn_progress_begin(cairn_progress *progress, const cairn_command *command, const char *what,
                          bool in_bytes)
{
    bool shown = !command->quiet && !command->json && isatty(fileno(command->err));
    *progress = (cairn_progress){.out = shown ? command->err : NULL,
                                 .what = what,
                                 .started_ns = now_ns(),
                                 .in_bytes = in_bytes};
}

static void draw(cairn_progress *progress, uint64_t now, uint64_t done, uint64_t total)
{
    double part = total == 0 ? 1.0 : (double)done / (double)total;
    double seconds = (double)(now - progress->started_ns) / 1e9;
    int filled = (int)(part * BAR_WIDTH);
    (void)fprintf(progress->out, "\r\x1b[K");
    cairn_text_print(progress->out,
                     cairn_bytes_of(progress->what, strnlen(progress->what, WHAT_SIZE_MAX)),
                     CAIRN_TEXT_ONE_LINE);
    (void)fprintf(progress->out, " [");
    for (int i = 0; i < BAR_WIDTH; i++)
        (void)fputc(i < filled ? '#' : '.', progress->out);
    (void)fprintf(progress->out, "] %3.0f %%", part * 100);
    if (progress->in_bytes)
        (void)fprintf(progress->out, "  %.0f MB/s", (double)done / 1e6 / seconds);
    if (part > 0.01)
        (void)fprintf(progress->out, "  %.0f s left", seconds / part - seconds);
    (void)fflush(progress->out);
}

bool cairn_progress_update(void *context, uint64_t done, uint64_t total)
{
    cairn_progress *progress = context;
    if (progress->out == NULL)
        return true;
    uint64_t now = now_ns();
    if (now - progress->started_ns < FIRST_NS || now - progress->drawn_ns < EVERY_NS)
        return true;
    progress->drawn_ns = now;
    draw(progress, now, done, total);
    return true;
}

void cairn_progress_end(cairn_progress *progress)
{
    if (progress->out != NULL && progress->drawn_ns != 0)
        (void)fprintf(progress->out, "\r\x1b[K");
}
